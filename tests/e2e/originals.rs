//! The original of an event that concerns several tenants: kept once, read in everyone's log.

use cordon_client::{Client, Entry, Holder, Reason, Search, View};
use futures::StreamExt as _;
use serde_json::json;

use crate::harness::{Call, World, connect, raw_of, trail};

const A: &str = "aws:100000000001";
const B: &str = "aws:200000000002";

/// What a user of A's does to B.
fn record() -> String {
    trail(&Call {
        id: "shared",
        caller: A,
        recipient: B,
        operation: "RunInstances",
        time: "2026-03-01T10:00:00Z",
        parameters: json!({ "imageId": "ami-1" }),
    })
}

/// The name of the only event that the client's tenant has.
async fn only(client: &Client) -> String {
    let search = Search::new().view(View::Columns).unlimited();
    let found: Vec<_> = client.events().search(search).collect().await;
    assert_eq!(found.len(), 1);
    found[0].as_ref().unwrap().name.clone()
}

fn entering(analyst: &Client, justification: &str) -> Client {
    let entry = Entry::new(justification).reference("INC-7");
    analyst.entering(entry)
}

/// What the tenant's log says of staff, one line an entry.
async fn staff_entries(client: &Client) -> Vec<String> {
    let entries = client.audit().list(None, None);
    let entries: Vec<_> = entries.map(Result::unwrap).collect().await;
    entries
        .iter()
        .filter(|entry| entry.staff && entry.action == "GetEventOriginal")
        .map(|entry| format!("{entry:?}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_original_is_read_in_every_partys_log() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    world.tenant("hooli", &[B]).await;
    let (one, two) = (
        world.member("initech", "reader").await,
        world.member("hooli", "reader").await,
    );
    world.send("aws.cloudtrail", "one", &[record()]).await;
    let (name, other) = (only(&one).await, only(&two).await);
    let analyst = connect(world.issue(Holder::Staff, "analyst").await).await;

    // Nobody's own people, no staff without a reason, no other staff.
    for who in [&one, &two, &analyst] {
        let refused = who.events().original(&name).await.unwrap_err();
        assert_eq!(*refused.reason(), Reason::PermissionDenied);
    }
    for role in ["operator", "auditor"] {
        let other = connect(world.issue(Holder::Staff, role).await).await;
        let other = entering(&other, "looking for the common cause");
        let refused = other.events().original(&name).await.unwrap_err();
        assert_eq!(*refused.reason(), Reason::PermissionDenied, "{role}");
    }
    let machine = cordon_client::Resource {
        kind: "instance".into(),
        identifier: "i-0123456789abcdef0".into(),
        ..Default::default()
    };
    let tenants = world.operator.tenants();
    tenants
        .import_resources("initech", &[machine])
        .await
        .unwrap();
    // Words that name a customer, of this event or not, would stand in another's log.
    for words in [
        "what did initech do there",
        "asked by HOOLI: who was it",
        "quickstart's Acme has it too",
        "account 200000000002 has it too",
        "it is on I-0123456789ABCDEF0, too",
    ] {
        let refused = entering(&analyst, words).events().original(&name).await;
        assert_eq!(*refused.unwrap_err().reason(), Reason::InvalidArgument);
    }
    assert!(staff_entries(&one).await.is_empty() && staff_entries(&two).await.is_empty());

    let words = "looking for the common cause";
    let found = entering(&analyst, words)
        .events()
        .original(&name)
        .await
        .unwrap();
    assert_eq!(found.raw, record().as_bytes());
    assert_eq!(found.source_type, "aws.cloudtrail");
    assert_eq!(found.events, [other.clone(), name.clone()], "by tenant");
    for (client, own, foreign) in [
        (&one, &name, ["hooli", "200000000002", &other]),
        (&two, &other, ["initech", "100000000001", &name]),
    ] {
        let entries = staff_entries(client).await;
        assert!(
            entries.iter().any(|entry| entry.contains(own.as_str())),
            "{entries:?}"
        );
        for entry in &entries {
            assert!(entry.contains(words) && entry.contains("INC-7"), "{entry}");
            for foreign in foreign {
                assert!(!entry.contains(foreign), "{foreign}: {entry}");
            }
        }
    }

    // What is one tenant's alone has no original but the tenant's own.
    world
        .send("aws.cloudtrail", "two", &[trail(&Call::own("alone", A))])
        .await;
    let search = Search::new().filter("NOT shared").view(View::Columns);
    let mut alone = one.events().search(search);
    let alone = alone.next().await.unwrap().unwrap().name;
    let none = entering(&analyst, words).events().original(&alone).await;
    assert_eq!(*none.unwrap_err().reason(), Reason::NotFound);

    // A party that is shut out can't be entered, and one that is gone took the original along.
    tenants.suspend_tenant("hooli", "a test", "").await.unwrap();
    let refused = entering(&analyst, words).events().original(&name).await;
    assert_eq!(*refused.unwrap_err().reason(), Reason::TenantSuspended);
    world.delete("hooli").await;
    let gone = entering(&analyst, words).events().original(&name).await;
    assert_eq!(*gone.unwrap_err().reason(), Reason::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_registered_late_is_a_party_of_the_original_too() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    world.tenant("hooli", &[]).await;
    let (one, two) = (
        world.member("initech", "reader").await,
        world.member("hooli", "reader").await,
    );
    world.send("aws.cloudtrail", "one", &[record()]).await;
    let name = only(&one).await;
    let analyst = connect(world.issue(Holder::Staff, "analyst").await).await;
    let analyst = entering(&analyst, "looking for the common cause");
    let before = analyst.events().original(&name).await.unwrap();
    assert_eq!(before.events, std::slice::from_ref(&name));

    world.account("hooli", B).await;
    raw_of(&two, 1).await;
    let other = only(&two).await;
    let after = analyst.events().original(&name).await.unwrap();
    assert_eq!(after.events, [other.clone(), name]);
    assert_eq!(after.raw, before.raw);
    assert!(
        staff_entries(&two)
            .await
            .iter()
            .any(|entry| entry.contains(&other))
    );
}
