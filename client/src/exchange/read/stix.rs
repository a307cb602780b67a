//! STIX 2.1 as incidents of elsewhere: `incident` objects with the `note`s about them. Of ours all
//! that there is a place for is taken, of others' what OASIS's extension says. Everything else in
//! a bundle has no place here.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::super::document::Case;
use super::super::import::Offered;
use super::super::stix::{CORDON, INCIDENT_CORE, marking_of};
use super::super::{ForeignComment, ForeignIncident};
use super::foreign::{drill, of_case};
use super::{Defaults, Document, broken};
use crate::error::Result;
use crate::incidents::{CloseCode, IncidentState, Severity};
use crate::time::to_proto;

/// Longest title that is taken, in characters.
const MAX_TITLE: usize = 200;

#[derive(Deserialize)]
struct Bundle {
    #[serde(default)]
    objects: Vec<Object>,
}

/// An object, by what is read of any.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    name: String,
    description: String,
    content: String,
    authors: Vec<String>,
    created: Option<Timestamp>,
    modified: Option<Timestamp>,
    revoked: bool,
    labels: Vec<String>,
    object_refs: Vec<String>,
    object_marking_refs: Vec<String>,
    external_references: Vec<Reference>,
    extensions: HashMap<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reference {
    source_name: String,
    external_id: String,
}

/// All incidents of a bundle.
pub(super) fn bundle(json: &str, defaults: Defaults) -> Result<Document> {
    let bundle: Bundle = serde_json::from_str(json).map_err(broken)?;
    let all = bundle.objects.len();
    let (mut incidents, mut notes) = (Vec::new(), Vec::new());
    for object in bundle.objects {
        match object.kind.as_str() {
            "incident" if !object.revoked => incidents.push(object),
            "note" if !object.revoked => notes.push(object),
            _ => {}
        }
    }
    notes.sort_by_key(|note| note.created);
    let mut about: HashMap<&str, Vec<&Object>> = HashMap::new();
    let mut taken = incidents.len();
    for note in &notes {
        for reference in &note.object_refs {
            about.entry(reference).or_default().push(note);
        }
    }
    let mut offered = Vec::with_capacity(incidents.len());
    for incident in &incidents {
        let notes = about.get(incident.id.as_str());
        let notes = notes.map(Vec::as_slice).unwrap_or_default();
        taken += notes.len();
        offered.push(Offered {
            at: incident.id.clone(),
            incident: read(incident, notes, defaults)
                .map_err(|error| error.with_metadata("external_id", &incident.id)),
        });
    }
    Ok(Document {
        offered,
        passed_over: all.saturating_sub(taken),
    })
}

fn read(object: &Object, notes: &[&Object], defaults: Defaults) -> Result<ForeignIncident> {
    // Also where whoever passed it on has dropped our extension.
    if object.labels.iter().any(|label| label == "exercise") {
        return Err(drill());
    }
    let mut incident = match object.extensions.get(CORDON) {
        Some(own) => {
            let case: Case = Case::deserialize(own).map_err(broken)?;
            of_case(case, defaults)?
        }
        None => by_core(object, defaults),
    };
    // One of ours keeps the name that it has in our own JSON: it is the same incident.
    let mut names = object.external_references.iter();
    let name = names.find(|reference| reference.source_name == "cordon");
    let ours = name.filter(|_| object.extensions.contains_key(CORDON));
    incident.external_id = ours.map_or(&object.id, |name| &name.external_id).clone();
    let (title, description) = titled(&object.name, &object.description);
    incident.title = title;
    incident.description = description;
    if let Some(marking) = marking_of(&object.object_marking_refs) {
        incident.tlp = marking.into();
    }
    let comments = notes.iter().map(|note| ForeignComment {
        author: note.authors.join(", "),
        create_time: said(note).map(to_proto),
        text: note.content.clone(),
    });
    incident.comments = comments.collect();
    Ok(incident)
}

/// When a note was written: one of ours that was itself brought in says when it was in the beginning.
fn said(note: &Object) -> Option<Timestamp> {
    let origin = note
        .extensions
        .get(CORDON)
        .and_then(|own| own.get("origin"));
    let time = origin.and_then(|origin| origin.get("create_time"));
    let time = time
        .and_then(Value::as_str)
        .and_then(|time| time.parse().ok());
    time.or(note.created)
}

/// By OASIS's extension, where there is one.
fn by_core(object: &Object, defaults: Defaults) -> ForeignIncident {
    let core = object.extensions.get(INCIDENT_CORE);
    let said = |key: &str| core.and_then(|core| core.get(key));
    let word = |key: &str| said(key).and_then(Value::as_str).unwrap_or_default();
    // The ranges of the extension's Appendix A.
    let severity = match said("criticality").and_then(Value::as_u64) {
        Some(90..) => Severity::Sev1,
        Some(50..) => Severity::Sev2,
        Some(30..) => Severity::Sev3,
        Some(_) => Severity::Sev4,
        None => defaults.severity,
    };
    let (state, code) = match (word("investigation_status"), word("determination")) {
        ("closed", "false-positive") => (IncidentState::Closed, CloseCode::FalsePositive),
        ("closed", "low-value") => (IncidentState::Closed, CloseCode::Accepted),
        ("closed", _) => (IncidentState::Closed, CloseCode::Resolved),
        _ => (IncidentState::Open, CloseCode::Unspecified),
    };
    ForeignIncident {
        severity: severity.into(),
        state: state.into(),
        close_code: code.into(),
        tlp: defaults.tlp.into(),
        create_time: object.created.map(to_proto),
        update_time: object.modified.map(to_proto),
        ..ForeignIncident::default()
    }
}

/// A name that is no title here is cut, and stands before the description whole.
fn titled(name: &str, description: &str) -> (String, String) {
    let line = name.trim();
    let fits = line.chars().count() <= MAX_TITLE && !line.contains(['\n', '\r', '\t']);
    if fits {
        return (line.to_owned(), description.to_owned());
    }
    let title: String = line.replace(['\n', '\r', '\t'], " ");
    let title: String = title.chars().take(MAX_TITLE - 1).chain(['…']).collect();
    (title, format!("{line}\n\n{description}").trim().to_owned())
}
