//! What is known of a request that brought no answer.

use fastlimit_core::store::Redacted;
use fastlimit_core::{StoreError, StoreErrorKind};
use redis::{RedisError, ServerError, ServerErrorKind};

/// The connection broke while the request was under way.
pub(crate) fn lost(server: &str, error: RedisError) -> StoreError {
    let message = format!("the connection to {server} was lost: {}", one_line(&error));
    StoreError::new(StoreErrorKind::OutcomeUnknown, message).with_source(error)
}

/// The connection ended while the request was under way.
pub(crate) fn closed(server: &str) -> StoreError {
    let message = format!("the connection to {server} was closed before the answer came");
    StoreError::new(StoreErrorKind::OutcomeUnknown, message)
}

/// The connection was given up while the request was under way, since another server is the master.
pub(crate) fn moved(server: &str) -> StoreError {
    let message = format!("{server} is another server now, and the one before had not answered");
    StoreError::new(StoreErrorKind::OutcomeUnknown, message)
}

/// The connection ended, as often before, while the request waited.
pub(crate) fn closed_again(server: &str) -> StoreError {
    let message = format!("the connections to {server} end without an answer that can be used");
    StoreError::new(StoreErrorKind::NotSent, message)
}

/// The request was sent, and its time is up.
pub(crate) fn unanswered(server: &str) -> StoreError {
    let message = format!("{server} did not answer in time");
    StoreError::new(StoreErrorKind::OutcomeUnknown, message)
}

/// The time of the request was up before it could be sent.
pub(crate) fn too_late(server: &str) -> StoreError {
    let message = format!(
        "{server} did not answer in time what was sent before this request, or was not connected in \
         time"
    );
    StoreError::new(StoreErrorKind::NotSent, message)
}

/// The server has not answered for so long that nothing more is sent to it.
pub(crate) fn silent(server: &str) -> StoreError {
    let message = format!("{server} does not answer; it is connected to again");
    StoreError::new(StoreErrorKind::NotSent, message)
}

/// There is no room for the request among those that wait.
pub(crate) fn too_many_wait(most: usize) -> StoreError {
    let message = format!(
        "{most} requests may wait for a connection, and there is no room for more; Redis answers more \
         slowly than requests come"
    );
    StoreError::new(StoreErrorKind::NotSent, message)
}

/// What was to answer is gone, as when the thread of the store ended.
pub(crate) fn store_ended() -> StoreError {
    StoreError::new(StoreErrorKind::OutcomeUnknown, STORE_ENDED)
}

/// The same before the request was sent.
pub(crate) fn store_ended_before() -> StoreError {
    StoreError::new(StoreErrorKind::NotSent, STORE_ENDED)
}

const STORE_ENDED: &str = "the connections of the store have ended";

/// The servers of a cluster send a request to each other.
pub(crate) fn no_server(name: &str) -> StoreError {
    let message = format!("no server of {name} took the request, which may be about to move");
    StoreError::new(StoreErrorKind::Refused, message)
}

/// Nothing is known of the servers yet.
pub(crate) fn not_connected_yet(name: &str) -> StoreError {
    let message = format!("{name} is not connected yet");
    StoreError::new(StoreErrorKind::NotSent, message)
}

/// What came is no answer of the script.
pub(crate) fn not_understood(server: &str) -> StoreError {
    let message = format!(
        "{server} gave an answer that cannot be followed; expected what the script found under each \
         key, and as many admissions as follow from that"
    );
    StoreError::new(StoreErrorKind::OutcomeUnknown, message)
}

/// What stands under the key is not ours.
pub(crate) fn foreign_data(key: &str, what: &str) -> StoreError {
    let message = format!("the key {} holds {what}", Redacted::of_text(key));
    StoreError::new(StoreErrorKind::ForeignData, message)
}

