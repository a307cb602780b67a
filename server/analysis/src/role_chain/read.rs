//! What one event says of who became whom.

use serde_json::Value;

use crate::json;
use crate::row::Row;
use crate::tally::key;

/// Operations of AWS that give somebody an identity, or a way to it.
pub(super) const AWS_OPERATIONS: [&str; 10] = [
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "GetSessionToken",
    "GetFederationToken",
    "CreateAccessKey",
    "CreateLoginProfile",
    "UpdateLoginProfile",
    "UpdateAssumeRolePolicy",
];

/// Those that give a session, of a role or of a federated user.
pub(super) const SESSION_OPERATIONS: [&str; 4] = [
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "GetFederationToken",
];

/// Those that give a role, or change who is given it.
pub(super) const ROLE_OPERATIONS: [&str; 4] = [
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "UpdateAssumeRolePolicy",
];

/// Those that give what a user has, or its name.
pub(super) const USER_OPERATIONS: [&str; 5] = [
    "GetSessionToken",
    "GetFederationToken",
    "CreateAccessKey",
    "CreateLoginProfile",
    "UpdateLoginProfile",
];

/// The same of Google Cloud, as methods end.
pub(super) const GCP_METHODS: [&str; 5] = [
    "GenerateAccessToken",
    "GenerateIdToken",
    "SignBlob",
    "SignJwt",
    "CreateServiceAccountKey",
];

/// Somebody or something that identities are given to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who {
    pub(super) id: String,
    pub(super) kind: &'static str,
}

impl Who {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: key(id),
            kind: kind(id),
        }
    }
}

/// What an identity is, by its form.
pub(super) fn kind(id: &str) -> &'static str {
    if id.starts_with("arn:") {
        return match id {
            _ if id.contains(":assumed-role/") => "session",
            _ if id.contains(":federated-user/") => "session",
            _ if id.contains(":role/") => "role",
            _ => "user",
        };
    }
    if id.ends_with(".gserviceaccount.com") {
        "service_account"
    } else if id.ends_with(".amazonaws.com") || id.ends_with(".googleapis.com") {
        "service"
    } else if id.len() >= 16
        && ["AKIA", "ASIA"].iter().any(|start| id.starts_with(start))
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        "access_key"
    } else {
        "user"
    }
}

/// That somebody was given an identity, or was refused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issue {
    /// Who asked.
    pub(super) from: Who,
    /// The key that was asked with.
    pub(super) with: Option<String>,
    /// What was given.
    pub(super) to: Who,
    /// The role of it, if it is a session of one.
    pub(super) role: Option<String>,
    /// The id of the key that was issued.
    pub(super) key: Option<String>,
    /// Until when the key is good, as the record has it.
    pub(super) expires: Option<String>,
    pub(super) operation: String,
    pub(super) refused: bool,
}

/// The key that a call was made with.
pub(super) fn key_of(row: &Row<'_>) -> Option<String> {
    (!row.credential_uid.is_empty()).then(|| key(row.credential_uid))
}

/// What the event says; more than one where a chain of delegation stands in it.
pub(super) fn issues(row: &Row<'_>) -> Vec<Issue> {
    match row.source_type {
        "aws.cloudtrail" => aws(row).into_iter().collect(),
        "gcp.audit" => gcp(row),
        _ => Vec::new(),
    }
}

