use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::envelope::{PAYLOAD_TYPE, pre_authentication};
use super::*;
use crate::identity::SigningKey;

/// A key pair that is the same in every run.
fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn key(kid: &str, pair: &Ed25519KeyPair) -> SigningKey {
    let mut der = vec![
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    der.extend_from_slice(pair.public_key().as_ref());
    SigningKey {
        kid: kid.to_owned(),
        algorithm: "EdDSA".to_owned(),
        public_key_pem: format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        ),
        create_time: Some(prost_types::Timestamp {
            seconds: 1_700_000_000,
            nanos: 5,
        }),
        retire_time: None,
    }
}

fn keys() -> PublicKeys {
    PublicKeys::new(&[key("k1", &pair(1)), key("k2", &pair(2))]).unwrap()
}

fn statement() -> Value {
    json!({
        "_type": STATEMENT_TYPE,
        "subject": [{ "name": "tenants/acme", "digest": { "sha256": "00ff" } }],
        "predicateType": "https://example.net/deletion/v1",
        "predicate": { "destroyed": 18_446_744_073_709_551_615_u64, "by": "acme~é" },
    })
}

fn sign(payload: &[u8], kid: &str, pair: &Ed25519KeyPair) -> Value {
    let signature = pair.sign(&pre_authentication(PAYLOAD_TYPE, payload));
    json!({ "keyid": kid, "sig": STANDARD.encode(signature) })
}

/// An envelope around any payload, signed by `k1`.
fn sealed(payload: &[u8]) -> Value {
    json!({
        "payloadType": PAYLOAD_TYPE,
        "payload": STANDARD.encode(payload),
        "signatures": [sign(payload, "k1", &pair(1))],
    })
}

fn check(envelope: &Value) -> Result<Statement> {
    verify(envelope.to_string().as_bytes(), &keys())
}

fn refused(envelope: &Value, reason: &Reason, said: &str) {
    let error = check(envelope).unwrap_err();
    assert_eq!(error.reason(), *reason, "{error}");
    assert!(error.message().contains(said), "{error}");
}

#[test]
fn what_was_signed_is_read_as_it_was_signed() {
    let payload = statement().to_string();
    let read = check(&sealed(payload.as_bytes())).unwrap();
    assert_eq!(read.json, payload);
    assert_eq!(read.signers.len(), 1);
    assert_eq!(read.signers[0].kid, "k1");
    assert_eq!(
        read.signers[0].create_time.unwrap().to_string(),
        "2023-11-14T22:13:20.000000005Z"
    );
    assert_eq!(read.subjects[0].name, "tenants/acme");
    assert_eq!(read.subjects[0].digest["sha256"], "00ff");
    assert_eq!(read.predicate_type, "https://example.net/deletion/v1");
    assert_eq!(
        read.predicate_json,
        r#"{"destroyed":18446744073709551615,"by":"acme~é"}"#
    );
}

/// Made with OpenSSL 3: the key, the signature and the encoding are not this crate's.
#[test]
fn what_another_program_signed_is_verified() {
    let keys = PublicKeys::parse(include_bytes!("tests/openssl-keys.json")).unwrap();
    let envelope = include_bytes!("tests/openssl-envelope.json");
    let read = verify(envelope, &keys).unwrap();
    assert_eq!(read.subjects[0].name, "tenants/acme");
    assert_eq!(read.signers[0].kid, "openssl");
}

#[test]
fn every_changed_byte_is_noticed() {
    let payload = statement().to_string().into_bytes();
    for at in 0..payload.len() {
        let mut changed = payload.clone();
        changed[at] ^= 1;
        let mut envelope = sealed(&payload);
        envelope["payload"] = STANDARD.encode(&changed).into();
        refused(&envelope, &Reason::BadSignature, "does not fit");
    }
    let signature = pair(1).sign(&pre_authentication(PAYLOAD_TYPE, &payload));
    for at in 0..signature.as_ref().len() {
        let mut changed = signature.as_ref().to_vec();
        changed[at] ^= 1;
        let mut envelope = sealed(&payload);
        envelope["signatures"][0]["sig"] = STANDARD.encode(&changed).into();
        refused(&envelope, &Reason::BadSignature, "by key `k1`");
    }
    for length in [0, 63, 65] {
        let mut envelope = sealed(&payload);
        envelope["signatures"][0]["sig"] = STANDARD.encode(vec![0; length]).into();
        refused(&envelope, &Reason::BadSignature, "does not fit");
    }
}

