//! The hops in front of Lado: which are trusted, and what they say of who asks.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use ipnet::IpNet;
use ppp::{HeaderResult, v1, v2};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// An address or a network: `10.0.0.0/8`, `192.0.2.7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Net(IpNet);

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no address or network; write 10.0.0.0/8 or 192.0.2.7")]
pub struct NoNet(String);

impl TryFrom<String> for Net {
    type Error = NoNet;

    fn try_from(text: String) -> Result<Self, NoNet> {
        let net = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        net.map(Self).ok_or(NoNet(text))
    }
}

/// The proxies whose word about addresses is believed.
#[derive(Debug, Clone, Default)]
pub struct Hops(Arc<[Net]>);

impl Hops {
    pub fn new(nets: &[Net]) -> Self {
        Self(nets.into())
    }

    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| net.0.contains(&address))
    }

    /// Who asks, as the trusted hops tell it: the last address in the chain that is none of theirs.
    ///
    /// Anybody can write these fields, so they count only when the connection comes from a trusted hop, and only back
    /// to the first hop that is not trusted.
    pub fn asker(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let mut asker = peer;
        for told in chain(headers).into_iter().rev() {
            let Some(told) = told else { break };
            asker = told;
            if !self.trusts(told) {
                break;
            }
        }
        asker
    }
}

/// Whether a trusted hop says that the browser came by TLS.
pub fn told_secure(headers: &HeaderMap) -> Option<bool> {
    let last = |name: &HeaderName| headers.get_all(name).iter().next_back().and_then(|value| value.to_str().ok());
    if let Some(proto) = last(&HeaderName::from_static("x-forwarded-proto")) {
        return Some(proto.rsplit(',').next()?.trim().eq_ignore_ascii_case("https"));
    }
    let element = last(&FORWARDED)?.rsplit(',').next()?;
    parameter(element, "proto").map(|proto| proto.eq_ignore_ascii_case("https"))
}

/// `X-Forwarded-For`, else `Forwarded` (RFC 7239): nearest last. What is no address is `None`.
fn chain(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let list = |name: &HeaderName| -> Vec<String> {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(|part| part.trim().to_owned()).collect()
    };
    let plain = list(&HeaderName::from_static("x-forwarded-for"));
    if !plain.is_empty() {
        return plain.iter().map(|part| node(part)).collect();
    }
    list(&FORWARDED).iter().map(|element| node(parameter(element, "for")?)).collect()
}

fn parameter<'e>(element: &'e str, name: &str) -> Option<&'e str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim().trim_matches('"'))
    })
}

/// `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`.
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// The length of `PROXY UNKNOWN\r\n`, the shortest header of all.
const SHORTEST: usize = 15;
const LONGEST_V1: usize = 107;
const FIXED_V2: usize = 16;
const SIGNATURE_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Addresses and what a load balancer has to say about TLS fit easily.
const LONGEST_V2: usize = 4096;

/// What a hop says of a connection that it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brought {
    pub from: SocketAddr,
    /// What was connected to.
    pub to: SocketAddr,
    /// Whether by TLS, if it says.
    pub tls: Option<bool>,
}

/// The first byte of what version 2 tells of TLS: the client came by it.
const CLIENT_TLS: u8 = 1;

