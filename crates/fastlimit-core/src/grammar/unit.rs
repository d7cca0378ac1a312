/// A unit of time with a fixed length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
}

impl Unit {
    /// From the longest to the shortest.
    const ALL: [Self; 6] = [
        Self::Week,
        Self::Day,
        Self::Hour,
        Self::Minute,
        Self::Second,
        Self::Millisecond,
    ];

    /// Finds the unit that a word names, in any case.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let unit = match word.to_ascii_lowercase().as_str() {
            "ms" | "millisecond" | "milliseconds" => Self::Millisecond,
            "s" | "sec" | "second" | "seconds" => Self::Second,
            "m" | "min" | "minute" | "minutes" => Self::Minute,
            "h" | "hr" | "hour" | "hours" => Self::Hour,
            "d" | "day" | "days" => Self::Day,
            "w" | "week" | "weeks" => Self::Week,
            _ => return None,
        };
        Some(unit)
    }

    pub(crate) const fn millis(self) -> u64 {
        match self {
            Self::Millisecond => 1,
            Self::Second => 1_000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
            Self::Week => 604_800_000,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Millisecond => "ms",
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    pub(crate) const fn abbreviation(self) -> &'static str {
        match self {
            Self::Millisecond => "ms",
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
            Self::Day => "d",
            Self::Week => "w",
        }
    }

    /// Splits a period into the longest unit that divides it and how often it does.
    pub(crate) fn largest_dividing(period_millis: u64) -> (u64, Self) {
        Self::ALL
            .into_iter()
            .filter(|unit| period_millis.is_multiple_of(unit.millis()))
            .find_map(|unit| Some((period_millis.checked_div(unit.millis())?, unit)))
            .unwrap_or((period_millis, Self::Millisecond))
    }
}
