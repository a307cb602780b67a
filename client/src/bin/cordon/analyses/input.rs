//! Texts that questions and answers are made of: on the command line, in a file, on stdin.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::detect::files::label;
use crate::failure::Failure;

/// The text of a file, `-` for stdin, of at most so many bytes.
pub(crate) fn file(path: &Path, most: usize) -> Result<String, Failure> {
    let name = label(path);
    let failed = |error: io::Error| Failure::local(format!("{name}: {error}"));
    let source: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(failed)?),
    };
    // One byte more shows that it is too large.
    let limit = u64::try_from(most).map_or(u64::MAX, |most| most.saturating_add(1));
    let mut bytes = Vec::new();
    source.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most {
        let kib = most >> 10;
        return Err(Failure::usage(format!(
            "{name}: it has more than {kib} KiB, which is the most that is taken"
        )));
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{name}: expected text in UTF-8")))
}

/// The text itself, or stdin for `-`.
pub(crate) fn words(given: String, most: usize) -> Result<String, Failure> {
    match given.as_str() {
        "-" => file(Path::new("-"), most),
        _ => Ok(given),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        std::fs::write(&path, "x".repeat(2048)).unwrap();
        assert_eq!(file(&path, 2048).unwrap().len(), 2048);
        let long = file(&path, 2047).unwrap_err();
        assert_eq!(long.code(), 2);
        assert!(long.to_string().contains("1 KiB"), "{long}");
        std::fs::write(&path, b"\xff").unwrap();
        assert_eq!(file(&path, 2048).unwrap_err().code(), 2);
        assert_eq!(file(&folder.path().join("no"), 9).unwrap_err().code(), 1);
        assert_eq!(words("plain".to_owned(), 1).unwrap(), "plain");
    }
}
