//! What was changed since, for keeping a copy in step.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};

use cordon_proto::incidents::ListIncidentsRequest;
use futures::{Stream, StreamExt as _};

use super::{Incident, Incidents, LONG_PAGE, too_many};
use crate::client::{Call, call};
use crate::error::{Error, Reason, Result};
use crate::paging::Paged;

/// Incidents that were changed behind a cursor; from [`Incidents::changed`].
#[derive(Debug)]
pub struct ChangedIncidents {
    items: Paged<Incident>,
    cursor: Arc<AtomicI64>,
    ended: bool,
}

impl ChangedIncidents {
    pub(super) fn new(room: Incidents, after: i64) -> Self {
        let cursor = Arc::new(AtomicI64::new(after));
        let noted = Arc::clone(&cursor);
        let parent = room.client.parent();
        let items = Paged::new(move |page_token| {
            let (room, parent, noted) = (room.clone(), parent.clone(), Arc::clone(&noted));
            async move {
                let mut message = ListIncidentsRequest {
                    parent: parent?,
                    page_token,
                    page_size: LONG_PAGE,
                    changed_after: Some(after),
                    ..ListIncidentsRequest::default()
                };
                loop {
                    let asked = message.clone();
                    match call!(room, Call::ENTERING, list_incidents(asked)) {
                        Ok(page) => {
                            // What a server that does not know the field answers is all there is.
                            let cursor = page.cursor.ok_or_else(|| {
                                Error::new(
                                    Reason::Unimplemented,
                                    "the server can't tell what was changed since",
                                )
                            })?;
                            noted.store(cursor, Ordering::Relaxed);
                            return Ok((page.incidents, page.next_page_token));
                        }
                        Err(error) if too_many(&error, message.page_size) => {
                            message.page_size /= 10;
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        });
        Self {
            items,
            cursor,
            ended: false,
        }
    }

    /// With which to ask the next time. `None` as long as the stream has not ended: what was not
    /// read yet would be missed.
    #[must_use]
    pub fn cursor(&self) -> Option<i64> {
        self.ended.then(|| self.cursor.load(Ordering::Relaxed))
    }
}

impl Stream for ChangedIncidents {
    type Item = Result<Incident>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.items.poll_next_unpin(context);
        if matches!(polled, Poll::Ready(None)) {
            self.ended = true;
        }
        polled
    }
}
