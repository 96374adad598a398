//! Style sheets that viewers load by capability: as little leaves through them as through those inside a page.

use std::sync::Arc;

use url::Url;

use super::sheet::{self, Change};
use super::{AssetMap, Mask, Masked, run};
use crate::rules::SiteRules;
use crate::rules::detector::Text;

/// A sheet from `url`: every address becomes a capability URL or leads nowhere, and detectors look at what it prints.
pub fn style_sheet(css: &str, url: &Url, rules: Arc<SiteRules>, assets: &mut dyn AssetMap) -> Masked<String> {
    Masked(sheet::rewrite(css, &mut Served { mask: Mask::new(rules), url, assets }))
}

struct Served<'a> {
    mask: Mask,
    url: &'a Url,
    assets: &'a mut dyn AssetMap,
}

impl Change for Served<'_> {
    fn address(&mut self, address: &str) -> Option<String> {
        let data = ["data:image/", "data:font/", "data:application/font", "data:application/x-font"];
        let harmless =
            |prefix: &&str| address.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
        if address.starts_with('#') || data.iter().any(harmless) {
            return Some(address.to_owned());
        }
        let target = self.url.join(address).ok()?;
        matches!(target.scheme(), "http" | "https").then(|| self.assets.asset(&target))
    }

    fn text(&mut self, text: &str) -> Option<String> {
        let found = run::merged(self.mask.find(&Text::new(text)));
        run::cover(text, 0, &found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;

    struct Names;

    impl AssetMap for Names {
        fn asset(&mut self, url: &Url) -> String {
            format!("/a{}", url.path())
        }
    }

    #[test]
    fn a_served_sheet_leads_nowhere_but_to_capabilities_and_prints_no_card() {
        let rules = RuleSet::presets().unwrap().for_site("shop.example");
        let css = "@import 'more.css'; a{background:url(../x.png)} b{background:url(javascript:x)} \
            c::after{content:'4111 1111 1111 1111'}";
        let url = Url::parse("https://shop.example/css/main.css").unwrap();
        let sheet = style_sheet(css, &url, rules, &mut Names);
        let text = sheet.as_ref();
        assert!(text.contains("\"/a/css/more.css\"") && text.contains("url(\"/a/x.png\")"), "{text}");
        assert!(!text.contains("javascript") && !text.contains("4111"), "{text}");
    }
}
