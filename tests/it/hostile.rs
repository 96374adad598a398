//! What fuzz targets check, on a few hundred inputs made of the pieces that documents, sheets and lists are made of.

#[path = "../../fuzz/checks.rs"]
mod checks;

use proptest::prelude::*;

/// Bytes of which about each tenth is anything at all.
fn pieces(known: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        9 => prop::sample::select(known).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    (any::<u8>(), prop::collection::vec(piece, 0..40)).prop_map(|(cut, pieces)| {
        let mut bytes = vec![cut % 24];
        bytes.extend(pieces.concat());
        bytes
    })
}

const HTML: &[&str] = &[
    "<!doctype html>",
    "<html>",
    "<head>",
    "</head>",
    "<body>",
    "<p>",
    "</p>",
    "<a href=",
    "\"",
    "'",
    "https://x.test/?a&amp;b",
    "//y.test/",
    " ",
    ">",
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    "@import 'https://x.test/a.css';",
    "<!--",
    "-->",
    "<svg>",
    "<image xlink:href=",
    "</svg>",
    "<iframe srcdoc=\"",
    "&lt;img src=&quot;//z.test/1&quot;&gt;",
    "<meta charset=utf-8>",
    "<meta http-equiv=refresh content='0;url=https://x.test/'>",
    "<base href=//b.test>",
    "<img srcset='https://x.test/1 1x, /2 2x'>",
    "<script type=module>",
    "import 'https://x.test/m.js';",
    "<script type=importmap>",
    "{\"imports\":{\"a\":\"https://x.test/\"}}",
    "<select><xmp>",
    "<textarea>",
    "</textarea>",
    "<input type=password>",
    "<template>",
    "</template>",
    "<plaintext>",
    "<![CDATA[",
    "]]>",
    "\u{FEFF}",
    "é",
    "\n",
    "=",
    "/",
    "<",
    "&",
];
const CSS: &[&str] = &[
    "a{",
    "}",
    "url(",
    ")",
    "\"",
    "'",
    "https://x.test/a.png",
    "//y.test/",
    "@import ",
    ";",
    "/*",
    "*/",
    "\\",
    "image-set(",
    "1x",
    ",",
    "@font-face{",
    "src:",
    "format(",
    "layer(",
    "\n",
    "é",
    " ",
    "U\\52L(",
    "url(\"",
    "@namespace ",
    "-->",
    "<!--",
];
const LIST: &[&str] = &[
    "#EXTM3U\n",
    "#EXT-X-KEY:METHOD=AES-128,URI=\"",
    "\"",
    "https://x.test/a.ts",
    "\n",
    "\r\n",
    "/b.ts",
    "#EXT-X-MAP:URI=",
    ",",
    "é",
    "#EXTINF:4,\n",
    "//y.test/c.m3u8",
    "#",
    ":",
];
const COOKIE: &[&str] = &[
    "a=b",
    ";",
    " ",
    "Domain=",
    "shop.com",
    ".com",
    "Path=",
    "/a",
    "Secure",
    "HttpOnly",
    "SameSite=",
    "None",
    "Lax",
    "Max-Age=",
    "-1",
    "9999999999",
    "Expires=",
    "Wed, 21 Oct 2037 07:28:00 GMT",
    "__Host-",
    "__Secure-",
    "=",
    "\n",
    "\"",
    "Partitioned",
    "é",
];
const ADDRESS: &[&str] = &[
    "https:",
    "http:",
    "ws:",
    "wss:",
    "//",
    "/",
    "\\",
    "x.test",
    "a-b--c.test",
    ":",
    "443",
    "8080",
    "@",
    "[::1]",
    "127.1",
    "?",
    "#",
    "%",
    "..",
    ".",
    "é",
    "xn--",
    "abcdefghijklmnop-x-test.view.example.net",
    "view.example.net",
    "javascript:",
    "data:,",
    "blob:",
    " ",
    "\t",
    "\n",
    "0h80",
    "-0s",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_document_comes_out_the_same_however_it_is_cut(data in pieces(HTML)) {
        checks::html(&data);
    }

    #[test]
    fn any_style_sheet_comes_out_the_same_however_it_is_cut(data in pieces(CSS)) {
        checks::css(&data);
    }

    #[test]
    fn any_playlist_comes_out_the_same_however_it_is_cut(data in pieces(LIST)) {
        checks::playlist(&data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_cookie_is_followed_or_refused(data in pieces(COOKIE)) {
        checks::set_cookie(&data);
    }

    #[test]
    fn any_address_is_left_alone_or_leads_back(data in pieces(ADDRESS)) {
        checks::address(&data[1..]);
    }
}
