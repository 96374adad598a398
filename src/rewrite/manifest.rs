//! Maps the URLs of web app manifests and HLS playlists.

use serde_json::Value;

/// Answers the new address of a URL, or `None` to leave it alone.
pub type Map<'m> = dyn FnMut(&str) -> Option<String> + 'm;

/// The members of a manifest that hold a URL, wherever they stand (W3C Application Manifest, Share Target, and others).
const MEMBERS: [&str; 10] =
    ["start_url", "scope", "id", "src", "url", "action", "image", "document_url", "new_note_url", "service_worker"];

/// A web app manifest. What is no JSON object, or holds nothing to map, comes back as it is.
pub fn manifest(text: &str, map: &mut Map<'_>) -> String {
    let Ok(mut root) = serde_json::from_str::<Value>(text.trim_start_matches('\u{FEFF}')) else {
        return text.to_owned();
    };
    if members(&mut root, map) { root.to_string() } else { text.to_owned() }
}

/// serde_json refuses JSON nested deeper than 128, so this ends.
fn members(value: &mut Value, map: &mut Map<'_>) -> bool {
    match value {
        Value::Object(object) => {
            let mut changed = false;
            for (name, value) in object {
                match value.as_str().filter(|_| MEMBERS.contains(&name.as_str())).and_then(&mut *map) {
                    Some(new) => {
                        *value = Value::String(new);
                        changed = true;
                    }
                    None => changed |= members(value, map),
                }
            }
            changed
        }
        Value::Array(items) => items.iter_mut().fold(false, |changed, item| members(item, map) | changed),
        _ => false,
    }
}

/// An HLS playlist (RFC 8216) as it comes, holding back one line at most: lines are URLs, and tags hold them in `URI`.
#[derive(Default)]
pub struct Playlist {
    held: Vec<u8>,
    /// Inside a line too long to hold back.
    passing: bool,
}

/// A longer line passes unmapped.
const MAX_LINE: usize = 64 * 1024;

impl Playlist {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn write(&mut self, mut chunk: &[u8], map: &mut Map<'_>, out: &mut Vec<u8>) {
        while let Some(end) = memchr::memchr(b'\n', chunk) {
            self.held.extend_from_slice(&chunk[..=end]);
            chunk = &chunk[end + 1..];
            let text = std::mem::take(&mut self.held);
            if std::mem::take(&mut self.passing) {
                out.extend_from_slice(&text);
            } else {
                line(&text, map, out);
            }
        }
        self.held.extend_from_slice(chunk);
        if self.passing || self.held.len() > MAX_LINE {
            self.passing = true;
            out.append(&mut self.held);
        }
    }

    pub fn end(self, map: &mut Map<'_>, out: &mut Vec<u8>) {
        if self.passing {
            out.extend_from_slice(&self.held);
        } else {
            line(&self.held, map, out);
        }
    }
}

fn line(bytes: &[u8], map: &mut Map<'_>, out: &mut Vec<u8>) {
    let mapped = str::from_utf8(bytes)
        .ok()
        .filter(|_| bytes.len() <= MAX_LINE)
        .and_then(|text| if text.starts_with('#') { tag(text, map) } else { address(text, map) });
    out.extend_from_slice(mapped.as_deref().map_or(bytes, str::as_bytes));
}

fn address(text: &str, map: &mut Map<'_>) -> Option<String> {
    let url = text.trim_end();
    Some(map(url)? + &text[url.len()..])
}

/// Attributes whose names end in `URI` (`URI`, `X-ASSET-URI`, `SERVER-URI` …) are quoted URLs.
fn tag(text: &str, map: &mut Map<'_>) -> Option<String> {
    const ATTRIBUTE: &str = "URI=\"";
    let mut out = String::new();
    let mut rest = text;
    let mut changed = false;
    while let Some(at) = rest.find(ATTRIBUTE) {
        let (before, value) = rest.split_at(at + ATTRIBUTE.len());
        out.push_str(before);
        let end = value.find('"').unwrap_or(value.len());
        let new = map(&value[..end]);
        changed |= new.is_some();
        out.push_str(new.as_deref().unwrap_or(&value[..end]));
        rest = &value[end..];
    }
    out.push_str(rest);
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(raw: &str) -> Option<String> {
        raw.strip_prefix("https://").map(|rest| format!("http://view/{rest}"))
    }

    #[test]
    fn a_manifest_points_to_view_hosts() {
        let before = r#"{"name":"https://x/","start_url":"https://x/?a","icons":[{"src":"https://c/i.png"},{"src":"/l.png"}],"share_target":{"action":"https://x/s"}}"#;
        let after = manifest(before, &mut map);
        let after: Value = serde_json::from_str(&after).unwrap();
        let expected = serde_json::json!({
            "name": "https://x/",
            "start_url": "http://view/x/?a",
            "icons": [{"src": "http://view/c/i.png"}, {"src": "/l.png"}],
            "share_target": {"action": "http://view/x/s"},
        });
        assert_eq!(after, expected);
        for same in ["{\"start_url\": \"/\"}", "not json", ""] {
            assert_eq!(manifest(same, &mut map), same);
        }
    }

    const BEFORE: &str = "#EXTM3U\r\n#EXT-X-KEY:METHOD=AES-128,URI=\"https://k/key\",IV=0x1\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a.m3u8\"\n#EXTINF:4,https://t/\nhttps://c/1.ts\r\nlocal/2.ts\n#EXT-X-MAP:URI=\"https://c/i.mp4\"\nhttps://c/3.ts";
    const AFTER: &str = "#EXTM3U\r\n#EXT-X-KEY:METHOD=AES-128,URI=\"http://view/k/key\",IV=0x1\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a.m3u8\"\n#EXTINF:4,https://t/\nhttp://view/c/1.ts\r\nlocal/2.ts\n#EXT-X-MAP:URI=\"http://view/c/i.mp4\"\nhttp://view/c/3.ts";

    #[test]
    fn a_playlist_points_to_view_hosts_whatever_pieces_it_comes_in() {
        for size in [1, 2, 7, BEFORE.len()] {
            let mut out = Vec::new();
            let mut playlist = Playlist::new();
            for chunk in BEFORE.as_bytes().chunks(size) {
                playlist.write(chunk, &mut map, &mut out);
            }
            playlist.end(&mut map, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), AFTER, "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_held_back_for_ever() {
        let mut out = Vec::new();
        let mut playlist = Playlist::new();
        for _ in 0..200 {
            playlist.write(&[b'x'; 1024], &mut map, &mut out);
        }
        assert!(playlist.held.is_empty());
        playlist.end(&mut map, &mut out);
        assert_eq!(out.len(), 200 * 1024);
    }
}
