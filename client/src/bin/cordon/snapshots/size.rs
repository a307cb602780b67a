//! Numbers of bytes as people write and read them.

use indicatif::HumanBytes;

/// Reads a number of bytes, for clap: as in 104857600, 100M or 1.5GiB. Units are powers of 1024.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    read(text)
        .ok_or_else(|| format!("`{text}` is no number of bytes, as in 104857600, 100M or 1.5GiB"))
}

fn read(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| !(letter.is_ascii_digit() || letter == '.'));
    let (number, unit) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if number.contains('.') && (part.is_empty() || part.len() > 3 || shift == 0) {
        return None;
    }
    let unit = 1_u64 << shift;
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    if part.is_empty() {
        return Some(whole);
    }
    let of = 10_u64.pow(u32::try_from(part.len()).ok()?);
    whole.checked_add(part.parse::<u64>().ok()?.checked_mul(unit)? / of)
}

/// As people read it.
pub(super) fn human(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

/// The same of a number of the wire; nothing for none.
pub(super) fn human_or_none(bytes: i64) -> String {
    match u64::try_from(bytes) {
        Ok(bytes) if bytes > 0 => human(bytes),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes_are_read_as_people_write_them() {
        for (text, expected) in [
            ("1048576", 1_048_576),
            ("1M", 1 << 20),
            ("100mib", 100 << 20),
            ("1.5GiB", 3 << 29),
            ("2T", 2 << 40),
            ("0", 0),
            ("7b", 7),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "M",
            "-1",
            "1.5",
            "1.M",
            "1.2345M",
            "1 M",
            "1X",
            "99999999T",
            "1.2.3M",
        ] {
            assert!(bytes(text).unwrap_err().contains("as in"), "{text}");
        }
        assert_eq!(human(3 << 29), "1.50 GiB");
        assert_eq!(human_or_none(0), "");
    }
}
