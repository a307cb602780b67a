use super::*;
use cordon_lake::schema::Column;
use wire::recommend_sources_request::Question;

/// What is asked of acme's sources.
fn asked() -> wire::ListDataSourcesRequest {
    wire::ListDataSourcesRequest {
        parent: "tenants/acme".into(),
        start_time: None,
    }
}

async fn listed(room: &Room) -> wire::ListDataSourcesResponse {
    call!(room, &room.reader, catalogue.list_data_sources(asked())).unwrap()
}

fn of<'a>(found: &'a wire::ListDataSourcesResponse, kind: &str) -> &'a wire::DataSource {
    let mut all = found.data_sources.iter();
    all.find(|one| one.source_type == kind).unwrap()
}

async fn recommend(room: &Room, question: Question) -> wire::RecommendSourcesResponse {
    let request = wire::RecommendSourcesRequest {
        parent: "tenants/acme".into(),
        question: Some(question),
        ..Default::default()
    };
    call!(room, &room.reader, catalogue.recommend_sources(request)).unwrap()
}

/// The table of ATT&CK, the normalizers and the lake speak of the same things.
#[test]
fn what_is_known_of_sources_fits_what_there_is() {
    let known: Vec<&str> = cordon_attack::SourceType::ALL
        .iter()
        .map(|one| one.as_str())
        .collect();
    let mut registered: Vec<&str> = SourceType::ALL.iter().map(|one| one.as_str()).collect();
    registered.sort_unstable();
    let mut sorted = known.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, registered);
    for source in cordon_attack::SourceType::ALL {
        for field in source.known().fields {
            let column = Column::by_name(field).filter(|column| column.visible());
            assert!(column.is_some(), "{source}: {field}");
        }
    }
}

#[tokio::test]
async fn lag_and_completeness_are_measured_from_ones_own_events() {
    let mut room = Room::new().await;
    let before = listed(&room).await;
    assert_eq!(before.data_sources.len(), 10);
    let trail = of(&before, "aws.cloudtrail");
    assert_eq!((trail.access(), trail.event_count), (wire::Access::None, 0));
    assert_eq!((&trail.lag, trail.sources.len()), (&None, 0));
    assert!(trail.fields.iter().any(|field| field == "operation"));
    assert!(!trail.blind_spots.is_empty());

    // From 40 to 59 seconds past the last minute of the year, stored a quarter of an hour after it.
    let own = |n: u32| record("111111111111", n, 40 + n, "GetObject");
    room.later(SignedDuration::from_mins(15)).await;
    room.send((0..20).map(own).collect()).await;
    let mine = listed(&room).await;
    let trail = of(&mine, "aws.cloudtrail").clone();
    assert_eq!(
        (trail.access(), trail.event_count),
        (wire::Access::Direct, 20)
    );
    let lag = trail.lag.unwrap();
    assert_eq!(lag.event_count, 20);
    let (p50, p95) = (lag.p50.unwrap().seconds, lag.p95.unwrap().seconds);
    // Smallest first: 901 s for the latest event. The 10th and the 19th.
    assert_eq!((p50, p95), (910, 919));
    assert_eq!(trail.sources[0].source, "sources/trail");
    assert_eq!(trail.sources[0].complete_until, None);

    // Whatever others send, and however late, moves nothing.
    room.later(SignedDuration::from_hours(5)).await;
    let theirs = |n: u32| record("222222222222", 100 + n, n % 60, "GetObject");
    room.send((0..300).map(theirs).collect()).await;
    room.uses(
        "globex",
        "compute",
        &[("aws.vpcflow", wire::Access::Direct)],
    )
    .await
    .unwrap();
    let after = listed(&room).await;
    assert_eq!(after, mine);
}

#[tokio::test]
async fn what_a_source_says_to_have_delivered_is_told_to_whom_it_delivers() {
    let mut room = Room::new().await;
    room.send(vec![record("111111111111", 1, 30, "GetObject")])
        .await;
    let until = |source: &wire::SourceProgress| source.complete_until.map(|time| time.seconds);
    let told = |found: &wire::ListDataSourcesResponse| {
        let trail = of(found, "aws.cloudtrail");
        assert_eq!(trail.sources.len(), 1);
        until(&trail.sources[0])
    };
    assert_eq!(told(&listed(&room).await), None);
    let midnight = 1_767_225_600;
    room.report(midnight + 60).await;
    let found = listed(&room).await;
    assert_eq!(told(&found), Some(midnight + 60));
    // It is later than the newest event, and says nothing of that.
    let observed = of(&found, "aws.cloudtrail").sources[0].observed_until;
    assert_eq!(observed.unwrap().seconds, midnight - 30);
    // It never goes back.
    room.report(midnight).await;
    assert_eq!(told(&listed(&room).await), Some(midnight + 60));
    // Whom it has delivered nothing to is not told of it.
    let request = wire::ListDataSourcesRequest {
        parent: "tenants/globex".into(),
        start_time: None,
    };
    let theirs = call!(room, &room.other, catalogue.list_data_sources(request)).unwrap();
    assert_eq!(of(&theirs, "aws.cloudtrail").sources, []);
}

