use std::time::Duration;

use crate::denial::Form;
use crate::{DenialBody, Headers};

/// How a refusal looks, as its layer was told and as the client can read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) headers: Headers,
    pub(crate) form: Form,
    /// The most that `Retry-After` is made longer by.
    pub(crate) jitter: Duration,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            headers: Headers::default(),
            form: Form::Http(DenialBody::default()),
            jitter: Duration::ZERO,
        }
    }
}
