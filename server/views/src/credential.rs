//! The credential that something was done with, by its id: a column, taken like every other from what the
//! viewer may see.

use serde_json::Value;

use crate::cloud::fields::column;
use crate::cloudtrail;
use crate::gcp;
use crate::guardduty;
use crate::ocsf_native::json::{clip, text};
use crate::row::SourceType;

/// Where a call of Google Cloud names the key of the service account that made it.
const GCP: [&str; 1] = ["authenticationinfo.serviceaccountkeyname"];
/// Where OCSF has it.
const OCSF: [&str; 2] = ["actor.user.credential_uid", "actor.session.credential_uid"];

/// Of the payload of an audit log's entry.
pub(crate) fn of_gcp(call: &Value) -> String {
    column(call, &GCP)
}

pub(crate) fn of_ocsf(event: &Value) -> String {
    let found = OCSF.iter().find_map(|path| text(event, path));
    found.map(clip).unwrap_or_default()
}

/// Of a view's bytes: for rows that were stored when there was no such column. Empty if it is not named,
/// or the bytes can't be read.
#[must_use]
pub fn credential_uid(source_type: SourceType, raw: &str) -> String {
    let json = || serde_json::from_str::<Value>(raw).unwrap_or_default();
    match source_type {
        SourceType::AwsCloudTrail => cloudtrail::credential_uid(raw),
        SourceType::GcpAudit => gcp::payload(&json()).map(of_gcp).unwrap_or_default(),
        SourceType::AwsGuardDuty => guardduty::credential_of(&json()),
        SourceType::Ocsf => of_ocsf(&json()),
        _ => String::new(),
    }
}
