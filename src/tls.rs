//! Whom TLS trusts: the system's roots, else the built-in ones, and a private CA beside either.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read the CA file `{}`: {why}", path.display())]
    UnreadableCa { path: PathBuf, why: String },
    #[error("the CA file `{}` holds no certificate; it must be PEM, with `-----BEGIN CERTIFICATE-----`", path.display())]
    EmptyCa { path: PathBuf },
    #[error("a certificate in the CA file `{}` cannot be a root: {why}", path.display())]
    BadCa { path: PathBuf, why: rustls::Error },
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// A client's TLS: always verified. `extra_ca` is a PEM file whose certificates are trusted as well.
///
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` take the place of the system's own roots, as elsewhere.
pub fn client_config(extra_ca: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = Arc::clone(system_roots());
    if let Some(path) = extra_ca {
        trust_file(Arc::make_mut(&mut roots), path)?;
    }
    // Named here, so that nobody has to install a provider for the whole process first.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A host without any usable root, such as an image made from `scratch`, gets Mozilla's list. Read once, and shared
/// by all clients.
fn system_roots() -> &'static Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // Single certificates that cannot be read are left out: a host's store often has some.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Arc::new(roots)
    })
}

fn trust_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let unreadable = |why: String| TlsError::UnreadableCa { path: path.to_owned(), why };
    let pem = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|why| TlsError::BadCa { path: path.to_owned(), why })?;
    }
    if roots.len() == before { Err(TlsError::EmptyCa { path: path.to_owned() }) } else { Ok(()) }
}

/// Whether a CA file can be used, or why not, in words: "is not there".
pub fn check_ca(path: &Path) -> Result<(), String> {
    let Err(error) = trust_file(&mut RootCertStore::empty(), path) else { return Ok(()) };
    Err(match error {
        TlsError::UnreadableCa { .. } if !path.exists() => "is not there".to_owned(),
        TlsError::UnreadableCa { why, .. } => format!("cannot be read: {why}"),
        TlsError::EmptyCa { .. } => {
            "holds no certificate; it must be PEM, with `-----BEGIN CERTIFICATE-----`".to_owned()
        }
        TlsError::BadCa { why, .. } => format!("has a certificate in it that cannot be a root: {why}"),
        TlsError::Setup(why) => format!("cannot be used: {why}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_ca_is_read_or_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let told = |text: &str| {
            std::fs::write(&path, text).unwrap();
            client_config(Some(&path)).map(|_| ()).map_err(|error| error.to_string())
        };
        let own = rcgen::generate_simple_self_signed(["house.test".to_owned()]).unwrap();
        assert_eq!(told(&own.cert.pem()), Ok(()));
        assert!(told("").unwrap_err().contains("holds no certificate"));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(told(broken).unwrap_err().contains("cannot be a root"));
        let gone = client_config(Some(&dir.path().join("none.pem"))).unwrap_err().to_string();
        assert!(gone.contains("none.pem") && gone.contains("No such file"), "{gone}");
    }

    #[test]
    fn there_are_always_roots() {
        assert!(!system_roots().is_empty());
    }
}
