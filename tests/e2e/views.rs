//! One original, many views: each party sees its side, and nobody's registration changes a byte of
//! another's.

use std::time::Duration;

use cordon_client::{Search, View};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::harness::{Call, World, raw, raw_of, trail};

const A: &str = "aws:100000000001";
const B: &str = "aws:200000000002";

fn assume(id: &str, recipient: &str) -> String {
    let mut record: Value = serde_json::from_str(&trail(&Call {
        id,
        caller: A,
        recipient,
        operation: "AssumeRole",
        time: "2026-03-01T10:00:00Z",
        parameters: json!({ "roleArn": "arn:aws:iam::200000000002:role/partner", "roleSessionName": "sync" }),
    }))
    .unwrap();
    record["eventSource"] = json!("sts.amazonaws.com");
    record["sharedEventID"] = json!(format!("shared-{}", id.split('-').next().unwrap()));
    record["resources"] = json!([{ "accountId": "200000000002", "type": "AWS::IAM::Role", "ARN": "arn:aws:iam::200000000002:role/partner" }]);
    record.to_string()
}

/// The caller's and the recipient's record of one event.
fn pair() -> [String; 2] {
    [assume("1-a", A), assume("1-b", B)]
}

/// Everything that the tenant sees of its events, in every view.
async fn seen(client: &cordon_client::Client) -> Vec<String> {
    let mut out = Vec::new();
    for view in [View::Raw, View::Ocsf, View::Columns] {
        let mut found = client.events().search(Search::new().view(view).unlimited());
        while let Some(event) = found.next().await {
            let mut event = event.unwrap();
            if let Some(columns) = &mut event.columns {
                // Taken when it was stored, which is another moment in another world.
                columns.stored_time = None;
                columns.observed_time = None;
            }
            out.push(format!(
                "{} {} {:?}",
                event.ocsf_json,
                String::from_utf8_lossy(&event.raw),
                event.columns
            ));
        }
    }
    out
}

/// Takes out when the event was handed over, which is another moment in another world.
fn without_observed(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\"logged_time") {
        out.push_str(&rest[..at]);
        let end = rest[at..].find([',', '}']).unwrap_or(rest.len() - at);
        rest = &rest[at + end..];
    }
    out + rest
}

#[tokio::test(flavor = "multi_thread")]
async fn each_party_of_a_role_assumption_sees_its_own_side() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    world.tenant("hooli", &[B]).await;
    let (one, two) = (
        world.member("initech", "reader").await,
        world.member("hooli", "reader").await,
    );
    assert_eq!(
        world
            .send("aws.cloudtrail", "assume", &pair())
            .await
            .accepted,
        2
    );
    let (one, two) = (raw(&one, "").await, raw(&two, "").await);
    assert_eq!(
        (one.len(), two.len()),
        (1, 1),
        "one event for each: {one:?} {two:?}"
    );
    let (one, two) = (one[0].to_string(), two[0].to_string());
    assert!(
        one.contains("user-of-100000000001"),
        "the caller sees itself: {one}"
    );
    for secret in ["100000000001", "user-of", "AKIA", "AIDA"] {
        assert!(
            !two.contains(secret),
            "the owner of the role sees {secret}: {two}"
        );
    }
    assert!(
        two.contains("200000000002") && two.contains("partner"),
        "{two}"
    );
    assert!(
        two.contains("198.51.100.9"),
        "an address outside the provider's ranges stays: {two}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_registration_changes_no_byte() {
    let (with, without) = (World::new().await, World::new().await);
    for world in [&with, &without] {
        world.tenant("hooli", &[B]).await;
    }
    with.tenant("initech", &[A]).await;
    let mut both = Vec::new();
    for world in [&with, &without] {
        let reader = world.member("hooli", "reader").await;
        world.send("aws.cloudtrail", "assume", &pair()).await;
        both.push(seen(&reader).await);
    }
    // Keys differ between two installations, and with them pseudonyms; their places must not.
    let blank = |texts: &[String]| -> Vec<String> {
        texts
            .iter()
            .map(|text| blank_pseudonyms(&without_observed(text)))
            .collect()
    };
    assert_eq!(blank(&both[0]), blank(&both[1]));
}

