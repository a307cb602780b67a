//! Legal holds: reasons why a tenant must be kept.

use cordon_proto::tenants::{
    CreateLegalHoldRequest, ListLegalHoldsRequest, ReleaseLegalHoldRequest,
};

use super::{LegalHold, Tenants, named, pages, present};
use crate::client::{Call, call};
use crate::error::Result;
use crate::paging::{PAGE_SIZE, Paged};

impl Tenants {
    /// Has a tenant kept: while a hold lasts, the tenant is not deleted, whoever asks for it.
    /// The reference is the case or order that it rests on; it may be empty.
    ///
    /// Each call places a hold of its own.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when the reason has more than 1,000 characters or the reference more
    /// than 200, `FAILED_PRECONDITION` when the tenant is deleted.
    pub async fn create_hold(
        &self,
        tenant: &str,
        reason: &str,
        reference: &str,
    ) -> Result<LegalHold> {
        let message = CreateLegalHoldRequest {
            parent: named("tenants", tenant),
            legal_hold: Some(LegalHold {
                reason: reason.to_owned(),
                reference: reference.to_owned(),
                ..LegalHold::default()
            }),
        };
        present(call!(self, Call::ONCE, create_legal_hold(message))?.legal_hold)
    }

    /// The tenant's holds, oldest first, those that were released included.
    #[must_use]
    pub fn list_holds(&self, tenant: &str) -> Paged<LegalHold> {
        let parent = named("tenants", tenant);
        pages!(
            self,
            list_legal_holds,
            ListLegalHoldsRequest { parent: parent },
            legal_holds
        )
    }

    /// Ends a hold. A deletion that waits for it goes on within an hour. Takes the full name:
    /// `tenants/{tenant}/legalHolds/{hold}`. The reason is kept in the tenant's log.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn release_hold(&self, name: &str, reason: &str) -> Result<LegalHold> {
        let message = ReleaseLegalHoldRequest {
            name: name.to_owned(),
            reason: reason.to_owned(),
        };
        present(call!(self, Call::ONCE, release_legal_hold(message))?.legal_hold)
    }
}
