//! Events that came as OCSF: as they are, but for what a view does not show.

use serde_json::{Map, Value};

use super::{Put, VIEW_KEY, is_marker, view_note};
use crate::row::EventRowRef;

/// Attributes that may hold any JSON; a marker can stay in them.
const FREE: [&str; 2] = ["data", "unmapped"];

pub(super) fn render(row: &EventRowRef<'_>) -> Option<Map<String, Value>> {
    let Ok(Value::Object(mut event)) = serde_json::from_str(row.raw) else {
        return None;
    };
    if row.shared {
        without_markers(&mut event);
    }
    match event.get_mut("metadata") {
        Some(Value::Object(metadata)) => {
            if !matches!(metadata.get("uid"), Some(Value::String(uid)) if !uid.is_empty()) {
                metadata.put("uid", row.event_id);
            }
        }
        _ => {
            let mut metadata = Map::with_capacity(1);
            metadata.put("uid", row.event_id);
            event.put("metadata", metadata);
        }
    }
    if let Some(note) = view_note(row) {
        match event.get_mut("unmapped") {
            Some(Value::Object(unmapped)) if !is_marker_map(unmapped) => {
                unmapped.put(VIEW_KEY, note);
            }
            _ => {
                let mut unmapped = Map::with_capacity(1);
                // What stood there was no object; it is kept under its own name.
                let odd = event.remove("unmapped");
                if let Some(odd) = odd.filter(|odd| !odd.is_null() && !is_marker(odd)) {
                    unmapped.put("unmapped", odd);
                }
                unmapped.put(VIEW_KEY, note);
                event.put("unmapped", unmapped);
            }
        }
    }
    Some(event)
}

/// Leaves out markers where the schema wants something else. They are listed in `unmapped`.
fn without_markers(map: &mut Map<String, Value>) {
    map.retain(|key, value| {
        if FREE.contains(&key.as_str()) {
            return true;
        }
        match value {
            Value::Object(inner) if !is_marker_map(inner) => {
                let before = inner.len();
                without_markers(inner);
                // An object that lost all it had says nothing any more.
                before == 0 || !inner.is_empty()
            }
            Value::Array(items) => {
                let before = items.len();
                items.retain_mut(|item| match item {
                    Value::Object(inner) if !is_marker_map(inner) => {
                        without_markers(inner);
                        true
                    }
                    item => !is_marker(item),
                });
                before == 0 || !items.is_empty()
            }
            value => !is_marker(value),
        }
    });
}

fn is_marker_map(map: &Map<String, Value>) -> bool {
    map.len() == 1 && map.contains_key(crate::view::WITHHELD_KEY)
}
