//! Sealing anew what older data keys have sealed: a rotation's second half.
//!
//! What is unsealed is sealed, and each segment under an older key is written again under the
//! newest, one by one, each in a transaction of its own. Then the older keys are dropped. It can be
//! broken off anywhere and goes on with what is left.

use cordon_kernel::TenantScope;
use cordon_kernel::db::jobs::JobClaim;
use cordon_kernel::db::segments::{SegmentCommit, SegmentObject, SegmentRow, Snapshot};
use jiff::{SignedDuration, Timestamp};

use crate::error::Result;
use crate::lake::{Access, Lake};
use crate::seal::SealMode;

/// How long it goes on at a time: other work of this server waits for it.
const STEP: SignedDuration = SignedDuration::from_secs(30);

/// How sealing anew went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reencrypted {
    /// Everything is under the newest key, and this many older ones were dropped.
    Done(u64),
    /// There is more to do, from then on: others wait for their turn, or the newest key does not
    /// seal everywhere yet.
    NotBefore(Timestamp),
}

impl Lake {
    /// Seals anew whatever of the tenant's an older data key than the newest has sealed, and drops
    /// the older keys, once no server seals with them any more.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim lapsed or the catalogue changed meanwhile: what was sealed
    /// anew before stays so. Otherwise the store's.
    pub async fn reencrypt(&self, scope: &TenantScope, claim: &JobClaim) -> Result<Reencrypted> {
        let db = self.kernel.db();
        let Some(mut rotation) = db.rotation(scope).await? else {
            return Ok(Reencrypted::Done(0));
        };
        if self.kernel.env().now() < rotation.settled {
            return Ok(Reencrypted::NotBefore(rotation.settled));
        }
        // From here on nobody can store under an older key; what was stored until then is found.
        db.refuse_older_keys(claim, &rotation).await?;
        self.seal(scope, Some(claim), SealMode::All).await?;
        let access = self.access(scope).await?;
        if access.cipher.key_version() < rotation.version {
            // Others' clocks may be ahead of this one's.
            return Ok(Reencrypted::NotBefore(self.kernel.env().now() + STEP));
        }
        let began = self.kernel.env().now();
        loop {
            let snapshot = db.snapshot(scope).await?;
            let older = |row: &&SegmentRow| row.key_version < rotation.version;
            let left = snapshot.segments.iter().filter(older).count() as u64;
            db.note_progress(claim, &rotation, left).await?;
            let Some(row) = snapshot.segments.iter().find(older).cloned() else {
                break;
            };
            let now = self.kernel.env().now();
            if now.duration_since(began) >= STEP {
                return Ok(Reencrypted::NotBefore(now));
            }
            access.rewrite(&snapshot, &row, claim).await?;
            rotation.done += 1;
        }
        db.rewrap_originals(scope).await?;
        db.reseal_rows(scope, claim, &rotation).await?;
        Ok(Reencrypted::Done(
            db.finish_rotation(claim, &rotation).await?,
        ))
    }
}

impl Access<'_> {
    /// Writes a segment's rows again, as a segment of its own that takes its place.
    async fn rewrite(&self, snapshot: &Snapshot, row: &SegmentRow, claim: &JobClaim) -> Result<()> {
        let _heavy = self.lake.heavy().await;
        if let SegmentObject::Parquet(_) = row.object {
            return self
                .merge(snapshot, std::slice::from_ref(row), Some(claim))
                .await;
        }
        let run = self.block_segment(row).await?;
        let range = (row.first_seq, row.last_seq);
        let new = self.write(run.batch.clone(), range, row.stored_day).await?;
        drop(run);
        let commit = SegmentCommit {
            add: vec![new],
            remove: vec![row.id],
            claim: Some(claim),
            ..SegmentCommit::default()
        };
        self.lake
            .kernel
            .db()
            .commit_segments(self.scope, commit)
            .await?;
        Ok(())
    }
}
