//! What both sides say about an incident.

use cordon_proto::incidents::{CreateCommentRequest, ListCommentsRequest, UpdateCommentRequest};

use super::{Comment, Incidents, LONG_PAGE, pages, present, too_many};
use crate::client::{Call, call};
use crate::error::Result;
use crate::paging::Paged;
use crate::retry::unique_id;

impl Incidents {
    /// Says something to both sides, in up to 20,000 characters.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is no such incident.
    pub async fn comment(&self, name: &str, text: &str) -> Result<Comment> {
        let message = CreateCommentRequest {
            parent: self.name(name)?,
            comment: Some(Comment {
                text: text.to_owned(),
                ..Comment::default()
            }),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, create_comment(message))?.comment)
    }

    /// Changes one's own comment; what it said before stays to be seen. Takes the full name:
    /// `tenants/{tenant}/incidents/{incident}/comments/{comment}`.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name, `PERMISSION_DENIED` when somebody else said
    /// it, `FAILED_PRECONDITION` when it was changed too often.
    pub async fn edit_comment(&self, name: &str, text: &str) -> Result<Comment> {
        let message = UpdateCommentRequest {
            comment: Some(Comment {
                name: name.to_owned(),
                text: text.to_owned(),
                ..Comment::default()
            }),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, update_comment(message))?.comment)
    }

    /// An incident's comments, oldest first.
    #[must_use]
    pub fn comments(&self, name: &str) -> Paged<Comment> {
        let request = self.name(name).map(|parent| ListCommentsRequest {
            parent,
            ..ListCommentsRequest::default()
        });
        pages!(
            self,
            Call::ENTERING,
            list_comments(request),
            comments by LONG_PAGE
        )
    }
}
