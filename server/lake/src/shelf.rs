//! Where final reports of months are put for people and programs outside:
//! `{tenant}/{month}/{file}`, as they are. Only this module makes its paths, for a tenant's scope.

use std::path::PathBuf;
use std::sync::Arc;

use cordon_kernel::TenantScope;
use futures::TryStreamExt as _;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::io::{AsyncRead, AsyncWriteExt as _};

use crate::error::{LakeError, Result};
use crate::object::sync_up_to;

/// A folder or a bucket for reports.
#[derive(Clone)]
pub struct Shelf {
    store: Arc<dyn ObjectStore>,
    /// A local folder is synchronized by ourselves.
    folder: Option<PathBuf>,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shelf({})", self.store)
    }
}

impl Shelf {
    /// A local folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`LakeError::Io`] if the folder can't be made.
    pub fn local(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder)?;
        let folder = folder.canonicalize()?;
        Ok(Self {
            store: Arc::new(
                LocalFileSystem::new_with_prefix(&folder)?.with_automatic_cleanup(true),
            ),
            folder: Some(folder),
        })
    }

    /// A store elsewhere.
    #[must_use]
    pub fn remote(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            folder: None,
        }
    }

    /// Puts a file of a tenant's month there; durable when it returns. One of that name is replaced.
    ///
    /// # Errors
    /// The store's, and those of reading.
    pub async fn put(
        &self,
        scope: &TenantScope,
        (month, file): (&str, &str),
        mut content: impl AsyncRead + Unpin + Send,
    ) -> Result<()> {
        let path = Path::from_iter([scope.tenant().as_str(), month, file]);
        let mut to = BufWriter::new(Arc::clone(&self.store), path.clone());
        let copied = tokio::io::copy(&mut content, &mut to).await;
        if let Err(error) = copied {
            // What was sent of it is of no use.
            let _ = to.abort().await;
            return Err(error.into());
        }
        if let Err(error) = to.shutdown().await {
            let _ = to.abort().await;
            return Err(error.into());
        }
        if let Some(folder) = &self.folder {
            let (root, file) = (folder.clone(), folder.join(path.as_ref()));
            let synced = tokio::task::spawn_blocking(move || sync_up_to(&root, &file));
            synced.await.map_err(std::io::Error::other)??;
        }
        Ok(())
    }

    /// Deletes all that is there of a tenant, also what was not whole; how many files that were.
    ///
    /// # Errors
    /// The store's.
    pub async fn clear(&self, scope: &TenantScope) -> Result<usize> {
        let prefix = Path::from(scope.tenant().as_str());
        if let Some(folder) = &self.folder {
            let folder = folder.join(prefix.as_ref());
            let removed = tokio::task::spawn_blocking(move || remove(&folder));
            return Ok(removed.await.map_err(std::io::Error::other)??);
        }
        let listed: Vec<_> = self.store.list(Some(&prefix)).try_collect().await?;
        let count = listed.len();
        for object in listed {
            match self.store.delete(&object.location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(LakeError::from(error)),
            }
        }
        Ok(count)
    }
}

/// Removes a folder with all that is in it; how many files that were.
fn remove(folder: &std::path::Path) -> std::io::Result<usize> {
    let count = match count(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        count => count?,
    };
    std::fs::remove_dir_all(folder)?;
    Ok(count)
}

fn count(folder: &std::path::Path) -> std::io::Result<usize> {
    let mut files = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        files += match entry.file_type()?.is_dir() {
            true => count(&entry.path())?,
            false => 1,
        };
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::path::Path as FilePath;

    use super::*;
    use crate::testing::{ACME, OTHER, World};

    fn files(folder: &FilePath) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => found.extend(files(&path)),
                false => found.push(path.to_string_lossy().into_owned()),
            }
        }
        found.sort();
        found
    }

    #[tokio::test]
    async fn a_month_is_put_once_and_goes_with_its_tenant() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("reports");
        let shelf = Shelf::local(&root).unwrap();
        let world = World::new().await;
        // More than is held in memory at a time.
        let long = vec![7_u8; 12 << 20];
        for tenant in [ACME, OTHER] {
            let scope = world.scope(tenant);
            for (file, content) in [("report.html", &b"a"[..]), ("report.json", &long)] {
                shelf.put(&scope, ("2026-10", file), content).await.unwrap();
            }
        }
        let scope = world.scope(ACME);
        shelf
            .put(&scope, ("2026-10", "report.html"), &b"b"[..])
            .await
            .unwrap();
        let at = |tenant: &str, file: &str| root.join(tenant).join("2026-10").join(file);
        assert_eq!(std::fs::read(at(ACME, "report.html")).unwrap(), b"b");
        assert_eq!(std::fs::read(at(OTHER, "report.html")).unwrap(), b"a");
        assert!(std::fs::read(at(ACME, "report.json")).unwrap() == long);
        assert_eq!(files(&root).len(), 4);
        // What a server that was killed leaves of one.
        std::fs::write(at(ACME, "report.json#1"), b"half").unwrap();
        assert_eq!(shelf.clear(&scope).await.unwrap(), 3);
        assert_eq!(shelf.clear(&scope).await.unwrap(), 0);
        assert!(!root.join(ACME).exists());
        assert_eq!(files(&root).len(), 2);
    }
}
