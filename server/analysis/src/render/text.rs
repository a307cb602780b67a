//! Text that came with events: escaped by the template, harmless by this.

use std::borrow::Cow;
use std::fmt::Write as _;

use maud::{Escaper, Render};

/// Text from elsewhere. What would not be seen as what it is, is spelt out: control characters,
/// marks that turn the direction of writing, and those that are not seen at all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a>(pub(super) &'a str);

impl Render for Words<'_> {
    fn render_to(&self, buffer: &mut String) {
        // Writing to a string does not fail.
        let _ = Escaper::new(buffer).write_str(&visible(self.0));
    }
}

fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_harmful(letter) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(letter));
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

fn is_harmful(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The first letters of a text: for places in a picture, which can't grow.
pub(super) fn short(text: &str, most: usize) -> String {
    let text = visible(text);
    if text.chars().count() <= most {
        return text.into_owned();
    }
    let mut out: String = text.chars().take(most.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// The last letters of a text: of ARNs they say most.
pub(super) fn short_end(text: &str, most: usize) -> String {
    let text = visible(text);
    let count = text.chars().count();
    if count <= most {
        return text.into_owned();
    }
    let kept: String = text.chars().skip(count + 1 - most).collect();
    format!("…{kept}")
}

/// A number as it stands in a picture.
pub(super) fn n(number: f64) -> String {
    format!("{number:.1}")
}

/// A small number as a place in a picture.
pub(super) fn f(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_seen_is_spelt_out() {
        assert_eq!(visible("a\u{1b}[2J\n"), "a\\u{1b}[2J\\u{a}");
        assert_eq!(visible("\u{202e}x\u{feff}"), "\\u{202e}x\\u{feff}");
        assert_eq!(short("äöüäöü", 4), "äöü…");
        assert_eq!(short_end("abcdef", 4), "…def");
    }
}
