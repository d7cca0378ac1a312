//! Two processes and one Redis admit exactly what the limit allows.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fastlimit_core::store::{Key, Operation};
use fastlimit_core::{Cost, Policy};
use fastlimit_redis::RedisStore;
use fastlimit_test_redis::unique_prefix;

use crate::rig::{Rig, apply, patient};

const TASKS: usize = 1_000;
const URL_OF_THE_PARENT: &str = "FASTLIMIT_TEST_EXACTNESS_URL";

/// How many asked and how many were admitted, by the window they fell into.
type Windows = BTreeMap<u64, (u64, u64)>;

/// One run: a number of tasks that each check until the time is over, at least once.
#[derive(Clone, Debug)]
struct Run {
    prefix: String,
    /// Answers are counted by the windows of the first limit.
    policy: Policy,
    millis: u64,
}

impl Run {
    fn line(&self) -> String {
        format!("{}|{}|{}\n", self.prefix, self.policy, self.millis)
    }

    fn of_line(line: &str) -> Self {
        let mut parts = line.split('|');
        let mut part = || parts.next().unwrap();
        Self {
            prefix: part().to_owned(),
            policy: part().parse().unwrap(),
            millis: part().parse().unwrap(),
        }
    }

    async fn go(&self, store: &RedisStore) -> Windows {
        let end = Instant::now() + Duration::from_millis(self.millis);
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let (run, store) = (self.clone(), store.clone());
                tokio::spawn(async move {
                    let mut answers = Vec::new();
                    loop {
                        let key = Key::new(&run.prefix, "p", "t", "hot");
                        let check = Operation::Check(Cost::ONE);
                        let decision = apply(&store, key, &run.policy, check).await.unwrap();
                        answers.push((decision.now().as_millis(), decision.is_allowed()));
                        if Instant::now() >= end {
                            return answers;
                        }
                    }
                })
            })
            .collect();
        let period = self.policy.limits()[0].rate().period().as_millis();
        let period = u64::try_from(period).unwrap();
        let mut windows = Windows::new();
        for task in tasks {
            for (now, is_allowed) in task.await.unwrap() {
                let (asked, admitted) = windows.entry(now - now % period).or_default();
                *asked += 1;
                *admitted += u64::from(is_allowed);
            }
        }
        windows
    }
}

/// A process that takes part in each run.
struct Second {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Second {
    fn start(url: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "exactness::the_second_process",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(URL_OF_THE_PARENT, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut second = Self {
            child,
            input,
            output,
        };
        assert_eq!(second.hear(), "ready");
        second
    }

    fn say(&mut self, line: &str) {
        self.input.write_all(line.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// The next line that is meant for us: the test harness says things too.
    fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(
                self.output.read_line(&mut line).unwrap(),
                0,
                "the process ended"
            );
            if let Some((_, told)) = line.split_once("second: ") {
                return told.trim_end().to_owned();
            }
        }
    }

    fn windows(&mut self) -> Windows {
        let line = self.hear();
        let number = |text: &str| text.parse::<u64>().unwrap();
        line.split_whitespace()
            .map(|window| {
                let parts: Vec<_> = window.split('/').map(number).collect();
                (parts[0], (parts[1], parts[2]))
            })
            .collect()
    }

    fn end(self) {
        let Self {
            mut child, input, ..
        } = self;
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
#[ignore = "the other tests run it, in a process of its own"]
fn the_second_process() {
    let Ok(url) = std::env::var(URL_OF_THE_PARENT) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(patient(&url).connect()).unwrap();
    println!("\nsecond: ready");
    for line in std::io::stdin().lines() {
        let windows = runtime.block_on(Run::of_line(&line.unwrap()).go(&store));
        let told: Vec<_> = windows
            .into_iter()
            .map(|(start, (asked, admitted))| format!("{start}/{asked}/{admitted}"))
            .collect();
        println!("\nsecond: {}", told.join(" "));
    }
}

/// Runs on both processes at once, and returns what both saw.
fn both(policy: &str, millis: u64, runs: usize, mut look: impl FnMut(&Windows)) {
    let rig = Rig::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(rig.store());
    let mut second = Second::start(rig.url());
    for _ in 0..runs {
        let run = Run {
            prefix: unique_prefix(),
            policy: policy.parse().unwrap(),
            millis,
        };
        second.say(&run.line());
        let mut windows = runtime.block_on(run.go(&store));
        for (start, (asked, admitted)) in second.windows() {
            let window = windows.entry(start).or_default();
            window.0 += asked;
            window.1 += admitted;
        }
        look(&windows);
    }
    second.end();
}

#[test]
fn two_processes_of_a_thousand_tasks_admit_exactly_the_limit() {
    let mut whole = 0;
    both("500/minute", 0, 20, |windows| {
        // One window, or two if the minute turned over meanwhile.
        assert!(windows.len() <= 2, "{windows:?}");
        let asked: u64 = windows.values().map(|window| window.0).sum();
        assert_eq!(asked, 2_000);
        for (asked, admitted) in windows.values() {
            assert_eq!(*admitted, 500.min(*asked), "{windows:?}");
        }
        whole += u32::from(windows.len() == 1);
    });
    println!("{whole} of 20 runs within one window, 500 of 2000 admitted in each");
}

#[test]
fn windows_that_turn_over_are_each_exact() {
    both("50/100ms", 1_500, 2, |windows| {
        let (mut full, mut asked_in_all) = (0, 0);
        for (asked, admitted) in windows.values() {
            assert_eq!(*admitted, 50.min(*asked), "{windows:?}");
            full += u32::from(*asked > 50);
            asked_in_all += asked;
        }
        println!("{full} windows of 50 admitted, {asked_in_all} asked");
        assert!(full >= 8, "{windows:?}");
    });
}

#[test]
fn two_limits_admit_what_a_sequence_of_requests_would() {
    // Eight windows: four of them in one minute, wherever the minute turns over.
    both("50/second; 200/minute", 7_500, 1, |windows| {
        let mut in_minute = BTreeMap::<u64, u64>::new();
        for (start, (asked, admitted)) in windows {
            let used = in_minute.entry(start - start % 60_000).or_default();
            assert_eq!(*admitted, 50.min(*asked).min(200 - *used), "{windows:?}");
            *used += admitted;
        }
        println!("admitted per minute: {in_minute:?}");
        assert!(
            in_minute.values().any(|admitted| *admitted == 200),
            "{windows:?}"
        );
    });
}
