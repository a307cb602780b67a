//! Notices from an incident to programs and people outside, over the network: that they arrive,
//! whatever becomes of the receiver and of the server, and that they say no more than they may.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use cordon_client::{
    Audience, Client, Delivery, DeliveryState, NewIncident, NewSubscription, Reason, Severity, Tlp,
    webhook,
};
use cordon_fixtures::{Answer, Received, Receiver, Smtp, SmtpTls};
use futures::TryStreamExt as _;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::harness::{Server, World, connect, production};

/// An installation that reaches receivers on 127.0.0.2 and nothing else of this machine.
async fn world(smtp: &Smtp) -> World {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = data.with_extension("toml");
    drop(production(&data));
    let mut settings = std::fs::read_to_string(&config).unwrap_or_default();
    write!(
        settings,
        "\n[egress]\nallow = ['127.0.0.2/32']\nplain_http = true\ntotal_seconds = 3\n\
         [mail]\nhost = '127.0.0.2'\nport = {}\nsecurity = 'none'\n\
         from = 'Cordon <cordon@provider.example>'\n\
         [notices]\nfirst_retry_seconds = 1\nlongest_retry_seconds = 2\n[jobs]\nlease_seconds = 4\n",
        smtp.address().port()
    )
    .unwrap();
    std::fs::write(&config, settings).unwrap();
    let world = World::within(folder).await;
    world.tenant("initech", &[]).await;
    world.tenant("hooli", &[]).await;
    world
}

fn smtp() -> Smtp {
    Smtp::start("127.0.0.2", SmtpTls::Never, None)
}

fn receiver() -> Receiver {
    Receiver::start("127.0.0.2", None)
}

fn for_whom(audience: Audience) -> NewSubscription {
    NewSubscription {
        audience,
        ..NewSubscription::default()
    }
}

/// Has notices sent to a receiver: the subscription's name, and its secret.
async fn subscribe(client: &Client, to: &Receiver, audience: Audience) -> (String, String) {
    let url = format!("http://{}/hook?token=s3cret", to.address());
    let made = client
        .notices()
        .create_webhook(&url, for_whom(audience))
        .await;
    let (subscription, secret) = made.unwrap();
    (subscription.name, secret.expose_secret().to_owned())
}

async fn open(client: &Client, title: &str, tlp: Tlp) -> String {
    let new = NewIncident {
        title: title.to_owned(),
        severity: Severity::Sev2,
        tlp,
        ..NewIncident::default()
    };
    client.incidents().create(new).await.unwrap().name
}

async fn deliveries(client: &Client, subscription: &str) -> Vec<Delivery> {
    let listed = client.notices().deliveries(subscription, &[]);
    let mut listed: Vec<Delivery> = listed.try_collect().await.unwrap();
    listed.reverse();
    listed
}

