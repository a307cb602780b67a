//! What people write, from the command line, a file or stdin; and how it is laid out.

use std::fs::File;
use std::io::{self, Read};

use crate::failure::Failure;
use crate::text::visible;

/// Columns of a page.
const WIDTH: usize = 100;
/// More bytes than the longest text that is taken can have.
const MAX_BYTES: u64 = 100_000;

/// The text itself, or stdin for `-`.
pub(crate) fn read(given: String) -> Result<String, Failure> {
    match given.as_str() {
        "-" => all("stdin", io::stdin().lock()),
        _ => Ok(given),
    }
}

/// The same, or a file for `@FILE`.
pub(crate) fn read_or_file(given: String) -> Result<String, Failure> {
    let Some(path) = given.strip_prefix('@') else {
        return read(given);
    };
    let file = File::open(path).map_err(|error| Failure::local(format!("{path}: {error}")))?;
    all(path, file)
}

fn all(from: &str, source: impl Read) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    source
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::local(format!("{from}: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::usage(format!(
            "{from}: at most 20,000 characters are taken: shorten it"
        )));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("{from}: expected text in UTF-8")))?;
    Ok(text.replace("\r\n", "\n"))
}

/// The text in lines of a page, harmless to a terminal: the first begins at one column, all that
/// follow at another.
pub(crate) fn laid_out(text: &str, first: usize, rest: usize) -> Vec<String> {
    let room = WIDTH - first.max(rest);
    let mut lines = Vec::new();
    let mut end = |line: &mut String| {
        let column = if lines.is_empty() { first } else { rest };
        let indented = format!("{:column$}{line}", "");
        lines.push(indented.trim_end().to_owned());
        line.clear();
    };
    for row in visible(text).replace('\t', "    ").split('\n') {
        let mut line = String::new();
        if row.chars().count() <= room {
            line.push_str(row);
            end(&mut line);
            continue;
        }
        let mut used = 0;
        for word in row.split(' ') {
            if used > 0 && used + 1 + word.chars().count() > room {
                end(&mut line);
                used = 0;
            } else if used > 0 {
                line.push(' ');
                used += 1;
            }
            for letter in word.chars() {
                if used == room {
                    end(&mut line);
                    used = 0;
                }
                line.push(letter);
                used += 1;
            }
        }
        end(&mut line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_no_wider_than_it_is() {
        let words = "word ".repeat(60);
        let long = "x".repeat(250);
        for text in [
            words.as_str(),
            &long,
            &format!("a {long} b"),
            &"ü".repeat(150),
        ] {
            let lines = laid_out(text, 2, 6);
            assert!(lines.len() > 1);
            for (at, line) in lines.iter().enumerate() {
                assert!(line.chars().count() <= WIDTH, "{line}");
                let indent = if at == 0 { 2 } else { 6 };
                assert!(line.starts_with(&" ".repeat(indent)), "{line}");
            }
            let letters = |text: &str| text.replace([' ', '\n'], "");
            assert_eq!(letters(&lines.join("\n")), letters(text));
        }
        assert_eq!(laid_out("a\n\n  b", 1, 3), [" a", "", "     b"]);
        assert_eq!(laid_out("", 2, 2), [""]);
        assert_eq!(laid_out("\u{1b}[2J\r", 0, 0), ["\\u001b[2J\\u000d"]);
    }

    #[test]
    fn a_text_is_said_or_lies_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        let given = format!("@{}", path.display());
        assert_eq!(read("@mine".to_owned()).unwrap(), "@mine");
        assert_eq!(read_or_file("plain".to_owned()).unwrap(), "plain");
        assert_eq!(read_or_file(given.clone()).unwrap_err().code(), 1);
        std::fs::write(&path, "a\r\nb\n").unwrap();
        assert_eq!(read_or_file(given.clone()).unwrap(), "a\nb\n");
        std::fs::write(&path, "x".repeat(100_001)).unwrap();
        assert_eq!(read_or_file(given.clone()).unwrap_err().code(), 2);
        std::fs::write(&path, b"\xff").unwrap();
        assert_eq!(read_or_file(given).unwrap_err().code(), 2);
    }
}
