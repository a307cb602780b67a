//! What is shared among rules comes to the same as each filter by itself.

use std::sync::{Arc, LazyLock};

use cordon_kernel::{Env, TenantId};
use cordon_sigma::{Anchor, Anchors, compile};
use cordon_views::{EventRow, SourceType};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::Rules;
use crate::error::LakeError;
use crate::filter::tests::batch;
use crate::filter::{Filter, Filters};
use crate::testing::{EPOCH, SECOND, event};

static FILTERS: LazyLock<Filters> = LazyLock::new(|| {
    let (env, _) = Env::fixed(cordon_kernel::db::timestamp(EPOCH + 1_000 * SECOND), 1);
    Filters::new(env).unwrap()
});

fn filter(text: &str) -> Arc<Filter> {
    let tenant: TenantId = "acme".parse().unwrap();
    FILTERS.compile_for(&tenant, text).unwrap()
}

/// Every test of values at paths, alone and combined with what is not shared.
const FILTERS_OF_ALL_KINDS: [&str; 22] = [
    "json_ilike_any(raw, 'a', 'secret%', '%x%')",
    "json_like_any(raw, 'a', 'Secret', '%\"b\"%', 'é')",
    "json_ilike_any(raw, 'a.b', '%', 'never')",
    "json_ilike_any(raw, 'a.b', 's_cret')",
    "json_ilike_any(raw, 'a.b.c', '%secret%')",
    "NOT json_ilike_any(raw, 'b', '', 'secret', 'true')",
    "json_regexp_any(raw, 'a.b', '^[0-9]+$')",
    "json_regexp_any(raw, 'a', 'null', '^$')",
    "json_cidr_any(raw, 'b', '192.0.2.0/24', '2001:db8::/32')",
    "json_compare_any(raw, 'a', '>', 2)",
    "json_compare_any(raw, 'a.b', '<=', -1.5)",
    "json_exists(raw, 'a.b')",
    "NOT json_exists(raw, 'b.')",
    "json_is_null(raw, 'a')",
    "json_is_null(raw, 'a.b.c') AND json_exists(raw, 'a')",
    "json_same(raw, 'a', 'b')",
    "json_exists(raw, 'a.b.c.d.e.f.g.h.i') OR json_exists(raw, '')",
    "operation = 'GetObject' AND json_exists(raw, 'a') OR region <> 'eu-west-1' AND json_is_null(raw, 'b')",
    "ilike_any(operation, 'get%', 'PUTOBJECT') AND NOT (actor IS NULL OR json_compare_any(raw, 'b', '<', 9))",
    "src_ip IN ('192.0.2.3', '192.0.2.4') OR ilike_any(raw, '%secret%') AND json_exists(raw, 'b')",
    "json_get_str(raw, 'a') = 'Secret' OR json_ilike_any(raw, 'b', 'Secret')",
    "NOT (src_ip = '192.0.2.3' OR json_ilike_any(raw, 'a', '%e%')) AND account LIKE '10%'",
];

/// JSON as text, so that it may have what no writer would write.
fn json() -> impl Strategy<Value = String> {
    let text = proptest::sample::select(vec![
        r#""Secret""#,
        r#""secret words""#,
        r#""s\u0065cret""#,
        r#""X\n\"b\"""#,
        r#""\u00e9""#,
        r#""é""#,
        r#""\ud83d\ude00""#,
        r#""\ud800""#,
        r#""192.0.2.7""#,
        r#""2001:db8::1""#,
        r#""""#,
        r#""17""#,
        r#""null""#,
    ]);
    let plain = proptest::sample::select(vec![
        "null",
        "true",
        "false",
        "0",
        "-1.5",
        "3e2",
        "123456789012345678901234567890",
        "1e999",
        "-0",
        "7",
    ]);
    let key = proptest::sample::select(vec![
        "a", "b", "c", "a.b", "b.c", r"\u0061", "", "b.", "other", r"\ud800",
    ]);
    let leaf = prop_oneof![text, plain].prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 5, move |inner| {
        let gap = || proptest::sample::select(vec!["", "", "", " ", "\n\t"]);
        let pair = (key.clone(), gap(), inner.clone());
        let pair =
            pair.prop_map(|(key, gap, value)| format!("{gap}\"{key}\"{gap}:{gap}{value}{gap}"));
        prop_oneof![
            3 => prop::collection::vec(pair, 0..6).prop_map(|all| format!("{{{}}}", all.join(","))),
            1 => prop::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(","))),
        ]
    })
}

