use std::sync::LazyLock;

use super::error::{ParseError, ParseErrorKind};
use super::unit::Unit;
use crate::{Algorithm, InvalidLimit, InvalidRate, Limit, Policy, Rate};

const NUMBER_OF_REQUESTS: &str = "a number of requests";
const PERIOD: &str = "a unit of time (ms, s, min, h, d or w)";

static ALGORITHMS: LazyLock<String> = LazyLock::new(|| {
    let names: Vec<_> = Algorithm::ALL
        .iter()
        .map(|algorithm| algorithm.name())
        .collect();
    format!("an algorithm ({})", names.join(", "))
});

/// Reads a text from left to right; `offset` is always at a character's boundary.
pub(crate) struct Parser<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    /// `limit (";" limit | "," limit)*`
    pub(crate) fn limits(&mut self) -> Result<Vec<Limit>, ParseError> {
        let mut limits: Vec<Limit> = Vec::with_capacity(1);
        loop {
            self.skip_spaces();
            let start = self.offset;
            let limit = self.limit()?;
            if limits.iter().any(|other| other.shares_state_with(&limit)) {
                return Err(ParseError::new(start, ParseErrorKind::DuplicateLimit));
            }
            if limits.len() == Policy::MAX_LIMITS {
                return Err(ParseError::new(start, ParseErrorKind::TooManyLimits));
            }
            limits.push(limit);
            if !self.eat(';') && !self.eat(',') {
                break;
            }
        }
        self.expect_end("`;`, a burst, an algorithm or the end")?;
        Ok(limits)
    }

    /// `rate ["burst" number] [algorithm]`
    pub(crate) fn limit(&mut self) -> Result<Limit, ParseError> {
        let at_rate = self.next_offset();
        let rate = self.rate()?;
        let burst = self.burst()?;
        let start = self.next_offset();
        let word = self.word();
        let algorithm = match Algorithm::from_name(word) {
            Some(algorithm) => algorithm,
            None if word.is_empty() => Algorithm::default(),
            None => return Err(self.unexpected(start, &ALGORITHMS)),
        };
        let Some((at_burst, burst)) = burst else {
            return Limit::new(rate, algorithm).map_err(|error| invalid_limit(at_rate, error));
        };
        if !algorithm.has_burst() {
            return Err(ParseError::new(
                at_burst,
                ParseErrorKind::BurstWithoutBucket,
            ));
        }
        Limit::token_bucket(rate, burst).map_err(|error| invalid_limit(at_burst, error))
    }

    /// The offset and the value of a burst, if there is one.
    fn burst(&mut self) -> Result<Option<(usize, u32)>, ParseError> {
        let before = self.next_offset();
        if !self.word().eq_ignore_ascii_case("burst") {
            self.offset = before;
            return Ok(None);
        }
        let start = self.next_offset();
        let Some(number) = self.number()? else {
            return Err(self.unexpected(start, NUMBER_OF_REQUESTS));
        };
        // Past u32 is past the bound too.
        let burst = number
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| invalid_limit(start, InvalidLimit::Burst))?;
        Ok(Some((start, burst)))
    }

    /// `number ("/" | "per") [number] unit`
    pub(crate) fn rate(&mut self) -> Result<Rate, ParseError> {
        let at_requests = self.next_offset();
        let Some(requests) = self.number()? else {
            return Err(self.unexpected(at_requests, NUMBER_OF_REQUESTS));
        };
        let requests = requests.ok_or_else(|| out_of_range(at_requests, InvalidRate::Requests))?;
        let at_separator = self.next_offset();
        if !self.eat('/') && !self.word().eq_ignore_ascii_case("per") {
            return Err(self.unexpected(at_separator, "`/` or `per`"));
        }
        let at_period = self.next_offset();
        let multiplier = match self.number()? {
            None => Some(1),
            Some(number) => number,
        };
        let unit = self.unit()?;
        // Past u64 is past the bound too.
        let period = multiplier
            .and_then(|multiplier| multiplier.checked_mul(unit.millis()))
            .unwrap_or(u64::MAX);
        Rate::from_parts(requests, period).map_err(|error| match error {
            InvalidRate::Requests => out_of_range(at_requests, error),
            InvalidRate::Period => out_of_range(at_period, error),
        })
    }

    /// Refuses whatever is left but spaces.
    pub(crate) fn end(&mut self) -> Result<(), ParseError> {
        self.expect_end("the end")
    }

    fn expect_end(&mut self, expected: &'static str) -> Result<(), ParseError> {
        let at = self.next_offset();
        if self.rest().is_empty() {
            Ok(())
        } else {
            Err(self.unexpected(at, expected))
        }
    }

    fn unit(&mut self) -> Result<Unit, ParseError> {
        let start = self.next_offset();
        let word = self.word();
        if let Some(unit) = Unit::from_word(word) {
            return Ok(unit);
        }
        let kind = match word.to_ascii_lowercase().as_str() {
            "month" | "months" | "mo" => ParseErrorKind::NoFixedLength {
                unit: "month",
                instead: "30 days",
            },
            "year" | "years" | "y" | "yr" => ParseErrorKind::NoFixedLength {
                unit: "year",
                instead: "365 days",
            },
            _ => return Err(self.unexpected(start, PERIOD)),
        };
        Err(ParseError::new(start, kind))
    }

    /// Digits with `_` between them. `None`: there is no digit; `Some(None)`: past `u64`.
    fn number(&mut self) -> Result<Option<Option<u64>>, ParseError> {
        self.skip_spaces();
        let rest = self.rest();
        let length = rest
            .find(|c: char| !c.is_ascii_digit() && c != '_')
            .unwrap_or(rest.len());
        let (digits, _) = rest.split_at(length);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(None);
        }
        let start = self.offset;
        self.offset = start.saturating_add(length);
        if digits.ends_with('_') || digits.contains("__") {
            return Err(self.unexpected(start, "a number with single `_` between its digits"));
        }
        let value = digits
            .bytes()
            .filter(u8::is_ascii_digit)
            .try_fold(0_u64, |value, digit| {
                value
                    .checked_mul(10)?
                    .checked_add(u64::from(digit.saturating_sub(b'0')))
            });
        Ok(Some(value))
    }

    /// A word of ASCII letters, with `-` inside.
    fn word(&mut self) -> &'a str {
        self.skip_spaces();
        let (word, _) = self.rest().split_at(word_length(self.rest()));
        self.offset = self.offset.saturating_add(word.len());
        word
    }

    fn eat(&mut self, expected: char) -> bool {
        self.skip_spaces();
        let found = self.rest().starts_with(expected);
        if found {
            self.offset = self.offset.saturating_add(expected.len_utf8());
        }
        found
    }

    fn next_offset(&mut self) -> usize {
        self.skip_spaces();
        self.offset
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        let spaces = rest.len().saturating_sub(rest.trim_ascii_start().len());
        self.offset = self.offset.saturating_add(spaces);
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    /// An error that shows the word, the number or the character at `offset`.
    fn unexpected(&self, offset: usize, expected: &'static str) -> ParseError {
        let rest = self.text.get(offset..).unwrap_or_default();
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '_')
            .unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        // A very long word is cut: the offset says where it is.
        let shown = digits.max(word_length(rest)).max(first).min(32).max(first);
        let found = match rest.get(..shown) {
            None | Some("") => "the end".to_owned(),
            Some(text) => format!("`{}`", text.escape_debug()),
        };
        ParseError::new(offset, ParseErrorKind::Unexpected { expected, found })
    }
}

