use std::sync::LazyLock;

use arrow::array::{Array, RecordBatch};
use cordon_views::EventRow;
use proptest::prelude::*;

use super::*;
use crate::block::{BlockContext, BlockDecoder, BlockEncoder};
use crate::testing::{EPOCH, SECOND, event};

static FILTERS: LazyLock<Filters> = LazyLock::new(|| {
    let (env, _) = Env::fixed(cordon_kernel::db::timestamp(EPOCH + 1_000 * SECOND), 1);
    Filters::new(env).unwrap()
});

fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

fn compile(text: &str) -> Result<Arc<Filter>> {
    FILTERS.compile_for(&tenant(), text)
}

pub(crate) fn batch(rows: &[EventRow]) -> RecordBatch {
    let block = BlockEncoder::new().unwrap().encode(rows).unwrap();
    let mut decoder = BlockDecoder::new().unwrap();
    let context = BlockContext {
        first_seq: 1,
        stored_ns: EPOCH,
        source: "trail",
    };
    decoder.decode(&block.plain, context).unwrap();
    decoder.finish().unwrap()
}

fn hits(filter: &Filter, batch: &RecordBatch) -> Vec<bool> {
    let mut hits = vec![true; batch.num_rows()];
    for condition in [&filter.narrow, &filter.wide].into_iter().flatten() {
        let part = condition.evaluate_within(batch).unwrap();
        assert_eq!(part.null_count(), 0);
        hits.iter_mut()
            .zip(part.values())
            .for_each(|(hit, part)| *hit &= part);
    }
    hits
}

/// Which rows pass, looked at one by one.
pub(crate) fn passing(filter: &Filter, rows: &[EventRow]) -> Vec<bool> {
    hits(filter, &batch(rows))
}

/// How many of a hundred events the filter takes.
fn count(text: &str) -> usize {
    let rows: Vec<EventRow> = (0..100)
        .map(|id| {
            let mut row = event(id, id as i64);
            if id % 10 == 0 {
                row.dst_ip = Some("2001:db8::7".parse().unwrap());
                row.dst_port = Some(443);
            }
            row
        })
        .collect();
    let filter = compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    hits(&filter, &batch(&rows))
        .into_iter()
        .filter(|hit| *hit)
        .count()
}

