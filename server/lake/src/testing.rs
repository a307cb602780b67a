//! Events for tests (any that can be, and ones that look like a customer's), and a kernel with
//! a lake in a temporary folder.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::auth::token::TokenConfig;
use cordon_kernel::clock::ManualClock;
use cordon_kernel::db::jobs::{JobRunner, Lane};
use cordon_kernel::db::registers::NewTenant;
use cordon_kernel::db::{BatchOutcome, FlushBatch, TenantBlock};
use cordon_kernel::keys::SealedFile;
use cordon_kernel::{DbConfig, Env, Kernel, KernelConfig, SourceId, TenantId, TenantScope};
use cordon_views::{EventRow, Reason, SourceType, Status, Withheld};
use proptest::prelude::*;

/// One second in nanoseconds.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// A start of time for tests: 2026-11-24T00:00:00Z.
pub(crate) const EPOCH: i64 = 1_795_478_400 * SECOND;

/// A plain event; `id` makes it distinct and `time` is in seconds from [`EPOCH`].
pub(crate) fn event(id: u64, time: i64) -> EventRow {
    let mut name = [0; 16];
    blake3::Hasher::new()
        .update(&id.to_le_bytes())
        .finalize_xof()
        .fill(&mut name);
    let service = ["s3", "ec2", "sts", "iam"][(id % 4) as usize];
    let operation = [
        "GetObject",
        "RunInstances",
        "AssumeRole",
        "CreateUser",
        "PutObject",
    ][(id % 5) as usize];
    let account = format!("{:012}", 100_000_000_000 + id % 3);
    let ip = Ipv4Addr::from(0xc000_0200 + (id % 97) as u32);
    let user = id % 13;
    EventRow {
        name,
        time_ns: EPOCH + time * SECOND,
        observed_ns: EPOCH + time * SECOND + 5 * SECOND,
        time_invalid: false,
        conflict: false,
        class_uid: 6003,
        activity_id: (id % 4) as i32,
        severity_id: 1,
        status: if id.is_multiple_of(11) {
            Status::Failure
        } else {
            Status::Success
        },
        account: account.clone(),
        region: ["eu-west-1", "us-east-1"][(id % 2) as usize].to_owned(),
        service: format!("{service}.amazonaws.com"),
        operation: operation.to_owned(),
        actor: format!("arn:aws:iam::{account}:user/u{user}"),
        credential_uid: format!("AKIAEXAMPLE{user:09}"),
        src_ip: Some(IpAddr::V4(ip)),
        dst_ip: None,
        src_port: None,
        dst_port: None,
        resources: vec![format!("arn:aws:s3:::bucket-{}", id % 7)],
        source_type: SourceType::AwsCloudTrail,
        event_id: format!("00000000-0000-4000-8000-{id:012x}"),
        shared: false,
        normalizer: 1,
        raw: format!(
            r#"{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::{account}:user/u{user}","accountId":"{account}","accessKeyId":"AKIAEXAMPLE{user:09}"}},"eventTime":"t{time}","eventSource":"{service}.amazonaws.com","eventName":"{operation}","sourceIPAddress":"{ip}","requestID":"r{id:032x}","eventID":"00000000-0000-4000-8000-{id:012x}","requestParameters":{{"n":{id}}}}}"#
        ),
        raw_context: None,
        withheld: Vec::new(),
        shared_event_id: String::new(),
        addressed: true,
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("eu-west-1".to_owned()),
        "[a-c]{1,3}",
        any::<String>(),
    ]
}

fn address() -> impl Strategy<Value = Option<IpAddr>> {
    prop_oneof![
        Just(None),
        (0_u32..40).prop_map(|low| Some(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + low)))),
        any::<u128>().prop_map(|bits| Some(IpAddr::V6(Ipv6Addr::from(bits)))),
    ]
}

fn source_type() -> impl Strategy<Value = SourceType> {
    proptest::sample::select(SourceType::ALL.to_vec())
}

fn status() -> impl Strategy<Value = Status> {
    proptest::sample::select(vec![
        Status::Unknown,
        Status::Success,
        Status::Failure,
        Status::Other,
    ])
}

fn withheld() -> impl Strategy<Value = Withheld> {
    (text(), proptest::sample::select(Reason::ALL.to_vec()))
        .prop_map(|(path, reason)| Withheld { path, reason })
}

/// Any event that attribution could make, and some that it could not.
pub(crate) fn any_event() -> impl Strategy<Value = EventRow> {
    (
        (
            any::<[u8; 16]>(),
            any::<i64>(),
            any::<i64>(),
            any::<[bool; 4]>(),
        ),
        (any::<[i32; 3]>(), any::<u16>(), status(), source_type()),
        (text(), text(), text(), text(), text(), text()),
        (
            address(),
            address(),
            any::<Option<u16>>(),
            any::<Option<u16>>(),
        ),
        (
            prop::collection::vec(text(), 0..4),
            prop::collection::vec(withheld(), 0..3),
        ),
        (text(), any::<String>(), any::<Option<String>>(), text()),
    )
        .prop_map(|(head, numbers, words, ends, lists, texts)| EventRow {
            name: head.0,
            time_ns: head.1,
            observed_ns: head.2,
            time_invalid: head.3[0],
            conflict: head.3[1],
            shared: head.3[2],
            addressed: head.3[3],
            class_uid: numbers.0[0],
            activity_id: numbers.0[1],
            severity_id: numbers.0[2],
            normalizer: numbers.1,
            status: numbers.2,
            source_type: numbers.3,
            account: words.0,
            region: words.1,
            service: words.2,
            operation: words.3,
            actor: words.4,
            credential_uid: words.5,
            src_ip: ends.0,
            dst_ip: ends.1,
            src_port: ends.2,
            dst_port: ends.3,
            resources: lists.0,
            withheld: lists.1,
            event_id: texts.0,
            raw: texts.1,
            raw_context: texts.2.filter(|text| !text.is_empty()).map(Arc::from),
            shared_event_id: texts.3,
        })
}

