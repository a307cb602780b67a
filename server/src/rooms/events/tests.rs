//! Ways in, against a kernel on a temporary database.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cordon_kernel::keys::{DestroyedKey, KeyId, KeyService, SealedFile};
use cordon_kernel::{Action, Result, TenantId};
use cordon_views::SourceType;
use jiff::SignedDuration;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::ingest::Batch;
use super::{Directory, Ingest};
use crate::rooms::tenants::tests::World;
use crate::transport::Caller;

/// Says that it was reached, and waits until it may go on.
type Stop = (oneshot::Sender<()>, oneshot::Receiver<()>);

/// A key service that stops once, when a tenant's key is unwrapped.
struct Stopping {
    keys: SealedFile,
    at: KeyId,
    stop: Arc<Mutex<Option<Stop>>>,
}

#[async_trait]
impl KeyService for Stopping {
    async fn create_wrapping_key(&self, id: &KeyId) -> Result<()> {
        self.keys.create_wrapping_key(id).await
    }
    async fn wrap(&self, id: &KeyId, context: &str, plain: &[u8]) -> Result<Vec<u8>> {
        self.keys.wrap(id, context, plain).await
    }
    async fn unwrap(
        &self,
        id: &KeyId,
        context: &str,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let stop = match *id == self.at {
            true => self.stop.lock().unwrap().take(),
            false => None,
        };
        if let Some((reached, go_on)) = stop {
            reached.send(()).unwrap();
            go_on.await.unwrap();
        }
        self.keys.unwrap(id, context, wrapped).await
    }
    async fn destroy(&self, id: &KeyId) -> Result<()> {
        self.keys.destroy(id).await
    }
    async fn list_destroyed(&self) -> Result<Vec<DestroyedKey>> {
        self.keys.list_destroyed().await
    }
}

fn record(account: &str) -> bytes::Bytes {
    let record = serde_json::json!({
        "eventVersion": "1.08",
        "userIdentity": { "type": "Root", "accountId": account },
        "eventTime": "2025-12-31T23:00:00Z",
        "eventSource": "sts.amazonaws.com",
        "eventName": "GetCallerIdentity",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "192.0.2.1",
        "eventID": format!("event of {account}"),
        "recipientAccountId": account,
    });
    record.to_string().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_registered_while_a_batch_is_attributed_gets_its_events() {
    let stop = Arc::new(Mutex::new(None));
    let at = KeyId::tenant(&"acme".parse::<TenantId>().unwrap());
    let world = World::with(|keys| {
        let stop = Arc::clone(&stop);
        Arc::new(Stopping { keys, at, stop })
    })
    .await;
    for tenant in ["acme", "globex"] {
        world.tenant(tenant).await;
    }
    world.source("trail").await;
    world.account("acme", "aws:111111111111").await;
    // Until the keys that creation left in memory are forgotten.
    world.clock.advance(SignedDuration::from_mins(6));

    let (reached, at_key) = oneshot::channel();
    let (go_on, waiting) = oneshot::channel();
    *stop.lock().unwrap() = Some((reached, waiting));
    let request = world.request(&world.operator, ()).await.unwrap();
    let source = "trail".parse().unwrap();
    let (scope, _) = Caller::of(&request)
        .unwrap()
        .ingest_scope(&world.kernel, &source, Action::IngestEvents)
        .await
        .unwrap();
    let ingest = Ingest::new(Arc::clone(&world.kernel), Arc::new(Directory::default()));
    let batch = Batch {
        id: "b1".into(),
        source_type: SourceType::AwsCloudTrail,
        context: String::new(),
        records: vec![record("111111111111"), record("222222222222")],
        lines: Vec::new(),
        unreadable: Vec::new(),
        watermark: None,
    };
    let storing = tokio::spawn(async move { ingest.store(&scope, batch).await });
    // The registers are read by now, and the batch is not stored yet.
    at_key.await.unwrap();
    world.account("globex", "aws:222222222222").await;
    go_on.send(()).unwrap();
    let receipt = storing.await.unwrap().unwrap();
    assert_eq!((receipt.accepted, receipt.unattributed), (2, 0));
}