#[test]
fn a_signature_counts_for_the_key_that_it_names_only() {
    let payload = statement().to_string().into_bytes();
    let mut envelope = sealed(&payload);
    envelope["signatures"][0]["keyid"] = "k2".into();
    refused(&envelope, &Reason::BadSignature, "by key `k2`");
    for kid in [json!("k3"), json!("K1")] {
        envelope["signatures"][0]["keyid"] = kid.clone();
        refused(&envelope, &Reason::UnknownKey, kid.as_str().unwrap());
    }
    for unnamed in [json!(""), Value::Null] {
        envelope["signatures"][0]["keyid"] = unnamed;
        refused(&envelope, &Reason::UnknownKey, "without a name");
    }

    // Another key under the name that the signature has.
    let other = PublicKeys::new(&[key("k1", &pair(3))]).unwrap();
    let error = verify(sealed(&payload).to_string().as_bytes(), &other).unwrap_err();
    assert_eq!(*error.reason(), Reason::BadSignature);
}

#[test]
fn of_several_signatures_those_by_known_keys_have_to_fit() {
    let payload = statement().to_string().into_bytes();
    let mut envelope = sealed(&payload);
    let (known, strange) = (
        sign(&payload, "k2", &pair(2)),
        sign(&payload, "k9", &pair(9)),
    );
    let signatures = envelope["signatures"].as_array_mut().unwrap();
    signatures.extend([strange, known.clone(), known]);
    let read = check(&envelope).unwrap();
    let kids: Vec<_> = read.signers.iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(kids, ["k1", "k2"]);

    envelope["signatures"][2] = sign(b"something else", "k2", &pair(2));
    refused(&envelope, &Reason::BadSignature, "by key `k2`");
    let many = vec![sign(&payload, "k1", &pair(1)); 17];
    envelope["signatures"] = many.into();
    refused(&envelope, &Reason::InvalidStatement, "more than 16");
}

#[test]
fn what_is_no_envelope_is_refused() {
    let payload = statement().to_string().into_bytes();
    let with = |key: &str, value: Value| {
        let mut envelope = sealed(&payload);
        envelope[key] = value;
        envelope
    };
    for (envelope, said) in [
        (
            with("payloadType", "text/plain".into()),
            "payload type is `text/plain`",
        ),
        (with("payloadType", Value::Null), "no DSSE envelope"),
        (with("payload", "?".into()), "payload is not base64"),
        (with("signatures", json!([])), "no signature"),
        (
            with("signatures", json!([{ "keyid": "k1" }])),
            "no DSSE envelope",
        ),
        (
            with("signatures", json!([{ "keyid": "k1", "sig": "?" }])),
            "signature is not base64",
        ),
        (json!([]), "expected a JSON object"),
    ] {
        refused(&envelope, &Reason::InvalidStatement, said);
    }

    let text = sealed(&payload).to_string();
    let raw = |text: &str| verify(text.as_bytes(), &keys()).unwrap_err();
    for (text, said) in [
        (format!("{text}{{}}"), "trailing"),
        (
            text.replacen('{', "{\"payload\":\"\",", 1),
            "`payload` stands twice",
        ),
        (
            text.replacen('{', "{\"x\":{\"y\":1,\"y\":1},", 1),
            "`y` stands twice",
        ),
        (text[..text.len() - 1].to_owned(), "no DSSE envelope"),
    ] {
        let error = raw(&text);
        assert_eq!(*error.reason(), Reason::InvalidStatement, "{error}");
        assert!(error.message().contains(said), "{error}");
    }
    let error = raw(&" ".repeat(MAX_ENVELOPE_BYTES + 1));
    assert_eq!(*error.reason(), Reason::TooLarge);
    // What later versions add is passed over, and so is white space.
    assert!(check(&with("note", "x".into())).is_ok());
    assert!(verify(format!("\n{text}\n").as_bytes(), &keys()).is_ok());
    let url_safe = with("payload", URL_SAFE.encode(&payload).into());
    assert!(check(&url_safe).is_ok());
}

