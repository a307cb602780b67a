//! Issuers of tenants' own, and the algorithms beside Ed25519.

use super::*;
use p256::ecdsa::SigningKey;
use p256::pkcs8::EncodePrivateKey as _;

fn jwk(key: &SigningKey, kid: &str) -> String {
    let point = key.verifying_key().to_encoded_point(false);
    json!({
        "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256",
        "x": B64.encode(point.x().unwrap()), "y": B64.encode(point.y().unwrap()),
    })
    .to_string()
}

fn sign(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let message = format!(
        "{}.{}",
        B64.encode(header.to_string()),
        B64.encode(claims.to_string())
    );
    let der = key.to_pkcs8_der().unwrap();
    let key = EncodingKey::from_ec_der(der.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::ES256).unwrap();
    format!("{message}.{signature}")
}

fn trust(tenant: &str, key: &SigningKey) -> TrustedIssuer {
    TrustedIssuer {
        tenant: tenant.parse().unwrap(),
        issuer: format!("https://{tenant}.example"),
        keys: vec![VerificationKey::from_jwk(&jwk(key, "k1")).unwrap()],
    }
}

#[test]
fn es256_vouches_for_its_own_tenant_only() {
    let (acme, globex) = (
        SigningKey::from_slice(&[1; 32]).unwrap(),
        SigningKey::from_slice(&[2; 32]).unwrap(),
    );
    // Both call their key "k1".
    let f = fixture_trusting(vec![trust("acme", &acme), trust("globex", &globex)]);
    let header = json!({"alg": "ES256", "kid": "k1"});
    let (_, mut claims) = f.parts();
    claims["iss"] = json!("https://acme.example");
    let good = f.check(&sign(&acme, &header, &claims)).unwrap();
    assert_eq!(
        *good.principal().home(),
        Home::Tenant("acme".parse().unwrap())
    );
    f.refused(&sign(&globex, &header, &claims), Refusal::Issuer);

    claims["iss"] = json!("https://globex.example");
    f.refused(&sign(&globex, &header, &claims), Refusal::ForeignHome);
    claims["home"] = json!("tenants/globex");
    assert!(f.check(&sign(&globex, &header, &claims)).is_ok());
    claims["home"] = json!("provider");
    claims["role"] = json!("operator");
    f.refused(&sign(&globex, &header, &claims), Refusal::ForeignHome);
    // Nor may it speak as us.
    claims["iss"] = json!("cordon");
    f.refused(&sign(&globex, &header, &claims), Refusal::Issuer);
    // Nor choose another algorithm.
    let header = json!({"alg": "EdDSA", "kid": "k1"});
    f.refused(&sign(&globex, &header, &claims), Refusal::Algorithm);
}

#[test]
fn an_own_key_id_cannot_be_taken_over() {
    let key = SigningKey::from_slice(&[1; 32]).unwrap();
    let own = fixture().issuer.published().keys()[0].kid.clone();
    let mut trusted = trust("acme", &key);
    trusted.keys = vec![VerificationKey::from_jwk(&jwk(&key, &own)).unwrap()];
    let f = fixture_trusting(vec![trusted]);
    let (_, mut claims) = f.parts();
    claims["iss"] = json!("https://acme.example");
    let header = json!({"alg": "ES256", "kid": own});
    f.refused(&sign(&key, &header, &claims), Refusal::Algorithm);
    assert!(f.check(&f.issue()).is_ok());
}

// An RSA key of 2,048 bits, made for this test and thrown away, and a token signed with it.
const RSA_N: &str = "\
    4xxU1CxLWUovE-ifsqUX11JnJ5wKHbE9V5bH9Mp0AmbowzQtF9XM8ixP-he5Zyc1zq2DnmNcdyjJ8_i6F5OZ\
    8fUilfW-HVh1tpFG5sPNOsDpF7AUcFyQslmIHACI2rxcgoEOgacn0-IK5a9suKcmudub9hNrxE26vl91NBtN\
    I-WeaWFuUaDP9MGm5mcz4vAC_H9X7_5C09jP9syar7l6huuAhhmV_XsQ7lMk4ze6cwUspy97oXPDVghtJlWE\
    P4FmmrIcYwQ9Czj9T4Q9HH64S4_6CEg0th5XzivzSHwJOuwcTDFApL2xchHuZ-dGZiGS24zDvN1EDDwHHxD4\
    dSqqJw";
