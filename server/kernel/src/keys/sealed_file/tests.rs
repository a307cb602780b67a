use jiff::SignedDuration;
use secrecy::SecretBox;
use tempfile::TempDir;

use super::*;
use crate::clock::ManualClock;

struct Place {
    dir: TempDir,
    env: Env,
    clock: ManualClock,
}

impl Place {
    fn new() -> Self {
        let (env, clock) = Env::fixed("2026-11-24T04:00:00Z".parse().unwrap(), 3);
        Self {
            dir: tempfile::tempdir().unwrap(),
            env,
            clock,
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("keys")
    }

    async fn open_with(&self, secret: u8) -> Result<SealedFile> {
        SealedFile::open(
            self.path(),
            SecretBox::new(Box::new([secret; 32])),
            self.env.clone(),
        )
        .await
    }

    async fn open(&self) -> SealedFile {
        self.open_with(1).await.unwrap()
    }
}

fn acme() -> KeyId {
    KeyId::tenant(&"acme".parse().unwrap())
}

fn globex() -> KeyId {
    KeyId::tenant(&"globex".parse().unwrap())
}

#[tokio::test]
async fn a_wrapped_key_opens_for_its_owner_and_context_alone() {
    let place = Place::new();
    let keys = place.open().await;
    keys.create_wrapping_key(&acme()).await.unwrap();
    keys.create_wrapping_key(&globex()).await.unwrap();
    let wrapped = keys.wrap(&acme(), "data/1", b"secret").await.unwrap();
    assert!(!wrapped.windows(6).any(|w| w == b"secret"));
    assert_eq!(
        keys.unwrap(&acme(), "data/1", &wrapped)
            .await
            .unwrap()
            .as_slice(),
        b"secret"
    );
    assert!(keys.unwrap(&acme(), "data/2", &wrapped).await.is_err());
    assert!(keys.unwrap(&globex(), "data/1", &wrapped).await.is_err());
    let mut bent = wrapped.clone();
    bent[20] ^= 1;
    assert!(keys.unwrap(&acme(), "data/1", &bent).await.is_err());
    assert!(keys.unwrap(&acme(), "data/1", &[]).await.is_err());
    let nobody = KeyId::tenant(&"nobody".parse().unwrap());
    assert_eq!(
        keys.wrap(&nobody, "data/1", b"x")
            .await
            .unwrap_err()
            .reason(),
        Reason::NotFound
    );

    // Made again, it stays the same; opened again, too.
    keys.create_wrapping_key(&acme()).await.unwrap();
    let again = place.open().await;
    assert_eq!(
        again
            .unwrap(&acme(), "data/1", &wrapped)
            .await
            .unwrap()
            .as_slice(),
        b"secret"
    );
}

#[tokio::test]
async fn the_file_opens_with_its_secret_and_undamaged_only() {
    let place = Place::new();
    let keys = place.open().await;
    keys.create_wrapping_key(&acme()).await.unwrap();
    let error = place.open_with(2).await.err().unwrap();
    assert_eq!(error.reason(), Reason::FailedPrecondition);
    let good = std::fs::read(place.path()).unwrap();
    assert!(
        !good.windows(4).any(|w| w == b"acme"),
        "not even names can be read"
    );
    for at in [0, 9, 41, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(place.path(), bad).unwrap();
        assert_eq!(
            place.open_with(1).await.err().unwrap().reason(),
            Reason::FailedPrecondition,
            "{at}"
        );
    }
    for len in [0, 7, 39, 60, good.len() - 1] {
        std::fs::write(place.path(), &good[..len]).unwrap();
        assert!(place.open_with(1).await.is_err(), "{len}");
    }
    std::fs::write(place.path(), &good).unwrap();
    place.open().await;
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let keys = place.open().await;
    keys.create_wrapping_key(&acme()).await.unwrap();
    keys.destroy(&acme()).await.unwrap();
    for entry in std::fs::read_dir(place.dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{entry:?}"
        );
    }
}

