//! Questions and answers, over a real attack and across a server's end.

use std::time::Duration;

use cordon_client::analysis::{
    AnswerFormat, Cell, HandedIn, NewAnalysis, Question, RoleChain, Start, State, Subject,
    read_analysis,
};
use cordon_client::ingest::Cut;
use cordon_client::statement::PublicKeys;
use cordon_client::{Client, Entry, Holder, Reason};
use futures::StreamExt as _;

use crate::csirt::attack::{VICTIM, batches};
use crate::harness::{Call, Server, World, connect, shared_data, trail};

const A: &str = "aws:100000000001";
/// For a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(120);

async fn answered(client: &Client, question: Question) -> cordon_client::analysis::Analysis {
    let analyses = client.analyses();
    let asked = analyses
        .create(NewAnalysis::new(question, "what the attacker did"))
        .await
        .unwrap();
    let ended = tokio::time::timeout(DEADLINE, analyses.wait(&asked.name)).await;
    ended.unwrap().unwrap()
}

/// Somebody of the staff who says why.
async fn analyst(world: &World, who: &str) -> Client {
    let profile = world.issue_to(Holder::Staff, "analyst", who).await;
    let client = connect(profile).await;
    client.entering(Entry::new("answers the customer's question").reference("INC-1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_security_team_gets_answers_about_the_real_attack() {
    let Some(data) = shared_data() else { return };
    let world = World::new().await;
    world.tenant("initech", &[VICTIM]).await;
    let responder = world.member("initech", "responder").await;
    let cut = Cut::new("sources/aws-cloudtrail", "aws.cloudtrail");
    let batches = futures::stream::iter(batches(&data).into_iter().map(Ok));
    let mut outcomes = world.operator.ingest().send(&cut, batches);
    while let Some(outcome) = outcomes.next().await {
        outcome.unwrap();
    }

    // Who did most.
    let busiest = "SELECT actor, count(*) AS events FROM events WHERE status = 'Failure' \
                   GROUP BY actor ORDER BY events DESC, actor LIMIT 1";
    let asked = answered(&responder, Question::Sql(busiest.to_owned())).await;
    let answer = responder.analyses().answer(&asked.name).await.unwrap();
    let actor = match &answer.tables[0].rows[0][0] {
        Cell::Text(actor) => actor.clone(),
        other => panic!("{other:?}"),
    };
    let pivot = answered(&responder, Question::Pivot(Subject::Actor(actor.clone()))).await;
    let chain = Question::RoleChain(RoleChain::from(Start::Actor(actor)));
    let chain = answered(&responder, chain).await;
    for asked in [&pivot, &chain] {
        let answer = responder.analyses().answer(&asked.name).await.unwrap();
        assert!(answer.tables.iter().any(|table| !table.rows.is_empty()));
        // What was signed is this answer.
        let mut statement = Vec::new();
        let analyses = responder.analyses();
        let (name, form) = (asked.name.as_str(), AnswerFormat::Statement);
        analyses
            .download(name, form, "", &mut statement, |_| {})
            .await
            .unwrap();
        let keys = responder.identity().signing_keys().await.unwrap();
        let signed = read_analysis(&statement, &PublicKeys::new(&keys).unwrap()).unwrap();
        assert_eq!(signed.name, asked.name);
        let mut json = Vec::new();
        analyses
            .download(name, AnswerFormat::Json, "", &mut json, |_| {})
            .await
            .unwrap();
        signed.check(&json).unwrap();
        assert!(signed.check(&json[1..]).is_err());
        let again = analyses.rerun(name).await.unwrap();
        let again = analyses.wait(&again.name).await.unwrap();
        assert_eq!(again.result.unwrap().identical, Some(true));
    }

    // What only people know.
    let question = Question::Human("Was the host under our machine patched?".to_owned());
    let new = NewAnalysis::new(question, "whether the host is to be trusted");
    let asked = responder.analyses().create(new).await.unwrap();
    let (first, second) = (analyst(&world, "ines").await, analyst(&world, "omar").await);
    let waiting: Vec<_> = first.analysis_desk().queue().collect().await;
    assert_eq!(waiting.len(), 1);
    first.analysis_desk().claim(&asked.name, "").await.unwrap();
    let handed_in = HandedIn {
        findings: "It was patched before, and restarted once.".to_owned(),
        method: "Maintenance log, read by hand.".to_owned(),
        ..HandedIn::default()
    };
    first
        .analysis_desk()
        .submit(&asked.name, handed_in)
        .await
        .unwrap();
    let own = first.analysis_desk().release(&asked.name, "").await;
    assert_eq!(*own.unwrap_err().reason(), Reason::FailedPrecondition);
    second
        .analysis_desk()
        .release(&asked.name, "")
        .await
        .unwrap();
    let answer = responder.analyses().answer(&asked.name).await.unwrap();
    assert!(format!("{answer:?}").contains("restarted once"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_outlives_the_server_that_began_it() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    let records: Vec<String> = (0..2_000)
        .map(|n| trail(&Call::own(&format!("e{n}"), A)))
        .collect();
    for (at, records) in records.chunks(500).enumerate() {
        let name = format!("b{at}");
        world.send("aws.cloudtrail", &name, records).await;
    }
    let profile = world
        .issue(Holder::Tenant("initech".into()), "responder")
        .await;
    let World { folder, server, .. } = world;
    let data = folder.path().join("data");
    let client = connect(profile.clone()).await;
    // Long enough to be at work when the server ends.
    let slow = "SELECT count(*) AS n FROM events a, events b WHERE a.raw <> b.raw";
    let asked = client
        .analyses()
        .create(NewAnalysis::new(Question::Sql(slow.to_owned()), "a test"))
        .await
        .unwrap();
    let mut seen = asked.clone();
    while seen.state() != State::Running {
        assert_eq!(seen.state(), State::Accepted, "{seen:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
        seen = client.analyses().get(&asked.name).await.unwrap();
    }
    server.kill().await;
    let server = Server::start(&data).await;
    let mut profile = profile;
    profile.endpoints = vec![format!("https://{}", server.address)];
    let client = connect(profile).await;
    let ended = tokio::time::timeout(DEADLINE, client.analyses().wait(&asked.name)).await;
    let ended = ended.unwrap().unwrap();
    let answer = client.analyses().answer(&ended.name).await.unwrap();
    let pairs = &answer.tables[0].rows[0][0];
    assert_eq!(*pairs, Cell::Integer(2_000 * 1_999), "{answer:?}");
}
