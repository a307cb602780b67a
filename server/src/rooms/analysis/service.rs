//! Asking questions, calling them off, asking again.

use std::sync::Arc;

use cordon_analysis::Question;
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::db::jobs::ANALYSE;
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{
    Action, Disclosed, Error, Home, Name, Permit, Reason, Result, TenantId, TenantScope,
};
use cordon_lake::Lake;
use cordon_sla::calendar::Calendar;
use cordon_sla::objective::{ObjectiveKind, Severity};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::model::{self, Analysis, Command, Mark, New};
use super::result::Kept;
use super::run::compile_rules;
use super::store;
use crate::rooms::access::Access;
use crate::rooms::detection::computed;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::requests::RequestId;
use crate::rooms::{agreements, incidents, tenants};
use crate::transport::Caller;

/// Most analyses of a tenant; and most that have not ended.
const MOST: i64 = 10_000;
const MOST_OPEN: i64 = 20;
/// How many make room at a time when there are too many.
const PRUNED: i64 = 100;

/// The service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
    pub(super) lake: Arc<Lake>,
}

/// An analysis and by which way it was read.
pub(super) struct Told {
    pub(super) analysis: Disclosed<Analysis>,
    pub(super) staff: bool,
}

impl Service {
    pub(super) async fn create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        new: New,
        request: RequestId,
    ) -> Result<Told> {
        let action = Action::CreateAnalysis;
        let (mut scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        // Understood before anybody has to wait for it.
        if let Question::Rule(rules) = &new.question {
            require_turn(&self.kernel, &scope).await?;
            let (lake, texts) = (Arc::clone(&self.lake), rules.texts.clone());
            let own = Arc::new(scope);
            let within = Arc::clone(&own);
            computed(move || compile_rules(&lake, &within, &texts).map(drop)).await?;
            scope = Arc::into_inner(own).ok_or_else(|| Error::internal("a scope that is held"))?;
        }
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let mark = self.mark(caller);
        let now = mark.now;
        if let Some(answer) = request.answered::<Analysis>(&mut tx, &cipher, now).await? {
            drop(tx);
            return self.told_again(&scope, &permit, tenant, answer).await;
        }
        require_room(&mut tx).await?;
        let promised = promised(&mut tx, new.incident.as_deref(), now).await?;
        let due = promised.and_then(|(within, hours)| hours.add_open(now, within).ok());
        let change = model::create(self.kernel.env().uuid_v7(), new, due, mark);
        store::apply(&mut tx, &cipher, &change, None).await?;
        let analysis = change.analysis().clone();
        request.keep(&mut tx, &cipher, &analysis, now).await?;
        if !model::human(&analysis.question) {
            tx.schedule_job(&job(analysis.id), now).await?;
        }
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Analysis(tenant, analysis.id))
            .detail("kind", analysis.question.kind().as_str());
        tx.commit(entry).await?;
        Ok(told(&scope, analysis))
    }

    pub(super) async fn rerun(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        request: RequestId,
    ) -> Result<Told> {
        let action = Action::RerunAnalysis;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let mark = self.mark(caller);
        let now = mark.now;
        if let Some(answer) = request.answered::<Analysis>(&mut tx, &cipher, now).await? {
            drop(tx);
            return self.told_again(&scope, &permit, tenant, answer).await;
        }
        let before = store::find(tx.conn(), &cipher, id).await?;
        let before = before.ok_or_else(no_such_analysis)?;
        require_room(&mut tx).await?;
        let name = Name::Analysis(tenant.clone(), id).to_string();
        let change = model::again(self.kernel.env().uuid_v7(), &before, name.clone(), mark)?;
        store::apply(&mut tx, &cipher, &change, None).await?;
        let analysis = change.analysis().clone();
        request.keep(&mut tx, &cipher, &analysis, now).await?;
        tx.schedule_job(&job(analysis.id), now).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Analysis(tenant, analysis.id))
            .detail("rerun_of", name);
        tx.commit(entry).await?;
        Ok(told(&scope, analysis))
    }

    pub(super) async fn cancel(
        &self,
        caller: &Caller,
        name: (TenantId, Uuid),
        expected: &str,
    ) -> Result<Told> {
        let what = (Action::CancelAnalysis, Command::Cancel);
        self.change(caller, name, what, expected, None).await
    }

    pub(super) async fn reply(
        &self,
        caller: &Caller,
        name: (TenantId, Uuid),
        text: String,
        request: RequestId,
    ) -> Result<Told> {
        let what = (Action::ReplyToAnalysis, Command::Reply(text));
        self.change(caller, name, what, "", Some(request)).await
    }

    /// Has something happen to an analysis.
    pub(super) async fn change(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        (action, command): (Action, Command),
        expected: &str,
        request: Option<RequestId>,
    ) -> Result<Told> {
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        // What an analyst says to the tenant is read at once.
        if let Command::AskBack(text) | Command::Decline(text) = &command {
            unnamed(&self.kernel, &scope, &permit, (id, text)).await?;
        }
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let mark = self.mark(caller);
        let now = mark.now;
        if let Some(request) = &request
            && let Some(answer) = request.answered::<Analysis>(&mut tx, &cipher, now).await?
        {
            drop(tx);
            return self.told_again(&scope, &permit, tenant, answer).await;
        }
        let before = store::find(tx.conn(), &cipher, id).await?;
        let before = before.ok_or_else(no_such_analysis)?;
        model::require(&before, expected)?;
        let mark = in_hours(&mut tx, &before, mark).await?;
        let change = model::decide(before, command, mark)?;
        store::apply(&mut tx, &cipher, &change, None).await?;
        let analysis = change.analysis().clone();
        if let Some(request) = &request {
            request.keep(&mut tx, &cipher, &analysis, now).await?;
        }
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Analysis(tenant, id))
            .detail("state", analysis.state.as_str());
        tx.commit(entry).await?;
        Ok(told(&scope, analysis))
    }

    pub(super) async fn get(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
    ) -> Result<Told> {
        let action = Action::GetAnalysis;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let found = self.find(&scope, id).await?;
        let entry = AuditEntry::new(&permit).resource(Name::Analysis(tenant, id));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(told(&scope, found))
    }

    pub(super) async fn find(&self, scope: &TenantScope, id: Uuid) -> Result<Analysis> {
        let cipher = self.kernel.cipher(scope).await?;
        let mut read = self.kernel.db().tenant_read(scope).await?;
        let found = store::find(read.conn(), &cipher, id).await?;
        found.ok_or_else(no_such_analysis)
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<(Page<Analysis>, bool)> {
        let access = Access::within(&self.kernel, caller, &tenant, Action::ListAnalyses).await?;
        let Access::Tenant(scope, permit) = &access else {
            return Err(Error::permission_denied());
        };
        let query = Name::Tenant(tenant.clone()).to_string();
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let before = listing.after().await?.unwrap_or_default();
        let cipher = self.kernel.cipher(scope).await?;
        let mut read = access.read(&self.kernel).await?;
        let (rows, cut) = store::list(read.conn(), &cipher, &before, listing.limit()).await?;
        drop(read);
        let place = |one: &Analysis| one.id.hyphenated().to_string();
        let page = listing.page_of(rows, cut, place).await?;
        let entry = AuditEntry::new(permit)
            .resource(Name::Tenant(tenant.clone()))
            .detail("count", page.rows.get().len());
        let staff = scope.entered().is_some();
        access
            .audit_read(&self.kernel, &Home::Tenant(tenant), entry)
            .await?;
        Ok((page, staff))
    }

    pub(super) fn mark(&self, caller: &Caller) -> Mark {
        let env = self.kernel.env();
        Mark {
            now: env.now(),
            by: caller.credential().principal().subject().to_owned(),
            etag: hex::encode(env.bytes::<16>()),
            hours: None,
        }
    }

    async fn told_again(
        &self,
        scope: &TenantScope,
        permit: &Permit,
        tenant: TenantId,
        answer: Analysis,
    ) -> Result<Told> {
        let entry = AuditEntry::new(permit)
            .resource(Name::Analysis(tenant, answer.id))
            .detail("again", "yes");
        self.kernel.db().audit_read(scope, entry).await?;
        Ok(told(scope, answer))
    }
}

