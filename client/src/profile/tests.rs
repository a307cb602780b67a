use jiff::ToSpan as _;
use rustls_pki_types::ServerName;

use super::*;

pub(crate) fn sample() -> Profile {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2026, 4, 1);
    let certificate = params.self_signed(&key).unwrap().pem();
    Profile {
        endpoints: vec!["https://127.0.0.1:7443".to_owned()],
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
    assert_eq!(read.endpoints, profile.endpoints);
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
        profile.endpoints = vec![text.to_owned()];
        let address = profile.addresses()?.remove(0);
        Ok::<_, Error>((address.host, address.port))
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
    profile.endpoints = several(&["a.example:1", "127.0.0.1:2"]);
    let names = |profile: &Profile| -> Vec<_> {
        let addresses = profile.addresses().unwrap();
        addresses.into_iter().map(|address| address.name).collect()
    };
    let name = |text| ServerName::try_from(text).unwrap();
    assert_eq!(names(&profile), [name("localhost"), name("localhost")]);
    profile.server_name = None;
    assert_eq!(names(&profile), [name("a.example"), name("127.0.0.1")]);
}

fn several(endpoints: &[&str]) -> Vec<String> {
    endpoints.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn several_endpoints_are_read_as_they_were_written() {
    let mut profile = sample();
    profile.endpoints = several(&["https://a:1", "https://b:2", "https://c:3"]);
    let text = profile.to_toml().unwrap();
    let read = Profile::parse(text.expose_secret()).unwrap();
    assert_eq!(read.endpoints, profile.endpoints);
}

#[test]
fn one_endpoint_is_written_so_that_older_clients_read_it() {
    let text = sample().to_toml().unwrap();
    let text = text.expose_secret();
    assert!(text.contains("endpoint = \"https://127.0.0.1:7443\"\n"));
    assert!(!text.contains("endpoints"));
}

#[test]
fn endpoints_are_kept_once_and_in_order() {
    let rest = "ca=''\ncertificate=''\nkey=''";
    let parse = |endpoints: &str| Profile::parse(&format!("{endpoints}\n{rest}"));
    let both = parse("endpoint='b:1'\nendpoints=['a:1', 'https://b:1', ' a:1/']").unwrap();
    assert_eq!(both.endpoints, ["https://b:1", "https://a:1"]);
    let most: Vec<_> = (0..64).map(|port| format!("'h:{port}'")).collect();
    let list = |ends: &[String]| parse(&format!("endpoints=[{}]", ends.join(",")));
    assert_eq!(list(&most).unwrap().endpoints.len(), 64);
    let more = [most.as_slice(), &["'h:99'".to_owned()]].concat();
    for (bad, said) in [
        (list(&more), "more than 64"),
        (parse("endpoints=[]"), "endpoint is missing"),
        (parse(""), "endpoint is missing"),
        (parse("endpoints=['a:1', 'http://b:1']"), "https:// only"),
    ] {
        let error = bad.unwrap_err();
        assert_eq!(*error.reason(), Reason::InvalidProfile);
        assert!(error.message().contains(said), "{error}");
    }
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
