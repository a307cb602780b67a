//! Values of rules as patterns of the filter language: `%` for any text, `_` for one
//! character, `\` before what is meant as itself.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rsigma_parser::{Modifier, SigmaString, SigmaValue, SpecialChar, StringPart};

use crate::error::Mistake;

/// Most texts that the modifiers may make of one value.
const MOST_VARIANTS: usize = 64;

/// What stands for a dash before an option on a command line.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    One,
    Any,
}

/// A value as a sequence of texts and wildcards.
pub(crate) type Parts = Vec<Part>;

/// The texts that a value means under the modifiers, each as a pattern's parts.
pub(crate) fn variants(value: &SigmaValue, modifiers: &[Modifier]) -> Result<Vec<Parts>, Mistake> {
    let mut all = vec![parts(value)?];
    for modifier in modifiers {
        all = match modifier {
            Modifier::WindAsh => dashed(&all)?,
            Modifier::Wide => bytes(&all, |text| utf16(text, u16::to_le_bytes, false))?,
            Modifier::Utf16be => bytes(&all, |text| utf16(text, u16::to_be_bytes, false))?,
            Modifier::Utf16 => bytes(&all, |text| utf16(text, u16::to_le_bytes, true))?,
            Modifier::Base64 => encoded(&all, false)?,
            Modifier::Base64Offset => encoded(&all, true)?,
            _ => all,
        };
    }
    let contains = modifiers.contains(&Modifier::Contains);
    let starts = modifiers.contains(&Modifier::StartsWith);
    let ends = modifiers.contains(&Modifier::EndsWith);
    for parts in &mut all {
        if contains || ends {
            parts.insert(0, Part::Any);
        }
        if contains || starts {
            parts.push(Part::Any);
        }
        parts.dedup_by(|next, before| *next == Part::Any && *before == Part::Any);
    }
    Ok(all)
}

fn parts(value: &SigmaValue) -> Result<Parts, Mistake> {
    Ok(match value {
        SigmaValue::String(text) => of_string(text),
        SigmaValue::Integer(number) => vec![Part::Text(number.to_string())],
        SigmaValue::Float(number) => vec![Part::Text(number.to_string())],
        SigmaValue::Bool(truth) => vec![Part::Text(truth.to_string())],
        SigmaValue::Null => return Err(Mistake::new("null can't be combined with modifiers")),
    })
}

fn of_string(text: &SigmaString) -> Parts {
    let part = |part: &StringPart| match part {
        StringPart::Plain(text) => Part::Text(text.clone()),
        StringPart::Special(SpecialChar::WildcardMulti) => Part::Any,
        StringPart::Special(SpecialChar::WildcardSingle) => Part::One,
    };
    text.parts.iter().map(part).collect()
}

/// The value as it stands in a JSON text, if that is another.
pub(crate) fn escaped(parts: &[Part]) -> Option<Parts> {
    let of = |text: &String| {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c => out.push(c),
            }
        }
        out
    };
    let escaped: Parts = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => Part::Text(of(text)),
            other => other.clone(),
        })
        .collect();
    (escaped != parts).then_some(escaped)
}

/// The pattern's text.
pub(crate) fn pattern(parts: &[Part]) -> String {
    let mut pattern = String::new();
    for part in parts {
        match part {
            Part::Any => pattern.push('%'),
            Part::One => pattern.push('_'),
            Part::Text(text) => {
                for c in text.chars() {
                    if matches!(c, '%' | '_' | '\\') {
                        pattern.push('\\');
                    }
                    pattern.push(c);
                }
            }
        }
    }
    pattern
}

/// The one text that the parts are, if there is no wildcard among them.
pub(crate) fn plain(parts: &[Part]) -> Option<String> {
    let mut whole = String::new();
    for part in parts {
        match part {
            Part::Text(text) => whole.push_str(text),
            Part::One | Part::Any => return None,
        }
    }
    Some(whole)
}

fn without_wildcards(parts: &[Part]) -> Result<String, Mistake> {
    plain(parts).ok_or_else(|| {
        Mistake::new("a value that is encoded can't have wildcards; write it without * and ?")
    })
}

/// Each text with every dash that begins an option replaced by each of the dashes.
fn dashed(all: &[Parts]) -> Result<Vec<Parts>, Mistake> {
    let mut made: Vec<Parts> = Vec::new();
    for parts in all {
        for dash in DASHES {
            let replaced: Parts = parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => Part::Text(redash(text, dash)),
                    other => other.clone(),
                })
                .collect();
            if !made.contains(&replaced) {
                made.push(replaced);
            }
        }
    }
    few(made)
}

fn redash(text: &str, dash: char) -> String {
    let mut before = ' ';
    text.chars()
        .map(|c| {
            let begins = before.is_whitespace();
            before = c;
            if begins && DASHES.contains(&c) {
                dash
            } else {
                c
            }
        })
        .collect()
}

fn utf16(text: &str, bytes: impl Fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(bytes);
    if mark {
        [0xff, 0xfe].into_iter().chain(units).collect()
    } else {
        units.collect()
    }
}

/// Bytes as characters of the same number, which is how the encodings that follow take them.
fn bytes(all: &[Parts], encode: impl Fn(&str) -> Vec<u8>) -> Result<Vec<Parts>, Mistake> {
    all.iter()
        .map(|parts| {
            let text = encode(&without_wildcards(parts)?);
            Ok(vec![Part::Text(text.into_iter().map(char::from).collect())])
        })
        .collect()
}

/// The value as base64 has it: at the beginning of what was encoded, or at any place.
fn encoded(all: &[Parts], anywhere: bool) -> Result<Vec<Parts>, Mistake> {
    let mut made = Vec::new();
    for parts in all {
        let text = without_wildcards(parts)?;
        let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
        // What went through `wide` is bytes already; all else is UTF-8.
        let raw = match latin {
            Some(latin) if latin.contains(&0) => latin,
            _ => text.into_bytes(),
        };
        if !anywhere {
            made.push(vec![Part::Text(STANDARD.encode(raw))]);
            continue;
        }
        for offset in 0..3 {
            let shifted = [vec![b' '; offset], raw.clone()].concat();
            let text = STANDARD_NO_PAD.encode(&shifted);
            // What of the first and last characters depends on the neighbours is left out.
            let from = [0, 2, 3].get(offset).copied().unwrap_or_default();
            let whole = shifted.len().is_multiple_of(3);
            let to = text.len().saturating_sub(usize::from(!whole));
            let middle = text.get(from..to).unwrap_or_default();
            if middle.is_empty() {
                return Err(Mistake::new("the value is too short to be found in base64"));
            }
            made.push(vec![Part::Text(middle.to_owned())]);
        }
    }
    few(made)
}

fn few(made: Vec<Parts>) -> Result<Vec<Parts>, Mistake> {
    if made.len() > MOST_VARIANTS {
        return Err(Mistake::new(format!(
            "the modifiers make {} texts of one value, at most {MOST_VARIANTS} are allowed",
            made.len()
        )));
    }
    Ok(made)
}