/// The subscription's deliveries once they are as they should be.
async fn until(
    client: &Client,
    subscription: &str,
    wanted: impl Fn(&[Delivery]) -> bool,
) -> Vec<Delivery> {
    let begun = Instant::now();
    loop {
        let found = deliveries(client, subscription).await;
        if wanted(&found) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{found:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn all(state: DeliveryState) -> impl Fn(&[Delivery]) -> bool {
    move |found| !found.is_empty() && found.iter().all(|one| one.state() == state)
}

fn event(came: &Received) -> Value {
    serde_json::from_slice(&came.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_and_a_person_are_told_what_they_may_read() {
    let smtp = smtp();
    let world = world(&smtp).await;
    let admin = world.member("initech", "admin").await;
    let stranger = world.member("hooli", "admin").await;
    let (own, clients) = (receiver(), receiver());
    let (name, secret) = subscribe(&admin, &own, Audience::Organization).await;
    let (outside, _) = subscribe(&admin, &clients, Audience::Clients).await;
    let (notices, to_alice) = (admin.notices(), for_whom(Audience::Named));
    let to_alice = notices.create_mail("alice@initech.example", to_alice);
    to_alice.await.unwrap();

    for (title, tlp) in [
        ("Red Zanzibar", Tlp::Red),
        ("Strict Zanzibar", Tlp::AmberStrict),
        ("Amber Zanzibar", Tlp::Amber),
    ] {
        open(&admin, title, tlp).await;
    }
    let came = own.wait_for(3).await;
    let hint = event(&came[0]);
    assert_eq!(hint["type"], "cordon.incident.changed");
    assert_eq!(hint["data"], serde_json::json!({ "incident_number": 1 }));
    assert!(!hint.to_string().contains("Zanzibar"));
    assert_eq!(event(&came[1])["data"]["title"], "Strict Zanzibar");
    assert_eq!(event(&came[1])["data"]["tlp"], "TLP:AMBER+STRICT");
    for one in &came {
        let signed = webhook::Signed {
            id: one.header("webhook-id"),
            timestamp: one.header("webhook-timestamp"),
            signature: one.header("webhook-signature"),
            body: &one.body,
        };
        let now = cordon_client::time::now().as_second();
        webhook::verify(&[&secret], &signed, now, webhook::TOLERANCE).unwrap();
    }
    let told = clients.wait_for(1).await;
    assert_eq!(event(&told[0])["data"]["title"], "Amber Zanzibar");
    let letters = smtp.wait_for(3).await;
    assert!(
        letters
            .iter()
            .all(|one| one.to == ["alice@initech.example"])
    );
    assert!(
        letters[0]
            .text
            .contains("Subject: [TLP:RED] Incident #1 opened: Red Zanzibar")
    );
    use DeliveryState::{Delivered, Redacted, Withheld};
    let states = |found: &[Delivery]| found.iter().map(Delivery::state).collect::<Vec<_>>();
    let own_states = until(&admin, &name, |found| {
        states(found) == [Redacted, Delivered, Delivered]
    });
    own_states.await;
    let outside_states = until(&admin, &outside, |found| {
        states(found) == [Withheld, Withheld, Delivered]
    });
    outside_states.await;
    assert_eq!(clients.received().len(), 1);

    // The other tenant sees nothing of it, and neither does the log of what was said.
    let refused = stranger.notices().get(&name).await.unwrap_err();
    assert_eq!(*refused.reason(), Reason::PermissionDenied);
    let none: Vec<_> = stranger.notices().list().try_collect().await.unwrap();
    assert!(none.is_empty());
    let reader = world.member("initech", "reader").await;
    let listed: Vec<_> = reader.notices().list().try_collect().await.unwrap();
    assert_eq!(listed.len(), 3);
    assert!(!format!("{listed:?}").contains("s3cret"));
    let refused = reader.notices().pause(&name).await.unwrap_err();
    assert_eq!(*refused.reason(), Reason::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_sick_holds_up_nobody() {
    let smtp = smtp();
    let world = world(&smtp).await;
    let admin = world.member("initech", "admin").await;
    let other = world.member("hooli", "admin").await;
    let (hangs, fails, leads, well) = (receiver(), receiver(), receiver(), receiver());
    let theirs = receiver();
    let inside = Receiver::start("127.0.0.1", None);
    hangs.next([Answer::Hang]);
    fails.next([Answer::Status(500), Answer::Status(503)]);
    leads.always(Answer::Redirect(format!("http://{}/", inside.address())));
    let (hanging, _) = subscribe(&admin, &hangs, Audience::Organization).await;
    let (failing, _) = subscribe(&admin, &fails, Audience::Organization).await;
    let (leading, _) = subscribe(&admin, &leads, Audience::Organization).await;
    subscribe(&admin, &well, Audience::Organization).await;
    subscribe(&other, &theirs, Audience::Organization).await;
    // A name that leads inside, and an address that does.
    let notices = admin.notices();
    let port = inside.address().port();
    let url = format!("https://localhost:{port}/");
    let named = notices.create_webhook(&url, for_whom(Audience::Organization));
    let named = named.await.unwrap().0.name;
    for url in [
        format!("http://127.0.0.1:{port}/"),
        "https://169.254.169.254/".into(),
    ] {
        let refused = notices.create_webhook(&url, for_whom(Audience::Organization));
        assert_eq!(
            *refused.await.unwrap_err().reason(),
            Reason::InvalidArgument
        );
    }

    let begun = Instant::now();
    open(&admin, "one", Tlp::Amber).await;
    open(&other, "theirs", Tlp::Amber).await;
    well.wait_for(1).await;
    theirs.wait_for(1).await;
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    let found = until(&admin, &hanging, all(DeliveryState::Delivered)).await;
    assert_eq!(found[0].attempts, 2);
    let found = until(&admin, &failing, all(DeliveryState::Delivered)).await;
    assert_eq!(found[0].attempts, 3);
    let ids: Vec<String> = fails
        .received()
        .iter()
        .map(|one| one.header("webhook-id").into())
        .collect();
    assert_eq!(
        ids,
        [
            found[0].id.clone(),
            found[0].id.clone(),
            found[0].id.clone()
        ]
    );
    until(&admin, &leading, |found| found[0].reason == "redirected").await;
    until(&admin, &named, |found| found[0].reason == "address").await;
    assert_eq!(inside.connections(), 0);

    // After some days it is given up, where both sides see it, and is sent again if asked to.
    world
        .tamper("UPDATE incident_deliveries SET queued_time = 1 WHERE state = 'pending'")
        .await;
    let dead = until(&admin, &leading, all(DeliveryState::Dead)).await;
    assert_eq!((dead[0].reason.as_str(), dead[0].code), ("redirected", 307));
    until(&admin, &named, all(DeliveryState::Dead)).await;
    let backlogs: Vec<_> = world
        .operator
        .notices()
        .backlogs()
        .try_collect()
        .await
        .unwrap();
    let backlog = backlogs
        .iter()
        .find(|one| one.tenant == "tenants/initech")
        .unwrap();
    assert_eq!((backlog.pending_count, backlog.dead_count), (0, 2));
    leads.always(Answer::Status(200));
    notices.retry(&dead[0].name).await.unwrap();
    until(&admin, &leading, all(DeliveryState::Delivered)).await;
    assert_eq!(
        leads.received().last().unwrap().header("webhook-id"),
        dead[0].id
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_arrives_though_the_server_is_killed() {
    let smtp = smtp();
    let world = world(&smtp).await;
    let mut profile = world
        .issue(cordon_client::Holder::Tenant("initech".into()), "admin")
        .await;
    let admin = connect(profile.clone()).await;
    let to = receiver();
    to.always(Answer::Hang);
    let (name, _) = subscribe(&admin, &to, Audience::Organization).await;
    let World {
        folder, mut server, ..
    } = world;
    let data = folder.path().join("data");
    let mut expected = Vec::new();
    for round in 0..4 {
        profile.endpoints = vec![format!("https://{}", server.address)];
        let admin = connect(profile.clone()).await;
        open(&admin, &format!("round {round}"), Tlp::Amber).await;
        expected.push(format!("round {round}"));
        // At once, and while it waits for the receiver.
        tokio::time::sleep(Duration::from_millis(round * 500)).await;
        server.kill().await;
        server = Server::start(&data).await;
    }
    to.always(Answer::Status(204));
    profile.endpoints = vec![format!("https://{}", server.address)];
    let admin = connect(profile).await;
    let found = until(&admin, &name, |found| {
        found.len() == 4 && all(DeliveryState::Delivered)(found)
    });
    let found = found.await;
    // Each at least once, by one id, the last of each in order.
    let came = to.received();
    let mut order = Vec::new();
    for delivery in &found {
        let by_id = |one: &&Received| one.header("webhook-id") == delivery.id;
        let events: Vec<Value> = came.iter().filter(by_id).map(event).collect();
        order.push(
            events.last().unwrap()["data"]["title"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
        assert!(events.windows(2).all(|pair| pair[0] == pair[1]));
    }
    assert_eq!(order, expected);
    server.stop().await;
}
