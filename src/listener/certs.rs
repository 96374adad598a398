//! Makes certificates for development: an authority of one's own and a wildcard certificate for Lado's hosts.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    #[error("{path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{0} exists already; remove it first if its certificates are no longer needed")]
    Exists(PathBuf),
}

/// Writes `ca.pem`, `ca.key`, `lado.pem` and `lado.key` into `folder`, for `console`, `view` and every host under `view`.
///
/// # Errors
/// [`CertsError::Exists`] rather than overwriting a key.
pub fn write(folder: &Path, console: &str, view: &str) -> Result<Vec<PathBuf>, CertsError> {
    std::fs::create_dir_all(folder).map_err(|source| CertsError::Write { path: folder.to_owned(), source })?;
    let now = OffsetDateTime::now_utc();

    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "Lado development authority");
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(3650);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

    let mut params = CertificateParams::new(vec![console.to_owned(), view.to_owned(), format!("*.{view}")])?;
    params.distinguished_name.push(DnType::CommonName, console);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = now - Duration::days(1);
    // Apple's systems refuse certificates that live longer than 825 days.
    params.not_after = now + Duration::days(820);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &authority)?;

    let files = [
        ("ca.pem", authority.pem(), Access::Public),
        ("ca.key", authority.key().serialize_pem(), Access::Secret),
        ("lado.pem", certificate.pem() + &authority.pem(), Access::Public),
        ("lado.key", key.serialize_pem(), Access::Secret),
    ];
    if let Some((name, ..)) = files.iter().find(|(name, ..)| folder.join(name).exists()) {
        return Err(CertsError::Exists(folder.join(name)));
    }
    files.into_iter().map(|(name, text, access)| save(folder.join(name), &text, access)).collect()
}

enum Access {
    Public,
    Secret,
}

fn save(path: PathBuf, text: &str, access: Access) -> Result<PathBuf, CertsError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if matches!(access, Access::Secret) {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    match options.open(&path).and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(path),
        Err(source) => Err(CertsError::Write { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::{CertificateConfig, tls};

    #[test]
    fn what_is_made_can_be_served_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "lado.localhost", "view.localhost").unwrap();
        let config = CertificateConfig { chain: folder.path().join("lado.pem"), key: folder.path().join("lado.key") };
        assert!(tls::Tls::new(&[config]).is_ok());
        assert!(matches!(write(folder.path(), "a", "b"), Err(CertsError::Exists(_))));
    }
}
