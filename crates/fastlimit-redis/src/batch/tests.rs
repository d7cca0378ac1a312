use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use fastlimit_core::store::{Key, Operation, Request};
use fastlimit_core::{Cost, Limit, StoreErrorKind};

use super::*;

/// A check of this cost.
fn shape(cost: u64) -> Shape {
    let limit: Limit = "5/second".parse().unwrap();
    let check = Operation::Check(Cost::milli(cost));
    let request = Request::new(Key::new("fl", "p", "default", "i"), limit, check);
    Shape::new(&request).unwrap()
}

fn item(key: &str, shape: &Shape) -> Item {
    Item {
        // All the same, so that keys are told apart by nothing but their texts.
        hash: 7,
        key: key.into(),
        shape: shape.clone(),
    }
}

/// A batch of keys and costs, with its tickets.
fn batch(items: &[(&str, u64)]) -> (Batch, Vec<Ticket>) {
    let mut batch = Batch::default();
    let tickets = items.iter().map(|(key, cost)| {
        let shape = shape(*cost);
        batch.add(&item(key, &shape), &shape)
    });
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

fn polled(ticket: Ticket) -> Poll<Answer> {
    pin!(ticket).poll(&mut Context::from_waker(Waker::noop()))
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
    let mut batch = Batch::default();
    for (number, name) in (0..).zip(&names) {
        assert!(batch.has_room_for(1));
        let shape = shape(number);
        drop(batch.add(&item(name, &shape), &shape));
    }
    assert!(!batch.has_room_for(1));
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
fn items_go_back_as_they_came() {
    let (batch, tickets) = batch(&[("a", 1), ("b", 2), ("a", 2)]);
    let expected = [("a", 1), ("b", 2), ("a", 2)];
    batch.give_back();
    for (ticket, (key, cost)) in tickets.into_iter().zip(expected) {
        let Poll::Ready(Answer::Unsent(item)) = polled(ticket) else {
            unreachable!("{key} did not go back");
        };
        assert_eq!((&*item.key, item.hash, item.shape), (key, 7, shape(cost)));
    }
}

#[test]
fn all_fail_alike() {
    let (batch, tickets) = batch(&[("a", 1), ("b", 2), ("a", 2)]);
    batch.fail(&StoreError::new(StoreErrorKind::NotSent, "gone"));
    for ticket in tickets {
        let Poll::Ready(Answer::Is(Err(error))) = polled(ticket) else {
            unreachable!("no error");
        };
        assert_eq!(error.kind(), StoreErrorKind::NotSent);
    }
}

#[test]
fn an_answer_too_many_goes_to_nobody() {
    let (batch, tickets) = batch(&[("a", 1), ("b", 1)]);
    let late = batch.tickets.as_ref().unwrap().add(2);
    batch.answer((0..3).map(|_| Answer::Unsent(item("x", &shape(1)))));
    assert!(polled(late).is_pending());
    for ticket in tickets {
        assert!(polled(ticket).is_ready());
    }
}
