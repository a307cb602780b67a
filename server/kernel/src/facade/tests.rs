use std::path::Path;

use jiff::SignedDuration;
use secrecy::SecretBox;

use super::*;
use crate::auth::StandingSource;
use crate::auth::principal::tests::principal;
use crate::db::registers::NewTenant;
use crate::keys::SealedFile;

const START: &str = "2026-11-24T04:00:00Z";

async fn open(dir: &Path, env: &Env) -> Result<Kernel> {
    let keys = SealedFile::open(
        dir.join("keys"),
        SecretBox::new(Box::new([5; 32])),
        env.clone(),
    )
    .await?;
    Kernel::open(KernelConfig {
        env: env.clone(),
        db: DbConfig::new(format!("sqlite:{}", dir.join("cordon.db").display())),
        keys: Arc::new(keys),
        token: TokenConfig::default(),
        trusted: Vec::new(),
        authority_name: "Cordon local authority".to_owned(),
        migrate: true,
    })
    .await
}

fn staff(action: Action) -> (ProviderScope, Permit) {
    let scope = ProviderScope::new(principal(9, "provider", Role::Operator));
    let permit = Permit::for_provider(action, &scope);
    (scope, permit)
}

async fn create(kernel: &Kernel, tenant: &TenantId) {
    let (scope, permit) = staff(Action::CreateTenant);
    let mut tx = kernel.db().provider_tx(&scope, &permit).await.unwrap();
    let new = NewTenant {
        tenant: tenant.clone(),
        display_name: "A".to_owned(),
        parent: None,
        home_region: "local".to_owned(),
        billing_organisation: None,
    };
    let keys = kernel.db.first_keys(&scope, &new.tenant).await.unwrap();
    tx.create_tenant(&new, keys).await.unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
}

#[tokio::test]
async fn authority_and_signing_keys_are_made_once_and_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (env, _) = Env::fixed(START.parse().unwrap(), 1);
    let kernel = open(dir.path(), &env).await.unwrap();
    let authority = kernel.gate().authority().certificate_pem().to_owned();
    let kid = kernel.gate().issuer().published().keys()[0].kid.clone();
    kernel.close().await;
    let kernel = open(dir.path(), &env).await.unwrap();
    assert_eq!(kernel.gate().authority().certificate_pem(), authority);
    let published = kernel.gate().issuer().published();
    assert_eq!(
        (published.keys().len(), published.keys()[0].kid.as_str()),
        (1, kid.as_str())
    );
    // In the clear nowhere in the database.
    let key = kernel.gate().issuer().stored()[0].pkcs8.clone();
    kernel.close().await;
    for file in ["cordon.db", "cordon.db-wal"] {
        if let Ok(bytes) = std::fs::read(dir.path().join(file)) {
            assert!(
                !bytes.windows(key.len()).any(|w| w == key.as_slice()),
                "{file}"
            );
            assert!(!bytes.windows(11).any(|w| w == b"PRIVATE KEY"), "{file}");
        }
    }
}

#[tokio::test]
async fn signing_keys_rotate_for_all_replicas_and_survive() {
    let dir = tempfile::tempdir().unwrap();
    let (env, clock) = Env::fixed(START.parse().unwrap(), 1);
    let (one, two) = (
        open(dir.path(), &env).await.unwrap(),
        open(dir.path(), &env).await.unwrap(),
    );
    clock.advance(SignedDuration::from_secs(1));
    let (scope, permit) = staff(Action::GetSigningKeys);
    let tx = one.db().provider_tx(&scope, &permit).await.unwrap();
    one.rotate_signing_key(tx, Overlap::Keep, AuditEntry::new(&permit))
        .await
        .unwrap();
    let kids = |kernel: &Kernel| -> Vec<(String, bool)> {
        let published = kernel.gate().issuer().published();
        published
            .keys()
            .iter()
            .map(|k| (k.kid.clone(), k.retired.is_some()))
            .collect()
    };
    assert_eq!(kids(&one).len(), 2);
    assert_ne!(kids(&one), kids(&two));
    two.refresh_signing_keys().await.unwrap();
    assert_eq!(kids(&one), kids(&two));
    one.close().await;
    two.close().await;
    let again = open(dir.path(), &env).await.unwrap();
    assert_eq!(
        kids(&again).iter().map(|k| k.1).collect::<Vec<_>>(),
        [false, true]
    );

    // A rotation that is not stored did not happen.
    let before = kids(&again);
    let tx = again.db().provider_tx(&scope, &permit).await.unwrap();
    let (_, wrong) = staff(Action::CreateTenant);
    let error = again
        .rotate_signing_key(tx, Overlap::Keep, AuditEntry::new(&wrong))
        .await;
    assert!(error.is_err());
    assert_eq!(kids(&again), before);
}

#[tokio::test]
async fn the_first_operator_is_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let (env, clock) = Env::fixed(START.parse().unwrap(), 1);
    let kernel = open(dir.path(), &env).await.unwrap();
    let (operator, certificate) = kernel.bootstrap_operator("root").await.unwrap();
    assert_eq!(operator.role(), Role::Operator);
    assert!(certificate.key_pem.is_some());
    let error = kernel.bootstrap_operator("other").await.unwrap_err();
    assert_eq!(error.reason(), Reason::AlreadyExists);
    let record = kernel
        .db()
        .credential(operator.credential())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.principal, operator);
    let (scope, _) = staff(Action::ListAuditEntries);
    let log = kernel
        .db()
        .provider_audit_page(&scope, None, 10)
        .await
        .unwrap();
    assert_eq!(log.records.len(), 1);
    assert_eq!(log.records[0].record.actor.subject, "system:bootstrap");
    // Once all of them have lapsed, whoever has the machine may make another.
    clock.advance(SignedDuration::from_hours(24 * 91));
    kernel.bootstrap_operator("other").await.unwrap();
}

