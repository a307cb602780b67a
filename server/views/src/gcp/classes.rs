//! Which OCSF class and activity a call is: a table to be reviewed, and verbs for the rest.

use crate::cloudtrail::classes::verb_activity;
use crate::cloudtrail::{ACCOUNT_CHANGE, API_ACTIVITY, AUTHENTICATION};
use crate::row::Status;

const OTHER: i32 = 99;

// Authentication.
const LOGON: i32 = 1;
const LOGOFF: i32 = 2;
const PREAUTH: i32 = 6;

// Account Change.
const CREATE_USER: i32 = 1;
const ENABLE: i32 = 2;
const PASSWORD_CHANGE: i32 = 3;
const DISABLE: i32 = 5;
const DELETE_USER: i32 = 6;
const MFA_ENABLE: i32 = 10;
const MFA_DISABLE: i32 = 11;

// API Activity.
const CREATE: i32 = 1;
const UPDATE: i32 = 3;

/// Calls that are no plain API activity: service, last word of the method, class, activity.
/// As with AWS, what hands out a session is a logon, and what gives or takes a key enables
/// or disables.
#[rustfmt::skip]
const TABLE: &[(&str, &str, i32, i32)] = &[
    // <https://cloud.google.com/logging/docs/audit/gsuite-audit-logging>
    ("login.googleapis.com", "loginSuccess", AUTHENTICATION, LOGON),
    ("login.googleapis.com", "loginFailure", AUTHENTICATION, LOGON),
    ("login.googleapis.com", "logout", AUTHENTICATION, LOGOFF),
    ("login.googleapis.com", "loginVerification", AUTHENTICATION, PREAUTH),
    ("login.googleapis.com", "loginChallenge", AUTHENTICATION, PREAUTH),
    ("login.googleapis.com", "passwordEdit", ACCOUNT_CHANGE, PASSWORD_CHANGE),
    ("login.googleapis.com", "2svEnroll", ACCOUNT_CHANGE, MFA_ENABLE),
    ("login.googleapis.com", "2svDisable", ACCOUNT_CHANGE, MFA_DISABLE),
    ("login.googleapis.com", "accountDisabledHijacked", ACCOUNT_CHANGE, DISABLE),
    ("login.googleapis.com", "accountDisabledPasswordLeak", ACCOUNT_CHANGE, DISABLE),
    ("admin.googleapis.com", "createUser", ACCOUNT_CHANGE, CREATE_USER),
    ("admin.googleapis.com", "deleteUser", ACCOUNT_CHANGE, DELETE_USER),
    ("admin.googleapis.com", "suspendUser", ACCOUNT_CHANGE, DISABLE),
    ("admin.googleapis.com", "unsuspendUser", ACCOUNT_CHANGE, ENABLE),
    ("admin.googleapis.com", "changePassword", ACCOUNT_CHANGE, PASSWORD_CHANGE),
    ("admin.googleapis.com", "addGroupMember", ACCOUNT_CHANGE, OTHER),
    ("admin.googleapis.com", "removeGroupMember", ACCOUNT_CHANGE, OTHER),
    ("admin.googleapis.com", "grantAdminPrivilege", ACCOUNT_CHANGE, OTHER),
    // <https://cloud.google.com/iam/docs/audit-logging>
    ("iamcredentials.googleapis.com", "GenerateAccessToken", AUTHENTICATION, LOGON),
    ("iamcredentials.googleapis.com", "GenerateIdToken", AUTHENTICATION, LOGON),
    ("sts.googleapis.com", "ExchangeToken", AUTHENTICATION, LOGON),
    ("iam.googleapis.com", "CreateServiceAccount", ACCOUNT_CHANGE, CREATE_USER),
    ("iam.googleapis.com", "DeleteServiceAccount", ACCOUNT_CHANGE, DELETE_USER),
    ("iam.googleapis.com", "UndeleteServiceAccount", ACCOUNT_CHANGE, CREATE_USER),
    ("iam.googleapis.com", "EnableServiceAccount", ACCOUNT_CHANGE, ENABLE),
    ("iam.googleapis.com", "DisableServiceAccount", ACCOUNT_CHANGE, DISABLE),
    ("iam.googleapis.com", "UpdateServiceAccount", ACCOUNT_CHANGE, OTHER),
    ("iam.googleapis.com", "PatchServiceAccount", ACCOUNT_CHANGE, OTHER),
    ("iam.googleapis.com", "CreateServiceAccountKey", ACCOUNT_CHANGE, ENABLE),
    ("iam.googleapis.com", "UploadServiceAccountKey", ACCOUNT_CHANGE, ENABLE),
    ("iam.googleapis.com", "EnableServiceAccountKey", ACCOUNT_CHANGE, ENABLE),
    ("iam.googleapis.com", "DisableServiceAccountKey", ACCOUNT_CHANGE, DISABLE),
    ("iam.googleapis.com", "DeleteServiceAccountKey", ACCOUNT_CHANGE, DISABLE),
];

/// OCSF class and activity of a call.
pub(super) fn class_of(service: &str, method: &str) -> (i32, i32) {
    let word = method.rsplit('.').next().unwrap_or(method);
    if let Some((_, _, class, activity)) =
        TABLE.iter().find(|row| row.1 == word && row.0 == service)
    {
        return (*class, *activity);
    }
    (API_ACTIVITY, activity(word))
}

/// How a sign-in ended, which its method tells and its status does not.
pub(super) fn login_outcome(service: &str, method: &str) -> Option<Status> {
    (service == "login.googleapis.com" && method.ends_with(".loginFailure"))
        .then_some(Status::Failure)
}

/// The activity that a method's first word tells: `instances.insert`, `SetIamPolicy`.
fn activity(word: &str) -> i32 {
    let mut letters = word.chars();
    let Some(first) = letters.next() else {
        return OTHER;
    };
    let word: String = first.to_uppercase().chain(letters).collect();
    match verb_activity(&word) {
        OTHER if word.starts_with("Patch") => UPDATE,
        OTHER if word.starts_with("Bulk") => CREATE,
        OTHER if word.starts_with("Aggregated") => 2,
        activity => activity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_unique_and_found() {
        let mut seen = std::collections::BTreeSet::new();
        for (service, word, class, activity) in TABLE {
            assert!(seen.insert((service, word)), "{service} {word} twice");
            assert_eq!(
                class_of(service, &format!("google.x.v1.{word}")),
                (*class, *activity)
            );
        }
    }

    #[test]
    fn verbs_give_the_activity() {
        for (method, activity) in [
            ("v1.compute.instances.insert", 1),
            ("storage.objects.get", 2),
            ("google.iam.v1.IAMPolicy.SetIamPolicy", 3),
            ("v1.compute.firewalls.patch", 3),
            ("io.k8s.core.v1.pods.delete", 4),
            ("v1.compute.instances.aggregatedList", 2),
            ("", 99),
            ("ünknown", 99),
        ] {
            assert_eq!(
                class_of("x.googleapis.com", method),
                (API_ACTIVITY, activity),
                "{method}"
            );
        }
    }
}
