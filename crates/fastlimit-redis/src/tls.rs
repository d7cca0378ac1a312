use rustls::crypto::{CryptoProvider, ring};

/// Chooses ring for the process, unless the application has chosen already: without a choice
/// the first connect of the client would panic.
pub(crate) fn choose_provider() {
    if CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster.
        let _ = ring::default_provider().install_default();
    }
}
