use std::time::{Duration, Instant};

use cordon_fixtures::{Answer, Authority, Receiver};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::*;
use crate::guard::{Guard, GuardConfig};
use crate::{Destination, Failure};

const NOW: i64 = 1_767_225_600;

fn config() -> GuardConfig {
    GuardConfig {
        allow: vec!["127.0.0.2/32".parse().unwrap()],
        plain_http: true,
        total: Duration::from_millis(1_500),
        ..GuardConfig::default()
    }
}

fn event() -> CloudEvent<Value> {
    CloudEvent::new(
        "e-1".into(),
        "urn:cordon:tenant:acme".into(),
        "cordon.incident.opened".into(),
        "2026-01-01T00:00:00Z".parse().unwrap(),
        json!({ "number": 1 }),
    )
}

fn at(guard: &Guard, receiver: &Receiver, scheme: &str) -> Destination {
    let url = format!("{scheme}://{}/hook?token=t", receiver.address());
    guard.destination(&url).unwrap()
}

async fn send(receiver: &Receiver) -> Result<(), Failure> {
    let guard = Guard::new(config()).unwrap();
    let to = at(&guard, receiver, "http");
    post(&guard, &to, &[SigningKey::new([7; 32])], NOW, &event()).await
}

#[test]
fn signatures_are_those_of_the_standard() {
    let key = SigningKey::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD1234567890A=").unwrap();
    assert_eq!(
        SigningKey::parse(key.text().expose_secret())
            .unwrap()
            .text()
            .expose_secret(),
        key.text().expose_secret()
    );
    assert!(SigningKey::parse("whsec_AAAA").is_none());
    assert!(SigningKey::parse("C2FVsBQIhrscChlQIMV+b5sSYspob7oD1234567890A=").is_none());
    assert!(!format!("{key:?}").contains("C2FV"));
    // Computed by Python's hmac.
    let one = signature(
        &[SigningKey::new([7; 32])],
        "msg_1",
        1_614_265_330,
        br#"{"test": 2432232314}"#,
    );
    assert_eq!(one, "v1,4tb+MnkCTqymlrGQQ6f66PPeMjMas7AHx6XI40qL5MA=");
    let two = signature(
        &[SigningKey::new([7; 32]), SigningKey::new([8; 32])],
        "msg_1",
        1_614_265_330,
        br#"{"test": 2432232314}"#,
    );
    assert!(two.starts_with(&format!("{one} v1,")));
}

#[tokio::test]
async fn an_event_arrives_over_tls_as_the_specifications_have_it() {
    let authority = Authority::of(&["127.0.0.2"]);
    let receiver = Receiver::start("127.0.0.2", Some(authority.server()));
    let trusting = GuardConfig {
        authorities: vec![authority.der()],
        ..config()
    };
    let guard = Guard::new(trusting).unwrap();
    let to = at(&guard, &receiver, "https");
    let keys = [SigningKey::new([7; 32]), SigningKey::new([8; 32])];
    post(&guard, &to, &keys, NOW, &event()).await.unwrap();
    let came = receiver.received().remove(0);
    assert_eq!(came.path, "/hook?token=t");
    assert_eq!(came.header("content-type"), "application/cloudevents+json");
    assert_eq!(came.header("host"), receiver.address().to_string());
    assert_eq!(came.header("webhook-id"), "e-1");
    assert_eq!(came.header("webhook-timestamp"), NOW.to_string());
    let signed = signature(&keys, "e-1", NOW, &came.body);
    assert_eq!(came.header("webhook-signature"), signed);
    let body: Value = serde_json::from_slice(&came.body).unwrap();
    let expected = json!({
        "specversion": "1.0",
        "id": "e-1",
        "source": "urn:cordon:tenant:acme",
        "type": "cordon.incident.opened",
        "time": "2026-01-01T00:00:00Z",
        "datacontenttype": "application/json",
        "data": { "number": 1 },
    });
    assert_eq!(body, expected);

    // Whom nobody vouches for gets nothing.
    let wary = Guard::new(config()).unwrap();
    let refused = post(&wary, &to, &keys, NOW, &event()).await;
    assert_eq!(refused, Err(Failure::Tls));
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn other_answers_are_failures() {
    let receiver = Receiver::start("127.0.0.2", None);
    for code in [200, 202, 204, 299] {
        receiver.next([Answer::Status(code)]);
        send(&receiver).await.unwrap();
    }
    for code in [400, 404, 410, 429, 500, 503] {
        receiver.next([Answer::Status(code)]);
        assert_eq!(send(&receiver).await, Err(Failure::Status(code)));
    }
    let gone = receiver.address();
    drop(receiver);
    let guard = Guard::new(config()).unwrap();
    let to = guard.destination(&format!("http://{gone}/")).unwrap();
    let refused = post(&guard, &to, &[], NOW, &event()).await;
    assert_eq!(refused, Err(Failure::Unreachable));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inside = Receiver::start("127.0.0.2", None);
    let receiver = Receiver::start("127.0.0.2", None);
    receiver.next([Answer::Redirect(format!("http://{}/", inside.address()))]);
    assert_eq!(send(&receiver).await, Err(Failure::Redirected(307)));
    assert_eq!((receiver.connections(), inside.connections()), (1, 0));
}

#[tokio::test]
async fn whoever_hangs_is_left_and_whoever_never_ends_is_not_listened_to() {
    let receiver = Receiver::start("127.0.0.2", None);
    receiver.next([Answer::Hang]);
    let begun = Instant::now();
    assert_eq!(send(&receiver).await, Err(Failure::TimedOut));
    assert!(begun.elapsed() < Duration::from_secs(5));
    receiver.next([Answer::Endless(200)]);
    send(&receiver).await.unwrap();
}
