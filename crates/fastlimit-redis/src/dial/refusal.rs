//! What a server means that answers a step of the handshake with an error.

use redis::ServerError;

use super::endpoint::Endpoint;
use super::step::Step;
use crate::connect_error::ConnectError;
use crate::failure;

/// The longest text of a server that is passed on, in characters.
const LONGEST_TEXT: usize = 240;

/// In front of the arguments that a server repeats.
const REPEATED: &str = "with args beginning with:";

/// Tells whether the handshake goes on after an error, and why not.
pub(super) fn judge(
    endpoint: &Endpoint,
    step: Step,
    error: &ServerError,
) -> Result<(), ConnectError> {
    let text = failure::text(error);
    let address = endpoint.to_string();
    // Of the words as they came, since what is left out may be a part of them.
    let meaning = meaning(step, &text);
    let reason = shown(endpoint, &text);
    Err(match meaning {
        Meaning::Nothing => return Ok(()),
        Meaning::NotReady => ConnectError::NotReady { address, reason },
        Meaning::Unauthorized => ConnectError::Unauthorized { address, reason },
        Meaning::MissingRight(command) => ConnectError::MissingRight { address, command },
        Meaning::NoDatabase => ConnectError::NoDatabase {
            address,
            database: endpoint.redis_settings().db(),
            reason,
        },
        Meaning::NoResp3 => ConnectError::NoResp3 { address, reason },
        Meaning::Refused => ConnectError::Refused { address, reason },
    })
}

/// What an error means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Meaning {
    /// The server does not know what it need not know.
    Nothing,
    NotReady,
    Unauthorized,
    MissingRight(String),
    NoDatabase,
    NoResp3,
    Refused,
}

/// What the words of an error mean as the answer to a step.
fn meaning(step: Step, text: &str) -> Meaning {
    let code = text.split(' ').next().unwrap_or_default();
    let is_unknown = text.to_ascii_lowercase().contains("unknown command");
    match (code, step) {
        ("LOADING" | "MASTERDOWN" | "BUSY" | "CLUSTERDOWN" | "TRYAGAIN", _) => Meaning::NotReady,
        _ if text.contains("max number of clients") => Meaning::NotReady,
        ("WRONGPASS" | "NOAUTH" | "DENIED", _) => Meaning::Unauthorized,
        ("NOPERM", _) => Meaning::MissingRight(forbidden_command(step, text)),
        // Redis before 6 has no code for it, and "called without any password configured".
        (_, Step::Auth) if !is_unknown => Meaning::Unauthorized,
        (_, Step::Hello) if text.contains("invalid password") => Meaning::Unauthorized,
        ("NOPROTO", Step::Hello) => Meaning::NoResp3,
        (_, Step::Hello) if is_unknown || NO_HELLO.iter().any(|words| text.contains(words)) => {
            Meaning::NoResp3
        }
        (_, Step::Select) => Meaning::NoDatabase,
        (_, Step::Greet | Step::Probe) => Meaning::Nothing,
        (_, Step::Hello | Step::Auth) => Meaning::Refused,
    }
}

/// How servers and proxies say that they do not know `HELLO 3`, besides that it is unknown.
const NO_HELLO: [&str; 6] = [
    "unsupported",
    "not supported",
    "wrong number of arguments",
    "syntax error",
    "yntax error in HELLO",
    "rotocol version",
];

/// The command that a user may not run, in small letters.
fn forbidden_command(step: Step, text: &str) -> String {
    let named = text.split_once("to run the '").and_then(|(_, rest)| {
        let (command, _) = rest.split_once('\'')?;
        Some(command)
    });
    let command = named.unwrap_or(match step {
        Step::Hello | Step::Greet => "hello",
        Step::Auth => "auth",
        Step::Select => "select",
        Step::Probe => "eval",
    });
    command.to_ascii_lowercase()
}

