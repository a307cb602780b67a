//! The kernel as a whole: opened once, it holds the database, the keys and the gate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::audit::AuditEntry;
use crate::auth::mtls::{Authority, ClientCertificate, ClientKey};
use crate::auth::token::{Overlap, StoredKey, TokenConfig, TokenIssuer, TrustedIssuer};
use crate::auth::{
    Action, Gate, Home, IngestScope, Permit, Principal, ProviderScope, Role, StandingSource,
    TenantScope, VerifiedCredential,
};
use crate::clock::Env;
use crate::db::jobs::{JobClaim, JobRunner};
use crate::db::{Db, DbConfig, Migrated, ProviderTx, nanos};
use crate::error::{Error, Reason, Result};
use crate::ids::{CredentialId, TenantId};
use crate::keys::secrets::{self, ServerSecret};
use crate::keys::{DestroyedKey, IngestNames, KeyId, KeyService, StaffCipher, TenantCipher};
use crate::names::Name;
use crate::statement::{Digest, Subject, sign};

const TOKEN: &str = "token";
const AUTHORITY: &str = "authority";
/// How often a rotation that met another one begins anew.
const ROTATIONS: u32 = 3;
/// How long after reading the signing keys another unknown key is a reason to read them again.
const UNKNOWN_KEY_PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// What a kernel is opened with.
pub struct KernelConfig {
    /// Clock and randomness.
    pub env: Env,
    /// The database.
    pub db: DbConfig,
    /// Where wrapping keys are.
    pub keys: Arc<dyn KeyService>,
    /// Who issues tokens and for whom.
    pub token: TokenConfig,
    /// Tenants' own issuers.
    pub trusted: Vec<TrustedIssuer>,
    /// Name of the local certificate authority, used when it is made.
    pub authority_name: String,
    /// Whether to bring the schema up to date first.
    pub migrate: bool,
}

/// Everything that the walls rest on. Shared as `Arc<Kernel>`.
pub struct Kernel {
    env: Env,
    db: Db,
    gate: Arc<Gate>,
    runner_taken: AtomicBool,
    signing_keys_read: tokio::sync::Mutex<Option<Timestamp>>,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kernel")
    }
}

impl Kernel {
    /// Brings the database's schema up to date.
    ///
    /// # Errors
    /// As [`Db::migrate`].
    pub async fn migrate(db: &DbConfig, env: &Env) -> Result<Migrated> {
        Db::migrate(db, env).await
    }

    /// Opens the database and the keys. At the first opening it makes the certificate authority
    /// and the first signing key. Replays the destruction list: what a backup has brought back of
    /// deleted tenants, their keys or their rows, goes again. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when migrations are pending; `UNAVAILABLE` when the database or the
    /// key service can't be reached; `INTERNAL` when stored keys are damaged.
    pub async fn open(config: KernelConfig) -> Result<Self> {
        if config.migrate {
            Db::migrate(&config.db, &config.env).await?;
        }
        let env = config.env;
        let db = Db::open(&config.db, env.clone(), config.keys).await?;
        let authority = open_authority(&db, &config.authority_name).await?;
        // Made at once: when ingest first needs them, a token may be full.
        for id in [KeyId::quarantine(), KeyId::originals()] {
            db.keyring().system(&id).await?;
        }
        let issuer = open_issuer(&db, config.token).await?;
        let verifier = issuer.verifier(config.trusted);
        let standing: Arc<dyn StandingSource> = Arc::new(db.clone());
        let gate = Arc::new(Gate::new(
            env.clone(),
            standing,
            Arc::new(authority),
            issuer,
            verifier,
        ));
        // Weak: the gate holds the database.
        let hook = Arc::downgrade(&gate);
        db.on_change(move || {
            if let Some(gate) = hook.upgrade() {
                gate.standing_changed();
            }
        });
        let kernel = Self {
            env,
            db,
            gate,
            runner_taken: AtomicBool::new(false),
            signing_keys_read: tokio::sync::Mutex::default(),
        };
        kernel.agree_on_deleted().await?;
        Ok(kernel)
    }

    /// Makes durable what waits, and closes the database. Afterwards every call fails with
    /// `UNAVAILABLE`.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Clock and randomness.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// What authenticates and permits.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// As [`Gate::authenticate`]; first takes over the keys of other replicas when the token names
    /// one that is not known here.
    ///
    /// # Errors
    /// As [`Gate::authenticate`].
    pub async fn authenticate(
        &self,
        certificate: Option<&[u8]>,
        token: Option<&str>,
    ) -> Result<VerifiedCredential> {
        if certificate.is_some()
            && let Some(token) = token
            && self.gate.names_unknown_key(token)
        {
            self.learn_signing_key(token).await;
        }
        self.gate.authenticate(certificate, token).await
    }

