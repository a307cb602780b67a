//! What the lake does per second, printed. `cargo bench -p cordon-lake`; with
//! `CORDON_BENCH_SET=FILE` on CloudTrail records of one's own (one JSON object a line, one
//! account is one tenant), otherwise on a set made here; with `CORDON_BENCH_RULES_ALONE=1` what
//! rules cost, and nothing else.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program that measures and prints"
)]

mod rules;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::auth::token::TokenConfig;
use cordon_kernel::db::registers::NewTenant;
use cordon_kernel::db::{FlushBatch, TenantBlock};
use cordon_kernel::keys::SealedFile;
use cordon_kernel::{DbConfig, Env, Kernel, KernelConfig, SourceId, TenantId, TenantScope};
use cordon_lake::block::{BlockContext, BlockDecoder, BlockEncoder};
use cordon_lake::count::CountQuery;
use cordon_lake::object::Objects;
use cordon_lake::schema::{Column, Columns};
use cordon_lake::{Events, Lake, LakeConfig, Query, SealMode};
use cordon_views::{Directory, EventRow, Kind, Names, SourceType, attribute};

/// What the server allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rows of the largest tenant in one batch of 5,000 of the common set.
const LARGE_BLOCK: usize = 667;
/// Events of the largest and of a small tenant in the common set.
const LARGE: usize = 400_717;
const SMALL: usize = 803;

/// Everything is one tenant's.
struct One;

impl Directory for One {
    type Tenant = u8;
    fn account(&self, _: &str, _: i64) -> Option<u8> {
        Some(0)
    }
    fn address(&self, _: IpAddr, _: i64) -> Option<u8> {
        None
    }
    fn resource(&self, _: &str, _: i64) -> Option<u8> {
        None
    }
    fn in_provider_range(&self, _: IpAddr) -> bool {
        false
    }
}

impl Names for One {
    type Tenant = u8;
    fn pseudonym(&self, _: &u8, kind: Kind, value: &str) -> String {
        format!(
            "{}~{}",
            kind.prefix(),
            blake3::hash(value.as_bytes()).to_hex()
        )
    }
    fn event_name(&self, _: &u8, parts: &[&[u8]]) -> [u8; 16] {
        let mut hash = blake3::Hasher::new();
        for part in parts {
            hash.update(part);
        }
        let mut name = [0; 16];
        hash.finalize_xof().fill(&mut name);
        name
    }
}

pub(crate) fn row(record: &[u8]) -> Option<EventRow> {
    let attributed = attribute(
        SourceType::AwsCloudTrail,
        record,
        None,
        1_795_478_400_000_000_000,
        &One,
        &One,
    );
    attributed.ok()?.views.pop().map(|(_, row)| row)
}

/// The rows of the largest account of a file.
fn from_file(path: &str) -> Vec<EventRow> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let lines = || {
        BufReader::with_capacity(1 << 20, std::fs::File::open(path).unwrap())
            .lines()
            .map(Result::unwrap)
    };
    let account = |line: &str| {
        let at = line.find("\"recipientAccountId\":\"")? + 22;
        line.get(at..at + 12).map(str::to_owned)
    };
    // The first tenth tells which is the largest.
    for line in lines().take(300_000) {
        *counts
            .entry(account(&line).unwrap_or_default())
            .or_default() += 1;
    }
    let largest = counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .unwrap()
        .0;
    lines()
        .filter(|line| account(line).as_deref() == Some(&largest))
        .take(LARGE)
        .map(|line| row(line.as_bytes()).unwrap())
        .collect()
}

/// A generator of numbers, good enough to vary records.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
    fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from_digit(self.next(16) as u32, 16).unwrap())
            .collect()
    }
}

