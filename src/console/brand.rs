//! Companies' logos and words and agents' photos, for the join page and the panel.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;
use utoipa::ToSchema;

use super::Console;
use super::error::ApiError;
use super::guard::Picture;
use crate::session::Company;
use crate::session::brand::{Picture as Shown, Texts};

/// A company as its customers meet it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BrandView {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// A path on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    /// The company's own sentences, by language.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, Texts>,
}

impl BrandView {
    pub(super) fn of(company: &Company) -> Self {
        Self {
            name: company.name.clone(),
            color: company.color.clone(),
            logo: company.brand.logo.as_ref().map(path),
            texts: company.brand.texts.clone(),
        }
    }
}

/// Where a picture is on this host.
pub(super) fn path(picture: &Shown) -> String {
    format!("/brand/{}", picture.name)
}

/// A logo or a photo by its name, which is another one for another picture.
pub(super) async fn picture(State(console): State<Arc<Console>>, Path(name): Path<String>) -> Response {
    let companies = console.sessions.companies();
    let mut pictures = companies.iter().flat_map(|company| company.pictures());
    let Some(found) = pictures.find(|picture| picture.name == name) else { return ApiError::NotFound.into_response() };
    let headers = [(CONTENT_TYPE, found.content_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    let mut response = (headers, found.bytes.clone()).into_response();
    response.extensions_mut().insert(Picture);
    response
}
