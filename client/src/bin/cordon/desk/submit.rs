//! `cordon desk submit`.

use std::path::PathBuf;

use clap::Args;
use cordon_client::analysis::{HandedIn, NewTable};

use crate::analyses::input;
use crate::analyses::which::analysis;
use crate::failure::Failure;

/// Largest findings and largest table, in bytes.
const MOST_FINDINGS: usize = 64 << 10;
const MOST_TABLE: usize = 1 << 20;

/// An answer.
#[derive(Debug, Args)]
pub(super) struct Submit {
    /// Its full name, or its id with --tenant
    #[arg(value_name = "NAME", value_parser = analysis)]
    name: String,
    /// What was found, in words: a file, or `-` for stdin
    #[arg(long, value_name = "FILE")]
    findings: PathBuf,
    /// A table that goes with it: its name, what it says, and a CSV file with a header line. May be
    /// repeated
    #[arg(long, value_name = "NAME=TITLE=FILE", value_parser = table)]
    table: Vec<TableArg>,
    /// What was not looked at; may be repeated
    #[arg(long, value_name = "TEXT")]
    not_examined: Vec<String>,
    /// How it was found: which records were read, with which tools and versions
    #[arg(long, value_name = "TEXT")]
    method: String,
}

/// A table as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TableArg {
    name: String,
    title: String,
    file: PathBuf,
}

/// Reads it, for clap. The title may have a `=` in it.
fn table(text: &str) -> Result<TableArg, String> {
    let parts = text
        .split_once('=')
        .and_then(|(name, rest)| Some((name, rest.rsplit_once('=')?)));
    match parts {
        Some((name, (title, file))) if ![name, title, file].contains(&"") => Ok(TableArg {
            name: name.to_owned(),
            title: title.to_owned(),
            file: file.into(),
        }),
        _ => Err("expected a name, a title and a file, as in hosts=\"Hosts\"=hosts.csv".to_owned()),
    }
}

impl Submit {
    /// The analysis as it was named, and the answer.
    pub(super) fn read(self) -> Result<(String, HandedIn), Failure> {
        let tables = self.table.into_iter().map(|table| {
            Ok::<_, Failure>(NewTable {
                csv: input::file(&table.file, MOST_TABLE)?,
                name: table.name,
                title: table.title,
            })
        });
        let answer = HandedIn {
            findings: input::file(&self.findings, MOST_FINDINGS)?,
            tables: tables.collect::<Result<_, _>>()?,
            not_examined: self.not_examined,
            method: self.method,
        };
        Ok((self.name, answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_name_a_title_and_a_file() {
        let read = table("hosts=Hosts with a=b=out/hosts.csv").unwrap();
        assert_eq!(read.name, "hosts");
        assert_eq!(read.title, "Hosts with a=b");
        assert_eq!(read.file, PathBuf::from("out/hosts.csv"));
        for wrong in ["", "hosts", "hosts=hosts.csv", "=t=f", "n==f", "n=t="] {
            assert!(table(wrong).unwrap_err().contains("hosts.csv"), "{wrong}");
        }
    }
}
