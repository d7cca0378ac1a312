use fastlimit_core::{Algorithm, Cost, Operation, Request, StoreError, StoreErrorKind, Timestamp};
use redis::{Arg, Cmd};

use crate::script;

/// One operation as a call of the script.
pub(crate) struct Call {
    command: Cmd,
    limits: usize,
}

/// Where the key stands among the arguments of `EVALSHA`.
const KEY: usize = 3;

impl Call {
    /// Renders a request; without `now` the server's clock decides.
    pub(crate) fn new(request: &Request<'_>, now: Option<Timestamp>) -> Result<Self, StoreError> {
        let (word, cost, charged_at) = match request.operation() {
            Operation::Check(cost) => ("check", cost.as_milli(), 0),
            Operation::Peek(cost) => ("peek", cost.as_milli(), 0),
            Operation::Charge(cost) => ("charge", cost.as_milli(), 0),
            Operation::Refund { cost, charged_at } => {
                ("refund", cost.as_milli(), charged_at.as_millis())
            }
            Operation::Reset => ("reset", 0, 0),
            operation => return Err(unknown("operation", &format!("{operation:?}"))),
        };
        let mut key = String::new();
        request.key().write_to(&mut key);
        let mut command = Cmd::new();
        command.arg("EVALSHA").arg(script::hash()).arg(1).arg(key);
        command.arg(word);
        match now {
            Some(now) => command.arg(now.as_millis()),
            None => command.arg(""),
        };
        command.arg(cost).arg(charged_at);
        let limits = request.limits();
        for limit in limits {
            let tag = match limit.algorithm() {
                Algorithm::FixedWindow => 1,
                Algorithm::SlidingWindow => 2,
                Algorithm::TokenBucket => 3,
                algorithm => return Err(unknown("algorithm", algorithm.name())),
            };
            // At most 366 days, so the conversion never fails.
            let period = u64::try_from(limit.rate().period().as_millis()).unwrap_or(u64::MAX);
            let number = Cost::requests(u64::from(limit.rate().requests())).as_milli();
            let capacity = limit.capacity().as_milli();
            command.arg(tag).arg(period).arg(number).arg(capacity);
        }
        Ok(Self {
            command,
            limits: limits.len(),
        })
    }

    /// The call by the script's hash.
    pub(crate) fn by_hash(&self) -> &Cmd {
        &self.command
    }

    /// The same call with the script's source, for a server that does not know the hash. It
    /// cannot fail for want of the script, whoever flushes the server's scripts meanwhile.
    pub(crate) fn by_source(&self) -> Cmd {
        let mut command = Cmd::new();
        command.arg("EVAL").arg(script::SOURCE);
        for argument in self.command.args_iter().skip(2) {
            if let Arg::Simple(bytes) = argument {
                command.arg(bytes);
            }
        }
        command
    }

    /// The number of verdicts that are asked for.
    pub(crate) fn limits(&self) -> usize {
        self.limits
    }

    /// The key, as text that may be shown.
    pub(crate) fn shown_key(&self) -> String {
        match self.command.args_iter().nth(KEY) {
            Some(Arg::Simple(bytes)) => format!("{:?}", String::from_utf8_lossy(bytes)),
            _ => String::new(),
        }
    }
}

fn unknown(what: &str, name: &str) -> StoreError {
    let message = format!("this version of fastlimit-redis does not know the {what} {name}");
    StoreError::new(StoreErrorKind::Misconfigured, message)
}

#[cfg(test)]
mod tests {
    use fastlimit_core::{Key, Policy};

    use super::*;

    fn arguments(command: &Cmd) -> Vec<String> {
        let text = |argument| match argument {
            Arg::Simple(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => unreachable!(),
        };
        command.args_iter().map(text).collect()
    }

    #[test]
    fn a_call_is_the_same_by_hash_and_by_source() {
        let policy = Policy::new("p", "5/second; 7/hour burst 3 token-bucket").unwrap();
        let operation = Operation::Refund {
            cost: Cost::milli(1_500),
            charged_at: Timestamp::from_millis(9),
        };
        let request = Request::new(Key::new("fl", "p", "default", "i\n"), &policy, operation);
        let call = Call::new(&request, Some(Timestamp::from_millis(12))).unwrap();
        let rest = "1 fl:p::i\n refund 12 1500 9 1 1000 5000 5000 3 3600000 7000 3000";
        let rest: Vec<_> = rest.split(' ').collect();
        let by_hash = arguments(call.by_hash());
        assert_eq!(by_hash[0], "EVALSHA");
        assert_eq!(by_hash[1].len(), 40);
        assert_eq!(by_hash[2..], rest);
        let by_source = arguments(&call.by_source());
        assert_eq!(by_source[..2], ["EVAL", script::SOURCE]);
        assert_eq!(by_source[2..], rest);
        assert_eq!(call.shown_key(), r#""fl:p::i\n""#);
        assert_eq!(call.limits(), 2);
    }
}
