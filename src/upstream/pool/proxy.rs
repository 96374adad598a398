//! The PROXY protocol towards upstreams: who asks, before anything is asked.

use std::net::{IpAddr, SocketAddr};

use ppp::{v1, v2};
use serde::Deserialize;

/// The PROXY protocol header that begins each connection to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyProtocol {
    #[default]
    Off,
    V1,
    V2,
}

/// Who asks, and the address of Lado's that they asked: for the PROXY protocol.
pub type Ends = Option<(SocketAddr, SocketAddr)>;

/// What begins a connection.
pub(super) fn header(version: ProxyProtocol, from: Ends) -> Option<Vec<u8>> {
    match (version, from.map(of_one_family)) {
        (ProxyProtocol::Off, _) => None,
        (ProxyProtocol::V1, Some(addresses)) => Some(v1::Addresses::from(addresses).to_string().into_bytes()),
        (ProxyProtocol::V1, None) => Some(b"PROXY UNKNOWN\r\n".to_vec()),
        (ProxyProtocol::V2, Some(addresses)) => {
            v2::Builder::with_addresses(v2::Version::Two | v2::Command::Proxy, v2::Protocol::Stream, addresses)
                .build()
                .ok()
        }
        (ProxyProtocol::V2, None) => v2::Builder::new(v2::Version::Two | v2::Command::Local, 0).build().ok(),
    }
}

/// A header has two addresses of one kind. An IPv4 address has a place among those of IPv6 (RFC 4291 §2.5.5.2).
fn of_one_family((from, to): (SocketAddr, SocketAddr)) -> (SocketAddr, SocketAddr) {
    let canonical = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
    let six = |end: SocketAddr| match end.ip() {
        IpAddr::V4(four) => SocketAddr::new(four.to_ipv6_mapped().into(), end.port()),
        IpAddr::V6(_) => end,
    };
    let (from, to) = (canonical(from), canonical(to));
    if from.is_ipv4() == to.is_ipv4() { (from, to) } else { (six(from), six(to)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_protocol_says_who_asks_whatever_they_connected_to() {
        let told = |from: &str, to: &str| {
            let ends = Some((from.parse().unwrap(), to.parse().unwrap()));
            String::from_utf8(header(ProxyProtocol::V1, ends).unwrap()).unwrap()
        };
        for (from, to, wanted) in [
            ("[::ffff:1.2.3.4]:5", "10.0.0.1:80", "PROXY TCP4 1.2.3.4 10.0.0.1 5 80\r\n"),
            ("[2001:db8::1]:5", "10.0.0.1:80", "PROXY TCP6 2001:db8::1 ::ffff:10.0.0.1 5 80\r\n"),
        ] {
            assert_eq!(told(from, to), wanted);
        }
    }
}
