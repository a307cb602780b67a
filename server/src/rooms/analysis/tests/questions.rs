//! Questions that the server answers: once, over the tenant's own events, signed, and the same again.

use cordon_lake::sql::ENGINE_VERSION;
use ring::digest::{SHA256, digest};

use super::*;

#[tokio::test]
async fn a_question_is_answered_signed_and_kept() {
    let mut room = Room::new().await;
    room.send(vec![
        record(1, 0, "StopLogging"),
        record(2, 5, "DeleteTrail"),
        by(record(3, 6, "DescribeTrails"), "ben"),
    ])
    .await;
    let answered = room.answered(pivot(ANA)).await;
    assert_eq!(answered.state(), State::Released, "{answered:?}");
    assert_eq!(answered.pending_party(), wire::Party::Unspecified);
    let result = answered.result.clone().unwrap();
    assert_eq!((result.scanned_events, result.head_sequence), (2, 3));
    assert!(!result.tables.is_empty() && !result.method.is_empty());
    let name = answered.name.as_str();
    let json = room
        .download(&room.responder, (name, Format::Json, ""))
        .await;
    let json = json.unwrap();
    let told = String::from_utf8(json.clone()).unwrap();
    assert!(told.contains("StopLogging") && told.contains("DeleteTrail"));
    assert!(!told.contains("DescribeTrails"), "{told}");
    // What is signed is these bytes, and says how they came about.
    assert_eq!(hex::encode(digest(&SHA256, &json)), result.sha256);
    let payload = room.signed(name).await;
    assert_eq!(payload["subject"][0]["name"], name);
    assert_eq!(payload["subject"][0]["digest"]["sha256"], result.sha256);
    let predicate = &payload["predicate"];
    assert_eq!(predicate["inputs"]["head"], 3);
    assert_eq!(predicate["inputs"]["unsealed"], json!([1, 3]));
    assert_eq!(predicate["scanned"], 2);
    assert_eq!(predicate["purpose"], "who turned logging off");
    assert_eq!(predicate["completeness"][0]["source"], "trail");
    assert_eq!(predicate["releasedBy"], "the server");
    assert_eq!(predicate["tools"].as_array().unwrap().len(), 1);
    assert_eq!(predicate["tools"][0]["name"], "cordon-server");
    // The other forms.
    for (format, begins) in [
        (Format::Csv, b"".as_slice()),
        (Format::Parquet, b"PAR1"),
        (Format::Html, b"<!DOCTYPE html>"),
    ] {
        let table = result.tables[0].name.as_str();
        let file = room
            .download(&room.responder, (name, format, table))
            .await
            .unwrap();
        assert!(file.starts_with(begins) && file.len() > 20, "{format:?}");
    }
    let none = room
        .download(&room.responder, (name, Format::Csv, "none"))
        .await;
    assert_eq!(fields(none), ["table"]);
}

