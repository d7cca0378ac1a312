//! What a run of all laws tells.

use fastlimit_conformance::{
    Fixture, FixtureError, LAWS, Law, StoreFactory, Tested, Violation, async_trait, law_count,
    run_all,
};
use fastlimit_core::store::{Reply, Request};
use fastlimit_core::{Store, StoreError, StoreErrorKind};

/// A server that is down.
struct Down;

#[async_trait]
impl StoreFactory for Down {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        Err("connection refused".into())
    }

    fn name(&self) -> &str {
        "a server that is down"
    }

    fn waived(&self, law: &str) -> Option<&'static str> {
        (law == "usage_saturates").then_some("it says so itself")
    }
}

/// A store that fails.
struct Failing;

impl Store for Failing {
    fn apply(&self, _: &Request<'_>) -> Reply<'_> {
        let error = StoreError::new(StoreErrorKind::Refused, "out of memory");
        Reply::ready(Err(error))
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

#[async_trait]
impl StoreFactory for Failing {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        Ok(Fixture::new(Self).with_guard(String::from("stays until the law is over")))
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_created_violates_every_law_by_its_name() {
    let report = run_all(&Down).await;
    assert_eq!(report.results().len(), law_count());
    assert_eq!(report.violations().count(), law_count() - 1);
    for result in report.results() {
        match &result.result {
            Ok(tested) => {
                assert_eq!(result.law.name(), "usage_saturates");
                assert!(matches!(tested, Tested::NotTested { .. }));
            }
            Err(violation) => {
                assert_eq!(violation.law(), result.law.name());
                assert_eq!(violation.found(), "connection refused");
            }
        }
    }
    let text = report.to_string();
    assert!(text.starts_with(&format!(
        "conformance: {} laws for a server that is down\n",
        law_count()
    )));
    assert!(text.contains("operations::usage_saturates not tested: it says so itself ("));
    assert!(text.ends_with(&format!(
        "0 held in full, 0 in part, 1 not tested, {} violated",
        law_count() - 1
    )));
}

#[tokio::test]
async fn an_error_violates_every_law() {
    let report = run_all(&Failing).await;
    let found: Vec<_> = report.violations().map(Violation::found).collect();
    // Laws that need more than the fixture brings never get to ask.
    assert!(found.len() > law_count() / 2, "{report}");
    assert!(!report.is_conformant());
    for found in found {
        assert_eq!(found, "Refused: out of memory (nothing was charged)");
    }
}

#[test]
fn every_law_has_a_name_of_its_own() {
    let mut names: Vec<_> = LAWS.iter().map(Law::name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), law_count());
}
