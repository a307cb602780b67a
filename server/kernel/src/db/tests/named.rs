//! Text that several customers read names none of them, whatever cloud its account is at.

use super::super::testing::*;
use crate::audit::AuditEntry;

/// Registers the accounts, and asks of each text what it names.
async fn asked(world: World) {
    world.create(&["acme"]).await;
    let (scope, permit) = provider();
    let start = START.parse().unwrap();
    for account in [
        "aws:123456789012",
        "openstack:0123456789abcdef0123456789abcdef",
        "gcp:shop-prod-7",
        "gcp:organizations.424242",
        "gcp:billingAccounts.01A2B3-C4D5E6-F7A8B9",
        "azure:0b0f3f7a-1111-4222-8333-444455556666",
        "k8s:prod-1",
    ] {
        let mut tx = world.db.provider_tx(&scope, &permit).await.unwrap();
        let account = account.parse().unwrap();
        tx.add_account(&tenant_id("acme"), &account, start, None)
            .await
            .unwrap();
        tx.commit(AuditEntry::new(&permit)).await.unwrap();
    }
    for (text, named) in [
        ("account 123456789012 has it too", "aws:123456789012"),
        (
            "in project 0123456789abcdef0123456789abcdef, it seems",
            "openstack:0123456789abcdef0123456789abcdef",
        ),
        ("who reads projects/shop-prod-7/topics/t", "gcp:shop-prod-7"),
        ("robot@shop-prod-7.iam.example.com", "gcp:shop-prod-7"),
        ("asked by gcp:shop-prod-7", "gcp:shop-prod-7"),
        ("all of organizations/424242", "gcp:organizations.424242"),
        (
            "paid by 01a2b3-c4d5e6-f7a8b9",
            "gcp:billingAccounts.01A2B3-C4D5E6-F7A8B9",
        ),
        (
            "/subscriptions/0b0f3f7a-1111-4222-8333-444455556666/x",
            "azure:0b0f3f7a-1111-4222-8333-444455556666",
        ),
        ("the cluster prod-1", "k8s:prod-1"),
    ] {
        let found = world.db.customer_named(text).await.unwrap();
        assert_eq!(found.as_deref(), Some(named), "{text}");
    }
    for text in ["", "looking for the common cause", "prod-12", "shop", "aws"] {
        assert_eq!(world.db.customer_named(text).await.unwrap(), None, "{text}");
    }
}

#[tokio::test]
async fn accounts_of_every_cloud_are_found_on_sqlite() {
    asked(World::on_sqlite().await).await;
}

#[tokio::test]
async fn accounts_of_every_cloud_are_found_on_postgres() {
    asked(World::on_postgres().await).await;
}
