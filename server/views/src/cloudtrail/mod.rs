//! CloudTrail records: one borrowed pass decides columns, parties and whether the record
//! is one customer's alone; only what is shared is taken apart and rebuilt.
//!
//! Rules that the party table can't say:
//! - An account id is a party whatever its form; placeholders (`ANONYMOUS_PRINCIPAL`, empty,
//!   masked with asterisks) name nobody. A number is an account that lost its zeros.
//! - If the caller's account is not named, its address is the only thing that names it. So
//!   a record with an address inside the provider's ranges that is not the recipient's is
//!   shared, though it has one party.
//! - A record belongs to the account that it was delivered to; where none is named, to the
//!   caller's. That decides which of the records with one `sharedEventID` a tenant keeps.
//! - A key that is read here and stands twice in its object rejects the record. Elsewhere
//!   the last one wins, in views and rendering alike.

pub(crate) mod classes;
mod columns;
mod parse;
mod parties;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::attribute::{Reject, checked_text, content_hash};
use crate::directory::{Directory, Names};
use crate::identity;
use crate::row::{Attributed, EventRow, SourceType, Withheld};
use crate::table::{PartyTable, Role, Roles};
use crate::view::{Viewer, redact};

pub use classes::{ACCOUNT_CHANGE, API_ACTIVITY, AUTHENTICATION, class_of, table as class_table};
pub use columns::{LONGEST_COLUMN, MOST_RESOURCES};
pub use parties::{MOST_IDENTITIES, MOST_PARTIES};

use columns::Fixed;
use parse::Record;
use parties::{Parties, Party};

/// The key that a record or view says it was done with; empty if it can't be read.
pub(crate) fn credential_uid(text: &str) -> String {
    let record = columns::parse(text);
    record.map_or_else(|_| String::new(), |record| columns::credential_uid(&record))
}

/// Attributes one CloudTrail record; see [`crate::attribute()`].
///
/// # Errors
///
/// [`Reject`] if the record can't be read.
pub fn attribute<D, N>(
    record: &[u8],
    observed_ns: i64,
    directory: &D,
    names: &N,
) -> Result<Attributed<D::Tenant>, Reject>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let text = checked_text(record)?;
    let parsed = columns::parse(text)?;
    let table = PartyTable::of(SourceType::AwsCloudTrail)?;
    let parties = parties::parties(&parsed)?;
    let time = columns::time_of(&parsed);
    let one = One {
        text,
        record: &parsed,
        parties: &parties,
        table,
        fixed: Fixed {
            time_ns: time.unwrap_or(observed_ns),
            time_invalid: time.is_none(),
            observed_ns,
            content: content_hash(text),
            normalizer: table.version,
        },
        directory,
        names,
    };
    one.attribute()
}

/// One record on its way.
struct One<'a, 'r, 'p, D, N> {
    text: &'a str,
    record: &'a Record<'r>,
    parties: &'a Parties<'p>,
    table: &'static PartyTable,
    fixed: Fixed,
    directory: &'a D,
    names: &'a N,
}

