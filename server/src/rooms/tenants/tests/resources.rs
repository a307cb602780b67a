use super::*;

const DAY: i64 = 86_400;

fn resource(kind: &str, identifier: &str, from: Option<i64>, to: Option<i64>) -> wire::Resource {
    wire::Resource {
        kind: kind.into(),
        identifier: identifier.into(),
        start_time: from.and_then(at),
        end_time: to.and_then(at),
        ..Default::default()
    }
}

fn import(tenant: &str, resources: Vec<wire::Resource>) -> wire::ImportResourcesRequest {
    wire::ImportResourcesRequest {
        parent: format!("tenants/{tenant}"),
        resources,
    }
}

fn list_resources(tenant: &str) -> wire::ListResourcesRequest {
    wire::ListResourcesRequest {
        parent: format!("tenants/{tenant}"),
        ..Default::default()
    }
}

#[tokio::test]
async fn import_resources_is_idempotent_and_all_or_nothing() {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let operator = &world.operator;
    let resources = vec![
        resource("arn", "arn:aws:s3:::acme-logs", None, None),
        resource("instance", "i-0123456789abcdef0", Some(NOW), None),
        resource("address", "2001:DB8::0:1", None, None),
        resource("address", "10.1.0.0/16", None, Some(NOW + DAY)),
        resource("other", "bucket one", None, None),
    ];
    let first = call!(
        world,
        operator,
        tenants.import_resources(import("acme", resources.clone()))
    )
    .unwrap();
    assert_eq!((first.created_count, first.unchanged_count), (5, 0));
    let again = call!(
        world,
        operator,
        tenants.import_resources(import("acme", resources))
    )
    .unwrap();
    assert_eq!((again.created_count, again.unchanged_count), (0, 5));

    // An address within another tenant's network, at that network's time and after it.
    let within = |from| {
        vec![
            resource("other", "x", None, None),
            resource("address", "10.1.2.3", from, None),
        ]
    };
    let taken = call!(
        world,
        operator,
        tenants.import_resources(import("globex", within(None)))
    );
    assert_eq!(fields(taken), ["resources[1].identifier"]);
    let none = call!(
        world,
        operator,
        tenants.list_resources(list_resources("globex"))
    )
    .unwrap();
    assert!(none.resources.is_empty());
    let later = within(Some(NOW + DAY));
    let later = call!(
        world,
        operator,
        tenants.import_resources(import("globex", later))
    )
    .unwrap();
    assert_eq!(later.created_count, 2);

    let bad = vec![
        resource("vm", "x", None, None),
        resource("address", "10.0.0.1/8", None, None),
        resource("other", "", Some(5), Some(5)),
    ];
    let bad = call!(
        world,
        operator,
        tenants.import_resources(import("acme", bad))
    );
    assert_eq!(
        fields(bad),
        [
            "resources[0].kind",
            "resources[1].identifier",
            "resources[2].identifier"
        ]
    );
    let many = vec![resource("other", "x", None, None); 10_001];
    assert_eq!(
        fields(call!(
            world,
            operator,
            tenants.import_resources(import("acme", many))
        )),
        ["resources"]
    );
    let nothing = call!(
        world,
        operator,
        tenants.import_resources(import("acme", Vec::new()))
    )
    .unwrap();
    assert_eq!((nothing.created_count, nothing.unchanged_count), (0, 0));
}

#[tokio::test]
async fn resources_are_listed_and_ended() {
    let world = World::new().await;
    world.tenant("acme").await;
    let admin = world.member("tenants/acme", "admin").await;
    let resources = (0..5)
        .map(|n| resource("instance", &format!("i-{n}"), None, None))
        .collect();
    call!(
        world,
        &world.operator,
        tenants.import_resources(import("acme", resources))
    )
    .unwrap();
    let mut all = Vec::new();
    let mut list = wire::ListResourcesRequest {
        page_size: 2,
        ..list_resources("acme")
    };
    loop {
        let page = call!(world, &admin, tenants.list_resources(list.clone())).unwrap();
        all.extend(page.resources);
        list.page_token = page.next_page_token;
        if list.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted_by(|a, b| a.name < b.name));
    assert_eq!((all[0].start_time, all[0].end_time), (None, None));

    let delete = wire::DeleteResourceRequest {
        name: all[0].name.clone(),
    };
    let ended = call!(
        world,
        &world.operator,
        tenants.delete_resource(delete.clone())
    )
    .unwrap()
    .resource
    .unwrap();
    assert_eq!(ended.end_time, at(NOW));
    assert_eq!(
        reason(call!(
            world,
            &world.operator,
            tenants.delete_resource(delete)
        )),
        "FAILED_PRECONDITION"
    );
    let missing = "tenants/acme/resources/01920000-0000-7000-8000-000000000001".to_owned();
    let missing = wire::DeleteResourceRequest { name: missing };
    assert_eq!(
        reason(call!(
            world,
            &world.operator,
            tenants.delete_resource(missing)
        )),
        "NOT_FOUND"
    );
}
