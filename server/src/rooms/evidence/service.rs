//! Asking for snapshots, calling them off, and what is known of them.

use std::sync::Arc;

use cordon_evidence::manifest::Person;
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::db::jobs::ACQUIRE;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{
    Action, Disclosed, Error, Home, Name, Permit, Reason, Result, TenantId, TenantScope,
};
use cordon_lake::object::Objects;
use uuid::Uuid;

use super::acquire::mark;
use super::custody::{self, no_chain, person};
use super::model::{self, Command, Snapshot, Wanted};
use super::store;
use crate::config::Evidence;
use crate::rooms::access::Access;
use crate::rooms::incidents;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::requests::RequestId;
use crate::rooms::tenants::{self, Which};
use crate::transport::{Caller, Shares};

/// Most snapshots of a tenant; and most that are being taken or wait for it.
const MOST: i64 = 10_000;
const MOST_OPEN: i64 = 20;
/// Streams of bytes of one tenant at a time.
const STREAMS: usize = 8;

/// What can be asked of one snapshot.
pub(super) type Named = (TenantId, Uuid);

/// The service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
    pub(super) objects: Objects,
    pub(super) limits: Evidence,
    pub(super) streams: Arc<Shares<TenantId>>,
}

impl Service {
    pub(super) fn new(kernel: Arc<Kernel>, objects: Objects, limits: Evidence) -> Self {
        Self {
            kernel,
            objects,
            limits,
            streams: Shares::new(STREAMS),
        }
    }

