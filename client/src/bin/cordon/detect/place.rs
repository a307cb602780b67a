//! Where in a rule's file something is wrong, told and drawn.

use cordon_client::{Error, Reason};

use crate::text::cell;

/// Most characters of a line that are drawn.
const WIDTH: usize = 90;
/// Of a longer line, how many are drawn before the place.
const BEFORE: usize = 60;

/// Line and column, both from 1, that the server names for a rule that it does not understand.
fn place(error: &Error) -> Option<(usize, usize)> {
    if *error.reason() != Reason::InvalidRule {
        return None;
    }
    let number = |key| error.metadata(key)?.parse().ok().filter(|at| *at > 0);
    Some((number("line")?, number("column")?))
}

/// As JSON has them.
pub(super) fn line_and_column(error: &Error) -> (Option<usize>, Option<usize>) {
    place(error).unzip()
}

/// `file:line:column`, or the file alone.
pub(super) fn at(file: &str, error: &Error) -> String {
    match place(error) {
        Some((line, column)) => format!("{file}:{line}:{column}"),
        None => file.to_owned(),
    }
}

/// What is wrong, without the place that the server says before it.
pub(super) fn message(error: &Error) -> &str {
    let said = error.message();
    place(error)
        .and_then(|(line, column)| said.strip_prefix(&format!("line {line}, column {column}: ")))
        .unwrap_or(said)
}

/// The line, and a mark below the place; `None` where the text has no such line.
pub(super) fn drawn(text: &str, error: &Error) -> Option<String> {
    let (line, column) = place(error)?;
    let of = text.lines().nth(line - 1)?;
    // Behind its end is as far as it goes.
    let column = column.min(of.chars().count() + 1);
    let left_out = match column {
        column if column > WIDTH => column - BEFORE,
        _ => 0,
    };
    let ahead = if left_out > 0 { "…" } else { "" };
    let shown: String = of.chars().skip(left_out).take(WIDTH).collect();
    let before: String = shown.chars().take(column - 1 - left_out).collect();
    // As it is shown, where a control character has become several.
    let blanks = ahead.chars().count() + cell(&before).chars().count();
    let number = line.to_string();
    let margin = number.len();
    Some(format!(
        " {:margin$} |\n {number} | {ahead}{}\n {:margin$} | {:blanks$}^",
        "",
        cell(&shown),
        "",
        "",
    ))
}

/// The same below the name of the file.
pub(crate) fn drawn_of(file: &str, text: &str, error: &Error) -> String {
    let at = format!("  --> {}", at(file, error));
    match drawn(text, error) {
        Some(drawn) => format!("{at}\n{drawn}"),
        None => at,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    fn refused(reason: &str, line: &str, column: &str) -> Error {
        let place = [("line", line), ("column", column)];
        let place = place.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, "cordon", HashMap::from(place));
        let message = format!("line {line}, column {column}: expected a condition");
        Status::with_error_details(Code::InvalidArgument, message, details).into()
    }

    const RULE: &str = "title: Example\r\ndetection:\n\tcondition: 1\u{1b}f x\n";

    #[test]
    fn the_place_is_drawn() {
        let error = refused("INVALID_RULE", "2", "5");
        assert_eq!(at("a.yml", &error), "a.yml:2:5");
        assert_eq!(message(&error), "expected a condition");
        assert_eq!(
            drawn_of("a.yml", RULE, &error),
            "  --> a.yml:2:5\n   |\n 2 | detection:\n   |     ^"
        );
        // A tab is one blank, and what commands a terminal is shown.
        let error = refused("INVALID_RULE", "3", "15");
        assert_eq!(
            drawn(RULE, &error).unwrap(),
            "   |\n 3 |  condition: 1\\u001bf x\n   |                    ^"
        );
        // Behind the end of a line.
        let error = refused("INVALID_RULE", "1", "15");
        assert!(drawn(RULE, &error).unwrap().ends_with(" |               ^"));
    }

    #[test]
    fn of_a_long_line_a_part_is_drawn() {
        let text = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let drawn = drawn(&text, &refused("INVALID_RULE", "1", "501")).unwrap();
        let lines: Vec<_> = drawn.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.chars().count() < 100));
        let at = lines[1].chars().position(|letter| letter == '!');
        assert_eq!(lines[2].chars().position(|letter| letter == '^'), at);
    }

    #[test]
    fn a_place_that_is_not_there_is_not_drawn() {
        for (line, column) in [("9", "1"), ("0", "0"), ("x", "1"), ("1", ""), ("-1", "1")] {
            assert_eq!(drawn(RULE, &refused("INVALID_RULE", line, column)), None);
        }
        // Nor is a place in something else.
        let other = refused("INVALID_FILTER", "2", "5");
        assert_eq!(drawn_of("a.yml", RULE, &other), "  --> a.yml");
        assert_eq!(line_and_column(&other), (None, None));
        let far = refused("INVALID_RULE", "1", &usize::MAX.to_string());
        assert!(
            drawn(RULE, &far)
                .unwrap()
                .ends_with("Example\n   |               ^")
        );
    }
}
