//! What a token must not get away with. Each refusal is told apart in the log, and none of them
//! by the caller.

use super::keys::VerificationKey;
use super::verify::{Refusal, TokenVerifier, TrustedIssuer};
use super::*;
use crate::auth::VerifiedCredential;
use crate::auth::principal::{Home, Role, tests::principal};
use crate::clock::ManualClock;
use crate::error::Reason;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use jsonwebtoken::EncodingKey;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

const NOW: i64 = 1_700_000_000;

struct Fixture {
    clock: ManualClock,
    env: Env,
    issuer: TokenIssuer,
    verifier: TokenVerifier,
    certificate: CertThumbprint,
}

fn fixture_trusting(trusted: Vec<TrustedIssuer>) -> Fixture {
    let (env, clock) = Env::fixed(Timestamp::from_second(NOW).unwrap(), 1);
    let issuer = TokenIssuer::generate(env.clone(), TokenConfig::default()).unwrap();
    Fixture {
        clock,
        env,
        verifier: issuer.verifier(trusted),
        issuer,
        certificate: CertThumbprint::of(b"certificate"),
    }
}

fn fixture() -> Fixture {
    fixture_trusting(Vec::new())
}

impl Fixture {
    fn alice(&self) -> Principal {
        principal(1, "tenants/acme", Role::Reader)
    }

    fn issue(&self) -> String {
        let token = self
            .issuer
            .issue(&self.alice(), &self.certificate, MAX_LIFETIME)
            .unwrap();
        token.token.expose_secret().to_owned()
    }

    /// Our own header and claims, to be spoilt.
    fn parts(&self) -> (Value, Value) {
        let kid = self.issuer.published().keys()[0].kid.clone();
        let claims = json!({
            "iss": "cordon", "aud": "cordon", "sub": "user-1", "exp": NOW + 900, "nbf": NOW,
            "iat": NOW, "jti": "1", "cnf": {"x5t#S256": self.certificate.to_base64url()},
            "cid": "00000001", "home": "tenants/acme", "role": "reader",
        });
        (json!({"alg": "EdDSA", "kid": kid, "typ": "JWT"}), claims)
    }

    /// Signs any two texts with our own current key.
    fn sign(&self, header: &str, claims: &str) -> String {
        let stored = self.issuer.stored();
        sign_ed(&stored.last().unwrap().pkcs8, header, claims)
    }

    fn signed(&self, header: &Value, claims: &Value) -> String {
        self.sign(&header.to_string(), &claims.to_string())
    }

    fn with_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let (header, mut claims) = self.parts();
        change(&mut claims);
        self.signed(&header, &claims)
    }

    fn with_header(&self, change: impl FnOnce(&mut Value)) -> String {
        let (mut header, claims) = self.parts();
        change(&mut header);
        self.signed(&header, &claims)
    }

    fn check(&self, token: &str) -> Result<VerifiedCredential, Refusal> {
        self.verifier
            .check(token, Some(&self.certificate), self.env.now())
    }

    #[track_caller]
    fn refused(&self, token: &str, refusal: Refusal) {
        assert_eq!(self.check(token).err(), Some(refusal));
    }
}

