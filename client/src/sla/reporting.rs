//! The deadlines of the law for an incident, and what they run from.

use cordon_proto::sla::{
    ListReportingDeadlinesRequest, RecordReportingFactRequest, ReportingDeadline, ReportingFact,
    reporting_fact::Fact,
};
use jiff::Timestamp;

use super::Sla;
use crate::client::{Call, call};
use crate::error::{Error, Reason, Result};
use crate::incidents::present;
use crate::retry::unique_id;
use crate::time::from_proto;

impl Sla {
    /// States for the caller's side something that deadlines of the law run from: its duties, when
    /// it became aware, how it classified the incident, or what it has submitted. A later statement
    /// corrects an earlier one.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it is the other side's to state; `INVALID_ARGUMENT` for a time to
    /// come, or a stage that the duty does not have.
    pub async fn state_fact(&self, incident: &str, fact: Fact) -> Result<ReportingFact> {
        let message = RecordReportingFactRequest {
            parent: self.client.incidents().name(incident)?,
            fact: Some(ReportingFact { fact: Some(fact) }),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, record_reporting_fact(message))?.fact)
    }

    /// An incident's deadlines of the law, and the moment for which the server computed them.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is no such incident.
    pub async fn deadlines(&self, incident: &str) -> Result<(Vec<ReportingDeadline>, Timestamp)> {
        let message = ListReportingDeadlinesRequest {
            parent: self.client.incidents().name(incident)?,
        };
        let answer = call!(self, Call::ENTERING, list_reporting_deadlines(message))?;
        let as_of = answer.as_of_time.as_ref().and_then(from_proto);
        let as_of = as_of
            .ok_or_else(|| Error::new(Reason::Internal, "the answer does not say of which time"))?;
        Ok((answer.deadlines, as_of))
    }
}
