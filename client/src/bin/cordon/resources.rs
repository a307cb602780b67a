//! `cordon admin resources`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use cordon_client::Resource;
use cordon_client::time::to_proto;
use serde::Deserialize;
use serde_json::json;

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::when;

/// What can be done with resources.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add the resources of a file to a tenant's directory; what is there already stays
    #[command(after_help = FILES)]
    Import {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
        /// CSV or JSON
        file: PathBuf,
    },
    /// A tenant's resources
    List {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
    },
    /// End a resource's validity
    Remove {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
        /// Its id, as `list` shows it
        resource: String,
    },
}

const FILES: &str = "\
A CSV file has a header line with the columns identifier, and optionally kind, start_time and
end_time. A JSON file is a list of objects with these keys, or has one such object a line.
kind is arn, instance, address or other; when it is missing it is told from the identifier.
Times are as in 2023-07-10T11:45:00Z; without them the resource is the tenant's always.";

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let output = &context.output;
    match command {
        Command::Import { of, file } => {
            // Read before anything is sent, so that a file is taken in whole or not at all.
            let resources = read(&file)?;
            let admin = context.client().await?.tenants();
            let answer = admin.import_resources(&of, &resources).await?;
            let (created, unchanged) = (answer.created_count, answer.unchanged_count);
            output.done(
                &format!("{created} added, {unchanged} were there already"),
                &json!({ "created_count": created, "unchanged_count": unchanged }),
            )
        }
        Command::List { of } => {
            let admin = context.client().await?.tenants();
            output.list(admin.list_resources(&of)).await
        }
        Command::Remove { of, resource } => {
            let admin = context.client().await?.tenants();
            output.one(&admin.delete_resource(&of, &resource).await?)
        }
    }
}

/// A row or object of a file.
#[derive(Debug, Deserialize)]
struct Entry {
    identifier: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default, alias = "from")]
    start_time: Option<String>,
    #[serde(default, alias = "to")]
    end_time: Option<String>,
}

fn read(path: &Path) -> Result<Vec<Resource>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::local(format!("{}: {error}", path.display())))?;
    parse(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn parse(text: &str) -> Result<Vec<Resource>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let entries = match text.trim_start().chars().next() {
        Some('[') => serde_json::from_str(text).map_err(|error| error.to_string())?,
        Some('{') => serde_json::Deserializer::from_str(text)
            .into_iter::<Entry>()
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?,
        _ => rows(text)?,
    };
    entries
        .into_iter()
        .enumerate()
        .map(|(at, entry)| resource(entry).map_err(|error| format!("entry {}: {error}", at + 1)))
        .collect()
}

fn rows(text: &str) -> Result<Vec<Entry>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    reader
        .deserialize()
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())
}

fn resource(entry: Entry) -> Result<Resource, String> {
    let identifier = entry.identifier.trim().to_owned();
    if identifier.is_empty() {
        return Err("the identifier is empty".to_owned());
    }
    let kind = match entry.kind.filter(|kind| !kind.is_empty()) {
        Some(kind) if ["arn", "instance", "address", "other"].contains(&kind.as_str()) => kind,
        Some(kind) => {
            return Err(format!(
                "kind `{kind}` is none of arn, instance, address, other"
            ));
        }
        None => kind_of(&identifier).to_owned(),
    };
    let time = |text: Option<String>| match text.filter(|text| !text.is_empty()) {
        Some(text) => when::moment(&text).map(|time| Some(to_proto(time))),
        None => Ok(None),
    };
    Ok(Resource {
        name: String::new(),
        kind,
        identifier,
        start_time: time(entry.start_time)?,
        end_time: time(entry.end_time)?,
    })
}

fn kind_of(identifier: &str) -> &'static str {
    let address = identifier.split('/').next().unwrap_or_default();
    if identifier.starts_with("arn:") {
        "arn"
    } else if address.parse::<std::net::IpAddr>().is_ok() {
        "address"
    } else if identifier.starts_with("i-") {
        "instance"
    } else {
        "other"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, String)> {
        parse(text)
            .unwrap()
            .into_iter()
            .map(|resource| (resource.kind, resource.identifier))
            .collect()
    }

    #[test]
    fn csv_and_json_say_the_same() {
        let expected = [
            ("address", "10.1.2.3"),
            ("arn", "arn:aws:s3:::b"),
            ("instance", "i-0a"),
        ]
        .map(|(kind, identifier)| (kind.to_owned(), identifier.to_owned()));
        let csv = "\u{feff}identifier,kind,start_time\n10.1.2.3,,2023-01-01\n\"arn:aws:s3:::b\",arn,\ni-0a, ,\n";
        let list =
            r#"[{"identifier":"10.1.2.3"},{"identifier":"arn:aws:s3:::b"},{"identifier":"i-0a"}]"#;
        let lines = "{\"identifier\":\"10.1.2.3\"}\n{\"identifier\":\"arn:aws:s3:::b\"}\n{\"identifier\":\"i-0a\"}\n";
        for text in [csv, list, lines] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn times_are_kept() {
        let csv = "identifier,from,to\n2001:db8::/32,2023-01-01T00:00:00Z,\n";
        let resource = parse(csv).unwrap().remove(0);
        assert_eq!(resource.kind, "address");
        assert_eq!(resource.start_time.unwrap().seconds, 1_672_531_200);
        assert_eq!(resource.end_time, None);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, part) in [
            ("identifier,kind\na,host\n", "entry 1: kind `host`"),
            ("identifier\n\"\"\n", "entry 1: the identifier is empty"),
            ("kind\narn\n", "identifier"),
            (
                "identifier,start_time\na,whenever\n",
                "entry 1: expected a time",
            ),
            ("[{\"identifier\":1}]", "line 1"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(parse("").unwrap().is_empty());
    }
}