/// A text of the server without what it repeats of a command, which may be the password.
fn shown(endpoint: &Endpoint, text: &str) -> String {
    let text = match text.split_once(REPEATED) {
        Some((before, _)) => format!("{before}{REPEATED} [left out]"),
        None => text.to_owned(),
    };
    let text = endpoint.without_password(&text);
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", text.split_at_checked(end).unwrap_or_default().0),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use redis::{Value, parse_redis_value};

    use super::*;

    fn refused(url: &str, step: Step, line: &str) -> Result<(), ConnectError> {
        let reply = parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        let Value::ServerError(error) = reply else {
            unreachable!("{line}")
        };
        judge(&Endpoint::parse(url).unwrap(), step, &error)
    }

    #[test]
    fn the_server_s_words_tell_what_is_wrong() {
        let missing = |command: &str| Meaning::MissingRight(command.to_owned());
        for (step, text, expected) in [
            (
                Step::Hello,
                "WRONGPASS invalid username-password pair or user is disabled.",
                Meaning::Unauthorized,
            ),
            (
                Step::Hello,
                "NOAUTH HELLO must be called with the client already authenticated",
                Meaning::Unauthorized,
            ),
            (
                Step::Greet,
                "NOAUTH Authentication required.",
                Meaning::Unauthorized,
            ),
            (Step::Auth, "ERR invalid password", Meaning::Unauthorized),
            (
                Step::Auth,
                "ERR AUTH <password> called without any password configured",
                Meaning::Unauthorized,
            ),
            (
                Step::Hello,
                "DENIED Redis is running in protected mode",
                Meaning::Unauthorized,
            ),
            (Step::Auth, "ERR unknown command 'AUTH'", Meaning::Refused),
            (
                Step::Auth,
                "ERR max number of clients reached",
                Meaning::NotReady,
            ),
            (
                Step::Hello,
                "ERR max number of clients reached",
                Meaning::NotReady,
            ),
            (
                Step::Greet,
                "ERR max number of clients reached",
                Meaning::NotReady,
            ),
            (
                Step::Probe,
                "LOADING Redis is loading the dataset in memory",
                Meaning::NotReady,
            ),
            (
                Step::Probe,
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                Meaning::NotReady,
            ),
            (
                Step::Probe,
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL.",
                Meaning::NotReady,
            ),
            (
                Step::Hello,
                "NOPROTO unsupported protocol version",
                Meaning::NoResp3,
            ),
            (
                Step::Hello,
                "ERR unknown command `HELLO`, with args beginning with: `3`, ",
                Meaning::NoResp3,
            ),
            (
                Step::Hello,
                "ERR Protocol version is not an integer",
                Meaning::NoResp3,
            ),
            (Step::Hello, "ERR upstream failure", Meaning::Refused),
            (Step::Greet, "ERR unknown command 'HELLO'", Meaning::Nothing),
            (Step::Probe, "ERR unknown command 'EVAL'", Meaning::Nothing),
            (
                Step::Select,
                "ERR DB index is out of range",
                Meaning::NoDatabase,
            ),
            (
                Step::Select,
                "ERR SELECT is not allowed in cluster mode",
                Meaning::NoDatabase,
            ),
            (
                Step::Select,
                "NOPERM User ada has no permissions to run the 'select' command",
                missing("select"),
            ),
            (
                Step::Probe,
                "NOPERM this user has no permissions to run the 'EVAL' command or its subcommand",
                missing("eval"),
            ),
            (Step::Probe, "NOPERM no", missing("eval")),
        ] {
            assert_eq!(meaning(step, text), expected, "{step:?} {text}");
        }
    }

    #[test]
    fn a_password_that_is_a_word_of_the_server_s_hides_nothing() {
        let error =
            refused("redis://:PASS@host", Step::Hello, "WRONGPASS invalid PASS").unwrap_err();
        assert!(
            matches!(error, ConnectError::Unauthorized { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("WRONGPASS invalid"), "{error}");
    }

    #[test]
    fn what_a_server_repeats_is_left_out() {
        for line in [
            "ERR unknown command 'AUTH', with args beginning with: 'hunter2-@:/%' 'hunter2'",
            "ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `hunter2-@:/%`, ",
            "ERR what is 'hunter2-@:/%'?",
            "ERR what is \"hunter2-@:/%\"?",
        ] {
            for step in [Step::Hello, Step::Auth] {
                let url = "redis://:hunter2-%40%3A%2F%25@host";
                let error = refused(url, step, line).unwrap_err();
                for text in [error.to_string(), format!("{error:?}")] {
                    assert!(!text.contains("hunter2"), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        let line = format!("DENIED {}", "é".repeat(1000));
        let error = refused("redis://host", Step::Hello, &line).unwrap_err();
        assert!(error.to_string().chars().count() < 320, "{error}");
    }
}
