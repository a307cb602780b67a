//! What the client does when things go wrong on the way: against a server that does them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod analyses;
mod analysis;
mod catalogue;
mod cli;
mod context;
mod detect;
mod detection;
mod evidence;
mod exchange;
mod failover;
mod fake;
mod incident_report;
mod incidents;
mod registers;
mod reports;
mod sla;
mod snapshots;
mod statements;

use std::collections::HashMap;

use bytes::Bytes;
use cordon_client::ingest::{Batch, Cut, Outcome};
use cordon_client::{
    Client, Entry, Error, Export, ExportFormat, Profile, Reason, Search, View, Watch,
};
use cordon_proto::events as wire;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use self::fake::Fake;

fn event(number: i64) -> wire::Event {
    wire::Event {
        name: format!("tenants/acme/events/{number}"),
        sequence: number,
        ..wire::Event::default()
    }
}

fn found(numbers: &[i64]) -> Result<wire::SearchEventsResponse, Status> {
    let events = numbers.iter().copied().map(event).collect();
    Ok(wire::SearchEventsResponse {
        result: Some(wire::search_events_response::Result::Events(
            wire::EventList { events },
        )),
    })
}

fn summary(next: &str, withheld: i64) -> Result<wire::SearchEventsResponse, Status> {
    let summary = wire::SearchSummary {
        returned_count: 0,
        next_page_token: next.to_owned(),
        completeness: Some(wire::Completeness {
            statement: format!("after {next}"),
            withheld: vec![wire::WithheldCount {
                reason: "FOREIGN_IDENTITY".to_owned(),
                event_count: withheld,
            }],
            sources: Vec::new(),
        }),
    };
    Ok(wire::SearchEventsResponse {
        result: Some(wire::search_events_response::Result::Summary(summary)),
    })
}

fn refusal(code: Code, reason: &str) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, "cordon", HashMap::new());
    Status::with_error_details(code, "refused", details)
}

async fn sequences(
    client: &Client,
    search: Search,
) -> (Vec<i64>, Option<cordon_client::SearchSummary>) {
    let mut found = client.events().search(search);
    let mut numbers = Vec::new();
    while let Some(event) = found.try_next().await.unwrap() {
        numbers.push(event.sequence);
    }
    (numbers, found.summary().cloned())
}

#[tokio::test]
async fn pages_become_one_answer_with_one_summary() {
    let fake = Fake::start().await;
    fake.script.searches.lock().unwrap().extend([
        Ok(vec![found(&[1, 2]), found(&[3]), summary("a", 1)]),
        Ok(vec![found(&[4]), summary("b", 2)]),
        Ok(vec![summary("", 0)]),
    ]);
    let client = fake.client().await;
    let (numbers, summary) = sequences(&client, Search::new().page_size(3).limit(9)).await;
    assert_eq!(numbers, [1, 2, 3, 4]);
    let summary = summary.unwrap();
    assert_eq!(summary.returned_count, 4);
    assert_eq!(summary.next_page_token, "");
    let completeness = summary.completeness.unwrap();
    assert_eq!(completeness.statement, "after ");
    assert_eq!(completeness.withheld[0].event_count, 3);
    let searched = fake.script.searched.lock().unwrap();
    let asked: Vec<_> = searched
        .iter()
        .map(|r| (r.page_size, r.page_token.as_str()))
        .collect();
    assert_eq!(asked, [(3, ""), (3, "a"), (3, "b")]);
}