const RS256_TOKEN: &str = "\
    eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2FjbWUuZXhhbXBsZSIsImF1ZCI6\
    ImNvcmRvbiIsInN1YiI6InVzZXItMSIsImV4cCI6MTcwMDAwMDkwMCwibmJmIjoxNzAwMDAwMDAwLCJpYXQi\
    OjE3MDAwMDAwMDAsImp0aSI6IjEiLCJjbmYiOnsieDV0I1MyNTYiOiJBOVp0MElnMXdjb19Fb3pPck5Iekdz\
    bEJZd2xySVBSRnJvUW9XOENETFhJIn0sImNpZCI6IjAwMDAwMDAxIiwiaG9tZSI6InRlbmFudHMvYWNtZSIs\
    InJvbGUiOiJyZWFkZXIifQ.GGagc5ggOnfGVa10nKkzNw3MzTGVg_-JQhHgikGbpsdL7K_vUywc9S8Xplgy-\
    UjSGBQlz-T2M0f7fUu9ugOl6Y3CJ42YdXu6fN2zwFT-o2hLzqOhpw9TQ753xIKgq6iupEQzv0VunIb_vQMyj\
    wpteckfpe5rYOsCGoTZfRnX62tia5x8ZlrSg8oLwD3ISjvqXlDYlsLrkkkkdKwEJ6coBa6llgwRbZknOsaq0\
    48xIgMumHhWYhQgi5n7tktyDISJdPEUoMsgkBevfBotm56V2CSDtFuQUY6fZRcQD_3wzIu66MjIlCnP3Jz7F\
    HRwM9xA3FhTIm5IfcA9P1hz4d0c4A";

#[test]
fn rs256() {
    let jwk = json!({"kty": "RSA", "kid": "r1", "n": RSA_N, "e": "AQAB", "alg": "RS256"});
    let f = fixture_trusting(vec![TrustedIssuer {
        tenant: "acme".parse().unwrap(),
        issuer: "https://acme.example".to_owned(),
        keys: vec![VerificationKey::from_jwk(&jwk.to_string()).unwrap()],
    }]);
    assert_eq!(*f.check(RS256_TOKEN).unwrap().principal(), f.alice());
    let (message, signature) = RS256_TOKEN.rsplit_once('.').unwrap();
    let changed = if signature.starts_with('A') { "B" } else { "A" };
    f.refused(
        &format!("{message}.{changed}{}", &signature[1..]),
        Refusal::Signature,
    );
}

#[test]
fn jwks_that_are_no_keys_for_us() {
    let key = SigningKey::from_slice(&[1; 32]).unwrap();
    let good: Value = serde_json::from_str(&jwk(&key, "k1")).unwrap();
    let spoilt = |change: &dyn Fn(&mut Value)| {
        let mut jwk = good.clone();
        change(&mut jwk);
        VerificationKey::from_jwk(&jwk.to_string()).is_err()
    };
    assert!(!spoilt(&|_| ()));
    assert!(spoilt(&|j| remove(j, "kid")));
    assert!(spoilt(&|j| j["use"] = json!("enc")));
    assert!(spoilt(&|j| j["alg"] = json!("ES384")));
    assert!(spoilt(&|j| j["crv"] = json!("P-384")));
    assert!(spoilt(&|j| j["x"] = json!("AA")));
    assert!(spoilt(&|j| j["x"] = j["y"].clone()));
    assert!(VerificationKey::from_jwk("[]").is_err());
    for other in [
        json!({"kty": "oct", "kid": "k", "k": "AAAA", "alg": "HS256"}),
        json!({"kty": "RSA", "kid": "k", "n": B64.encode([0x80; 128]), "e": "AQAB"}),
        json!({"kty": "RSA", "kid": "k", "n": B64.encode([0x00; 256]), "e": "AQAB"}),
        json!({"kty": "OKP", "crv": "X25519", "kid": "k", "x": B64.encode([1; 32])}),
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": B64.encode([1; 31])}),
    ] {
        assert!(
            VerificationKey::from_jwk(&other.to_string()).is_err(),
            "{other}"
        );
    }
}
