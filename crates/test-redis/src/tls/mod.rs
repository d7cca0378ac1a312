//! A server that is reached over TLS only.

mod authority;

use std::fmt;
use std::ops::Deref;

use self::authority::{Authority, Identity, Validity};
use crate::instance::Instance;
use crate::setup::{Role, Setup};
use crate::source::Environment;
use crate::{Error, TestRedis};

/// A Redis of one test alone over TLS, with certificates of its own; it ends on drop.
///
/// Its certificate is for `localhost` and `127.0.0.1`. Its [`client`](Instance::client) goes by
/// the server's Unix socket, so it needs no certificate.
pub struct TlsRedis {
    instance: Instance,
    authority: Authority,
    stranger: Authority,
    client: Identity,
}

impl TestRedis {
    /// Starts a server over TLS for one test alone, which may demand a certificate of each client.
    ///
    /// It is a process of the program on this machine, whatever `FASTLIMIT_TEST_REDIS_SOURCE`
    /// forces but `url`.
    ///
    /// # Errors
    ///
    /// Fails when there is no program to start, or when it does not start, such as one that is
    /// built without TLS.
    pub fn start_tls(require_client_certificate: bool) -> Result<TlsRedis, Error> {
        TlsRedis::start(require_client_certificate, Validity::Good)
    }

    /// Starts a server over TLS whose certificate has expired.
    ///
    /// # Errors
    ///
    /// Fails as [`TestRedis::start_tls`] does.
    pub fn start_tls_expired() -> Result<TlsRedis, Error> {
        TlsRedis::start(false, Validity::Expired)
    }
}

impl TlsRedis {
    fn start(require_client_certificate: bool, validity: Validity) -> Result<Self, Error> {
        let program = Environment::of_process().own_program()?;
        let made = |error: rcgen::Error| Error::Certificates(error.to_string());
        let authority = Authority::new("test authority").map_err(made)?;
        let server = authority.server(validity).map_err(made)?;
        let ask = if require_client_certificate {
            "yes"
        } else {
            "no"
        };
        let setup = Setup::new(program, Role::Tls, &["--tls-auth-clients", ask])?
            .with_file("--tls-ca-cert-file", "ca.pem", authority.pem())?
            .with_file("--tls-cert-file", "server.pem", &server.cert_pem)?
            .with_file("--tls-key-file", "server-key.pem", &server.key_pem)?;
        Ok(Self {
            instance: Instance::start(setup)?,
            client: authority.client().map_err(made)?,
            stranger: Authority::new("another authority").map_err(made)?,
            authority,
        })
    }

    /// Returns the certificate of the authority that has signed the server's and the client's.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// Returns the certificate of an authority that has signed neither.
    #[must_use]
    pub fn other_ca_pem(&self) -> &str {
        self.stranger.pem()
    }

    /// Returns a client's certificate that the server trusts.
    #[must_use]
    pub fn client_cert_pem(&self) -> &str {
        &self.client.cert_pem
    }

    /// Returns the private key of the client's certificate.
    #[must_use]
    pub fn client_key_pem(&self) -> &str {
        &self.client.key_pem
    }
}

impl Deref for TlsRedis {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}

impl fmt::Debug for TlsRedis {
    /// Leaves the keys out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsRedis")
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}
