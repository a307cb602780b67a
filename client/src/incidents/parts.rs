//! What is said of incidents that are opened, changed or looked for.

use cordon_proto::incidents as wire;
use jiff::Timestamp;
use prost_types::FieldMask;

use super::{Incident, IncidentState, Party, Phase, Severity, Tlp};

/// An incident to be opened.
///
/// ```
/// use cordon_client::{NewIncident, Severity};
/// let new = NewIncident {
///     title: "Access keys in a public repository".to_owned(),
///     severity: Severity::Sev2,
///     ..NewIncident::default()
/// };
/// # let _ = new;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewIncident {
    /// In one line, up to 200 characters.
    pub title: String,
    /// What is known, up to 20,000 characters; may be empty.
    pub description: String,
    /// How bad it is. Needed.
    pub severity: Severity,
    /// How far it may be passed on; AMBER if unspecified.
    pub tlp: Tlp,
    /// Whether it is a drill, which begins in the phase of preparation and counts in no figures.
    pub exercise: bool,
}

impl From<NewIncident> for Incident {
    fn from(new: NewIncident) -> Self {
        Self {
            title: new.title,
            description: new.description,
            severity: new.severity.into(),
            tlp: new.tlp.into(),
            exercise: new.exercise,
            ..Self::default()
        }
    }
}

/// What is to be changed of an incident; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentChanges {
    /// In one line, up to 200 characters.
    pub title: Option<String>,
    /// What is known, up to 20,000 characters.
    pub description: Option<String>,
    /// How far it may be passed on.
    pub tlp: Option<Tlp>,
}

impl IncidentChanges {
    /// The request without its id.
    pub(super) fn request(self, name: String, etag: &str) -> wire::UpdateIncidentRequest {
        let said = [
            ("title", self.title.is_some()),
            ("description", self.description.is_some()),
            ("tlp", self.tlp.is_some()),
        ];
        let paths = said.iter().filter(|(_, said)| *said);
        wire::UpdateIncidentRequest {
            update_mask: Some(FieldMask {
                paths: paths.map(|(path, _)| (*path).to_owned()).collect(),
            }),
            incident: Some(Incident {
                name,
                etag: etag.to_owned(),
                title: self.title.unwrap_or_default(),
                description: self.description.unwrap_or_default(),
                tlp: self.tlp.unwrap_or_default().into(),
                ..Incident::default()
            }),
            request_id: String::new(),
        }
    }
}

/// Which incidents; an empty list and `None` are for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentFilter {
    /// Of these states alone.
    pub states: Vec<IncidentState>,
    /// Of these severities alone.
    pub severities: Vec<Severity>,
    /// In these phases alone.
    pub phases: Vec<Phase>,
    /// Whose move it is.
    pub pending: Option<Party>,
    /// Drills alone, or everything but them.
    pub exercise: Option<bool>,
    /// Of this number alone.
    pub number: Option<i64>,
    /// Changed after this moment alone. Servers have clocks of their own: for keeping a copy in
    /// step there is [`Incidents::changed`](super::Incidents::changed).
    pub updated_after: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_is_changed() {
        let changes = IncidentChanges {
            title: Some("new".to_owned()),
            tlp: Some(Tlp::Red),
            ..IncidentChanges::default()
        };
        let request = changes.request("tenants/acme/incidents/1".to_owned(), "e1");
        assert_eq!(request.update_mask.unwrap().paths, ["title", "tlp"]);
        let incident = request.incident.unwrap();
        assert_eq!(incident.name, "tenants/acme/incidents/1");
        assert_eq!(incident.etag, "e1");
        assert_eq!((incident.title.as_str(), incident.tlp()), ("new", Tlp::Red));

        let emptied = IncidentChanges {
            description: Some(String::new()),
            ..IncidentChanges::default()
        };
        let request = emptied.request(String::new(), "");
        assert_eq!(request.update_mask.unwrap().paths, ["description"]);
    }

    #[test]
    fn a_new_incident_says_what_it_is() {
        let new = NewIncident {
            title: "t".to_owned(),
            description: "d".to_owned(),
            severity: Severity::Sev1,
            tlp: Tlp::Unspecified,
            exercise: false,
        };
        let incident = Incident::from(new);
        assert_eq!(incident.severity(), Severity::Sev1);
        assert_eq!(
            (incident.title, incident.description.as_str(), incident.tlp),
            ("t".to_owned(), "d", 0)
        );
    }
}
