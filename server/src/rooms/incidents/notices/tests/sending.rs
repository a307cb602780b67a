//! That notices arrive: at least once, in order, and saying no more than they may.

use cordon_client::webhook::{Signed, TOLERANCE, verify};
use cordon_fixtures::Answer;

use super::*;

#[tokio::test]
async fn what_happens_arrives_in_order_and_signed() {
    let desk = Desk::new().await;
    let (one, two) = (receiver(), receiver());
    let (name, secret) = desk.webhook(&one, Audience::Organization).await;
    let incident = desk.open("Keys in a public repository", Tlp::Amber).await;
    desk.say(&incident.name, "Which account?").await;
    // What happened before a subscription is not sent to it.
    let (late, _) = desk.webhook(&two, Audience::Organization).await;
    assert_eq!(desk.standings(&name).await, [Standing::Pending; 2]);
    assert_eq!(desk.work().await, None);
    assert_eq!(desk.standings(&name).await, [Standing::Delivered; 2]);
    assert!(desk.standings(&late).await.is_empty() && two.received().is_empty());

    let events = events(&one);
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["type"], "cordon.incident.opened");
    assert_eq!(events[0]["source"], "urn:cordon:tenant:acme");
    assert_eq!(events[0]["subject"], incident.name.as_str());
    assert_eq!(events[0]["data"]["title"], incident.title.as_str());
    assert_eq!(events[0]["data"]["tlp"], "TLP:AMBER");
    assert_eq!(events[1]["type"], "cordon.incident.commented");
    assert_eq!(events[1]["data"]["comment"], "Which account?");
    let now = desk.world.kernel.env().now().as_second();
    for (came, delivery) in one.received().iter().zip(desk.deliveries(&name).await) {
        let signed = Signed {
            id: came.header("webhook-id"),
            timestamp: came.header("webhook-timestamp"),
            signature: came.header("webhook-signature"),
            body: &came.body,
        };
        assert_eq!(signed.id, delivery.id);
        verify(&[&secret], &signed, now, TOLERANCE).unwrap();
        assert_eq!(came.path, "/hook?token=s3cret");
    }
}

#[tokio::test]
async fn a_marking_is_kept_whoever_is_sent_to() {
    use Standing::{Delivered, Redacted, Withheld};
    let desk = Desk::new().await;
    let receivers = [receiver(), receiver(), receiver()];
    let audiences = [
        Audience::Organization,
        Audience::Clients,
        Audience::Community,
    ];
    let mut names = Vec::new();
    for (to, audience) in receivers.iter().zip(audiences) {
        names.push(desk.webhook(to, audience).await.0);
    }
    let filtered = wire::Subscription {
        kinds: vec!["opened".into()],
        ..webhook(&receivers[0], Audience::Organization)
    };
    let filtered = desk.subscribe(filtered).await.unwrap().0;
    let named = mail("alice@acme.example", Audience::Named);
    let named = desk.subscribe(named).await.unwrap().0;

    for (tlp, expected, whole) in [
        (Tlp::Red, [Redacted, Withheld, Withheld], Withheld),
        (Tlp::AmberStrict, [Delivered, Withheld, Withheld], Delivered),
        (Tlp::Amber, [Delivered, Delivered, Withheld], Delivered),
        (Tlp::Green, [Delivered; 3], Delivered),
        (Tlp::Clear, [Delivered; 3], Delivered),
    ] {
        let incident = desk.open("Zanzibar is on fire", tlp).await;
        let before = receivers.each_ref().map(|one| events(one).len());
        desk.work().await;
        for (at, expected) in expected.iter().enumerate() {
            assert_eq!(
                desk.standings(&names[at]).await.last(),
                Some(expected),
                "{tlp:?}"
            );
            let all = events(&receivers[at]);
            let came = &all[before[at]..];
            for event in came {
                let text = event.to_string();
                let says = text.contains("Zanzibar") || text.contains(&incident.name);
                assert_eq!(says, *expected == Delivered, "{tlp:?}: {text}");
            }
        }
        assert_eq!(
            desk.standings(&filtered).await.last(),
            Some(&whole),
            "{tlp:?}"
        );
        assert_eq!(desk.standings(&named).await.last(), Some(&Delivered));
    }
    let hint = &events(&receivers[0])[0];
    assert_eq!(hint["type"], "cordon.incident.changed");
    assert_eq!(hint["data"], serde_json::json!({ "incident_number": 1 }));
    assert!(hint.get("subject").is_none());
    let letter = desk.smtp.mails().remove(0).text;
    assert!(
        letter.contains("Subject: [TLP:RED] Incident #1 opened: Zanzibar"),
        "{letter}"
    );
}

