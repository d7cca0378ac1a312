use std::fmt;
use std::time::Duration;

use crate::{Law, LawResult, Tested, Violation};

/// What came of trying every law; from [`run_all`](crate::run_all).
///
/// As a text it lists the laws one by one, what was tried of them and what was not, and ends
/// with a summary.
#[derive(Clone, Debug)]
#[must_use = "a report that nobody reads finds no fault"]
pub struct Report {
    store: String,
    results: Vec<LawReport>,
}

/// What came of trying one law.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LawReport {
    /// The law.
    pub law: Law,
    /// What it answered.
    pub result: LawResult,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    pub(crate) fn new(store: &str, results: Vec<LawReport>) -> Self {
        Self {
            store: store.to_owned(),
            results,
        }
    }

    /// Tells whether no law is violated. Laws that could not be tried do not count.
    #[must_use]
    pub fn is_conformant(&self) -> bool {
        self.violations().next().is_none()
    }

    /// Returns what came of each law, in the order of [`LAWS`](crate::LAWS).
    #[must_use]
    pub fn results(&self) -> &[LawReport] {
        &self.results
    }

    /// Returns the violations.
    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.results
            .iter()
            .filter_map(|report| report.result.as_ref().err())
    }

    fn count(&self, matches: impl Fn(&LawResult) -> bool) -> usize {
        self.results
            .iter()
            .filter(|report| matches(&report.result))
            .count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "conformance: {} laws for {}",
            self.results.len(),
            self.store
        )?;
        for report in &self.results {
            writeln!(f, "  {report}")?;
        }
        write!(
            f,
            "{} held in full, {} in part, {} not tested, {} violated",
            self.count(|result| matches!(result, Ok(Tested::InFull))),
            self.count(|result| matches!(result, Ok(Tested::InPart { .. }))),
            self.count(|result| matches!(result, Ok(Tested::NotTested { .. }))),
            self.count(Result::is_err),
        )
    }
}

impl fmt::Display for LawReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { law, result, took } = self;
        let name = format_args!("{}::{}", law.theme(), law.name());
        match result {
            Ok(tested) => write!(f, "{name} {tested}"),
            Err(violation) => write!(f, "{name} VIOLATED: {violation}"),
        }?;
        write!(f, " ({} ms)", took.as_millis())
    }
}
