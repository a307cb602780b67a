//! The room against a kernel in a temporary folder: everything but the network is real.

use std::sync::Arc;

use cordon_proto::context as wire;
use cordon_proto::context::context_entry::About;
use cordon_proto::context::context_service_server::ContextService as _;
use tonic::{Request, Status};

use super::super::ContextRpc;
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};

struct Room {
    world: World,
    context: ContextRpc,
    responder: Actor,
}

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        for tenant in ["acme", "globex"] {
            world.tenant(tenant).await;
        }
        Self {
            context: ContextRpc::new(Arc::clone(&world.kernel)),
            responder: world.member("tenants/acme", "responder").await,
            world,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    async fn create(
        &self,
        entry: wire::ContextEntry,
        request_id: &str,
    ) -> Result<wire::ContextEntry, Status> {
        let request = wire::CreateContextEntryRequest {
            parent: "tenants/acme".into(),
            context_entry: Some(entry),
            request_id: request_id.into(),
        };
        let made = call!(self, &self.responder, context.create_context_entry(request))?;
        Ok(made.context_entry.unwrap())
    }

    async fn update(
        &self,
        entry: wire::ContextEntry,
        paths: &[&str],
    ) -> Result<wire::ContextEntry, Status> {
        let request = wire::UpdateContextEntryRequest {
            context_entry: Some(entry),
            update_mask: Some(prost_types::FieldMask {
                paths: paths.iter().map(|&path| path.to_owned()).collect(),
            }),
            request_id: String::new(),
        };
        let changed = call!(self, &self.responder, context.update_context_entry(request))?;
        Ok(changed.context_entry.unwrap())
    }

    async fn list(&self, kind: wire::ContextKind, page_size: i32) -> Vec<wire::ContextEntry> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = wire::ListContextEntriesRequest {
                parent: "tenants/acme".into(),
                kind: kind.into(),
                page_size,
                page_token,
            };
            let page = call!(self, &self.responder, context.list_context_entries(request)).unwrap();
            all.extend(page.context_entries);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return all;
            }
        }
    }

    async fn import(
        &self,
        entries: Vec<wire::ContextEntry>,
    ) -> Result<wire::ImportAssetsResponse, Status> {
        let request = wire::ImportAssetsRequest {
            parent: "tenants/acme".into(),
            context_entries: entries,
            request_id: String::new(),
        };
        call!(self, &self.responder, context.import_assets(request))
    }
}

fn entry(name: &str, about: About) -> wire::ContextEntry {
    wire::ContextEntry {
        display_name: name.into(),
        about: Some(about),
        ..Default::default()
    }
}

fn asset(name: &str, identifier: &str) -> wire::ContextEntry {
    entry(
        name,
        About::Asset(wire::Asset {
            identifiers: vec![identifier.into()],
            crown_jewel: true,
            ..Default::default()
        }),
    )
}

fn work(hours: i64) -> wire::PlannedWork {
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    wire::PlannedWork {
        start_time: time(1_770_000_000),
        end_time: time(1_770_000_000 + hours * 3_600),
        operations: vec!["Delete*".into()],
        ..Default::default()
    }
}

fn network(cidrs: &[&str]) -> About {
    About::TrustedNetwork(wire::TrustedNetwork {
        cidrs: cidrs.iter().map(|&cidr| cidr.to_owned()).collect(),
        expire_time: None,
    })
}

