//! Turns every failure into a response: the browser gets a clear page, the log gets the cause.

use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::words;
use super::{Response, UpgradeError, html, status};
use crate::route::Misdirected;
use crate::upstream::{ConnectError, UpstreamError};

/// Why a request is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Misdirected(#[from] Misdirected),
    #[error("the session is over")]
    Ended {
        /// `Set-Cookie` values that take the session's cookies away.
        cookies: Vec<HeaderValue>,
        /// For the customer alone.
        farewell: Option<Farewell>,
    },
    #[error("downstream is not the session's customer")]
    NotCustomer,
    #[error("{site} is not on the company's list of sites")]
    NotAllowed {
        site: String,
        /// Where the session started: the way back.
        back: String,
    },
    #[error("the view host's alias was never given out in this session")]
    NoSite,
    #[error("downstream asks for more than there is at the moment")]
    Busy,
    #[error("there is more to do than Lado can at the moment")]
    Overloaded,
    #[error("there is nothing at this path")]
    NotFound,
    #[error("downstream may not ask for this: {0}")]
    Forbidden(&'static str),
    #[error("downstream sent a malformed request: {0}")]
    Malformed(&'static str),
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    #[error("{site}: {cause}")]
    Upstream { site: String, cause: UpstreamError },
    #[error("{site}: upstream sent a body that cannot be read: {cause}")]
    Body { site: String, cause: String },
}

/// What the customer reads about a session that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    pub company: String,
    /// Who watched, as people read them.
    pub agents: Vec<String>,
    /// From the first PIN to the end; nothing, when nobody watched.
    pub lasted: Option<Duration>,
    /// Origins of the session that the browser may hold something of: the page asks each of them to take it away.
    pub visited: Vec<String>,
}

/// What matters of the request for how its failure is told.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    locale: Locale,
    /// Somebody will read the answer as a page. Scripts and images get a line of text.
    reads: bool,
    /// Asking again is harmless, so the page offers it.
    repeatable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    En,
    PtBr,
    Es,
    Fr,
    De,
}

impl Asker {
    pub fn of<B>(request: &http::Request<B>) -> Self {
        let headers = request.headers();
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let reads = match headers.get("sec-fetch-dest").and_then(|value| value.to_str().ok()) {
            Some(dest) => matches!(dest, "document" | "iframe" | "frame" | "embed" | "object"),
            None => text(&ACCEPT).is_some_and(|accept| accept.contains("text/html")),
        };
        let repeatable = matches!(*request.method(), Method::GET | Method::HEAD);
        Self { locale: Locale::of(headers), reads, repeatable }
    }

    /// Whether somebody will read the answer as a page.
    pub fn reads(self) -> bool {
        self.reads
    }
}

impl Locale {
    /// The best of the languages that a browser asks for; English where it knows none.
    pub fn of(headers: &HeaderMap) -> Self {
        let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let ranked = wanted.split(',').filter_map(|part| {
            let (tag, quality) = part.split_once(';').unwrap_or((part, "q=1"));
            let locale = match tag.trim().get(..2)?.to_ascii_lowercase().as_str() {
                "pt" => Self::PtBr,
                "en" => Self::En,
                "es" => Self::Es,
                "fr" => Self::Fr,
                "de" => Self::De,
                _ => return None,
            };
            let quality: f32 = quality.trim().strip_prefix("q=").and_then(|q| q.parse().ok()).unwrap_or(1.0);
            Some((locale, quality))
        });
        // The first of equals wins, as it stands first for a reason.
        let best = ranked.fold(None, |best: Option<(Self, f32)>, next| match best {
            Some(best) if best.1 >= next.1 => Some(best),
            _ => Some(next),
        });
        best.map_or(Self::En, |(locale, _)| locale)
    }

    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::PtBr => "pt-BR",
            Self::Es => "es",
            Self::Fr => "fr",
            Self::De => "de",
        }
    }
}

