//! What an installation answers to whoever asks for all it has, as JSON: the same before and after
//! an upgrade.

use std::collections::BTreeMap;

use cordon_client::{Client, Count, Entry, Holder, Search, View};
use futures::StreamExt as _;
use serde_json::{Map, Value, json};

use crate::harness::{World, connect};

/// The tenants of a kept installation.
pub const TENANTS: [&str; 3] = ["acme", "globex", "initech"];
/// The source that has sent what can't be read.
pub const SOURCE: &str = "aws-cloudtrail";

/// Asks for everything. The logs come last: asking writes to them.
pub async fn answers(world: &World) -> Value {
    let staff = connect(world.issue(Holder::Staff, "analyst").await).await;
    let staff = staff.entering(Entry::new("comparing before and after").reference("INC-1"));
    let (mut tenants, mut readers) = (Map::new(), Vec::new());
    for tenant in TENANTS {
        let reader = world.member(tenant, "reader").await;
        let mut found = of_tenant(&reader).await;
        found["originals"] = originals(&reader, &staff).await;
        tenants.insert(tenant.to_owned(), found);
        readers.push((tenant, reader));
    }
    for (tenant, reader) in readers {
        tenants[tenant]["log"] = log(&reader).await;
    }
    let letters = world.operator.ingest().dead_letters(SOURCE);
    let letters: Vec<String> = letters
        .map(|letter| text(&letter.unwrap().content))
        .collect()
        .await;
    json!({ "tenants": tenants, "dead_letters": letters })
}

async fn of_tenant(reader: &Client) -> Value {
    let search = Search::new().view(View::Raw).unlimited();
    let mut found = reader.events().search(search);
    let mut events = Vec::new();
    while let Some(event) = found.next().await {
        let event = event.unwrap();
        events.push(json!([
            event.name,
            event.sequence,
            event.raw_context,
            text(&event.raw)
        ]));
    }
    let counted = reader
        .events()
        .count(Count::new().by("operation"))
        .await
        .unwrap();
    let counts: Map<String, Value> = counted
        .counts
        .into_iter()
        .map(|group| (group.values.join(" "), group.count.into()))
        .collect();
    json!({ "events": events, "counts": counts, "credentials": credentials(reader).await })
}

/// How many events each credential has: a column that the first versions did not store.
async fn credentials(reader: &Client) -> Value {
    let by_credential = Count::new()
        .by("credential_uid")
        .filter("credential_uid IS NOT NULL");
    let counted = reader.events().count(by_credential).await.unwrap();
    let counts = counted.counts.into_iter();
    let counts: Map<String, Value> = counts
        .map(|group| (group.values.join(" "), group.count.into()))
        .collect();
    counts.into()
}

/// The same by the records of the events.
pub fn credentials_of(events: &[Value]) -> Value {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for event in events {
        let record: Value = serde_json::from_str(event[3].as_str().unwrap()).unwrap_or_default();
        let places = [
            &record["userIdentity"]["accessKeyId"],
            &record["resource"]["accessKeyDetails"]["accessKeyId"],
        ];
        if let Some(key) = places.iter().find_map(|place| place.as_str()) {
            *counts.entry(key.to_owned()).or_default() += 1;
        }
    }
    json!(counts)
}

/// What staff is shown of the events that concern others, too.
async fn originals(reader: &Client, staff: &Client) -> Value {
    let search = Search::new()
        .filter("shared")
        .view(View::Columns)
        .unlimited();
    let mut found = reader.events().search(search);
    let mut originals = Vec::new();
    while let Some(event) = found.next().await {
        let name = event.unwrap().name;
        let original = staff.events().original(&name).await.unwrap();
        originals.push(json!([name, original.events, text(&original.raw)]));
    }
    originals.into()
}

async fn log(reader: &Client) -> Value {
    let entries = reader.audit().list(None, None);
    let line = |entry: cordon_client::AuditEntry| {
        let hash: String = entry
            .hash
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        json!([
            entry.sequence,
            entry.actor,
            entry.action,
            entry.details_json,
            hash
        ])
    };
    let entries: Vec<Value> = entries.map(|entry| line(entry.unwrap())).collect().await;
    entries.into()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
