//! What an acquirer leaves inside QEMU before it touches anything: what each disk was connected to,
//! and, for as long as it keeps the guest from running, that it does. Whoever finds it can undo
//! everything, with no file and no memory of its own; when QEMU ends, so does the note.
//!
//! It is kept as the text of objects that do nothing: `authz-simple`, which nobody refers to.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::names;
use crate::qmp::Qmp;
use crate::{AcquisitionId, Error};

/// Longest note, and most of them that are looked at.
const MAX_NOTE: usize = 64 << 10;
const MAX_NOTES: usize = 64;

/// What everything was connected to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// Devices, by their paths, and the nodes that they were connected to.
    pub(crate) drives: Vec<(String, String)>,
}

/// The guest is kept from running, or from writing. It is left before that and removed after, so that
/// a guest that somebody else pauses in the middle of a long acquisition stays paused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pause {
    /// Whether its agent was asked to freeze its file systems.
    pub(crate) frozen: bool,
}

/// What one acquirer left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) id: AcquisitionId,
    pub(crate) note: Option<Note>,
    pub(crate) pause: Option<Pause>,
}

impl Note {
    /// Leaves the note.
    pub(crate) async fn leave(&self, qmp: &mut Qmp, id: &AcquisitionId) -> Result<(), Error> {
        leave(qmp, &names::note(id), self).await
    }

    /// Removes the note, as the last of all.
    pub(crate) async fn remove(qmp: &mut Qmp, id: &AcquisitionId) -> Result<(), Error> {
        remove(qmp, &names::note(id)).await
    }
}

impl Pause {
    /// Says that the guest is about to be kept from running.
    pub(crate) async fn leave(self, qmp: &mut Qmp, id: &AcquisitionId) -> Result<(), Error> {
        leave(qmp, &names::pause(id), &self).await
    }

    /// Says that it runs again.
    pub(crate) async fn remove(qmp: &mut Qmp, id: &AcquisitionId) -> Result<(), Error> {
        remove(qmp, &names::pause(id)).await
    }
}

/// Everything that acquirers left.
pub(crate) async fn left(qmp: &mut Qmp) -> Result<Vec<Left>, Error> {
    let objects = qmp
        .execute("qom-list", json!({ "path": "/objects" }))
        .await?;
    let objects = objects
        .as_array()
        .ok_or(Error::Protocol("a list of objects"))?;
    let names = objects
        .iter()
        .filter_map(|object| object.get("name")?.as_str());
    let mut left: Vec<Left> = Vec::new();
    for name in names {
        let (note, pause) = (names::note_of(name), names::pause_of(name));
        let Some(id) = note.clone().or(pause) else {
            continue;
        };
        if !left.iter().any(|left| left.id == id) {
            if left.len() >= MAX_NOTES {
                return Err(Error::Limit("the number of notes"));
            }
            let (note, pause) = (None, None);
            let id = id.clone();
            left.push(Left { id, note, pause });
        }
        let Some(left) = left.iter_mut().find(|left| left.id == id) else {
            continue;
        };
        match note.is_some() {
            true => left.note = Some(read(qmp, name).await?),
            false => left.pause = Some(read(qmp, name).await?),
        }
    }
    Ok(left)
}

async fn leave(qmp: &mut Qmp, name: &str, what: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string(what).map_err(|_| Error::Invalid("a note"))?;
    let object = json!({ "qom-type": "authz-simple", "id": name, "identity": text });
    qmp.execute("object-add", object).await.map(drop)
}

async fn remove(qmp: &mut Qmp, name: &str) -> Result<(), Error> {
    qmp.execute("object-del", json!({ "id": name }))
        .await
        .map(drop)
}

/// Reads a note. One that can't be read says nothing, and is removed like the others.
async fn read<T: DeserializeOwned + Default>(qmp: &mut Qmp, name: &str) -> Result<T, Error> {
    let asked = json!({ "path": format!("/objects/{name}"), "property": "identity" });
    let text = qmp.execute("qom-get", asked).await?;
    let text = text.as_str().filter(|text| text.len() <= MAX_NOTE);
    Ok(text
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default())
}
