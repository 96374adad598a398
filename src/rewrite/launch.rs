//! Puts one tag where a document's first script would stand, and passes every other byte as it is.
//!
//! Only what stands before the head is looked at: comments, the doctype, the `html` tag. A rewriter of whole documents
//! would cost every visitor of a front host as much as a session costs its customer.

/// A streaming rewriter: what goes in comes out, with the tag in between.
pub struct Launch {
    /// Empty when it is in.
    tag: Vec<u8>,
    state: State,
    /// What has come of a token that cannot be told from another yet; a few bytes at most.
    held: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first tag, or between `html` and what follows.
    Between,
    /// Behind `<`.
    Open,
    /// Behind `<!`.
    Markup,
    /// In a comment, behind so many hyphens (`!` after them counts as [`BANG`]).
    Comment(u8),
    /// A doctype, or what browsers take for a comment: up to `>` whatever stands in it.
    Bogus,
    /// The name of the first tag, or of the first after `html`.
    Name,
    /// In the tag of `html` or `head`.
    Tag {
        head: bool,
        value: Value,
    },
    Done,
}

/// Where in an attribute a tag is: `>` inside quotes does not end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    None,
    /// Behind `=`.
    Begins,
    Bare,
    Quoted(u8),
}

const BANG: u8 = 200;

impl Launch {
    /// `tag` is ASCII, so that it is the same in every encoding that ASCII is a part of.
    pub fn new(tag: &str) -> Self {
        Self { tag: tag.as_bytes().to_vec(), state: State::Between, held: Vec::new() }
    }

