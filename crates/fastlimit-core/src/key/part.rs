use super::digest::{Digest, Role};

/// A prefix or a policy's name where it is kept, with its digest.
#[derive(Clone)]
pub(crate) struct Part {
    text: Box<str>,
    digest: Digest,
}

impl Part {
    pub(crate) fn prefix(text: &str) -> Self {
        Self::new(Role::Prefix, text)
    }

    pub(crate) fn policy(name: &str) -> Self {
        Self::new(Role::Policy, name)
    }

    fn new(role: Role, text: &str) -> Self {
        Self {
            text: text.into(),
            digest: Digest::new(role, text),
        }
    }

    #[inline]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    #[inline]
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }
}
