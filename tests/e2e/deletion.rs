//! The end of a tenant, from outside: what keeps it, what it waits for, what remains.

use cordon_client::statement::{self, PublicKeys};
use cordon_client::{Reason, TenantState};
use serde_json::Value;

use crate::harness::{Call, Server, World, production, raw_of, trail};

const A: &str = "aws:100000000001";

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_ends_when_nothing_holds_it_and_its_certificate_says_what_went() {
    let world = World::new().await;
    let admin = world.operator.tenants();
    world.tenant("initech", &[A]).await;
    let member = world.member("initech", "reader").await;
    let sent = trail(&Call::own("one", A));
    world.send("aws.cloudtrail", "one", &[sent]).await;
    assert_eq!(raw_of(&member, 1).await.len(), 1);

    let hold = admin.create_hold("initech", "court order", "4 O 12/26");
    let hold = hold.await.unwrap();
    admin.suspend_tenant("initech", "ends", "").await.unwrap();
    let held = admin.delete_tenant("initech", None, "ends", "").await;
    assert_eq!(*held.unwrap_err().reason(), Reason::FailedPrecondition);
    admin.release_hold(&hold.name, "settled").await.unwrap();
    // The shortest time there is, by a clock that goes on.
    let week = std::time::Duration::from_secs(7 * 86_400);
    let waits = admin.delete_tenant("initech", Some(week), "ends", "").await;
    assert_eq!(waits.unwrap().state(), TenantState::PendingDeletion);
    let back = admin.undelete_tenant("initech", "").await.unwrap();
    assert_eq!(back.state(), TenantState::Suspended);

    world.delete("initech").await;
    let early = admin.deletion_certificate("initech").await;
    assert_eq!(*early.unwrap_err().reason(), Reason::NotFound);
    let refused = member.events().search(cordon_client::Search::new());
    let refused = futures::StreamExt::next(&mut { refused }).await.unwrap();
    assert_eq!(*refused.unwrap_err().reason(), Reason::Unauthenticated);
    let certificate = certificate(&world, "initech").await;

    let keys = world.operator.identity().signing_keys().await.unwrap();
    let keys = PublicKeys::new(&keys).unwrap();
    let said = statement::verify(certificate.as_bytes(), &keys).unwrap();
    assert_eq!(said.subjects[0].name, "tenants/initech");
    let predicate: Value = serde_json::from_str(&said.predicate_json).unwrap();
    assert_eq!(predicate["removed"]["journalEntries"], 1, "{predicate}");
    assert_eq!(predicate["verified"]["objectsListed"], 0, "{predicate}");
    let changed = certificate.replacen("payload\":\"e", "payload\":\"f", 1);
    assert!(statement::verify(changed.as_bytes(), &keys).is_err());

    // The account is free, but not for the time when it was initech's.
    world.tenant("hooli", &[]).await;
    let always = admin.create_account("hooli", A, None, None).await;
    assert_eq!(*always.unwrap_err().reason(), Reason::AlreadyExists);
    let gone = admin.get_tenant("initech").await.unwrap();
    let after = gone.update_time.unwrap().seconds + 1;
    let after = jiff::Timestamp::from_second(after).unwrap();
    admin
        .create_account("hooli", A, Some(after), None)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_comes_after_the_removal_is_swept() {
    let world = World::new().await;
    if production(&world.server.data).is_some() {
        return; // there the bucket is not a folder of the server's
    }
    world.tenant("initech", &[]).await;
    world.delete("initech").await;
    certificate(&world, "initech").await;
    let World { folder, server, .. } = world;
    let data = server.data.clone();
    server.stop().await;

    // As by a server that was paused while it wrote.
    let place = data.join("objects/t/initech/seg");
    std::fs::create_dir_all(&place).unwrap();
    let late = place.join("01939f6e-0000-7000-8000-000000000000.parquet");
    std::fs::write(&late, "ciphertext whose key is gone").unwrap();
    let _server = Server::start(&data).await;
    for _ in 0..600 {
        if !late.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    drop(folder);
    panic!("it is still there");
}

/// The certificate, as soon as there is one.
async fn certificate(world: &World, tenant: &str) -> String {
    for _ in 0..600 {
        // As six minutes after the keys were destroyed.
        world
            .tamper("UPDATE deletions SET refused_time = 1 WHERE refused_time IS NOT NULL")
            .await;
        world.wait_is_over(tenant, "purge").await;
        match world.operator.tenants().deletion_certificate(tenant).await {
            Ok(certificate) => return certificate.dsse_json,
            Err(error) => assert_eq!(*error.reason(), Reason::NotFound),
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{tenant} is not certified");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_takes_over_and_the_old_one_goes() {
    let world = World::new().await;
    let admin = world.operator.tenants();
    world.tenant("initech", &[A]).await;
    let member = world.member("initech", "admin").await;
    let send = async |id: &str| {
        let record = trail(&Call::own(id, A));
        world.send("aws.cloudtrail", id, &[record]).await;
    };
    send("before").await;
    let made = admin.rotate_key("initech", "yearly").await.unwrap();
    assert_eq!(made.name, "tenants/initech/keyRotations/2");
    send("after").await;
    let before = raw_of(&member, 2).await;
    // As a quarter of an hour later.
    world
        .tamper("UPDATE key_rotations SET created_time = 1 WHERE tenant_id = 'initech'")
        .await;
    world
        .tamper("UPDATE tenant_keys SET created_time = 1 WHERE tenant_id = 'initech'")
        .await;
    for _ in 0..600 {
        world.wait_is_over("initech", "reencrypt").await;
        let mut rotations = member.tenants().list_key_rotations("initech");
        let rotation = futures::StreamExt::next(&mut rotations).await;
        let rotation = rotation.unwrap().unwrap();
        if rotation.finish_time.is_some() {
            assert_eq!(rotation.done_count, rotation.segment_count);
            assert_eq!(raw_of(&member, 2).await, before);
            send("late").await;
            raw_of(&member, 3).await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the older key is not dropped");
}
