//! What the client asks about analyses, and what it does when that goes wrong on the way.

use std::collections::HashSet;

use cordon_client::analysis::{
    AnswerFormat, DataKind, HandedIn, NewAnalysis, Question, Scope, State, Subject,
    TimelineQuestion, has_ended, released,
};
use cordon_client::{Entry, Reason};
use cordon_proto::analysis as wire;
use futures::{StreamExt as _, TryStreamExt as _};
use tonic::{Code, Status};

use super::fake::Fake;
use super::fake::analysis::{ANSWER, ID, change, part};
use super::fake::incidents::ID as INCIDENT;
use super::incidents::{asked, marks};
use super::refusal;

pub(crate) fn name() -> String {
    format!("tenants/acme/analyses/{ID}")
}

fn pivot() -> NewAnalysis {
    let question = Question::Pivot(Subject::Actor("example".to_owned()));
    NewAnalysis::new(question, "a key was stolen")
}

fn handed_in() -> HandedIn {
    HandedIn {
        findings: "Nobody.".to_owned(),
        method: "Read the records.".to_owned(),
        ..HandedIn::default()
    }
}

#[tokio::test]
async fn each_call_says_what_is_meant() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let analyses = client.analyses();
    let new = NewAnalysis {
        scope: Scope {
            since: Some("1970-01-02T00:00:00Z".parse().unwrap()),
            accounts: vec!["123456789012".to_owned()],
            ..Scope::default()
        },
        incident: Some(INCIDENT.to_owned()),
        ..pivot()
    };
    assert_eq!(analyses.create(new).await.unwrap().name, name());
    let around = TimelineQuestion::around_event("00");
    let new = NewAnalysis::new(around.into(), "what else?");
    analyses.create(new).await.unwrap();
    let human = NewAnalysis {
        consent: vec![DataKind::Incidents],
        ..NewAnalysis::new(Question::Human("Who?".to_owned()), "to know")
    };
    analyses.create(human).await.unwrap();
    assert_eq!(analyses.get(ID).await.unwrap().name, name());
    let all: Vec<_> = analyses.list().try_collect().await.unwrap();
    assert_eq!(all.len(), 2);
    analyses.reply(ID, "It was I.").await.unwrap();
    analyses.cancel(ID, "e1").await.unwrap();
    let again = analyses.rerun(ID).await.unwrap();
    assert_eq!(again.rerun_of, name());
    let name = name();
    let of = "PivotQuestion { subject: Some(Subject { subject: Some(Actor(\"example\")) }) }";
    let calls = asked(&fake.script);
    assert_eq!(
        calls[0],
        format!(
            "create_analysis tenants/acme Pivot({of}) Some(86400) None [\"123456789012\"] [] [] \
             \"a key was stolen\" [1] \"tenants/acme/incidents/{INCIDENT}\""
        )
    );
    let event = "Timeline(TimelineQuestion { before: Some(Duration { seconds: 3600";
    assert!(calls[1].contains(event), "{}", calls[1]);
    assert!(calls[1].contains("Event(\"tenants/acme/events/00\")"));
    assert_eq!(
        calls[2..],
        [
            // People read what they were given leave to, and nothing else.
            "create_analysis tenants/acme Human(HumanQuestion { text: \"Who?\" }) None None [] [] [] \
             \"to know\" [2] \"\""
                .to_owned(),
            format!("get_analysis {name}"),
            "list_analyses tenants/acme 100 ".to_owned(),
            "list_analyses tenants/acme 100 two".to_owned(),
            format!("reply {name} \"It was I.\""),
            format!("cancel_analysis {name} \"e1\""),
            format!("rerun {name}"),
        ]
    );
    // What can't be asked is not sent.
    let error = analyses
        .create(NewAnalysis::new(Question::Sql(String::new()), "x"))
        .await;
    assert_eq!(*error.unwrap_err().reason(), Reason::InvalidArgument);
    let error = analyses.reply(ID, " ").await.unwrap_err();
    assert_eq!(error.violations()[0].field, "text");
    let unsaid = NewAnalysis::new(Question::Human("Who?".to_owned()), "");
    let error = analyses.create(unsaid).await.unwrap_err();
    assert_eq!(error.violations()[0].field, "analysis.purpose");
    assert!(asked(&fake.script).is_empty());
}