pub(super) fn told(scope: &TenantScope, analysis: Analysis) -> Told {
    Told {
        analysis: Disclosed::own(scope, analysis),
        staff: scope.entered().is_some(),
    }
}

/// The job that answers it.
pub(super) fn job(id: Uuid) -> String {
    format!("{ANALYSE}:{}", id.hyphenated())
}

/// # Errors
/// `QUOTA_EXCEEDED` when the tenant has as many as it may.
async fn require_room(tx: &mut TenantTx<'_>) -> Result<()> {
    let tenant = tx.tenant();
    let (all, open) = store::counts(tx.conn(), tenant).await?;
    if open >= MOST_OPEN {
        return Err(many_open());
    }
    if all >= MOST {
        // The oldest of which nothing is kept make room, unless the law wants them.
        if tenants::is_held(tx.conn(), tenant).await? || store::prune(tx, PRUNED).await? == 0 {
            return Err(Error::new(
                Reason::QuotaExceeded,
                "a tenant has at most 10,000 analyses, and the answers of all of them are kept",
            ));
        }
    }
    Ok(())
}

/// As [`require_room`], of questions that are open, before much is done for another one.
async fn require_turn(kernel: &Kernel, scope: &TenantScope) -> Result<()> {
    let mut read = kernel.db().tenant_read(scope).await?;
    let (_, open) = store::counts(read.conn(), scope.tenant()).await?;
    if open >= MOST_OPEN {
        return Err(many_open());
    }
    Ok(())
}

