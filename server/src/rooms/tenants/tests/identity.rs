use super::*;

#[tokio::test]
async fn issue_token_takes_a_certificate_and_lasts_fifteen_minutes() {
    let world = World::new().await;
    let by_certificate = world.operator.by_certificate();
    let token = call!(
        world,
        &by_certificate,
        identity.issue_token(wire::IssueTokenRequest {})
    )
    .unwrap();
    assert_eq!(token.expire_time.unwrap().seconds, 1_767_225_600 + 900);
    // A certificate alone reaches nothing else.
    let list = call!(
        world,
        &by_certificate,
        tenants.list_tenants(wire::ListTenantsRequest::default())
    );
    assert_eq!(reason(list), "UNAUTHENTICATED");
    // A token goes with its certificate.
    let stolen = Actor {
        token: Some(token.token),
        certificate: world.member("", "auditor").await.certificate,
        headers: Vec::new(),
    };
    let answer = call!(
        world,
        &stolen,
        tenants.list_tenants(wire::ListTenantsRequest::default())
    );
    assert_eq!(reason(answer), "UNAUTHENTICATED");
}

#[tokio::test]
async fn renew_credential_keeps_holder_and_role() {
    let world = World::new().await;
    world.tenant("acme").await;
    let reader = world.member("tenants/acme", "reader").await;
    let before = call!(world, &reader, identity.who_am_i(wire::WhoAmIRequest {})).unwrap();
    world
        .clock
        .advance(jiff::SignedDuration::from_hours(80 * 24));
    let reader = world.with_token(&reader).await;
    let renew = |csr_pem: String| wire::RenewCredentialRequest { csr_pem };
    assert_eq!(
        fields(call!(
            world,
            &reader,
            identity.renew_credential(renew(String::new()))
        )),
        ["csr_pem"]
    );
    assert_eq!(
        fields(call!(
            world,
            &reader,
            identity.renew_credential(renew("x".into()))
        )),
        ["csr_pem"]
    );
    let renewed = call!(world, &reader, identity.renew_credential(renew(csr()))).unwrap();
    let renewed_actor = world.with_token(&actor(&renewed.certificate_pem)).await;
    let after = call!(
        world,
        &renewed_actor,
        identity.who_am_i(wire::WhoAmIRequest {})
    )
    .unwrap();
    assert_eq!(
        (after.credential, after.role),
        (before.credential.clone(), before.role)
    );
    assert_eq!(after.credential_expire_time, renewed.expire_time);
    let gained =
        renewed.expire_time.unwrap().seconds - before.credential_expire_time.unwrap().seconds;
    assert_eq!(gained, 80 * 86_400);
    // The register says the same, and the old certificate ends when it was to end.
    let list = wire::ListCredentialsRequest {
        parent: "tenants/acme".into(),
        ..Default::default()
    };
    let listed = call!(
        world,
        &world.with_token(&world.operator).await,
        tenants.list_credentials(list)
    )
    .unwrap();
    assert_eq!(listed.credentials[0].expire_time, renewed.expire_time);
    world
        .clock
        .advance(jiff::SignedDuration::from_hours(11 * 24));
    assert!(world.request(&reader.by_certificate(), ()).await.is_err());
    assert!(
        world
            .request(&renewed_actor.by_certificate(), ())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn get_signing_keys_is_for_everyone_with_a_credential() {
    let world = World::new().await;
    world.tenant("acme").await;
    for actor in [
        world.member("tenants/acme", "reader").await,
        world.operator.by_certificate(),
    ] {
        let keys = call!(
            world,
            &actor,
            identity.get_signing_keys(wire::GetSigningKeysRequest {})
        )
        .unwrap()
        .keys;
        assert_eq!(keys.len(), 1);
        assert_eq!(
            (keys[0].algorithm.as_str(), keys[0].retire_time),
            ("EdDSA", None)
        );
        assert!(
            keys[0]
                .public_key_pem
                .starts_with("-----BEGIN PUBLIC KEY-----")
        );
    }
}

#[tokio::test]
async fn who_am_i_tells_home_role_times_and_actions() {
    let world = World::new().await;
    world.tenant("acme").await;
    let admin = world.member("tenants/acme", "admin").await;
    let me = call!(world, &admin, identity.who_am_i(wire::WhoAmIRequest {})).unwrap();
    assert_eq!(
        (me.tenant.as_str(), me.source.as_str(), me.role.as_str()),
        ("tenants/acme", "", "admin")
    );
    assert_eq!(me.subject, "admin of tenants/acme");
    assert_eq!(me.token_expire_time.unwrap().seconds, 1_767_225_600 + 900);
    assert_eq!(
        me.credential_expire_time.unwrap().seconds,
        1_767_225_600 + 90 * 86_400
    );
    assert!(me.actions.is_sorted());
    assert!(me.actions.iter().any(|action| action == "IssueCredential"));
    assert!(
        !me.actions
            .iter()
            .any(|action| action == "CreateTenant" || action == "RunJob")
    );

    let bare = call!(
        world,
        &admin.by_certificate(),
        identity.who_am_i(wire::WhoAmIRequest {})
    )
    .unwrap();
    assert_eq!(
        (bare.token_expire_time, bare.credential_expire_time),
        (None, me.credential_expire_time)
    );
    let operator = call!(
        world,
        &world.operator,
        identity.who_am_i(wire::WhoAmIRequest {})
    )
    .unwrap();
    assert_eq!(
        (operator.tenant.as_str(), operator.role.as_str()),
        ("", "operator")
    );
    assert!(operator.credential.starts_with("credentials/"));
}
