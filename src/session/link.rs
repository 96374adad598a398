//! Links: signed, single-use, and worthless once they have expired.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::id::{Secret, SessionId};

/// Bytes of the signature in a link: 128 bits (RFC 2104 §5 allows half of the hash).
const MAC: usize = 16;
const EXPIRY: usize = 8;

/// Signs links. With a configured secret, links outlive a restart of Lado as far as their session does.
pub(super) struct LinkKey([u8; 32]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not a link that this Lado has made.
    #[error("this link is not valid: check that it was copied whole")]
    Invalid,
    #[error("this link has expired: ask the agent for a new one")]
    Expired,
    /// Accepted or declined already, or the session is over.
    #[error("this link has been used: ask the agent for a new one")]
    Used,
}

impl LinkKey {
    pub(super) fn new(configured: Option<&Secret>) -> Self {
        Self(*configured.map_or_else(Secret::random, Clone::clone).as_bytes())
    }

    /// The token of a session's link. The same session and expiry give the same token.
    pub(super) fn sign(&self, session: SessionId, expires: SystemTime) -> String {
        let mut bytes = [session.as_str().as_bytes(), &seconds(expires).to_be_bytes()].concat();
        let mac = self.mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The session that `token` leads to; whether the link has been used is the session's to say.
    pub(super) fn verify(&self, token: &str, now: SystemTime) -> Result<SessionId, LinkError> {
        const SIGNED: usize = SessionId::LEN + EXPIRY;
        if token.len() > 128 {
            return Err(LinkError::Invalid);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| LinkError::Invalid)?;
        if bytes.len() != SIGNED + MAC {
            return Err(LinkError::Invalid);
        }
        let (signed, mac) = bytes.split_at(SIGNED);
        self.mac(signed).verify_truncated_left(mac).map_err(|_| LinkError::Invalid)?;
        let (session, expires) = signed.split_at(SessionId::LEN);
        let session = str::from_utf8(session).ok().and_then(|text| SessionId::parse(text).ok());
        let expires = expires.try_into().map(u64::from_be_bytes).map_err(|_| LinkError::Invalid)?;
        match session {
            Some(_) if seconds(now) >= expires => Err(LinkError::Expired),
            Some(session) => Ok(session),
            None => Err(LinkError::Invalid),
        }
    }

    fn mac(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length (RFC 2104)");
        mac.update(b"lado link 1\0");
        mac.update(bytes);
        mac
    }
}

impl Drop for LinkKey {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> SystemTime {
        SystemTime::now() + Duration::from_secs(60)
    }

    #[test]
    fn a_link_leads_to_its_session() {
        let key = LinkKey::new(None);
        let id = SessionId::random();
        assert_eq!(key.verify(&key.sign(id, soon()), SystemTime::now()), Ok(id));
    }

    #[test]
    fn an_expired_link_leads_nowhere() {
        let key = LinkKey::new(None);
        let token = key.sign(SessionId::random(), soon());
        assert_eq!(key.verify(&token, soon() + Duration::from_secs(1)), Err(LinkError::Expired));
    }

    #[test]
    fn a_link_with_any_bit_changed_is_invalid() {
        let key = LinkKey::new(None);
        let bytes = URL_SAFE_NO_PAD.decode(key.sign(SessionId::random(), soon())).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(
                key.verify(&URL_SAFE_NO_PAD.encode(changed), SystemTime::now()),
                Err(LinkError::Invalid),
                "byte {at}"
            );
        }
        assert_eq!(key.verify("", SystemTime::now()), Err(LinkError::Invalid));
        assert_eq!(key.verify(&"A".repeat(1000), SystemTime::now()), Err(LinkError::Invalid));
    }

    #[test]
    fn a_link_of_another_key_is_invalid() {
        let token = LinkKey::new(None).sign(SessionId::random(), soon());
        assert_eq!(LinkKey::new(None).verify(&token, SystemTime::now()), Err(LinkError::Invalid));
    }

    #[test]
    fn a_configured_key_outlives_a_restart() {
        let secret = Secret::random();
        let id = SessionId::random();
        let token = LinkKey::new(Some(&secret)).sign(id, soon());
        assert_eq!(LinkKey::new(Some(&secret)).verify(&token, SystemTime::now()), Ok(id));
    }
}
