//! What is registered as a tenant's, and when. Pure.
//!
//! A thing is one tenant's at one time: the same identifier may be another tenant's before or
//! after, and so may an address within a network.

use std::collections::{BTreeSet, HashMap};

use cordon_kernel::{Error, Reason, Result, TenantId};
use ipnet::IpNet;
use uuid::Uuid;

use super::super::fields::Fields;
use super::super::validity::{Ending, Validity};
use super::identifier::{Identifier, Kind};

/// A thing of a tenant and the time for which it is the tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Resource {
    pub(super) tenant: TenantId,
    pub(super) id: Uuid,
    pub(super) identifier: Identifier,
    pub(super) validity: Validity,
}

/// A thing to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Wanted {
    pub(super) identifier: Identifier,
    pub(super) validity: Validity,
}

/// A decided change; only this module makes one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change(Effect);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Rows are added; `unchanged` were there.
    Insert {
        tenant: TenantId,
        new: Vec<Wanted>,
        unchanged: usize,
    },
    /// A row ends, or goes if it had not begun.
    End(Resource, Ending),
}

impl Change {
    pub(super) fn effect(&self) -> &Effect {
        &self.0
    }
}

/// A registration that stands in the way.
struct InTheWay<'a> {
    tenant: &'a TenantId,
    validity: Validity,
}

/// Decides on an import, all or nothing. `known` is every registration, by anyone, of the same
/// identifiers, and of every address that may contain or be contained in one of the wanted.
pub(super) fn import(tenant: &TenantId, wanted: &[Wanted], known: &[Resource]) -> Result<Change> {
    let mut same: HashMap<&Identifier, Vec<InTheWay<'_>>> = HashMap::new();
    for row in known {
        let entry = InTheWay {
            tenant: &row.tenant,
            validity: row.validity,
        };
        same.entry(&row.identifier).or_default().push(entry);
    }
    let nested = Nested::new(tenant, wanted, known);
    let mut new: HashMap<&Identifier, Vec<Validity>> = HashMap::new();
    let mut fields = Fields::default();
    let mut unchanged = 0;
    let mut chosen = Vec::new();
    for (n, wish) in wanted.iter().enumerate() {
        let rows = same.get(&wish.identifier).map_or(&[][..], Vec::as_slice);
        let mine = new.entry(&wish.identifier).or_default();
        if rows
            .iter()
            .any(|row| row.tenant == tenant && row.validity == wish.validity)
            || mine.contains(&wish.validity)
        {
            unchanged += 1;
            continue;
        }
        let other = rows
            .iter()
            .find(|row| row.validity.overlaps(wish.validity))
            .map(|row| (row.tenant, "is"))
            .or_else(|| {
                nested
                    .in_the_way(n, wish)
                    .map(|tenant| (tenant, "overlaps what is"))
            })
            .or_else(|| {
                mine.iter()
                    .any(|v| v.overlaps(wish.validity))
                    .then_some((tenant, "is"))
            });
        if let Some((holder, how)) = other {
            // Only operators get here, and they may read who holds what.
            let text = format!("{how} registered for tenants/{holder} at an overlapping time");
            fields.wrong(format!("resources[{n}].identifier"), text);
            continue;
        }
        mine.push(wish.validity);
        chosen.push(wish.clone());
    }
    fields.finish()?;
    Ok(Change(Effect::Insert {
        tenant: tenant.clone(),
        new: chosen,
        unchanged,
    }))
}

/// Networks of other tenants around or within the wanted ones.
struct Nested<'a> {
    tenant: &'a TenantId,
    others: HashMap<IpNet, Vec<InTheWay<'a>>>,
    lengths: BTreeSet<u8>,
    /// By the wanted network's number: what lies within it.
    within: HashMap<usize, Vec<InTheWay<'a>>>,
}

impl<'a> Nested<'a> {
    fn new(tenant: &'a TenantId, wanted: &[Wanted], known: &'a [Resource]) -> Self {
        let mut nested = Self {
            tenant,
            others: HashMap::new(),
            lengths: BTreeSet::new(),
            within: HashMap::new(),
        };
        let mut nets: HashMap<IpNet, Vec<usize>> = HashMap::new();
        for (n, wish) in wanted.iter().enumerate() {
            if let Some(net) = wish.identifier.network() {
                nets.entry(net).or_default().push(n);
            }
        }
        let lengths: BTreeSet<u8> = nets.keys().map(IpNet::prefix_len).collect();
        for row in known.iter().filter(|row| row.tenant != *tenant) {
            let Some(net) = row.identifier.network() else {
                continue;
            };
            let entry = || InTheWay {
                tenant: &row.tenant,
                validity: row.validity,
            };
            nested.others.entry(net).or_default().push(entry());
            nested.lengths.insert(net.prefix_len());
            for around in wider(net, &lengths) {
                for n in nets.get(&around).into_iter().flatten() {
                    nested.within.entry(*n).or_default().push(entry());
                }
            }
        }
        nested
    }

    /// Another tenant that has a network around or within the `n`th wanted one at its time.
    fn in_the_way(&self, n: usize, wish: &Wanted) -> Option<&'a TenantId> {
        let net = wish.identifier.network()?;
        let around =
            wider(net, &self.lengths).flat_map(|net| self.others.get(&net).into_iter().flatten());
        let within = self.within.get(&n).into_iter().flatten();
        around
            .chain(within)
            .find(|entry| entry.validity.overlaps(wish.validity) && entry.tenant != self.tenant)
            .map(|entry| entry.tenant)
    }
}

