//! Writing an event's JSON, member by member.

use jiff::Timestamp;
use serde_json::Value;

use super::raw::{Raw, Text};

/// Appends one JSON object to text. Keys are the schema's and need no escapes.
#[derive(Debug)]
pub(super) struct Writer<'o> {
    out: &'o mut String,
    /// Nothing was written yet in the innermost object or list.
    fresh: bool,
}

/// Where an object or list was opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    before: usize,
    inside: usize,
    fresh: bool,
}

impl<'o> Writer<'o> {
    /// Opens the event itself.
    pub(super) fn new(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, fresh: true }
    }

    /// Closes the event. Nothing may be written after that.
    pub(super) fn finish(&mut self) {
        self.out.push('}');
    }

    fn comma(&mut self) {
        if !self.fresh {
            self.out.push(',');
        }
        self.fresh = false;
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    /// A member that is text.
    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        quote(self.out, text);
    }

    /// The same, unless it is empty.
    pub(super) fn text_if(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.text(key, text);
        }
    }

    /// A member that is text of the record, unless there is none.
    pub(super) fn record(&mut self, key: &str, text: Option<Text<'_>>) -> bool {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return false;
        };
        self.key(key);
        match text {
            Text::Quoted(quoted) => self.out.push_str(quoted),
            Text::Bare(bare) => quote(self.out, bare),
        }
        true
    }

    /// A member that is a value of the record, as it was written.
    pub(super) fn raw(&mut self, key: &str, value: Raw<'_>) {
        self.key(key);
        self.out.push_str(value.0);
    }

    /// The same under a key of the record.
    pub(super) fn raw_member(&mut self, key: Text<'_>, value: Raw<'_>) {
        self.record_key(key);
        self.out.push_str(value.0);
    }

    /// A member that is text, under a key that may need escapes.
    pub(super) fn record_member(&mut self, key: Text<'_>, text: &str) {
        self.record_key(key);
        quote(self.out, text);
    }

    fn record_key(&mut self, key: Text<'_>) {
        self.comma();
        match key {
            Text::Quoted(quoted) => self.out.push_str(quoted),
            Text::Bare(bare) => quote(self.out, bare),
        }
        self.out.push(':');
    }

    /// A member that is a value.
    pub(super) fn value(&mut self, key: &str, value: &Value) {
        self.comma();
        quote(self.out, key);
        self.out.push(':');
        self.out.push_str(&value.to_string());
    }

    /// A member that is a number.
    pub(super) fn number(&mut self, key: &str, number: impl Into<i64>) {
        self.key(key);
        let mut digits = [0_u8; 20];
        self.out.push_str(decimal(number.into(), &mut digits));
    }

    /// A member that is a truth value.
    pub(super) fn truth(&mut self, key: &str, truth: bool) {
        self.key(key);
        self.out.push_str(if truth { "true" } else { "false" });
    }

    /// A time in milliseconds, and beside it, under the name with `_dt`, in RFC 3339.
    pub(super) fn time(&mut self, key: &str, ns: Option<i64>) {
        let Some(ns) = ns else { return };
        self.number(key, ns.div_euclid(1_000_000));
        if let Ok(time) = Timestamp::from_nanosecond(i128::from(ns)) {
            self.comma();
            self.out.push('"');
            self.out.push_str(key);
            self.out.push_str("_dt\":\"");
            // Writing to a string does not fail.
            let _ = std::fmt::write(self.out, format_args!("{time}"));
            self.out.push('"');
        }
    }

    /// Opens an object that is a member.
    pub(super) fn open(&mut self, key: &str) -> Open {
        let open = self.mark();
        self.key(key);
        self.enter(open, '{')
    }

    /// Opens an object that is a member, under a key of the record.
    pub(super) fn open_record(&mut self, key: Text<'_>) -> Open {
        let open = self.mark();
        self.record_key(key);
        self.enter(open, '{')
    }

    /// Opens an object that is an element of a list.
    pub(super) fn open_item(&mut self) -> Open {
        let open = self.mark();
        self.comma();
        self.enter(open, '{')
    }

    /// Opens a list that is a member.
    pub(super) fn open_list(&mut self, key: &str) -> Open {
        let open = self.mark();
        self.key(key);
        self.enter(open, '[')
    }

    /// An element of a list that is text.
    pub(super) fn item(&mut self, text: &str) {
        self.comma();
        quote(self.out, text);
    }

    const fn mark(&self) -> Open {
        Open {
            before: self.out.len(),
            inside: 0,
            fresh: self.fresh,
        }
    }

    fn enter(&mut self, open: Open, bracket: char) -> Open {
        self.out.push(bracket);
        self.fresh = true;
        Open {
            inside: self.out.len(),
            ..open
        }
    }

    /// Closes an object; one with nothing in it is taken back. Answers whether it stays.
    pub(super) fn close(&mut self, open: Open) -> bool {
        self.leave(open, '}')
    }

    /// Closes a list; one with nothing in it is taken back.
    pub(super) fn close_list(&mut self, open: Open) -> bool {
        self.leave(open, ']')
    }

    fn leave(&mut self, open: Open, bracket: char) -> bool {
        if self.out.len() == open.inside {
            self.out.truncate(open.before);
            self.fresh = open.fresh;
            return false;
        }
        self.out.push(bracket);
        self.fresh = false;
        true
    }
}

/// Appends text as a JSON string.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    let plain = |byte: &u8| *byte >= 0x20 && !matches!(byte, b'"' | b'\\');
    if text.as_bytes().iter().all(plain) {
        out.push_str(text);
    } else {
        for letter in text.chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                control if u32::from(control) < 0x20 => {
                    let _ = std::fmt::write(out, format_args!("\\u{:04x}", u32::from(control)));
                }
                other => out.push(other),
            }
        }
    }
    out.push('"');
}

/// The number's digits, without the formatting machinery.
fn decimal(number: i64, digits: &mut [u8; 20]) -> &str {
    let mut rest = number.unsigned_abs();
    let mut at = digits.len();
    loop {
        at -= 1;
        if let Some(place) = digits.get_mut(at) {
            *place = b'0' + (rest % 10) as u8;
        }
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        if let Some(place) = digits.get_mut(at) {
            *place = b'-';
        }
    }
    digits
        .get(at..)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .unwrap_or("0")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn numbers_and_text_are_json() {
        for number in [0, 1, -1, 9, 10, -10, i64::MAX, i64::MIN] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string());
        }
        for text in ["", "plain", "a\"b\\c\n\r\t\u{1}\u{1f}", "é\u{1f600}"] {
            let mut out = String::new();
            quote(&mut out, text);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn what_is_empty_is_taken_back() {
        let mut out = String::new();
        let mut writer = Writer::new(&mut out);
        let first = writer.open("a");
        assert!(!writer.close(first));
        writer.number("b", 1);
        let list = writer.open_list("c");
        let item = writer.open_item();
        assert!(!writer.close(item));
        assert!(!writer.close_list(list));
        let kept = writer.open("d");
        writer.text("e", "f");
        assert!(writer.close(kept));
        writer.truth("g", true);
        writer.finish();
        assert_eq!(out, r#"{"b":1,"d":{"e":"f"},"g":true}"#);
    }
}
