use super::ends::{due, suspend};
use super::*;
use wire::tenant::State;

fn create(id: &str, request_id: &str) -> wire::CreateTenantRequest {
    wire::CreateTenantRequest {
        tenant_id: id.into(),
        tenant: Some(wire::Tenant {
            display_name: "Acme".into(),
            // Output only: all of it is ignored.
            name: "tenants/globex".into(),
            state: State::Deleted.into(),
            etag: "mine".into(),
            ..Default::default()
        }),
        request_id: request_id.into(),
    }
}

fn get(id: &str) -> wire::GetTenantRequest {
    wire::GetTenantRequest {
        name: format!("tenants/{id}"),
    }
}

#[tokio::test]
async fn create_makes_a_tenant_that_can_be_read() {
    let world = World::new().await;
    let made = call!(
        world,
        &world.operator,
        tenants.create_tenant(create("acme", ""))
    )
    .unwrap()
    .tenant
    .unwrap();
    assert_eq!(
        (made.name.as_str(), made.display_name.as_str()),
        ("tenants/acme", "Acme")
    );
    assert_eq!(
        (made.state(), made.home_region.as_str()),
        (State::Active, "local")
    );
    assert_ne!(made.etag, "mine");
    assert_eq!(made.create_time.unwrap().seconds, 1_767_225_600);
    let read = call!(world, &world.operator, tenants.get_tenant(get("acme")))
        .unwrap()
        .tenant
        .unwrap();
    assert_eq!(read, made);
    assert_eq!(
        reason(call!(
            world,
            &world.operator,
            tenants.get_tenant(get("globex"))
        )),
        "NOT_FOUND"
    );
}

#[tokio::test]
async fn create_is_idempotent_by_request_id() {
    let world = World::new().await;
    let operator = &world.operator;
    let first = call!(
        world,
        operator,
        tenants.create_tenant(create("acme", "r-1"))
    )
    .unwrap();
    let again = call!(
        world,
        operator,
        tenants.create_tenant(create("acme", "r-1"))
    )
    .unwrap();
    assert_eq!(first, again);
    let other_id = call!(
        world,
        operator,
        tenants.create_tenant(create("globex", "r-1"))
    );
    assert_eq!(reason(other_id), "ALREADY_EXISTS");
    let mut other = create("acme", "r-1");
    other.tenant.as_mut().unwrap().display_name = "Other".into();
    assert_eq!(
        reason(call!(world, operator, tenants.create_tenant(other))),
        "ALREADY_EXISTS"
    );
    for request_id in ["", "r-2"] {
        let other = call!(
            world,
            operator,
            tenants.create_tenant(create("acme", request_id))
        );
        assert_eq!(reason(other), "ALREADY_EXISTS");
    }
    // The id is still known after many other entries, and after an hour the name is simply taken.
    for _ in 0..300 {
        call!(world, operator, tenants.get_tenant(get("acme"))).unwrap();
    }
    let again = call!(
        world,
        operator,
        tenants.create_tenant(create("acme", "r-1"))
    )
    .unwrap();
    assert_eq!(first, again);
    world.clock.advance(jiff::SignedDuration::from_mins(61));
    let operator = &world.with_token(operator).await;
    let late = call!(
        world,
        operator,
        tenants.create_tenant(create("acme", "r-1"))
    );
    assert_eq!(reason(late), "ALREADY_EXISTS");
    // What was refused left nothing behind.
    assert_eq!(
        reason(call!(world, operator, tenants.get_tenant(get("globex")))),
        "NOT_FOUND"
    );
}

#[tokio::test]
async fn create_below_a_parent() {
    let world = World::new().await;
    let below = |id: &str, parent: &str| {
        let mut request = create(id, "");
        request.tenant.as_mut().unwrap().parent = parent.into();
        request
    };
    let missing = call!(
        world,
        &world.operator,
        tenants.create_tenant(below("acme-lab", "tenants/acme"))
    );
    assert_eq!(fields(missing), ["tenant.parent"]);
    world.tenant("acme").await;
    let made = call!(
        world,
        &world.operator,
        tenants.create_tenant(below("acme-lab", "tenants/acme"))
    )
    .unwrap();
    assert_eq!(made.tenant.unwrap().parent, "tenants/acme");
    let deeper = call!(
        world,
        &world.operator,
        tenants.create_tenant(below("acme-deep", "tenants/acme-lab"))
    );
    assert_eq!(fields(deeper), ["tenant.parent"]);
}

