//! GuardDuty findings: whose they are and what is searched in them.

use serde_json::Value;

use crate::attribute::Reject;
use crate::directory::{Directory, Names};
use crate::identity;
use crate::ocsf_native::json::{self, Source, at, clip, time_of_text};
use crate::row::{Attributed, EventRow, SourceType};
use crate::view::Known;

/// OCSF's Detection Finding.
pub(crate) const DETECTION_FINDING: i32 = 2004;

/// The `resources` column holds no more names than this.
const MOST_RESOURCES: usize = 64;

const SOURCE: Source = Source {
    source_type: SourceType::AwsGuardDuty,
    time: |record| time(&Finding::of(record)),
    event_id: |record| Finding::of(record).text("id"),
    operation: |record| Finding::of(record).text("type").unwrap_or_default(),
    hints: |_, _, _: &mut Known| {},
    columns: |record, row| columns(&Finding::of(record), row),
};

/// Rows for the tenant that a finding concerns; see [`crate::attribute()`].
///
/// # Errors
///
/// [`Reject`] if the finding can't be read.
pub fn attribute<D, N>(
    record: &[u8],
    observed_ns: i64,
    directory: &D,
    names: &N,
) -> Result<Attributed<D::Tenant>, Reject>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    json::attribute(&SOURCE, record, observed_ns, directory, names)
}

/// A finding, whichever way it came: as exported (`accountId`), in the event bus's
/// envelope (`detail`), or as the GetFindings API writes it (`AccountId`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finding<'v> {
    body: &'v Value,
    capital: bool,
}

impl<'v> Finding<'v> {
    pub(crate) fn of(record: &'v Value) -> Self {
        let body = match record.get("detail") {
            Some(detail @ Value::Object(_)) if record.get("detail-type").is_some() => detail,
            _ => record,
        };
        let capital = body.get("accountId").is_none() && body.get("AccountId").is_some();
        Self { body, capital }
    }

    /// The value at the path, written as exported findings write it.
    pub(crate) fn at(&self, path: &str) -> Option<&'v Value> {
        if !self.capital {
            return at(self.body, path);
        }
        path.split('.').try_fold(self.body, |value, step| {
            let mut letters = step.chars();
            let first = letters.next()?.to_ascii_uppercase();
            let key: String = std::iter::once(first).chain(letters).collect();
            match value {
                Value::Array(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
                _ => value.get(&key),
            }
        })
    }

    pub(crate) fn text(&self, path: &str) -> Option<&'v str> {
        self.at(path)?.as_str().filter(|text| !text.is_empty())
    }

    pub(crate) fn number(&self, path: &str) -> Option<f64> {
        match self.at(path)? {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        }
    }

    /// The account that it was made for.
    pub(crate) fn account(&self) -> Option<String> {
        match self.at("accountId")? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => {
                Some(identity::padded_account(&number.to_string()).into_owned())
            }
            _ => None,
        }
    }

    /// The elements of a list, each read as findings are.
    pub(crate) fn each(&self, path: &str) -> impl Iterator<Item = Self> + use<'v> {
        let capital = self.capital;
        self.at(path)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(move |body| Self { body, capital })
    }

    /// Details of the call or traffic that was noticed.
    pub(crate) fn action(&self) -> Option<Self> {
        [
            "awsApiCallAction",
            "networkConnectionAction",
            "portProbeAction",
            "dnsRequestAction",
            "kubernetesApiCallAction",
            "rdsLoginAttemptAction",
        ]
        .into_iter()
        .find_map(|key| self.at(&format!("service.action.{key}")))
        .map(|body| Self {
            body,
            capital: self.capital,
        })
    }
}

/// When the finding was made or made anew, as OCSF wants the time of a finding; when the
/// thing itself was seen is in the finding.
pub(crate) fn time(finding: &Finding<'_>) -> Option<i64> {
    ["updatedAt", "createdAt", "service.eventLastSeen"]
        .into_iter()
        .find_map(|path| time_of_text(finding.text(path)?))
}

/// OCSF's severity, by the ranges that GuardDuty names.
pub(crate) fn severity_id(severity: Option<f64>) -> i32 {
    match severity {
        Some(level) if level >= 9.0 => 5,
        Some(level) if level >= 7.0 => 4,
        Some(level) if level >= 4.0 => 3,
        Some(level) if level >= 1.0 => 2,
        Some(_) => 1,
        None => 0,
    }
}

