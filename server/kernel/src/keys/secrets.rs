//! The server's own secrets in the database, sealed under the server's key.

use jiff::Timestamp;
use sqlx::Row as _;
use zeroize::Zeroizing;

use super::service::KeyId;
use crate::db::{Db, nanos, timestamp};
use crate::error::{Error, Result};

/// A secret with what goes with it in the open.
pub(crate) struct ServerSecret {
    pub(crate) public: Vec<u8>,
    pub(crate) secret: Zeroizing<Vec<u8>>,
    pub(crate) created: Timestamp,
    pub(crate) retired: Option<Timestamp>,
    pub(crate) accepted_until: Option<Timestamp>,
}

fn object(purpose: &str, id: &str) -> String {
    format!("server-secret/{purpose}/{id}")
}

/// All secrets of a purpose, oldest first.
pub(crate) async fn load(db: &Db, purpose: &str) -> Result<Vec<ServerSecret>> {
    let rows = sqlx::query(
        "SELECT key_id, public, sealed, created_time, retired_time, accepted_until \
           FROM signing_keys WHERE purpose = $1 ORDER BY created_time, key_id",
    )
    .bind(purpose)
    .fetch_all(db.system())
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let keys = db.keyring().system(&KeyId::server()).await?;
    rows.iter()
        .map(|row| {
            let id: String = row.try_get(0)?;
            let sealed: Vec<u8> = row.try_get(2)?;
            Ok(ServerSecret {
                public: row.try_get(1)?,
                secret: keys.open(&object(purpose, &id), 0, &sealed)?,
                created: timestamp(row.try_get(3)?),
                retired: row.try_get::<Option<i64>, _>(4)?.map(timestamp),
                accepted_until: row.try_get::<Option<i64>, _>(5)?.map(timestamp),
            })
        })
        .collect()
}

/// Stores the secrets of a purpose, new ones and changes of known ones; none is ever removed.
pub(crate) async fn store(
    db: &Db,
    conn: &mut sqlx::AnyConnection,
    purpose: &str,
    secrets: &[ServerSecret],
) -> Result<()> {
    let keys = db.keyring().system(&KeyId::server()).await?;
    for secret in secrets {
        // The same secret always has the same id, and the id says nothing about it.
        let id = keys.keyed_hash(purpose.as_bytes(), &secret.secret);
        let id = hex::encode(
            id.get(..16)
                .ok_or_else(|| Error::internal("a hash of 32 bytes"))?,
        );
        let sealed = keys.seal(db.env(), &object(purpose, &id), 0, &secret.secret)?;
        sqlx::query(
            "INSERT INTO signing_keys (key_id, purpose, public, sealed, created_time, retired_time, accepted_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (key_id) DO UPDATE SET \
                retired_time = excluded.retired_time, accepted_until = excluded.accepted_until",
        )
        .bind(id)
        .bind(purpose)
        .bind(secret.public.as_slice())
        .bind(sealed)
        .bind(nanos(secret.created))
        .bind(secret.retired.map(nanos))
        .bind(secret.accepted_until.map(nanos))
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