#[tokio::test]
async fn what_is_told_is_kept_changed_and_taken_back() {
    let room = Room::new().await;
    let made = room
        .create(asset("Payroll", "payroll"), "one")
        .await
        .unwrap();
    assert!(made.name.starts_with("tenants/acme/contextEntries/"));
    // Repeated it is the same, used for another it is refused.
    let again = room
        .create(asset("Payroll", "payroll"), "one")
        .await
        .unwrap();
    assert_eq!(again, made);
    let other = room.create(asset("Other", "payroll"), "one").await;
    assert_eq!(reason(other), "ALREADY_EXISTS");
    // No two of a kind have one name; of two kinds they may.
    let same = room.create(asset("Payroll", "x"), "").await;
    assert_eq!(reason(same), "ALREADY_EXISTS");
    room.create(entry("Payroll", About::PlannedWork(work(2))), "")
        .await
        .unwrap();

    let changed = wire::ContextEntry {
        display_name: "Wages".into(),
        about: Some(About::Asset(wire::Asset {
            identifiers: vec!["wages".into()],
            role: "database".into(),
            ..Default::default()
        })),
        ..made.clone()
    };
    let after = room.update(changed.clone(), &["asset"]).await.unwrap();
    assert_eq!(
        (after.display_name.as_str(), &after.about),
        ("Payroll", &changed.about)
    );
    assert_ne!(after.etag, made.etag);
    assert_eq!(
        reason(room.update(changed, &["display_name"]).await),
        "ETAG_MISMATCH"
    );
    let kind = wire::ContextEntry {
        about: Some(network(&["192.0.2.0/24"])),
        ..after.clone()
    };
    assert_eq!(
        fields(room.update(kind, &["trusted_network"]).await),
        ["update_mask"]
    );

    let request = wire::GetContextEntryRequest {
        name: after.name.clone(),
    };
    let got = call!(room, &room.responder, context.get_context_entry(request)).unwrap();
    assert_eq!(got.context_entry, Some(after.clone()));
    let delete = |etag: &str| wire::DeleteContextEntryRequest {
        name: after.name.clone(),
        etag: etag.into(),
        request_id: "gone".into(),
    };
    let stale = call!(
        room,
        &room.responder,
        context.delete_context_entry(delete(&made.etag))
    );
    assert_eq!(reason(stale), "ETAG_MISMATCH");
    for _ in 0..2 {
        let gone = delete(&after.etag);
        call!(room, &room.responder, context.delete_context_entry(gone)).unwrap();
    }
    let request = wire::GetContextEntryRequest { name: after.name };
    let got = call!(room, &room.responder, context.get_context_entry(request));
    assert_eq!(reason(got), "NOT_FOUND");
    assert_eq!(room.list(wire::ContextKind::Asset, 0).await, []);
    assert_eq!(room.list(wire::ContextKind::Unspecified, 0).await.len(), 1);
}

#[tokio::test]
async fn an_inventory_can_be_imported_again_and_again() {
    let room = Room::new().await;
    let mut all: Vec<_> = (0..30)
        .map(|at| asset(&format!("host {at:02}"), &format!("i-{at}")))
        .collect();
    let counts = |answer: wire::ImportAssetsResponse| {
        (
            answer.created_count,
            answer.updated_count,
            answer.unchanged_count,
        )
    };
    assert_eq!(counts(room.import(all.clone()).await.unwrap()), (30, 0, 0));
    let before = room.list(wire::ContextKind::Asset, 7).await;
    assert_eq!(before.len(), 30);
    all[3] = asset("host 03", "i-other");
    all.push(asset("host 30", "i-30"));
    assert_eq!(counts(room.import(all.clone()).await.unwrap()), (1, 1, 29));
    let after = room.list(wire::ContextKind::Asset, 0).await;
    // What took another's place has its name; what is the same was not touched.
    assert_eq!((after.len(), &after[3].name), (31, &before[3].name));
    assert_ne!(after[3].etag, before[3].etag);
    assert_eq!(after[4], before[4]);
    // All or nothing.
    let wrong = vec![
        asset("new", "x"),
        asset("new", "y"),
        entry("w", About::PlannedWork(work(1))),
    ];
    let refused = fields(room.import(wrong).await);
    let expected = [
        "context_entries[1].display_name",
        "context_entries[2].asset",
    ];
    assert_eq!(refused, expected);
    assert_eq!(fields(room.import(Vec::new()).await), ["context_entries"]);
    assert_eq!(room.list(wire::ContextKind::Asset, 0).await.len(), 31);
}

