use std::borrow::Cow;

use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use super::sole::sole;
use super::{Key, KeyPlace, KeyProblem, MissingKey};
use crate::Rejection;

/// The value of a parameter in the query; from [`query_param`].
#[derive(Clone, Debug)]
pub struct QueryParam(&'static str);

/// Returns the key that is the decoded value of a parameter in the query:
/// `key::query_param("account")` is `42` in `/?account=42`.
///
/// A value that nobody checked lets anybody choose a counter, and a new value is a new quota:
/// authenticate first and take [`key::extension`](super::extension), or limit each address too, by
/// `.also(per_address, ClientIp::peer())`.
#[must_use]
pub fn query_param(name: &'static str) -> QueryParam {
    QueryParam(name)
}

impl QueryParam {
    fn value(&self, parts: &Parts) -> Result<String, KeyProblem> {
        let query = parts.uri.query().unwrap_or_default();
        let params = query.split('&').filter_map(|param| {
            let (name, value) = param.split_once('=').unwrap_or((param, ""));
            let is_named = decoded(name).is_ok_and(|name| name == self.0);
            is_named.then(|| decoded(value))
        });
        let values: Vec<_> = params.collect::<Result<_, _>>()?;
        sole(values.into_iter())
    }
}

/// Decodes as the URL standard's `application/x-www-form-urlencoded` does, but not lossily: two
/// values that are not UTF-8 would be one.
fn decoded(text: &str) -> Result<String, KeyProblem> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded
        .map(Cow::into_owned)
        .map_err(|_| KeyProblem::Unreadable)
}

impl Key for QueryParam {
    fn key(&self, parts: &Parts) -> Result<String, Rejection> {
        self.value(parts)
            .map_err(|problem| MissingKey::new(KeyPlace::QueryParam(self.0.into()), problem).into())
    }
}
