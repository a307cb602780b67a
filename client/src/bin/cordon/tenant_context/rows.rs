//! What was told as rows, as JSON and as pages.

use cordon_client::{ContextAbout, ContextEntry};
use serde_json::{Value, json};

use crate::detect::page::{pairs, part};
use crate::incidents::prose::laid_out;
use crate::incidents::show::moment;
use crate::output::Row;
use crate::show::{or_null, short, time_json};
use crate::text::cell;

/// An asset.
#[derive(Debug)]
pub(super) struct Asset(pub(super) ContextEntry);

/// Planned work.
#[derive(Debug)]
pub(super) struct Work(pub(super) ContextEntry);

/// A trusted network.
#[derive(Debug)]
pub(super) struct Network(pub(super) ContextEntry);

impl Row for Asset {
    const HEAD: &'static [&'static str] = &[
        "name",
        "crown jewel",
        "role",
        "system",
        "owner",
        "identifiers",
        "id",
    ];

    fn cells(&self) -> Vec<String> {
        let asset = match &self.0.about {
            Some(ContextAbout::Asset(asset)) => asset.clone(),
            _ => cordon_client::Asset::default(),
        };
        vec![
            self.0.display_name.clone(),
            yes(asset.crown_jewel),
            asset.role,
            asset.operating_system,
            asset.owner_contact,
            asset.identifiers.join(" "),
            short(&self.0.name),
        ]
    }

    fn json(&self) -> Value {
        document(&self.0)
    }
}

impl Row for Work {
    const HEAD: &'static [&'static str] = &[
        "name",
        "from",
        "to",
        "who",
        "what",
        "to what",
        "reference",
        "id",
    ];

    fn cells(&self) -> Vec<String> {
        let work = match &self.0.about {
            Some(ContextAbout::PlannedWork(work)) => work.clone(),
            _ => cordon_client::PlannedWork::default(),
        };
        vec![
            self.0.display_name.clone(),
            moment(work.start_time.as_ref()),
            moment(work.end_time.as_ref()),
            work.principals.join(" "),
            work.operations.join(" "),
            work.resources.join(" "),
            work.reference,
            short(&self.0.name),
        ]
    }

    fn json(&self) -> Value {
        document(&self.0)
    }
}

impl Row for Network {
    const HEAD: &'static [&'static str] = &["name", "networks", "until", "id"];

    fn cells(&self) -> Vec<String> {
        let network = match &self.0.about {
            Some(ContextAbout::TrustedNetwork(network)) => network.clone(),
            _ => cordon_client::TrustedNetwork::default(),
        };
        vec![
            self.0.display_name.clone(),
            network.cidrs.join(" "),
            moment(network.expire_time.as_ref()),
            short(&self.0.name),
        ]
    }

    fn json(&self) -> Value {
        document(&self.0)
    }
}

fn yes(said: bool) -> String {
    match said {
        true => "yes".to_owned(),
        false => String::new(),
    }
}

fn document(entry: &ContextEntry) -> Value {
    let (kind, about) = match &entry.about {
        Some(ContextAbout::Asset(asset)) => (
            "asset",
            json!({
                "identifiers": asset.identifiers,
                "role": or_null(asset.role.clone()),
                "operating_system": or_null(asset.operating_system.clone()),
                "owner_contact": or_null(asset.owner_contact.clone()),
                "crown_jewel": asset.crown_jewel,
            }),
        ),
        Some(ContextAbout::PlannedWork(work)) => (
            "planned_work",
            json!({
                "start_time": time_json(work.start_time.as_ref()),
                "end_time": time_json(work.end_time.as_ref()),
                "principals": work.principals,
                "operations": work.operations,
                "resources": work.resources,
                "reference": or_null(work.reference.clone()),
            }),
        ),
        Some(ContextAbout::TrustedNetwork(network)) => (
            "trusted_network",
            json!({
                "cidrs": network.cidrs,
                "expire_time": time_json(network.expire_time.as_ref()),
            }),
        ),
        None => ("unknown", Value::Null),
    };
    json!({
        "name": entry.name,
        "display_name": entry.display_name,
        "note": or_null(entry.note.clone()),
        kind: about,
        "create_time": time_json(entry.create_time.as_ref()),
        "update_time": time_json(entry.update_time.as_ref()),
        "updated_by": entry.updated_by,
        "etag": entry.etag,
    })
}