#[tokio::test]
async fn the_marking_of_the_moment_of_sending_counts() {
    let desk = Desk::new().await;
    let to = receiver();
    let (name, _) = desk.webhook(&to, Audience::Community).await;
    let incident = desk.open("Zanzibar", Tlp::Clear).await;
    let update = wire::UpdateIncidentRequest {
        incident: Some(wire::Incident {
            name: incident.name,
            tlp: Tlp::Red.into(),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["tlp".into()],
        }),
        ..Default::default()
    };
    call!(desk, &desk.admin, incidents.update_incident(update)).unwrap();
    desk.work().await;
    assert_eq!(desk.standings(&name).await, [Standing::Withheld; 2]);
    assert!(to.received().is_empty());
}

#[tokio::test]
async fn what_fails_is_sent_again_by_the_same_id_and_holds_up_nobody_else() {
    let mut desk = Desk::new().await;
    let (sick, well) = (receiver(), receiver());
    let (name, _) = desk.webhook(&sick, Audience::Organization).await;
    desk.webhook(&well, Audience::Organization).await;
    desk.open("one", Tlp::Amber).await;
    desk.open("two", Tlp::Amber).await;
    sick.next([Answer::Status(500), Answer::Hang]);
    let next = desk.work().await.unwrap();
    assert_eq!(well.received().len(), 2);
    let first = desk.deliveries(&name).await.remove(0);
    assert_eq!((first.state(), first.attempts), (Standing::Pending, 1));
    assert_eq!((first.reason.as_str(), first.code), ("status", 500));
    let now = desk.world.kernel.env().now();
    let wait = next.duration_since(now);
    let bounds = SignedDuration::from_secs(5)..=SignedDuration::from_secs(10);
    assert!(bounds.contains(&wait), "{wait}");

    // What happens meanwhile does not make it sooner.
    desk.open("three", Tlp::Amber).await;
    desk.work().await;
    assert_eq!(sick.received().len(), 1);
    desk.later(SignedDuration::from_secs(10)).await;
    let next = desk.work().await.unwrap();
    assert_eq!(desk.deliveries(&name).await[0].reason, "timed_out");
    let now = desk.world.kernel.env().now();
    assert!(next.duration_since(now) >= SignedDuration::from_secs(10));
    desk.later(SignedDuration::from_secs(20)).await;
    assert_eq!(desk.work().await, None);
    assert_eq!(desk.standings(&name).await, [Standing::Delivered; 3]);
    let ids: Vec<String> = sick
        .received()
        .iter()
        .map(|one| one.header("webhook-id").into())
        .collect();
    let deliveries = desk.deliveries(&name).await;
    let wanted = [0, 0, 0, 1, 2].map(|at| deliveries[at].id.clone());
    assert_eq!(ids, wanted);
    assert_eq!(deliveries[0].attempts, 3);
}

#[tokio::test]
async fn what_never_arrives_is_given_up_and_can_be_sent_again() {
    let mut desk = Desk::new().await;
    let to = receiver();
    to.always(Answer::Redirect("http://127.0.0.1/".into()));
    let (name, _) = desk.webhook(&to, Audience::Organization).await;
    desk.open("one", Tlp::Amber).await;
    desk.open("two", Tlp::Amber).await;
    while desk.work().await.is_some() {
        desk.later(SignedDuration::from_hours(2)).await;
        if desk.standings(&name).await == [Standing::Dead; 2] {
            break;
        }
    }
    let dead = desk.deliveries(&name).await;
    assert_eq!((dead[0].reason.as_str(), dead[0].code), ("redirected", 307));
    assert!((36..40).contains(&dead[0].attempts), "{}", dead[0].attempts);
    let staff = desk.world.member("", "operator").await;
    let backlog = call!(
        desk,
        &staff,
        notices.list_notice_backlogs(wire::ListNoticeBacklogsRequest::default())
    );
    let backlog = backlog.unwrap().backlogs.remove(0);
    assert_eq!(
        (
            backlog.tenant.as_str(),
            backlog.pending_count,
            backlog.dead_count
        ),
        ("tenants/acme", 0, 2)
    );

    to.always(Answer::Status(200));
    let again = wire::RetryDeliveryRequest {
        name: dead[1].name.clone(),
    };
    let refused = call!(desk, &desk.reader, notices.retry_delivery(again.clone()));
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    call!(desk, &desk.admin, notices.retry_delivery(again.clone())).unwrap();
    desk.work().await;
    assert_eq!(
        desk.standings(&name).await,
        [Standing::Dead, Standing::Delivered]
    );
    assert_eq!(
        to.received().last().unwrap().header("webhook-id"),
        dead[1].id
    );
    let done = call!(desk, &desk.admin, notices.retry_delivery(again));
    assert_eq!(reason(done), "FAILED_PRECONDITION");
}

