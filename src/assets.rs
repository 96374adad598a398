//! The web assets that the binary carries: apps, injected scripts, their hashes.
//!
//! `build.rs` bundles `web/` and `injected/`; nothing is read from disk when Lado runs.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

/// A file of an app, as it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    pub bytes: &'static [u8],
    pub content_type: &'static str,
    /// The name holds the content's hash: browsers may keep it for ever.
    pub immutable: bool,
}

/// A file by its name, such as `console.0123456789abcdef.js`: `/assets/{name}` on the console's host, `/__lado/{name}`
/// for `viewer.*` on viewer hosts.
pub fn file(name: &str) -> Option<Asset> {
    let &(_, content_type, bytes) = FILES.iter().find(|(known, _, _)| *known == name)?;
    Some(Asset { bytes, content_type, immutable: true })
}

/// The document of an app: `console`, `join`, `panel` or `viewer`. It has no inline script and no inline style, and is
/// never to be kept by browsers, because it names the hashed files.
///
/// What an app needs of its content security policy: `script-src 'self'; style-src 'self'; img-src 'self' data:;
/// connect-src 'self'`, and the console `frame-src` of the viewer hosts. The viewer needs `style-src 'self'
/// 'unsafe-inline'`, `font-src 'self' data:` and `media-src 'self'` too, because its stage inherits the policy and shows
/// the page's own styles. Documents of unknown name are the console's, which then says that there is no such page.
pub fn app(name: &str) -> &'static str {
    match name {
        "join" => include_str!(concat!(env!("OUT_DIR"), "/web/join.html")),
        "panel" => include_str!(concat!(env!("OUT_DIR"), "/web/panel.html")),
        "viewer" => include_str!(concat!(env!("OUT_DIR"), "/web/viewer.html")),
        _ => include_str!(concat!(env!("OUT_DIR"), "/web/console.html")),
    }
}

/// An injected script with its configuration in front, under the name its content gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The first 16 hexadecimal digits of the SHA-256 of `bytes`.
    pub hash: String,
    pub bytes: Vec<u8>,
}

/// The script of proxied pages. `config` is the JSON of `Boot` (injected/boot.ts).
pub fn boot(config: &str) -> Bundle {
    bundle(config, include_bytes!(concat!(env!("OUT_DIR"), "/web/boot.js")))
}

/// The script of pages under the site's own name, which hooks nothing.
pub fn front(config: &str) -> Bundle {
    bundle(config, include_bytes!(concat!(env!("OUT_DIR"), "/web/front.js")))
}

/// The launcher, which knows nothing of sessions: one file for everybody.
#[derive(Debug)]
pub struct Launcher {
    /// The first 16 hexadecimal digits of the SHA-256 of `bytes`.
    pub hash: String,
    /// As in an integrity attribute.
    pub digest: String,
    pub bytes: &'static [u8],
}

pub fn launcher() -> &'static Launcher {
    static LAUNCHER: std::sync::OnceLock<Launcher> = std::sync::OnceLock::new();
    LAUNCHER.get_or_init(|| {
        let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/web/launcher.js"));
        Launcher { hash: hash(bytes), digest: digest(bytes), bytes }
    })
}

/// `sha256-…`, as in an integrity attribute.
pub fn digest(bytes: &[u8]) -> String {
    use base64::Engine as _;
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(bytes)))
}

fn hash(bytes: &[u8]) -> String {
    let mut hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    hash.truncate(16);
    hash
}

/// The script of workers, which reads the same configuration.
pub fn worker(config: &str) -> Bundle {
    bundle(config, include_bytes!(concat!(env!("OUT_DIR"), "/web/worker.js")))
}

/// What only some pages need: the same for all of them.
pub fn late() -> &'static Bundle {
    static LATE: std::sync::LazyLock<Bundle> =
        std::sync::LazyLock::new(|| named(include_bytes!(concat!(env!("OUT_DIR"), "/web/late.js")).to_vec()));
    &LATE
}

fn bundle(config: &str, script: &[u8]) -> Bundle {
    let config = in_script(config);
    let mut bytes = Vec::with_capacity(config.len() + script.len() + 40);
    bytes.extend_from_slice(b"(()=>{const LADO_BOOT=");
    bytes.extend_from_slice(config.as_bytes());
    bytes.extend_from_slice(b";");
    bytes.extend_from_slice(script);
    bytes.extend_from_slice(b"})()");
    named(bytes)
}

fn named(bytes: Vec<u8>) -> Bundle {
    Bundle { hash: hash(&bytes), bytes }
}

/// JSON as a JavaScript literal that stays one wherever it is put. `<` stands only inside JSON strings, so it can always
/// be escaped; the two line separators were not allowed in string literals before ES2019.
fn in_script(json: &str) -> Cow<'_, str> {
    if !json.contains(['<', '\u{2028}', '\u{2029}']) {
        return Cow::Borrowed(json);
    }
    Cow::Owned(json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}

/// Name, content type, bytes.
static FILES: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/web/files.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_a_document_names_is_there() {
        for (name, base) in
            [("console", "/assets/"), ("join", "/assets/"), ("panel", "/assets/"), ("viewer", "/__lado/")]
        {
            let document = app(name);
            let names: Vec<&str> = document
                .split(['"'])
                .filter_map(|part| part.strip_prefix(base))
                .filter(|part| part.ends_with(".js") || part.ends_with(".css"))
                .collect();
            for file_name in names {
                assert!(file_name.starts_with(name), "{name} names {file_name}");
                let asset = file(file_name).unwrap();
                assert!(asset.immutable && !asset.bytes.is_empty());
            }
            assert!(!document.contains("<style") && !document.contains("style="));
            assert_eq!(document.matches("<script").count(), document.matches("<script type=\"module\" src=").count());
        }
    }

    #[test]
    fn unknown_files_are_not_there() {
        for name in ["", "console.js", "../Cargo.toml", "console.html", "files.rs"] {
            assert_eq!(file(name), None, "{name}");
        }
    }

    #[test]
    fn a_configuration_cannot_leave_its_literal() {
        let json = "{\"a\":\"</script><!--\u{2028}\"}";
        let text = String::from_utf8(boot(json).bytes).unwrap();
        assert!(text.starts_with("(()=>{const LADO_BOOT={\"a\":\"\\u003c/script>\\u003c!--\\u2028\"};"), "{text}");
        assert!(text.ends_with("})()"));
    }

    #[test]
    fn a_bundle_is_named_by_its_content() {
        let (one, two) = (boot("{}"), boot("{\"a\":1}"));
        assert_eq!(one, boot("{}"));
        assert_ne!(one.hash, two.hash);
        assert!(one.hash.len() == 16 && one.hash.bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
