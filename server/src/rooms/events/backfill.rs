//! Late registration: what waited in quarantine for a party comes to its tenant, attributed anew
//! with the registers of today, as of the events' own times.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use cordon_kernel::db::{BatchOutcome, FlushBatch, JobClaim};
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Reason, Result, TenantScope};
use cordon_lake::block::BlockEncoder;
use cordon_views::{Directory as _, attribute};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use ipnet::IpNet;
use sqlx::Row as _;
use uuid::Uuid;

use super::directory::Registers;
use super::ingest::encode;
use super::names::TenantNames;
use super::originals::Packer;
use super::quarantine;

/// Items looked at together.
const STEP: u32 = 128;
/// Items that are made durable together.
const TOGETHER: usize = 64;

/// Takes from quarantine what is the tenant's. Returns how many events came.
///
/// May be done again at any time: an item that was stored before is recognised by its batch id.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached; what was stored until then stays stored.
pub async fn run(
    kernel: &Arc<Kernel>,
    scope: &TenantScope,
    claim: &JobClaim,
    registers: Arc<Registers>,
) -> Result<u64> {
    let mut count = 0;
    for party in parties(kernel, scope).await? {
        let mut after: Option<Uuid> = None;
        loop {
            let items = kernel.db().quarantined(scope, &party, after, STEP).await?;
            let Some(last) = items.last() else { break };
            after = Some(last.id);
            let mut prepared = Vec::with_capacity(items.len());
            for item in items {
                // What is not the tenant's at the event's time waits on, for whose it is.
                let (id, source) = (item.id, item.source);
                let found = prepare(kernel, scope, claim, &registers, &party, id, item.plain);
                if let Some((batch, own)) = found.await? {
                    prepared.push((id, source, batch, own));
                }
            }
            let stored: Vec<(Uuid, BatchOutcome, Vec<String>)> = stream::iter(prepared)
                .map(|(id, source, batch, own)| async move {
                    let outcome = kernel.db().append_backfill(scope, &source, batch).await?;
                    Ok::<_, Error>((id, outcome, own))
                })
                .buffer_unordered(TOGETHER)
                .try_collect()
                .await?;
            if stored
                .iter()
                .any(|(_, outcome, _)| *outcome == BatchOutcome::Stale)
            {
                return Err(Error::new(
                    Reason::Unavailable,
                    "the directory changed meanwhile; the job is done again",
                ));
            }
            // By the party that each waited for: a block of addresses is none itself.
            let mut done: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
            for (id, outcome, own) in stored {
                if !matches!(outcome, BatchOutcome::Stored | BatchOutcome::Duplicate) {
                    continue;
                }
                count += u64::from(outcome == BatchOutcome::Stored);
                for party in own {
                    done.entry(party).or_default().push(id);
                }
            }
            for (party, items) in done {
                kernel
                    .db()
                    .release_quarantined(scope, &party, &items)
                    .await?;
            }
        }
    }
    Ok(count)
}

/// Everything of the tenant that quarantine may know, as attribution names it.
async fn parties(kernel: &Kernel, scope: &TenantScope) -> Result<Vec<String>> {
    let mut read = kernel.db().tenant_read(scope).await?;
    let tenant = read.tenant().clone();
    let rows = sqlx::query(
        "SELECT account AS party FROM accounts WHERE tenant_id = $1 \
         UNION SELECT CASE WHEN kind = 'address' THEN 'ip:' || identifier ELSE identifier END \
           FROM resources WHERE tenant_id = $1",
    )
    .bind(tenant.as_str())
    .fetch_all(read.conn())
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The tenant's view of one item, if it is a party of it at the event's time; and which of the
/// item's parties are the tenant's by what it was looked up by.
async fn prepare(
    kernel: &Arc<Kernel>,
    scope: &TenantScope,
    claim: &JobClaim,
    registers: &Arc<Registers>,
    party: &str,
    id: Uuid,
    plain: Vec<u8>,
) -> Result<Option<(FlushBatch, Vec<String>)>> {
    let names = kernel.job_names(claim).await?;
    let party = party.to_owned();
    let (registers, tenant) = (Arc::clone(registers), scope.tenant().clone());
    let handle = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let kept = quarantine::decode(&plain)?;
        let names = TenantNames::new(names, handle);
        let by = |registers: &Registers| {
            attribute(
                kept.source_type,
                kept.record,
                kept.context,
                kept.observed,
                registers,
                &names,
            )
        };
        let attributed = by(&registers);
        if let Some(error) = names.failed() {
            return Err(error);
        }
        // It was read once; a normalizer that can't any more leaves it for the next version.
        let Ok(attributed) = attributed else {
            return Ok(None);
        };
        let original = Packer::new()?.pack(&attributed, || plain.clone())?;
        let Some((_, row)) = attributed
            .views
            .into_iter()
            .find(|(viewer, _)| *viewer == tenant)
        else {
            return Ok(None);
        };
        let own = match party.strip_prefix("ip:").map(str::parse::<IpNet>) {
            Some(Ok(block)) => {
                // To whom nothing is known, every party is unknown, and named.
                let all = by(&Registers::default()).map(|all| all.unknown_parties);
                let own = |party: &String| {
                    let ip = party.strip_prefix("ip:").and_then(|ip| ip.parse().ok());
                    ip.is_some_and(|ip: IpAddr| {
                        block.contains(&ip)
                            && registers.address(ip, row.time_ns).as_ref() == Some(&tenant)
                    })
                };
                all.unwrap_or_default().into_iter().filter(own).collect()
            }
            _ => vec![party],
        };
        let mut encoder = BlockEncoder::new().map_err(Error::internal)?;
        let batch = FlushBatch {
            batch_id: format!("backfill/{}/{tenant}", id.hyphenated()),
            content_hash: *blake3::hash(kept.record).as_bytes(),
            blocks: vec![encode(&mut encoder, tenant, &[row])?],
            originals: original.into_iter().collect(),
            directory_version: Some(registers.version()),
            ..FlushBatch::default()
        };
        Ok(Some((batch, own)))
    })
    .await
    .map_err(|cause| Error::internal(format!("backfill ended early: {cause}")))?
}
