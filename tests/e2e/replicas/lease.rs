//! Background work of a server that was paused past its lease.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordon_client::ingest::Batch;
use cordon_client::{Search, View};
use cordon_fixtures::S3Mode;
use futures::{StreamExt as _, TryStreamExt as _};

use super::load::send;
use super::{Installed, TENANTS};
use crate::harness::{Call, Replicas, at, connect, trail};

/// Enough for a file in the bucket.
const ROWS: usize = 4_200;

const SETTINGS: &str = "[objects]\nseal_rows = 4200\n[jobs]\nlease_seconds = 4\n";

/// For a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(60);

/// A batch of the first tenant's events.
fn batch(from: usize, count: usize) -> Batch {
    let records = (from..from + count).map(|n| {
        Bytes::from(trail(&Call {
            id: &n.to_string(),
            ..Call::own("", TENANTS[0].1)
        }))
    });
    Batch::new(format!("from-{from}"), records.collect())
}

/// Waits until the database says so.
pub async fn until(replicas: &Replicas, what: &str, sql: &str, wanted: &str) {
    let begun = Instant::now();
    loop {
        let found = replicas.production.postgres.superuser(sql);
        if found == wanted {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "{what}: {found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What sealing has made, and what is left to do.
fn stored(replicas: &Replicas) -> String {
    replicas.production.postgres.superuser(
        "SELECT tenant_id, seq, sealed_seq, catalogue_version, NULL FROM tenant_head \
         UNION ALL SELECT tenant_id, first_seq, last_seq, row_count, object FROM segments \
         UNION ALL SELECT tenant_id, epoch, claimed, attempts, job FROM jobs \
         ORDER BY 1, 5, 2",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_paused_past_its_lease_writes_nothing() {
    let Some(installed) = Installed::with(SETTINGS).await else {
        return;
    };
    let replicas = &installed.replicas;
    let seal = "SELECT count(*) FROM jobs WHERE job = 'seal' AND tenant_id = 'initech'";

    // The first server alone is awake, claims the sealing and is in the middle of it: the bucket
    // lets the file lie.
    let source = connect(at(&installed.sources[0], replicas.address(0))).await;
    replicas.pause(1);
    replicas.pause(2);
    replicas.production.s3.set(S3Mode::Stuck);
    let outcome = send(&source, batch(0, ROWS)).await.unwrap();
    assert_eq!(outcome.accepted, ROWS as u64);
    let begun = Instant::now();
    while replicas.production.s3.lying("/seg/") == 0 {
        assert!(begun.elapsed() < DEADLINE, "nothing is written");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until(replicas, "claimed", &format!("{seal} AND claimed = 1"), "1").await;
    replicas.pause(0);
    replicas.production.s3.set(S3Mode::Well);

    // The others take over once the lease is up.
    replicas.resume(1);
    replicas.resume(2);
    until(replicas, "taken over", seal, "0").await;
    let done = stored(replicas);
    let others = replicas.said(1, "journal sealed") + replicas.said(2, "journal sealed");
    assert!(others > 0);
    assert_eq!(replicas.said(0, "journal sealed"), 0);

    // What the first one still writes is refused: its file is there, and it would enter it.
    replicas.resume(0);
    let begun = Instant::now();
    while replicas.said(0, "the job was claimed by another") == 0 {
        assert!(begun.elapsed() < DEADLINE, "it wrote, or did nothing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(replicas.said(0, "journal sealed"), 0);
    assert_eq!(stored(replicas), done);

    // It is one of them again.
    let outcome = send(&source, batch(ROWS, 10)).await.unwrap();
    assert_eq!(outcome.accepted, 10);
    let reader = replicas.client(0, &installed.readers[0]).await;
    let search = Search::new().view(View::Columns).unlimited();
    let found = reader.events().search(search);
    let ids: Vec<String> = found
        .map(|event| event.map(|event| event.columns.unwrap().event_id))
        .try_collect()
        .await
        .unwrap();
    let different: BTreeSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), different.len()), (ROWS + 10, ROWS + 10));
    replicas.fsck();
}
