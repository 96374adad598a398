//! Heads of requests and responses between a browser and the upstreams of a front host.

use std::net::IpAddr;

use http::header::{COOKIE, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, STRICT_TRANSPORT_SECURITY};
use http::{Method, StatusCode, Uri, Version};

use super::Front;
use crate::listener::Downstream;
use crate::respond::{self, Failure, Request, Response};
use crate::rewrite::header::{drop_named, end_request_hop, reads_as, tells_of_visitor};
use crate::rewrite::url::Scheme;

/// The host that is asked for, with its port. HTTP/2 has it in the address: upstreams read it from `Host`.
///
/// # Errors
/// [`Failure::Malformed`] when it is no text.
pub fn host(request: &mut Request) -> Result<String, Failure> {
    if let Some(authority) = request.uri().authority() {
        let host = authority.as_str().to_owned();
        let value = HeaderValue::try_from(&host).map_err(|_| Failure::Malformed("the host"))?;
        request.headers_mut().insert(HOST, value);
        return Ok(host);
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    host.map(str::to_owned).ok_or(Failure::Malformed("the host"))
}

/// 308, so that methods and bodies survive; the standard port, because that is where https is.
pub fn to_https(host: &str, request: &Request) -> Response {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut response = respond::status(StatusCode::PERMANENT_REDIRECT);
    if let Ok(value) = HeaderValue::try_from(format!("https://{name}{path}")) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
}

/// Strict-Transport-Security, unless the site says so itself. Browsers take it over TLS only (RFC 6797 §7.2).
pub fn promise(front: &Front, scheme: Scheme, headers: &mut HeaderMap) {
    if let Some(hsts) = &front.hsts
        && scheme == Scheme::Https
        && !headers.contains_key(STRICT_TRANSPORT_SECURITY)
    {
        headers.insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
}

/// Whether there is a cookie of Lado's own.
pub fn has_own_cookie(headers: &HeaderMap) -> bool {
    headers.get_all(COOKIE).iter().any(|value| memchr::memmem::find(value.as_bytes(), b"lado_").is_some())
}

/// The request as upstreams get it: theirs, but for what belongs to this hop.
pub fn upstream(request: &mut Request, host: &str, downstream: Downstream) {
    let path = request.uri().path_and_query().cloned();
    if request.uri().authority().is_some() {
        let mut parts = http::uri::Parts::default();
        parts.path_and_query = path;
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    }
    if request.method() == Method::CONNECT {
        *request.method_mut() = Method::GET;
    }
    *request.version_mut() = Version::HTTP_11;
    *request.extensions_mut() = http::Extensions::new();
    let headers = request.headers_mut();
    end_request_hop(headers);
    cookies(headers);
    forward(headers, host, downstream);
}

/// Lado's own cookies stay here; HTTP/2's crumbs become one field again (RFC 9113 §8.2.3).
fn cookies(headers: &mut HeaderMap) {
    let several = headers.get_all(COOKIE).iter().nth(1).is_some();
    if !several && !has_own_cookie(headers) {
        return;
    }
    let mut kept: Vec<u8> = Vec::new();
    for value in headers.get_all(COOKIE) {
        for pair in value.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            if is_own(pair) || pair.is_empty() {
                continue;
            }
            if !kept.is_empty() {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(pair);
        }
    }
    headers.remove(COOKIE);
    if !kept.is_empty()
        && let Ok(value) = HeaderValue::from_bytes(&kept)
    {
        headers.insert(COOKIE, value);
    }
}

/// `lado_` and a session id: a site's own `lado_theme` is none of these.
fn is_own(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    let id = name.strip_prefix(b"lado_").and_then(|id| str::from_utf8(id).ok());
    id.is_some_and(|id| crate::id::SessionId::parse(id).is_ok())
}

/// Who asked, for what host, by which scheme. What an untrusted hop has said of it goes.
fn forward(headers: &mut HeaderMap, host: &str, downstream: Downstream) {
    const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
    const SITE: HeaderName = HeaderName::from_static("x-forwarded-host");
    const REAL: HeaderName = HeaderName::from_static("x-real-ip");
    /// What no hop says but Lado.
    const OWN: [&str; 6] =
        ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip"];
    let peer = downstream.address.ip().to_canonical();
    let proto = if downstream.tls { "https" } else { "http" };
    let mut chain = peer.to_string();
    let mut element = format!("for={};host=\"{host}\";proto={proto}", node(peer));
    if downstream.trusted {
        chain = joined(headers, &FOR).map_or(chain.clone(), |before| format!("{before}, {chain}"));
        element = joined(headers, &FORWARDED).map_or(element.clone(), |before| format!("{before}, {element}"));
    }
    drop_named(headers, |name| match downstream.trusted {
        true => OWN.iter().any(|own| reads_as(name, own)),
        false => tells_of_visitor(name),
    });
    let asker = downstream.asker.to_canonical().to_string();
    for (name, value) in
        [(FOR, chain.as_str()), (FORWARDED, &element), (PROTO, proto), (SITE, host), (REAL, asker.as_str())]
    {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// RFC 7239 §6: an IPv6 address stands in brackets and quotes.
fn node(address: IpAddr) -> String {
    match address {
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => format!("\"[{six}]\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn downstream(trusted: bool) -> Downstream {
        let address = "[2001:db8::1]:4711".parse().unwrap();
        Downstream {
            address,
            local: None,
            asker: "198.51.100.1".parse().unwrap(),
            trusted,
            says_scheme: trusted,
            tls: true,
        }
    }

    fn forwarded(trusted: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-forwarded-for", "1.2.3.4"), ("x-real-ip", "1.2.3.4"), ("forwarded", "for=1.2.3.4")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        forward(&mut headers, "shop.test", downstream(trusted));
        headers
    }

    #[test]
    fn only_trusted_hops_go_on_being_quoted() {
        let headers = forwarded(false);
        assert_eq!(headers["x-forwarded-for"], "2001:db8::1");
        assert_eq!(headers["forwarded"], "for=\"[2001:db8::1]\";host=\"shop.test\";proto=https");
        assert_eq!(
            (&headers["x-real-ip"], &headers["x-forwarded-proto"]),
            (&"198.51.100.1".parse().unwrap(), &"https".parse().unwrap())
        );
        let headers = forwarded(true);
        assert_eq!(headers["x-forwarded-for"], "1.2.3.4, 2001:db8::1");
        assert!(headers["forwarded"].to_str().unwrap().starts_with("for=1.2.3.4, for="));
    }

    #[test]
    fn the_site_sees_its_own_cookies_and_none_of_lados() {
        let mut headers = HeaderMap::new();
        for value in ["a=1; lado_abcdefghijklmnop=secret", "lado_theme=dark;b=2"] {
            headers.append(COOKIE, HeaderValue::from_static(value));
        }
        cookies(&mut headers);
        assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; lado_theme=dark; b=2"]);
    }
}
