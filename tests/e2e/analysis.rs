//! Questions and answers, over a real attack and across a server's end.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use cordon_client::analysis::{
    AnswerFormat, Cell, HandedIn, NewAnalysis, Question, RoleChain, Start, Subject, read_analysis,
};
use cordon_client::ingest::{Batch, Cut};
use cordon_client::statement::PublicKeys;
use cordon_client::{Client, Entry, FindingFilter, Holder, Reason};
use futures::{StreamExt as _, executor};
use jiff::{SignedDuration, Timestamp};

use crate::harness::{Call, Server, World, connect, shared_data, trail};

const A: &str = "aws:100000000001";
/// The account of the published attack, and who attacks.
const VICTIM: &str = "aws:123837392027";
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
    let batches = futures::stream::iter(attack(&data).into_iter().map(Ok));
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

/// The files of the published attack, cut.
fn attack(data: &Path) -> Vec<Batch> {
    let cut = Cut::new("sources/aws-cloudtrail", "aws.cloudtrail");
    let mut batches = Vec::new();
    for (number, file) in std::fs::read_dir(data.join("cloudtrail-invictus"))
        .unwrap()
        .enumerate()
    {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "gz") {
            let opened = std::fs::File::open(&path).unwrap();
            let read = cordon_client::ingest::read(opened, &format!("file-{number}"), &cut);
            batches.extend(executor::block_on_stream(read.unwrap()).map(Result::unwrap));
        }
    }
    batches
}

/// Two quiet weeks of a user, twelve calls a day, up to the day before an attack's.
fn quiet_weeks(arn: &str, until: Timestamp) -> Vec<String> {
    let begun = until.checked_sub(SignedDuration::from_hours(15 * 24));
    let begun = begun.unwrap();
    let name = arn.rsplit('/').next().unwrap();
    let account = VICTIM.strip_prefix("aws:").unwrap();
    (0..14 * 12)
        .map(|n| {
            let time = begun
                .checked_add(SignedDuration::from_hours(2 * n))
                .unwrap();
            let mut record: serde_json::Value = serde_json::from_str(&trail(&Call {
                time: &time.to_string(),
                ..Call::own(&format!("quiet-{n}"), VICTIM)
            }))
            .unwrap();
            record["userIdentity"] = serde_json::json!({
                "type": "IAMUser", "principalId": "AIDAEXAMPLEQUIET", "arn": arn,
                "accountId": account, "accessKeyId": "AKIAEXAMPLEQUIET0001", "userName": name,
            });
            record["awsRegion"] = serde_json::json!("us-east-1");
            record.to_string()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_security_team_learns_of_what_no_rule_names() {
    let Some(data) = shared_data() else { return };
    let world = World::new().await;
    world.tenant("initech", &[VICTIM]).await;
    let responder = world.member("initech", "responder").await;
    let baselines = responder.baselines();
    baselines.set(true, "").await.unwrap();

    let batches = attack(&data);
    let records = batches.iter().flat_map(|batch| &batch.records);
    let records: Vec<serde_json::Value> = records
        .map(|record| serde_json::from_slice(record).unwrap())
        .collect();
    // Who did most, and when the attack begins.
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for record in &records {
        if let Some(arn) = record["userIdentity"]["arn"].as_str()
            && record["userIdentity"]["type"] == "IAMUser"
        {
            *calls.entry(arn).or_default() += 1;
        }
    }
    let (arn, _) = calls.iter().max_by_key(|(_, count)| **count).unwrap();
    let begins = records.iter().filter_map(|one| one["eventTime"].as_str());
    let begins: Timestamp = begins.min().unwrap().parse().unwrap();
    let quiet = quiet_weeks(arn, begins);
    world.send("aws.cloudtrail", "quiet", &quiet).await;
    let cut = Cut::new("sources/aws-cloudtrail", "aws.cloudtrail");
    let batches = futures::stream::iter(batches.into_iter().map(Ok));
    let mut outcomes = world.operator.ingest().send(&cut, batches);
    while let Some(outcome) = outcomes.next().await {
        outcome.unwrap();
    }

    let findings = responder.findings();
    let until = tokio::time::Instant::now() + DEADLINE;
    let unusual = loop {
        let all: Vec<_> = findings.list(FindingFilter::default()).collect().await;
        let of_user = all.into_iter().map(Result::unwrap);
        let of_user: Vec<_> = of_user
            .filter(|found| found.unusual.is_some() && found.actor == *arn)
            .collect();
        if !of_user.is_empty() {
            break of_user;
        }
        assert!(tokio::time::Instant::now() < until, "nothing is unusual");
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    // No rule is there at all; what is told says what was expected, and shows the events.
    for found in &unusual {
        let told = found.unusual.as_ref().unwrap();
        assert!(found.rule.is_empty(), "{found:?}");
        assert!(
            !told.expected.is_empty() && !told.seen.is_empty(),
            "{told:?}"
        );
        assert!(!found.events.is_empty(), "{found:?}");
    }
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
    tokio::time::sleep(Duration::from_millis(700)).await;
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
