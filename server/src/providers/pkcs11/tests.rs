//! Against SoftHSM. It reads where its tokens are once a process, from the environment: each test
//! makes a token and runs itself again in a process that has it there.

use std::path::{Path, PathBuf};
use std::process::Command;

use cordon_fixtures::SoftHsm;
use cordon_kernel::ids::TenantId;

use super::*;

/// The token, from inside the process that has it.
struct Inside {
    tokens: PathBuf,
    folder: tempfile::TempDir,
}

const TOKENS: &str = "CORDON_TEST_TOKENS";

fn inside() -> Option<Inside> {
    if let Some(tokens) = std::env::var_os(TOKENS) {
        return Some(Inside {
            tokens: tokens.into(),
            folder: tempfile::tempdir().unwrap(),
        });
    }
    let hsm = SoftHsm::new();
    let test = std::thread::current().name().unwrap().to_owned();
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .env(SoftHsm::CONF, hsm.configuration())
        .env(TOKENS, hsm.tokens())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let more = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success() && said.contains("1 passed"),
        "{said}{more}"
    );
    None
}

impl Inside {
    fn config(&self) -> Pkcs11Config {
        Pkcs11Config {
            token: token(SoftHsm::TOKEN),
            more: Vec::new(),
            destroyed: self.folder.path().join("keys.destroyed"),
        }
    }

    async fn open(&self) -> Pkcs11Keys {
        Pkcs11Keys::open(self.config(), Env::system())
            .await
            .unwrap()
    }

    async fn refused(&self, config: Pkcs11Config) -> Error {
        Pkcs11Keys::open(config, Env::system()).await.err().unwrap()
    }
}

fn token(label: &str) -> TokenConfig {
    TokenConfig {
        module: SoftHsm::module().to_owned(),
        label: label.to_owned(),
        pin: SoftHsm::PIN.into(),
        keys: None,
    }
}

fn key(tenant: &str) -> KeyId {
    KeyId::tenant(&tenant.parse::<TenantId>().unwrap())
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(done.unwrap().success());
}

/// What the operator is told, besides what anyone is.
fn told(error: &Error) -> String {
    error.log_source().unwrap_or_default().to_string()
}

fn reason<T>(result: Result<T>) -> Reason {
    result.err().map(|error| error.reason()).unwrap()
}

#[tokio::test]
async fn a_key_opens_what_it_wrapped_and_nothing_else() {
    let Some(inside) = inside() else { return };
    let keys = inside.open().await;
    let (acme, other) = (key("acme"), key("other"));
    assert_eq!(
        reason(keys.wrap(&acme, "dek", b"x").await),
        Reason::Unavailable,
        "a key that was never made is not taken for destroyed"
    );
    for id in [&acme, &other, &acme] {
        keys.create_wrapping_key(id).await.unwrap();
    }
    let plain = [7; 32];
    let wrapped = keys.wrap(&acme, "dek 1", &plain).await.unwrap();
    assert_ne!(wrapped, keys.wrap(&acme, "dek 1", &plain).await.unwrap());
    let opened = keys.unwrap(&acme, "dek 1", &wrapped).await.unwrap();
    assert_eq!(opened.as_slice(), plain);
    let again = inside.open().await;
    assert_eq!(
        *again.unwrap(&acme, "dek 1", &wrapped).await.unwrap(),
        plain
    );
    for (id, context) in [(&other, "dek 1"), (&acme, "dek 2")] {
        assert_eq!(
            reason(keys.unwrap(id, context, &wrapped).await),
            Reason::Internal
        );
    }
    for place in 0..wrapped.len() {
        let mut bad = wrapped.clone();
        bad[place] ^= 1;
        let opened = keys.unwrap(&acme, "dek 1", &bad).await;
        assert_eq!(reason(opened), Reason::Internal, "byte {place}");
        let opened = keys.unwrap(&acme, "dek 1", &wrapped[..place]).await;
        assert_eq!(reason(opened), Reason::Internal, "{place} bytes");
    }
}

