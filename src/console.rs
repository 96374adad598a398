//! The console's JSON API and apps, for agents and for customers who join.

mod apps;
mod brand;
mod drift;
mod error;
mod guard;
mod history;
mod join;
mod line;
mod panel;
pub mod password;
pub mod record;
mod sessions;
mod sign_in;
mod talk;
mod text;
mod translate;
mod view;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, get, on};
use axum::{Json, Router};
use http::header::{HeaderMap, ORIGIN};
use serde::Deserialize;
use tokio::sync::Semaphore;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::hub::Hubs;
use crate::respond::Sockets;
use crate::session::Sessions;
use crate::span::Span;
use crate::store::Store;
use crate::translate::Translator;
use error::ApiError;
pub use view::SessionView;

/// The largest body the API reads: addresses and names.
const MAX_BODY: usize = 16 * 1024;
/// Passwords checked at the same time; each takes 19 MiB (argon2's default).
const VERIFIERS: usize = 4;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long an agent stays signed in.
    pub sign_in_expires: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self { sign_in_expires: Span(Duration::from_secs(12 * 3600)) }
    }
}

/// What the console stands on.
pub struct Parts {
    pub sessions: Arc<Sessions>,
    pub hubs: Arc<Hubs>,
    pub store: Arc<dyn Store>,
    pub translator: Option<Arc<dyn Translator>>,
    pub sockets: Sockets,
}

/// What the console's routes work on.
pub struct Console {
    config: Config,
    sessions: Arc<Sessions>,
    hubs: Arc<Hubs>,
    store: Arc<dyn Store>,
    translator: Option<Arc<dyn Translator>>,
    /// Scheme, name and port, as browsers send it.
    origin: String,
    /// Front hosts: they may frame the panel, as view hosts may, and origins whose pages load Lado's script.
    fronts: String,
    signed_in: Mutex<sign_in::SignedIn>,
    verifiers: Semaphore,
    sockets: Sockets,
    /// The hash that is checked when nobody has the name.
    decoy: String,
}

impl Console {
    /// `origin` is the console's own, such as `https://lado.example.com`.
    ///
    /// # Errors
    /// [`password::PasswordError`] when the system cannot hash.
    pub fn new(
        config: Config,
        parts: Parts,
        origin: String,
        fronts: &[String],
    ) -> Result<Arc<Self>, password::PasswordError> {
        let Parts { sessions, hubs, store, translator, sockets } = parts;
        let fronts = fronts.iter().map(|host| format!(" {host}:*")).collect();
        Ok(Arc::new(Self {
            config,
            fronts,
            sessions,
            hubs,
            store,
            translator,
            origin,
            signed_in: Mutex::default(),
            verifiers: Semaphore::new(VERIFIERS),
            sockets,
            decoy: password::hash("nobody has this password")?,
        }))
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Everything that the console's own host answers.
    pub fn router(self: &Arc<Self>) -> Router {
        let (api, document) = self.api().split_for_parts();
        let document = Arc::new(document);
        api.route("/api/openapi.json", get(move || async move { Json(OpenApi::clone(&document)) }))
            .route("/", get(apps::console))
            .route("/j/{token}", get(apps::join))
            .route("/panel", get(apps::panel))
            .route("/assets/{name}", get(apps::asset))
            .route("/brand/{name}", get(brand::picture).with_state(Arc::clone(self)))
            // Over HTTP/2 a WebSocket is asked for with CONNECT (RFC 8441).
            .route("/api/panel/socket", on(MethodFilter::CONNECT, panel::socket).with_state(Arc::clone(self)))
            .route(
                "/api/sessions/{id}/talk",
                on(MethodFilter::CONNECT, talk::socket)
                    .with_state(Arc::clone(self))
                    .route_layer(from_fn_with_state(Arc::clone(self), sign_in::require)),
            )
            .fallback(apps::nowhere)
            .method_not_allowed_fallback(|| async { ApiError::Method })
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(from_fn_with_state(Arc::clone(self), guard::same_origin))
            .layer(from_fn_with_state(Arc::clone(self), guard::headers))
    }

    /// The API's description, the same that is served at `/api/openapi.json`.
    pub fn openapi(self: &Arc<Self>) -> OpenApi {
        self.api().into_openapi()
    }

    /// Every route of the API stands in one of these two lists; the description is made of them, and a test asks each.
    fn api(self: &Arc<Self>) -> OpenApiRouter {
        let signed_in = OpenApiRouter::new()
            .routes(routes!(sign_in::sign_out))
            .routes(routes!(sign_in::me))
            .routes(routes!(sessions::create, sessions::list))
            .routes(routes!(sessions::get))
            .routes(routes!(sessions::evidence))
            .routes(routes!(sessions::end))
            .routes(routes!(sessions::viewer))
            .routes(routes!(sessions::pin))
            .routes(routes!(sessions::events))
            .routes(routes!(sessions::colleagues))
            .routes(routes!(drift::list))
            .routes(routes!(drift::looked))
            .routes(routes!(talk::socket))
            .routes(routes!(history::favourites, history::add_favourite))
            .routes(routes!(history::remove_favourite))
            .routes(routes!(history::history))
            .routes(routes!(history::notes, history::write_notes))
            .route_layer(from_fn_with_state(Arc::clone(self), sign_in::require));
        // A password, a link or a ticket authorises these.
        let open = OpenApiRouter::with_openapi(description())
            .routes(routes!(sign_in::sign_in))
            .routes(routes!(join::invitation))
            .routes(routes!(join::accept))
            .routes(routes!(join::decline))
            .routes(routes!(panel::socket));
        open.merge(signed_in).with_state(Arc::clone(self))
    }

    /// What browsers are told to load and to frame.
    fn policy(&self, framed: bool) -> String {
        let view = self.sessions.domain();
        let views = format!("{}://*.{}", view.scheme, view.domain);
        let socket = self.origin.replacen("http", "ws", 1);
        let companies = self.sessions.companies();
        let scripts: String =
            companies.iter().flat_map(|company| &company.scripts).map(|origin| format!(" {origin}")).collect();
        let ancestors = if framed { format!("{views}{}{scripts}", self.fronts) } else { "'none'".to_owned() };
        let frames = if framed { "'none'" } else { views.as_str() };
        format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
             connect-src 'self' {socket}; frame-src {frames}; base-uri 'none'; form-action 'none'; \
             frame-ancestors {ancestors}"
        )
    }
}

/// Whether a WebSocket request comes from a document of `origin`. Browsers always say so (RFC 6455 §4.1); who does not is
/// no browser and has no business at a socket.
pub fn is_from(headers: &HeaderMap, origin: &str) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.next().is_some_and(|value| value.as_bytes() == origin.as_bytes()) && origins.next().is_none()
}

fn description() -> OpenApi {
    let mut document = OpenApi::default();
    document.info.title = "Lado".into();
    document.info.version = env!("CARGO_PKG_VERSION").into();
    document.info.description = Some(
        "What the console's apps ask Lado. Requests that change something are JSON and, when they name an origin, come \
         from the console's own. Every refusal has the same body: a code for programs and a sentence for people."
            .into(),
    );
    let cookie = ApiKeyValue::with_description("lado_agent", "Set by signing in: HttpOnly, SameSite=Strict.");
    let mut components = document.components.take().unwrap_or_default();
    components.security_schemes.insert("agent".into(), SecurityScheme::ApiKey(ApiKey::Cookie(cookie)).into());
    document.components = Some(components);
    document
}
