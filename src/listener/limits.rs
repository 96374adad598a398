//! What one address may take of Lado: connections at a time, requests a second.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Counts by address; an IPv6 address counts with its /64, of which one household has all.
pub struct Addresses {
    most: usize,
    connections: Mutex<HashMap<IpAddr, usize>>,
    requests: Option<Rate>,
}

impl Addresses {
    /// Zero is no limit.
    pub fn new(connections: usize, per_second: u32, burst: u32) -> Arc<Self> {
        let requests = NonZeroU32::new(per_second).map(|rate| {
            let burst = NonZeroU32::new(burst.max(per_second)).unwrap_or(rate);
            Rate::new(Quota::per_second(rate).allow_burst(burst))
        });
        Arc::new(Self { most: connections, connections: Mutex::default(), requests })
    }

    /// A place for one connection; `None` when the address has all of its own.
    pub fn connection(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = group(address);
        if self.most > 0 {
            let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
            let open = connections.entry(address).or_default();
            if *open >= self.most {
                return None;
            }
            *open += 1;
        }
        Some(Place { of: self.clone(), address })
    }

    /// Whether the address may ask once more now.
    pub fn request(&self, address: IpAddr) -> bool {
        self.requests.as_ref().is_none_or(|requests| requests.allows(address))
    }
}

/// How often one address may do something; an IPv6 address counts with its /64.
pub struct Rate {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    asked: AtomicUsize,
}

/// After this many requests the addresses that have been quiet are forgotten, so that there are never many more of them.
const SWEEP: usize = 65_536;

impl Rate {
    pub fn new(quota: Quota) -> Self {
        Self { limiter: RateLimiter::keyed(quota), asked: AtomicUsize::new(1) }
    }

    /// Whether the address may do it once more now.
    pub fn allows(&self, address: IpAddr) -> bool {
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(&group(address)).is_ok()
    }
}

/// Held by a connection for as long as it is open.
pub struct Place {
    of: Arc<Addresses>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.of.most == 0 {
            return;
        }
        let mut connections = self.of.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = connections.get_mut(&self.address) {
            *open -= 1;
            if *open == 0 {
                connections.remove(&self.address);
            }
        }
    }
}

fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_places_and_gets_them_back() {
        let addresses = Addresses::new(2, 0, 0);
        let first = addresses.connection(ip("2001:db8::1")).unwrap();
        let _second = addresses.connection(ip("2001:db8::2")).unwrap();
        assert!(addresses.connection(ip("2001:db8::3")).is_none());
        assert!(addresses.connection(ip("2001:db8:0:1::1")).is_some());
        drop(first);
        assert!(addresses.connection(ip("2001:db8::3")).is_some());
    }

    #[test]
    fn one_address_asking_too_often_is_not_everybody() {
        let addresses = Addresses::new(0, 1, 3);
        let asked = (0..10).filter(|_| addresses.request(ip("192.0.2.1"))).count();
        assert_eq!(asked, 3);
        assert!(addresses.request(ip("192.0.2.2")));
        assert!(!addresses.request(ip("::ffff:192.0.2.1")));
        assert!((0..1000).all(|_| Addresses::new(0, 0, 0).request(ip("192.0.2.1"))));
    }
}