#[tokio::test]
async fn a_call_is_repeated_under_its_id_or_not_at_all() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let (analyses, desk) = (client.analyses(), client.analysis_desk());
    let busy = || {
        let busy = [Status::unavailable("busy"), Status::unavailable("busy")];
        *fake.script.incident_failures.lock().unwrap() = busy.into();
    };
    let mut known = HashSet::new();
    let mut once = |what: &str| {
        let marks = marks(&fake.script);
        assert_eq!(marks.len(), 3, "{what}");
        assert!(marks.iter().all(|mark| *mark == marks[0]), "{what}");
        assert!(known.insert(marks[0].clone()), "{what}");
    };
    busy();
    analyses.create(pivot()).await.unwrap();
    once("create");
    busy();
    analyses.reply(ID, "yes").await.unwrap();
    once("reply");
    busy();
    analyses.rerun(ID).await.unwrap();
    once("rerun");
    busy();
    desk.ask_back(ID, "which?").await.unwrap();
    once("ask back");
    busy();
    desk.decline(ID, "no").await.unwrap();
    once("decline");
    busy();
    desk.submit(ID, handed_in()).await.unwrap();
    once("submit");

    // Where there is no id, nobody knows whether the first call was done.
    asked(&fake.script);
    busy();
    assert!(analyses.cancel(ID, "").await.is_err());
    busy();
    assert!(desk.claim(ID, "").await.is_err());
    busy();
    assert!(desk.give_back(ID, "not yet").await.is_err());
    busy();
    assert!(desk.release(ID, "").await.is_err());
    assert_eq!(asked(&fake.script).len(), 4);
    // What the server refused it has not done.
    *fake.script.incident_failures.lock().unwrap() =
        [refusal(Code::Unavailable, "UNAVAILABLE")].into();
    desk.release(ID, "").await.unwrap();
    assert_eq!(asked(&fake.script).len(), 2);
}

#[tokio::test]
async fn an_analysis_is_followed_until_it_has_ended() {
    let fake = Fake::start().await;
    let alive = || Ok(wire::WatchAnalysisResponse { analysis: None });
    fake.script.analysis_watches.lock().unwrap().extend([
        vec![
            change(State::Accepted, "e1"),
            alive(),
            change(State::Running, "e2"),
            Err(Status::unavailable("going down")),
        ],
        vec![Err(refusal(Code::Unauthenticated, "UNAUTHENTICATED"))],
        // The server drains.
        vec![],
        // What is known does not come again.
        vec![change(State::Running, "e2"), change(State::Running, "e3")],
        vec![
            change(State::Running, "e3"),
            change(State::Released, "e4"),
            change(State::Running, "never"),
        ],
    ]);
    let client = fake.client().await;
    let mut changes = client.analyses().watch(ID);
    let mut seen = Vec::new();
    while let Some(analysis) = changes.try_next().await.unwrap() {
        seen.push((analysis.etag.clone(), has_ended(&analysis)));
    }
    let expected = [("e1", false), ("e2", false), ("e3", false), ("e4", true)];
    assert_eq!(seen, expected.map(|(etag, ended)| (etag.to_owned(), ended)));
    assert!(changes.next().await.is_none());
    let call = format!("watch {}", name());
    assert_eq!(asked(&fake.script), vec![call; 5]);

    // One that failed says why; and what can't be read is not waited for.
    fake.script
        .analysis_watches
        .lock()
        .unwrap()
        .push_back(vec![change(State::Failed, "e5")]);
    let ended = client.analyses().wait(ID).await.unwrap();
    let error = released(&ended).unwrap_err();
    assert_eq!(*error.reason(), Reason::TooMuchWork);
    let gone = refusal(Code::NotFound, "NOT_FOUND");
    fake.script
        .incident_failures
        .lock()
        .unwrap()
        .push_back(gone);
    let error = client.analyses().wait(ID).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::NotFound);
}

#[tokio::test]
async fn a_server_that_never_comes_to_an_end_is_not_asked_for_ever() {
    let fake = Fake::start().await;
    // In a state of a newer server, behind which it ends the stream.
    let newer = || {
        let mut change = change(State::Running, "e1").unwrap();
        change.analysis.as_mut().unwrap().state = 99;
        vec![Ok(change)]
    };
    let watches = std::iter::repeat_with(newer).take(10_000);
    fake.script.analysis_watches.lock().unwrap().extend(watches);
    let policy = cordon_client::RetryPolicy {
        patience: std::time::Duration::from_millis(300),
        ..super::fake::patient()
    };
    let builder = cordon_client::Client::builder().profile(fake.profile.clone());
    let client = builder.retry(policy).connect().await.unwrap();
    let mut changes = client.analyses().watch(ID);
    assert_eq!(changes.try_next().await.unwrap().unwrap().state, 99);
    let error = changes.try_next().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::Unavailable);
    assert!(asked(&fake.script).len() < 1_000);
}