#[tokio::test]
async fn a_page_that_broke_off_is_read_again_without_what_was_handed_out() {
    let fake = Fake::start().await;
    fake.script.searches.lock().unwrap().extend([
        // The first page may fail before anything came.
        Err(Status::unavailable("busy")),
        Ok(vec![Err(Status::unavailable("busy"))]),
        Ok(vec![found(&[1, 2]), summary("a", 0)]),
        Ok(vec![found(&[3]), Err(Status::unavailable("going down"))]),
        // Without a summary an answer is not whole, even when the stream ends in peace.
        Ok(vec![found(&[3, 4])]),
        // A token that ended in between.
        Ok(vec![
            found(&[3]),
            Err(refusal(Code::Unauthenticated, "UNAUTHENTICATED")),
        ]),
        Ok(vec![found(&[3, 4, 5]), summary("", 0)]),
    ]);
    let client = fake.client().await;
    let (numbers, summary) = sequences(&client, Search::new()).await;
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(summary.unwrap().returned_count, 5);
    assert_eq!(*fake.script.tokens.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_first_page_that_broke_off_after_events_is_not_patched_up() {
    let fake = Fake::start().await;
    fake.script.searches.lock().unwrap().push_back(Ok(vec![
        found(&[1]),
        Err(Status::unavailable("going down")),
    ]));
    let client = fake.client().await;
    let mut found = client.events().search(Search::new());
    assert_eq!(found.try_next().await.unwrap().unwrap().sequence, 1);
    let error = found.try_next().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::Unavailable);
    assert!(found.next().await.is_none());
    assert!(found.summary().is_none());
}

#[tokio::test]
async fn more_than_was_asked_for_is_cut_off() {
    let fake = Fake::start().await;
    fake.script
        .searches
        .lock()
        .unwrap()
        .push_back(Ok(vec![found(&[1, 2, 3]), summary("a", 0)]));
    let client = fake.client().await;
    let (numbers, summary) = sequences(&client, Search::new().limit(2)).await;
    assert_eq!(numbers, [1, 2]);
    // The server's token would leave out the third.
    assert_eq!(summary.unwrap().next_page_token, "");
}

#[tokio::test]
async fn a_refused_search_is_not_tried_again() {
    let fake = Fake::start().await;
    fake.script
        .searches
        .lock()
        .unwrap()
        .push_back(Err(refusal(Code::InvalidArgument, "INVALID_FILTER")));
    let client = fake.client().await;
    let error = client
        .events()
        .search(Search::new())
        .try_next()
        .await
        .unwrap_err();
    assert_eq!(*error.reason(), Reason::InvalidFilter);
    assert_eq!(fake.script.searched.lock().unwrap().len(), 1);
}

fn stored(numbers: &[i64], cursor: i64) -> Result<wire::WatchEventsResponse, Status> {
    Ok(wire::WatchEventsResponse {
        events: numbers.iter().copied().map(event).collect(),
        cursor,
    })
}

#[tokio::test]
async fn a_watch_goes_on_from_its_last_cursor() {
    let fake = Fake::start().await;
    fake.script.watches.lock().unwrap().extend([
        vec![
            stored(&[], 10),
            stored(&[11, 12], 15),
            Err(Status::unavailable("going down")),
        ],
        vec![
            stored(&[17], 17),
            Err(refusal(Code::ResourceExhausted, "READER_TOO_SLOW")),
        ],
        vec![Err(refusal(Code::Unauthenticated, "UNAUTHENTICATED"))],
        // The server drains.
        vec![],
        vec![stored(&[18], 18)],
        vec![Err(refusal(Code::OutOfRange, "CURSOR_EXPIRED"))],
    ]);
    let client = fake.client().await;
    let mut new = client.events().watch(Watch::new());
    assert_eq!(new.cursor(), None);
    let mut seen = Vec::new();
    let error = loop {
        match new.try_next().await {
            Ok(Some(event)) => seen.push((event.sequence, new.cursor())),
            Ok(None) => panic!("a watch does not end"),
            Err(error) => break error,
        }
    };
    // Behind the last of those that came together stands the cursor of all of them.
    assert_eq!(
        seen,
        [
            (11, Some(11)),
            (12, Some(15)),
            (17, Some(17)),
            (18, Some(18))
        ]
    );
    assert_eq!(*error.reason(), Reason::CursorExpired);
    let watched = fake.script.watched.lock().unwrap().clone();
    assert_eq!(
        watched,
        [None, Some(15), Some(17), Some(17), Some(17), Some(18)]
    );
}

fn batches(ids: &[&str]) -> impl stream::Stream<Item = Result<Batch, Error>> + Send + use<> {
    let record = Bytes::from_static(b"{}");
    let batches: Vec<_> = ids
        .iter()
        .map(|id| Ok(Batch::new(*id, vec![record.clone()])))
        .collect();
    stream::iter(batches)
}

fn cut() -> Cut {
    Cut::new("sources/s", "aws.cloudtrail")
}

#[tokio::test]
async fn batches_that_were_not_answered_are_sent_again_under_the_same_ids() {
    let fake = Fake::start().await;
    // Of three streams each answers a little and fails.
    fake.script.ingests.lock().unwrap().extend([1, 0, 3]);
    let client = fake.client().await;
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let outcomes = client.ingest().send(&cut(), batches(&ids));
    let outcomes: Vec<Outcome> = outcomes.try_collect().await.unwrap();
    let answered: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.batch_id.as_str())
        .collect();
    assert_eq!(answered, ids, "each is told once");
    let streams = fake.script.ingested.lock().unwrap().clone();
    assert_eq!(streams.len(), 4);
    for (stream, first) in streams.iter().zip(["a", "b", "b", "e"]) {
        assert_eq!(
            stream.first().map(String::as_str),
            Some(first),
            "{streams:?}"
        );
        assert!(stream.is_sorted(), "in order: {streams:?}");
    }
}

