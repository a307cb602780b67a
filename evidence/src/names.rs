//! Names of items, which become names of files on somebody's machine, and words of people.

/// Most bytes of an item's name.
pub const MAX_NAME: usize = 255;
/// Most bytes of a text.
pub const MAX_TEXT: usize = 1_024;

/// Names that some system gives to devices, whatever stands behind a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Why a name can't be an item's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// It is empty or too long.
    #[error("a name has 1 to 255 bytes")]
    Length,
    /// It has a letter that names do not have.
    #[error(
        "a name is made of ASCII letters, digits, `.`, `_` and `-`, and begins with a letter or digit"
    )]
    Letter,
    /// Its dots mean something to a file system.
    #[error("a name has no two dots in a row and none at its end")]
    Dots,
    /// Some system has another use for it.
    #[error("some systems keep this name for a device")]
    Reserved,
}

/// Checks the name of an item: whatever the system, a file of this name lies in the folder that
/// it is put into, and is a file. Few letters are allowed rather than many forbidden.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), NameProblem> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(NameProblem::Length);
    }
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let begins = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if !begins || !name.bytes().all(letter) {
        return Err(NameProblem::Letter);
    }
    if name.contains("..") || name.ends_with('.') {
        return Err(NameProblem::Dots);
    }
    let stem = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    let port = |prefix| {
        let number = stem.strip_prefix(prefix);
        number.is_some_and(|number: &str| matches!(number.as_bytes(), [b'0'..=b'9']))
    };
    if DEVICES.contains(&stem.as_str()) || port("com") || port("lpt") {
        return Err(NameProblem::Reserved);
    }
    Ok(())
}

/// Whether a text can be shown as it stands: not empty, not too long, one line, and nothing in
/// it that makes a screen show something else.
#[must_use]
pub fn is_text(text: &str) -> bool {
    let hidden = |letter: char| {
        letter.is_control()
            || matches!(
                letter,
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            )
    };
    !text.trim().is_empty() && text.len() <= MAX_TEXT && !text.contains(hidden)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_files_pass() {
        let longest = "a".repeat(255);
        for name in [
            "disk-0.raw",
            "memory.elf",
            "a",
            "0",
            "A_b.c-d",
            "common",
            "com",
            "com10",
            "nul1",
            &longest,
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn tricks_are_refused() {
        use NameProblem::{Dots, Length, Letter, Reserved};
        let long = "a".repeat(256);
        for (name, problem) in [
            ("", Length),
            (&*long, Length),
            ("/etc/passwd", Letter),
            ("a/b", Letter),
            ("a\\b", Letter),
            ("..", Letter),
            (".", Letter),
            (".ssh", Letter),
            ("-rf", Letter),
            ("~root", Letter),
            ("C:", Letter),
            ("a:stream", Letter),
            ("a b", Letter),
            ("a\0", Letter),
            ("a\n", Letter),
            ("a\u{202e}fdp.exe", Letter),
            ("dısk", Letter),
            ("a..b", Dots),
            ("a.", Dots),
            ("CON", Reserved),
            ("nul.raw", Reserved),
            ("Com1.tar.gz", Reserved),
            ("lpt9", Reserved),
        ] {
            assert_eq!(check_name(name), Err(problem), "{name:?}");
        }
    }

    #[test]
    fn texts_are_one_visible_line() {
        for text in ["Ada Lovelace", "Ä. Öçalan <x@y>", "調査"] {
            assert!(is_text(text), "{text}");
        }
        let long = "a".repeat(MAX_TEXT + 1);
        for text in [
            "",
            "  ",
            "a\nb",
            "a\u{1b}[2J",
            "a\u{202e}b",
            "a\u{200b}",
            "\u{feff}a",
            &long,
        ] {
            assert!(!is_text(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_passes_stays_in_its_folder(name in any::<String>()) {
            if check_name(&name).is_ok() {
                let path = std::path::Path::new("/folder").join(&name);
                prop_assert_eq!(path.parent(), Some(std::path::Path::new("/folder")));
                prop_assert_eq!(path.file_name().and_then(|name| name.to_str()), Some(name.as_str()));
            }
        }
    }
}
