//! Where objects lie: `t/{tenant}/seg/{segment}.parquet`, parts of attachments as
//! `t/{tenant}/att/{part}.part`, and of evidence as `t/{tenant}/evd/{object}.part`. This module alone
//! makes and reads paths, and does so for a tenant's scope; a path of another tenant is refused even if
//! a damaged catalogue row names it.

use std::io::Write as _;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use cordon_kernel::{Env, TenantScope};
use futures::TryStreamExt as _;
use jiff::Timestamp;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use uuid::Uuid;

use crate::error::{LakeError, Result};

/// The object store.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// A local folder is written by ourselves, since durability needs more than the store's
    /// driver does.
    folder: Option<PathBuf>,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Objects({})", self.store)
    }
}

/// An object of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its path in the store.
    pub path: String,
    /// The segment or part that it holds.
    pub id: Uuid,
    /// When it was written, in seconds since 1970, by the store's clock.
    pub modified: i64,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Objects {
    /// Objects in a local folder, which is made if it is not there. Writes are durable when
    /// they return: file, folder and the folders above it that were made are synchronized.
    ///
    /// # Errors
    /// [`LakeError::Io`] if the folder can't be made.
    pub fn local(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder)?;
        let folder = folder.canonicalize()?;
        Ok(Self {
            store: Arc::new(LocalFileSystem::new_with_prefix(&folder)?),
            folder: Some(folder),
        })
    }

    /// Objects in a store that is durable by itself.
    #[must_use]
    pub fn remote(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            folder: None,
        }
    }

    fn prefix(scope: &TenantScope) -> String {
        format!("t/{}/seg", scope.tenant())
    }

    /// The path of a segment of the tenant.
    #[must_use]
    pub fn segment_path(scope: &TenantScope, segment: Uuid) -> String {
        format!("{}/{}.parquet", Self::prefix(scope), segment.hyphenated())
    }

    fn attached(scope: &TenantScope) -> String {
        format!("t/{}/att", scope.tenant())
    }

    /// The path of a part of one of the tenant's attachments.
    #[must_use]
    pub fn part_path(scope: &TenantScope, part: Uuid) -> String {
        format!("{}/{}.part", Self::attached(scope), part.hyphenated())
    }

    fn evidence(scope: &TenantScope) -> String {
        format!("t/{}/evd", scope.tenant())
    }

    /// The path of an object of the tenant's evidence.
    #[must_use]
    pub fn evidence_path(scope: &TenantScope, object: Uuid) -> String {
        format!("{}/{}.part", Self::evidence(scope), object.hyphenated())
    }

    fn own(scope: &TenantScope, path: &str) -> Result<Path> {
        let in_folder = |folder: String| {
            path.strip_prefix(&folder)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|file| !file.contains('/'))
        };
        if !Self::folders(scope).into_iter().any(in_folder) {
            return Err(LakeError::corrupt(
                "the catalogue names an object of another place",
            ));
        }
        Path::parse(path).map_err(|_| LakeError::corrupt("the catalogue names a malformed path"))
    }

    /// All folders that a tenant's objects lie in.
    fn folders(scope: &TenantScope) -> [String; 3] {
        [
            Self::prefix(scope),
            Self::attached(scope),
            Self::evidence(scope),
        ]
    }

    /// Stores an object; durable when it returns.
    ///
    /// # Errors
    /// The store's.
    pub async fn put(&self, scope: &TenantScope, path: &str, bytes: Bytes) -> Result<()> {
        let path = Self::own(scope, path)?;
        match &self.folder {
            None => self.create(&path, bytes).await?,
            Some(folder) => {
                let (root, file) = (folder.clone(), folder.join(path.as_ref()));
                let written =
                    tokio::task::spawn_blocking(move || write_durably(&root, &file, &bytes));
                written.await.map_err(std::io::Error::other)??;
            }
        }
        Ok(())
    }

    /// Writes an object that must not be there. One that holds the same is an earlier attempt of
    /// this one, whose answer was lost.
    async fn create(&self, path: &Path, bytes: Bytes) -> Result<()> {
        let payload = PutPayload::from_bytes(bytes.clone());
        let written = self
            .store
            .put_opts(path, payload, PutMode::Create.into())
            .await;
        let there = match written {
            Ok(_) => return Ok(()),
            Err(error @ object_store::Error::AlreadyExists { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        match self.store.get(path).await?.bytes().await? == bytes {
            true => Ok(()),
            false => Err(there.into()),
        }
    }

    /// Whether objects can be written, read and deleted now.
    ///
    /// # Errors
    /// The store's.
    pub async fn probe(&self, env: &Env) -> Result<()> {
        let path = Path::from(format!("probe/{}", env.uuid_v7().simple()));
        let payload = || PutPayload::from_static(b"probe");
        self.store
            .put_opts(&path, payload(), PutMode::Create.into())
            .await?;
        // A store that takes no notice of the condition would let one segment replace another.
        let again = self
            .store
            .put_opts(&path, payload(), PutMode::Create.into())
            .await;
        let read = self.store.get(&path).await?.bytes().await?;
        self.store.delete(&path).await?;
        match again {
            Err(object_store::Error::AlreadyExists { .. }) if read == "probe" => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Err(LakeError::corrupt(
                "the object store overwrites where it was told to create (If-None-Match)",
            )),
        }
    }

    fn trial(name: &str) -> Path {
        Path::from("probe").join(name)
    }

    /// Whether objects can be written and read at this moment. A server, by its name, has one
    /// object for that, which it writes over: a trial that is cut off leaves nothing more behind.
    ///
    /// # Errors
    /// The store's.
    pub async fn beat(&self, server: &str) -> Result<()> {
        let path = Self::trial(server);
        self.store
            .put(&path, PutPayload::from_static(b"probe"))
            .await?;
        match self.store.get(&path).await?.bytes().await? == "probe" {
            true => Ok(()),
            false => Err(LakeError::corrupt(
                "the object store gives back something else than it was given",
            )),
        }
    }

    /// Takes away what [`Objects::beat`] wrote.
    ///
    /// # Errors
    /// The store's.
    pub async fn withdraw(&self, server: &str) -> Result<()> {
        match self.store.delete(&Self::trial(server)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Parts of an object.
    ///
    /// # Errors
    /// The store's; [`LakeError::Stale`] if the object is gone, [`LakeError::Corrupt`] if it is
    /// shorter than that.
    pub(crate) async fn read(
        &self,
        scope: &TenantScope,
        path: &str,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>> {
        let path = Self::own(scope, path)?;
        let short = || LakeError::corrupt("an object is shorter than its catalogue row says");
        let parts = match self.store.get_ranges(&path, ranges).await {
            Ok(parts) => parts,
            Err(error @ object_store::Error::Generic { .. }) => {
                // Drivers have no error of their own for this.
                let end = ranges.iter().map(|range| range.end).max().unwrap_or(0);
                return Err(match self.store.head(&path).await {
                    Ok(object) if object.size < end => short(),
                    _ => error.into(),
                });
            }
            Err(error) => return Err(LakeError::from(error).gone()),
        };
        let whole = parts.len() == ranges.len()
            && parts
                .iter()
                .zip(ranges)
                .all(|(part, range)| part.len() as u64 == range.end - range.start);
        if !whole {
            return Err(short());
        }
        Ok(parts)
    }

    /// A part of an object.
    ///
    /// # Errors
    /// The store's; [`LakeError::Stale`] if the object is gone, [`LakeError::Corrupt`] if it is
    /// shorter than that.
    pub async fn read_part(
        &self,
        scope: &TenantScope,
        path: &str,
        range: Range<u64>,
    ) -> Result<Bytes> {
        let parts = self.read(scope, path, &[range]).await?;
        let part = parts.into_iter().next();
        part.ok_or_else(|| LakeError::corrupt("an object without the part that was asked for"))
    }

    /// A whole object.
    ///
    /// # Errors
    /// The store's; [`LakeError::Stale`] if the object is gone.
    pub async fn read_all(&self, scope: &TenantScope, path: &str) -> Result<Bytes> {
        let path = Self::own(scope, path)?;
        let object = self
            .store
            .get(&path)
            .await
            .map_err(|error| LakeError::from(error).gone())?;
        Ok(object.bytes().await?)
    }

    /// The tenant's segments.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, scope: &TenantScope) -> Result<Vec<StoredObject>> {
        self.list_in(Self::prefix(scope), ".parquet").await
    }

    /// The parts of the tenant's attachments.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_parts(&self, scope: &TenantScope) -> Result<Vec<StoredObject>> {
        self.list_in(Self::attached(scope), ".part").await
    }

    /// The objects of the tenant's evidence.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_evidence(&self, scope: &TenantScope) -> Result<Vec<StoredObject>> {
        self.list_in(Self::evidence(scope), ".part").await
    }

    /// All of the tenant's objects.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_all(&self, scope: &TenantScope) -> Result<Vec<StoredObject>> {
        let mut all = self.list(scope).await?;
        all.extend(self.list_parts(scope).await?);
        all.extend(self.list_evidence(scope).await?);
        Ok(all)
    }

    async fn list_in(&self, folder: String, ending: &str) -> Result<Vec<StoredObject>> {
        let prefix = Path::from(folder);
        let listed: Vec<_> = self.store.list(Some(&prefix)).try_collect().await?;
        Ok(listed
            .into_iter()
            .filter_map(|object| {
                let id = object.location.filename()?.strip_suffix(ending)?;
                Some(StoredObject {
                    id: Uuid::try_parse(id).ok()?,
                    path: object.location.to_string(),
                    modified: object.last_modified.timestamp(),
                    bytes: object.size,
                })
            })
            .collect())
    }

    /// Deletes an object; one that is gone already is no error.
    ///
    /// # Errors
    /// The store's.
    pub async fn delete(&self, scope: &TenantScope, path: &str) -> Result<()> {
        let path = Self::own(scope, path)?;
        match self.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what writes that were interrupted before `before` left in a local folder.
    ///
    /// # Errors
    /// [`LakeError::Io`].
    pub async fn sweep_partial(&self, scope: &TenantScope, before: Timestamp) -> Result<usize> {
        let Some(folder) = &self.folder else {
            return Ok(0);
        };
        let folders = Self::folders(scope).map(|of| folder.join(of));
        let swept = tokio::task::spawn_blocking(move || {
            let each = folders.iter().map(|folder| sweep_partial(folder, before));
            each.sum::<std::io::Result<usize>>()
        });
        Ok(swept.await.map_err(std::io::Error::other)??)
    }
}

/// What a file is called until it is whole.
const PARTIAL: &str = ".partial";

fn write_durably(root: &FilePath, file: &FilePath, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(root);
    make_durably(root, folder)?;
    let mut partial = file.as_os_str().to_owned();
    partial.push(PARTIAL);
    let mut to = std::fs::File::create(&partial)?;
    to.write_all(bytes)?;
    to.sync_all()?;
    drop(to);
    std::fs::rename(&partial, file)?;
    sync_folder(folder)
}

/// Makes the folders from `root` down to `folder`, each synchronized in the one above.
fn make_durably(root: &FilePath, folder: &FilePath) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let Some(above) = folder.parent().filter(|above| above.starts_with(root)) else {
        return std::fs::create_dir_all(folder);
    };
    make_durably(root, above)?;
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_folder(above)
}

/// Synchronizes a file and the folders above it up to `root`.
pub(crate) fn sync_up_to(root: &FilePath, file: &FilePath) -> std::io::Result<()> {
    let above = file.ancestors();
    above
        .take_while(|path| path.starts_with(root))
        .try_for_each(sync_folder)
}

/// Of a file it does the same.
fn sync_folder(folder: &FilePath) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

fn sweep_partial(folder: &FilePath, before: Timestamp) -> std::io::Result<usize> {
    let files = match std::fs::read_dir(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut swept = 0;
    for file in files {
        let file = file?;
        let partial = file.file_name().to_string_lossy().ends_with(PARTIAL);
        if partial
            && Timestamp::try_from(file.metadata()?.modified()?).is_ok_and(|time| time < before)
        {
            std::fs::remove_file(file.path())?;
            swept += 1;
        }
    }
    Ok(swept)
}
