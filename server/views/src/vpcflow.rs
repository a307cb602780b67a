//! VPC flow log lines: who is concerned, and what each sees.

pub mod layout;

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use smallvec::SmallVec;

use crate::attribute::Reject;
use crate::directory::{Directory, Kind, Names};
use crate::identity;
use crate::row::{Attributed, EventRow, SourceType, Status, Withheld};
use crate::split::{self, Fault};
use crate::table::{PartyTable, Role, Roles, Rule, TableError};
use crate::view::{Known, Verdict, Viewer, WITHHELD_KEY, verdict};

pub use layout::{Cut, Field, Layout};

/// OCSF's Network Activity.
pub(crate) const NETWORK_ACTIVITY: i32 = 4001;

/// What the `service` column says of flow logs.
const SERVICE: &str = "vpc";

const NANOS: i64 = 1_000_000_000;

/// The table's rules, one place per field, so that a line costs no search.
struct FieldRules {
    table: &'static PartyTable,
    rules: Vec<Option<&'static Rule>>,
}

static RULES: LazyLock<Result<FieldRules, TableError>> = LazyLock::new(|| {
    let table = PartyTable::of(SourceType::AwsVpcFlow)?;
    Ok(FieldRules {
        table,
        rules: Field::ALL
            .iter()
            .map(|field| table.rule_for("", &[field.as_str()]))
            .collect(),
    })
});

impl FieldRules {
    fn of(&self, field: Option<Field>) -> Option<&'static Rule> {
        self.rules.get(field? as usize).copied().flatten()
    }
}

/// A line cut into its fields.
#[derive(Debug, Clone)]
pub(crate) struct Line<'a> {
    pub(crate) layout: Layout<'a>,
    values: Cut<'a>,
}

impl<'a> Line<'a> {
    /// Cuts a line by the header in `context`, or by the default format.
    pub(crate) fn parse(line: &'a str, context: Option<&'a str>) -> Result<Self, Fault> {
        let layout = match context {
            Some(header) => Layout::parse(header)?,
            None => Layout::default_format().clone(),
        };
        let values = layout.cut(line)?;
        Ok(Self { layout, values })
    }

    /// The value of a field; `None` if the line has none or a dash in its place.
    pub(crate) fn get(&self, field: Field) -> Option<&'a str> {
        let at = self.layout.place(field)?;
        self.values
            .get(at)
            .map(|(_, value)| *value)
            .filter(|value| is_given(value))
    }

    /// Every field with its value.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (Option<Field>, usize, &'a str)> {
        self.layout
            .columns()
            .iter()
            .zip(&self.values)
            .map(|(field, (offset, value))| (*field, *offset, *value))
    }

    /// Start of the capture window, nanoseconds since 1970, if the line has one that can be.
    pub(crate) fn start_ns(&self) -> Option<i64> {
        let seconds: i64 = self.get(Field::Start)?.parse().ok()?;
        (seconds > 0).then_some(())?;
        seconds.checked_mul(NANOS)
    }
}

/// Whether a field has a value: a dash says that it does not apply.
pub(crate) fn is_given(value: &str) -> bool {
    !matches!(value, "" | "-")
}

/// Somebody whom the line concerns.
#[derive(Debug)]
struct Party<T> {
    /// As the directory writes it.
    id: String,
    role: Role,
    tenant: Option<T>,
}

