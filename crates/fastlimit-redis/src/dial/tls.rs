//! TLS by rustls and ring, without a choice of a provider for the whole process.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls_fault::TlsFault;

/// The certificates with which a store connects. They are read once, when the first connection
/// needs them; clones share what was read.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// In PEM; the system's if there are none.
    authorities: Option<Vec<u8>>,
    /// Certificates and key, in PEM.
    client: Option<(Vec<u8>, Vec<u8>)>,
    config: OnceLock<Arc<ClientConfig>>,
    /// Held by who reads the certificates.
    reading: Mutex<()>,
}

impl Tls {
    /// Trusts these authorities instead of the system's; certificates in PEM.
    pub(crate) fn trusting(self, authorities: impl Into<Vec<u8>>) -> Self {
        let client = self.shared.client.clone();
        Self::of(Some(authorities.into()), client)
    }

    /// Shows the server this certificate; both in PEM.
    pub(crate) fn as_client(
        &self,
        certificates: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        let authorities = self.shared.authorities.clone();
        Self::of(authorities, Some((certificates.into(), key.into())))
    }

    /// Settings of which nothing was read yet.
    fn of(authorities: Option<Vec<u8>>, client: Option<(Vec<u8>, Vec<u8>)>) -> Self {
        let shared = Shared {
            authorities,
            client,
            ..Shared::default()
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What connections are made with, read now if it has not been yet: this may block. An error
    /// says what is wrong with the certificates.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let shared = &*self.shared;
        let _reading = shared
            .reading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = shared.config.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(shared.read()?);
        Ok(Arc::clone(shared.config.get_or_init(|| config)))
    }

    /// The same without blocking.
    async fn config_in_background(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.shared.config.get() {
            return Ok(Arc::clone(config));
        }
        let tls = self.clone();
        match tokio::task::spawn_blocking(move || tls.config()).await {
            Ok(result) => result,
            Err(_) => Err("the certificates could not be read".to_owned()),
        }
    }
}

impl Shared {
    /// Reads the certificates.
    // No error of the readers is passed on, since it may repeat a line of the key.
    fn read(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(self.roots()?);
        let Some((certificates, key)) = &self.client else {
            return Ok(config.with_no_client_auth());
        };
        let certificates = certificates_of(certificates)
            .ok_or("what was given as the client's certificate holds none in PEM")?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| "what was given as the client's key holds none in PEM")?;
        config
            .with_client_auth_cert(certificates, key)
            .map_err(|_| "the client's key does not fit its certificate".to_owned())
    }

    /// Whom the server's certificate must be signed by.
    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        match &self.authorities {
            Some(authorities) => {
                let authorities = certificates_of(authorities)
                    .ok_or("what was given as the authorities' certificates holds none in PEM")?;
                for authority in authorities {
                    roots.add(authority).map_err(
                        |_| "a certificate that was given as an authority's cannot be one's",
                    )?;
                }
            }
            None => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    let why = found.errors.first();
                    let why = why.map(|error| format!(" ({error})")).unwrap_or_default();
                    return Err(format!(
                        "the system has no certificates of authorities{why}; give the builder one"
                    ));
                }
            }
        }
        Ok(roots)
    }
}

/// The certificates of a PEM text, `None` if it holds none or what is none.
fn certificates_of(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(pem);
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().ok()?;
    (!certificates.is_empty()).then_some(certificates)
}

impl fmt::Debug for Tls {
    /// Leaves the key out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("has_authorities", &self.shared.authorities.is_some())
            .field("has_client", &self.shared.client.is_some())
            .finish_non_exhaustive()
    }
}

/// The opening of TLS over a stream.
pub(super) struct Handshake {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Handshake {
    /// Reads the certificates, if they have not been read yet.
    pub(super) async fn new(tls: &Tls, host: &str) -> Result<Self, TlsFault> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            TlsFault::Certificate("no certificate can be valid for that host's name".to_owned())
        })?;
        let config = tls.config_in_background().await;
        let config = config.map_err(TlsFault::Certificate)?;
        Ok(Self {
            connector: TlsConnector::from(config),
            name,
        })
    }

    /// Opens TLS over a stream.
    pub(super) async fn run<S>(self, stream: S) -> Result<TlsStream<S>, TlsFault>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let opened = self.connector.connect(self.name, stream).await;
        opened.map_err(|error| TlsFault::of(&error).unwrap_or_else(|| TlsFault::lost(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_told_without_being_repeated() {
        let key = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n";
        let empty = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
        for (tls, told) in [
            (Tls::default().trusting("hunter2"), "authorities"),
            (Tls::default().trusting(""), "authorities"),
            (Tls::default().trusting(key), "authorities"),
            (Tls::default().trusting(empty), "authority"),
        ] {
            let error = tls.config().unwrap_err();
            assert!(error.contains(told), "{error}");
            assert!(!format!("{error} {tls:?}").contains("hunter2"), "{error}");
        }
    }
}