    /// `of` is the instance, as it is named.
    pub(super) async fn create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        (of, mut wanted): (Which, Wanted),
        request: RequestId,
    ) -> Result<Disclosed<Snapshot>> {
        let action = Action::CreateSnapshot;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let id = self.kernel.env().uuid_v7();
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        if let Some(answer) = request.answered::<Snapshot>(&mut tx, &cipher, now).await? {
            drop(tx);
            return self.again(&scope, &permit, answer).await;
        }
        // Whose it is now, and not what the caller says.
        let held = tenants::instance_at(tx.conn(), &tenant, &of, now).await?;
        wanted.instance = held.ok_or_else(no_such_instance)?;
        if let Some(incident) = &wanted.incident {
            require_incident(&mut tx, incident).await?;
        }
        self.require_room(&mut tx).await?;
        drop(tx);
        // The key service may take its time: nobody waits for it here.
        let key = self.kernel.new_snapshot_key(&cipher, id).await?;
        let by = person(caller, &scope);
        let made = self.keep((&scope, &permit), (id, wanted, by, &key), request);
        match made.await {
            Ok(snapshot) if snapshot.id == id => Ok(Disclosed::own(&scope, snapshot)),
            other => {
                // Asked for by another call, or by none: the key is nobody's.
                self.kernel.destroy_snapshot_key(&cipher, id).await?;
                self.again(&scope, &permit, other?).await
            }
        }
    }

    /// Writes a snapshot that is asked for; or what the same call was answered before.
    async fn keep(
        &self,
        (scope, permit): (&TenantScope, &Permit),
        (id, wanted, by, key): (Uuid, Wanted, Person, &[u8]),
        request: RequestId,
    ) -> Result<Snapshot> {
        let cipher = self.kernel.cipher(scope).await?;
        let mut tx = self.kernel.db().tenant_tx(scope, permit).await?;
        let now = self.kernel.env().now();
        if let Some(answer) = request.answered::<Snapshot>(&mut tx, &cipher, now).await? {
            return Ok(answer);
        }
        self.require_room(&mut tx).await?;
        let change = model::create(id, wanted, by, key, mark(&self.kernel));
        store::apply(&mut tx, &cipher, &change).await?;
        let snapshot = change.snapshot().clone();
        request.keep(&mut tx, &cipher, &snapshot, now).await?;
        let job = format!("{ACQUIRE}:{}", id.hyphenated());
        tx.schedule_job(&job, now).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(permit)
            .resource(Name::Snapshot(scope.tenant().clone(), id))
            .detail("instance", &snapshot.wanted.instance)
            .detail("memory", snapshot.wanted.memory)
            .detail("disks", snapshot.wanted.disks)
            .detail("network", snapshot.wanted.network);
        tx.commit(entry).await?;
        Ok(snapshot)
    }

    /// # Errors
    /// `QUOTA_EXCEEDED` when the tenant has as many snapshots as it may.
    async fn require_room(&self, tx: &mut TenantTx<'_>) -> Result<()> {
        let tenant = tx.tenant();
        let usage = store::usage(tx.conn(), tenant).await?;
        let full = |message: String| Err(Error::new(Reason::QuotaExceeded, message));
        if usage.open >= MOST_OPEN {
            return full(format!(
                "{MOST_OPEN} snapshots are being taken: wait for one, or call one off"
            ));
        }
        if usage.all >= MOST {
            return full(format!("a tenant has at most {MOST} snapshots"));
        }
        let most = self.limits.max_tenant_bytes;
        if u64::try_from(usage.stored).is_ok_and(|stored| stored >= most) {
            return full(format!(
                "the snapshots of the tenant have {most} bytes, which is all that they may: delete some"
            ));
        }
        Ok(())
    }

    /// Answers a call that was made before as it was then.
    async fn again(
        &self,
        scope: &TenantScope,
        permit: &Permit,
        answer: Snapshot,
    ) -> Result<Disclosed<Snapshot>> {
        let name = Name::Snapshot(scope.tenant().clone(), answer.id);
        let entry = AuditEntry::new(permit)
            .resource(name)
            .detail("again", "yes");
        self.kernel.db().audit_read(scope, entry).await?;
        Ok(Disclosed::own(scope, answer))
    }

    pub(super) async fn cancel(
        &self,
        caller: &Caller,
        (tenant, id): Named,
    ) -> Result<Disclosed<Snapshot>> {
        let action = Action::CancelSnapshot;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let before = store::find(tx.conn(), &cipher, id).await?;
        let before = before.ok_or_else(no_such_snapshot)?;
        let change = model::decide(before, Command::Cancel, mark(&self.kernel))?;
        store::apply(&mut tx, &cipher, &change).await?;
        // Whoever takes it sees it within a second; if nobody does, this removes what is there.
        let job = format!("{ACQUIRE}:{}", id.hyphenated());
        tx.schedule_job(&job, self.kernel.env().now()).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Snapshot(tenant, id))
            .detail("state", change.snapshot().state.as_str());
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, change.snapshot().clone()))
    }

    pub(super) async fn find(&self, scope: &TenantScope, id: Uuid) -> Result<Snapshot> {
        let cipher = self.kernel.cipher(scope).await?;
        let mut read = self.kernel.db().tenant_read(scope).await?;
        let found = store::find(read.conn(), &cipher, id).await?;
        found.ok_or_else(no_such_snapshot)
    }

    pub(super) async fn get(
        &self,
        caller: &Caller,
        (tenant, id): Named,
    ) -> Result<Disclosed<Snapshot>> {
        let action = Action::GetSnapshot;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let found = self.find(&scope, id).await?;
        let entry = AuditEntry::new(&permit).resource(Name::Snapshot(tenant, id));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, found))
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<Snapshot>> {
        let access = Access::within(&self.kernel, caller, &tenant, Action::ListSnapshots).await?;
        let Access::Tenant(scope, permit) = &access else {
            return Err(Error::permission_denied());
        };
        let query = Name::Tenant(tenant.clone()).to_string();
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let before = listing.after().await?.unwrap_or_default();
        let cipher = self.kernel.cipher(scope).await?;
        let mut read = access.read(&self.kernel).await?;
        let rows = store::list(read.conn(), &cipher, &before, listing.limit()).await?;
        drop(read);
        let place = |one: &Snapshot| one.id.hyphenated().to_string();
        let page = listing.page(rows, place).await?;
        let entry = AuditEntry::new(permit)
            .resource(Name::Tenant(tenant.clone()))
            .detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Tenant(tenant), entry)
            .await?;
        Ok(page)
    }

    /// What was signed of a snapshot.
    pub(super) async fn manifest(
        &self,
        caller: &Caller,
        (tenant, id): Named,
    ) -> Result<Disclosed<Vec<u8>>> {
        let action = Action::GetManifest;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        self.find(&scope, id).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let envelope = store::manifest(read.conn(), &cipher, id).await?;
        drop(read);
        let envelope = envelope.ok_or_else(no_chain)?;
        let entry = AuditEntry::new(&permit).resource(Name::Snapshot(tenant, id));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, envelope))
    }

    /// Entries of the chain of custody from one on, where more begin, and what is signed of its end.
    pub(super) async fn custody(
        &self,
        caller: &Caller,
        (tenant, id): Named,
        (first, limit): (u64, i64),
    ) -> Result<Disclosed<(Vec<Vec<u8>>, u64, Vec<u8>)>> {
        let action = Action::ListCustodyEntries;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        // The end and the entries of one moment: what is signed is the end of what is shown.
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let found = store::find(read.conn(), &cipher, id).await?;
        let entries = custody::entries(read.conn(), &cipher, id, first, limit).await?;
        drop(read);
        let snapshot = found.ok_or_else(no_such_snapshot)?;
        let head = custody::sign_head(&self.kernel, &scope, &snapshot)?;
        let behind = first + entries.len() as u64;
        let last = snapshot.custody.as_ref().ok_or_else(no_chain)?.head();
        let next = if behind <= last.sequence { behind } else { 0 };
        let entry = AuditEntry::new(&permit)
            .resource(Name::Snapshot(tenant, id))
            .detail("count", entries.len());
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, (entries, next, head)))
    }
}

async fn require_incident(tx: &mut TenantTx<'_>, name: &str) -> Result<()> {
    let Name::Incident(_, id) = Name::parse("snapshot.incident", name)? else {
        return Err(Error::internal("an incident by another name"));
    };
    let tenant = tx.tenant();
    let found = incidents::severity_of(tx.conn(), tenant, id).await?;
    found
        .map(drop)
        .ok_or_else(|| Error::new(Reason::NotFound, "no such incident"))
}

pub(super) fn no_such_snapshot() -> Error {
    Error::new(Reason::NotFound, "no such snapshot")
}

fn no_such_instance() -> Error {
    Error::new(
        Reason::NotFound,
        "no instance of that name is registered for the tenant now: see `cordon admin resources list`, or \
         ask the provider",
    )
}
