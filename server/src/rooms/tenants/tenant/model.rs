//! What may become of a tenant. Pure.

use cordon_kernel::db::registers::SetStatus;
use cordon_kernel::{Action, Error, Reason, Result, TenantId};
use jiff::{SignedDuration, Timestamp};

/// Where a tenant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum State {
    Active,
    Suspended,
    /// Suspended, until its purge time.
    PendingDeletion,
    Deleted,
}

impl State {
    /// From what the table keeps: a status, and when a deletion's waiting period ends.
    pub(super) fn from_stored(status: &str, purge: Option<Timestamp>) -> Option<Self> {
        match (status, purge) {
            ("active", _) => Some(Self::Active),
            ("suspended", None) => Some(Self::Suspended),
            ("suspended", Some(_)) => Some(Self::PendingDeletion),
            ("deleted", _) => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// A tenant as the register has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Tenant {
    pub(super) id: TenantId,
    pub(super) display_name: String,
    pub(super) state: State,
    pub(super) parent: Option<TenantId>,
    pub(super) home_region: String,
    /// Who pays for it; `None`: it pays itself.
    pub(super) billing_organisation: Option<String>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// When its keys are or were to be destroyed.
    pub(super) purge: Option<Timestamp>,
    pub(super) etag: String,
}

impl Tenant {
    /// Refuses what can't be done for a tenant that is no more.
    pub(in super::super) fn exists(&self) -> Result<()> {
        if self.state == State::Deleted {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the tenant is deleted",
            ));
        }
        Ok(())
    }
}

/// A tenant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct NewTenant {
    pub(super) id: TenantId,
    pub(super) display_name: String,
    pub(super) parent: Option<TenantId>,
    pub(super) home_region: String,
    pub(super) billing_organisation: Option<String>,
    /// Empty, or what makes a repetition of the call recognisable.
    pub(super) request_id: String,
}

/// What creation needs to know.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// The tenant that has the id.
    pub(super) holder: Option<Tenant>,
    /// The parent that the new tenant names.
    pub(super) parent: Option<Tenant>,
    /// The tenant that was created not long ago under the same request id.
    pub(super) repeated: Option<Tenant>,
}

/// Something to be done with a tenant that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Command {
    Suspend {
        reason: String,
        etag: String,
    },
    Resume {
        etag: String,
    },
    Delete {
        /// How long it can be called off.
        wait: SignedDuration,
        reason: String,
        etag: String,
    },
    Undelete {
        etag: String,
    },
    Bill {
        organisation: Option<String>,
        etag: String,
    },
}

impl Command {
    /// What has to be permitted.
    pub(super) fn action(&self) -> Action {
        match self {
            Self::Suspend { .. } => Action::SuspendTenant,
            Self::Resume { .. } => Action::ResumeTenant,
            Self::Delete { .. } => Action::DeleteTenant,
            Self::Undelete { .. } => Action::UndeleteTenant,
            Self::Bill { .. } => Action::UpdateTenant,
        }
    }

    fn etag(&self) -> &str {
        let (Self::Suspend { etag, .. }
        | Self::Resume { etag }
        | Self::Delete { etag, .. }
        | Self::Undelete { etag }
        | Self::Bill { etag, .. }) = self;
        etag
    }

    /// Why, for the tenant's log; may be empty.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Suspend { reason, .. } | Self::Delete { reason, .. } => reason,
            Self::Resume { .. } | Self::Undelete { .. } | Self::Bill { .. } => "",
        }
    }
}

/// What keeps a tenant from being deleted.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Kept {
    /// Sub-accounts that are not deleted.
    pub(super) children: i64,
    /// Legal holds that were not released.
    pub(super) holds: i64,
}

/// A decided change; only this module makes one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change(Effect);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The call was a repetition: nothing changes.
    None(Tenant),
    /// A tenant is made.
    Create(NewTenant),
    /// It is let in, or not.
    Set(SetStatus),
    /// It is deleted after that time.
    Delete(SignedDuration),
    /// It is not deleted.
    Undelete,
    /// Another pays for it, or it pays itself.
    Bill(Option<String>),
}

