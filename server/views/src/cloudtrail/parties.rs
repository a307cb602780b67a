//! Who is concerned by a CloudTrail record, and whose its names are.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::Value;
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::parse::{Record, Subjects, Text};
use crate::attribute::Reject;
use crate::directory::{Directory, Kind, Names};
use crate::identity::{self, Arn, Part};
use crate::row::SourceType;
use crate::table::{Class, PartyTable, Role, Roles, Rule};
use crate::view::{Known, Viewer};

/// More different accounts than this are no honest record.
pub const MOST_PARTIES: usize = 64;
/// More different names of others than this can't be searched for in bounded time.
pub const MOST_IDENTITIES: usize = 1024;

/// An account that is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Party<'r> {
    /// The account, without a cloud in front.
    pub(crate) id: Cow<'r, str>,
    /// How it takes part.
    pub(crate) roles: Roles,
}

/// The parties of a record, each once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parties<'r>(pub(crate) SmallVec<[Party<'r>; 4]>);

impl<'r> Parties<'r> {
    fn add(&mut self, id: Option<Cow<'r, str>>, role: Role) -> Result<(), Reject> {
        let Some(id) = id else { return Ok(()) };
        if let Some(party) = self.0.iter_mut().find(|party| party.id == id) {
            party.roles.insert(role);
            return Ok(());
        }
        if self.0.len() == MOST_PARTIES {
            return Err(Reject::new(
                Reject::TOO_MANY_PARTIES,
                format!("more than {MOST_PARTIES} accounts"),
            ));
        }
        let mut roles = Roles::NONE;
        roles.insert(role);
        self.0.push(Party { id, roles });
        Ok(())
    }

    /// The account in a role, where one is.
    pub(crate) fn in_role(&self, role: Role) -> Option<&Party<'r>> {
        self.0.iter().find(|party| party.roles.contains(role))
    }
}

/// Fields of every record that name parties, by their paths in the party table. What reads
/// them is typed for speed; a test holds this list and the table together.
#[cfg(test)]
pub(crate) const TYPED: [(&str, Role); 5] = [
    ("userIdentity.accountId", Role::Caller),
    (
        "userIdentity.sessionContext.sessionIssuer.accountId",
        Role::Issuer,
    ),
    ("vpcEndpointAccountId", Role::Interface),
    ("recipientAccountId", Role::Recipient),
    ("resources.*.accountId", Role::Owner),
];

/// Rules by which single operations name parties.
static OF_OPERATIONS: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| {
    PartyTable::of(SourceType::AwsCloudTrail).map_or_else(
        |_| Vec::new(),
        |table| {
            table
                .rules
                .iter()
                .filter(|rule| rule.class == Class::Party && !rule.operations.is_empty())
                .collect()
        },
    )
});

/// The accounts that a record concerns.
pub(crate) fn parties<'r>(record: &'r Record<'_>) -> Result<Parties<'r>, Reject> {
    let mut out = Parties::default();
    let who = &record.user_identity.0;
    out.add(who.account_id.account(), Role::Caller)?;
    out.add(
        who.session_context.0.session_issuer.0.account_id.account(),
        Role::Issuer,
    )?;
    out.add(record.recipient_account_id.account(), Role::Recipient)?;
    out.add(record.vpc_endpoint_account_id.account(), Role::Interface)?;
    for resource in &record.resources.0 {
        out.add(resource.party(), Role::Owner)?;
    }
    let operation = record.event_name.as_str();
    for rule in OF_OPERATIONS.iter().filter(|rule| rule.is_for(operation)) {
        let Some(role) = rule.role else { continue };
        for id in in_part(record, rule) {
            out.add(Some(Cow::Owned(id)), role)?;
        }
    }
    Ok(out)
}

/// The accounts that a rule finds in the part of the record that its path begins with.
fn in_part(record: &Record<'_>, rule: &Rule) -> Vec<String> {
    let Some((part, path)) = rule.path.split_first() else {
        return Vec::new();
    };
    let raw: Option<&RawValue> = match part {
        "requestParameters" => record.request_parameters,
        "responseElements" => record.response_elements,
        "additionalEventData" => record.additional_event_data,
        _ => None,
    };
    let Some(value) = raw.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok()) else {
        return Vec::new();
    };
    path.select(&value)
        .into_iter()
        .filter_map(|value| match value {
            Value::String(text) => account_named(rule.kind, text),
            Value::Number(number) => {
                account_named(rule.kind, &identity::padded_account(&number.to_string()))
            }
            _ => None,
        })
        .collect()
}

