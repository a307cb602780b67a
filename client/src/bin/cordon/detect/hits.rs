//! What a rule would have found, as rows and as JSON.

use cordon_client::{Event, RuleHit, RuleTestStream, View};
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use crate::failure::Outcome;
use crate::follow::Lines;
use crate::output::{Row as _, put_line};
use crate::show::{Columns, short, time};
use crate::text::record_json;

/// One event a row.
const SINGLE: (&[&str], &[usize]) = (
    &["time", "operation", "actor", "account", "src_ip", "id"],
    &[30, 28, 40, 12, 15],
);
/// One group a row.
const GROUPED: (&[&str], &[usize]) = (&["first", "last", "events", "group"], &[30, 30, 6]);

/// Rows with widths that do not wait for what is still to come.
pub(super) async fn rows(hits: &mut RuleTestStream) -> Outcome {
    let mut head = None;
    while let Some(hit) = hits.try_next().await? {
        // The first hit says what kind of rule it is.
        let grouped = match head {
            Some(grouped) => grouped,
            None => {
                let grouped = is_grouped(&hit);
                let (names, widths) = if grouped { GROUPED } else { SINGLE };
                Lines::rows(names, widths)?;
                *head.insert(grouped)
            }
        };
        match grouped {
            true => put_line(&of_group(&hit), GROUPED.1)?,
            false => put_line(&of_event(&hit), SINGLE.1)?,
        }
    }
    Ok(())
}

/// Whether a correlation has made it.
fn is_grouped(hit: &RuleHit) -> bool {
    !hit.group.is_empty() || hit.events.len() > 1
}

fn of_event(hit: &RuleHit) -> Vec<String> {
    let Some(event) = hit.events.first() else {
        return Vec::new();
    };
    let columns = event.columns.clone().unwrap_or_default();
    let more = match hit.events.len() {
        0 | 1 => String::new(),
        events => format!(" and {} more", events - 1),
    };
    vec![
        time(columns.time.as_ref()),
        columns.operation,
        columns.actor,
        columns.account,
        columns.src_ip,
        short(&event.name) + &more,
    ]
}

fn of_group(hit: &RuleHit) -> Vec<String> {
    let at = |event: Option<&Event>| {
        let columns = event.and_then(|event| event.columns.as_ref());
        time(columns.and_then(|columns| columns.time.as_ref()))
    };
    vec![
        at(hit.events.first()),
        at(hit.events.last()),
        hit.events.len().to_string(),
        hit.group.join(", "),
    ]
}

/// The whole hit as JSON: the events with their names, and the group. Events stand as they were
/// sent, byte for byte.
pub(super) fn document(hit: RuleHit, view: View) -> Vec<u8> {
    let mut out = b"{\"events\":[".to_vec();
    for (at, event) in hit.events.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"name\":");
        out.extend_from_slice(Value::from(event.name.as_str()).to_string().as_bytes());
        out.extend_from_slice(b",\"event\":");
        out.extend_from_slice(&content(event, view));
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"group\":");
    out.extend_from_slice(json!(hit.group).to_string().as_bytes());
    out.push(b'}');
    out
}

/// An event as a JSON value, whatever its bytes are.
fn content(event: Event, view: View) -> Vec<u8> {
    match view {
        View::Columns => Columns(event).json().to_string().into_bytes(),
        View::Raw => record_json(&event.raw),
        View::Ocsf | View::Unspecified => record_json(event.ocsf_json.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use cordon_client::EventColumns;

    use super::*;

    fn event(id: &str, seconds: i64) -> Event {
        Event {
            name: format!("tenants/acme/events/{id}"),
            ocsf_json: format!("{{ \"id\":\"{id}\", \"n\":1.0 }}"),
            raw: (&b"2 eni-a OK"[..]).into(),
            columns: Some(EventColumns {
                time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
                operation: "StopLogging".to_owned(),
                actor: "example".to_owned(),
                account: "123456789012".to_owned(),
                src_ip: "198.51.100.7".to_owned(),
                ..EventColumns::default()
            }),
            ..Event::default()
        }
    }

    #[test]
    fn hits_are_rows_of_events_or_of_groups() {
        let single = RuleHit {
            events: vec![event("a", 0)],
            group: Vec::new(),
        };
        assert!(!is_grouped(&single));
        let cells = of_event(&single);
        assert_eq!(cells.len(), SINGLE.0.len());
        assert_eq!(
            cells,
            [
                "1970-01-01T00:00:00Z",
                "StopLogging",
                "example",
                "123456789012",
                "198.51.100.7",
                "a"
            ]
        );
        let grouped = RuleHit {
            events: vec![event("a", 0), event("b", 60)],
            group: vec!["example".to_owned(), "eu-north-1".to_owned()],
        };
        assert!(is_grouped(&grouped));
        assert_eq!(
            of_group(&grouped),
            [
                "1970-01-01T00:00:00Z",
                "1970-01-01T00:01:00Z",
                "2",
                "example, eu-north-1"
            ]
        );
        assert_eq!(of_event(&grouped).last().unwrap(), "a and 1 more");
        assert!(of_event(&RuleHit::default()).is_empty());
        assert_eq!(of_group(&RuleHit::default()), ["", "", "0", ""]);
    }

    #[test]
    fn a_hit_is_one_json_document_whatever_its_events_are() {
        let hit = |ocsf: &str| RuleHit {
            events: vec![
                Event {
                    ocsf_json: ocsf.to_owned(),
                    ..event("a", 0)
                },
                event("b", 1),
            ],
            group: vec!["\"".to_owned()],
        };
        let shown = String::from_utf8(document(hit("{ \"n\": 1.0 }"), View::Ocsf)).unwrap();
        assert_eq!(
            shown,
            "{\"events\":[{\"name\":\"tenants/acme/events/a\",\"event\":{ \"n\": 1.0 }},\
             {\"name\":\"tenants/acme/events/b\",\"event\":{ \"id\":\"b\", \"n\":1.0 }}],\
             \"group\":[\"\\\"\"]}"
        );
        for (ocsf, view) in [
            ("no JSON", View::Ocsf),
            ("{\"a\":\n1}", View::Ocsf),
            ("", View::Raw),
            ("", View::Columns),
        ] {
            let line = document(hit(ocsf), view);
            assert!(!line.contains(&b'\n'));
            let value: Value = serde_json::from_slice(&line).unwrap();
            assert_eq!(value["events"].as_array().unwrap().len(), 2);
        }
    }
}
