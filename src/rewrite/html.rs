//! Rewrites a document as it streams by: maps its URLs, injects Lado's script before everything that could run, and
//! stamps what rules mask or lock, so that both show before any script has run.

mod attribute;
mod element;
mod entity;
mod tag;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use ::url::Url;
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8};
use lol_html::errors::RewritingError;
use lol_html::html_content::{BailOut, ContentType, TextChunk};
use lol_html::send::{Element, ElementContentHandlers, Settings};
use lol_html::{AsciiCompatibleEncoding, MemorySettings, OutputSink, Selector};

pub use attribute::refresh;
pub use entity::decode;

use crate::rewrite::charset::{BOM, Charset, MetaScan, Transcoder};
use crate::rewrite::csp;
use crate::rewrite::url::ViewMap;
use crate::rules::SiteRules;
use element::{Hands, Namespace};

/// What the rewriter needs to know of a document.
#[derive(Clone)]
pub struct Page {
    pub map: ViewMap,
    /// The document's address at the site.
    pub url: Url,
    /// The tags to put before everything else. ASCII, so that they are the same in every encoding.
    pub head: String,
    /// What `Content-Type` says.
    pub charset: Option<&'static Encoding>,
    /// What to mask and to lock.
    pub stamps: Arc<SiteRules>,
    /// How to translate policies in meta elements.
    pub csp: Option<csp::Context>,
}

/// A streaming rewriter on the customer's side: what cannot be rewritten passes as it is, for the page must go on.
pub struct HtmlRewriter {
    /// `None` when it is being rewritten.
    page: Option<Page>,
    stage: Stage,
    /// Until the encoding is known: a byte order mark at most.
    held: Vec<u8>,
    transcoder: Option<Transcoder>,
    scan: Option<MetaScan>,
    failure: Option<HtmlError>,
    depth: usize,
}

enum Stage {
    Sniffing,
    Rewriting(Box<Rewriting>),
    /// The rest passes: the rewriter has given up, or there is nothing to rewrite.
    Passing,
}

struct Rewriting {
    rewriter: lol_html::send::HtmlRewriter<'static, Sink>,
    hands: Arc<Mutex<Hands>>,
}

/// Why a document went on unrewritten.
#[derive(Debug, thiserror::Error)]
pub enum HtmlError {
    #[error("a single token of the document takes more than {MAX_MEMORY} bytes")]
    TooLarge,
    #[error("the document could not be rewritten: {0}")]
    Rewriter(String),
}

/// What lol_html may hold back for one document: a token, and the names of open elements.
const MAX_MEMORY: usize = 4 * 1024 * 1024;

impl HtmlRewriter {
    pub fn new(page: Page) -> Self {
        Self::nested(page, 0)
    }

    /// `depth`: how many `srcdoc` attributes this document is inside of.
    fn nested(page: Page, depth: usize) -> Self {
        let page = Some(page);
        Self { page, stage: Stage::Sniffing, held: Vec::new(), transcoder: None, scan: None, failure: None, depth }
    }

    /// Appends to `out` everything that `chunk` completes: only an unfinished token stays behind.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        self.feed(chunk, false, out);
    }

    /// Appends what is left. Returns why the document was not rewritten to its end, if it was not.
    pub fn end(mut self, out: &mut Vec<u8>) -> Option<HtmlError> {
        self.feed(b"", true, out);
        if let Some(mut transcoder) = self.transcoder.take() {
            let mut text = Vec::new();
            transcoder.write(b"", true, &mut text);
            self.rewrite(&text, out);
        }
        if let Stage::Rewriting(rewriting) = std::mem::replace(&mut self.stage, Stage::Passing)
            && let Err(error) = rewriting.end(out)
        {
            self.failure = Some(error.into());
        }
        self.failure
    }

    /// Why the rest of the document passes unrewritten, as soon as it does.
    pub fn failure(&self) -> Option<&HtmlError> {
        self.failure.as_ref()
    }

    fn feed(&mut self, chunk: &[u8], last: bool, out: &mut Vec<u8>) {
        if matches!(self.stage, Stage::Sniffing) {
            self.held.extend_from_slice(chunk);
            let header = self.page.as_ref().and_then(|page| page.charset);
            let Some(charset) = Charset::sniff(&self.held, header, last) else { return };
            self.begin(charset, out);
            let held = std::mem::take(&mut self.held);
            self.decode(&held, out);
        } else {
            self.decode(chunk, out);
        }
    }

    fn begin(&mut self, charset: Charset, out: &mut Vec<u8>) {
        let (encoding, by_meta) = match charset {
            Charset::Certain(encoding) => (encoding, false),
            Charset::Guessed(encoding) => {
                self.scan = Some(MetaScan::default());
                (encoding, true)
            }
            Charset::Transcoded(encoding) => {
                self.transcoder = Some(Transcoder::new(encoding));
                out.extend_from_slice(BOM);
                (UTF_8, false)
            }
            Charset::Opaque => {
                self.stage = Stage::Passing;
                return;
            }
        };
        let encoding = AsciiCompatibleEncoding::new(encoding).unwrap_or_else(AsciiCompatibleEncoding::utf_8);
        self.stage = match self.page.take() {
            Some(page) => Stage::Rewriting(Box::new(Rewriting::new(page, self.depth, encoding, by_meta))),
            None => Stage::Passing,
        };
    }

    fn decode(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let found = self.scan.as_mut().and_then(|scan| scan.find(chunk));
        if let Some(end) = found {
            // The element handler makes that meta say UTF-8.
            self.rewrite(&chunk[..end], out);
            self.transcoder = Some(Transcoder::new(ISO_2022_JP));
            return self.decode(&chunk[end..], out);
        }
        match &mut self.transcoder {
            None => self.rewrite(chunk, out),
            Some(transcoder) => {
                let mut text = Vec::new();
                transcoder.write(chunk, false, &mut text);
                self.rewrite(&text, out);
            }
        }
    }

    fn rewrite(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        match &mut self.stage {
            Stage::Rewriting(rewriting) => {
                if let Err(error) = rewriting.write(text, out) {
                    self.failure = Some(error.into());
                    self.stage = Stage::Passing;
                }
            }
            Stage::Passing | Stage::Sniffing => out.extend_from_slice(text),
        }
    }
}

