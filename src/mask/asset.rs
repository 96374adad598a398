//! Style sheets that viewers load by capability: as little leaves through them as through those inside a page.

use bytes::Bytes;
use url::Url;

use super::attribute::starts;
use super::sheet::{self, Change, Leads};
use super::{AssetMap, Mask, Masked, Part, Place, run};
use crate::protocol::NONE;
use crate::rules::detector::Text;

/// A sheet from `url`: every address becomes a capability URL or leads nowhere, and detectors look at what it prints.
/// `silent`: it is worn where all is masked.
pub fn style_sheet(css: &str, url: &Url, mask: &Mask, silent: bool, assets: &mut dyn AssetMap) -> Masked<String> {
    let silent = silent || mask.rules.private().is_some();
    Masked(sheet::rewrite(css, &mut Served { mask, url, silent, assets }))
}

/// An SVG picture, unless it says something private: its text is text.
pub fn drawing(bytes: Bytes, mask: &Mask) -> Option<Masked<Bytes>> {
    (!mask.picture_tells(&bytes)).then_some(Masked(bytes))
}

/// Where what a served sheet leads to is shown: wherever the sheet is.
const SERVED: Place = Place { node: NONE, part: Part::Text };

struct Served<'a> {
    mask: &'a Mask,
    url: &'a Url,
    silent: bool,
    assets: &'a mut dyn AssetMap,
}

impl Change for Served<'_> {
    fn address(&mut self, address: &str, leads: Leads) -> Option<String> {
        let font = ["data:font/", "data:application/font", "data:application/x-font"];
        if address.starts_with('#') || font.iter().any(|prefix| starts(address, prefix)) {
            return Some(address.to_owned());
        }
        if leads == Leads::Picture && self.silent {
            return None;
        }
        if starts(address, "data:image/") {
            return (!self.mask.drawing_tells(address)).then(|| address.to_owned());
        }
        let target = self.url.join(address).ok()?;
        matches!(target.scheme(), "http" | "https").then(|| self.assets.asset(SERVED, &target, self.silent))
    }

    fn hushes(&mut self, selectors: &str, parent: bool) -> bool {
        self.mask.hushed.meets(selectors, parent)
    }

    fn hushing(&self) -> bool {
        !self.mask.hushed.is_empty()
    }

    fn silent(&self) -> bool {
        self.silent
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
        fn asset(&mut self, _: Place, url: &Url, _: bool) -> String {
            format!("/a{}", url.path())
        }

        fn gone(&mut self, _: super::super::Gone) {}
    }

    #[test]
    fn a_served_sheet_leads_nowhere_but_to_capabilities_and_prints_no_card() {
        let rules = RuleSet::presets().unwrap().for_site("shop.example");
        let css = "@import 'more.css'; a{background:url(../x.png)} b{background:url(javascript:x)} \
            c::after{content:'4111 1111 1111 1111'}";
        let url = Url::parse("https://shop.example/css/main.css").unwrap();
        let sheet = style_sheet(css, &url, &Mask::new(rules), false, &mut Names);
        let text = sheet.as_ref();
        assert!(text.contains("\"/a/css/more.css\"") && text.contains("url(\"/a/x.png\")"), "{text}");
        assert!(!text.contains("javascript") && !text.contains("4111"), "{text}");
    }
    #[test]
    fn a_sheet_and_a_picture_say_nothing_that_a_masked_field_holds() {
        let mut taint = crate::mask::Taint::default();
        taint.learn(1, (1, 1), "azul do mar", true);
        let mut mask = Mask::new(RuleSet::presets().unwrap().for_site("shop.example"));
        mask.set_taint(std::sync::Arc::new(taint));
        let url = Url::parse("https://shop.example/me.css").unwrap();
        let sheet = style_sheet("p::after{content:'Azul do Mar'}", &url, &mask, false, &mut Names);
        assert!(!sheet.as_ref().contains("Azul"), "{sheet:?}");
        let picture = |text: &str| format!("<svg><rect width='10'/><text>{text}</text></svg>").into_bytes().into();
        assert!(drawing(picture("Blue"), &mask).is_some());
        for text in [
            "azul do mar",
            "4111 1111 1111 1111",
            "&#52;111 1111 1111 &#x31;111",
            "4111<tspan> 1111</tspan> 1111 1111",
            "<![CDATA[4111111111111111]]>",
        ] {
            assert_eq!(drawing(picture(text), &mask), None, "{text}");
        }
    }

    #[test]
    fn where_all_is_masked_a_served_sheet_prints_and_shows_nothing() {
        let open = RuleSet::presets().unwrap();
        let url = Url::parse("https://shop.example/me.css").unwrap();
        let css = "@import 'more.css'; @font-face{font-family:'Own';src:url(own.woff2)} p::after{content:'Ana'} \
            li{list-style-type:'Ana'} p{color:red;background:url(ana.png)} b{background:url(data:image/png;base64,AAAA)}";
        for (rules, silent) in [(open.clone().private(), false), (open, true)] {
            let sheet = style_sheet(css, &url, &Mask::new(rules.for_site("shop.example")), silent, &mut Names);
            let text = sheet.as_ref();
            assert!(!text.contains("Ana") && !text.contains("ana.png") && !text.contains("data:"), "{text}");
            for kept in ["/a/more.css", "/a/own.woff2", "'Own'", "color:red"] {
                assert!(text.contains(kept), "{kept}: {text}");
            }
        }
    }

    #[test]
    fn a_drawing_inside_a_served_sheet_is_read() {
        let mask = Mask::new(RuleSet::presets().unwrap().for_site("shop.example"));
        let url = Url::parse("https://shop.example/me.css").unwrap();
        let sheet = |text: &str| {
            let css = format!("a{{background:url(\"data:image/svg+xml,<svg><text>{text}</text></svg>\")}}");
            style_sheet(&css, &url, &mask, false, &mut Names).as_ref().clone()
        };
        assert!(sheet("Hello").contains("Hello"));
        assert!(!sheet("4111 1111 1111 1111").contains("4111"));
    }
}
