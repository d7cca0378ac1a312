use redis::{Cmd, Value, from_redis_value};

/// Asks what the user may do, in a way that notes nothing in the server's log.
///
/// It answers 1 if the server has `MSETEX` and the user may call it, the policy of eviction if the
/// user may know it, and the commands that the store's script needs and the user may not run.
const PROBE: &str = include_str!("probe.lua");

/// The policy of a server that throws away nothing.
const NO_EVICTION: &str = "noeviction";

/// What the probe found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    pub(super) has_msetex: bool,
    /// The policy by which the server throws away keys, if it is known to do so.
    pub(super) eviction: Option<String>,
    /// Commands that the script needs and the user may not run.
    pub(super) forbidden: Vec<String>,
}

/// The command that asks.
pub(super) fn command() -> Cmd {
    let mut command = Cmd::new();
    command.arg("EVAL").arg(PROBE).arg(0);
    command
}

impl Findings {
    /// Reads the answer. From one that is not the script's, nothing is known.
    pub(super) fn of(reply: &Value) -> Self {
        let Value::Array(parts) = reply else {
            return Self::default();
        };
        let text = |value: &Value| from_redis_value::<String>(value.clone()).ok();
        let mut texts = parts.iter().skip(1).filter_map(text);
        let policy = texts.next();
        Self {
            has_msetex: parts.first() == Some(&Value::Int(1)),
            eviction: policy.filter(|policy| !policy.is_empty() && policy != NO_EVICTION),
            forbidden: texts.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_read() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let reply = Value::Array(vec![Value::Int(1), text("allkeys-lru"), text("set")]);
        let expected = Findings {
            has_msetex: true,
            eviction: Some("allkeys-lru".to_owned()),
            forbidden: vec!["set".to_owned()],
        };
        assert_eq!(Findings::of(&reply), expected);
        for (policy, forbids) in [("", false), ("noeviction", false), ("volatile-ttl", true)] {
            let reply = Value::Array(vec![Value::Int(0), text(policy)]);
            assert_eq!(Findings::of(&reply).eviction.is_some(), forbids);
        }
        for reply in [
            Value::Nil,
            Value::Int(7),
            Value::Array(Vec::new()),
            text("x"),
        ] {
            assert_eq!(Findings::of(&reply), Findings::default());
        }
    }
}
