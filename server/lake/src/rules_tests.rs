//! Published rules over published records, against the table of which should match which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use cordon_kernel::{Env, TenantId};
use cordon_sigma::{Anchors, compile};
use cordon_views::EventRow;
use serde_json::Value;

use crate::filter::Filters;
use crate::filter::tests::batch;
use crate::rules::Rules;
use crate::testing::{EPOCH, SECOND, event};

static FILTERS: LazyLock<Filters> = LazyLock::new(|| {
    let (env, _) = Env::fixed(cordon_kernel::db::timestamp(EPOCH + 1_000 * SECOND), 1);
    Filters::new(env).unwrap()
});

fn rules(filters: &[(&str, Anchors)]) -> Rules {
    let tenant: TenantId = "acme".parse().unwrap();
    let compiled = filters
        .iter()
        .map(|(text, anchors)| (FILTERS.compile_for(&tenant, text).unwrap(), anchors.clone()));
    Rules::new(compiled).unwrap()
}

fn data() -> Option<PathBuf> {
    let shared = std::env::var_os("CORDON_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let data = shared.join("data");
    data.is_dir().then_some(data)
}

fn text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|end| end == "gz") {
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

/// The events of a file, in the order that the table counts in.
fn events(path: &Path) -> Vec<Value> {
    let text = text(path);
    let name = path.to_string_lossy().into_owned();
    let Ok(whole) = serde_json::from_str(&text) else {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        return lines
            .map(|line| {
                let value: Value = serde_json::from_str(line).unwrap();
                let inner = if name.contains("labelled-panther") {
                    "log"
                } else {
                    "event"
                };
                match value.get(inner) {
                    Some(record @ Value::Object(_)) => record.clone(),
                    _ => value,
                }
            })
            .collect();
    };
    match whole {
        Value::Array(all) => all,
        Value::Object(mut one) => match one.remove("Records") {
            Some(Value::Array(all)) => all,
            _ => vec![Value::Object(one)],
        },
        other => vec![other],
    }
}

fn files(dir: &Path, end: &[&str], found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, end, found);
        } else if end.iter().any(|end| path.to_string_lossy().ends_with(end)) {
            found.push(path);
        }
    }
}

/// A row whose columns are what CloudTrail's normalizer makes of a record.
fn row(id: usize, record: &Value) -> EventRow {
    let mut row = event(id as u64, id as i64);
    let field = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    row.operation = field("eventName").to_owned();
    row.service = field("eventSource").to_owned();
    row.region = field("awsRegion").to_owned();
    row.raw = record.to_string();
    row
}

/// Product of the rules that are for a file.
fn product(file: &str) -> Option<&'static str> {
    let within = |parts: &[&str]| parts.iter().any(|part| file.contains(part));
    if within(&["cloudtrail-", "panther/aws_cloudtrail"]) {
        Some("cloud/aws")
    } else if within(&["gcp-audit", "panther/gcp_audit"]) {
        Some("cloud/gcp")
    } else if within(&["azure-activity/", "panther/azure_"]) {
        Some("cloud/azure")
    } else if within(&["k8s-audit", "panther/kubernetes", "panther/aws_eks"]) {
        Some("application/kubernetes")
    } else {
        None
    }
}

/// The filter without its condition on the kind of record: the table tries each rule on every
/// event of its product.
fn on_any_record(filter: &str) -> &str {
    filter.split_once(" AND ").unwrap().1
}

/// Matches that the table has and we must not, or the other way round, and why. There is none
/// so far: null is a missing field, text is looked for in objects and lists, and fields of
/// Google's audit log are mapped, as its first evaluator does.
const DIFFERENCES: [(&str, &str); 0] = [];

