//! Ways in, against a kernel on a temporary database.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cordon_kernel::keys::{DestroyedKey, KeyId, KeyService, SealedFile};
use cordon_kernel::{Action, Disclosed, Result, TenantId};
use cordon_lake::block::{BlockContext, BlockDecoder, BlockEncoder};
use cordon_views::{EventRow, Kind, SourceType, attribute};
use jiff::SignedDuration;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::convert::{Tally, View, events};
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
    fn kind(&self) -> &'static str {
        "stopping"
    }

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
    async fn has_wrapping_key(&self, id: &KeyId) -> Result<bool> {
        self.keys.has_wrapping_key(id).await
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

/// Everything is one tenant's.
struct One;

impl cordon_views::Directory for One {
    type Tenant = u8;
    fn account(&self, _: &str, _: i64) -> Option<u8> {
        Some(0)
    }
    fn address(&self, _: IpAddr, _: i64) -> Option<u8> {
        Some(0)
    }
    fn resource(&self, _: &str, _: i64) -> Option<u8> {
        Some(0)
    }
    fn in_provider_range(&self, _: IpAddr) -> bool {
        true
    }
}

impl cordon_views::Names for One {
    type Tenant = u8;
    fn pseudonym(&self, _: &u8, _: Kind, value: &str) -> String {
        value.to_owned()
    }
    fn event_name(&self, _: &u8, parts: &[&[u8]]) -> [u8; 16] {
        let hash = blake3::hash(&parts.concat());
        *hash.as_bytes().first_chunk().unwrap()
    }
}

/// A record of each kind that says who did what to what, from where and to where.
fn one_of_each() -> Vec<EventRow> {
    let trail = r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111111111111:user/ana","accountId":"111111111111","userName":"ana"},"eventTime":"2025-12-31T23:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-central-1","sourceIPAddress":"192.0.2.1","eventID":"e1","resources":[{"ARN":"arn:aws:s3:::ledger","accountId":"111111111111"}],"recipientAccountId":"111111111111"}"#;
    let flow = "2 111111111111 eni-1 10.20.0.1 10.20.0.2 40000 443 6 10 840 1767222000 1767222060 ACCEPT OK";
    let header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";
    let finding = r#"{"schemaVersion":"2.0","accountId":"111111111111","region":"eu-central-1","id":"f1","arn":"arn:aws:guardduty:eu-central-1:111111111111:detector/d/finding/f1","type":"Recon:EC2/PortProbeUnprotectedPort","resource":{"resourceType":"Instance","instanceDetails":{"instanceId":"i-1"}},"service":{"action":{"actionType":"PORT_PROBE","portProbeAction":{"portProbeDetails":[{"remoteIpDetails":{"ipAddressV4":"192.0.2.7"},"localPortDetails":{"port":22}}]}}},"severity":5,"title":"t","updatedAt":"2025-12-31T23:00:00.000Z"}"#;
    let native = r#"{"class_uid":6003,"category_uid":6,"activity_id":2,"type_uid":600302,"severity_id":1,"time":1767222000000,"metadata":{"version":"1.3.0","uid":"n1"},"cloud":{"provider":"AWS","region":"eu-central-1","account":{"uid":"111111111111"}},"actor":{"user":{"name":"ana"}},"api":{"operation":"GetObject"},"src_endpoint":{"ip":"192.0.2.1"},"dst_endpoint":{"ip":"192.0.2.2"},"resources":[{"uid":"arn:aws:s3:::ledger"}]}"#;
    [
        (SourceType::AwsCloudTrail, trail, None),
        (SourceType::AwsVpcFlow, flow, Some(header)),
        (SourceType::AwsGuardDuty, finding, None),
        (SourceType::Ocsf, native, None),
    ]
    .into_iter()
    .map(|(kind, record, context)| {
        let observed = 1_767_225_600_000_000_000;
        let attributed = attribute(kind, record.as_bytes(), context, observed, &One, &One);
        attributed.unwrap().views.pop().unwrap().1
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_needs_no_more_columns_than_are_read_for_it() {
    let world = World::new().await;
    world.tenant("acme").await;
    let reader = world.member("tenants/acme", "reader").await;
    let tenant: TenantId = "acme".parse().unwrap();
    let request = world.request(&reader, ()).await.unwrap();
    let (scope, _) = Caller::of(&request)
        .unwrap()
        .tenant_scope(&world.kernel, &tenant, Action::SearchEvents)
        .await
        .unwrap();
    let block = BlockEncoder::new().unwrap().encode(&one_of_each()).unwrap();
    let mut decoder = BlockDecoder::new().unwrap();
    let context = BlockContext {
        first_seq: 1,
        stored_ns: 5,
        source: "trail",
    };
    decoder.decode(&block.plain, context).unwrap();
    let all = decoder.finish().unwrap();
    for view in [View::Ocsf, View::Raw, View::Columns] {
        let read: Vec<usize> = view.columns().iter().map(|column| column.index()).collect();
        assert!(read.len() < all.num_columns());
        let some = all.project(&read).unwrap();
        let shown = |batch| {
            let batch = Disclosed::own(&scope, batch);
            events(&tenant, batch, view, &mut Tally::default()).unwrap()
        };
        assert_eq!(shown(some), shown(all.clone()), "{view:?}");
    }
}