    /// Whether every further byte passes.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// How many bytes it has dealt with: where they are fewer than there were, the rest passes, and all that follows.
    pub fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.state == State::Done {
                return at;
            }
            self.take(byte, out);
        }
        bytes.len()
    }

    /// The document is over. One without any tag has it at its end, so that the length is known from the beginning.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        out.append(&mut self.tag);
        self.state = State::Done;
    }

    fn take(&mut self, byte: u8, out: &mut Vec<u8>) {
        match self.state {
            State::Between => match byte {
                b'<' => self.hold(byte, State::Open),
                // White space, and the bytes of a byte order mark.
                b'\t' | b'\n' | 0x0c | b'\r' | b' ' | 0xef | 0xbb | 0xbf => out.push(byte),
                // Text opens the body: the tag comes before it, and so into the head.
                _ => self.insert(byte, out),
            },
            State::Open => match byte {
                b'!' => self.hold(byte, State::Markup),
                b'?' => self.go_on(byte, State::Bogus, out),
                b'a'..=b'z' | b'A'..=b'Z' => self.hold(byte, State::Name),
                _ => self.insert(byte, out),
            },
            State::Markup => match (self.held.len(), byte) {
                (2, b'-') => self.hold(byte, State::Markup),
                // `<!-->` is a whole comment (HTML, "comment start state").
                (3, b'-') => self.go_on(byte, State::Comment(2), out),
                (_, b'>') => self.go_on(byte, State::Between, out),
                _ => self.go_on(byte, State::Bogus, out),
            },
            State::Comment(hyphens) => {
                out.push(byte);
                self.state = match byte {
                    b'>' if hyphens >= 2 => State::Between,
                    b'-' if hyphens < BANG => State::Comment((hyphens + 1).min(2)),
                    b'-' => State::Comment(1),
                    b'!' if hyphens == 2 => State::Comment(BANG),
                    _ => State::Comment(0),
                };
            }
            State::Bogus => {
                out.push(byte);
                if byte == b'>' {
                    self.state = State::Between;
                }
            }
            State::Name => match byte {
                b'\t' | b'\n' | 0x0c | b'\r' | b' ' | b'/' | b'>' => {
                    let head = self.held[1..].eq_ignore_ascii_case(b"head");
                    if head || self.held[1..].eq_ignore_ascii_case(b"html") {
                        out.append(&mut self.held);
                        self.state = State::Tag { head, value: Value::None };
                        self.take(byte, out);
                    } else {
                        self.insert(byte, out);
                    }
                }
                _ if self.held.len() > 4 => self.insert(byte, out),
                _ => self.hold(byte, State::Name),
            },
            State::Tag { head, value } => {
                out.push(byte);
                let value = match (value, byte) {
                    (Value::Quoted(quote), byte) if byte == quote => Value::None,
                    (Value::Quoted(quote), _) => Value::Quoted(quote),
                    (_, b'>') if head => {
                        out.append(&mut self.tag);
                        self.state = State::Done;
                        return;
                    }
                    (_, b'>') => {
                        self.state = State::Between;
                        return;
                    }
                    (Value::Begins, b'"' | b'\'') => Value::Quoted(byte),
                    (Value::Begins, b'\t' | b'\n' | 0x0c | b'\r' | b' ') => Value::Begins,
                    (Value::Begins, _) => Value::Bare,
                    (Value::Bare, b'\t' | b'\n' | 0x0c | b'\r' | b' ') => Value::None,
                    (Value::Bare, _) => Value::Bare,
                    (Value::None, b'=') => Value::Begins,
                    (Value::None, _) => Value::None,
                };
                self.state = State::Tag { head, value };
            }
            State::Done => out.push(byte),
        }
    }

    fn hold(&mut self, byte: u8, state: State) {
        self.held.push(byte);
        self.state = state;
    }

    fn go_on(&mut self, byte: u8, state: State, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        out.push(byte);
        self.state = state;
    }

    /// The tag, and then what has been held.
    fn insert(&mut self, byte: u8, out: &mut Vec<u8>) {
        out.append(&mut self.tag);
        self.go_on(byte, State::Done, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TAG: &str = "<script async src=\"/x\"></script>";

    fn launched(text: &[u8], cut: usize) -> Vec<u8> {
        let (mut launch, mut out) = (Launch::new(TAG), Vec::new());
        for piece in text.chunks(cut.max(1)) {
            let taken = launch.write(piece, &mut out);
            out.extend_from_slice(&piece[taken..]);
        }
        launch.end(&mut out);
        out
    }

    #[test]
    fn the_tag_stands_before_the_first_script() {
        for (before, after) in [
            ("<!doctype html><html lang=en><head>", "<title>x</title>"),
            ("<!DOCTYPE html>\n<!-- <head> -->\n<HTML>\n<HEAD class='a>b' data-x = \"c>d\">", "<script></script>"),
            ("\u{feff}<!doctype html>", "<title>x</title><head>"),
            ("<html><!--a--!><!--><!---->", "<header>x"),
            ("<html lang=a\"b>", "<body>x"),
            ("<!doctype html>", "text <b>bold</b>"),
            ("<?xml version=\"1.0\"?><!x><html/>", "<he>x"),
            ("", "<p>x"),
            ("", "</p>"),
            ("", "a"),
        ] {
            let text = format!("{before}{after}");
            for cut in 1..text.len() + 1 {
                let out = String::from_utf8(launched(text.as_bytes(), cut)).unwrap();
                assert_eq!(out, format!("{before}{TAG}{after}"), "cut by {cut}");
            }
        }
        for nothing in ["", "   ", "<!-- no end", "<ht", "<!doctype html"] {
            assert_eq!(launched(nothing.as_bytes(), 1), [nothing.as_bytes(), TAG.as_bytes()].concat());
        }
    }

    proptest! {
        #[test]
        fn every_byte_but_the_tag_passes(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 1usize..50) {
            check(&bytes, cut)?;
        }

        #[test]
        fn every_byte_of_markup_but_the_tag_passes(text in "(<!?-{0,2}|>|-->|html|head|\"|'|=| |<|a|!|/){0,40}", cut in 1usize..50) {
            check(text.as_bytes(), cut)?;
        }
    }

    fn check(bytes: &[u8], cut: usize) -> Result<(), TestCaseError> {
        let out = launched(bytes, cut);
        prop_assert_eq!(&out, &launched(bytes, bytes.len()));
        let at = out.windows(TAG.len()).position(|window| window == TAG.as_bytes());
        let at = at.expect("the tag is in");
        prop_assert_eq!([&out[..at], &out[at + TAG.len()..]].concat(), bytes);
        Ok(())
    }
}
