//! The customer's browser: the cookie that it is known by, and where it calls from.

use std::net::IpAddr;

use http::header::{COOKIE, HeaderMap};

use super::{Ended, Session, lock};
use crate::id::Secret;
use crate::rewrite::url::Scheme;

/// Places that a customer's browser may call from at once: two families of addresses, at home and on the way.
const MAX_PLACES: usize = 8;

impl Session {
    /// Whether a request comes from the customer's own browser: one of its cookies is this session's.
    pub fn is_customer(&self, headers: &HeaderMap) -> bool {
        let customer = !self.is_over() && has_cookie(headers, &self.views.cookie_name(), &self.customer);
        if customer {
            self.touch();
        }
        customer
    }

    /// Remembers where the customer's browser calls from.
    pub fn called_from(&self, place: IpAddr) {
        let mut places = lock(&self.places);
        if places.first() != Some(&place) {
            places.retain(|known| *known != place);
            places.insert(0, place);
            places.truncate(MAX_PLACES);
        }
    }

    /// Whether the customer's browser has called from there, too.
    pub fn knows(&self, place: IpAddr) -> bool {
        !self.is_over() && lock(&self.places).iter().any(|known| near(*known, place))
    }

    /// The `Set-Cookie` value that lets the customer's browser in. Never log it.
    pub fn cookie(&self) -> String {
        format!("{}={}{}", self.views.cookie_name(), self.customer.reveal(), self.cookie_attributes())
    }

    /// The same on a front host of the session: for that host alone.
    pub fn front_cookie(&self, scheme: Scheme) -> String {
        let secure = if scheme == Scheme::Https { "; Secure" } else { "" };
        format!("{}={}; HttpOnly; Path=/; SameSite=Lax{secure}", self.views.cookie_name(), self.customer.reveal())
    }

    /// The `Set-Cookie` value by which a front host knows again who has asked for help there, while they think about it.
    pub fn asked_cookie(&self, scheme: Scheme) -> Option<String> {
        let asked = self.home.as_ref()?.asked.reveal();
        let secure = if scheme == Scheme::Https { "; Secure" } else { "" };
        let (id, most) = (&self.id, super::registry::ASKED.as_secs());
        Some(format!("lado_asked_{id}={asked}; HttpOnly; Path=/__lado/enter; Max-Age={most}; SameSite=Lax{secure}"))
    }

    /// Whether the browser is the one that has asked for help.
    pub fn has_asked(&self, headers: &HeaderMap) -> bool {
        self.home.as_ref().is_some_and(|home| has_cookie(headers, &format!("lado_asked_{}", self.id), &home.asked))
    }

    /// The same by what a page's script keeps.
    pub fn knows_asked(&self, text: &str) -> bool {
        Secret::parse(text).is_ok_and(|text| self.home.as_ref().is_some_and(|home| home.asked == text))
    }

    /// The `Set-Cookie` value that takes it away.
    pub fn expired_cookie(&self) -> String {
        format!("{}={}; Max-Age=0", self.views.cookie_name(), self.cookie_attributes())
    }

    fn cookie_attributes(&self) -> String {
        let domain = self.views.domain();
        let secure = if domain.scheme == Scheme::Https { "; Secure" } else { "" };
        format!("; HttpOnly; Domain={}; Path=/; SameSite=Lax{secure}", domain.host())
    }
}

impl Ended {
    /// Whether a request comes from the browser that was the customer's.
    pub fn was_customer(&self, headers: &HeaderMap) -> bool {
        let name = self.expired_cookie.split('=').next().unwrap_or_default();
        has_cookie(headers, name, &self.customer)
    }
}

/// Whether a request carries a cookie of this name with this secret in it.
pub fn has_cookie(headers: &HeaderMap, name: &str, wanted: &Secret) -> bool {
    // A site's cookies may hold any bytes, beside this one in one header.
    let right = |pair: &[u8]| {
        str::from_utf8(pair)
            .ok()
            .and_then(|pair| pair.trim().split_once('='))
            .is_some_and(|(key, value)| key == name && Secret::parse(value).is_ok_and(|secret| secret == *wanted))
    };
    let mut cookies = headers.get_all(COOKIE).iter();
    cookies.any(|value| value.as_bytes().split(|byte| *byte == b';').any(right))
}

/// Whether two addresses are of one connection's household: a machine changes the lower half of its IPv6 address.
fn near(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..4] == other.segments()[..4],
        _ => one == other,
    }
}