#[tokio::test]
async fn what_is_too_much_or_too_wide_is_refused() {
    let room = Room::new().await;
    let long = "x".repeat(257);
    let with = |change: fn(&mut wire::PlannedWork)| {
        let mut work = work(2);
        change(&mut work);
        entry("w", About::PlannedWork(work))
    };
    let mut many = asset("a", "x");
    many.about = Some(About::Asset(wire::Asset {
        identifiers: (0..5)
            .map(|at| format!("{at}{}", "x".repeat(250)))
            .collect(),
        ..Default::default()
    }));
    for (entry, field) in [
        (many, "context_entry.asset.identifiers"),
        (asset("", "x"), "context_entry.display_name"),
        (asset("a", ""), "context_entry.asset.identifiers[0]"),
        (asset("a", &long), "context_entry.asset.identifiers[0]"),
        (
            asset("a", "0.0.0.0/0"),
            "context_entry.asset.identifiers[0]",
        ),
        (
            wire::ContextEntry {
                about: None,
                ..asset("a", "x")
            },
            "context_entry",
        ),
        (
            with(|work| work.end_time = work.start_time),
            "context_entry.planned_work.end_time",
        ),
        (
            with(|work| work.start_time = None),
            "context_entry.planned_work.start_time",
        ),
        (
            with(|work| work.operations.clear()),
            "context_entry.planned_work",
        ),
        (
            with(|work| work.operations = vec!["**".into()]),
            "context_entry.planned_work.operations[0]",
        ),
        (
            with(|work| work.principals = vec!["p".into(); 25]),
            "context_entry.planned_work",
        ),
        (
            entry("w", About::PlannedWork(work(31 * 24 + 1))),
            "context_entry.planned_work.end_time",
        ),
        (
            entry("n", network(&[])),
            "context_entry.trusted_network.cidrs",
        ),
        (
            entry("n", network(&["0.0.0.0/0"])),
            "context_entry.trusted_network.cidrs[0]",
        ),
        (
            entry("n", network(&["192.0.2.0/24", "2000::/3"])),
            "context_entry.trusted_network.cidrs[1]",
        ),
        (
            entry("n", network(&["office"])),
            "context_entry.trusted_network.cidrs[0]",
        ),
    ] {
        assert_eq!(fields(room.create(entry, "").await), [field]);
    }
    assert_eq!(room.list(wire::ContextKind::Unspecified, 0).await, []);
    let stored = room.create(entry("n", network(&["192.0.2.77/24", "192.0.2.0/24"])), "");
    let Some(About::TrustedNetwork(stored)) = stored.await.unwrap().about else {
        panic!("another kind");
    };
    assert_eq!(stored.cidrs, ["192.0.2.0/24"]);
    for at in 1..200 {
        let another = entry(&format!("n{at}"), network(&["192.0.2.0/24"]));
        room.create(another, "").await.unwrap();
    }
    let beyond = room
        .create(entry("beyond", network(&["192.0.2.0/24"])), "")
        .await;
    assert_eq!(reason(beyond), "QUOTA_EXCEEDED");
}

#[tokio::test]
async fn nobody_else_reads_it_and_readers_change_nothing() {
    let room = Room::new().await;
    let made = room.create(asset("Payroll", "payroll"), "").await.unwrap();
    let reader = room.world.member("tenants/acme", "reader").await;
    let globex = room.world.member("tenants/globex", "responder").await;
    let get = || wire::GetContextEntryRequest {
        name: made.name.clone(),
    };
    assert!(call!(room, &reader, context.get_context_entry(get())).is_ok());
    let delete = || wire::DeleteContextEntryRequest {
        name: made.name.clone(),
        ..Default::default()
    };
    let create = || wire::CreateContextEntryRequest {
        parent: "tenants/acme".into(),
        context_entry: Some(asset("another", "x")),
        ..Default::default()
    };
    let list = || wire::ListContextEntriesRequest {
        parent: "tenants/acme".into(),
        ..Default::default()
    };
    for actor in [&reader, &globex, &room.world.operator] {
        let answer = call!(room, actor, context.delete_context_entry(delete()));
        assert_eq!(reason(answer), "PERMISSION_DENIED");
        let answer = call!(room, actor, context.create_context_entry(create()));
        assert_eq!(reason(answer), "PERMISSION_DENIED");
    }
    for actor in [&globex, &room.world.operator] {
        let answer = call!(room, actor, context.get_context_entry(get()));
        assert_eq!(reason(answer), "PERMISSION_DENIED");
        let answer = call!(room, actor, context.list_context_entries(list()));
        assert_eq!(reason(answer), "PERMISSION_DENIED");
    }
    // In one's own namespace the same id is nothing.
    let own = wire::GetContextEntryRequest {
        name: made.name.replace("acme", "globex"),
    };
    let answer = call!(room, &globex, context.get_context_entry(own));
    assert_eq!(reason(answer), "NOT_FOUND");
}
