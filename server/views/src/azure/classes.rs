//! Which OCSF class and activity an event of Azure's is: tables to be reviewed, and verbs
//! for the rest.

use crate::cloudtrail::classes::verb_activity;
use crate::cloudtrail::{ACCOUNT_CHANGE, API_ACTIVITY};

const OTHER: i32 = 99;

// Account Change.
const CREATE_USER: i32 = 1;
const ENABLE: i32 = 2;
const PASSWORD_CHANGE: i32 = 3;
const PASSWORD_RESET: i32 = 4;
const DISABLE: i32 = 5;
const DELETE_USER: i32 = 6;
const ATTACH_POLICY: i32 = 7;
const DETACH_POLICY: i32 = 8;
const MFA_ENABLE: i32 = 10;
const MFA_DISABLE: i32 = 11;

// API Activity.
const CREATE: i32 = 1;
const READ: i32 = 2;
const UPDATE: i32 = 3;
const DELETE: i32 = 4;

/// Operations of the activity log that are no plain API activity.
/// <https://learn.microsoft.com/azure/role-based-access-control/change-history-report>
const OPERATIONS: &[(&str, i32)] = &[
    (
        "microsoft.authorization/roleassignments/write",
        ATTACH_POLICY,
    ),
    (
        "microsoft.authorization/roleassignments/delete",
        DETACH_POLICY,
    ),
    (
        "microsoft.authorization/elevateaccess/action",
        ATTACH_POLICY,
    ),
];

/// Activities of the directory's audit log that are no plain API activity.
/// <https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities>
#[rustfmt::skip]
const ACTIVITIES: &[(&str, i32)] = &[
    ("Add user", CREATE_USER),
    ("Invite external user", CREATE_USER),
    ("Restore user", CREATE_USER),
    ("Delete user", DELETE_USER),
    ("Hard delete user", DELETE_USER),
    ("Update user", OTHER),
    ("Enable account", ENABLE),
    ("Disable account", DISABLE),
    ("Change user password", PASSWORD_CHANGE),
    ("Change password (self-service)", PASSWORD_CHANGE),
    ("Reset user password", PASSWORD_RESET),
    ("Reset password (by admin)", PASSWORD_RESET),
    ("Reset password (self-service)", PASSWORD_RESET),
    ("Enable Strong Authentication", MFA_ENABLE),
    ("Disable Strong Authentication", MFA_DISABLE),
    ("User registered security info", MFA_ENABLE),
    ("User deleted security info", MFA_DISABLE),
    ("Add member to role", ATTACH_POLICY),
    ("Add eligible member to role", ATTACH_POLICY),
    ("Remove member from role", DETACH_POLICY),
    ("Remove eligible member from role", DETACH_POLICY),
    ("Add member to group", OTHER),
    ("Remove member from group", OTHER),
    ("Add service principal", CREATE_USER),
    ("Remove service principal", DELETE_USER),
    ("Add service principal credentials", ENABLE),
    ("Remove service principal credentials", DISABLE),
    ("Update application – Certificates and secrets management", ENABLE),
    ("Add app role assignment to service principal", ATTACH_POLICY),
    ("Remove app role assignment from service principal", DETACH_POLICY),
    ("Add delegated permission grant", ATTACH_POLICY),
    ("Remove delegated permission grant", DETACH_POLICY),
    ("Consent to application", ATTACH_POLICY),
];

/// OCSF class and activity of an operation of the activity log or a resource's log.
/// `created` says that the answer was that something is new: `write` does not tell.
pub(super) fn class_of(operation: &str, category: &str, created: bool) -> (i32, i32) {
    let lower = operation.to_ascii_lowercase();
    if let Some((_, activity)) = OPERATIONS.iter().find(|row| row.0 == lower) {
        return (ACCOUNT_CHANGE, *activity);
    }
    let (before, last) = operation.rsplit_once('/').unwrap_or(("", operation));
    let activity = match last.to_ascii_lowercase().as_str() {
        "read" => READ,
        "write" if created => CREATE,
        "write" => UPDATE,
        "delete" => DELETE,
        "action" => action(before.rsplit('/').next().unwrap_or_default()),
        _ => action(last),
    };
    let activity = match (activity, category) {
        (OTHER, "StorageRead") => READ,
        (OTHER, "StorageWrite") => UPDATE,
        (OTHER, "StorageDelete") => DELETE,
        (activity, _) => activity,
    };
    (API_ACTIVITY, activity)
}

