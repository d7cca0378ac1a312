use fastlimit_core::store::format::{COUNT_BYTES, PERIOD_BYTES, TIME_BYTES};
use fastlimit_core::store::{Operation, Request};
use fastlimit_core::{Cost, Limit, StoreError, StoreErrorKind, Timestamp};
use smallvec::SmallVec;

use crate::script;

/// What is asked of a key: the operation and the limits. Requests that differ in nothing but the
/// key have the same shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    operation: Operation,
    limits: SmallVec<[Limit; 1]>,
}

/// Those of a shape of one limit take no allocation.
type Bytes = SmallVec<[u8; 32]>;

impl Shape {
    pub(crate) fn new(request: &Request<'_>) -> Result<Self, StoreError> {
        let operation = request.operation();
        if numbers_of(operation).is_none() {
            let message = format!(
                "this version of fastlimit-redis does not know the operation {operation:?}"
            );
            return Err(StoreError::new(StoreErrorKind::Misconfigured, message));
        }
        Ok(Self {
            operation,
            limits: SmallVec::from_slice(request.limits()),
        })
    }

    pub(crate) fn operation(&self) -> Operation {
        self.operation
    }

    pub(crate) fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// How many entries of state the script may work through for one key.
    pub(crate) fn work(&self) -> usize {
        let entries = self.limits.iter().map(Limit::most_entries);
        usize::try_from(entries.fold(0, u32::saturating_add)).unwrap_or(usize::MAX)
    }

    /// The shape as the script reads it: `main.lua` says how.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut bytes = Bytes::new();
        if let Some((name, cost, charged_at)) = numbers_of(self.operation) {
            bytes.push(name);
            put::<COUNT_BYTES>(cost.as_milli(), &mut bytes);
            put::<TIME_BYTES>(charged_at.as_millis(), &mut bytes);
        }
        for limit in &self.limits {
            let number = Cost::requests(u64::from(limit.rate().requests()));
            bytes.push(limit.algorithm().tag());
            put::<PERIOD_BYTES>(limit.rate().period_millis(), &mut bytes);
            put::<COUNT_BYTES>(number.as_milli(), &mut bytes);
            put::<COUNT_BYTES>(limit.capacity().as_milli(), &mut bytes);
        }
        bytes
    }
}

/// How the script knows an operation: its name, its cost and when that was charged. `None` of one
/// that a later core has.
fn numbers_of(operation: Operation) -> Option<(u8, Cost, Timestamp)> {
    Some(match operation {
        Operation::Check(cost) => (script::CHECK, cost, Timestamp::EPOCH),
        Operation::Peek(cost) => (script::PEEK, cost, Timestamp::EPOCH),
        Operation::Charge(cost) => (script::CHARGE, cost, Timestamp::EPOCH),
        Operation::Refund { cost, charged_at } => (script::REFUND, cost, charged_at),
        Operation::Reset => (script::RESET, Cost::ZERO, Timestamp::EPOCH),
        _ => return None,
    })
}

/// Appends the last `N` bytes of `value`, which fits into them by the bounds of the model.
fn put<const N: usize>(value: u64, bytes: &mut Bytes) {
    if let Some(last) = value.to_be_bytes().last_chunk::<N>() {
        bytes.extend_from_slice(last);
    }
}

#[cfg(test)]
mod tests {
    use fastlimit_core::Policy;
    use fastlimit_core::store::Key;

    use super::*;

    #[test]
    fn a_shape_is_the_operation_and_the_limits() {
        let policy = Policy::new("p", "5/second; 7/hour burst 3 token-bucket").unwrap();
        let operation = Operation::Refund {
            cost: Cost::milli(1_500),
            charged_at: Timestamp::from_millis(9),
        };
        let request = Request::new(Key::new("fl", "p", "default", "i"), &policy, operation);
        let shape = Shape::new(&request).unwrap();
        let mut expected = vec![3, 0, 0, 0, 0, 5, 0xDC, 0, 0, 0, 0, 0, 0, 9];
        expected.extend([1, 0, 0, 0, 3, 0xE8]);
        expected.extend([0, 0, 0, 0, 0x13, 0x88, 0, 0, 0, 0, 0x13, 0x88]);
        expected.extend([3, 0, 0, 0x36, 0xEE, 0x80]);
        expected.extend([0, 0, 0, 0, 0x1B, 0x58, 0, 0, 0, 0, 0x0B, 0xB8]);
        assert_eq!(shape.to_bytes().as_slice(), expected);
        assert_eq!(shape.operation(), operation);
        assert_eq!(shape.limits(), policy.limits());
    }
}
