//! Address ranges and sources.

use cordon_kernel::db::{Flush, FlushBatch, TenantBlock};

use super::*;

#[tokio::test]
async fn address_ranges_come_and_go() {
    let world = World::new().await;
    let create = |cidr: &str| wire::CreateAddressRangeRequest {
        address_range: Some(wire::AddressRange {
            cidr: cidr.into(),
            ..Default::default()
        }),
    };
    let made = call!(
        world,
        &world.operator,
        tenants.create_address_range(create("10.0.0.0/8"))
    )
    .unwrap();
    let made = made.address_range.unwrap();
    assert_eq!(made.cidr, "10.0.0.0/8");
    let one = call!(
        world,
        &world.operator,
        tenants.create_address_range(create("203.0.113.9"))
    )
    .unwrap();
    assert_eq!(one.address_range.unwrap().cidr, "203.0.113.9/32");
    let again = call!(
        world,
        &world.operator,
        tenants.create_address_range(create("10.0.0.0/8"))
    );
    assert_eq!(reason(again), "ALREADY_EXISTS");
    for bad in ["", "10.0.0.1/8", "10.0.0.0/40", "example.com"] {
        let bad = call!(
            world,
            &world.operator,
            tenants.create_address_range(create(bad))
        );
        assert_eq!(fields(bad), ["address_range.cidr"]);
    }
    let list = || wire::ListAddressRangesRequest::default();
    let all = call!(world, &world.operator, tenants.list_address_ranges(list())).unwrap();
    assert_eq!(all.address_ranges.len(), 2);
    let delete = wire::DeleteAddressRangeRequest { name: made.name };
    call!(
        world,
        &world.operator,
        tenants.delete_address_range(delete.clone())
    )
    .unwrap();
    assert_eq!(
        reason(call!(
            world,
            &world.operator,
            tenants.delete_address_range(delete)
        )),
        "NOT_FOUND"
    );
    let left = call!(world, &world.operator, tenants.list_address_ranges(list())).unwrap();
    assert_eq!(left.address_ranges.len(), 1);
}

#[tokio::test]
async fn sources_come_and_go_and_their_ids_are_used_once() {
    let world = World::new().await;
    let create = |id: &str, source_type: &str| wire::CreateSourceRequest {
        source_id: id.into(),
        source: Some(wire::Source {
            display_name: "Trail".into(),
            source_type: source_type.into(),
            ..Default::default()
        }),
    };
    let bad = call!(
        world,
        &world.operator,
        tenants.create_source(create("T", "syslog"))
    );
    assert_eq!(fields(bad), ["source_id", "source.source_type"]);
    let made = call!(
        world,
        &world.operator,
        tenants.create_source(create("trail", "aws.cloudtrail"))
    )
    .unwrap();
    let made = made.source.unwrap();
    assert_eq!(
        (made.name.as_str(), made.source_type.as_str()),
        ("sources/trail", "aws.cloudtrail")
    );
    let again = call!(
        world,
        &world.operator,
        tenants.create_source(create("trail", "aws.cloudtrail"))
    );
    assert_eq!(reason(again), "ALREADY_EXISTS");

    let sender = world.member("sources/trail", "source").await;
    let list = || wire::ListSourcesRequest::default();
    let all = call!(world, &world.operator, tenants.list_sources(list()))
        .unwrap()
        .sources;
    assert_eq!(all, [made]);

    let delete = || wire::DeleteSourceRequest {
        name: "sources/trail".into(),
    };
    call!(world, &world.operator, tenants.delete_source(delete())).unwrap();
    assert_eq!(
        reason(call!(
            world,
            &world.operator,
            tenants.delete_source(delete())
        )),
        "NOT_FOUND"
    );
    assert!(
        call!(world, &world.operator, tenants.list_sources(list()))
            .unwrap()
            .sources
            .is_empty()
    );
    let again = call!(
        world,
        &world.operator,
        tenants.create_source(create("trail", "ocsf"))
    );
    assert_eq!(reason(again), "ALREADY_EXISTS");
    // Its credential ends with it.
    assert_eq!(
        world.request(&sender, ()).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    let issue = call!(
        world,
        &world.operator,
        tenants.issue_credential(issue("sources/trail", "source"))
    );
    assert_eq!(reason(issue), "FAILED_PRECONDITION");
}

#[tokio::test]
async fn list_sources_shows_a_tenant_only_what_reaches_it() {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    for id in ["trail", "other"] {
        let request = wire::CreateSourceRequest {
            source_id: id.into(),
            source: Some(wire::Source {
                source_type: "ocsf".into(),
                ..Default::default()
            }),
        };
        call!(world, &world.operator, tenants.create_source(request)).unwrap();
    }
    let caller = Caller::of(&world.request(&world.operator, ()).await.unwrap()).unwrap();
    let action = cordon_kernel::Action::IngestEvents;
    let source = "trail".parse().unwrap();
    let (scope, _) = caller
        .ingest_scope(&world.kernel, &source, action)
        .await
        .unwrap();
    let nanos = NOW * 1_000_000_000;
    let batch = FlushBatch {
        batch_id: "b-1".into(),
        content_hash: [1; 32],
        blocks: vec![TenantBlock {
            tenant: "acme".parse().unwrap(),
            rows: 1,
            min_time: nanos,
            max_time: nanos,
            plain: vec![1, 2, 3],
        }],
        watermark: Some(nanos),
        ..FlushBatch::default()
    };
    world
        .kernel
        .db()
        .append(
            &scope,
            Flush {
                batches: vec![batch],
            },
        )
        .await
        .unwrap();

    let list = || wire::ListSourcesRequest::default();
    let acme = world.member("tenants/acme", "admin").await;
    let globex = world.member("tenants/globex", "admin").await;
    let seen = call!(world, &acme, tenants.list_sources(list()))
        .unwrap()
        .sources;
    let expected = wire::Source {
        name: "sources/trail".into(),
        watermark: at(NOW),
        ..Default::default()
    };
    assert_eq!(seen, [expected]);
    assert!(
        call!(world, &globex, tenants.list_sources(list()))
            .unwrap()
            .sources
            .is_empty()
    );
    assert_eq!(
        call!(world, &world.operator, tenants.list_sources(list()))
            .unwrap()
            .sources
            .len(),
        2
    );
}