#[tokio::test]
async fn what_was_destroyed_does_not_come_back_with_a_backup_of_the_token() {
    let Some(inside) = inside() else { return };
    let keys = inside.open().await;
    let (acme, other) = (key("acme"), key("other"));
    keys.create_wrapping_key(&acme).await.unwrap();
    keys.create_wrapping_key(&other).await.unwrap();
    let wrapped = keys.wrap(&acme, "dek", b"secret").await.unwrap();
    let kept = keys.wrap(&other, "dek", b"kept").await.unwrap();
    let backup = inside.folder.path().join("backup");
    copy(&inside.tokens, &backup);

    keys.destroy(&acme).await.unwrap();
    keys.destroy(&acme).await.unwrap();
    assert_eq!(keys.list_destroyed().await.unwrap().len(), 1);
    for answer in [
        keys.unwrap(&acme, "dek", &wrapped).await.map(drop),
        keys.wrap(&acme, "dek", b"new").await.map(drop),
    ] {
        assert_eq!(reason(answer), Reason::NotFound);
    }
    assert_eq!(
        reason(keys.create_wrapping_key(&acme).await),
        Reason::FailedPrecondition
    );

    std::fs::remove_dir_all(&inside.tokens).unwrap();
    copy(&backup, &inside.tokens);
    let count = |keys: &Pkcs11Keys| {
        let inner = Arc::clone(&keys.inner);
        tokio::task::spawn_blocking(move || inner.tokens.count("acme").unwrap())
    };
    keys.inner.tokens.first.let_go();
    assert_eq!(count(&keys).await.unwrap(), 1, "the backup holds the key");
    assert_eq!(
        reason(keys.unwrap(&acme, "dek", &wrapped).await),
        Reason::NotFound,
        "not even before a restart"
    );
    let again = inside.open().await;
    assert_eq!(count(&again).await.unwrap(), 0, "destroyed once more");
    assert_eq!(
        reason(again.unwrap(&acme, "dek", &wrapped).await),
        Reason::NotFound
    );
    assert_eq!(
        *again.unwrap(&other, "dek", &kept).await.unwrap(),
        b"kept".to_vec()
    );
}

#[tokio::test]
async fn servers_on_other_machines_learn_what_was_destroyed() {
    let Some(inside) = inside() else { return };
    let here = inside.open().await;
    let mut elsewhere = inside.config();
    elsewhere.destroyed = inside.folder.path().join("elsewhere");
    let there = Pkcs11Keys::open(elsewhere, Env::system()).await.unwrap();
    let acme = key("acme");
    here.create_wrapping_key(&acme).await.unwrap();
    there.create_wrapping_key(&acme).await.unwrap();
    let wrapped = here.wrap(&acme, "dek", b"secret").await.unwrap();
    assert_eq!(
        *there.unwrap(&acme, "dek", &wrapped).await.unwrap(),
        b"secret".to_vec()
    );
    there.destroy(&acme).await.unwrap();
    assert_eq!(
        reason(here.unwrap(&acme, "dek", &wrapped).await),
        Reason::NotFound
    );
    assert_eq!(
        reason(here.create_wrapping_key(&acme).await),
        Reason::FailedPrecondition
    );
    assert_eq!(
        here.list_destroyed().await.unwrap(),
        there.list_destroyed().await.unwrap()
    );
}

#[tokio::test]
async fn a_token_that_goes_away_is_taken_up_again() {
    let Some(inside) = inside() else { return };
    let keys = inside.open().await;
    let acme = key("acme");
    keys.create_wrapping_key(&acme).await.unwrap();
    let wrapped = keys.wrap(&acme, "dek", b"secret").await.unwrap();
    let away = inside.folder.path().join("away");
    std::fs::rename(&inside.tokens, &away).unwrap();
    std::fs::create_dir(&inside.tokens).unwrap();
    for _ in 0..3 {
        let answer = keys.unwrap(&acme, "dek", &wrapped).await;
        assert_eq!(reason(answer), Reason::Unavailable);
    }
    std::fs::remove_dir(&inside.tokens).unwrap();
    std::fs::rename(&away, &inside.tokens).unwrap();
    assert_eq!(
        *keys.unwrap(&acme, "dek", &wrapped).await.unwrap(),
        b"secret".to_vec()
    );
}

/// The files of the token's objects.
fn objects(tokens: &Path) -> std::collections::BTreeSet<PathBuf> {
    let folders = std::fs::read_dir(tokens).unwrap();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|ext| ext == "object"))
        .collect()
}

#[tokio::test]
async fn a_key_that_the_module_overlooked_is_found_and_destroyed() {
    let Some(inside) = inside() else { return };
    let keys = inside.open().await;
    let before = objects(&inside.tokens);
    keys.create_wrapping_key(&key("acme")).await.unwrap();
    let made: Vec<_> = objects(&inside.tokens)
        .difference(&before)
        .cloned()
        .collect();
    let wrapped = keys.wrap(&key("acme"), "dek", b"x").await.unwrap();
    let aside = |file: &PathBuf| inside.folder.path().join(file.file_name().unwrap());

    // What two servers' changes at one moment leave a module with: the file is there, and the
    // count of changes is the one that it knows.
    let hide = || {
        for file in &made {
            std::fs::rename(file, aside(file)).unwrap();
        }
        keys.inner.tokens.look_afresh();
    };
    let show = || {
        for file in &made {
            std::fs::rename(aside(file), file).unwrap();
        }
        keys.inner.afresh.lock().unwrap().1 = None;
    };
    hide();
    assert_eq!(
        reason(keys.unwrap(&key("acme"), "dek", &wrapped).await),
        Reason::Unavailable
    );
    show();
    // All that miss it at one moment find it by one look.
    let (dek, of) = (&wrapped, key("acme"));
    let all = (0..8).map(|_| keys.unwrap(&of, "dek", dek));
    for opened in futures::future::join_all(all).await {
        assert_eq!(opened.unwrap().as_slice(), b"x");
    }

    // Beside one of its own of the same name.
    hide();
    keys.create_wrapping_key(&key("acme")).await.unwrap();
    show();
    let opened = keys.unwrap(&key("acme"), "dek", &wrapped).await;
    assert_eq!(opened.unwrap().as_slice(), b"x");

    hide();
    assert!(keys.has_wrapping_key(&key("acme")).await.unwrap());
    show();
    keys.destroy(&key("acme")).await.unwrap();
    assert!(objects(&inside.tokens).is_disjoint(&made.into_iter().collect()));
}

