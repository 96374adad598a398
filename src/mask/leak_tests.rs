//! Plants unique secrets in every carrier, by every trick, under every kind of rule, and looks for them in what viewers get.
//!
//! Each plant is a small page of its own: what is told of it is decoded, folded, unescaped and searched. The same is done
//! in a browser by `tests/browser/leak.spec.ts`; this is the quick half, which runs with the other unit tests.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::tests::Room;
use crate::mirror::tests::element;
use crate::protocol::{MASK, Op, TreeNode};

/// Where a secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    /// Text in an element.
    Text(&'static str),
    /// Text in an element inside another.
    Nested(&'static str, &'static str),
    /// An attribute of an element.
    Attr(&'static str, &'static str),
    /// Text in an open or closed shadow root.
    Shadow,
    /// Text in a frame's document.
    Frame,
    /// A property that the page's script, not its markup, has set.
    Value(&'static str),
    /// What style sheets print: a string, a custom property, a counter, a sheet set by script, an adopted one.
    Css(Sheet),
    Title,
    Path,
    Query,
    Hash,
    /// A drawing inside a `data:` URL.
    Drawing {
        packed: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sheet {
    Element,
    Escaped,
    Inline,
    Property,
    Counter,
    Changed,
    Adopted,
}

/// How a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trick {
    Plain,
    /// With other text around it, not glued.
    Among,
    Spaced,
    Dashed,
    HardSpaces,
    FullWidth,
    ZeroWidth,
    Bidi,
    SoftHyphens,
    /// Glued to letters.
    InWord,
    /// Glued to a code of three digits.
    Glued,
    Upper,
    Percent,
    PercentTwice,
    Base64,
    Base64Url,
    /// Over several elements of one line.
    Spans,
    /// Over several texts side by side.
    Texts,
    /// Over several blocks.
    Blocks,
    /// Each character an element.
    Letters,
}

/// When it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Born,
    Inserted,
    /// The element is there before, with something else.
    Changed,
    /// Character by character.
    Typed,
    /// Built outside of what viewers see, then moved in.
    Moved,
    /// There first, harmless; the rule holds only later.
    RuleLater,
    /// The page's script takes away what the rule goes by, then writes.
    SignRemoved,
}

/// Which kind of rule hides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Selector,
    Firm,
    Around,
    Field(&'static str, &'static str),
    Label,
    Detector(Datum),
    Customer,
    Private,
    Taint(Datum),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Datum {
    Card,
    Amex,
    Cpf,
    Cnpj,
    Iban,
    Email,
    Phone,
    Ssn,
    Nino,
    Dni,
    /// A word that means nothing.
    Word,
    /// What people choose.
    Password,
}

const TEXTS: [Carrier; 24] = [
    Carrier::Text("p"),
    Carrier::Text("div"),
    Carrier::Text("span"),
    Carrier::Text("td"),
    Carrier::Text("li"),
    Carrier::Text("pre"),
    Carrier::Text("h1"),
    Carrier::Text("a"),
    Carrier::Text("button"),
    Carrier::Text("label"),
    Carrier::Text("summary"),
    Carrier::Text("output"),
    Carrier::Text("textarea"),
    Carrier::Text("x-card"),
    Carrier::Text("math"),
    Carrier::Text("legend"),
    Carrier::Nested("select", "option"),
    Carrier::Nested("datalist", "option"),
    Carrier::Nested("svg", "text"),
    Carrier::Nested("svg", "title"),
    Carrier::Nested("svg", "desc"),
    Carrier::Nested("table", "caption"),
    Carrier::Shadow,
    Carrier::Frame,
];

const ATTRS: [Carrier; 36] = [
    Carrier::Attr("p", "title"),
    Carrier::Attr("img", "alt"),
    Carrier::Attr("input", "placeholder"),
    Carrier::Attr("input", "value"),
    Carrier::Attr("input", "pattern"),
    Carrier::Attr("input", "list"),
    Carrier::Attr("textarea", "placeholder"),
    Carrier::Attr("p", "aria-label"),
    Carrier::Attr("p", "aria-description"),
    Carrier::Attr("p", "aria-valuetext"),
    Carrier::Attr("p", "aria-roledescription"),
    Carrier::Attr("p", "aria-valuenow"),
    Carrier::Attr("p", "data-secret"),
    Carrier::Attr("p", "data-state"),
    Carrier::Attr("option", "value"),
    Carrier::Attr("option", "label"),
    Carrier::Attr("optgroup", "label"),
    Carrier::Attr("track", "label"),
    Carrier::Attr("table", "summary"),
    Carrier::Attr("th", "abbr"),
    Carrier::Attr("meta", "content"),
    Carrier::Attr("time", "datetime"),
    Carrier::Attr("data", "value"),
    Carrier::Attr("button", "value"),
    Carrier::Attr("iframe", "srcdoc"),
    Carrier::Attr("iframe", "name"),
    Carrier::Attr("a", "href"),
    Carrier::Attr("a", "download"),
    Carrier::Attr("a", "ping"),
    Carrier::Attr("form", "action"),
    Carrier::Attr("button", "formaction"),
    Carrier::Attr("object", "data"),
    Carrier::Attr("p", "itemid"),
    Carrier::Attr("p", "onclick"),
    Carrier::Attr("x-card", "number"),
    Carrier::Attr("use", "href"),
];

/// Only their bytes reach viewers, through capability URLs; the addresses themselves must not.
const ASSETS: [Carrier; 8] = [
    Carrier::Attr("img", "src"),
    Carrier::Attr("img", "srcset"),
    Carrier::Attr("source", "src"),
    Carrier::Attr("video", "poster"),
    Carrier::Attr("body", "background"),
    Carrier::Attr("input", "src"),
    Carrier::Attr("image", "href"),
    Carrier::Attr("link", "href"),
];

const SHEETS: [Carrier; 7] = [
    Carrier::Css(Sheet::Element),
    Carrier::Css(Sheet::Escaped),
    Carrier::Css(Sheet::Inline),
    Carrier::Css(Sheet::Property),
    Carrier::Css(Sheet::Counter),
    Carrier::Css(Sheet::Changed),
    Carrier::Css(Sheet::Adopted),
];

const VALUES: [Carrier; 4] =
    [Carrier::Value("input"), Carrier::Value("textarea"), Carrier::Value("select"), Carrier::Value("x-card")];

const PAGE: [Carrier; 4] = [Carrier::Title, Carrier::Path, Carrier::Query, Carrier::Hash];

const DRAWINGS: [Carrier; 2] = [Carrier::Drawing { packed: false }, Carrier::Drawing { packed: true }];

const PRIVATE: &str = "[[rule]]\nid = \"private-site\"\naction = \"private\"\n";

const OWN: &str = r#"
[[rule]]
id = "leak-selector"
action = "mask"
selector = ".private"

[[rule]]
id = "leak-firm"
action = "mask"
firm = true
selector = "[data-firm]"

[[rule]]
id = "leak-around"
action = "mask"
selector = ".vault > div *"

[[rule]]
id = "leak-open"
action = "unmask"
selector = ".open"
"#;

#[derive(Debug, Clone, Copy)]
struct Plant {
    kind: Kind,
    carrier: Carrier,
    trick: Trick,
    moment: Moment,
    number: usize,
}

/// Every plant that makes sense: the whole list, numbered.
fn plants() -> Vec<Plant> {
    let mut all = Vec::new();
    let mut add = |kind, carrier, trick, moment| {
        all.push(Plant { kind, carrier, trick, moment, number: all.len() });
    };
    let everywhere = || TEXTS.into_iter().chain(ATTRS).chain(ASSETS).chain(SHEETS).chain(VALUES).chain(DRAWINGS);
    let moments = [Moment::Born, Moment::Inserted, Moment::Changed];
    for kind in [Kind::Selector, Kind::Firm, Kind::Around, Kind::Customer, Kind::Private] {
        for carrier in everywhere() {
            for moment in moments.into_iter().chain([Moment::Moved, Moment::RuleLater, Moment::SignRemoved]) {
                add(kind, carrier, Trick::Plain, moment);
            }
        }
    }
    for carrier in PAGE {
        add(Kind::Private, carrier, Trick::Plain, Moment::Born);
        add(Kind::Private, carrier, Trick::Plain, Moment::Changed);
    }
    let fields = [
        ("type", "password"),
        ("autocomplete", "cc-number"),
        ("autocomplete", "billing cc-csc"),
        ("autocomplete", "one-time-code"),
        ("autocomplete", "bday"),
        ("autocomplete", "new-password"),
        ("name", "cardNumber"),
        ("name", "card[number]"),
        ("name", "cvv"),
        ("id", "cpf"),
        ("id", "iban"),
        ("name", "senha"),
        ("name", "otp"),
        ("name", "ssn"),
        ("name", "expiry"),
        ("name", "birthdate"),
        ("name", "data_nascimento"),
        ("name", "fechaNacimiento"),
        ("name", "geburtsdatum"),
        ("name", "dateNaissance"),
    ];
    for (name, value) in fields {
        for moment in [Moment::Born, Moment::Inserted, Moment::Changed, Moment::Typed, Moment::SignRemoved] {
            add(Kind::Field(name, value), Carrier::Value("input"), Trick::Plain, moment);
            add(Kind::Field(name, value), Carrier::Attr("input", "value"), Trick::Plain, moment);
        }
        for attr in ["placeholder", "title", "aria-label", "data-secret", "aria-valuetext"] {
            add(Kind::Field(name, value), Carrier::Attr("input", attr), Trick::Plain, Moment::Changed);
        }
    }
    for moment in [Moment::Born, Moment::Changed, Moment::Typed] {
        add(Kind::Label, Carrier::Value("input"), Trick::Plain, moment);
        add(Kind::Label, Carrier::Attr("input", "value"), Trick::Plain, moment);
    }
    let data = [
        Datum::Card,
        Datum::Amex,
        Datum::Cpf,
        Datum::Cnpj,
        Datum::Iban,
        Datum::Email,
        Datum::Phone,
        Datum::Ssn,
        Datum::Nino,
        Datum::Dni,
    ];
    let tricks = [
        Trick::Plain,
        Trick::Among,
        Trick::Spaced,
        Trick::Dashed,
        Trick::HardSpaces,
        Trick::FullWidth,
        Trick::ZeroWidth,
        Trick::Bidi,
        Trick::SoftHyphens,
        Trick::Spans,
        Trick::Texts,
        Trick::Letters,
    ];
    for kind in data.map(Kind::Detector) {
        for trick in tricks {
            for (at, carrier) in TEXTS.into_iter().enumerate() {
                if allows(kind, carrier, trick) && at % 2 == trick as usize % 2 {
                    add(kind, carrier, trick, moments[(at + trick as usize) % 3]);
                }
            }
        }
        for carrier in everywhere() {
            add(kind, carrier, Trick::Plain, Moment::Born);
            add(kind, carrier, Trick::Plain, Moment::Changed);
        }
        for carrier in PAGE {
            add(kind, carrier, Trick::Plain, Moment::Born);
            add(kind, carrier, Trick::Plain, Moment::Changed);
        }
        for carrier in [Carrier::Path, Carrier::Attr("p", "data-secret"), Carrier::Attr("p", "data-state")] {
            for trick in [Trick::Percent, Trick::PercentTwice, Trick::Base64, Trick::Base64Url] {
                add(kind, carrier, trick, Moment::Changed);
            }
        }
        for carrier in [Carrier::Value("input"), Carrier::Value("textarea"), Carrier::Text("p")] {
            add(kind, carrier, Trick::Plain, Moment::Moved);
            add(kind, carrier, Trick::Plain, Moment::Changed);
        }
        add(kind, Carrier::Value("input"), Trick::Spaced, Moment::Typed);
        add(kind, Carrier::Value("input"), Trick::Plain, Moment::Typed);
    }
    for datum in [Datum::Card, Datum::Amex, Datum::Cpf, Datum::Cnpj, Datum::Iban] {
        for carrier in [Carrier::Text("div"), Carrier::Text("li"), Carrier::Text("td"), Carrier::Text("p")] {
            for moment in moments {
                add(Kind::Detector(datum), carrier, Trick::Blocks, moment);
            }
        }
    }
    for datum in [Datum::Card, Datum::Amex] {
        for carrier in [Carrier::Text("p"), Carrier::Attr("p", "title"), Carrier::Value("input"), Carrier::Title] {
            add(Kind::Detector(datum), carrier, Trick::Glued, Moment::Changed);
            add(Kind::Detector(datum), carrier, Trick::InWord, Moment::Changed);
        }
    }
    for datum in [Datum::Word, Datum::Password, Datum::Card] {
        for carrier in everywhere().chain(PAGE) {
            for moment in moments {
                add(Kind::Taint(datum), carrier, Trick::Plain, moment);
            }
        }
        for trick in tricks.into_iter().chain([Trick::Upper, Trick::InWord]) {
            for carrier in TEXTS {
                if allows(Kind::Taint(datum), carrier, trick) {
                    add(Kind::Taint(datum), carrier, trick, Moment::Changed);
                }
            }
        }
        for carrier in [Carrier::Path, Carrier::Attr("p", "data-secret")] {
            for trick in [Trick::Percent, Trick::PercentTwice, Trick::Base64, Trick::Base64Url] {
                add(Kind::Taint(datum), carrier, trick, Moment::Changed);
            }
        }
    }
    all.retain(|plant: &Plant| plant.moment != Moment::Typed || allows(plant.kind, plant.carrier, plant.trick));
    all
}

/// Those that every run of the tests plays: each third. `LADO_LEAK=all` plays them all; with `first`, until one leaks.
fn chosen() -> Vec<Plant> {
    let all = plants();
    let step = if asked("all") { 1 } else { 3 };
    all.into_iter().step_by(step).collect()
}

fn asked(what: &str) -> bool {
    std::env::var("LADO_LEAK").is_ok_and(|asked| asked == what)
}

/// What nobody would read as the datum any more, or what cannot be: a list of options has no spans.
fn allows(kind: Kind, carrier: Carrier, trick: Trick) -> bool {
    let pieces = matches!(trick, Trick::Spans | Trick::Letters);
    let plain_only =
        matches!(carrier, Carrier::Text("textarea" | "math") | Carrier::Nested(..) | Carrier::Text("x-card"));
    let grouped = matches!(trick, Trick::Spaced | Trick::Dashed | Trick::HardSpaces);
    let written = match kind {
        // Addresses and phone numbers have separators of their own; dashes are none of an IBAN's.
        Kind::Detector(Datum::Email | Datum::Phone | Datum::Ssn | Datum::Dni) => !grouped,
        Kind::Detector(Datum::Nino) => trick != Trick::Dashed,
        _ => true,
    };
    written && !(pieces && plain_only)
}

fn luhn(body: &str) -> String {
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let digit = u32::from(b - b'0');
            if i % 2 == 1 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn mod11(digits: &mut Vec<u32>, weights: &[u32]) {
    let sum: u32 = digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
    digits.push(if sum % 11 < 2 { 0 } else { 11 - sum % 11 });
}

/// A datum that no other plant has, as a person writes it without separators.
fn datum(kind: Datum, number: usize) -> String {
    let n = number as u64 * 7919 + 13;
    match kind {
        Datum::Card => luhn(&format!("4539{:011}", n * 31 % 100_000_000_000)),
        Datum::Amex => luhn(&format!("37{:012}", n * 97 % 1_000_000_000_000)),
        Datum::Cpf => {
            let mut digits: Vec<u32> =
                format!("{:09}", 123_000_000 + n % 800_000_000).bytes().map(|b| u32::from(b - b'0')).collect();
            mod11(&mut digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
            mod11(&mut digits, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
            digits.iter().map(u32::to_string).collect()
        }
        Datum::Cnpj => {
            let mut digits: Vec<u32> =
                format!("{:08}0001", 11_000_000 + n % 80_000_000).bytes().map(|b| u32::from(b - b'0')).collect();
            mod11(&mut digits, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
            mod11(&mut digits, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
            digits.iter().map(u32::to_string).collect()
        }
        Datum::Iban => {
            let account = format!("{:018}", 370_400_440_000_000_000u64 + n);
            let rest = format!("{account}131400").bytes().fold(0u64, |rest, b| (rest * 10 + u64::from(b - b'0')) % 97);
            format!("DE{:02}{account}", 98 - rest)
        }
        Datum::Email => format!("maria{n}@casa{n}.example"),
        Datum::Phone => format!("+55 11 9{:04}-{:04}", n / 10_000 % 10_000, n % 10_000),
        Datum::Ssn => format!("{:03}-{:02}-{:04}", 100 + n % 500, 1 + n / 500 % 99, 1 + n % 9000),
        Datum::Nino => format!("AB{:06}C", n % 1_000_000),
        Datum::Dni => {
            let n = 10_000_000 + n % 80_000_000;
            format!("{n}{}", b"TRWAGMYFPDXBNJZSQVHLCKE"[(n % 23) as usize] as char)
        }
        Datum::Word => format!("Qz{n}Kx"),
        Datum::Password => format!("Azul-{n}-mar!"),
    }
}

/// In groups, as printed on a card.
fn groups(secret: &str, kind: Datum) -> Vec<String> {
    let sizes: &[usize] = match kind {
        Datum::Amex => &[4, 6, 5],
        Datum::Cpf => &[3, 3, 3, 2],
        Datum::Cnpj => &[2, 3, 3, 4, 2],
        Datum::Nino => &[2, 2, 2, 2, 1],
        _ => &[4],
    };
    let characters: Vec<char> = secret.chars().collect();
    let (mut out, mut at, mut which) = (Vec::new(), 0, 0);
    while at < characters.len() {
        let end = (at + sizes[which % sizes.len()]).min(characters.len());
        out.push(characters[at..end].iter().collect());
        (at, which) = (end, which + 1);
    }
    out
}

fn full_width(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { char::from_u32(c as u32 + 0xfee0).unwrap() } else { c }).collect()
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        let _ = write!(out, "%{b:02X}");
        out
    })
}

fn between(text: &str, mark: char) -> String {
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        out.push(mark);
    }
    out
}

impl Plant {
    fn datum(&self) -> Datum {
        match self.kind {
            Kind::Detector(datum) | Kind::Taint(datum) => datum,
            _ => Datum::Word,
        }
    }

    fn secret(&self) -> String {
        datum(self.datum(), self.number)
    }

    /// The pieces that are written, one after the other.
    fn pieces(&self) -> Vec<String> {
        let secret = self.secret();
        let grouped = groups(&secret, self.datum());
        match self.trick {
            Trick::Plain => vec![secret],
            Trick::Among => vec![format!("see {secret}, please")],
            Trick::Spaced => vec![grouped.join(" ")],
            Trick::Dashed => vec![grouped.join("-")],
            Trick::HardSpaces => vec![grouped.join("\u{a0}")],
            Trick::FullWidth => vec![full_width(&secret)],
            Trick::ZeroWidth => vec![between(&secret, '\u{200b}')],
            Trick::Bidi => vec![format!("\u{202a}{}\u{202c}", between(&secret, '\u{2060}'))],
            Trick::SoftHyphens => vec![between(&secret, '\u{ad}')],
            Trick::InWord => vec![format!("x{secret}y")],
            Trick::Glued => vec![format!("{secret}123")],
            Trick::Upper => vec![secret.to_uppercase()],
            Trick::Percent => vec![percent(&secret)],
            Trick::PercentTwice => vec![percent(&percent(&secret))],
            Trick::Base64 => vec![STANDARD.encode(format!("id={secret};"))],
            Trick::Base64Url => vec![URL_SAFE_NO_PAD.encode(&secret)],
            Trick::Spans | Trick::Texts | Trick::Blocks => grouped,
            Trick::Letters => secret.chars().map(String::from).collect(),
        }
    }

    fn text(&self) -> String {
        self.pieces().concat()
    }

    /// The attributes by which the rule finds the element, if it goes by some.
    fn signs(&self) -> Vec<(&'static str, &'static str)> {
        match self.kind {
            Kind::Selector => vec![("class", "box private")],
            Kind::Firm => vec![("data-firm", ""), ("class", "open")],
            Kind::Field(name, value) => vec![(name, value)],
            _ => Vec::new(),
        }
    }

    /// The nodes that carry the secret, the outermost having the rule's signs.
    fn nodes(&self, signs: &[(&str, &str)], text: Option<&str>) -> Vec<TreeNode> {
        let secret = text.map_or_else(|| self.text(), str::to_owned);
        let leaf = |content: &str| TreeNode::Text(content.to_owned());
        let with = |tag: &str, more: &[(&str, &str)], children: Vec<TreeNode>| {
            let mut attrs: Vec<(&str, &str)> = more.iter().filter(|(name, _)| !name.is_empty()).copied().collect();
            attrs.extend(signs.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name)));
            let mut nodes = vec![element(tag, &attrs)];
            nodes.extend(children);
            nodes.push(TreeNode::End);
            nodes
        };
        let around = |tag: &str, attrs: &[(&str, &str)], children: Vec<TreeNode>| {
            let mut nodes = vec![element(tag, attrs)];
            nodes.extend(children);
            nodes.push(TreeNode::End);
            nodes
        };
        let inside = |tag: &str| match self.trick {
            _ if text.is_some() => vec![leaf(&secret)],
            Trick::Spans | Trick::Letters => {
                self.pieces().iter().flat_map(|piece| around("span", &[], vec![leaf(piece)])).collect()
            }
            Trick::Texts => self.pieces().iter().map(|piece| leaf(piece)).collect(),
            Trick::Blocks => self.pieces().iter().flat_map(|piece| around(tag, &[], vec![leaf(piece)])).collect(),
            _ => vec![leaf(&secret)],
        };
        match self.carrier {
            Carrier::Text(tag) if self.trick == Trick::Blocks => with("section", &[], inside(tag)),
            Carrier::Text(tag) => with(tag, &[], inside("div")),
            Carrier::Nested(outer, inner) => with(outer, &[], around(inner, &[], inside("div"))),
            Carrier::Attr("option", name) => with("select", &[], around("option", &[(name, &secret)], vec![])),
            Carrier::Attr("optgroup", name) => with("select", &[], around("optgroup", &[(name, &secret)], vec![])),
            Carrier::Attr("use" | "image", name) => {
                let tag = if self.carrier == Carrier::Attr("use", "href") { "use" } else { "image" };
                with("svg", &[], around(tag, &[(name, &format!("/x/{secret}"))], vec![]))
            }
            Carrier::Attr("link", name) => {
                with("link", &[(name, &format!("/x/{secret}.css")), ("rel", "stylesheet")], vec![])
            }
            Carrier::Attr(tag, name @ ("src" | "poster" | "background")) => {
                with(tag, &[(name, &format!("/x/{secret}?q={secret}"))], vec![])
            }
            Carrier::Attr(tag, "srcset") => {
                with(tag, &[("srcset", &format!("/x/{secret} 1x, /y/{secret} 2x"))], vec![])
            }
            Carrier::Attr(tag, name @ ("href" | "action" | "formaction" | "ping" | "data")) => {
                with(tag, &[(name, &format!("/x/{secret}?q={secret}#{secret}"))], vec![])
            }
            Carrier::Attr(tag, name) => with(tag, &[(name, &secret)], vec![]),
            Carrier::Shadow => {
                let mut inner = vec![TreeNode::Shadow];
                inner.extend(around("p", &[], inside("div")));
                inner.push(TreeNode::End);
                with("x-host", &[], inner)
            }
            Carrier::Frame => {
                let mut inner = vec![TreeNode::Document];
                inner.extend(around("html", &[], around("body", &[], around("p", &[], inside("div")))));
                inner.push(TreeNode::End);
                with("iframe", &[("src", "/f")], inner)
            }
            Carrier::Value(tag) => with(tag, &[], vec![]),
            Carrier::Css(Sheet::Element) => {
                with("style", &[], vec![leaf(&format!(".a::before{{content:\"{secret}\"}}"))])
            }
            Carrier::Css(Sheet::Escaped) => {
                let escaped = secret.chars().fold(String::new(), |mut out, c| {
                    let _ = write!(out, "\\{:x} ", u32::from(c));
                    out
                });
                with("style", &[], vec![leaf(&format!(".a::before{{content:'{escaped}'}}"))])
            }
            Carrier::Css(Sheet::Inline) => with("p", &[("style", &format!("--a:'{secret}';color:red"))], vec![]),
            Carrier::Css(Sheet::Property) => with("p", &[("style", &format!("--secret:{secret}"))], vec![]),
            Carrier::Css(Sheet::Counter) => with("style", &[], vec![leaf(&format!(".a{{counter-reset:n {secret}}}"))]),
            Carrier::Css(Sheet::Changed) => with("style", &[], vec![leaf(".a{}")]),
            Carrier::Css(Sheet::Adopted) => {
                let mut inner = vec![TreeNode::Shadow];
                inner.extend(around("p", &[("class", "a")], vec![]));
                inner.push(TreeNode::End);
                with("x-host", &[], inner)
            }
            Carrier::Drawing { packed } => {
                let svg = format!("<svg xmlns='http://www.w3.org/2000/svg'><text>{secret}</text></svg>");
                let url = if packed {
                    format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg))
                } else {
                    format!("data:image/svg+xml,{}", percent(&svg))
                };
                with("img", &[("src", &url)], vec![])
            }
            Carrier::Title | Carrier::Path | Carrier::Query | Carrier::Hash => with("p", &[], vec![]),
        }
    }

    /// Ops that put the secret where no tree can. `node` is the outermost element.
    fn state(&self, node: u32, secret: &str) -> Option<Op> {
        let css = || format!(".a::after{{content:'{secret}'}}");
        let url = |rest: String| Op::SetUrl { url: format!("https://shop.example{rest}") };
        Some(match self.carrier {
            Carrier::Value(_) => Op::SetValue { node, value: secret.to_owned() },
            Carrier::Css(Sheet::Changed) => Op::SetSheet { node, css: css() },
            Carrier::Css(Sheet::Adopted) => Op::SetAdopted { node: node + 1, sheets: vec![css()] },
            Carrier::Title => Op::SetTitle { title: secret.to_owned() },
            Carrier::Path => url(format!("/order/{secret}/done")),
            Carrier::Query => url(format!("/order?card={secret}")),
            Carrier::Hash => url(format!("/order#{secret}")),
            _ => return None,
        })
    }

    /// Plays the plant to a viewer; returns every string it was told, in order, and what its page then says.
    fn play(&self) -> Vec<String> {
        let own = if self.kind == Kind::Private { PRIVATE } else { OWN };
        let mut page = vec![element("html", &[]), element("body", &[]), element("div", &[("class", "vault")])];
        page.extend([element("div", &[("id", "home")]), TreeNode::End, TreeNode::End]);
        page.extend([element("div", &[("id", "away")]), TreeNode::End]);
        let label = self.kind == Kind::Label;
        if label {
            page.extend([
                element("label", &[("for", "labelled")]),
                TreeNode::Text("Card number".into()),
                TreeNode::End,
            ]);
        }
        page.extend([TreeNode::End, TreeNode::End]);
        // Ids: html 2, body 3, vault 4, home 5, away 6.
        let (home, away) = (5, 6);
        let place = if self.kind == Kind::Around { home } else { away };
        let mut room = Room::new(own, page).quick();
        if let Kind::Taint(_) = self.kind {
            room.learn(&self.secret());
        }
        if self.kind == Kind::Customer {
            room.hide(place);
        }
        let signs = if label { vec![("id", "labelled")] } else { self.signs() };
        let secret = self.text();
        let id = 100;
        let harmless = |plant: &Self| plant.nodes(&signs, Some("x"));
        match self.moment {
            Moment::Born | Moment::Inserted => {
                room.insert(place, 0, id, self.nodes(&signs, None));
            }
            Moment::Changed => {
                room.insert(place, 0, id, harmless(self));
                self.rewrite(&mut room, place, id, &signs);
            }
            Moment::Typed => {
                room.insert(place, 0, id, harmless(self));
                room.send(Op::Focus { node: id });
                for (end, _) in secret.char_indices().skip(1) {
                    if let Carrier::Value(_) = self.carrier {
                        room.send(Op::SetValue { node: id, value: secret[..end].to_owned() });
                    } else {
                        room.send(Op::SetAttr {
                            node: id,
                            name: "value".into(),
                            value: Some(secret[..end].to_owned()),
                        });
                    }
                }
                self.rewrite(&mut room, place, id, &signs);
            }
            Moment::Moved => {
                // Under the rule first, then beside it, then back, without ever having been seen.
                room.insert(home, 0, 90, vec![element("template", &[]), TreeNode::End]);
                room.insert(90, 0, id, self.nodes(&signs, None));
                room.send(Op::Move { node: id, parent: place, prev: 0 });
            }
            Moment::RuleLater => {
                room.insert(place, 0, id, self.nodes(&[], Some("x")));
                for (name, value) in &signs {
                    room.attr(id, name, Some(value));
                }
                self.rewrite(&mut room, place, id, &signs);
            }
            Moment::SignRemoved => {
                room.insert(place, 0, id, harmless(self));
                for (name, _) in &signs {
                    room.attr(id, name, None);
                }
                if let Kind::Field("type", _) = self.kind {
                    room.attr(id, "type", Some("text"));
                }
                if matches!(self.kind, Kind::Around) {
                    room.attr(4, "class", None);
                }
                self.rewrite(&mut room, place, id, &[]);
            }
        }
        if let Some(op) = self.state(id, &secret) {
            room.send(op);
        }
        room.told()
    }

    /// Puts the secret into an element that is there with something harmless.
    fn rewrite(&self, room: &mut Room, place: u32, id: u32, signs: &[(&str, &str)]) {
        let wanted = self.nodes(signs, None);
        let there = self.nodes(signs, Some("x"));
        if wanted.len() == there.len() {
            for (at, (new, old)) in
                wanted.iter().zip(&there).filter(|(new, _)| !matches!(new, TreeNode::End)).enumerate()
            {
                let node = id + u32::try_from(at).unwrap();
                match (new, old) {
                    (TreeNode::Text(new), TreeNode::Text(old)) if new != old => {
                        room.send(Op::SetText { node, text: new.clone() });
                    }
                    (TreeNode::Element { attrs, .. }, TreeNode::Element { attrs: before, .. }) => {
                        for (name, value) in attrs.iter().filter(|pair| !before.contains(pair)) {
                            room.send(Op::SetAttr { node, name: name.clone(), value: Some(value.clone()) });
                        }
                    }
                    _ => {}
                }
            }
            return;
        }
        // In more pieces than before: the element stays, its first child goes, the pieces come one by one.
        let text = room
            .mirror
            .node(id)
            .and_then(|node| node.descendants().find(|inner| inner.text().is_some()))
            .map(|node| (node.id(), node.parent_node().map_or(place, |up| up.id())));
        let Some((text, parent)) = text else { return };
        room.send(Op::Remove { nodes: vec![text] });
        let mut prev = 0;
        for (at, piece) in self.pieces().iter().enumerate() {
            let base = 1000 + u32::try_from(at * 2).unwrap();
            let leaf = TreeNode::Text(piece.clone());
            let tag = match (self.trick, self.carrier) {
                (Trick::Spans | Trick::Letters, _) => Some("span"),
                (Trick::Blocks, Carrier::Text(tag)) => Some(tag),
                _ => None,
            };
            room.insert(
                parent,
                prev,
                base,
                tag.map_or_else(|| vec![leaf.clone()], |tag| vec![element(tag, &[]), leaf.clone(), TreeNode::End]),
            );
            prev = base;
        }
    }

    /// In which form the secret is in what a viewer was told, if it is.
    fn found(&self, told: &[String]) -> Option<&'static str> {
        let secret = self.secret();
        let joined = told.concat();
        if joined.contains(&secret) {
            return Some("raw");
        }
        let letters = |text: &str| -> String {
            super::tests::folded(text).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let wanted = letters(&secret);
        if letters(&joined).contains(&wanted) {
            return Some("folded");
        }
        let mut decoded = joined.clone();
        for _ in 0..3 {
            decoded = percent_encoding::percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
            if letters(&decoded).contains(&wanted) {
                return Some("percent");
            }
        }
        for text in told {
            for token in
                text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/_-".contains(c))).filter(|token| token.len() > 7)
            {
                for from in 0..4.min(token.len()) {
                    let token = &token[from..];
                    let token = &token[..token.len() - usize::from(token.len() % 4 == 1)];
                    for packed in [STANDARD_NO_PAD.decode(token), URL_SAFE_NO_PAD.decode(token)].into_iter().flatten() {
                        if letters(&String::from_utf8_lossy(&packed)).contains(&wanted) {
                            return Some("base64");
                        }
                    }
                }
            }
        }
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        if matches!(self.datum(), Datum::Email | Datum::Word | Datum::Password) {
            return None;
        }
        let number = digits(&secret);
        // While it is typed, no more of it than the six digits that a card may show.
        if self.moment == Moment::Typed && number.len() > 8 && digits(&joined).contains(&number[..7]) {
            return Some("half");
        }
        (number.len() > 8 && digits(&super::tests::folded(&joined)).contains(&number)).then_some("digits")
    }
}

