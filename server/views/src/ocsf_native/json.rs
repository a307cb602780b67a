//! Attribution of records that are JSON, or can be put as JSON, by their party table alone.

use std::sync::Arc;

use serde_json::Value;

use crate::attribute::{Reject, content_hash};
use crate::directory::{Directory, Kind, Names};
use crate::identity;
use crate::parties::Parties;
use crate::row::{Attributed, EventRow, SourceType};
use crate::split;
use crate::table::{PartyTable, Role};
use crate::view::{Known, Viewer, redact};

/// No column holds more than this many bytes; what is longer is cut. The view has it all.
const LONGEST_COLUMN: usize = 1024;

/// What is particular to a source whose records are JSON.
pub(crate) struct Source {
    pub(crate) source_type: SourceType,
    /// When it happened, nanoseconds since 1970.
    pub(crate) time: fn(&Value) -> Option<i64>,
    /// The source's event id.
    pub(crate) event_id: fn(&Value) -> Option<&str>,
    /// The operation by which the table's rules are picked.
    pub(crate) operation: fn(&Value) -> &str,
    /// Names that only their place tells whose they are.
    pub(crate) hints: Hints,
    /// Fills the columns from the viewer's view.
    pub(crate) columns: fn(&Value, &mut EventRow),
}

/// A record that was read.
pub(crate) struct Record<'a> {
    /// What the party table's paths go through.
    pub(crate) value: Value,
    /// What a sole party is shown: the bytes as they came.
    pub(crate) text: &'a str,
    /// What is needed to read `text` besides.
    pub(crate) context: Option<&'a str>,
    /// When it happened, nanoseconds since 1970.
    pub(crate) time_ns: Option<i64>,
    /// Fingerprint of what it says.
    pub(crate) content: [u8; 32],
    /// The cloud of its accounts, where they name none themselves.
    pub(crate) cloud: &'static str,
    /// It is the provider's own record: even a sole party sees no more than the table says.
    pub(crate) provider: bool,
}

/// Looks for names beside accounts; asks whether an account is the viewer's.
pub(crate) type Hints = fn(&Value, &mut dyn FnMut(&str) -> bool, &mut Known);

/// Rows for the tenants that a record concerns; see [`crate::attribute()`].
pub(crate) fn attribute<D, N>(
    source: &Source,
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
    let value = parse(text)?;
    let record = Record {
        time_ns: (source.time)(&value),
        value,
        text,
        context: None,
        content: content_hash(text),
        cloud: identity::AWS,
        provider: false,
    };
    attribute_read(source, &record, observed_ns, directory, names)
}

/// JSON text as a value.
pub(crate) fn parse(text: &str) -> Result<Value, Reject> {
    serde_json::from_str(text).map_err(|error| Reject::new(Reject::MALFORMED, error.to_string()))
}

/// The same as [`attribute`] for a record that was read otherwise.
pub(crate) fn attribute_read<D, N>(
    source: &Source,
    record: &Record<'_>,
    observed_ns: i64,
    directory: &D,
    names: &N,
) -> Result<Attributed<D::Tenant>, Reject>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let value = &record.value;
    let table = PartyTable::of(source.source_type)?;
    let operation = (source.operation)(value);
    let at_ns = record.time_ns.unwrap_or(observed_ns);
    let parties = parties(table, operation, record, at_ns, directory)?;

    let event_id = (source.event_id)(value).unwrap_or_default();
    let context: Option<Arc<str>> = record.context.map(Arc::from);
    let views = parties
        .tenants()
        .into_iter()
        .map(|tenant| {
            let roles = parties.roles_of(tenant);
            let shared = parties.others_than(tenant).next().is_some();
            let parts = [
                source.source_type.as_str().as_bytes(),
                event_id.as_bytes(),
                &record.content,
            ];
            let name = names.event_name(tenant, &parts);
            let mut row = EventRow::empty(source.source_type, name, observed_ns);
            row.time_ns = at_ns;
            row.time_invalid = record.time_ns.is_none();
            row.shared = shared;
            row.normalizer = table.version;
            row.raw_context = context.clone();
            row.addressed = roles.contains(Role::Recipient);
            let mut view = None;
            if shared || record.provider {
                let viewer = Viewer::new(tenant, directory, names, at_ns).in_cloud(record.cloud);
                let mut known = Known::default();
                (source.hints)(value, &mut |id| viewer.owns_account(id), &mut known);
                let mut redacted = value.clone();
                row.withheld = redact(&mut redacted, table, operation, roles, &viewer, &known);
                // Where the provider's part was taken out the provider is the other one.
                row.shared |= !row.withheld.is_empty();
                view = row.shared.then_some(redacted);
            }
            let seen = view.as_ref().unwrap_or(value);
            (source.columns)(seen, &mut row);
            row.event_id = (source.event_id)(seen).map(clip).unwrap_or_default();
            row.raw = match &view {
                Some(view) => view.to_string(),
                None => record.text.to_owned(),
            };
            if row.event_id.is_empty() {
                // Not the content's own hash: with most of the content in view, the rest
                // could be guessed by it.
                row.event_id = crate::vpcflow::hex(&name);
            }
            (tenant.clone(), row)
        })
        .collect();
    Ok(Attributed {
        content: record.content,
        views,
        unknown_parties: parties.unknown(),
    })
}

