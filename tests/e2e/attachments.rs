//! Files, notes and links of incidents over the network: through cut connections, killed servers and
//! the command line; and what others see of them.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cordon_client::notes::{Keys, SEALED_FILE, SEALED_NAME, open_file, seal_file};
use cordon_client::{
    Attachment, AttachmentState, Client, Entry, Holder, Incident, NewAttachment, NewIncident,
    Profile, ReadNote, Reason, RetryPolicy, Severity, TimelineWhat,
};
use futures::TryStreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Call, Server, World, at, connect, trail};

const MIB: usize = 1 << 20;

fn bytes(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|n| ((n + seed) % 251) as u8).collect()
}

/// A way to a server that breaks after so many bytes have gone to it, connection by connection; the
/// later ones hold.
struct Cut {
    address: String,
    connections: Arc<AtomicUsize>,
}

impl Cut {
    async fn to(server: &str, after: &'static [usize]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let (server, count) = (server.to_owned(), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let most = after.get(number).copied().unwrap_or(usize::MAX);
                let Ok(far) = TcpStream::connect(&server).await else {
                    continue;
                };
                tokio::spawn(pass(near, far, most));
            }
        });
        Self {
            address,
            connections,
        }
    }
}

async fn pass(near: TcpStream, far: TcpStream, most: usize) {
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let back = tokio::spawn(async move { tokio::io::copy(&mut far_in, &mut near_out).await });
    let (mut piece, mut passed) = (vec![0; 16 << 10], 0);
    while passed < most {
        match near_in.read(&mut piece).await {
            Ok(length) if length > 0 => {
                passed += length;
                if far_out.write_all(&piece[..length]).await.is_err() {
                    break;
                }
            }
            _ => break,
        }
    }
    // Both ways at once, in the midst of whatever was on its way.
    back.abort();
}

async fn open(client: &Client) -> Incident {
    let new = NewIncident {
        title: "Access keys in a public repository".to_owned(),
        severity: Severity::Sev2,
        ..NewIncident::default()
    };
    client.incidents().create(new).await.unwrap()
}

async fn announce(client: &Client, incident: &Incident, content: &[u8]) -> Attachment {
    let new = NewAttachment::of("memory.raw", content).await.unwrap();
    let announced = client.incidents().announce(&incident.name, new).await;
    announced.unwrap()
}

async fn upload(
    client: &Client,
    announced: &Attachment,
    content: &[u8],
) -> cordon_client::Result<Attachment> {
    let mut file = Cursor::new(content.to_vec());
    let incidents = client.incidents();
    incidents.upload(announced, &mut file, |_| {}).await
}

async fn fetch(client: &Client, attachment: &Attachment) -> cordon_client::Result<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    let incidents = client.incidents();
    incidents.download(attachment, &mut out, |_| {}).await?;
    Ok(out.into_inner())
}

async fn list(client: &Client, incident: &Incident) -> Vec<Attachment> {
    let all = client.incidents().attachments(&incident.name);
    all.try_collect().await.unwrap()
}

async fn staff(world: &World, role: &str) -> Client {
    let client = connect(world.issue(Holder::Staff, role).await).await;
    client.for_tenant("initech")
}

