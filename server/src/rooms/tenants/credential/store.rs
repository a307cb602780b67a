//! The table of credentials.

use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::{CredentialId, Error, Home, Principal, Result};
use sqlx::AnyConnection;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::model::{Change, Credential, Effect};
use crate::rooms::access::Writing;

/// One credential of a home.
pub(in super::super) async fn find(
    conn: &mut AnyConnection,
    home: &Home,
    id: &CredentialId,
) -> Result<Option<Credential>> {
    let row = sqlx::query(
        "SELECT home, credential_id, subject, role, issued_time, expires_time, revoked_time \
           FROM credentials WHERE home = $1 AND credential_id = $2",
    )
    .bind(home.to_string())
    .bind(id.as_str())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(read).transpose()
}

/// Up to `limit` credentials of a home after one, by id.
pub(super) async fn list(
    conn: &mut AnyConnection,
    home: &Home,
    after: &str,
    limit: i64,
) -> Result<Vec<Credential>> {
    let rows = sqlx::query(
        "SELECT home, credential_id, subject, role, issued_time, expires_time, revoked_time \
           FROM credentials WHERE home = $1 AND credential_id > $2 ORDER BY credential_id LIMIT $3",
    )
    .bind(home.to_string())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// Writes a decided issue, by whichever way the caller came. The kernel makes the row.
pub(super) async fn apply(tx: &mut Writing<'_>, holder: &Principal, change: &Change) -> Result<()> {
    match (change.effect(), tx) {
        (Effect::Insert(credential, thumbprint), Writing::Tenant(tx)) => {
            tx.add_credential(holder, thumbprint.as_bytes(), credential.expires)
                .await
        }
        (Effect::Insert(credential, thumbprint), Writing::Provider(tx)) => {
            tx.add_credential(holder, thumbprint.as_bytes(), credential.expires)
                .await
        }
        (Effect::Renew(..) | Effect::Revoke(_) | Effect::None(_), _) => {
            Err(Error::internal("no decided issue"))
        }
    }
}

/// Writes a decided revocation.
pub(super) async fn apply_revocation(conn: &mut AnyConnection, change: &Change) -> Result<()> {
    let Effect::Revoke(credential) = change.effect() else {
        return Ok(());
    };
    sqlx::query(
        "UPDATE credentials SET revoked_time = $3 \
          WHERE home = $1 AND credential_id = $2 AND revoked_time IS NULL",
    )
    .bind(credential.home.to_string())
    .bind(credential.id.as_str())
    .bind(credential.revoked.map(nanos))
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes a decided renewal: the credential goes on under another certificate.
pub(in super::super) async fn apply_renewal(
    conn: &mut AnyConnection,
    change: &Change,
) -> Result<()> {
    let Effect::Renew(credential, thumbprint) = change.effect() else {
        return Err(Error::internal("no decided renewal"));
    };
    let done = sqlx::query(
        "UPDATE credentials SET thumbprint = $3, expires_time = $4 \
          WHERE home = $1 AND credential_id = $2 AND revoked_time IS NULL",
    )
    .bind(credential.home.to_string())
    .bind(credential.id.as_str())
    .bind(thumbprint.as_bytes().to_vec())
    .bind(nanos(credential.expires))
    .execute(conn)
    .await?;
    match done.rows_affected() {
        1 => Ok(()),
        _ => Err(Error::unauthenticated(
            "the credential was revoked while it was renewed",
        )),
    }
}

fn read(row: &AnyRow) -> Result<Credential> {
    let damaged = |what: &str| Error::internal(format!("a credential's row has a damaged {what}"));
    Ok(Credential {
        home: row
            .try_get::<String, _>("home")?
            .parse()
            .map_err(|_| damaged("home"))?,
        id: row
            .try_get::<String, _>("credential_id")?
            .parse()
            .map_err(|_| damaged("id"))?,
        subject: row.try_get("subject")?,
        role: row
            .try_get::<String, _>("role")?
            .parse()
            .map_err(|_| damaged("role"))?,
        issued: timestamp(row.try_get("issued_time")?),
        expires: timestamp(row.try_get("expires_time")?),
        revoked: row
            .try_get::<Option<i64>, _>("revoked_time")?
            .map(timestamp),
    })
}