/// The account that text names: as an ARN, or bare where the field is an account.
fn account_named(kind: Option<Kind>, text: &str) -> Option<String> {
    let account = match (Arn::parse(text), kind) {
        (Some(arn), _) => arn.account,
        (None, Some(Kind::Account)) => text,
        (None, _) => return None,
    };
    identity::party_account(account).map(str::to_owned)
}

/// Whose the names of the record are, for one viewer.
pub(crate) fn known<D, N>(
    record: &Record<'_>,
    parties: &Parties<'_>,
    viewer: &Viewer<'_, D, N>,
) -> Result<Known, Reject>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let mut known = Known::default();
    for party in &parties.0 {
        if !viewer.owns_account(&party.id) {
            known.stranger(
                Kind::Account,
                &party.id,
                &identity::directory_account(&party.id),
            );
        }
    }
    let who = &record.user_identity.0;
    let issuer = &who.session_context.0.session_issuer.0;
    person(
        &mut known,
        viewer,
        &who.account_id,
        &[&who.user_name],
        &who.principal_id,
        &who.arn,
    );
    person(
        &mut known,
        viewer,
        &issuer.account_id,
        &[&issuer.user_name],
        &issuer.principal_id,
        &issuer.arn,
    );
    let caller_is_viewer = who
        .account_id
        .account()
        .is_some_and(|account| viewer.owns_account(&account));
    if !caller_is_viewer && let Some(key) = who.access_key_id.get() {
        stranger(&mut known, Kind::AccessKey, key, key);
    }
    for resource in &record.resources.0 {
        let Some(owner) = resource.owner() else {
            continue;
        };
        let own = viewer.owns_account(&owner);
        for arn in [&resource.arn, &resource.arn_prefix] {
            if let Some(text) = arn.get() {
                thing(&mut known, viewer, text, own);
            }
        }
    }
    if !caller_is_viewer {
        bucket(&mut known, record, viewer);
    }
    session(&mut known, record, viewer);
    if known.len() > MOST_IDENTITIES {
        return Err(Reject::new(
            Reject::TOO_MANY_PARTIES,
            format!("more than {MOST_IDENTITIES} identities"),
        ));
    }
    Ok(known)
}

fn stranger(known: &mut Known, kind: Kind, text: &str, id: &str) {
    if !identity::is_nobody(text) {
        known.stranger(kind, text, id);
    }
}

/// Names of somebody who stands beside an account. Where no account is named they are a
/// stranger's too: nobody has said that they are the viewer's.
fn person<D, N>(
    known: &mut Known,
    viewer: &Viewer<'_, D, N>,
    account: &Text<'_>,
    names: &[&Text<'_>],
    principal: &Text<'_>,
    arn: &Text<'_>,
) where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let account = account.account();
    if account
        .as_ref()
        .is_some_and(|account| viewer.owns_account(account))
    {
        return;
    }
    let scope = account.as_deref().map(identity::directory_account);
    let scoped = |name: &str| match &scope {
        Some(scope) => format!("{scope}/{name}"),
        None => name.to_owned(),
    };
    for name in names.iter().filter_map(|name| name.get()) {
        stranger(known, Kind::Name, name, &scoped(name));
    }
    if let Some(principal) = principal.get() {
        match principal.split_once(':') {
            Some((id, session)) => {
                stranger(known, Kind::Principal, id, id);
                stranger(known, Kind::Name, session, &scoped(session));
            }
            None => stranger(known, Kind::Principal, principal, principal),
        }
    }
    if let Some(arn) = arn.get().and_then(Arn::parse)
        && arn.has_names()
        && !viewer.owns_account(arn.account)
    {
        let account = identity::directory_account(arn.account);
        for part in arn.parts() {
            if let Part::Name(name) = part {
                stranger(known, Kind::Name, name, &format!("{account}/{name}"));
            }
        }
    }
}

/// Names inside a resource's ARN.
fn thing<D, N>(known: &mut Known, viewer: &Viewer<'_, D, N>, text: &str, own: bool)
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let Some(arn) = Arn::parse(text) else {
        if own {
            known.own(text);
        } else {
            stranger(known, Kind::Resource, text, text);
        }
        return;
    };
    if arn.account.is_empty() {
        // A bucket, and what is in it is its owner's.
        let bucket = arn.resource.split('/').next().unwrap_or_default();
        let whole = text
            .get(..text.len() - arn.resource.len() + bucket.len())
            .unwrap_or(text);
        if own {
            known.own(whole);
            known.own(bucket);
        } else {
            stranger(known, Kind::Resource, bucket, whole);
        }
        return;
    }
    // The ARN's own account decides about its names, whoever is said to own it.
    let own = viewer.owns_account(arn.account);
    let account = identity::directory_account(arn.account);
    let kind = if arn.has_names() {
        Kind::Name
    } else {
        Kind::Resource
    };
    for part in arn.parts() {
        if let Part::Name(name) = part {
            if own {
                known.own(name);
            } else {
                stranger(known, kind, name, &format!("{account}/{name}"));
            }
        }
    }
}

