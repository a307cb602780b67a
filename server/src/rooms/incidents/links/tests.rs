//! What can't be linked. That events can is seen end to end.

use std::sync::Arc;

use cordon_lake::object::Objects;
use cordon_lake::{Lake, LakeConfig};
use cordon_proto::incidents as wire;
use cordon_proto::incidents::links_service_server::LinksService as _;
use tonic::{Request, Status};

use super::rpc::LinksRpc;
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};

const UUID: &str = "01920000-0000-7000-8000-000000000001";
const EVENT: &str = "00112233445566778899aabbccddeeff";

struct Room {
    world: World,
    links: LinksRpc,
    responder: Actor,
    _folder: tempfile::TempDir,
}

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        world.tenant("acme").await;
        world.tenant("globex").await;
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        let kernel = || Arc::clone(&world.kernel);
        let lake = Lake::new(kernel(), objects, LakeConfig::default()).unwrap();
        Self {
            links: LinksRpc::new(kernel(), Arc::new(lake)),
            responder: world.member("tenants/acme", "responder").await,
            world,
            _folder: folder,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    async fn link(&self, actor: &Actor, resource: &str) -> Result<wire::Link, Status> {
        let request = wire::CreateLinkRequest {
            parent: format!("tenants/acme/incidents/{UUID}"),
            link: Some(wire::Link {
                resource: resource.into(),
                ..Default::default()
            }),
        };
        Ok(call!(self, actor, links.create_link(request))?
            .link
            .unwrap())
    }
}

#[tokio::test]
async fn names_of_other_tenants_and_of_other_kinds_are_refused() {
    let room = Room::new().await;
    for tenant in ["globex", "nobody"] {
        let foreign = format!("tenants/{tenant}/events/{EVENT}");
        let linked = room.link(&room.responder, &foreign).await;
        assert_eq!(reason(linked), "PERMISSION_DENIED", "{tenant}");
    }
    for other in [
        format!("tenants/acme/incidents/{UUID}"),
        format!("tenants/acme/resources/{UUID}"),
        "tenants/acme".to_owned(),
    ] {
        let linked = room.link(&room.responder, &other).await;
        assert_eq!(fields(linked), ["link.resource"], "{other}");
    }
    let linked = room.link(&room.responder, "tenants/acme/evidence/1").await;
    assert_eq!(fields(linked), ["link.resource"]);
    let absent = format!("tenants/acme/events/{EVENT}");
    let linked = room.link(&room.responder, &absent).await;
    assert_eq!(reason(linked), "NOT_FOUND");
    let reader = room.world.member("tenants/acme", "reader").await;
    assert_eq!(
        reason(room.link(&reader, &absent).await),
        "PERMISSION_DENIED"
    );
    let stranger = room.world.member("tenants/globex", "admin").await;
    assert_eq!(
        reason(room.link(&stranger, &absent).await),
        "PERMISSION_DENIED"
    );
}
