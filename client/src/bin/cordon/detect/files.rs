//! Rules' files: one rule each, alone or in folders.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Largest rule that the server takes, in bytes.
const MAX_BYTES: u64 = 64 << 10;
/// Most files of one command.
const MAX_FILES: usize = 10_000;

/// The text of a rule's file, `-` for stdin; or what is wrong with it.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let source: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(|error| error.to_string())?),
    };
    let mut bytes = Vec::new();
    source
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("a rule has at most 64 KiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "expected text in UTF-8".to_owned())
}

/// The same where there is nothing to go on with.
pub(crate) fn text_of(path: &Path) -> Result<String, Failure> {
    text(path).map_err(|error| Failure::local(format!("{}: {error}", label(path))))
}

/// What a file is called in what is said about it.
pub(crate) fn label(path: &Path) -> String {
    match path.as_os_str() == "-" {
        true => "stdin".to_owned(),
        false => path.display().to_string(),
    }
}

/// The files that were given, and those in the folders that were given, whatever folder within them
/// they are in; each once.
pub(crate) fn collect(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut known = HashSet::new();
    for path in given {
        let failed = |error: io::Error| Failure::local(format!("{}: {error}", path.display()));
        let found =
            match path.as_os_str() != "-" && std::fs::metadata(path).map_err(failed)?.is_dir() {
                true => within(path)?,
                false => vec![path.clone()],
            };
        files.extend(found.into_iter().filter(|file| known.insert(file.clone())));
    }
    if files.len() > MAX_FILES {
        return Err(too_many());
    }
    Ok(files)
}

fn too_many() -> Failure {
    Failure::usage(format!("more than {MAX_FILES} files: give fewer at once"))
}

/// The rules' files of a folder and of the folders in it, in the order of their names. What is
/// hidden, and links to other folders, are left out.
fn within(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let failed = |error: io::Error| Failure::local(format!("{}: {error}", next.display()));
        for entry in std::fs::read_dir(&next).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push(path);
            } else if is_rule(&path) && path.is_file() {
                files.push(path);
            }
            if files.len() > MAX_FILES || folders.len() > MAX_FILES {
                return Err(too_many());
            }
        }
    }
    if files.is_empty() {
        return Err(Failure::usage(format!(
            "{}: no file in it ends in .yml or .yaml",
            folder.display()
        )));
    }
    files.sort();
    Ok(files)
}

/// Whether a file is named as a rule's.
pub(super) fn is_rule(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ["yml", "yaml"].contains(&ending.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_gone_through_and_each_file_comes_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for inner in ["rules/cloud/deep", "rules/.git", "empty"] {
            std::fs::create_dir_all(at(inner)).unwrap();
        }
        for name in [
            "one.txt",
            "rules/b.yml",
            "rules/cloud/a.YAML",
            "rules/cloud/deep/c.yml",
            "rules/.git/no.yml",
            "rules/.no.yml",
            "rules/README.md",
        ] {
            std::fs::write(at(name), "title: Example").unwrap();
        }
        // A folder that is in itself does not go on for ever.
        #[cfg(unix)]
        std::os::unix::fs::symlink(at("rules"), at("rules/cloud/again.yml")).unwrap();

        let given = [at("one.txt"), at("rules"), at("rules/b.yml"), "-".into()];
        let names = ["one.txt", "rules/b.yml", "rules/cloud/a.YAML"];
        let mut expected: Vec<_> = names.iter().map(|name| at(name)).collect();
        expected.extend([at("rules/cloud/deep/c.yml"), "-".into()]);
        assert_eq!(collect(&given).unwrap(), expected);

        assert_eq!(collect(&[at("empty")]).unwrap_err().code(), 2);
        let missing = collect(&[at("missing.yml")]).unwrap_err();
        assert_eq!(missing.code(), 1);
        assert!(missing.to_string().contains("missing.yml"));
    }

    #[test]
    fn what_is_no_text_of_a_rule_is_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rule.yml");
        std::fs::write(&path, "x".repeat(64 << 10)).unwrap();
        assert_eq!(text(&path).unwrap().len(), 64 << 10);
        std::fs::write(&path, "x".repeat((64 << 10) + 1)).unwrap();
        assert!(text(&path).unwrap_err().contains("64 KiB"));
        std::fs::write(&path, b"\xff").unwrap();
        assert!(text(&path).unwrap_err().contains("UTF-8"));
        let failure = text_of(&folder.path().join("missing.yml")).unwrap_err();
        assert!(failure.to_string().contains("missing.yml: "), "{failure}");
    }
}
