use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::content::ContentProblem;
use crate::hasher::Run;
use crate::names::NameProblem;
use crate::testing::{BLOCK, made, noise};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

pub(crate) fn person(name: &str) -> Person {
    Person {
        name: name.into(),
        party: "tenants/acme".into(),
    }
}

fn item(name: &str, kind: ItemKind) -> Item {
    let bytes = noise(BLOCK + 5, 1);
    Item {
        name: name.into(),
        kind,
        source: "virtio0".into(),
        reached: Level::Paused,
        began: at(1),
        ended: at(8),
        content: made(&[Run::Data(&bytes), Run::Unreadable(7)]).content,
    }
}

/// The manifest of two items.
pub(crate) fn manifest() -> Manifest {
    Manifest {
        version: VERSION,
        snapshot: "tenants/acme/snapshots/s1".into(),
        machine: Machine {
            id: "i-0123".into(),
            host: None,
        },
        purpose: "Ransom note on the file server".into(),
        incident: Some("tenants/acme/incidents/7".into()),
        asked_by: person("ada@acme.example"),
        approved_by: vec![person("bob@acme.example")],
        taken_by: Person {
            name: "evidence".into(),
            party: "provider".into(),
        },
        began: at(0),
        ended: at(9),
        clock: Clock {
            source: "ntp".into(),
            error: Some(SignedDuration::from_micros(350)),
        },
        method: Method {
            driver: "qemu".into(),
            steps: vec!["pause".into(), "backup".into(), "resume".into()],
        },
        tools: vec![Tool {
            name: "qemu".into(),
            version: "9.2.0".into(),
        }],
        consistency: Consistency {
            asked: Level::Frozen,
            reached: Level::Paused,
            shortfall: Some("the guest has no agent".into()),
        },
        items: vec![
            item("disk-0.raw", ItemKind::Disk),
            item("memory.elf", ItemKind::Memory),
        ],
        missing: vec![Missing {
            kind: ItemKind::Network,
            source: "tap0".into(),
            reason: "the driver does not tell".into(),
        }],
    }
}

fn with(change: impl FnOnce(&mut Manifest)) -> Vec<(String, ManifestProblem)> {
    let mut manifest = manifest();
    change(&mut manifest);
    assert_eq!(manifest.to_bytes().is_err(), manifest.check().is_err());
    let problems = manifest.check().err();
    let found = problems.iter().flat_map(Problems::iter);
    found.map(|one| (one.field.clone(), one.problem)).collect()
}

fn one(field: &str, problem: ManifestProblem) -> Vec<(String, ManifestProblem)> {
    vec![(field.to_owned(), problem)]
}

fn bytes_of(json: &Value) -> Vec<u8> {
    canonical::to_bytes(json, MAX_MANIFEST_BYTES).unwrap()
}

#[test]
fn a_manifest_is_read_as_it_was_written() {
    let bytes = manifest().to_bytes().unwrap();
    let read = Manifest::from_bytes(&bytes).unwrap();
    assert_eq!(read, manifest());
    assert_eq!(read.to_bytes().unwrap(), bytes);
    assert_eq!(read.item("disk-0.raw"), Some(&read.items[0]));
    assert_eq!(read.item("disk-1.raw"), None);
}

/// The form of version 1: once signed, its bytes stay as they are.
#[test]
fn the_bytes_do_not_change() {
    let mut manifest = manifest();
    manifest.items.truncate(1);
    let text = String::from_utf8(manifest.to_bytes().unwrap()).unwrap();
    assert_eq!(text, include_str!("golden.json").trim_end());
    let hash = digest(text.as_bytes()).to_string();
    assert_eq!(
        hash,
        "d7a4934e3d6c8321ea55dacd5380814aa7f5be59f6e801543bfa293256ae6c8c"
    );
}

#[test]
fn what_is_not_known_is_passed_over_where_it_changes_nothing() {
    let mut json = serde_json::to_value(manifest()).unwrap();
    json["weather"] = "rain".into();
    json["items"][0]["colour"] = "blue".into();
    assert_eq!(Manifest::from_bytes(&bytes_of(&json)), Ok(manifest()));
    json["items"][0]["content"]["compressed"] = true.into();
    let refused = Manifest::from_bytes(&bytes_of(&json));
    assert!(matches!(
        refused,
        Err(ManifestError::Form(CanonicalError::Json(_)))
    ));
    // A version that is not known is told as that, whatever else it says.
    json["version"] = 2.into();
    let refused = Manifest::from_bytes(&bytes_of(&json));
    assert_eq!(refused, Err(ManifestError::Version(2)));
}

#[test]
fn other_spellings_are_refused() {
    let bytes = manifest().to_bytes().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let twice = text.replacen('{', r#"{"purpose":"x","#, 1);
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&text).unwrap());
    for other in [
        format!("{text}\n"),
        format!(" {text}"),
        twice,
        pretty.unwrap(),
    ] {
        let refused = Manifest::from_bytes(other.as_bytes());
        assert_eq!(refused, Err(ManifestError::Form(CanonicalError::Form)));
    }
    let large = vec![b' '; MAX_MANIFEST_BYTES + 1];
    assert!(matches!(
        Manifest::from_bytes(&large),
        Err(ManifestError::Form(CanonicalError::TooLarge { .. }))
    ));
}