/// CloudTrail delivers a stranger's call on a bucket to the bucket's owner, so where the
/// record does not say whose the bucket is, it is the recipient's.
fn bucket<D, N>(known: &mut Known, record: &Record<'_>, viewer: &Viewer<'_, D, N>)
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let delivered_to_viewer = record
        .recipient_account_id
        .account()
        .is_some_and(|account| viewer.owns_account(&account));
    let told = record
        .resources
        .0
        .iter()
        .any(|resource| resource.party().is_some());
    if record.event_source.as_str() == "s3.amazonaws.com"
        && delivered_to_viewer
        && !told
        && let Some(raw) = record.request_parameters
        && raw.get().starts_with('{')
        && let Ok(subjects) = serde_json::from_str::<Subjects<'_>>(raw.get())
        && let Some(name) = subjects.bucket_name.get()
    {
        known.own(name);
        known.own(&format!("arn:aws:s3:::{name}"));
    }
}

/// Names in a session in the viewer's own role: its ids are the viewer's, though they have
/// the form of anybody's, and the person behind it is the caller's.
fn session<D, N>(known: &mut Known, record: &Record<'_>, viewer: &Viewer<'_, D, N>)
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    if !record.event_name.as_str().starts_with("AssumeRole") {
        return;
    }
    let parse = |raw: Option<&RawValue>| {
        raw.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok())
            .unwrap_or_default()
    };
    let request = parse(record.request_parameters);
    let role = request.get("roleArn").and_then(Value::as_str);
    let own_role = role
        .and_then(Arn::parse)
        .is_some_and(|arn| viewer.owns_account(arn.account));
    if !own_role {
        return;
    }
    let who = &record.user_identity.0;
    let caller = who.account_id.account();
    // The person behind the call, whose name often is part of the session's.
    if let Some(person) = request.get("sourceIdentity").and_then(Value::as_str)
        && !caller.as_ref().is_some_and(|id| viewer.owns_account(id))
    {
        let scope = caller.as_deref().map(identity::directory_account);
        let id = scope.map_or_else(|| person.to_owned(), |scope| format!("{scope}/{person}"));
        stranger(known, Kind::Name, person, &id);
    }
    let answer = parse(record.response_elements);
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
    if let Some(key) = text("/credentials/accessKeyId")
        && who.access_key_id.get() != Some(key)
    {
        known.own(key);
    }
    if let Some(id) = text("/assumedRoleUser/assumedRoleId")
        && let Some((id, _)) = id.split_once(':')
        && !who.principal_id.as_str().starts_with(id)
    {
        known.own(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_the_table_says() {
        let table = PartyTable::of(SourceType::AwsCloudTrail).unwrap();
        let said: Vec<(&str, Role)> = table
            .rules
            .iter()
            .filter(|rule| rule.class == Class::Party && rule.operations.is_empty())
            .map(|rule| (rule.path.as_str(), rule.role.unwrap()))
            .collect();
        let mut read = TYPED.to_vec();
        read.sort_unstable();
        let mut said = said;
        said.sort_unstable();
        assert_eq!(said, read);
    }

    #[test]
    fn what_single_operations_name_can_be_read() {
        let rules = &*OF_OPERATIONS;
        assert!(!rules.is_empty());
        for rule in rules.iter() {
            let (part, _) = rule.path.split_first().unwrap();
            assert!(
                [
                    "requestParameters",
                    "responseElements",
                    "additionalEventData"
                ]
                .contains(&part),
                "{}",
                rule.path.as_str()
            );
        }
    }

    #[test]
    fn each_account_is_a_party_once_with_all_its_roles() {
        let text = r#"{
            "eventName": "AssumeRole",
            "userIdentity": {"accountId": "111111111111"},
            "recipientAccountId": 222222222222,
            "requestParameters": {"roleArn": "arn:aws:iam::222222222222:role/x"},
            "resources": [{"ARN": "arn:aws:iam::333333333333:role/x"}, {"accountId": "222222222222"}]
        }"#;
        let record = super::super::columns::parse(text).unwrap();
        let parties = parties(&record).unwrap();
        let found: Vec<(&str, Vec<Role>)> = parties
            .0
            .iter()
            .map(|party| (&*party.id, party.roles.iter().collect()))
            .collect();
        assert_eq!(
            found,
            [
                ("111111111111", vec![Role::Caller]),
                (
                    "222222222222",
                    vec![Role::Recipient, Role::Owner, Role::Target]
                ),
            ]
        );
    }
}
