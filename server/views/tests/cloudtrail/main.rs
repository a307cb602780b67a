//! CloudTrail records that concern one, two or no customers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod odd;
#[path = "../support/mod.rs"]
mod support;

use cordon_views::{Reason, Status, credential_uid, keep_preferred};
use serde_json::{Value, json};
use support::{Keys, OBSERVED, World, all_of, cloudtrail, row_of};

const A: &str = "111111111111";
const B: &str = "222222222222";
const C: &str = "333333333333";

fn both() -> World {
    World::default().account(A, "alpha").account(B, "beta")
}

fn view(row: &cordon_views::EventRow) -> Value {
    serde_json::from_str(&row.raw).unwrap()
}

fn plain(event: &str) -> Value {
    json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDAALPHAALPHAALPHAA1",
            "arn": format!("arn:aws:iam::{A}:user/alice"), "accountId": A,
            "accessKeyId": "AKIAALPHAALPHAALPHA1", "userName": "alice"
        },
        "eventTime": "2023-07-10T11:42:18Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": event,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2",
        "requestParameters": {"instanceId": "i-0123456789abcdef0"},
        "responseElements": null,
        "eventID": "7a0cf1e4-5a9e-4c3a-9d5c-5f6f3a1f0d11",
        "readOnly": true,
        "recipientAccountId": A
    })
}

/// A's user assumes B's role, as delivered to `recipient`.
fn assume_role(recipient: &str, event_id: &str) -> Value {
    let mut record = plain("AssumeRole");
    record["eventSource"] = json!("sts.amazonaws.com");
    record["eventID"] = json!(event_id);
    record["requestParameters"] = json!({
        "roleArn": format!("arn:aws:iam::{B}:role/Deploy"),
        "roleSessionName": "alice-at-work",
        "externalId": "beta-gave-this",
        "policy": format!(
            "{{\"Statement\":[{{\"Principal\":{{\"AWS\":\"arn:aws:iam::{C}:root\"}}}}]}}"
        ),
    });
    record["responseElements"] = json!({
        "credentials": {
            "accessKeyId": "ASIABETABETABETABETA1",
            "sessionToken": "a-live-token",
            "expiration": "Jul 10, 2023, 12:42:18 PM"
        },
        "assumedRoleUser": {
            "assumedRoleId": "AROABETABETABETABETA1:alice-at-work",
            "arn": format!("arn:aws:sts::{B}:assumed-role/Deploy/alice-at-work")
        }
    });
    record["resources"] = json!([
        {"ARN": format!("arn:aws:iam::{B}:role/Deploy"), "accountId": B, "type": "AWS::IAM::Role"}
    ]);
    record["sharedEventID"] = json!("5d0ab1a5-6a3e-4a84-86a6-1fc4ffcf2f0e");
    record["recipientAccountId"] = json!(recipient);
    record
}

#[test]
fn own_records_are_kept_byte_for_byte() {
    let record = serde_json::to_string_pretty(&plain("DescribeInstances")).unwrap();
    let seen = cloudtrail(&both(), &record).unwrap();
    assert_eq!(seen.unknown_parties, Vec::<String>::new());
    assert_eq!(seen.views.len(), 1);
    let row = row_of(&seen, "alpha").unwrap();
    assert_eq!(row.raw, record);
    assert!(!row.shared && row.addressed && row.withheld.is_empty() && !row.time_invalid);
    assert_eq!(row.time_ns, 1_688_989_338_000_000_000);
    assert_eq!((row.class_uid, row.activity_id), (6003, 2));
    assert_eq!(row.status, Status::Success);
    assert_eq!(row.account, A);
    assert_eq!(row.actor, format!("arn:aws:iam::{A}:user/alice"));
    assert_eq!(row.credential_uid, "AKIAALPHAALPHAALPHA1");
    assert_eq!(row.src_ip, Some("198.51.100.7".parse().unwrap()));
    assert_eq!(row.resources, ["i-0123456789abcdef0"]);
}