    /// Reads the signing keys anew, once for all that ask at the same time. Anyone can name a key
    /// that nobody knows: the database is asked once a second at most.
    async fn learn_signing_key(&self, token: &str) {
        let mut read = self.signing_keys_read.lock().await;
        if !self.gate.names_unknown_key(token) {
            return; // who was before has learnt it
        }
        let now = self.env.now();
        let since = read.map(|at| now.duration_since(at));
        if since.is_some_and(|since| !since.is_negative() && since < UNKNOWN_KEY_PAUSE) {
            return;
        }
        *read = Some(now);
        if let Err(error) = self.refresh_signing_keys().await {
            tracing::warn!(%error, "signing keys could not be read anew");
        }
    }

    /// Asks the key service to wrap and unwrap something.
    ///
    /// # Errors
    /// What it answers, `UNAVAILABLE` when it can't be reached.
    pub async fn probe_keys(&self, _runner: &JobRunner) -> Result<()> {
        self.db.keyring().probe().await
    }

    /// Signs a statement about something of the scope's tenant: an in-toto statement in a DSSE
    /// envelope, JSON. `sha256` are the hexadecimal digits of what `subject` stands for.
    ///
    /// # Errors
    /// `INTERNAL` when the subject is not the tenant's.
    pub fn sign_statement<P: serde::Serialize>(
        &self,
        scope: &TenantScope,
        subject: &Name,
        sha256: String,
        predicate_type: &str,
        predicate: &P,
    ) -> Result<Vec<u8>> {
        if subject.tenant() != Some(scope.tenant()) {
            return Err(Error::internal(
                "a statement about something of another tenant",
            ));
        }
        let subject = [Subject {
            name: subject.to_string(),
            digest: Digest { sha256 },
        }];
        sign(self.gate.issuer(), &subject, predicate_type, predicate)
    }

    /// Leave to run jobs and checks for all tenants; given out once, `None` after that.
    #[must_use]
    pub fn job_runner(&self) -> Option<JobRunner> {
        (!self.runner_taken.swap(true, Ordering::SeqCst)).then(JobRunner::new)
    }

    /// The scope in which a claimed job works. Its writes name `system:JOB` as the actor.
    #[must_use]
    pub fn job_scope(&self, claim: &JobClaim) -> (TenantScope, Permit) {
        system_scope(claim.tenant(), claim.job())
    }

    /// The scope in which whoever runs the jobs maintains a tenant (`what`: `fsck`, say).
    #[must_use]
    pub fn maintenance_scope(
        &self,
        _runner: &JobRunner,
        tenant: &TenantId,
        what: &str,
    ) -> (TenantScope, Permit) {
        system_scope(tenant, what)
    }

    /// The scope in which whoever runs the jobs checks the provider's own log.
    #[must_use]
    pub fn maintenance_provider_scope(
        &self,
        _runner: &JobRunner,
        what: &str,
    ) -> (ProviderScope, Permit) {
        let scope = ProviderScope::for_job(what);
        let permit = Permit::for_provider(Action::RunJob, &scope);
        (scope, permit)
    }