#[tokio::test]
async fn the_same_batch_given_twice_is_told_twice() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let outcomes = client.ingest().send(&cut(), batches(&["a", "a", "b", "a"]));
    let outcomes: Vec<Outcome> = outcomes.try_collect().await.unwrap();
    assert_eq!(outcomes.len(), 4);
    assert_eq!(
        fake.script.ingested.lock().unwrap().len(),
        1,
        "over one stream"
    );
}

#[tokio::test]
async fn nothing_to_send_needs_no_stream() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let outcomes = client.ingest().send(&cut(), batches(&[]));
    assert_eq!(outcomes.count().await, 0);
    assert!(fake.script.ingested.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_error_among_the_batches_is_told_after_what_came_before_it() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let broken = stream::iter([Err(Error::from(std::io::Error::other("disk")))]);
    let mut outcomes = client
        .ingest()
        .send(&cut(), batches(&["a", "b"]).chain(broken));
    assert_eq!(outcomes.next().await.unwrap().unwrap().batch_id, "a");
    assert_eq!(outcomes.next().await.unwrap().unwrap().batch_id, "b");
    assert_eq!(
        *outcomes.next().await.unwrap().unwrap_err().reason(),
        Reason::Io
    );
    assert!(outcomes.next().await.is_none());
}

#[tokio::test]
async fn a_refused_source_is_told_at_once() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.script
        .refused
        .lock()
        .unwrap()
        .extend((0..50).map(|number| format!("token-{number}")));
    let mut outcomes = client.ingest().send(&cut(), batches(&["a"]));
    let error = outcomes.next().await.unwrap().unwrap_err();
    assert_eq!(*error.reason(), Reason::Unauthenticated);
    assert!(
        *fake.script.tokens.lock().unwrap() <= 4,
        "no endless asking for tokens"
    );
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.script
        .refused
        .lock()
        .unwrap()
        .push("token-1".to_owned());
    client.identity().whoami().await.unwrap();
    client.identity().whoami().await.unwrap();
    assert_eq!(*fake.script.tokens.lock().unwrap(), 2);
    fake.script
        .refused
        .lock()
        .unwrap()
        .extend(["token-2".to_owned(), "token-3".to_owned()]);
    let error = client.identity().whoami().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::Unauthenticated);
    assert_eq!(*fake.script.tokens.lock().unwrap(), 3);
}

