//! Several servers: calls are spread over them, and go on elsewhere when one fails.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cordon_client::{
    Builder, Client, Export, ExportFormat, Profile, Reason, RetryPolicy, Search, View, Watch,
};
use futures::{StreamExt as _, TryStreamExt as _};
use tonic::{Code, Status};

use super::fake::{Fake, patient};
use super::{batches, cut, found, refusal, stored, summary};

/// Longer than any of these tests may take, and much shorter than a wait that is not bounded.
const HANGS: Duration = Duration::from_secs(30);
/// How long servers may be silent here.
const SILENCE: Duration = Duration::from_secs(3);

fn profile(fakes: &[&Fake]) -> Profile {
    let endpoints = fakes.iter().flat_map(|fake| &fake.profile.endpoints);
    Profile {
        endpoints: endpoints.cloned().collect(),
        ..fakes[0].profile.clone()
    }
}

fn builder(fakes: &[&Fake]) -> Builder {
    Client::builder()
        .profile(profile(fakes))
        .retry(patient())
        .silence(SILENCE)
}

async fn client(fakes: &[&Fake]) -> Client {
    builder(fakes).connect().await.unwrap()
}

/// A policy whose waits would be noticed: who goes on at another server does not wait at all.
fn slow() -> RetryPolicy {
    RetryPolicy {
        first_delay: HANGS,
        max_delay: HANGS,
        patience: HANGS * 10,
    }
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANGS, what)
        .await
        .unwrap_or_else(|_| panic!("it hangs"))
}

/// How many calls a server got, tokens not counted.
fn calls(fake: &Fake) -> usize {
    fake.script.metadata.lock().unwrap().len()
}

/// Makes calls until all servers are connected: until then, those that are get all calls. Then
/// forgets the calls.
async fn connected(client: &Client, fakes: &[&Fake]) {
    in_time(async {
        while fakes.iter().any(|fake| calls(fake) == 0) {
            client.identity().whoami().await.unwrap();
        }
    })
    .await;
    for fake in fakes {
        fake.script.metadata.lock().unwrap().clear();
    }
}

/// The servers, the one that answered last in front.
fn answering_first<'a, const N: usize>(
    client: &Client,
    fakes: &'a mut [Fake; N],
) -> [&'a mut Fake; N] {
    let mut fakes = fakes.each_mut();
    let last = client.answered_by().unwrap();
    fakes.sort_by_key(|fake| fake.profile.endpoints[0] != last);
    fakes
}

#[tokio::test]
async fn calls_are_spread_over_the_servers() {
    let a = Fake::start().await;
    let (b, c) = (a.beside(), a.beside());
    let client = client(&[&a, &b, &c]).await;
    connected(&client, &[&a, &b, &c]).await;
    for _ in 0..30 {
        client.identity().whoami().await.unwrap();
    }
    assert_eq!([&a, &b, &c].map(calls), [10, 10, 10]);
    // Streams that stay open count: three watches go to three servers.
    let mut watches = Vec::new();
    for fake in [&a, &b, &c] {
        stays_with(fake, &[1]);
    }
    for _ in 0..3 {
        let mut watch = client.events().watch(Watch::new());
        watch.try_next().await.unwrap();
        watches.push(watch);
        // Turns alone would bring the next one to the same server.
        for _ in 0..2 {
            client.identity().whoami().await.unwrap();
        }
    }
    for fake in [&a, &b, &c] {
        assert_eq!(fake.script.watched.lock().unwrap().len(), 1);
    }
}

/// Watches find these events there, and stay open.
fn stays_with(fake: &Fake, numbers: &[i64]) {
    let answers = stored(numbers, *numbers.last().unwrap());
    fake.script.watches.lock().unwrap().push_back(vec![answers]);
    fake.script.watches_stay.store(true, Ordering::Relaxed);
}

