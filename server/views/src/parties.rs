//! Who takes part in a record whose party table tells it.

use smallvec::SmallVec;

use crate::attribute::Reject;
use crate::table::{Role, Roles};

/// No record has more parties than this: each costs a view.
const MOST_PARTIES: usize = 256;

/// Somebody whom a record concerns.
#[derive(Debug)]
struct Party<T> {
    /// As the directory writes it.
    id: String,
    role: Role,
    tenant: Option<T>,
}

/// The parties of a record, each id and role once.
#[derive(Debug)]
pub(crate) struct Parties<T>(Vec<Party<T>>);

impl<T: Ord> Parties<T> {
    /// Nobody.
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a party and whose it is.
    ///
    /// # Errors
    ///
    /// [`Reject`] with `TOO_MANY_PARTIES`.
    pub(crate) fn add(&mut self, id: String, role: Role, tenant: Option<T>) -> Result<(), Reject> {
        let known = |party: &Party<T>| party.id == id && party.role == role;
        if self.0.iter().any(known) {
            return Ok(());
        }
        if self.0.len() == MOST_PARTIES {
            return Err(Reject::new(
                Reject::TOO_MANY_PARTIES,
                format!("more than {MOST_PARTIES} parties"),
            ));
        }
        self.0.push(Party { id, role, tenant });
        Ok(())
    }

    /// The tenants among them, in order, each once.
    pub(crate) fn tenants(&self) -> SmallVec<[&T; 4]> {
        let mut tenants: SmallVec<[&T; 4]> = self
            .0
            .iter()
            .filter_map(|party| party.tenant.as_ref())
            .collect();
        tenants.sort_unstable();
        tenants.dedup();
        tenants
    }

    /// The ids of those that nobody is registered for, in order, each once.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let mut unknown: Vec<String> = self
            .0
            .iter()
            .filter(|party| party.tenant.is_none())
            .map(|party| party.id.clone())
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    /// The roles of a tenant.
    pub(crate) fn roles_of(&self, tenant: &T) -> Roles {
        let mut roles = Roles::NONE;
        for party in &self.0 {
            if party.tenant.as_ref() == Some(tenant) {
                roles.insert(party.role);
            }
        }
        roles
    }

    /// The ids of all who are not that tenant, registered or not.
    pub(crate) fn others_than<'p>(&'p self, tenant: &'p T) -> impl Iterator<Item = &'p str> {
        self.0
            .iter()
            .filter(move |party| party.tenant.as_ref() != Some(tenant))
            .map(|party| &*party.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_and_role_counts_once() {
        let mut parties = Parties::none();
        for (id, role, tenant) in [
            ("gcp:b", Role::Owner, Some(2)),
            ("gcp:a", Role::Caller, Some(1)),
            ("gcp:a", Role::Caller, Some(1)),
            ("gcp:a", Role::Owner, Some(1)),
            ("gcp:z", Role::Target, None),
            ("gcp:y", Role::Target, None),
            ("gcp:z", Role::Owner, None),
        ] {
            parties.add(id.to_owned(), role, tenant).unwrap();
        }
        assert_eq!(parties.tenants().as_slice(), [&1, &2]);
        assert_eq!(parties.unknown(), ["gcp:y", "gcp:z"]);
        let roles: Vec<Role> = parties.roles_of(&1).iter().collect();
        assert_eq!(roles, [Role::Caller, Role::Owner]);
        let others: Vec<&str> = parties.others_than(&1).collect();
        assert_eq!(others, ["gcp:b", "gcp:z", "gcp:y", "gcp:z"]);
    }

    #[test]
    fn there_are_no_more_than_a_record_can_honestly_have() {
        let mut parties = Parties::none();
        for at in 0..MOST_PARTIES {
            parties
                .add(format!("gcp:p{at}"), Role::Owner, Some(at))
                .unwrap();
        }
        // One that is known already does not count again.
        parties.add("gcp:p0".into(), Role::Owner, Some(0)).unwrap();
        let refused = parties
            .add("gcp:more".into(), Role::Owner, None)
            .unwrap_err();
        assert_eq!(refused.reason, Reject::TOO_MANY_PARTIES);
    }
}