fn word_length(text: &str) -> usize {
    if text.starts_with('-') {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphabetic() && c != '-')
        .unwrap_or(text.len())
}

fn out_of_range(offset: usize, error: InvalidRate) -> ParseError {
    let (what, bound) = match error {
        InvalidRate::Requests => ("the number of requests", "0 to 1000000000"),
        InvalidRate::Period => ("the period", "1 ms to 366 days"),
    };
    ParseError::new(offset, ParseErrorKind::OutOfRange { what, bound })
}

fn invalid_limit(offset: usize, error: InvalidLimit) -> ParseError {
    let (what, bound) = match error {
        InvalidLimit::Burst => ("the burst", "1 to 1000000000"),
        InvalidLimit::Drain => ("the burst", "what drains within 36525 days at its rate"),
        InvalidLimit::Log => (
            "the number of a sliding-log",
            "0 to 1000 requests, or a sliding-window, since each check reads and writes an entry \
             for every request",
        ),
    };
    ParseError::new(offset, ParseErrorKind::OutOfRange { what, bound })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(text: &str) -> (u32, u64) {
        let rate: Rate = text.parse().unwrap();
        (rate.requests(), rate.period_millis())
    }

    #[test]
    fn reads_every_form() {
        for (text, expected) in [
            ("100/minute", (100, 60_000)),
            ("10/second", (10, 1_000)),
            ("1000/hour", (1_000, 3_600_000)),
            ("10000/day", (10_000, 86_400_000)),
            ("5/30s", (5, 30_000)),
            ("10 per 5 minutes", (10, 300_000)),
            ("1_000/15m", (1_000, 900_000)),
            ("0/s", (0, 1_000)),
            ("7/250ms", (7, 250)),
            ("7/1 millisecond", (7, 1)),
            ("  3 \t PER  2WEEKS ", (3, 1_209_600_000)),
            ("3per2w", (3, 1_209_600_000)),
            ("1/Hr", (1, 3_600_000)),
            ("1000000000/366 days", (1_000_000_000, 31_622_400_000)),
            ("1/ 1_0 sec", (1, 10_000)),
        ] {
            assert_eq!(rate(text), expected, "{text}");
        }
    }

    #[test]
    fn refuses_and_names_the_place() {
        for (text, offset, part) in [
            ("", 0, "a number of requests, found the end"),
            ("/minute", 0, "a number of requests, found `/`"),
            ("-1/s", 0, "a number of requests"),
            ("+1/s", 0, "a number of requests"),
            ("_1/s", 0, "a number of requests"),
            ("1_/s", 0, "single `_`"),
            ("1__0/s", 0, "single `_`"),
            ("1.5/s", 1, "`/` or `per`, found `.`"),
            ("10", 2, "`/` or `per`, found the end"),
            ("10 each minute", 3, "`/` or `per`, found `each`"),
            ("10/", 3, "a unit of time"),
            ("10/5", 4, "a unit of time"),
            ("10/minutos", 3, "found `minutos`"),
            ("10/μs", 3, "found `μ`"),
            ("１0/s", 0, "a number of requests"),
            ("10/minute!", 9, "the end, found `!`"),
            ("10/minute minute", 10, "the end, found `minute`"),
            ("1/month", 2, "no fixed length"),
            ("1/2 years", 4, "no fixed length"),
            ("1000000001/s", 0, "0 to 1000000000"),
            ("99999999999999999999999/s", 0, "0 to 1000000000"),
            ("1/0s", 2, "1 ms to 366 days"),
            ("1/367d", 2, "1 ms to 366 days"),
            ("1/31622400001ms", 2, "1 ms to 366 days"),
            ("1/99999999999999999999w", 2, "1 ms to 366 days"),
        ] {
            let error = text.parse::<Rate>().unwrap_err();
            assert_eq!(error.offset(), offset, "{text}: {error}");
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn reads_several_limits() {
        let limits = Parser::new("10/second; 1000/hour fixed-window,5/2d Token-Bucket, 5/2d sliding-window; 9/h BURST 1_0 token-bucket; 1/d burst 36525 token-bucket")
            .limits()
            .unwrap();
        let shown: Vec<String> = limits.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "10/second",
                "1000/hour",
                "5/2d token-bucket",
                "5/2d sliding-window",
                "9/hour burst 10 token-bucket",
                "1/day burst 36525 token-bucket"
            ]
        );
        let again = Parser::new(&shown.join("; ")).limits().unwrap();
        assert_eq!(again, limits);
    }

    #[test]
    fn refuses_bad_policies() {
        for (text, offset, part) in [
            ("", 0, "a number of requests"),
            ("10/second;", 10, "a number of requests"),
            ("10/second;;1/h", 10, "a number of requests"),
            ("10/second 1/h", 10, "`;`, a burst, an algorithm or the end"),
            ("10/second leaky", 10, "an algorithm (fixed-window, sl"),
            ("10/second burst 5", 16, "only a token bucket has a burst"),
            (
                "10/second burst 5 sliding-window",
                16,
                "only a token bucket",
            ),
            ("10/second burst token-bucket", 16, "a number of requests"),
            ("10/second burst 0 token-bucket", 16, "1 to 1000000000"),
            ("1/s burst 1000000001 token-bucket", 10, "1 to 1000000000"),
            (
                "1/s burst 99999999999999999999 token-bucket",
                10,
                "1 to 1000000000",
            ),
            ("1/day burst 36526 token-bucket", 12, "within 36525 days"),
            ("10/second token-bucket burst 5", 23, "`;`, a burst"),
            ("10/second; 20/1000ms", 11, "same algorithm and period"),
        ] {
            let error = Parser::new(text).limits().unwrap_err();
            assert_eq!(error.offset(), offset, "{text}: {error}");
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn display_parses_back(requests in 0..=1_000_000_000_u32, period in 1..=31_622_400_000_u64) {
            let rate = Rate::from_parts(u64::from(requests), period).unwrap();
            prop_assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
        }

        #[test]
        fn no_text_panics(text in ".*") {
            if let Err(error) = Parser::new(&text).limits() {
                prop_assert!(text.is_char_boundary(error.offset()));
            }
        }

        #[test]
        fn no_text_of_our_words_panics(text in "([0-9_]{1,3}|/|per|;|,|m|month|fixed-window|burst|token-bucket|[ \u{a0}é]){0,12}") {
            if let Err(error) = Parser::new(&text).limits() {
                prop_assert!(text.is_char_boundary(error.offset()));
                prop_assert!(error.offset() <= text.len());
            }
        }
    }
}