fn sign_ed(pkcs8: &[u8], header: &str, claims: &str) -> String {
    let message = format!("{}.{}", B64.encode(header), B64.encode(claims));
    let key = EncodingKey::from_ed_der(pkcs8);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

fn remove(value: &mut Value, key: &str) {
    value.as_object_mut().unwrap().remove(key).unwrap();
}

#[test]
fn a_good_token_is_accepted() {
    let f = fixture();
    let credential = f.check(&f.issue()).unwrap();
    assert_eq!(*credential.principal(), f.alice());
    assert_eq!(credential.expires().as_second(), NOW + 900);
    // The hand-made parts that the other tests spoil are good as they stand.
    assert!(f.check(&f.with_claims(|_| ())).is_ok());
}

#[test]
fn all_refusals_look_alike_to_the_caller() {
    let f = fixture();
    let mut bad = vec![
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(10_000),
        f.with_claims(|c| c["aud"] = json!("other")),
        f.with_claims(|c| c["exp"] = json!(NOW - 1_000)),
        f.with_claims(|c| remove(c, "nbf")),
        f.with_header(|h| h["kid"] = json!("unknown")),
        f.with_header(|h| h["crit"] = json!(["exp"])),
        f.with_header(|h| h["alg"] = json!("none")),
        f.with_claims(|c| c["cnf"]["x5t#S256"] = json!("other")),
    ];
    bad.push(f.issue() + "x");
    let statuses: std::collections::HashSet<(i32, String, Vec<u8>)> = bad
        .iter()
        .map(|token| f.verifier.verify(token, Some(&f.certificate), f.env.now()))
        .chain([f.verifier.verify(&f.issue(), None, f.env.now())])
        .map(|result| {
            let error = result.unwrap_err();
            assert_eq!(error.reason(), Reason::Unauthenticated);
            let status = tonic::Status::from(error);
            (
                status.code() as i32,
                status.message().to_owned(),
                status.details().to_vec(),
            )
        })
        .collect();
    assert_eq!(statuses.len(), 1, "{statuses:?}");
}

#[test]
fn the_log_tells_refusals_apart() {
    let f = fixture();
    let cause = |token: &str| {
        let error = f
            .verifier
            .verify(token, Some(&f.certificate), f.env.now())
            .unwrap_err();
        error.log_source().unwrap().to_owned()
    };
    let expired = cause(&f.with_claims(|c| {
        c["exp"] = json!(NOW - 100);
        c["nbf"] = json!(NOW - 200);
    }));
    let audience = cause(&f.with_claims(|c| c["aud"] = json!("other")));
    assert_eq!(expired, "token: expired");
    assert_eq!(audience, "token: wrong audience");
}

#[test]
fn alg_none() {
    let f = fixture();
    for alg in ["none", "None", "NONE"] {
        let (mut header, claims) = f.parts();
        header["alg"] = json!(alg);
        let (header, claims) = (
            B64.encode(header.to_string()),
            B64.encode(claims.to_string()),
        );
        f.refused(&format!("{header}.{claims}."), Refusal::Algorithm);
        f.refused(
            &f.with_header(|h| h["alg"] = json!(alg)),
            Refusal::Algorithm,
        );
    }
}

#[test]
fn hs256_signed_with_the_public_key() {
    let f = fixture();
    let key = f.issuer.published().keys()[0].clone();
    let (mut header, claims) = f.parts();
    header["alg"] = json!("HS256");
    let message = format!(
        "{}.{}",
        B64.encode(header.to_string()),
        B64.encode(claims.to_string())
    );
    for secret in [key.public_key.to_vec(), key.public_key_pem().into_bytes()] {
        let secret = EncodingKey::from_secret(&secret);
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap();
        f.refused(&format!("{message}.{signature}"), Refusal::Algorithm);
    }
}

#[test]
fn the_wrong_key() {
    let f = fixture();
    let (env, _) = Env::fixed(f.env.now(), 2);
    let other = TokenIssuer::generate(env, TokenConfig::default()).unwrap();
    let (header, claims) = f.parts();
    let pkcs8 = &other.stored()[0].pkcs8;
    // Under our kid the signature fails; under its own the kid is unknown.
    f.refused(
        &sign_ed(pkcs8, &header.to_string(), &claims.to_string()),
        Refusal::Signature,
    );
    let token = other
        .issue(&f.alice(), &f.certificate, MAX_LIFETIME)
        .unwrap();
    f.refused(token.token.expose_secret(), Refusal::UnknownKey);
}

#[test]
fn any_changed_character_is_noticed() {
    let f = fixture();
    let token = f.issue();
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(f.check(&changed).is_err(), "character {at}");
    }
}

#[test]
fn audience_and_issuer() {
    let f = fixture();
    for aud in [json!("other"), json!(""), json!("cordon ")] {
        f.refused(&f.with_claims(|c| c["aud"] = aud), Refusal::Audience);
    }
    for aud in [json!([]), json!(["cordon", "other"]), json!(null), json!(1)] {
        f.refused(&f.with_claims(|c| c["aud"] = aud), Refusal::Claims);
    }
    f.refused(
        &f.with_claims(|c| c["iss"] = json!("https://elsewhere")),
        Refusal::Issuer,
    );
}

#[test]
fn every_claim_is_required() {
    let f = fixture();
    let (_, claims) = f.parts();
    for key in claims.as_object().unwrap().keys() {
        f.refused(&f.with_claims(|c| remove(c, key)), Refusal::Claims);
        f.refused(
            &f.with_claims(|c| c[key.as_str()] = Value::Null),
            Refusal::Claims,
        );
    }
    f.refused(&f.with_claims(|c| c["cnf"] = json!({})), Refusal::Claims);
    f.refused(&f.with_claims(|c| c["sub"] = json!("")), Refusal::Principal);
    f.refused(&f.with_claims(|c| c["extra"] = json!(1)), Refusal::Claims);
}

#[test]
fn expiry_and_its_leeway() {
    let f = fixture();
    let token = f.issue();
    f.clock.advance(SignedDuration::from_secs(900 + 59));
    assert!(f.check(&token).is_ok());
    f.clock.advance(SignedDuration::from_secs(1));
    f.refused(&token, Refusal::Expired);
}

