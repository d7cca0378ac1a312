use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fastlimit_core::store::{Key, Operation, Request};
use fastlimit_core::{Cost, Limit, StoreErrorKind, Timestamp};
use redis::{Arg, Cmd};

use super::*;
use crate::script;

/// A check of this cost.
fn shape(cost: u64) -> Shape {
    let limit: Limit = "5/second".parse().unwrap();
    let check = Operation::Check(Cost::milli(cost));
    let request = Request::new(Key::new("fl", "p", "default", "i"), limit, check);
    Shape::new(&request).unwrap()
}

/// A key; all have the same hash, so that they are told apart by nothing but their texts.
fn key(text: &str) -> TextKey<'_> {
    TextKey { text, hash: 7 }
}

/// A deadline that is never reached.
fn later() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

/// A batch of keys and costs, with its tickets.
fn batch(items: &[(&str, u64)]) -> (Batch, Vec<Ticket>) {
    let mut batch = Batch::default();
    let tickets = items
        .iter()
        .map(|(text, cost)| batch.add(&key(text), &shape(*cost), later()));
    let tickets = tickets.collect();
    (batch, tickets)
}

fn arguments(call: &Cmd) -> Vec<Vec<u8>> {
    let arguments = call.args_iter().map(|argument| match argument {
        Arg::Simple(bytes) => bytes.to_vec(),
        _ => unreachable!("no cursor"),
    });
    arguments.collect()
}

/// The text of the error that has come to a ticket.
fn polled(ticket: &mut Ticket) -> Option<String> {
    match Pin::new(ticket).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => Some(error.message().to_owned()),
        Poll::Ready(Ok(decision)) => unreachable!("{decision:?}"),
        Poll::Pending => None,
    }
}

fn error(text: &str) -> StoreError {
    StoreError::new(StoreErrorKind::NotSent, text)
}

/// Gives each item an error that numbers it.
fn number(batch: &Batch) {
    batch.answer((0..batch.len()).map(|number| Err(error(&number.to_string()))));
}

#[test]
fn a_key_and_a_shape_that_several_items_share_are_sent_once() {
    let (batch, _tickets) = batch(&[("a", 1), ("b", 2), ("a", 2), ("c", 1), ("b", 1), ("a", 1)]);
    assert_eq!((batch.len(), batch.keys()), (6, 3));
    let expected: Vec<Vec<u8>> = vec![
        b"EVALSHA".to_vec(),
        script::hash().into(),
        b"3".to_vec(),
        b"a".to_vec(),
        b"b".to_vec(),
        b"c".to_vec(),
        b"1700".to_vec(),
        b"1".to_vec(),
        vec![0, 0, 1, 1, 0, 1, 2, 0, 1, 0, 0, 0],
        shape(1).to_bytes().to_vec(),
        shape(2).to_bytes().to_vec(),
    ];
    let now = Timestamp::from_millis(1_700);
    assert_eq!(arguments(&batch.call(Some(now), true)), expected);
}

#[test]
fn items_that_are_each_key_once_and_all_the_same_are_not_listed() {
    let (plain, _tickets) = batch(&[("a", 1), ("", 1), ("b", 1)]);
    let expected: Vec<Vec<u8>> = vec![
        b"EVALSHA".to_vec(),
        script::hash().into(),
        b"3".to_vec(),
        b"a".to_vec(),
        b"".to_vec(),
        b"b".to_vec(),
        b"".to_vec(),
        b"0".to_vec(),
        b"".to_vec(),
        shape(1).to_bytes().to_vec(),
    ];
    assert_eq!(arguments(&plain.call(None, false)), expected);
    for (items, places) in [
        (vec![("a", 1), ("b", 1), ("a", 1)], vec![0, 0, 1, 0, 0, 0]),
        (vec![("a", 1), ("b", 2)], vec![0, 0, 1, 1]),
    ] {
        let call = batch(&items).0.call(None, false);
        let listed = places.as_slice();
        assert!(arguments(&call).iter().any(|argument| argument == listed));
    }
}

