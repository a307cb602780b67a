//! Which OCSF class and activity an event is: a table to be reviewed, and verbs for the
//! rest.

/// OCSF class *Account Change*.
pub const ACCOUNT_CHANGE: i32 = 3001;
/// OCSF class *Authentication*.
pub const AUTHENTICATION: i32 = 3002;
/// OCSF class *API Activity*.
pub const API_ACTIVITY: i32 = 6003;

/// OCSF's *Other* in every class.
const OTHER: i32 = 99;

// Authentication.
const LOGON: i32 = 1;
const LOGOFF: i32 = 2;
const PREAUTH: i32 = 6;
const ACCOUNT_SWITCH: i32 = 7;

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

/// Events that are no plain API activity: service, event, class, activity. What hands out
/// a session is a logon whoever asks for it; what gives a user or role a way in (a
/// password, a key) enables it, and what takes one away disables it; changes that OCSF has
/// no activity for are *Other*.
#[rustfmt::skip]
const TABLE: &[(&str, &str, i32, i32)] = &[
    // Sign-in and sessions.
    ("signin.amazonaws.com", "ConsoleLogin", AUTHENTICATION, LOGON),
    ("signin.amazonaws.com", "UserAuthentication", AUTHENTICATION, LOGON),
    ("signin.amazonaws.com", "GetSigninToken", AUTHENTICATION, LOGON),
    ("signin.amazonaws.com", "CredentialChallenge", AUTHENTICATION, PREAUTH),
    ("signin.amazonaws.com", "CredentialVerification", AUTHENTICATION, PREAUTH),
    ("signin.amazonaws.com", "CheckMfa", AUTHENTICATION, PREAUTH),
    ("signin.amazonaws.com", "SwitchRole", AUTHENTICATION, ACCOUNT_SWITCH),
    ("signin.amazonaws.com", "RenewRole", AUTHENTICATION, ACCOUNT_SWITCH),
    ("signin.amazonaws.com", "ExitRole", AUTHENTICATION, ACCOUNT_SWITCH),
    ("signin.amazonaws.com", "Logout", AUTHENTICATION, LOGOFF),
    ("signin.amazonaws.com", "PasswordRecoveryRequested", ACCOUNT_CHANGE, PASSWORD_RESET),
    ("signin.amazonaws.com", "PasswordRecoveryCompleted", ACCOUNT_CHANGE, PASSWORD_RESET),
    ("signin.amazonaws.com", "PasswordUpdated", ACCOUNT_CHANGE, PASSWORD_CHANGE),
    ("sts.amazonaws.com", "AssumeRole", AUTHENTICATION, LOGON),
    ("sts.amazonaws.com", "AssumeRoleWithSAML", AUTHENTICATION, LOGON),
    ("sts.amazonaws.com", "AssumeRoleWithWebIdentity", AUTHENTICATION, LOGON),
    ("sts.amazonaws.com", "AssumeRoot", AUTHENTICATION, LOGON),
    ("sts.amazonaws.com", "GetSessionToken", AUTHENTICATION, LOGON),
    ("sts.amazonaws.com", "GetFederationToken", AUTHENTICATION, LOGON),
    ("sso.amazonaws.com", "Authenticate", AUTHENTICATION, LOGON),
    ("sso.amazonaws.com", "Federate", AUTHENTICATION, LOGON),
    ("sso.amazonaws.com", "GetRoleCredentials", AUTHENTICATION, LOGON),
    ("sso.amazonaws.com", "Logout", AUTHENTICATION, LOGOFF),
    ("sso-oauth.amazonaws.com", "CreateToken", AUTHENTICATION, LOGON),
    ("rolesanywhere.amazonaws.com", "CreateSession", AUTHENTICATION, LOGON),
    // Users and roles.
    ("iam.amazonaws.com", "CreateUser", ACCOUNT_CHANGE, CREATE_USER),
    ("iam.amazonaws.com", "CreateRole", ACCOUNT_CHANGE, CREATE_USER),
    ("iam.amazonaws.com", "CreateServiceLinkedRole", ACCOUNT_CHANGE, CREATE_USER),
    ("iam.amazonaws.com", "DeleteUser", ACCOUNT_CHANGE, DELETE_USER),
    ("iam.amazonaws.com", "DeleteRole", ACCOUNT_CHANGE, DELETE_USER),
    ("iam.amazonaws.com", "DeleteServiceLinkedRole", ACCOUNT_CHANGE, DELETE_USER),
    ("iam.amazonaws.com", "UpdateUser", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "UpdateRole", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "UpdateRoleDescription", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "UpdateAssumeRolePolicy", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "AddUserToGroup", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "RemoveUserFromGroup", ACCOUNT_CHANGE, OTHER),
    // Ways in.
    ("iam.amazonaws.com", "CreateLoginProfile", ACCOUNT_CHANGE, ENABLE),
    ("iam.amazonaws.com", "UpdateLoginProfile", ACCOUNT_CHANGE, PASSWORD_RESET),
    ("iam.amazonaws.com", "DeleteLoginProfile", ACCOUNT_CHANGE, DISABLE),
    ("iam.amazonaws.com", "ChangePassword", ACCOUNT_CHANGE, PASSWORD_CHANGE),
    ("iam.amazonaws.com", "CreateAccessKey", ACCOUNT_CHANGE, ENABLE),
    ("iam.amazonaws.com", "UpdateAccessKey", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "DeleteAccessKey", ACCOUNT_CHANGE, DISABLE),
    ("iam.amazonaws.com", "CreateServiceSpecificCredential", ACCOUNT_CHANGE, ENABLE),
    ("iam.amazonaws.com", "ResetServiceSpecificCredential", ACCOUNT_CHANGE, PASSWORD_RESET),
    ("iam.amazonaws.com", "UpdateServiceSpecificCredential", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "DeleteServiceSpecificCredential", ACCOUNT_CHANGE, DISABLE),
    ("iam.amazonaws.com", "UploadSSHPublicKey", ACCOUNT_CHANGE, ENABLE),
    ("iam.amazonaws.com", "UpdateSSHPublicKey", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "DeleteSSHPublicKey", ACCOUNT_CHANGE, DISABLE),
    ("iam.amazonaws.com", "UploadSigningCertificate", ACCOUNT_CHANGE, ENABLE),
    ("iam.amazonaws.com", "UpdateSigningCertificate", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "DeleteSigningCertificate", ACCOUNT_CHANGE, DISABLE),
    ("iam.amazonaws.com", "CreateVirtualMFADevice", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "DeleteVirtualMFADevice", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "EnableMFADevice", ACCOUNT_CHANGE, MFA_ENABLE),
    ("iam.amazonaws.com", "ResyncMFADevice", ACCOUNT_CHANGE, OTHER),
    ("iam.amazonaws.com", "DeactivateMFADevice", ACCOUNT_CHANGE, MFA_DISABLE),
    // What they may do.
    ("iam.amazonaws.com", "AttachUserPolicy", ACCOUNT_CHANGE, ATTACH_POLICY),
    ("iam.amazonaws.com", "AttachRolePolicy", ACCOUNT_CHANGE, ATTACH_POLICY),
    ("iam.amazonaws.com", "AttachGroupPolicy", ACCOUNT_CHANGE, ATTACH_POLICY),
    ("iam.amazonaws.com", "PutUserPolicy", ACCOUNT_CHANGE, ATTACH_POLICY),
    ("iam.amazonaws.com", "PutRolePolicy", ACCOUNT_CHANGE, ATTACH_POLICY),
    ("iam.amazonaws.com", "PutGroupPolicy", ACCOUNT_CHANGE, ATTACH_POLICY),
    ("iam.amazonaws.com", "PutUserPermissionsBoundary", ACCOUNT_CHANGE, ATTACH_POLICY),
    ("iam.amazonaws.com", "PutRolePermissionsBoundary", ACCOUNT_CHANGE, ATTACH_POLICY),
    ("iam.amazonaws.com", "DetachUserPolicy", ACCOUNT_CHANGE, DETACH_POLICY),
    ("iam.amazonaws.com", "DetachRolePolicy", ACCOUNT_CHANGE, DETACH_POLICY),
    ("iam.amazonaws.com", "DetachGroupPolicy", ACCOUNT_CHANGE, DETACH_POLICY),
    ("iam.amazonaws.com", "DeleteUserPolicy", ACCOUNT_CHANGE, DETACH_POLICY),
    ("iam.amazonaws.com", "DeleteRolePolicy", ACCOUNT_CHANGE, DETACH_POLICY),
    ("iam.amazonaws.com", "DeleteGroupPolicy", ACCOUNT_CHANGE, DETACH_POLICY),
    ("iam.amazonaws.com", "DeleteUserPermissionsBoundary", ACCOUNT_CHANGE, DETACH_POLICY),
    ("iam.amazonaws.com", "DeleteRolePermissionsBoundary", ACCOUNT_CHANGE, DETACH_POLICY),
    // The identity centre's own users.
    ("identitystore.amazonaws.com", "CreateUser", ACCOUNT_CHANGE, CREATE_USER),
    ("identitystore.amazonaws.com", "UpdateUser", ACCOUNT_CHANGE, OTHER),
    ("identitystore.amazonaws.com", "DeleteUser", ACCOUNT_CHANGE, DELETE_USER),
    ("sso-directory.amazonaws.com", "CreateUser", ACCOUNT_CHANGE, CREATE_USER),
    ("sso-directory.amazonaws.com", "UpdateUser", ACCOUNT_CHANGE, OTHER),
    ("sso-directory.amazonaws.com", "DeleteUser", ACCOUNT_CHANGE, DELETE_USER),
    ("sso-directory.amazonaws.com", "EnableUser", ACCOUNT_CHANGE, ENABLE),
    ("sso-directory.amazonaws.com", "DisableUser", ACCOUNT_CHANGE, DISABLE),
    ("sso-directory.amazonaws.com", "UpdatePassword", ACCOUNT_CHANGE, PASSWORD_RESET),
    ("sso-directory.amazonaws.com", "StartVirtualMfaDeviceRegistration", ACCOUNT_CHANGE, OTHER),
    ("sso-directory.amazonaws.com", "CompleteVirtualMfaDeviceRegistration", ACCOUNT_CHANGE, MFA_ENABLE),
    ("sso-directory.amazonaws.com", "DeleteMfaDeviceForUser", ACCOUNT_CHANGE, MFA_DISABLE),
];

