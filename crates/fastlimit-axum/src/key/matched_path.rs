use axum::http::request::Parts;

use super::{Key, KeyPlace, KeyProblem, MissingKey};
use crate::Rejection;

/// The route's path; from [`matched_path`].
#[derive(Clone, Debug)]
pub struct MatchedPath(());

/// Returns the key that is the route's path, such as `/users/{id}`: with it, one layer around
/// many routes counts each of them apart.
///
/// A request that matches no route is a 500: put the limit on routes, or around them by
/// `Router::route_layer`.
#[must_use]
pub fn matched_path() -> MatchedPath {
    MatchedPath(())
}

impl Key for MatchedPath {
    fn key(&self, parts: &Parts) -> Result<String, Rejection> {
        match parts.extensions.get::<axum::extract::MatchedPath>() {
            Some(path) => Ok(path.as_str().to_owned()),
            None => Err(MissingKey::new(KeyPlace::MatchedPath, KeyProblem::Absent).into()),
        }
    }
}