#[test]
fn what_can_not_be_is_named_with_its_field() {
    use ManifestProblem as P;
    assert_eq!(with(|_| {}), []);
    assert_eq!(with(|of| of.version = 2), one("version", P::Version));
    assert_eq!(
        with(|of| of.purpose = "a\nb".into()),
        one("purpose", P::Text)
    );
    assert_eq!(
        with(|of| of.machine.host = Some(String::new())),
        one("machine.host", P::Text)
    );
    assert_eq!(
        with(|of| of.asked_by.name.clear()),
        one("asked_by.name", P::Text)
    );
    assert_eq!(
        with(|of| of.approved_by[0].party.clear()),
        one("approved_by[0].party", P::Text)
    );
    assert_eq!(
        with(|of| of.tools[0].version.clear()),
        one("tools[0].version", P::Text)
    );
    assert_eq!(
        with(|of| of.method.steps[2].clear()),
        one("method.steps[2]", P::Text)
    );
    assert_eq!(
        with(|of| of.missing[0].reason.clear()),
        one("missing[0].reason", P::Text)
    );
    let many = vec!["step".to_owned(); MAX_LIST + 1];
    assert_eq!(
        with(|of| of.method.steps = many),
        one("method.steps", P::TooMany)
    );
    let error = Some(SignedDuration::from_nanos(-1));
    assert_eq!(
        with(|of| of.clock.error = error),
        one("clock.error", P::ClockError)
    );
    assert_eq!(with(|of| of.items.clear()), one("items", P::NoItems));
    let early = with(|of| of.ended = at(7));
    let outside = |index| (format!("items[{index}].began"), P::Outside);
    assert_eq!(early, [outside(0), outside(1)]);
    assert_eq!(
        with(|of| of.items[1].ended = at(0)),
        one("items[1].ended", P::Order)
    );
    assert_eq!(
        with(|of| of.began = at(10)).first(),
        one("ended", P::Order).first()
    );
}

#[test]
fn what_was_reached_is_the_least_and_less_has_a_reason() {
    use ManifestProblem as P;
    let reached = one("consistency.reached", P::Reached);
    assert_eq!(with(|of| of.items[1].reached = Level::Live), reached);
    assert_eq!(with(|of| of.items[1].reached = Level::Frozen), []);
    let shortfall = one("consistency.shortfall", P::Shortfall);
    assert_eq!(with(|of| of.consistency.shortfall = None), shortfall);
    assert_eq!(with(|of| of.consistency.asked = Level::Paused), shortfall);
    let better = with(|of| {
        of.consistency.asked = Level::Live;
        of.consistency.shortfall = None;
    });
    assert_eq!(better, []);
}

#[test]
fn items_have_names_of_their_own_and_bytes_that_add_up() {
    use ManifestProblem as P;
    let named = |name: &str| with(|of| of.items[1].name = name.into());
    assert_eq!(named("DISK-0.raw"), one("items[1].name", P::NameTwice));
    let letter = one("items[1].name", P::Name(NameProblem::Letter));
    assert_eq!(named("../disk-1.raw"), letter);
    let sum = one("items[0].content", P::Content(ContentProblem::Sum));
    assert_eq!(with(|of| of.items[0].content.data -= 1), sum);
    let many = with(|of| {
        let items = (0..=MAX_ITEMS).map(|index| Item {
            name: format!("disk-{index}"),
            ..of.items[0].clone()
        });
        of.items = items.collect();
    });
    assert_eq!(many, one("items", P::TooMany));
}

/// Every place of a JSON value, as a path.
fn places(value: &Value, path: &str, out: &mut Vec<String>) {
    out.push(path.to_owned());
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(list) => (0..).map(|at: usize| at.to_string()).zip(list).collect(),
        _ => Vec::new(),
    };
    for (key, value) in children {
        places(value, &format!("{path}/{key}"), out);
    }
}

proptest! {
    #[test]
    fn no_value_in_any_place_makes_it_panic(
        place in any::<prop::sample::Index>(),
        number in any::<i64>(),
        text in ".{0,16}",
        which in 0..6_u8,
    ) {
        let mut json = serde_json::to_value(manifest()).unwrap();
        let mut all: Vec<String> = Vec::new();
        places(&json, "", &mut all);
        let value = match which {
            0 => json!(number),
            1 => json!(number.unsigned_abs() % (1 << 53)),
            2 => json!(text),
            3 => json!([]),
            4 => json!({}),
            _ => Value::Null,
        };
        *json.pointer_mut(&all[place.index(all.len())]).unwrap() = value;
        if let Ok(bytes) = canonical::to_bytes(&json, MAX_MANIFEST_BYTES)
            && let Ok(read) = Manifest::from_bytes(&bytes)
        {
            prop_assert!(read.check().is_ok());
        }
    }

    #[test]
    fn any_changed_byte_gives_another_manifest_or_none(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let bytes = manifest().to_bytes().unwrap();
        let mut changed = bytes.clone();
        let at = at.index(bytes.len());
        changed[at] ^= 1 << bit;
        prop_assert_ne!(digest(&changed), digest(&bytes));
        let _ = Manifest::from_bytes(&changed);
    }
}
