//! What is said of questions that are asked, and of answers that are handed in.

use cordon_proto::analysis as wire;
use jiff::Timestamp;

use super::{DataKind, Question, check};
use crate::client::Client;
use crate::error::Result;
use crate::time::{from_proto, to_proto};

/// Most accounts, resources or source types of a scope.
const MOST: usize = 100;
/// Longest purpose, in characters.
const LONGEST_PURPOSE: usize = 1_000;
/// Longest findings, longest method and remark, in bytes.
const LONGEST_FINDINGS: usize = 64 << 10;
const LONGEST_REMARK: usize = 4 << 10;
/// Most tables of an answer that people hand in, and most bytes of them together.
const MOST_TABLES: usize = 20;
const MOST_TABLE_BYTES: usize = 1 << 20;
/// Most remarks about what was not looked at.
const MOST_REMARKS: usize = 50;

/// Over which events a question is asked. Empty lists narrow nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Earliest event time; `None` for the oldest that is kept.
    pub since: Option<Timestamp>,
    /// Before this event time; `None` for the time at which it is asked.
    pub until: Option<Timestamp>,
    /// Events in one of these accounts; at most 100.
    pub accounts: Vec<String>,
    /// Events about one of these resources; at most 100.
    pub resources: Vec<String>,
    /// Events of one of these source types, as `aws.cloudtrail`; at most 100.
    pub source_types: Vec<String>,
}

impl Scope {
    /// The scope of an analysis, as the server has it.
    #[must_use]
    pub fn of(analysis: &wire::Analysis) -> Self {
        let scope = analysis.scope.clone().unwrap_or_default();
        Self {
            since: scope.start_time.as_ref().and_then(from_proto),
            until: scope.end_time.as_ref().and_then(from_proto),
            accounts: scope.accounts,
            resources: scope.resources,
            source_types: scope.source_types,
        }
    }

    fn into_wire(self) -> Result<wire::AnalysisScope> {
        check::order("analysis.scope.end_time", self.since, self.until)?;
        for (field, list) in [
            ("accounts", &self.accounts),
            ("resources", &self.resources),
            ("source_types", &self.source_types),
        ] {
            let field = format!("analysis.scope.{field}");
            check::count(&field, list.len(), 0, MOST)?;
            for (at, text) in list.iter().enumerate() {
                check::text(&format!("{field}[{at}]"), text)?;
            }
        }
        Ok(wire::AnalysisScope {
            start_time: self.since.map(to_proto),
            end_time: self.until.map(to_proto),
            accounts: self.accounts,
            resources: self.resources,
            source_types: self.source_types,
        })
    }
}

/// A question to be asked.
///
/// ```
/// use cordon_client::analysis::{NewAnalysis, Question, Scope};
/// let question = Question::Volume { minimum_bytes: 1 << 20 };
/// let new = NewAnalysis {
///     scope: Scope {
///         accounts: vec!["123456789012".to_owned()],
///         ..Scope::default()
///     },
///     ..NewAnalysis::new(question, "Was data taken out?")
/// };
/// # let _ = new;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewAnalysis {
    /// What is asked.
    pub question: Question,
    /// Over which events.
    pub scope: Scope,
    /// What for: 1 to 1,000 characters, which stand in the answer's statement.
    pub purpose: String,
    /// What may be read for the answer, besides the tenant's events, which the server reads for
    /// every kind that it answers itself.
    pub consent: Vec<DataKind>,
    /// The full name or id of the incident that it is about.
    pub incident: Option<String>,
}

impl NewAnalysis {
    /// A question over all events that are kept.
    #[must_use]
    pub fn new(question: Question, purpose: impl Into<String>) -> Self {
        Self {
            question,
            scope: Scope::default(),
            purpose: purpose.into(),
            consent: Vec::new(),
            incident: None,
        }
    }

    /// The request without its id.
    pub(super) fn request(self, client: &Client) -> Result<wire::CreateAnalysisRequest> {
        check::words("analysis.purpose", &self.purpose, LONGEST_PURPOSE)?;
        let mut consent: Vec<i32> = self.consent.into_iter().map(i32::from).collect();
        if !self.question.is_human() && !consent.contains(&DataKind::Events.into()) {
            consent.push(DataKind::Events.into());
        }
        let incident = match self.incident {
            None => String::new(),
            Some(incident) => client.incidents().name(&incident)?,
        };
        let events = client.events();
        let analysis = wire::Analysis {
            question: Some(self.question.into_wire(|event| events.name(event))?),
            scope: Some(self.scope.into_wire()?),
            purpose: self.purpose,
            consent,
            incident,
            ..wire::Analysis::default()
        };
        Ok(wire::CreateAnalysisRequest {
            parent: client.parent()?,
            analysis: Some(analysis),
            request_id: String::new(),
        })
    }
}