#[tokio::test]
async fn an_answer_comes_whole_or_not_at_all() {
    let fake = Fake::start().await;
    let analyses = fake.client().await.analyses();
    let halves = || ANSWER.as_bytes().split_at(50);
    let lost = || Err(Status::unavailable("going down"));
    let cut = || vec![part(halves().0), lost()];
    fake.script.downloads.lock().unwrap().extend([
        // Before the first byte it is taken up again.
        vec![lost()],
        vec![],
        vec![part(halves().0), part(halves().1)],
        cut(),
        // The stream ends in peace, and what came is not the answer.
        vec![part(halves().0)],
        vec![part(b"{\"kind\":\"another\"}")],
    ]);
    let answer = analyses.answer(ID).await.unwrap();
    assert_eq!(answer.json, ANSWER.as_bytes());
    assert_eq!(answer.table("by_operation").unwrap().rows.len(), 2);
    for reason in [
        Reason::Unavailable,
        Reason::HashMismatch,
        Reason::HashMismatch,
    ] {
        let error = analyses.answer(ID).await.unwrap_err();
        assert_eq!(*error.reason(), reason);
    }
    let name = name();
    let download = format!("download {name} FORMAT_JSON \"\"");
    let calls = asked(&fake.script);
    assert_eq!(calls.iter().filter(|call| **call == download).count(), 6);

    let mut file = Vec::new();
    let mut come = 0;
    let bytes = analyses
        .download(ID, AnswerFormat::Json, "", &mut file, |bytes| come = bytes)
        .await
        .unwrap();
    assert_eq!(file, ANSWER.as_bytes());
    assert_eq!((bytes, come), (ANSWER.len() as u64, ANSWER.len() as u64));
    // Of a table nobody has a hash.
    asked(&fake.script);
    fake.script
        .downloads
        .lock()
        .unwrap()
        .push_back(vec![part(b"a,b\n")]);
    let mut file = Vec::new();
    let csv = analyses.download(ID, AnswerFormat::Csv, "by_operation", &mut file, |_| ());
    assert_eq!(csv.await.unwrap(), 4);
    assert_eq!(
        asked(&fake.script),
        [format!("download {name} FORMAT_CSV \"by_operation\"")]
    );
    fake.script.downloads.lock().unwrap().push_back(cut());
    let html = analyses.download(ID, AnswerFormat::Html, "", &mut file, |_| ());
    assert_eq!(*html.await.unwrap_err().reason(), Reason::Unavailable);
}

#[tokio::test]
async fn the_desk_enters_a_tenant_but_for_its_queue() {
    let mut fake = Fake::start().await;
    fake.profile.tenant = None;
    let client = fake.client().await;
    let queue: Vec<_> = client.analysis_desk().queue().try_collect().await.unwrap();
    assert_eq!(queue.len(), 2);
    assert_eq!(asked(&fake.script), ["queue 100 ", "queue 100 two"]);
    let desk = client
        .entering(Entry::new("asked for help"))
        .analysis_desk();
    fake.script.metadata.lock().unwrap().clear();
    let name = format!("tenants/globex/analyses/{ID}");
    desk.claim(&name, "e1").await.unwrap();
    desk.ask_back(&name, "which?").await.unwrap();
    desk.submit(&name, handed_in()).await.unwrap();
    desk.give_back(&name, "name the host").await.unwrap();
    desk.release(&name, "").await.unwrap();
    desk.decline(&name, "no records").await.unwrap();
    let metadata = std::mem::take(&mut *fake.script.metadata.lock().unwrap());
    assert_eq!(metadata.len(), 6);
    let said =
        |call: &tonic::metadata::MetadataMap| call.contains_key("cordon-enter-justification");
    assert!(metadata.iter().all(said));
    assert_eq!(
        asked(&fake.script),
        [
            format!("claim {name} \"e1\""),
            format!("ask_back {name} \"which?\""),
            format!("submit {name} \"Nobody.\" [] [] \"Read the records.\""),
            format!("return {name} \"name the host\""),
            format!("release {name} \"\""),
            format!("decline {name} \"no records\""),
        ]
    );
    let error = desk.claim(ID, "").await.unwrap_err();
    assert_eq!(error.violations()[0].field, "parent");
    let error = client.analyses().watch(ID).try_next().await.unwrap_err();
    assert_eq!(error.violations()[0].field, "parent");
    let empty = desk.submit(&name, HandedIn::default()).await.unwrap_err();
    assert_eq!(empty.violations()[0].field, "findings");
}
