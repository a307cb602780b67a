//! Adding tasks, handing them over, ending them; and the tasks that begin with a phase.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Action, Disclosed, Env, Error, Name, Reason, Result, TenantId, TenantScope};
use cordon_proto::incidents as wire;
use cordon_sla::agreement::Agreement;
use jiff::Timestamp;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::super::model::{Actor, Incident, State as IncidentState};
use super::super::read::scope;
use super::super::records::{Room, STEP};
use super::super::service::{Service, actor, etag, no_such_incident};
use super::super::store as incidents;
use super::convert;
use super::model::{self, Command, Mark, NewTask, Seen, State, Task};
use super::store;
use crate::rooms::access::Access;
use crate::rooms::agreements;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Most tasks of an incident.
const MAX_TASKS: i64 = 1_000;

/// Which task is meant, and what it must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) tenant: TenantId,
    pub(super) incident: Uuid,
    pub(super) id: Uuid,
    /// Empty for anything.
    pub(super) etag: String,
}

/// Begins, with a phase that an incident has come to, the tasks that the agreement in force has for
/// it. One of a kind that is still to be done is not doubled.
pub(in super::super) async fn begin_phase(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    incident: &Incident,
    by: &Actor,
    env: &Env,
) -> Result<()> {
    let (tenant, now) = (tx.tenant(), incident.updated);
    let Some(agreement) = agreements::in_force(tx.conn(), tenant, now).await? else {
        return Ok(());
    };
    let phase = model::of_agreement(incident.phase);
    let duties = agreement.duties().iter();
    let duties: Vec<_> = duties.filter(|duty| duty.phases.contains(&phase)).collect();
    if duties.is_empty() {
        return Ok(());
    }
    let open = store::open_kinds(tx.conn(), cipher, incident.id).await?;
    // In the order of the matrix, which ids of one moment would not keep.
    let mut ids: Vec<Uuid> = duties.iter().map(|_| env.uuid_v7()).collect();
    ids.sort();
    for (duty, id) in duties.into_iter().zip(ids) {
        if open.contains(&duty.task) {
            continue;
        }
        let etag = etag(env);
        let mark = Mark { id, etag, now };
        let change = model::begin(incident.id, duty.clone(), incident.phase, by, mark);
        store::apply(tx, cipher, &change).await?;
    }
    Ok(())
}

/// All of an incident's tasks as messages.
pub(in super::super) async fn recorded(
    scope: &TenantScope,
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    (incident, agreement): (Uuid, Option<&Agreement>),
    room: &mut Room,
) -> Result<Vec<wire::Task>> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let (rows, _) = store::list(conn, cipher, incident, &[], &after, STEP).await?;
        let Some(last) = rows.last() else {
            return Ok(all);
        };
        after = last.id.hyphenated().to_string();
        let rows = rows.into_iter().map(|task| {
            let seen = (scope.tenant().clone(), seen(task, agreement));
            convert::task(Disclosed::own(scope, seen))
        });
        room.take(rows.collect(), &mut all)?;
    }
}

fn seen(task: Task, agreement: Option<&Agreement>) -> Seen {
    let duty = agreement.and_then(|agreement| agreement.duty(&task.kind));
    Seen {
        duty: duty.cloned(),
        task,
    }
}

