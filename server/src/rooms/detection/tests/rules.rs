//! Rules: what is refused, how they change, and what they would have found.

use super::*;

#[tokio::test]
async fn exceptions_mutes_and_switches_hold() {
    let mut room = Room::new().await;
    let mut rule = room.create(STOPPED).await.unwrap();
    rule.exceptions = vec!["actor LIKE '%/ana'".into(), "region = 'nowhere'".into()];
    let rule = room.change(rule, &["exceptions"]).await.unwrap();
    assert_eq!(rule.version, 1);
    room.send(vec![record(1, 0, "StopLogging")]).await;
    room.look().await;
    assert_eq!(room.found().await, []);

    let mut muted = rule.clone();
    muted.exceptions.clear();
    let until = room.world.kernel.env().now() + SignedDuration::from_hours(1);
    muted.muted_until = Some(crate::rooms::fields::wire_time(until));
    let rule = room
        .change(muted, &["exceptions", "muted_until"])
        .await
        .unwrap();
    room.send(vec![record(2, 1, "StopLogging")]).await;
    room.look().await;
    let found = room.found().await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].status(), wire::FindingStatus::Suppressed);

    let mut off = rule.clone();
    off.enabled = false;
    let off = room.change(off, &["enabled"]).await.unwrap();
    room.send(vec![record(3, 2, "StopLogging")]).await;
    room.look().await;
    assert_eq!(room.found().await[0].count, 1);

    // What came while it was off is not looked at by it later.
    let on = room
        .change(
            wire::Rule {
                enabled: true,
                ..off
            },
            &["enabled"],
        )
        .await
        .unwrap();
    room.send(vec![record(4, 3, "StopLogging")]).await;
    room.look().await;
    assert_eq!(room.found().await[0].count, 2);

    let stale = wire::Rule {
        enabled: false,
        etag: rule.etag.clone(),
        ..on.clone()
    };
    assert_eq!(
        reason(room.change(stale, &["enabled"]).await),
        "ETAG_MISMATCH"
    );
    let text = STOPPED.replace("DeleteTrail", "PutEventSelectors");
    let newer = room
        .change(wire::Rule { text, ..on }, &["text"])
        .await
        .unwrap();
    assert_eq!(newer.version, 2);
    let request = wire::ListRuleVersionsRequest {
        parent: newer.name.clone(),
    };
    let versions = call!(room, &room.responder, rules.list_rule_versions(request))
        .unwrap()
        .versions;
    assert_eq!(
        versions.iter().map(|one| one.version).collect::<Vec<_>>(),
        [2, 1]
    );
    assert_eq!(versions[1].text, STOPPED);
    let request = wire::DeleteRuleRequest {
        name: newer.name.clone(),
        ..Default::default()
    };
    call!(room, &room.responder, rules.delete_rule(request)).unwrap();
    let request = wire::GetRuleRequest { name: newer.name };
    assert_eq!(
        reason(call!(room, &room.responder, rules.get_rule(request))),
        "NOT_FOUND"
    );
    // What it found stays.
    assert_eq!(room.found().await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_rule_is_refused_with_its_place() {
    let room = Room::new().await;
    let error = room
        .create(&STOPPED.replace("eventName:", "eventName|contian:"))
        .await
        .unwrap_err();
    assert_eq!(
        crate::rooms::tenants::tests::reason_of(&error),
        "INVALID_RULE"
    );
    assert!(
        error.message().starts_with("line 10, column 18:"),
        "{}",
        error.message()
    );
    let answer = room.create(&"x".repeat(100_000)).await;
    assert_eq!(reason(answer), "INVALID_RULE");
    assert_eq!(fields(room.create(" ").await), ["rule.text"]);
    // A rule that becomes too large a filter.
    let many: Vec<String> = (0..1_200).map(|n| format!("        f{n}: x")).collect();
    let text = STOPPED.replace(
        "        eventName: [StopLogging, DeleteTrail]",
        &many.join("\n"),
    );
    let error = room.create(&text).await.unwrap_err();
    assert!(error.message().contains("operators"), "{}", error.message());
    let rule = room.create(STOPPED).await.unwrap();
    let bad = wire::Rule {
        exceptions: vec!["actor ==".into()],
        ..rule
    };
    let error = room.change(bad, &["exceptions"]).await.unwrap_err();
    assert_eq!(
        crate::rooms::tenants::tests::reason_of(&error),
        "INVALID_FILTER"
    );
    let reader = room.world.member("tenants/acme", "reader").await;
    let request = wire::CreateRuleRequest {
        parent: "tenants/acme".into(),
        rule: Some(wire::Rule {
            text: STOPPED.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let answer = call!(room, &reader, rules.create_rule(request));
    assert_eq!(reason(answer), "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_test_finds_what_is_past_and_keeps_nothing() {
    let mut room = Room::new().await;
    room.send((0..30).map(|id| record(id, id, "StopLogging")).collect())
        .await;
    room.look().await;
    let (scope, _) =
        room.world
            .kernel
            .maintenance_scope(&room.runner, &"acme".parse().unwrap(), "test");
    room.lake.seal(&scope, None, SealMode::All).await.unwrap();
    room.send((30..40).map(|id| record(id, id, "StopLogging")).collect())
        .await;
    let text = |max_hits| wire::TestRuleRequest {
        rule: Some(wire::test_rule_request::Rule::Text(STOPPED.into())),
        max_hits,
        ..Default::default()
    };
    let (hits, summary) = room.test(text(0)).await.unwrap();
    assert_eq!(
        (hits.len(), summary.hit_count, summary.cut),
        (40, 40, false)
    );
    assert_eq!(summary.filters.len(), 1);
    let (hits, summary) = room.test(text(7)).await.unwrap();
    assert_eq!((hits.len(), summary.cut), (7, true));
    assert_eq!(
        hits[0].events[0].columns.as_ref().unwrap().operation,
        "StopLogging"
    );
    let until = wire::TestRuleRequest {
        end_time: Some(prost_types::Timestamp {
            seconds: 1_767_222_010,
            nanos: 0,
        }),
        ..text(0)
    };
    assert_eq!(room.test(until).await.unwrap().0.len(), 10);
    assert_eq!(room.found().await, []);

    // A rule begins with what comes in from then on, and its test has its exceptions.
    let mut rule = room.create(STOPPED).await.unwrap();
    rule.exceptions = vec!["event_id = 'e3'".into()];
    let rule = room.change(rule, &["exceptions"]).await.unwrap();
    let named = wire::TestRuleRequest {
        rule: Some(wire::test_rule_request::Rule::Name(rule.name.clone())),
        ..Default::default()
    };
    assert_eq!(room.test(named).await.unwrap().0.len(), 39);
    let others = wire::TestRuleRequest {
        rule: Some(wire::test_rule_request::Rule::Name(
            rule.name.replace("acme", "globex"),
        )),
        ..Default::default()
    };
    assert_eq!(
        reason(room.test(others).await.map(drop)),
        "PERMISSION_DENIED"
    );
}

#[tokio::test]
async fn an_exception_that_fails_on_an_event_hides_nothing() {
    let mut room = Room::new().await;
    let mut rule = room.create(STOPPED).await.unwrap();
    rule.exceptions = vec!["CAST(json_get_str(raw, 'requestID') AS BIGINT) > 5".into()];
    room.change(rule, &["exceptions"]).await.unwrap();
    let named = |id, request: &str| with(record(id, id, "StopLogging"), "requestID", request);
    room.send(vec![named(1, "7"), named(2, "no number"), named(3, "3")])
        .await;
    room.look().await;
    let found = room.found().await;
    assert_eq!((found.len(), found[0].count), (1, 2), "{found:?}");
}

#[tokio::test]
async fn rules_hold_only_so_many_regular_expressions() {
    let room = Room::new().await;
    let with = |count: usize| {
        let regexes: Vec<String> = (0..count).map(|n| format!("'x{n}+'")).collect();
        STOPPED.replace(
            "        eventName: [StopLogging, DeleteTrail]",
            &format!("        userAgent|re: [{}]", regexes.join(", ")),
        )
    };
    let error = room.create(&with(65)).await.unwrap_err();
    assert!(
        error.message().contains("at most 64"),
        "{}",
        error.message()
    );
    for _ in 0..8 {
        room.create(&with(64)).await.unwrap();
    }
    assert_eq!(reason(room.create(&with(1)).await), "QUOTA_EXCEEDED");
    room.create(STOPPED).await.unwrap();
}