#[tokio::test]
async fn list_goes_by_name_in_pages() {
    let world = World::new().await;
    for n in [3, 1, 4, 0, 2] {
        world.tenant(&format!("tenant-{n}")).await;
    }
    let list = |page_size, page_token: &str| wire::ListTenantsRequest {
        page_size,
        page_token: page_token.into(),
    };
    let mut names = Vec::new();
    let mut token = String::new();
    let mut pages = 0;
    loop {
        let page = call!(
            world,
            &world.operator,
            tenants.list_tenants(list(2, &token))
        )
        .unwrap();
        names.extend(page.tenants.into_iter().map(|tenant| tenant.name));
        pages += 1;
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(
        names,
        (0..5)
            .map(|n| format!("tenants/tenant-{n}"))
            .collect::<Vec<_>>()
    );

    let all = call!(
        world,
        &world.operator,
        tenants.list_tenants(list(1_000_000, ""))
    )
    .unwrap();
    assert_eq!((all.tenants.len(), all.next_page_token.as_str()), (5, ""));
    let negative = call!(world, &world.operator, tenants.list_tenants(list(-1, "")));
    assert_eq!(fields(negative), ["page_size"]);
    let token = call!(world, &world.operator, tenants.list_tenants(list(2, "")))
        .unwrap()
        .next_page_token;
    for bad in ["x", "AAAA", &token[..token.len() - 4], &"A".repeat(5_000)] {
        let answer = call!(world, &world.operator, tenants.list_tenants(list(2, bad)));
        assert!(
            matches!(reason(answer).as_str(), "INVALID_PAGE_TOKEN"),
            "{bad}"
        );
    }
    // Of another listing, and too old.
    let sources = wire::ListSourcesRequest {
        page_token: token.clone(),
        ..Default::default()
    };
    assert_eq!(
        reason(call!(world, &world.operator, tenants.list_sources(sources))),
        "INVALID_PAGE_TOKEN"
    );
    world.clock.advance(jiff::SignedDuration::from_mins(14));
    assert!(
        call!(
            world,
            &world.operator,
            tenants.list_tenants(list(2, &token))
        )
        .is_ok()
    );
    world.clock.advance(jiff::SignedDuration::from_mins(46));
    let operator = world.with_token(&world.operator).await;
    assert_eq!(
        reason(call!(
            world,
            &operator,
            tenants.list_tenants(list(2, &token))
        )),
        "INVALID_PAGE_TOKEN"
    );
}

#[tokio::test]
async fn suspend_and_resume_check_the_etag_and_take_effect_at_once() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let admin = world.member("tenants/acme", "admin").await;
    let suspend = |etag: &str| wire::SuspendTenantRequest {
        name: "tenants/acme".into(),
        reason: "unpaid".into(),
        etag: etag.into(),
    };
    let resume = |etag: &str| wire::ResumeTenantRequest {
        name: "tenants/acme".into(),
        etag: etag.into(),
    };
    let stale = call!(
        world,
        &world.operator,
        tenants.suspend_tenant(suspend("stale"))
    )
    .unwrap_err();
    assert_eq!(stale.code(), Code::Aborted);

    world.clock.advance(jiff::SignedDuration::from_secs(5));
    let suspended = call!(
        world,
        &world.operator,
        tenants.suspend_tenant(suspend(&acme.etag))
    )
    .unwrap();
    let suspended = suspended.tenant.unwrap();
    assert_eq!(suspended.state(), State::Suspended);
    assert_ne!(suspended.etag, acme.etag);
    assert_eq!(
        suspended.update_time.unwrap().seconds,
        acme.update_time.unwrap().seconds + 5
    );
    assert_eq!(
        reason(call!(world, &admin, tenants.get_tenant(get("acme")))),
        "TENANT_SUSPENDED"
    );
    let twice = call!(world, &world.operator, tenants.suspend_tenant(suspend("")));
    assert_eq!(reason(twice), "FAILED_PRECONDITION");
    assert_eq!(
        reason(call!(
            world,
            &world.operator,
            tenants.resume_tenant(resume(&acme.etag))
        )),
        "ETAG_MISMATCH"
    );

    let resumed = call!(
        world,
        &world.operator,
        tenants.resume_tenant(resume(&suspended.etag))
    )
    .unwrap();
    assert_eq!(resumed.tenant.unwrap().state(), State::Active);
    let seen = call!(world, &admin, tenants.get_tenant(get("acme")))
        .unwrap()
        .tenant
        .unwrap();
    assert_eq!(seen.state(), State::Active);
    assert_eq!(
        reason(call!(
            world,
            &world.operator,
            tenants.resume_tenant(resume(""))
        )),
        "FAILED_PRECONDITION"
    );
}

