use std::fmt;

use fastlimit_core::store::Operation;
use fastlimit_core::{Policy, Timestamp};

/// One request of a history.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) now: Timestamp,
    pub(crate) limits: Policy,
    pub(crate) operation: Operation,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: ", self.now.as_millis())?;
        match self.operation {
            Operation::Check(cost) => write!(f, "check {cost}"),
            Operation::Peek(cost) => write!(f, "peek {cost}"),
            Operation::Charge(cost) => write!(f, "charge {cost}"),
            Operation::Refund { cost, charged_at } => {
                write!(f, "refund {cost} charged at {}", charged_at.as_millis())
            }
            Operation::Reset => f.write_str("reset"),
            other => write!(f, "{other:?}"),
        }?;
        write!(f, " under {}", self.limits)
    }
}

/// The steps of a history, one a line.
pub(super) fn list(steps: &[Step]) -> String {
    use fmt::Write as _;

    steps
        .iter()
        .enumerate()
        .fold(String::new(), |mut text, (index, step)| {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  {}. {step}", index + 1);
            text
        })
}
