//! What was said about incidents.

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result, TenantId};
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::model::{Comment, CommentChange};
use super::entries::enter_said;
use super::incidents::touch;
use super::{Cut, cut, text, uuid};

const COMMENTS: &str = "incident_comments";

pub(in super::super) async fn find_comment(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    id: Uuid,
) -> Result<Option<Comment>> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT sealed FROM incident_comments \
          WHERE tenant_id = $1 AND comment_id = $2 AND incident_id = $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(id))
    .bind(text(incident))
    .fetch_optional(conn)
    .await?;
    sealed
        .map(|sealed| comment(cipher, id, &sealed))
        .transpose()
}

/// Up to `limit` of an incident's comments after the one that was made at `after` and has that id,
/// oldest first.
pub(in super::super) async fn comments(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    after: Option<(i64, String)>,
    limit: i64,
) -> Result<Cut<Comment>> {
    let (time, id) = after.unwrap_or((i64::MIN, String::new()));
    let rows = sqlx::query(
        "SELECT comment_id, sealed FROM incident_comments \
          WHERE tenant_id = $1 AND incident_id = $2 \
            AND (created_time > $3 OR (created_time = $3 AND comment_id > $4)) \
          ORDER BY created_time, comment_id LIMIT $5",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(incident))
    .bind(time)
    .bind(id)
    .bind(limit)
    .fetch(conn);
    cut(rows, |row| {
        let id = uuid(&row.try_get::<String, _>("comment_id")?)?;
        comment(cipher, id, &row.try_get::<Vec<u8>, _>("sealed")?)
    })
    .await
}

/// The last of an incident's comments.
pub(in super::super) async fn last_comment(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    incident: Uuid,
) -> Result<Option<Uuid>> {
    let id: Option<String> = sqlx::query_scalar(
        "SELECT max(comment_id) FROM incident_comments WHERE tenant_id = $1 AND incident_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(incident))
    .fetch_one(conn)
    .await?;
    id.map(|id| uuid(&id)).transpose()
}

fn comment(cipher: &TenantCipher, id: Uuid, sealed: &[u8]) -> Result<Comment> {
    let plain = cipher.open(&object(COMMENTS, &text(id)), 0, sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

/// Writes a decided change of a comment, and that the incident was spoken about.
pub(in super::super) async fn apply_comment(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    change: &CommentChange,
) -> Result<()> {
    let comment = change.comment();
    let Some(happened) = change.happened() else {
        return Ok(());
    };
    put_comment(tx, cipher, comment).await?;
    let (incident, time) = (comment.incident, comment.updated);
    touch(tx, incident, time).await?;
    let said = Some(comment.text.as_str());
    enter_said(tx, cipher, incident, time, happened, said).await
}

/// Writes a comment as it is now.
pub(super) async fn put_comment(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    comment: &Comment,
) -> Result<()> {
    let plain = serde_json::to_vec(comment).map_err(Error::internal)?;
    let sealed = cipher.seal(&object(COMMENTS, &text(comment.id)), 0, &plain)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO incident_comments (tenant_id, comment_id, incident_id, created_time, sealed) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant_id, comment_id) DO UPDATE SET sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(text(comment.id))
    .bind(text(comment.incident))
    .bind(nanos(comment.created))
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}