fn aws(row: &Row<'_>) -> Option<Issue> {
    let raw = row.raw;
    let at = |path: &[&str]| json::text(raw, path).map(|found| key(&found));
    let caller = if row.actor.is_empty() {
        at(&["sourceIPAddress"])?
    } else {
        row.actor.to_owned()
    };
    let credentials = |field| at(&["responseElements", "credentials", field]);
    let user = || {
        let name = at(&["responseElements", "accessKey", "userName"])
            .or_else(|| at(&["requestParameters", "userName"]));
        match name {
            Some(name) => format!("arn:aws:iam::{}:user/{name}", row.account),
            // Without a name it is the caller's own.
            None => caller.clone(),
        }
    };
    let role = at(&["requestParameters", "roleArn"]);
    let (to, key) = match row.operation {
        "AssumeRole" | "AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity" => {
            let session = at(&["responseElements", "assumedRoleUser", "arn"]);
            // Services are answered without it.
            let named = || {
                session_of(
                    role.as_deref()?,
                    &at(&["requestParameters", "roleSessionName"])?,
                )
            };
            let session = session.or_else(named).filter(|_| !row.failed());
            let to = session
                .or_else(|| role.clone())
                .or_else(|| refused_role(raw))?;
            (to, credentials("accessKeyId"))
        }
        "AssumeRoot" => {
            let account = at(&["requestParameters", "targetPrincipal"])?;
            let root = if account.starts_with("arn:") {
                account
            } else {
                format!("arn:aws:iam::{account}:root")
            };
            (root, credentials("accessKeyId"))
        }
        "GetSessionToken" => (caller.clone(), credentials("accessKeyId")),
        "GetFederationToken" => {
            let user = at(&["responseElements", "federatedUser", "arn"]);
            let user = user.or_else(|| at(&["requestParameters", "name"]))?;
            (user, credentials("accessKeyId"))
        }
        "CreateAccessKey" => (
            user(),
            at(&["responseElements", "accessKey", "accessKeyId"]),
        ),
        "CreateLoginProfile" | "UpdateLoginProfile" => (user(), None),
        "UpdateAssumeRolePolicy" => {
            let name = at(&["requestParameters", "roleName"])?;
            (format!("arn:aws:iam::{}:role/{name}", row.account), None)
        }
        _ => return None,
    };
    Some(Issue {
        from: Who::new(&caller),
        with: key_of(row),
        to: Who::new(&to),
        role,
        expires: key.as_ref().and_then(|_| credentials("expiration")),
        key,
        operation: row.operation.to_owned(),
        refused: row.failed(),
    })
}

/// The session of that name of a role.
fn session_of(role: &str, name: &str) -> Option<String> {
    let (start, path) = role.split_once(":role/")?;
    let start = start.replacen(":iam:", ":sts:", 1);
    let role = path.rsplit('/').next()?;
    Some(key(&format!("{start}:assumed-role/{role}/{name}")))
}

/// The role that a refusal names: `… is not authorized to perform: sts:AssumeRole on
/// resource: arn:…`.
fn refused_role(raw: &str) -> Option<String> {
    let message = json::text(raw, &["errorMessage"])?;
    let (_, rest) = message.split_once(" on resource: ")?;
    let arn = rest.split(|c: char| c.is_whitespace()).next()?;
    let arn = arn.trim_end_matches(['.', ',']);
    arn.starts_with("arn:").then(|| key(arn))
}

fn gcp(row: &Row<'_>) -> Vec<Issue> {
    let raw = row.raw;
    let at = |path: &[&str]| json::text(raw, path).map(|found| key(&found));
    let mut out = Vec::new();
    let issue = |from: &str, to: &str, key, operation: &str| Issue {
        from: Who::new(from),
        with: key_of(row),
        to: Who::new(to),
        role: None,
        key,
        expires: None,
        operation: operation.to_owned(),
        refused: row.failed(),
    };
    let method = GCP_METHODS
        .iter()
        .find(|method| row.operation.ends_with(*method));
    let named =
        at(&["protoPayload", "request", "name"]).or_else(|| at(&["protoPayload", "resourceName"]));
    if let (Some(method), Some(name), false) = (method, named, row.actor.is_empty()) {
        // projects/-/serviceAccounts/NAME, with /keys/ID behind it for keys.
        let account = name.split("serviceAccounts/").nth(1).unwrap_or(&name);
        let account = account.split('/').next().unwrap_or_default();
        let key = at(&["protoPayload", "response", "name"])
            .filter(|name| name.contains("/keys/"))
            .map(|name| format!("//iam.googleapis.com/{name}"));
        out.push(issue(row.actor, account, key, method));
    }
    // The first delegates to the second …, the last to the actor.
    let delegation = json::tree(
        raw,
        &[
            "protoPayload",
            "authenticationInfo",
            "serviceAccountDelegationInfo",
        ],
    );
    if let Some(Value::Array(chain)) = delegation {
        let names = chain.iter().take(super::MOST_DELEGATES).filter_map(|one| {
            let first = one.get("firstPartyPrincipal")?.get("principalEmail")?;
            first.as_str()
        });
        let mut names: Vec<&str> = names.collect();
        names.push(row.actor);
        names.retain(|name| !name.is_empty());
        for pair in names.windows(2) {
            if let [from, to] = pair
                && from != to
            {
                out.push(issue(from, to, None, "delegation"));
            }
        }
    }
    out
}
