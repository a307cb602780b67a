//! What people wrote lies under the tenant's keys, and follows them.

use cordon_kernel::db::jobs::{Lane, REENCRYPT};
use cordon_kernel::{Action, AuditEntry};
use jiff::SignedDuration;

use super::*;

#[tokio::test]
async fn words_are_sealed_anew_when_a_key_ends() {
    let room = Room::new().await;
    let incident = room.open("Keys in a public repository").await;
    let kernel = &room.world.kernel;
    let runner = kernel.job_runner().unwrap();
    let acme: cordon_kernel::TenantId = "acme".parse().unwrap();
    let (staff, permit) = kernel.maintenance_provider_scope(&runner, "test");
    assert_eq!(permit.action(), Action::RunJob);
    kernel
        .rotate_data_key(&staff, &permit, &acme, AuditEntry::new(&permit))
        .await
        .unwrap();
    room.world.clock.advance(SignedDuration::from_mins(12));
    let lease = SignedDuration::from_mins(10);
    let claims = kernel
        .db()
        .claim_jobs(&runner, Lane::Bulk, lease, 10)
        .await
        .unwrap();
    let claim = claims.into_iter().find(|claim| claim.job() == REENCRYPT);
    let claim = claim.unwrap();
    let (scope, _) = kernel.job_scope(&claim);
    let rotation = kernel.db().rotation(&scope).await.unwrap().unwrap();
    kernel
        .db()
        .refuse_older_keys(&claim, &rotation)
        .await
        .unwrap();
    let early = kernel.db().finish_rotation(&claim, &rotation).await;
    assert_eq!(
        early.unwrap_err().reason(),
        cordon_kernel::Reason::FailedPrecondition,
        "the rows still need the older key"
    );
    // The incident and the entry that it was opened.
    let rows = kernel.db().reseal_rows(&scope, &claim, &rotation).await;
    assert_eq!(rows.unwrap(), 2);
    let dropped = kernel.db().finish_rotation(&claim, &rotation).await;
    assert_eq!(dropped.unwrap(), 1);
    let get = wire::GetIncidentRequest {
        name: incident.name.clone(),
    };
    let reader = room.world.with_token(&room.reader).await;
    let read = call!(room, &reader, incidents.get_incident(get));
    assert_eq!(read.unwrap().incident.unwrap(), incident);
}
