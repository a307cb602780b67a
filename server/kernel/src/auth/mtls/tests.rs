use super::*;
use crate::auth::principal::{Role, tests::principal};
use crate::auth::scope::{IngestScope, ProviderScope, SelfScope, TenantScope};
use crate::clock::ManualClock;
use crate::error::Reason;

fn start() -> (Env, ManualClock) {
    Env::fixed(Timestamp::from_second(1_700_000_000).unwrap(), 1)
}

fn authority() -> (Authority, Env, ManualClock) {
    let (env, clock) = start();
    (
        Authority::create(env.clone(), "Cordon test").unwrap(),
        env,
        clock,
    )
}

fn alice() -> Principal {
    principal(1, "tenants/acme", Role::Reader)
}

fn operator() -> (ProviderScope, Permit) {
    let scope = ProviderScope::new(principal(9, "provider", Role::Operator));
    let permit = Permit::for_provider(Action::IssueCredential, &scope);
    (scope, permit)
}

fn der(pem: &str) -> Vec<u8> {
    x509_parser::pem::parse_x509_pem(pem.as_bytes())
        .unwrap()
        .1
        .contents
}

fn issue(authority: &Authority, key: ClientKey<'_>) -> ClientCertificate {
    authority
        .issue_client(&operator().1, &alice(), key)
        .unwrap()
}

#[track_caller]
fn refused(authority: &Authority, der: &[u8], now: Timestamp, cause: &str) {
    let error = authority.identify(der, now).unwrap_err();
    assert_eq!(error.reason(), Reason::Unauthenticated);
    assert_eq!(error.message(), "authentication failed");
    assert_eq!(error.log_source(), Some(cause));
}

#[test]
fn a_client_is_identified_by_its_certificate() {
    let (authority, env, _) = authority();
    let issued = issue(&authority, ClientKey::Generate);
    let der = der(&issued.certificate_pem);
    let peer = authority.identify(&der, env.now()).unwrap();
    assert_eq!(peer.credential(), alice().credential());
    assert_eq!(*peer.thumbprint(), issued.thumbprint);
    assert_eq!(peer.not_after(), issued.not_after);
    assert_eq!(issued.not_after, env.now() + CLIENT_VALIDITY);
    // The key is one that TLS can load, and it is the certificate's.
    let key = issued.key_pem.unwrap();
    let pair = rcgen::KeyPair::from_pem(key.expose_secret()).unwrap();
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    assert_eq!(
        certificate.public_key().subject_public_key.data,
        pair.public_key_raw()
    );
}

#[test]
fn the_same_randomness_makes_the_same_certificate() {
    let make = || {
        let (authority, _, _) = authority();
        issue(&authority, ClientKey::Generate).certificate_pem
    };
    assert_eq!(make(), make());
}

#[test]
fn an_authority_survives_being_stored() {
    let (authority, env, _) = authority();
    let old = issue(&authority, ClientKey::Generate);
    let key = authority.key_pem().unwrap();
    let again = Authority::load(env.clone(), authority.certificate_pem(), &key).unwrap();
    assert!(
        again
            .identify(&der(&old.certificate_pem), env.now())
            .is_ok()
    );
    let new = issue(&again, ClientKey::Generate);
    assert!(
        authority
            .identify(&der(&new.certificate_pem), env.now())
            .is_ok()
    );

    let (env, _) = Env::fixed(env.now(), 2);
    let other = Authority::create(env.clone(), "Cordon test").unwrap();
    assert!(Authority::load(env.clone(), other.certificate_pem(), &key).is_err());
    let client = new.certificate_pem;
    assert!(Authority::load(env, &client, &new.key_pem.unwrap()).is_err());
}

