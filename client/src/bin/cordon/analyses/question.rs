//! Questions in words and as JSON.

use cordon_client::analysis::{
    Analysis, Around, Direction, Indicators, Question, Same, SharedIndicator, Start, Subject,
    Window,
};
use serde_json::{Value, json};

/// The kind of question, as it is typed.
pub(super) fn kind(analysis: &Analysis) -> String {
    match Question::of(analysis) {
        Some(Question::Rules(_)) => "rules".to_owned(),
        Some(question) => question.kind().replace('_', "-"),
        None => "unknown".to_owned(),
    }
}

/// What a thing is called, and which.
fn subject(subject: &Subject) -> (&'static str, &str) {
    match subject {
        Subject::Actor(text) => ("actor", text),
        Subject::AccessKey(text) => ("access key", text),
        Subject::Address(text) => ("address", text),
        Subject::Resource(text) => ("resource", text),
        Subject::Operation(text) => ("operation", text),
        Subject::Region(text) => ("region", text),
        Subject::UserAgent(text) => ("user agent", text),
        Subject::Account(text) => ("account", text),
        _ => ("unknown", ""),
    }
}

fn start(start: &Start) -> (&'static str, &str) {
    match start {
        Start::Actor(text) => ("actor", text),
        Start::AccessKey(text) => ("access key", text),
        Start::Role(text) => ("role", text),
        _ => ("unknown", ""),
    }
}

const fn same(same: Same) -> &'static str {
    match same {
        Same::Actor => "actor",
        Same::Account => "account",
        Same::Address => "address",
        Same::Resources => "resources",
        _ => "unknown",
    }
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Both => "both ways",
        Direction::Forward => "forward",
        Direction::Backward => "backward",
        _ => "unknown",
    }
}

fn between(window: &Window) -> String {
    format!("{} to {}", window.start, window.end)
}

fn window_json(window: &Window) -> Value {
    json!({ "start_time": window.start.to_string(), "end_time": window.end.to_string() })
}

/// What is asked, as names and values of a page; what is long is counted.
pub(super) fn said(question: &Question) -> Vec<(&'static str, String)> {
    match question {
        Question::Timeline(asked) => {
            let around = match asked.what() {
                Around::Event(name) => name.clone(),
                Around::Time(time) => time.to_string(),
                _ => String::new(),
            };
            let (before, after) = asked.lengths();
            let common = asked.in_common().iter().map(|one| same(*one));
            vec![
                ("around", around),
                ("before", format!("{} s", before.as_secs())),
                ("after", format!("{} s", after.as_secs())),
                ("same", common.collect::<Vec<_>>().join(", ")),
            ]
        }
        Question::Pivot(of) => {
            let (name, text) = subject(of);
            vec![(name, text.to_owned())]
        }
        Question::RoleChain(asked) => {
            let (name, text) = start(&asked.start);
            let hops = asked.hops.map(|hops| hops.to_string());
            vec![
                (name, text.to_owned()),
                ("direction", direction(asked.direction).to_owned()),
                ("hops", hops.unwrap_or_default()),
            ]
        }
        Question::Indicators(Indicators::Stix(patterns)) => {
            vec![("indicators", format!("{} STIX patterns", patterns.len()))]
        }
        Question::Indicators(Indicators::List(text)) => {
            vec![(
                "indicators",
                format!("a list of {} lines", text.lines().count()),
            )]
        }
        Question::Seen(subjects) => {
            let pairs = subjects.iter().map(|one| {
                let (name, text) = subject(one);
                (name, text.to_owned())
            });
            pairs.collect()
        }
        Question::Volume { minimum_bytes } => vec![("at least", format!("{minimum_bytes} bytes"))],
        Question::Changes(asked) => vec![
            (
                "changes",
                asked.window.as_ref().map(between).unwrap_or_default(),
            ),
            ("actor", asked.actor.clone().unwrap_or_default()),
        ],
        Question::Beacons(asked) => {
            let few = asked.minimum_connections;
            let score = asked.minimum_score;
            vec![
                (
                    "connections",
                    few.map(|few| format!("at least {few}")).unwrap_or_default(),
                ),
                (
                    "score",
                    score
                        .map(|score| format!("at least {score}"))
                        .unwrap_or_default(),
                ),
            ]
        }
        Question::Compare { baseline, window } => {
            vec![("compares", between(window)), ("with", between(baseline))]
        }
        Question::Rules(texts) => vec![("rules", texts.len().to_string())],
        Question::Sql(query) => vec![("query", query.clone())],
        // A page has it below a heading of its own.
        _ => Vec::new(),
    }
}

/// The whole of what is asked as JSON; `null` for what this program does not know.
pub(super) fn json(question: Option<&Question>) -> Value {
    let Some(question) = question else {
        return Value::Null;
    };
    let named = |(name, text): (&str, &str)| json!({ name.replace(' ', "_"): text });
    let mut value = match question {
        Question::Timeline(asked) => {
            let (before, after) = asked.lengths();
            let common = asked
                .in_common()
                .iter()
                .map(|one| same(*one).to_uppercase());
            let around = match asked.what() {
                Around::Event(name) => json!({ "event": name }),
                Around::Time(time) => json!({ "time": time.to_string() }),
                _ => Value::Null,
            };
            json!({
                "around": around,
                "before_seconds": before.as_secs(),
                "after_seconds": after.as_secs(),
                "same": common.collect::<Vec<_>>(),
            })
        }
        Question::Pivot(of) => json!({ "subject": named(subject(of)) }),
        Question::RoleChain(asked) => json!({
            "start": named(start(&asked.start)),
            "direction": match asked.direction {
                Direction::Both => Value::Null,
                other => direction(other).to_uppercase().into(),
            },
            "hops": asked.hops,
        }),
        Question::Indicators(Indicators::Stix(patterns)) => json!({ "stix_patterns": patterns }),
        Question::Indicators(Indicators::List(text)) => json!({ "list": text }),
        Question::Seen(subjects) => {
            let subjects = subjects.iter().map(|one| named(subject(one)));
            json!({ "subjects": subjects.collect::<Vec<_>>() })
        }
        Question::Volume { minimum_bytes } => json!({ "minimum_bytes": minimum_bytes }),
        Question::Changes(asked) => json!({
            "window": asked.window.as_ref().map(window_json),
            "actor": asked.actor,
        }),
        Question::Beacons(asked) => json!({
            "minimum_connections": asked.minimum_connections,
            "minimum_score": asked.minimum_score,
        }),
        Question::Compare { baseline, window } => json!({
            "baseline": window_json(baseline),
            "window": window_json(window),
        }),
        Question::Rules(texts) => json!({ "texts": texts }),
        Question::Sql(query) => json!({ "query": query }),
        Question::SeenByOthers(SharedIndicator::Address(text)) => json!({ "address": text }),
        Question::SeenByOthers(SharedIndicator::FileSha256(text)) => json!({ "file_sha256": text }),
        Question::Human(text) => json!({ "text": text }),
        _ => json!({}),
    };
    if let Some(object) = value.as_object_mut() {
        object.insert("kind".to_owned(), question.kind().to_uppercase().into());
    }
    value
}
