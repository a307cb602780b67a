//! What analysts do with a question, and what stands between an answer and the tenant.

use cordon_analysis::{Answer, Cell};
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Error, Home, Name, Reason, Result, TenantId};
use uuid::Uuid;

use super::super::model::{self, Analysis, Command};
use super::super::result::{self, Made};
use super::super::run::make_room;
use super::super::service::{Service, Told, in_hours, kept, no_such_analysis, told, unnamed};
use super::super::store::{self, Place, Queued};
use super::findings::HandedIn;
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

impl Service {
    pub(super) async fn queue(&self, caller: &Caller, page: PageRequest) -> Result<Page<Queued>> {
        let action = Action::ListAnalysisQueue;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let access = Access::Provider(scope, permit);
        let listing = Listing::new(&self.kernel, &access, "queue", page);
        let after: Option<Place> = match listing.after().await? {
            Some(after) => Some(serde_json::from_str(&after).map_err(Error::internal)?),
            None => None,
        };
        let mut read = access.read(&self.kernel).await?;
        let rows = store::queue(read.conn(), after, listing.limit()).await?;
        drop(read);
        let place = |row: &Queued| serde_json::to_string(&row.place()).unwrap_or_default();
        let page = listing.page(rows, place).await?;
        let entry = AuditEntry::new(access.permit()).detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Provider, entry)
            .await?;
        Ok(page)
    }

    pub(super) async fn claim(
        &self,
        caller: &Caller,
        name: (TenantId, Uuid),
        expected: &str,
        take_over: bool,
    ) -> Result<Told> {
        let what = (Action::ClaimAnalysis, Command::Claim { take_over });
        self.change(caller, name, what, expected, None).await
    }

    pub(super) async fn ask_back(
        &self,
        caller: &Caller,
        name: (TenantId, Uuid),
        text: String,
        request: RequestId,
    ) -> Result<Told> {
        let what = (Action::AskBackAnalysis, Command::AskBack(text));
        self.change(caller, name, what, "", Some(request)).await
    }

    pub(super) async fn decline(
        &self,
        caller: &Caller,
        name: (TenantId, Uuid),
        text: String,
        request: RequestId,
    ) -> Result<Told> {
        let what = (Action::DeclineAnalysis, Command::Decline(text));
        self.change(caller, name, what, "", Some(request)).await
    }

    pub(super) async fn give_back(
        &self,
        caller: &Caller,
        name: (TenantId, Uuid),
        text: String,
    ) -> Result<Told> {
        let what = (Action::ReturnAnalysisResult, Command::Return(text));
        self.change(caller, name, what, "", None).await
    }

    /// Keeps an answer for the second analyst to read.
    pub(super) async fn submit(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        handed_in: HandedIn,
        request: RequestId,
    ) -> Result<Told> {
        let action = Action::SubmitAnalysisResult;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let analysis = self.find(&scope, id).await?;
        let times = analysis.scope.ns();
        let inputs = self.lake.inputs(&scope, times, None).await?;
        let made = Made {
            method: &handed_in.method,
            plan_version: handed_in.answer.plan_version,
            inputs: &inputs,
            scanned: 0,
            released_by: "",
        };
        let (outcome, kept) =
            result::seal(&self.kernel, &scope, &analysis, &handed_in.answer, &made)?;
        let sealed = store::seal_result(&cipher, id, &kept.to_stored()?)?;
        let bytes = sealed.bytes;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let mark = self.mark(caller);
        let now = mark.now;
        if let Some(answer) = request.answered::<Analysis>(&mut tx, &cipher, now).await? {
            drop(tx);
            let entry = AuditEntry::new(&permit)
                .resource(Name::Analysis(tenant, id))
                .detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(told(&scope, answer));
        }
        let before = store::find(tx.conn(), &cipher, id).await?;
        let before = before.ok_or_else(no_such_analysis)?;
        let mark = in_hours(&mut tx, &before, mark).await?;
        let change = model::decide(before, Command::Submit(outcome), mark)?;
        make_room(&mut tx, &cipher, bytes, &self.mark(caller)).await?;
        store::keep_result(&mut tx, id, sealed).await?;
        store::apply(&mut tx, &cipher, &change, Some(bytes)).await?;
        let analysis = change.analysis().clone();
        request.keep(&mut tx, &cipher, &analysis, now).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Analysis(tenant, id))
            .detail("state", analysis.state.as_str());
        tx.commit(entry).await?;
        Ok(told(&scope, analysis))
    }

    /// Releases an answer that names no other customer.
    pub(super) async fn release(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        expected: &str,
    ) -> Result<Told> {
        let action = Action::ReleaseAnalysisResult;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let seen = self.find(&scope, id).await?;
        model::require(&seen, expected)?;
        let answer = kept(&self.kernel, &scope, &cipher, id).await?;
        let answer = answer
            .ok_or_else(|| Error::new(Reason::FailedPrecondition, "no answer was handed in yet"))?;
        // Who it is by is signed too: what is released is sealed anew by who releases it.
        let shown = answer.shown()?;
        let method = seen
            .outcome
            .as_ref()
            .map_or("", |outcome| outcome.method.as_str());
        let words = words(&shown, method);
        unnamed(&self.kernel, &scope, &permit, (id, &words)).await?;
        let mark = self.mark(caller);
        // Of when it was handed in: what came since was not looked at.
        let head = seen.outcome.as_ref().map(|outcome| outcome.head);
        let inputs = self.lake.inputs(&scope, seen.scope.ns(), head).await?;
        let made = Made {
            method,
            plan_version: shown.plan_version,
            inputs: &inputs,
            scanned: 0,
            released_by: "two analysts",
        };
        let (outcome, kept) = result::seal(&self.kernel, &scope, &seen, &shown, &made)?;
        let sealed = store::seal_result(&cipher, id, &kept.to_stored()?)?;
        let bytes = sealed.bytes;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let before = store::find(tx.conn(), &cipher, id).await?;
        let before = before.ok_or_else(no_such_analysis)?;
        // What was looked through is what is released.
        model::require(&before, &seen.etag)?;
        let change = model::decide(before, Command::Release(outcome), mark)?;
        store::keep_result(&mut tx, id, sealed).await?;
        store::apply(&mut tx, &cipher, &change, Some(bytes)).await?;
        let analysis = change.analysis().clone();
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Analysis(tenant, id))
            .detail("state", analysis.state.as_str());
        tx.commit(entry).await?;
        Ok(told(&scope, analysis))
    }
}

/// All that an answer says, each on a line of its own. As people read it: in its JSON what stands after
/// a line's end would begin with that end's letter.
fn words(answer: &Answer, method: &str) -> String {
    let mut all = vec![method.to_owned()];
    for table in &answer.tables {
        all.extend([table.name.clone(), table.title.clone()]);
        all.extend(table.columns.iter().map(|column| column.name.clone()));
        all.extend(table.rows.iter().flatten().filter_map(|cell| match cell {
            Cell::Text(text) => Some(text.clone()),
            Cell::Integer(number) => Some(number.to_string()),
            Cell::Empty | Cell::Float(_) => None,
        }));
    }
    all.extend(answer.remarks.iter().map(|remark| remark.message.clone()));
    all.join("\n")
}
