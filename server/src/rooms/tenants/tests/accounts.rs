use cordon_kernel::db::jobs::Lane;

use super::*;

fn account(tenant: &str, from: Option<i64>, to: Option<i64>) -> wire::CreateAccountRequest {
    wire::CreateAccountRequest {
        parent: format!("tenants/{tenant}"),
        account_id: "aws:123456789012".into(),
        account: Some(wire::Account {
            start_time: from.and_then(at),
            end_time: to.and_then(at),
            ..Default::default()
        }),
    }
}

#[tokio::test]
async fn create_account_is_for_one_tenant_at_a_time() {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let operator = &world.operator;
    let made = call!(
        world,
        operator,
        tenants.create_account(account("acme", None, Some(NOW)))
    )
    .unwrap();
    let made = made.account.unwrap();
    assert_eq!(made.name, "tenants/acme/accounts/aws:123456789012");
    assert_eq!((made.start_time, made.end_time), (None, at(NOW)));

    let own = call!(
        world,
        operator,
        tenants.create_account(account("acme", None, None))
    );
    assert_eq!(reason(own), "ALREADY_EXISTS");
    let other = call!(
        world,
        operator,
        tenants.create_account(account("globex", Some(NOW - 1), None))
    );
    assert_eq!(reason(other), "ALREADY_EXISTS");
    call!(
        world,
        operator,
        tenants.create_account(account("globex", Some(NOW), None))
    )
    .unwrap();

    let missing = call!(
        world,
        operator,
        tenants.create_account(account("initech", None, None))
    );
    assert_eq!(reason(missing), "NOT_FOUND");
    let mut bad = account("acme", Some(NOW), Some(NOW));
    assert_eq!(
        fields(call!(world, operator, tenants.create_account(bad.clone()))),
        ["account.end_time"]
    );
    bad.account_id = "123456789012".into();
    bad.parent = "acme".into();
    assert_eq!(
        fields(call!(world, operator, tenants.create_account(bad))),
        ["parent", "account_id"]
    );
}

#[tokio::test]
async fn list_accounts_shows_every_registration_in_pages() {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let admin = world.member("tenants/acme", "admin").await;
    for n in 0..3 {
        let span = account("acme", Some(NOW + n * 10), Some(NOW + n * 10 + 5));
        call!(world, &world.operator, tenants.create_account(span)).unwrap();
    }
    call!(
        world,
        &world.operator,
        tenants.create_account(account("globex", None, Some(NOW)))
    )
    .unwrap();
    for actor in [&admin, &world.operator] {
        let mut starts = Vec::new();
        let mut page_token = String::new();
        loop {
            let list = wire::ListAccountsRequest {
                parent: "tenants/acme".into(),
                page_size: 1,
                page_token,
            };
            let page = call!(world, actor, tenants.list_accounts(list)).unwrap();
            starts.extend(page.accounts.iter().map(|a| a.start_time.unwrap().seconds));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(starts, [NOW, NOW + 10, NOW + 20]);
    }
    let list = |parent: &str| wire::ListAccountsRequest {
        parent: parent.into(),
        ..Default::default()
    };
    let missing = call!(
        world,
        &world.operator,
        tenants.list_accounts(list("tenants/initech"))
    );
    assert_eq!(reason(missing), "NOT_FOUND");
}

#[tokio::test]
async fn delete_account_ends_it_now() {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let delete = || wire::DeleteAccountRequest {
        name: "tenants/acme/accounts/aws:123456789012".into(),
    };
    assert_eq!(
        reason(call!(
            world,
            &world.operator,
            tenants.delete_account(delete())
        )),
        "NOT_FOUND"
    );
    call!(
        world,
        &world.operator,
        tenants.create_account(account("acme", None, None))
    )
    .unwrap();
    call!(
        world,
        &world.operator,
        tenants.create_account(account("globex", None, None))
    )
    .unwrap_err();
    let ended = call!(world, &world.operator, tenants.delete_account(delete()))
        .unwrap()
        .account
        .unwrap();
    assert_eq!(ended.end_time, at(NOW));
    assert_eq!(
        reason(call!(
            world,
            &world.operator,
            tenants.delete_account(delete())
        )),
        "FAILED_PRECONDITION"
    );
    call!(
        world,
        &world.operator,
        tenants.create_account(account("globex", Some(NOW), None))
    )
    .unwrap();

    // What had not begun is as if it had never been.
    call!(
        world,
        &world.operator,
        tenants.create_account(account("acme", None, None))
    )
    .unwrap_err();
    let name = "tenants/globex/accounts/aws:123456789012".to_owned();
    let never = wire::DeleteAccountRequest { name };
    let never = call!(world, &world.operator, tenants.delete_account(never))
        .unwrap()
        .account
        .unwrap();
    assert_eq!(never.start_time, never.end_time);
    call!(
        world,
        &world.operator,
        tenants.create_account(account("acme", Some(NOW), None))
    )
    .unwrap();
}

#[tokio::test]
async fn create_account_has_the_quarantine_looked_through() {
    let world = World::new().await;
    for (tenant, from, to) in [("acme", None, Some(NOW)), ("globex", Some(NOW), None)] {
        world.tenant(tenant).await;
        call!(
            world,
            &world.operator,
            tenants.create_account(account(tenant, from, to))
        )
        .unwrap();
    }
    let runner = world.kernel.job_runner().unwrap();
    let hour = jiff::SignedDuration::from_hours(1);
    let due = world
        .kernel
        .db()
        .claim_jobs(&runner, Lane::Bulk, hour, 10)
        .await
        .unwrap();
    let mut tenants: Vec<&str> = due.iter().map(|claim| claim.tenant().as_str()).collect();
    tenants.sort_unstable();
    assert_eq!(tenants, ["acme", "globex"]);
    assert!(due.iter().all(|claim| claim.job() == "backfill"));
}
