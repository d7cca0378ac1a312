//! No text makes the grammar panic; an error points into the text; what is read is in the domain,
//! and is shown as a text that means the same.

#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use fastlimit_core::{Limit, ParseError, Policy, Rate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(rate) = read::<Rate>(text) {
        in_domain(rate);
    }
    if let Some(limit) = read::<Limit>(text) {
        in_domain(limit.rate());
        let burst = limit.burst().unwrap_or(1);
        assert!(burst <= Limit::MAX_BURST);
    }
    if let Some(policy) = read::<Policy>(text) {
        assert!(!policy.limits().is_empty());
    }
});

fn read<T>(text: &str) -> Option<T>
where
    T: FromStr<Err = ParseError> + Display + Debug + PartialEq,
{
    match text.parse::<T>() {
        Ok(value) => {
            assert_eq!(value.to_string().parse::<T>().as_ref(), Ok(&value));
            Some(value)
        }
        Err(error) => {
            assert!(text.is_char_boundary(error.offset()), "{error}");
            None
        }
    }
}

fn in_domain(rate: Rate) {
    assert!(rate.requests() <= Rate::MAX_REQUESTS);
    assert!((Rate::MIN_PERIOD..=Rate::MAX_PERIOD).contains(&rate.period()));
}
