//! The chain of custody: what was done with a snapshot, each entry with the hash of the one before.

use cordon_evidence::custody::{Act, Draft, Entry, Head, Recheck};
use cordon_evidence::digest::Digest;
use cordon_evidence::manifest::{PREDICATE_TYPE, Person};
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::db::sealed::object;
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Name, Permit, Reason, Result, TenantScope};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::acquire::mark;
use super::model::{self, Command, Snapshot};
use super::store::{self, text};
use crate::transport::Caller;

const TABLE: &str = "custody_entries";
/// What is signed of a chain's end is a statement of this type.
const HEAD_TYPE: &str = "urn:cordon:custody-head:v1";

/// Something that is done with a snapshot.
pub(super) struct Done {
    pub(super) act: Act,
    pub(super) by: Person,
    pub(super) purpose: String,
    pub(super) items: Vec<String>,
    pub(super) recheck: Recheck,
}

/// Who calls, as the chain has them.
pub(super) fn person(caller: &Caller, scope: &TenantScope) -> Person {
    let principal = caller.credential().principal();
    Person {
        name: principal.subject().to_owned(),
        party: match principal.is_provider() {
            true => "provider".to_owned(),
            false => scope.tenant().to_string(),
        },
    }
}

/// What the server signs of a snapshot: the statement's predicate is the manifest, byte for byte as its
/// digest is of.
pub(super) fn sign(
    kernel: &Kernel,
    scope: &TenantScope,
    name: &Name,
    digest: &Digest,
    manifest: &[u8],
) -> Result<Vec<u8>> {
    let text = String::from_utf8(manifest.to_vec()).map_err(Error::internal)?;
    let raw = RawValue::from_string(text).map_err(Error::internal)?;
    kernel.sign_statement(scope, name, digest.to_string(), PREDICATE_TYPE, &raw)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadOf<'a> {
    head: Head,
    manifest_sha256: &'a str,
    signed: Timestamp,
}

/// What the server signs of the chain's end as it is now.
pub(super) fn sign_head(
    kernel: &Kernel,
    scope: &TenantScope,
    snapshot: &Snapshot,
) -> Result<Vec<u8>> {
    let chain = snapshot.custody.as_ref().ok_or_else(no_chain)?;
    let head = chain.head();
    let name = Name::Snapshot(scope.tenant().clone(), snapshot.id);
    let predicate = HeadOf {
        head,
        manifest_sha256: snapshot.manifest.as_deref().unwrap_or_default(),
        signed: kernel.env().now(),
    };
    kernel.sign_statement(scope, &name, head.hash.to_string(), HEAD_TYPE, &predicate)
}

pub(super) fn no_chain() -> Error {
    Error::new(
        Reason::FailedPrecondition,
        "nothing was taken for this snapshot: there is nothing to read, and no chain of custody",
    )
}

/// Makes the next entry of a snapshot's chain within a transaction; the snapshot afterwards.
pub(super) async fn enter(
    tx: &mut TenantTx<'_>,
    kernel: &Kernel,
    cipher: &TenantCipher,
    snapshot: Snapshot,
    done: Done,
    command: fn(Box<cordon_evidence::custody::Chain>) -> Command,
) -> Result<Snapshot> {
    let mut chain = snapshot.custody.clone().ok_or_else(no_chain)?;
    let mark = mark(kernel);
    let draft = Draft {
        // Another server's clock may be ahead: what is done later has a later time.
        at: mark.now.max(chain.last().unwrap_or(mark.now)),
        act: done.act,
        by: done.by,
        purpose: done.purpose,
        items: done.items,
        recheck: done.recheck,
    };
    let entry = chain
        .append(draft)
        .map_err(|step| Error::new(Reason::FailedPrecondition, step.to_string()))?;
    let id = snapshot.id;
    let change = model::decide(snapshot, command(Box::new(chain)), mark)?;
    insert(tx, cipher, id, &entry).await?;
    store::apply(tx, cipher, &change).await?;
    Ok(change.snapshot().clone())
}

/// Enters one act that changes nothing else, and logs it.
pub(super) async fn note(
    kernel: &Kernel,
    (scope, permit): (&TenantScope, &Permit),
    id: Uuid,
    done: Done,
) -> Result<Snapshot> {
    let cipher = kernel.cipher(scope).await?;
    let mut tx = kernel.db().tenant_tx(scope, permit).await?;
    let found = store::find(tx.conn(), &cipher, id).await?;
    let snapshot = found.ok_or_else(super::service::no_such_snapshot)?;
    let items = done.items.join(" ");
    let after = enter(&mut tx, kernel, &cipher, snapshot, done, Command::Note).await?;
    tx.require_keys(&cipher).await?;
    let head = after.custody.as_ref().ok_or_else(no_chain)?.head();
    let entry = AuditEntry::new(permit)
        .resource(Name::Snapshot(scope.tenant().clone(), id))
        .detail("items", items)
        .detail("custody", head.sequence)
        .detail("custody_sha256", head.hash);
    tx.commit(entry).await?;
    Ok(after)
}

fn entry_id(snapshot: Uuid, sequence: u64) -> String {
    format!("{}/{sequence:08}", text(snapshot))
}

/// Writes an entry.
pub(super) async fn insert(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    snapshot: Uuid,
    entry: &Entry,
) -> Result<()> {
    let id = entry_id(snapshot, entry.sequence);
    let plain = entry.to_bytes().map_err(Error::internal)?;
    let tenant = tx.tenant();
    sqlx::query("INSERT INTO custody_entries (tenant_id, entry_id, sealed) VALUES ($1, $2, $3)")
        .bind(tenant.as_str())
        .bind(id.as_str())
        .bind(cipher.seal(&object(TABLE, &id), 0, &plain)?)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Up to `limit` entries from a sequence on, each as its bytes.
pub(super) async fn entries(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    snapshot: Uuid,
    first: u64,
    limit: i64,
) -> Result<Vec<Vec<u8>>> {
    let rows = sqlx::query(
        "SELECT entry_id, sealed FROM custody_entries \
          WHERE tenant_id = $1 AND entry_id >= $2 AND entry_id < $3 ORDER BY entry_id LIMIT $4",
    )
    .bind(cipher.tenant().as_str())
    .bind(entry_id(snapshot, first))
    .bind(format!("{}0", text(snapshot)))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let id: String = row.try_get("entry_id")?;
            let sealed: Vec<u8> = row.try_get("sealed")?;
            cipher.open(&object(TABLE, &id), 0, &sealed)
        })
        .collect()
}
