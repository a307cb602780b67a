//! Files for one's own people alone.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek as _, Write as _};
use std::path::Path;

use cordon_client::notes::{SEALED_FILE, SEALED_NAME, open_file, seal_file};
use cordon_client::{Attachment, Incidents, NewAttachment};
use serde_json::json;

use super::{bar, free_target};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::incidents::notes::{no_key, own_keys};
use crate::part::Part;

/// Encrypts a file, and attaches the ciphertext.
pub(super) async fn attach(
    context: &Context,
    incidents: &Incidents,
    (incident, name): (&str, &str),
    file: &Path,
) -> Outcome {
    let keys = own_keys(context)?;
    let (to, _) = incidents.trusted_keys(&keys).await?;
    let content =
        File::open(file).map_err(|error| Failure::local(format!("{}: {error}", file.display())))?;
    let bound = (incident.to_owned(), name.to_owned());
    let sealed = tokio::task::spawn_blocking(move || {
        // Without a name: it is gone with this program.
        let mut out = BufWriter::new(tempfile::tempfile()?);
        seal_file(&to, (&bound.0, &bound.1), content, &mut out)?;
        let mut sealed = out
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        sealed.rewind()?;
        Ok::<_, cordon_client::Error>(sealed)
    });
    let sealed = sealed
        .await
        .map_err(|error| Failure::local(error.to_string()))??;
    let mut sealed = tokio::fs::File::from_std(sealed);
    let new = NewAttachment {
        media_type: SEALED_FILE.to_owned(),
        ..NewAttachment::of(SEALED_NAME, &mut sealed).await?
    };
    let announced = incidents.announce(incident, new).await?;
    let bar = bar(announced.size_bytes);
    let sent = incidents
        .upload(&announced, &mut sealed, |bytes| bar.set_position(bytes))
        .await;
    bar.finish_and_clear();
    context.output.one(&sent?)
}

/// Fetches the ciphertext, and opens it under the name that is in it.
pub(super) async fn download(
    context: &Context,
    incidents: &Incidents,
    attachment: &Attachment,
    (folder, name, force): (&Path, Option<String>, bool),
) -> Outcome {
    let keys = own_keys(context)?;
    let mut sealed = tokio::fs::File::from_std(tempfile::tempfile()?);
    let bar = bar(attachment.size_bytes);
    let fetched = incidents
        .download(attachment, &mut sealed, |bytes| bar.set_position(bytes))
        .await;
    bar.finish_and_clear();
    fetched?;
    let mut sealed = sealed.into_std().await;
    sealed.rewind()?;
    let incident = attachment.name.split("/attachments/").next();
    let incident = incident.unwrap_or_default().to_owned();
    let own = keys.own().ok_or_else(no_key)?;
    // Under a name of its own until it is known what it is called, and that it is whole.
    let part = Part::create(&folder.join(format!(".{SEALED_NAME}")))?;
    let mut out = BufWriter::new(part.file());
    let said = open_file(own, &incident, BufReader::new(sealed), &mut out)?;
    out.flush()?;
    drop(out);
    // Whoever sealed it has named it, and nobody saw the name before: it takes no other file's place
    // and becomes none that programs read by themselves.
    let target = match &name {
        Some(name) => free_target(folder, name, force)?,
        None if said.starts_with('.')
            || said.contains(['\u{200b}', '\u{2060}', '\u{feff}', '\u{61c}']) =>
        {
            return Err(Failure::local(format!(
                "it calls itself {said:?}: give it another name with --as"
            )));
        }
        None if force => {
            return Err(Failure::usage(
                "--force goes with --as: a sealed file is named by whoever sealed it",
            ));
        }
        None => free_target(folder, &said, false)?,
    };
    part.finish(&target)?;
    let path = target.display().to_string();
    let bytes = File::open(&target)?.metadata()?.len();
    context.output.done(
        &format!("wrote {path}: {bytes} bytes, opened"),
        &json!({ "file": path, "size_bytes": bytes, "file_name": said }),
    )
}
