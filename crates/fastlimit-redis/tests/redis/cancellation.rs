//! Callers who go away.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use fastlimit_core::store::{Key, Operation, Reply, Request};
use fastlimit_core::{Cost, Limit, Store};
use fastlimit_redis::RedisStore;

use crate::rig::{Rig, apply};

/// A spread of waits, without a generator of random numbers.
fn pause(number: u64) -> Duration {
    Duration::from_micros(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_away_harms_nobody() {
    const TASKS: u64 = 4_000;
    const CAPACITY: u64 = 1_000_000;
    let rig = Arc::new(Rig::new());
    let store = rig.store().await;
    let hot: Limit = format!("{CAPACITY}/day").parse().unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| {
            let (rig, store) = (Arc::clone(&rig), store.clone());
            tokio::spawn(async move {
                let stays = number % 3 == 0;
                let ask = async {
                    // An answer that nobody else gets, first.
                    let own: Limit = format!("{}/day", number + 1).parse().unwrap();
                    let identifier = format!("own:{number}");
                    let key = rig.key(&identifier);
                    let decision = apply(&store, key, own, Operation::Check(Cost::ONE)).await;
                    assert_eq!(decision.unwrap().remaining_cost(), Cost::requests(number));
                    let key = rig.key("hot");
                    let decision = apply(&store, key, hot, Operation::Check(Cost::ONE)).await;
                    decision.unwrap().remaining_cost().whole_requests()
                };
                if stays {
                    return Some(ask.await);
                }
                tokio::time::timeout(pause(number), ask).await.ok()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.extend(task.await.unwrap());
    }
    let answered = u64::try_from(answers.len()).unwrap();
    let distinct: HashSet<_> = answers.iter().copied().collect();
    assert_eq!(distinct.len(), answers.len(), "two got the same answer");
    assert!(answered >= TASKS / 3);

    // What was charged is what was answered, and at most what was asked.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let usage = apply(&store, rig.key("hot"), hot, Operation::Peek(Cost::ZERO)).await;
    let used = CAPACITY - usage.unwrap().remaining_cost().whole_requests();
    let lowest = answers.iter().copied().min().unwrap();
    println!("{answered} of {TASKS} were answered, {used} charged");
    assert!((answered..=TASKS).contains(&used), "{used}");
    assert!(CAPACITY - lowest <= used);
    let key = Key::new(&rig.prefix, "default", "default", "hot");
    let last = apply(&store, key, hot, Operation::Check(Cost::ONE)).await;
    assert_eq!(
        last.unwrap().remaining_cost(),
        Cost::requests(CAPACITY - used - 1)
    );
}

/// Lets other tasks have their turn so many times.
async fn turns(count: u64) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

/// One in ten is dropped: unpolled, after a few turns, or after a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenth_that_goes_away_takes_nobody_s_answer_along() {
    const TASKS: u64 = 6_000;
    const CAPACITY: u64 = 1_000_000;
    const KEYS: [&str; 4] = ["a", "b", "c", "d"];
    let rig = Arc::new(Rig::new());
    let store = rig.store().await;
    let limit: Limit = format!("{CAPACITY}/day").parse().unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| {
            let (rig, store) = (Arc::clone(&rig), store.clone());
            // Neighbours differ in whether they stay, in their key and in how they go.
            let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            let name = KEYS[usize::try_from(random / 1_000 % 4).unwrap()];
            tokio::spawn(async move {
                let check = Operation::Check(Cost::ONE);
                let ask = store.apply(&Request::new(rig.key(name), limit, check));
                let answer = if random % 10 > 0 {
                    Some(ask.await)
                } else {
                    let way = random / 10;
                    tokio::select! {
                        biased;
                        () = turns(way / 3 % 6), if way % 3 < 2 => None,
                        () = tokio::time::sleep(pause(number) / 8), if way % 3 == 2 => None,
                        answer = ask => Some(answer),
                    }
                };
                let decision = answer.map(Result::unwrap);
                (
                    name,
                    decision.map(|it| it.remaining_cost().whole_requests()),
                )
            })
        })
        .collect();
    let mut asked = HashMap::<_, u64>::new();
    let mut answers = HashMap::<_, Vec<u64>>::new();
    for task in tasks {
        let (name, answer) = task.await.unwrap();
        *asked.entry(name).or_default() += 1;
        answers.entry(name).or_default().extend(answer);
    }
    for name in KEYS {
        let answers = &answers[name];
        let answered = u64::try_from(answers.len()).unwrap();
        let distinct: HashSet<_> = answers.iter().copied().collect();
        assert_eq!(distinct.len(), answers.len(), "two got the same answer");
        assert!(answered >= asked[name] * 8 / 10, "{answered}");
        // Behind all that was sent before it.
        let last = apply(&store, rig.key(name), limit, Operation::Check(Cost::ONE)).await;
        let used = CAPACITY - last.unwrap().remaining_cost().whole_requests() - 1;
        println!(
            "{name}: {answered} of {} answered, {used} charged",
            asked[name]
        );
        assert!((answered..=asked[name]).contains(&used), "{used}");
        let lowest = answers.iter().copied().min().unwrap();
        assert!(CAPACITY - lowest <= used);
    }
}

/// A request under ten a day.
fn ask_for_one_of_ten<'a>(store: &'a RedisStore, rig: &Rig) -> Reply<'a> {
    let limit: Limit = "10/day".parse().unwrap();
    store.apply(&Request::new(
        rig.key("a"),
        limit,
        Operation::Check(Cost::ONE),
    ))
}

#[tokio::test]
async fn a_first_caller_who_goes_away_leaves_nobody_waiting() {
    let rig = Rig::new();
    let store = rig.store().await;
    let ask = || ask_for_one_of_ten(&store, &rig);
    // A server that does not know the script yet does nothing at the first try.
    assert_eq!(ask().await.unwrap().remaining_cost(), Cost::requests(9));
    let first = ask();
    let second = ask();
    // Sent, and not yet answered: nothing has looked at the connection.
    turns(1).await;
    let third = ask();
    drop(first);
    // It may have been sent before it was dropped, and then before the others.
    let left = second.await.unwrap().remaining();
    assert!((7..=8).contains(&left), "{left}");
    assert_eq!(third.await.unwrap().remaining(), left - 1);
    assert_eq!(ask().await.unwrap().remaining(), left - 2);
}

/// Requests are served in the order in which they were made, whichever is asked for first.
#[tokio::test]
async fn a_first_request_is_sent_before_anybody_waits_for_it() {
    let rig = Rig::new();
    let store = rig.store().await;
    let ask = || ask_for_one_of_ten(&store, &rig);
    // So that the server knows the script.
    assert_eq!(ask().await.unwrap().remaining_cost(), Cost::requests(9));
    let [first, second, third] = [(); 3].map(|()| ask());
    assert_eq!(third.await.unwrap().remaining_cost(), Cost::requests(6));
    assert_eq!(second.await.unwrap().remaining_cost(), Cost::requests(7));
    assert_eq!(first.await.unwrap().remaining_cost(), Cost::requests(8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answers_of_those_who_stay_have_no_gap() {
    const TASKS: u64 = 2_000;
    let rig = Arc::new(Rig::new());
    let store = rig.store().await;
    let limit: Limit = format!("{TASKS}/day").parse().unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (rig, store) = (Arc::clone(&rig), store.clone());
            tokio::spawn(async move {
                let decision =
                    apply(&store, rig.key("a"), limit, Operation::Check(Cost::ONE)).await;
                decision.unwrap().remaining_cost().whole_requests()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers.sort_unstable();
    assert!(answers.into_iter().eq(0..TASKS));
}
