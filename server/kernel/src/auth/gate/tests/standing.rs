//! Expiry, revocation and suspension.

use super::*;

#[tokio::test]
async fn expiry_ends_streams_at_once_and_calls_after_the_leeway() {
    let w = world();
    let alice = w.log_in(&principal(1, "tenants/acme", Role::Reader)).await;
    w.clock.advance(MAX_LIFETIME - SignedDuration::from_secs(1));
    assert!(w.gate.still_good(&alice, None).await.is_ok());
    w.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(
        reason(w.gate.still_good(&alice, None).await),
        Reason::Unauthenticated
    );
    let acme = tenant("acme");
    assert!(
        w.gate
            .permit_tenant(&alice, &acme, Action::GetEvent)
            .await
            .is_ok()
    );
    w.clock.advance(LEEWAY);
    let tried = w.gate.permit_tenant(&alice, &acme, Action::GetEvent).await;
    assert_eq!(reason(tried), Reason::Unauthenticated);
}

#[tokio::test]
async fn revocation_and_suspension_show_within_two_seconds_or_at_once() {
    let w = world();
    let alice = principal(1, "tenants/acme", Role::Reader);
    let analyst = w.log_in(&principal(4, "provider", Role::Analyst)).await;
    let credential = w.log_in(&alice).await;
    let acme = tenant("acme");
    let search = Action::SearchEvents;
    let (scope, _) = w
        .gate
        .permit_tenant(&credential, &acme, search)
        .await
        .unwrap();
    let (entered, _) = w
        .gate
        .enter(&analyst, &acme, entry(), search)
        .await
        .unwrap();

    // Another replica suspends: known after 2 s at the latest, in open streams too.
    w.change(|s| {
        s.tenants.insert(tenant("acme"), TenantStatus::Suspended);
    });
    assert!(w.gate.still_good(&credential, Some(&scope)).await.is_ok());
    w.clock.advance(SignedDuration::from_secs(2));
    for (who, scope) in [(&credential, &scope), (&analyst, &entered)] {
        let tried = w.gate.still_good(who, Some(scope)).await;
        assert_eq!(reason(tried), Reason::TenantSuspended);
    }
    let tried = w.gate.permit_tenant(&credential, &acme, search).await;
    assert_eq!(reason(tried), Reason::TenantSuspended);
    assert_eq!(
        reason(w.gate.permit_self(&credential, Action::IssueToken).await),
        Reason::TenantSuspended
    );
    let tried = w.gate.enter(&analyst, &acme, entry(), search).await;
    assert_eq!(reason(tried), Reason::TenantSuspended);
    assert!(w.gate.still_good(&analyst, None).await.is_ok());

    // This process resumes, then revokes: known at once.
    w.change(|s| {
        s.tenants.insert(tenant("acme"), TenantStatus::Active);
    });
    w.gate.standing_changed();
    assert!(w.gate.still_good(&credential, Some(&scope)).await.is_ok());
    w.change(|s| s.credentials.get_mut(alice.credential()).unwrap().revoked = true);
    w.gate.standing_changed();
    let tried = w.gate.still_good(&credential, Some(&scope)).await;
    assert_eq!(reason(tried), Reason::Unauthenticated);

    // A deleted tenant's credential is no credential.
    w.register(&alice);
    w.change(|s| {
        s.tenants.remove(&tenant("acme"));
    });
    w.gate.standing_changed();
    let tried = w.gate.permit_tenant(&credential, &acme, search).await;
    assert_eq!(reason(tried), Reason::Unauthenticated);
}

#[tokio::test]
async fn answers_are_asked_for_once_in_two_seconds() {
    let w = world();
    let alice = w.log_in(&principal(1, "tenants/acme", Role::Reader)).await;
    w.gate.standing_changed();
    w.asked();
    for _ in 0..10 {
        w.gate
            .permit_tenant(&alice, &tenant("acme"), Action::GetEvent)
            .await
            .unwrap();
    }
    assert_eq!(w.asked(), ["00000001", "acme"]);
}

#[tokio::test]
async fn a_register_that_is_away_opens_nothing() {
    let w = world();
    let alice = w.log_in(&principal(1, "tenants/acme", Role::Reader)).await;
    w.change(|s| s.broken = true);
    w.gate.standing_changed();
    let tried = w
        .gate
        .permit_tenant(&alice, &tenant("acme"), Action::GetEvent)
        .await;
    assert_eq!(reason(tried), Reason::Unavailable);
}

#[tokio::test]
async fn a_token_that_says_more_than_the_register_is_void() {
    let w = world();
    let reader = principal(1, "tenants/acme", Role::Reader);
    let admin = principal(1, "tenants/acme", Role::Admin);
    let credential = w.log_in(&admin).await;
    w.register(&reader);
    let tried = w
        .gate
        .permit_tenant(&credential, &tenant("acme"), Action::IssueCredential)
        .await;
    assert_eq!(reason(tried), Reason::Unauthenticated);
}
