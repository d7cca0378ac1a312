use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The greatest integer of a structured field.
const MOST: u64 = 999_999_999_999_999;

/// An item that is written to the end of a list.
pub(super) struct Item<'a> {
    list: &'a mut String,
}

impl<'a> Item<'a> {
    /// Begins an item, a string; `name` is of printable ASCII, as the names of policies are.
    pub(super) fn new(list: &'a mut String, name: &str) -> Self {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push('"');
        for character in name.chars() {
            if matches!(character, '"' | '\\') {
                list.push('\\');
            }
            list.push(character);
        }
        list.push('"');
        Self { list }
    }

    /// Adds a parameter; what is beyond the greatest integer is written as that.
    pub(super) fn integer(mut self, key: &str, number: u64) -> Self {
        self.key(key);
        self.list
            .push_str(itoa::Buffer::new().format(number.min(MOST)));
        self
    }

    /// Adds a parameter if it has a value.
    pub(super) fn bytes(mut self, key: &str, bytes: Option<&[u8; 16]>) {
        if let Some(bytes) = bytes {
            self.key(key);
            self.list.push(':');
            STANDARD.encode_string(bytes, self.list);
            self.list.push(':');
        }
    }

    fn key(&mut self, key: &str) {
        self.list.push(';');
        self.list.push_str(key);
        self.list.push('=');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_the_draft_are_written_as_there() {
        let mut list = String::new();
        Item::new(&mut list, "burst")
            .integer("q", 100)
            .integer("w", 60);
        Item::new(&mut list, "daily")
            .integer("q", 1_000)
            .integer("w", 86_400);
        assert_eq!(list, r#""burst";q=100;w=60, "daily";q=1000;w=86400"#);
    }

    #[test]
    fn strings_are_escaped_and_integers_bounded() {
        let mut list = String::new();
        let item = Item::new(&mut list, r#"a"b\c, d;e"#).integer("r", u64::MAX);
        item.bytes("pk", Some(b"0123456789abcdef"));
        assert_eq!(
            list,
            r#""a\"b\\c, d;e";r=999999999999999;pk=:MDEyMzQ1Njc4OWFiY2RlZg==:"#
        );
    }
}