#[tokio::test]
async fn whoever_has_lost_a_job_notes_nothing() {
    let desk = Desk::new().await;
    let to = receiver();
    let (name, _) = desk.webhook(&to, Audience::Organization).await;
    desk.open("one", Tlp::Amber).await;
    let slow = desk.claims().await.remove(0);
    assert!(desk.claims().await.is_empty(), "claimed once");
    desk.world.clock.advance(SignedDuration::from_mins(11));
    let quick = desk.claims().await.remove(0);
    let refused = desk.deliver(&slow).await.unwrap_err();
    assert_eq!(refused.reason(), cordon_kernel::Reason::EtagMismatch);
    desk.deliver(&quick).await.unwrap();
    // As after a crash between sending and noting it: twice, by one id.
    let came = to.received();
    assert_eq!(came.len(), 2);
    assert_eq!(came[0].header("webhook-id"), came[1].header("webhook-id"));
    let mut desk = desk;
    desk.later(SignedDuration::ZERO).await;
    assert_eq!(desk.standings(&name).await, [Standing::Delivered]);
}

#[tokio::test]
async fn a_subscription_gets_what_it_asks_for_alone() {
    let desk = Desk::new().await;
    let first = desk.open("first", Tlp::Amber).await;
    let to = receiver();
    let organization = || webhook(&to, Audience::Organization);
    let kinds = wire::Subscription {
        kinds: vec!["commented".into()],
        ..organization()
    };
    let severe = wire::Subscription {
        severities: vec![Severity::Sev1.into()],
        ..organization()
    };
    let watcher = wire::Subscription {
        incident: first.name.clone(),
        ..organization()
    };
    let mention = wire::Subscription {
        mention: "alice".into(),
        ..organization()
    };
    let mut names = Vec::new();
    for subscription in [kinds, severe, watcher, mention] {
        names.push(desk.subscribe(subscription).await.unwrap().0);
    }
    let second = desk.open("second", Tlp::Amber).await;
    desk.say(&first.name, "ask @Alice.").await;
    desk.say(&second.name, "ask @bob").await;
    let reclassify = wire::ReclassifyIncidentRequest {
        name: second.name,
        severity: Severity::Sev1.into(),
        reason: "worse".into(),
        ..Default::default()
    };
    call!(desk, &desk.admin, incidents.reclassify_incident(reclassify)).unwrap();
    let mut counts = Vec::new();
    for name in &names {
        counts.push(desk.deliveries(name).await.len());
    }
    assert_eq!(counts, [2, 1, 1, 1]);
}

#[tokio::test]
async fn nothing_is_sent_while_it_is_paused_or_the_tenant_is_shut_out() {
    let desk = Desk::new().await;
    let to = receiver();
    let (name, _) = desk.webhook(&to, Audience::Organization).await;
    let named = wire::PauseSubscriptionRequest { name: name.clone() };
    call!(desk, &desk.admin, notices.pause_subscription(named)).unwrap();
    desk.open("one", Tlp::Amber).await;
    desk.work().await;
    assert!(to.received().is_empty());
    let named = wire::ResumeSubscriptionRequest { name: name.clone() };
    call!(desk, &desk.admin, notices.resume_subscription(named)).unwrap();
    desk.work().await;
    assert_eq!(to.received().len(), 1);

    desk.open("two", Tlp::Amber).await;
    desk.world.suspend("acme").await;
    assert!(desk.work().await.is_some(), "looked at again");
    assert_eq!(to.received().len(), 1);
}

#[tokio::test]
async fn a_subscription_that_is_ended_sends_nothing_more() {
    let desk = Desk::new().await;
    let to = receiver();
    let (name, _) = desk.webhook(&to, Audience::Organization).await;
    desk.open("one", Tlp::Amber).await;
    let named = wire::DeleteSubscriptionRequest { name: name.clone() };
    call!(
        desk,
        &desk.admin,
        notices.delete_subscription(named.clone())
    )
    .unwrap();
    assert_eq!(desk.work().await, None);
    assert!(to.received().is_empty());
    let again = call!(desk, &desk.admin, notices.delete_subscription(named));
    assert_eq!(reason(again), "NOT_FOUND");
}
