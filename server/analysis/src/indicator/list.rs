//! Indicators as lines, each told by its form.

use super::{Atom, Indicator, Test, range};
use crate::question::{Invalid, LONGEST_TEXT, MOST_INDICATORS};

pub(super) fn lines(text: &str) -> Result<Vec<Indicator>, Invalid> {
    let mut out = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if at >= MOST_INDICATORS {
            return Err(Invalid::new(
                "indicators.text",
                format!("has more than {MOST_INDICATORS} lines; ask in parts"),
            ));
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.len() > LONGEST_TEXT {
            return Err(Invalid::new(
                format!("indicators.text line {}", at + 1),
                format!(
                    "has {} bytes, at most {LONGEST_TEXT} are allowed",
                    line.len()
                ),
            ));
        }
        if line.len() < 3 {
            return Err(Invalid::new(
                format!("indicators.text line {}", at + 1),
                format!("is {line:?}, which is too short to tell anything"),
            ));
        }
        out.push(Indicator {
            text: line.to_owned(),
            test: Test::One(atom(line)),
        });
    }
    Ok(out)
}

fn atom(line: &str) -> Atom {
    if let Some(range) = range(line) {
        Atom::Range(range)
    } else if is_hash(line) {
        Atom::Hash(line.to_ascii_lowercase())
    } else if line.contains("://") {
        Atom::Url(line.to_owned())
    } else if is_domain(line) {
        Atom::Domain(line.to_ascii_lowercase())
    } else {
        Atom::Name(line.to_owned())
    }
}

/// MD5, SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512, in hexadecimal.
pub(super) fn is_hash(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128)
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A name of two labels at least, of which the last is no number.
pub(super) fn is_domain(text: &str) -> bool {
    let mut last = "";
    let mut labels = 0;
    for label in text.split('.') {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if label.is_empty() || label.len() > 63 || !label.bytes().all(good) {
            return false;
        }
        labels += 1;
        last = label;
    }
    labels >= 2 && last.len() >= 2 && last.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
        || (labels >= 2 && last.starts_with("xn--"))
}
