//! The address guard: which addresses Lado may connect to on behalf of a browser.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Deserialize;

/// An exception from the guard: an address with or without a port, or a network. `10.0.0.0/8`, `127.0.0.1:7071`, `[::1]:80`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Exception {
    net: IpNet,
    port: Option<u16>,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no address or network; write 10.0.0.0/8, 127.0.0.1:7071 or [::1]:80")]
pub struct NotAnAddress(String);

impl TryFrom<String> for Exception {
    type Error = NotAnAddress;

    fn try_from(text: String) -> Result<Self, NotAnAddress> {
        if let Ok(net) = text.parse() {
            Ok(Self { net, port: None })
        } else if let Ok(address) = text.parse::<IpAddr>() {
            Ok(Self { net: address.into(), port: None })
        } else if let Ok(address) = text.parse::<SocketAddr>() {
            Ok(Self { net: address.ip().into(), port: Some(address.port()) })
        } else {
            Err(NotAnAddress(text))
        }
    }
}

impl From<SocketAddr> for Exception {
    fn from(address: SocketAddr) -> Self {
        Self { net: address.ip().into(), port: Some(address.port()) }
    }
}

impl Exception {
    fn covers(&self, address: SocketAddr) -> bool {
        self.net.contains(&address.ip()) && self.port.is_none_or(|port| port == address.port())
    }
}

/// Refuses every address that is not a public one, but for the configured exceptions, and Lado's own always.
#[derive(Clone, Default)]
pub struct Guard {
    exceptions: Arc<[Exception]>,
    /// Lado's own listeners: a view of Lado would let pages read the console.
    own: Arc<RwLock<Vec<SocketAddr>>>,
}

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Unspecified,
    Loopback,
    Private,
    LinkLocal,
    Shared,
    Multicast,
    Reserved,
    /// Lado's own listener.
    Own,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::Private => "an address of a private network",
            Self::LinkLocal => "a link-local or metadata address",
            Self::Shared => "an address behind a carrier's NAT",
            Self::Multicast => "a multicast or broadcast address",
            Self::Reserved => "a reserved address",
            Self::Own => "Lado's own address",
        })
    }
}

impl Guard {
    pub fn new(exceptions: &[Exception]) -> Self {
        Self { exceptions: exceptions.into(), own: Arc::default() }
    }

    /// Never connect to `listener`, whatever the exceptions say.
    pub fn refuse_own(&self, listener: SocketAddr) {
        self.own.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// # Errors
    /// [`Refused`] tells why `address` must not be connected to.
    pub fn check(&self, address: SocketAddr) -> Result<(), Refused> {
        // The system routes a mapped address to the plain one inside, so judge that (and its exceptions).
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        if self.is_own(address) {
            return Err(Refused::Own);
        }
        match judge(address.ip()) {
            Some(_) if self.exceptions.iter().any(|exception| exception.covers(address)) => Ok(()),
            Some(refused) => Err(refused),
            None => Ok(()),
        }
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.own.read().unwrap_or_else(PoisonError::into_inner).iter().any(|own| {
            own.port() == address.port()
                && match own.ip() {
                    ip if ip.is_unspecified() => is_of_this_machine(address.ip()),
                    ip => ip.to_canonical() == address.ip(),
                }
        })
    }
}

/// The system lets a socket be bound to its own addresses only.
fn is_of_this_machine(address: IpAddr) -> bool {
    address.is_unspecified() || std::net::UdpSocket::bind((address, 0)).is_ok()
}

fn judge(address: IpAddr) -> Option<Refused> {
    match address {
        IpAddr::V4(address) => judge_v4(address),
        IpAddr::V6(address) => judge_v6(address),
    }
}

/// The special-purpose registry of IANA (RFC 6890), grouped by what a person would call it.
fn judge_v4(address: Ipv4Addr) -> Option<Refused> {
    let within = |a, b, c, d, length| Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length).contains(&address);
    if address.is_unspecified() {
        Some(Refused::Unspecified)
    } else if address.is_loopback() {
        Some(Refused::Loopback)
    } else if address.is_private() {
        Some(Refused::Private)
    } else if address.is_link_local() {
        Some(Refused::LinkLocal)
    } else if within(100, 64, 0, 0, 10) {
        // Also Alibaba's metadata service, 100.100.100.200.
        Some(Refused::Shared)
    } else if address.is_multicast() || address.is_broadcast() {
        Some(Refused::Multicast)
    } else if within(0, 0, 0, 0, 8)
        || within(192, 0, 0, 0, 24)
        || within(192, 88, 99, 0, 24)
        || within(198, 18, 0, 0, 15)
        || within(240, 0, 0, 0, 4)
        || address.is_documentation()
        // Azure's virtual host: its metadata, DNS and agent live at a public-looking address.
        || address == Ipv4Addr::new(168, 63, 129, 16)
    {
        Some(Refused::Reserved)
    } else {
        None
    }
}

