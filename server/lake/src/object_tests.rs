//! The lake on an S3 server that is real, and fails in the ways of such servers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cordon_fixtures::{S3, S3Mode};
use cordon_kernel::Reason;
use object_store::aws::AmazonS3Builder;
use object_store::{BackoffConfig, RetryConfig};

use crate::error::LakeError;
use crate::object::Objects;
use crate::seal_tests::{events, names};
use crate::testing::{ACME, OTHER, World};
use crate::{LakeConfig, SealMode};

fn bucket(s3: &S3) -> Objects {
    let brief = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(5),
            max_backoff: Duration::from_millis(20),
            base: 2.0,
        },
        max_retries: 5,
        retry_timeout: Duration::from_secs(10),
    };
    let store = AmazonS3Builder::new()
        .with_bucket_name(S3::BUCKET)
        .with_region("us-east-1")
        .with_endpoint(s3.endpoint())
        .with_allow_http(true)
        .with_access_key_id(S3::ACCESS_KEY)
        .with_secret_access_key(S3::SECRET_KEY)
        .with_retry(brief)
        .build()
        .unwrap();
    Objects::remote(Arc::new(store))
}

async fn filled(s3: &S3) -> World {
    let dir = tempfile::tempdir().unwrap();
    let world = World::on(dir, bucket(s3), LakeConfig::default()).await;
    world.append_all(ACME, &events(0..9_000), 3_000).await;
    world
}

#[tokio::test]
async fn segments_live_in_a_bucket_that_fails_now_and_then() {
    let s3 = S3::start();
    let world = filled(&s3).await;
    let scope = world.scope(ACME);
    let before = names(&world.lake, &scope).await;
    s3.set(S3Mode::Flaky);
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    assert_eq!(names(&world.cold(), &scope).await, before);
    assert!(s3.refused() > 0, "it never failed");
    s3.set(S3Mode::Well);
    assert_eq!(s3.files().len(), 1);
    let report = world.cold().fsck(&scope).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());

    // A segment that was written and never committed goes, after its time.
    let id = world.kernel.env().uuid_v7();
    let path = Objects::segment_path(&scope, id);
    let orphan = Bytes::from_static(b"half a life");
    world
        .lake
        .objects()
        .put(&scope, &path, orphan)
        .await
        .unwrap();
    assert_eq!(s3.files().len(), 2);
    world
        .clock
        .advance(jiff::SignedDuration::from_hours(24 * 366 * 30));
    assert_eq!(world.lake.sweep(&scope).await.unwrap().orphans, 1);
    assert_eq!(s3.files().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_writes_no_second_object() {
    let s3 = S3::start();
    let world = filled(&s3).await;
    let scope = world.scope(ACME);
    s3.set(S3Mode::Forgetful);
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    assert!(s3.refused() > 0);
    assert_eq!(s3.files().len(), 1);
    assert_eq!(names(&world.cold(), &scope).await.len(), 9_000);
}

#[tokio::test]
async fn a_bucket_that_refuses_writes_loses_nothing() {
    let s3 = S3::start();
    let world = filled(&s3).await;
    let scope = world.scope(ACME);
    s3.set(S3Mode::ReadOnly);
    let refused = world.lake.seal(&scope, None, SealMode::All).await;
    assert!(matches!(refused, Err(LakeError::Store(_))), "{refused:?}");
    assert!(
        world
            .lake
            .objects()
            .probe(world.kernel.env())
            .await
            .is_err()
    );
    assert_eq!(names(&world.cold(), &scope).await.len(), 9_000);
    let snapshot = world.kernel.db().snapshot(&scope).await.unwrap();
    assert_eq!((snapshot.sealed_seq, snapshot.segments.len()), (0, 0));
    s3.set(S3Mode::Well);
    world
        .lake
        .objects()
        .probe(world.kernel.env())
        .await
        .unwrap();
    assert_eq!(s3.files().len(), 0, "the probe goes again");
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    assert_eq!(names(&world.cold(), &scope).await.len(), 9_000);
}

#[tokio::test]
async fn what_the_store_says_stays_inside() {
    let s3 = S3::start();
    let world = filled(&s3).await;
    let scope = world.scope(ACME);
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    s3.set(S3Mode::Down);
    let lake = world.cold();
    let query = crate::Query {
        columns: crate::schema::Columns::ALL,
        ..crate::Query::default()
    };
    let failed = async {
        let mut search = lake.search(&scope, query).await?;
        search.next().await
    };
    let error = cordon_kernel::Error::from(failed.await.err().unwrap());
    assert_eq!(error.reason(), Reason::Unavailable);
    for word in ["S3", "s3", "http", "127.0.0.1", "bucket", ACME] {
        assert!(!error.message().contains(word), "{}", error.message());
    }
}

#[tokio::test]
async fn an_object_is_never_replaced_and_is_its_tenants() {
    let s3 = S3::start();
    let world = filled(&s3).await;
    let (scope, other) = (world.scope(ACME), world.scope(OTHER));
    let objects = world.lake.objects();
    let path = Objects::segment_path(&scope, world.kernel.env().uuid_v7());
    let put = async |scope, text: &'static [u8]| {
        objects.put(scope, &path, Bytes::from_static(text)).await
    };
    put(&scope, b"one").await.unwrap();
    put(&scope, b"one").await.unwrap();
    assert!(matches!(
        put(&scope, b"two").await,
        Err(LakeError::Store(object_store::Error::AlreadyExists { .. }))
    ));
    assert!(matches!(
        put(&other, b"one").await,
        Err(LakeError::Corrupt(_))
    ));
    let held = objects.read_all(&scope, &path).await.unwrap();
    assert_eq!(held, "one");
    assert!(objects.read_all(&other, &path).await.is_err());
}
