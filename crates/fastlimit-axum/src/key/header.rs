use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};

use super::sole::sole;
use super::{Key, KeyPlace, KeyProblem, MissingKey};
use crate::{Rejection, header_name};

/// The value of a header; from [`header`].
#[derive(Clone, Debug)]
pub struct Header(HeaderName);

/// Returns the key that is a header's value: `key::header("x-api-key")`.
///
/// A value that nobody checked lets anybody choose a counter, and a new value is a new quota:
/// authenticate first and take [`key::extension`](super::extension), or limit each address too, by
/// `.also(per_address, ClientIp::peer())`.
///
/// # Panics
///
/// Where `name` cannot be the name of a header.
#[must_use]
#[track_caller]
pub fn header(name: &'static str) -> Header {
    Header(header_name::parse(name))
}

impl Header {
    fn value<'parts>(&self, parts: &'parts Parts) -> Result<&'parts str, KeyProblem> {
        let values = parts.headers.get_all(&self.0).iter();
        let value = sole(values.map(HeaderValue::as_bytes))?;
        str::from_utf8(value).map_err(|_| KeyProblem::Unreadable)
    }
}

impl Key for Header {
    fn key(&self, parts: &Parts) -> Result<String, Rejection> {
        match self.value(parts) {
            Ok(value) => Ok(value.to_owned()),
            Err(problem) => {
                let place = KeyPlace::Header(self.0.to_string().into());
                Err(MissingKey::new(place, problem).into())
            }
        }
    }
}
