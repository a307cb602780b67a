//! `cordon snapshots download`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use cordon_client::snapshots::evidence::list::BlockList;
use cordon_client::snapshots::evidence::manifest::Item;
use cordon_client::snapshots::{
    CUSTODY_FILE, Folder, HEAD_FILE, ItemDownload, ItemResult, MANIFEST_FILE, check_custody,
    custody_lines, item_path, list_path, partial_path, read_manifest, stored_bytes, write_list,
};
use cordon_client::statement::PublicKeys;
use cordon_client::{Reason, Snapshots};
use indicatif::ProgressBar;

use super::report::Report;
use super::size::human;
use super::wait::bar;
use super::which::{named, snapshot};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::part::Part;
use crate::statements::keys;

pub(super) const HOW: &str = "\
Into the folder go manifest.json (what was signed), custody.ndjson and custody-head.json (the chain
of custody, and what was signed of its end), and for each item its file and NAME.blocks, the digests
of its blocks. A file appears when it is whole, and until then is called NAME.partial; its holes take
no room. What broke off goes on when the command is run again: what is there is hashed and not
fetched again. Each range that is fetched is an entry of the chain of custody.";

/// What is to be fetched.
#[derive(Debug, Args)]
pub(super) struct Download {
    /// Its full name or its id
    #[arg(value_name = "ID", value_parser = snapshot)]
    id: String,
    /// Into which folder; it is made if it is not there
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// What for, in words: it stands in the chain of custody
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// This item alone; may be repeated
    #[arg(long = "item", value_name = "NAME")]
    items: Vec<String>,
    /// Keys that `cordon signing-keys` wrote; without them, those of the profile's server
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// Where everything comes from and goes to.
struct Way<'a> {
    snapshots: &'a Snapshots,
    name: &'a str,
    out: &'a Path,
    reason: &'a str,
    keys: &'a PublicKeys,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Download) -> Outcome {
    let (snapshots, name) = named(context, whose, &command.id).await?;
    let keys = keys(context, command.keys.as_deref()).await?;
    let way = Way {
        snapshots: &snapshots,
        name: &name,
        out: &command.out,
        reason: &command.reason,
        keys: &keys,
    };
    let envelope = snapshots.manifest(&name).await?;
    let signed = read_manifest(&envelope, &keys)?;
    signed.check_name(&name)?;
    // Before anything is written: no item's name leads elsewhere.
    for item in &signed.manifest.items {
        item_path(&command.out, &item.name)?;
    }
    let items: Vec<_> = match command.items.is_empty() {
        true => signed.manifest.items.iter().collect(),
        false => {
            let named = command.items.iter().map(|item| signed.item(item));
            named.collect::<Result<_, _>>()?
        }
    };
    begin(&command.out, &envelope)?;
    let folder = Folder::open(&command.out, &keys)?;
    let mut report = Report::new(&folder.signed);
    for item in items {
        way.fetch(&folder, item).await?;
        report.item(&item.name, item.content.size, &ItemResult::Same);
    }
    way.custody(&folder).await?;
    report.custody(folder.check_custody(&keys));
    report.show(context)?;
    note(&format!(
        "every block was checked as it came; to check all of it again, with nobody to ask: cordon \
         snapshots verify {} --keys FILE",
        command.out.display()
    ));
    Ok(())
}

