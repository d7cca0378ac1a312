use axum::http::request::Parts;
use fastlimit_core::KeyedDigest;

use super::Key;
use crate::Rejection;

/// A key whose values are secrets; from [`secret`](Key::secret).
#[derive(Clone, Debug)]
pub struct Secret<K> {
    key: K,
    digests: KeyedDigest,
}

impl<K> Secret<K> {
    pub(super) fn new(key: K, digests: KeyedDigest) -> Self {
        Self { key, digests }
    }
}

impl<K: Key> Key for Secret<K> {
    fn key(&self, parts: &Parts) -> Result<String, Rejection> {
        Ok(self.digests.digest(&self.key.key(parts)?))
    }
}
