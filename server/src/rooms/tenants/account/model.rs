//! Which accounts belong to a tenant, and when. Pure.

use cordon_kernel::{AccountId, Error, Reason, Result, TenantId};

use super::super::validity::{Ending, Validity};

/// An account and the time for which it is the tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Account {
    pub(super) tenant: TenantId,
    pub(super) id: AccountId,
    pub(super) validity: Validity,
}

/// A decided change; only this module makes one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change(Effect);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// A row is added.
    Insert(Account),
    /// The rows that begin at these moments end, or go if they had not begun.
    End(Vec<(Account, Ending)>),
}

impl Change {
    pub(super) fn effect(&self) -> &Effect {
        &self.0
    }

    /// The account afterwards: the last one that was valid, where several times ended.
    pub(super) fn into_account(self) -> Result<Account> {
        match self.0 {
            Effect::Insert(account) => Ok(account),
            Effect::End(ended) => {
                let last = ended.into_iter().next_back();
                last.map(|(account, _)| account)
                    .ok_or_else(|| Error::internal("an account ended without times"))
            }
        }
    }
}

/// Decides on a registration; `held` is every registration of that account, by anyone.
pub(super) fn create(account: Account, held: &[Account]) -> Result<Change> {
    let in_the_way = held
        .iter()
        .find(|other| other.validity.overlaps(account.validity));
    match in_the_way {
        None => Ok(Change(Effect::Insert(account))),
        Some(other) if other.tenant == account.tenant => Err(Error::new(
            Reason::AlreadyExists,
            "the account is the tenant's already, for a time that overlaps this one",
        )),
        // Only operators get here, and they may read who holds what.
        Some(other) => Err(Error::new(
            Reason::AlreadyExists,
            format!(
                "the account is tenants/{}'s for a time that overlaps this one",
                other.tenant
            ),
        )),
    }
}

/// Decides on the end of all that is registered for the account and has not ended; `own` is every
/// registration of it by the tenant, oldest first.
pub(super) fn delete(own: Vec<Account>, now: i64) -> Result<Change> {
    if own.is_empty() {
        return Err(Error::new(Reason::NotFound, "no such account"));
    }
    let mut ended = Vec::new();
    let mut begun = None;
    for account in own {
        let (validity, ending) = account.validity.end(now);
        let account = Account {
            validity,
            ..account
        };
        match ending {
            Ending::Already => {}
            Ending::At(_) => begun = Some((account, ending)),
            Ending::Never => ended.push((account, ending)),
        }
    }
    // Last, so that it is the one that the answer shows.
    ended.extend(begun);
    if ended.is_empty() {
        return Err(Error::new(
            Reason::FailedPrecondition,
            "the account's registration has ended already",
        ));
    }
    Ok(Change(Effect::End(ended)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(tenant: &str, from: i64, to: Option<i64>) -> Account {
        Account {
            tenant: tenant.parse().unwrap(),
            id: "aws:1".parse().unwrap(),
            validity: Validity::new(Some(from), to).unwrap(),
        }
    }

    #[test]
    fn create_needs_the_account_to_be_free_at_that_time() {
        let held = [account("globex", 0, Some(10)), account("acme", 20, None)];
        assert!(create(account("acme", 10, Some(20)), &held).is_ok());
        let other = create(account("acme", 9, Some(20)), &held).unwrap_err();
        assert!(other.message().contains("tenants/globex"));
        let own = create(account("acme", 30, None), &held).unwrap_err();
        assert_eq!(
            (own.reason(), other.reason()),
            (Reason::AlreadyExists, Reason::AlreadyExists)
        );
    }

    #[test]
    fn delete_ends_what_is_open_and_drops_what_has_not_begun() {
        let own = vec![account("acme", 0, Some(5)), account("acme", 6, None)];
        let change = delete(own, 8).unwrap();
        assert_eq!(change.into_account().unwrap(), account("acme", 6, Some(8)));
        let own = vec![account("acme", 6, Some(9)), account("acme", 20, None)];
        let change = delete(own, 8).unwrap();
        let Effect::End(ended) = change.effect() else {
            panic!("not ended")
        };
        assert_eq!(ended.len(), 2);
        assert_eq!(change.into_account().unwrap(), account("acme", 6, Some(8)));
    }

    #[test]
    fn delete_needs_something_to_end() {
        assert_eq!(
            delete(Vec::new(), 8).unwrap_err().reason(),
            Reason::NotFound
        );
        let own = vec![account("acme", 0, Some(8))];
        assert_eq!(
            delete(own, 8).unwrap_err().reason(),
            Reason::FailedPrecondition
        );
    }
}