fn refused(text: &str) -> FilterError {
    match compile(text) {
        Err(LakeError::Filter(error)) => error,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn expressions_mean_what_sql_says() {
    for (text, wanted) in [
        ("operation = 'AssumeRole'", 20),
        ("OPERATION = 'AssumeRole' and Region <> 'eu-west-1'", 10),
        ("operation IN ('AssumeRole', 'CreateUser')", 40),
        ("operation LIKE 'Get%'", 20),
        ("operation ILIKE 'get%'", 20),
        ("operation ~ '^(Get|Put)'", 40),
        ("regexp_like(operation, '^(Get|Put)')", 40),
        ("NOT (operation = 'AssumeRole')", 80),
        ("dst_ip IS NULL", 90),
        ("dst_ip <> '10.0.0.1'", 10),
        ("cidr_contains('2001:db8::/32', dst_ip)", 10),
        ("cidr_contains('192.0.2.0/26', src_ip)", 67),
        ("NOT cidr_contains('192.0.2.0/26', src_ip)", 33),
        ("dst_port = 443", 10),
        ("dst_port BETWEEN 400 AND 500", 10),
        ("array_has(resources, 'arn:aws:s3:::bucket-3')", 14),
        ("status = 'Failure'", 10),
        ("shared", 0),
        ("NOT shared AND time_quality = 'valid'", 100),
        ("time >= '2026-11-24T00:00:50Z'", 50),
        ("time >= TIMESTAMP '2026-11-24 00:00:50'", 50),
        ("time < to_timestamp('2026-11-24T00:00:50Z')", 50),
        ("time > now() - INTERVAL '950 seconds'", 49),
        ("json_get_str(raw, 'eventName') = 'PutObject'", 20),
        ("raw->>'eventName' = 'PutObject'", 20),
        ("json_get_int(raw, 'requestParameters', 'n') >= 90", 10),
        ("json_get(raw, 'userIdentity', 'type') = 'IAMUser'", 100),
        ("contains(raw, 'bucket')", 0),
        ("raw LIKE '%eventName%' AND operation = 'GetObject'", 20),
        (
            "lower(region) = 'eu-west-1' OR upper(region) = 'US-EAST-1'",
            100,
        ),
        ("starts_with(service, 's3')", 25),
        ("coalesce(dst_port, 0) = 0", 90),
        ("length(operation) = 9", 40),
        (
            "CASE WHEN operation = 'GetObject' THEN true ELSE false END",
            20,
        ),
        ("class_uid = 6003 AND activity_id + 1 = 2", 25),
        ("CAST(dst_port AS TEXT) LIKE '4%'", 10),
        ("seq <= 10", 10),
        ("source = 'trail' AND source_type = 'aws.cloudtrail'", 100),
        ("true", 100),
        ("1 = 2", 0),
        ("NULL", 0),
        ("event_id = '00000000-0000-4000-8000-000000000007'", 1),
        ("observed_time - time = INTERVAL '5 seconds'", 100),
        ("date_part('second', time) = 7", 2),
        ("EXTRACT(MINUTE FROM time) = 1", 40),
        ("substring(operation FROM 1 FOR 3) = 'Get'", 20),
        ("trim(operation) = 'GetObject'", 20),
        ("account || ':' || region = '100000000000:eu-west-1'", 17),
    ] {
        assert_eq!(count(text), wanted, "{text}");
    }
    let name = event(7, 7).name.map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(count(&format!("name = '{name}'")), 1);
    assert_eq!(count(&format!("name <> '{}'", name.to_uppercase())), 99);
    assert_eq!(
        count(&format!("name IN ('{name}', '{}')", "0".repeat(32))),
        1
    );
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, line, column, part) in [
        (
            "operation = 'x' AND\n  oparation = 'y'",
            2,
            3,
            "did you mean operation?",
        ),
        ("foo.bar = 1", 1, 1, "no prefix"),
        ("operation = \"x\"", 1, 13, "single quotes"),
        ("operation = ", 1, 13, "expression"),
        ("operation = 'x' 'y'", 1, 17, "expected AND, OR or the end"),
        ("operation = 'x'; DROP TABLE events", 1, 16, "semicolon"),
        ("operation == 'x", 1, 14, "Unterminated"),
        (
            "class_uid = 1 AND lowr(operation) = 'x'",
            1,
            19,
            "did you mean lower?",
        ),
        ("operation = 'x' OR class_uid LIKE region", 1, 35, "literal"),
        ("class_uid + 1", 1, 1, "condition"),
        ("class_uid = 1 AND time > true", 1, 19, ""),
        ("cidr_contains('10.0.0.0/99', src_ip)", 1, 15, "10.0.0.0/8"),
        ("cidr_contains(class_uid, src_ip)", 1, 1, "cidr_contains"),
        ("name = 'abc'", 1, 8, "32 hexadecimal"),
        ("lower(name) = 'abc'", 1, 7, "=, <> or IN"),
        (
            "name > '00000000000000000000000000000000'",
            1,
            1,
            "=, <> or IN",
        ),
        ("name || 'x' = 'y'", 1, 1, "=, <> or IN"),
        ("regexp_like(raw, operation)", 1, 18, "literal"),
        ("regexp_like(raw, 'a', operation)", 1, 23, "literal"),
        ("regexp_like(raw, '(')", 1, 18, "unclosed"),
        (r"raw ~ '(\w{90}){20}'", 1, 7, "too large"),
        ("operation IN (SELECT 1)", 1, 1, "subquery"),
        ("EXISTS (SELECT 1)", 1, 9, "subquery"),
        ("(SELECT true)", 1, 2, "subquery"),
        ("random() > 0.5", 1, 1, "no function"),
        ("uuid() = 'x'", 1, 1, "no function"),
        ("repeat(raw, 1000000) = ''", 1, 1, "no function"),
        ("count(*) > 1", 1, 1, "no function"),
        ("sum(class_uid) OVER () > 1", 1, 1, "no function"),
        (
            "lower(operation) FILTER (WHERE true) = 'x'",
            1,
            1,
            "plain arguments",
        ),
        ("operation = $1", 1, 13, "parameters"),
        ("@x = 1", 1, 2, "operator"),
        ("raw_context = 'x'", 1, 1, "no column"),
        ("shared_event_id = 'x'", 1, 1, "no column"),
        ("CAST(raw AS BYTEA) = 'x'", 1, 6, "BIGINT"),
        ("", 1, 1, ""),
    ] {
        let error = refused(text);
        assert_eq!(
            (error.line, error.column),
            (line, column),
            "{text}: {error}"
        );
        assert!(error.message.contains(part), "{text}: {error}");
        assert!(
            !error.message.is_empty() && !error.message.contains('\n'),
            "{text}: {error}"
        );
    }
}

#[test]
fn what_is_made_of_each_event_is_bounded() {
    let raw = |count: usize, between: &str| vec!["raw"; count].join(between);
    let told = |text: &str| refused(text).message;
    assert!(told(&format!("concat({}) = ''", raw(33, ", "))).contains("at most 32 arguments"));
    assert!(told(&format!("{} = ''", raw(34, " || "))).contains("more than 32 texts"));
    let two = format!("concat({}) = '' OR {} = ''", raw(20, ", "), raw(14, " || "));
    assert!(told(&two).contains("more than 32 texts"), "{two}");
    let regexes = ["raw !~ 'x'"; 65].join(" AND ");
    assert!(told(&regexes).contains("more than 64 regular"));
    let regexes = ["regexp_like(raw, 'x')"; 65].join(" AND ");
    assert!(told(&regexes).contains("more than 64 regular"));
    compile(&format!("concat({}) = 'x'", raw(32, ", "))).unwrap();
    compile(&["raw !~ 'x'"; 64].join(" AND ")).unwrap();
}

#[test]
fn size_and_depth_are_bounded() {
    let many = vec!["operation = 'x'"; 10_001].join(" OR ");
    assert!(
        refused(&many).message.contains("65536"),
        "{}",
        refused(&many)
    );
    let many = vec!["1=1"; 10_001].join(" OR ");
    assert!(refused(&many).message.contains("bytes"));
    let many = vec!["1"; 10_001].join("OR ");
    let error = refused(&many);
    assert!(
        error.message.contains("10000 operators") && error.message.contains("IN ("),
        "{error}"
    );
    assert!(error.column > 1_000);

    // What is allowed works, on a thread's usual stack.
    let most = vec!["operation='x'"; MAX_OPERATORS / 2].join(" OR ");
    assert_eq!(count(&most), 0);
    let most = vec!["class_uid=6003"; MAX_OPERATORS / 2].join(" AND ");
    assert_eq!(count(&most), 100);
    let sum = format!("class_uid{} > 0", "+1".repeat(100));
    assert_eq!(count(&sum), 100);
    let sum = format!("class_uid{} > 0", "+1".repeat(900));
    assert!(refused(&sum).message.contains("deep"));

    let deep = |depth: usize| format!("{}shared{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(count(&deep(MAX_DEPTH)), 0);
    assert!(refused(&deep(MAX_DEPTH + 1)).message.contains("deep"));
    assert!(refused(&deep(20_000)).message.contains("deep"));
    let error = refused(&format!("{}shared", "NOT ".repeat(900)));
    assert!(error.message.contains("deep"), "{error}");
    let long = format!(
        "src_ip IN ({})",
        (0..5_000)
            .map(|n| format!("'a{n}'"))
            .collect::<Vec<_>>()
            .join(",")
    );
    assert_eq!(count(&long), 0);
}

#[test]
fn what_follows_from_a_filter_is_found() {
    let pruning = |text: &str| compile(text).unwrap().pruning.clone();
    let nanos = |second: i64| EPOCH + second * SECOND;
    let all = Pruning::default();
    assert_eq!(
        pruning("time >= '2026-11-24T00:00:10Z' AND time < '2026-11-24T00:00:20Z'").time,
        (nanos(10), nanos(20) - 1)
    );
    assert_eq!(
        pruning("'2026-11-24T00:00:10Z' < time").time,
        (nanos(10) + 1, i64::MAX)
    );
    assert_eq!(
        pruning("time BETWEEN '2026-11-24T00:00:10Z' AND '2026-11-24T00:00:20Z'").time,
        (nanos(10), nanos(20))
    );
    assert_eq!(
        pruning("time > now() - INTERVAL '10 seconds'").time,
        (nanos(990) + 1, i64::MAX)
    );
    assert_eq!(
        pruning("src_ip = '192.0.2.1' AND actor = 'a'").equal,
        [
            (Column::SrcIp, vec![b"192.0.2.1".to_vec()]),
            (Column::Actor, vec![b"a".to_vec()])
        ]
    );
    assert_eq!(
        pruning("event_id IN ('a', 'b')").equal,
        [(Column::EventId, vec![b"a".to_vec(), b"b".to_vec()])]
    );
    assert_eq!(
        pruning(&format!("name = '{}'", "0a".repeat(16))).equal,
        [(Column::Name, vec![vec![10; 16]])]
    );
    for text in [
        "src_ip = '192.0.2.1' OR true",
        "NOT (src_ip = '192.0.2.1')",
        "src_ip <> '192.0.2.1'",
        "src_ip NOT IN ('192.0.2.1')",
        "lower(src_ip) = '192.0.2.1'",
        "time > '2026-11-24T00:00:10Z' OR time < '2026-11-24T00:00:05Z'",
        "time NOT BETWEEN '2026-11-24T00:00:10Z' AND '2026-11-24T00:00:20Z'",
    ] {
        assert_eq!(pruning(text), all, "{text}");
    }
}

#[test]
fn the_present_is_not_remembered() {
    let (env, clock) = Env::fixed(cordon_kernel::db::timestamp(EPOCH), 1);
    let filters = Filters::new(env).unwrap();
    let since = |filters: &Filters| {
        filters
            .compile_for(&tenant(), "time >= now()")
            .unwrap()
            .pruning
            .time
            .0
    };
    assert_eq!(since(&filters), EPOCH);
    clock.advance(jiff::SignedDuration::from_secs(5));
    assert_eq!(since(&filters), EPOCH + 5 * SECOND);
}

#[test]
fn compiled_filters_are_kept_per_tenant() {
    let one = compile("region = 'kept'").unwrap();
    assert!(Arc::ptr_eq(&one, &compile("region = 'kept'").unwrap()));
    let other = FILTERS
        .compile_for(&"other".parse().unwrap(), "region = 'kept'")
        .unwrap();
    assert!(!Arc::ptr_eq(&one, &other));
}

fn atom() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..100_i64).prop_map(|second| format!(
            "time >= '2026-11-24T00:{:02}:{:02}Z'",
            second / 60,
            second % 60
        )),
        (0..100_i64).prop_map(|second| format!(
            "time < '2026-11-24T00:{:02}:{:02}Z'",
            second / 60,
            second % 60
        )),
        (0..97_u32).prop_map(|ip| format!("src_ip = '192.0.2.{ip}'")),
        (0..13_u32).prop_map(|user| format!("actor LIKE '%u{user}'")),
        (0..13_u32, 0..3_u32).prop_map(|(user, account)| format!(
            "actor IN ('arn:aws:iam::10000000000{account}:user/u{user}', 'x')"
        )),
        Just("operation = 'AssumeRole'".to_owned()),
        Just("raw LIKE '%\"n\":1%'".to_owned()),
        Just("dst_ip IS NULL".to_owned()),
        Just("dst_ip = '10.0.0.1'".to_owned()),
    ]
}

