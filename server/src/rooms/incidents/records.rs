//! All that both sides can read of an incident, as the methods that list it would answer.

use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Disclosed, Error, Reason, Result, TenantScope};
use cordon_proto::incidents as wire;
use jiff::Timestamp;
use prost::Message;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::model::Comment;
use super::service::no_such_incident;
use super::{attachments, convert, store, tasks};
use crate::rooms::agreements;

/// Rows that are read at a time.
pub(super) const STEP: i64 = 200;

/// An incident with what happened and what was said, put down and attached.
pub(crate) struct Records {
    pub(crate) incident: wire::Incident,
    pub(crate) comments: Vec<wire::Comment>,
    pub(crate) timeline: Vec<wire::TimelineEntry>,
    pub(crate) tasks: Vec<wire::Task>,
    pub(crate) attachments: Vec<wire::Attachment>,
}

/// How much more may be read.
pub(super) struct Room {
    bytes: usize,
}

impl Room {
    pub(super) fn take<M: Message>(&mut self, messages: Vec<M>, into: &mut Vec<M>) -> Result<()> {
        for message in messages {
            let left = self.bytes.checked_sub(message.encoded_len());
            self.bytes = left.ok_or_else(too_large)?;
            into.push(message);
        }
        Ok(())
    }
}

/// That an incident has more than one answer holds.
pub(crate) fn too_large() -> Error {
    Error::new(
        Reason::TooLarge,
        "more is recorded of the incident than one report holds: export its timeline instead",
    )
}

/// What is recorded of an incident, up to so many bytes of messages; read in one transaction, it is
/// of one moment.
///
/// # Errors
/// `NOT_FOUND`; `TOO_LARGE`; `UNAVAILABLE` when the database can't be reached.
pub(crate) async fn records(
    scope: &TenantScope,
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    (id, now): (Uuid, Timestamp),
    bytes: usize,
) -> Result<Records> {
    let tenant = scope.tenant();
    let found = store::find(conn, cipher, id).await?;
    let found = found.ok_or_else(no_such_incident)?;
    let mut room = Room { bytes };
    let mut incident = Vec::with_capacity(1);
    let shown = convert::incident(tenant, Disclosed::own(scope, found));
    room.take(vec![shown], &mut incident)?;

    let mut timeline = Vec::new();
    let mut after = 0;
    loop {
        let rows = store::entries(conn, cipher, Some(id), after, STEP).await?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        let rows = rows.into_iter().map(|row| Disclosed::own(scope, row));
        let shown = rows.map(|row| convert::entry(tenant, row)).collect();
        room.take(shown, &mut timeline)?;
    }

    let mut comments = Vec::new();
    let mut after = None;
    loop {
        let (rows, _) = store::comments(conn, cipher, id, after, STEP).await?;
        let Some(last) = rows.last() else { break };
        after = Some(place(last));
        let rows = rows.into_iter().map(|row| (tenant.clone(), row));
        let rows = rows.map(|row| Disclosed::own(scope, row));
        room.take(rows.map(convert::comment).collect(), &mut comments)?;
    }

    let agreement = agreements::in_force(conn, tenant, now).await?;
    let agreement = agreement.as_ref();
    let tasks = tasks::recorded(scope, conn, cipher, (id, agreement), &mut room).await?;
    let attachments = attachments::recorded(scope, conn, cipher, id, &mut room).await?;
    Ok(Records {
        incident: incident.pop().unwrap_or_default(),
        comments,
        timeline,
        tasks,
        attachments,
    })
}

fn place(comment: &Comment) -> (i64, String) {
    let time = cordon_kernel::db::nanos(comment.created);
    (time, store::text(comment.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_more_than_there_is_room_for_is_refused() {
        let task = wire::Task {
            title: "t".repeat(100),
            ..wire::Task::default()
        };
        let size = task.encoded_len();
        let mut room = Room {
            bytes: 2 * size + 1,
        };
        let mut into = Vec::new();
        room.take(vec![task.clone()], &mut into).unwrap();
        room.take(vec![task.clone()], &mut into).unwrap();
        let refused = room.take(vec![task], &mut into).unwrap_err();
        assert_eq!(refused.reason(), Reason::TooLarge);
        assert_eq!(into.len(), 2);
    }
}
