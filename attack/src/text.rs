//! Text that came from people: on one line, short, and harmless in a picture or a terminal.

use std::fmt::Write as _;

/// The first letters of a text on one line. What would not be seen as what it is, is spelt out:
/// control characters, marks that turn the direction of writing, those that are not seen at all,
/// and those that XML does not know.
pub(crate) fn short(text: &str, most: usize) -> String {
    let mut out = String::new();
    // Each letter makes at least one: what is beyond plays no part.
    for letter in text.chars().take(most.saturating_add(1)) {
        match letter {
            '\n' | '\r' | '\t' => out.push(' '),
            // Writing to a string does not fail.
            letter if is_harmful(letter) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    if out.chars().nth(most).is_none() {
        return out;
    }
    let mut cut: String = out.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
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
                | '\u{fff9}'..='\u{ffff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_seen_is_spelt_out() {
        assert_eq!(short("Zürich\n東京", 80), "Zürich 東京");
        assert_eq!(short("a\u{1b}[2J\0b", 80), "a\\u{1b}[2J\\u{0}b");
        assert_eq!(short("\u{202e}x\u{ffff}", 80), "\\u{202e}x\\u{ffff}");
        assert_eq!(short("äöüäöü", 4), "äöü…");
        assert_eq!(short("äöüä", 4), "äöüä");
        assert_eq!(short("\0\0\0", 6), "\\u{0}…");
    }
}
