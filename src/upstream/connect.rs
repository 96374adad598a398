//! Opens connections to sites: resolve once, judge every address, connect to a judged one, verify TLS.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::SetupError;
use super::guard::{Guard, Refused};
use super::resolve::Names;

/// Why there is no connection to a site.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    #[error("the site's name does not exist")]
    NoSuchName,
    #[error("the site's name cannot be resolved: {0}")]
    Dns(String),
    #[error("the address guard refuses {0}; where that is wanted, add it to allow_private")]
    Guarded(Refused),
    #[error("upstream refuses connections")]
    Refused,
    #[error("upstream cannot be reached: {0}")]
    Unreachable(String),
    #[error("upstream did not accept a connection within {0:?}")]
    Timeout(Duration),
    #[error("upstream's TLS is not to be trusted: {0}")]
    Tls(TlsProblem),
    #[error("the address is no http or https address")]
    Address,
}

/// What is wrong with a site's TLS, as far as a person can do something about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TlsProblem {
    #[error("its certificate has expired or is not yet valid")]
    Expired,
    #[error("its certificate is for another name")]
    WrongName,
    #[error("its certificate comes from an unknown authority")]
    UnknownAuthority,
    #[error("its certificate has been revoked")]
    Revoked,
    #[error("{0}")]
    Other(String),
}

/// Which protocols are offered in the TLS handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    Any,
    Http1,
}

pub fn tls(extra: &[PathBuf], alpn: Alpn) -> Result<Arc<ClientConfig>, SetupError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut authorities = Vec::new();
    for path in extra {
        authorities.extend(self::authorities(path)?);
    }
    let mut config = verified(authorities, provider)?;
    config.alpn_protocols = match alpn {
        Alpn::Any => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Alpn::Http1 => vec![b"http/1.1".to_vec()],
    };
    Ok(Arc::new(config))
}

/// The certificate authorities in a PEM file.
///
/// # Errors
/// [`SetupError::Authority`] when it cannot be read, or holds none.
pub fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let refuse = |reason| SetupError::Authority { path: path.to_owned(), reason };
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refuse(error.to_string()))?;
    if found.is_empty() { Err(refuse("holds no certificate".into())) } else { Ok(found) }
}

fn verified(
    authorities: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<ClientConfig, SetupError> {
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    match Verifier::new_with_extra_roots(authorities, provider) {
        // "Dangerous" is any verifier that rustls does not bring itself; this one asks the system.
        Ok(verifier) => {
            Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
        }
        Err(rustls::Error::General(reason)) => {
            // A machine without certificate authorities: plain sites and the demo still work, TLS sites are refused.
            tracing::warn!(%reason, "no https site can be verified; install ca-certificates or set upstream.extra_ca");
            Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Clone)]
pub struct Connector(Arc<Inner>);

struct Inner {
    guard: Guard,
    names: Arc<Names>,
    tls: TlsConnector,
    timeout: Duration,
}

impl Connector {
    pub fn new(guard: Guard, names: Arc<Names>, tls: Arc<ClientConfig>, timeout: Duration) -> Self {
        Self(Arc::new(Inner { guard, names, tls: TlsConnector::from(tls), timeout }))
    }
}

impl tower::Service<Uri> for Connector {
    type Response = Wire;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move {
            match timeout(inner.timeout, inner.open(&address)).await {
                Ok(result) => result,
                Err(_) => Err(ConnectError::Timeout(inner.timeout)),
            }
        })
    }
}

impl Inner {
    async fn open(&self, address: &Uri) -> Result<Wire, ConnectError> {
        let host = address.host().ok_or(ConnectError::Address)?;
        let (secure, default) = match address.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            _ => return Err(ConnectError::Address),
        };
        let port = address.port_u16().unwrap_or(default);
        let stream = self.reach(host, port).await?;
        let _ = stream.set_nodelay(true);
        if !secure {
            return Ok(Wire(TokioIo::new(Either::Left(stream))));
        }
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|_| ConnectError::Address)?;
        let stream = self.tls.connect(name, stream).await.map_err(tls_problem)?;
        Ok(Wire(TokioIo::new(Either::Right(stream))))
    }

    /// Connects to the first judged address that answers.
    async fn reach(&self, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
        let mut vetted = Vec::new();
        let mut refused = None;
        for ip in self.names.resolve(host).await? {
            let address = SocketAddr::new(ip, port);
            match self.guard.check(address) {
                Ok(()) => vetted.push(address),
                Err(reason) => refused = Some(reason),
            }
        }
        if vetted.is_empty() {
            return Err(refused.map_or(ConnectError::NoSuchName, ConnectError::Guarded));
        }
        race(vetted).await
    }
}

/// Each address starts 250 ms after the one before it, or at once when that one has failed (RFC 8305 §5).
async fn race(addresses: Vec<SocketAddr>) -> Result<TcpStream, ConnectError> {
    const STAGGER: Duration = Duration::from_millis(250);
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    running.extend(waiting.next().map(dial));
    let mut last = ConnectError::NoSuchName;
    loop {
        tokio::select! {
            Some(result) = running.next(), if !running.is_empty() => match result {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    last = tcp_problem(&error);
                    running.extend(waiting.next().map(dial));
                }
            },
            () = sleep(STAGGER), if waiting.len() > 0 => running.extend(waiting.next().map(dial)),
            else => return Err(last),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the guard has judged this very address")]
async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    keep_alive(&stream);
    Ok(stream)
}

/// Has the system ask after a minute of silence whether the other side is still there: a tunnel has no other timer.
pub fn keep_alive(socket: &impl AsFd) {
    let asks = TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    if let Err(error) = SockRef::from(socket).set_tcp_keepalive(&asks.with_retries(4)) {
        tracing::debug!(%error, "no TCP keep-alive");
    }
}

pub fn tcp_problem(error: &io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused,
        _ => ConnectError::Unreachable(error.to_string()),
    }
}

pub fn tls_problem(error: io::Error) -> ConnectError {
    use CertificateError as Certificate;
    let problem = match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(certificate)) => match certificate {
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. } => TlsProblem::Expired,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => TlsProblem::WrongName,
            // A bad signature is an issuer who goes by a known authority's name.
            Certificate::UnknownIssuer | Certificate::BadSignature => TlsProblem::UnknownAuthority,
            Certificate::Revoked => TlsProblem::Revoked,
            other => TlsProblem::Other(other.to_string()),
        },
        Some(other) => TlsProblem::Other(other.to_string()),
        None => TlsProblem::Other(error.to_string()),
    };
    ConnectError::Tls(problem)
}

/// A connection to a site, plain or TLS.
pub struct Wire(TokioIo<Either<TcpStream, TlsStream<TcpStream>>>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        match self.0.inner() {
            Either::Right(tls) if tls.get_ref().1.alpn_protocol() == Some(b"h2") => Connected::new().negotiated_h2(),
            _ => Connected::new(),
        }
    }
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }
}
