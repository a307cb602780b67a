//! Reading a view's JSON without taking it apart: values stay slices of its text, so that
//! what is not mapped is copied as it was written, to the last digit.

use std::borrow::Cow;

use crate::split::scan::{Scanner, skip_blank, string};
use crate::view::WITHHELD_KEY;

/// A value as written. Made from text that was checked as a whole, so the readers here
/// need not check again; on anything else they end early and never panic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw<'a>(pub(super) &'a str);

/// The text of a row as a value to be read, or `None` if it is no JSON object. Line breaks
/// are left out, so that a rendered event is one line; where a key stands twice, the last
/// one stays, as every reader of views takes it.
pub(super) fn object(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim_ascii();
    if !text.starts_with('{') {
        return None;
    }
    let scanned = Scanner::default().value(text.as_bytes(), 0).ok()?;
    if scanned.end != text.len() {
        return None;
    }
    if scanned.duplicate {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        return Some(Cow::Owned(value.to_string()));
    }
    if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_some() {
        return Some(Cow::Owned(compact(text)));
    }
    Some(Cow::Borrowed(text))
}

/// The text without white space outside of its strings.
fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let quote = memchr::memchr(b'"', rest.as_bytes()).unwrap_or(rest.len());
        out.extend(
            rest.get(..quote)
                .into_iter()
                .flat_map(str::split_ascii_whitespace),
        );
        let start = at + quote;
        at = string(text.as_bytes(), start).map_or(text.len(), |(end, _)| end);
        out.push_str(text.get(start..at).unwrap_or_default());
    }
    out
}

/// Text of the record: a string as written, in quotes, or a number or truth value that
/// stands where text should.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text<'a> {
    Quoted(&'a str),
    Bare(&'a str),
}

impl<'a> Text<'a> {
    /// What it says.
    pub(super) fn plain(self) -> Cow<'a, str> {
        match self {
            Self::Bare(text) => Cow::Borrowed(text),
            Self::Quoted(quoted) => unquoted(quoted),
        }
    }

    pub(super) fn is_empty(self) -> bool {
        matches!(self, Self::Quoted("\"\""))
    }

    pub(super) fn is(self, text: &str) -> bool {
        self.plain() == text
    }
}

/// What a string in quotes says.
fn unquoted(quoted: &str) -> Cow<'_, str> {
    let inner = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or_default();
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    serde_json::from_str(quoted).map_or(Cow::Borrowed(inner), Cow::Owned)
}

/// What a value that should be text is.
pub(super) enum Scalar<'a> {
    Text(Text<'a>),
    /// Null, or withheld: left out.
    Nothing,
    /// A list or an object: not what the schema wants there.
    Odd,
}

impl<'a> Raw<'a> {
    pub(super) fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    pub(super) fn is_list(self) -> bool {
        self.0.starts_with('[')
    }

    pub(super) fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// Whether it is an object with something in it.
    pub(super) fn is_full(self) -> bool {
        self.is_object() && self.members().next().is_some()
    }

    /// Whether it stands for something withheld.
    pub(super) fn is_marker(self) -> bool {
        let mut members = self.members();
        members.next().is_some_and(|(key, _)| key.is(WITHHELD_KEY)) && members.next().is_none()
    }

    pub(super) fn scalar(self) -> Scalar<'a> {
        match self.0.as_bytes().first() {
            Some(b'"') => Scalar::Text(Text::Quoted(self.0)),
            Some(b'{') if self.is_marker() => Scalar::Nothing,
            Some(b'{' | b'[') => Scalar::Odd,
            _ if self.is_null() => Scalar::Nothing,
            _ => Scalar::Text(Text::Bare(self.0)),
        }
    }

    /// The string that it is, if it is one and not empty.
    pub(super) fn text(self) -> Option<Text<'a>> {
        match self.scalar() {
            Scalar::Text(text @ Text::Quoted(_)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The members of an object; none of anything else.
    pub(super) fn members(self) -> Members<'a> {
        Members {
            text: self.0,
            at: if self.is_object() { 1 } else { self.0.len() },
        }
    }

    /// The elements of a list; none of anything else.
    pub(super) fn items(self) -> impl Iterator<Item = Raw<'a>> {
        let text = self.0;
        let mut at = if self.is_list() { 1 } else { text.len() };
        std::iter::from_fn(move || {
            let start = next_start(text, at)?;
            let end = value_end(text.as_bytes(), start)?;
            at = end;
            Some(Raw(text.get(start..end)?))
        })
    }

    /// The value of a key.
    pub(super) fn get(self, key: &str) -> Option<Raw<'a>> {
        self.members()
            .find(|(name, _)| name.is(key))
            .map(|(_, value)| value)
    }

    /// The string below keys, if there is one and it is not empty.
    pub(super) fn below(self, path: &[&str]) -> Option<Text<'a>> {
        path.iter()
            .try_fold(self, |value, key| value.get(key))?
            .text()
    }
}

/// Members of an object, one after another.
#[derive(Debug, Clone)]
pub(super) struct Members<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (Text<'a>, Raw<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let start = next_start(self.text, self.at)?;
        if bytes.get(start) != Some(&b'"') {
            return None;
        }
        let (key_end, _) = string(bytes, start).ok()?;
        let key = self.text.get(start..key_end)?;
        let colon = skip_blank(bytes, key_end);
        let value = skip_blank(bytes, colon + 1);
        let end = value_end(bytes, value)?;
        self.at = end;
        Some((Text::Quoted(key), Raw(self.text.get(value..end)?)))
    }
}

/// Where the next member or element starts; `None` at the end.
fn next_start(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = skip_blank(bytes, at);
    if bytes.get(at) == Some(&b',') {
        at = skip_blank(bytes, at + 1);
    }
    match bytes.get(at)? {
        b'}' | b']' => None,
        _ => Some(at),
    }
}

/// Where the value ends that starts at `at`.
fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string(bytes, at).ok().map(|(end, _)| end),
        b'{' | b'[' => {
            let mut depth = 0_usize;
            let mut at = at;
            loop {
                match bytes.get(at)? {
                    b'"' => {
                        at = string(bytes, at).ok()?.0;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        _ => bytes
            .get(at..)?
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
            .map(|length| at + length)
            .or(Some(bytes.len())),
    }
}
