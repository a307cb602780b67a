//! What three hundred rules cost on events that all are of their log source, beside what taking
//! these events in costs on the same processor.

use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use cordon_kernel::TenantScope;
use cordon_lake::Lake;
use cordon_lake::block::{BlockContext, BlockDecoder, BlockEncoder};
use cordon_lake::rules::Rules;
use cordon_sigma::{Anchors, compile};
use cordon_views::EventRow;

use crate::row;

/// Rules.
const RULES: usize = 300;
/// Events that are looked at together.
const BATCH: usize = 4_096;
/// Batches.
const BATCHES: usize = 24;

/// Rules as people write them: most name operations that seldom occur, some frequent ones with more
/// conditions, some look for text. `CORDON_BENCH_RULES` names a folder of rules that come first.
/// `adverse`: all name operations that are frequent here, and something else besides.
fn texts(rows: &[EventRow], adverse: bool) -> Vec<String> {
    let mut texts = Vec::new();
    if let (Ok(folder), false) = (std::env::var("CORDON_BENCH_RULES"), adverse) {
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        texts.extend(
            paths
                .iter()
                .map(|path| std::fs::read_to_string(path).unwrap()),
        );
        texts.retain(|text| compile(text).is_ok());
    }
    let mut operations: Vec<&str> = rows
        .iter()
        .take(20_000)
        .map(|row| &*row.operation)
        .collect();
    operations.sort_unstable();
    operations.dedup();
    for n in texts.len()..RULES {
        let (one, other) = (
            operations[n % operations.len()],
            operations[(n * 7 + 3) % operations.len()],
        );
        let frequent = match n % 3 {
            0 => format!("eventName: [{one}, Delete{n}, Stop{n}]\n        errorCode: AccessDenied"),
            1 => format!("eventName: {one}\n        userIdentity.arn|endswith: '/admin-{n}'"),
            _ => format!(
                "eventName: [{one}, {other}]\n        requestParameters.bucketName|contains: secret-{n}"
            ),
        };
        let selection = match n % 20 {
            _ if adverse => frequent,
            0 => frequent,
            1 | 2 => format!("userAgent|contains: tool-{n}"),
            3 => format!(
                "sourceIPAddress|cidr: 10.{}.0.0/16\n        eventName|startswith: Get",
                n % 200
            ),
            _ => format!(
                "eventName: [Put{n}Policy, Delete{n}Policy]\n        eventSource: iam.amazonaws.com\n        \
                 errorCode: null"
            ),
        };
        texts.push(format!(
            "title: Rule {n}\nlogsource:\n    product: aws\n    service: cloudtrail\ndetection:\n    \
             s:\n        {selection}\n    condition: s\n"
        ));
    }
    texts.truncate(RULES);
    texts
}

/// Time that this thread has had of a processor, where the system tells; other programs on the
/// machine then do not count. Else time since `start`.
fn clock(start: Instant) -> Duration {
    // The system counts when it schedules, which otherwise is up to four milliseconds ago.
    std::thread::yield_now();
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// What some work gives, and what it took of the processor.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let before = clock(start);
    let made = work();
    (made, clock(start).saturating_sub(before))
}

fn each(count: usize, took: Duration) -> f64 {
    took.as_secs_f64() * 1e6 / count as f64
}

pub(crate) fn rules(lake: &Lake, scope: &TenantScope, rows: &[EventRow]) {
    let rows = &rows[..rows.len().min(BATCH * BATCHES)];
    println!("rules as they are written:");
    measure(lake, scope, rows, &texts(rows, false));
    println!("rules that all name what is frequent:");
    measure(lake, scope, rows, &texts(rows, true));
}

fn hits_of(rules: &Rules, batch: &RecordBatch) -> usize {
    let selected = rules.select(batch).unwrap().into_iter();
    selected.map(|selected| selected.rows.unwrap().len()).sum()
}

fn measure(lake: &Lake, scope: &TenantScope, rows: &[EventRow], texts: &[String]) {
    let compile = || {
        texts
            .iter()
            .map(|text| {
                let rule = compile(text).unwrap();
                let selection = &rule.selections[0];
                let filter = lake.filters().compile(scope, &selection.filter).unwrap();
                (filter, selection.anchors.clone())
            })
            .collect::<Vec<_>>()
    };
    let (compiled, making) = timed(compile);
    let (dispatched, joining) = timed(|| Rules::new(compiled.clone()).unwrap());
    let every = Rules::new(
        compiled
            .into_iter()
            .map(|(filter, _)| (filter, Anchors::Any)),
    );
    let every = every.unwrap();

    // What ingest does with an event before the database has it.
    let ((), attributing) = timed(|| {
        for record in rows {
            std::hint::black_box(row(record.raw.as_bytes()));
        }
    });
    let mut encoder = BlockEncoder::new().unwrap();
    let mut encode = |rows: &[EventRow]| encoder.encode(rows).unwrap().plain;
    let (blocks, encoding): (Vec<Vec<u8>>, _) =
        timed(|| rows.chunks(BATCH).map(&mut encode).collect());

    // One batch after the other, as a look does it.
    let mut decoder = BlockDecoder::new().unwrap();
    let (mut decoding, mut selecting, mut by_all) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut found, mut few) = (0, 0);
    for (number, block) in blocks.iter().enumerate() {
        let (batch, took) = timed(|| {
            let context = BlockContext {
                first_seq: 1,
                stored_ns: 0,
                source: "bench",
            };
            decoder.decode(block, context).unwrap();
            decoder.finish().unwrap()
        });
        decoding += took;
        let (hits, took) = timed(|| hits_of(&dispatched, &batch));
        selecting += took;
        found += hits;
        if number < 2 {
            few += batch.num_rows();
            by_all += timed(|| hits_of(&every, &batch)).1;
        }
    }
    let count = rows.len();
    let taking = each(count, attributing) + each(count, encoding);
    let looking = each(count, decoding) + each(count, selecting);
    println!(
        "{} rules, made in {:.1} ms and joined in {:.1} ms; {count} events, {found} hits",
        texts.len(),
        making.as_secs_f64() * 1e3,
        joining.as_secs_f64() * 1e3
    );
    println!(
        "taking in an event: {:.2} us to attribute, {:.2} us to encode; looking at it: {:.2} us to \
         decode, {:.2} us to select ({:.1} us if every rule looks at every event)",
        each(count, attributing),
        each(count, encoding),
        each(count, decoding),
        each(count, selecting),
        each(few, by_all),
    );
    println!(
        "looking is {:.0} % of taking in without the database",
        100.0 * looking / taking
    );
}