/// An answer that an analyst hands in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandedIn {
    /// What was found, in words: at most 64 KiB.
    pub findings: String,
    /// Tables that go with it; at most 20, of 1 MiB together.
    pub tables: Vec<NewTable>,
    /// What was not looked at; at most 50, of 4 KiB each.
    pub not_examined: Vec<String>,
    /// How it was found: records, tools and their versions; at most 4 KiB.
    pub method: String,
}

/// A table that an analyst hands in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTable {
    /// By which it is asked for: up to 60 lower case letters, digits and underscores.
    pub name: String,
    /// What it says, in up to 200 characters.
    pub title: String,
    /// CSV with a header line.
    pub csv: String,
}

impl HandedIn {
    /// The request without its id.
    pub(super) fn request(self, name: String) -> Result<wire::SubmitAnalysisResultRequest> {
        check::bytes("findings", &self.findings, LONGEST_FINDINGS)?;
        check::bytes("method", &self.method, LONGEST_REMARK)?;
        check::count("tables", self.tables.len(), 0, MOST_TABLES)?;
        let bytes: usize = self.tables.iter().map(|table| table.csv.len()).sum();
        // One that is too large for all is told of all.
        check::count("tables.csv", bytes, 0, MOST_TABLE_BYTES)?;
        check::count("not_examined", self.not_examined.len(), 0, MOST_REMARKS)?;
        for (at, text) in self.not_examined.iter().enumerate() {
            check::bytes(&format!("not_examined[{at}]"), text, LONGEST_REMARK)?;
        }
        for (at, table) in self.tables.iter().enumerate() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let field = format!("tables[{at}].name");
            if !(1..=60).contains(&table.name.len()) || !table.name.chars().all(plain) {
                return Err(crate::Error::invalid(
                    &field,
                    "expected 1 to 60 lower case letters, digits and underscores",
                ));
            }
            check::words(&format!("tables[{at}].title"), &table.title, 200)?;
        }
        let tables = self.tables.into_iter().map(|table| wire::SubmittedTable {
            name: table.name,
            title: table.title,
            csv: table.csv,
        });
        Ok(wire::SubmitAnalysisResultRequest {
            name,
            findings: self.findings,
            tables: tables.collect(),
            not_examined: self.not_examined,
            method: self.method,
            request_id: String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().violations()[0].field.clone()
    }

    #[test]
    fn a_scope_comes_back_and_its_limits_are_told() {
        let scope = Scope {
            since: Some("2026-11-24T12:00:00Z".parse().unwrap()),
            until: Some("2026-11-25T12:00:00Z".parse().unwrap()),
            accounts: vec!["123456789012".to_owned()],
            resources: vec!["arn:aws:s3:::example".to_owned()],
            source_types: vec!["aws.cloudtrail".to_owned()],
        };
        let analysis = wire::Analysis {
            scope: Some(scope.clone().into_wire().unwrap()),
            ..wire::Analysis::default()
        };
        assert_eq!(Scope::of(&analysis), scope);
        let turned = Scope {
            since: scope.until,
            until: scope.since,
            ..Scope::default()
        };
        assert_eq!(field(turned.into_wire()), "analysis.scope.end_time");
        let many = Scope {
            resources: vec!["a".to_owned(); 101],
            ..Scope::default()
        };
        assert_eq!(field(many.into_wire()), "analysis.scope.resources");
        let empty = Scope {
            accounts: vec!["a".to_owned(), String::new()],
            ..Scope::default()
        };
        assert_eq!(field(empty.into_wire()), "analysis.scope.accounts[1]");
    }

    #[test]
    fn what_is_handed_in_is_within_bounds() {
        let good = || HandedIn {
            findings: "Nobody.".to_owned(),
            tables: vec![NewTable {
                name: "hosts_1".to_owned(),
                title: "Hosts".to_owned(),
                csv: "host\na\n".to_owned(),
            }],
            not_examined: vec!["The network.".to_owned()],
            method: "Read the records of the host.".to_owned(),
        };
        let request = good().request("tenants/acme/analyses/1".to_owned());
        assert_eq!(request.unwrap().tables[0].name, "hosts_1");
        let wrong = |change: fn(&mut HandedIn)| {
            let mut handed_in = good();
            change(&mut handed_in);
            field(handed_in.request(String::new()))
        };
        assert_eq!(wrong(|it| it.findings.clear()), "findings");
        assert_eq!(wrong(|it| it.findings = "x".repeat(65_537)), "findings");
        assert_eq!(wrong(|it| it.method = "\n".to_owned()), "method");
        assert_eq!(
            wrong(|it| it.tables = vec![it.tables[0].clone(); 21]),
            "tables"
        );
        assert_eq!(
            wrong(|it| it.tables[0].csv = "x".repeat((1 << 20) + 1)),
            "tables.csv"
        );
        assert_eq!(
            wrong(|it| it.tables[0].name = "Hosts".to_owned()),
            "tables[0].name"
        );
        assert_eq!(wrong(|it| it.tables[0].title.clear()), "tables[0].title");
        assert_eq!(
            wrong(|it| it.not_examined.push(String::new())),
            "not_examined[1]"
        );
    }
}
