//! Every method as a stranger, as the wrong tenant and with the wrong role.

use super::*;

const UUID: &str = "01920000-0000-7000-8000-000000000001";

/// Calls every method of `TenantsService` about tenant `t` as `actor`; gives each one's name and reason.
#[allow(
    clippy::needless_update,
    reason = "some requests have no more than one field"
)]
async fn every_method(
    world: &World,
    actor: &Actor,
    t: &str,
) -> Vec<(&'static str, Option<String>)> {
    let name = format!("tenants/{t}");
    let mut seen = Vec::new();
    macro_rules! ask {
        ($method:ident, $request:ident { $($field:ident: $value:expr),* }) => {{
            let request = wire::$request { $($field: $value.into(),)* ..Default::default() };
            let answer = call!(world, actor, tenants.$method(request));
            seen.push((stringify!($method), answer.err().as_ref().map(reason_of)));
        }};
    }
    ask!(
        create_tenant,
        CreateTenantRequest {
            tenant_id: "initech"
        }
    );
    ask!(get_tenant, GetTenantRequest { name: name.clone() });
    ask!(list_tenants, ListTenantsRequest { page_size: 1 });
    ask!(
        update_tenant,
        UpdateTenantRequest {
            tenant: wire::Tenant {
                name: name.clone(),
                etag: "x".into(),
                ..Default::default()
            },
            update_mask: prost_types::FieldMask {
                paths: vec!["billing_organisation".into()],
            }
        }
    );
    ask!(
        suspend_tenant,
        SuspendTenantRequest {
            name: name.clone(),
            etag: "x"
        }
    );
    ask!(
        resume_tenant,
        ResumeTenantRequest {
            name: name.clone(),
            etag: "x"
        }
    );
    ask!(
        delete_tenant,
        DeleteTenantRequest {
            name: name.clone(),
            etag: "x"
        }
    );
    ask!(
        undelete_tenant,
        UndeleteTenantRequest {
            name: name.clone(),
            etag: "x"
        }
    );
    ask!(
        get_deletion_certificate,
        GetDeletionCertificateRequest { name: name.clone() }
    );
    ask!(
        create_legal_hold,
        CreateLegalHoldRequest {
            parent: name.clone(),
            legal_hold: wire::LegalHold {
                reason: "court order".into(),
                ..Default::default()
            }
        }
    );
    ask!(
        list_legal_holds,
        ListLegalHoldsRequest {
            parent: name.clone()
        }
    );
    ask!(
        release_legal_hold,
        ReleaseLegalHoldRequest {
            name: format!("{name}/legalHolds/{UUID}")
        }
    );
    ask!(
        rotate_tenant_key,
        RotateTenantKeyRequest { name: name.clone() }
    );
    ask!(
        list_key_rotations,
        ListKeyRotationsRequest {
            parent: name.clone()
        }
    );
    ask!(
        create_account,
        CreateAccountRequest {
            parent: name.clone(),
            account_id: "aws:1"
        }
    );
    ask!(
        list_accounts,
        ListAccountsRequest {
            parent: name.clone()
        }
    );
    ask!(
        delete_account,
        DeleteAccountRequest {
            name: format!("{name}/accounts/aws:2")
        }
    );
    ask!(
        import_resources,
        ImportResourcesRequest {
            parent: name.clone()
        }
    );
    ask!(
        list_resources,
        ListResourcesRequest {
            parent: name.clone()
        }
    );
    ask!(
        delete_resource,
        DeleteResourceRequest {
            name: format!("{name}/resources/{UUID}")
        }
    );
    ask!(
        create_address_range,
        CreateAddressRangeRequest {
            address_range: wire::AddressRange {
                cidr: "10.0.0.0/8".into(),
                ..Default::default()
            }
        }
    );
    ask!(
        list_address_ranges,
        ListAddressRangesRequest { page_size: 1 }
    );
    ask!(
        delete_address_range,
        DeleteAddressRangeRequest {
            name: format!("addressRanges/{UUID}")
        }
    );
    ask!(
        create_source,
        CreateSourceRequest {
            source_id: "trail",
            source: wire::Source {
                source_type: "ocsf".into(),
                ..Default::default()
            }
        }
    );
    ask!(list_sources, ListSourcesRequest { page_size: 1 });
    ask!(
        delete_source,
        DeleteSourceRequest {
            name: "sources/other"
        }
    );
    ask!(
        list_credentials,
        ListCredentialsRequest {
            parent: name.clone()
        }
    );
    ask!(
        revoke_credential,
        RevokeCredentialRequest {
            name: format!("{name}/credentials/{UUID}")
        }
    );
    let answer = call!(
        world,
        actor,
        tenants.issue_credential(issue(&name, "reader"))
    );
    seen.push(("issue_credential", answer.err().as_ref().map(reason_of)));
    seen
}