/// The table's rows, for those who show it.
pub fn table() -> impl Iterator<Item = (&'static str, &'static str, i32, i32)> {
    TABLE.iter().copied()
}

/// OCSF class and activity of an event. `read_only` is what the record says of itself,
/// used where the verb says nothing.
#[must_use]
pub fn class_of(service: &str, operation: &str, read_only: bool) -> (i32, i32) {
    // Few services are in the table, and most events are of others.
    if matches!(service.as_bytes().first(), Some(b'i' | b'r' | b's')) {
        let hit = TABLE
            .iter()
            .find(|row| row.1 == operation && row.0 == service);
        if let Some((_, _, class, activity)) = hit {
            return (*class, *activity);
        }
    }
    let activity = match verb_activity(operation) {
        OTHER if read_only => READ,
        activity => activity,
    };
    (API_ACTIVITY, activity)
}

/// The activity that an operation's first word tells.
pub(crate) fn verb_activity(operation: &str) -> i32 {
    let (word, rest) = first_word(operation);
    match word {
        "Get" | "List" | "Describe" | "Head" | "Lookup" | "Search" | "Query" | "Scan"
        | "Select" | "View" | "Check" | "Test" | "Validate" | "Verify" | "Preview" | "Download"
        | "Discover" | "Detect" | "Estimate" | "Filter" | "Poll" | "Read" | "Receive"
        | "Retrieve" | "Simulate" | "Count" | "Decode" | "Evaluate" => READ,
        "Create" | "Run" | "Allocate" | "Register" | "Copy" | "Import" | "Upload" | "Launch"
        | "Request" | "Restore" | "Invite" | "Issue" | "Provision" | "Purchase" | "Insert" => {
            CREATE
        }
        "Update" | "Modify" | "Put" | "Set" | "Attach" | "Detach" | "Associate"
        | "Disassociate" | "Enable" | "Disable" | "Tag" | "Untag" | "Add" | "Change"
        | "Replace" | "Reset" | "Rotate" | "Start" | "Stop" | "Reboot" | "Authorize" | "Revoke"
        | "Assign" | "Unassign" | "Configure" | "Edit" | "Accept" | "Reject" | "Move" | "Merge"
        | "Rename" | "Renew" | "Promote" | "Resume" | "Suspend" | "Pause" | "Activate"
        | "Deactivate" | "Apply" | "Grant" | "Write" | "Increase" | "Decrease" | "Extend"
        | "Upgrade" | "Link" | "Unlink" | "Monitor" | "Unmonitor" => UPDATE,
        "Delete" | "Terminate" | "Remove" | "Deregister" | "Unregister" | "Release" | "Purge"
        | "Destroy" | "Cancel" | "Retire" | "Clear" | "Abort" | "Discard" => DELETE,
        // `BatchGetItem`, `AdminCreateUser`: the verb comes second.
        "Batch" | "Admin" if !rest.is_empty() => verb_activity(rest),
        _ => OTHER,
    }
}