#[test]
fn keys_of_one_hash_stay_apart() {
    // The bytes of all of them in a row are the same, too.
    let (batch, _tickets) = batch(&[
        ("aa", 1),
        ("a", 1),
        ("aaa", 1),
        ("aa", 1),
        ("", 1),
        ("a", 1),
    ]);
    assert_eq!(batch.keys(), 4);
    let keys: Vec<_> = batch.keys_of_items().collect();
    assert_eq!(keys, ["aa", "a", "aaa", "aa", "", "a"]);
}

#[test]
fn a_batch_is_full_when_a_byte_can_name_no_more() {
    let names: Vec<_> = (0..256).map(|number| format!("key {number}")).collect();
    let (mut batch, mut tickets) = (Batch::default(), Vec::new());
    for (number, name) in (0..).zip(&names) {
        assert!(batch.has_room_for(1, 1));
        tickets.push(batch.add(&key(name), &shape(number), later()));
    }
    assert!(!batch.has_room_for(1, 1));
    assert_eq!((batch.len(), batch.keys()), (256, 256));
    let arguments = arguments(&batch.call(None, false));
    assert_eq!(arguments.len(), 3 + 256 + 3 + 256);
    let places: Vec<u8> = (0..=255).flat_map(|place| [place, place]).collect();
    assert_eq!(arguments[3 + 256 + 2], places);
    for (number, name) in (0..).zip(&names) {
        let place = usize::try_from(number).unwrap();
        assert_eq!(arguments[3 + place], name.as_bytes());
        assert_eq!(
            arguments[3 + 256 + 3 + place],
            shape(number).to_bytes().as_slice()
        );
    }
    let keys: Vec<_> = batch.keys_of_items().collect();
    assert_eq!(keys, names);
}

#[test]
fn by_source_it_is_the_same_call() {
    for items in [vec![("a", 1)], vec![("a", 1), ("b", 2), ("a", 3)]] {
        let call = batch(&items).0.call(None, true);
        let mut expected = arguments(&call);
        expected[0] = b"EVAL".to_vec();
        expected[1] = script::source().into();
        assert_eq!(arguments(&by_source(&call)), expected);
    }
}

#[test]
fn all_fail_alike() {
    let (batch, mut tickets) = batch(&[("a", 1), ("b", 2), ("a", 2)]);
    batch.fail(&error("gone"));
    for ticket in &mut tickets {
        assert_eq!(polled(ticket).as_deref(), Some("gone"));
    }
}

#[test]
fn an_answer_too_many_goes_to_nobody() {
    let (batch, mut tickets) = batch(&[("a", 1), ("b", 1)]);
    batch.answer((0..3).map(|number| Err(error(&number.to_string()))));
    for (number, ticket) in tickets.iter_mut().enumerate() {
        assert_eq!(polled(ticket), Some(number.to_string()));
    }
}

#[test]
fn who_went_away_does_not_leave_with_the_others() {
    let items = [("a", 1), ("b", 1), ("c", 2), ("a", 3)];
    let (all, mut tickets) = batch(&items);
    let all = all.still_wanted();
    assert_eq!(all.len(), 4);
    drop(tickets.remove(1));
    drop(tickets.remove(0));
    let left = all.still_wanted();
    let keys: Vec<_> = left.keys_of_items().collect();
    assert_eq!(keys, ["c", "a"]);
    // It is the call of those who are left.
    let alone = batch(&items[2..]).0;
    assert_eq!(
        arguments(&left.call(None, false)),
        arguments(&alone.call(None, false))
    );
    number(&left);
    let answers: Vec<_> = tickets.iter_mut().map(polled).collect();
    assert_eq!(answers, [Some("0".to_owned()), Some("1".to_owned())]);
    drop(tickets);
    assert_eq!(left.still_wanted().len(), 0);
}

