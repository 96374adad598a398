//! The identifiers of sessions, tickets and PINs: parsed at the edge, never wrong inside.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize;

/// Names a session in host names, routes and logs: 16 characters of lower-case base32 (80 random bits).
///
/// It is not a secret: page scripts read it from their own host name. What authorises is a [`Secret`] in a cookie.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId([u8; 16]);

/// RFC 4648 §6 in lower case: host names are case-insensitive.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl SessionId {
    pub const LEN: usize = 16;

    pub fn random() -> Self {
        let mut bits = [0u8; 16];
        fill(&mut bits);
        Self(bits.map(|b| BASE32[usize::from(b & 31)]))
    }

    /// # Errors
    /// [`IdError`] unless `text` is exactly 16 characters of lower-case base32.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let bytes: [u8; 16] = text.as_bytes().try_into().map_err(|_| IdError("session id"))?;
        if bytes.iter().all(|b| BASE32.contains(b)) { Ok(Self(bytes)) } else { Err(IdError("session id")) }
    }

    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// 256 random bits that authorise their bearer: cookies, tickets, links. Debug hides it, comparison takes constant time.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    pub fn random() -> Self {
        let mut bytes = [0u8; 32];
        fill(&mut bytes);
        Self(bytes)
    }

    /// # Errors
    /// [`IdError`] unless `text` is 43 characters of unpadded base64url.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| IdError("secret"))?;
        Ok(Self(bytes.try_into().map_err(|_| IdError("secret"))?))
    }

    /// The text that goes into a cookie or a link. Never log it.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Six digits that the customer reads out to the agent. Debug hides them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pin([u8; 6]);

impl Pin {
    pub fn random() -> Self {
        // Rejection keeps the digits uniform: 250 is the largest multiple of ten in a byte.
        let mut digits = [0u8; 6];
        for digit in &mut digits {
            let mut byte = [255u8];
            while byte[0] >= 250 {
                fill(&mut byte);
            }
            *digit = b'0' + byte[0] % 10;
        }
        Self(digits)
    }

    /// Spaces and hyphens are dropped: people read and type PINs in groups.
    ///
    /// # Errors
    /// [`IdError`] unless six ASCII digits remain.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.len() > 32 {
            return Err(IdError("PIN"));
        }
        let digits: Vec<u8> = text.bytes().filter(|b| !matches!(b, b' ' | b'-')).collect();
        let digits: [u8; 6] = digits.try_into().map_err(|_| IdError("PIN"))?;
        if digits.iter().all(u8::is_ascii_digit) { Ok(Self(digits)) } else { Err(IdError("PIN")) }
    }

    /// The digits, for the customer's panel alone. Never log them.
    pub fn reveal(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct IdError(&'static str);

/// The system's random source. Without it nothing Lado hands out would be secret, so there is no way to go on.
fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has no random numbers");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_reads_back() {
        let id = SessionId::random();
        assert_eq!(SessionId::parse(id.as_str()), Ok(id));
    }

    #[test]
    fn ids_of_the_wrong_shape_are_refused() {
        for text in ["", "abc", "ABCDEFGHIJKLMNOP", "abcdefghijklmno1", "abcdefghijklmnopq"] {
            assert!(SessionId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pin_is_read_in_groups() {
        assert_eq!(Pin::parse("123 456"), Pin::parse("123-456"));
        assert_eq!(Pin::parse("123456").unwrap().reveal(), "123456");
        for text in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert!(Pin::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let secret = Secret::random();
        assert!(!format!("{secret:?}").contains(&secret.reveal()));
        assert_eq!(Secret::parse(&secret.reveal()).unwrap(), secret);
        let pin = Pin::random();
        assert!(!format!("{pin:?}").contains(pin.reveal()));
    }
}
