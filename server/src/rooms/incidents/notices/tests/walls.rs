//! Who reaches what, and what is not taken.

use super::*;

#[tokio::test]
async fn a_secret_is_shown_once_and_to_admins() {
    let desk = Desk::new().await;
    let to = receiver();
    let request = create(webhook(&to, Audience::Organization), "once");
    let refused = call!(
        desk,
        &desk.reader,
        notices.create_subscription(request.clone())
    );
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    let made = call!(
        desk,
        &desk.admin,
        notices.create_subscription(request.clone())
    )
    .unwrap();
    let again = call!(desk, &desk.admin, notices.create_subscription(request)).unwrap();
    assert_eq!(made, again, "the first answer");
    assert!(made.secret.starts_with("whsec_"));
    let name = made.subscription.unwrap().name;

    let list = wire::ListSubscriptionsRequest {
        parent: "tenants/acme".into(),
        ..Default::default()
    };
    let listed = call!(desk, &desk.reader, notices.list_subscriptions(list)).unwrap();
    assert_eq!(listed.subscriptions.len(), 1);
    let get = wire::GetSubscriptionRequest { name: name.clone() };
    let got = call!(desk, &desk.reader, notices.get_subscription(get)).unwrap();
    let shown = format!("{listed:?}{got:?}");
    assert!(
        !shown.contains("whsec_") && !shown.contains("s3cret"),
        "{shown}"
    );

    let rotate = wire::RotateSigningSecretRequest {
        name,
        ..Default::default()
    };
    let rotated = call!(desk, &desk.admin, notices.rotate_signing_secret(rotate)).unwrap();
    assert_ne!(rotated.secret, made.secret);
    desk.open("one", Tlp::Amber).await;
    desk.work().await;
    let came = to.received().remove(0);
    let now = desk.world.kernel.env().now().as_second();
    for secret in [&rotated.secret, &made.secret] {
        let signed = cordon_client::webhook::Signed {
            id: came.header("webhook-id"),
            timestamp: came.header("webhook-timestamp"),
            signature: came.header("webhook-signature"),
            body: &came.body,
        };
        cordon_client::webhook::verify(&[secret], &signed, now, Duration::from_secs(1)).unwrap();
    }
}

#[tokio::test]
async fn anothers_subscriptions_are_refused_whether_or_not_they_exist() {
    let desk = Desk::new().await;
    let to = receiver();
    let (name, _) = desk.webhook(&to, Audience::Organization).await;
    desk.open("one", Tlp::Amber).await;
    let (prefix, _) = name.rsplit_once('/').unwrap();
    let absent = format!("{prefix}/01920000-0000-7000-8000-000000000001");
    for name in [&name, &absent] {
        let get = wire::GetSubscriptionRequest { name: name.clone() };
        let refused = call!(desk, &desk.stranger, notices.get_subscription(get));
        assert_eq!(reason(refused), "PERMISSION_DENIED");
        let delete = wire::DeleteSubscriptionRequest { name: name.clone() };
        let refused = call!(desk, &desk.stranger, notices.delete_subscription(delete));
        assert_eq!(reason(refused), "PERMISSION_DENIED");
    }
    let borrowed = wire::GetSubscriptionRequest {
        name: name.replace("acme", "globex"),
    };
    let none = call!(desk, &desk.stranger, notices.get_subscription(borrowed));
    assert_eq!(reason(none), "NOT_FOUND");
    // A stranger's incident sends nothing to acme's receivers.
    let theirs = wire::CreateIncidentRequest {
        parent: "tenants/globex".into(),
        incident: Some(wire::Incident {
            title: "theirs".into(),
            severity: Severity::Sev1.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    call!(desk, &desk.stranger, incidents.create_incident(theirs)).unwrap();
    desk.work().await;
    assert_eq!(events(&to).len(), 1);
}

#[tokio::test]
async fn places_that_are_not_public_are_refused() {
    let desk = Desk::new().await;
    for url in [
        "ftp://example.com/",
        "http://8.8.8.8/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:10.0.0.1]/",
        "https://user:pass@example.com/",
        "not a url",
    ] {
        let refused = desk.subscribe(at(url, Audience::Organization)).await;
        assert_eq!(fields(refused), ["subscription.webhook.url"], "{url}");
    }
    let named = desk
        .subscribe(at("https://example.com/", Audience::Named))
        .await;
    assert_eq!(fields(named), ["subscription.audience"]);
    for address in [
        "alice",
        "alice@[127.0.0.1]",
        "a@b.example\r\nBcc: c@d.example",
    ] {
        let refused = desk.subscribe(mail(address, Audience::Named)).await;
        assert_eq!(fields(refused), ["subscription.mail.address"], "{address}");
    }
    let nothing = wire::Subscription::default();
    let refused = desk.subscribe(nothing).await;
    assert_eq!(
        fields(refused),
        ["subscription.audience", "subscription.target"]
    );
    let odd = wire::Subscription {
        kinds: vec!["'; DROP".into()],
        severities: vec![99],
        ..at("https://example.com/", Audience::Clients)
    };
    let refused = desk.subscribe(odd).await;
    assert_eq!(
        fields(refused),
        ["subscription.kinds", "subscription.severities"]
    );
    let misspelt = wire::Subscription {
        kinds: vec!["opened".into(), "handed-over".into()],
        ..at("https://example.com/", Audience::Clients)
    };
    let refused = desk.subscribe(misspelt).await;
    let said = refused.as_ref().unwrap_err().message().to_owned();
    assert!(said.contains("handed_over, criteria_set"), "{said}");
    assert_eq!(fields(refused), ["subscription.kinds"]);

    // A name is looked at when something is sent: this machine's own leads inside.
    let url = "https://localhost/";
    let (name, _) = desk
        .subscribe(at(url, Audience::Organization))
        .await
        .unwrap();
    desk.open("one", Tlp::Amber).await;
    desk.work().await;
    let delivery = desk.deliveries(&name).await.remove(0);
    assert_eq!(
        (delivery.state(), delivery.reason.as_str()),
        (Standing::Pending, "address")
    );
}

#[tokio::test]
async fn a_tenant_has_no_more_subscriptions_than_it_can_have() {
    let desk = Desk::new().await;
    let one = || at("https://example.com/", Audience::Organization);
    for _ in 0..50 {
        desk.subscribe(one()).await.unwrap();
    }
    assert_eq!(reason(desk.subscribe(one()).await), "FAILED_PRECONDITION");
}
