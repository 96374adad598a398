//! Passwords: argon2id hashes in PHC form.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

/// Longer ones would let anybody keep a processor busy.
const MAX_PASSWORD: usize = 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("a password has 1 to {MAX_PASSWORD} bytes")]
    Length,
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
}

/// The hash of a password for the configuration, with a random salt.
///
/// # Errors
/// [`PasswordError`] when the password is empty or too long.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    if password.is_empty() || password.len() > MAX_PASSWORD {
        return Err(PasswordError::Length);
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| PasswordError::Hash(error.to_string()))
}

/// Whether a password is the one behind a hash. Takes tens of milliseconds of a processor, by intention.
pub fn verify(password: &str, hash: &str) -> bool {
    password.len() <= MAX_PASSWORD && Argon2::default().verify_password(password.as_bytes(), hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_its_own_password_only() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify("correct horse", &hash));
        assert!(!verify("correct horsf", &hash));
        assert!(!verify("", &hash));
        assert!(!verify("correct horse", "not a hash"));
    }

    #[test]
    fn the_same_password_never_hashes_alike() {
        assert_ne!(hash("a").unwrap(), hash("a").unwrap());
        assert_eq!(hash(""), Err(PasswordError::Length));
        assert_eq!(hash(&"x".repeat(2000)), Err(PasswordError::Length));
    }
}
