//! Notes against a kernel on a temporary database, encrypted by the client's own code.

use std::sync::Arc;

use cordon_client::notes::Identity;
use cordon_proto::incidents as wire;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use cordon_proto::incidents::notes_service_server::NotesService as _;
use tonic::{Request, Status};

use super::rpc::NotesRpc;
use crate::rooms::incidents::IncidentsRpc;
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};

struct Room {
    world: World,
    incidents: IncidentsRpc,
    notes: NotesRpc,
    jane: Actor,
    john: Actor,
    admin: Actor,
    incident: String,
}

/// As age begins; what follows nobody here can read anyway.
fn ciphertext(text: &str) -> Vec<u8> {
    format!("age-encryption.org/v1\n{text}").into_bytes()
}

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        world.tenant("acme").await;
        world.tenant("globex").await;
        let mut room = Self {
            incidents: IncidentsRpc::new(Arc::clone(&world.kernel)),
            notes: NotesRpc::new(Arc::clone(&world.kernel)),
            jane: world.member("tenants/acme", "responder").await,
            john: world.member("tenants/acme", "responder").await,
            admin: world.member("tenants/acme", "admin").await,
            incident: String::new(),
            world,
        };
        let new = wire::CreateIncidentRequest {
            parent: "tenants/acme".into(),
            incident: Some(wire::Incident {
                title: "one".into(),
                severity: wire::Severity::Sev2.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let made = call!(room, &room.jane, incidents.create_incident(new));
        room.incident = made.unwrap().incident.unwrap().name;
        room
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    async fn register(&self, actor: &Actor, recipient: &str) -> Result<wire::NoteKey, Status> {
        let request = wire::RegisterNoteKeyRequest {
            parent: "tenants/acme".into(),
            note_key: Some(wire::NoteKey {
                recipient: recipient.into(),
                ..Default::default()
            }),
        };
        let made = call!(self, actor, notes.register_note_key(request));
        Ok(made?.note_key.unwrap())
    }

    async fn revoke(&self, actor: &Actor, name: &str) -> Result<wire::NoteKey, Status> {
        let request = wire::RevokeNoteKeyRequest { name: name.into() };
        let done = call!(self, actor, notes.revoke_note_key(request));
        Ok(done?.note_key.unwrap())
    }

    async fn write(
        &self,
        actor: &Actor,
        ciphertext: Vec<u8>,
        keys: &[&str],
        request_id: &str,
    ) -> Result<wire::Note, Status> {
        let request = wire::CreateNoteRequest {
            parent: self.incident.clone(),
            note: Some(wire::Note {
                ciphertext,
                note_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
                ..Default::default()
            }),
            request_id: request_id.into(),
        };
        let made = call!(self, actor, notes.create_note(request));
        Ok(made?.note.unwrap())
    }

    async fn list(&self, actor: &Actor) -> Result<Vec<wire::Note>, Status> {
        let request = wire::ListNotesRequest {
            parent: self.incident.clone(),
            ..Default::default()
        };
        Ok(call!(self, actor, notes.list_notes(request))?.notes)
    }

    /// All that entered staff see of the incident.
    async fn seen_by(&self, actor: &Actor) -> (wire::Incident, Vec<wire::TimelineEntry>) {
        let get = wire::GetIncidentRequest {
            name: self.incident.clone(),
        };
        let list = wire::ListTimelineEntriesRequest {
            parent: self.incident.clone(),
            ..Default::default()
        };
        let incident = call!(self, actor, incidents.get_incident(get));
        let timeline = call!(self, actor, incidents.list_timeline_entries(list));
        let incident = incident.unwrap().incident.unwrap();
        (incident, timeline.unwrap().timeline_entries)
    }
}

fn recipient() -> String {
    Identity::generate().unwrap().recipient().to_string()
}

#[tokio::test]
async fn notes_are_the_tenants_own_and_leave_no_trace_for_staff() {
    let room = Room::new().await;
    let analyst = room.world.member("", "analyst").await.entering();
    let before = room.seen_by(&analyst).await;
    let key = room.register(&room.jane, &recipient()).await.unwrap();
    let text = ciphertext("a suspicion");
    let note = room
        .write(&room.jane, text.clone(), &[&key.name], "r1")
        .await
        .unwrap();
    assert_eq!(note.ciphertext, text);
    let again = room.write(&room.jane, text, &[&key.name], "r1").await;
    assert_eq!(again.unwrap(), note, "the first answer");
    assert_eq!(
        room.list(&room.john).await.unwrap(),
        std::slice::from_ref(&note)
    );
    assert_eq!(room.seen_by(&analyst).await, before);

    // Whoever of the staff it is, and entered or not.
    for role in ["analyst", "auditor", "operator", "sla-reporter"] {
        let plain = room.world.member("", role).await;
        for staff in [&plain, &plain.entering()] {
            assert_eq!(
                reason(room.list(staff).await),
                "PERMISSION_DENIED",
                "{role}"
            );
            let list = wire::ListNoteKeysRequest {
                parent: "tenants/acme".into(),
                ..Default::default()
            };
            let listed = call!(room, staff, notes.list_note_keys(list));
            assert_eq!(reason(listed), "PERMISSION_DENIED", "{role}");
            let planted = room.register(staff, &recipient()).await;
            assert_eq!(reason(planted), "PERMISSION_DENIED", "{role}");
            let written = room.write(staff, ciphertext("x"), &[&key.name], "").await;
            assert_eq!(reason(written), "PERMISSION_DENIED", "{role}");
            let revoked = room.revoke(staff, &key.name).await;
            assert_eq!(reason(revoked), "PERMISSION_DENIED", "{role}");
        }
    }
    let reader = room.world.member("tenants/acme", "reader").await;
    assert_eq!(reason(room.list(&reader).await), "PERMISSION_DENIED");
    let stranger = room.world.member("tenants/globex", "admin").await;
    assert_eq!(reason(room.list(&stranger).await), "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_key_is_one_persons_until_it_is_revoked() {
    let room = Room::new().await;
    let (mine, theirs) = (recipient(), recipient());
    let jane = room.register(&room.jane, &mine).await.unwrap();
    assert_eq!(room.register(&room.jane, &mine).await.unwrap(), jane);
    let parsed: cordon_client::notes::Recipient = mine.parse().unwrap();
    assert_eq!(
        jane.fingerprint,
        parsed.fingerprint(),
        "both sides count alike"
    );
    let taken = room.register(&room.john, &mine).await;
    assert_eq!(reason(taken), "ALREADY_EXISTS");
    let john = room.register(&room.john, &theirs).await.unwrap();
    assert_ne!(
        (&john.credential, &john.name),
        (&jane.credential, &jane.name)
    );

    let foreign = room.revoke(&room.john, &jane.name).await;
    assert_eq!(reason(foreign), "PERMISSION_DENIED");
    let own = room.revoke(&room.john, &john.name).await.unwrap();
    assert!(own.revoke_time.is_some());
    room.revoke(&room.admin, &jane.name).await.unwrap();
    let back = room.register(&room.jane, &mine).await;
    assert_eq!(reason(back), "ALREADY_EXISTS", "what was given up stays so");

    let to_both = [jane.name.as_str(), john.name.as_str()];
    let written = room.write(&room.jane, ciphertext("x"), &to_both, "").await;
    assert_eq!(reason(written), "FAILED_PRECONDITION");
    assert!(room.list(&room.jane).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_author_alone_puts_another_ciphertext_in_place() {
    let room = Room::new().await;
    let jane = room.register(&room.jane, &recipient()).await.unwrap();
    let john = room.register(&room.john, &recipient()).await.unwrap();
    let note = room
        .write(&room.jane, ciphertext("1"), &[&jane.name], "")
        .await
        .unwrap();
    let change = || wire::UpdateNoteRequest {
        note: Some(wire::Note {
            name: note.name.clone(),
            ciphertext: ciphertext("2"),
            note_keys: vec![jane.name.clone(), john.name.clone()],
            ..Default::default()
        }),
        ..Default::default()
    };
    let foreign = call!(room, &room.john, notes.update_note(change()));
    assert_eq!(reason(foreign), "PERMISSION_DENIED");
    let changed = call!(room, &room.jane, notes.update_note(change()));
    let changed = changed.unwrap().note.unwrap();
    assert_eq!(changed.ciphertext, ciphertext("2"));
    assert_eq!(room.list(&room.john).await.unwrap(), [changed]);
}

#[tokio::test]
async fn what_is_not_encrypted_is_refused() {
    let room = Room::new().await;
    let key = room.register(&room.jane, &recipient()).await.unwrap();
    let plain = b"the plan".to_vec();
    let plain = room.write(&room.jane, plain, &[&key.name], "").await;
    assert_eq!(fields(plain), ["note.ciphertext"]);
    let long = ciphertext(&"x".repeat(128 << 10));
    let long = room.write(&room.jane, long, &[&key.name], "").await;
    assert_eq!(fields(long), ["note.ciphertext"]);
    let nobody = room.write(&room.jane, ciphertext("x"), &[], "").await;
    assert_eq!(fields(nobody), ["note.note_keys"]);
    let foreign = key.name.replace("acme", "globex");
    let to = [foreign.as_str()];
    let foreign = room.write(&room.jane, ciphertext("x"), &to, "").await;
    assert_eq!(fields(foreign), ["note.note_keys"]);
    for wrong in ["", "age1x", "AGE-SECRET-KEY-1", &recipient().to_uppercase()] {
        let made = room.register(&room.jane, wrong).await;
        assert_eq!(fields(made), ["note_key.recipient"], "{wrong}");
    }
}
