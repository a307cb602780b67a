//! Columns of a CloudTrail record or of a view of one: the same code for both, so that a
//! column never shows what its view does not.

use std::net::IpAddr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::classes::{self, AUTHENTICATION};
use super::parse::{Record, SignInAnswer, Subjects, Text};
use crate::attribute::Reject;
use crate::identity;
use crate::row::{EventRow, SourceType, Status};

/// No column holds more than this many bytes; what is longer is cut. The view has it all.
pub const LONGEST_COLUMN: usize = 1024;
/// The `resources` column holds no more names than this.
pub const MOST_RESOURCES: usize = 64;
/// Every CloudTrail event tells that something happened, not how bad it is.
const INFORMATIONAL: i32 = 1;

/// What of a row does not depend on the viewer.
pub(crate) struct Fixed {
    pub(crate) time_ns: i64,
    pub(crate) time_invalid: bool,
    pub(crate) observed_ns: i64,
    pub(crate) content: [u8; 32],
    pub(crate) normalizer: u16,
}

/// Parses the text of a record or view.
pub(crate) fn parse(text: &str) -> Result<Record<'_>, Reject> {
    // An array would pass for a record whose fields stand in order.
    if !text.trim_start().starts_with('{') {
        return Err(Reject::new(
            Reject::MALFORMED,
            "a CloudTrail record is a JSON object",
        ));
    }
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let reason = if message.starts_with("duplicate field") {
            Reject::DUPLICATE_KEY
        } else if message.starts_with("recursion limit") {
            Reject::TOO_DEEP
        } else {
            Reject::MALFORMED
        };
        Reject::new(reason, message)
    })
}

/// When the event happened: `eventTime`, or `@timestamp` where a pipeline renamed it.
/// `None` if neither is a time between 1970 and 2262.
pub(crate) fn time_of(record: &Record<'_>) -> Option<i64> {
    let text = record
        .event_time
        .get()
        .map_or(&record.timestamp, |_| &record.event_time);
    let ns = if text.is_number() {
        number_time(text.get()?)?
    } else {
        text_time(text.get()?)?
    };
    (ns >= 0).then_some(ns)
}

fn text_time(text: &str) -> Option<i64> {
    let time = match text.parse::<Timestamp>() {
        Ok(time) => time,
        // Without an offset CloudTrail's times are UTC.
        Err(_) => text
            .parse::<DateTime>()
            .ok()?
            .to_zoned(TimeZone::UTC)
            .ok()?
            .timestamp(),
    };
    i64::try_from(time.as_nanosecond()).ok()
}

/// Seconds or milliseconds since 1970; told apart by size, as no event is of the year 5138.
fn number_time(text: &str) -> Option<i64> {
    const SECONDS_BELOW: f64 = 1e11;
    let number: f64 = text.parse().ok()?;
    let duration = if number.abs() < SECONDS_BELOW {
        SignedDuration::try_from_secs_f64(number).ok()?
    } else {
        SignedDuration::try_from_secs_f64(number / 1e3).ok()?
    };
    i64::try_from(duration.as_nanos()).ok()
}

/// The row of a parsed record or view. `raw` is the text that `record` was parsed from.
pub(crate) fn row(
    record: &Record<'_>,
    fixed: &Fixed,
    name: [u8; 16],
    raw: String,
    shared: bool,
    addressed: bool,
) -> EventRow {
    let service = record.event_source.as_str();
    let operation = record.event_name.as_str();
    let read_only = record.read_only.as_str() == "true";
    let (class_uid, activity_id) = classes::class_of(service, operation, read_only);
    EventRow {
        name,
        time_ns: fixed.time_ns,
        observed_ns: fixed.observed_ns,
        time_invalid: fixed.time_invalid,
        conflict: false,
        class_uid,
        activity_id,
        severity_id: INFORMATIONAL,
        status: status(record, class_uid),
        account: clip(account(record)),
        region: clip(record.aws_region.as_str()),
        service: clip(service),
        operation: clip(operation),
        actor: clip(actor(record)),
        credential_uid: credential_uid(record),
        src_ip: source_address(record),
        dst_ip: None,
        src_port: None,
        dst_port: None,
        resources: resources(record),
        source_type: SourceType::AwsCloudTrail,
        // Not the content's hash: that is under no key, and in a view of a shared event it would
        // let a guess at what is withheld be checked.
        event_id: record.event_id.get().map_or_else(|| hex(&name), clip),
        shared,
        normalizer: fixed.normalizer,
        raw,
        raw_context: None,
        withheld: Vec::new(),
        shared_event_id: clip(record.shared_event_id.as_str()),
        addressed,
    }
}

