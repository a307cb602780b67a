//! The job with which a tenant contributes what it saw on the day that is over.

use std::sync::Arc;

use cordon_kernel::db::jobs::JobClaim;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Reason, Result};
use cordon_lake::{Lake, TailPage};

use super::sightings::{Reader, columns};
use crate::rooms::detection::{computed, oldest};

/// Contributes to the day that is over, once; nothing when the tenant has, or comes too late.
///
/// # Errors
/// `ETAG_MISMATCH` when another server has taken it over; `UNAVAILABLE` when something can't be
/// reached: it is done again.
pub(crate) async fn contribute(kernel: &Kernel, lake: &Arc<Lake>, claim: &JobClaim) -> Result<()> {
    let db = kernel.db();
    let Some(contributing) = db.begin_contribution(claim).await? else {
        return Ok(());
    };
    let (scope, _) = kernel.job_scope(claim);
    let (until, mut after) = (contributing.until(), contributing.after());
    let mut reader = Reader::default();
    let mut seen = contributing.collector();
    while after < until {
        let page = lake.tail(&scope, after, None, columns()).await;
        let page = match page.map_err(Error::from) {
            Ok(page) => page,
            // What is gone was not kept as long as a day.
            Err(error) if error.reason() == Reason::CursorExpired => {
                after = oldest(&error)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let TailPage { batch, next, .. } = page;
        if let Some(batch) = batch {
            let (back, found) = computed(move || {
                let (mut reader, mut found) = (reader, Vec::new());
                reader.read(&batch, true, |seq, _, indicator| {
                    if seq <= until {
                        found.push(*indicator);
                    }
                })?;
                Ok((reader, found))
            })
            .await?;
            reader = back;
            for indicator in &found {
                seen.see(indicator);
            }
        }
        if next <= after {
            break;
        }
        after = next;
    }
    let contribution = seen.finish();
    if db.contribute(claim, &contribution, until).await? {
        let (tenant, count) = (claim.tenant(), contribution.tags().len());
        tracing::debug!(%tenant, count, "contributed to the counts of the day");
    }
    Ok(())
}