#[test]
fn those_whose_time_is_up_get_an_error_and_do_not_leave() {
    let start = Instant::now();
    let at = |millis| start + Duration::from_millis(millis);
    let mut batch = Batch::default();
    let deadlines = [20, 10, 30, 10];
    let mut tickets: Vec<_> = deadlines
        .iter()
        .map(|deadline| batch.add(&key("a"), &shape(1), at(*deadline)))
        .collect();
    assert_eq!(batch.earliest(), Some(at(10)));
    batch.expire(at(9), &error("early")).wake();
    assert_eq!(batch.earliest(), Some(at(10)));
    batch.expire(at(19), &error("late")).wake();
    assert_eq!(batch.earliest(), Some(at(20)));
    let late = Some("late".to_owned());
    let answers: Vec<_> = tickets.iter_mut().map(polled).collect();
    assert_eq!(answers, [None, late.clone(), None, late]);
    let mut batch = batch.still_wanted();
    assert_eq!(batch.len(), 2);
    batch.expire(at(30), &error("later")).wake();
    assert_eq!(batch.earliest(), None);
    for place in [0, 2] {
        assert_eq!(polled(&mut tickets[place]).as_deref(), Some("later"));
    }
}

#[test]
fn a_batch_is_split_in_its_order() {
    let (batch, mut tickets) = batch(&[("a", 1), ("b", 1), ("a", 2), ("c", 1), ("b", 1)]);
    let (batch, rest) = batch.split(5);
    assert!(rest.is_none());
    let (first, rest) = batch.split(2);
    let rest = rest.unwrap();
    // The next ticket would be one of theirs.
    assert!(!first.has_room_for(1, 1) && !rest.has_room_for(1, 1));
    let keys = |batch: &Batch| batch.keys_of_items().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(keys(&first), ["a", "b"]);
    assert_eq!(keys(&rest), ["a", "c", "b"]);
    number(&rest);
    number(&first);
    let answers: Vec<_> = tickets.iter_mut().map(|it| polled(it).unwrap()).collect();
    assert_eq!(answers, ["0", "1", "0", "1", "2"]);
}

#[test]
fn items_are_told_apart_and_answered_apart() {
    let items = [("a", 1), ("b", 1), ("aa", 2), ("b", 3), ("c", 1)];
    let (all, mut tickets) = batch(&items);
    let mut groups = all.by(str::len);
    groups.sort_by_key(Batch::len);
    let keys = |batch: &Batch| batch.keys_of_items().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        groups.iter().map(keys).collect::<Vec<_>>(),
        [vec!["aa"], vec!["a", "b", "b", "c"]]
    );
    groups[0].fail(&error("long"));
    let alone: Vec<_> = groups[1].each_alone().collect();
    assert_eq!(
        alone.iter().map(keys).collect::<Vec<_>>(),
        [["a"], ["b"], ["b"], ["c"]]
    );
    for (place, alone) in alone.iter().enumerate() {
        alone.fail(&error(&place.to_string()));
    }
    let answers: Vec<_> = tickets.iter_mut().map(|it| polled(it).unwrap()).collect();
    assert_eq!(answers, ["0", "1", "long", "2", "3"]);
}

#[test]
fn a_batch_is_full_of_work_and_of_bytes() {
    let log: Limit = "1000/second sliding-log".parse().unwrap();
    let check = Operation::Check(Cost::ONE);
    let request = Request::new(Key::new("fl", "p", "default", "i"), log, check);
    let heavy = Shape::new(&request).unwrap();
    assert_eq!(heavy.work(), 1_000);
    let mut batch = Batch::default();
    // Whatever it is, one item leaves.
    assert!(batch.has_room_for(1, usize::MAX));
    let _first = batch.add(&key("a"), &heavy, later());
    let _second = batch.add(&key("b"), &heavy, later());
    assert!(batch.has_room_for(1, 48) && !batch.has_room_for(1, 49));

    let long = "x".repeat(MOST_BYTES);
    let mut batch = Batch::default();
    let _first = batch.add(&key(&long), &shape(1), later());
    assert!(!batch.has_room_for(1, 1));
}

#[test]
fn what_goes_to_another_server_takes_nobody_along() {
    let (mut batch, _tickets) = batch(&[("a", 1)]);
    assert!(batch.has_room_for(1, 1) && !batch.is_asking());
    assert_eq!(batch.go_elsewhere(true), 1);
    // The next command alone is meant by it.
    assert!(batch.is_asking() && !batch.has_room_for(1, 1));
    assert_eq!(batch.go_elsewhere(false), 2);
    assert!(!batch.is_asking() && !batch.has_room_for(1, 1));
    assert!(!batch.part(|_| true).has_room_for(1, 1));
}
