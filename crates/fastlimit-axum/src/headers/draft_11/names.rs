use fastlimit_core::{Limit, Policy};

use crate::Charged;

/// Returns the names of the limits of all charges, in their order and each only once.
///
/// A policy of one limit has its own name. Of several limits each also has its period, which stays
/// the same when its number of requests changes: `users-second`, `users-hour`. Where a name is taken
/// (two limits of one period, two subjects of one policy), a number follows: `users-2`.
pub(crate) fn item_names(charges: &[Charged]) -> Vec<String> {
    let mut names = Vec::new();
    for charged in charges {
        for status in charged.decision().limits() {
            let name = name(charged.policy(), &status.limit());
            let free = first_free(&name, &names);
            names.push(free);
        }
    }
    names
}

fn name(policy: &Policy, limit: &Limit) -> String {
    let name = policy.name();
    if policy.limits().len() == 1 {
        return name.to_owned();
    }
    // A rate is written as `100/minute` or `5/30s`.
    let rate = limit.rate().to_string();
    let period = rate.split_once('/').map_or("", |(_, period)| period);
    format!("{name}-{period}")
}

fn first_free(name: &str, taken: &[String]) -> String {
    let mut number: usize = 2;
    let mut free = name.to_owned();
    while taken.contains(&free) {
        free = format!("{name}-{number}");
        number = number.saturating_add(1);
    }
    free
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fastlimit_core::{Cost, Decision, LimitStatus, Timestamp};

    use super::*;

    fn charged(name: &str, limits: &str) -> Charged {
        let policy = Policy::new(name, limits).unwrap();
        let status = |limit: &Limit| LimitStatus::allowed(*limit, Cost::ZERO, Duration::ZERO);
        let limits: Vec<_> = policy.limits().iter().map(status).collect();
        let decision = Decision::new(Timestamp::EPOCH, Timestamp::EPOCH, limits);
        Charged::new(policy, decision, None)
    }

    #[test]
    fn each_limit_has_a_name_of_its_own() {
        for (charges, expected) in [
            (vec![charged("users", "5/second")], vec!["users"]),
            (
                vec![charged("users", "5/second; 9/30s; 100/hour")],
                vec!["users-second", "users-30s", "users-hour"],
            ),
            (
                vec![charged("users", "5/minute; 9/minute sliding-window")],
                vec!["users-minute", "users-minute-2"],
            ),
            (
                vec![charged("users", "5/second"), charged("users", "5/second")],
                vec!["users", "users-2"],
            ),
            (
                vec![
                    charged("users-2", "5/second"),
                    charged("users", "5/second"),
                    charged("users", "5/second"),
                ],
                vec!["users-2", "users", "users-3"],
            ),
        ] {
            assert_eq!(item_names(&charges), expected);
        }
    }
}
