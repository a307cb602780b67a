//! The job that opens incidents of findings.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::db::jobs::JobClaim;
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Env, Error, Name, Result};
use jiff::Timestamp;
use uuid::Uuid;

use super::super::model::{Incident, NewIncident, create, create_comment};
use super::super::service::{etag, no_such_incident};
use super::super::{links, store as incidents, tasks};
use super::model::{self, Act};
use super::store::{self, Kind};
use crate::rooms::detection::{self, Found};

/// Findings that are decided on in one transaction.
const STEP: i64 = 32;
/// Such transactions before others get their turn.
const STEPS: usize = 64;
/// Who speaks in such an incident: nobody's credential, so that nobody changes it.
const NO_CREDENTIAL: &str = "";

/// Decides on what was found since the last time; when there is more to decide on, if there may be.
///
/// # Errors
/// `ETAG_MISMATCH` when another server does so meanwhile; `UNAVAILABLE` when something can't be reached.
pub(crate) async fn escalate(kernel: &Kernel, claim: &JobClaim) -> Result<Option<Timestamp>> {
    for _ in 0..STEPS {
        if !step(kernel, claim).await? {
            return Ok(None);
        }
    }
    Ok(Some(kernel.env().now()))
}

/// Decides on some findings; whether there may be more.
async fn step(kernel: &Kernel, claim: &JobClaim) -> Result<bool> {
    let (scope, permit) = kernel.job_scope(claim);
    let cipher = kernel.cipher(&scope).await?;
    let mut read = kernel.db().tenant_read(&scope).await?;
    let policy = store::find(read.conn(), &cipher).await?;
    let head = detection::last(read.conn(), scope.tenant()).await?;
    drop(read);
    if !policy.enabled || policy.seen >= head {
        return Ok(false);
    }
    let mut tx = kernel.db().tenant_tx(&scope, &permit).await?;
    tx.require_claim(claim).await?;
    // What is decided on does not change meanwhile.
    detection::hold(&mut tx).await?;
    let found = detection::changed(tx.conn(), &cipher, policy.seen, STEP).await?;
    let Some(last) = found.last().map(|found| found.seq) else {
        return Ok(false);
    };
    if !store::advance(&mut tx, &policy, last).await? {
        return Ok(true);
    }
    let mut opened = 0_u64;
    for found in &found {
        let went = store::went(&mut tx, found.id).await?;
        let hour = store::hour(&mut tx, kernel.env().now()).await?;
        let act = model::decide(&policy, found, went, hour);
        let mut opening = Opening {
            tx: &mut tx,
            cipher: &cipher,
            env: kernel.env(),
            found,
        };
        let tenant = scope.tenant();
        match act {
            Act::Pass => {}
            Act::Tell(incident) => {
                opening
                    .say(incident, model::going_on(tenant, found))
                    .await?;
                store::note_told(&mut tx, found.id, found.count).await?;
            }
            Act::Open => {
                let new = model::incident_of(tenant, found);
                let incident = opening.open(new).await?;
                opening.link(incident, Kind::Opened).await?;
                opened += 1;
            }
            Act::Gather => {
                let new = model::gathering(tenant, &policy, found);
                let incident = opening.open(new).await?;
                opening.link(incident, Kind::Collected).await?;
                opened += 1;
            }
            Act::Collect(incident) => opening.link(incident, Kind::Collected).await?,
        }
    }
    tx.require_keys(&cipher).await?;
    let entry = AuditEntry::new(&permit)
        .resource(Name::DetectionPolicy(scope.tenant().clone()))
        .detail("incidents", opened);
    tx.commit(entry).await?;
    Ok(true)
}

/// What is done about one finding.
struct Opening<'a, 's> {
    tx: &'a mut TenantTx<'s>,
    cipher: &'a TenantCipher,
    env: &'a Env,
    found: &'a Found,
}

impl Opening<'_, '_> {
    /// Opens an incident, as anybody else's is opened.
    async fn open(&mut self, new: NewIncident) -> Result<Uuid> {
        let (by, env) = (model::actor(), self.env);
        let number = incidents::next_number(self.tx).await?;
        let change = create(new, &by, env.uuid_v7(), number, etag(env), env.now());
        incidents::apply(self.tx, self.cipher, &change).await?;
        tasks::begin_phase(self.tx, self.cipher, change.incident(), &by, env).await?;
        Ok(change.incident().id)
    }

    /// Says something in an incident.
    async fn say(&mut self, incident: Uuid, text: String) -> Result<()> {
        let now = self.time(incident).await?;
        let (by, id) = (model::actor(), self.env.uuid_v7());
        let comment = create_comment(incident, text, &by, NO_CREDENTIAL.to_owned(), id, now);
        incidents::apply_comment(self.tx, self.cipher, &comment).await
    }

    /// Links an incident to the finding, and the finding to the incident. An incident with as many links
    /// as there can be has the finding all the same: the finding names it.
    async fn link(&mut self, incident: Uuid, kind: Kind) -> Result<()> {
        let now = self.time(incident).await?;
        let tenant = self.tx.tenant().clone();
        let by = model::actor();
        let link = links::Link {
            id: self.env.uuid_v7(),
            incident,
            resource: Name::Finding(tenant.clone(), self.found.id).to_string(),
            created: now,
            said: links::Said {
                actor: by.clone(),
                reason: String::new(),
            },
        };
        links::add(self.tx, self.cipher, &link).await?;
        let name = Name::Incident(tenant, incident);
        let about = (self.found.id, &name);
        detection::take_up(self.tx, self.cipher, self.env, about, &by.subject).await?;
        let went = (self.found.id, incident);
        store::note_went(self.tx, went, kind, self.env.now(), self.found.count).await
    }

    /// Now, on whichever server's clock: not before the incident's last change.
    async fn time(&mut self, incident: Uuid) -> Result<Timestamp> {
        let about: Option<Incident> =
            incidents::find(self.tx.conn(), self.cipher, incident).await?;
        let about = about
            .ok_or_else(no_such_incident)
            .map_err(Error::internal)?;
        Ok(self.env.now().max(about.updated))
    }
}