#[test]
fn pretty_and_compact_repetitions_share_a_name() {
    let record = plain("DescribeInstances");
    let compact = cloudtrail(&both(), &record.to_string()).unwrap();
    let pretty = cloudtrail(&both(), &serde_json::to_string_pretty(&record).unwrap()).unwrap();
    assert_eq!(compact.views[0].1.name, pretty.views[0].1.name);
    let mut other = record;
    other["errorCode"] = json!("AccessDenied");
    let other = cloudtrail(&both(), &other.to_string()).unwrap();
    assert_ne!(compact.views[0].1.name, other.views[0].1.name);
    assert_eq!(other.views[0].1.status, Status::Failure);
}

#[test]
fn a_role_assumed_across_accounts_is_seen_from_both_sides() {
    let seen = cloudtrail(&both(), &assume_role(A, "id-1").to_string()).unwrap();
    assert_eq!(seen.views.len(), 2);

    let alpha = row_of(&seen, "alpha").unwrap();
    assert!(alpha.shared && alpha.addressed);
    let v = view(alpha);
    // What it sent and was answered is its own, others' names included.
    assert_eq!(
        v["requestParameters"]["roleArn"],
        format!("arn:aws:iam::{B}:role/Deploy")
    );
    assert_eq!(
        v["responseElements"]["credentials"]["sessionToken"],
        "a-live-token"
    );
    assert_eq!(v["userIdentity"]["userName"], "alice");
    // What the source added about the other is not.
    let owner = v["resources"][0]["accountId"].as_str().unwrap();
    assert!(owner.starts_with("acct~"), "{owner}");
    let arn = v["resources"][0]["ARN"].as_str().unwrap();
    assert!(
        arn.starts_with("arn:aws:iam::acct~") && arn.contains(":role/name~"),
        "{arn}"
    );

    let beta = row_of(&seen, "beta").unwrap();
    assert!(beta.shared && !beta.addressed);
    let v = view(beta);
    assert_eq!(
        v["requestParameters"]["roleArn"],
        format!("arn:aws:iam::{B}:role/Deploy")
    );
    assert_eq!(v["requestParameters"]["externalId"], "beta-gave-this");
    assert_eq!(v["resources"], assume_role(A, "x")["resources"]);
    // The session belongs to beta's role, and its key links to beta's other events.
    assert_eq!(
        v["responseElements"]["credentials"]["accessKeyId"],
        "ASIABETABETABETABETA1"
    );
    assert_eq!(
        v["responseElements"]["credentials"]["sessionToken"],
        json!({"cordon:withheld": "SECRET"})
    );
    assert_eq!(
        v["userAgent"],
        json!({"cordon:withheld": "FOREIGN_CONTENT"})
    );
    assert_eq!(v["sourceIPAddress"], "198.51.100.7");
    let text = all_of(beta);
    for foreign in [A, C, "alice", "AIDAALPHA", "AKIAALPHA", "a-live-token"] {
        assert!(!text.contains(foreign), "{foreign} in {text}");
    }
    assert!(
        beta.actor.starts_with("arn:aws:iam::acct~"),
        "{}",
        beta.actor
    );
    assert!(beta.account.starts_with("acct~"), "{}", beta.account);
    assert_eq!(v["userIdentity"]["accessKeyId"], *beta.credential_uid);
    for row in [alpha, beta] {
        assert_eq!(
            credential_uid(row.source_type, &row.raw),
            row.credential_uid
        );
    }
    assert_eq!((beta.class_uid, beta.activity_id), (3002, 1));
    assert!(
        beta.withheld
            .iter()
            .any(|one| one.path == "userAgent" && one.reason == Reason::ForeignContent)
    );
    assert!(
        beta.withheld.iter().any(
            |one| one.path == "userIdentity.accountId" && one.reason == Reason::ForeignIdentity
        )
    );
}