#[test]
fn not_before_and_its_leeway() {
    let f = fixture();
    let later = |by: i64| {
        f.with_claims(|c| {
            c["nbf"] = json!(NOW + by);
            c["exp"] = json!(NOW + by + 900);
        })
    };
    assert!(f.check(&later(60)).is_ok());
    f.refused(&later(61), Refusal::NotYet);
    f.refused(
        &f.with_claims(|c| c["iat"] = json!(NOW + 61)),
        Refusal::NotYet,
    );
}

#[test]
fn lifetimes() {
    let f = fixture();
    let until = |exp: i64| f.with_claims(|c| c["exp"] = json!(exp));
    assert!(f.check(&until(NOW + 960)).is_ok());
    f.refused(&until(NOW + 961), Refusal::Lifetime);
    f.refused(&until(100_000_000_000), Refusal::Lifetime); // the year 5138
    f.refused(&until(i64::MAX), Refusal::Lifetime);
    f.refused(&until(NOW), Refusal::Lifetime);
    f.refused(&f.with_claims(|c| c["nbf"] = json!(0)), Refusal::Lifetime);
    f.refused(&f.with_claims(|c| c["exp"] = json!(-1)), Refusal::Claims);
    f.refused(
        &f.with_claims(|c| c["exp"] = json!("1700000900")),
        Refusal::Claims,
    );
    f.refused(&f.with_claims(|c| c["exp"] = json!(1.7e9)), Refusal::Claims);
}

#[test]
fn headers_that_would_steer_the_reading() {
    let f = fixture();
    let more = [
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("jku", json!("https://elsewhere/jwks")),
        ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": ""})),
        ("x5u", json!("https://elsewhere/cert")),
        ("x5c", json!([])),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("extra", json!(1)),
    ];
    for (key, value) in more {
        f.refused(&f.with_header(|h| h[key] = value), Refusal::Header);
    }
    f.refused(
        &f.with_header(|h| h["typ"] = json!("dpop+jwt")),
        Refusal::Header,
    );
    f.refused(&f.with_header(|h| remove(h, "kid")), Refusal::Header);
    f.refused(&f.with_header(|h| remove(h, "alg")), Refusal::Header);
    f.refused(
        &f.with_header(|h| h["kid"] = json!("unknown")),
        Refusal::UnknownKey,
    );
    f.refused(
        &f.with_header(|h| h["alg"] = json!("ES256")),
        Refusal::Algorithm,
    );
    f.refused(
        &f.with_header(|h| h["alg"] = json!("eddsa")),
        Refusal::Algorithm,
    );
}

#[test]
fn repeated_names() {
    let f = fixture();
    let (header, claims) = f.parts();
    let (header, claims) = (header.to_string(), claims.to_string());
    for key in ["exp", "aud", "sub", "home", "role", "cid"] {
        let name = format!("\"{key}\":");
        let twice = claims.replacen('{', &format!("{{{name}\"admin\","), 1);
        assert_eq!(twice.matches(&name).count(), 2);
        f.refused(&f.sign(&header, &twice), Refusal::Claims);
        // Repeated with a value of the right type, before and after.
        let value = serde_json::from_str::<Value>(&claims).unwrap()[key].to_string();
        let twice = format!(
            "{},{name}{value}}}",
            claims.trim_end_matches('}').to_owned() + if claims.ends_with("}}") { "}" } else { "" }
        );
        f.refused(&f.sign(&header, &twice), Refusal::Claims);
    }
    let twice = header.replacen('{', "{\"alg\":\"none\",", 1);
    f.refused(&f.sign(&twice, &claims), Refusal::Header);
    let twice = header.replacen('{', "{\"kid\":\"other\",", 1);
    f.refused(&f.sign(&twice, &claims), Refusal::Header);
}

#[test]
fn forms_that_are_no_token() {
    let f = fixture();
    let token = f.issue();
    f.refused("", Refusal::Malformed);
    f.refused("..", Refusal::Header);
    f.refused(&format!("{token}.{token}"), Refusal::Malformed);
    f.refused(&format!(" {token}"), Refusal::Malformed);
    f.refused(&token.replacen('.', "=.", 1), Refusal::Malformed);
    f.refused(&"a".repeat(8 * 1024 + 1), Refusal::TooLong);
    let (header, _) = f.parts();
    f.refused(&f.sign(&header.to_string(), "[]"), Refusal::Claims);
    f.refused(&f.sign("[]", "{}"), Refusal::Header);
}

