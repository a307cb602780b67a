use super::*;

#[tokio::test]
async fn services_are_the_tenants_and_operators_register_them() {
    let room = Room::new().await;
    let sources = [
        ("linux.auth", wire::Access::Forensic),
        ("aws.cloudtrail", wire::Access::Direct),
    ];
    let made = room.uses("acme", "compute", &sources).await.unwrap();
    assert_eq!(made.name, "tenants/acme/services/compute");
    let again = room.uses("acme", "compute", &[]).await;
    assert_eq!(reason(again), "ALREADY_EXISTS");
    let nobody = room.uses("initech", "compute", &[]).await;
    assert_eq!(reason(nobody), "NOT_FOUND");
    room.uses("acme", "object-storage", &[]).await.unwrap();
    room.uses("globex", "kubernetes", &[]).await.unwrap();

    let list = |parent: &str| wire::ListServicesRequest {
        parent: parent.into(),
        ..Default::default()
    };
    for actor in [&room.reader, &room.world.operator] {
        let found = call!(room, actor, catalogue.list_services(list("tenants/acme")));
        let found = found.unwrap().services;
        let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "tenants/acme/services/compute",
                "tenants/acme/services/object-storage"
            ]
        );
        let kinds = found[0].sources.iter();
        let kinds: Vec<_> = kinds
            .map(|one| (one.source_type.as_str(), one.access()))
            .collect();
        assert_eq!(kinds, [sources[1], sources[0]]);
    }
    let foreign = call!(
        room,
        &room.reader,
        catalogue.list_services(list("tenants/globex"))
    );
    assert_eq!(reason(foreign), "PERMISSION_DENIED");

    let delete = || wire::DeleteServiceRequest {
        name: "tenants/acme/services/compute".into(),
    };
    let refused = call!(room, &room.reader, catalogue.delete_service(delete()));
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    call!(
        room,
        &room.world.operator,
        catalogue.delete_service(delete())
    )
    .unwrap();
    let gone = call!(
        room,
        &room.world.operator,
        catalogue.delete_service(delete())
    );
    assert_eq!(reason(gone), "NOT_FOUND");
}

#[tokio::test]
async fn what_is_wrong_with_a_service_is_told_at_once() {
    let room = Room::new().await;
    let sources = [
        ("aws.cloudtrail", wire::Access::Direct),
        ("aws.cloudtrail", wire::Access::Analysis),
        ("none.such", wire::Access::None),
    ];
    assert_eq!(
        fields(room.uses("acme", "S", &sources).await),
        [
            "service_id",
            "service.sources[1].source_type",
            "service.sources[2].source_type",
            "service.sources[2].access"
        ]
    );
}