#[test]
fn published_rules_match_what_the_table_says() {
    let Some(data) = data() else {
        eprintln!("skipped: no shared data");
        return;
    };
    let table = text(&data.join("sigma-expected/matches.csv.gz"));
    let mut expected: BTreeSet<(String, usize, String)> = BTreeSet::new();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    for record in reader.records() {
        let record = record.unwrap();
        if record[7] == *"1" {
            let index = record[3].parse().unwrap();
            expected.insert((record[2].to_owned(), index, record[5].to_owned()));
        }
    }

    let mut paths = Vec::new();
    files(&data.join("sigma-rules/rules"), &[".yml"], &mut paths);
    let (mut compiled, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for path in &paths {
        let name = path.strip_prefix(data.join("sigma-rules")).unwrap();
        match compile(&text(path)) {
            Ok(rule) => drop(compiled.insert(name.to_string_lossy().into_owned(), rule)),
            Err(error) => drop(refused.insert(name.to_string_lossy().into_owned(), error)),
        }
    }
    for error in refused.values() {
        let known = ["no source records", "lines of text"];
        let message = &error.message;
        assert!(known.iter().any(|why| message.contains(why)), "{message}");
        assert!(error.line > 1, "{error}");
    }
    expected.retain(|(_, _, rule)| compiled.contains_key(rule));

    let mut all = Vec::new();
    for folder in fs::read_dir(&data).unwrap() {
        let folder = folder.unwrap().path();
        if folder.is_dir() && product(&format!("{}/", folder.display())).is_some()
            || folder.ends_with("labelled-panther")
        {
            let ends = [".json", ".jsonl", ".json.gz", ".jsonl.gz"];
            files(&folder, &ends, &mut all);
        }
    }
    let mut found = BTreeSet::new();
    for path in &all {
        let file = path
            .strip_prefix(&data)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let Some(product) = product(&file) else {
            continue;
        };
        if file.ends_with("traildiscover/events.json.gz") || file.ends_with("not-json.jsonl") {
            continue;
        }
        let rows: Vec<EventRow> = events(path)
            .iter()
            .enumerate()
            .map(|(at, record)| row(at, record))
            .collect();
        if rows.is_empty() {
            continue;
        }
        let batch: RecordBatch = batch(&rows);
        let own: Vec<_> = compiled
            .iter()
            .filter(|(name, _)| name.contains(product))
            .collect();
        let with = |anchored: bool| {
            let filters: Vec<(&str, Anchors)> = own
                .iter()
                .map(|(_, rule)| {
                    let selection = &rule.selections[0];
                    let anchors = if anchored {
                        selection.anchors.clone()
                    } else {
                        Anchors::Any
                    };
                    (on_any_record(&selection.filter), anchors)
                })
                .collect();
            let selected = rules(&filters).select(&batch).unwrap();
            selected
                .into_iter()
                .map(|selected| (selected.rule, selected.rows.unwrap()))
                .collect::<Vec<_>>()
        };
        let anchored = with(true);
        assert_eq!(
            anchored,
            with(false),
            "what rules ask for loses nothing: {file}"
        );
        for (rule, rows) in anchored {
            for row in rows {
                found.insert((file.clone(), row as usize, own[rule].0.clone()));
            }
        }
    }

    let known = |rule: &str| DIFFERENCES.iter().any(|(of, _)| rule.ends_with(of));
    let missing: Vec<_> = expected.difference(&found).collect();
    let extra: Vec<_> = found.difference(&expected).collect();
    let unexplained: Vec<_> = missing
        .iter()
        .chain(&extra)
        .filter(|(_, _, rule)| !known(rule))
        .collect();
    println!(
        "{} rules, {} refused, {} matches of {} expected",
        compiled.len(),
        refused.len(),
        found.len(),
        expected.len()
    );
    assert!(
        unexplained.is_empty(),
        "missing {missing:#?}\nextra {extra:#?}"
    );
    assert!(found.len() > 300, "the table has {}", expected.len());
}

#[test]
fn rules_look_where_they_must() {
    let rows: Vec<EventRow> = (0..300).map(|id| event(id, id as i64)).collect();
    let mut rows = rows;
    rows[7].raw = r#"{"a":"\u0053ecret"}"#.to_owned();
    rows[8].raw = r#"{"a":"a SECRET b"}"#.to_owned();
    rows[9].raw = r#"{"a":"\u003csecre"}"#.to_owned();
    let rows = batch(&rows);
    let text = Anchors::OneOf(vec![cordon_sigma::Anchor::Text("secret".to_owned())]);
    let put = Anchors::OneOf(vec![cordon_sigma::Anchor::Operation(
        "putobject".to_owned(),
    )]);
    let rules = rules(&[
        ("json_ilike_any(raw, 'a', '%secret%')", text),
        (
            "ilike_any(operation, 'PUTOBJECT') AND src_port > 0",
            put.clone(),
        ),
        ("operation = 'GetObject'", put),
        ("region = 'eu-west-1'", Anchors::Any),
    ]);
    let selected = rules.select(&rows).unwrap();
    let of = |rule: usize| {
        let found = selected.iter().find(|selected| selected.rule == rule);
        found.map(|selected| selected.rows.as_ref().unwrap().clone())
    };
    // The escaped letter is found although the text does not stand there.
    let mut texts = of(0).unwrap();
    texts.sort_unstable();
    assert_eq!(texts.len(), 2);
    assert_eq!(of(3).unwrap().len(), 150);
    // A rule never looks at what it does not ask for.
    assert_eq!(of(2), None);
}
