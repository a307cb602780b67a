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

/// Registers two customers with what is written in many ways, and asks of disguised texts.
async fn disguised(world: World) {
    world.create(&["acme", "globex"]).await;
    let rename = "UPDATE tenants SET display_name = 'Glöbex & Söhne' WHERE tenant_id = 'globex'";
    world.tamper(rename).await;
    let (scope, permit) = provider();
    let start = START.parse().unwrap();
    let mut tx = world.db.provider_tx(&scope, &permit).await.unwrap();
    let account = "gcp:organizations.424242".parse().unwrap();
    tx.add_account(&tenant_id("acme"), &account, start, None)
        .await
        .unwrap();
    for (tenant, kind, identifier) in [
        ("acme", "address", "203.0.113.0/24"),
        ("globex", "address", "2001:db8::7"),
        ("globex", "bucket", "arn:aws:s3:::Globex-Logs"),
        // What two have names both.
        ("acme", "instance", "i-0shared"),
        ("globex", "volume", "i-0shared"),
    ] {
        tx.add_resource(&tenant_id(tenant), kind, identifier, start, None)
            .await
            .unwrap();
    }
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
    for (text, named) in [
        ("for A\u{200b}cme", "acme"),
        ("ＡＣＭＥ asked", "acme"),
        ("ac\u{ad}mé, please", "acme"),
        ("of globex &\n  sohne", "glöbex & söhne"),
        ("organisation 424\u{2060}242", "gcp:organizations.424242"),
        (
            "s3: arn:aws:s3:::GLOBEX-logs/a/b",
            "arn:aws:s3:::globex-logs",
        ),
        ("seen from 203[.]0[.]113[.]7:443", "203.0.113.7"),
        ("and [2001:DB8:0::7]", "2001:db8::7"),
        ("both have i-0Shared", "i-0shared"),
    ] {
        let found = world.db.customer_named(text).await.unwrap();
        assert_eq!(found.as_deref(), Some(named), "{text}");
    }
    // What is registered meanwhile is known at once.
    let text = "account 123456789012";
    assert_eq!(world.db.customer_named(text).await.unwrap(), None);
    let mut tx = world.db.provider_tx(&scope, &permit).await.unwrap();
    let account = "aws:123456789012".parse().unwrap();
    tx.add_account(&tenant_id("acme"), &account, start, None)
        .await
        .unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
    assert!(world.db.customer_named(text).await.unwrap().is_some());
    for text in [
        "198.51.100.7",
        "2001:db8::8",
        "i-0shared2",
        "globexes",
        "a c m e",
    ] {
        assert_eq!(world.db.customer_named(text).await.unwrap(), None, "{text}");
    }
}

#[tokio::test]
async fn a_disguised_name_is_a_name_on_sqlite() {
    disguised(World::on_sqlite().await).await;
}

#[tokio::test]
async fn a_disguised_name_is_a_name_on_postgres() {
    disguised(World::on_postgres().await).await;
}

/// What is for one customer may name that one, and none of the others.
async fn others(world: World) {
    world.create(&["acme", "globex"]).await;
    let (scope, permit) = provider();
    let start = START.parse().unwrap();
    for (tenant, account) in [
        ("acme", "aws:123456789012"),
        ("globex", "aws:210987654321"),
        ("globex", "gcp:organizations.424242"),
        ("acme", "gcp:both-1"),
        ("globex", "gcp:both-1"),
    ] {
        let mut tx = world.db.provider_tx(&scope, &permit).await.unwrap();
        let account = account.parse().unwrap();
        let valid_to = (tenant == "globex").then_some("2027-01-01T00:00:00Z".parse().unwrap());
        let from = if account == "gcp:both-1".parse().unwrap() && tenant == "acme" {
            "2027-01-01T00:00:00Z".parse().unwrap()
        } else {
            start
        };
        tx.add_account(&tenant_id(tenant), &account, from, valid_to)
            .await
            .unwrap();
        tx.commit(AuditEntry::new(&permit)).await.unwrap();
    }
    let acme = job_scope("acme");
    let text = "Account 123456789012 of ACME was read from 210987654321,\n \
                and both-1 and projects in organizations/424242 were: ask Globex.";
    let found = world.db.others_named(&acme, text).await.unwrap();
    let told: Vec<(usize, &str)> = found
        .iter()
        .map(|one| (one.at, one.text.as_str()))
        .collect();
    let at = |word: &str| text.to_lowercase().find(word).unwrap();
    assert_eq!(
        told,
        [
            (at("210987654321"), "210987654321"),
            (at("424242"), "424242"),
            (at("globex"), "globex"),
        ]
    );
    let mut tx = world.db.provider_tx(&scope, &permit).await.unwrap();
    for (kind, identifier) in [
        ("address", "203.0.113.0/24"),
        ("instance", "i-0globex1"),
        ("bucket", "arn:aws:s3:::globex-logs"),
    ] {
        tx.add_resource(&tenant_id("globex"), kind, identifier, start, None)
            .await
            .unwrap();
    }
    tx.add_resource(&tenant_id("acme"), "address", "203.0.113.200", start, None)
        .await
        .unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
    for (text, named) in [
        ("GLO\u{200b}BEX", "globex"),
        ("Ｇｌｏｂｅｘ", "globex"),
        ("seen at 203[.]0[.]113[.]7", "203.0.113.7"),
        ("\"203.0.113.7:443\"", "203.0.113.7"),
        (
            "{\"arn\":\"arn:aws:s3:::globex-logs/a/b\"}",
            "arn:aws:s3:::globex-logs",
        ),
        ("i-0a,i-0globex1;", "i-0globex1"),
        ("arn:aws:iam::210987654321:role/x", "210987654321"),
    ] {
        let found = world.db.others_named(&acme, text).await.unwrap();
        assert!(
            found.iter().any(|one| one.text == named),
            "{text}: {found:?}"
        );
    }
    let none = "only 123456789012, acme and what nobody has, as 198.51.100.7 or i-0globex12";
    assert!(world.db.others_named(&acme, none).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_names_others_is_shown_with_its_place_on_sqlite() {
    others(World::on_sqlite().await).await;
}

#[tokio::test]
async fn what_names_others_is_shown_with_its_place_on_postgres() {
    others(World::on_postgres().await).await;
}
