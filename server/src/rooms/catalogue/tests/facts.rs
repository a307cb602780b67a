use super::*;

fn list(parent: &str) -> wire::ListFactsRequest {
    wire::ListFactsRequest {
        parent: parent.to_owned(),
        ..Default::default()
    }
}

fn titles(listed: Result<wire::ListFactsResponse, Status>) -> Vec<String> {
    let facts = listed.unwrap().facts;
    facts.into_iter().map(|fact| fact.title).collect()
}

/// The fact's name as a tenant's people name it.
fn of(tenant: &str, fact: &wire::Fact) -> String {
    format!("tenants/{tenant}/{}", fact.name)
}

fn get(name: String, as_of: Option<i64>) -> wire::GetFactRequest {
    wire::GetFactRequest {
        name,
        as_of_time: as_of.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
    }
}

#[tokio::test]
async fn a_fact_is_stated_to_its_audience_alone() {
    let room = Room::new().await;
    room.uses("globex", "compute", &[]).await.unwrap();
    let all = room.publish(everyone(), "for all").await;
    let users = room
        .publish(Audience::Service("compute".into()), "for users")
        .await;
    let acme = room
        .publish(Audience::Tenant("tenants/acme".into()), "for acme")
        .await;
    let globex = room
        .publish(Audience::Tenant("tenants/globex".into()), "for globex")
        .await;
    let (reader, other) = (&room.reader, &room.other);
    let mine = call!(room, reader, facts.list_facts(list("tenants/acme")));
    let shown = mine.clone().unwrap().facts;
    assert_eq!(titles(mine), ["for all", "for acme"]);
    assert_eq!(shown[0].name, of("acme", &all));
    assert_eq!(
        (shown[0].text.as_str(), shown[0].publisher.as_str()),
        ("", "")
    );
    let theirs = call!(room, other, facts.list_facts(list("tenants/globex")));
    assert_eq!(titles(theirs), ["for all", "for users", "for globex"]);
    // Staff see all, or what one tenant is told.
    let operator = &room.world.operator;
    let staff = call!(room, operator, facts.list_facts(list("")));
    assert_eq!(staff.clone().unwrap().facts[0].publisher, "root");
    assert_eq!(
        titles(staff),
        ["for all", "for users", "for acme", "for globex"]
    );
    let staff = call!(room, operator, facts.list_facts(list("tenants/acme")));
    assert_eq!(titles(staff), ["for all", "for acme"]);

    // What is for others is as what there never was, in every way of asking.
    let never = "facts/01934f5e-7c1a-7abc-8def-0123456789ab";
    let missing = call!(
        room,
        reader,
        facts.get_fact(get(format!("tenants/acme/{never}"), None))
    );
    let missing = missing.unwrap_err();
    for foreign in [&users, &globex] {
        let answer = call!(room, reader, facts.get_fact(get(of("acme", foreign), None)));
        let answer = answer.unwrap_err();
        assert_eq!(answer.details(), missing.details());
        assert_eq!(answer.message(), missing.message());
        let request = wire::ListFactVersionsRequest {
            parent: of("acme", foreign),
        };
        let answer = call!(room, reader, facts.list_fact_versions(request));
        assert_eq!(reason(answer), "NOT_FOUND");
        // Another tenant's name is refused without a look.
        let answer = call!(
            room,
            reader,
            facts.get_fact(get(of("globex", foreign), None))
        );
        assert_eq!(reason(answer), "PERMISSION_DENIED");
    }
    let answer = call!(room, reader, facts.get_fact(get(acme.name.clone(), None)));
    assert_eq!(reason(answer), "PERMISSION_DENIED");
    let answer = call!(room, reader, facts.list_facts(list("")));
    assert_eq!(reason(answer), "PERMISSION_DENIED");

    // Who uses the service from now on is told what its users are told.
    room.uses("acme", "compute", &[]).await.unwrap();
    let answer = call!(room, reader, facts.get_fact(get(of("acme", &users), None)));
    assert_eq!(
        answer.unwrap().fact.unwrap().text,
        "for users, in more words"
    );
}