#[tokio::test]
async fn a_deleted_tenants_keys_are_destroyed_even_if_the_server_died_in_between() {
    let dir = tempfile::tempdir().unwrap();
    let (env, _) = Env::fixed(START.parse().unwrap(), 1);
    let kernel = open(dir.path(), &env).await.unwrap();
    let globex: TenantId = "globex".parse().unwrap();
    create(&kernel, &globex).await;
    let runner = kernel.job_runner().unwrap();
    assert!(kernel.job_runner().is_none(), "given out once");
    assert_eq!(
        kernel.tenants(&runner).await.unwrap(),
        std::slice::from_ref(&globex)
    );
    let (staff_scope, permit) = staff(Action::DeleteTenant);
    // The transaction alone, as when the process dies before the key service hears of it.
    let mut tx = kernel
        .db()
        .provider_tx(&staff_scope, &permit)
        .await
        .unwrap();
    tx.delete_tenant(&globex).await.unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
    assert_eq!(kernel.destroyed_keys(&staff_scope).await.unwrap().len(), 0);
    kernel.close().await;
    let kernel = open(dir.path(), &env).await.unwrap();
    assert_eq!(kernel.destroyed_keys(&staff_scope).await.unwrap().len(), 1);
    let (scope, _) = kernel.maintenance_scope(&runner, &globex, "test");
    assert_eq!(
        kernel.cipher(&scope).await.err().unwrap().reason(),
        Reason::NotFound
    );
}

#[tokio::test]
async fn a_data_key_is_rotated_under_an_entry_in_both_logs() {
    let dir = tempfile::tempdir().unwrap();
    let (env, clock) = Env::fixed(START.parse().unwrap(), 1);
    let kernel = open(dir.path(), &env).await.unwrap();
    let acme: TenantId = "acme".parse().unwrap();
    create(&kernel, &acme).await;
    let runner = kernel.job_runner().unwrap();
    let (scope, _) = kernel.maintenance_scope(&runner, &acme, "test");
    let before = kernel.cipher(&scope).await.unwrap();
    let sealed = before.seal("x", 0, b"old").unwrap();
    let (staff_scope, permit) = staff(Action::UpdateTenant);
    let entry = AuditEntry::new(&permit);
    let rotated = kernel
        .rotate_data_key(&staff_scope, &permit, &acme, entry)
        .await;
    assert_eq!(rotated.unwrap(), 2);
    let early = kernel.cipher(&scope).await.unwrap();
    clock.advance(SignedDuration::from_mins(6));
    let after = kernel.cipher(&scope).await.unwrap();
    let versions = [&before, &early, &after].map(|cipher| cipher.key_version());
    assert_eq!(versions, [1, 1, 2], "once every server knows it");
    let by_new = after.seal("x", 0, b"new").unwrap();
    assert_eq!(early.open("x", 0, &by_new).unwrap(), b"new");
    assert_eq!(after.open("x", 0, &sealed).unwrap(), b"old");
    assert_eq!(before.pseudonym("acct", "1"), after.pseudonym("acct", "1"));
    let log = kernel.db().audit_page(&scope, None, 1).await.unwrap();
    assert_eq!(log.records[0].record.details["key_version"], "2");
}

#[tokio::test]
async fn a_suspension_is_felt_at_once() {
    use crate::auth::mtls::ClientKey;
    let dir = tempfile::tempdir().unwrap();
    let (env, _) = Env::fixed(START.parse().unwrap(), 1);
    let kernel = open(dir.path(), &env).await.unwrap();
    let acme: TenantId = "acme".parse().unwrap();
    create(&kernel, &acme).await;
    let who = principal(5, "tenants/acme", Role::Reader);
    let (scope, permit) = staff(Action::IssueCredential);
    let made = kernel
        .gate()
        .authority()
        .issue_client(&permit, &who, ClientKey::Generate)
        .unwrap();
    let der = pem_to_der(&made.certificate_pem);
    assert!(
        kernel.gate().authenticate(Some(&der), None).await.is_err(),
        "not registered yet"
    );
    let mut tx = kernel.db().provider_tx(&scope, &permit).await.unwrap();
    tx.add_credential(&who, made.thumbprint.as_bytes(), made.not_after)
        .await
        .unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
    let credential = kernel.gate().authenticate(Some(&der), None).await.unwrap();
    assert_eq!(*credential.principal(), who);

    let (scope, permit) = staff(Action::SuspendTenant);
    let mut tx = kernel.db().provider_tx(&scope, &permit).await.unwrap();
    tx.set_tenant_status(&acme, crate::db::registers::SetStatus::Suspended)
        .await
        .unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
    let error = kernel
        .gate()
        .still_good(&credential, None)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::TenantSuspended);
}

fn pem_to_der(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    let body: String = pem.lines().filter(|l| !l.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD
        .decode(body)
        .unwrap()
}