fn blank_pseudonyms(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('~') {
        out.push_str(&rest[..=at]);
        rest = rest[at + 1..].trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    }
    out + rest
}

#[tokio::test(flavor = "multi_thread")]
async fn late_registration_brings_what_waited() {
    let world = World::new().await;
    world.tenant("initech", &[]).await;
    let reader = world.member("initech", "reader").await;
    let sent = world
        .send("aws.cloudtrail", "early", &[trail(&Call::own("1", A))])
        .await;
    assert_eq!((sent.accepted, sent.unattributed), (1, 1));
    assert!(raw(&reader, "").await.is_empty());
    world.account("initech", A).await;
    let found = raw_of(&reader, 1).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["eventID"], "event-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_registered_late_brings_what_waited_for_its_addresses() {
    let world = World::new().await;
    for tenant in ["initech", "hooli"] {
        world.tenant(tenant, &[]).await;
    }
    let header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";
    let flow = |from: &str, to: &str| {
        format!(
            "2 100000000009 eni-of-nobody {from} {to} 40000 443 6 10 840 1772359200 1772359260 ACCEPT OK"
        )
    };
    // Within the block; from it to one that hooli registers; in the network around it, outside.
    let lines = [
        flow("10.20.200.1", "192.0.2.9"),
        flow("10.20.200.2", "10.20.204.7"),
        flow("10.20.216.1", "192.0.2.9"),
    ];
    let sent = world.send_with("aws.vpcflow", "flow", header, &lines).await;
    assert_eq!((sent.accepted, sent.unattributed), (3, 3), "{sent:?}");

    for (tenant, identifier, count) in [
        ("initech", "10.20.200.0/24", 2),
        ("hooli", "10.20.204.0/22", 1),
    ] {
        let reader = world.member(tenant, "reader").await;
        let resource = cordon_client::Resource {
            kind: "address".into(),
            identifier: identifier.into(),
            ..Default::default()
        };
        world
            .operator
            .tenants()
            .import_resources(tenant, &[resource])
            .await
            .unwrap();
        raw_of(&reader, count).await;
        // What came once does not come again, and nothing else does.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let found = raw(&reader, "").await;
        assert_eq!(found.len(), count, "{tenant}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_between_two_tenants_has_a_side_for_each() {
    let world = World::new().await;
    // Both lie in ranges that quickstart declares as the provider's.
    let (from, to) = ("10.20.200.1", "10.20.200.2");
    for (tenant, account, address) in [("initech", A, from), ("hooli", B, to)] {
        world.tenant(tenant, &[account]).await;
        let resource = cordon_client::Resource {
            kind: "address".into(),
            identifier: address.into(),
            ..Default::default()
        };
        world
            .operator
            .tenants()
            .import_resources(tenant, &[resource])
            .await
            .unwrap();
    }
    let header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";
    let line = format!(
        "2 100000000001 eni-of-initech {from} {to} 40000 443 6 10 840 1772359200 1772359260 ACCEPT OK"
    );
    let sent = world
        .send_with("aws.vpcflow", "flow", header, std::slice::from_ref(&line))
        .await;
    assert_eq!(sent.accepted, 1, "{sent:?}");
    let (one, two) = (
        world.member("initech", "reader").await,
        world.member("hooli", "reader").await,
    );
    let (one, two) = (raw(&one, "").await, raw(&two, "").await);
    assert_eq!((one.len(), two.len()), (1, 1));
    let (one, two) = (one[0].to_string(), two[0].to_string());
    assert!(
        one.contains(from) && one.contains("eni-of-initech") && !one.contains(to),
        "{one}"
    );
    assert!(
        two.contains(to)
            && !two.contains(from)
            && !two.contains("eni-of-initech")
            && !two.contains("100000000001"),
        "{two}"
    );
}