#[test]
fn the_record_addressed_to_a_party_takes_the_place_of_the_other() {
    let to_a = cloudtrail(&both(), &assume_role(A, "id-1").to_string()).unwrap();
    let to_b = cloudtrail(&both(), &assume_role(B, "id-2").to_string()).unwrap();
    for (tenant, addressed, other) in [("alpha", &to_a, &to_b), ("beta", &to_b, &to_a)] {
        let addressed = row_of(addressed, tenant).unwrap();
        let other = row_of(other, tenant).unwrap();
        assert!(addressed.supersedes(other) && !other.supersedes(addressed));
    }
    // Of two records that are addressed to neither, one stays, whichever came first.
    let one = row_of(&to_a, "beta").unwrap().clone();
    let mut two = one.clone();
    two.name[0] ^= 1;
    assert_ne!(one.supersedes(&two), two.supersedes(&one));
    // In one batch the same choice is made, for each tenant by itself.
    let mut rows: Vec<_> = [&to_a.views, &to_b.views]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    assert_eq!(keep_preferred(&mut rows), 2);
    assert!(rows.iter().all(|(_, row)| row.addressed));
    let kept: Vec<&str> = rows.iter().map(|(tenant, _)| tenant.as_str()).collect();
    assert_eq!(kept, ["alpha", "beta"]);
    let mut rows = vec![
        ("beta", one.clone()),
        ("beta", two.clone()),
        ("gamma", two.clone()),
    ];
    assert_eq!(keep_preferred(&mut rows), 1);
    assert_eq!(rows[0].1.name, one.name.min(two.name));
    // Two own records are two records.
    let mut own = World::default().account(A, "alpha");
    own = own.account(B, "alpha");
    let a = cloudtrail(&own, &assume_role(A, "id-1").to_string()).unwrap();
    let b = cloudtrail(&own, &assume_role(B, "id-2").to_string()).unwrap();
    assert!(!a.views[0].1.shared);
    assert!(!a.views[0].1.supersedes(&b.views[0].1) && !b.views[0].1.supersedes(&a.views[0].1));
}

#[test]
fn nobody_elses_registration_changes_a_byte() {
    let record = assume_role(A, "id-1").to_string();
    let alone = World::default().account(A, "alpha");
    let first = cloudtrail(&alone, &record).unwrap();
    assert_eq!(first.unknown_parties, [format!("aws:{B}")]);
    let then = cloudtrail(&both(), &record).unwrap();
    assert_eq!(row_of(&first, "alpha"), row_of(&then, "alpha"));
    let crowded = both().account(C, "gamma");
    let last = cloudtrail(&crowded, &record).unwrap();
    assert_eq!(row_of(&then, "alpha"), row_of(&last, "alpha"));
    assert_eq!(row_of(&then, "beta"), row_of(&last, "beta"));
    // The one in the policy is a mention and gets nothing.
    assert!(row_of(&last, "gamma").is_none());
    let none = cloudtrail(&World::default(), &record).unwrap();
    assert_eq!(none.views, []);
    assert_eq!(
        none.unknown_parties,
        [format!("aws:{A}"), format!("aws:{B}")]
    );
}

#[test]
fn a_snapshot_shared_with_a_stranger_is_evidence() {
    let mut record = plain("ModifySnapshotAttribute");
    record["requestParameters"] = json!({
        "snapshotId": "snap-1",
        "createVolumePermission": {"add": {"items": [{"userId": B}]}}
    });
    let record = record.to_string();
    let seen = cloudtrail(&both(), &record).unwrap();
    // The account that it is shared with is a mention: no view, and clear for the sharer.
    assert_eq!(seen.views.len(), 1);
    assert_eq!(row_of(&seen, "alpha").unwrap().raw, record);
}

