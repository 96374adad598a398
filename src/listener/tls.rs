//! TLS towards browsers: 1.2 and 1.3, strong suites first, the certificate chosen by name.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::TlsAcceptor;

use super::{CertificateConfig, ListenError};

/// TLS with certificates that can be replaced.
pub struct Tls {
    pub acceptor: TlsAcceptor,
    pub certificates: Arc<Certificates>,
}

impl Tls {
    pub fn new(configs: &[CertificateConfig]) -> Result<Self, ListenError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificates = Arc::new(Certificates { now: RwLock::new(load_all(configs, &provider)?), provider });
        let mut tls = ServerConfig::builder_with_provider(certificates.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| ListenError::Certificate { path: configs[0].chain.clone(), reason: error.to_string() })?
            .with_no_client_auth()
            .with_cert_resolver(certificates.clone());
        // The provider lists AES-256 first; without this the browser's order would win.
        tls.ignore_client_order = true;
        // Without tickets a visitor comes back to a full handshake as soon as a few hundred others have come.
        match aws_lc_rs::Ticketer::new() {
            Ok(ticketer) => tls.ticketer = ticketer,
            Err(error) => tracing::warn!(%error, "no TLS tickets: visitors who come back shake hands again"),
        }
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(tls)), certificates })
    }
}

fn load_all(configs: &[CertificateConfig], provider: &CryptoProvider) -> Result<Vec<Arc<CertifiedKey>>, ListenError> {
    configs.iter().map(|config| load(config, provider)).collect()
}

fn load(config: &CertificateConfig, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, ListenError> {
    let (chain, key) = (read_chain(&config.chain)?, read_key(&config.key)?);
    pair(config, chain, key, provider).map(Arc::new)
}

/// Every mistake in a certificate and its key.
pub fn check_certificate(config: &CertificateConfig) -> Vec<ListenError> {
    match (read_chain(&config.chain), read_key(&config.key)) {
        (Ok(chain), Ok(key)) => pair(config, chain, key, &aws_lc_rs::default_provider()).err().into_iter().collect(),
        (chain, key) => chain.err().into_iter().chain(key.err()).collect(),
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ListenError> {
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refuse(path, format!("not a PEM certificate: {error}")))?;
    if chain.is_empty() { Err(refuse(path, "holds no certificate".into())) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, ListenError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| refuse(path, format!("not a PEM private key: {error}")))
}

fn pair(
    config: &CertificateConfig,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, ListenError> {
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| refuse(&config.key, format!("does not go with {}: {error}", config.chain.display())))
}

fn refuse(path: &Path, reason: String) -> ListenError {
    ListenError::Certificate { path: path.to_owned(), reason }
}

/// The first certificate that names the host, else the first of all: a browser then says what is wrong.
#[derive(Debug)]
pub struct Certificates {
    now: RwLock<Vec<Arc<CertifiedKey>>>,
    provider: Arc<CryptoProvider>,
}

impl Certificates {
    /// Reads the files again. Connections that stand keep what they have; without an error, new ones get what is there now.
    ///
    /// # Errors
    /// [`ListenError::Certificate`] for the first that cannot be used: then all stay as they were.
    pub fn replace(&self, configs: &[CertificateConfig]) -> Result<(), ListenError> {
        let loaded = load_all(configs, &self.provider)?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        let named = hello.server_name().and_then(|name| ServerName::try_from(name).ok()).and_then(|name| {
            now.iter().find(|key| {
                key.cert
                    .first()
                    .and_then(|end| ParsedCertificate::try_from(end).ok())
                    .is_some_and(|end| verify_server_name(&end, &name).is_ok())
            })
        });
        named.or(now.first()).cloned()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn aes_256_comes_first() {
        let first = rustls::crypto::aws_lc_rs::default_provider().cipher_suites[0];
        assert_eq!(first.suite(), rustls::CipherSuite::TLS13_AES_256_GCM_SHA384);
    }
}
