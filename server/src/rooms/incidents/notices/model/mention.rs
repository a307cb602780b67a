//! Names that comments mention, as in `@alice`.

/// Longest name, in characters.
const MAX_HANDLE: usize = 64;

/// Whether a text can be mentioned.
pub(in super::super) fn is_handle(text: &str) -> bool {
    (1..=MAX_HANDLE).contains(&text.len())
        && text.bytes().all(part)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// Whether a comment mentions a name; upper and lower case are the same. `@alice.` at the end of a
/// sentence mentions `alice`, `bob@alice` is an address and mentions nobody.
pub(in super::super) fn mentions(text: &str, handle: &str) -> bool {
    let mut before = None;
    let mut rest = text;
    while let Some((ahead, behind)) = rest.split_once('@') {
        let last = ahead.chars().next_back().or(before);
        before = Some('@');
        rest = behind;
        if last.is_some_and(|c| c.is_alphanumeric() || c == '@') {
            continue;
        }
        let length = behind.bytes().take_while(|byte| part(*byte)).count();
        let name = behind.get(..length).unwrap_or_default();
        let name = name.trim_end_matches(['.', '_', '-']);
        if name.eq_ignore_ascii_case(handle) {
            return true;
        }
    }
    false
}