impl Rewriting {
    fn new(page: Page, depth: usize, encoding: AsciiCompatibleEncoding, by_meta: bool) -> Self {
        let hands = Arc::new(Mutex::new(Hands::new(page, depth, encoding.into())));
        let on_element = Arc::clone(&hands);
        let on_style = Arc::clone(&hands);
        let on_typed = Arc::clone(&hands);
        let on_failure = Arc::clone(&hands);
        // Nothing is changed here: the tag comes to the sink as it stands in the document.
        let every = ElementContentHandlers::default().element(move |element: &mut Element<'_, '_>| {
            let html = element.namespace_uri() == HTML;
            lock(&on_element).expect(if html { Namespace::Html } else { Namespace::Other });
            Ok(())
        });
        let style = ElementContentHandlers::default().text(move |text: &mut TextChunk<'_>| {
            lock(&on_style).style(text);
            Ok(())
        });
        let typed = ElementContentHandlers::default().text(move |text: &mut TextChunk<'_>| {
            lock(&on_typed).script_data(text);
            Ok(())
        });
        let [for_every, for_style, for_typed] = &*SELECTORS;
        let settings = Settings::new_send()
            .append_element_content_handler((Cow::Borrowed(for_every), every))
            .append_element_content_handler((Cow::Borrowed(for_style), style))
            .append_element_content_handler((Cow::Borrowed(for_typed), typed))
            .append_bail_out_handler(move |_: &RewritingError, bail_out: &mut BailOut<'_>| {
                let unfinished = lock(&on_failure).unfinished();
                bail_out.append(&unfinished, ContentType::Html);
            })
            .with_encoding(encoding)
            .with_adjust_charset_on_meta_tag(by_meta)
            .with_strict(false)
            .with_graceful_bail_out_on_content_handler_error(true)
            .with_memory_settings(
                MemorySettings::new()
                    .with_max_allowed_memory_usage(MAX_MEMORY)
                    .with_graceful_bail_out_on_memory_limit_exceeded(true),
            );
        let rewriter = lol_html::send::HtmlRewriter::new(settings, Sink(Arc::clone(&hands)));
        Self { rewriter, hands }
    }

    fn write(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), RewritingError> {
        // Room for what is mapped, which is longer than before.
        out.reserve(text.len() + text.len() / 4);
        std::mem::swap(&mut lock(&self.hands).out, out);
        let result = self.rewriter.write(text);
        std::mem::swap(&mut lock(&self.hands).out, out);
        result
    }

    fn end(self, out: &mut Vec<u8>) -> Result<(), RewritingError> {
        std::mem::swap(&mut lock(&self.hands).out, out);
        let result = self.rewriter.end();
        let mut hands = lock(&self.hands);
        if result.is_ok() {
            hands.finish();
        }
        std::mem::swap(&mut hands.out, out);
        result
    }
}

const HTML: &str = "http://www.w3.org/1999/xhtml";

/// Every element, style sheets, and the scripts that are looked into.
static SELECTORS: LazyLock<[Selector; 3]> = LazyLock::new(|| {
    let typed = "script[type=\"importmap\" i], script[type=\"speculationrules\" i], script[type=\"module\" i]";
    ["*", "style", typed].map(|text| text.parse().expect("a fixed selector parses"))
});

/// Collects what lol_html emits during one write, so that one chunk in is one chunk out.
struct Sink(Arc<Mutex<Hands>>);

impl OutputSink for Sink {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        lock(&self.0).take(chunk);
    }

    fn set_encoding(&mut self, encoding: AsciiCompatibleEncoding) {
        lock(&self.0).read_in(encoding.into());
    }
}

/// Nothing else holds these locks: rewriter and handlers run in turns.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<RewritingError> for HtmlError {
    fn from(error: RewritingError) -> Self {
        match error {
            RewritingError::MemoryLimitExceeded(_) => Self::TooLarge,
            other => Self::Rewriter(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
