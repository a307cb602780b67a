//! What may become of a legal hold. Pure.

use cordon_kernel::{Error, Reason, Result, TenantId};
use jiff::Timestamp;
use uuid::Uuid;

/// A hold as the register has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Hold {
    pub(super) tenant: TenantId,
    pub(super) id: Uuid,
    pub(super) reason: String,
    /// The case or order that it rests on; may be empty.
    pub(super) reference: String,
    pub(super) created: Timestamp,
    pub(super) released: Option<Timestamp>,
}

/// A hold to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct NewHold {
    pub(super) tenant: TenantId,
    pub(super) reason: String,
    pub(super) reference: String,
}

/// A decided change; only this module makes one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change(Hold);

impl Change {
    /// The hold afterwards.
    pub(super) fn hold(&self) -> &Hold {
        &self.0
    }

    pub(super) fn into_hold(self) -> Hold {
        self.0
    }
}

pub(super) fn create(new: NewHold, id: Uuid, now: Timestamp) -> Change {
    Change(Hold {
        tenant: new.tenant,
        id,
        reason: new.reason,
        reference: new.reference,
        created: now,
        released: None,
    })
}

/// Decides on the end of a hold.
pub(super) fn release(hold: Option<Hold>, now: Timestamp) -> Result<Change> {
    let hold = hold.ok_or_else(|| Error::new(Reason::NotFound, "no such legal hold"))?;
    if hold.released.is_some() {
        return Err(Error::new(
            Reason::FailedPrecondition,
            "the legal hold is released already",
        ));
    }
    Ok(Change(Hold {
        released: Some(now),
        ..hold
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_released_once() {
        let now = Timestamp::UNIX_EPOCH;
        let new = NewHold {
            tenant: "acme".parse().unwrap(),
            reason: "court order".into(),
            reference: "4 O 12/26".into(),
        };
        let hold = create(new, Uuid::nil(), now).into_hold();
        assert_eq!(hold.released, None);
        let released = release(Some(hold), now).unwrap().into_hold();
        assert_eq!(released.released, Some(now));
        let again = release(Some(released), now).unwrap_err();
        assert_eq!(again.reason(), Reason::FailedPrecondition);
        assert_eq!(release(None, now).unwrap_err().reason(), Reason::NotFound);
    }
}