/// The first word of a name in camel case, and the rest.
fn first_word(name: &str) -> (&str, &str) {
    let end = name
        .bytes()
        .skip(1)
        .position(|byte| !byte.is_ascii_lowercase())
        .map_or(name.len(), |at| at + 1);
    name.split_at_checked(end).unwrap_or((name, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_unique_and_their_services_pass_the_quick_look() {
        let mut seen = std::collections::BTreeSet::new();
        for (service, operation, class, activity) in table() {
            assert!(
                seen.insert((service, operation)),
                "{service} {operation} twice"
            );
            assert_eq!(class_of(service, operation, false), (class, activity));
        }
    }

    #[test]
    fn verbs_give_the_activity() {
        for (operation, read_only, activity) in [
            ("DescribeInstances", true, READ),
            ("RunInstances", false, CREATE),
            ("PutObject", false, UPDATE),
            ("TerminateInstances", false, DELETE),
            ("BatchGetItem", true, READ),
            ("Decrypt", true, READ),
            ("Invoke", false, OTHER),
            ("", false, OTHER),
            ("é", false, OTHER),
        ] {
            assert_eq!(
                class_of("ec2.amazonaws.com", operation, read_only),
                (API_ACTIVITY, activity),
                "{operation}"
            );
        }
    }
}
