//! Events that came as OCSF: as they are, but for what a view does not show.

use serde_json::{Map, Value};

use super::raw::{Raw, object};
use super::{VIEW_KEY, has_note, view_note, writer::Writer};
use crate::row::EventRowRef;
use crate::view::WITHHELD_KEY;

/// Attributes that may hold any JSON; a marker can stay in them.
const FREE: [&str; 2] = ["data", "unmapped"];

/// Writes the event; `None` if the view is no JSON object.
pub(super) fn write(row: &EventRowRef<'_>, out: &mut String) -> Option<()> {
    let text = object(row.raw)?;
    let named = Raw(&text).below(&["metadata", "uid"]).is_some();
    let forged = Raw(&text)
        .get("unmapped")
        .is_some_and(|unmapped| unmapped.get(VIEW_KEY).is_some());
    if named && !forged && !has_note(row) {
        out.push_str(&text);
        return Some(());
    }
    let Ok(Value::Object(mut event)) = serde_json::from_str(&text) else {
        return None;
    };
    if row.shared {
        without_markers(&mut event);
    }
    name(&mut event, row.event_id);
    note(&mut event, row);
    out.push_str(&Value::Object(event).to_string());
    Some(())
}

/// Gives an event without an id the one by which it is known here.
fn name(event: &mut Map<String, Value>, event_id: &str) {
    let uid = |metadata: &mut Map<String, Value>| {
        if !matches!(metadata.get("uid"), Some(Value::String(uid)) if !uid.is_empty()) {
            metadata.insert("uid".into(), event_id.into());
        }
    };
    match event.get_mut("metadata") {
        Some(Value::Object(metadata)) => uid(metadata),
        _ => {
            let mut metadata = Map::with_capacity(1);
            uid(&mut metadata);
            event.insert("metadata".into(), metadata.into());
        }
    }
}

/// Says in `unmapped` what the view does not show.
fn note(event: &mut Map<String, Value>, row: &EventRowRef<'_>) {
    let mut text = String::new();
    let mut writer = Writer::new(&mut text);
    view_note(&mut writer, row);
    writer.finish();
    let mut said: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    match event.get_mut("unmapped") {
        Some(Value::Object(unmapped)) if !is_marker(unmapped) => {
            // Whoever wrote one did not write it for this view.
            unmapped.remove(VIEW_KEY);
            unmapped.append(&mut said);
        }
        _ if said.is_empty() => {}
        _ => {
            // What stood there was no object; it is kept under its own name.
            let odd = event.remove("unmapped");
            if let Some(odd) = odd.filter(|odd| !odd.is_null() && !odd.is_object()) {
                said.insert("unmapped".into(), odd);
            }
            event.insert("unmapped".into(), said.into());
        }
    }
}

/// Leaves out markers where the schema wants something else. They are listed in `unmapped`.
fn without_markers(map: &mut Map<String, Value>) {
    map.retain(|key, value| {
        if FREE.contains(&key.as_str()) {
            return true;
        }
        match value {
            Value::Object(inner) if is_marker(inner) => false,
            Value::Object(inner) => {
                let before = inner.len();
                without_markers(inner);
                // An object that lost all it had says nothing any more.
                before == 0 || !inner.is_empty()
            }
            Value::Array(items) => {
                let before = items.len();
                items.retain_mut(|item| match item {
                    Value::Object(inner) if is_marker(inner) => false,
                    Value::Object(inner) => {
                        without_markers(inner);
                        true
                    }
                    _ => true,
                });
                before == 0 || !items.is_empty()
            }
            _ => true,
        }
    });
}

/// Whether the object stands for something withheld.
fn is_marker(map: &Map<String, Value>) -> bool {
    map.len() == 1 && map.contains_key(WITHHELD_KEY)
}
