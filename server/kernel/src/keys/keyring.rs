//! Unwrapped keys, kept for five minutes at most: how long a key that was destroyed elsewhere can
//! still serve here, and how rarely the key service is asked. Wiped when they go.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sqlx::{AnyConnection, AnyPool};

use super::envelope::{OwnerKeys, WriteCipher};
use super::service::{DestroyedKey, KeyId, KeyService};
use super::store::{self, NewDataKey, NewKeys};
use crate::clock::Env;
use crate::error::{Error, Reason, Result};
use crate::ids::TenantId;

/// How long unwrapped keys are kept.
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_secs(300);
/// How old a data key is when it begins to seal: whoever keeps unwrapped keys has it by then, and
/// opens what others seal with it. A minute is for clocks that differ.
pub(crate) const ACTIVATION: SignedDuration = SignedDuration::from_secs(LIFETIME.as_secs() + 60);
/// Most owners whose keys are kept.
const CAPACITY: usize = 16_384;

/// The cache of unwrapped keys, over the key service and the wrapped keys in the database.
pub struct Keyring {
    env: Env,
    service: Arc<dyn KeyService>,
    pool: AnyPool,
    cache: Mutex<HashMap<KeyId, Kept>>,
}

struct Kept {
    keys: Arc<OwnerKeys>,
    until: Timestamp,
}