impl<D, N> One<'_, '_, '_, D, N>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    fn attribute(&self) -> Result<Attributed<D::Tenant>, Reject> {
        if let [party] = self.parties.0.as_slice() {
            return self.attribute_to_one(party);
        }
        let mut unknown_parties = Vec::new();
        let mut tenants: BTreeMap<D::Tenant, Roles> = BTreeMap::new();
        for party in &self.parties.0 {
            let id = identity::directory_account(&party.id);
            match self.directory.account(&id, self.fixed.time_ns) {
                Some(tenant) => tenants.entry(tenant).or_default().add(party.roles),
                None => unknown_parties.push(id.into_owned()),
            }
        }
        unknown_parties.sort_unstable();
        unknown_parties.dedup();
        let mut original: Option<Value> = None;
        let mut views = Vec::with_capacity(tenants.len());
        let one_tenant = tenants.len() == 1 && unknown_parties.is_empty();
        for (tenant, roles) in tenants {
            let viewer = Viewer::new(&tenant, self.directory, self.names, self.fixed.time_ns);
            let row = if one_tenant && !self.stranger_calls(&viewer) {
                self.own(&tenant)
            } else {
                let original = match &mut original {
                    Some(value) => value,
                    empty => empty.insert(self.tree()?),
                };
                self.view(original.clone(), &tenant, roles, &viewer)?
            };
            views.push((tenant, row));
        }
        Ok(Attributed {
            content: self.fixed.content,
            views,
            unknown_parties,
        })
    }

    /// Nearly every record names one account and no other.
    fn attribute_to_one(&self, party: &Party<'_>) -> Result<Attributed<D::Tenant>, Reject> {
        let id = identity::directory_account(&party.id);
        let Some(tenant) = self.directory.account(&id, self.fixed.time_ns) else {
            return Ok(Attributed {
                content: self.fixed.content,
                views: Vec::new(),
                unknown_parties: vec![id.into_owned()],
            });
        };
        let viewer = Viewer::new(&tenant, self.directory, self.names, self.fixed.time_ns);
        let row = if self.stranger_calls(&viewer) {
            self.view(self.tree()?, &tenant, party.roles, &viewer)?
        } else {
            self.own(&tenant)
        };
        Ok(Attributed {
            content: self.fixed.content,
            views: vec![(tenant, row)],
            unknown_parties: Vec::new(),
        })
    }

    /// Whether somebody without an account called from an address that the viewer must
    /// not see.
    fn stranger_calls(&self, viewer: &Viewer<'_, D, N>) -> bool {
        self.parties.in_role(Role::Caller).is_none()
            && columns::source_address(self.record).is_some_and(|ip| viewer.hides_address(ip))
    }

    fn tree(&self) -> Result<Value, Reject> {
        serde_json::from_str(self.text)
            .map_err(|error| Reject::new(Reject::MALFORMED, error.to_string()))
    }

    /// The row of an event that is wholly the tenant's: the bytes as they came.
    fn own(&self, tenant: &D::Tenant) -> EventRow {
        columns::row(
            self.record,
            &self.fixed,
            self.name(tenant),
            self.text.to_owned(),
            false,
            true,
        )
    }

    /// The row of an event that concerns others too.
    fn view(
        &self,
        mut value: Value,
        tenant: &D::Tenant,
        roles: Roles,
        viewer: &Viewer<'_, D, N>,
    ) -> Result<EventRow, Reject> {
        let known = parties::known(self.record, self.parties, viewer)?;
        let operation = self.record.event_name.as_str();
        let withheld: Vec<Withheld> =
            redact(&mut value, self.table, operation, roles, viewer, &known);
        let raw = if withheld.is_empty() {
            self.text.to_owned()
        } else {
            value.to_string()
        };
        // The columns are the view's, read by the same code as an original's.
        let mut row = columns::row(
            &columns::parse(&raw)?,
            &self.fixed,
            self.name(tenant),
            String::new(),
            true,
            self.addressed(viewer),
        );
        row.raw = raw;
        row.withheld = withheld;
        Ok(row)
    }

    /// Whether the record was delivered to an account of the viewer's.
    fn addressed(&self, viewer: &Viewer<'_, D, N>) -> bool {
        self.parties
            .in_role(Role::Recipient)
            .or_else(|| self.parties.in_role(Role::Caller))
            .is_some_and(|party| viewer.owns_account(&party.id))
    }

    fn name(&self, tenant: &D::Tenant) -> [u8; 16] {
        let hash;
        let event_id = match self.record.event_id.get() {
            Some(id) => id,
            None => {
                hash = columns::hex(&self.fixed.content);
                &hash
            }
        };
        self.names.event_name(
            tenant,
            &[
                SourceType::AwsCloudTrail.as_str().as_bytes(),
                event_id.as_bytes(),
                &self.fixed.content,
            ],
        )
    }
}