#[tokio::test]
async fn delete_needs_a_suspension_and_is_for_good() {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let admin = world.member("tenants/acme", "admin").await;
    let account = |tenant: &str| wire::CreateAccountRequest {
        parent: format!("tenants/{tenant}"),
        account_id: "aws:123456789012".into(),
        account: Some(wire::Account {
            end_time: Some(prost_types::Timestamp {
                seconds: 2_000_000_000,
                nanos: 0,
            }),
            ..Default::default()
        }),
    };
    call!(
        world,
        &world.operator,
        tenants.create_account(account("acme"))
    )
    .unwrap();
    let delete = || wire::DeleteTenantRequest {
        name: "tenants/acme".into(),
        ..Default::default()
    };
    assert_eq!(
        reason(call!(
            world,
            &world.operator,
            tenants.delete_tenant(delete())
        )),
        "FAILED_PRECONDITION"
    );
    suspend(&world, "acme").await;
    let deleted = call!(world, &world.operator, tenants.delete_tenant(delete())).unwrap();
    let deleted = deleted.tenant.unwrap();
    assert_eq!(deleted.state(), State::PendingDeletion);
    assert_eq!(deleted.purge_time.unwrap().seconds, NOW + 30 * 86_400);
    assert_eq!(
        reason(call!(world, &admin, tenants.get_tenant(get("acme")))),
        "TENANT_SUSPENDED"
    );
    for refused in [
        reason(call!(
            world,
            &world.operator,
            tenants.delete_tenant(delete())
        )),
        reason(call!(
            world,
            &world.operator,
            tenants.resume_tenant(wire::ResumeTenantRequest {
                name: "tenants/acme".into(),
                ..Default::default()
            })
        )),
    ] {
        assert_eq!(refused, "FAILED_PRECONDITION");
    }
    let runner = world.kernel.job_runner().unwrap();
    world
        .clock
        .advance(jiff::SignedDuration::from_hours(30 * 24));
    let operator = world.with_token(&world.operator).await;
    due(&world, &runner, "delete").await;
    let seen = call!(world, &operator, tenants.get_tenant(get("acme")))
        .unwrap()
        .tenant
        .unwrap();
    assert_eq!(seen.state(), State::Deleted);
    assert_eq!(
        reason(call!(world, &admin, tenants.get_tenant(get("acme")))),
        "UNAUTHENTICATED"
    );
    assert_eq!(
        reason(call!(world, &operator, tenants.delete_tenant(delete()))),
        "FAILED_PRECONDITION"
    );
    let again = call!(world, &operator, tenants.create_tenant(create("acme", "")));
    assert_eq!(reason(again), "ALREADY_EXISTS");
    let new = call!(world, &operator, tenants.create_account(account("acme")));
    assert_eq!(reason(new), "FAILED_PRECONDITION");

    // Its keys are gone, its account is free, whatever end it was to have.
    let acme = "acme".parse().unwrap();
    let (scope, _) = world.kernel.maintenance_scope(&runner, &acme, "test");
    assert!(world.kernel.cipher(&scope).await.is_err());
    world.clock.advance(jiff::SignedDuration::from_secs(1));
    let mut other = account("globex");
    other.account.as_mut().unwrap().start_time = at(NOW + 30 * 86_400 + 1);
    call!(world, &operator, tenants.create_account(other)).unwrap();
}

#[tokio::test]
async fn delete_needs_sub_accounts_gone() {
    let world = World::new().await;
    world.tenant("acme").await;
    let mut below = create("acme-lab", "");
    below.tenant.as_mut().unwrap().parent = "tenants/acme".into();
    call!(world, &world.operator, tenants.create_tenant(below)).unwrap();
    for id in ["acme", "acme-lab"] {
        let suspend = wire::SuspendTenantRequest {
            name: format!("tenants/{id}"),
            ..Default::default()
        };
        call!(world, &world.operator, tenants.suspend_tenant(suspend)).unwrap();
    }
    let delete = |id: &str| wire::DeleteTenantRequest {
        name: format!("tenants/{id}"),
        ..Default::default()
    };
    assert_eq!(
        reason(call!(
            world,
            &world.operator,
            tenants.delete_tenant(delete("acme"))
        )),
        "FAILED_PRECONDITION"
    );
    call!(
        world,
        &world.operator,
        tenants.delete_tenant(delete("acme-lab"))
    )
    .unwrap();
    let waits = call!(
        world,
        &world.operator,
        tenants.delete_tenant(delete("acme"))
    );
    assert_eq!(
        reason(waits),
        "FAILED_PRECONDITION",
        "it is there until then"
    );
    let runner = world.kernel.job_runner().unwrap();
    world
        .clock
        .advance(jiff::SignedDuration::from_hours(30 * 24));
    due(&world, &runner, "delete").await;
    let operator = world.with_token(&world.operator).await;
    call!(world, &operator, tenants.delete_tenant(delete("acme"))).unwrap();
}
