//! What must hold for every record and every world.
//!
//! Worlds have three customers and two accounts that nobody is registered for. Every
//! account has names of its own that no other has, so that one found in a view tells whose
//! it is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use cordon_views::{EventRow, SourceType, attribute};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use support::{Keys, OBSERVED, World, cloudtrail, row_of};

const ACCOUNTS: [&str; 5] = [
    "100000000001",
    "200000000002",
    "300000000003",
    "400000000004",
    "500000000005",
];
/// Who owns the account, where anybody does.
const TENANTS: [&str; 5] = ["alpha", "beta", "gamma", "", ""];
const RANGE: &str = "203.0.113.0/24";

/// Things of one account, each told from every other's.
fn arn(account: usize) -> String {
    format!("arn:aws:iam::{}:user/{}", ACCOUNTS[account], name(account))
}
fn role(account: usize) -> String {
    format!(
        "arn:aws:iam::{}:role/role-of-{}",
        ACCOUNTS[account],
        name(account)
    )
}
fn name(account: usize) -> String {
    ["annabel", "bertrand", "cassandra", "dorothea", "ermintrude"][account].to_owned()
}
fn principal(account: usize) -> String {
    format!(
        "AIDA{}",
        "VWXYZ".chars().nth(account).unwrap().to_string().repeat(17)
    )
}
fn access_key(account: usize) -> String {
    format!(
        "AKIA{}",
        "VWXYZ".chars().nth(account).unwrap().to_string().repeat(16)
    )
}
fn address(account: usize) -> String {
    format!("203.0.113.{}", account + 11)
}
fn bucket(account: usize) -> String {
    format!(
        "bucket-{}",
        ["aardvark", "badger", "capybara", "dormouse", "echidna"][account]
    )
}

fn dashed(account: usize) -> String {
    let id = ACCOUNTS[account];
    format!("{}-{}-{}", &id[..4], &id[4..8], &id[8..])
}

/// Everything by which an account could be told.
fn marks(account: usize) -> Vec<String> {
    vec![
        ACCOUNTS[account].to_owned(),
        name(account),
        principal(account),
        access_key(account),
        address(account),
        address(account).replace('.', "-"),
        dashed(account),
        bucket(account),
    ]
}

fn account() -> impl Strategy<Value = usize> {
    0..ACCOUNTS.len()
}

/// Text with identities of accounts in it, in all the dresses that they wear.
fn text() -> impl Strategy<Value = String> {
    let part = (account(), 0..12_usize).prop_map(|(who, dress)| match dress {
        0 => ACCOUNTS[who].to_owned(),
        1 => arn(who),
        2 => format!("{}:sess", principal(who)),
        3 => access_key(who),
        4 => address(who),
        5 => format!("{{\"AWS\":[\"{}\",\"{}\"]}}", role(who), ACCOUNTS[who]),
        6 => arn(who).replace(':', "%3A").replace('/', "%2F"),
        7 => format!("ip-{}.ec2.internal", address(who).replace('.', "-")),
        8 => format!("logs-{}-eu", ACCOUNTS[who]),
        9 => dashed(who),
        10 => format!("https://sqs/{}/x", ACCOUNTS[who]),
        _ => "Gruß an 日本 \\ \" words".to_owned(),
    });
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.join(" on "))
}

/// Any JSON, with identities in it.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        account().prop_map(|who| ACCOUNTS[who].parse::<u64>().unwrap().into()),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..3)
                .prop_map(|entries| entries.into_iter().collect::<Value>()),
        ]
    })
}

fn identity() -> impl Strategy<Value = Value> {
    (account(), account(), any::<u8>()).prop_map(|(who, other, shape)| match shape % 7 {
        0 => json!({
            "type": "IAMUser", "accountId": ACCOUNTS[who], "arn": arn(who),
            "principalId": principal(who), "accessKeyId": access_key(who), "userName": name(who)
        }),
        1 => json!({
            "type": "AssumedRole", "accountId": ACCOUNTS[who],
            "arn": format!("arn:aws:sts::{}:assumed-role/role-of-{}/{}", ACCOUNTS[who], name(who), name(who)),
            "principalId": format!("{}:{}", principal(who), name(who)),
            "sessionContext": {"sessionIssuer": {
                "type": "Role", "accountId": ACCOUNTS[other], "arn": role(other),
                "principalId": principal(other), "userName": format!("role-of-{}", name(other))
            }}
        }),
        2 => json!({"type": "AWSAccount", "accountId": ACCOUNTS[who], "principalId": principal(who)}),
        3 => json!({"type": "AWSAccount", "accountId": "ANONYMOUS_PRINCIPAL", "principalId": ""}),
        4 => json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}),
        5 => json!({"accountId": ACCOUNTS[who].parse::<u64>().unwrap()}),
        _ => Value::Null,
    })
}

