//! `cordon verify` and the keys that it verifies with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cordon_proto::tenants::SigningKey;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::cli::{Desk, Ran};

const KIND: &str = "application/vnd.in-toto+json";

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

pub(crate) fn key(kid: &str, seed: u8) -> SigningKey {
    let prefix: &[u8] = &[
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    let der = STANDARD.encode([prefix, pair(seed).public_key().as_ref()].concat());
    SigningKey {
        kid: kid.to_owned(),
        algorithm: "EdDSA".to_owned(),
        public_key_pem: format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n"),
        create_time: Some(prost_types::Timestamp {
            seconds: 1_700_000_000,
            nanos: 0,
        }),
        retire_time: (kid == "former").then_some(prost_types::Timestamp {
            seconds: 1_700_000_060,
            nanos: 0,
        }),
    }
}

fn statement() -> String {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "tenants/acme", "digest": { "sha256": "00ff" } }],
        "predicateType": "https://example.net/deletion/v1",
        "predicate": { "keys": 2, "note": "\u{1b}[2J" },
    })
    .to_string()
}

/// The statement as the former key signed it.
fn sealed() -> Value {
    seal(&statement())
}

/// A statement as the former key signs it.
pub(crate) fn seal(statement: &str) -> Value {
    let message = format!(
        "DSSEv1 {} {KIND} {} {statement}",
        KIND.len(),
        statement.len()
    );
    json!({
        "payloadType": KIND,
        "payload": STANDARD.encode(statement),
        "signatures": [{
            "keyid": "former",
            "sig": STANDARD.encode(pair(1).sign(message.as_bytes())),
        }],
    })
}

/// A desk whose server has two keys, kept in `keys.json`, and a signed statement in `s.json`.
async fn desk() -> Desk {
    let desk = Desk::new().await;
    *desk.fake.script.keys.lock().unwrap() = vec![key("present", 2), key("former", 1)];
    let ran = desk.run(&["signing-keys", "--out", "keys.json"]);
    assert_eq!(ran.stdout, "wrote keys.json: 2 keys\n", "{}", ran.stderr);
    put(&desk, &sealed());
    desk
}

fn put(desk: &Desk, envelope: &Value) {
    std::fs::write(desk.path("s.json"), envelope.to_string()).unwrap();
}

fn verify(desk: &Desk) -> Ran {
    desk.run(&["verify", "s.json", "--keys", "keys.json"])
}

#[tokio::test]
async fn a_statement_is_verified_with_nobody_to_ask() {
    let mut desk = desk().await;
    desk.fake.stop();
    // Not even a profile.
    std::fs::remove_file(desk.path("p.toml")).unwrap();
    let ran = verify(&desk);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        ran.stdout,
        "signed by  former, in use since 2023-11-14T22:13:20Z, until 2023-11-14T22:14:20Z\n\
         about      tenants/acme sha256:00ff\n\
         says       https://example.net/deletion/v1\n\
         {\n  \"keys\": 2,\n  \"note\": \"\\u001b[2J\"\n}\n"
    );

    let ran = desk.run(&["verify", "s.json", "--keys", "keys.json", "-o", "json"]);
    assert_eq!(ran.stdout, format!("{}\n", statement()), "as it was signed");
    assert!(
        ran.stderr.starts_with("signed by former, "),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn a_statement_with_line_breaks_is_one_line_or_as_it_was_signed() {
    let desk = Desk::new().await;
    let (envelope, keys) = (
        include_bytes!("../../src/statement/tests/openssl-envelope.json"),
        include_bytes!("../../src/statement/tests/openssl-keys.json"),
    );
    std::fs::write(desk.path("s.json"), envelope).unwrap();
    std::fs::write(desk.path("keys.json"), keys).unwrap();
    for (form, lines) in [("json", 2), ("ndjson", 1)] {
        let ran = desk.run(&["verify", "s.json", "--keys", "keys.json", "-o", form]);
        assert_eq!(ran.stdout.lines().count(), lines, "{}", ran.stderr);
        let read: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(read["subject"][0]["name"], "tenants/acme");
    }
}

#[tokio::test]
async fn without_kept_keys_the_server_is_asked() {
    let desk = desk().await;
    let ran = desk.run(&["verify", "s.json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    *desk.fake.script.keys.lock().unwrap() = vec![key("former", 3)];
    let ran = desk.run(&["verify", "s.json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("[BAD_SIGNATURE]"), "{}", ran.stderr);

    let ran = desk.run(&["signing-keys", "-o", "ndjson"]);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    let keys: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(keys["keys"][0]["kid"], "former");
    // Whichever way they were written, they are keys.
    std::fs::write(desk.path("keys.json"), ran.stdout).unwrap();
    assert!(verify(&desk).stderr.contains("[BAD_SIGNATURE]"));
}

#[tokio::test]
async fn whatever_was_changed_nothing_is_shown_of_it() {
    let desk = desk().await;
    let with = |at: &str, value: Value| {
        let mut envelope = sealed();
        *envelope.pointer_mut(at).unwrap() = value;
        envelope
    };
    let forged = STANDARD.encode(statement().replace("acme", "acmf"));
    let flipped = {
        let signature = sealed()["signatures"][0]["sig"].clone();
        let mut bytes = STANDARD.decode(signature.as_str().unwrap()).unwrap();
        bytes[10] ^= 1;
        STANDARD.encode(bytes)
    };
    let misfit = "error: the signature does not fit: s.json or the keys were changed";
    for (envelope, said) in [
        (with("/payload", forged.into()), misfit),
        (with("/signatures/0/sig", flipped.into()), misfit),
        (with("/signatures/0/keyid", "present".into()), misfit),
        (
            with("/signatures/0/keyid", "other".into()),
            "[UNKNOWN_KEY]\nhint: ",
        ),
        (
            with("/payloadType", "text/plain".into()),
            "payload type is `text/plain`",
        ),
        (with("/signatures", json!([])), "no signature"),
    ] {
        put(&desk, &envelope);
        let ran = verify(&desk);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }

    put(&desk, &sealed());
    let kept = std::fs::read_to_string(desk.path("keys.json")).unwrap();
    let mut other: Value = serde_json::from_str(&kept).unwrap();
    other["keys"][1]["public_key_pem"] = other["keys"][0]["public_key_pem"].clone();
    for (keys, said) in [
        (other.to_string(), misfit),
        (format!("{kept}{kept}"), "keys.json: no keys: trailing"),
        ("{\"keys\":[]}".to_owned(), "keys.json: there is no key"),
    ] {
        std::fs::write(desk.path("keys.json"), keys).unwrap();
        let ran = verify(&desk);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    let ran = desk.run(&["verify", "missing.json", "--keys", "keys.json"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("missing.json"), "{}", ran.stderr);
}
