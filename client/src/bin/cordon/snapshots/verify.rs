//! `cordon snapshots verify`.

use std::path::{Path, PathBuf};

use clap::Args;
use cordon_client::snapshots::{Folder, MANIFEST_FILE, item_path};

use super::report::Report;
use super::wait::bar;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::statements::{about, keys};

pub(super) const HOW: &str = "\
Checked are the signature of the manifest, each item's list of blocks against the manifest, each
item that is there against its list and its digests, and the chain of custody from the manifest to
its signed end. For a FILE, it is the one item, with the manifest beside it.

The exit code is 7 if anything is not what was acquired; the first block that differs is named, and
the byte where it begins. With --keys nobody is asked: keep the keys apart from the evidence.";

/// What is to be checked.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A folder that `download` made, or one item's file in it
    #[arg(value_name = "FOLDER|FILE")]
    path: PathBuf,
    /// Keys that `cordon signing-keys` wrote: nobody is asked. Without them, the profile's server is
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: Verify) -> Outcome {
    let path = command.path;
    let (place, only) = match path.is_dir() {
        true => (path, None),
        false => part(&path)?,
    };
    let keys = keys(context, command.keys.as_deref()).await?;
    let folder = Folder::open(&place, &keys);
    let folder = folder.map_err(|error| about(&place.join(MANIFEST_FILE), &error))?;
    let all = &folder.signed.manifest.items;
    let items: Vec<_> = match &only {
        Some(name) => vec![folder.signed.item(name)?],
        None => all.iter().collect(),
    };
    let there = |name: &str| item_path(&place, name).is_ok_and(|path| path.is_file());
    let bar = bar("{bar:30} {bytes} of {total_bytes} ({bytes_per_sec}, {eta} left) {msg}");
    let sizes = items.iter().filter(|item| there(&item.name));
    bar.set_length(sizes.map(|item| item.content.size).sum());
    let mut report = Report::new(&folder.signed);
    let mut before = 0;
    for item in items {
        bar.set_message(item.name.clone());
        let result = folder.check_item(item, |bytes| bar.set_position(before + bytes));
        if there(&item.name) {
            before += item.content.size;
        }
        report.item(&item.name, item.content.size, &result);
    }
    bar.finish_and_clear();
    if only.is_none() {
        report.custody(folder.check_custody(&keys));
    }
    report.show(context)
}

/// The folder and the name of an item's file.
fn part(path: &Path) -> Result<(PathBuf, Option<String>), Failure> {
    let shown = path.display();
    if !path.exists() {
        return Err(Failure::local(format!("{shown} is not there")));
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::usage(format!("{shown} is no item's file")))?;
    let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    Ok((folder.to_owned(), Some(name.to_owned())))
}
