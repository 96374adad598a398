//! Who is signed in: sign-in, sign-out, and the check that every other route begins with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Extension, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Json, extract::rejection::JsonRejection};
use http::header::{COOKIE, HeaderMap, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::error::{ApiError, Refused};
use super::{Console, password};
use crate::id::Secret;
use crate::listener::Downstream;
use crate::session::limit::Limiter;
use crate::session::{Agent, Companies, Company, Role, lock};

const COOKIE_NAME: &str = "lado_agent";
/// Sign-ins kept at once; the oldest goes.
const MAX_SIGNED_IN: usize = 20_000;
const SWEEP: Duration = Duration::from_secs(60);
const WINDOW: Duration = Duration::from_secs(5 * 60);
const WRONG_PER_NAME: usize = 10;
const WRONG_PER_ADDRESS: usize = 50;
const MAX_NAME: usize = 128;

/// The agent who asks, checked by [`require`]: routes behind it find this in the request's extensions.
#[derive(Clone)]
pub(super) struct Caller {
    pub company: Arc<Company>,
    pub agent: Agent,
    key: Key,
}

/// The hash of a cookie's secret: finding it takes the same time whatever is presented.
type Key = [u8; 32];

pub(super) struct SignedIn {
    agents: HashMap<Key, (Arc<Company>, Agent, Instant)>,
    by_name: Limiter,
    by_address: Limiter,
    swept: Instant,
}

impl Default for SignedIn {
    fn default() -> Self {
        Self {
            agents: HashMap::new(),
            by_name: Limiter::new(WRONG_PER_NAME, WINDOW),
            by_address: Limiter::new(WRONG_PER_ADDRESS, WINDOW),
            swept: Instant::now(),
        }
    }
}

impl SignedIn {
    fn add(&mut self, secret: &Secret, company: Arc<Company>, agent: Agent, expires: Instant) {
        if self.agents.len() >= MAX_SIGNED_IN {
            let oldest = self.agents.iter().min_by_key(|(_, (_, _, expires))| *expires).map(|(key, _)| *key);
            oldest.and_then(|key| self.agents.remove(&key));
        }
        self.agents.insert(key(secret), (company, agent, expires));
    }

    fn caller(&self, headers: &HeaderMap, now: Instant) -> Option<Caller> {
        let key = presented(headers)?;
        let (company, agent, expires) = self.agents.get(&key)?;
        (*expires > now).then(|| Caller { company: Arc::clone(company), agent: agent.clone(), key })
    }

    /// Companies have been read again: signed in stays who has the same password, with the role that they have now.
    /// Returns the names of those who are signed out by it.
    fn follow(&mut self, companies: &Companies) -> Vec<String> {
        let mut gone = Vec::new();
        self.agents.retain(|_, (company, agent, _)| {
            let before = company.agents.iter().find(|account| account.agent.name == agent.name);
            let now = companies.account(&agent.name).filter(|(now, account)| {
                now.id == company.id && before.is_some_and(|before| before.password == account.password)
            });
            match now {
                Some((now, account)) => {
                    (*company, *agent) = (now, account.agent.clone());
                    true
                }
                None => {
                    gone.push(agent.name.clone());
                    false
                }
            }
        });
        gone
    }

    /// Forgets what has expired, now and then.
    fn sweep(&mut self, now: Instant) {
        if now.saturating_duration_since(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        self.agents.retain(|_, (_, _, expires)| *expires > now);
        self.by_name.sweep(now);
        self.by_address.sweep(now);
    }
}

impl Caller {
    /// Whether the sign-in still stands, for what goes on for long.
    pub(super) fn stands(&self, console: &Console) -> bool {
        let signed_in = lock(&console.signed_in);
        signed_in.agents.get(&self.key).is_some_and(|(_, _, expires)| *expires > Instant::now())
    }
}

/// Lets nobody by who is not signed in.
pub(super) async fn require(State(console): State<Arc<Console>>, mut request: Request, next: Next) -> Response {
    let caller = lock(&console.signed_in).caller(request.headers(), Instant::now());
    match caller {
        Some(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        None => ApiError::NotSignedIn.into_response(),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    #[schema(example = "ana")]
    name: String,
    password: String,
}

/// The agent who is signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    name: String,
    display: String,
    company: CompanyName,
    role: Role,
}

#[derive(Serialize, ToSchema)]
pub(super) struct CompanyName {
    id: String,
    name: String,
}

impl Me {
    fn of(company: &Company, agent: &Agent) -> Self {
        Self {
            name: agent.name.clone(),
            display: agent.display.clone(),
            company: CompanyName { id: company.id.clone(), name: company.name.clone() },
            role: agent.role,
        }
    }
}

/// Signs an agent in and sets the cookie `lado_agent`.
#[utoipa::path(
    post, path = "/api/sign-in", request_body = Credentials, security(()),
    responses(
        (status = OK, body = Me),
        (status = UNAUTHORIZED, body = Refused, description = "`wrong_password`"),
        (status = TOO_MANY_REQUESTS, body = Refused, description = "`too_many_attempts`"),
    ),
)]
pub(super) async fn sign_in(
    State(console): State<Arc<Console>>,
    downstream: Option<Extension<Downstream>>,
    headers: HeaderMap,
    body: Result<Json<Credentials>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(Credentials { name, password }) = body?;
    let address = downstream.map_or_else(String::new, |Extension(it)| it.address.ip().to_string());
    if name.len() > MAX_NAME {
        return Err(ApiError::WrongPassword);
    }
    {
        let mut signed_in = lock(&console.signed_in);
        let now = Instant::now();
        signed_in.sweep(now);
        signed_in.by_name.check(&name, now).map_err(ApiError::TooMany)?;
        signed_in.by_address.check(&address, now).map_err(ApiError::TooMany)?;
    }
    let account = console.sessions.companies().account(&name);
    // A name that nobody has takes as long as a wrong password: names cannot be found out by the clock.
    let hash = account.as_ref().map_or_else(|| console.decoy.clone(), |(_, account)| account.password.clone());
    let right = console.verify(password, hash).await;
    match account {
        Some((company, account)) if right => {
            let secret = Secret::random();
            let lifetime = console.config.sign_in_expires.0;
            let mut signed_in = lock(&console.signed_in);
            if let Some(before) = presented(&headers) {
                signed_in.agents.remove(&before);
            }
            signed_in.add(&secret, Arc::clone(&company), account.agent.clone(), Instant::now() + lifetime);
            drop(signed_in);
            tracing::info!(company = %company.id, agent = %name, "signed in");
            let cookie = console.agent_cookie(&secret.reveal(), lifetime);
            Ok(([(SET_COOKIE, cookie)], Json(Me::of(&company, &account.agent))).into_response())
        }
        _ => {
            let mut signed_in = lock(&console.signed_in);
            signed_in.by_name.failed(&name, Instant::now());
            signed_in.by_address.failed(&address, Instant::now());
            drop(signed_in);
            tracing::warn!(%address, "wrong name or password");
            Err(ApiError::WrongPassword)
        }
    }
}

/// Signs the agent out and takes the cookie away.
#[utoipa::path(
    post, path = "/api/sign-out", security(("agent" = [])),
    responses((status = NO_CONTENT), (status = UNAUTHORIZED, body = Refused)),
)]
pub(super) async fn sign_out(State(console): State<Arc<Console>>, Extension(caller): Extension<Caller>) -> Response {
    lock(&console.signed_in).agents.remove(&caller.key);
    (StatusCode::NO_CONTENT, [(SET_COOKIE, console.agent_cookie("", Duration::ZERO))]).into_response()
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/api/me", security(("agent" = [])),
    responses((status = OK, body = Me), (status = UNAUTHORIZED, body = Refused)),
)]
pub(super) async fn me(Extension(caller): Extension<Caller>) -> Json<Me> {
    Json(Me::of(&caller.company, &caller.agent))
}

