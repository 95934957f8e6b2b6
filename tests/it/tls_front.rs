//! TLS before whatever listens without, for the tests and the benchmark of the whole.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Something that listens on loopback as long as it is held.
pub struct Listening {
    pub port: u16,
    _task: JoinSet<()>,
}

/// Lets `serve` have every connection, one task for all of them.
pub async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Listening
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream));
        }
    });
    Listening { port, _task: task }
}

/// What a server with this certificate accepts connections with.
pub fn acceptor(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A private CA in a file, and a TLS server before `target` with a certificate of it.
pub struct TlsFront {
    folder: tempfile::TempDir,
    server: Listening,
}

impl TlsFront {
    pub async fn before(target: SocketAddr, host: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
        let acceptor = acceptor(certificate.into(), key.into());
        let server = listen(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut inner = acceptor.accept(stream).await?;
                copy_bidirectional(&mut inner, &mut TcpStream::connect(target).await?).await.map(|_| ())
            }
        })
        .await;
        Self { folder, server }
    }

    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub fn port(&self) -> u16 {
        self.server.port
    }
}
