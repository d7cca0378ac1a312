mod choice;
mod examples;
mod same_quota;

use std::time::Duration;

use axum::http::header::HeaderMap;
use fastlimit_core::{Cost, Decision, Limit, LimitStatus, Policy, Timestamp};
use sfv::{List, ListEntry, Parser};

use super::*;

/// What a store says of one limit; times are in milliseconds.
#[derive(Clone, Debug)]
struct Status {
    remaining_milli: u64,
    reset_after: u64,
    is_denied: bool,
    /// `None` if it never passes.
    next_after: Option<u64>,
}

fn charged(name: &str, limits: &str, now: u64, statuses: &[Status], pk: bool) -> Charged {
    let policy = Policy::new(name, limits).unwrap();
    let of = |(limit, status): (&Limit, &Status)| {
        let remaining = Cost::milli(status.remaining_milli);
        let reset_after = Duration::from_millis(status.reset_after);
        let next_after = status.next_after.map(Duration::from_millis);
        match status.is_denied {
            true => LimitStatus::denied(*limit, remaining, reset_after, next_after),
            false => {
                LimitStatus::allowed(*limit, remaining, reset_after).with_next_after(next_after)
            }
        }
    };
    let statuses: Vec<_> = policy.limits().iter().zip(statuses).map(of).collect();
    let now = Timestamp::from_millis(now);
    let decision = Decision::new(now, now, statuses);
    Charged::new(policy, decision, pk.then_some(*b"0123456789abcdef"))
}

fn allowed(remaining: u64, reset_after: u64) -> Status {
    Status {
        remaining_milli: remaining * 1_000,
        reset_after,
        is_denied: false,
        next_after: Some(reset_after),
    }
}

fn written(families: impl Into<Headers>, charges: &[Charged]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    let families = families.into();
    let written = families.write(charges, Headers::none(), &mut fields);
    assert_eq!(written, families);
    fields
}

fn number(fields: &HeaderMap, name: &str) -> u64 {
    fields[name].to_str().unwrap().parse().unwrap()
}

/// An item of a field: its string, and its parameters that are integers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    name: String,
    integers: Vec<(String, i64)>,
    pk: Option<Vec<u8>>,
}

impl Item {
    fn integer(&self, key: &str) -> u64 {
        let (_, value) = self
            .integers
            .iter()
            .find(|(other, _)| other == key)
            .unwrap();
        u64::try_from(*value).unwrap()
    }
}

/// Reads a list as anybody would.
fn items(list: &str) -> Vec<Item> {
    let list: List = Parser::new(list).parse().unwrap();
    let item = |entry: ListEntry| {
        let ListEntry::Item(item) = entry else {
            panic!("{entry:?} is no item");
        };
        let integers = item.params.iter().filter_map(|(key, value)| {
            let value = value.as_integer()?;
            Some((key.as_str().to_owned(), i64::from(value)))
        });
        let pk = item.params.get("pk");
        Item {
            name: item.bare_item.as_string().unwrap().as_str().to_owned(),
            integers: integers.collect(),
            pk: pk.map(|pk| pk.as_byte_sequence().unwrap().to_vec()),
        }
    };
    list.into_iter().map(item).collect()
}

fn list(fields: &HeaderMap, name: &str) -> Vec<Item> {
    items(fields[name].to_str().unwrap())
}
