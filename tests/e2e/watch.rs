//! Tail: nothing is missed between one watch and the next.

use std::time::Duration;

use cordon_client::{Client, View, Watch};
use futures::StreamExt as _;

use crate::harness::{Call, World, trail};

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
