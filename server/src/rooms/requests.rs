//! Calls that name themselves (AIP-155): for a day, the same call with the same `request_id` changes
//! nothing more and is answered as the first time. The answer is kept under the tenant's keys, in the
//! transaction of the effect.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Reason, Result};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::transport::Caller;

/// How long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Longest id, in characters.
const MAX_ID: usize = 128;
const TABLE: &str = "request_ids";

/// A call's name, and what it asks for.
#[derive(Debug, Clone)]
pub(crate) struct RequestId {
    /// Hash of the caller's credential and the name that it gave: what two callers call alike are
    /// two calls. Empty for a call that has no name.
    id: String,
    hash: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Stored {
    hash: String,
    answer: serde_json::Value,
}

impl RequestId {
    /// The name of a call of `method` with this request.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for an id that is too long or no text.
    pub(crate) fn new(
        caller: &Caller,
        method: &str,
        id: &str,
        request: &impl Message,
    ) -> Result<Self> {
        if id.chars().count() > MAX_ID || id.chars().any(char::is_control) {
            return Err(Error::invalid(
                "request_id",
                "expected at most 128 characters of text without control characters",
            ));
        }
        let mut name = blake3::Hasher::new();
        let credential = caller.credential().principal().credential().to_string();
        name.update(credential.as_bytes()).update(&[0]);
        name.update(id.as_bytes());
        let mut hash = blake3::Hasher::new();
        hash.update(method.as_bytes()).update(&[0]);
        hash.update(&request.encode_to_vec());
        Ok(Self {
            id: match id {
                "" => String::new(),
                _ => name.finalize().to_hex().to_string(),
            },
            hash: *hash.finalize().as_bytes(),
        })
    }

    /// The name and a hash of what it asks for, for calls whose effect is remembered elsewhere;
    /// `None` for a call that has no name.
    pub(crate) fn named(&self) -> Option<(&str, String)> {
        (!self.id.is_empty()).then(|| (self.id.as_str(), STANDARD.encode(self.hash)))
    }

    /// The refusal of a name that was used for another call.
    pub(crate) fn used() -> Error {
        Error::new(
            Reason::AlreadyExists,
            "the request id was used for another call",
        )
        .with_violation("request_id", "was used with other content")
    }

    /// The first answer to this call, if there was one.
    ///
    /// # Errors
    /// `ALREADY_EXISTS` when the id was used for something else.
    pub(crate) async fn answered<T: DeserializeOwned>(
        &self,
        tx: &mut TenantTx<'_>,
        cipher: &TenantCipher,
        now: Timestamp,
    ) -> Result<Option<T>> {
        if self.id.is_empty() {
            return Ok(None);
        }
        let tenant = tx.tenant();
        let sealed: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT sealed FROM request_ids \
              WHERE tenant_id = $1 AND request_id = $2 AND created_time > $3",
        )
        .bind(tenant.as_str())
        .bind(self.id.as_str())
        .bind(oldest(now))
        .fetch_optional(tx.conn())
        .await?;
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let plain = cipher.open(&object(TABLE, &self.id), 0, &sealed)?;
        let stored: Stored = serde_json::from_slice(&plain).map_err(Error::internal)?;
        if stored.hash != STANDARD.encode(self.hash) {
            return Err(Self::used());
        }
        serde_json::from_value(stored.answer)
            .map(Some)
            .map_err(Error::internal)
    }

    /// Keeps the first answer, and forgets what is too old.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub(crate) async fn keep(
        &self,
        tx: &mut TenantTx<'_>,
        cipher: &TenantCipher,
        answer: &impl Serialize,
        now: Timestamp,
    ) -> Result<()> {
        if self.id.is_empty() {
            return Ok(());
        }
        let stored = Stored {
            hash: STANDARD.encode(self.hash),
            answer: serde_json::to_value(answer).map_err(Error::internal)?,
        };
        let plain = serde_json::to_vec(&stored).map_err(Error::internal)?;
        let sealed = cipher.seal(&object(TABLE, &self.id), 0, &plain)?;
        let tenant = tx.tenant();
        sqlx::query("DELETE FROM request_ids WHERE tenant_id = $1 AND created_time <= $2")
            .bind(tenant.as_str())
            .bind(oldest(now))
            .execute(tx.conn())
            .await?;
        sqlx::query(
            "INSERT INTO request_ids (tenant_id, request_id, created_time, sealed) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(tenant.as_str())
        .bind(self.id.as_str())
        .bind(nanos(now))
        .bind(sealed)
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}

/// What was kept then, in nanoseconds since 1970, or before is forgotten.
pub(crate) fn oldest(now: Timestamp) -> i64 {
    now.checked_sub(KEPT).map_or(i64::MIN, nanos)
}
