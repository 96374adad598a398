//! Names to addresses: the configuration's own names, `/etc/hosts`, DNS.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;

use super::{ConnectError, SetupError};

pub struct Names {
    own: HashMap<String, Vec<IpAddr>>,
    resolver: TokioResolver,
}

impl Names {
    pub fn new(own: &BTreeMap<String, Vec<IpAddr>>) -> Result<Self, SetupError> {
        let own = own.iter().map(|(name, addresses)| (name.to_ascii_lowercase(), addresses.clone())).collect();
        let mut builder = TokioResolver::builder_tokio().map_err(|error| SetupError::Dns(error.to_string()))?;
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        let resolver = builder.build().map_err(|error| SetupError::Dns(error.to_string()))?;
        Ok(Self { own, resolver })
    }

    /// The addresses of a URL's host, IPv6 and IPv4 in turns (RFC 8305 §4).
    pub async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ConnectError> {
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(vec![address]);
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        if let Some(addresses) = self.own.get(&name) {
            return Ok(addresses.clone());
        }
        if is_loopback(&name) {
            return Ok(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]);
        }
        // The dot keeps the system's search list out: a public name must never lead to a neighbour's machine.
        let question = if name.contains('.') { format!("{name}.") } else { name };
        match self.resolver.lookup_ip(question).await {
            Ok(found) => Ok(in_turns(found.iter().collect())),
            Err(error) if error.is_nx_domain() || error.is_no_records_found() => Err(ConnectError::NoSuchName),
            Err(error) => Err(ConnectError::Dns(error.to_string())),
        }
    }
}

/// `localhost` and the names under it are this machine's, and no DNS is asked (RFC 6761 §6.3). Whether it may be reached is
/// the guard's decision, as for every address.
fn is_loopback(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

fn in_turns(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let (v6, v4): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let mut turns = Vec::with_capacity(v6.len() + v4.len());
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    loop {
        match (v6.next(), v4.next()) {
            (None, None) => return turns,
            (six, four) => turns.extend(six.into_iter().chain(four)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_under_localhost_are_this_machine() {
        let names = Names::new(&BTreeMap::new()).unwrap();
        for name in ["localhost", "www.shop.localhost", "WWW.Shop.LocalHost."] {
            let found = names.resolve(name).await.unwrap();
            assert!(found.iter().all(IpAddr::is_loopback) && found.len() == 2, "{name}: {found:?}");
        }
        assert!(!is_loopback("notlocalhost") && !is_loopback("localhost.example.com"));
    }

    #[test]
    fn both_families_take_turns() {
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        let turns = in_turns(vec![parse("1.1.1.1"), parse("1.1.1.2"), parse("2600::1")]);
        assert_eq!(turns, [parse("2600::1"), parse("1.1.1.1"), parse("1.1.1.2")]);
    }
}