impl Service {
    pub(super) async fn create_task(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
        new: NewTask,
        request: RequestId,
    ) -> Result<Disclosed<(TenantId, Seen)>> {
        let action = Action::CreateTask;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let env = self.kernel.env();
        let by = actor(caller);
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        // Now that it is this call's turn.
        let now = env.now();
        if let Some(answer) = request.answered::<Seen>(&mut tx, &cipher, now).await? {
            drop(tx);
            let name = Name::Task(tenant.clone(), answer.task.incident, answer.task.id);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, (tenant, answer)));
        }
        let now = require_open(&mut tx, &cipher, incident, now).await?;
        if store::count(tx.conn(), &cipher, incident).await? >= MAX_TASKS {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the incident has as many tasks as it can have",
            ));
        }
        let agreement = agreements::in_force(tx.conn(), &tenant, now).await?;
        let duty = agreement.as_ref();
        let duty = duty
            .and_then(|agreement| agreement.duty(&new.kind))
            .cloned();
        let mark = Mark {
            id: env.uuid_v7(),
            etag: etag(env),
            now,
        };
        let change = model::add(incident, new, duty, &by, mark)?;
        store::apply(&mut tx, &cipher, &change).await?;
        let made = change.seen().clone();
        request.keep(&mut tx, &cipher, &made, now).await?;
        tx.require_keys(&cipher).await?;
        let name = Name::Task(tenant.clone(), incident, made.task.id);
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(Disclosed::own(&scope, (tenant, made)))
    }

    /// Does what `command` says, under the permit for `action`.
    pub(super) async fn change_task(
        &self,
        caller: &Caller,
        action: Action,
        target: Target,
        command: Command,
        request: RequestId,
    ) -> Result<Disclosed<(TenantId, Seen)>> {
        let Target {
            tenant,
            incident,
            id,
            etag: expected,
        } = target;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let env = self.kernel.env();
        let by = actor(caller);
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        // Now that it is this call's turn.
        let now = env.now();
        let name = Name::Task(tenant.clone(), incident, id);
        if let Some(answer) = request.answered(&mut tx, &cipher, now).await? {
            drop(tx);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, (tenant, answer)));
        }
        let before = store::find(tx.conn(), &cipher, (incident, id)).await?;
        let before = before.ok_or_else(no_such_task)?;
        let now = require_open(&mut tx, &cipher, incident, now).await?;
        if !expected.is_empty() && expected != before.etag {
            return Err(Error::new(
                Reason::EtagMismatch,
                "the task was changed meanwhile: read it again",
            ));
        }
        let agreement = agreements::in_force(tx.conn(), &tenant, now).await?;
        let before = seen(before, agreement.as_ref());
        let etag = etag(env);
        let change = model::decide(&before, command, &by, Mark { id, etag, now })?;
        store::apply(&mut tx, &cipher, &change).await?;
        let changed = change.seen().clone();
        request.keep(&mut tx, &cipher, &changed, now).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit).resource(name);
        let entry = match change.happened() {
            Some(_) => entry.detail("state", changed.task.state.as_str()),
            None => entry.detail("changed", "nothing"),
        };
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, (tenant, changed)))
    }

    pub(super) async fn get_task(
        &self,
        caller: &Caller,
        (tenant, incident, id): (TenantId, Uuid, Uuid),
    ) -> Result<Disclosed<(TenantId, Seen)>> {
        let action = Action::GetTask;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let now = self.kernel.env().now();
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let found = store::find(read.conn(), &cipher, (incident, id)).await?;
        let agreement = agreements::in_force(read.conn(), &tenant, now).await?;
        drop(read);
        let found = seen(found.ok_or_else(no_such_task)?, agreement.as_ref());
        let name = Name::Task(tenant.clone(), incident, id);
        let entry = AuditEntry::new(&permit).resource(name);
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, (tenant, found)))
    }

    pub(super) async fn list_tasks(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
        states: Vec<State>,
        page: PageRequest,
    ) -> Result<Page<Seen>> {
        let access = Access::within(&self.kernel, caller, &tenant, Action::ListTasks).await?;
        let name = Name::Incident(tenant.clone(), incident);
        let query = format!("{name}/{states:?}");
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let after = listing.after().await?.unwrap_or_default();
        let cipher = self.kernel.cipher(scope(&access)?).await?;
        let now = self.kernel.env().now();
        let mut read = access.read(&self.kernel).await?;
        let about = incidents::find(read.conn(), &cipher, incident).await?;
        about.ok_or_else(no_such_incident)?;
        let (conn, limit) = (read.conn(), listing.limit());
        let (rows, cut) = store::list(conn, &cipher, incident, &states, &after, limit).await?;
        let agreement = agreements::in_force(read.conn(), &tenant, now).await?;
        drop(read);
        let rows: Vec<Seen> = rows
            .into_iter()
            .map(|task| seen(task, agreement.as_ref()))
            .collect();
        let page = listing
            .page_of(rows, cut, |row| row.task.id.hyphenated().to_string())
            .await?;
        self.log_list(&access, name, page.rows.get().len()).await?;
        Ok(page)
    }
}

/// The time of a change: not before the incident's last, on whichever server's clock.
///
/// # Errors
/// `NOT_FOUND`; `FAILED_PRECONDITION` when the incident is closed.
async fn require_open(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    incident: Uuid,
    now: Timestamp,
) -> Result<Timestamp> {
    let about = incidents::find(tx.conn(), cipher, incident).await?;
    let about = about.ok_or_else(no_such_incident)?;
    if about.state == IncidentState::Closed {
        return Err(Error::new(
            Reason::FailedPrecondition,
            "the incident is closed: open it again first",
        ));
    }
    Ok(now.max(about.updated))
}

fn no_such_task() -> Error {
    Error::new(Reason::NotFound, "no such task")
}
