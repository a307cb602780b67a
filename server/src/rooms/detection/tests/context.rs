//! What a tenant has told of its own raises, lowers and explains what is found, and hides nothing.

use cordon_proto::context as told;
use cordon_proto::context::context_entry::About;
use cordon_proto::context::context_service_server::ContextService as _;

use super::*;
use crate::rooms::context::ContextRpc;

struct Telling {
    room: Room,
    context: ContextRpc,
}

impl Telling {
    async fn new() -> Self {
        let room = Room::new().await;
        let context = ContextRpc::new(Arc::clone(&room.world.kernel));
        Self { room, context }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.room.request(actor, message).await
    }

    async fn tell_of(&self, actor: &Actor, tenant: &str, name: &str, about: About) -> String {
        let request = told::CreateContextEntryRequest {
            parent: format!("tenants/{tenant}"),
            context_entry: Some(told::ContextEntry {
                display_name: name.into(),
                about: Some(about),
                ..Default::default()
            }),
            ..Default::default()
        };
        let made = call!(self, actor, context.create_context_entry(request));
        made.unwrap().context_entry.unwrap().name
    }

    async fn tell(&self, name: &str, about: About) -> String {
        self.tell_of(&self.room.responder, "acme", name, about)
            .await
    }

    /// Sends, looks, and has the one finding.
    async fn find(&mut self, records: Vec<Value>) -> wire::Finding {
        self.room.send(records).await;
        self.room.look().await;
        let found = self.room.found().await;
        let [finding] = found.as_slice() else {
            panic!("{found:?}");
        };
        finding.clone()
    }
}

fn jewel(identifier: &str) -> About {
    About::Asset(told::Asset {
        identifiers: vec![identifier.into()],
        role: "audit trail".into(),
        crown_jewel: true,
        ..Default::default()
    })
}

/// The first half of New Year's Eve's last hour.
fn work(principal: &str) -> About {
    let time = |text: &str| {
        let time: jiff::Timestamp = text.parse().unwrap();
        Some(crate::rooms::fields::wire_time(time))
    };
    About::PlannedWork(told::PlannedWork {
        start_time: time("2025-12-31T23:00:00Z"),
        end_time: time("2025-12-31T23:30:00Z"),
        principals: vec![principal.into()],
        operations: vec!["StopLogging".into()],
        reference: "CHG-7".into(),
        ..Default::default()
    })
}

fn trusted() -> About {
    About::TrustedNetwork(told::TrustedNetwork {
        cidrs: vec!["198.51.100.0/24".into()],
        expire_time: None,
    })
}

fn on(record: Value, arn: &str) -> Value {
    let mut record = record;
    record["resources"] = json!([{ "ARN": arn, "accountId": "111111111111" }]);
    record
}

const TRAIL: &str = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/main";