/// The server answered with an error to a call that named these keys.
pub(crate) fn refused<'keys>(
    server: &str,
    error: ServerError,
    keys: impl Iterator<Item = &'keys str>,
) -> StoreError {
    let text = text(&error);
    // Of the words as they came, since what is left out may be a part of them.
    let kind = kind(&text);
    match before_a_key(&text, keys) {
        Some(before) => {
            let message = format!("{server} refused: {before}[what repeats a key is left out]");
            // Its source would repeat it too.
            StoreError::new(kind, message)
        }
        None => StoreError::new(kind, format!("{server} refused: {text}"))
            .with_source(RedisError::from(error)),
    }
}

/// What a text says before it repeats one of the keys, whole or cut off, as servers do that do not
/// know a command; `None` if it does not.
fn before_a_key<'text, 'keys>(
    text: &'text str,
    keys: impl Iterator<Item = &'keys str>,
) -> Option<&'text str> {
    let place = |key| {
        // A server puts no ends of lines into an error.
        let scope = Redacted::of_text(key).scope().replace(['\r', '\n'], " ");
        text.find(&scope)
    };
    let (before, _) = text.split_at_checked(keys.filter_map(place).min()?)?;
    Some(before)
}

/// The error as the server wrote it, from its code on.
pub(crate) fn text(error: &ServerError) -> String {
    let text = match error.details() {
        Some(details) => format!("{} {details}", error.code()),
        None => error.code().to_owned(),
    };
    // Redis 6 puts the line of the script in front of what a command inside it said.
    let in_script = text
        .strip_prefix("@user_script: ")
        .and_then(|rest| rest.split_once(": "));
    match in_script {
        Some((_line, said)) => said.strip_prefix('-').unwrap_or(said).to_owned(),
        None => text,
    }
}

