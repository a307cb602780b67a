//! The whole of incidents, one after the other.

use futures::{Stream, StreamExt as _, TryStreamExt as _};

use super::document::Case;
use super::tlp::{Audience, check};
use crate::error::{Error, Reason, Result};
use crate::incidents::{Incident, Incidents};

/// How many incidents are gathered at once.
const AT_ONCE: usize = 4;
/// How often an incident is read again that is changed meanwhile.
const TRIES: usize = 5;

/// The whole of each of these incidents, for an audience, in their order. Each is as it was at one
/// moment, and its marking is that of this moment.
///
/// An incident whose marking does not allow the audience is an item with the error
/// `TLP_VIOLATION`; whoever reads the stream decides whether to go on behind it.
///
/// # Errors
///
/// Those of reading, as items.
pub fn cases<'a>(
    incidents: &'a Incidents,
    listed: impl Stream<Item = Result<Incident>> + Send + 'a,
    audience: Audience,
) -> impl Stream<Item = Result<Case>> + Send + 'a {
    listed
        .map(move |incident| async move { case(incidents, incident?, audience).await })
        .buffered(AT_ONCE)
}

async fn case(incidents: &Incidents, mut before: Incident, audience: Audience) -> Result<Case> {
    for _ in 0..TRIES {
        check(&before, audience)?;
        let name = before.name.clone();
        let comments: Vec<_> = incidents.comments(&name).try_collect().await?;
        let timeline: Vec<_> = incidents.timeline(&name).try_collect().await?;
        let after = incidents.get(&name).await?;
        // What was read in between is of the one moment when nothing has happened since.
        let same = after.update_time == before.update_time && after.etag == before.etag;
        before = after;
        if same {
            check(&before, audience)?;
            return Case::new(before, comments, timeline);
        }
    }
    Err(Error::new(
        Reason::Aborted,
        format!(
            "incident #{} is changed faster than it can be read: try again",
            before.number
        ),
    ))
}
