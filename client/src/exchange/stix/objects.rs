//! The objects of a bundle.

use cordon_proto::incidents::Tlp;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde_json::{Map, Value, json};

use super::super::document::{Case, Person, Said};
use super::ids::id;
use super::{Bundle, CORDON, INCIDENT_CORE, MAKER, tlp};

/// From when on there are definitions and sides that stay the same.
const BEGINNING: &str = "2026-01-01T00:00:00.000Z";

/// The incident, and its comments.
pub(super) fn of_case(bundle: &Bundle, case: &Case, marking: Tlp) -> Vec<Value> {
    let incident_id = id("incident", &case.name);
    let mut incident = common("incident", &incident_id, marking);
    let created = case.create_time.unwrap_or(Timestamp::UNIX_EPOCH);
    let modified = case.update_time.unwrap_or(created).max(created);
    incident.extend(object(json!({
        "created_by_ref": side(bundle, case.opened_by.as_ref()),
        "created": stamp(created),
        "modified": stamp(modified),
        "name": case.title,
        "external_references": [{ "source_name": "cordon", "external_id": case.name }],
        "extensions": {
            INCIDENT_CORE: core(case),
            CORDON: own(case),
        },
    })));
    if case.exercise {
        // Nobody shall take a drill for the real thing.
        incident.insert("labels".to_owned(), json!(["exercise"]));
    }
    if !case.description.is_empty() {
        incident.insert("description".to_owned(), case.description.clone().into());
    }
    let notes = case
        .comments
        .iter()
        .map(|said| note(bundle, said, &incident_id, marking));
    std::iter::once(Value::Object(incident))
        .chain(notes)
        .collect()
}

/// What OASIS's extension has a place for. How it ended is not said where nobody has said it.
fn core(case: &Case) -> Value {
    let closed = case.state.as_deref() == Some("CLOSED");
    let determination = match case.close_code.as_deref() {
        Some("FALSE_POSITIVE") => "false-positive",
        _ => "suspected",
    };
    let status = match (closed, case.acknowledge_time) {
        (true, _) => "closed",
        (false, Some(_)) => "open",
        (false, None) => "new",
    };
    let mut core = object(json!({
        "extension_type": "property-extension",
        "determination": determination,
        "investigation_status": status,
    }));
    // Extreme, high, moderate and low, as the extension's Appendix A writes them.
    let criticality = match case.severity.as_deref() {
        Some("SEV1") => Some(95),
        Some("SEV2") => Some(70),
        Some("SEV3") => Some(40),
        Some("SEV4") => Some(15),
        _ => None,
    };
    if let Some(criticality) = criticality {
        core.insert("criticality".to_owned(), criticality.into());
    }
    Value::Object(core)
}

/// The rest of a case, as our own JSON has it.
fn own(case: &Case) -> Value {
    let case = serde_json::to_value(case).unwrap_or_default();
    let mut own = object(json!({ "extension_type": "property-extension" }));
    for (key, value) in object(case) {
        // What stands in the object itself does not stand here again.
        let elsewhere =
            ["name", "title", "description", "comments", "format"].contains(&key.as_str());
        if !elsewhere && !value.is_null() {
            own.insert(key, value);
        }
    }
    Value::Object(own)
}

fn note(bundle: &Bundle, said: &Said, about: &str, marking: Tlp) -> Value {
    let mut note = common("note", &id("note", &said.name), marking);
    let created = said.create_time.unwrap_or(Timestamp::UNIX_EPOCH);
    let modified = said.update_time.unwrap_or(created).max(created);
    let by = match &said.origin {
        Some(origin) => origin.author.as_str(),
        None => said
            .author
            .as_ref()
            .map_or("", |author| author.subject.as_str()),
    };
    note.extend(object(json!({
        "created_by_ref": side(bundle, said.author.as_ref()),
        "created": stamp(created),
        "modified": stamp(modified),
        "content": said.text,
        "object_refs": [about],
        "external_references": [{ "source_name": "cordon", "external_id": said.name }],
    })));
    if !by.is_empty() {
        note.insert("authors".to_owned(), json!([by]));
    }
    if !said.revisions.is_empty() || said.origin.is_some() {
        let mut own = object(json!({ "extension_type": "property-extension", "version": 1 }));
        if !said.revisions.is_empty() {
            own.insert("revisions".to_owned(), json!(said.revisions));
        }
        if let Some(origin) = &said.origin {
            own.insert("origin".to_owned(), json!(origin));
        }
        note.insert("extensions".to_owned(), json!({ CORDON: own }));
    }
    Value::Object(note)
}

/// The customer and the provider.
pub(super) fn sides(bundle: &Bundle, marking: Tlp) -> Vec<Value> {
    let side = |id: String, name: &str| {
        let mut side = common("identity", &id, marking);
        side.extend(object(json!({
            "created": BEGINNING,
            "modified": BEGINNING,
            "name": name,
            "identity_class": "organization",
        })));
        Value::Object(side)
    };
    vec![
        side(customer(bundle), &bundle.tenant),
        side(provider(bundle), "Cloud service provider"),
    ]
}

fn customer(bundle: &Bundle) -> String {
    id(
        "identity",
        &format!("{}/tenants/{}", bundle.installation, bundle.tenant),
    )
}

fn provider(bundle: &Bundle) -> String {
    id("identity", &format!("{}/provider", bundle.installation))
}

fn side(bundle: &Bundle, person: Option<&Person>) -> String {
    match person.and_then(|person| person.party.as_deref()) {
        Some("PROVIDER") => provider(bundle),
        _ => customer(bundle),
    }
}

/// Our extension, and who made it; neither says anything about anybody.
pub(super) fn extension() -> [Value; 2] {
    let clear = [tlp::id(Tlp::Clear)];
    [
        json!({
            "type": "identity",
            "spec_version": "2.1",
            "id": MAKER,
            "created": BEGINNING,
            "modified": BEGINNING,
            "name": "Cordon",
            "identity_class": "system",
            "object_marking_refs": clear,
        }),
        json!({
            "type": "extension-definition",
            "spec_version": "2.1",
            "id": CORDON,
            "created_by_ref": MAKER,
            "created": BEGINNING,
            "modified": BEGINNING,
            "name": "Cordon incident handling",
            "description": "Number, severity, phase, whose move it is, clean-state criteria and \
                            timeline of an incident, and the earlier texts of a note.",
            "schema": "The properties are those of the JSON form `cordon.incident`, version 1, \
                       which Cordon describes in docs/exchange.md.",
            "version": "1.0.0",
            "extension_types": ["property-extension"],
            "object_marking_refs": clear,
        }),
    ]
}

fn common(kind: &str, id: &str, marking: Tlp) -> Map<String, Value> {
    object(json!({
        "type": kind,
        "spec_version": "2.1",
        "id": id,
        "object_marking_refs": [tlp::id(marking)],
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// A time to the millisecond, as STIX wants it.
fn stamp(time: Timestamp) -> String {
    DateTimePrinter::new()
        .precision(Some(3))
        .timestamp_to_string(&time)
}