fn many_open() -> Error {
    Error::new(
        Reason::QuotaExceeded,
        "20 questions of the tenant are open: wait for an answer, or call one off",
    )
}

async fn incident_severity(tx: &mut TenantTx<'_>, name: &str) -> Result<Severity> {
    let Name::Incident(_, id) = Name::parse("analysis.incident", name)? else {
        return Err(Error::internal("an incident by another name"));
    };
    let tenant = tx.tenant();
    let found = incidents::severity_of(tx.conn(), tenant, id).await?;
    found.ok_or_else(|| Error::new(Reason::NotFound, "no such incident"))
}

async fn severity(tx: &mut TenantTx<'_>, incident: Option<&str>) -> Result<Severity> {
    match incident {
        Some(name) => incident_severity(tx, name).await,
        None => Ok(Severity::Sev3),
    }
}

/// The time that the agreement in force promises an answer in, and in which hours it is counted; if it
/// promises any.
async fn promised(
    tx: &mut TenantTx<'_>,
    incident: Option<&str>,
    now: Timestamp,
) -> Result<Option<(SignedDuration, Calendar)>> {
    let severity = severity(tx, incident).await?;
    let tenant = tx.tenant();
    let Some(agreement) = agreements::in_force(tx.conn(), tenant, now).await? else {
        return Ok(None);
    };
    let target = agreement.target(ObjectiveKind::AnswerAnalysis, severity);
    Ok(target.map(|target| (target.within, target.calendar.clone())))
}

/// The mark of a change with the hours that count, where the tenant has had the move.
pub(super) async fn in_hours(tx: &mut TenantTx<'_>, before: &Analysis, mark: Mark) -> Result<Mark> {
    if before.waiting.is_none() || before.due.is_none() {
        return Ok(mark);
    }
    let promised = promised(tx, before.incident.as_deref(), mark.now).await?;
    let hours = promised.map(|(_, hours)| hours);
    Ok(Mark { hours, ..mark })
}

/// # Errors
/// `FAILED_PRECONDITION` with the places when what is said of an analysis to the scope's tenant names
/// other customers. Staff alone get it, and it stands in the provider's log, as trying texts would tell
/// who is one. Not in the tenant's: whom a text names depends on who else is a customer.
pub(super) async fn unnamed(
    kernel: &Kernel,
    scope: &TenantScope,
    permit: &Permit,
    (id, text): (Uuid, &str),
) -> Result<()> {
    let named = kernel.db().others_named(scope, text).await?;
    if named.is_empty() {
        return Ok(());
    }
    let entry = AuditEntry::new(permit)
        .resource(Name::Analysis(scope.tenant().clone(), id))
        .detail("refused", "it named other customers")
        .detail("places", named.len());
    kernel.db().audit_entered(scope, entry).await?;
    let places: Vec<String> = named
        .iter()
        .map(|one| {
            let before = text.get(..one.at).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            format!("{:?} at byte {} (line {line})", one.text, one.at)
        })
        .collect();
    Err(Error::new(
        Reason::FailedPrecondition,
        format!(
            "this names other customers: {}; have it changed before the tenant reads it",
            places.join(", ")
        ),
    ))
}

pub(super) fn no_such_analysis() -> Error {
    Error::new(Reason::NotFound, "no such analysis")
}

/// The answer of an analysis, as it is kept.
pub(super) async fn kept(
    kernel: &Kernel,
    scope: &TenantScope,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Kept>> {
    let mut read = kernel.db().tenant_read(scope).await?;
    let stored = store::result(read.conn(), cipher, id).await?;
    drop(read);
    match stored {
        Some(stored) => computed(move || Kept::from_stored(&stored)).await.map(Some),
        None => Ok(None),
    }
}