#[tokio::test]
async fn every_kind_of_the_server_is_answered() {
    let mut room = Room::new().await;
    room.send(vec![
        record(1, 0, "StopLogging"),
        record(2, 5, "CreateUser"),
        by(record(3, 6, "DescribeTrails"), "ben"),
    ])
    .await;
    let time = |minute: i64| {
        Some(prost_types::Timestamp {
            seconds: 1_767_222_000 + 60 * minute,
            nanos: 0,
        })
    };
    let window = |from, to| {
        Some(wire::Window {
            start_time: time(from),
            end_time: time(to),
        })
    };
    let kinds = [
        Kind::Timeline(wire::TimelineQuestion {
            around: Some(wire::timeline_question::Around::Time(time(0).unwrap())),
            before: Some(prost_types::Duration {
                seconds: 60,
                nanos: 0,
            }),
            after: Some(prost_types::Duration {
                seconds: 60,
                nanos: 0,
            }),
            same: Vec::new(),
        }),
        pivot(ANA),
        Kind::RoleChain(wire::RoleChainQuestion {
            start: Some(wire::role_chain_question::Start::Actor(ANA.into())),
            ..Default::default()
        }),
        Kind::Indicators(wire::IndicatorsQuestion {
            list: "198.51.100.0/24\n".into(),
            ..Default::default()
        }),
        Kind::Seen(wire::SeenQuestion {
            subjects: vec![wire::Subject {
                subject: Some(wire::subject::Subject::Address("198.51.100.7".into())),
            }],
        }),
        Kind::Volume(wire::VolumeQuestion::default()),
        Kind::Changes(wire::ChangesQuestion::default()),
        Kind::Beacons(wire::BeaconsQuestion::default()),
        Kind::Compare(wire::CompareQuestion {
            baseline: window(-10, 0),
            window: window(0, 10),
        }),
        Kind::Rule(wire::RuleQuestion {
            texts: vec![STOPPED.to_owned()],
        }),
        sql("SELECT operation, count(*) AS n FROM events GROUP BY operation ORDER BY operation"),
    ];
    for kind in kinds {
        let asked = format!("{kind:?}");
        let answered = room.answered(kind).await;
        assert_eq!(answered.state(), State::Released, "{asked}: {answered:?}");
        // What was asked is told as it was asked.
        let again = answered.question.clone().unwrap().kind.unwrap();
        let shown = room.json(&answered.name).await;
        let told = shown.to_string();
        match &again {
            Kind::Sql(_) => {
                assert_eq!(
                    shown["tables"][0]["rows"],
                    json!([["CreateUser", 1], ["DescribeTrails", 1], ["StopLogging", 1]])
                );
                let signed = room.signed(&answered.name).await;
                let engine = &signed["predicate"]["tools"][1];
                assert_eq!(engine["name"], "datafusion");
                assert_eq!(engine["version"], ENGINE_VERSION);
            }
            Kind::Rule(_) => {
                assert_eq!(shown["tables"][0]["rows"][0][0], "Logging stopped");
                assert_eq!(shown["tables"][0]["rows"][0][2], 1);
                assert_eq!(shown["tables"][1]["rows"][0][3], "StopLogging");
            }
            Kind::Timeline(_) | Kind::Pivot(_) | Kind::Compare(_) => {
                assert!(told.contains("StopLogging"), "{asked}: {told}");
                if answered.result.as_ref().unwrap().has_timeline {
                    let page = room
                        .download(&room.responder, (&answered.name, Format::Html, ""))
                        .await;
                    let page = String::from_utf8(page.unwrap()).unwrap();
                    is_drawn(&page, shown["timeline"]["entries"].as_array().unwrap());
                }
            }
            Kind::Changes(_) => assert!(told.contains("StartLogging"), "{told}"),
            Kind::Indicators(_) | Kind::Seen(_) => assert!(told.contains("198.51.100"), "{told}"),
            _ => {}
        }
        let repeated = room.answered(again).await;
        let first = answered.result.unwrap().sha256;
        assert_eq!(repeated.result.unwrap().sha256, first, "{asked}");
    }
}

#[tokio::test]
async fn an_answer_is_computed_again_over_the_same_state_and_compared() {
    let mut room = Room::new().await;
    room.send(vec![record(1, 0, "StopLogging")]).await;
    let first = room.answered(pivot(ANA)).await;
    // What has come in since is not in it.
    room.send(vec![record(2, 5, "DeleteTrail")]).await;
    let request = wire::RerunAnalysisRequest {
        name: first.name.clone(),
        request_id: "again".into(),
    };
    let again = call!(
        room,
        &room.responder,
        analyses.rerun_analysis(request.clone())
    );
    let again = again.unwrap().analysis.unwrap();
    assert_eq!(again.rerun_of, first.name);
    let repeated = call!(room, &room.responder, analyses.rerun_analysis(request));
    assert_eq!(repeated.unwrap().analysis.unwrap().name, again.name);
    room.answer_all().await;
    let again = room.get(&again.name).await;
    let result = again.result.unwrap();
    assert_eq!(result.identical, Some(true));
    assert_eq!(result.sha256, first.result.unwrap().sha256);
    assert_eq!(result.head_sequence, 1);
    let later = room.answered(pivot(ANA)).await;
    assert_ne!(later.result.unwrap().sha256, result.sha256);
}