/// Rows for the tenants that a line concerns; see [`crate::attribute()`].
///
/// # Errors
///
/// [`Reject`] if the line can't be read.
pub fn attribute<D, N>(
    record: &[u8],
    context: Option<&str>,
    observed_ns: i64,
    directory: &D,
    names: &N,
) -> Result<Attributed<D::Tenant>, Reject>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    if record.len() > split::MAX_RECORD_BYTES {
        return Err(Fault::TooLong.into());
    }
    let text = std::str::from_utf8(record)
        .map_err(|_| Fault::NotUtf8)?
        .trim_ascii();
    let line = Line::parse(text, context)?;
    let rules = RULES.as_ref().map_err(Clone::clone)?;
    let start_ns = line.start_ns();
    let at_ns = start_ns.unwrap_or(observed_ns);
    let parties = parties(&line, rules, at_ns, directory);

    let mut tenants: SmallVec<[&D::Tenant; 4]> = parties
        .iter()
        .filter_map(|party| party.tenant.as_ref())
        .collect();
    tenants.sort_unstable();
    tenants.dedup();
    let mut unknown_parties: Vec<String> = parties
        .iter()
        .filter(|party| party.tenant.is_none())
        .map(|party| party.id.clone())
        .collect();
    unknown_parties.sort_unstable();
    unknown_parties.dedup();

    let content = content_hash(&line);
    let context: Option<Arc<str>> = context.map(Arc::from);
    let views = tenants
        .into_iter()
        .map(|tenant| {
            let mut roles = Roles::NONE;
            let mut shared = false;
            for party in &parties {
                if party.tenant.as_ref() == Some(tenant) {
                    roles.insert(party.role);
                } else {
                    shared = true;
                }
            }
            let mut withheld = Vec::new();
            let raw = if shared {
                let viewer = Viewer::new(tenant, directory, names, at_ns);
                view(text, &line, rules.table, roles, &viewer, &mut withheld)
            } else {
                text.to_owned()
            };
            let name = names.event_name(
                tenant,
                &[SourceType::AwsVpcFlow.as_str().as_bytes(), b"", &content],
            );
            let mut row = EventRow {
                name,
                time_ns: at_ns,
                observed_ns,
                time_invalid: start_ns.is_none(),
                conflict: false,
                class_uid: NETWORK_ACTIVITY,
                activity_id: 0,
                severity_id: 1,
                status: Status::Unknown,
                account: String::new(),
                region: String::new(),
                service: SERVICE.to_owned(),
                operation: String::new(),
                actor: String::new(),
                credential_uid: String::new(),
                src_ip: None,
                dst_ip: None,
                src_port: None,
                dst_port: None,
                resources: Vec::new(),
                source_type: SourceType::AwsVpcFlow,
                event_id: hex(&name),
                shared,
                normalizer: rules.table.version,
                raw: String::new(),
                raw_context: context.clone(),
                withheld,
                shared_event_id: String::new(),
                addressed: roles.contains(Role::Interface),
            };
            fill_columns(&mut row, &raw, &line.layout);
            row.raw = raw;
            (tenant.clone(), row)
        })
        .collect();
    Ok(Attributed {
        content,
        views,
        unknown_parties,
    })
}

/// The parties of a line, each id once.
fn parties<D: Directory>(
    line: &Line<'_>,
    rules: &FieldRules,
    at_ns: i64,
    directory: &D,
) -> SmallVec<[Party<D::Tenant>; 4]> {
    let mut parties: SmallVec<[Party<D::Tenant>; 4]> = SmallVec::new();
    for (field, _, value) in line.fields() {
        let Some(Rule {
            role: Some(role),
            kind: Some(kind),
            ..
        }) = rules.of(field)
        else {
            continue;
        };
        let (id, tenant) = match kind {
            Kind::Account => {
                let Some(id) = identity::party_account(value) else {
                    continue;
                };
                let id = identity::directory_account(id).into_owned();
                let tenant = directory.account(&id, at_ns);
                (id, tenant)
            }
            Kind::Address => {
                let Some(ip) =
                    identity::parse_address(value).filter(|ip| directory.in_provider_range(*ip))
                else {
                    continue;
                };
                (format!("ip:{ip}"), directory.address(ip, at_ns))
            }
            _ => continue,
        };
        if !parties
            .iter()
            .any(|party| party.id == id && party.role == *role)
        {
            parties.push(Party {
                id,
                role: *role,
                tenant,
            });
        }
    }
    parties
}