/// JSON, and what is left of it when it breaks.
fn record() -> impl Strategy<Value = String> {
    let broken = (
        json(),
        any::<prop::sample::Index>(),
        proptest::sample::select(vec!["", "\"", "{", "]", ",", "\u{1}", "\\", "x", "0"]),
    );
    prop_oneof![
        8 => json(),
        1 => broken.prop_map(|(text, at, with)| {
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let (before, after) = text.split_at(at);
            if with.is_empty() { before.to_owned() } else { format!("{before}{with}{after}") }
        }),
    ]
}

fn with_records(records: Vec<String>) -> Vec<EventRow> {
    let row = |(id, raw): (usize, String)| {
        let mut row = event(id as u64, id as i64);
        row.raw = raw;
        row.src_ip = row.src_ip.filter(|_| id % 7 != 0);
        row
    };
    records.into_iter().enumerate().map(row).collect()
}

/// Selected rows by rules, empty where none are.
fn selected(rules: &Rules, rows: &[EventRow]) -> Vec<Vec<u32>> {
    let mut all = vec![Vec::new(); rules.len()];
    for selected in rules.select(&batch(rows)).unwrap() {
        all[selected.rule] = selected.rows.unwrap();
    }
    all
}

/// What each filter takes by itself.
fn plain(filters: &[Arc<Filter>], rows: &[EventRow]) -> Vec<Vec<u32>> {
    let every: Vec<u32> = (0..rows.len() as u32).collect();
    let taken = |filter: &Arc<Filter>| Rules::taken(filter, &batch(rows), &every).unwrap();
    filters.iter().map(taken).collect()
}

fn shown_all(filters: &[Arc<Filter>]) -> Rules {
    Rules::new(
        filters
            .iter()
            .map(|filter| (Arc::clone(filter), Anchors::Any)),
    )
    .unwrap()
}

/// Rules that look for texts in values, by operation, and by texts anywhere.
const SIGMA: [&str; 5] = [
    "a|contains: secret",
    "a.b: [secret, 'Secret w*']",
    "eventName: [GetObject, AssumeRole]\n        b|cidr: 192.0.2.0/24",
    "a: null\n        b|exists: true",
    "- words\n        - another",
];

fn sigma() -> Vec<(Arc<Filter>, Anchors)> {
    let compiled = |detection: &&str| {
        let rule = format!(
            "title: T\nlogsource:\n    product: aws\n    service: cloudtrail\ndetection:\n    \
             s:\n        {detection}\n    condition: s\n"
        );
        let rule = compile(&rule).unwrap();
        let selection = &rule.selections[0];
        (filter(&selection.filter), selection.anchors.clone())
    };
    SIGMA.iter().map(compiled).collect()
}

#[test]
fn shared_answers_are_those_of_each_filter() {
    let filters: Vec<_> = FILTERS_OF_ALL_KINDS
        .iter()
        .map(|text| filter(text))
        .collect();
    let (all, sigma) = (shown_all(&filters), sigma());
    let of_sigma: Vec<_> = sigma.iter().map(|(filter, _)| Arc::clone(filter)).collect();
    let sigma = Rules::new(sigma).unwrap();
    let (mut taken, mut left, mut hits) = (vec![0; filters.len()], vec![0; filters.len()], [0; 5]);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..150 {
        let records = prop::collection::vec(record(), 1..40);
        let tree = records.new_tree(&mut runner).unwrap();
        let rows = with_records(tree.current());
        let wanted = plain(&filters, &rows);
        let found = selected(&all, &rows);
        for (at, text) in FILTERS_OF_ALL_KINDS.iter().enumerate() {
            assert_eq!(found[at], wanted[at], "{text}: {rows:#?}");
            taken[at] += wanted[at].len();
            left[at] += rows.len() - wanted[at].len();
        }
        let (wanted, found) = (plain(&of_sigma, &rows), selected(&sigma, &rows));
        for (at, text) in SIGMA.iter().enumerate() {
            assert_eq!(found[at], wanted[at], "{text}: {rows:#?}");
            hits[at] += wanted[at].len();
        }
    }
    // Each takes some and leaves some, or the comparison says nothing.
    assert!(
        !taken.contains(&0) && !left.contains(&0),
        "{taken:?} {left:?}"
    );
    assert!(!hits.contains(&0), "{hits:?}");
}