impl Console {
    /// Companies have been read again: who may not sign in any more is out, and watches no longer.
    pub fn follow(&self, companies: &Companies) {
        for name in lock(&self.signed_in).follow(companies) {
            tracing::info!(agent = %name, "signed out: the account is gone or has another password");
            self.hubs.dismiss(&name);
        }
    }

    /// Checks a password beside the other work, a few at a time: argon2 takes processor and memory by intention.
    async fn verify(&self, password: String, hash: String) -> bool {
        let Ok(_turn) = self.verifiers.acquire().await else { return false };
        tokio::task::spawn_blocking(move || password::verify(&password, &hash)).await.unwrap_or(false)
    }

    fn agent_cookie(&self, value: &str, lifetime: Duration) -> HeaderValue {
        let secure = if self.origin.starts_with("https:") { "; Secure" } else { "" };
        let text =
            format!("{COOKIE_NAME}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}{secure}", lifetime.as_secs());
        // base64url and digits are always a header value.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }
}

/// The key of the cookie that a request carries.
fn presented(headers: &HeaderMap) -> Option<Key> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .and_then(|(_, value)| Secret::parse(value).ok())
        .map(|secret| key(&secret))
}

fn key(secret: &Secret) -> Key {
    Sha256::digest(secret.as_bytes()).into()
}
