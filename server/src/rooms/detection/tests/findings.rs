//! Findings: each event is found once, whatever happens in between, and few of them are made.

use super::*;

#[tokio::test]
async fn what_a_rule_is_after_becomes_one_finding() {
    let mut room = Room::new().await;
    let rule = room.create(STOPPED).await.unwrap();
    assert_eq!((rule.title.as_str(), rule.version), ("Logging stopped", 1));
    assert_eq!(rule.techniques, ["T1562.008"]);
    assert_eq!(rule.author, "An author");
    assert_eq!(rule.filters.len(), 1);
    room.send(vec![
        record(1, 0, "StopLogging"),
        record(2, 1, "DescribeTrails"),
    ])
    .await;
    room.look().await;
    room.send(vec![
        record(3, 5, "DeleteTrail"),
        record(3, 5, "DeleteTrail"),
    ])
    .await;
    room.look().await;
    // The same event once more, in another batch.
    room.send(vec![record(1, 0, "StopLogging")]).await;
    room.look().await;
    let found = room.found().await;
    let [finding] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((finding.count, finding.events.len()), (2, 2));
    assert_eq!(finding.rule, rule.name);
    assert_eq!(finding.actor, "arn:aws:iam::111111111111:user/ana");
    assert_eq!(finding.source_address, "198.51.100.7");
    assert_eq!(finding.operation, "StopLogging");
    assert_eq!(finding.status(), wire::FindingStatus::New);
    assert_eq!(finding.level(), wire::Level::High);
    let span = (
        finding.start_time.unwrap().seconds,
        finding.end_time.unwrap().seconds,
    );
    assert_eq!(span.1 - span.0, 5);
    // Nobody else has any.
    let globex = room.world.member("tenants/globex", "reader").await;
    let request = wire::ListFindingsRequest {
        parent: "tenants/globex".into(),
        ..Default::default()
    };
    let others = call!(room, &globex, findings.list_findings(request));
    assert_eq!(others.unwrap().findings, []);
}

#[tokio::test]
async fn what_was_kept_is_not_found_again_and_what_was_not_is() {
    let mut room = Room::new().await;
    room.create(STOPPED).await.unwrap();
    room.send(vec![record(1, 0, "StopLogging")]).await;
    let lost = room.claim().await.unwrap();
    // The server that has the claim hangs; another takes over when its lease is over.
    room.world.clock.advance(SignedDuration::from_secs(31));
    let second = room.claim().await.unwrap();
    look(&room.world.kernel, &room.lake, &room.sets, &second)
        .await
        .unwrap();
    let late = look(&room.world.kernel, &room.lake, &room.sets, &lost).await;
    // Everything was looked at, so that there is nothing left to keep.
    assert_eq!(late.unwrap(), None);
    room.send(vec![record(2, 1, "StopLogging")]).await;
    let late = look(&room.world.kernel, &room.lake, &room.sets, &lost).await;
    assert_eq!(late.unwrap_err().reason().as_str(), "ETAG_MISMATCH");
    room.world
        .kernel
        .db()
        .job_next(second, room.world.kernel.env().now())
        .await
        .unwrap();
    room.look().await;
    let found = room.found().await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].count, 2);
}

#[tokio::test]
async fn counting_goes_on_where_it_stood() {
    let mut room = Room::new().await;
    room.create(FAILURES).await.unwrap();
    let denied = |id, second, from: &str| {
        let record = with(record(id, second, "ListUsers"), "errorCode", "AccessDenied");
        with(record, "sourceIPAddress", from)
    };
    for (id, second, from) in [
        (1, 0, "198.51.100.7"),
        (2, 10, "198.51.100.8"),
        (3, 20, "198.51.100.7"),
    ] {
        room.send(vec![denied(id, second, from)]).await;
        room.look().await;
        // A server that begins anew knows what the one before remembered.
        room.sets = RuleSets::default();
    }
    assert_eq!(room.found().await, []);
    room.send(vec![
        denied(4, 200, "198.51.100.7"),
        denied(5, 201, "198.51.100.7"),
    ])
    .await;
    room.look().await;
    let found = room.found().await;
    let [finding] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(finding.count, 3);
    assert_eq!(finding.group[0].field, "sourceIPAddress");
    assert_eq!(finding.group[0].value, "198.51.100.7");

    let (hits, summary) = room
        .test(wire::TestRuleRequest {
            rule: Some(wire::test_rule_request::Rule::Text(FAILURES.into())),
            ..Default::default()
        })
        .await
        .unwrap();
    assert_eq!((hits.len(), summary.hit_count, summary.cut), (1, 1, false));
    assert_eq!(hits[0].group, ["198.51.100.7"]);
    let names: Vec<&str> = hits[0]
        .events
        .iter()
        .map(|event| event.name.as_str())
        .collect();
    assert_eq!(names, finding.events);
}