#[test]
fn what_is_signed_and_no_statement_is_refused() {
    let with = |key: &str, value: Value| {
        let mut statement = statement();
        statement[key] = value;
        sealed(statement.to_string().as_bytes())
    };
    for (envelope, said) in [
        (
            with("_type", "https://in-toto.io/Statement/v0.1".into()),
            "its _type is",
        ),
        (with("predicateType", "".into()), "predicateType is empty"),
        (with("predicateType", Value::Null), "no in-toto statement"),
        (with("subject", json!([])), "no subject"),
        (
            with("subject", json!([{ "name": "a", "digest": {} }])),
            "no digest",
        ),
        (
            with("subject", json!([{ "name": "", "digest": { "a": "0" } }])),
            "no name",
        ),
        (with("predicate", json!([1])), "predicate is no object"),
        (sealed(b""), "expected a JSON object"),
        (sealed(b"{}"), "no in-toto statement"),
        (sealed(format!("{} 1", statement()).as_bytes()), "trailing"),
        (
            sealed(
                statement()
                    .to_string()
                    .replacen('{', "{\"_type\":\"x\",", 1)
                    .as_bytes(),
            ),
            "`_type` stands twice",
        ),
        (
            sealed(
                statement()
                    .to_string()
                    .replace("\"by\"", "\"destroyed\"")
                    .as_bytes(),
            ),
            "`destroyed` stands twice",
        ),
    ] {
        refused(&envelope, &Reason::InvalidStatement, said);
    }
    let nothing = check(&with("predicate", Value::Null)).unwrap();
    assert_eq!(nothing.predicate_json, "null");
}

#[test]
fn keys_are_kept_and_read_again() {
    let mut retired = key("old", &pair(3));
    retired.retire_time = Some(prost_types::Timestamp::default());
    let keys = PublicKeys::new(&[key("new", &pair(1)), retired]).unwrap();
    let kept = keys.to_json();
    assert_eq!(PublicKeys::parse(kept.as_bytes()).unwrap(), keys);
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["keys"][0]["algorithm"], "EdDSA");
    assert_eq!(kept["keys"][0]["retire_time"], Value::Null);
    assert_eq!(kept["keys"][1]["retire_time"], "1970-01-01T00:00:00Z");
}

#[test]
fn keys_that_are_none_are_refused() {
    let good = key("k", &pair(1));
    let with = |change: fn(&mut SigningKey)| {
        let mut key = good.clone();
        change(&mut key);
        PublicKeys::new(&[key]).unwrap_err()
    };
    for (error, said) in [
        (PublicKeys::new(&[]).unwrap_err(), "no key"),
        (with(|key| key.kid.clear()), "no id"),
        (
            with(|key| key.algorithm = "ES256".to_owned()),
            "not for EdDSA",
        ),
        (with(|key| key.public_key_pem.clear()), "no Ed25519 key"),
        (
            with(|key| key.public_key_pem = key.public_key_pem.repeat(2)),
            "no Ed25519 key",
        ),
        (
            // X25519: as long, and no key to sign with.
            with(|key| key.public_key_pem = key.public_key_pem.replace("K2Vw", "K2Vu")),
            "no Ed25519 key",
        ),
        (
            PublicKeys::new(&[good.clone(), good.clone()]).unwrap_err(),
            "two keys `k`",
        ),
        (PublicKeys::parse(b"{\"keys\":[]}").unwrap_err(), "no key"),
        (
            PublicKeys::parse(b"[]").unwrap_err(),
            "expected a JSON object",
        ),
        (
            PublicKeys::parse(b"{\"keys\":[],\"keys\":[]}").unwrap_err(),
            "stands twice",
        ),
    ] {
        assert_eq!(*error.reason(), Reason::InvalidStatement, "{error}");
        assert!(error.message().contains(said), "{said}: {error}");
    }
    let large = vec![b' '; MAX_KEYS_BYTES + 1];
    let error = PublicKeys::parse(&large).unwrap_err();
    assert_eq!(*error.reason(), Reason::TooLarge);
}