fn resource() -> impl Strategy<Value = Value> {
    (account(), any::<u8>()).prop_map(|(who, shape)| match shape % 5 {
        0 => json!({"accountId": ACCOUNTS[who], "type": "AWS::IAM::Role", "ARN": role(who)}),
        1 => json!({"accountId": ACCOUNTS[who], "type": "AWS::S3::Bucket", "ARN": format!("arn:aws:s3:::{}", bucket(who))}),
        2 => json!({"type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::{}/a key, with \"all\"", bucket(who))}),
        3 => json!({"ARN": role(who), "unknown": arn(who)}),
        _ => Value::Null,
    })
}

fn record() -> impl Strategy<Value = Value> {
    (
        identity(),
        prop::collection::vec(resource(), 0..3),
        prop::option::of(account()),
        select(vec![
            "AssumeRole",
            "GetObject",
            "PutBucketPolicy",
            "Decrypt",
            "DescribeInstances",
            "Invoke",
        ]),
        (account(), account(), account()),
        (text(), text(), tree(), tree(), tree()),
        any::<[bool; 4]>(),
    )
        .prop_map(|(identity, resources, recipient, event, who, free, have)| {
            let (target, of_bucket, from) = who;
            let (error, agent, request, answer, other) = free;
            let mut record = json!({
                "eventVersion": "1.08",
                "userIdentity": identity,
                "eventTime": "2023-07-10T11:42:18Z",
                "eventSource": "sts.amazonaws.com",
                "eventName": event,
                "awsRegion": "us-east-1",
                "sourceIPAddress": if have[0] { address(from) } else { "198.51.100.7".into() },
                "userAgent": agent,
                "requestParameters": {
                    "roleArn": role(target),
                    "roleSessionName": "session",
                    "policy": error,
                    "bucketName": bucket(of_bucket),
                    "key": text_of(&request),
                    "bucketPolicy": request,
                    "keyId": role(target),
                    "granteePrincipal": arn(target),
                },
                "responseElements": {
                    "credentials": {"accessKeyId": access_key(target), "sessionToken": "tok"},
                    "assumedRoleUser": answer,
                },
                "errorMessage": error,
                "eventID": "7a0cf1e4-5a9e-4c3a-9d5c-5f6f3a1f0d11",
                "resources": resources,
                "vpcEndpointId": other,
                "somethingNew": other,
            });
            if let Some(recipient) = recipient {
                record["recipientAccountId"] = json!(ACCOUNTS[recipient]);
            }
            if have[1] {
                record["requestParameters"] = Value::Null;
            }
            if have[2] {
                record["sharedEventID"] = json!("5d0ab1a5-6a3e-4a84-86a6-1fc4ffcf2f0e");
            }
            if have[3] {
                record["vpcEndpointAccountId"] = json!(ACCOUNTS[from]);
            }
            record
        })
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A world in which those accounts are registered that `have` says.
fn world(have: [bool; 5]) -> World {
    let mut world = World::default().range(RANGE);
    for who in 0..ACCOUNTS.len() {
        if have[who] {
            let tenant = if TENANTS[who].is_empty() {
                format!("late-{who}")
            } else {
                TENANTS[who].to_owned()
            };
            world = world
                .account(ACCOUNTS[who], &tenant)
                .address(&address(who), &tenant);
        }
    }
    world
}

fn named_in<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(value, |value, key| &value[*key])
}

/// The accounts that a record names as the caller.
fn caller(record: &Value) -> Option<usize> {
    let id = named_in(record, &["userIdentity", "accountId"]);
    let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    ACCOUNTS.iter().position(|account| *account == id)
}

