use jiff::ToSpan as _;

use super::*;

pub(crate) fn sample() -> Profile {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2026, 4, 1);
    let certificate = params.self_signed(&key).unwrap().pem();
    Profile {
        endpoint: "https://127.0.0.1:7443".to_owned(),
        server_name: Some("localhost".to_owned()),
        tenant: Some("acme".to_owned()),
        source: None,
        role: "reader".to_owned(),
        subject: "jane \"J\" doe".to_owned(),
        ca: certificate.clone(),
        certificate,
        key: SecretString::from(key.serialize_pem()),
    }
}

#[test]
fn a_profile_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("acme-reader.toml");
    let profile = sample();
    profile.save(&path).unwrap();
    let read = Profile::load(&path).unwrap();
    assert_eq!(read.endpoint, profile.endpoint);
    assert_eq!(read.server_name, profile.server_name);
    assert_eq!(read.tenant, profile.tenant);
    assert_eq!(read.source, None);
    assert_eq!(read.role, profile.role);
    assert_eq!(read.subject, profile.subject);
    assert_eq!(read.ca, profile.ca);
    assert_eq!(read.certificate, profile.certificate);
    assert_eq!(read.key.expose_secret(), profile.key.expose_secret());
    assert_eq!(read.authorities().unwrap().len(), 1);
    read.private_key().unwrap();
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[cfg(unix)]
#[test]
fn a_profile_is_its_owners_alone_even_where_a_file_lay_open() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    sample().save(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_key_is_never_shown() {
    let profile = sample();
    assert!(!format!("{profile:?}").contains("PRIVATE"));
    let text = profile.to_toml().unwrap();
    assert!(!format!("{text:?}").contains("PRIVATE"));
    // A broken file is not quoted in the error either.
    let broken = format!("key = \"\"\"{}\"\"\" x", profile.key.expose_secret());
    let error = Profile::parse(&broken).unwrap_err();
    assert_eq!(*error.reason(), Reason::InvalidProfile);
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("PRIVATE"), "{shown}");
}

#[test]
fn endpoints_are_https() {
    let address = |text: &str| {
        let mut profile = sample();
        profile.endpoint = text.to_owned();
        profile.address()
    };
    assert_eq!(
        address("127.0.0.1:7443").unwrap(),
        ("127.0.0.1".to_owned(), 7443)
    );
    assert_eq!(
        address("https://[::1]:7443/").unwrap(),
        ("::1".to_owned(), 7443)
    );
    assert_eq!(
        address("cordon.example").unwrap(),
        ("cordon.example".to_owned(), 443)
    );
    for bad in [
        "http://127.0.0.1:7443",
        "",
        "https://",
        "https://h/path",
        "a b",
        "https://h?x=1",
    ] {
        assert!(address(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_server_must_prove_the_name_that_the_profile_gives() {
    let mut profile = sample();
    assert_eq!(
        profile.expected_name().unwrap(),
        ServerName::try_from("localhost").unwrap()
    );
    profile.server_name = None;
    assert_eq!(
        profile.expected_name().unwrap(),
        ServerName::try_from("127.0.0.1").unwrap()
    );
}

#[test]
fn renewal_is_due_in_the_last_third() {
    let validity = sample().validity().unwrap();
    assert_eq!(validity.not_before.to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(validity.not_after.to_string(), "2026-04-01T00:00:00Z");
    let before_end = |hours: i64| validity.not_after - hours.hours();
    assert!(!validity.renewal_due(before_end(31 * 24)));
    assert!(validity.renewal_due(before_end(29 * 24)));
    assert!(validity.renewal_due(before_end(-1)));
}

#[test]
fn names_are_taken_with_and_without_their_collection() {
    let text = "endpoint='h:1'\ntenant='tenants/acme'\nsource='sources/aws-cloudtrail'\nca=''\ncertificate=''\nkey=''\nnewer=1";
    let profile = Profile::parse(text).unwrap();
    assert_eq!(profile.tenant.as_deref(), Some("acme"));
    assert_eq!(profile.source.as_deref(), Some("aws-cloudtrail"));
    assert!(profile.chain().is_err());
    let missing = Profile::parse("endpoint='h:1'").unwrap_err();
    assert!(missing.message().contains("ca"), "{missing}");
}
