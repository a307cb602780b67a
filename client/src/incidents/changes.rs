//! Opening incidents, and what is done with them.

use cordon_proto::incidents as wire;

use super::{
    CloseCode, Incident, IncidentChanges, Incidents, NewIncident, Party, Phase, Severity, present,
};
use crate::client::{Call, call};
use crate::error::Result;
use crate::retry::unique_id;

impl Incidents {
    /// Opens an incident of the client's tenant, in the phase of identification. The next move is
    /// the provider's.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` says what is wrong with it.
    pub async fn create(&self, new: NewIncident) -> Result<Incident> {
        let message = wire::CreateIncidentRequest {
            parent: self.client.parent()?,
            incident: Some(new.into()),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, create_incident(message))?.incident)
    }

    /// Changes title, description or marking.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when there is nothing to change, `ETAG_MISMATCH` when somebody was
    /// faster, `FAILED_PRECONDITION` when the incident is closed.
    pub async fn update(
        &self,
        name: &str,
        changes: IncidentChanges,
        etag: &str,
    ) -> Result<Incident> {
        let message = wire::UpdateIncidentRequest {
            request_id: unique_id(),
            ..changes.request(self.name(name)?, etag)
        };
        present(call!(self, Call::ENTERING, update_incident(message))?.incident)
    }

    /// Says for the provider that it has taken note of the incident.
    ///
    /// # Errors
    ///
    /// `PERMISSION_DENIED` for the customer's side, `ETAG_MISMATCH` when somebody was faster,
    /// `FAILED_PRECONDITION` when the incident is closed.
    pub async fn acknowledge(&self, name: &str, etag: &str) -> Result<Incident> {
        let message = wire::AcknowledgeIncidentRequest {
            name: self.name(name)?,
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, acknowledge_incident(message))?.incident)
    }

    /// Moves the incident to another phase. The reason may be empty, but for going back.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when the phase does not follow, when there is no reason for going
    /// back, or when criteria for recovery are missing or not signed off by both sides;
    /// `ETAG_MISMATCH` when somebody was faster.
    pub async fn move_to(
        &self,
        name: &str,
        phase: Phase,
        reason: &str,
        etag: &str,
    ) -> Result<Incident> {
        let message = wire::MoveIncidentRequest {
            name: self.name(name)?,
            phase: phase.into(),
            reason: reason.to_owned(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, move_incident(message))?.incident)
    }

    /// Changes the severity. Asks for a reason.
    ///
    /// # Errors
    ///
    /// `ETAG_MISMATCH` when somebody was faster, `FAILED_PRECONDITION` when the incident is
    /// closed.
    pub async fn reclassify(
        &self,
        name: &str,
        severity: Severity,
        reason: &str,
        etag: &str,
    ) -> Result<Incident> {
        let message = wire::ReclassifyIncidentRequest {
            name: self.name(name)?,
            severity: severity.into(),
            reason: reason.to_owned(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, reclassify_incident(message))?.incident)
    }

    /// Hands the next move over to the other side. The reason says what is asked for.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when the move is not the caller's, `ETAG_MISMATCH` when somebody was
    /// faster.
    pub async fn hand_over(
        &self,
        name: &str,
        to: Party,
        reason: &str,
        etag: &str,
    ) -> Result<Incident> {
        let message = wire::HandOverIncidentRequest {
            name: self.name(name)?,
            to: to.into(),
            reason: reason.to_owned(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, hand_over_incident(message))?.incident)
    }

    /// Says what has to be true before recovery, in up to 50 sentences. What was signed off
    /// before is void.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when recovery has begun, `ETAG_MISMATCH` when somebody was faster.
    pub async fn set_criteria(
        &self,
        name: &str,
        criteria: &[String],
        etag: &str,
    ) -> Result<Incident> {
        let message = wire::SetCleanStateCriteriaRequest {
            name: self.name(name)?,
            criteria: criteria.to_vec(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, set_clean_state_criteria(message))?.incident)
    }

    /// Signs criteria off for the caller's side, by their places from 0; none are all. Here the
    /// etag is needed, so that nobody signs what was changed meanwhile.
    ///
    /// # Errors
    ///
    /// `ETAG_MISMATCH` when the incident was changed since it was read, `INVALID_ARGUMENT` when
    /// there is no criterion at a place, `FAILED_PRECONDITION` when there are none at all.
    pub async fn sign_off(&self, name: &str, places: &[i32], etag: &str) -> Result<Incident> {
        let message = wire::SignOffCleanStateRequest {
            name: self.name(name)?,
            criteria: places.to_vec(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, sign_off_clean_state(message))?.incident)
    }

    /// Closes the incident. The reason may be empty when it is resolved, which is what has come
    /// to the follow-up.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it is closed, can't be resolved yet, or the reason is missing;
    /// `ETAG_MISMATCH` when somebody was faster.
    pub async fn close(
        &self,
        name: &str,
        code: CloseCode,
        reason: &str,
        etag: &str,
    ) -> Result<Incident> {
        let message = wire::CloseIncidentRequest {
            name: self.name(name)?,
            code: code.into(),
            reason: reason.to_owned(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, close_incident(message))?.incident)
    }

    /// Opens a closed incident again, in the phase in which it was closed. Asks for a reason.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it is open, `ETAG_MISMATCH` when somebody was faster.
    pub async fn reopen(&self, name: &str, reason: &str, etag: &str) -> Result<Incident> {
        let message = wire::ReopenIncidentRequest {
            name: self.name(name)?,
            reason: reason.to_owned(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, reopen_incident(message))?.incident)
    }
}
