use fastlimit_core::{Algorithm, Cost, Operation, Request, StoreError, StoreErrorKind};
use smallvec::SmallVec;

use crate::answer::{Asked, Resets};

/// What is asked of a key, as the script reads it: the operation and the limits. Requests that
/// differ in nothing but the key have the same shape.
///
/// A byte for the operation, the cost (6 bytes), `charged_at` (7); then for each limit the tag of
/// its algorithm (1), the period (5), the number of its rate (6) and the capacity (6); integers
/// big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape(SmallVec<[u8; HEAD + LIMIT]>);

const HEAD: usize = 14;
const LIMIT: usize = 18;

/// The tags of the algorithms.
const FIXED_WINDOW: u8 = 1;
const SLIDING_WINDOW: u8 = 2;
const TOKEN_BUCKET: u8 = 3;

impl Shape {
    pub(crate) fn new(request: &Request<'_>) -> Result<Self, StoreError> {
        let (word, cost, charged_at) = match request.operation() {
            Operation::Check(cost) => (0, cost.as_milli(), 0),
            Operation::Peek(cost) => (1, cost.as_milli(), 0),
            Operation::Charge(cost) => (2, cost.as_milli(), 0),
            Operation::Refund { cost, charged_at } => (3, cost.as_milli(), charged_at.as_millis()),
            Operation::Reset => (4, 0, 0),
            operation => return Err(unknown("operation", &format!("{operation:?}"))),
        };
        let mut bytes = SmallVec::new();
        bytes.push(word);
        put::<6>(cost, &mut bytes);
        put::<7>(charged_at, &mut bytes);
        for limit in request.limits() {
            let tag = match limit.algorithm() {
                Algorithm::FixedWindow => FIXED_WINDOW,
                Algorithm::SlidingWindow => SLIDING_WINDOW,
                Algorithm::TokenBucket => TOKEN_BUCKET,
                algorithm => return Err(unknown("algorithm", algorithm.name())),
            };
            // At most 366 days, so the conversion never fails.
            let period = u64::try_from(limit.rate().period().as_millis()).unwrap_or(u64::MAX);
            let number = Cost::requests(u64::from(limit.rate().requests())).as_milli();
            bytes.push(tag);
            put::<5>(period, &mut bytes);
            put::<6>(number, &mut bytes);
            put::<6>(limit.capacity().as_milli(), &mut bytes);
        }
        Ok(Self(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What the request costs, milli.
    pub(crate) fn cost(&self) -> u64 {
        number(self.0.get(1..7).unwrap_or_default())
    }

    /// What the reply hangs on, limit by limit.
    pub(crate) fn asked(&self) -> impl ExactSizeIterator<Item = Asked> {
        let (limits, _) = self.0.get(HEAD..).unwrap_or_default().as_chunks::<LIMIT>();
        limits.iter().map(|limit| Asked {
            period: number(&limit[1..6]),
            number: number(&limit[6..12]),
            capacity: number(&limit[12..]),
            resets: match limit[0] {
                SLIDING_WINDOW => Resets::WithTheNextWindow,
                TOKEN_BUCKET => Resets::WhenFull,
                _ => Resets::WithTheWindow,
            },
        })
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Appends the last `N` bytes of `value`, which fits into them by the bounds of the model.
fn put<const N: usize>(value: u64, bytes: &mut SmallVec<[u8; HEAD + LIMIT]>) {
    if let Some(last) = value.to_be_bytes().last_chunk::<N>() {
        bytes.extend_from_slice(last);
    }
}

fn unknown(what: &str, name: &str) -> StoreError {
    let message = format!("this version of fastlimit-redis does not know the {what} {name}");
    StoreError::new(StoreErrorKind::Misconfigured, message)
}

#[cfg(test)]
mod tests {
    use fastlimit_core::{Key, Policy, Timestamp};

    use super::*;

    impl Shape {
        /// A check under limits of these algorithms and periods (ms), each of 3 milli in a period
        /// and a capacity of 5, or under no limit.
        pub(crate) fn of(limits: &[(Algorithm, u64)]) -> Self {
            let mut bytes = SmallVec::from_elem(0, HEAD);
            for (algorithm, period) in limits {
                bytes.push(match algorithm {
                    Algorithm::SlidingWindow => SLIDING_WINDOW,
                    Algorithm::TokenBucket => TOKEN_BUCKET,
                    _ => FIXED_WINDOW,
                });
                put::<5>(*period, &mut bytes);
                put::<6>(3, &mut bytes);
                put::<6>(5, &mut bytes);
            }
            Self(bytes)
        }

        pub(crate) fn costing(mut self, milli: u64) -> Self {
            self.0[1..7].copy_from_slice(&milli.to_be_bytes()[2..]);
            self
        }
    }

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
        assert_eq!(shape.as_bytes(), expected);
        let asked: Vec<_> = shape.asked().collect();
        let expected = [
            Asked {
                period: 1_000,
                number: 5_000,
                capacity: 5_000,
                resets: Resets::WithTheWindow,
            },
            Asked {
                period: 3_600_000,
                number: 7_000,
                capacity: 3_000,
                resets: Resets::WhenFull,
            },
        ];
        assert_eq!(asked, expected);
        assert_eq!(shape.cost(), 1_500);
    }
}
