//! What an attachment is, and what becomes of one. Pure.

use cordon_kernel::{Error, Reason, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::model::{Actor, Happened, What, uuid_text};
use crate::config::Attachments;

/// Most files that a tenant has announced and not finished.
const MAX_UNFINISHED: i64 = 64;

/// How far a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Uploading,
    Attached,
}

impl State {
    /// As it stands in the tables.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Attached => "attached",
        }
    }

    pub(super) fn from_stored(text: &str) -> Option<Self> {
        [Self::Uploading, Self::Attached]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A file of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attachment {
    #[serde(with = "uuid_text")]
    pub(super) id: Uuid,
    #[serde(with = "uuid_text")]
    pub(super) incident: Uuid,
    pub(super) state: State,
    /// As announced.
    pub(super) size: i64,
    /// So many bytes are stored.
    pub(super) committed: i64,
    pub(super) created: Timestamp,
    /// When a part was last stored, or it was finished.
    pub(super) updated: Timestamp,
    pub(super) facts: Facts,
}

/// What is sealed of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) file_name: String,
    pub(super) media_type: String,
    /// In hexadecimal, lower case.
    pub(super) sha256: String,
    pub(super) actor: Actor,
    /// By which credential: nobody else sees a file before it is finished, or adds to it.
    pub(super) credential: String,
}

/// What is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) file_name: String,
    pub(super) media_type: String,
    pub(super) size: i64,
    pub(super) sha256: String,
}

/// What there is already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// Bytes of all files of the incident.
    pub(super) incident: i64,
    /// Bytes of all files of the tenant.
    pub(super) tenant: i64,
    /// Announced bytes of all files of the tenant that are not finished, and their number.
    pub(super) unfinished: i64,
    pub(super) files: i64,
}

/// Whether there is room for a file.
///
/// # Errors
/// `TOO_LARGE` for a file that is never taken, `QUOTA_EXCEEDED` for one that finds no room.
pub(super) fn admit(size: i64, usage: Usage, limits: &Attachments) -> Result<()> {
    let within = |used: i64, most: u64| {
        let sum = used.saturating_add(size);
        u64::try_from(sum).is_ok_and(|sum| sum <= most)
    };
    if !within(0, limits.max_bytes) {
        let most = limits.max_bytes;
        return Err(Error::new(
            Reason::TooLarge,
            format!("an attachment has at most {most} bytes here"),
        )
        .with_metadata("max_bytes", most.to_string()));
    }
    if !within(usage.incident, limits.max_incident_bytes) {
        return Err(full(
            "the attachments of this incident",
            limits.max_incident_bytes,
        ));
    }
    if !within(usage.tenant, limits.max_tenant_bytes) {
        return Err(full("all attachments", limits.max_tenant_bytes));
    }
    if usage.files >= MAX_UNFINISHED || !within(usage.unfinished, limits.max_unfinished_bytes) {
        let what = "all files that are not finished, of which there may be 64,";
        return Err(full(what, limits.max_unfinished_bytes));
    }
    Ok(())
}

fn full(what: &str, most: u64) -> Error {
    Error::new(
        Reason::QuotaExceeded,
        format!("{what} may have {most} bytes together: there is no room for this one"),
    )
    .with_metadata("max_bytes", most.to_string())
}

/// Whether `credential` may go on sending from `offset`.
///
/// # Errors
/// `NOT_FOUND` for anyone else's file, `FAILED_PRECONDITION` when it is finished, or elsewhere.
pub(super) fn resume(attachment: &Attachment, credential: &str, offset: i64) -> Result<()> {
    sent_by(attachment, credential)?;
    if attachment.state == State::Attached {
        return Err(Error::new(
            Reason::FailedPrecondition,
            "the attachment is finished: attach another one",
        ));
    }
    if attachment.committed != offset {
        let at = attachment.committed;
        return Err(Error::new(
            Reason::FailedPrecondition,
            format!("the file has come to byte {at}: go on there"),
        )
        .with_metadata("committed_bytes", at.to_string()));
    }
    Ok(())
}

/// Who has announced a file alone knows of it until it is finished.
///
/// # Errors
/// `NOT_FOUND` for all others.
pub(super) fn sent_by(attachment: &Attachment, credential: &str) -> Result<()> {
    match attachment.facts.credential == credential {
        true => Ok(()),
        false => Err(no_such()),
    }
}

/// Whether `credential` may see it.
///
/// # Errors
/// `NOT_FOUND` while it is someone else's and not finished.
pub(super) fn visible(attachment: &Attachment, credential: &str) -> Result<()> {
    match attachment.state {
        State::Attached => Ok(()),
        State::Uploading => sent_by(attachment, credential),
    }
}

/// What the timeline says of it.
pub(super) fn attached(attachment: &Attachment) -> Happened {
    let facts = &attachment.facts;
    Happened {
        actor: facts.actor.clone(),
        reason: String::new(),
        what: What::Attached {
            attachment: attachment.id,
            file_name: facts.file_name.clone(),
            size: attachment.size,
            sha256: facts.sha256.clone(),
        },
    }
}

pub(super) fn no_such() -> Error {
    Error::new(Reason::NotFound, "no such attachment")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_counted_with_what_is_on_its_way() {
        let limits = Attachments {
            max_bytes: 10,
            max_incident_bytes: 25,
            max_tenant_bytes: 100,
            max_unfinished_bytes: 20,
        };
        let usage = |incident, unfinished, files| Usage {
            incident,
            tenant: incident,
            unfinished,
            files,
        };
        let reason = |size, usage| admit(size, usage, &limits).map_err(|e| e.reason());
        assert_eq!(reason(10, usage(15, 10, 63)), Ok(()));
        assert_eq!(reason(0, usage(0, 0, 0)), Ok(()));
        assert_eq!(reason(11, usage(0, 0, 0)), Err(Reason::TooLarge));
        assert_eq!(reason(-1, usage(0, 0, 0)), Err(Reason::TooLarge));
        assert_eq!(reason(10, usage(16, 0, 0)), Err(Reason::QuotaExceeded));
        assert_eq!(reason(10, usage(0, 11, 0)), Err(Reason::QuotaExceeded));
        assert_eq!(reason(1, usage(0, 0, 64)), Err(Reason::QuotaExceeded));
        let others = |tenant| Usage {
            tenant,
            ..usage(0, 0, 0)
        };
        assert_eq!(reason(10, others(90)), Ok(()));
        assert_eq!(reason(10, others(91)), Err(Reason::QuotaExceeded));
        let most = usage(i64::MAX, i64::MAX, 0);
        assert_eq!(reason(10, most), Err(Reason::QuotaExceeded));
    }
}