#[tokio::test]
async fn wrong_pin_token_module_and_list_are_each_said() {
    let Some(inside) = inside() else { return };
    let mut config = inside.config();
    config.token.pin = "0000".into();
    let error = inside.refused(config).await;
    assert_eq!(error.reason(), Reason::FailedPrecondition);
    assert!(
        told(&error).contains("\"cordon\": it refuses the PIN"),
        "{error}"
    );

    let mut config = inside.config();
    config.token.label = "other".into();
    let error = inside.refused(config).await;
    assert!(told(&error).contains("label \"other\""), "{error}");

    let mut config = inside.config();
    config.token.module = "/nowhere.so".into();
    assert_eq!(inside.refused(config).await.reason(), Reason::Unavailable);

    let keys = inside.open().await;
    keys.destroy(&key("acme")).await.unwrap();
    let list = inside.config().destroyed;
    let forged = std::fs::read_to_string(&list)
        .unwrap()
        .replace("acme", "other");
    std::fs::write(&list, forged).unwrap();
    let error = inside.refused(inside.config()).await;
    assert_eq!(error.reason(), Reason::FailedPrecondition);
    assert!(error.message().contains("destruction list"), "{error}");
}

#[tokio::test]
async fn many_at_once_share_the_tokens_sessions() {
    let Some(inside) = inside() else { return };
    let keys = Arc::new(inside.open().await);
    let calls = (0..64_u8).map(|n| {
        let keys = Arc::clone(&keys);
        tokio::spawn(async move {
            let id = key(&format!("tenant-{}", n % 4));
            keys.create_wrapping_key(&id).await.unwrap();
            let wrapped = keys.wrap(&id, "dek", &[n; 32]).await.unwrap();
            assert_eq!(*keys.unwrap(&id, "dek", &wrapped).await.unwrap(), [n; 32]);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    for n in 0..4 {
        let inner = Arc::clone(&keys.inner);
        let count = move || inner.tokens.count(&format!("tenant-{n}")).unwrap();
        assert_eq!(tokio::task::spawn_blocking(count).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn what_one_token_has_no_room_for_goes_to_the_next() {
    let Some(inside) = inside() else { return };
    SoftHsm::add("second");
    let mut config = inside.config();
    config.token.keys = Some(2);
    config.more = vec![token("second")];
    config.more[0].keys = Some(2);
    let keys = Pkcs11Keys::open(config, Env::system()).await.unwrap();
    let ids = ["one", "two", "three", "four"].map(key);
    let mut wrapped = Vec::new();
    for id in &ids {
        keys.create_wrapping_key(id).await.unwrap();
        keys.create_wrapping_key(id).await.unwrap();
        wrapped.push(keys.wrap(id, "dek", id.as_str().as_bytes()).await.unwrap());
    }
    let full = keys.create_wrapping_key(&key("five")).await.unwrap_err();
    assert_eq!(full.reason(), Reason::FailedPrecondition);
    assert!(full.message().contains("keys.pkcs11.more"), "{full}");
    for (id, wrapped) in ids.iter().zip(&wrapped) {
        let opened = keys.unwrap(id, "dek", wrapped).await.unwrap();
        assert_eq!(*opened, id.as_str().as_bytes());
    }
    assert_eq!(
        reason(keys.unwrap(&ids[3], "dek", &wrapped[2]).await),
        Reason::Internal
    );

    // Where a key was destroyed there is room again.
    keys.destroy(&ids[2]).await.unwrap();
    let gone = keys.unwrap(&ids[2], "dek", &wrapped[2]).await;
    assert_eq!(reason(gone), Reason::NotFound);
    keys.create_wrapping_key(&key("five")).await.unwrap();

    // Without the second token what is in the first still opens.
    let alone = inside.config();
    let alone = Pkcs11Keys::open(alone, Env::system()).await.unwrap();
    alone.unwrap(&ids[0], "dek", &wrapped[0]).await.unwrap();
    let elsewhere = alone.unwrap(&ids[3], "dek", &wrapped[3]).await;
    assert_eq!(reason(elsewhere), Reason::Unavailable);
    let mut nowhere = inside.config();
    nowhere.more = vec![token("third")];
    let error = inside.refused(nowhere).await;
    assert!(told(&error).contains("label \"third\""), "{error}");
}
