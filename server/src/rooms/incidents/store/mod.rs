//! The tables of incidents. What people wrote is sealed; what lists sort and filter by is not.

mod comments;
mod entries;
mod incidents;
mod queue;

use cordon_kernel::db::timestamp;
use cordon_kernel::{Error, Result};
use futures::{Stream, TryStreamExt as _};
use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::model::Party;

pub(super) use comments::{apply_comment, comments, find_comment, last_comment};
pub(super) use entries::{Entry, enter, entries, entries_of_kind, head, note, pending_since};
pub(super) use incidents::{Wanted, apply, apply_import, find, list, next_number, read, touch};
pub(super) use queue::{Queued, queue};

pub(super) const COLUMNS: &str = "incident_id, number, severity, phase, state, tlp, pending_party, created_time, \
     updated_time, acknowledged_time, closed_time, close_code, etag, exercise, sealed";

/// Of a closed incident: whose move it is.
const NOBODY: &str = "nobody";

/// Most sealed bytes of a page: what people wrote can be long.
const PAGE_BYTES: usize = 4 << 20;

/// Rows of a page, and whether it ends before what was asked for, since they are long.
pub(super) type Cut<T> = (Vec<T>, bool);

/// The condition by which drills alone are found, or everything but them.
const fn drills(exercise: Option<bool>) -> &'static str {
    match exercise {
        None => "",
        Some(true) => " AND exercise = 1",
        Some(false) => " AND exercise = 0",
    }
}

/// Reads rows until there are no more, or they are too long for a page.
pub(super) async fn cut<T>(
    mut rows: impl Stream<Item = sqlx::Result<AnyRow>> + Unpin,
    read: impl Fn(&AnyRow) -> Result<T>,
) -> Result<Cut<T>> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        bytes += row.try_get::<Vec<u8>, _>("sealed")?.len();
        if bytes > PAGE_BYTES && !found.is_empty() {
            return Ok((found, true));
        }
        found.push(read(&row)?);
    }
    Ok((found, false))
}

fn pending(row: &AnyRow) -> Result<Option<Party>> {
    let text: String = row.try_get("pending_party")?;
    match text.as_str() {
        NOBODY => Ok(None),
        text => Party::from_stored(text)
            .map(Some)
            .ok_or_else(|| damaged("party")),
    }
}

fn time(row: &AnyRow, column: &str) -> Result<Option<Timestamp>> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(timestamp))
}

pub(super) fn word<T>(row: &AnyRow, column: &str, from: impl Fn(&str) -> Option<T>) -> Result<T> {
    from(&row.try_get::<String, _>(column)?).ok_or_else(|| damaged(column))
}

pub(super) fn damaged(what: &str) -> Error {
    Error::internal(format!("an incident's row has a damaged {what}"))
}

pub(super) fn text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

pub(super) fn uuid(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| damaged("id"))
}