    /// Tenants whose removal was certified since `since`, for whoever runs the jobs.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn removed_tenants(
        &self,
        _runner: &JobRunner,
        since: Timestamp,
    ) -> Result<Vec<TenantId>> {
        self.db.removed_since(since).await
    }

    /// All tenants that are not deleted, for whoever runs the jobs.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn tenants(&self, _runner: &JobRunner) -> Result<Vec<TenantId>> {
        self.tenant_ids(
            "SELECT tenant_id FROM tenants WHERE status <> 'deleted' ORDER BY tenant_id",
        )
        .await
    }

    /// Seals and opens under the tenant's keys.
    ///
    /// # Errors
    /// `NOT_FOUND` when the tenant's keys were destroyed; `UNAVAILABLE` when the key service or
    /// the database can't be reached.
    pub async fn cipher(&self, scope: &TenantScope) -> Result<TenantCipher> {
        let keys = self.db.keyring().tenant(scope.tenant()).await?;
        Ok(TenantCipher::new(
            scope.tenant().clone(),
            keys,
            self.env.clone(),
        ))
    }

    /// Seals and opens what staff write among themselves. Its key is made when it is first needed.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the key service or the database can't be reached.
    pub async fn staff_cipher(&self, _scope: &ProviderScope) -> Result<StaffCipher> {
        let keys = self.db.keyring().system(&KeyId::staff()).await?;
        Ok(StaffCipher::new(keys, self.env.clone()))
    }

    /// What ingest may do with tenants' keys during one request.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the key service or the database can't be reached.
    pub async fn ingest_names(&self, _scope: &IngestScope) -> Result<IngestNames> {
        IngestNames::new(Arc::clone(self.db.keyring())).await
    }

    /// The same for a backfill job.
    ///
    /// # Errors
    /// As [`Kernel::ingest_names`].
    pub async fn job_names(&self, _claim: &JobClaim) -> Result<IngestNames> {
        IngestNames::new(Arc::clone(self.db.keyring())).await
    }

    /// Gives the tenant a new data key; it seals when every server knows it, and what older ones
    /// have sealed is sealed anew in the background ([`Db::rotation`]). Returns its version.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is no such tenant; `UNAVAILABLE` when the key service can't be
    /// reached; `ETAG_MISMATCH` when others rotate the key all the time.
    pub async fn rotate_data_key(
        &self,
        scope: &ProviderScope,
        permit: &Permit,
        tenant: &TenantId,
        entry: AuditEntry,
    ) -> Result<u32> {
        let keyring = self.db.keyring();
        for _ in 0..ROTATIONS {
            // Wrapped before the transaction begins, which everybody who registers waits for.
            let next = keyring.next_key(tenant).await?;
            let mut tx = self.db.provider_tx(scope, permit).await?;
            let Some(version) = keyring.rotate_tenant(tx.conn(), tenant, next).await? else {
                continue;
            };
            tx.begin_rotation(tenant, version).await?;
            tx.commit(entry.detail("key_version", version)).await?;
            keyring.forget(&KeyId::tenant(tenant));
            return Ok(version);
        }
        Err(Error::new(
            Reason::EtagMismatch,
            "others rotated the key at the same time: look at the tenant's keys again",
        ))
    }

    /// Begins to sign with a new key, which is durable before the first token is signed with it.
    ///
    /// # Errors
    /// `UNAVAILABLE` when it could not be stored; the former key then goes on signing.
    pub async fn rotate_signing_key(
        &self,
        mut tx: ProviderTx<'_>,
        overlap: Overlap,
        entry: AuditEntry,
    ) -> Result<()> {
        let issuer = self.gate.issuer();
        let before = issuer.stored();
        issuer.rotate(overlap)?;
        let stored = async {
            secrets::store(&self.db, tx.conn(), TOKEN, &token_secrets(issuer.stored())).await?;
            tx.commit(entry).await
        };
        if let Err(error) = stored.await {
            issuer.replace(before)?;
            return Err(error);
        }
        Ok(())
    }

    /// Takes over signing keys that another replica has made; call it now and then.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached; the present keys then stay.
    pub async fn refresh_signing_keys(&self) -> Result<()> {
        let stored = secrets::load(&self.db, TOKEN).await?;
        if stored.is_empty() {
            return Ok(());
        }
        self.gate.issuer().replace(stored_keys(stored))
    }

    /// The tenants and others whose keys were destroyed, oldest first.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the key service can't be reached.
    pub async fn destroyed_keys(&self, _scope: &ProviderScope) -> Result<Vec<DestroyedKey>> {
        self.db.keyring().destroyed().await
    }

    /// Makes the first operator: a credential and its certificate, with the private key. For the
    /// machine's own command line; whoever can call this has the database and the keys anyway.
    ///
    /// # Errors
    /// `ALREADY_EXISTS` when an operator exists whose credential is neither revoked nor expired.
    pub async fn bootstrap_operator(
        &self,
        subject: &str,
    ) -> Result<(Principal, ClientCertificate)> {
        let (scope, permit) = self.gate.bootstrap();
        let mut tx = self.db.provider_tx(&scope, &permit).await?;
        let now = self.env.now();
        let operators: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM credentials WHERE home = 'provider' AND role = 'operator' \
                AND revoked_time IS NULL AND expires_time > $1",
        )
        .bind(nanos(now))
        .fetch_one(tx.conn())
        .await?;
        if operators > 0 {
            return Err(Error::new(
                Reason::AlreadyExists,
                "there is an operator already",
            ));
        }
        let id = CredentialId::generate(&self.env);
        let principal = Principal::new(id.clone(), subject, Home::Provider, Role::Operator)?;
        let certificate =
            self.gate
                .authority()
                .issue_client(&permit, &principal, ClientKey::Generate)?;
        tx.add_credential(
            &principal,
            certificate.thumbprint.as_bytes(),
            certificate.not_after,
        )
        .await?;
        tx.commit(
            AuditEntry::new(&permit)
                .resource(Name::StaffCredential(id))
                .detail("subject", subject),
        )
        .await?;
        Ok((principal, certificate))
    }

    async fn tenant_ids(&self, sql: &'static str) -> Result<Vec<TenantId>> {
        let ids: Vec<String> = sqlx::query_scalar(sql).fetch_all(self.db.system()).await?;
        ids.iter()
            .map(|id| {
                id.parse()
                    .map_err(|_| Error::internal("a tenant id in the database is malformed"))
            })
            .collect()
    }
}