#[tokio::test]
async fn a_crown_jewel_raises_and_keeps_from_lowering() {
    let mut telling = Telling::new().await;
    telling.room.create(STOPPED).await.unwrap();
    let name = telling.tell("Main trail", jewel(TRAIL)).await;
    telling.tell("Office", trusted()).await;
    telling.tell("Migration", work("*user/ana")).await;
    let found = telling
        .find(vec![on(record(1, 0, "StopLogging"), TRAIL)])
        .await;
    assert_eq!(found.level(), wire::Level::Critical);
    assert_eq!(found.rule_level(), wire::Level::High);
    let [raised, planned, office] = found.explanations.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(raised.kind(), wire::ExplanationKind::CrownJewel);
    assert_eq!(
        (&raised.context_entry, raised.matched_field.as_str()),
        (&name, "resource")
    );
    assert_eq!(raised.matched_value, TRAIL);
    assert_eq!(
        (raised.level_before(), raised.level_after()),
        (wire::Level::High, wire::Level::Critical)
    );
    assert!(raised.text.contains("audit trail"), "{}", raised.text);
    for stays in [planned, office] {
        assert_eq!(stays.level_before(), stays.level_after());
        assert!(stays.text.contains("crown jewel"), "{}", stays.text);
    }
    // OCSF says the same.
    let request = wire::GetFindingRequest { name: found.name };
    let whole = call!(
        telling.room,
        &telling.room.responder,
        findings.get_finding(request)
    );
    let ocsf = whole.unwrap().finding.unwrap().ocsf_json;
    let ocsf: Value = serde_json::from_str(&ocsf).unwrap();
    assert_eq!(ocsf["severity_id"], 5);
    assert_eq!(ocsf["enrichments"][0]["type"], "crown_jewel");
    assert_eq!(ocsf["enrichments"][0]["value"], TRAIL);
    assert_eq!(ocsf["enrichments"][0]["data"]["severity_id_before"], 4);
    assert_eq!(ocsf["enrichments"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn planned_work_lowers_until_something_is_outside_of_it() {
    let mut telling = Telling::new().await;
    telling.room.create(STOPPED).await.unwrap();
    telling.tell("Migration", work("*user/ana")).await;
    let found = telling.find(vec![record(1, 0, "StopLogging")]).await;
    assert_eq!(found.level(), wire::Level::Medium);
    assert_eq!(found.rule_level(), wire::Level::High);
    assert_eq!(
        found.status(),
        wire::FindingStatus::New,
        "it is told all the same"
    );
    assert!(found.explanations[0].text.contains("CHG-7"));
    // Lists know it by its level of now.
    let worse = |level: wire::Level| wire::ListFindingsRequest {
        parent: "tenants/acme".into(),
        min_level: level.into(),
        ..Default::default()
    };
    let listed = call!(
        telling.room,
        &telling.room.responder,
        findings.list_findings(worse(wire::Level::High))
    );
    assert_eq!(listed.unwrap().findings, []);
    // The same thief does something else, within the hour.
    let found = telling.find(vec![record(2, 5, "DeleteTrail")]).await;
    assert_eq!((found.level(), found.count), (wire::Level::High, 2));
    assert!(found.explanations[0].text.contains("not all of its events"));
    let listed = call!(
        telling.room,
        &telling.room.responder,
        findings.list_findings(worse(wire::Level::High))
    );
    assert_eq!(listed.unwrap().findings.len(), 1);
}

#[tokio::test]
async fn outside_of_the_work_or_the_network_nothing_is_lowered() {
    let mut telling = Telling::new().await;
    telling.room.create(STOPPED).await.unwrap();
    telling.tell("Migration", work("*user/ben")).await;
    telling.tell("Office", trusted()).await;
    // Ana is not part of it, and one of two addresses is not the office's.
    let away = with(
        record(2, 1, "StopLogging"),
        "sourceIPAddress",
        "203.0.113.9",
    );
    let found = telling.find(vec![record(1, 0, "StopLogging"), away]).await;
    assert_eq!(found.level(), wire::Level::High);
    assert_eq!(found.rule_level(), wire::Level::High);
    let [office] = found.explanations.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(office.kind(), wire::ExplanationKind::TrustedNetwork);
    assert_eq!(office.level_after(), wire::Level::High);
}

#[tokio::test]
async fn a_trusted_network_lowers_and_what_is_critical_stays() {
    let mut telling = Telling::new().await;
    telling.tell("Office", trusted()).await;
    telling.room.create(STOPPED).await.unwrap();
    let found = telling.find(vec![record(1, 0, "StopLogging")]).await;
    assert_eq!(found.level(), wire::Level::Medium);

    let mut telling = Telling::new().await;
    telling.tell("Office", trusted()).await;
    let critical = STOPPED.replace("level: high", "level: critical");
    telling.room.create(&critical).await.unwrap();
    let found = telling.find(vec![record(1, 0, "StopLogging")]).await;
    assert_eq!(found.level(), wire::Level::Critical);
    assert!(found.explanations[0].text.contains("never lowered"));
}

#[tokio::test]
async fn a_correlation_is_lowered_if_all_that_it_counted_is_and_raised_by_any() {
    for (others, jewels, expected) in [
        ("198.51.100.7", "elsewhere", wire::Level::Low),
        ("203.0.113.9", "elsewhere", wire::Level::Medium),
        ("203.0.113.9", TRAIL, wire::Level::High),
    ] {
        let mut telling = Telling::new().await;
        // Counted for the account, from wherever.
        let rule = FAILURES.replace("group-by: [sourceIPAddress]", "group-by: [awsRegion]");
        telling.room.create(&rule).await.unwrap();
        telling.tell("Office", trusted()).await;
        telling.tell("Main trail", jewel(jewels)).await;
        let denied = |id, from: &str| {
            let record = with(record(id, id, "ListUsers"), "errorCode", "AccessDenied");
            with(record, "sourceIPAddress", from)
        };
        // The first is remembered by the time that the last comes.
        telling.room.send(vec![on(denied(1, others), TRAIL)]).await;
        telling.room.look().await;
        telling.room.sets = RuleSets::default();
        let found = telling
            .find(vec![denied(2, "198.51.100.8"), denied(3, "198.51.100.9")])
            .await;
        assert_eq!(found.level(), expected, "{found:?}");
        assert_eq!(found.count, 3);
    }
}

#[tokio::test]
async fn what_is_told_later_changes_nothing_that_was_found_and_nobody_elses() {
    let mut telling = Telling::new().await;
    telling.room.create(STOPPED).await.unwrap();
    let before = telling.find(vec![record(1, 0, "StopLogging")]).await;
    assert_eq!((before.level(), before.rule_level), (wire::Level::High, 0));
    telling.tell("Office", trusted()).await;
    telling.room.look().await;
    let found = telling.room.found().await;
    assert_eq!(found, [before]);
    // It goes on from the office: what was found before is part of nothing.
    let after = telling.find(vec![record(2, 1, "StopLogging")]).await;
    assert_eq!(
        (after.level(), after.explanations.len()),
        (wire::Level::High, 1)
    );

    // Another tenant's word is nothing to this one.
    let mut telling = Telling::new().await;
    let globex = telling
        .room
        .world
        .member("tenants/globex", "responder")
        .await;
    telling
        .tell_of(&globex, "globex", "Office", trusted())
        .await;
    telling.room.create(STOPPED).await.unwrap();
    let found = telling.find(vec![record(1, 0, "StopLogging")]).await;
    assert_eq!(
        (found.level(), found.explanations.len()),
        (wire::Level::High, 0)
    );
}

#[tokio::test]
async fn what_is_taken_back_explains_no_more_and_stays_said() {
    let mut telling = Telling::new().await;
    telling.room.create(STOPPED).await.unwrap();
    let name = telling.tell("Office", trusted()).await;
    let found = telling.find(vec![record(1, 0, "StopLogging")]).await;
    assert_eq!(found.level(), wire::Level::Medium);
    let request = told::DeleteContextEntryRequest {
        name,
        ..Default::default()
    };
    call!(
        telling,
        &telling.room.responder,
        context.delete_context_entry(request)
    )
    .unwrap();
    telling.room.look().await;
    assert_eq!(telling.room.found().await, [found]);
    let found = telling.find(vec![record(2, 1, "StopLogging")]).await;
    assert_eq!(
        found.level(),
        wire::Level::High,
        "it does not come from there any more"
    );
}
