//! Forms that are found, and those that are not.

use super::*;

fn found(cloud: Cloud, text: &str) -> Vec<&str> {
    cloud
        .scan(text)
        .into_iter()
        .map(|(start, end, _)| text.get(start..end).unwrap())
        .collect()
}

#[test]
fn googles_accounts_have_their_container_in_front() {
    for (text, id) in [
        ("projects/alpha-1/logs/x", Some("gcp:alpha-1")),
        (
            "projects/example.com:alpha/logs/x",
            Some("gcp:alpha.example.com"),
        ),
        (
            "organizations/123456789012",
            Some("gcp:organizations.123456789012"),
        ),
        ("folders/77/logs/x", Some("gcp:folders.77")),
        (
            "billingAccounts/01AB-02/logs",
            Some("gcp:billingAccounts.01AB-02"),
        ),
        ("//storage.googleapis.com/projects/_/buckets/b", None),
    ] {
        let (_, path) = Cloud::Google.path(text).unwrap();
        assert_eq!(Cloud::Google.path_account(&path).as_deref(), id, "{text}");
    }
    for text in [
        "a name of projects/x",
        "a name at //x.googleapis.com/projects/x",
        "//x.googleapis.com/a-name/projects/x",
        "https://x.example/projects/x",
    ] {
        assert_eq!(Cloud::Google.path(text), None, "{text}");
    }
}

#[test]
fn robots_are_their_projects() {
    for (mail, id) in [
        ("r@alpha-1.iam.gserviceaccount.com", Some("gcp:alpha-1")),
        ("alpha-1@appspot.gserviceaccount.com", Some("gcp:alpha-1")),
        ("123-compute@developer.gserviceaccount.com", Some("gcp:123")),
        ("123@cloudbuild.gserviceaccount.com", Some("gcp:123")),
        ("service-123@gcp-sa-pubsub.iam.gserviceaccount.com", None),
        ("service-123@compute-system.iam.gserviceaccount.com", None),
        ("someone@example.com", None),
        ("someone@iam.gserviceaccount.com.example.com", None),
    ] {
        let (local, domain) = mail.split_once('@').unwrap();
        assert_eq!(
            Cloud::Google.mail_account(local, domain).as_deref(),
            id,
            "{mail}"
        );
        assert_eq!(Cloud::Azure.mail_account(local, domain), None);
    }
}

#[test]
fn text_is_searched_for_the_forms_of_its_cloud() {
    let google =
        "see projects/alpha-1/topics/t, x@example.com. (organizations/9) myprojects/no a@b";
    assert_eq!(
        found(Cloud::Google, google),
        [
            "projects/alpha-1/topics/t",
            "x@example.com",
            "organizations/9"
        ]
    );
    let azure = "/SUBSCRIPTIONS/0aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/resourceGroups/g of \
                 1aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee and 21aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
    assert_eq!(
        found(Cloud::Azure, azure),
        [
            "/SUBSCRIPTIONS/0aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/resourceGroups/g",
            "0aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "1aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
        ]
    );
    assert!(found(Cloud::Aws, google).is_empty());
}

#[test]
fn a_strangers_path_keeps_its_shape() {
    let text = "projects/alpha/zones/us-central1-a/instances/secret-vm";
    let (_, path) = Cloud::Google.path(text).unwrap();
    let clean = Cloud::Google.replaced(&path, "acct~1", &mut |_| "res~1".into());
    assert_eq!(clean, "projects/acct~1/zones/us-central1-a/instances/res~1");
    let text = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d";
    let (_, path) = Cloud::Azure.path(text).unwrap();
    let clean = Cloud::Azure.replaced(&path, "acct~1", &mut |_| "res~1".into());
    assert_eq!(
        clean,
        "/subscriptions/acct~1/resourceGroups/res~1/providers/Microsoft.Compute/res~1/res~1"
    );
}

#[test]
fn odd_text_is_searched_in_time() {
    for piece in [
        "@",
        "a@",
        "/",
        "projects/",
        "/subscriptions/",
        "0-",
        "é@é.",
        "0aaaaaaa-",
    ] {
        let text = piece.repeat(40_000);
        for cloud in [Cloud::Google, Cloud::Azure] {
            for (start, end, _) in cloud.scan(&text) {
                assert!(end > start && text.is_char_boundary(start) && text.is_char_boundary(end));
            }
        }
    }
}
