use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use axum::http::request::Parts;

use super::{Key, KeyPlace, KeyProblem, MissingKey};
use crate::Rejection;

/// A text of a value in the request's extensions; from [`extension`].
pub struct Extension<T, F> {
    text: F,
    value: PhantomData<fn(&T)>,
}

/// Returns the key that `text` makes of a value in the request's extensions, such as the user
/// that an authentication layer outside of the limit left:
/// `key::extension(|user: &User| user.id.to_string())`.
///
/// A request without the value, or with an empty text, is a 500: no client can mend that. The
/// layer that leaves it has to stand outside of the limit. Where the value may be missing, as that of a guest, go on with
/// [`or_else`](Key::or_else).
pub fn extension<T, F>(text: F) -> Extension<T, F>
where
    T: Send + Sync + 'static,
    F: Fn(&T) -> String + Send + Sync + 'static,
{
    Extension {
        text,
        value: PhantomData,
    }
}

impl<T, F> Key for Extension<T, F>
where
    T: Send + Sync + 'static,
    F: Fn(&T) -> String + Send + Sync + 'static,
{
    fn key(&self, parts: &Parts) -> Result<String, Rejection> {
        let text = parts.extensions.get().map(&self.text);
        let problem = match text {
            Some(text) if text.is_empty() => KeyProblem::Empty,
            Some(text) => return Ok(text),
            None => KeyProblem::Absent,
        };
        Err(MissingKey::new(KeyPlace::Extension(type_name::<T>().into()), problem).into())
    }
}

impl<T, F: Clone> Clone for Extension<T, F> {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            value: PhantomData,
        }
    }
}

impl<T, F> fmt::Debug for Extension<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extension({})", type_name::<T>())
    }
}
