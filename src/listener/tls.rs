//! TLS towards browsers: 1.2 and 1.3, strong suites first, the certificate chosen by name.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::TlsAcceptor;

use super::{CertificateConfig, ListenError};

pub fn acceptor(certificates: &[CertificateConfig]) -> Result<TlsAcceptor, ListenError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let keys = certificates.iter().map(|config| load(config, &provider)).collect::<Result<Vec<_>, _>>()?;
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| ListenError::Certificate { path: certificates[0].chain.clone(), reason: error.to_string() })?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ByName(keys)));
    // The provider lists AES-256 first; without this the browser's order would win.
    tls.ignore_client_order = true;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

fn load(
    config: &CertificateConfig,
    provider: &rustls::crypto::CryptoProvider,
) -> Result<Arc<CertifiedKey>, ListenError> {
    let refuse = |path: &Path, reason: String| ListenError::Certificate { path: path.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(&config.chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refuse(&config.chain, format!("not a PEM certificate: {error}")))?;
    if chain.is_empty() {
        return Err(refuse(&config.chain, "holds no certificate".into()));
    }
    let key = PrivateKeyDer::from_pem_file(&config.key)
        .map_err(|error| refuse(&config.key, format!("not a PEM private key: {error}")))?;
    let key = CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| refuse(&config.key, format!("does not go with {}: {error}", config.chain.display())))?;
    Ok(Arc::new(key))
}

/// The first certificate that names the host, else the first of all: a browser then says what is wrong.
#[derive(Debug)]
struct ByName(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| ServerName::try_from(name).ok()).and_then(|name| {
            self.0.iter().find(|key| {
                key.cert
                    .first()
                    .and_then(|end| ParsedCertificate::try_from(end).ok())
                    .is_some_and(|end| verify_server_name(&end, &name).is_ok())
            })
        });
        named.or(self.0.first()).cloned()
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
