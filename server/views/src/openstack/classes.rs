//! What kind of event a notification is, in OCSF's numbers.

use super::Notification;
use crate::row::Status;

/// OCSF's API Activity.
const API_ACTIVITY: i32 = 6003;
/// OCSF's Authentication.
pub(crate) const AUTHENTICATION: i32 = 3002;
/// OCSF's Account Change.
pub(crate) const ACCOUNT_CHANGE: i32 = 3001;

/// The last word of an event type that tells how far an operation is, and no operation.
const PHASES: [&str; 4] = ["start", "end", "error", "progress"];

/// The operation and its phase: `instance.create.end` is `create`, `end`.
fn verb(event_type: &str) -> (&str, &str) {
    let (before, last) = event_type.rsplit_once('.').unwrap_or(("", event_type));
    if PHASES.contains(&last) {
        let verb = before.rsplit('.').next().unwrap_or_default();
        (verb, last)
    } else {
        (last, "")
    }
}

/// Class and activity.
pub(crate) fn class(notification: &Notification<'_>) -> (i32, i32) {
    let event_type = notification.event_type();
    if notification.is_identity() {
        return identity_class(notification, event_type);
    }
    let (verb, _) = verb(event_type);
    let activity = match verb {
        "create" | "import" => 1,
        "exists" | "usage" | "select_destinations" => 2,
        "delete" | "soft_delete" => 4,
        // All else that Nova tells changes something.
        _ if !notification.data.is_null() => 3,
        _ => 99,
    };
    (API_ACTIVITY, activity)
}

fn identity_class(notification: &Notification<'_>, event_type: &str) -> (i32, i32) {
    let of_user = notification.payload.get("user").is_some();
    match event_type.strip_prefix("identity.").unwrap_or_default() {
        "authenticate" => (AUTHENTICATION, 1),
        "user.created" => (ACCOUNT_CHANGE, 1),
        "user.disabled" => (ACCOUNT_CHANGE, 5),
        "user.deleted" => (ACCOUNT_CHANGE, 6),
        "user.updated" => (ACCOUNT_CHANGE, 99),
        // A role is what others call a policy. One that a group gets changes no account.
        "role_assignment.created" if of_user => (ACCOUNT_CHANGE, 7),
        "role_assignment.deleted" if of_user => (ACCOUNT_CHANGE, 8),
        other => {
            let activity = match other.rsplit('.').next().unwrap_or_default() {
                "created" => 1,
                "updated" | "disabled" => 3,
                "deleted" => 4,
                _ => 99,
            };
            (API_ACTIVITY, activity)
        }
    }
}

/// How it ended. What has begun has not ended yet.
pub(crate) fn status(notification: &Notification<'_>) -> Status {
    if let Some(outcome) = notification.said("outcome") {
        return match outcome {
            "success" => Status::Success,
            "failure" => Status::Failure,
            "pending" | "unknown" => Status::Unknown,
            _ => Status::Other,
        };
    }
    if notification.data.is_null() {
        return Status::Unknown;
    }
    let fault = notification.data.get("fault");
    match verb(notification.event_type()) {
        (_, "error") | ("exception", _) => Status::Failure,
        _ if fault.is_some_and(|fault| !fault.is_null()) => Status::Failure,
        (_, "start" | "progress") => Status::Unknown,
        _ => Status::Success,
    }
}

/// OCSF's severity of a notification's priority
/// (<https://docs.openstack.org/oslo.messaging/latest/reference/notifier.html>).
pub(crate) fn severity(priority: Option<&str>) -> i32 {
    match priority {
        Some("AUDIT" | "DEBUG" | "INFO" | "SAMPLE") => 1,
        Some("WARN") => 2,
        Some("ERROR") => 3,
        Some("CRITICAL") => 4,
        Some(_) => 99,
        None => 0,
    }
}