#[test]
fn certificates_have_their_time() {
    let (authority, env, clock) = authority();
    let der = der(&issue(&authority, ClientKey::Generate).certificate_pem);
    let now = env.now();
    let out = "certificate not in force";
    refused(&authority, &der, now - SignedDuration::from_secs(61), out);
    assert!(
        authority
            .identify(&der, now - SignedDuration::from_secs(60))
            .is_ok()
    );
    clock.advance(CLIENT_VALIDITY - SignedDuration::from_secs(1));
    assert!(authority.identify(&der, env.now()).is_ok());
    clock.advance(SignedDuration::from_secs(1));
    refused(&authority, &der, env.now(), out);
}

#[test]
fn others_certificates_are_refused() {
    let (authority, env, _) = authority();
    let now = env.now();
    // An authority of the same name with another key.
    let (other_env, _) = Env::fixed(now, 2);
    let twin = Authority::create(other_env.clone(), "Cordon test").unwrap();
    let foreign = der(&issue(&twin, ClientKey::Generate).certificate_pem);
    refused(
        &authority,
        &foreign,
        now,
        "certificate not signed by our authority",
    );
    let stranger = Authority::create(other_env, "Someone").unwrap();
    let foreign = der(&issue(&stranger, ClientKey::Generate).certificate_pem);
    refused(&authority, &foreign, now, "certificate of another issuer");

    let server = authority
        .issue_server(&["localhost".into(), "127.0.0.1".into()])
        .unwrap();
    refused(
        &authority,
        &der(&server.certificate_pem),
        now,
        "no client's certificate",
    );
    let own = authority.certificate_der().to_vec();
    refused(&authority, &own, now, "no client's certificate");

    let good = der(&issue(&authority, ClientKey::Generate).certificate_pem);
    refused(
        &authority,
        &[&good[..], &[0]].concat(),
        now,
        "bytes after the certificate",
    );
    refused(
        &authority,
        &good[..good.len() - 1],
        now,
        "unreadable certificate",
    );
    refused(&authority, b"", now, "unreadable certificate");
}

#[test]
fn nothing_that_is_signed_can_be_changed() {
    let (authority, env, _) = authority();
    let good = der(&issue(&authority, ClientKey::Generate).certificate_pem);
    let (_, certificate) = x509_parser::parse_x509_certificate(&good).unwrap();
    let signed = certificate.tbs_certificate.as_ref();
    let from = good
        .windows(signed.len())
        .position(|w| w == signed)
        .unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut changed = good.clone();
            changed[at] ^= 1 << bit;
            // In the frame around what is signed the parser takes a tag or two for another.
            // TLS does not, and it changes nothing of what the certificate says.
            if let Ok(peer) = authority.identify(&changed, env.now()) {
                assert!(!(from..from + signed.len()).contains(&at), "byte {at}");
                assert_eq!(peer.credential(), alice().credential());
            }
        }
    }
}

#[test]
fn a_request_proves_its_key_and_gives_nothing_else() {
    let (authority, env, _) = authority();
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut wish = CertificateParams::new(vec!["evil.example".to_owned()]).unwrap();
    wish.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let csr = wish.serialize_request(&pair).unwrap().pem().unwrap();
    let issued = issue(&authority, ClientKey::Request(&csr));
    assert!(issued.key_pem.is_none());
    let der = der(&issued.certificate_pem);
    let peer = authority.identify(&der, env.now()).unwrap();
    assert_eq!(peer.credential(), alice().credential());
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    assert!(!certificate.is_ca());
    assert_eq!(
        certificate.public_key().subject_public_key.data,
        pair.public_key_raw()
    );

    // One changed byte of the request's key, and its signature no longer fits.
    let mut request = x509_parser::pem::parse_x509_pem(csr.as_bytes())
        .unwrap()
        .1
        .contents;
    let key = pair.public_key_raw();
    let at = request.windows(key.len()).position(|w| w == key).unwrap();
    request[at + 10] ^= 1;
    use base64::Engine as _;
    let spoilt = format!(
        "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
        base64::engine::general_purpose::STANDARD.encode(request)
    );
    for bad in [spoilt.as_str(), "", "no pem"] {
        let error = authority
            .issue_client(&operator().1, &alice(), ClientKey::Request(bad))
            .unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidArgument);
    }
}