fn code(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// Whether a server does not know how the cluster stands.
pub(crate) fn is_about_the_cluster(error: &ServerError) -> bool {
    code(&text(error)) == "CLUSTERDOWN"
}

/// Whether a key holds a value of another type than a text.
pub(crate) fn is_wrong_type(error: &ServerError) -> bool {
    text(error).starts_with("WRONGTYPE")
}

/// Whether the server does not know the script; nothing was done then.
pub(crate) fn is_script_missing(error: &ServerError) -> bool {
    error.kind() == Some(ServerErrorKind::NoScript)
}

/// Whether the server refused a call, without having done anything, for a reason that may lie in
/// one of its keys.
pub(crate) fn is_about_a_key(error: &ServerError) -> bool {
    let text = text(error);
    match code(&text) {
        // In a slot that moves some keys of a call may be here and others there.
        "CROSSSLOT" | "TRYAGAIN" => true,
        "NOPERM" => text.contains(" key"),
        _ => text.contains("at least one of the keys"),
    }
}

/// Whether another connection may reach a server that does what this one does not: a master
/// instead of the replica that it became, or this server after another login.
pub(crate) fn is_cured_by_reconnecting(error: &ServerError) -> bool {
    matches!(code(&text(error)), "READONLY" | "MASTERDOWN" | "NOAUTH")
}

/// An error of the client in one line: some have several.
fn one_line(error: &RedisError) -> String {
    let lines = error.to_string();
    let lines: Vec<_> = lines.lines().map(str::trim).collect();
    lines.join(" ")
}

fn kind(text: &str) -> StoreErrorKind {
    match code(text) {
        // Known not to have run the script, or not to have come to its write.
        "OOM" | "READONLY" | "LOADING" | "BUSY" | "MISCONF" | "NOREPLICAS" | "CLUSTERDOWN"
        | "MASTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK" | "NOSCRIPT" => StoreErrorKind::Refused,
        "NOPERM" | "NOAUTH" | "WRONGPASS" | "CROSSSLOT" => StoreErrorKind::Misconfigured,
        _ if FORBIDDEN.iter().any(|words| text.contains(words)) => StoreErrorKind::Misconfigured,
        // Somebody in between may have written it, after the server did its work.
        _ => StoreErrorKind::OutcomeUnknown,
    }
}

/// How Redis and Valkey say that a command or a key is not there or not allowed.
const FORBIDDEN: [&str; 7] = [
    "unknown command",
    "Unknown command",
    "Unknown Redis command",
    "can't run this command",
    "can't access at least one of the keys",
    "ACL failure in script",
    "not allowed from script",
];

#[cfg(test)]
mod tests {
    use redis::{Value, parse_redis_value};

    use super::*;

    fn error(line: &str) -> ServerError {
        let reply = parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        let Value::ServerError(error) = reply else {
            unreachable!("{line}")
        };
        error
    }

    const REFUSED: &str = "\
OOM command not allowed when used memory > 'maxmemory'.
READONLY You can't write against a read only replica.
LOADING Redis is loading the dataset in memory
BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.
MISCONF Errors writing to the AOF file: No space left on device
NOREPLICAS Not enough good replicas to write.
CLUSTERDOWN The cluster is down
MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.
NOSCRIPT No matching script. Please use EVAL.
@user_script: 335: -OOM command not allowed when used memory > 'maxmemory'.
@user_script: 335: -READONLY You can't write against a read only replica.";

    const MISCONFIGURED: &str = "\
NOAUTH Authentication required.
NOPERM this user has no permissions to run the 'evalsha' command
ERR The user executing the script can't run this command or subcommand
ERR The user executing the script can't access at least one of the keys mentioned in the command
ERR ACL failure in script: User limiter has no permissions to run the 'time' command
ERR unknown command 'EVALSHA', with args beginning with:
ERR Unknown Redis command called from script
ERR Unknown command called from script
ERR This Redis command is not allowed from script
@user_script: 118: The user executing the script can't run this command or subcommand";

    const UNKNOWN: &str = "\
ERR upstream failure
ERR Error running script (call to f_1): @user_script:9: attempt to index a nil value
WHATEVER";

    #[test]
    fn the_server_s_words_tell_what_is_known() {
        for (lines, expected) in [
            (REFUSED, StoreErrorKind::Refused),
            (MISCONFIGURED, StoreErrorKind::Misconfigured),
            (UNKNOWN, StoreErrorKind::OutcomeUnknown),
        ] {
            for line in lines.lines() {
                let text = text(&error(line));
                assert_eq!(kind(&text), expected, "{line}");
                assert!(
                    line.ends_with(&text) && !text.starts_with(['@', '-']),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn what_repeats_a_key_is_left_out() {
        let keys = ["fl:api::sk-live-SECRET", "fl:api:a\nb:x"];
        for (text, before) in [
            (
                "ERR unknown command 'EVALSHA', with args beginning with: 'f0' '1' \
                 'fl:api::sk-live-SEC",
                Some("ERR unknown command 'EVALSHA', with args beginning with: 'f0' '1' '"),
            ),
            (
                "ERR no 'fl:api:a b:x' and no 'fl:api::sk-live-SECRET'",
                Some("ERR no '"),
            ),
            ("NOAUTH Authentication required.", None),
            ("NOPERM No permissions to access a key", None),
        ] {
            assert_eq!(before_a_key(text, keys.into_iter()), before, "{text}");
        }
    }

    #[test]
    fn a_demoted_server_is_left() {
        assert!(is_cured_by_reconnecting(&error("READONLY You can't write")));
        let in_script = "@user_script: 9: -READONLY You can't write";
        assert!(is_cured_by_reconnecting(&error(in_script)));
        assert!(!is_cured_by_reconnecting(&error("OOM command not allowed")));
        assert!(is_script_missing(&error("NOSCRIPT No matching script.")));
    }

    #[test]
    fn a_key_that_is_forbidden_is_told_from_a_command() {
        for line in [
            "NOPERM No permissions to access a key",
            "NOPERM this user has no permissions to access one of the keys used as arguments",
            "ERR The user executing the script can't access at least one of the keys mentioned in the command",
            "CROSSSLOT Keys in request don't hash to the same slot",
            "TRYAGAIN Multiple keys request during rehashing of slot",
        ] {
            assert!(is_about_a_key(&error(line)), "{line}");
        }
        for line in [
            "NOPERM this user has no permissions to run the 'evalsha' command",
            "ERR The user executing the script can't run this command or subcommand",
            "OOM command not allowed when used memory > 'maxmemory'.",
        ] {
            assert!(!is_about_a_key(&error(line)), "{line}");
        }
    }
}