/// OCSF class and activity of an activity of the directory's audit log.
pub(super) fn directory_class(activity: &str) -> (i32, i32) {
    let activity = activity.trim();
    match ACTIVITIES.iter().find(|row| row.0 == activity) {
        Some((_, id)) => (ACCOUNT_CHANGE, *id),
        None => (API_ACTIVITY, verb(activity)),
    }
}

/// Beginnings of actions. Exports write them in capitals, in small letters or in camel
/// case, so that words can't be told apart.
#[rustfmt::skip]
const ACTIONS: &[(i32, &[&str])] = &[
    (READ, &["get", "list", "read", "download", "export", "beginget", "query", "check", "validate"]),
    (CREATE, &["create", "copy", "restore", "recover", "generate", "register", "capture", "import", "undelete"]),
    (UPDATE, &[
        "put", "set", "update", "start", "stop", "restart", "deallocate", "poweroff", "run", "enable",
        "disable", "regenerate", "rotate", "reset", "move", "publish", "connect", "join", "assign",
        "attach", "detach", "extend", "redeploy", "append", "lease", "rename", "elevate", "deploy",
    ]),
    (DELETE, &["delete", "purge", "remove", "cancel"]),
];

/// The activity that an action's beginning tells.
fn action(name: &str) -> i32 {
    let name = name.to_ascii_lowercase();
    ACTIONS
        .iter()
        .find(|(_, words)| words.iter().any(|word| name.starts_with(word)))
        .map_or(OTHER, |(activity, _)| *activity)
}

/// The activity that the first word tells.
fn verb(name: &str) -> i32 {
    let mut letters = name.chars();
    let Some(first) = letters.next() else {
        return OTHER;
    };
    let name: String = first.to_uppercase().chain(letters).collect();
    verb_activity(name.split(' ').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_give_class_and_activity() {
        for (operation, created, expected) in [
            (
                "Microsoft.Compute/virtualMachines/write",
                true,
                (API_ACTIVITY, CREATE),
            ),
            (
                "Microsoft.Compute/virtualMachines/write",
                false,
                (API_ACTIVITY, UPDATE),
            ),
            (
                "MICROSOFT.COMPUTE/VIRTUALMACHINES/DELETE",
                false,
                (API_ACTIVITY, DELETE),
            ),
            (
                "Microsoft.Storage/storageAccounts/listKeys/action",
                false,
                (API_ACTIVITY, READ),
            ),
            (
                "Microsoft.Compute/virtualMachines/start/action",
                false,
                (API_ACTIVITY, UPDATE),
            ),
            (
                "Microsoft.Authorization/roleAssignments/write",
                true,
                (ACCOUNT_CHANGE, ATTACH_POLICY),
            ),
            (
                "MICROSOFT.COMPUTE/VIRTUALMACHINES/RUNCOMMAND/ACTION",
                false,
                (API_ACTIVITY, UPDATE),
            ),
            ("GetBlob", false, (API_ACTIVITY, READ)),
            ("", false, (API_ACTIVITY, OTHER)),
        ] {
            assert_eq!(class_of(operation, "", created), expected, "{operation}");
        }
        assert_eq!(class_of("CopyBlobX", "StorageWrite", false).1, CREATE);
        assert_eq!(class_of("Undocumented", "StorageRead", false).1, READ);
    }

    #[test]
    fn activities_are_unique_and_found() {
        let mut seen = std::collections::BTreeSet::new();
        for (name, activity) in ACTIVITIES {
            assert!(seen.insert(name), "{name} twice");
            assert_eq!(directory_class(name), (ACCOUNT_CHANGE, *activity));
        }
        assert_eq!(directory_class("Update policy "), (API_ACTIVITY, UPDATE));
        assert_eq!(directory_class("Add application"), (API_ACTIVITY, UPDATE));
    }
}
