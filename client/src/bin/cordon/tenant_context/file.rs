//! Files of assets: an inventory as CSV or JSON.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use cordon_client::{Asset, ContextAbout, ContextEntry};
use serde::Deserialize;

use crate::detect::files::label;
use crate::failure::Failure;

/// Largest file, in bytes: more assets than there can be do not need it.
const MAX_BYTES: u64 = 64 << 20;

pub(super) const FORMS: &str = "\
A CSV file has a header line with the columns name and identifiers, and optionally role,
operating_system, owner_contact, crown_jewel and note; several identifiers are parted by spaces. A JSON
file is a list of objects with these keys, or has one such object a line; there identifiers is a list or
such a text. crown_jewel is true or false, yes or no; without it, it is false. As in:
  name,identifiers,role,operating_system,owner_contact,crown_jewel
  payroll,arn:aws:s3:::payroll i-0abc 192.0.2.10,wages,Debian 12,payroll@example.com,yes";

/// A row or object of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(alias = "display_name")]
    name: String,
    #[serde(alias = "identifier")]
    identifiers: Texts,
    #[serde(default)]
    role: String,
    #[serde(default, alias = "os")]
    operating_system: String,
    #[serde(default, alias = "owner")]
    owner_contact: String,
    #[serde(default)]
    crown_jewel: Flag,
    #[serde(default)]
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Texts {
    Each(Vec<String>),
    Together(String),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Flag {
    Said(bool),
    Word(String),
}

impl Default for Flag {
    fn default() -> Self {
        Self::Said(false)
    }
}

/// All assets of a file, `-` for stdin.
pub(super) fn read(path: &Path) -> Result<Vec<ContextEntry>, Failure> {
    let failed = |error: io::Error| Failure::local(format!("{}: {error}", label(path)));
    let source: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(failed)?),
    };
    let mut bytes = Vec::new();
    source
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let wrong = |text: String| Failure::usage(format!("{}: {text}", label(path)));
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong("a file of assets has at most 64 MiB".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("expected text in UTF-8".to_owned()))?;
    parse(&text).map_err(wrong)
}

fn parse(text: &str) -> Result<Vec<ContextEntry>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let rows: Vec<Row> = match text.trim_start().chars().next() {
        Some('[') => serde_json::from_str(text).map_err(|error| error.to_string())?,
        Some('{') => serde_json::Deserializer::from_str(text)
            .into_iter::<Row>()
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?,
        _ => csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes())
            .deserialize()
            .collect::<Result<_, _>>()
            .map_err(|error: csv::Error| error.to_string())?,
    };
    if rows.is_empty() {
        return Err("there is no asset in it".to_owned());
    }
    let mut names = HashSet::new();
    let mut assets = Vec::with_capacity(rows.len());
    for (at, row) in rows.into_iter().enumerate() {
        let asset = asset(row).map_err(|error| format!("asset {}: {error}", at + 1))?;
        if !names.insert(asset.display_name.clone()) {
            let name = &asset.display_name;
            return Err(format!("asset {}: another one is called `{name}`", at + 1));
        }
        assets.push(asset);
    }
    Ok(assets)
}

fn asset(row: Row) -> Result<ContextEntry, String> {
    let name = row.name.trim().to_owned();
    if name.is_empty() {
        return Err("it has no name".to_owned());
    }
    let identifiers: Vec<String> = match row.identifiers {
        Texts::Each(each) => each,
        Texts::Together(text) => text.split_whitespace().map(str::to_owned).collect(),
    };
    if identifiers.is_empty() {
        return Err("it has no identifier".to_owned());
    }
    let crown_jewel = match row.crown_jewel {
        Flag::Said(said) => said,
        Flag::Word(word) => match word.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => true,
            "false" | "no" | "0" | "" => false,
            _ => return Err(format!("crown_jewel is `{word}`: expected yes or no")),
        },
    };
    Ok(ContextEntry {
        display_name: name,
        note: row.note,
        about: Some(ContextAbout::Asset(Asset {
            identifiers,
            role: row.role,
            operating_system: row.operating_system,
            owner_contact: row.owner_contact,
            crown_jewel,
        })),
        ..ContextEntry::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assets(text: &str) -> Vec<(String, Asset)> {
        let entries = parse(text).unwrap().into_iter();
        let asset = |entry: ContextEntry| match entry.about {
            Some(ContextAbout::Asset(asset)) => (entry.display_name, asset),
            other => panic!("{other:?}"),
        };
        entries.map(asset).collect()
    }

    #[test]
    fn csv_and_json_say_the_same() {
        let csv = "name,identifiers,role,operating_system,crown_jewel\n\
                   payroll, arn:aws:s3:::payroll 192.0.2.10 ,wages,Debian 12,yes\nweb,i-0abc,,,\n";
        let json = r#"[{"name": "payroll", "identifiers": ["arn:aws:s3:::payroll", "192.0.2.10"],
            "role": "wages", "os": "Debian 12", "crown_jewel": true},
            {"name": "web", "identifiers": "i-0abc"}]"#;
        let lines = "{\"name\": \"payroll\", \"identifiers\": \"arn:aws:s3:::payroll 192.0.2.10\", \
                     \"role\": \"wages\", \"operating_system\": \"Debian 12\", \"crown_jewel\": \"yes\"}\n\
                     {\"display_name\": \"web\", \"identifier\": \"i-0abc\", \"crown_jewel\": false}\n";
        let all = assets(csv);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].1.identifiers, ["arn:aws:s3:::payroll", "192.0.2.10"]);
        assert!(all[0].1.crown_jewel && !all[1].1.crown_jewel);
        assert_eq!(assets(json), all);
        assert_eq!(assets(lines), all);
        assert_eq!(assets(&format!("\u{feff}{csv}")), all);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, expected) in [
            ("name,identifiers\na,x\na,y\n", "asset 2: another one"),
            ("name,identifiers\n,x\n", "asset 1: it has no name"),
            ("name,identifiers\na,\n", "asset 1: it has no identifier"),
            (
                "name,identifiers,crown_jewel\na,x,perhaps\n",
                "expected yes or no",
            ),
            ("name,identifiers,colour\na,x,red\n", "colour"),
            ("name,identifiers\n", "no asset"),
            ("[]", "no asset"),
            ("[{\"name\": 3}]", "invalid type"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
