//! Tail: nothing is missed between one watch and the next.

use std::time::Duration;

use cordon_client::{Client, Holder, Profile, RetryPolicy, Search, View, Watch};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::harness::{Call, World, connect, trail};

const A: &str = "aws:100000000001";

async fn send(world: &World, from: u32, to: u32) {
    for n in from..to {
        let record = trail(&Call {
            id: &n.to_string(),
            ..Call::own("", A)
        });
        world
            .send("aws.cloudtrail", &format!("watch-{n}"), &[record])
            .await;
    }
}

/// The next `count` events that a watch gives, and the cursor after them.
async fn take(client: &Client, watch: Watch, count: usize) -> (Vec<String>, i64) {
    let mut stream = client.events().watch(watch.view(View::Columns));
    let mut ids = Vec::new();
    let mut cursor = 0;
    while ids.len() < count {
        let event = tokio::time::timeout(Duration::from_secs(20), stream.next())
            .await
            .expect("no event came")
            .unwrap()
            .unwrap();
        cursor = event.sequence;
        ids.push(event.columns.unwrap().event_id);
    }
    (ids, cursor)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_where_the_last_one_ended() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    let reader = world.member("initech", "reader").await;
    send(&world, 0, 5).await;
    let (first, cursor) = take(&reader, Watch::new().from(0), 3).await;
    assert_eq!(first, ["event-0", "event-1", "event-2"]);
    send(&world, 5, 8).await;
    let (rest, _) = take(&reader, Watch::new().from(cursor), 5).await;
    assert_eq!(
        rest,
        ["event-3", "event-4", "event-5", "event-6", "event-7"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_sees_what_is_stored_while_it_waits() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    let reader = world.member("initech", "reader").await;
    let waiting = tokio::spawn(async move {
        take(
            &reader,
            Watch::new().from(0).filter("event_id <> 'event-0'"),
            2,
        )
        .await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    send(&world, 0, 3).await;
    assert_eq!(waiting.await.unwrap().0, ["event-1", "event-2"]);
}

/// A search that is tried once only.
async fn search_once(profile: &Profile) -> Result<usize, cordon_client::Error> {
    let once = RetryPolicy {
        patience: Duration::ZERO,
        ..RetryPolicy::default()
    };
    let client = Client::builder().profile(profile.clone()).retry(once);
    let client = client.connect().await?;
    let found: Vec<_> = client.events().search(Search::new()).try_collect().await?;
    Ok(found.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenants_watches_take_no_place_from_others() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    world.tenant("hooli", &[]).await;
    let holder = |tenant: &str| Holder::Tenant(tenant.to_owned());
    let initech = world.issue(holder("initech"), "reader").await;
    let hooli = world.issue(holder("hooli"), "reader").await;
    send(&world, 0, 1).await;

    let mut open = Vec::new();
    for _ in 0..4 {
        let client = connect(initech.clone()).await;
        for _ in 0..64 {
            let mut watch = client.events().watch(Watch::new().from(0));
            watch.next().await.unwrap().unwrap();
            open.push(watch);
        }
    }
    let refused = search_once(&initech).await.unwrap_err();
    assert_eq!(refused.reason().as_str(), "QUOTA_EXCEEDED", "{refused}");
    assert_eq!(search_once(&hooli).await.unwrap(), 0);

    drop(open);
    let mut again = Err(refused);
    for _ in 0..100 {
        again = search_once(&initech).await;
        if again.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(again.unwrap(), 1);
}