/// The networks of these lengths, shorter than its own, that `net` lies in.
fn wider(net: IpNet, lengths: &BTreeSet<u8>) -> impl Iterator<Item = IpNet> {
    lengths
        .range(..net.prefix_len())
        .filter_map(move |length| IpNet::new(net.addr(), *length).ok())
        .map(|net| net.trunc())
}

/// Decides on the end of a registration.
pub(super) fn delete(resource: Option<Resource>, now: i64) -> Result<Change> {
    let resource = resource.ok_or_else(|| Error::new(Reason::NotFound, "no such resource"))?;
    let (validity, ending) = resource.validity.end(now);
    if ending == Ending::Already {
        return Err(Error::new(
            Reason::FailedPrecondition,
            "the resource's registration has ended already",
        ));
    }
    Ok(Change(Effect::End(
        Resource {
            validity,
            ..resource
        },
        ending,
    )))
}

/// Whether any wanted network may contain other addresses, so that all must be looked at.
pub(super) fn wants_networks(wanted: &[Wanted]) -> bool {
    wanted.iter().any(|w| {
        w.identifier
            .network()
            .is_some_and(|net| net.prefix_len() < net.max_prefix_len())
    })
}

/// Whether any wanted identifier is an address.
pub(super) fn wants_addresses(wanted: &[Wanted]) -> bool {
    wanted.iter().any(|w| w.identifier.kind() == Kind::Address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: Option<i64>) -> Validity {
        Validity::new(Some(from), to).unwrap()
    }

    fn wish(kind: &str, text: &str, validity: Validity) -> Wanted {
        Wanted {
            identifier: Identifier::parse(kind.parse().unwrap(), text).unwrap(),
            validity,
        }
    }

    fn known(tenant: &str, wanted: Wanted) -> Resource {
        Resource {
            tenant: tenant.parse().unwrap(),
            id: Uuid::nil(),
            identifier: wanted.identifier,
            validity: wanted.validity,
        }
    }

    fn acme(wanted: Vec<Wanted>, known: &[Resource]) -> Result<(usize, usize)> {
        match import(&"acme".parse().unwrap(), &wanted, known)?.0 {
            Effect::Insert { new, unchanged, .. } => Ok((new.len(), unchanged)),
            Effect::End(..) => panic!("ended"),
        }
    }

    #[test]
    fn import_counts_new_and_unchanged() {
        let i1 = wish("instance", "i-1", span(0, None));
        let held = [known("acme", i1.clone())];
        let wanted = vec![
            i1,
            wish("instance", "i-2", span(0, None)),
            wish("instance", "i-2", span(0, None)),
        ];
        assert_eq!(acme(wanted, &held).unwrap(), (1, 2));
    }

    #[test]
    fn import_is_all_or_nothing() {
        let held = [known("globex", wish("instance", "i-1", span(0, Some(10))))];
        let wanted = vec![
            wish("instance", "i-2", span(0, None)),
            wish("instance", "i-1", span(9, None)),
        ];
        let error = acme(wanted, &held).unwrap_err();
        assert_eq!(error.violations()[0].field, "resources[1].identifier");
        assert!(error.violations()[0].description.contains("tenants/globex"));
        // The next week it is free.
        assert_eq!(
            acme(vec![wish("instance", "i-1", span(10, None))], &held).unwrap(),
            (1, 0)
        );
    }

    #[test]
    fn import_minds_another_validity_of_the_same() {
        let held = [known("acme", wish("instance", "i-1", span(0, None)))];
        assert!(acme(vec![wish("instance", "i-1", span(5, None))], &held).is_err());
        let twice = vec![
            wish("instance", "i-3", span(0, Some(6))),
            wish("instance", "i-3", span(5, None)),
        ];
        assert!(acme(twice, &[]).is_err());
        let apart = vec![
            wish("instance", "i-3", span(0, Some(5))),
            wish("instance", "i-3", span(5, None)),
        ];
        assert_eq!(acme(apart, &[]).unwrap(), (2, 0));
    }

    #[test]
    fn import_minds_networks_around_and_within() {
        let held = [
            known("globex", wish("address", "10.1.0.0/16", span(0, Some(10)))),
            known("globex", wish("address", "10.2.3.4", span(0, None))),
            known("acme", wish("address", "10.9.0.0/16", span(0, None))),
        ];
        let try_one = |text, validity| acme(vec![wish("address", text, validity)], &held);
        assert!(try_one("10.1.2.3", span(0, None)).is_err());
        assert!(try_one("10.1.2.3", span(10, None)).is_ok());
        assert!(try_one("10.2.0.0/16", span(0, None)).is_err());
        assert!(try_one("10.0.0.0/8", span(0, None)).is_err());
        assert!(try_one("10.3.0.0/16", span(0, None)).is_ok());
        assert!(
            try_one("10.9.1.1", span(0, None)).is_ok(),
            "within one's own"
        );
    }

    #[test]
    fn delete_ends_now() {
        let open = known("acme", wish("instance", "i-1", span(0, None)));
        let change = delete(Some(open.clone()), 9).unwrap();
        let Effect::End(ended, _) = change.effect() else {
            panic!("not ended")
        };
        assert_eq!(ended.validity.to(), Some(9));
        assert!(matches!(
            delete(Some(open), 0).unwrap().effect(),
            Effect::End(_, Ending::Never)
        ));
        assert_eq!(delete(None, 9).unwrap_err().reason(), Reason::NotFound);
    }
}
