//! How tenants and their keys end, as far as the room decides.

use cordon_kernel::db::jobs::Lane;

use super::*;
use wire::tenant::State;

pub(super) async fn suspend(world: &World, id: &str) {
    let suspend = wire::SuspendTenantRequest {
        name: format!("tenants/{id}"),
        ..Default::default()
    };
    call!(world, &world.operator, tenants.suspend_tenant(suspend)).unwrap();
}

/// Does the job that is due.
pub(super) async fn due(world: &World, runner: &cordon_kernel::db::jobs::JobRunner, job: &str) {
    let lease = jiff::SignedDuration::from_mins(1);
    let claims = world
        .kernel
        .db()
        .claim_jobs(runner, Lane::Bulk, lease, 32)
        .await;
    for claim in claims.unwrap() {
        if claim.job() == job {
            world.kernel.delete_due(&claim).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_deletion_can_be_called_off_and_says_how_long() {
    let world = World::new().await;
    world.tenant("acme").await;
    suspend(&world, "acme").await;
    let delete = |seconds, nanos| wire::DeleteTenantRequest {
        name: "tenants/acme".into(),
        waiting_period: Some(prost_types::Duration { seconds, nanos }),
        ..Default::default()
    };
    let day = 86_400;
    for (seconds, nanos) in [
        (7 * day - 1, 0),
        (30 * day + 1, 0),
        (8 * day, 1),
        (-1, 0),
        (i64::MAX, 0),
    ] {
        let refused = call!(
            world,
            &world.operator,
            tenants.delete_tenant(delete(seconds, nanos))
        );
        assert_eq!(fields(refused), ["waiting_period"], "{seconds} {nanos}");
    }
    let undelete = || wire::UndeleteTenantRequest {
        name: "tenants/acme".into(),
        ..Default::default()
    };
    let early = call!(world, &world.operator, tenants.undelete_tenant(undelete()));
    assert_eq!(reason(early), "FAILED_PRECONDITION");
    let waits = call!(
        world,
        &world.operator,
        tenants.delete_tenant(delete(7 * day, 0))
    );
    let purge = waits.unwrap().tenant.unwrap().purge_time;
    assert_eq!(purge, at(NOW + 7 * day));
    let back = call!(world, &world.operator, tenants.undelete_tenant(undelete()));
    let back = back.unwrap().tenant.unwrap();
    assert_eq!((back.state(), back.purge_time), (State::Suspended, None));
    let certificate = wire::GetDeletionCertificateRequest {
        name: "tenants/acme".into(),
    };
    let none = call!(
        world,
        &world.operator,
        tenants.get_deletion_certificate(certificate)
    );
    assert_eq!(reason(none), "NOT_FOUND");
}

#[tokio::test]
async fn a_held_tenant_is_not_deleted() {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let admin = world.member("tenants/acme", "admin").await;
    let stranger = world.member("tenants/globex", "admin").await;
    let place = |words: &str| wire::CreateLegalHoldRequest {
        parent: "tenants/acme".into(),
        legal_hold: Some(wire::LegalHold {
            reason: words.into(),
            reference: "4 O 12/26".into(),
            ..Default::default()
        }),
    };
    let wordless = call!(
        world,
        &world.operator,
        tenants.create_legal_hold(place(" "))
    );
    assert_eq!(fields(wordless), ["legal_hold.reason"]);
    let hold = call!(
        world,
        &world.operator,
        tenants.create_legal_hold(place("court order"))
    );
    let hold = hold.unwrap().legal_hold.unwrap();
    let list = || wire::ListLegalHoldsRequest {
        parent: "tenants/acme".into(),
        ..Default::default()
    };
    let seen = call!(world, &admin, tenants.list_legal_holds(list())).unwrap();
    assert_eq!(seen.legal_holds, std::slice::from_ref(&hold));
    let refused = call!(world, &stranger, tenants.list_legal_holds(list()));
    assert_eq!(reason(refused), "PERMISSION_DENIED");

    suspend(&world, "acme").await;
    let delete = || wire::DeleteTenantRequest {
        name: "tenants/acme".into(),
        ..Default::default()
    };
    let held = call!(world, &world.operator, tenants.delete_tenant(delete())).unwrap_err();
    assert!(held.message().contains("legal hold"), "{held:?}");
    let release = |name: &str| wire::ReleaseLegalHoldRequest {
        name: name.into(),
        reason: "settled".into(),
    };
    let nameless = call!(
        world,
        &world.operator,
        tenants.release_legal_hold(release("tenants/acme"))
    );
    assert_eq!(fields(nameless), ["name"]);
    let released = call!(
        world,
        &world.operator,
        tenants.release_legal_hold(release(&hold.name))
    );
    assert!(released.unwrap().legal_hold.unwrap().release_time.is_some());
    let twice = call!(
        world,
        &world.operator,
        tenants.release_legal_hold(release(&hold.name))
    );
    assert_eq!(reason(twice), "FAILED_PRECONDITION");
    call!(world, &world.operator, tenants.delete_tenant(delete())).unwrap();
}

#[tokio::test]
async fn a_rotation_is_seen_by_its_tenant_alone() {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let admin = world.member("tenants/acme", "admin").await;
    let stranger = world.member("tenants/globex", "admin").await;
    let rotate = || wire::RotateTenantKeyRequest {
        name: "tenants/acme".into(),
        reason: "yearly".into(),
    };
    let refused = call!(world, &admin, tenants.rotate_tenant_key(rotate()));
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    for version in 2..5 {
        let made = call!(world, &world.operator, tenants.rotate_tenant_key(rotate()));
        let made = made.unwrap().key_rotation.unwrap();
        assert_eq!(made.name, format!("tenants/acme/keyRotations/{version}"));
        assert_eq!(made.state(), wire::key_rotation::State::Reencrypting);
    }
    let list = |page_token: String| wire::ListKeyRotationsRequest {
        parent: "tenants/acme".into(),
        page_size: 2,
        page_token,
    };
    let page = call!(
        world,
        &admin,
        tenants.list_key_rotations(list(String::new()))
    )
    .unwrap();
    let names: Vec<_> = page.key_rotations.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(
        names,
        ["tenants/acme/keyRotations/4", "tenants/acme/keyRotations/3"]
    );
    let next = call!(
        world,
        &admin,
        tenants.list_key_rotations(list(page.next_page_token))
    )
    .unwrap();
    assert_eq!(next.key_rotations.len(), 1);
    let refused = call!(
        world,
        &stranger,
        tenants.list_key_rotations(list(String::new()))
    );
    assert_eq!(reason(refused), "PERMISSION_DENIED");
}