/// The parties of a record.
fn parties<D: Directory>(
    table: &PartyTable,
    operation: &str,
    record: &Record<'_>,
    at_ns: i64,
    directory: &D,
) -> Result<Parties<D::Tenant>, Reject> {
    let mut parties = Parties::none();
    for rule in table.party_rules(operation) {
        let (Some(role), Some(kind)) = (rule.role, rule.kind) else {
            continue;
        };
        let found = rule.path.select(&record.value).into_iter();
        for text in found.filter_map(text_of) {
            let (id, tenant) = match kind {
                Kind::Account => {
                    let Some(id) = identity::party_account(&text) else {
                        continue;
                    };
                    let id = identity::cloud_account(record.cloud, id).into_owned();
                    let tenant = directory.account(&id, at_ns);
                    (id, tenant)
                }
                Kind::Address => {
                    let Some(ip) = identity::parse_address(&text)
                        .filter(|ip| directory.in_provider_range(*ip))
                    else {
                        continue;
                    };
                    (format!("ip:{ip}"), directory.address(ip, at_ns))
                }
                _ => continue,
            };
            parties.add(id, role, tenant)?;
        }
    }
    Ok(parties)
}

/// Text of an identity: a number is an account id that lost its quotes.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(identity::padded_account(&number.to_string()).into_owned()),
        _ => None,
    }
}

/// Calls `with` for every value at the path: keys joined by dots, `*` for any one.
pub(crate) fn each_at<'v>(value: &'v Value, path: &str, with: &mut dyn FnMut(&'v Value)) {
    let Some((step, rest)) = path
        .split_once('.')
        .or((!path.is_empty()).then_some((path, "")))
    else {
        return with(value);
    };
    match (step, value) {
        ("*", Value::Array(items)) => items.iter().for_each(|item| each_at(item, rest, with)),
        ("*", Value::Object(map)) => map.values().for_each(|item| each_at(item, rest, with)),
        (key, Value::Object(map)) => {
            if let Some(item) = map.get(key) {
                each_at(item, rest, with);
            }
        }
        _ => {}
    }
}

/// The value at the path, keys joined by dots, numbers for list positions.
pub(crate) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
        _ => None,
    })
}

/// The text at the path, if it is text and not empty.
pub(crate) fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    at(value, path)?.as_str().filter(|text| !text.is_empty())
}

/// The number at the path, also where it is written as text.
pub(crate) fn number(value: &Value, path: &str) -> Option<i64> {
    match at(value, path)? {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().filter(|n| n.abs() < 9e15).map(|n| n as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// At most as much of the text as a column holds.
pub(crate) fn clip(text: &str) -> String {
    let mut end = text.len().min(LONGEST_COLUMN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// Nanoseconds since 1970 of a time in RFC 3339, or as some exports write it, with a blank
/// for the `T` and no zone. `None` before 1970 and after 2262.
pub(crate) fn time_of_text(text: &str) -> Option<i64> {
    use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
    let time = match text.parse::<Timestamp>() {
        Ok(time) => time,
        Err(_) => text
            .parse::<DateTime>()
            .ok()?
            .to_zoned(TimeZone::UTC)
            .ok()?
            .timestamp(),
    };
    i64::try_from(time.as_nanosecond())
        .ok()
        .filter(|ns| *ns > 0)
}