impl Change {
    pub(super) fn effect(&self) -> &Effect {
        &self.0
    }
}

/// Decides on a new tenant.
pub(super) fn create(before: Before, new: NewTenant) -> Result<Change> {
    if let Some(made) = before.repeated {
        // Who pays may have changed since; what a tenant is made of never does, so the tenant itself
        // says what was asked for.
        if made.id == new.id
            && made.display_name == new.display_name
            && made.parent == new.parent
            && made.home_region == new.home_region
        {
            return Ok(Change(Effect::None(made)));
        }
        return Err(Error::new(
            Reason::AlreadyExists,
            "the request id was used to create a tenant with other content",
        )
        .with_violation("request_id", "was used with other content"));
    }
    if before.holder.is_some() {
        return Err(Error::new(
            Reason::AlreadyExists,
            "the tenant id is taken or was used before",
        ));
    }
    if new.parent.is_some() {
        let wrong = match &before.parent {
            None => Some("no such tenant"),
            Some(parent) if parent.state == State::Deleted => Some("the tenant is deleted"),
            Some(parent) if parent.state != State::Active => Some("the tenant is suspended"),
            Some(parent) if parent.parent.is_some() => Some("is a sub-account itself"),
            Some(_) => None,
        };
        if let Some(wrong) = wrong {
            return Err(Error::invalid("tenant.parent", wrong));
        }
    }
    Ok(Change(Effect::Create(new)))
}