/// The whole of an entry, for people.
pub(super) fn page(entry: &ContextEntry) -> String {
    let mut lines = laid_out(&cell(&entry.display_name), 0, 4);
    lines.push(cell(&entry.name));
    let changed = format!(
        "{} by {}",
        moment(entry.update_time.as_ref()),
        entry.updated_by
    );
    let mut said = match &entry.about {
        Some(ContextAbout::Asset(asset)) => vec![
            ("crown jewel", yes(asset.crown_jewel)),
            ("role", asset.role.clone()),
            ("system", asset.operating_system.clone()),
            ("owner", asset.owner_contact.clone()),
        ],
        Some(ContextAbout::PlannedWork(work)) => vec![
            ("from", moment(work.start_time.as_ref())),
            ("to", moment(work.end_time.as_ref())),
            ("reference", work.reference.clone()),
        ],
        Some(ContextAbout::TrustedNetwork(network)) => {
            vec![("until", moment(network.expire_time.as_ref()))]
        }
        None => Vec::new(),
    };
    said.extend([
        ("note", entry.note.clone()),
        ("told", moment(entry.create_time.as_ref())),
        ("changed", changed),
        ("etag", entry.etag.clone()),
    ]);
    lines.extend(pairs(&said));
    match &entry.about {
        Some(ContextAbout::Asset(asset)) => {
            lines.extend(part("What events call it", &asset.identifiers));
        }
        Some(ContextAbout::PlannedWork(work)) => {
            lines.extend(part("Who does it", &work.principals));
            lines.extend(part("What is done", &work.operations));
            lines.extend(part("To what", &work.resources));
        }
        Some(ContextAbout::TrustedNetwork(network)) => {
            lines.extend(part("Networks", &network.cidrs));
        }
        None => {}
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_a_row_a_document_and_a_page() {
        let entry = |about| ContextEntry {
            name: "tenants/acme/contextEntries/7".to_owned(),
            display_name: "payroll".to_owned(),
            about: Some(about),
            ..ContextEntry::default()
        };
        let asset = entry(ContextAbout::Asset(cordon_client::Asset {
            identifiers: vec!["arn:aws:s3:::payroll".to_owned()],
            crown_jewel: true,
            ..cordon_client::Asset::default()
        }));
        let shown = page(&asset);
        assert!(
            shown.contains("crown jewel") && shown.contains("arn:aws:s3:::payroll"),
            "{shown}"
        );
        let row = Asset(asset);
        assert_eq!(row.cells().len(), Asset::HEAD.len());
        assert_eq!(row.cells()[1], "yes");
        assert_eq!(row.json()["asset"]["crown_jewel"], true);
        let row = Work(entry(ContextAbout::PlannedWork(
            cordon_client::PlannedWork {
                operations: vec!["Delete*".to_owned()],
                ..cordon_client::PlannedWork::default()
            },
        )));
        assert_eq!(row.cells().len(), Work::HEAD.len());
        assert_eq!(row.json()["planned_work"]["operations"][0], "Delete*");
        assert!(page(&row.0).contains("Delete*"));
        let row = Network(entry(ContextAbout::TrustedNetwork(
            cordon_client::TrustedNetwork {
                cidrs: vec!["192.0.2.0/24".to_owned()],
                expire_time: None,
            },
        )));
        assert_eq!(row.cells().len(), Network::HEAD.len());
        assert_eq!(row.cells()[1], "192.0.2.0/24");
        assert_eq!(row.json()["trusted_network"]["expire_time"], Value::Null);
        assert!(page(&row.0).contains("192.0.2.0/24"));
    }
}