#[tokio::test]
async fn findings_are_followed_and_answered() {
    let mut room = Room::new().await;
    room.create(STOPPED).await.unwrap();
    let request = wire::WatchFindingsRequest {
        parent: "tenants/acme".into(),
        cursor: None,
    };
    let mut feed = call!(room, &room.responder, findings.watch_findings(request)).unwrap();
    let first = feed.next().await.unwrap().unwrap();
    assert_eq!((first.findings.len(), first.cursor), (0, 0));
    room.send(vec![record(1, 0, "StopLogging")]).await;
    room.look().await;
    let told = feed.next().await.unwrap().unwrap();
    assert_eq!(told.findings.len(), 1);
    let finding = &told.findings[0];
    assert_eq!(told.cursor, finding.sequence);

    let say = |status: wire::FindingStatus, comment: &str, etag: &str| wire::UpdateFindingRequest {
        name: finding.name.clone(),
        status: status.into(),
        comment: comment.into(),
        etag: etag.into(),
        request_id: String::new(),
    };
    let done = say(wire::FindingStatus::Resolved, "our own test", &finding.etag);
    let answer = call!(room, &room.responder, findings.update_finding(done)).unwrap();
    let after = answer.finding.unwrap();
    assert_eq!(after.comment, "our own test");
    let stale = say(wire::FindingStatus::New, "", &finding.etag);
    let answer = call!(room, &room.responder, findings.update_finding(stale));
    assert_eq!(reason(answer), "ETAG_MISMATCH");
    let told = feed.next().await.unwrap().unwrap();
    assert_eq!(told.findings[0].status(), wire::FindingStatus::Resolved);

    // It goes on: somebody has to look again. Whoever comes back with a cursor misses nothing.
    room.send(vec![record(2, 1, "StopLogging")]).await;
    room.look().await;
    let request = wire::WatchFindingsRequest {
        parent: "tenants/acme".into(),
        cursor: Some(0),
    };
    let mut feed = call!(room, &room.responder, findings.watch_findings(request)).unwrap();
    feed.next().await.unwrap().unwrap();
    let told = feed.next().await.unwrap().unwrap();
    assert_eq!(told.findings.len(), 1);
    assert_eq!(told.findings[0].status(), wire::FindingStatus::New);
    assert_eq!(told.findings[0].count, 2);

    let event: Value = serde_json::from_str(&told.findings[0].ocsf_json).unwrap();
    assert_eq!(
        (event["class_uid"].as_i64(), event["count"].as_i64()),
        (Some(2004), Some(2))
    );
    assert_eq!(
        event["finding_info"]["attacks"][0]["sub_technique"]["uid"],
        "T1562.008"
    );
    let ahead = wire::WatchFindingsRequest {
        parent: "tenants/acme".into(),
        cursor: Some(99),
    };
    let answer = call!(room, &room.responder, findings.watch_findings(ahead));
    assert_eq!(reason(answer.map(drop)), "INVALID_ARGUMENT");
}

#[tokio::test]
async fn many_names_make_no_flood() {
    let mut room = Room::new().await;
    room.create(STOPPED).await.unwrap();
    let records = (0..1_000).map(|id| {
        let mut record = record(id, id % 60, "StopLogging");
        record["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111111111111:user/u{id}"));
        record
    });
    room.send(records.collect()).await;
    room.look().await;
    let request = wire::ListFindingsRequest {
        parent: "tenants/acme".into(),
        page_size: 1_000,
        ..Default::default()
    };
    let found = call!(room, &room.responder, findings.list_findings(request))
        .unwrap()
        .findings;
    assert_eq!(found.len(), 201);
    assert_eq!(
        found.iter().map(|finding| finding.count).sum::<i64>(),
        1_000
    );
}

#[tokio::test]
async fn what_was_closed_long_ago_or_is_too_much_goes_and_what_is_open_stays() {
    let mut room = Room::new().await;
    room.create(STOPPED).await.unwrap();
    let records = (0..4).map(|id| {
        let mut record = record(id, id, "StopLogging");
        record["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111111111111:user/u{id}"));
        record
    });
    room.send(records.collect()).await;
    room.look().await;
    let found = room.found().await;
    assert_eq!(found.len(), 4);
    for (at, status) in [
        (1, wire::FindingStatus::Resolved),
        (0, wire::FindingStatus::Suppressed),
        (3, wire::FindingStatus::InProgress),
    ] {
        room.world.clock.advance(SignedDuration::from_secs(1));
        let request = wire::UpdateFindingRequest {
            name: found[at].name.clone(),
            status: status.into(),
            ..Default::default()
        };
        call!(room, &room.responder, findings.update_finding(request)).unwrap();
    }
    let tenant = "acme".parse().unwrap();
    let kernel = &room.world.kernel;
    let (scope, permit) = kernel.maintenance_scope(&room.runner, &tenant, "sweep");
    let sweep = |kept, most| sweep_beyond(kernel, &scope, &permit, (kept, most));
    let names = async || -> Vec<String> {
        let found = room.found().await;
        found.into_iter().map(|finding| finding.name).collect()
    };
    let long = SignedDuration::from_hours(1);
    assert_eq!(sweep(long, 4).await.unwrap(), 0);
    assert_eq!(sweep(long, 3).await.unwrap(), 1);
    assert!(!names().await.contains(&found[1].name), "the oldest goes");
    room.world.clock.advance(SignedDuration::from_secs(60));
    let short = SignedDuration::from_secs(30);
    assert_eq!(sweep(short, 100).await.unwrap(), 1);
    // What is open stays, however much it is.
    assert_eq!(sweep(short, 1).await.unwrap(), 0);
    let left = [found[2].name.clone(), found[3].name.clone()];
    assert_eq!(names().await, left);
}
