//! Why a row is visible to its tenant, and what of it is withheld and why.

use serde_json::Value;

use crate::cloud::setting::Setting;
use crate::linux_auth;
use crate::row::{EventRowRef, Reason, SourceType};
use crate::table::{PartyTable, Role};
use crate::view::WITHHELD_KEY;
use crate::vpcflow::{Field, Line};

/// A field that names a party, and what it says in the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyLine {
    /// The field: keys joined by dots.
    pub path: String,
    /// How that party takes part.
    pub role: Role,
    /// What the view shows: the viewer's own id, the pseudonym of somebody else, or an
    /// address outside the provider's ranges, which is nobody's here.
    pub value: String,
    /// Whether a pseudonym stands there.
    pub pseudonym: bool,
    /// What the party table says about the field.
    pub why: &'static str,
}

/// A place where the view differs from the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithheldLine {
    /// The field: keys joined by dots, list positions as numbers.
    pub path: String,
    /// Why, as a code.
    pub reason: Reason,
    /// What the party table says about the field; `None` if no rule knows it, which is why
    /// it is withheld.
    pub why: Option<&'static str>,
}

/// Why a row is visible and what it does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whose party table was applied.
    pub source_type: SourceType,
    /// Its version now. The row may have been made by an earlier one, which it names.
    pub table_version: u16,
    /// Whether the event concerns others too.
    pub shared: bool,
    /// The parties that the record names, in the table's order.
    pub parties: Vec<PartyLine>,
    /// What differs from the original.
    pub withheld: Vec<WithheldLine>,
}

/// Explains a row. Everything comes from the row's own view and the public table, so it
/// tells nothing that the view does not.
///
/// Answers `None` if the compiled-in table can't be read, which [`crate::check_tables`]
/// finds at start.
#[must_use]
pub fn explain(row: &EventRowRef<'_>) -> Option<Explanation> {
    let table = PartyTable::of(row.source_type).ok()?;
    let parties = if row.source_type == SourceType::AwsVpcFlow {
        flow_parties(table, row)
    } else {
        json_parties(table, row)
    };
    let withheld = row
        .withheld
        .iter()
        .map(|one| WithheldLine {
            path: one.path.clone(),
            reason: one.reason,
            why: table
                .rule_at(row.operation, &one.path)
                .map(|rule| rule.why.as_str()),
        })
        .collect();
    Some(Explanation {
        source_type: row.source_type,
        table_version: table.version,
        shared: row.shared,
        parties,
        withheld,
    })
}

fn json_parties(table: &'static PartyTable, row: &EventRowRef<'_>) -> Vec<PartyLine> {
    let view = match row.source_type {
        SourceType::LinuxAuth => linux_auth::value(row.raw, row.raw_context).ok(),
        _ => serde_json::from_str::<Value>(row.raw).ok(),
    };
    let Some(mut view) = view else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    if let Some(setting) = Setting::of(row.source_type) {
        setting.unfold(&mut view);
        // Not a field of the record: the source says whose it is.
        lines.extend(row.raw_context.map(|value| PartyLine {
            path: "context".to_owned(),
            role: Role::Recipient,
            value: value.to_owned(),
            pseudonym: is_pseudonym(value, "acct"),
            why: "the account whose the source says that its records are",
        }));
    }
    for rule in table.rules.iter().filter(|rule| rule.is_for(row.operation)) {
        let (Some(role), Some(kind)) = (rule.role, rule.kind) else {
            continue;
        };
        for value in rule.path.select(&view) {
            let value = match value {
                Value::String(text) if !text.is_empty() => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            lines.push(PartyLine {
                path: rule.path.as_str().to_owned(),
                role,
                pseudonym: is_pseudonym(&value, kind.prefix()),
                value,
                why: &rule.why,
            });
        }
    }
    lines
}

fn flow_parties(table: &'static PartyTable, row: &EventRowRef<'_>) -> Vec<PartyLine> {
    let Ok(line) = Line::parse(row.raw, row.raw_context) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for rule in &table.rules {
        let (Some(role), Some(kind)) = (rule.role, rule.kind) else {
            continue;
        };
        let value = Field::from_name(rule.path.as_str()).and_then(|field| line.get(field));
        if let Some(value) = value.filter(|value| !value.starts_with(WITHHELD_KEY)) {
            lines.push(PartyLine {
                path: rule.path.as_str().to_owned(),
                role,
                value: value.to_owned(),
                pseudonym: is_pseudonym(value, kind.prefix()),
                why: &rule.why,
            });
        }
    }
    lines
}

fn is_pseudonym(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.starts_with('~'))
}