#[tokio::test]
async fn pages_tell_nothing_of_facts_in_between() {
    let room = Room::new().await;
    for n in 0..6 {
        let audience = match n % 2 {
            0 => everyone(),
            _ => Audience::Tenant("tenants/globex".into()),
        };
        room.publish(audience, &format!("fact {n}")).await;
    }
    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = wire::ListFactsRequest {
            page_size: 1,
            page_token,
            ..list("tenants/acme")
        };
        let page = call!(room, &room.reader, facts.list_facts(request)).unwrap();
        seen.push(page.facts.len());
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, [1, 1, 1], "no page is short, and none empty");
    let request = wire::ListFactsRequest {
        page_size: 1,
        ..list("tenants/acme")
    };
    let page = call!(room, &room.reader, facts.list_facts(request)).unwrap();
    let elsewhere = wire::ListFactsRequest {
        page_token: page.next_page_token,
        ..list("tenants/globex")
    };
    let refused = call!(room, &room.other, facts.list_facts(elsewhere));
    assert_eq!(reason(refused), "INVALID_PAGE_TOKEN");
}

#[tokio::test]
async fn what_was_stated_on_a_day_is_told_as_it_was() {
    let mut room = Room::new().await;
    let hour = SignedDuration::from_hours(1);
    let made = room.publish(everyone(), "Machines run on KVM 8").await;
    let begun = room.world.kernel.env().now().as_second();
    room.later(hour).await;
    let update = |etag: &str, paths: &[&str]| wire::UpdateFactRequest {
        fact: Some(wire::Fact {
            name: made.name.clone(),
            title: "Machines run on KVM 9".into(),
            etag: etag.to_owned(),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
        }),
    };
    let operator = room.world.operator.clone();
    let request = update(&made.etag, &["title"]);
    let second = call!(room, &operator, facts.update_fact(request));
    let second = second.unwrap().fact.unwrap();
    assert_eq!(
        (second.version, second.text.as_str()),
        (2, made.text.as_str())
    );
    let stale = call!(
        room,
        &operator,
        facts.update_fact(update(&made.etag, &["title"]))
    );
    assert_eq!(reason(stale), "ETAG_MISMATCH");
    let moved = call!(
        room,
        &operator,
        facts.update_fact(update("", &["audience"]))
    );
    assert_eq!(fields(moved), ["update_mask"]);
    room.later(hour).await;
    let withdraw = |etag: &str| wire::WithdrawFactRequest {
        name: made.name.clone(),
        reason: "the last host was replaced".into(),
        etag: etag.to_owned(),
    };
    let operator = room.world.operator.clone();
    let stale = call!(room, &operator, facts.withdraw_fact(withdraw(&made.etag)));
    assert_eq!(reason(stale), "ETAG_MISMATCH");
    call!(room, &operator, facts.withdraw_fact(withdraw(&second.etag))).unwrap();
    room.later(hour).await;

    let name = of("acme", &made);
    let at = |hours: i64| Some(begun + hours * 3_600);
    for (when, title, state) in [
        (at(0), "Machines run on KVM 8", wire::fact::State::Current),
        (at(1), "Machines run on KVM 9", wire::fact::State::Current),
        (at(2), "Machines run on KVM 9", wire::fact::State::Withdrawn),
        (None, "Machines run on KVM 9", wire::fact::State::Withdrawn),
    ] {
        let fact = call!(room, &room.reader, facts.get_fact(get(name.clone(), when)));
        let fact = fact.unwrap().fact.unwrap();
        assert_eq!(
            (fact.title.as_str(), fact.state()),
            (title, state),
            "{when:?}"
        );
    }
    let before = call!(
        room,
        &room.reader,
        facts.get_fact(get(name.clone(), Some(begun - 1)))
    );
    assert_eq!(reason(before), "NOT_FOUND");
    // Lists show what stood then, and what ended only to those who ask.
    let listed = |as_of: Option<i64>, show_ended| wire::ListFactsRequest {
        as_of_time: as_of.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
        show_ended,
        ..list("tenants/acme")
    };
    for (request, expected) in [
        (listed(None, false), &[][..]),
        (listed(None, true), &["Machines run on KVM 9"]),
        (listed(at(0), false), &["Machines run on KVM 8"]),
        (listed(Some(begun - 1), true), &[]),
    ] {
        let found = call!(room, &room.reader, facts.list_facts(request));
        assert_eq!(titles(found), expected);
    }
    let request = wire::ListFactVersionsRequest { parent: name };
    let versions = call!(room, &room.reader, facts.list_fact_versions(request));
    let versions = versions.unwrap().versions;
    let told: Vec<_> = versions
        .iter()
        .map(|fact| (fact.version, fact.withdraw_reason.as_str()))
        .collect();
    assert_eq!(told, [(3, "the last host was replaced"), (2, ""), (1, "")]);
    assert!(versions.iter().all(|fact| fact.publisher.is_empty()));
}