fn judge_v6(address: Ipv6Addr) -> Option<Refused> {
    let within = |net: Ipv6Addr, length| Ipv6Net::new_assert(net, length).contains(&address);
    let segments = address.segments();
    if address.is_unspecified() {
        return Some(Refused::Unspecified);
    }
    if address.is_loopback() {
        return Some(Refused::Loopback);
    }
    if address.is_unique_local() || segments[0] & 0xffc0 == 0xfec0 {
        return Some(Refused::Private);
    }
    if address.is_unicast_link_local() {
        return Some(Refused::LinkLocal);
    }
    if address.is_multicast() {
        return Some(Refused::Multicast);
    }
    // IPv4-compatible addresses are long deprecated: nothing public has one.
    if segments[..6] == [0; 6] {
        return Some(judge_v4(ipv4(segments[6], segments[7])).unwrap_or(Refused::Reserved));
    }
    // A gateway turns these into the IPv4 address they carry: NAT64 (RFC 6052), 6to4, ISATAP.
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return judge_v4(ipv4(segments[6], segments[7]));
    }
    if segments[0] == 0x2002 {
        return judge_v4(ipv4(segments[1], segments[2]));
    }
    if segments[4] & 0xfdff == 0
        && segments[5] == 0x5efe
        && let Some(refused) = judge_v4(ipv4(segments[6], segments[7]))
    {
        return Some(refused);
    }
    // Local NAT64 (RFC 8215), Teredo, documentation and other special blocks; global unicast is 2000::/3.
    let special = segments[..3] == [0x64, 0xff9b, 1]
        || within(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23)
        || within(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32)
        || within(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20)
        || segments[0] & 0xe000 != 0x2000;
    special.then_some(Refused::Reserved)
}

fn ipv4(high: u16, low: u16) -> Ipv4Addr {
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str) -> Result<(), Refused> {
        Guard::default().check(SocketAddr::new(address.parse().unwrap(), 443))
    }

    #[test]
    fn only_public_addresses_may_be_reached() {
        use Refused::*;
        for (address, refused) in [
            ("0.0.0.0", Unspecified),
            ("0.1.2.3", Reserved),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("10.1.2.3", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("169.254.169.254", LinkLocal),
            ("100.64.0.1", Shared),
            ("100.100.100.200", Shared),
            ("168.63.129.16", Reserved),
            ("192.0.0.192", Reserved),
            ("198.18.0.1", Reserved),
            ("224.0.0.1", Multicast),
            ("255.255.255.255", Multicast),
            ("240.0.0.1", Reserved),
            ("::", Unspecified),
            ("::1", Loopback),
            ("fe80::1", LinkLocal),
            ("fd00:ec2::254", Private),
            ("fec0::1", Private),
            ("ff02::1", Multicast),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:10.0.0.1", Private),
            ("::ffff:169.254.169.254", LinkLocal),
            ("::127.0.0.1", Loopback),
            ("64:ff9b::10.0.0.1", Private),
            ("64:ff9b::7f00:1", Loopback),
            ("64:ff9b:1::1", Reserved),
            ("2002:7f00:1::", Loopback),
            ("2002:a9fe:a9fe::1", LinkLocal),
            ("2001:0:1::1", Reserved),
            ("2001:db8::1", Reserved),
            ("2600::5efe:10.0.0.1", Private),
            ("1234::1", Reserved),
        ] {
            assert_eq!(check(address), Err(refused), "{address}");
        }
        for address in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "8.8.8.8",
            "2606:4700::1111",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert_eq!(check(address), Ok(()), "{address}");
        }
    }

    #[test]
    fn exceptions_open_one_address_and_never_lados_own() {
        let exceptions =
            ["127.0.0.1:7071", "10.0.0.0/8", "[::1]:80"].map(|text| Exception::try_from(text.to_owned()).unwrap());
        let guard = Guard::new(&exceptions);
        for allowed in ["127.0.0.1:7071", "[::ffff:127.0.0.1]:7071", "10.9.8.7:1", "[::1]:80"] {
            assert_eq!(guard.check(allowed.parse().unwrap()), Ok(()), "{allowed}");
        }
        for refused in ["127.0.0.1:7070", "127.0.0.2:7071", "192.168.0.1:80", "[::1]:81"] {
            assert!(guard.check(refused.parse().unwrap()).is_err(), "{refused}");
        }
        guard.refuse_own("0.0.0.0:7071".parse().unwrap());
        assert_eq!(guard.check("127.0.0.1:7071".parse().unwrap()), Err(Refused::Own));
    }

    #[test]
    fn a_word_is_no_exception() {
        for text in ["", "localhost", "10.0.0.0/33", "1.2.3.4:http"] {
            assert!(Exception::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
