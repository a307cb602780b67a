#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;

/// The compiled schema, or `None` with a message where it is not there.
fn compiled() -> Option<Value> {
    let shared = std::env::var_os("CORDON_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = shared.join("data/ocsf-schema-1.8.0/compiled/ocsf-1.8.0.json.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("skipped: no {}", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    serde_json::from_str(&text).ok()
}

fn captions(attribute: &Value) -> Vec<(i32, String)> {
    let mut captions: Vec<(i32, String)> = attribute["enum"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(id, one)| {
            (
                id.parse().unwrap(),
                one["caption"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    captions.sort();
    captions
}

#[test]
fn words_are_the_schemas() {
    let Some(schema) = compiled() else { return };
    let classes: Vec<&Value> = schema["classes"].as_object().unwrap().values().collect();
    for class in CLASSES {
        let theirs = classes
            .iter()
            .find(|one| {
                one["attributes"]["class_uid"]["enum"]
                    .get(class.uid.to_string())
                    .is_some()
            })
            .unwrap();
        let attributes = &theirs["attributes"];
        assert_eq!(
            captions(&attributes["class_uid"]),
            [(class.uid, class.name.to_owned())]
        );
        assert_eq!(
            captions(&attributes["category_uid"]),
            [(class.uid / 1000, class.category.to_owned())]
        );
        for (id, caption) in captions(&attributes["activity_id"]) {
            assert_eq!(class.activity(id), caption, "{} {id}", class.name);
        }
        for (id, caption) in captions(&attributes["severity_id"]) {
            assert_eq!(severity(id), caption);
        }
    }
    let objects = &schema["objects"];
    let types = captions(&objects["observable"]["attributes"]["type_id"]);
    for id in [HOSTNAME, IP_ADDRESS, USER_NAME, RESOURCE_UID] {
        assert!(types.contains(&(id, observable(id).to_owned())), "{id}");
    }
    let connection = &objects["network_connection_info"]["attributes"];
    let boundaries = captions(&connection["boundary_id"]);
    for path in 1..=8 {
        let (id, caption) = boundary(path).unwrap();
        assert!(boundaries.contains(&(id, caption.to_owned())), "{path}");
    }
}

#[test]
fn what_is_not_known_has_a_word() {
    assert_eq!(class(1).name, "Base Event");
    assert_eq!(class(6003).activity(1234), "Unknown");
    assert_eq!(class(6003).activity(OTHER), "Other");
    assert_eq!(severity(-1), "Unknown");
    assert_eq!((boundary(0), boundary(9)), (None, None));
    assert_eq!((protocol(6), protocol(200)), (Some("tcp"), None));
}
