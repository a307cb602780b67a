use super::*;

fn guard(config: GuardConfig) -> Guard {
    Guard::new(config).unwrap()
}

fn named(name: &str, ips: &[&str]) -> GuardConfig {
    let ips = ips.iter().map(|ip| ip.parse().unwrap()).collect();
    GuardConfig {
        names: BTreeMap::from([(name.to_owned(), ips)]),
        ..GuardConfig::default()
    }
}

#[test]
fn urls_that_are_not_taken() {
    let guard = guard(GuardConfig::default());
    for bad in [
        "",
        "example.com/hook",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://:secret@example.com/",
        "https://example.com/#part",
        "https://example.com:0/",
        "https://127.0.0.1/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://\u{ff11}27.0.0.1/",
        "https://exa mple.com/",
    ] {
        assert!(guard.destination(bad).is_err(), "{bad}");
    }
    let long = format!("https://example.com/{}", "x".repeat(MAX_URL));
    assert!(guard.destination(&long).is_err());
    for good in [
        "https://example.com/hook?token=1",
        "https://8.8.8.8:8443/",
        "https://[2606:4700:4700::1111]/x",
        "https://b\u{fc}cher.example/",
    ] {
        guard.destination(good).expect(good);
    }
}

#[test]
fn what_is_shown_of_a_url_has_no_secrets() {
    let guard = guard(GuardConfig::default());
    let to = guard.destination("https://Hooks.Example.com:8443/T0/B1?token=s3cret");
    assert_eq!(to.unwrap().origin(), "https://hooks.example.com:8443");
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    for inside in [
        &["10.0.0.1"][..],
        &["127.0.0.1"],
        &["169.254.169.254"],
        &["::ffff:192.168.0.1"],
        &["fd00::1"],
        // However many public ones stand beside it.
        &["8.8.8.8", "10.0.0.1"],
        &["8.8.8.8", "::1"],
    ] {
        let guard = guard(named("hook.example", inside));
        for url in ["https://hook.example/", "https://HOOK.example./"] {
            let to = guard.destination(url).unwrap();
            let refused = guard.addresses(&to).await;
            assert_eq!(refused, Err(Failure::Address), "{inside:?}");
            assert_eq!(guard.connect(&to).await.unwrap_err(), Failure::Address);
        }
    }
    let guard = guard(named("hook.example", &["8.8.8.8"]));
    let to = guard.destination("https://hook.example/").unwrap();
    let found = guard.addresses(&to).await.unwrap();
    assert_eq!(found, ["8.8.8.8:443".parse().unwrap()]);
}

#[tokio::test]
async fn names_of_this_machine_lead_inside() {
    let guard = guard(GuardConfig::default());
    let to = guard.destination("https://localhost/").unwrap();
    assert_eq!(guard.addresses(&to).await, Err(Failure::Address));
    let to = guard.destination("https://no-such-name.invalid/").unwrap();
    assert_eq!(guard.addresses(&to).await, Err(Failure::Unresolved));
}

#[tokio::test]
async fn what_the_provider_allows_is_let_through_and_nothing_beside_it() {
    let allowing = GuardConfig {
        allow: vec!["127.0.0.2/32".parse().unwrap()],
        plain_http: true,
        ..named("hook.example", &["8.8.8.8"])
    };
    let guard = guard(allowing);
    guard.destination("https://127.0.0.2/").unwrap();
    guard.destination("http://[::ffff:127.0.0.2]/").unwrap();
    guard.destination("https://127.0.0.1/").unwrap_err();
    // In plain only there.
    guard.destination("http://8.8.8.8/").unwrap_err();
    let to = guard.destination("http://hook.example/").unwrap();
    assert_eq!(guard.addresses(&to).await, Err(Failure::Address));
}
