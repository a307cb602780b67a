use super::*;

#[tokio::test]
async fn issue_gives_a_certificate_that_works() {
    let world = World::new().await;
    world.tenant("acme").await;
    let admin = world.member("tenants/acme", "admin").await;
    let issued = call!(
        world,
        &admin,
        tenants.issue_credential(issue("tenants/acme", "reader"))
    )
    .unwrap();
    let credential = issued.credential.unwrap();
    assert!(credential.name.starts_with("tenants/acme/credentials/"));
    assert_eq!(credential.role, "reader");
    let lasts = credential.expire_time.unwrap().seconds - credential.create_time.unwrap().seconds;
    assert_eq!(lasts, 90 * 86_400);
    assert_eq!(
        issued.ca_pem,
        world.kernel.gate().authority().certificate_pem()
    );
    let reader = world.with_token(&actor(&issued.certificate_pem)).await;
    let me = call!(world, &reader, identity.who_am_i(wire::WhoAmIRequest {})).unwrap();
    assert_eq!(me.credential, credential.name);
    // A reader may not do what its issuer may.
    let more = call!(
        world,
        &reader,
        tenants.issue_credential(issue("tenants/acme", "reader"))
    );
    assert_eq!(reason(more), "PERMISSION_DENIED");
}

#[tokio::test]
async fn issue_needs_a_role_that_fits_and_a_parent_that_is_there() {
    let world = World::new().await;
    world.tenant("acme").await;
    let admin = world.member("tenants/acme", "admin").await;
    for role in ["operator", "source", "analyst", "boss", "system", ""] {
        let wrong = call!(
            world,
            &admin,
            tenants.issue_credential(issue("tenants/acme", role))
        );
        assert_eq!(fields(wrong), ["credential.role"], "{role}");
    }
    for parent in ["", "sources/trail", "tenants/globex"] {
        let role = match parent {
            "" => "operator",
            "sources/trail" => "source",
            _ => "reader",
        };
        let wrong = call!(world, &admin, tenants.issue_credential(issue(parent, role)));
        assert_eq!(reason(wrong), "PERMISSION_DENIED", "{parent}");
    }
    for (parent, role) in [("tenants/globex", "reader"), ("sources/trail", "source")] {
        let wrong = call!(
            world,
            &world.operator,
            tenants.issue_credential(issue(parent, role))
        );
        assert_eq!(reason(wrong), "NOT_FOUND", "{parent}");
    }
    for csr_pem in [
        "",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
    ] {
        let request = wire::IssueCredentialRequest {
            csr_pem: csr_pem.into(),
            ..issue("tenants/acme", "reader")
        };
        assert_eq!(
            fields(call!(world, &admin, tenants.issue_credential(request))),
            ["csr_pem"]
        );
    }
    // All that was refused left nothing behind.
    let list = wire::ListCredentialsRequest {
        parent: "tenants/acme".into(),
        ..Default::default()
    };
    assert_eq!(
        call!(world, &admin, tenants.list_credentials(list))
            .unwrap()
            .credentials
            .len(),
        1
    );
}

#[tokio::test]
async fn list_shows_the_credentials_of_one_parent_in_pages() {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let admin = world.member("tenants/acme", "admin").await;
    world.member("tenants/globex", "admin").await;
    for _ in 0..4 {
        world.member("tenants/acme", "reader").await;
    }
    let list = |parent: &str, page_token: &str| wire::ListCredentialsRequest {
        parent: parent.into(),
        page_size: 3,
        page_token: page_token.into(),
    };
    let first = call!(
        world,
        &admin,
        tenants.list_credentials(list("tenants/acme", ""))
    )
    .unwrap();
    let token = first.next_page_token;
    let second = call!(
        world,
        &admin,
        tenants.list_credentials(list("tenants/acme", &token))
    )
    .unwrap();
    assert_eq!((first.credentials.len(), second.credentials.len()), (3, 2));
    assert_eq!(second.next_page_token, "");
    assert!(
        first
            .credentials
            .iter()
            .chain(&second.credentials)
            .is_sorted_by(|a, b| a.name < b.name)
    );

    // A tenant's token is of no use to anyone else, nor another's to it, nor changed by a bit.
    let of_staff = call!(
        world,
        &world.operator,
        tenants.list_credentials(list("tenants/acme", ""))
    )
    .unwrap();
    for (actor, token) in [
        (&world.operator, &token),
        (&admin, &of_staff.next_page_token),
    ] {
        let answer = call!(
            world,
            actor,
            tenants.list_credentials(list("tenants/acme", token))
        );
        assert_eq!(reason(answer), "INVALID_PAGE_TOKEN");
    }
    let of_staff = of_staff.next_page_token;
    let other = call!(
        world,
        &world.operator,
        tenants.list_credentials(list("tenants/globex", &of_staff))
    );
    assert_eq!(reason(other), "INVALID_PAGE_TOKEN");
    let staff = call!(
        world,
        &world.operator,
        tenants.list_credentials(list("", ""))
    )
    .unwrap();
    assert_eq!(staff.credentials[0].subject, "root");
}

#[tokio::test]
async fn revoke_ends_a_credential_at_once() {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let admin = world.member("tenants/acme", "admin").await;
    let reader = world.member("tenants/acme", "reader").await;
    let other = world.member("tenants/globex", "admin").await;
    let me = |actor: Actor| {
        let world = &world;
        async move { call!(world, &actor, identity.who_am_i(wire::WhoAmIRequest {})) }
    };
    let name = me(reader.clone()).await.unwrap().credential;
    let revoke = |name: &str| wire::RevokeCredentialRequest {
        name: name.into(),
        reason: "left".into(),
    };
    assert_eq!(
        reason(call!(
            world,
            &other,
            tenants.revoke_credential(revoke(&name))
        )),
        "PERMISSION_DENIED"
    );
    assert_eq!(
        reason(call!(
            world,
            &reader,
            tenants.revoke_credential(revoke(&name))
        )),
        "PERMISSION_DENIED"
    );
    let revoked = call!(world, &admin, tenants.revoke_credential(revoke(&name)))
        .unwrap()
        .credential
        .unwrap();
    assert!(revoked.revoke_time.is_some());
    assert_eq!(reason(me(reader.clone()).await), "UNAUTHENTICATED");
    assert_eq!(reason(me(reader.by_certificate()).await), "UNAUTHENTICATED");

    world.clock.advance(jiff::SignedDuration::from_secs(9));
    let again = call!(world, &admin, tenants.revoke_credential(revoke(&name)))
        .unwrap()
        .credential
        .unwrap();
    assert_eq!(again, revoked);
    let missing = call!(
        world,
        &admin,
        tenants.revoke_credential(revoke("tenants/acme/credentials/00000000"))
    );
    assert_eq!(reason(missing), "NOT_FOUND");
    // The name must say whose it is: the same id elsewhere is another thing.
    let elsewhere = name.replace("tenants/acme", "tenants/globex");
    assert_eq!(
        reason(call!(
            world,
            &other,
            tenants.revoke_credential(revoke(&elsewhere))
        )),
        "NOT_FOUND"
    );
    assert_eq!(
        fields(call!(
            world,
            &admin,
            tenants.revoke_credential(revoke("tenants/acme"))
        )),
        ["name"]
    );
}
