use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Request;
use axum::http::request::Parts;

use super::sole::sole;
use super::{Key, KeyPlace, KeyProblem, MissingKey};
use crate::Rejection;

/// The value of a parameter in the route's path; from [`path_param`].
#[derive(Clone, Debug)]
pub struct PathParam(&'static str);

/// Returns the key that is the decoded value of a parameter in the route's path:
/// `key::path_param("id")` is `42` in `/users/42` of the route `/users/{id}`.
///
/// A route whose path has no such parameter, and a request that matches no route, is a 500: the
/// limit is set up wrongly.
#[must_use]
pub fn path_param(name: &'static str) -> PathParam {
    PathParam(name)
}

impl PathParam {
    fn value(&self, parts: &Parts) -> Result<String, KeyProblem> {
        let params = params(parts)?;
        let params = params.iter().filter(|(name, _)| *name == self.0);
        sole(params.map(|(_, value)| value.to_owned()))
    }
}

/// axum shows the parameters to extractors alone, which own the request's extensions, and tells of
/// a future. This one never waits.
fn params(parts: &Parts) -> Result<RawPathParams, KeyProblem> {
    let (mut copy, ()) = Request::new(()).into_parts();
    copy.extensions = parts.extensions.clone();
    let params = pin!(RawPathParams::from_request_parts(&mut copy, &()));
    match params.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(params)) => Ok(params),
        Poll::Ready(Err(RawPathParamsRejection::InvalidUtf8InPathParam(_))) => {
            Err(KeyProblem::Unreadable)
        }
        Poll::Ready(Err(_)) | Poll::Pending => Err(KeyProblem::Absent),
    }
}

impl Key for PathParam {
    fn key(&self, parts: &Parts) -> Result<String, Rejection> {
        self.value(parts)
            .map_err(|problem| MissingKey::new(KeyPlace::PathParam(self.0.into()), problem).into())
    }
}
