//! What is ingested through one server is followed and found through each.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cordon_client::ingest::Batch;
use cordon_client::{Client, Search, View, Watch, WatchStream};
use futures::{StreamExt as _, TryStreamExt as _};

use super::load::send;
use super::{Installed, TENANTS};
use crate::harness::{Call, trail};

const EVENTS: usize = 20;
/// For a machine that has other things to do. How long it takes is printed.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for the next event, and gives its id.
async fn next(watch: &mut WatchStream) -> String {
    let event = tokio::time::timeout(DEADLINE, watch.next()).await;
    let event = event.expect("an event that was acknowledged does not come");
    event.unwrap().unwrap().columns.unwrap().event_id
}

/// All events' bytes, newest first.
async fn raw(client: &Client) -> Vec<Bytes> {
    let search = Search::new().view(View::Raw).unlimited();
    let found = client.events().search(search);
    found.map_ok(|event| event.raw).try_collect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_takes_all_servers_show() {
    let Some(installed) = Installed::with("").await else {
        return;
    };
    let replicas = &installed.replicas;
    let (tenant, account) = TENANTS[0];
    let mut readers = Vec::new();
    for server in 0..3 {
        readers.push(replicas.client(server, &installed.readers[0]).await);
    }
    let watch = || Watch::new().from(0).view(View::Columns);
    let mut second = readers[1].events().watch(watch());
    let mut third = readers[2].events().watch(watch());

    let source = replicas.client(0, &installed.sources[0]).await;
    let mut delays = Vec::new();
    for n in 0..EVENTS {
        let id = n.to_string();
        let record = trail(&Call {
            id: &id,
            ..Call::own("", account)
        });
        let outcome = send(&source, Batch::new(id.clone(), vec![record.into()])).await;
        assert_eq!(outcome.unwrap().accepted, 1);
        let taken = Instant::now();
        for watch in [&mut second, &mut third] {
            assert_eq!(next(watch).await, format!("event-{id}"));
            delays.push(taken.elapsed());
        }
    }
    delays.sort_unstable();
    println!(
        "from acknowledgement to the tail of another server: half within {:.0?}, all within {:.0?}",
        delays[delays.len() / 2],
        delays[delays.len() - 1],
    );
    let wanted = raw(&readers[0]).await;
    assert_eq!(wanted.len(), EVENTS);
    for reader in &readers[1..] {
        assert_eq!(raw(reader).await, wanted);
    }

    // What one server's operator registers, the next record through another is attributed by.
    let operator = replicas.client(1, &installed.operator).await;
    let admin = operator.tenants();
    let new = "aws:300000000003";
    admin.create_account(tenant, new, None, None).await.unwrap();
    let record = trail(&Call::own("new", new));
    let outcome = send(&source, Batch::new("new", vec![record.into()])).await;
    assert_eq!(outcome.unwrap().unattributed, 0);
    assert_eq!(next(&mut third).await, "event-new");
}