/// Decides on a change of a tenant.
pub(super) fn decide(tenant: &Tenant, kept: Kept, command: &Command) -> Result<Change> {
    let etag = command.etag();
    if !etag.is_empty() && *etag != tenant.etag {
        return Err(Error::new(
            Reason::EtagMismatch,
            "the tenant changed since the etag was read: read it again",
        ));
    }
    let no = |text| Err(Error::new(Reason::FailedPrecondition, text));
    let effect = match (command, tenant.state) {
        (_, State::Deleted) => return no("the tenant is deleted"),
        (Command::Suspend { .. }, State::Active) => Effect::Set(SetStatus::Suspended),
        (Command::Suspend { .. }, _) => return no("the tenant is suspended already"),
        (Command::Resume { .. }, State::Suspended) => Effect::Set(SetStatus::Active),
        (Command::Resume { .. }, State::Active) => return no("the tenant is not suspended"),
        (Command::Resume { .. }, State::PendingDeletion) => {
            return no("the tenant is being deleted: undelete it first");
        }
        (Command::Delete { .. }, State::Active) => {
            return no("suspend the tenant before deleting it");
        }
        (Command::Delete { .. }, State::PendingDeletion) => {
            return no("the tenant is being deleted already");
        }
        (Command::Delete { .. }, State::Suspended) if kept.children > 0 => {
            return no("the tenant has sub-accounts: delete those first");
        }
        (Command::Delete { .. }, State::Suspended) if kept.holds > 0 => {
            return no("the tenant is under a legal hold: release it first");
        }
        (Command::Delete { wait, .. }, State::Suspended) => Effect::Delete(*wait),
        (Command::Bill { organisation, .. }, _) => Effect::Bill(organisation.clone()),
        (Command::Undelete { .. }, State::PendingDeletion) => Effect::Undelete,
        (Command::Undelete { .. }, _) => return no("no deletion of the tenant waits"),
    };
    Ok(Change(effect))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn new(id: &str, request_id: &str) -> NewTenant {
        NewTenant {
            id: id.parse().unwrap(),
            display_name: "Acme".into(),
            parent: None,
            home_region: "local".into(),
            billing_organisation: None,
            request_id: request_id.into(),
        }
    }

    fn acme(state: State) -> Tenant {
        Tenant {
            id: "acme".parse().unwrap(),
            display_name: "Acme".into(),
            state,
            parent: None,
            home_region: "local".into(),
            billing_organisation: None,
            created: NOW,
            updated: NOW,
            purge: None,
            etag: "e1".into(),
        }
    }

    #[test]
    fn create_twice_is_refused() {
        let before = Before {
            holder: Some(acme(State::Deleted)),
            ..Before::default()
        };
        assert_eq!(
            create(before, new("acme", "")).unwrap_err().reason(),
            Reason::AlreadyExists
        );
    }

    #[test]
    fn create_repeated_changes_nothing_and_other_content_is_refused() {
        let before = || Before {
            holder: Some(acme(State::Active)),
            repeated: Some(acme(State::Active)),
            parent: None,
        };
        let again = create(before(), new("acme", "r1")).unwrap();
        assert_eq!(again.effect(), &Effect::None(acme(State::Active)));
        for other in [
            new("globex", "r1"),
            NewTenant {
                home_region: "eu".into(),
                ..new("acme", "r1")
            },
        ] {
            assert_eq!(
                create(before(), other).unwrap_err().reason(),
                Reason::AlreadyExists
            );
        }
    }

    #[test]
    fn create_below_needs_an_active_parent_without_one_of_its_own() {
        let below = NewTenant {
            parent: Some("acme".parse().unwrap()),
            ..new("acme-lab", "")
        };
        let with = |parent| {
            create(
                Before {
                    parent,
                    ..Before::default()
                },
                below.clone(),
            )
        };
        assert_eq!(
            with(None).unwrap_err().violations()[0].field,
            "tenant.parent"
        );
        assert!(with(Some(acme(State::Deleted))).is_err());
        assert!(with(Some(acme(State::Suspended))).is_err());
        let nested = Tenant {
            parent: Some("globex".parse().unwrap()),
            ..acme(State::Active)
        };
        assert!(with(Some(nested)).is_err());
        assert!(with(Some(acme(State::Active))).is_ok());
    }

    const WAIT: SignedDuration = SignedDuration::from_hours(240);

    fn delete() -> Command {
        Command::Delete {
            wait: WAIT,
            reason: "contract ended".into(),
            etag: String::new(),
        }
    }

    #[test]
    fn every_state_goes_where_it_may() {
        let suspend = Command::Suspend {
            reason: "unpaid".into(),
            etag: String::new(),
        };
        let undelete = Command::Undelete {
            etag: String::new(),
        };
        let resume = Command::Resume { etag: "e1".into() };
        let delete = delete();
        let states = [
            State::Active,
            State::Suspended,
            State::PendingDeletion,
            State::Deleted,
        ];
        let may = |command: &Command| -> Vec<(State, Effect)> {
            let decided = |state| decide(&acme(state), Kept::default(), command);
            states
                .into_iter()
                .filter_map(|state| Some((state, decided(state).ok()?.0)))
                .collect()
        };
        let suspended = Effect::Set(SetStatus::Suspended);
        assert_eq!(may(&suspend), [(State::Active, suspended)]);
        let active = Effect::Set(SetStatus::Active);
        assert_eq!(may(&resume), [(State::Suspended, active)]);
        let deleted = Effect::Delete(WAIT);
        assert_eq!(may(&delete), [(State::Suspended, deleted)]);
        assert_eq!(may(&undelete), [(State::PendingDeletion, Effect::Undelete)]);
    }

    #[test]
    fn delete_waits_for_what_keeps_the_tenant() {
        for kept in [
            Kept {
                children: 1,
                holds: 0,
            },
            Kept {
                children: 0,
                holds: 1,
            },
        ] {
            let error = decide(&acme(State::Suspended), kept, &delete()).unwrap_err();
            assert_eq!(error.reason(), Reason::FailedPrecondition, "{kept:?}");
        }
    }

    #[test]
    fn an_old_etag_is_refused() {
        let stale = Command::Suspend {
            reason: String::new(),
            etag: "e0".into(),
        };
        let error = decide(&acme(State::Active), Kept::default(), &stale).unwrap_err();
        assert_eq!(error.reason(), Reason::EtagMismatch);
    }
}
