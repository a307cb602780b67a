//! What rules found, and how it stands with it.

use cordon_proto::detection as wire;
use cordon_proto::detection::findings_service_client::FindingsServiceClient;

use super::{Finding, FindingStatus, FindingWatch, Level};
use crate::client::{Call, Client, call, configured};
use crate::error::Result;
use crate::incidents::{LONG_PAGE, pages, present, too_many};
use crate::paging::Paged;
use crate::retry::unique_id;
use crate::servers::Servers;

/// What rules found in one tenant's events; from [`Client::findings`].
///
/// A finding is named by its full name, `tenants/{tenant}/findings/{finding}`, and one of the
/// client's tenant by its id alone.
#[derive(Debug, Clone)]
pub struct Findings {
    pub(super) client: Client,
}

/// Which findings; an empty list and `None` are for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// Of these statuses alone.
    pub statuses: Vec<FindingStatus>,
    /// Of rules of this level or a worse one alone.
    pub min_level: Option<Level>,
}

impl Findings {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(super) fn rpc(&self) -> FindingsServiceClient<Servers> {
        configured!(FindingsServiceClient::new(self.client.servers()))
    }

    /// The full name of a finding: takes the full name, and the id of a finding of the client's
    /// tenant.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for an id alone when the client has no tenant.
    pub fn name(&self, name: &str) -> Result<String> {
        if name.starts_with("tenants/") {
            return Ok(name.to_owned());
        }
        let id = name.strip_prefix("findings/").unwrap_or(name);
        Ok(format!("{}/findings/{id}", self.client.parent()?))
    }

    /// One finding, with its OCSF event.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<Finding> {
        let message = wire::GetFindingRequest {
            name: self.name(name)?,
        };
        present(call!(self, Call::ENTERING, get_finding(message))?.finding)
    }

    /// The tenant's findings that pass a filter, newest first. Without their OCSF events.
    #[must_use]
    pub fn list(&self, filter: FindingFilter) -> Paged<Finding> {
        let request = self
            .client
            .parent()
            .map(|parent| wire::ListFindingsRequest {
                parent,
                statuses: filter.statuses.into_iter().map(i32::from).collect(),
                min_level: filter.min_level.unwrap_or_default().into(),
                ..wire::ListFindingsRequest::default()
            });
        pages!(
            self,
            Call::ENTERING,
            list_findings(request),
            findings by LONG_PAGE
        )
    }

    /// Says how it stands with a finding, and why in up to 2,000 characters; what was said before
    /// goes. The etag is the finding's as it was read, or empty. The call is marked with an
    /// id of its own, so that it is repeated after a lost connection and done once.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` says what is wrong with the comment, `ETAG_MISMATCH` when the finding
    /// was changed since it was read, by more events too.
    pub async fn update(
        &self,
        name: &str,
        status: FindingStatus,
        comment: &str,
        etag: &str,
    ) -> Result<Finding> {
        let message = wire::UpdateFindingRequest {
            name: self.name(name)?,
            status: status.into(),
            comment: comment.to_owned(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, update_finding(message))?.finding)
    }

    /// Follows findings as they are made and change: behind a cursor, behind 0 all there are, and
    /// from now on if there is none. One that changed twice in between comes once, as it is.
    ///
    /// A connection that is lost is taken up again from the last cursor.
    #[must_use]
    pub fn watch(&self, cursor: Option<i64>) -> FindingWatch {
        FindingWatch::new(self.clone(), cursor)
    }
}