/// Reads a PROXY protocol header, version 1 or 2, and not a byte more. `None`: the hop speaks for itself.
///
/// # Errors
/// When the connection does not begin with one: what comes from there cannot be told apart from anybody's.
pub async fn proxied<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Brought>> {
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "downstream sent no PROXY protocol header");
    let mut bytes = vec![0; SHORTEST];
    stream.read_exact(&mut bytes).await?;
    if bytes.starts_with(SIGNATURE_V2) {
        bytes.push(stream.read_u8().await?);
        let length = usize::from(u16::from_be_bytes([bytes[FIXED_V2 - 2], bytes[FIXED_V2 - 1]]));
        if length > LONGEST_V2 {
            return Err(bad());
        }
        bytes.resize(FIXED_V2 + length, 0);
        stream.read_exact(&mut bytes[FIXED_V2..]).await?;
    } else if bytes.starts_with(b"PROXY ") {
        while bytes.last() != Some(&b'\n') {
            if bytes.len() >= LONGEST_V1 {
                return Err(bad());
            }
            bytes.push(stream.read_u8().await?);
        }
    } else {
        return Err(bad());
    }
    let ends = |from: (IpAddr, u16), to: (IpAddr, u16), tls| Some(Brought { from: from.into(), to: to.into(), tls });
    match HeaderResult::parse(&bytes) {
        HeaderResult::V1(Ok(header)) => Ok(match header.addresses {
            v1::Addresses::Tcp4(four) => ends(
                (four.source_address.into(), four.source_port),
                (four.destination_address.into(), four.destination_port),
                None,
            ),
            v1::Addresses::Tcp6(six) => ends(
                (six.source_address.into(), six.source_port),
                (six.destination_address.into(), six.destination_port),
                None,
            ),
            v1::Addresses::Unknown => None,
        }),
        HeaderResult::V2(Ok(header)) => {
            let tls = header.tlvs().flatten().find(|told| told.kind == u8::from(v2::Type::SSL));
            let tls = tls.and_then(|told| Some(told.value.first()? & CLIENT_TLS != 0));
            Ok(match (header.command, header.addresses) {
                (v2::Command::Local, _) => None,
                (_, v2::Addresses::IPv4(four)) => ends(
                    (four.source_address.into(), four.source_port),
                    (four.destination_address.into(), four.destination_port),
                    tls,
                ),
                (_, v2::Addresses::IPv6(six)) => ends(
                    (six.source_address.into(), six.source_port),
                    (six.destination_address.into(), six.destination_port),
                    tls,
                ),
                _ => None,
            })
        }
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_trusted_hops_are_believed_and_only_as_far_as_they_go() {
        let nets = ["10.0.0.0/8", "2001:db8::7"].map(|text| Net::try_from(text.to_owned()).unwrap());
        let hops = Hops::new(&nets);
        let asker = |peer: &str, fields: &[(&'static str, &str)]| {
            hops.asker(peer.parse().unwrap(), &headers(fields)).to_string()
        };
        assert_eq!(asker("192.0.2.1", &[("x-forwarded-for", "198.51.100.1")]), "192.0.2.1");
        assert_eq!(asker("10.0.0.1", &[("x-forwarded-for", "198.51.100.1")]), "198.51.100.1");
        assert_eq!(asker("10.0.0.1", &[("x-forwarded-for", "1.2.3.4, 198.51.100.1, 10.9.9.9")]), "198.51.100.1");
        assert_eq!(asker("10.0.0.1", &[("x-forwarded-for", "1.2.3.4, unknown, 10.9.9.9")]), "10.9.9.9");
        assert_eq!(asker("2001:db8::7", &[("forwarded", "for=\"[2001:db8::9]:80\";proto=https")]), "2001:db8::9");
        assert_eq!(asker("::ffff:10.0.0.1", &[("x-forwarded-for", "198.51.100.1:4711")]), "198.51.100.1");
        assert_eq!(asker("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(told_secure(&headers(&[("forwarded", "for=a;proto=http, for=b; Proto=https")])), Some(true));
        assert_eq!(told_secure(&headers(&[("x-forwarded-proto", "http")])), Some(false));
        assert_eq!(told_secure(&headers(&[])), None);
    }

    async fn read(bytes: &[u8]) -> (io::Result<Option<Brought>>, usize) {
        let mut stream = bytes;
        let found = proxied(&mut stream).await;
        (found, stream.len())
    }

    #[tokio::test]
    async fn proxy_headers_are_read_to_their_last_byte() {
        let (found, left) = read(b"PROXY TCP4 198.51.100.22 203.0.113.7 35646 443\r\nGET /").await;
        let found = found.unwrap().unwrap();
        assert_eq!((found.from.to_string().as_str(), left), ("198.51.100.22:35646", 5));
        assert_eq!((found.to.to_string().as_str(), found.tls), ("203.0.113.7:443", None));
        let (found, left) = read(b"PROXY UNKNOWN\r\nGET /").await;
        assert_eq!((found.unwrap(), left), (None, 5));
        let addresses = ("198.51.100.22:1".parse::<SocketAddr>().unwrap(), "203.0.113.7:2".parse().unwrap());
        let mut header =
            v2::Builder::with_addresses(v2::Version::Two | v2::Command::Proxy, v2::Protocol::Stream, addresses)
                .write_tlv(v2::Type::SSL, &[CLIENT_TLS, 0, 0, 0, 0])
                .unwrap()
                .build()
                .unwrap();
        header.extend(b"GET /");
        let (found, left) = read(&header).await;
        let found = found.unwrap().unwrap();
        assert_eq!((found.from.to_string().as_str(), found.tls, left), ("198.51.100.22:1", Some(true), 5));
        for wrong in [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], b"PROXY TCP4 1.2.3.4\r\nxxxxxxxx", &[b'P'; 300]] {
            assert!(read(wrong).await.0.is_err());
        }
    }
}
