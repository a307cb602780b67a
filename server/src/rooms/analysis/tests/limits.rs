//! What is refused, and what ends with a reason.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn what_is_no_question_is_refused_by_its_field() {
    let room = Room::new().await;
    let ask = async |change: &dyn Fn(&mut wire::Analysis)| {
        let mut request = Room::asking(pivot(ANA));
        change(request.analysis.as_mut().unwrap());
        fields(call!(
            room,
            &room.responder,
            analyses.create_analysis(request)
        ))
    };
    assert_eq!(ask(&|of| of.question = None).await, ["analysis.question"]);
    assert_eq!(
        ask(&|of| of.purpose = " ".into()).await,
        ["analysis.purpose"]
    );
    assert_eq!(
        ask(&|of| of.purpose = "x".repeat(1_001)).await,
        ["analysis.purpose"]
    );
    assert_eq!(
        ask(&|of| of.consent = Vec::new()).await,
        ["analysis.consent"]
    );
    assert_eq!(ask(&|of| of.consent = vec![77]).await, ["analysis.consent"]);
    assert_eq!(
        ask(&|of| of.incident = "INC-1".into()).await,
        ["analysis.incident"]
    );
    let backwards = wire::AnalysisScope {
        start_time: Some(prost_types::Timestamp {
            seconds: 10,
            nanos: 0,
        }),
        end_time: Some(prost_types::Timestamp {
            seconds: 5,
            nanos: 0,
        }),
        ..Default::default()
    };
    let told = ask(&|of| of.scope = Some(backwards.clone())).await;
    assert_eq!(told, ["analysis.scope.end_time"]);
    for kind in [
        pivot(""),
        Kind::Pivot(wire::PivotQuestion::default()),
        Kind::Seen(wire::SeenQuestion::default()),
        Kind::Indicators(wire::IndicatorsQuestion::default()),
        Kind::Timeline(wire::TimelineQuestion::default()),
        Kind::RoleChain(wire::RoleChainQuestion::default()),
        Kind::Compare(wire::CompareQuestion::default()),
        Kind::Volume(wire::VolumeQuestion { minimum_bytes: -1 }),
        Kind::Human(wire::HumanQuestion::default()),
        Kind::Rule(wire::RuleQuestion::default()),
    ] {
        let asked = format!("{kind:?}");
        let told = fields(room.ask(kind).await);
        assert!(
            told[0].starts_with("analysis.question"),
            "{asked}: {told:?}"
        );
    }
    let rule = Kind::Rule(wire::RuleQuestion {
        texts: vec!["title: [".into()],
    });
    assert_eq!(reason(room.ask(rule).await), "INVALID_RULE");
    let reader = room.world.member("tenants/acme", "reader").await;
    let request = Room::asking(pivot(ANA));
    let asked = call!(room, &reader, analyses.create_analysis(request));
    assert_eq!(reason(asked), "PERMISSION_DENIED");
}

#[tokio::test]
async fn what_can_not_be_answered_fails_with_what_to_do() {
    let mut room = Room::new().await;
    room.send((0..200).map(|id| record(id, id, "ListBuckets")).collect())
        .await;
    room.limits.time = Duration::from_millis(300);
    for (query, told) in [
        ("SELECT * FROM read_csv('/etc/passwd')", "INVALID_QUERY"),
        ("DROP TABLE events", "INVALID_QUERY"),
        ("SELECT * FROM findings", "INVALID_QUERY"),
        (
            "SELECT count(*) FROM events a, events b, events c, events d WHERE a.seq + b.seq = c.seq * d.seq",
            "TOO_MUCH_WORK",
        ),
    ] {
        let failed = room.answered(sql(query)).await;
        assert_eq!(failed.state(), State::Failed, "{query}");
        let failure = failed.failure.unwrap();
        assert_eq!(failure.reason, told, "{query}: {}", failure.message);
        assert!(failed.result.is_none() && !failure.message.is_empty());
        let read = room
            .download(&room.responder, (&failed.name, Format::Json, ""))
            .await;
        assert_eq!(reason(read), "FAILED_PRECONDITION");
    }
}

#[tokio::test]
async fn a_call_that_names_itself_asks_once_and_open_questions_are_bounded() {
    let room = Room::new().await;
    let mut request = Room::asking(pivot(ANA));
    request.request_id = "one".into();
    let first = call!(
        room,
        &room.responder,
        analyses.create_analysis(request.clone())
    );
    let again = call!(
        room,
        &room.responder,
        analyses.create_analysis(request.clone())
    );
    assert_eq!(
        first.unwrap().analysis.unwrap().name,
        again.unwrap().analysis.unwrap().name
    );
    request.analysis.as_mut().unwrap().purpose = "something else".into();
    let other = call!(room, &room.responder, analyses.create_analysis(request));
    assert_eq!(reason(other), "ALREADY_EXISTS");
    for _ in 1..20 {
        room.ask(pivot(ANA)).await.unwrap();
    }
    assert_eq!(reason(room.ask(pivot(ANA)).await), "QUOTA_EXCEEDED");
    room.answer_all().await;
    room.ask(pivot(ANA)).await.unwrap();
    // Pages: the newest first.
    let mut request = wire::ListAnalysesRequest {
        parent: "tenants/acme".into(),
        page_size: 8,
        page_token: String::new(),
    };
    let mut names = Vec::new();
    loop {
        let page = call!(
            room,
            &room.responder,
            analyses.list_analyses(request.clone())
        );
        let page = page.unwrap();
        names.extend(page.analyses.into_iter().map(|one| one.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(names.len(), 21);
    assert!(names.is_sorted_by(|left, right| left > right));
}

#[tokio::test]
async fn who_watches_sees_it_to_its_end() {
    let mut room = Room::new().await;
    room.send(vec![record(1, 0, "StopLogging")]).await;
    let asked = room.ask(pivot(ANA)).await.unwrap();
    let request = wire::WatchAnalysisRequest {
        name: asked.name.clone(),
    };
    let mut feed = call!(room, &room.responder, analyses.watch_analysis(request)).unwrap();
    let first = feed.next().await.unwrap().unwrap().analysis.unwrap();
    assert_eq!(first.state(), State::Accepted);
    room.answer_all().await;
    let mut last = first;
    while let Some(part) = feed.next().await {
        last = part.unwrap().analysis.unwrap();
    }
    assert_eq!(last.state(), State::Released);
    assert_eq!(last.result, room.get(&asked.name).await.result);
}
