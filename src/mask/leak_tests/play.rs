//! Writes a plant into a page and plays the page to a viewer.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::plants::{Carrier, Kind, Moment, Plant, Sheet, Trick};
use super::secrets::{Datum, between, datum, full_width, groups, percent};
use crate::mask::tests::Room;
use crate::mirror::tests::element;
use crate::protocol::{Op, TreeNode};

const OUTSIDE: u32 = 7;

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

impl Plant {
    pub fn datum(&self) -> Datum {
        match self.kind {
            Kind::Detector(datum) | Kind::Taint(datum) => datum,
            _ => Datum::Word,
        }
    }

    pub fn secret(&self) -> String {
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
            Trick::Apart => vec![grouped.join(" - ")],
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

    pub fn text(&self) -> String {
        self.pieces().concat()
    }

    /// The attributes by which the rule finds the element, if it goes by some.
    fn signs(&self) -> Vec<(&'static str, &'static str)> {
        match self.kind {
            Kind::Selector => vec![("class", "box private")],
            Kind::Firm => vec![("data-firm", ""), ("class", "open")],
            Kind::Field(name, value) => vec![(name, value)],
            Kind::Label(_) => vec![("id", "labelled")],
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
                with("svg", &[], around(tag, &[(name, &format!("/x/{secret}#{secret}"))], vec![]))
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
            Carrier::Css(Sheet::Outside) => with("section", &[], around("b", &[("id", "drawn-on")], vec![])),
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
            Carrier::Css(Sheet::Outside) => {
                Op::SetSheet { node: OUTSIDE, css: format!("p, section > #drawn-on::after{{content:'{secret}'}}") }
            }
            Carrier::Css(Sheet::Adopted) => Op::SetAdopted { node: node + 1, sheets: vec![css()] },
            Carrier::Title => Op::SetTitle { title: secret.to_owned() },
            Carrier::Path => url(format!("/order/{secret}/done")),
            Carrier::Query => url(format!("/order?card={secret}")),
            Carrier::Hash => url(format!("/order#{secret}")),
            _ => return None,
        })
    }

    /// Plays the plant to a viewer; returns every string it was told, in order, and what its page then says.
    pub fn play(&self) -> Vec<String> {
        let own = if self.kind == Kind::Private { PRIVATE } else { OWN };
        let mut page = vec![element("html", &[]), element("body", &[]), element("div", &[("class", "vault")])];
        page.extend([element("div", &[("id", "home")]), TreeNode::End, TreeNode::End]);
        page.extend([element("div", &[("id", "away")]), TreeNode::End]);
        if let Kind::Label(label) = self.kind {
            page.extend([element("label", &[("for", "labelled")]), TreeNode::Text(label.into()), TreeNode::End]);
        }
        if self.carrier == Carrier::Css(Sheet::Outside) {
            page.extend([element("style", &[]), TreeNode::End]);
        }
        page.extend([TreeNode::End, TreeNode::End]);
        // Ids: html 2, body 3, vault 4, home 5, away 6, the sheet outside 7.
        let (home, away) = (5, 6);
        let place = if self.kind == Kind::Around { home } else { away };
        let mut room = Room::new(own, page).quick();
        if let Kind::Taint(_) = self.kind {
            room.learn(&self.secret());
        }
        if self.kind == Kind::Customer {
            room.hide(place);
        }
        let signs = self.signs();
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
}
