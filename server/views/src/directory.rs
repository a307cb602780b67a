//! What attribution asks of the outside: who owns what at a time, and a tenant's own names.

use std::hash::Hash;
use std::net::IpAddr;

/// The resource directory: which tenant owned an account, an address or a resource at
/// the time of an event. Look-ups must not block; the caller keeps the directory in memory.
pub trait Directory {
    /// Handle of a tenant, as cheap to clone as the implementor can make it.
    type Tenant: Clone + Eq + Ord + Hash;

    /// The tenant that owned the account at that time. `id` has the cloud in front:
    /// `aws:123456789012`. `at_ns` is nanoseconds since 1970, here and below.
    fn account(&self, id: &str, at_ns: i64) -> Option<Self::Tenant>;

    /// The tenant that held the address at that time.
    fn address(&self, ip: IpAddr, at_ns: i64) -> Option<Self::Tenant>;

    /// The tenant that owned the resource (ARN, instance id, bucket name …) at that time.
    fn resource(&self, id: &str, at_ns: i64) -> Option<Self::Tenant>;

    /// Whether the address lies in a range that the provider declared as its own. Does
    /// not depend on who is registered for it.
    fn in_provider_range(&self, ip: IpAddr) -> bool;
}

/// Names that are a tenant's own: made under keys that no other tenant has.
pub trait Names {
    /// Handle of a tenant, the directory's.
    type Tenant;

    /// What stands for a stranger's identity in this tenant's views. The same kind and
    /// value give the same text for one tenant, and an unrelated one for another. The
    /// text starts with [`Kind::prefix`] and `~` and has letters and digits after that.
    fn pseudonym(&self, tenant: &Self::Tenant, kind: Kind, value: &str) -> String;

    /// Name of an event for this tenant: a keyed hash of the parts.
    fn event_name(&self, tenant: &Self::Tenant, parts: &[&[u8]]) -> [u8; 16];
}

/// What kind of thing an identity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A cloud account or organisation.
    Account,
    /// A principal id: `AIDA…`, `AROA…:session`.
    Principal,
    /// An access key id.
    AccessKey,
    /// A user, role or session name.
    Name,
    /// A resource: the last part of an ARN, a bucket, an instance, an interface.
    Resource,
    /// A network address inside the provider's ranges.
    Address,
    /// A host or domain name.
    Host,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Account,
        Self::Principal,
        Self::AccessKey,
        Self::Name,
        Self::Resource,
        Self::Address,
        Self::Host,
    ];

    /// What a pseudonym of this kind starts with, and the kind's name in party tables.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Account => "acct",
            Self::Principal => "prin",
            Self::AccessKey => "key",
            Self::Name => "name",
            Self::Resource => "res",
            Self::Address => "addr",
            Self::Host => "host",
        }
    }

    /// The kind with that prefix.
    #[must_use]
    pub fn from_prefix(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.prefix() == text)
    }
}
