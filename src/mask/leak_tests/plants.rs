//! The list of plants: every carrier, trick and moment that makes sense under every kind of rule.

use super::secrets::Datum;

#[derive(Debug, Clone, Copy)]
pub struct Plant {
    pub kind: Kind,
    pub carrier: Carrier,
    pub trick: Trick,
    pub moment: Moment,
    pub number: usize,
}

/// Where a secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
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
pub enum Sheet {
    Element,
    Escaped,
    Inline,
    Property,
    Counter,
    Changed,
    Adopted,
    /// Elsewhere than what it draws on, which is masked.
    Outside,
}

/// How a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trick {
    Plain,
    /// With other text around it, not glued.
    Among,
    Spaced,
    Dashed,
    /// With a dash and spaces between groups.
    Apart,
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
pub enum Moment {
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
pub enum Kind {
    Selector,
    Firm,
    Around,
    Field(&'static str, &'static str),
    Label(&'static str),
    Detector(Datum),
    Customer,
    Private,
    Taint(Datum),
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

const SHEETS: [Carrier; 8] = [
    Carrier::Css(Sheet::Element),
    Carrier::Css(Sheet::Escaped),
    Carrier::Css(Sheet::Inline),
    Carrier::Css(Sheet::Property),
    Carrier::Css(Sheet::Counter),
    Carrier::Css(Sheet::Changed),
    Carrier::Css(Sheet::Adopted),
    Carrier::Css(Sheet::Outside),
];

const VALUES: [Carrier; 4] =
    [Carrier::Value("input"), Carrier::Value("textarea"), Carrier::Value("select"), Carrier::Value("x-card")];

const PAGE: [Carrier; 4] = [Carrier::Title, Carrier::Path, Carrier::Query, Carrier::Hash];

const DRAWINGS: [Carrier; 2] = [Carrier::Drawing { packed: false }, Carrier::Drawing { packed: true }];

/// Every plant that makes sense: the whole list, numbered.
pub fn plants() -> Vec<Plant> {
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
    let labels =
        ["Card number", "Código CVV", "Digite o CVV", "Enter your PIN", "Seu CPF", "Your SSN", "MM / AA", "Código SMS"];
    for label in labels {
        for moment in [Moment::Born, Moment::Changed, Moment::Typed] {
            add(Kind::Label(label), Carrier::Value("input"), Trick::Plain, moment);
            add(Kind::Label(label), Carrier::Attr("input", "value"), Trick::Plain, moment);
        }
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
        Trick::Apart,
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
        add(kind, Carrier::Value("input"), Trick::Apart, Moment::Typed);
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
    for moment in moments {
        for carrier in [Carrier::Text("p"), Carrier::Text("li"), Carrier::Text("div")] {
            add(Kind::Taint(Datum::Lines), carrier, Trick::Blocks, moment);
            add(Kind::Taint(Datum::Lines), carrier, Trick::Plain, moment);
        }
        for datum in [Datum::Lines, Datum::Long] {
            for carrier in [Carrier::Text("p"), Carrier::Attr("p", "title"), Carrier::Value("textarea"), Carrier::Title]
            {
                add(Kind::Taint(datum), carrier, Trick::Plain, moment);
            }
        }
    }
    for datum in [Datum::Word, Datum::Password, Datum::Card, Datum::Signs] {
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

/// What nobody would read as the datum any more, or what cannot be: a list of options has no spans.
fn allows(kind: Kind, carrier: Carrier, trick: Trick) -> bool {
    let pieces = matches!(trick, Trick::Spans | Trick::Letters);
    let plain_only =
        matches!(carrier, Carrier::Text("textarea" | "math") | Carrier::Nested(..) | Carrier::Text("x-card"));
    let grouped = matches!(trick, Trick::Spaced | Trick::Dashed | Trick::Apart | Trick::HardSpaces);
    let written = match kind {
        // Addresses and phone numbers have separators of their own; dashes are none of an IBAN's.
        Kind::Detector(Datum::Email | Datum::Phone | Datum::Ssn | Datum::Dni) => !grouped,
        Kind::Detector(Datum::Nino) => !matches!(trick, Trick::Dashed | Trick::Apart),
        _ => true,
    };
    written && !(pieces && plain_only)
}
