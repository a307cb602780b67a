use super::*;
use crate::profile::tests::sample;

/// Ports that were free a moment ago, held by nobody.
fn nobody(count: usize) -> Vec<String> {
    let bind = |_| std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listeners: Vec<_> = (0..count).map(bind).collect();
    let ports = listeners.iter().map(|one| one.local_addr().unwrap().port());
    ports
        .map(|port| format!("https://127.0.0.1:{port}"))
        .collect()
}

fn servers(endpoints: Vec<String>) -> Servers {
    let mut profile = sample();
    profile.endpoints = endpoints;
    Servers::new(&profile, SILENCE).unwrap()
}

#[test]
fn a_silent_server_is_noticed_in_fifteen_seconds() {
    let patience = Patience::within(SILENCE);
    assert_eq!(patience.ask + patience.reply, Duration::from_secs(15));
    assert_eq!(patience.dial, Duration::from_secs(5));
    assert_eq!(patience.greeting, Duration::from_secs(2));
    assert_eq!(patience.next, Duration::from_millis(500));
}

#[tokio::test]
async fn nobody_at_home_is_unavailable() {
    let endpoint = nobody(1);
    let error = servers(endpoint.clone()).reach().await.err().unwrap();
    assert_eq!(*error.reason(), Reason::Unavailable);
    assert!(error.message().starts_with(&endpoint[0]), "{error}");
    assert!(error.message().contains("refused"), "{error}");
}

#[tokio::test]
async fn all_that_are_not_at_home_are_named_and_left_out() {
    let endpoints = nobody(3);
    let servers = servers(endpoints.clone());
    assert!(servers.has_another(1));
    assert!(servers.unreachable().is_empty());
    let error = servers.reach().await.err().unwrap();
    assert_eq!(*error.reason(), Reason::Unavailable);
    for endpoint in &endpoints {
        assert!(error.message().contains(endpoint), "{error}");
    }
    assert!(!servers.has_another(1), "all rest");
    assert_eq!(servers.unreachable().len(), 3);
}

#[tokio::test]
async fn while_one_lets_wait_the_next_is_tried() {
    // The kernel takes the connection, and nobody says a word on it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("https://{}", listener.local_addr().unwrap());
    let mut profile = sample();
    profile.endpoints = vec![silent, nobody(1).remove(0)];
    // It would be given up after 20 seconds only.
    let servers = Servers::new(&profile, Duration::from_secs(60)).unwrap();
    servers.0.turn.store(0, Ordering::Relaxed);
    let tried = async {
        while servers.unreachable().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        _ = servers.reach() => panic!("there is one to wait for"),
        tried = tokio::time::timeout(Duration::from_secs(15), tried) => tried.unwrap(),
    }
}

#[test]
fn calls_go_where_fewest_are_open_and_then_in_turns() {
    let servers = servers(nobody(3));
    let now = Instant::now();
    let first = |servers: &Servers| servers.order(now)[0].place;
    let mut turns: Vec<_> = (0..6).map(|_| first(&servers)).collect();
    assert_eq!(turns[..3], turns[3..]);
    turns[..3].sort_unstable();
    assert_eq!(turns[..3], [0, 1, 2]);

    let all = servers.order(now);
    let at = |place: usize| all.iter().find(|server| server.place == place).unwrap();
    let open: Vec<_> = [0, 0, 1, 2, 2]
        .map(|place| OpenCall::new(Arc::clone(at(place))))
        .into();
    assert!((0..5).all(|_| first(&servers) == 1));
    at(1).failed();
    let last = servers.order(now).pop().unwrap();
    assert_eq!(last.place, 1, "it rests, but is there when no other is");
    at(1).answered();
    assert_eq!(first(&servers), 1);
    drop(open);
}

#[test]
fn what_a_trusted_server_says_of_the_caller_counts_most() {
    let failed = |reasons: &[Reason]| {
        let failures = reasons.iter().map(|reason| Error::new(reason.clone(), "x"));
        none_reached(failures.collect()).reason().clone()
    };
    use Reason::{Unauthenticated, Unavailable, UntrustedServer};
    assert_eq!(failed(&[UntrustedServer, UntrustedServer]), UntrustedServer);
    assert_eq!(failed(&[UntrustedServer, Unavailable]), Unavailable);
    assert_eq!(failed(&[Unavailable, Unauthenticated]), Unauthenticated);
    assert_eq!(failed(&[UntrustedServer]), UntrustedServer);
}
