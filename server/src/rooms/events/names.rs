//! A tenant's own names and pseudonyms, for attribution: made under its keys, which are loaded
//! as tenants turn up.

use std::cell::{Cell, RefCell};

use cordon_kernel::keys::IngestNames;
use cordon_kernel::{Error, Result, TenantId};
use cordon_views::Kind;
use tokio::runtime::Handle;

/// Names for one batch, on a thread that may wait.
pub(super) struct TenantNames {
    names: RefCell<IngestNames>,
    handle: Handle,
    failed: Cell<Option<Error>>,
}

impl TenantNames {
    /// Names that load keys on `handle`. Must be used on a thread that may wait.
    #[must_use]
    pub(super) fn new(names: IngestNames, handle: Handle) -> Self {
        Self {
            names: RefCell::new(names),
            handle,
            failed: Cell::new(None),
        }
    }

    /// What prevented a name. Names made since are void, and the batch with them.
    #[must_use]
    pub(super) fn failed(&self) -> Option<Error> {
        self.failed.take()
    }

    /// Under what these parties are found again in quarantine.
    #[must_use]
    pub(super) fn party_hashes(&self, parties: &[String]) -> Vec<[u8; 32]> {
        let names = self.names.borrow();
        parties
            .iter()
            .map(|party| names.party_hash(party))
            .collect()
    }

    /// Under what those that are addresses are found by a block around them.
    #[must_use]
    pub(super) fn network_hashes(&self, parties: &[String]) -> Vec<[u8; 32]> {
        let names = self.names.borrow();
        parties
            .iter()
            .filter_map(|party| names.network_hash(party))
            .collect()
    }

    fn load(&self, tenant: &TenantId) -> Result<()> {
        let mut names = self.names.borrow_mut();
        if names.get(tenant).is_none() {
            self.handle.block_on(names.load([tenant]))?;
        }
        Ok(())
    }

    fn with<T: Default>(
        &self,
        tenant: &TenantId,
        make: impl FnOnce(&cordon_kernel::keys::WriteCipher) -> T,
    ) -> T {
        if let Err(error) = self.load(tenant) {
            self.failed.set(Some(error));
            return T::default();
        }
        match self.names.borrow().get(tenant) {
            Some(cipher) => make(cipher),
            None => {
                // Deleted between the directory's loading and now: the next attempt knows.
                let error = Error::new(
                    cordon_kernel::Reason::Unavailable,
                    "the registers have just changed; try again",
                );
                self.failed.set(Some(error));
                T::default()
            }
        }
    }
}

impl cordon_views::Names for TenantNames {
    type Tenant = TenantId;

    fn pseudonym(&self, tenant: &TenantId, kind: Kind, value: &str) -> String {
        self.with(tenant, |cipher| cipher.pseudonym(kind.prefix(), value))
    }

    fn event_name(&self, tenant: &TenantId, parts: &[&[u8]]) -> [u8; 16] {
        self.with(tenant, |cipher| *cipher.event_name(parts).as_bytes())
    }
}
