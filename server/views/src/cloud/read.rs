//! Attribution of other clouds' records by their party tables.

use serde_json::Value;

use super::setting::{Setting, Unfolded, fold_back};
use crate::attribute::Reject;
use crate::directory::{Directory, Kind, Names};
use crate::identity;
use crate::ocsf_native::json::{Source, clip, parse};
use crate::parties::Parties;
use crate::row::{Attributed, EventRow};
use crate::split;
use crate::table::{PartyTable, Role};
use crate::view::{Known, Viewer, redact};

/// A record that was read.
struct Record<'a> {
    value: Value,
    text: &'a str,
    /// Which of its fields were text.
    nested: Vec<Unfolded>,
    operation: String,
    at_ns: i64,
}

/// Rows for the tenants that a record concerns; see [`crate::attribute()`].
pub(crate) fn attribute_in<D, N>(
    source: &Source,
    setting: &Setting<'_>,
    record: &[u8],
    observed_ns: i64,
    directory: &D,
    names: &N,
) -> Result<Attributed<D::Tenant>, Reject>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let text = split::check_record(source.source_type, record, None)?.trim_ascii();
    let mut value = parse(text)?;
    let nested = setting.unfold(&mut value);
    (setting.check)(&value)?;
    let table = PartyTable::of(source.source_type)?;
    let time_ns = (source.time)(&value);
    let record = Record {
        operation: (source.operation)(&value).to_owned(),
        at_ns: time_ns.unwrap_or(observed_ns),
        value,
        text,
        nested,
    };
    let parties = parties(table, setting, &record, directory)?;

    let event_id = event_id(source, setting, &record.value);
    let content = setting.content(text);
    let views = parties
        .tenants()
        .into_iter()
        .map(|tenant| {
            let parts = [
                source.source_type.as_str().as_bytes(),
                event_id.as_bytes(),
                &content,
            ];
            let name = names.event_name(tenant, &parts);
            let mut row = EventRow::empty(source.source_type, name, observed_ns);
            row.time_ns = record.at_ns;
            row.time_invalid = time_ns.is_none();
            row.normalizer = table.version;
            let viewer =
                Viewer::new(tenant, directory, names, record.at_ns).with_forms(setting.cloud);
            fill(&mut row, source, setting, &record, table, &parties, &viewer);
            if row.event_id.is_empty() {
                // Not the content's own hash: with most of the content in view, the rest
                // could be guessed by it.
                row.event_id = crate::vpcflow::hex(&row.name);
            }
            (tenant.clone(), row)
        })
        .collect();
    Ok(Attributed {
        content,
        views,
        unknown_parties: parties.unknown(),
    })
}

/// The source's event id; empty if it gave none.
fn event_id(source: &Source, setting: &Setting<'_>, record: &Value) -> String {
    match setting.event_id {
        Some(of) => of(record),
        None => (source.event_id)(record).map(str::to_owned),
    }
    .unwrap_or_default()
}

/// Fills the row with the viewer's view and what is read from it.
fn fill<D, N>(
    row: &mut EventRow,
    source: &Source,
    setting: &Setting<'_>,
    record: &Record<'_>,
    table: &PartyTable,
    parties: &Parties<D::Tenant>,
    viewer: &Viewer<'_, D, N>,
) where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let roles = parties.roles_of(viewer.tenant());
    let mut others = parties.others_than(viewer.tenant()).peekable();
    row.addressed = roles.contains(Role::Recipient);
    row.shared = others.peek().is_some();
    if !row.shared {
        row.raw_context = setting.context.map(Into::into);
        setting.account_column(row);
        (source.columns)(&record.value, row);
        row.event_id = clip(&event_id(source, setting, &record.value));
        row.raw = record.text.to_owned();
        return;
    }
    let mut known = Known::default();
    setting.strangers(others, &mut known);
    (source.hints)(&record.value, &mut |id| viewer.owns_account(id), &mut known);
    let mut view = record.value.clone();
    row.withheld = redact(&mut view, table, &record.operation, roles, viewer, &known);
    row.raw_context = setting.context.map(|id| {
        let clean = viewer.identity(Kind::Account, id, &known);
        clean.map_or_else(|| id.into(), |(clean, _)| clean.into())
    });
    setting.account_column(row);
    (source.columns)(&view, row);
    row.event_id = clip(&event_id(source, setting, &view));
    fold_back(&mut view, &record.nested);
    row.raw = view.to_string();
}

/// The parties of a record.
fn parties<D: Directory>(
    table: &PartyTable,
    setting: &Setting<'_>,
    record: &Record<'_>,
    directory: &D,
) -> Result<Parties<D::Tenant>, Reject> {
    let mut parties = Parties::none();
    if let Some(id) = setting.context {
        let tenant = directory.account(id, record.at_ns);
        parties.add(id.to_owned(), Role::Recipient, tenant)?;
    }
    for rule in table.party_rules(&record.operation) {
        let (Some(role), Some(kind)) = (rule.role, rule.kind) else {
            continue;
        };
        for value in rule.path.select(&record.value) {
            let text = match value {
                Value::String(text) => text.clone(),
                // An account's id that lost its quotes.
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            match kind {
                Kind::Account => {
                    let id = (setting.account)(&record.value, rule.path.as_str(), &text);
                    if let Some(id) = id {
                        let tenant = directory.account(&id, record.at_ns);
                        parties.add(id, role, tenant)?;
                    }
                }
                Kind::Address => {
                    let ip = identity::parse_address(&text);
                    if let Some(ip) = ip.filter(|ip| directory.in_provider_range(*ip)) {
                        let tenant = directory.address(ip, record.at_ns);
                        parties.add(format!("ip:{ip}"), role, tenant)?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(parties)
}
