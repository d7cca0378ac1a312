use std::time::Duration;

#[cfg(feature = "tls-rustls")]
use super::tls::Tls;

/// What all dialers of a store share.
#[derive(Clone, Debug)]
pub(crate) struct DialSettings {
    /// How long an attempt may take in all.
    pub(crate) connect_timeout: Duration,
    /// What `CLIENT LIST` shows. See [`is_client_name`](super::is_client_name).
    pub(crate) client_name: Option<String>,
    /// The certificates.
    #[cfg(feature = "tls-rustls")]
    pub(crate) tls: Tls,
}
