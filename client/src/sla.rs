//! What was promised to a tenant about time, and how the clocks of its incidents stand.

mod agreement;
mod document;
mod logs;
mod report;
mod reporting;
mod watch;

use cordon_proto::sla::sla_service_client::SlaServiceClient;
pub use cordon_proto::sla::{
    Agreement, AlwaysOpen, Availability, Calendar, Clock, CreditTerm, DayOfWeek, IncidentClocks,
    Objective, ObjectiveKind, OfficeHours, OpenSpan, ReportingDeadline, ReportingDuty,
    ReportingFact, ReportingStage, Stretch,
    calendar::Open as CalendarOpen,
    clock::State as ClockState,
    credit_term::Basis as CreditBasis,
    reporting_deadline::State as DeadlineState,
    reporting_fact::{Duties as ReportingDuties, Fact as ReportingFactKind, Submission},
};
use cordon_proto::sla::{CreateAgreementRequest, ListAgreementsRequest, ListClocksRequest};
use jiff::Timestamp;

pub use self::agreement::to_agreement;
pub use self::document::ReportDocument;
pub use self::logs::to_timeline;
pub use self::report::{Reports, SignedReport, check_clocks, read_report};
pub use self::watch::{ClockWatch, ClocksUpdate};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::incidents::{LONG_PAGE, pages, present, too_many};
use crate::paging::Paged;
use crate::servers::Servers;
use crate::tenants::named;
use crate::time::from_proto;

/// Agreements and clocks; from [`Client::sla`].
///
/// A tenant is named with and without its collection: `acme` and `tenants/acme`. An incident is
/// named by its full name, and one of the client's tenant by its id alone.
#[derive(Debug, Clone)]
pub struct Sla {
    client: Client,
}

impl Sla {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> SlaServiceClient<Servers> {
        configured!(SlaServiceClient::new(self.client.servers()))
    }

    /// Makes the tenant's next agreement; for operators. `previous` is the full name of the one
    /// that it follows, which is the newest; `None` for the tenant's first. If that has no end, it
    /// ends where the new one begins.
    ///
    /// A call that is lost on the way is not repeated by itself. Whoever repeats it makes no
    /// second agreement: the first one is then the newest, and the call is refused.
    ///
    /// # Errors
    ///
    /// `ETAG_MISMATCH` when the newest agreement is not `previous`; `INVALID_ARGUMENT` says what
    /// is wrong with the agreement, field by field.
    pub async fn create_agreement(
        &self,
        tenant: &str,
        agreement: Agreement,
        previous: Option<&str>,
    ) -> Result<Agreement> {
        let message = CreateAgreementRequest {
            parent: named("tenants", tenant),
            agreement: Some(agreement),
            previous: previous.unwrap_or_default().to_owned(),
        };
        present(call!(self, Call::ONCE, create_agreement(message))?.agreement)
    }

    /// The tenant's agreements, the newest first.
    #[must_use]
    pub fn list_agreements(&self, tenant: &str) -> Paged<Agreement> {
        let request = Ok::<_, Error>(ListAgreementsRequest {
            parent: named("tenants", tenant),
            ..ListAgreementsRequest::default()
        });
        pages!(
            self,
            Call::SAFE,
            list_agreements(request),
            agreements by LONG_PAGE
        )
    }

    /// An incident's clocks in the order in which they were started, and the moment for which the
    /// server computed them.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is no such incident.
    pub async fn clocks(&self, incident: &str) -> Result<(Vec<Clock>, Timestamp)> {
        let message = ListClocksRequest {
            parent: self.client.incidents().name(incident)?,
        };
        let answer = call!(self, Call::ENTERING, list_clocks(message))?;
        let as_of = answer.as_of_time.as_ref().and_then(from_proto);
        let as_of = as_of
            .ok_or_else(|| Error::new(Reason::Internal, "the answer does not say of which time"))?;
        Ok((answer.clocks, as_of))
    }
}