/// The methods that an actor gets an answer from that is no refusal of the walls.
fn reached(seen: &[(&'static str, Option<String>)]) -> Vec<&'static str> {
    let refused = |reason: &Option<String>| {
        matches!(
            reason.as_deref(),
            Some("PERMISSION_DENIED" | "UNAUTHENTICATED" | "TENANT_SUSPENDED")
        )
    };
    seen.iter()
        .filter(|(_, reason)| !refused(reason))
        .map(|(method, _)| *method)
        .collect()
}

#[tokio::test]
async fn the_wrong_tenant_and_one_that_does_not_exist_look_the_same() {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let admin = world.member("tenants/acme", "admin").await;
    let theirs = every_method(&world, &admin, "globex").await;
    assert_eq!(theirs, every_method(&world, &admin, "nobody").await);
    assert_eq!(reached(&theirs), ["list_sources"]);
    let denied = call!(
        world,
        &admin,
        tenants.get_tenant(wire::GetTenantRequest {
            name: "tenants/globex".into()
        })
    );
    let nobody = call!(
        world,
        &admin,
        tenants.get_tenant(wire::GetTenantRequest {
            name: "tenants/nobody".into()
        })
    );
    let (denied, nobody) = (denied.unwrap_err(), nobody.unwrap_err());
    assert_eq!(
        (denied.message(), denied.details()),
        (nobody.message(), nobody.details())
    );
}

#[tokio::test]
async fn each_role_reaches_what_the_policy_says() {
    let world = World::new().await;
    world.tenant("acme").await;
    let request = wire::CreateSourceRequest {
        source_id: "flow".into(),
        source: Some(wire::Source {
            source_type: "aws.vpcflow".into(),
            ..Default::default()
        }),
    };
    call!(world, &world.operator, tenants.create_source(request)).unwrap();
    let homes = [
        ("tenants/acme", ["reader", "responder", "admin"].as_slice()),
        ("sources/flow", &["source"]),
        ("", &["analyst", "auditor", "sla-reporter", "operator"]),
    ];
    for (home, roles) in homes {
        for role in roles {
            let actor = world.member(home, role).await;
            let seen = every_method(&world, &actor, "acme").await;
            let me = call!(world, &actor, identity.who_am_i(wire::WhoAmIRequest {})).unwrap();
            let mut expected: Vec<&str> = seen
                .iter()
                .map(|(method, _)| *method)
                .filter(|method| me.actions.contains(&camel(method)))
                .collect();
            expected.sort_unstable();
            let mut reached = reached(&seen);
            reached.sort_unstable();
            assert_eq!(reached, expected, "{role}");
        }
    }
}

#[tokio::test]
async fn no_method_is_left_out() {
    let world = World::new().await;
    let set = prost_types::FileDescriptorSet::decode(cordon_proto::FILE_DESCRIPTOR_SET).unwrap();
    let service = set
        .file
        .iter()
        .flat_map(|file| &file.service)
        .find(|service| service.name() == "TenantsService")
        .unwrap();
    let mut methods: Vec<String> = service.method.iter().map(|m| m.name().to_owned()).collect();
    methods.sort_unstable();
    let seen = every_method(&world, &world.operator, "acme").await;
    let mut asked: Vec<String> = seen.iter().map(|(method, _)| camel(method)).collect();
    asked.sort_unstable();
    assert_eq!(asked, methods);
}

fn camel(method: &str) -> String {
    method
        .split('_')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}

#[tokio::test]
async fn a_suspended_tenant_reaches_nothing() {
    let world = World::new().await;
    world.tenant("acme").await;
    let admin = world.member("tenants/acme", "admin").await;
    let suspend = wire::SuspendTenantRequest {
        name: "tenants/acme".into(),
        ..Default::default()
    };
    call!(world, &world.operator, tenants.suspend_tenant(suspend)).unwrap();
    for (method, reason) in every_method(&world, &admin, "acme").await {
        assert_eq!(reason.as_deref(), Some("TENANT_SUSPENDED"), "{method}");
    }
    let me = call!(
        world,
        &admin.by_certificate(),
        identity.issue_token(wire::IssueTokenRequest {})
    );
    assert_eq!(reason(me), "TENANT_SUSPENDED");
}

#[tokio::test]
async fn without_the_authentication_layer_there_is_no_answer() {
    let world = World::new().await;
    let bare = Request::new(wire::ListTenantsRequest::default());
    assert_eq!(
        world.tenants.list_tenants(bare).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    let bare = Request::new(wire::WhoAmIRequest {});
    assert_eq!(
        world.identity.who_am_i(bare).await.unwrap_err().code(),
        Code::Unauthenticated
    );
}
