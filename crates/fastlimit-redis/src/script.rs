//! The script that applies a batch, and the numbers that it shares with the core.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fastlimit_core::store::format;
use fastlimit_core::{Algorithm, Cost, Rate, Timestamp};
use redis::Script;

/// The script's files in their order: each uses what those before it define.
const FILES: [&str; 11] = [
    include_str!("lua/time.lua"),
    include_str!("lua/arithmetic.lua"),
    include_str!("lua/window.lua"),
    include_str!("lua/fixed_window.lua"),
    include_str!("lua/sliding_window.lua"),
    include_str!("lua/token_bucket.lua"),
    include_str!("lua/sliding_log.lua"),
    include_str!("lua/shape.lua"),
    include_str!("lua/value.lua"),
    include_str!("lua/write.lua"),
    include_str!("lua/main.lua"),
];

/// How a request names its operation.
pub(crate) const CHECK: u8 = 0;
pub(crate) const PEEK: u8 = 1;
pub(crate) const CHARGE: u8 = 2;
pub(crate) const REFUND: u8 = 3;
pub(crate) const RESET: u8 = 4;

/// The source of the script, and the SHA-1 by which the server knows it.
static APPLY: LazyLock<(String, Script)> = LazyLock::new(|| {
    let source = with_numbers(&FILES.concat());
    let script = Script::new(&source);
    (source, script)
});

/// What the names in capitals mean that the files use and do not define: they are written into the
/// source, since a constant costs a script less than a variable.
static NUMBERS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let (time, count) = (format::TIME_BYTES, format::COUNT_BYTES);
    let (period, length) = (format::PERIOD_BYTES, format::LENGTH_BYTES);
    let sum = |bytes: &[usize]| bytes.iter().sum::<usize>();
    let head = sum(&[1, period]);
    let mut numbers: BTreeMap<String, String> = [
        ("CHECK", CHECK.to_string()),
        ("PEEK", PEEK.to_string()),
        ("CHARGE", CHARGE.to_string()),
        ("REFUND", REFUND.to_string()),
        ("RESET", RESET.to_string()),
        ("VERSION", format!("'\\{}'", format::VERSION)),
        ("COUNT_BYTES", count.to_string()),
        ("HEAD_FORMAT", format!("'>BI{period}'")),
        ("HEAD_SIZE", head.to_string()),
        // A lead is a head, behind the version where it is the first of a value; a stamp is a lead
        // and a time.
        ("LEAD_FORMAT", format!("'>c{head}'")),
        ("FIRST_LEAD_FORMAT", format!("'>c{}'", sum(&[1, head]))),
        ("STAMP_FORMAT", format!("'>c{}'", sum(&[head, time]))),
        (
            "FIRST_STAMP_FORMAT",
            format!("'>c{}'", sum(&[1, head, time])),
        ),
        ("SHAPE_SIZE", sum(&[1, count, time]).to_string()),
        ("LIMIT_SIZE", sum(&[head, count, count]).to_string()),
        (
            "TOKEN_BUCKET_SIZE",
            sum(&[time, count, period, count]).to_string(),
        ),
        ("SLIDING_LOG_SIZE", sum(&[time, count, length]).to_string()),
        ("SHAPE_FORMAT", format!("'>BI{count}I{time}'")),
        ("LIMIT_FORMAT", format!("'>c{head}I{count}I{count}'")),
        ("FIXED_WINDOW_STATE", format!("'I{count}'")),
        ("SLIDING_WINDOW_STATE", format!("'I{count}I{count}'")),
        (
            "TOKEN_BUCKET_STATE",
            format!("'I{time}I{count}I{period}I{count}'"),
        ),
        ("SLIDING_LOG_STATE", format!("'I{time}I{count}I{length}'")),
        ("TIME_FORMAT", format!("'>I{time}'")),
        ("ENTRY_FORMAT", format!("'>I{time}I{count}'")),
        ("ENTRY_SIZE", sum(&[time, count]).to_string()),
        ("MOST_USED", Cost::MAX.as_milli().to_string()),
        ("LATEST_TIME", Timestamp::MAX.as_millis().to_string()),
        ("LONG_AGO", format!("(-{})", Timestamp::MAX.as_millis())),
        ("LONGEST_PERIOD", Rate::MAX_PERIOD.as_millis().to_string()),
        ("LATEST_DATE_AHEAD", format::LATEST_DATE_AHEAD.to_string()),
        ("LONGEST_GRACE", format::LONGEST_GRACE.to_string()),
        ("GRAINS_OF_GRACE", format::GRAINS_OF_GRACE.to_string()),
        ("LONGEST_DRAIN", format::LONGEST_DRAIN.to_string()),
        (
            "ABOVE_ALL",
            Cost::MAX.as_milli().saturating_mul(2).to_string(),
        ),
        ("MOST_LOG_ENTRIES", format::MOST_LOG_ENTRIES.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    numbers.extend(Algorithm::ALL.iter().map(|algorithm| {
        let name = algorithm.name().replace('-', "_").to_uppercase();
        (name, algorithm.tag().to_string())
    }));
    numbers
});

/// The source with the numbers in the place of their names.
fn with_numbers(source: &str) -> String {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut written = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find(is_of_word) {
        let (before, from) = rest.split_at(start);
        let length = from.find(|c| !is_of_word(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(length);
        written.push_str(before);
        written.push_str(NUMBERS.get(word).map_or(word, String::as_str));
        rest = after;
    }
    written + rest
}

/// The source of the script.
pub(crate) fn source() -> &'static str {
    &APPLY.0
}

/// The script's SHA-1 in hexadecimal.
pub(crate) fn hash() -> &'static str {
    APPLY.1.get_hash()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The words in capitals of a source, without its comments and strings.
    fn names(source: &str) -> Vec<&str> {
        let code = source.lines().filter_map(|line| line.split("--").next());
        code.flat_map(|line| line.split('\'').step_by(2))
            .flat_map(|code| code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
            .filter(|word| {
                word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
            })
            .collect()
    }

    #[test]
    fn every_name_has_a_number_and_every_number_a_name() {
        let is_given = |name: &str| matches!(name, "KEYS" | "ARGV");
        let files = FILES.concat();
        let used = names(&files).into_iter().filter(|name| !is_given(name));
        let used: BTreeSet<&str> = used.collect();
        let numbers: BTreeSet<&str> = NUMBERS.keys().map(String::as_str).collect();
        assert_eq!(used, numbers);
        assert!(names(source()).into_iter().all(is_given));
    }

    #[test]
    fn no_number_of_the_core_stands_in_a_file() {
        for (name, value) in NUMBERS.iter() {
            let digits = value.trim_matches(|c: char| !c.is_ascii_digit());
            if digits.len() > 4 && !digits.contains('I') {
                for file in FILES {
                    let mut words = file.split(|c: char| !c.is_ascii_alphanumeric());
                    assert!(
                        words.all(|word| word != digits),
                        "{name} stands as {digits}"
                    );
                }
            }
        }
    }
}
