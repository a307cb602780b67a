//! `cordon incidents attach`, `attachments` and `download`.

mod sealed;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use cordon_client::notes::SEALED_FILE;
use cordon_client::{Attachment, AttachmentState, Incidents, NewAttachment, Reason};
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::named;
use super::timeline::{actor_json, who};
use super::which::{Which, part_of, which};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::output::Row;
use crate::part::Part;
use crate::show::{or_null, short, time, time_json};

/// What can be done with files of incidents.
#[derive(Debug, Subcommand)]
pub(super) enum Files {
    /// Attach a file, for both sides to see or for your own people alone
    Attach {
        /// The incident's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
        /// Which file
        file: PathBuf,
        /// What it is called there, if not as here
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Its media type, as in text/plain
        #[arg(long, value_name = "TYPE", default_value = "")]
        media_type: String,
        /// For your own people alone: encrypted here with its name, to the keys that you trust; the
        /// provider sees its size
        #[arg(long, conflicts_with_all = ["media_type", "resume"])]
        sealed: bool,
        /// Go on with one that broke off: its full name, as it was told then
        #[arg(long, value_name = "ATTACHMENT", value_parser = attachment)]
        resume: Option<String>,
    },
    /// An incident's attachments, oldest first
    Attachments {
        /// The incident's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Fetch an attachment, and check that it is what was attached; a sealed one is opened with this
    /// profile's key
    Download {
        /// Its full name, as `attachments` has it
        #[arg(value_name = "ATTACHMENT", value_parser = attachment)]
        name: String,
        /// Into which folder
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        to: PathBuf,
        /// Under which name, if not its own
        #[arg(long = "as", value_name = "NAME")]
        file_name: Option<String>,
        /// In place of a file that is there
        #[arg(long)]
        force: bool,
    },
}

fn attachment(text: &str) -> Result<String, String> {
    part_of(text, "attachments", "cordon incidents attachments")
}

pub(super) async fn run(context: &Context, whose: &Whose, files: Files) -> Outcome {
    match files {
        Files::Attach {
            id,
            file,
            name,
            media_type,
            sealed,
            resume,
        } => {
            let (client, incident) = named(context, whose, id).await?;
            let incidents = client.incidents();
            let name = match name {
                Some(name) => name,
                None => own_name(&file)?,
            };
            if sealed {
                return sealed::attach(context, &incidents, (&incident, &name), &file).await;
            }
            let announced = match resume {
                Some(attachment) => incidents.attachment(&attachment).await?,
                None => announce(&incidents, &incident, &file, &name, media_type).await?,
            };
            let sent = send(&incidents, &announced, &file).await?;
            context.output.one(&sent)
        }
        Files::Attachments { id, limit } => {
            let (client, incident) = named(context, whose, id).await?;
            let found = client.incidents().attachments(&incident);
            let limit = limit.unwrap_or(usize::MAX);
            context.output.list(found.take(limit)).await
        }
        Files::Download {
            name,
            to,
            file_name,
            force,
        } => {
            let incidents = context.client_for(whose).await?.incidents();
            let attachment = incidents.attachment(&name).await?;
            if attachment.state() != AttachmentState::Attached {
                return Err(Failure::local("the file is not whole yet"));
            }
            if attachment.media_type == SEALED_FILE {
                return sealed::download(context, &incidents, &attachment, (&to, file_name, force))
                    .await;
            }
            let file_name = file_name.unwrap_or_else(|| attachment.file_name.clone());
            let target = free_target(&to, &file_name, force)?;
            fetch(&incidents, &attachment, &target).await?;
            let path = target.display().to_string();
            context.output.done(
                &format!(
                    "wrote {path}: {} bytes, sha256 {}",
                    attachment.size_bytes, attachment.sha256
                ),
                &json!({
                    "file": path,
                    "size_bytes": attachment.size_bytes,
                    "sha256": attachment.sha256,
                }),
            )
        }
    }
}

fn own_name(file: &Path) -> Result<String, Failure> {
    let name = file.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| {
        Failure::usage("the file's name is no text: say with --name what it is called")
    })
}