#[test]
fn no_planted_secret_reaches_a_viewer() {
    let all = chosen();
    assert!(all.len() >= 2_000, "{} plants", all.len());
    let leak = |plant: &Plant| plant.found(&plant.play()).map(|form| format!("{form}: {plant:?} {:?}", plant.text()));
    let enough = if asked("first") { 1 } else { usize::MAX };
    let leaks: Vec<String> = std::thread::scope(|scope| {
        let parts: Vec<_> = all
            .chunks(all.len().div_ceil(4))
            .map(|part| scope.spawn(move || part.iter().filter_map(leak).take(enough).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    if !leaks.is_empty() {
        let shown = leaks.iter().take(80).map(String::as_str).collect::<Vec<_>>().join("\n");
        panic!("{} of {} plants leak:\n{shown}", leaks.len(), all.len());
    }
}

/// Without a rule every plant that viewers could read is read: the search finds what there is to find.
#[test]
fn the_search_finds_what_is_not_hidden() {
    let (mut seen, mut plain) = (0, 0);
    for plant in plants().into_iter().step_by(17) {
        // The carriers that viewers get nothing of, whatever rules say.
        let dropped = matches!(
            plant.carrier,
            Carrier::Attr(
                "meta"
                    | "iframe"
                    | "a"
                    | "form"
                    | "object"
                    | "use"
                    | "img"
                    | "source"
                    | "video"
                    | "body"
                    | "image"
                    | "link",
                _
            ) | Carrier::Attr(_, "onclick" | "formaction" | "src")
                | Carrier::Query
                | Carrier::Hash
        );
        if dropped || plant.moment == Moment::Typed {
            continue;
        }
        let open = Plant { kind: Kind::Field("class", "open"), ..plant };
        // A word of no meaning stands for the datum: no detector knows it.
        let told = open.play();
        plain += 1;
        seen += usize::from(open.found(&told).is_some());
    }
    assert!(plain > 150 && seen * 100 >= plain * 98, "{seen} of {plain} found");
}

#[test]
fn a_token_says_nothing_of_what_it_hides() {
    let told = |plant: &Plant| plant.kind == Kind::Selector && plant.moment == Moment::Born;
    for plant in plants().into_iter().filter(told).step_by(3) {
        let one = plant.play();
        let other = Plant { number: plant.number + 90_000, ..plant }.play();
        assert_eq!(one.concat().replace(MASK, ""), other.concat().replace(MASK, ""), "{plant:?}");
    }
}
