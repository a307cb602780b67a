//! Bytes of events as text: on one line, and harmless to a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

/// The text with its control characters shown and not obeyed: events say what attackers made
/// them say.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let harmful = |letter: char| {
        (letter.is_control() && letter != '\n' && letter != '\t')
            // Marks that turn the direction of writing.
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if harmful(letter) {
            // Writing to a string does not fail.
            let _ = write!(out, "\\u{:04x}", u32::from(letter));
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// The same without line breaks: for a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    visible(text).replace(['\n', '\t'], " ")
}

/// A JSON text on one line: white space between tokens is left out when there is a line break in
/// it; everything else stays as it is, byte for byte.
pub(crate) fn one_line(json: &[u8]) -> Cow<'_, [u8]> {
    if !json.contains(&b'\n') && !json.contains(&b'\r') {
        return Cow::Borrowed(json);
    }
    let mut out = Vec::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        if in_string {
            match byte {
                // Not JSON; a line stays a line all the same.
                b'\n' | b'\r' => {
                    out.push(b' ');
                    continue;
                }
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            out.push(*byte);
        } else if !byte.is_ascii_whitespace() {
            in_string = *byte == b'"';
            out.push(*byte);
        }
    }
    Cow::Owned(out)
}

/// A record as one line: JSON on one line, and anything else as it is, line breaks aside.
pub(crate) fn record_line(raw: &[u8]) -> Cow<'_, [u8]> {
    let trimmed = raw.trim_ascii();
    if trimmed.starts_with(b"{") || trimmed.starts_with(b"[") {
        return one_line(trimmed);
    }
    if !trimmed.contains(&b'\n') && !trimmed.contains(&b'\r') {
        return Cow::Borrowed(trimmed);
    }
    let replaced = |byte: &u8| {
        if matches!(byte, b'\n' | b'\r') {
            b' '
        } else {
            *byte
        }
    };
    Cow::Owned(trimmed.iter().map(replaced).collect())
}

/// A record as a JSON value: itself if it is JSON, else a string.
pub(crate) fn record_json(raw: &[u8]) -> Vec<u8> {
    if serde_json::from_slice::<serde::de::IgnoredAny>(raw).is_ok()
        && std::str::from_utf8(raw).is_ok()
    {
        return one_line(raw.trim_ascii()).into_owned();
    }
    Value::from(String::from_utf8_lossy(raw))
        .to_string()
        .into_bytes()
}

/// JSON indented for people, with the order of its keys.
pub(crate) fn indented(json: &[u8]) -> String {
    serde_json::from_slice::<Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| String::from_utf8_lossy(json).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_text_is_left_alone() {
        assert_eq!(visible("Zürich\n\t東京"), "Zürich\n\t東京");
        assert_eq!(visible("\u{1b}[31mred\u{7}"), "\\u001b[31mred\\u0007");
        assert_eq!(
            visible("a\u{9b}b\u{202e}c\u{7f}"),
            "a\\u009bb\\u202ec\\u007f"
        );
        assert_eq!(cell("a\nb\tc\r"), "a b c\\u000d");
    }

    #[test]
    fn json_comes_on_one_line_and_otherwise_as_it_was() {
        let verbatim = br#"{ "a" : 1.0e+2, "a":"x\ny" }"#;
        assert_eq!(one_line(verbatim).as_ref(), verbatim);
        let broken = b"{\r\n  \"a b\": [ 1,\n 2 ],\t\"c\\\"\\\\\": \" x \"\n}\n";
        assert_eq!(one_line(broken).as_ref(), br#"{"a b":[1,2],"c\"\\":" x "}"#);
        assert_eq!(one_line(b"{\"a\":\"b\nc\"}").as_ref(), b"{\"a\":\"b c\"}");
    }

    #[test]
    fn a_record_is_a_line_and_a_value() {
        let flow = b"2 1 eni-a  10.0.0.1 ACCEPT OK\n";
        assert_eq!(record_line(flow).as_ref(), b"2 1 eni-a  10.0.0.1 ACCEPT OK");
        assert_eq!(record_line(b"a\r\nb").as_ref(), b"a  b");
        assert_eq!(record_json(flow), br#""2 1 eni-a  10.0.0.1 ACCEPT OK\n""#);
        assert_eq!(record_json(b"{ \"a\":\n1 }"), br#"{"a":1}"#);
        assert_eq!(record_json(b"\xff"), "\"\u{fffd}\"".as_bytes());
    }

    #[test]
    fn indented_json_keeps_the_order_of_its_keys() {
        assert_eq!(
            indented(b"{\"b\":1,\"a\":[]}"),
            "{\n  \"b\": 1,\n  \"a\": []\n}"
        );
        assert_eq!(indented(b"no json"), "no json");
    }
}