fn outsider_reads(caller: Value, ip: &str) -> Value {
    let mut record = plain("GetObject");
    record["eventSource"] = json!("s3.amazonaws.com");
    record["userIdentity"] = caller;
    record["sourceIPAddress"] = json!(ip);
    record["requestParameters"] = json!({
        "bucketName": "beta-data", "key": "secrets.csv",
        "Host": "beta-data.s3.amazonaws.com"
    });
    record["resources"] = json!([
        {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::beta-data/secrets.csv"},
        {"accountId": B, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::beta-data"}
    ]);
    record["recipientAccountId"] = json!(B);
    record
}

#[test]
fn outsiders_on_a_bucket_are_pseudonyms_for_its_owner() {
    let caller =
        json!({"type": "AWSAccount", "principalId": "AIDAALPHAALPHAALPHAA1", "accountId": A});
    let record = outsider_reads(caller, "198.51.100.7").to_string();
    let seen = cloudtrail(&both(), &record).unwrap();
    let beta = row_of(&seen, "beta").unwrap();
    let v = view(beta);
    assert_eq!(v["requestParameters"]["bucketName"], "beta-data");
    assert_eq!(v["requestParameters"]["key"], "secrets.csv");
    assert_eq!(
        v["requestParameters"]["Host"],
        json!({"cordon:withheld": "FOREIGN_CONTENT"})
    );
    assert_eq!(
        v["resources"][0]["ARN"],
        "arn:aws:s3:::beta-data/secrets.csv"
    );
    assert_eq!(beta.src_ip, Some("198.51.100.7".parse().unwrap()));
    assert!(beta.addressed);
    assert!(!all_of(beta).contains(A) && !all_of(beta).contains("AIDAALPHA"));
    assert!(beta.resources.contains(&"beta-data/secrets.csv".to_owned()));

    let alpha = row_of(&seen, "alpha").unwrap();
    assert_eq!(view(alpha)["requestParameters"]["bucketName"], "beta-data");
    assert!(!all_of(alpha).contains(B));
    // The same stranger has one pseudonym in a tenant's views, and another in another's.
    let again = cloudtrail(&both(), &assume_role(A, "id-1").to_string()).unwrap();
    let stranger = &view(beta)["userIdentity"]["accountId"];
    assert_eq!(
        *stranger,
        view(row_of(&again, "beta").unwrap())["userIdentity"]["accountId"]
    );
    assert_ne!(*stranger, view(alpha)["recipientAccountId"]);
}

#[test]
fn a_bucket_that_the_record_says_nothing_about_is_the_recipients() {
    let caller =
        json!({"type": "AWSAccount", "principalId": "AIDAALPHAALPHAALPHAA1", "accountId": A});
    let mut record = outsider_reads(caller, "198.51.100.7");
    record.as_object_mut().unwrap().remove("resources");
    let seen = cloudtrail(&both(), &record.to_string()).unwrap();
    let v = view(row_of(&seen, "beta").unwrap());
    assert_eq!(v["requestParameters"]["bucketName"], "beta-data");
    assert_eq!(v["requestParameters"]["key"], "secrets.csv");
    assert!(!v.to_string().contains(A));
}

#[test]
fn an_arn_without_an_owner_is_a_mention() {
    let mut record = plain("GetLayerVersion");
    record["resources"] = json!([{"ARN": format!("arn:aws:lambda:us-east-1:{B}:layer:tools")}]);
    let record = record.to_string();
    let seen = cloudtrail(&both(), &record).unwrap();
    assert_eq!(seen.views.len(), 1);
    assert_eq!(row_of(&seen, "alpha").unwrap().raw, record);
}

#[test]
fn hostile_text_is_searched_in_bounded_time() {
    // Each of these would take hours if any step went over the text once per place in it.
    let big = 300_000;
    for text in [
        ":".repeat(big),
        "alice ".repeat(big / 6),
        "arn:".repeat(big / 4),
        "arn%3a".repeat(big / 6),
        "1.".repeat(big / 2),
        "1-".repeat(big / 2),
        "AKIA".repeat(big / 4),
        format!("{A} ").repeat(big / 13),
        "\\n0041".repeat(big / 6),
        "0".repeat(big),
        "deadbeef-".repeat(big / 9),
    ] {
        let mut record = assume_role(A, "id-1");
        record["errorMessage"] = json!(text);
        let seen = cloudtrail(&both(), &record.to_string());
        let rows = seen.map(|seen| seen.views.len());
        assert!(matches!(rows, Ok(2)), "{rows:?} for {}", &text[..20]);
    }
    let items: Vec<Value> = (0..20_000)
        .map(|_| json!({"accountId": A, "ARN": "x"}))
        .collect();
    let mut record = assume_role(A, "id-1");
    record["resources"] = json!(items);
    let seen = cloudtrail(&both(), &record.to_string()).unwrap();
    let beta = row_of(&seen, "beta").unwrap();
    assert!(beta.withheld.len() <= 257 && beta.withheld.last().unwrap().path == "**");
    assert!(!beta.raw.contains(A));
}

#[test]
fn the_anonymous_are_nobody_but_their_address_may_be_somebodys() {
    let anonymous =
        json!({"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"});
    let outside = outsider_reads(anonymous.clone(), "198.51.100.7").to_string();
    let world = both()
        .range("203.0.113.0/24")
        .address("203.0.113.7", "alpha");
    let seen = cloudtrail(&world, &outside).unwrap();
    assert_eq!(seen.views.len(), 1);
    assert_eq!(row_of(&seen, "beta").unwrap().raw, outside);
    assert_eq!(seen.unknown_parties, Vec::<String>::new());

    let inside = outsider_reads(anonymous, "203.0.113.7").to_string();
    let seen = cloudtrail(&world, &inside).unwrap();
    let beta = row_of(&seen, "beta").unwrap();
    assert!(beta.shared && beta.addressed && beta.src_ip.is_none());
    assert!(!all_of(beta).contains("203.0.113.7"));
    assert!(
        view(beta)["sourceIPAddress"]
            .as_str()
            .unwrap()
            .starts_with("addr~")
    );
    assert_eq!(beta.withheld[0].reason, Reason::ForeignAddress);
    // Whose the address is does not show.
    let nobody = cloudtrail(&both().range("203.0.113.0/24"), &inside).unwrap();
    assert_eq!(row_of(&nobody, "beta"), Some(beta));
    // Its own address it may see.
    let own = both()
        .range("203.0.113.0/24")
        .address("203.0.113.7", "beta");
    assert_eq!(
        row_of(&cloudtrail(&own, &inside).unwrap(), "beta")
            .unwrap()
            .raw,
        inside
    );
}

#[test]
fn addresses_are_whose_they_were_at_that_time() {
    let caller =
        json!({"type": "AWSAccount", "principalId": "AIDAALPHAALPHAALPHAA1", "accountId": A});
    let record = outsider_reads(caller, "203.0.113.7").to_string();
    let event = 1_688_989_338_000_000_000;
    let then = both()
        .range("203.0.113.0/24")
        .address_during("203.0.113.7", 0, event + 1, "beta");
    let later =
        both()
            .range("203.0.113.0/24")
            .address_during("203.0.113.7", event + 1, i64::MAX, "beta");
    let seen = cloudtrail(&then, &record).unwrap();
    assert_eq!(
        view(row_of(&seen, "beta").unwrap())["sourceIPAddress"],
        "203.0.113.7"
    );
    let seen = cloudtrail(&later, &record).unwrap();
    assert!(!all_of(row_of(&seen, "beta").unwrap()).contains("203.0.113.7"));
    // The caller sees where it called from.
    assert_eq!(
        view(row_of(&seen, "alpha").unwrap())["sourceIPAddress"],
        "203.0.113.7"
    );
}

#[test]
fn errors_tell_the_caller_all_and_others_what_is_theirs() {
    let mut record = assume_role(A, "id-1");
    record["responseElements"] = Value::Null;
    record["errorCode"] = json!("AccessDenied");
    let message = format!(
        "User: arn:aws:iam::{A}:user/alice is not authorized to perform: sts:AssumeRole on \
         resource: arn:aws:iam::{B}:role/Deploy because of {C}"
    );
    record["errorMessage"] = json!(message);
    let seen = cloudtrail(&both(), &record.to_string()).unwrap();
    assert_eq!(
        view(row_of(&seen, "alpha").unwrap())["errorMessage"],
        message
    );
    let beta = row_of(&seen, "beta").unwrap();
    let text = view(beta)["errorMessage"].as_str().unwrap().to_owned();
    assert!(
        text.contains(&format!("arn:aws:iam::{B}:role/Deploy")),
        "{text}"
    );
    for foreign in [A, C, "alice"] {
        assert!(!text.contains(foreign), "{text}");
    }
    assert_eq!(beta.status, Status::Failure);
}

#[test]
fn two_roles_of_one_name_are_told_apart() {
    // Both accounts have a role called Deploy; beta's own stays, alpha's does not.
    let mut record = assume_role(A, "id-1");
    record["userIdentity"] = json!({
        "type": "AssumedRole", "principalId": "AROAALPHAALPHAALPHAA1:build",
        "arn": format!("arn:aws:sts::{A}:assumed-role/Deploy/build"), "accountId": A,
        "accessKeyId": "ASIAALPHAALPHAALPHA1",
        "sessionContext": {"sessionIssuer": {
            "type": "Role", "principalId": "AROAALPHAALPHAALPHAA1",
            "arn": format!("arn:aws:iam::{A}:role/Deploy"), "accountId": A, "userName": "Deploy"
        }, "attributes": {"creationDate": "2023-07-10T11:00:00Z", "mfaAuthenticated": "false"}}
    });
    let seen = cloudtrail(&both(), &record.to_string()).unwrap();
    let v = view(row_of(&seen, "beta").unwrap());
    assert_eq!(
        v["requestParameters"]["roleArn"],
        format!("arn:aws:iam::{B}:role/Deploy")
    );
    assert_eq!(
        v["resources"][0]["ARN"],
        format!("arn:aws:iam::{B}:role/Deploy")
    );
    let who = &v["userIdentity"];
    assert!(!who.to_string().contains("Deploy"), "{who}");
    let principal = who["principalId"].as_str().unwrap();
    let (role, session) = principal.split_once(':').unwrap();
    assert!(
        role.starts_with("prin~") && session.starts_with("name~"),
        "{principal}"
    );
    assert_eq!(who["sessionContext"]["sessionIssuer"]["principalId"], role);
    assert_eq!(
        who["sessionContext"]["attributes"]["mfaAuthenticated"],
        "false"
    );
}

#[test]
fn the_owners_keys_and_lists_are_searched_for_others() {
    let caller =
        json!({"type": "AWSAccount", "principalId": "AIDAALPHAALPHAALPHAA1", "accountId": A});
    let mut record = outsider_reads(caller, "198.51.100.7");
    let key = format!("AWSLogs/{A}/CloudTrail/x");
    record["requestParameters"]["key"] = json!(key);
    record["resources"][0]["ARN"] = json!(format!("arn:aws:s3:::beta-data/{key}"));
    record["requestParameters"]["bucketName"] = json!(format!(
        "arn:aws:s3:::beta-data and arn:aws:iam::{A}:user/alice"
    ));
    let seen = cloudtrail(&both(), &record.to_string()).unwrap();
    let beta = row_of(&seen, "beta").unwrap();
    assert!(
        !all_of(beta).contains(A) && !all_of(beta).contains("alice"),
        "{}",
        beta.raw
    );
    let arn = &view(beta)["resources"][0]["ARN"];
    assert!(
        arn.as_str()
            .unwrap()
            .starts_with("arn:aws:s3:::beta-data/AWSLogs/acct~"),
        "{arn}"
    );
}

#[test]
fn a_stranger_called_like_a_field_does_not_rename_it() {
    let caller = json!({
        "type": "IAMUser", "accountId": A, "userName": "key",
        "arn": format!("arn:aws:iam::{A}:user/key")
    });
    let record = outsider_reads(caller, "198.51.100.7").to_string();
    let seen = cloudtrail(&both(), &record).unwrap();
    let v = view(row_of(&seen, "beta").unwrap());
    assert_eq!(v["requestParameters"]["key"], "secrets.csv");
    assert_eq!(v["eventName"], "GetObject");
    assert!(
        v["userIdentity"]["userName"]
            .as_str()
            .unwrap()
            .starts_with("name~")
    );
}
