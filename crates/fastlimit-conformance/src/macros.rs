/// Makes every law of the suite a test of its own, so that a failure has a name and new laws
/// arrive by upgrading.
///
/// The argument is an expression that gives a [`StoreFactory`](crate::StoreFactory). Each test
/// evaluates it and brings its own tokio runtime. One more test tells how many laws there are.
/// Attributes before it, such as `#[ignore]`, go to every test; to try two factories, call the
/// macro in two modules.
///
/// ```
/// # use fastlimit_conformance::{Fixture, FixtureError, StoreFactory, async_trait};
/// # struct MyStores;
/// # #[async_trait]
/// # impl StoreFactory for MyStores {
/// #     async fn create(&self) -> Result<Fixture, FixtureError> { Err("none".into()) }
/// # }
/// mod conformance {
///     use super::*;
///
///     fastlimit_conformance::conformance_tests!(MyStores);
/// }
///
/// mod on_a_slow_disk {
///     use super::*;
///
///     fastlimit_conformance::conformance_tests!(#[ignore = "takes a minute"] => MyStores);
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($(#[$attribute:meta])+ => $factory:expr $(,)?) => {
        $crate::__each_law!(__law_tests [[$(#[$attribute])+] $factory]);
    };
    ($factory:expr $(,)?) => {
        $crate::__each_law!(__law_tests [[] $factory]);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __law_tests {
    ([$attributes:tt $factory:expr] $($theme:ident :: $law:ident,)*) => {
        $($crate::__law_test!($attributes $law $factory);)*

        #[test]
        fn tells_how_many_laws_there_are() {
            $crate::__private::test_law_count(&$factory);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __law_test {
    ([$($attributes:tt)*] $law:ident $factory:expr) => {
        #[test]
        $($attributes)*
        fn $law() {
            $crate::__private::test_law(&$factory, stringify!($law));
        }
    };
}
