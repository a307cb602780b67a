//! Lists, pages and the queue.

use super::*;

#[tokio::test]
async fn lists_show_what_was_changed_last_and_page() {
    let room = Room::new().await;
    let mut names = Vec::new();
    for n in 0..5 {
        room.world.clock.advance(jiff::SignedDuration::from_secs(1));
        names.push(room.open(&format!("incident {n}")).await.name);
    }
    room.world.clock.advance(jiff::SignedDuration::from_secs(1));
    room.move_to(&room.responder, &names[1], Phase::Containment)
        .await
        .unwrap();
    let mut request = wire::ListIncidentsRequest {
        parent: "tenants/acme".into(),
        page_size: 2,
        ..Default::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = call!(
            room,
            &room.reader,
            incidents.list_incidents(request.clone())
        );
        let page = page.unwrap();
        assert!(page.incidents.len() <= 2);
        seen.extend(page.incidents.into_iter().map(|incident| incident.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let order = [1, 4, 3, 2, 0].map(|n| names[n].clone());
    assert_eq!(seen, order);

    // A token is of its query.
    let token = wire::ListIncidentsRequest {
        phases: vec![Phase::Containment.into()],
        ..request.clone()
    };
    let other = call!(room, &room.reader, incidents.list_incidents(token));
    assert_eq!(reason(other), "INVALID_PAGE_TOKEN");
    let contained = wire::ListIncidentsRequest {
        phases: vec![Phase::Containment.into()],
        severities: vec![Severity::Sev1.into(), Severity::Sev2.into()],
        states: vec![State::Open.into()],
        pending_party: Party::Provider.into(),
        page_token: String::new(),
        ..request
    };
    let found = call!(
        room,
        &room.reader,
        incidents.list_incidents(contained.clone())
    );
    assert_eq!(found.unwrap().incidents[0].name, names[1]);
    let none = wire::ListIncidentsRequest {
        severities: vec![Severity::Sev4.into()],
        ..contained
    };
    let found = call!(room, &room.reader, incidents.list_incidents(none));
    assert_eq!(found.unwrap().incidents, []);
}

#[tokio::test]
async fn the_queue_shows_staff_whose_move_it_is_and_no_words() {
    let room = Room::new().await;
    let (low, high) = (room.open("low").await, room.open("high").await);
    let raise = wire::ReclassifyIncidentRequest {
        name: high.name.clone(),
        severity: Severity::Sev1.into(),
        reason: "customers are hit".into(),
        ..Default::default()
    };
    call!(room, &room.responder, incidents.reclassify_incident(raise)).unwrap();
    let theirs = room.open("theirs").await;
    let hand = wire::HandOverIncidentRequest {
        name: theirs.name.clone(),
        to: Party::Customer.into(),
        reason: "please look".into(),
        ..Default::default()
    };
    call!(room, &room.analyst, incidents.hand_over_incident(hand)).unwrap();
    let gone = room.open("gone").await;
    let close = wire::CloseIncidentRequest {
        name: gone.name.clone(),
        code: wire::CloseCode::FalsePositive.into(),
        reason: "nothing".into(),
        ..Default::default()
    };
    call!(room, &room.responder, incidents.close_incident(close)).unwrap();

    let mut request = wire::ListIncidentQueueRequest {
        page_size: 1,
        include_closed: true,
        ..Default::default()
    };
    let mut seen = Vec::new();
    loop {
        let operator = &room.world.operator;
        let page = call!(
            room,
            operator,
            incidents.list_incident_queue(request.clone())
        );
        let page = page.unwrap();
        seen.extend(page.incidents);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let order: Vec<&str> = seen.iter().map(|queued| queued.name.as_str()).collect();
    assert_eq!(order, [&high.name, &low.name, &theirs.name, &gone.name]);
    assert!(!format!("{seen:?}").contains("theirs"), "no words");
    let open = wire::ListIncidentQueueRequest::default();
    let open = call!(
        room,
        &room.world.operator,
        incidents.list_incident_queue(open)
    );
    assert_eq!(open.unwrap().incidents.len(), 3);
    let member = wire::ListIncidentQueueRequest::default();
    let member = call!(room, &room.responder, incidents.list_incident_queue(member));
    assert_eq!(reason(member), "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_page_ends_before_it_is_too_long() {
    let room = Room::new().await;
    let long = "x".repeat(20_000);
    let incident = room.open("one").await;
    for _ in 0..25 {
        let say = wire::CreateCommentRequest {
            parent: incident.name.clone(),
            comment: Some(wire::Comment {
                text: "first".into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let said = call!(room, &room.responder, incidents.create_comment(say));
        let name = said.unwrap().comment.unwrap().name;
        for n in 0..10 {
            let change = wire::UpdateCommentRequest {
                comment: Some(wire::Comment {
                    name: name.clone(),
                    text: format!("{n} {long}").chars().take(20_000).collect(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            call!(room, &room.responder, incidents.update_comment(change)).unwrap();
        }
    }
    let mut list = wire::ListCommentsRequest {
        parent: incident.name,
        page_size: 1_000,
        ..Default::default()
    };
    let (mut pages, mut comments) = (0, 0);
    loop {
        let page = call!(room, &room.reader, incidents.list_comments(list.clone()));
        let page = page.unwrap();
        (pages, comments) = (pages + 1, comments + page.comments.len());
        if page.next_page_token.is_empty() {
            break;
        }
        list.page_token = page.next_page_token;
    }
    assert_eq!((pages, comments), (2, 25), "five megabytes are two pages");
}
