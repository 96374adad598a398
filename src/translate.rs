//! Puts what people write to each other into the reader's language: a port, and a service that speaks LibreTranslate's API.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use url::Url;

use crate::span::Span;
use crate::upstream::{self, Body, SetupError, Upstream, UpstreamError};

/// A chat message in another language is not much longer.
const MAX_ANSWER: usize = 64 * 1024;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the service is, such as `http://127.0.0.1:5000`; without it nothing is translated.
    pub url: Option<Service>,
    pub api_key: Option<String>,
    /// For one message.
    pub timeout: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self { url: None, api_key: None, timeout: Span(Duration::from_secs(10)) }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { url, api_key, timeout } = self;
        f.debug_struct("Config")
            .field("url", url)
            .field("api_key", &api_key.as_ref().map(|_| "…"))
            .field("timeout", timeout)
            .finish()
    }
}

/// The service's own address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Service(Url);

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no address of a translation service; write https://translate.example.com or http://127.0.0.1:5000")]
pub struct NoService(String);

impl TryFrom<String> for Service {
    type Error = NoService;

    fn try_from(text: String) -> Result<Self, NoService> {
        let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.filter(|url| url.username().is_empty() && url.query().is_none() && url.fragment().is_none());
        url.map(Self).ok_or(NoService(text))
    }
}

/// A text in another language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    pub text: String,
    /// The language that it was written in, by its ISO 639 code.
    pub from: String,
}

#[derive(Debug, thiserror::Error)]
pub enum TranslateError {
    #[error("the translation service cannot be reached: {0}")]
    Upstream(#[from] UpstreamError),
    #[error("the translation service answered {0}")]
    Status(StatusCode),
    #[error("the translation service's answer is not LibreTranslate's: {0}")]
    Answer(String),
    #[error("the translation service took longer than {0:?}")]
    Slow(Duration),
}

pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Translation, TranslateError>> + Send + 'a>>;

pub trait Translator: Send + Sync {
    /// Puts `text`, in whatever language, into the one with the ISO 639 code `to`.
    fn translate<'a>(&'a self, text: &'a str, to: &'a str) -> Answer<'a>;
}

/// A service with LibreTranslate's HTTP API (`POST /translate`).
pub struct LibreTranslate {
    upstream: Upstream,
    endpoint: Url,
    api_key: Option<String>,
    timeout: Duration,
}

#[derive(Serialize)]
struct Question<'a> {
    q: &'a str,
    source: &'static str,
    target: &'a str,
    format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Translated {
    translated_text: String,
    detected_language: Detected,
}

#[derive(Deserialize)]
struct Detected {
    language: String,
}

impl LibreTranslate {
    /// Nothing, when no service is configured.
    ///
    /// # Errors
    /// [`SetupError`] when a certificate authority or the system's DNS configuration cannot be read.
    pub fn new(config: &Config, extra_ca: &[PathBuf]) -> Result<Option<Self>, SetupError> {
        let Some(Service(url)) = &config.url else { return Ok(None) };
        // Operations have chosen the address, so it may be private: the guard is for what browsers ask for.
        let anywhere = ["0.0.0.0/0", "::/0"].map(|net| upstream::guard::Exception::try_from(net.to_owned()));
        let own = upstream::Config {
            allow_private: anywhere.into_iter().flatten().collect(),
            extra_ca: extra_ca.to_vec(),
            first_byte_timeout: config.timeout,
            ..upstream::Config::default()
        };
        let mut endpoint = url.clone();
        endpoint.set_path(&format!("{}/translate", url.path().trim_end_matches('/')));
        let (api_key, timeout) = (config.api_key.clone(), config.timeout.0);
        Ok(Some(Self { upstream: Upstream::new(&own)?, endpoint, api_key, timeout }))
    }

    async fn ask(&self, text: &str, to: &str) -> Result<Translation, TranslateError> {
        let api_key = self.api_key.as_deref();
        let question = Question { q: text, source: "auto", target: to, format: "text", api_key };
        let body = serde_json::to_vec(&question).map_err(|error| TranslateError::Answer(error.to_string()))?;
        let request = Request::post(self.endpoint.as_str())
            .header(HOST, self.endpoint.authority())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(Body::Full(Bytes::from(body)))
            .map_err(|error| TranslateError::Answer(error.to_string()))?;
        let response = self.upstream.send(request).await?;
        if !response.status().is_success() {
            return Err(TranslateError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| TranslateError::Answer(error.to_string()))?.to_bytes();
        // What a message says stands in serde's own words for what it did not like: they are not passed on.
        let answer: Translated =
            serde_json::from_slice(&body).map_err(|_| TranslateError::Answer("no such JSON".into()))?;
        Ok(Translation { text: answer.translated_text, from: answer.detected_language.language })
    }
}

impl Translator for LibreTranslate {
    fn translate<'a>(&'a self, text: &'a str, to: &'a str) -> Answer<'a> {
        Box::pin(async move {
            timeout(self.timeout, self.ask(text, to)).await.unwrap_or(Err(TranslateError::Slow(self.timeout)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_an_http_address_without_secrets_in_it() {
        let service = |text: &str| Service::try_from(text.to_owned());
        assert!(service("http://127.0.0.1:5000").is_ok() && service("https://t.example/libre/").is_ok());
        for text in ["", "127.0.0.1:5000", "ftp://t.example", "https://t.example/?api_key=x", "https://a:b@t.example"] {
            assert!(service(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_key_is_not_printed() {
        let config = Config { api_key: Some("s3cret".into()), ..Config::default() };
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
