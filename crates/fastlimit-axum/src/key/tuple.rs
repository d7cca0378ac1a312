use axum::http::request::Parts;

use super::Key;
use crate::Rejection;

macro_rules! tuple_is_key {
    ($($Part:ident $part:ident),+) => {
        impl<$($Part: Key),+> Key for ($($Part,)+) {
            fn key(&self, parts: &Parts) -> Result<String, Rejection> {
                let ($($part,)+) = self;
                Ok(join([$($part.key(parts)?),+]))
            }
        }
    };
}

tuple_is_key!(A a, B b);
tuple_is_key!(A a, B b, C c);
tuple_is_key!(A a, B b, C c, D d);

/// Joins parts by bars. A bar in a part is escaped, and so is what escapes.
fn join<const PARTS: usize>(parts: [String; PARTS]) -> String {
    let escaped = parts.map(|part| match part.contains(['|', '\\']) {
        true => part.replace('\\', r"\\").replace('|', r"\|"),
        false => part,
    });
    escaped.join("|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part() -> impl Strategy<Value = String> {
        r"[ab|\\]{0,3}"
    }

    #[test]
    fn parts_stand_between_bars() {
        let join = |parts: [&str; 3]| join(parts.map(str::to_owned));
        assert_eq!(
            join(["/users/{id}", "", "2001:db8::/64"]),
            "/users/{id}||2001:db8::/64"
        );
        assert_eq!(join(["a|b", r"\", "c"]), r"a\|b|\\|c");
    }

    proptest! {
        #[test]
        fn different_parts_are_different_keys(
            a in [part(), part(), part()],
            b in [part(), part(), part()],
            c in [part(), part()],
        ) {
            prop_assert_eq!(join(a.clone()) == join(b.clone()), a == b);
            prop_assert_ne!(join(a), join(c));
        }
    }
}