/// The view without what its owner sent or was answered.
fn without_own_words(row: &EventRow, record: &Value, viewer: usize) -> String {
    let mut view: Value = serde_json::from_str(&row.raw).unwrap();
    let mut columns = row.clone();
    columns.raw.clear();
    if caller(record) == Some(viewer) {
        for key in [
            "requestParameters",
            "responseElements",
            "errorMessage",
            "userAgent",
            "userIdentity",
            "sourceIPAddress",
            "vpcEndpointId",
        ] {
            view.as_object_mut().unwrap().remove(key);
        }
        // Columns that are read from those.
        columns.resources.clear();
        columns.actor.clear();
        columns.src_ip = None;
    }
    if record["vpcEndpointAccountId"] == ACCOUNTS[viewer] {
        view.as_object_mut().unwrap().remove("vpcEndpointId");
    }
    if named_in(
        record,
        &[
            "userIdentity",
            "sessionContext",
            "sessionIssuer",
            "accountId",
        ],
    ) == ACCOUNTS[viewer]
    {
        // Whose role it is sees the role.
        view["userIdentity"]["sessionContext"]["sessionIssuer"] = Value::Null;
    }
    format!("{view} {columns:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_view_shows_nobody_else(record in record(), have in any::<[bool; 5]>()) {
        let world = world(have);
        let seen = cloudtrail(&world, &record.to_string()).unwrap();
        for (viewer, id) in ACCOUNTS.iter().enumerate() {
            let Some(tenant) = world.accounts.get(&format!("aws:{id}")) else { continue };
            let Some(row) = row_of(&seen, tenant) else { continue };
            if !row.shared {
                prop_assert_eq!(&row.raw, &record.to_string());
                continue;
            }
            let text = without_own_words(row, &record, viewer);
            for other in (0..ACCOUNTS.len()).filter(|other| *other != viewer) {
                for mark in marks(other) {
                    prop_assert!(!text.contains(&mark), "{id} sees {mark} in {text}");
                }
            }
            prop_assert!(!text.contains("\"tok\""));
        }
    }

    #[test]
    fn another_registration_changes_no_byte(record in record(), have in any::<[bool; 5]>(), other in account()) {
        let text = record.to_string();
        let mut without = have;
        without[other] = false;
        let mut with = have;
        with[other] = true;
        let before = cloudtrail(&world(without), &text).unwrap();
        let after = cloudtrail(&world(with), &text).unwrap();
        for (tenant, row) in &before.views {
            prop_assert_eq!(Some(row), row_of(&after, tenant));
        }
        // Every party gets its view or is remembered, whoever is registered.
        let id = format!("aws:{}", ACCOUNTS[other]);
        let parties = |seen: &cordon_views::Attributed<String>| seen.views.len() + seen.unknown_parties.len();
        prop_assert_eq!(parties(&before), parties(&after));
        prop_assert!(!after.unknown_parties.contains(&id));
    }

    #[test]
    fn what_is_one_tenants_is_verbatim(record in record()) {
        let world = ACCOUNTS.iter().fold(World::default(), |world, id| world.account(id, "all"));
        let text = serde_json::to_string_pretty(&record).unwrap();
        let seen = cloudtrail(&world, &text).unwrap();
        prop_assert!(seen.unknown_parties.is_empty());
        for (_, row) in &seen.views {
            prop_assert!(!row.shared && row.withheld.is_empty());
            prop_assert_eq!(&row.raw, &text);
        }
    }

    #[test]
    fn a_stranger_is_one_stranger_to_a_tenant_and_another_to_another(
        one in record(), two in record()
    ) {
        let world = world([true; 5]);
        // Views by tenant of what two records say of the caller's account.
        let mut faces: Vec<(String, usize, String)> = Vec::new();
        for record in [&one, &two] {
            let seen = cloudtrail(&world, &record.to_string()).unwrap();
            let Some(who) = caller(record) else { continue };
            for (tenant, row) in &seen.views {
                let view: Value = serde_json::from_str(&row.raw).unwrap();
                if let Some(face) = view["userIdentity"]["accountId"].as_str()
                    && face.starts_with("acct~")
                {
                    faces.push((tenant.clone(), who, face.to_owned()));
                }
            }
        }
        for (tenant, who, face) in &faces {
            for (other_tenant, other_who, other_face) in &faces {
                prop_assert_eq!(
                    tenant == other_tenant && who == other_who,
                    face == other_face
                );
            }
        }
    }

    #[test]
    fn attributing_is_a_function(record in record(), have in any::<[bool; 5]>()) {
        let text = record.to_string();
        let world = world(have);
        prop_assert_eq!(cloudtrail(&world, &text), cloudtrail(&world, &text));
    }

    #[test]
    fn views_are_json_of_the_same_shape(record in record()) {
        let seen = cloudtrail(&world([true; 5]), &record.to_string()).unwrap();
        for (_, row) in &seen.views {
            let view: Value = serde_json::from_str(&row.raw).unwrap();
            let (before, after) = (record.as_object().unwrap(), view.as_object().unwrap());
            prop_assert!(before.keys().eq(after.keys()));
        }
    }

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), kind in select(SourceType::ALL.to_vec())) {
        let _ = attribute(kind, &bytes, None, OBSERVED, &world([true; 5]), &Keys);
    }

    #[test]
    fn torn_records_never_panic(record in record(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = record.to_string().into_bytes();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        for kind in SourceType::ALL {
            let _ = attribute(kind, &bytes, None, OBSERVED, &world([true; 5]), &Keys);
        }
    }

    #[test]
    fn any_json_in_any_field_never_panics(record in record(), field in any::<prop::sample::Index>(), tree in tree()) {
        let mut record = record;
        let map = record.as_object_mut().unwrap();
        let key = map.keys().nth(field.index(map.len())).unwrap().clone();
        map.insert(key, tree);
        let seen = cloudtrail(&world([true; 5]), &record.to_string()).unwrap();
        for (_, row) in &seen.views {
            prop_assert!(serde_json::from_str::<Value>(&row.raw).is_ok());
        }
    }
}