#[tokio::test]
async fn a_server_that_is_down_is_passed_over() {
    let mut a = Fake::start().await;
    let b = a.beside();
    a.stop();
    // Whichever is tried first.
    for _ in 0..4 {
        let client = builder(&[&a, &b]).retry(slow()).connect();
        let client = in_time(client).await.unwrap();
        for _ in 0..4 {
            in_time(client.identity().whoami()).await.unwrap();
        }
        assert_eq!(client.answered_by(), Some(b.profile.endpoints[0].as_str()));
    }
    assert_eq!(calls(&b), 16);
    // Once it is back, it gets calls again.
    let client = client(&[&a, &b]).await;
    a.serve();
    in_time(async {
        while calls(&a) == 0 {
            client.identity().whoami().await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_call_goes_on_at_another_server_without_a_wait() {
    let mut fakes = three().await;
    let client = builder(&fakes.each_ref()).retry(slow()).connect();
    let client = client.await.unwrap();
    connected(&client, &fakes.each_ref()).await;
    let events = client.events();
    let get = || in_time(events.get("00ff", View::Ocsf));
    // One that says it can't serve.
    let busy = Status::unavailable("busy");
    fakes[0].script.gets.lock().unwrap().push_back(busy);
    for _ in 0..3 {
        get().await.unwrap();
    }
    let left = fakes[0].script.gets.lock().unwrap().len();
    assert_eq!(left, 0, "it was asked");
    // One that is gone.
    let [gone, ..] = answering_first(&client, &mut fakes);
    let was_there = gone.profile.endpoints[0].clone();
    gone.stop();
    for _ in 0..6 {
        get().await.unwrap();
        assert_ne!(client.answered_by(), Some(was_there.as_str()));
    }
}

#[tokio::test]
async fn each_server_is_tried_once_before_a_wait() {
    let a = Fake::start().await;
    let (b, c) = (a.beside(), a.beside());
    let impatient = RetryPolicy {
        patience: Duration::from_secs(1),
        ..slow()
    };
    let client = builder(&[&a, &b, &c]).retry(impatient);
    let client = client.connect().await.unwrap();
    connected(&client, &[&a, &b, &c]).await;
    for fake in [&a, &b, &c] {
        let busy = (0..9).map(|_| Status::unavailable("busy"));
        fake.script.gets.lock().unwrap().extend(busy);
    }
    let error = client.events().get("00ff", View::Ocsf).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::Unavailable);
    for fake in [&a, &b, &c] {
        assert_eq!(calls(fake), 1);
    }
}

#[tokio::test]
async fn what_one_server_refuses_is_not_asked_of_another() {
    let a = Fake::start().await;
    let b = a.beside();
    let client = client(&[&a, &b]).await;
    for fake in [&a, &b] {
        let gone = refusal(Code::NotFound, "NOT_FOUND");
        fake.script.gets.lock().unwrap().push_back(gone);
    }
    let error = client.events().get("00ff", View::Ocsf).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::NotFound);
    assert_eq!(calls(&a) + calls(&b), 1);
}

#[tokio::test]
async fn a_search_goes_on_with_the_page_it_was_at() {
    let mut fakes = three().await;
    let client = client(&fakes.each_ref()).await;
    for fake in &fakes {
        let first = Ok(vec![found(&[1]), found(&[2]), summary("a", 0)]);
        fake.script.searches.lock().unwrap().push_back(first);
    }
    let mut search = client.events().search(Search::new());
    let mut numbers = vec![search.try_next().await.unwrap().unwrap().sequence];
    // The server dies between two pages, and others break off in the middle of the next.
    let [gone, others @ ..] = answering_first(&client, &mut fakes);
    gone.stop();
    for fake in &others {
        let broken = Ok(vec![found(&[3]), Err(Status::unavailable("going down"))]);
        let whole = Ok(vec![found(&[3]), found(&[4]), summary("", 0)]);
        *fake.script.searches.lock().unwrap() = [broken, whole].into();
    }
    while let Some(event) = in_time(search.try_next()).await.unwrap() {
        numbers.push(event.sequence);
    }
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(search.summary().unwrap().returned_count, 4);
    for fake in &others {
        let searched = fake.script.searched.lock().unwrap();
        assert!(!searched.is_empty());
        assert!(searched.iter().all(|asked| asked.page_token == "a"));
    }
}

/// Follows events while the server is taken away by `ends`.
async fn watched_through(ends: fn(&mut Fake)) {
    let mut fakes = three().await;
    let client = builder(&fakes.each_ref()).retry(slow()).connect();
    let client = client.await.unwrap();
    for fake in &fakes {
        stays_with(fake, &[1, 2]);
    }
    let mut watch = client.events().watch(Watch::new().from(0));
    for number in [1, 2] {
        assert_eq!(watch.try_next().await.unwrap().unwrap().sequence, number);
    }
    let [watched, others @ ..] = answering_first(&client, &mut fakes);
    for fake in &others {
        fake.script.watches.lock().unwrap().clear();
        stays_with(fake, &[3]);
    }
    ends(watched);
    let event = in_time(watch.try_next()).await.unwrap().unwrap();
    assert_eq!(event.sequence, 3);
    let cursors = others.map(|fake| fake.script.watched.lock().unwrap().clone());
    assert_eq!(cursors.concat(), [Some(2)]);
}

#[tokio::test]
async fn a_watch_goes_on_at_another_server_when_its_own_dies() {
    watched_through(Fake::stop).await;
}

#[tokio::test]
async fn a_watch_goes_on_at_another_server_when_its_own_hangs() {
    watched_through(Fake::freeze).await;
}

#[tokio::test]
async fn a_server_that_hangs_is_passed_over_and_found_again() {
    let [mut a, b, _] = three().await;
    a.freeze();
    let client = builder(&[&a, &b]).retry(slow()).connect();
    let client = in_time(client).await.unwrap();
    for _ in 0..4 {
        in_time(client.identity().whoami()).await.unwrap();
    }
    assert_eq!(calls(&b), 4);
    a.thaw();
    in_time(async {
        while calls(&a) == 0 {
            client.identity().whoami().await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    // And when it hangs with a connection that is there already.
    a.freeze();
    for _ in 0..4 {
        in_time(client.identity().whoami()).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_does_not_wait_longer_than_it_may() {
    let mut fake = Fake::start().await;
    let client = Client::builder().profile(fake.profile.clone());
    let client = client.timeout(Duration::from_millis(200)).connect();
    let client = client.await.unwrap();
    fake.freeze();
    let error = in_time(client.identity().whoami()).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::DeadlineExceeded);
}

#[tokio::test]
async fn batches_go_on_to_another_server_and_are_told_once() {
    let [mut a, mut b, _] = three().await;
    let client = client(&[&a, &b]).await;
    connected(&client, &[&a, &b]).await;
    // One that fails after some answers.
    for fake in [&a, &b] {
        fake.script.ingests.lock().unwrap().push_back(2);
    }
    let (more, rest) = futures::channel::mpsc::unbounded();
    let all = batches(&["a", "b", "c", "d"]).chain(rest);
    let mut outcomes = client.ingest().send(&cut(), all);
    let mut told = Vec::new();
    let mut read = async |count: usize| {
        for _ in 0..count {
            let outcome = in_time(outcomes.next()).await.unwrap();
            told.push(outcome.unwrap().batch_id);
        }
    };
    read(4).await;
    // One that dies: which has the stream now, is the one that was asked last.
    let streams = |fake: &Fake| fake.script.ingested.lock().unwrap().clone();
    assert_eq!((streams(&a).len(), streams(&b).len()), (1, 1));
    let second = if streams(&a)[0][0] == "c" {
        &mut a
    } else {
        &mut b
    };
    second.stop();
    for batch in ["e", "f"] {
        let batch = batches(&[batch]).next().await.unwrap();
        more.unbounded_send(batch).unwrap();
    }
    drop(more);
    read(2).await;
    assert!(in_time(outcomes.next()).await.is_none());
    assert_eq!(told, ["a", "b", "c", "d", "e", "f"], "each is told once");
}

#[tokio::test]
async fn a_file_is_begun_at_a_server_that_is_there() {
    let [mut a, b, _] = three().await;
    let client = builder(&[&a, &b]).retry(slow()).connect().await.unwrap();
    a.stop();
    for _ in 0..3 {
        let mut file = client.events().export(Export::new(ExportFormat::Ndjson));
        let chunk = in_time(file.try_next()).await.unwrap().unwrap();
        assert_eq!(chunk.content, "half");
    }
}

#[tokio::test]
async fn what_may_not_be_done_twice_is_not_sent_twice() {
    let mut fakes = three().await;
    let client = builder(&fakes.each_ref()).retry(slow()).connect();
    let client = client.await.unwrap();
    connected(&client, &fakes.each_ref()).await;
    let delete = || async {
        let deleted = client.tenants().delete_source("sources/s").await;
        deleted.unwrap_err().reason().clone()
    };
    let sent = |fakes: &[Fake; 3]| -> Vec<usize> {
        let done = |fake: &Fake| std::mem::take(&mut *fake.script.registered.lock().unwrap()).len();
        let mut sent: Vec<_> = fakes.iter().map(done).collect();
        sent.sort_unstable();
        sent
    };
    let all = |fakes: &[Fake; 3], status: fn() -> Option<Status>| {
        for fake in fakes {
            *fake.script.deletions.lock().unwrap() = [status()].into();
        }
    };
    // The server may have done it.
    all(&fakes, || Some(Status::unavailable("who knows")));
    assert_eq!(in_time(delete()).await, Reason::Unavailable);
    assert_eq!(sent(&fakes), [0, 0, 1]);
    // It says that it did not.
    awake(&client).await;
    all(&fakes, || Some(refusal(Code::Unavailable, "UNAVAILABLE")));
    let deleted = tokio::time::timeout(Duration::from_millis(500), delete()).await;
    assert!(deleted.is_err(), "all were asked, and now it waits");
    assert_eq!(sent(&fakes), [1, 1, 1]);
    // Its connection is lost after the call was sent.
    awake(&client).await;
    all(&fakes, || None);
    let (deleted, ()) = tokio::join!(in_time(delete()), async {
        loop {
            let got_it = |fake: &Fake| !fake.script.registered.lock().unwrap().is_empty();
            if let Some(fake) = fakes.iter_mut().find(|fake| got_it(fake)) {
                break fake.stop();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(deleted, Reason::Unavailable);
    assert_eq!(sent(&fakes), [0, 0, 1]);
    // It can't be reached: then it goes to one that can.
    for number in 0..3 {
        all(&fakes, || Some(refusal(Code::NotFound, "NOT_FOUND")));
        assert_eq!(in_time(delete()).await, Reason::NotFound, "{number}");
        assert_eq!(sent(&fakes), [0, 0, 1]);
    }
}

#[tokio::test]
async fn what_was_not_sent_is_sent_once_a_server_is_back() {
    let mut fake = Fake::start().await;
    let client = client(&[&fake]).await;
    fake.stop();
    // On a connection that looks whole it would be sent, and nobody could know.
    while client.left_out().is_empty() {
        let whoami = async { client.identity().whoami().await };
        let _ = tokio::time::timeout(Duration::from_millis(50), whoami).await;
    }
    let tenants = client.tenants();
    let (deleted, ()) = tokio::join!(in_time(tenants.delete_source("sources/s")), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        fake.serve();
    });
    deleted.unwrap();
    let sent = fake.script.registered.lock().unwrap();
    assert_eq!(*sent, ["delete sources/s"]);
}

/// Waits until no server is left out any more.
async fn awake(client: &Client) {
    // One rests for half a second at most after its first failure; an answer ends it.
    tokio::time::sleep(Duration::from_millis(550)).await;
    for _ in 0..6 {
        client.identity().whoami().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_of_another_installation_is_passed_over_and_told() {
    let (fake, stranger) = (Fake::start().await, Fake::start().await);
    let strange = stranger.profile.endpoints[0].as_str();
    let mixed = builder(&[&fake, &stranger]).retry(slow());
    let client = mixed.connect().await.unwrap();
    for _ in 0..4 {
        client.identity().whoami().await.unwrap();
    }
    assert_eq!(calls(&fake), 4);
    let left_out = client.left_out();
    assert_eq!(left_out.len(), 1);
    assert_eq!(*left_out[0].reason(), Reason::UntrustedServer);
    assert!(left_out[0].message().contains(strange), "{}", left_out[0]);

    let other = stranger.beside();
    let strangers = Profile {
        endpoints: profile(&[&stranger, &other]).endpoints,
        ..fake.profile.clone()
    };
    let error = Client::builder().profile(strangers).connect().await;
    let error = error.unwrap_err();
    assert_eq!(*error.reason(), Reason::UntrustedServer);
    assert!(error.message().contains(strange), "{error}");
    let tokens = [&stranger, &other].map(|fake| *fake.script.tokens.lock().unwrap());
    assert_eq!(tokens, [0, 0]);
}

#[tokio::test]
async fn all_servers_down_is_an_error_that_names_them() {
    let [mut a, mut b, _] = three().await;
    let client = builder(&[&a, &b]).retry(RetryPolicy {
        patience: Duration::from_millis(200),
        ..patient()
    });
    let client = client.connect().await.unwrap();
    a.stop();
    b.stop();
    let connected = builder(&[&a, &b]).connect().await.unwrap_err();
    let called = in_time(client.identity().whoami()).await.unwrap_err();
    for error in [connected, called] {
        assert_eq!(*error.reason(), Reason::Unavailable);
        for fake in [&a, &b] {
            let named = error.message().contains(&fake.profile.endpoints[0]);
            assert!(named, "{error}");
        }
    }
}

#[tokio::test]
async fn a_token_that_a_server_does_not_know_yet_is_taken_a_moment_later() {
    let [a, b, _] = three().await;
    let client = client(&[&a, &b]).await;
    for fake in [&a, &b] {
        let unknown = (1..9).map(|number| format!("token-{number}"));
        fake.script.refused.lock().unwrap().extend(unknown);
    }
    let identity = client.identity();
    let (answer, ()) = tokio::join!(identity.whoami(), async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        for fake in [&a, &b] {
            fake.script.refused.lock().unwrap().clear();
        }
    });
    answer.unwrap();
    assert_eq!(calls(&a) + calls(&b), 3);
    // One that is never taken is an error after as many.
    for fake in [&a, &b] {
        let unknown = (1..9).map(|number| format!("token-{number}"));
        fake.script.refused.lock().unwrap().extend(unknown);
    }
    let error = in_time(client.identity().whoami()).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::Unauthenticated);
    assert_eq!(calls(&a) + calls(&b), 6);
}

#[tokio::test]
async fn a_server_that_asks_to_leave_a_connection_is_left_without_a_failure() {
    let mut fake = Fake::start().await;
    fake.stop();
    fake.connection_age = Some(Duration::from_millis(50));
    fake.serve();
    let never_again = RetryPolicy {
        patience: Duration::ZERO,
        ..patient()
    };
    let client = builder(&[&fake])
        .retry(never_again)
        .connect()
        .await
        .unwrap();
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_millis(600) {
        client.identity().whoami().await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn three() -> [Fake; 3] {
    let first = Fake::start().await;
    let others = [first.beside(), first.beside()];
    let [second, third] = others;
    [first, second, third]
}