/// Where a fetched file goes: into the folder, and nowhere else, whatever somebody called it.
fn target(folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let harmless = !matches!(name, "" | "." | "..")
        && !name.contains(['/', '\\', ':'])
        && !name.chars().any(char::is_control)
        && Path::new(name).components().count() == 1
        && crate::text::visible(name) == name;
    if !harmless {
        return Err(Failure::local(format!(
            "{name:?} is no harmless name for a file: give another one with --as"
        )));
    }
    if !folder.is_dir() {
        return Err(Failure::usage(format!("{} is no folder", folder.display())));
    }
    Ok(folder.join(name))
}

/// The same, unless there is a file already.
fn free_target(folder: &Path, name: &str, force: bool) -> Result<PathBuf, Failure> {
    let target = target(folder, name)?;
    if !force && target.symlink_metadata().is_ok() {
        let there = target.display();
        return Err(Failure::local(format!(
            "{there} is there already: give another name with --as, or --force"
        )));
    }
    Ok(target)
}

async fn announce(
    incidents: &Incidents,
    incident: &str,
    file: &Path,
    name: &str,
    media_type: String,
) -> Result<Attachment, Failure> {
    let opened = open(file).await?;
    let new = NewAttachment {
        media_type,
        ..NewAttachment::of(name, opened).await?
    };
    Ok(incidents.announce(incident, new).await?)
}

async fn open(file: &Path) -> Result<tokio::fs::File, Failure> {
    let opened = tokio::fs::File::open(file).await;
    opened.map_err(|error| Failure::local(format!("{}: {error}", file.display())))
}

async fn send(
    incidents: &Incidents,
    announced: &Attachment,
    file: &Path,
) -> Result<Attachment, Failure> {
    let mut opened = open(file).await?;
    let bar = bar(announced.size_bytes);
    let sent = incidents
        .upload(announced, &mut opened, |bytes| bar.set_position(bytes))
        .await;
    bar.finish_and_clear();
    sent.map_err(|error| {
        if *error.reason() != Reason::HashMismatch {
            note(&format!(
                "it broke off; within a day it can go on with --resume {}",
                announced.name
            ));
        }
        error.into()
    })
}

async fn fetch(incidents: &Incidents, attachment: &Attachment, target: &Path) -> Outcome {
    let part = Part::create(target)?;
    let mut out = tokio::fs::File::from_std(part.file().try_clone()?);
    let bar = bar(attachment.size_bytes);
    let fetched = incidents
        .download(attachment, &mut out, |bytes| bar.set_position(bytes))
        .await;
    bar.finish_and_clear();
    fetched?;
    part.finish(target)
}

/// How far it is; on a terminal only.
fn bar(size: i64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(size).unwrap_or(0));
    let template = "{bar:30} {bytes} of {total_bytes} ({bytes_per_sec}, {eta} left)";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

impl Row for Attachment {
    const HEAD: &'static [&'static str] =
        &["file", "bytes", "type", "attached", "by", "sha256", "name"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.file_name.clone(),
            self.size_bytes.to_string(),
            self.media_type.clone(),
            time(self.attach_time.as_ref()),
            who(self.actor.as_ref()),
            short(&self.sha256),
            self.name.clone(),
        ]
    }

    fn json(&self) -> Value {
        let state = match self.state() {
            AttachmentState::Uploading => "UPLOADING",
            AttachmentState::Attached => "ATTACHED",
            AttachmentState::Unspecified => "",
        };
        json!({
            "name": self.name,
            "file_name": self.file_name,
            "media_type": self.media_type,
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "state": or_null(state.to_owned()),
            "committed_bytes": self.committed_bytes,
            "actor": actor_json(self.actor.as_ref()),
            "create_time": time_json(self.create_time.as_ref()),
            "attach_time": time_json(self.attach_time.as_ref()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetched_file_goes_into_the_folder_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let into = |name: &str| target(folder.path(), name);
        assert_eq!(into("a b.txt").unwrap(), folder.path().join("a b.txt"));
        assert_eq!(into(".bashrc").unwrap(), folder.path().join(".bashrc"));
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "/etc/passwd",
            "a/b",
            "a\\b",
            "c:x",
            "a\nb",
            "a\0",
            "invoice\u{202e}fdp.exe",
        ] {
            assert!(into(bad).is_err(), "{bad:?}");
        }
        assert!(target(&folder.path().join("absent"), "x").is_err());
    }
}