pub(crate) fn expression() -> impl Strategy<Value = String> {
    atom().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone())
                .prop_map(|(left, right)| format!("({left} AND {right})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} OR {right})")),
            inner.prop_map(|inner| format!("NOT ({inner})")),
        ]
    })
}

proptest! {
    /// No row that passes is outside of what is concluded, and splitting changes nothing.
    #[test]
    fn conclusions_hold_for_every_row_that_passes(text in expression()) {
        let rows: Vec<EventRow> = (0..100).map(|id| event(id, id as i64)).collect();
        let filter = compile(&text).unwrap();
        // As one condition without conclusions.
        let whole = compile(&format!("CASE WHEN {text} THEN true ELSE false END")).unwrap();
        let batch = batch(&rows);
        let passed = hits(&filter, &batch);
        prop_assert_eq!(&passed, &hits(&whole, &batch));
        for (row, passed) in rows.iter().zip(passed) {
            if !passed {
                continue;
            }
            prop_assert!((filter.pruning.time.0..=filter.pruning.time.1).contains(&row.time_ns));
            for (column, values) in &filter.pruning.equal {
                let value = match column {
                    Column::SrcIp => row.src_ip.unwrap().to_string(),
                    Column::DstIp => "none".to_owned(),
                    Column::Actor => row.actor.clone(),
                    Column::Operation => row.operation.clone(),
                    other => panic!("{other:?}"),
                };
                prop_assert!(values.contains(&value.into_bytes()));
            }
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[ -~]{0,60}") {
        let _ = compile(&text);
    }

    #[test]
    fn sql_like_text_never_panics(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "operation", "raw", "time", "=", "<>", "'x'", "1", "AND", "OR", "NOT", "(", ")", "IN", "LIKE",
                "lower", "cidr_contains", ",", "NULL", "IS", "BETWEEN", "CASE", "WHEN", "THEN", "END", "->>", "now()",
                "INTERVAL", "name", "resources", "array_has", "CAST", "AS", "TEXT", "::", "[", "]", ".", "*", "-",
            ]),
            0..12,
        ),
    ) {
        let _ = compile(&words.join(" "));
    }
}