#[tokio::test]
async fn what_is_destroyed_stays_destroyed() {
    let place = Place::new();
    let keys = place.open().await;
    keys.create_wrapping_key(&acme()).await.unwrap();
    keys.create_wrapping_key(&globex()).await.unwrap();
    let wrapped = keys.wrap(&acme(), "data/1", b"secret").await.unwrap();
    let backup = std::fs::read(place.path()).unwrap();
    place.clock.advance(SignedDuration::from_secs(5));
    keys.destroy(&acme()).await.unwrap();
    keys.destroy(&acme()).await.unwrap();
    assert_eq!(
        keys.unwrap(&acme(), "data/1", &wrapped)
            .await
            .unwrap_err()
            .reason(),
        Reason::NotFound
    );
    assert_eq!(
        keys.create_wrapping_key(&acme())
            .await
            .unwrap_err()
            .reason(),
        Reason::FailedPrecondition
    );
    let listed = keys.list_destroyed().await.unwrap();
    assert_eq!(
        listed,
        [DestroyedKey {
            id: acme(),
            time: place.env.now()
        }]
    );

    // A backup of the file does not bring it back, nor does losing the file.
    std::fs::write(place.path(), &backup).unwrap();
    let restored = place.open().await;
    assert!(restored.unwrap(&acme(), "data/1", &wrapped).await.is_err());
    restored.wrap(&globex(), "data/1", b"x").await.unwrap();
    std::fs::remove_file(place.path()).unwrap();
    let lost = place.open().await;
    assert_eq!(
        lost.create_wrapping_key(&acme())
            .await
            .unwrap_err()
            .reason(),
        Reason::FailedPrecondition
    );
    assert_eq!(lost.list_destroyed().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_destruction_list_cannot_be_forged() {
    let place = Place::new();
    let keys = place.open().await;
    keys.create_wrapping_key(&acme()).await.unwrap();
    keys.create_wrapping_key(&globex()).await.unwrap();
    keys.destroy(&acme()).await.unwrap();
    let list = place.dir.path().join("keys.destroyed");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text.replace("acme", "globex")).unwrap();
    assert_eq!(
        place.open_with(1).await.err().unwrap().reason(),
        Reason::FailedPrecondition
    );
    // A line that was being written when the power went was never confirmed.
    std::fs::write(&list, format!("{text}{}", &text[..20])).unwrap();
    let keys = place.open().await;
    keys.destroy(&globex()).await.unwrap();
    let ids: Vec<KeyId> = place
        .open()
        .await
        .list_destroyed()
        .await
        .unwrap()
        .into_iter()
        .map(|d| d.id)
        .collect();
    assert_eq!(ids, [acme(), globex()]);
}

#[tokio::test]
async fn two_processes_on_one_file_lose_nothing() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let mut tasks = Vec::new();
    for (n, keys) in [one, two].into_iter().enumerate() {
        tasks.push(tokio::spawn(async move {
            for m in 0..10 {
                let id = KeyId::tenant(&format!("tenant-{n}-{m}").parse().unwrap());
                keys.create_wrapping_key(&id).await.unwrap();
            }
            keys
        }));
    }
    let mut opened = Vec::new();
    for task in tasks {
        opened.push(task.await.unwrap());
    }
    for keys in &opened {
        for n in 0..2 {
            for m in 0..10 {
                let id = KeyId::tenant(&format!("tenant-{n}-{m}").parse().unwrap());
                let wrapped = opened[0].wrap(&id, "c", b"x").await.unwrap();
                keys.unwrap(&id, "c", &wrapped).await.unwrap();
            }
        }
    }
    // And what one destroys is gone for the other.
    let id = KeyId::tenant(&"tenant-0-0".parse().unwrap());
    opened[0].destroy(&id).await.unwrap();
    assert_eq!(
        opened[1].wrap(&id, "c", b"x").await.unwrap_err().reason(),
        Reason::NotFound
    );
}