/// Makes the folder, unless it is another snapshot's.
fn begin(out: &Path, envelope: &[u8]) -> Outcome {
    let failed = |error: std::io::Error| Failure::local(format!("{}: {error}", out.display()));
    fs::create_dir_all(out).map_err(failed)?;
    let path = out.join(MANIFEST_FILE);
    match fs::read(&path) {
        Ok(there) if there == envelope => Ok(()),
        Ok(_) => Err(Failure::local(format!(
            "{} has the manifest of another snapshot: give another folder",
            out.display()
        ))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Part::write(&path, envelope),
        Err(error) => Err(failed(error)),
    }
}

impl Way<'_> {
    /// Fetches an item, or sees that it is there.
    async fn fetch(&self, folder: &Folder, item: &Item) -> Outcome {
        let path = item_path(self.out, &item.name)?;
        let list = self.list(folder, item).await?;
        let bar = bar("{bar:30} {bytes} of {total_bytes} ({bytes_per_sec}, {eta} left) {msg}");
        bar.set_message(item.name.clone());
        if path.symlink_metadata().is_ok() {
            bar.set_length(item.content.size);
            let result = folder.check_item(item, |bytes| bar.set_position(bytes));
            bar.finish_and_clear();
            return there(&path, &result);
        }
        bar.set_length(stored_bytes(&list));
        let wanted = ItemDownload {
            name: self.name,
            item: &item.name,
            content: &item.content,
            list: &list,
            path: &path,
            purpose: self.reason,
        };
        let fetched = self.patiently(wanted, &bar).await;
        bar.finish_and_clear();
        fetched
    }

    async fn patiently(&self, wanted: ItemDownload<'_>, bar: &ProgressBar) -> Outcome {
        let path = wanted.path;
        let fetching = self
            .snapshots
            .fetch(wanted, |bytes| bar.set_position(bytes));
        let fetched = tokio::select! {
            fetched = fetching => fetched.map_err(Failure::from),
            stopped = tokio::signal::ctrl_c() => match stopped {
                Ok(()) => Err(Failure::local("stopped")),
                Err(error) => Err(error.into()),
            },
        };
        let fetched = fetched.inspect_err(|failure| {
            let on = match failure {
                // The hint says what to do.
                Failure::Client(error) if *error.reason() == Reason::EvidenceDamaged => return,
                Failure::Client(error) if *error.reason() == Reason::HashMismatch => {
                    "these bytes were changed on the way or with the provider; the good blocks are \
                     kept: run the command again, and if it says the same, tell the provider"
                }
                _ => "what has come is kept: run the command again, and it goes on from there",
            };
            if partial_path(path).exists() {
                bar.suspend(|| note(on));
            }
        })?;
        if fetched.kept > 0 {
            bar.suspend(|| {
                note(&format!(
                    "{}: {} were there, {} were fetched",
                    wanted.item,
                    human(fetched.kept),
                    human(fetched.fetched)
                ));
            });
        }
        Ok(())
    }

    /// The list of an item's blocks: the one that is there, or the server's.
    async fn list(&self, folder: &Folder, item: &Item) -> Result<BlockList, Failure> {
        if let Ok(list) = folder.list(item) {
            return Ok(list);
        }
        let list = self
            .snapshots
            .block_list(self.name, &item.name, &item.content);
        let list = list.await?;
        let path = list_path(self.out, &item.name)?;
        let part = Part::create(&path)?;
        write_list(&list, &mut std::io::BufWriter::new(part.file()))?;
        part.finish(&path)?;
        Ok(list)
    }

    /// Fetches the chain of custody, if it goes on from the one that is there.
    async fn custody(&self, folder: &Folder) -> Outcome {
        let custody = self.snapshots.custody(self.name).await?;
        let head = &custody.head_envelope;
        check_custody(&folder.signed, &custody.entries, head, self.keys)?;
        let lines = custody_lines(&custody.entries);
        let path = self.out.join(CUSTODY_FILE);
        // A server that takes back what it once signed shall not make one forget it.
        if fs::read(&path).is_ok_and(|before| !lines.starts_with(&before)) {
            return Err(Failure::local(format!(
                "the server's chain of custody does not go on from the one in {}: keep that, and ask \
                 the provider",
                path.display()
            )));
        }
        Part::write(&path, &lines)?;
        Part::write(&self.out.join(HEAD_FILE), head)
    }
}

/// Whether a file that is there is the item's.
fn there(path: &Path, result: &ItemResult) -> Outcome {
    let path = path.display();
    let wrong = match result {
        ItemResult::Same => return Ok(()),
        ItemResult::Differs(bad) => format!("{bad}"),
        ItemResult::Unchecked(error) => error.message().to_owned(),
        _ => "it is no file".to_owned(),
    };
    Err(Failure::local(format!(
        "{path} is there and is not the item: {wrong}; move it away and run the command again"
    )))
}