fn made() -> Vec<EventRow> {
    const OPERATIONS: [(&str, &str); 12] = [
        ("sts", "AssumeRole"),
        ("s3", "GetObject"),
        ("s3", "PutObject"),
        ("kms", "Decrypt"),
        ("ec2", "DescribeInstances"),
        ("s3", "HeadObject"),
        ("sts", "GetCallerIdentity"),
        ("logs", "CreateLogStream"),
        ("dynamodb", "Query"),
        ("ssm", "GetParameter"),
        ("ec2", "RunInstances"),
        ("iam", "CreateUser"),
    ];
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    (0..LARGE as u64)
        .map(|n| {
            let at = 1_794_873_600 + n * 604_800 / LARGE as u64;
            let time = cordon_kernel::db::timestamp(at as i64 * 1_000_000_000);
            let (service, operation) = OPERATIONS[(dice.next(144).isqrt()) as usize % 12];
            let (user, ip, key) = (dice.next(400), dice.next(800), dice.hex(32));
            let (request, event, version) = (dice.hex(32), dice.hex(32), dice.hex(32));
            let event = format!("{}-{}-{}-{}-{}", &event[..8], &event[8..12], &event[12..16], &event[16..20], &event[20..]);
            let record = format!(
                r#"{{"eventVersion":"1.08","userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::123456789012:assumed-role/deploy-role-{user}/i-{user:017x}","accountId":"123456789012","accessKeyId":"ASIA{user:016X}"}},"eventTime":"{time}","eventSource":"{service}.amazonaws.com","eventName":"{operation}","awsRegion":"us-east-1","sourceIPAddress":"203.0.{}.{}","userAgent":"aws-sdk-java/2.25.11 Linux/5.10.209-198.812.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/17.0.10+7-LTS Java/17.0.10 vendor/Amazon.com_Inc. exec-env/AWS_ECS_FARGATE io/async http/NettyNio cfg/retry-mode/legacy","requestParameters":{{"bucketName":"release-archive-{}","Host":"release-archive.s3.us-east-1.amazonaws.com","key":"daily/part-{key}.parquet"}},"responseElements":{{"x-amz-version-id":"{version}"}},"requestID":"{request}","eventID":"{event}","readOnly":true,"resources":[{{"ARN":"arn:aws:s3:::release-archive/daily/part-{key}.parquet","accountId":"123456789012"}}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"123456789012","eventCategory":"Management"}}"#,
                ip / 250,
                ip % 250,
                dice.next(60),
            );
            row(record.as_bytes()).unwrap()
        })
        .collect()
}

