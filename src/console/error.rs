//! What the API says when it says no: a code for apps, a sentence for people.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::session::talk::TalkError;
use crate::session::{AskError, LinkError, PinError, SessionError};
use crate::store::StoreError;

/// The body of every refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refused {
    pub error: Reason,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Reason {
    /// Apps translate by this.
    #[schema(example = "not_signed_in")]
    pub code: String,
    /// An English sentence that says what to do.
    pub message: String,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    #[error("sign in first")]
    NotSignedIn,
    #[error("name or password is wrong")]
    WrongPassword,
    #[error("too many attempts: wait {} s and try again", .0.as_secs().max(1))]
    TooMany(Duration),
    #[error("there is no such session, or it is not yours")]
    NoSession,
    #[error("the session is over")]
    Ended,
    #[error("the customer has to accept, and you to enter the PIN first")]
    NotActive,
    #[error("this is not an address of a site: write it like https://www.example.com")]
    BadAddress,
    #[error("send JSON with the content type application/json")]
    NotJson,
    #[error("{0}")]
    BadRequest(String),
    #[error("the request is larger than it may be")]
    TooLarge,
    #[error("this request comes from another origin than the console's")]
    OtherOrigin,
    #[error("there is no such address")]
    NotFound,
    #[error("this address is not asked that way")]
    Method,
    #[error("this address is a WebSocket")]
    NotWebSocket,
    #[error("this is for admins of your company")]
    NotAdmin,
    #[error("there is no such alarm (any more)")]
    NoAlarm,
    #[error("this cannot be kept or looked up at the moment: tell whoever runs Lado")]
    NotKept,
    #[error(transparent)]
    Favourites(StoreError),
    #[error("your company has no such colleague")]
    NoColleague,
    #[error(transparent)]
    Talk(#[from] TalkError),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(transparent)]
    Pin(#[from] PinError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl ApiError {
    fn parts(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotSignedIn => (StatusCode::UNAUTHORIZED, "not_signed_in"),
            Self::WrongPassword => (StatusCode::UNAUTHORIZED, "wrong_password"),
            Self::TooMany(_) | Self::Pin(PinError::TooMany(_)) => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"),
            Self::NoSession => (StatusCode::NOT_FOUND, "no_session"),
            Self::Ended => (StatusCode::CONFLICT, "ended"),
            Self::NotActive => (StatusCode::CONFLICT, "not_active"),
            Self::BadAddress | Self::Session(SessionError::Address) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "bad_address")
            }
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json"),
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::OtherOrigin => (StatusCode::FORBIDDEN, "other_origin"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::NotWebSocket => (StatusCode::UPGRADE_REQUIRED, "not_websocket"),
            Self::NotAdmin => (StatusCode::FORBIDDEN, "not_admin"),
            Self::NoAlarm => (StatusCode::NOT_FOUND, "no_alarm"),
            Self::Favourites(_) => (StatusCode::CONFLICT, "too_many_favourites"),
            Self::NotKept => (StatusCode::SERVICE_UNAVAILABLE, "not_kept"),
            Self::NoColleague => (StatusCode::NOT_FOUND, "no_colleague"),
            Self::Talk(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad_message"),
            Self::Ask(AskError::Busy) => (StatusCode::CONFLICT, "busy"),
            Self::Ask(AskError::NotAllowed(_)) => (StatusCode::FORBIDDEN, "not_allowed"),
            Self::Ask(AskError::Supervisor) => (StatusCode::FORBIDDEN, "supervisor"),
            Self::Ask(AskError::There) => (StatusCode::CONFLICT, "there"),
            Self::Ask(AskError::NotActive) => (StatusCode::CONFLICT, "not_active"),
            Self::Pin(PinError::Invalid) => (StatusCode::NOT_FOUND, "invalid_pin"),
            Self::Link(LinkError::Invalid) => (StatusCode::NOT_FOUND, "invalid_link"),
            Self::Link(LinkError::Expired) => (StatusCode::GONE, "link_expired"),
            Self::Link(LinkError::Used) => (StatusCode::GONE, "link_used"),
            Self::Session(SessionError::NotAllowed(_)) => (StatusCode::FORBIDDEN, "not_allowed"),
            Self::Session(SessionError::CompanyFull(_)) => (StatusCode::CONFLICT, "too_many_sessions"),
            Self::Session(SessionError::Full(_)) => (StatusCode::SERVICE_UNAVAILABLE, "too_many_sessions"),
            // A mistake in the configuration is found at start, never by a request.
            Self::Session(SessionError::LinkKey) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    pub fn code(&self) -> &'static str {
        self.parts().1
    }

    pub fn body(&self) -> Refused {
        Refused { error: Reason { code: self.code().into(), message: self.to_string() } }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.parts().0, Json(self.body())).into_response();
        if let Self::TooMany(wait) | Self::Pin(PinError::TooMany(wait)) = self {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error == StoreError::Full {
            return Self::Favourites(error);
        }
        tracing::error!(%error, "history, notes or favourites were not kept or not found");
        Self::NotKept
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::MissingJsonContentType(_) => Self::NotJson,
            other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            other => Self::BadRequest(other.body_text()),
        }
    }
}

impl From<PathRejection> for ApiError {
    fn from(_: PathRejection) -> Self {
        Self::NotFound
    }
}
