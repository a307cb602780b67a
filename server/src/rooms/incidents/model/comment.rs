//! What was said, and what it said before.

use cordon_kernel::{Error, Reason, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Actor, Happened, Origin, What};

/// Most earlier texts of a comment.
const MAX_REVISIONS: usize = 20;

/// Something that was said to both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Comment {
    #[serde(with = "super::uuid_text")]
    pub(in super::super) id: Uuid,
    #[serde(with = "super::uuid_text")]
    pub(in super::super) incident: Uuid,
    pub(in super::super) author: Actor,
    /// By which credential: a name may be several people's.
    pub(in super::super) credential: String,
    pub(in super::super) text: String,
    pub(in super::super) created: Timestamp,
    /// When the present text was written.
    pub(in super::super) updated: Timestamp,
    /// What it said before, oldest first.
    pub(in super::super) revisions: Vec<Revision>,
    /// Whether the provider says the same to others: nobody changes it.
    #[serde(default)]
    pub(in super::super) common: bool,
    /// Of one that was brought in from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) origin: Option<Origin>,
}

/// An earlier text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Revision {
    pub(in super::super) text: String,
    pub(in super::super) created: Timestamp,
}

/// A decided change; only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct CommentChange {
    comment: Comment,
    happened: Option<Happened>,
}

impl CommentChange {
    /// The comment afterwards.
    pub(in super::super) fn comment(&self) -> &Comment {
        &self.comment
    }

    /// What goes into the timeline; nothing when nothing changed.
    pub(in super::super) fn happened(&self) -> Option<&Happened> {
        self.happened.as_ref()
    }
}

/// Says something. Closed incidents can be spoken about.
pub(in super::super) fn create_comment(
    incident: Uuid,
    text: String,
    by: &Actor,
    credential: String,
    id: Uuid,
    now: Timestamp,
) -> CommentChange {
    CommentChange {
        happened: Some(Happened {
            actor: by.clone(),
            reason: String::new(),
            what: What::Commented { comment: id },
        }),
        comment: Comment {
            id,
            incident,
            author: by.clone(),
            credential,
            text,
            created: now,
            updated: now,
            revisions: Vec::new(),
            common: false,
            origin: None,
        },
    }
}

/// A common notice of the provider's: said as a comment, and then left as it is.
pub(in super::super) fn create_notice(
    incident: Uuid,
    text: String,
    by: &Actor,
    credential: String,
    id: Uuid,
    now: Timestamp,
) -> CommentChange {
    let mut change = create_comment(incident, text, by, credential, id, now);
    change.comment.common = true;
    change
}

/// Changes one's own comment.
///
/// # Errors
/// `PERMISSION_DENIED` for anyone else's; `FAILED_PRECONDITION` when it was changed too often.
pub(in super::super) fn update_comment(
    before: Comment,
    text: String,
    by: &Actor,
    credential: &str,
    now: Timestamp,
) -> Result<CommentChange> {
    if before.credential != credential {
        return Err(Error::permission_denied());
    }
    if before.common {
        return Err(Error::new(
            Reason::FailedPrecondition,
            "a common notice stays as it is: post another one",
        ));
    }
    if before.text == text {
        return Ok(CommentChange {
            comment: before,
            happened: None,
        });
    }
    if before.revisions.len() >= MAX_REVISIONS {
        return Err(Error::new(
            Reason::FailedPrecondition,
            "the comment was changed too often: write another one",
        ));
    }
    let mut comment = before;
    comment.revisions.push(Revision {
        text: std::mem::replace(&mut comment.text, text),
        created: comment.updated,
    });
    comment.updated = now;
    Ok(CommentChange {
        happened: Some(Happened {
            actor: by.clone(),
            reason: String::new(),
            what: What::CommentUpdated {
                comment: comment.id,
            },
        }),
        comment,
    })
}