#[tokio::test]
async fn a_call_is_repeated_while_the_server_is_busy() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.script
        .gets
        .lock()
        .unwrap()
        .extend([Status::unavailable("busy"), Status::unavailable("busy")]);
    let event = client.events().get("00ff", View::Ocsf).await.unwrap();
    assert_eq!(event.name, "tenants/acme/events/00ff");
    assert_eq!(fake.script.metadata.lock().unwrap().len(), 3);

    fake.script
        .gets
        .lock()
        .unwrap()
        .push_back(refusal(Code::NotFound, "NOT_FOUND"));
    let error = client.events().get("00ff", View::Ocsf).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::NotFound);
}

#[tokio::test]
async fn a_server_that_comes_back_is_found_again() {
    let mut fake = Fake::start().await;
    let client = fake.client().await;
    client.identity().whoami().await.unwrap();
    fake.stop();
    let identity = client.identity();
    let (answer, ()) = tokio::join!(identity.whoami(), async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        fake.serve();
    });
    answer.unwrap();
}

#[tokio::test]
async fn calls_carry_token_deadline_and_entry() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let staff = client
        .for_tenant("tenants/globex")
        .entering(Entry::new("geprüft").reference("INC-7"));
    let event = staff.events().get("1", View::Raw).await.unwrap();
    assert_eq!(event.name, "tenants/globex/events/1");
    staff.identity().whoami().await.unwrap();
    client.events().get("1", View::Raw).await.unwrap();

    let metadata = fake.script.metadata.lock().unwrap();
    let text =
        |call: usize, key: &str| metadata[call].get(key).map(|value| value.to_str().unwrap());
    assert_eq!(text(0, "authorization"), Some("Bearer token-1"));
    assert!(text(0, "grpc-timeout").is_some());
    assert_eq!(text(0, "cordon-enter-justification"), Some("gepr%C3%BCft"));
    assert_eq!(text(0, "cordon-enter-reference"), Some("INC-7"));
    // Nobody is entered by asking who one is, and the client without an entry has none.
    assert_eq!(text(1, "cordon-enter-justification"), None);
    assert_eq!(text(2, "cordon-enter-justification"), None);
}

#[tokio::test]
async fn half_a_file_is_an_error() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let mut file = client.events().export(Export::new(ExportFormat::Ndjson));
    assert_eq!(file.try_next().await.unwrap().unwrap().content, "half");
    assert_eq!(
        *file.try_next().await.unwrap_err().reason(),
        Reason::Unavailable
    );
    assert!(file.next().await.is_none());
    assert!(file.summary().is_none());
}

#[tokio::test]
async fn a_server_of_another_installation_is_not_trusted() {
    let (fake, other) = (Fake::start().await, Fake::start().await);
    let connect = |profile: Profile| Client::builder().profile(profile).connect();
    let wrong_ca = Profile {
        ca: other.profile.ca.clone(),
        ..fake.profile.clone()
    };
    let error = connect(wrong_ca).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::UntrustedServer);
    let wrong_name = Profile {
        server_name: Some("cordon.example".to_owned()),
        ..fake.profile.clone()
    };
    let error = connect(wrong_name).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::UntrustedServer);
    let wrong_identity = Profile {
        certificate: other.profile.certificate.clone(),
        key: other.profile.key.clone(),
        ..fake.profile.clone()
    };
    let error = connect(wrong_identity).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::Unauthenticated, "{error}");
    assert_eq!(*fake.script.tokens.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_client_without_a_tenant_says_so() {
    let mut fake = Fake::start().await;
    fake.profile.tenant = None;
    let client = fake.client().await;
    let mut found = client.events().search(Search::new());
    let error = found.try_next().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::InvalidArgument);
    assert_eq!(error.violations()[0].field, "parent");
    assert!(client.events().name("1").is_err());
}
