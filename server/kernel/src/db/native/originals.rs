//! Originals of events that concern several parties, in the transaction that stores their views.
//!
//! A repetition finds its original there and changes nothing. One that comes with a party more,
//! who was registered since, is sealed anew under everyone's keys, and the former goes. What a
//! deleted party took along does not come back.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sqlx::Row as _;
use uuid::Uuid;

use super::super::ingest::{FlushBatch, OriginalRecord};
use super::super::journal::Work;
use super::super::originals::{
    Party, object, open_parties, open_reference, seal_parties, seal_reference,
};
use super::rows::{STATEMENT_ROWS, statement};
use super::{Conn, many};
use crate::error::{Error, Result};
use crate::ids::{EventName, TenantId};
use crate::keys::envelope::OwnerKeys;
use crate::keys::once::seal_shared;

const ORIGINALS: (&str, usize, &str) = (
    "INSERT INTO originals (original_id, parties, wrapped_key, sealed)",
    4,
    "",
);
const REFERENCES: (&str, usize, &str) = (
    "INSERT INTO event_originals (tenant_id, event_name, original)",
    3,
    " ON CONFLICT (tenant_id, event_name) DO UPDATE SET original = excluded.original",
);

pub(super) async fn write(tx: &mut Conn, batch: &FlushBatch, work: &Work) -> Result<()> {
    if batch.originals.is_empty() {
        return Ok(());
    }
    let index = work
        .originals
        .as_ref()
        .ok_or_else(|| Error::internal("the originals' key was not loaded"))?;
    for records in batch.originals.chunks(STATEMENT_ROWS) {
        let known = known(tx, records, index).await?;
        let mut new: Vec<(&OriginalRecord, Vec<Arc<OwnerKeys>>)> = Vec::new();
        let mut taken = BTreeSet::new();
        let mut replaced = Vec::new();
        for record in records {
            // One whose keys were destroyed takes the original along.
            let keys = record
                .parties
                .iter()
                .map(|(t, _)| work.keys.get(t).cloned());
            let Some(keys) = keys.collect::<Option<Vec<_>>>() else {
                continue;
            };
            let held: Vec<Option<&Uuid>> = record.parties.iter().map(|p| known.get(p)).collect();
            let same = held.windows(2).all(|pair| pair.first() == pair.last());
            let stored = same && held.first().is_some_and(Option::is_some);
            if stored || !record.parties.iter().all(|party| taken.insert(party)) {
                continue;
            }
            let former: BTreeSet<Uuid> = held.into_iter().flatten().copied().collect();
            let Some(former) = superseded(tx, &former, record, index).await? else {
                continue;
            };
            replaced.extend(former);
            new.push((record, keys));
        }
        insert(tx, &new, index, work).await?;
        for id in replaced {
            sqlx::query("DELETE FROM originals WHERE original_id = $1")
                .bind(id)
                .execute(&mut *tx)
                .await?;
        }
    }
    Ok(())
}

/// The originals that these events' views come from, as far as there are any.
async fn known<'a>(
    tx: &mut Conn,
    records: &'a [OriginalRecord],
    index: &OwnerKeys,
) -> Result<HashMap<&'a Party, Uuid>> {
    let parties: HashMap<(&str, &[u8]), &Party> = records
        .iter()
        .flat_map(|record| &record.parties)
        .map(|party| ((party.0.as_str(), party.1.as_bytes().as_slice()), party))
        .collect();
    let asked: Vec<&Party> = parties.values().copied().collect();
    let rows = many::references(tx, &asked).await?;
    let mut known = HashMap::new();
    for row in rows {
        let found = parties.get(&(row.try_get(0)?, row.try_get(1)?));
        if let Some(party) = found {
            known.insert(*party, open_reference(index, party, row.try_get(2)?)?);
        }
    }
    Ok(known)
}

async fn insert(
    tx: &mut Conn,
    new: &[(&OriginalRecord, Vec<Arc<OwnerKeys>>)],
    index: &OwnerKeys,
    work: &Work,
) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let text = statement(ORIGINALS, new.len());
    let mut insert = sqlx::query(sqlx::AssertSqlSafe(text));
    let mut references: Vec<(&TenantId, &EventName, Vec<u8>)> = Vec::new();
    for (record, keys) in new {
        let id = work.env.uuid_v7();
        let shared = seal_shared(&work.env, keys, &object(id), &record.plain)?;
        for party in &record.parties {
            let reference = seal_reference(index, &work.env, party, id)?;
            references.push((&party.0, &party.1, reference));
        }
        insert = insert
            .bind(id.hyphenated().to_string())
            .bind(seal_parties(index, &work.env, id, &record.parties)?)
            .bind(shared.wrapped_key)
            .bind(shared.sealed);
    }
    insert.execute(&mut *tx).await?;
    for references in references.chunks(STATEMENT_ROWS) {
        let text = statement(REFERENCES, references.len());
        let mut insert = sqlx::query(sqlx::AssertSqlSafe(text));
        for (tenant, event, reference) in references {
            insert = insert
                .bind(tenant.as_str())
                .bind(event.as_bytes().as_slice())
                .bind(reference.as_slice());
        }
        insert.execute(&mut *tx).await?;
    }
    Ok(())
}

/// Of the originals from which these parties' views came, those that the record takes the place of:
/// all whose parties are among its own. `None` when one was destroyed with a party.
async fn superseded(
    tx: &mut Conn,
    former: &BTreeSet<Uuid>,
    record: &OriginalRecord,
    index: &OwnerKeys,
) -> Result<Option<Vec<String>>> {
    let mut gone = Vec::new();
    for id in former {
        let name = id.hyphenated().to_string();
        let sealed: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT parties FROM originals WHERE original_id = $1")
                .bind(name.as_str())
                .fetch_optional(&mut *tx)
                .await?;
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let mut among = true;
        for party in open_parties(index, *id, &sealed)? {
            if record.parties.contains(&party) {
                continue;
            }
            among = false;
            let deleted: Option<bool> =
                sqlx::query_scalar("SELECT status = 'deleted' FROM tenants WHERE tenant_id = $1")
                    .bind(party.0.as_str())
                    .fetch_optional(&mut *tx)
                    .await?;
            if deleted != Some(false) {
                return Ok(None);
            }
        }
        if among {
            gone.push(name);
        }
    }
    Ok(Some(gone))
}