fn system_scope(tenant: &TenantId, what: &str) -> (TenantScope, Permit) {
    let scope = TenantScope::for_job(tenant.clone(), what);
    let permit = Permit::for_tenant(Action::RunJob, &scope);
    (scope, permit)
}

async fn open_authority(db: &Db, name: &str) -> Result<Authority> {
    let mut stored = secrets::load(db, AUTHORITY).await?;
    if stored.is_empty() {
        let made = Authority::create(db.env().clone(), name)?;
        let secret = ServerSecret {
            public: made.certificate_pem().as_bytes().to_vec(),
            secret: Zeroizing::new(made.key_pem()?.expose_secret().as_bytes().to_vec()),
            created: db.env().now(),
            retired: None,
            accepted_until: None,
        };
        store_first(db, AUTHORITY, secret).await?;
        // Read back: another process may have been quicker, and its authority is the one.
        stored = secrets::load(db, AUTHORITY).await?;
    }
    let unreadable = || Error::internal("the stored authority is damaged");
    let secret = stored.first().ok_or_else(unreadable)?;
    let certificate = std::str::from_utf8(&secret.public).map_err(|_| unreadable())?;
    let key = SecretString::from(
        std::str::from_utf8(&secret.secret)
            .map_err(|_| unreadable())?
            .to_owned(),
    );
    Authority::load(db.env().clone(), certificate, &key)
}

async fn open_issuer(db: &Db, config: TokenConfig) -> Result<TokenIssuer> {
    let mut stored = secrets::load(db, TOKEN).await?;
    if stored.is_empty() {
        let made = TokenIssuer::generate(db.env().clone(), config.clone())?;
        for secret in token_secrets(made.stored()) {
            store_first(db, TOKEN, secret).await?;
        }
        stored = secrets::load(db, TOKEN).await?;
    }
    TokenIssuer::load(db.env().clone(), config, stored_keys(stored))
}

/// Stores the first secret of a purpose, unless another process has.
async fn store_first(db: &Db, purpose: &str, secret: ServerSecret) -> Result<()> {
    // The key that seals it is made first: it can't be while this holds the turn to write.
    db.keyring().system(&KeyId::server()).await?;
    let mut system = db.system_tx().await?;
    system.lock_registers().await?;
    let there: i64 = sqlx::query_scalar("SELECT count(*) FROM signing_keys WHERE purpose = $1")
        .bind(purpose)
        .fetch_one(&mut *system.tx)
        .await?;
    if there == 0 {
        secrets::store(db, &mut system.tx, purpose, &[secret]).await?;
    }
    system.commit().await
}

fn token_secrets(keys: Vec<StoredKey>) -> Vec<ServerSecret> {
    keys.into_iter()
        .map(|key| ServerSecret {
            public: Vec::new(),
            secret: key.pkcs8,
            created: key.created,
            retired: key.retired,
            accepted_until: key.accepted_until,
        })
        .collect()
}

fn stored_keys(secrets: Vec<ServerSecret>) -> Vec<StoredKey> {
    secrets
        .into_iter()
        .map(|secret| StoredKey {
            pkcs8: secret.secret,
            created: secret.created,
            retired: secret.retired,
            accepted_until: secret.accepted_until,
        })
        .collect()
}

mod deletion;
mod originals;
mod snapshots;
#[cfg(test)]
mod tests;

pub use deletion::{DELETION, Removal};
pub use originals::Original;
