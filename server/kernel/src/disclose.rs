//! [`Disclosed`]: data of which the kernel knows under which scope it may leave. Conversions to
//! messages of the wire exist for `Disclosed<T>` only, so that what nobody disclosed has no way
//! out.

use crate::auth::scope::{IngestScope, ProviderScope, SelfScope, TenantScope};

/// A value that may be shown to the caller at hand. There is no way to make one but to say under
/// which scope it was read.
#[derive(Debug)]
#[must_use = "disclosed data is meant to be sent"]
pub struct Disclosed<T>(T);

/// Marks what anyone may see, a tenant's stranger included. Sealed: only the kernel decides what
/// that is.
pub trait Public: sealed::Sealed {}

pub(crate) mod sealed {
    /// Keeps [`super::Public`] from being implemented elsewhere.
    pub trait Sealed {}
}

impl<T> Disclosed<T> {
    /// A tenant's data, read under that tenant's scope.
    pub fn own(scope: &TenantScope, value: T) -> Self {
        let _ = scope;
        Self(value)
    }

    /// A line of the provider's registers, for staff.
    pub fn summary(scope: &ProviderScope, value: T) -> Self {
        let _ = scope;
        Self(value)
    }

    /// What became of the events that a source handed in.
    pub fn receipt(scope: &IngestScope, value: T) -> Self {
        let _ = scope;
        Self(value)
    }

    /// The caller's own credential.
    pub fn to_self(scope: &SelfScope, value: T) -> Self {
        let _ = scope;
        Self(value)
    }

    /// What is every party's together, read under a scope on each: only the kernel knows that
    /// there is no other party.
    pub(crate) fn of_all(scopes: &[TenantScope], value: T) -> Self {
        let _ = scopes;
        Self(value)
    }

    /// What anyone may see.
    pub fn public(value: T) -> Self
    where
        T: Public,
    {
        Self(value)
    }

    /// A look at the value, for counting and deciding.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The value changed in form: what is made of disclosed data is disclosed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Disclosed<U> {
        Disclosed(change(self.0))
    }

    /// The value, on its way into a message. For `convert` modules only.
    #[must_use]
    pub fn into_wire(self) -> T {
        self.0
    }
}

impl<T> Disclosed<Vec<T>> {
    /// Each element, disclosed as the whole was.
    pub fn each(self) -> impl Iterator<Item = Disclosed<T>> {
        self.0.into_iter().map(Disclosed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_disclosed_data_is_disclosed() {
        let scope = TenantScope::for_job("acme".parse().unwrap(), "test");
        let list = Disclosed::own(&scope, vec![1, 2, 3]);
        assert_eq!(list.get().len(), 3);
        let texts: Vec<String> = list
            .map(|l| l.into_iter().map(|n| n.to_string()).collect::<Vec<_>>())
            .each()
            .map(Disclosed::into_wire)
            .collect();
        assert_eq!(texts, ["1", "2", "3"]);
    }
}
