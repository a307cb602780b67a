//! The definitions of TLP 2.0 in STIX, as OASIS has published them.

use serde_json::{Value, json};

use crate::incidents::Tlp;

const EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";

/// Marking, id, name, and the word in the extension.
const DEFINITIONS: [(Tlp, &str, &str, &str); 5] = [
    (
        Tlp::Red,
        "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
        "TLP:RED",
        "red",
    ),
    (
        Tlp::AmberStrict,
        "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
        "TLP:AMBER+STRICT",
        "amber+strict",
    ),
    (
        Tlp::Amber,
        "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
        "TLP:AMBER",
        "amber",
    ),
    (
        Tlp::Green,
        "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        "TLP:GREEN",
        "green",
    ),
    (
        Tlp::Clear,
        "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
        "TLP:CLEAR",
        "clear",
    ),
];

/// Of TLP 1.0, which is part of STIX 2.1 and what older programs write.
const FORMER: [(&str, Tlp); 4] = [
    (
        "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
        Tlp::Red,
    ),
    (
        "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
        Tlp::Amber,
    ),
    (
        "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
        Tlp::Green,
    ),
    (
        "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
        Tlp::Clear,
    ),
];

/// The id of a marking's definition; what is not known is RED.
pub(super) fn id(marking: Tlp) -> &'static str {
    let [red, ..] = &DEFINITIONS;
    let found = DEFINITIONS.iter().find(|(tlp, ..)| *tlp == marking);
    found.unwrap_or(red).1
}

/// The definition itself.
pub(super) fn definition(marking: Tlp) -> Option<Value> {
    let (_, id, name, word) = DEFINITIONS.iter().find(|(tlp, ..)| *tlp == marking)?;
    Some(json!({
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": id,
        "created": "2022-10-01T00:00:00.000Z",
        "name": name,
        "extensions": { EXTENSION: { "extension_type": "property-extension", "tlp_2_0": word } },
    }))
}

/// The strictest of the markings that an object refers to; `None` when there is none of TLP.
pub(in super::super) fn marking_of(refs: &[String]) -> Option<Tlp> {
    let known = |reference: &String| {
        let now = DEFINITIONS.iter().map(|(tlp, id, ..)| (*id, *tlp));
        now.chain(FORMER)
            .find(|(id, _)| id == reference)
            .map(|(_, tlp)| tlp)
    };
    refs.iter()
        .filter_map(known)
        .min_by_key(|tlp| i32::from(*tlp))
}