/// The one place where failures become responses.
pub fn rescue(failure: &Failure, asker: Asker) -> Response {
    let code = code(failure);
    if code.is_server_error() {
        tracing::warn!(status = code.as_u16(), cause = %failure, "a request failed");
    } else {
        tracing::debug!(status = code.as_u16(), cause = %failure, "refused a request");
    }
    let mut response = if asker.reads { page(code, failure, asker) } else { status(code) };
    let wait = match failure {
        Failure::Busy => Some("60"),
        Failure::Overloaded => Some("5"),
        _ => None,
    };
    if let Some(seconds) = wait {
        response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    if let Failure::Ended { cookies, .. } = failure {
        let headers = response.headers_mut();
        // "cookies" would wipe those of every other session on the view domain: they are expired by name.
        headers.insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
        for cookie in cookies {
            headers.append(http::header::SET_COOKIE, cookie.clone());
        }
    }
    response
}

fn code(failure: &Failure) -> StatusCode {
    match failure {
        Failure::Misdirected(_) => StatusCode::MISDIRECTED_REQUEST,
        Failure::Ended { .. } => StatusCode::GONE,
        Failure::NotCustomer | Failure::NotAllowed { .. } | Failure::Forbidden(_) => StatusCode::FORBIDDEN,
        Failure::NoSite | Failure::NotFound => StatusCode::NOT_FOUND,
        Failure::Malformed(_) => StatusCode::BAD_REQUEST,
        Failure::Busy | Failure::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Upgrade(UpgradeError::NotAsked | UpgradeError::Version) => StatusCode::UPGRADE_REQUIRED,
        Failure::Upgrade(UpgradeError::NoKey) => StatusCode::BAD_REQUEST,
        Failure::Upstream { cause, .. } => match cause {
            UpstreamError::Connect(ConnectError::Guarded(_)) => StatusCode::FORBIDDEN,
            UpstreamError::Connect(ConnectError::Timeout(_)) | UpstreamError::FirstByte(_) => {
                StatusCode::GATEWAY_TIMEOUT
            }
            UpstreamError::Downstream(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::BAD_GATEWAY,
        },
        Failure::Body { .. } => StatusCode::BAD_GATEWAY,
    }
}

fn page(code: StatusCode, failure: &Failure, asker: Asker) -> Response {
    let locale = asker.locale;
    let (title, text) = words::page(failure, locale);
    let site = match failure {
        Failure::NotAllowed { site, .. } | Failure::Upstream { site, .. } | Failure::Body { site, .. } => Some(site),
        _ => None,
    };
    let site = site.map(|site| format!("<p class=\"site\">{}</p>", escape(site))).unwrap_or_default();
    let again = matches!(failure, Failure::Upstream { .. } | Failure::Body { .. })
        && asker.repeatable
        && !matches!(code, StatusCode::FORBIDDEN);
    let action = match failure {
        Failure::NotAllowed { back, .. } => link(back, words::back(locale)),
        _ if again => link("", words::again(locale)),
        _ => String::new(),
    };
    // The number helps whoever is asked for help; at the end of a session there is nothing to help with.
    let number = match failure {
        Failure::Ended { .. } => String::new(),
        _ => format!("<p class=\"code\">{}</p>", code.as_u16()),
    };
    let (told, images) = match failure {
        Failure::Ended { farewell: Some(farewell), .. } => (farewell.told(locale), farewell.sources()),
        _ => Default::default(),
    };
    let document = format!(
        "<!doctype html><html lang=\"{lang}\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title}</title><style>{STYLE}</style><main><p class=\"mark\">{MARK}Lado</p><h1>{title}</h1>{site}<p>{text}</p>\
         {told}{action}{number}</main></html>",
        lang = locale.tag(),
    );
    let mut response = html(code, document);
    let policy = format!("default-src 'none'; style-src 'unsafe-inline';{images} base-uri 'none'; form-action 'none'");
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The apps' colours (web/shared/tokens.css), inlined: a page about a failure loads nothing.
const STYLE: &str = ":root{color-scheme:light dark;--bg:#f5f7f6;--surface:#fff;--line:#d5dddb;--text:#14211f;\
    --muted:#4f5f5c;--primary:#0b6b67;--on-primary:#fff}\
    @media(prefers-color-scheme:dark){:root{--bg:#0e1413;--surface:#171f1e;--line:#2f3c39;--text:#e8efed;\
    --muted:#a5b5b1;--primary:#58c7bb;--on-primary:#04211f}}\
    *{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;\
    font:17px/1.55 system-ui,sans-serif;background:var(--bg);color:var(--text)}\
    main{width:100%;max-width:36rem;padding:2rem;border:1px solid var(--line);border-top:6px solid var(--primary);\
    border-radius:12px;background:var(--surface);box-shadow:0 2px 10px rgb(0 0 0/.06)}\
    .mark{display:flex;align-items:center;gap:.5rem;margin:0 0 1.25rem;font-weight:700}\
    h1{font-size:1.6rem;line-height:1.2;margin:0 0 .75rem;text-wrap:balance}p{margin:.5rem 0}\
    .site{font-family:ui-monospace,monospace;font-size:.95rem;color:var(--muted);overflow-wrap:anywhere}\
    a{display:inline-block;margin:1rem 0 0;padding:.7rem 1.25rem;border-radius:8px;background:var(--primary);\
    color:var(--on-primary);font-weight:650;text-decoration:none}a:focus-visible{outline:3px solid;outline-offset:2px}\
    dl{margin:1.25rem 0 0;display:grid;gap:.75rem}dt{color:var(--muted);font-size:.85rem}dd{margin:0}\
    .code{margin-top:1.25rem;color:var(--muted);font-size:.85rem}";

const MARK: &str = "<svg width=\"24\" height=\"24\" viewBox=\"0 0 32 32\" aria-hidden=\"true\">\
    <rect x=\"2\" y=\"5\" width=\"17\" height=\"22\" rx=\"5\" fill=\"#0f7d78\"/>\
    <rect x=\"13\" y=\"5\" width=\"17\" height=\"22\" rx=\"5\" fill=\"#f0a04b\" fill-opacity=\".88\"/></svg>";

impl Farewell {
    /// With whom, how long, and what was and was not kept.
    fn told(&self, locale: Locale) -> String {
        let words = words::farewell(locale);
        let row = |name: &str, text: &str| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escape(text));
        let mut rows = String::new();
        if let Some(time) = self.lasted.filter(|_| !self.agents.is_empty()) {
            rows += &row(words.with, &format!("{} · {}", self.agents.join(", "), self.company));
            let minutes = time.as_secs() / 60;
            let time = if minutes == 0 { "< 1 min".into() } else { format!("{minutes} min") };
            rows += &row(words.lasted, &time);
        }
        rows += &row(words.recorded, words.nothing);
        rows += &row(words.kept, words.history);
        rows += &row(words.erased, words.all);
        // Clear-Site-Data speaks for the host that sends it, and is heard on any kind of request.
        let image = |origin: &String| format!("<img src=\"{}/__lado/farewell\" alt=\"\" hidden>", escape(origin));
        let erasing: String = self.visited.iter().map(image).collect();
        format!("<dl>{rows}</dl>{erasing}")
    }

    /// What the page's policy admits for that.
    fn sources(&self) -> String {
        if self.visited.is_empty() { String::new() } else { format!(" img-src {};", self.visited.join(" ")) }
    }
}

fn link(address: &str, text: &str) -> String {
    format!("<p><a href=\"{}\">{text}</a></p>", escape(address))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(wanted: &str) -> Locale {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, wanted.parse().unwrap());
        Locale::of(&headers)
    }

    #[test]
    fn the_best_language_that_lado_speaks_is_taken() {
        assert_eq!(locale("pt-BR,pt;q=0.9,en;q=0.8"), Locale::PtBr);
        assert_eq!(locale("it,en;q=0.5,pt;q=0.7"), Locale::PtBr);
        assert_eq!(locale("de-AT,en;q=0.5"), Locale::De);
        assert_eq!(locale("en-US,en;q=0.9"), Locale::En);
        assert_eq!(locale("ja"), Locale::En);
    }

    #[test]
    fn a_person_reads_a_page_and_a_script_gets_a_line() {
        let failure = Failure::NotAllowed { site: "https://<b>.test".into(), back: "http://a/?x=1&y=\"".into() };
        let reader = http::Request::builder().header("sec-fetch-dest", "document").body(()).unwrap();
        let response = rescue(&failure, Asker::of(&reader));
        assert_eq!(response.status(), 403);
        let super::super::Body::Full(bytes) = response.into_body() else { panic!("no page") };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.contains("https://&lt;b>.test") && text.contains("http://a/?x=1&amp;y=&quot;"), "{text}");

        let script = http::Request::builder().header("sec-fetch-dest", "empty").body(()).unwrap();
        let response = rescue(&failure, Asker::of(&script));
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    }

    #[test]
    fn every_language_says_it_in_its_own_words() {
        let mut seen = Vec::new();
        for wanted in ["en", "pt-BR", "es", "fr", "de"] {
            let reader =
                http::Request::builder().header("sec-fetch-dest", "document").header("accept-language", wanted);
            let cause = UpstreamError::Connect(ConnectError::Refused);
            let failure = Failure::Upstream { site: "https://shop.test".into(), cause };
            let response = rescue(&failure, Asker::of(&reader.body(()).unwrap()));
            let super::super::Body::Full(bytes) = response.into_body() else { panic!("no page") };
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert!(text.contains(&format!("lang=\"{wanted}\"")), "{text}");
            let words = text.split("<h1>").nth(1).unwrap().to_owned();
            assert!(words.contains("<a href=\"\">"), "a way to try again: {words}");
            assert!(!seen.contains(&words), "{words}");
            seen.push(words);
        }
    }

    #[test]
    fn an_ended_session_takes_its_things_away() {
        let cookies = vec![HeaderValue::from_static("lado_x=; Max-Age=0")];
        let farewell = Farewell {
            company: "Loja <Sol>".into(),
            agents: vec!["Ana Souza".into()],
            lasted: Some(Duration::from_secs(185)),
            visited: vec!["https://x-a.view.test".into(), "https://x-b.view.test".into()],
        };
        let ended = Failure::Ended { cookies, farewell: Some(farewell) };
        let reader = http::Request::builder().header("sec-fetch-dest", "document").header("accept-language", "de");
        let response = rescue(&ended, Asker::of(&reader.body(()).unwrap()));
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("; img-src https://x-a.view.test https://x-b.view.test; "), "{policy}");
        let super::super::Body::Full(bytes) = response.into_body() else { panic!("no page") };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.contains("<img src=\"https://x-b.view.test/__lado/farewell\""), "{text}");
        for part in ["lang=\"de\"", "Ana Souza · Loja &lt;Sol>", "3 min", "Nichts: weder Seiten"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let response = rescue(&ended, Asker::of(&http::Request::new(())));
        assert_eq!(response.status(), 410);
        assert_eq!(response.headers()["clear-site-data"], "\"cache\", \"storage\"");
        assert_eq!(response.headers()["set-cookie"], "lado_x=; Max-Age=0");
    }
}