/// OCSF's activity: a finding is created once and updated after that.
pub(crate) fn activity_id(finding: &Finding<'_>) -> i32 {
    let archived = finding.at("service.archived").and_then(Value::as_bool);
    match (
        archived,
        finding.text("createdAt"),
        finding.text("updatedAt"),
    ) {
        (Some(true), ..) => 3,
        (_, Some(created), Some(updated)) if created != updated => 2,
        _ => 1,
    }
}

fn columns(finding: &Finding<'_>, row: &mut EventRow) {
    row.class_uid = DETECTION_FINDING;
    row.activity_id = activity_id(finding);
    row.severity_id = severity_id(finding.number("severity"));
    row.account = finding.account().map(|id| clip(&id)).unwrap_or_default();
    let first = |paths: &[&str]| {
        paths
            .iter()
            .find_map(|path| finding.text(path))
            .map(clip)
            .unwrap_or_default()
    };
    row.region = first(&["region"]);
    row.service = "guardduty.amazonaws.com".to_owned();
    row.operation = first(&["type"]);
    row.actor = first(&[
        "resource.accessKeyDetails.userName",
        "resource.accessKeyDetails.principalId",
        "resource.kubernetesDetails.kubernetesUserDetails.username",
        "resource.rdsDbUserDetails.user",
    ]);
    row.credential_uid = credential_uid(finding);
    let ends = Ends::of(finding);
    row.src_ip = ends.source.ip.and_then(identity::parse_address);
    row.dst_ip = ends.destination.ip.and_then(identity::parse_address);
    row.src_port = ends.source.port;
    row.dst_port = ends.destination.port;
    for name in resources(finding) {
        let name = clip(name);
        if row.resources.len() < MOST_RESOURCES && !row.resources.contains(&name) {
            row.resources.push(name);
        }
    }
}

/// The access key that it is about, if it is of what was done with one.
fn credential_uid(finding: &Finding<'_>) -> String {
    let key = finding.text("resource.accessKeyDetails.accessKeyId");
    key.map(clip).unwrap_or_default()
}

/// The same of a view.
pub(crate) fn credential_of(finding: &Value) -> String {
    credential_uid(&Finding::of(finding))
}

/// Names of what the finding is about.
fn resources<'v>(finding: &Finding<'v>) -> Vec<&'v str> {
    let mut names: Vec<&'v str> = [
        "resource.instanceDetails.instanceId",
        "resource.eksClusterDetails.arn",
        "resource.ecsClusterDetails.arn",
        "resource.lambdaDetails.functionArn",
        "resource.rdsDbInstanceDetails.dbInstanceArn",
        "resource.containerDetails.id",
        "resource.accessKeyDetails.accessKeyId",
    ]
    .into_iter()
    .filter_map(|path| finding.text(path))
    .collect();
    for bucket in finding.each("resource.s3BucketDetails") {
        names.extend(bucket.text("arn").or_else(|| bucket.text("name")));
    }
    let affected = finding
        .at("service.action.awsApiCallAction.affectedResources")
        .and_then(Value::as_object);
    for (_, name) in affected.into_iter().flatten() {
        names.extend(name.as_str());
    }
    names
}

/// One end of what was noticed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct End<'v> {
    pub(crate) ip: Option<&'v str>,
    pub(crate) port: Option<u16>,
}

/// Both ends of what was noticed, in the direction in which it was noticed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ends<'v> {
    pub(crate) source: End<'v>,
    pub(crate) destination: End<'v>,
}

impl<'v> Ends<'v> {
    pub(crate) fn of(finding: &Finding<'v>) -> Self {
        let Some(action) = finding.action() else {
            return Self::default();
        };
        // A probe lists each port with who probed it.
        let detail = action.each("portProbeDetails").next().unwrap_or(action);
        let end = |side: &str| End {
            ip: detail
                .text(&format!("{side}IpDetails.ipAddressV4"))
                .or_else(|| detail.text(&format!("{side}IpDetails.ipAddressV6"))),
            port: detail
                .number(&format!("{side}PortDetails.port"))
                .filter(|port| port.fract() == 0.0 && (0.0..=65535.0).contains(port))
                .map(|port| port as u16),
        };
        let (local, remote) = (end("local"), end("remote"));
        // Only a connection that is said to go out has its source at home.
        let outbound = action.text("connectionDirection") == Some("OUTBOUND");
        let (source, destination) = if outbound {
            (local, remote)
        } else {
            (remote, local)
        };
        Self {
            source,
            destination,
        }
    }
}