#[test]
fn a_renewal_can_keep_the_key() {
    let (authority, env, clock) = authority();
    let first = issue(&authority, ClientKey::Generate);
    clock.advance(SignedDuration::from_hours(24));
    let scope = SelfScope::new(alice());
    let permit = Permit::for_self(Action::RenewCredential, &scope);
    let der_of_first = der(&first.certificate_pem);
    let second = authority
        .issue_client(&permit, &alice(), ClientKey::Same(&der_of_first))
        .unwrap();
    assert_ne!(first.thumbprint, second.thumbprint);
    assert!(second.not_after > first.not_after);
    assert!(
        authority
            .identify(&der(&second.certificate_pem), env.now())
            .is_ok()
    );
}

#[test]
fn issuing_needs_the_right_permit() {
    let (authority, _, _) = authority();
    let bob = principal(2, "tenants/globex", Role::Reader);
    let admin = principal(3, "tenants/acme", Role::Admin);
    let tenant = TenantScope::own("acme".parse().unwrap(), admin.clone());
    let provider = ProviderScope::new(principal(9, "provider", Role::Operator));
    let own = SelfScope::new(alice());
    let ingest = IngestScope::new("trail".parse().unwrap(), alice());
    let try_issue = |permit: Permit, to: &Principal| {
        authority
            .issue_client(&permit, to, ClientKey::Generate)
            .map(drop)
            .map_err(|e| e.reason())
    };
    let denied = Err(Reason::PermissionDenied);
    let issue = Action::IssueCredential;
    assert_eq!(
        try_issue(Permit::for_tenant(issue, &tenant), &alice()),
        Ok(())
    );
    assert_eq!(try_issue(Permit::for_tenant(issue, &tenant), &bob), denied);
    let staff = principal(8, "provider", Role::Operator);
    assert_eq!(
        try_issue(Permit::for_tenant(issue, &tenant), &staff),
        denied
    );
    assert_eq!(
        try_issue(Permit::for_provider(issue, &provider), &bob),
        Ok(())
    );
    assert_eq!(
        try_issue(Permit::for_self(Action::RenewCredential, &own), &alice()),
        Ok(())
    );
    assert_eq!(
        try_issue(Permit::for_self(Action::RenewCredential, &own), &bob),
        denied
    );
    assert_eq!(
        try_issue(Permit::for_self(Action::IssueToken, &own), &alice()),
        denied
    );
    assert_eq!(
        try_issue(Permit::for_tenant(Action::SearchEvents, &tenant), &alice()),
        denied
    );
    assert_eq!(
        try_issue(Permit::for_source(issue, &ingest), &alice()),
        denied
    );
}

#[test]
fn server_certificates_need_names() {
    let (authority, _, _) = authority();
    assert_eq!(
        authority.issue_server(&[]).unwrap_err().reason(),
        Reason::InvalidArgument
    );
    let bad = authority.issue_server(&["nämé".to_owned()]).unwrap_err();
    assert_eq!(bad.reason(), Reason::InvalidArgument);
    let issued = authority
        .issue_server(&["localhost".into(), "::1".into()])
        .unwrap();
    let der = der(&issued.certificate_pem);
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    let names = certificate
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value;
    assert_eq!(names.general_names.len(), 2);
}

#[test]
fn long_subjects_are_cut_in_the_name_only() {
    let (authority, env, _) = authority();
    let long = Principal::new(
        "00000001".parse().unwrap(),
        "ü".repeat(100),
        "tenants/acme".parse().unwrap(),
        Role::Reader,
    )
    .unwrap();
    let issued = authority
        .issue_client(&operator().1, &long, ClientKey::Generate)
        .unwrap();
    assert!(
        authority
            .identify(&der(&issued.certificate_pem), env.now())
            .is_ok()
    );
}