#[tokio::test]
async fn two_servers_answer_once_and_what_was_called_off_stays_so() {
    let mut room = Room::new().await;
    room.send(vec![record(1, 0, "StopLogging")]).await;
    let asked = room.ask(pivot(ANA)).await.unwrap();
    let lost = room.claim().await.unwrap();
    // The server that has the claim hangs; another takes over when its lease is over.
    room.world.clock.advance(SignedDuration::from_secs(31));
    let taken = room.claim().await.unwrap();
    room.work(&taken).await.unwrap();
    room.world.kernel.db().job_done(taken).await.unwrap();
    let refused = room.work(&lost).await.unwrap_err();
    assert_eq!(refused.reason(), cordon_kernel::Reason::EtagMismatch);
    let answered = room.get(&asked.name).await;
    assert_eq!(answered.state(), State::Released);

    let asked = room.ask(pivot(ANA)).await.unwrap();
    let request = wire::CancelAnalysisRequest {
        name: asked.name.clone(),
        etag: "old".into(),
    };
    let refused = call!(
        room,
        &room.responder,
        analyses.cancel_analysis(request.clone())
    );
    assert_eq!(reason(refused), "ETAG_MISMATCH");
    let request = wire::CancelAnalysisRequest {
        etag: asked.etag,
        ..request
    };
    let off = call!(
        room,
        &room.responder,
        analyses.cancel_analysis(request.clone())
    );
    assert_eq!(off.unwrap().analysis.unwrap().state(), State::Cancelled);
    room.answer_all().await;
    let off = room.get(&asked.name).await;
    assert_eq!((off.state(), off.result), (State::Cancelled, None));
    let twice = call!(room, &room.responder, analyses.cancel_analysis(request));
    assert_eq!(reason(twice), "ETAG_MISMATCH");
}

#[tokio::test]
async fn an_answer_has_nothing_of_another_tenant_and_is_nobody_elses() {
    let mut room = Room::new().await;
    let mut other = record(9, 1, "StopLogging");
    other["recipientAccountId"] = json!("222222222222");
    other["userIdentity"]["accountId"] = json!("222222222222");
    room.send(vec![record(1, 0, "StopLogging"), other]).await;
    let all = room.answered(sql("SELECT count(*) AS n FROM events")).await;
    assert_eq!(
        room.json(&all.name).await["tables"][0]["rows"],
        json!([[1]])
    );
    let globex = room.world.member("tenants/globex", "admin").await;
    let id = all.name.rsplit_once('/').unwrap().1.to_owned();
    for (name, told) in [
        (all.name.clone(), "PERMISSION_DENIED"),
        (format!("tenants/globex/analyses/{id}"), "NOT_FOUND"),
    ] {
        let request = wire::GetAnalysisRequest { name: name.clone() };
        let read = call!(room, &globex, analyses.get_analysis(request));
        assert_eq!(reason(read), told);
        let read = room.download(&globex, (&name, Format::Json, "")).await;
        assert_eq!(reason(read), told);
        let request = wire::RerunAnalysisRequest {
            name,
            ..Default::default()
        };
        let rerun = call!(room, &globex, analyses.rerun_analysis(request));
        assert_eq!(reason(rerun), told);
    }
    // Nor can a question be about another's event or incident.
    let mut request = Room::asking(Kind::Timeline(wire::TimelineQuestion {
        around: Some(wire::timeline_question::Around::Event(format!(
            "tenants/globex/events/{}",
            "0".repeat(32)
        ))),
        ..Default::default()
    }));
    let asked = call!(
        room,
        &room.responder,
        analyses.create_analysis(request.clone())
    );
    assert_eq!(reason(asked), "PERMISSION_DENIED");
    let mut analysis = Room::asking(pivot(ANA)).analysis.unwrap();
    analysis.incident = format!("tenants/globex/incidents/{id}");
    request.analysis = Some(analysis);
    let asked = call!(room, &room.responder, analyses.create_analysis(request));
    assert_eq!(reason(asked), "PERMISSION_DENIED");
}

/// Each event of a timeline has a mark in the page's picture, which says what it is.
fn is_drawn(page: &str, entries: &[Value]) {
    let (_, picture) = page.split_once("<svg role=\"img\"").unwrap();
    let (picture, _) = picture.split_once("</svg>").unwrap();
    assert!(!entries.is_empty());
    assert_eq!(
        picture.matches("<circle class=\"mark").count(),
        entries.len()
    );
    for entry in entries {
        let [time, operation] = ["time", "operation"].map(|of| entry[of].as_str().unwrap());
        let title = format!("<title>{time} {operation}");
        assert!(picture.contains(&title), "{title}: {picture}");
    }
}

const STOPPED: &str = "title: Logging stopped\nlogsource:\n    product: aws\n    \
    service: cloudtrail\ndetection:\n    stop:\n        eventName: StopLogging\n    \
    condition: stop\nlevel: high\n";