#[tokio::test]
async fn facts_are_listed_by_kind_service_and_time() {
    let room = Room::new().await;
    let now = room.world.kernel.env().now().as_second();
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    for (title, kind, from, to) in [
        ("over", wire::FactKind::Maintenance, None, at(now)),
        ("to come", wire::FactKind::Maintenance, at(now + 60), None),
        ("other", wire::FactKind::Regions, None, None),
    ] {
        let request = wire::CreateFactRequest {
            fact: Some(wire::Fact {
                kind: kind.into(),
                service: "object-storage".into(),
                valid_from: from,
                valid_to: to,
                ..fact(everyone(), title)
            }),
        };
        room.world.clock.advance(SignedDuration::from_millis(1));
        call!(room, &room.world.operator, facts.create_fact(request)).unwrap();
    }
    let maintenance = || wire::ListFactsRequest {
        kind: wire::FactKind::Maintenance.into(),
        service: "object-storage".into(),
        ..list("tenants/acme")
    };
    let found = call!(room, &room.reader, facts.list_facts(maintenance()));
    let state = found.clone().unwrap().facts[0].state();
    assert_eq!(titles(found), ["to come"]);
    assert_eq!(state, wire::fact::State::Upcoming);
    let ended = wire::ListFactsRequest {
        show_ended: true,
        ..maintenance()
    };
    let found = call!(room, &room.reader, facts.list_facts(ended));
    assert_eq!(titles(found), ["over", "to come"]);
    let elsewhere = wire::ListFactsRequest {
        service: "compute".into(),
        ..list("tenants/acme")
    };
    let found = call!(room, &room.reader, facts.list_facts(elsewhere));
    assert!(titles(found).is_empty());
}

#[tokio::test]
async fn what_is_wrong_with_a_fact_is_told_at_once() {
    let room = Room::new().await;
    let operator = &room.world.operator;
    let request = wire::CreateFactRequest {
        fact: Some(wire::Fact {
            service: "S".into(),
            region: "a b".into(),
            text: "\u{7}".into(),
            ..Default::default()
        }),
    };
    assert_eq!(
        fields(call!(room, operator, facts.create_fact(request))),
        [
            "fact.kind",
            "fact.audience",
            "fact.service",
            "fact.region",
            "fact.title",
            "fact.text"
        ]
    );
    let nobody = wire::CreateFactRequest {
        fact: Some(fact(Audience::Tenant("tenants/initech".into()), "x")),
    };
    let answer = call!(room, operator, facts.create_fact(nobody));
    assert_eq!(reason(answer), "NOT_FOUND");
    let mine = wire::CreateFactRequest {
        fact: Some(fact(everyone(), "x")),
    };
    let admin = room.world.member("tenants/acme", "admin").await;
    let answer = call!(room, &admin, facts.create_fact(mine));
    assert_eq!(reason(answer), "PERMISSION_DENIED");
}