fn entering(client: &Client) -> Client {
    client.entering(Entry::new("works on the incident").reference("INC-1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_up_and_down_through_connections_that_are_cut() {
    let world = World::new().await;
    world.tenant("initech", &[]).await;
    world.tenant("hooli", &[]).await;
    let initech = || Holder::Tenant("initech".into());
    let profile = world.issue(initech(), "responder").await;
    let cut = Cut::to(&world.server.address, &[6 * MIB, 7 * MIB, 100_000]).await;
    let responder = connect(at(&profile, &cut.address)).await;
    let incident = open(&responder).await;
    let content = bytes(19 * MIB + 17, 3);
    let announced = announce(&responder, &incident, &content).await;
    let attached = upload(&responder, &announced, &content).await.unwrap();
    assert_eq!(attached.state(), AttachmentState::Attached);
    let connections = cut.connections.load(Ordering::SeqCst);
    assert!(
        connections >= 4,
        "only {connections} connections: none was cut"
    );

    let reader = world.member("initech", "reader").await;
    let analyst = staff(&world, "analyst").await;
    for client in [&reader, &entering(&analyst)] {
        assert_eq!(
            list(client, &incident).await,
            std::slice::from_ref(&attached)
        );
        assert_eq!(fetch(client, &attached).await.unwrap(), content);
    }
    let timeline: Vec<_> = reader
        .incidents()
        .timeline(&incident.name)
        .try_collect()
        .await
        .unwrap();
    assert!(
        matches!(&timeline[1].what, Some(TimelineWhat::Attached(it)) if it.attachment == attached.name)
    );

    // Others' credentials, and staff who did not enter.
    let stranger = world.member("hooli", "admin").await;
    for other in [&stranger, &analyst] {
        let refused = other.incidents().attachment(&attached.name).await;
        assert_eq!(refused.unwrap_err().reason(), Reason::PermissionDenied);
        let refused = fetch(other, &attached).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::PermissionDenied);
        let refused = upload(other, &announced, &content).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::PermissionDenied);
    }

    // Another file than was announced.
    let other = bytes(MIB, 1);
    let announced = announce(&responder, &incident, &other).await;
    let wrong = upload(&responder, &announced, &bytes(MIB, 2)).await;
    assert_eq!(wrong.unwrap_err().reason(), Reason::HashMismatch);
    // And a longer one.
    let announced = announce(&responder, &incident, &other).await;
    let wrong = upload(&responder, &announced, &bytes(MIB + 1, 1)).await;
    assert_eq!(wrong.unwrap_err().reason(), Reason::TooLarge);
    assert_eq!(list(&reader, &incident).await.len(), 1);

    // So much may be under way, and no more.
    let new = |size: u64| NewAttachment {
        file_name: "image.raw".into(),
        media_type: String::new(),
        size,
        sha256: "0".repeat(64),
    };
    let announce = async |size| {
        let incidents = responder.incidents();
        incidents.announce(&incident.name, new(size)).await
    };
    for _ in 0..3 {
        announce(256 << 20).await.unwrap();
    }
    assert_eq!(
        announce((256 << 20) + 1).await.unwrap_err().reason(),
        Reason::TooLarge
    );
    let full = announce(256 << 20).await.unwrap_err();
    assert_eq!(full.reason(), Reason::QuotaExceeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_has_said_to_be_stored_is_stored() {
    let world = World::new().await;
    world.tenant("initech", &[]).await;
    let profile = world
        .issue(Holder::Tenant("initech".into()), "responder")
        .await;
    let World {
        folder, mut server, ..
    } = world;
    let data = folder.path().join("data");
    let never = RetryPolicy {
        patience: Duration::ZERO,
        ..RetryPolicy::default()
    };
    let client = async |server: &Server, profile: &Profile| {
        let profile = at(profile, &server.address);
        let client = Client::builder().profile(profile).retry(never);
        client.connect().await.unwrap()
    };
    let responder = client(&server, &profile).await;
    let incident = open(&responder).await;
    let content = bytes(128 * MIB + 5, 9);
    let announced = announce(&responder, &incident, &content).await;
    let (mut kills, mut said) = (0, 0);
    loop {
        let responder = client(&server, &profile).await;
        let stored = responder.incidents().attachment(&announced.name).await;
        let stored = stored.unwrap();
        let committed = usize::try_from(stored.committed_bytes).unwrap();
        assert!(
            committed >= said,
            "{committed} are stored, {said} were said to be"
        );
        if kills == 3 {
            upload(&responder, &announced, &content).await.unwrap();
            break;
        }
        // Killed once it has stored more than before.
        let (more, mut heard) = tokio::sync::watch::channel(committed);
        let (announced, content) = (announced.clone(), content.clone());
        let sending = tokio::spawn(async move {
            let mut file = Cursor::new(content);
            let incidents = responder.incidents();
            let progress = move |bytes: u64| {
                more.send_replace(usize::try_from(bytes).unwrap());
            };
            incidents.upload(&announced, &mut file, progress).await
        });
        heard.wait_for(|bytes| *bytes > committed).await.unwrap();
        server.kill().await;
        said = *heard.borrow();
        assert!(
            sending.await.unwrap().is_err(),
            "it was not killed in the midst"
        );
        kills += 1;
        server = Server::start(&data).await;
    }
    let responder = client(&server, &profile).await;
    let attached = list(&responder, &incident).await;
    assert_eq!(attached.len(), 1);
    assert_eq!(fetch(&responder, &attached[0]).await.unwrap(), content);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_read_by_those_they_are_for() {
    let world = World::new().await;
    world.tenant("initech", &[]).await;
    let jane = world.member("initech", "responder").await;
    let john = world.member("initech", "responder").await;
    let incident = open(&jane).await;
    let keys = |name: &str| Keys::beside(world.folder.path().join(name)).unwrap();
    let (mut janes, mut johns) = (keys("jane.toml"), keys("john.toml"));
    let none = jane
        .incidents()
        .write_note(&janes, &incident.name, "x")
        .await;
    assert_eq!(none.unwrap_err().reason(), Reason::FailedPrecondition);
    for (client, keys) in [(&jane, &mut janes), (&john, &mut johns)] {
        let recipient = keys.make().unwrap().recipient();
        client
            .incidents()
            .register_note_key(&recipient)
            .await
            .unwrap();
    }

    let secret = "The admin's laptop was cloned.";
    let note = jane
        .incidents()
        .write_note(&janes, &incident.name, secret)
        .await;
    let note = note.unwrap();
    assert_eq!(note.note_keys.len(), 1, "John's key is not trusted yet");
    let by_john = read(&john, &johns, &incident).await;
    let refused = by_john[0].text.as_ref().unwrap_err();
    assert_eq!(refused.reason(), Reason::PermissionDenied);
    janes.trust(johns.own().unwrap().recipient()).unwrap();
    jane.incidents().share_note(&janes, &note).await.unwrap();
    for (client, name) in [(&jane, "jane.toml"), (&john, "john.toml")] {
        let all = read(client, &keys(name), &incident).await;
        assert_eq!(all[0].text.as_ref().unwrap(), secret);
    }

    // A file goes the same way, with its name.
    let (to, _) = jane.incidents().trusted_keys(&janes).await.unwrap();
    let mut sealed = Vec::new();
    let named = (incident.name.as_str(), "suspects.txt");
    seal_file(&to, named, secret.as_bytes(), &mut sealed).unwrap();
    let new = NewAttachment {
        media_type: SEALED_FILE.to_owned(),
        ..NewAttachment::of(SEALED_NAME, sealed.as_slice())
            .await
            .unwrap()
    };
    let announced = jane
        .incidents()
        .announce(&incident.name, new)
        .await
        .unwrap();
    let attached = upload(&jane, &announced, &sealed).await.unwrap();
    let fetched = fetch(&john, &attached).await.unwrap();
    let mut opened = Vec::new();
    let own = johns.own().unwrap();
    let said = open_file(own, &incident.name, fetched.as_slice(), &mut opened).unwrap();
    assert_eq!((said.as_str(), opened), ("suspects.txt", secret.into()));
    let seen = entering(&staff(&world, "analyst").await);
    let told = format!("{:?}", list(&seen, &incident).await);
    assert!(told.contains(SEALED_NAME) && !told.contains("suspects"));
    let theirs = fetch(&seen, &attached).await.unwrap();
    assert_eq!(theirs, sealed, "ciphertext is all that they have");

    // Nothing of it lies in the server's folder, and staff have no way to it.
    for file in walk(world.folder.path().join("data").as_path()) {
        let stored = std::fs::read(&file).unwrap_or_default();
        let found = stored
            .windows(secret.len())
            .any(|it| it == secret.as_bytes());
        assert!(!found, "{}", file.display());
    }
    let analyst = staff(&world, "analyst").await;
    for client in [&analyst, &entering(&analyst)] {
        let name = note.name.split("/notes/").next().unwrap();
        let refused: Result<Vec<_>, _> = client.incidents().sealed_notes(name).try_collect().await;
        assert_eq!(refused.unwrap_err().reason(), Reason::PermissionDenied);
        let refused: Result<Vec<_>, _> = client.incidents().note_keys().try_collect().await;
        assert_eq!(refused.unwrap_err().reason(), Reason::PermissionDenied);
    }
}

async fn read(client: &Client, keys: &Keys, incident: &Incident) -> Vec<ReadNote> {
    let incidents = client.incidents();
    let all = incidents.notes(keys.own().unwrap(), &incident.name);
    all.await.unwrap()
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(walk(&path)),
            false => files.push(path),
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_linked_and_staff_note_what_the_tenant_never_sees() {
    let world = World::new().await;
    world.tenant("initech", &["aws:100000000001"]).await;
    world.tenant("hooli", &["aws:200000000002"]).await;
    let own = ["aws:100000000001", "aws:200000000002"];
    let records = own.map(|account| trail(&Call::own(account, account)));
    world.send("aws.cloudtrail", "b1", &records).await;
    let responder = world.member("initech", "responder").await;
    let incident = open(&responder).await;
    let search = || cordon_client::Search::new();
    let seen: Vec<_> = responder
        .events()
        .search(search())
        .try_collect()
        .await
        .unwrap();
    let event = seen[0].name.clone();
    let link = responder
        .incidents()
        .link(&incident.name, &event, "where it began")
        .await
        .unwrap();
    let again = responder.incidents().link(&incident.name, &event, "").await;
    assert_eq!(again.unwrap(), link, "it is linked once");
    let analyst = staff(&world, "analyst").await;
    let links = entering(&analyst).incidents().links(&incident.name);
    let links: Vec<_> = links.try_collect().await.unwrap();
    assert_eq!(links, std::slice::from_ref(&link));

    // An event of another tenant, under its name and under ours.
    let stranger = world.member("hooli", "reader").await;
    let theirs: Vec<_> = stranger
        .events()
        .search(search())
        .try_collect()
        .await
        .unwrap();
    let theirs = theirs[0].name.clone();
    for (resource, reason) in [
        (theirs.clone(), Reason::PermissionDenied),
        (theirs.replace("hooli", "initech"), Reason::NotFound),
        (incident.name.clone(), Reason::InvalidArgument),
    ] {
        let incidents = responder.incidents();
        let refused = incidents.link(&incident.name, &resource, "");
        assert_eq!(refused.await.unwrap_err().reason(), reason, "{resource}");
    }

    let look = async || {
        let incidents = responder.incidents();
        let timeline: Vec<_> = incidents
            .timeline(&incident.name)
            .try_collect()
            .await
            .unwrap();
        (incidents.get(&incident.name).await.unwrap(), timeline)
    };
    let before = look().await;
    let note = analyst
        .incidents()
        .write_provider_note(&incident.name, "The same actor as at three others.")
        .await
        .unwrap();
    assert_eq!(look().await, before);
    let notes = analyst.incidents().provider_notes(&incident.name);
    let notes: Vec<_> = notes.try_collect().await.unwrap();
    assert_eq!(notes, [note]);
    let refused = responder.incidents().provider_notes(&incident.name);
    let refused: Result<Vec<_>, _> = refused.try_collect().await;
    assert_eq!(refused.unwrap_err().reason(), Reason::PermissionDenied);

    responder.incidents().unlink(&link.name).await.unwrap();
    let (_, timeline) = look().await;
    let kinds = timeline.iter().rev().take(2);
    let kinds: Vec<_> = kinds.map(|entry| entry.what.as_ref().unwrap()).collect();
    assert!(
        matches!(kinds.as_slice(), [TimelineWhat::Unlinked(gone), TimelineWhat::Linked(made)]
            if gone.resource == event && made.link == link.name),
        "{kinds:?}"
    );
}
