//! One request as the shop's pages see it: whose visit, which language, and the ways to answer.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::books::{Account, Shop, Visit, token};
use super::not_found;
use super::shelf::{Product, money, product};
use super::template::{Field, Html, Lang, fill};

/// Everything a page needs to know about the request: whose visit, which language, which address.
pub struct Asked {
    pub shop: Arc<Shop>,
    pub id: String,
    pub fresh: bool,
    pub lang: Lang,
    pub origin: String,
    pub path: String,
    pub seen: Vec<String>,
    pub json: bool,
    /// The `Origin` header, where there is one, names this shop.
    pub own: bool,
}

impl FromRequestParts<Arc<Shop>> for Asked {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self, Response> {
        let path = parts.uri.path().to_owned();
        let first = path.split('/').nth(1).unwrap_or_default();
        let lang = match Lang::parse(first) {
            Some(lang) => lang,
            None if first == "api" => query(&parts.uri, "lang").as_deref().and_then(Lang::parse).unwrap_or(Lang::Pt),
            None => return Err(not_found().await.into_response()),
        };
        let known = cookie(&parts.headers, "sol_session").filter(|id| shop.books().visits.contains_key(id));
        let fresh = known.is_none();
        let id = known.unwrap_or_else(|| shop.books().begin());
        let origin = format!("http://{}", text_of(&parts.headers, HOST));
        let own = parts.headers.get(ORIGIN).is_none_or(|value| value.as_bytes() == origin.as_bytes());
        let seen = cookie(&parts.headers, "sol_seen").unwrap_or_default();
        Ok(Self {
            shop: Arc::clone(shop),
            id,
            fresh,
            lang,
            origin,
            path,
            seen: seen.split('-').map(str::to_owned).collect(),
            json: text_of(&parts.headers, ACCEPT).contains("application/json"),
            own,
        })
    }
}

impl Asked {
    pub fn visit(&self) -> Visit {
        self.shop.books().visits.get(&self.id).cloned().unwrap_or_default()
    }

    pub fn change(&self, change: impl FnOnce(&mut Visit)) {
        if let Some(visit) = self.shop.books().visits.get_mut(&self.id) {
            change(visit);
        }
    }

    pub fn account(&self) -> Option<Account> {
        let email = self.visit().account?;
        self.shop.books().accounts.get(&email).cloned()
    }

    /// The form's fields, where the post came from this shop's own page.
    pub fn form(&self, body: &Bytes) -> Option<Form> {
        let form = Form(url::form_urlencoded::parse(body).into_owned().collect());
        (self.own && !self.fresh && form.get("csrf") == self.visit().csrf).then_some(form)
    }

    /// The answer to a form that is not one of ours, or no longer.
    pub fn expired(&self) -> Response {
        let word = |key| self.lang.word(key);
        self.message(StatusCode::FORBIDDEN, word("forbidden"), word("forbidden_text"))
    }

    pub fn missing(&self) -> Response {
        let word = |key| self.lang.word(key);
        self.message(StatusCode::NOT_FOUND, word("not_found"), word("not_found_text"))
    }

    pub fn part(&self, template: &str, fields: &[(&str, Field<'_>)]) -> Html {
        fill(self.lang, template, fields)
    }

    pub fn page(&self, status: StatusCode, title: &str, main: Html) -> Response {
        let visit = self.visit();
        let account = match self.account() {
            Some(account) => self.part(
                include_str!("templates/account_in.html"),
                &[("name", (&account.name).into()), ("csrf", (&visit.csrf).into())],
            ),
            None => self.part(include_str!("templates/account_out.html"), &[]),
        };
        let nonce = token();
        let other = self.lang.other().code();
        let other_path = self.path.replacen(self.lang.code(), other, 1);
        let word = |key| self.lang.word(key);
        let words = json!({ "added": word("added"), "failed": word("failed"), "agreed": word("agreed") });
        let html = self.part(
            include_str!("templates/layout.html"),
            &[
                ("title", title.into()),
                ("origin", (&self.origin).into()),
                ("other_lang", other.into()),
                ("other_path", (&other_path).into()),
                ("nonce", (&nonce).into()),
                ("words", Html::json(&words).into()),
                ("account", account.into()),
                ("count", visit.bag.values().sum::<u64>().into()),
                ("main", main.into()),
            ],
        );
        let policy = format!(
            "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; \
             frame-ancestors 'self'; form-action 'self'; base-uri 'none'; object-src 'none'"
        );
        let headers = [
            (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
            (CACHE_CONTROL, "no-store".to_owned()),
            (CONTENT_SECURITY_POLICY, policy),
        ];
        self.greet((status, headers, html.into_string()).into_response())
    }

    pub fn message(&self, status: StatusCode, title: &str, text: &str) -> Response {
        let template = include_str!("templates/message.html");
        self.page(status, title, self.part(template, &[("title", title.into()), ("text", text.into())]))
    }

    pub fn go(&self, path: &str) -> Response {
        let to = format!("/{}/{path}", self.lang.code());
        self.greet((StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response())
    }

    pub fn api(&self, value: serde_json::Value) -> Response {
        self.greet(([(CACHE_CONTROL, "no-store")], Json(value)).into_response())
    }

    /// Sets the cookies of a new visit: the session's own, and the language, which scripts may read.
    pub fn greet(&self, mut response: Response) -> Response {
        let mut cookies = vec![format!("sol_lang={}; Path=/; Max-Age=31536000; SameSite=Lax", self.lang.code())];
        if self.fresh {
            cookies.push(format!("sol_session={}; Path=/; HttpOnly; SameSite=Lax", self.id));
        }
        for cookie in cookies.iter().filter_map(|text| HeaderValue::from_str(text).ok()) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }

    pub fn bag(&self) -> Vec<(&'static Product, u64)> {
        self.visit().bag.iter().filter_map(|(slug, quantity)| Some((product(slug)?, *quantity))).collect()
    }

    pub fn summary(&self, lines: &[(&Product, u64)]) -> Html {
        Html::join(lines.iter().map(|(product, quantity)| {
            self.part(
                include_str!("templates/summary_line.html"),
                &[
                    ("quantity", (*quantity).into()),
                    ("name", (&product.text(self.lang).name).into()),
                    ("price", (&money(product.cents * quantity, self.lang)).into()),
                ],
            )
        }))
    }

    pub fn notice(&self, key: Option<&str>) -> Html {
        key.map_or_else(Html::default, |key| {
            self.part(include_str!("templates/notice.html"), &[("text", self.lang.word(key).into())])
        })
    }
}

pub fn total(lines: &[(&Product, u64)]) -> u64 {
    lines.iter().map(|(product, quantity)| product.cents * quantity).sum()
}

pub struct Form(HashMap<String, String>);

impl Form {
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }

    pub fn quantity(&self) -> u64 {
        self.get("quantity").parse().unwrap_or(1).min(20)
    }
}

pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, v)| v.to_owned())
}

pub fn query(uri: &Uri, name: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(uri.query()?.as_bytes());
    pairs.into_owned().find(|(key, _)| key == name).map(|(_, value)| value)
}

pub fn text_of(headers: &HeaderMap, name: HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