impl Keyring {
    pub(crate) fn new(env: Env, service: Arc<dyn KeyService>, pool: AnyPool) -> Self {
        Self {
            env,
            service,
            pool,
            cache: Mutex::new(HashMap::new()),
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<KeyId, Kept>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, id: &KeyId) -> Option<Arc<OwnerKeys>> {
        let now = self.env.now();
        let cache = self.cache();
        let kept = cache.get(id)?;
        // A clock that was set back must not make keys live longer.
        let left = kept.until.duration_since(now);
        (left > SignedDuration::ZERO && left <= LIFETIME).then(|| Arc::clone(&kept.keys))
    }

    /// Keeps what was read at `read`: a slow key service makes it no younger.
    fn keep(&self, id: KeyId, keys: &Arc<OwnerKeys>, read: Timestamp) {
        let now = self.env.now();
        let until = read.checked_add(LIFETIME).unwrap_or(now);
        let mut cache = self.cache();
        if cache.len() >= CAPACITY {
            sweep(&mut cache, now);
            if cache.len() >= CAPACITY
                && let Some(other) = cache.keys().next().cloned()
            {
                cache.remove(&other);
            }
        }
        cache.insert(
            id,
            Kept {
                keys: Arc::clone(keys),
                until,
            },
        );
    }

    /// Lets go of keys whose time is up, also of those that nobody asks for any more.
    pub(crate) fn sweep(&self) {
        sweep(&mut self.cache(), self.env.now());
    }

    pub(crate) fn forget(&self, id: &KeyId) {
        self.cache().remove(id);
    }

    /// The tenant's keys. `NOT_FOUND` when there are none, or they were destroyed.
    pub(crate) async fn tenant(&self, tenant: &TenantId) -> Result<Arc<OwnerKeys>> {
        let mut found = self.tenants(&BTreeSet::from([tenant.clone()])).await?;
        found.remove(tenant).ok_or_else(|| {
            Error::new(Reason::NotFound, "the tenant has no keys").with_source(tenant)
        })
    }

    /// The keys of many tenants; those that have none, or whose keys were destroyed, are left out.
    pub(crate) async fn tenants(
        &self,
        tenants: &BTreeSet<TenantId>,
    ) -> Result<BTreeMap<TenantId, Arc<OwnerKeys>>> {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        for tenant in tenants {
            match self.kept(&KeyId::tenant(tenant)) {
                Some(keys) => {
                    found.insert(tenant.clone(), keys);
                }
                None => missing.push(tenant),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let read = self.env.now();
        let mut wrapped = store::load_tenants(&self.pool, &missing).await?;
        for tenant in missing {
            let Some(wrapped) = wrapped.remove(tenant.as_str()) else {
                continue;
            };
            let id = KeyId::tenant(tenant);
            match store::unwrap(&*self.service, &id, wrapped, read).await {
                Ok(keys) => {
                    let keys = Arc::new(keys);
                    self.keep(id, &keys, read);
                    found.insert(tenant.clone(), keys);
                }
                Err(error) if error.reason() == Reason::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Keys of the server's own, made when they are first asked for.
    pub(crate) async fn system(&self, id: &KeyId) -> Result<Arc<OwnerKeys>> {
        if let Some(keys) = self.kept(id) {
            return Ok(keys);
        }
        let read = self.env.now();
        let mut wrapped = store::load_system(&self.pool, id).await?;
        if wrapped.is_empty() {
            self.service.create_wrapping_key(id).await?;
            store::create_system(&self.pool, &*self.service, &self.env, id).await?;
            // Read back: another process may have been quicker, and its keys are the ones.
            wrapped = store::load_system(&self.pool, id).await?;
        }
        let keys = Arc::new(store::unwrap(&*self.service, id, wrapped, read).await?);
        self.keep(id.clone(), &keys, read);
        Ok(keys)
    }

    /// Asks the service to wrap and unwrap something under each of the server's own keys, without
    /// which no event is taken.
    pub(crate) async fn probe(&self) -> Result<()> {
        const CONTEXT: &str = "probe";
        let plain = self.env.bytes::<32>();
        for id in [KeyId::server(), KeyId::quarantine(), KeyId::originals()] {
            let wrapped = self.service.wrap(&id, CONTEXT, &plain).await?;
            let opened = self.service.unwrap(&id, CONTEXT, &wrapped).await?;
            if *opened != plain {
                return Err(Error::internal("the key service opens to something else"));
            }
        }
        Ok(())
    }

    /// Makes a tenant's keys: the wrapping key in the service, the others wrapped by it.
    pub(crate) async fn first_keys(&self, tenant: &TenantId) -> Result<NewKeys> {
        self.service
            .create_wrapping_key(&KeyId::tenant(tenant))
            .await?;
        store::first_keys(&*self.service, &self.env, tenant).await
    }

    /// Stores a tenant's first keys.
    pub(crate) async fn store_keys(&self, conn: &mut AnyConnection, keys: NewKeys) -> Result<()> {
        store::create_tenant(conn, &self.env, keys).await
    }

    /// Makes the tenant's next data key; [`rotate_tenant`](Self::rotate_tenant) stores it.
    pub(crate) async fn next_key(&self, tenant: &TenantId) -> Result<NewDataKey> {
        store::next_key(&self.pool, &*self.service, &self.env, tenant).await
    }

    /// Gives the tenant a new data key, which seals after [`ACTIVATION`], when every server knows
    /// it; what older ones sealed still opens. `None` when another was stored since it was made.
    pub(crate) async fn rotate_tenant(
        &self,
        conn: &mut AnyConnection,
        tenant: &TenantId,
        next: NewDataKey,
    ) -> Result<Option<u32>> {
        store::rotate_tenant(conn, &self.env, tenant, next).await
    }

    /// Drops the tenant's data keys older than `version`: what they sealed opens never again.
    pub(crate) async fn drop_older(
        &self,
        conn: &mut AnyConnection,
        tenant: &TenantId,
        version: i64,
    ) -> Result<u64> {
        store::drop_older(conn, tenant, version).await
    }

    /// Destroys the tenant's wrapping key, and with it everything that was ever sealed for the
    /// tenant.
    pub(crate) async fn destroy_tenant(&self, tenant: &TenantId) -> Result<()> {
        let id = KeyId::tenant(tenant);
        self.service.destroy(&id).await?;
        self.forget(&id);
        Ok(())
    }

    pub(crate) async fn destroyed(&self) -> Result<Vec<DestroyedKey>> {
        self.service.list_destroyed().await
    }

    /// For keys that are not a tenant's whole.
    pub(crate) fn service(&self) -> &dyn KeyService {
        &*self.service
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.service.kind()
    }

    /// When the tenant's wrapping key was destroyed, by the key service's own list; the service must
    /// neither hold the key any more nor open what it wrapped.
    pub(crate) async fn prove_destroyed(&self, tenant: &TenantId) -> Result<Timestamp> {
        let id = KeyId::tenant(tenant);
        let listed = self.service.list_destroyed().await?;
        let gone = listed.into_iter().find(|gone| gone.id == id);
        let gone = gone.ok_or_else(|| {
            Error::internal(format!("the wrapping key {id} is on no destruction list"))
        })?;
        if self.service.has_wrapping_key(&id).await? {
            return Err(Error::internal(format!(
                "the wrapping key {id} is still there"
            )));
        }
        let mut wrapped = store::load_tenants(&self.pool, &[tenant]).await?;
        for key in wrapped.remove(tenant.as_str()).unwrap_or_default() {
            match store::open(&*self.service, &id, &key).await {
                Err(error) if error.reason() == Reason::NotFound => {}
                Err(error) => return Err(error),
                Ok(_) => {
                    return Err(Error::internal(format!(
                        "the wrapping key {id} still opens"
                    )));
                }
            }
        }
        Ok(gone.time)
    }
}

fn sweep(cache: &mut HashMap<KeyId, Kept>, now: Timestamp) {
    cache.retain(|_, kept| {
        let left = kept.until.duration_since(now);
        left > SignedDuration::ZERO && left <= LIFETIME
    });
}

/// What ingest may have of tenants' keys while it handles one request: names and pseudonyms.
pub struct IngestNames {
    keyring: Arc<Keyring>,
    quarantine: Arc<OwnerKeys>,
    held: HashMap<TenantId, WriteCipher>,
}

impl IngestNames {
    pub(crate) async fn new(keyring: Arc<Keyring>) -> Result<Self> {
        let quarantine = keyring.system(&KeyId::quarantine()).await?;
        Ok(Self {
            keyring,
            quarantine,
            held: HashMap::new(),
        })
    }

    /// Has the keys of these tenants ready; of those that have none [`get`](Self::get) stays `None`.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the key service or the database can't be reached.
    pub async fn load(&mut self, tenants: impl IntoIterator<Item = &TenantId>) -> Result<()> {
        let wanted: BTreeSet<TenantId> = tenants
            .into_iter()
            .filter(|tenant| !self.held.contains_key(*tenant))
            .cloned()
            .collect();
        for (tenant, keys) in self.keyring.tenants(&wanted).await? {
            self.held.insert(tenant, WriteCipher(keys));
        }
        Ok(())
    }

    /// The tenant's names and pseudonyms, if they were loaded.
    #[must_use]
    pub fn get(&self, tenant: &TenantId) -> Option<&WriteCipher> {
        self.held.get(tenant)
    }

    /// Under what a party of nobody's (an account such as `aws:123456789012`, an address) is found
    /// again in quarantine.
    #[must_use]
    pub fn party_hash(&self, party: &str) -> [u8; 32] {
        self.quarantine
            .keyed_hash(crate::db::quarantine::PARTY, party.as_bytes())
    }

    /// Under what an address of nobody's (`ip:192.0.2.1`) is found by who registers a block that
    /// it lies in; `None` for what is no address.
    #[must_use]
    pub fn network_hash(&self, party: &str) -> Option<[u8; 32]> {
        use crate::db::quarantine::{NETWORK, network_of};
        let network = network_of(party)?;
        Some(self.quarantine.keyed_hash(NETWORK, network.as_bytes()))
    }
}