/// The source address, if it is one: services call under their names.
pub(crate) fn source_address(record: &Record<'_>) -> Option<IpAddr> {
    identity::parse_address(record.source_ip.get()?)
}

/// The account in which it happened.
fn account<'r>(record: &'r Record<'_>) -> &'r str {
    record
        .recipient_account_id
        .get()
        .or_else(|| record.user_identity.0.account_id.get())
        .unwrap_or_default()
}

/// Who did it, by the most telling name that the record has.
fn actor<'r>(record: &'r Record<'_>) -> &'r str {
    let who = &record.user_identity.0;
    [
        &who.arn,
        &who.user_name,
        &who.principal_id,
        &who.invoked_by,
        &who.account_id,
    ]
    .into_iter()
    .find_map(Text::get)
    .unwrap_or_default()
}

/// The access key that it was done with.
pub(super) fn credential_uid(record: &Record<'_>) -> String {
    clip(record.user_identity.0.access_key_id.as_str())
}

fn status(record: &Record<'_>, class_uid: i32) -> Status {
    if record.error_code.get().is_some() {
        return Status::Failure;
    }
    if record.event_name.get().is_none() || record.event_type.as_str() == "AwsCloudTrailInsight" {
        return Status::Unknown;
    }
    // A sign-in that failed has no error code; it answers with a word.
    if class_uid == AUTHENTICATION
        && record.event_source.as_str() == "signin.amazonaws.com"
        && let Some(raw) = record.response_elements
        && let Ok(answer) = serde_json::from_str::<SignInAnswer<'_>>(raw.get())
    {
        let word = [
            &answer.console_login,
            &answer.check_mfa,
            &answer.switch_role,
            &answer.exit_role,
        ]
        .into_iter()
        .find_map(Text::get);
        return match word {
            Some("Success") | None => Status::Success,
            Some("Failure") => Status::Failure,
            Some(_) => Status::Other,
        };
    }
    Status::Success
}

/// Operations whose answers name what they made.
fn answer_names_things(operation: &str) -> bool {
    matches!(
        operation,
        "RunInstances"
            | "CreateImage"
            | "CopyImage"
            | "CreateSnapshot"
            | "CopySnapshot"
            | "CreateVolume"
            | "CreateVpc"
            | "CreateSubnet"
            | "CreateSecurityGroup"
    )
}

fn resources(record: &Record<'_>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut push = |text: &str| {
        if !text.is_empty() && out.len() < MOST_RESOURCES && !out.iter().any(|have| have == text) {
            out.push(clip(text));
        }
    };
    for resource in &record.resources.0 {
        push(resource.arn.as_str());
        push(resource.arn_prefix.as_str());
    }
    let answer = record
        .response_elements
        .filter(|_| answer_names_things(record.event_name.as_str()));
    for raw in [record.request_parameters, answer].into_iter().flatten() {
        if raw.get().starts_with('{')
            && let Ok(subjects) = serde_json::from_str::<Subjects<'_>>(raw.get())
        {
            subjects.each(&mut push);
        }
    }
    out
}

/// The text, cut to what a column holds.
fn clip(text: &str) -> String {
    let mut end = text.len().min(LONGEST_COLUMN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'?'));
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
