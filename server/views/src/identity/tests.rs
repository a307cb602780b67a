//! Finding identities in text.

use super::*;

fn found(text: &str) -> Vec<(&str, Found<'_>)> {
    scan(text)
        .into_iter()
        .map(|(start, end, what)| (&text[start..end], what))
        .collect()
}

#[test]
fn accounts_are_found_in_any_dress() {
    for text in [
        "account 123456789012 denied",
        "logs-123456789012-eu",
        "x%3A123456789012%3Aroot",
        "1234-5678-9012",
        "{\"AWS\":\"123456789012\"}",
        "a123456789012z",
    ] {
        let hits = found(text);
        assert!(
            hits.iter()
                .any(|(_, what)| matches!(what, Found::Account(id) if id == "123456789012")),
            "{text}: {hits:?}"
        );
    }
}

#[test]
fn digits_that_mean_nothing_are_left() {
    for text in [
        "0f902c35-794c-4864-b2e0-123456789012",
        "1234567890123",
        "12345678901",
        "deadbeef123456789012cafe",
        "2023-07-10T11:42:18Z",
    ] {
        assert_eq!(found(text), vec![], "{text}");
    }
}

#[test]
fn addresses_are_found_in_any_dress() {
    let v4: IpAddr = "10.0.0.5".parse().unwrap();
    for text in [
        "10.0.0.5",
        "10.0.0.5:443",
        "ip-10-0-0-5.ec2.internal",
        "::ffff:10.0.0.5",
        "(10.0.0.5).",
    ] {
        assert!(
            found(text)
                .iter()
                .any(|(_, what)| *what == Found::Address(v4)),
            "{text}"
        );
    }
    let v6: IpAddr = "2001:db8::7".parse().unwrap();
    for text in [
        "2001:db8::7",
        "[2001:db8::7]:443",
        "from 2001:db8:0:0:0:0:0:7.",
    ] {
        assert!(
            found(text)
                .iter()
                .any(|(_, what)| *what == Found::Address(v6)),
            "{text}"
        );
    }
}

#[test]
fn arns_end_where_the_sentence_goes_on() {
    let text =
        "User: arn:aws:iam::123456789012:user/bob is not authorized on resource: arn:aws:s3:::b/k.";
    let hits = found(text);
    assert_eq!(hits[0].0, "arn:aws:iam::123456789012:user/bob");
    assert_eq!(hits[1].0, "arn:aws:s3:::b/k");
    let policy = r#"{"Principal":{"AWS":"arn:aws:iam::123456789012:root"}}"#;
    assert_eq!(found(policy)[0].0, "arn:aws:iam::123456789012:root");
    let encoded = found("Policy=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx&y");
    assert!(
        matches!(&encoded[0].1, Found::EncodedArn(plain) if plain.starts_with("arn:aws:iam::123456789012:role/x"))
    );
}

#[test]
fn the_account_in_a_key_is_read() {
    assert_eq!(
        account_of_access_key("ASIAQNZGKIQY56JQ7WML").as_deref(),
        Some("029608264753")
    );
    assert_eq!(account_of_access_key("AKIA"), None);
    assert_eq!(account_of_access_key("AKIA1111111111111111"), None);
}

#[test]
fn placeholders_name_nobody() {
    for text in [
        "",
        "ANONYMOUS_PRINCIPAL",
        "AWS Internal",
        "************",
        "XXXXXXXXXXXX",
    ] {
        assert!(is_nobody(text), "{text}");
    }
    // Masked in part: no party, but not nobody's either.
    assert_eq!(party_account("12345678****"), None);
    assert!(!is_nobody("12345678****") && !is_nobody("secret-*") && !is_nobody("xx"));
    for text in ["123456789012", "1111111111111"] {
        assert_eq!(party_account(text), Some(text));
    }
    assert_eq!(padded_account("12345678901"), "012345678901");
}