#[tokio::test]
async fn a_source_that_fell_silent_is_still_told() {
    let mut room = Room::new().await;
    let own = record("111111111111", 1, 30, "GetObject");
    room.send(vec![own]).await;
    // Its events are older than what is looked at.
    let request = wire::ListDataSourcesRequest {
        start_time: Some(prost_types::Timestamp {
            seconds: 1_767_225_600,
            nanos: 0,
        }),
        ..asked()
    };
    let found = call!(room, &room.reader, catalogue.list_data_sources(request)).unwrap();
    let trail = of(&found, "aws.cloudtrail");
    assert_eq!((trail.access(), trail.event_count), (wire::Access::None, 0));
    assert_eq!(trail.sources.len(), 1);
    assert!(trail.sources[0].observed_until.is_some());
}

#[tokio::test]
async fn sources_are_ranked_by_what_the_tenant_gets_at() {
    let mut room = Room::new().await;
    room.uses(
        "acme",
        "network",
        &[
            ("aws.vpcflow", wire::Access::Analysis),
            ("aws.guardduty", wire::Access::Direct),
        ],
    )
    .await
    .unwrap();
    room.send(vec![record("111111111111", 1, 30, "StopLogging")])
        .await;
    let operation = Question::Operation(wire::SourceOperation {
        source_type: "aws.cloudtrail".into(),
        operation: "StopLogging".into(),
    });
    let found = recommend(&room, operation).await;
    assert_eq!(found.techniques, ["T1562.008"]);
    let best = &found.sources[0];
    assert_eq!(best.source_type, "aws.cloudtrail");
    assert_eq!(best.access(), wire::Access::Direct);
    assert!(found.covered > 0 && found.covered <= found.wanted);
    assert!(found.notice.contains("MITRE"));

    // The event itself asks the same.
    let event = recommend(&room, Question::Event(room.newest_event().await)).await;
    assert_eq!(event, found);
    let exfiltration = recommend(&room, Question::Tactic("exfiltration".into())).await;
    let flow = exfiltration
        .sources
        .iter()
        .find(|one| one.source_type == "aws.vpcflow")
        .unwrap();
    assert_eq!(flow.access(), wire::Access::Analysis);
    assert!(flow.reason.contains("of network"), "{}", flow.reason);
    // Registered, and nothing came.
    let all = listed(&room).await;
    let findings = of(&all, "aws.guardduty");
    assert_eq!(findings.access(), wire::Access::None);
    assert_eq!(findings.services, ["network"]);

    let request = wire::GetCoverageRequest {
        parent: "tenants/acme".into(),
        ..Default::default()
    };
    let drawn = call!(room, &room.reader, catalogue.get_coverage(request)).unwrap();
    assert_eq!(drawn.sources.len(), 10);
    assert!(drawn.rows.len() > 100 && drawn.rows.is_sorted_by(|a, b| a.technique < b.technique));
    let sum = drawn.whole + drawn.partly + drawn.gaps + drawn.silent;
    assert_eq!(usize::try_from(sum).unwrap(), drawn.rows.len());
}

#[tokio::test]
async fn a_question_that_has_no_answer_is_refused_with_its_field() {
    let room = Room::new().await;
    let ask = |question: Option<Question>, platforms: &[&str]| wire::RecommendSourcesRequest {
        parent: "tenants/acme".into(),
        question,
        platforms: platforms.iter().map(|&name| name.to_owned()).collect(),
        ..Default::default()
    };
    let operation = |source_type: &str| {
        Some(Question::Operation(wire::SourceOperation {
            source_type: source_type.to_owned(),
            operation: "NoSuchCall".into(),
        }))
    };
    let technique = |id: &str| Some(Question::Technique(id.to_owned()));
    for (request, field) in [
        (ask(None, &[]), "question"),
        (ask(technique("T9999"), &[]), "technique"),
        (ask(technique(&"T".repeat(65)), &[]), "technique"),
        (ask(Some(Question::Tactic("luck".into())), &[]), "tactic"),
        (
            ask(Some(Question::IncidentKind("luck".into())), &[]),
            "incident_kind",
        ),
        (ask(operation("aws.cloudtrail"), &[]), "operation"),
        (ask(operation("none.such"), &[]), "operation.source_type"),
        (ask(technique("T1562"), &["Amiga"]), "platforms"),
        (
            ask(Some(Question::Event("tenants/acme".into())), &[]),
            "event",
        ),
    ] {
        let answer = call!(room, &room.reader, catalogue.recommend_sources(request));
        assert_eq!(fields(answer), [field]);
    }
    let event = |tenant: &str| {
        let name = format!("tenants/{tenant}/events/{}", "0".repeat(32));
        ask(Some(Question::Event(name)), &[])
    };
    let missing = call!(
        room,
        &room.reader,
        catalogue.recommend_sources(event("acme"))
    );
    assert_eq!(reason(missing), "NOT_FOUND");
    let foreign = call!(
        room,
        &room.reader,
        catalogue.recommend_sources(event("globex"))
    );
    assert_eq!(reason(foreign), "PERMISSION_DENIED");
}
