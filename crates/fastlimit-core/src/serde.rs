//! Rates and limits as texts, policies as a name and a text, receipts as two numbers.
//!
//! Each implementation names its feature, which rustdoc else loses where `fastlimit` shows the type.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use ::serde::de::{self, Visitor};
use ::serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Cost, Limit, Policy, Rate, Receipt, Timestamp};

/// Reads a text without keeping it.
struct Text<T> {
    expecting: &'static str,
    parsed: PhantomData<T>,
}

impl<T> Text<T> {
    const fn new(expecting: &'static str) -> Self {
        Self {
            expecting,
            parsed: PhantomData,
        }
    }
}

impl<T: FromStr<Err: Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(feature = "serde")]
impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text::new("a rate such as \"100/minute\""))
    }
}

#[cfg(feature = "serde")]
impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text::new("a limit such as \"100/minute\""))
    }
}

#[derive(Serialize)]
#[serde(rename = "Policy")]
struct PolicyRef<'a> {
    name: &'a str,
    limits: String,
}

#[derive(Deserialize)]
#[serde(rename = "Policy", deny_unknown_fields)]
struct PolicyText {
    name: String,
    limits: String,
}

#[cfg(feature = "serde")]
impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, limits) = (self.name(), self.to_string());
        PolicyRef { name, limits }.serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = PolicyText::deserialize(deserializer)?;
        Self::new(&text.name, text.limits).map_err(de::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Receipt", deny_unknown_fields)]
struct ReceiptNumbers {
    cost_milli: u64,
    charged_at_millis: u64,
}

#[cfg(feature = "serde")]
impl Serialize for Receipt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = ReceiptNumbers {
            cost_milli: self.cost().as_milli(),
            charged_at_millis: self.charged_at().as_millis(),
        };
        numbers.serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> Deserialize<'de> for Receipt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = ReceiptNumbers::deserialize(deserializer)?;
        let cost = Cost::milli(numbers.cost_milli);
        Ok(Self::new(
            cost,
            Timestamp::from_millis(numbers.charged_at_millis),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let policy = Policy::new("users", "10/second; 1000/hour").unwrap();
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(json, r#"{"name":"users","limits":"10/second; 1000/hour"}"#);
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);

        let rate: Rate = serde_json::from_str(r#""5 per 30 s""#).unwrap();
        assert_eq!(serde_json::to_string(&rate).unwrap(), r#""5/30s""#);
        let limit: Limit = serde_json::from_str(r#""5/s fixed-window""#).unwrap();
        assert_eq!(serde_json::to_string(&limit).unwrap(), r#""5/second""#);
    }

    #[test]
    fn a_receipt_can_be_written_down() {
        let receipt = Receipt::new(
            Cost::milli(1_500),
            Timestamp::from_millis(1_700_000_000_000),
        );
        let json = serde_json::to_string(&receipt).unwrap();
        assert_eq!(
            json,
            r#"{"cost_milli":1500,"charged_at_millis":1700000000000}"#
        );
        assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), receipt);
        let error = serde_json::from_str::<Receipt>(r#"{"cost_milli":1500}"#).unwrap_err();
        assert!(error.to_string().contains("charged_at_millis"), "{error}");
    }

    #[test]
    fn says_what_is_wrong() {
        let error = serde_json::from_str::<Rate>(r#""5/month""#).unwrap_err();
        assert!(error.to_string().contains("no fixed length"), "{error}");
        let error = serde_json::from_str::<Rate>("5").unwrap_err();
        assert!(error.to_string().contains("a rate such as"), "{error}");
        let error = serde_json::from_str::<Policy>(r#"{"name":"","limits":"5/s"}"#).unwrap_err();
        assert!(error.to_string().contains("printable ASCII"), "{error}");
    }
}