#[test]
fn the_certificate_binds() {
    let f = fixture();
    let token = f.issue();
    let other = CertThumbprint::of(b"another certificate");
    let check = |presented| f.verifier.check(&token, presented, f.env.now()).err();
    assert_eq!(check(Some(&f.certificate)), None);
    assert_eq!(check(Some(&other)), Some(Refusal::OtherCertificate));
    assert_eq!(check(None), Some(Refusal::NoCertificate));
}

#[test]
fn principals_that_cannot_be() {
    let f = fixture();
    let cases = [
        ("role", "operator"),
        ("role", "system"),
        ("role", "root"),
        ("home", "provider"),
        ("home", "tenants/"),
        ("home", "tenants/*"),
        ("cid", "*"),
    ];
    for (key, value) in cases {
        f.refused(
            &f.with_claims(|c| c[key] = json!(value)),
            Refusal::Principal,
        );
    }
}

#[test]
fn rotation_keeps_two_keys_valid() {
    let f = fixture();
    let old = f.issue();
    f.issuer.rotate(Overlap::Keep).unwrap();
    let new = f.issue();
    assert_eq!(f.issuer.published().keys().len(), 2);
    assert!(f.check(&old).is_ok());
    assert!(f.check(&new).is_ok());
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    assert_ne!(kid(&old), kid(&new));
    assert_eq!(f.issuer.published().keys()[0].kid, kid(&new));

    // Once every token of the old key has ended, the key is void whatever a token says.
    let stored = f.issuer.stored();
    f.clock.advance(SignedDuration::from_secs(960));
    let (_, mut claims) = f.parts();
    claims["nbf"] = json!(NOW + 960);
    claims["exp"] = json!(NOW + 960 + 900);
    claims["iat"] = json!(NOW + 960);
    let header = json!({"alg": "EdDSA", "kid": kid(&old)});
    let forged = sign_ed(&stored[0].pkcs8, &header.to_string(), &claims.to_string());
    f.refused(&forged, Refusal::RetiredKey);
    assert!(f.check(&f.issue()).is_ok());
}

#[test]
fn a_void_key_is_refused_at_once() {
    let f = fixture();
    let old = f.issue();
    f.issuer.rotate(Overlap::Void).unwrap();
    f.refused(&old, Refusal::RetiredKey);
    assert!(f.check(&f.issue()).is_ok());
    // A later, gentler rotation does not bring it back.
    f.issuer.rotate(Overlap::Keep).unwrap();
    f.refused(&old, Refusal::RetiredKey);
}

#[test]
fn keys_survive_being_stored() {
    let f = fixture();
    let old = f.issue();
    f.issuer.rotate(Overlap::Keep).unwrap();
    let mut stored = f.issuer.stored();
    stored.reverse(); // the order of storage does not matter
    let again = TokenIssuer::load(f.env.clone(), TokenConfig::default(), stored.clone()).unwrap();
    let verifier = again.verifier(Vec::new());
    assert!(
        verifier
            .check(&old, Some(&f.certificate), f.env.now())
            .is_ok()
    );
    assert_eq!(again.published().keys(), f.issuer.published().keys());
    let issued = again
        .issue(&f.alice(), &f.certificate, MAX_LIFETIME)
        .unwrap();
    assert!(f.check(issued.token.expose_secret()).is_ok());

    // Another replica takes the rotation over.
    again.rotate(Overlap::Keep).unwrap();
    let newest = again
        .issue(&f.alice(), &f.certificate, MAX_LIFETIME)
        .unwrap();
    f.refused(newest.token.expose_secret(), Refusal::UnknownKey);
    f.issuer.replace(again.stored()).unwrap();
    assert!(f.check(newest.token.expose_secret()).is_ok());

    let none_signs = stored
        .into_iter()
        .filter(|key| key.retired.is_some())
        .collect();
    assert!(f.issuer.replace(none_signs).is_err());
    assert!(f.issuer.replace(Vec::new()).is_err());
    assert!(f.check(newest.token.expose_secret()).is_ok());
}

#[test]
fn lifetimes_that_are_not_issued() {
    let f = fixture();
    for ttl in [
        SignedDuration::ZERO,
        MAX_LIFETIME + SignedDuration::from_secs(1),
    ] {
        assert!(f.issuer.issue(&f.alice(), &f.certificate, ttl).is_err());
    }
}

#[test]
fn the_published_pem_is_the_key() {
    let f = fixture();
    let key = f.issuer.published().keys()[0].clone();
    let (_, pem) = x509_parser::pem::parse_x509_pem(key.public_key_pem().as_bytes()).unwrap();
    assert_eq!(pem.label, "PUBLIC KEY");
    assert!(pem.contents.ends_with(&key.public_key));
    assert_eq!(pem.contents.len(), 44);
}

mod trusted;
