use axum::http::request::Parts;

use super::Key;
use crate::Rejection;

/// A key, or another one where the first has none; from [`or_else`](Key::or_else).
#[derive(Clone, Debug)]
pub struct OrElse<A, B> {
    first: A,
    second: B,
}

impl<A, B> OrElse<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: Key, B: Key> Key for OrElse<A, B> {
    fn key(&self, parts: &Parts) -> Result<String, Rejection> {
        match self.first.key(parts) {
            Ok(key) => Ok(first(key)),
            Err(rejection) if has_none(&rejection) => self.second.key(parts).map(second),
            Err(rejection) => Err(rejection),
        }
    }
}

fn has_none(rejection: &Rejection) -> bool {
    match rejection {
        Rejection::MissingKey(missing) => missing.is_none(),
        Rejection::MissingClientAddress => true,
        _ => false,
    }
}

/// Nearly always the key as it is: only one that looks like a second one is told apart.
fn first(mut key: String) -> String {
    if key.starts_with(['|', '\\']) {
        key.insert(0, '\\');
    }
    key
}

fn second(mut key: String) -> String {
    key.insert(0, '|');
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_first_key_is_a_second_one(a in r"[a|\\]{0,4}", b in r"[a|\\]{0,4}") {
            prop_assert_ne!(first(a.clone()), second(b.clone()));
            prop_assert_eq!(first(a.clone()) == first(b.clone()), a == b);
            prop_assert_eq!(second(a.clone()) == second(b.clone()), a == b);
        }
    }
}
