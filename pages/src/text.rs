//! Text that came from people or programs: escaped by the template, harmless by this.

use std::borrow::Cow;
use std::fmt::Write as _;

use maud::{Escaper, Render};

/// Text from elsewhere. What would not be seen as what it is, is spelt out: control characters,
/// marks that turn the direction of writing, and those that are not seen at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a>(pub(crate) &'a str);

impl Render for Words<'_> {
    fn render_to(&self, buffer: &mut String) {
        // Writing to a string does not fail.
        let _ = Escaper::new(buffer).write_str(&visible(self.0));
    }
}

/// The text with such characters spelt out. Line ends and tabs stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            // A line end as some systems write it.
            '\r' if letters.peek() == Some(&'\n') => {}
            letter if is_harmful(letter) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    Cow::Owned(out)
}

fn is_harmful(letter: char) -> bool {
    (letter.is_control() && letter != '\n' && letter != '\t')
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

/// The first letters of a text on one line: for places in a picture, which can't grow.
pub(crate) fn short(text: &str, most: usize) -> String {
    let text = visible(text).replace(['\n', '\t'], " ");
    if text.chars().count() <= most {
        return text;
    }
    let mut out: String = text.chars().take(most.saturating_sub(1)).collect();
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_seen_is_spelt_out() {
        assert_eq!(visible("Zürich\n\t東京"), "Zürich\n\t東京");
        assert_eq!(visible("a\u{1b}[2J\0b"), "a\\u{1b}[2J\\u{0}b");
        assert_eq!(visible("a\r\nb\rc"), "a\nb\\u{d}c");
        assert_eq!(
            visible("\u{202e}x\u{2066}\u{200b}\u{feff}\u{e0041}\u{61c}\u{85}"),
            "\\u{202e}x\\u{2066}\\u{200b}\\u{feff}\\u{e0041}\\u{61c}\\u{85}"
        );
    }

    #[test]
    fn markup_is_text() {
        let page = maud::html! { p title=(Words("\"><b>")) { (Words("</p><script>&\u{7}")) } };
        assert_eq!(
            page.into_string(),
            "<p title=\"&quot;&gt;&lt;b&gt;\">&lt;/p&gt;&lt;script&gt;&amp;\\u{7}</p>"
        );
    }

    #[test]
    fn a_short_text_has_one_line() {
        assert_eq!(short("a\nb", 10), "a b");
        assert_eq!(short("äöüäöü", 4), "äöü…");
    }
}
