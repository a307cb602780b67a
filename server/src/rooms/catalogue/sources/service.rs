//! Listing data sources, ranking them, and setting techniques against them.

use cordon_attack::{Attack, IncidentKind, Matrix, Platform, Question, Recommendation, SourceType};
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::segments::SourceProgress;
use cordon_kernel::{
    Action, Disclosed, Error, EventName, Name, Reason, Result, TenantId, TenantScope,
};
use cordon_lake::schema::{Column, Columns};
use cordon_lake::{Events, filled};
use jiff::SignedDuration;

use super::super::rpc::Room;
use super::super::services;
use super::convert::Recommend;
use super::measure::{self, Lag, Seen};
use super::offered::{Offer, Offers};
use crate::transport::Caller;

/// Back to when it is looked, if nobody says.
const USUAL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A kind of records with what is measured of it.
#[derive(Debug, Clone)]
pub(in super::super) struct DataSource {
    pub(super) kind: SourceType,
    pub(super) offer: Offer,
    pub(super) events: u64,
    pub(super) lag: Option<Lag>,
    pub(super) progress: Vec<SourceProgress>,
}

/// What somebody asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    Technique(String),
    Tactic(String),
    Incident(IncidentKind),
    Operation(SourceType, String),
    Event(EventName),
}

/// Ranked sources, and why each has the access that it has.
#[derive(Debug)]
pub(in super::super) struct Recommended {
    /// Of ATT&CK.
    pub(super) version: &'static str,
    pub(super) answer: Recommendation<'static>,
    pub(super) offers: Offers,
}

impl Room {
    pub(in super::super) async fn list_data_sources(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        since: Option<i64>,
    ) -> Result<Disclosed<Vec<DataSource>>> {
        let action = Action::ListDataSources;
        let (scope, permit) = caller.tenant_scope(&self.kernel, tenant, action).await?;
        let entry = AuditEntry::new(&permit).resource(Name::Tenant(tenant.clone()));
        self.kernel.db().audit_read(&scope, entry).await?;
        let (offers, seen) = self.offers(&scope, since).await?;
        let mut progress = seen.progress(&self.lake, &scope).await?;
        let mut all = Vec::with_capacity(SourceType::ALL.len());
        for kind in SourceType::ALL {
            let Some(offer) = offers.get(kind) else {
                continue;
            };
            let events = seen.events(kind);
            let lag = match events {
                0 => None,
                _ => measure::lag(&self.lake, &scope, kind, seen.since).await?,
            };
            all.push(DataSource {
                kind,
                offer: offer.clone(),
                events,
                lag,
                progress: progress.remove(&kind).unwrap_or_default(),
            });
        }
        Ok(Disclosed::own(&scope, all))
    }

    pub(in super::super) async fn recommend_sources(
        &self,
        caller: &Caller,
        asked: Recommend,
    ) -> Result<Disclosed<Recommended>> {
        let Recommend {
            tenant,
            ask,
            since,
            platforms,
        } = asked;
        let action = Action::RecommendSources;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let name = match &ask {
            Ask::Event(event) => Name::Event(tenant, *event),
            _ => Name::Tenant(tenant),
        };
        let entry = AuditEntry::new(&permit).resource(name);
        self.kernel.db().audit_read(&scope, entry).await?;
        let ask = match ask {
            Ask::Event(event) => self.operation_of(&scope, event).await?,
            ask => ask,
        };
        let (field, question) = match &ask {
            Ask::Technique(id) => ("technique", Question::Technique(id)),
            Ask::Tactic(name) => ("tactic", Question::Tactic(name)),
            Ask::Incident(kind) => ("incident_kind", Question::Incident(*kind)),
            Ask::Operation(source, operation) => {
                let source = *source;
                ("operation", Question::Event { source, operation })
            }
            Ask::Event(_) => return Err(Error::internal("an event without its operation")),
        };
        let (offers, seen) = self.offers(&scope, since).await?;
        let available = offers.available(&seen, &platforms);
        let attack = attack()?;
        let answer = attack
            .recommend(&question, &available)
            .map_err(|error| Error::invalid(field, error.to_string()))?;
        let recommended = Recommended {
            version: attack.version(),
            answer,
            offers,
        };
        Ok(Disclosed::own(&scope, recommended))
    }

    pub(in super::super) async fn get_coverage(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        since: Option<i64>,
        platforms: Vec<Platform>,
    ) -> Result<Disclosed<Matrix<'static>>> {
        let action = Action::GetCoverage;
        let (scope, permit) = caller.tenant_scope(&self.kernel, tenant, action).await?;
        let entry = AuditEntry::new(&permit).resource(Name::Tenant(tenant.clone()));
        self.kernel.db().audit_read(&scope, entry).await?;
        let (offers, seen) = self.offers(&scope, since).await?;
        let available = offers.available(&seen, &platforms);
        let attack = attack()?;
        let techniques = attack.techniques_on(available.platforms());
        Ok(Disclosed::own(
            &scope,
            attack.coverage(&available, &techniques),
        ))
    }

    async fn offers(&self, scope: &TenantScope, since: Option<i64>) -> Result<(Offers, Seen)> {
        let mut read = self.kernel.db().tenant_read(scope).await?;
        let services = services::all(read.conn(), scope.tenant()).await?;
        drop(read);
        let since = since.unwrap_or_else(|| measure::before(self.kernel.env().now(), USUAL));
        let seen = measure::seen(&self.lake, scope, since).await?;
        Ok((Offers::new(&services, &seen), seen))
    }

    /// What was done in an event of the tenant's.
    async fn operation_of(&self, scope: &TenantScope, event: EventName) -> Result<Ask> {
        let columns = Columns::of(&[Column::SourceType, Column::Operation]);
        let batch = self.lake.get(scope, &event, columns).await?;
        let batch = batch
            .filter(|batch| batch.num_rows() > 0)
            .ok_or_else(|| Error::new(Reason::NotFound, "no such event"))?;
        let batch = filled(&batch)?;
        let events = Events::new(&batch)?;
        let row = events.row(0, &[]);
        let kind = row.source_type.as_str().parse::<SourceType>();
        let kind = kind.map_err(|error| Error::invalid("event", error.to_string()))?;
        Ok(Ask::Operation(kind, row.operation.to_owned()))
    }
}

fn attack() -> Result<&'static Attack> {
    Attack::embedded().map_err(Error::internal)
}
