//! Questions: each is answered once, also when the server that is at it ends in the middle.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cordon_client::Profile;
use cordon_client::analysis::{NewAnalysis, Question, State, Subject};
use cordon_client::ingest::Batch;
use cordon_fixtures::S3Mode;
use futures::TryStreamExt as _;

use super::lease::until;
use super::load::send;
use super::{Installed, TENANTS};
use crate::harness::{Call, Replicas, at, connect, trail};

/// Enough for a file in the bucket.
const SEALED: usize = 4_200;
/// Fewer, and enough for work to be done before the file is read.
const UNSEALED: usize = 4_150;

const SETTINGS: &str = "[objects]\nseal_rows = 4200\n[jobs]\nlease_seconds = 2\n";

/// For a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(90);

fn batch(name: &str, count: usize, time: &str) -> Batch {
    let records = (0..count).map(|n| {
        Bytes::from(trail(&Call {
            id: &format!("{name}-{n}"),
            time,
            ..Call::own("", TENANTS[0].1)
        }))
    });
    Batch::new(name, records.collect())
}

/// How often the tenant's log says that the answer was released.
async fn releases(replicas: &Replicas, member: &Profile, name: &str) -> usize {
    let client = connect(at(member, replicas.address(1))).await;
    let log: Vec<_> = client.audit().list(None, None).try_collect().await.unwrap();
    let released = log.iter().filter(|entry| {
        let details = serde_json::from_str::<serde_json::Value>(&entry.details_json);
        entry.resource == name && details.is_ok_and(|details| details["state"] == "released")
    });
    released.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_once_though_the_server_that_is_at_it_is_killed() {
    let Some(mut installed) = Installed::with(SETTINGS).await else {
        return;
    };
    let member = installed.responder().await;
    let source = connect(at(&installed.sources[0], installed.replicas.address(0))).await;
    let replicas = &mut installed.replicas;
    replicas.stop(2).await;
    // The later events are in a file; those before them, which are read first, are not yet.
    let file = batch("sealed", SEALED, "2026-03-01T10:00:00Z");
    send(&source, file).await.unwrap();
    let sealed =
        "SELECT count(*) FROM tenant_head WHERE tenant_id = 'initech' AND sealed_seq = seq";
    until(replicas, "sealed", sealed, "1").await;
    let rest = batch("unsealed", UNSEALED, "2026-03-01T09:00:00Z");
    send(&source, rest).await.unwrap();

    // Of two servers the first alone is awake, takes the question up and is in the middle of it:
    // the bucket lets the file lie.
    replicas.pause(1);
    replicas.production.s3.set(S3Mode::Mute);
    let client = connect(at(&member, replicas.address(0))).await;
    let actor = "arn:aws:iam::100000000001:user/user-of-100000000001".to_owned();
    let question = Question::Pivot(Subject::Actor(actor));
    let asked = client
        .analyses()
        .create(NewAnalysis::new(question, "a test"))
        .await
        .unwrap();
    let begun = Instant::now();
    loop {
        let seen = client.analyses().get(&asked.name).await.unwrap();
        let scanned = seen.progress.as_ref();
        let scanned = scanned.map_or(0, |progress| progress.scanned_events);
        if seen.state() == State::Running && scanned > 0 {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "nothing is read: {seen:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(replicas.production.s3.lying("/seg/") > 0);
    replicas.kill(0).await;
    replicas.production.s3.set(S3Mode::Well);
    replicas.resume(1);

    // The other one begins anew and goes to the end.
    let client = connect(at(&member, replicas.address(1))).await;
    let ended = tokio::time::timeout(DEADLINE, client.analyses().wait(&asked.name)).await;
    let ended = ended.unwrap().unwrap();
    assert_eq!(ended.state(), State::Released, "{ended:?}");
    let scanned = ended.result.as_ref().unwrap().scanned_events;
    assert_eq!(scanned, i64::try_from(SEALED + UNSEALED).unwrap());
    assert_eq!(releases(replicas, &member, &asked.name).await, 1);
    // Nor does the first one, longer than a lease after it is back.
    replicas.restart(0).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(releases(replicas, &member, &asked.name).await, 1);
    let still = client.analyses().get(&asked.name).await.unwrap();
    assert_eq!(still, ended);
    replicas.fsck();
}