#[test]
fn rules_see_the_events_of_their_log_source_alone() {
    let filters: Vec<_> = [
        "source_type = 'gcp.audit' AND json_ilike_any(raw, 'a', '%1')",
        "source_type IN ('gcp.audit', 'aws.cloudtrail') AND json_ilike_any(raw, 'a', '%1')",
        "source_type = 'linux.auth' AND json_exists(raw, 'a')",
        "json_ilike_any(raw, 'a', '%1')",
    ]
    .iter()
    .map(|text| filter(text))
    .collect();
    let mut rows = with_records((0..60).map(|n| format!(r#"{{"a":"{n}"}}"#)).collect());
    let sources = [
        SourceType::AwsCloudTrail,
        SourceType::K8sAudit,
        SourceType::GcpAudit,
    ];
    for (row, source) in rows.iter_mut().zip(sources.into_iter().cycle()) {
        row.source_type = source;
    }
    let found = selected(&shown_all(&filters), &rows);
    assert_eq!(found, plain(&filters, &rows));
    assert_eq!(found[0], [11, 41]);
    assert_eq!(found[1], [11, 21, 41, 51]);
    assert!(found[2].is_empty());
    assert_eq!(found[3], [1, 11, 21, 31, 41, 51]);
}

#[test]
fn what_is_too_much_to_keep_is_looked_at_by_itself() {
    let rules = [
        "json_ilike_any(raw, 'a', 'value-7')",
        "json_ilike_any(raw, 'b', 'far-299')",
        "json_is_null(raw, 'b')",
    ];
    let filters: Vec<_> = rules.iter().map(|text| filter(text)).collect();
    // More values in one record than are kept, and in all more distinct ones.
    let list = |name: &str, from: usize, count: usize| {
        let values: Vec<String> = (from..from + count)
            .map(|n| format!("\"{name}-{n}\""))
            .collect();
        format!("[{}]", values.join(","))
    };
    let mut records: Vec<String> = (0..400)
        .map(|row| format!(r#"{{"a":{}}}"#, list("value", row * 200, 200)))
        .collect();
    records.insert(3, format!(r#"{{"b":{}}}"#, list("far", 0, 300)));
    records.push(r#"{"a":"value-7","b":"far-299"}"#.to_owned());
    let rows = with_records(records);
    let text = |text: &str| Anchors::OneOf(vec![Anchor::Text(text.to_owned())]);
    let anchored = [text("value-7"), text("far-299"), Anchors::Any];
    let anchored = Rules::new(filters.iter().cloned().zip(anchored)).unwrap();
    let wanted = plain(&filters, &rows);
    assert_eq!(wanted[0], [0, 401]);
    assert_eq!(wanted[1], [3, 401]);
    assert_eq!(selected(&shown_all(&filters), &rows), wanted);
    assert_eq!(selected(&anchored, &rows), wanted);
}

#[test]
fn a_rule_that_fails_does_not_fail_others() {
    let filters = [
        filter("CAST(region AS BIGINT) = 1 AND json_exists(raw, 'requestParameters')"),
        filter("json_compare_any(raw, 'requestParameters.n', '<', 3)"),
    ];
    let rows: Vec<EventRow> = (0..10).map(|id| event(id, id as i64)).collect();
    let selected = shown_all(&filters).select(&batch(&rows)).unwrap();
    assert!(matches!(selected[0].rows, Err(LakeError::Filter(_))));
    assert_eq!(selected[1].rows.as_ref().unwrap(), &[0, 1, 2]);
}

#[test]
fn many_rules_on_texts_search_all_records_at_once() {
    // Each asks for a service, which is a column, so that no value at a path tells.
    let rule = |n: usize| {
        let service = ["s3", "ec2", "sts", "iam"][n % 4];
        let text = format!(
            "ilike_any(service, '{service}.amazonaws.com') AND json_compare_any(raw, 'requestParameters.n', '<', {n})"
        );
        let anchor = Anchor::Text(format!("{service}.amazonaws.com"));
        (filter(&text), Anchors::OneOf(vec![anchor]))
    };
    let rows: Vec<EventRow> = (0..60).map(|id| event(id, id as i64)).collect();
    for count in [super::set::MOST_LOOSE, super::set::MOST_LOOSE + 1] {
        let all: Vec<_> = (0..count).map(rule).collect();
        let filters: Vec<_> = all.iter().map(|(filter, _)| Arc::clone(filter)).collect();
        let rules = Rules::new(all).unwrap();
        assert_eq!(
            rules.sets[0].texts.is_some(),
            count > super::set::MOST_LOOSE
        );
        assert_eq!(selected(&rules, &rows), plain(&filters, &rows));
    }
}