/// What the viewer may see of the line, in the line's own shape.
fn view<D, N>(
    text: &str,
    line: &Line<'_>,
    table: &PartyTable,
    roles: Roles,
    viewer: &Viewer<'_, D, N>,
    withheld: &mut Vec<Withheld>,
) -> String
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let known = Known::default();
    let mut out = String::with_capacity(text.len() + 64);
    let mut copied = 0;
    let names = line.layout.names();
    for ((field, offset, value), name) in line.fields().zip(names) {
        if !is_given(value) {
            continue;
        }
        let path = field.map_or(name, |field| field.as_str());
        let replaced = match verdict(table, "", &[path], roles) {
            Verdict::Clear => None,
            // Counters and times are numbers by their place; twelve digits are no account.
            Verdict::Scrubbed if value.bytes().all(|byte| byte.is_ascii_digit()) => None,
            Verdict::Scrubbed => viewer.scrub(value, &known),
            Verdict::Identity(kind) => viewer.identity(kind, value, &known),
            Verdict::Withheld(reason) => Some((format!("{WITHHELD_KEY}:{reason}"), reason)),
        };
        if let Some((clean, reason)) = replaced {
            out.push_str(text.get(copied..offset).unwrap_or_default());
            out.push_str(&clean);
            copied = offset + value.len();
            withheld.push(Withheld {
                path: path.to_owned(),
                reason,
            });
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

/// Fills the columns that are searched from the view.
fn fill_columns(row: &mut EventRow, view: &str, layout: &Layout<'_>) {
    // Nothing that takes a value's place has a separator in it.
    let Ok(values) = layout.cut(view) else { return };
    let mut action = "";
    let mut log_status = "";
    let mut resources: [Option<&str>; 4] = [None; 4];
    for (field, (_, value)) in layout.columns().iter().zip(&values) {
        let value = *value;
        let Some(field) = field.filter(|_| is_given(value)) else {
            continue;
        };
        match field {
            Field::AccountId => row.account = value.to_owned(),
            Field::Region => row.region = value.to_owned(),
            Field::SrcAddr => row.src_ip = address(value),
            Field::DstAddr => row.dst_ip = address(value),
            Field::SrcPort => row.src_port = value.parse().ok(),
            Field::DstPort => row.dst_port = value.parse().ok(),
            Field::Action => action = value,
            Field::LogStatus => log_status = value,
            Field::InterfaceId => resources[0] = Some(value),
            Field::InstanceId => resources[1] = Some(value),
            Field::VpcId => resources[2] = Some(value),
            Field::SubnetId => resources[3] = Some(value),
            _ => {}
        }
    }
    let outcome = outcome(action, log_status);
    row.activity_id = outcome.activity_id;
    row.status = outcome.status;
    row.operation = outcome.operation.to_owned();
    row.resources = resources
        .into_iter()
        .flatten()
        .filter(|value| !value.starts_with(WITHHELD_KEY))
        .map(str::to_owned)
        .collect();
}

fn address(value: &str) -> Option<IpAddr> {
    identity::parse_address(value)
}

/// What became of the traffic.
pub(crate) struct Outcome<'a> {
    pub(crate) activity_id: i32,
    pub(crate) status: Status,
    /// The source's word for it.
    pub(crate) operation: &'a str,
}

/// Reads `action` and `log-status`. A line without traffic, or with skipped records, says
/// so in `log-status` and has no action.
pub(crate) fn outcome<'a>(action: &'a str, log_status: &'a str) -> Outcome<'a> {
    let (activity_id, status, operation) = match (action, log_status) {
        ("ACCEPT", _) => (6, Status::Success, action),
        ("REJECT", _) => (5, Status::Failure, action),
        ("", "" | "OK") => (6, Status::Unknown, ""),
        ("", other) => (99, Status::Other, other),
        (other, _) => (99, Status::Other, other),
    };
    Outcome {
        activity_id,
        status,
        operation,
    }
}

/// Fingerprint of a line's content: its fields and values, however they are spaced.
fn content_hash(line: &Line<'_>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for ((field, _, value), name) in line.fields().zip(line.layout.names()) {
        hasher.update(field.map_or(name, |field| field.as_str()).as_bytes());
        hasher.update(b"=");
        hasher.update(value.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().into()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| DIGITS.get(usize::from(digit)))
        .map(|digit| char::from(*digit))
        .collect()
}
