use axum::http::header::COOKIE;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use super::sole::sole;
use super::{Key, KeyPlace, KeyProblem, MissingKey};
use crate::Rejection;

/// The value of a cookie; from [`cookie()`].
#[derive(Clone, Debug)]
pub struct Cookie(&'static str);

/// Returns the key that is a cookie's value, percent-decoded and without quotes around it:
/// `key::cookie("session")` is `abc` in `session=%61bc`, as a cookie jar shows it.
///
/// A value that nobody checked lets anybody choose a counter, and a new value is a new quota:
/// authenticate first and take [`key::extension`](super::extension), or limit each address too, by
/// `.also(per_address, ClientIp::peer())`.
#[must_use]
pub fn cookie(name: &'static str) -> Cookie {
    Cookie(name)
}

impl Cookie {
    fn value(&self, parts: &Parts) -> Result<String, KeyProblem> {
        let mut values = Vec::new();
        for line in parts.headers.get_all(COOKIE) {
            let line = str::from_utf8(line.as_bytes()).map_err(|_| KeyProblem::Unreadable)?;
            // An error does not tell the name, so each pair is read as it stands, too.
            let pairs = cookie::Cookie::split_parse_encoded(line);
            for (decoded, raw) in pairs.zip(cookie::Cookie::split_parse(line)) {
                match decoded {
                    Ok(pair) if pair.name() == self.0 => {
                        values.push(pair.value_trimmed().to_owned());
                    }
                    Err(_) if raw.is_ok_and(|pair| self.is_named(pair.name())) => {
                        return Err(KeyProblem::Unreadable);
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        }
        sole(values.into_iter())
    }

    fn is_named(&self, encoded: &str) -> bool {
        percent_decode_str(encoded)
            .decode_utf8()
            .is_ok_and(|name| name == self.0)
    }
}

impl Key for Cookie {
    fn key(&self, parts: &Parts) -> Result<String, Rejection> {
        self.value(parts)
            .map_err(|problem| MissingKey::new(KeyPlace::Cookie(self.0.into()), problem).into())
    }
}
