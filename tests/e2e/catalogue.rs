//! What can be known before anything happens: facts to their audiences, sources as they are measured,
//! and whether a tenant is ready; over the wire and by the command line.

use cordon_client::{
    Access, Client, FactAudience, FactChanges, FactFilter, FactKind, FactState, NewFact,
    ReadinessCheck, ReadinessState, Reason, Service, ServiceModel, ServiceSource, SourceQuestion,
};
use futures::TryStreamExt as _;

use crate::harness::{Call, World, trail};

const A: &str = "aws:100000000001";
const B: &str = "aws:200000000002";

fn fact(audience: FactAudience, title: &str) -> NewFact {
    NewFact {
        kind: FactKind::Technology,
        audience,
        service: String::new(),
        region: String::new(),
        title: title.to_owned(),
        text: format!("{title}, in more words"),
        valid_from: None,
        valid_to: None,
    }
}

/// Of a kind of which quickstart states nothing.
async fn titles(client: &Client) -> Vec<String> {
    let filter = FactFilter {
        kind: Some(FactKind::Technology),
        ..FactFilter::default()
    };
    let facts: Vec<_> = client.facts().list(filter).try_collect().await.unwrap();
    facts.into_iter().map(|fact| fact.title).collect()
}

fn service(sources: &[(&str, Access)]) -> Service {
    let source = |(source_type, access): &(&str, Access)| ServiceSource {
        source_type: (*source_type).to_owned(),
        access: (*access).into(),
    };
    Service {
        service_model: ServiceModel::Iaas.into(),
        sources: sources.iter().map(source).collect(),
        ..Service::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_customer_is_told_what_is_for_it_and_what_it_was_told() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    world.tenant("hooli", &[B]).await;
    let operator = &world.operator;
    let catalogue = operator.catalogue();
    catalogue
        .create_service("hooli", "compute", service(&[]))
        .await
        .unwrap();
    let everyone = fact(FactAudience::Everyone, "Machines run on KVM 8");
    let told = operator.facts().create(everyone).await.unwrap();
    for (audience, title) in [
        (
            FactAudience::Service("compute".to_owned()),
            "Hosts are shared",
        ),
        (FactAudience::Tenant("initech".to_owned()), "Your contact"),
    ] {
        operator
            .facts()
            .create(fact(audience, title))
            .await
            .unwrap();
    }
    let initech = world.member("initech", "reader").await;
    let hooli = world.member("hooli", "reader").await;
    let mine = ["Machines run on KVM 8", "Your contact"];
    assert_eq!(titles(&initech).await, mine);
    let theirs = ["Machines run on KVM 8", "Hosts are shared"];
    assert_eq!(titles(&hooli).await, theirs);
    // The operator sees it as initech does.
    assert_eq!(titles(&operator.for_tenant("initech")).await, mine);

    let then = cordon_client::time::now();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let changes = FactChanges {
        title: Some("Machines run on KVM 9".to_owned()),
        ..FactChanges::default()
    };
    let facts = operator.facts();
    let second = facts
        .update(&told.name, changes.clone(), &told.etag)
        .await
        .unwrap();
    let stale = facts.update(&told.name, changes, &told.etag).await;
    assert_eq!(*stale.unwrap_err().reason(), Reason::EtagMismatch);
    facts
        .withdraw(&told.name, "the last host was replaced", &second.etag)
        .await
        .unwrap();
    let id = told.name.trim_start_matches("facts/");
    let was = initech.facts().get(id, Some(then)).await.unwrap();
    assert_eq!(
        (was.title.as_str(), was.version),
        ("Machines run on KVM 8", 1)
    );
    let now = initech.facts().get(id, None).await.unwrap();
    assert_eq!(now.state(), FactState::Withdrawn);
    assert_eq!(now.publisher, "", "who it was is not for customers");
    assert_eq!(initech.facts().versions(id).await.unwrap().len(), 3);
    assert_eq!(titles(&initech).await, ["Your contact"]);
    // The name by which initech reads it is of no use to hooli.
    assert_eq!(titles(&hooli).await, ["Hosts are shared"]);
    let foreign = hooli.facts().get(&now.name, None).await.unwrap_err();
    assert_eq!(*foreign.reason(), Reason::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_measured_ranked_and_looked_through_before_anything_happens() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    world.tenant("hooli", &[B]).await;
    let sources = [
        ("aws.cloudtrail", Access::Direct),
        ("aws.vpcflow", Access::Analysis),
    ];
    world
        .operator
        .catalogue()
        .create_service("initech", "compute", service(&sources))
        .await
        .unwrap();
    let reader = world.member("initech", "reader").await;
    let state = |items: &[cordon_client::ReadinessItem], check: ReadinessCheck| {
        let item = items.iter().find(|item| item.check() == check).unwrap();
        (item.state(), item.action.clone())
    };
    let before = reader.readiness().await.unwrap().items;
    let (logging, action) = state(&before, ReadinessCheck::Logging);
    assert_eq!(logging, ReadinessState::Attention);
    assert!(action.contains("aws.cloudtrail"), "{action}");

    let minutes_ago = |minutes: i64| {
        let time = cordon_client::time::now() - jiff::SignedDuration::from_mins(minutes);
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let record = |id: &str, account, minutes| {
        trail(&Call {
            id,
            caller: account,
            recipient: account,
            operation: "StopLogging",
            time: &minutes_ago(minutes),
            parameters: serde_json::Value::Null,
        })
    };
    let own = [record("1", A, 5), record("2", A, 5)];
    world.send("aws.cloudtrail", "own", &own).await;
    let measured = || async {
        let found = reader.catalogue().data_sources(None).await.unwrap();
        let mut all = found.data_sources.into_iter();
        all.find(|one| one.source_type == "aws.cloudtrail").unwrap()
    };
    let trail = measured().await;
    assert_eq!((trail.access(), trail.event_count), (Access::Direct, 2));
    let lag = trail.lag.unwrap();
    let p95 = lag.p95.unwrap().seconds;
    assert!((300..=420).contains(&p95), "{p95}");
    // Others' events, an hour late, move nothing of it.
    let theirs: Vec<String> = (0..50).map(|n| record(&format!("t{n}"), B, 60)).collect();
    world.send("aws.cloudtrail", "theirs", &theirs).await;
    assert_eq!(measured().await, trail);

    let question = SourceQuestion::Operation("aws.cloudtrail".into(), "StopLogging".into());
    let catalogue = reader.catalogue();
    let answer = catalogue.recommend(question, None, &[]).await.unwrap();
    assert_eq!(answer.techniques, ["T1562.008"]);
    assert_eq!(answer.sources[0].source_type, "aws.cloudtrail");
    assert_eq!(answer.sources[0].access(), Access::Direct);
    let unknown = SourceQuestion::Technique("T9999".into());
    let unknown = catalogue.recommend(unknown, None, &[]).await.unwrap_err();
    assert_eq!(*unknown.reason(), Reason::InvalidArgument);
    let coverage = catalogue.coverage(None, &["IaaS"]).await.unwrap();
    assert!(coverage.partly + coverage.whole > 0);

    let after = reader.readiness().await.unwrap().items;
    let (logging, _) = state(&after, ReadinessCheck::Logging);
    assert_eq!(logging, ReadinessState::Ok);
    let (accounts, _) = state(&after, ReadinessCheck::Accounts);
    assert_eq!(accounts, ReadinessState::Ok);
    let (containment, _) = state(&after, ReadinessCheck::Containment);
    assert_eq!(containment, ReadinessState::Unknown);
}