/// A kernel and a lake in a temporary folder, with two tenants.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) lake: crate::Lake,
    pub(crate) runner: JobRunner,
    encoder: std::sync::Mutex<crate::block::BlockEncoder>,
    batches: std::sync::atomic::AtomicU64,
}

pub(crate) const ACME: &str = "acme";
pub(crate) const OTHER: &str = "other";

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(crate::LakeConfig::default()).await
    }

    pub(crate) async fn with(config: crate::LakeConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let objects = crate::object::Objects::local(dir.path().join("objects")).unwrap();
        Self::on(dir, objects, config).await
    }

    /// With its objects elsewhere.
    pub(crate) async fn on(
        dir: tempfile::TempDir,
        objects: crate::object::Objects,
        config: crate::LakeConfig,
    ) -> Self {
        let start = cordon_kernel::db::timestamp(EPOCH);
        let (env, clock) = Env::fixed(start, 7);
        let secret = secrecy::SecretBox::new(Box::new([5; 32]));
        let keys = SealedFile::open(dir.path().join("keys"), secret, env.clone())
            .await
            .unwrap();
        let kernel = Kernel::open(KernelConfig {
            env,
            db: DbConfig::new(format!("sqlite:{}", dir.path().join("cordon.db").display())),
            keys: Arc::new(keys),
            token: TokenConfig::default(),
            trusted: Vec::new(),
            authority_name: "test".to_owned(),
            migrate: true,
        })
        .await
        .unwrap();
        let kernel = Arc::new(kernel);
        let runner = kernel.job_runner().unwrap();
        let (scope, permit) = kernel.maintenance_provider_scope(&runner, "test");
        for tenant in [ACME, OTHER] {
            let mut tx = kernel.db().provider_tx(&scope, &permit).await.unwrap();
            let new = NewTenant {
                tenant: tenant.parse().unwrap(),
                display_name: tenant.to_owned(),
                parent: None,
                home_region: "local".to_owned(),
                billing_organisation: None,
            };
            let keys = kernel.db().first_keys(&scope, &new.tenant).await.unwrap();
            tx.create_tenant(&new, keys).await.unwrap();
            tx.commit(AuditEntry::new(&permit)).await.unwrap();
        }
        let lake = crate::Lake::new(Arc::clone(&kernel), objects, config).unwrap();
        Self {
            dir,
            clock,
            kernel,
            lake,
            runner,
            encoder: crate::block::BlockEncoder::new().unwrap().into(),
            batches: 0.into(),
        }
    }

    /// A lake that remembers nothing.
    pub(crate) fn cold(&self) -> crate::Lake {
        let objects = self.lake.objects().clone();
        crate::Lake::new(
            Arc::clone(&self.kernel),
            objects,
            crate::LakeConfig::default(),
        )
        .unwrap()
    }

    pub(crate) fn scope(&self, tenant: &str) -> TenantScope {
        let tenant: TenantId = tenant.parse().unwrap();
        self.kernel
            .maintenance_scope(&self.runner, &tenant, "test")
            .0
    }

    /// Claims every due job.
    pub(crate) async fn claim_jobs(&self) -> Vec<cordon_kernel::db::JobClaim> {
        let lease = jiff::SignedDuration::from_mins(5);
        self.kernel
            .db()
            .claim_jobs(&self.runner, Lane::Bulk, lease, 100)
            .await
            .unwrap()
    }

    /// Appends one block.
    pub(crate) async fn append(&self, tenant: &str, rows: &[EventRow]) {
        let block = self.encoder.lock().unwrap().encode(rows).unwrap();
        let number = self
            .batches
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let scope = self.scope(tenant);
        let batch = FlushBatch {
            batch_id: format!("batch-{number}"),
            content_hash: *blake3::hash(&block.plain).as_bytes(),
            blocks: vec![TenantBlock {
                tenant: scope.tenant().clone(),
                rows: block.rows,
                min_time: block.min_time,
                max_time: block.max_time,
                plain: block.plain,
            }],
            ..FlushBatch::default()
        };
        let source: SourceId = "trail".parse().unwrap();
        let outcome = self
            .kernel
            .db()
            .append_backfill(&scope, &source, batch)
            .await
            .unwrap();
        assert_eq!(outcome, BatchOutcome::Stored);
    }

    /// Appends rows in blocks of this size.
    pub(crate) async fn append_all(&self, tenant: &str, rows: &[EventRow], size: usize) {
        for rows in rows.chunks(size) {
            self.append(tenant, rows).await;
        }
    }
}