async fn kernel(dir: &std::path::Path) -> (Arc<Kernel>, impl Fn(&str) -> TenantScope) {
    let env = Env::system();
    let secret = secrecy::SecretBox::new(Box::new([5; 32]));
    let keys = SealedFile::open(dir.join("keys"), secret, env.clone())
        .await
        .unwrap();
    let kernel = Kernel::open(KernelConfig {
        env,
        db: DbConfig::new(format!("sqlite:{}", dir.join("cordon.db").display())),
        keys: Arc::new(keys),
        token: TokenConfig::default(),
        trusted: Vec::new(),
        authority_name: "bench".to_owned(),
        migrate: true,
    });
    let kernel = Arc::new(kernel.await.unwrap());
    let runner = kernel.job_runner().unwrap();
    let (scope, permit) = kernel.maintenance_provider_scope(&runner, "bench");
    for tenant in ["large", "small"] {
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
    let scopes = Arc::clone(&kernel);
    (kernel, move |tenant: &str| {
        let tenant: TenantId = tenant.parse().unwrap();
        scopes.maintenance_scope(&runner, &tenant, "bench").0
    })
}

async fn append(
    kernel: &Kernel,
    scope: &TenantScope,
    encoder: &mut BlockEncoder,
    rows: &[EventRow],
    name: &str,
) {
    let block = encoder.encode(rows).unwrap();
    let batch = FlushBatch {
        batch_id: name.to_owned(),
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
    let source: SourceId = "bench".parse().unwrap();
    kernel
        .db()
        .append_backfill(scope, &source, batch)
        .await
        .unwrap();
}

fn per_second(count: usize, took: Duration) -> String {
    format!(
        "{:.0}/s ({:.2} µs each)",
        count as f64 / took.as_secs_f64(),
        took.as_secs_f64() * 1e6 / count as f64
    )
}

/// Median and 99th of a hundred runs, in milliseconds, and what the last one found.
async fn timed<F: Future<Output = usize>>(what: &str, runs: usize, mut run: impl FnMut() -> F) {
    let mut times = Vec::new();
    let mut found = run().await;
    for _ in 0..runs {
        let start = Instant::now();
        found = run().await;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("{what}: p50 {p50:.2} ms, p99 {p99:.2} ms ({found} found)");
}

async fn search(lake: &Lake, scope: &TenantScope, query: Query) -> usize {
    let mut search = lake.search(scope, query).await.unwrap();
    let mut rows = 0;
    while let Some(batch) = search.next().await.unwrap() {
        // What a server does with it at least.
        let events = Events::new(&batch).unwrap();
        rows += (0..events.len())
            .filter(|row| !events.row(*row, &[]).raw.is_empty())
            .count();
    }
    rows
}

fn codec(rows: &[EventRow]) {
    let raw = |rows: &[EventRow]| rows.iter().map(|row| row.raw.len()).sum::<usize>();
    let mut encoder = BlockEncoder::new().unwrap();
    for size in [1, 5, 50, LARGE_BLOCK, 8_192] {
        let rows = &rows[..rows.len().min(40 * size).min(65_536) / size * size];
        let start = Instant::now();
        let blocks: Vec<Vec<u8>> = rows
            .chunks(size)
            .map(|rows| encoder.encode(rows).unwrap().plain)
            .collect();
        let encoding = start.elapsed();
        let bytes: usize = blocks.iter().map(Vec::len).sum();
        let mut decoder = BlockDecoder::new().unwrap();
        let start = Instant::now();
        for block in &blocks {
            decoder
                .decode(
                    block,
                    BlockContext {
                        first_seq: 1,
                        stored_ns: 0,
                        source: "bench",
                    },
                )
                .unwrap();
        }
        assert_eq!(decoder.finish().unwrap().num_rows(), rows.len());
        let decoding = start.elapsed();
        println!(
            "blocks of {size} rows: {:.0} B a row ({:.3} of raw), encode {}, decode {}",
            bytes as f64 / rows.len() as f64,
            bytes as f64 / raw(rows) as f64,
            per_second(rows.len(), encoding),
            per_second(rows.len(), decoding),
        );
    }
}

fn folder_size(path: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return 0;
    };
    entries
        .map(Result::unwrap)
        .map(|entry| match entry.metadata().unwrap() {
            meta if meta.is_dir() => folder_size(&entry.path()),
            meta => meta.len(),
        })
        .sum()
}

#[tokio::main]
async fn main() {
    let rows = match std::env::var("CORDON_BENCH_SET") {
        Ok(path) => from_file(&path),
        Err(_) => made(),
    };
    let raw: usize = rows.iter().map(|row| row.raw.len()).sum();
    println!(
        "{} events of {:.0} B",
        rows.len(),
        raw as f64 / rows.len() as f64
    );
    codec(&rows);

    let dir = tempfile::tempdir().unwrap();
    let (kernel, scope) = kernel(dir.path()).await;
    let objects = Objects::local(dir.path().join("objects")).unwrap();
    let lake = Lake::new(Arc::clone(&kernel), objects.clone(), LakeConfig::default()).unwrap();
    let (large, small) = (scope("large"), scope("small"));
    rules::rules(&lake, &large, &rows);
    if std::env::var_os("CORDON_BENCH_RULES_ALONE").is_some() {
        return;
    }
    let mut encoder = BlockEncoder::new().unwrap();

    for (number, rows) in rows[..SMALL.min(rows.len())].chunks(2).enumerate() {
        append(
            &kernel,
            &small,
            &mut encoder,
            rows,
            &format!("small-{number}"),
        )
        .await;
    }
    // Sealed as it comes, as the job does it, up to a last part that stays in the journal.
    let (mut sealing, mut dropped, mut sealed) = (Duration::ZERO, 0, 0);
    let mut unsealed = 0;
    for (number, block) in rows.chunks(LARGE_BLOCK).enumerate() {
        append(
            &kernel,
            &large,
            &mut encoder,
            block,
            &format!("large-{number}"),
        )
        .await;
        unsealed += block.len();
        if unsealed >= 32_768 {
            let start = Instant::now();
            let done = lake.seal(&large, None, SealMode::Due).await.unwrap();
            sealing += start.elapsed();
            dropped += done.dropped;
            sealed += done.rows;
            unsealed = 0;
        }
    }
    println!(
        "sealing: {} ({dropped} dropped)",
        per_second(sealed as usize, sealing)
    );
    let size = folder_size(&dir.path().join("objects"));
    println!(
        "segments: {:.1} B a row, {:.3} of raw",
        size as f64 / sealed as f64,
        size as f64 / raw as f64 * rows.len() as f64 / sealed as f64
    );

    queries(&lake, &kernel, &objects, &large, &small, &rows).await;

    let start = Instant::now();
    lake.seal(&large, None, SealMode::All).await.unwrap();
    let merged = lake.merge(&large, None).await.unwrap();
    println!(
        "merging: {merged} files in {:.2} s",
        start.elapsed().as_secs_f64()
    );
    println!("all sealed, merged:");
    queries(&lake, &kernel, &objects, &large, &small, &rows).await;
    println!("kept in memory: {:.1} MB", lake.cached_bytes() as f64 / 1e6);
}

async fn queries(
    lake: &Lake,
    kernel: &Arc<Kernel>,
    objects: &Objects,
    large: &TenantScope,
    small: &TenantScope,
    rows: &[EventRow],
) {
    let newest = || Query {
        limit: Some(100),
        columns: Columns::ALL,
        ..Query::default()
    };
    timed("newest 100 of the largest", 200, || {
        search(lake, large, newest())
    })
    .await;
    timed("newest 100 of a small one", 200, || {
        search(lake, small, newest())
    })
    .await;
    timed(
        "newest 100 of the largest, nothing kept in memory",
        20,
        || async {
            let cold =
                Lake::new(Arc::clone(kernel), objects.clone(), LakeConfig::default()).unwrap();
            search(&cold, large, newest()).await
        },
    )
    .await;
    // The rarest of the addresses that occur a hundred times.
    let mut ips: HashMap<IpAddr, usize> = HashMap::new();
    rows.iter()
        .filter_map(|row| row.src_ip)
        .for_each(|ip| *ips.entry(ip).or_default() += 1);
    let ip = ips
        .iter()
        .min_by_key(|(_, count)| count.abs_diff(201))
        .unwrap()
        .0;
    let filter = lake
        .filters()
        .compile(large, &format!("src_ip = '{ip}'"))
        .unwrap();
    let by_ip = || Query {
        filter: Some(Arc::clone(&filter)),
        ..newest()
    };
    timed(
        &format!("newest 100 from {ip} ({} events)", ips[ip]),
        50,
        || search(lake, large, by_ip()),
    )
    .await;
    let filter = lake
        .filters()
        .compile(
            large,
            "operation = 'CreateUser' AND NOT cidr_contains('10.0.0.0/8', src_ip)",
        )
        .unwrap();
    let rare = || Query {
        filter: Some(Arc::clone(&filter)),
        ..newest()
    };
    timed("newest 100 of a rare operation", 50, || {
        search(lake, large, rare())
    })
    .await;
    let needle = &rows[rows.len() / 2].event_id;
    let filter = lake
        .filters()
        .compile(large, &format!("raw LIKE '%{needle}%'"))
        .unwrap();
    let substring = || Query {
        filter: Some(Arc::clone(&filter)),
        ..newest()
    };
    timed("a substring that occurs once, anywhere", 5, || {
        search(lake, large, substring())
    })
    .await;
    let filter = lake
        .filters()
        .compile(large, &format!("event_id = '{needle}'"))
        .unwrap();
    let by_id = || Query {
        filter: Some(Arc::clone(&filter)),
        ..newest()
    };
    timed("one event id", 50, || search(lake, large, by_id())).await;
    for by in [
        vec![Column::Operation],
        vec![Column::Operation, Column::Region, Column::Actor],
    ] {
        let query = CountQuery {
            by: by.clone(),
            ..CountQuery::default()
        };
        let names: Vec<&str> = by.iter().map(|column| column.name()).collect();
        timed(&format!("count by {}", names.join(", ")), 50, || async {
            lake.count(large, &query).await.unwrap().total as usize
        })
        .await;
    }
    let columns = Columns::ALL;
    timed("everything", 2, || {
        search(
            lake,
            large,
            Query {
                columns,
                ..Query::default()
            },
        )
    })
    .await;
    timed("compiling a filter", 200, || async {
        let text = format!("operation = 'AssumeRole' AND NOT cidr_contains('10.0.0.0/8', src_ip) AND time < now() AND seq > {}", rows.len());
        lake.filters().compile(large, &text).unwrap();
        1
    })
    .await;
}
