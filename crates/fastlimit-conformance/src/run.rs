use std::io::{self, Write};
use std::time::Instant;

use crate::{LAWS, Law, LawReport, Report, StoreFactory, Tested, law_count};

/// Tries every law, one after the other, and reports what came of each: for test frameworks
/// other than Rust's own, and for programs.
///
/// It must be called within a tokio runtime that has time enabled; concurrency is tried in
/// earnest only on one with several threads.
pub async fn run_all(factory: &dyn StoreFactory) -> Report {
    let mut results = Vec::with_capacity(law_count());
    for law in LAWS {
        results.push(run_timed(law, factory).await);
    }
    Report::new(factory.name(), results)
}

async fn run_timed(law: &Law, factory: &dyn StoreFactory) -> LawReport {
    let start = Instant::now();
    let result = law.run(factory).await;
    LawReport {
        law: *law,
        result,
        took: start.elapsed(),
    }
}

/// The body of the test of one law.
#[expect(clippy::panic, reason = "a panic in a test is a failed test")]
pub fn test_law(factory: &dyn StoreFactory, name: &str) {
    let Some(law) = LAWS.iter().find(|law| law.name() == name) else {
        panic!("there is no law `{name}`");
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(law.run(factory)),
        Err(error) => panic!("no runtime for the law `{name}`: {error}"),
    };
    match result {
        Ok(Tested::InFull) => {}
        Ok(tested) => tell(&format!("{name} {tested} ({})", factory.name())),
        Err(violation) => panic!("{violation} ({})", factory.name()),
    }
}

/// The body of the test that tells how many laws there are.
pub fn test_law_count(factory: &dyn StoreFactory) {
    tell(&format!("{} laws for {}", law_count(), factory.name()));
}

/// Writes a line that is seen without `--nocapture`, which holds back only what the printing
/// macros write.
fn tell(line: &str) {
    // Nobody to tell, then.
    let _ = writeln!(io::stderr(), "conformance: {line}");
}
