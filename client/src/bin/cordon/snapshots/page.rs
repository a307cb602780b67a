//! A snapshot as a page for people.

use cordon_client::snapshots::{Snapshot, SnapshotItem};

use super::size::{human, human_or_none};
use super::words::{fit, kind, state};
use crate::detect::page::pairs;
use crate::incidents::page::heading;
use crate::incidents::prose::laid_out;
use crate::incidents::show::moment;
use crate::text::cell;

/// The whole of a snapshot, without its bytes.
pub(super) fn snapshot(snapshot: &Snapshot) -> String {
    let mut lines = laid_out(&cell(&snapshot.purpose), 0, 4);
    lines.push(cell(&snapshot.name));
    let by = match snapshot.created_by.as_str() {
        "" => String::new(),
        by => format!(" by {by}"),
    };
    let failure = snapshot.failure.as_ref();
    let rate = match human_or_none(snapshot.max_bytes_per_second) {
        rate if rate.is_empty() => rate,
        rate => format!("{rate} a second at most"),
    };
    let progress = snapshot.progress.clone().unwrap_or_default();
    let read = match progress.total_bytes {
        0 => human_or_none(progress.read_bytes),
        total => format!(
            "{} of {}",
            human(count(progress.read_bytes)),
            human(count(total))
        ),
    };
    let attempt = match progress.attempt {
        0 | 1 => String::new(),
        attempt => format!("{attempt} times: a server died over it"),
    };
    lines.extend(pairs(&[
        ("instance", snapshot.instance.clone()),
        ("incident", snapshot.incident.clone()),
        ("wanted", wanted(snapshot)),
        ("consistency", fit(snapshot.consistency).text()),
        ("rate", rate),
        ("state", state(snapshot.state).text()),
        (
            "failure",
            failure.map_or_else(String::new, |of| format!("{} [{}]", of.message, of.reason)),
        ),
        ("read", read),
        ("begun", attempt),
        ("stored", human_or_none(snapshot.stored_bytes)),
        ("manifest", snapshot.manifest_sha256.clone()),
        ("asked", moment(snapshot.create_time.as_ref()) + &by),
        ("changed", moment(snapshot.update_time.as_ref())),
        ("etag", snapshot.etag.clone()),
    ]));
    if !snapshot.items.is_empty() {
        lines.extend(heading("Items"));
    }
    lines.extend(snapshot.items.iter().flat_map(item));
    lines.join("\n")
}

/// What is to be taken.
fn wanted(snapshot: &Snapshot) -> String {
    let disks = match (snapshot.disks, snapshot.disk_names.as_slice()) {
        (false, _) => None,
        (true, []) => Some("all disks".to_owned()),
        (true, names) => Some(format!("disks {}", names.join(", "))),
    };
    let parts = [
        snapshot.memory.then(|| "memory".to_owned()),
        disks,
        snapshot.network.then(|| "network".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn item(item: &SnapshotItem) -> Vec<String> {
    let unreadable = match item.unreadable_bytes {
        0 => String::new(),
        bytes => format!(", {bytes} bytes could not be read"),
    };
    let said = format!(
        "{} ({}): {}, {} of it data{unreadable}",
        item.item,
        kind(item.kind).text(),
        human(count(item.size_bytes)),
        human(count(item.data_bytes)),
    );
    let mut lines = laid_out(&cell(&said), 2, 6);
    for (algorithm, digest) in [("sha256", &item.sha256), ("blake3", &item.blake3)] {
        if !digest.is_empty() {
            lines.push(format!("      {algorithm} {}", cell(digest)));
        }
    }
    lines
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use cordon_client::snapshots::{AcquisitionProgress, State};

    use super::*;

    #[test]
    fn a_page_has_what_is_known_and_is_harmless() {
        let taken = Snapshot {
            name: "tenants/acme/snapshots/1".to_owned(),
            purpose: "Ransom\u{1b}[2J note".to_owned(),
            memory: true,
            disks: true,
            disk_names: vec!["vda".to_owned(), "vdb".to_owned()],
            state: State::Acquiring.into(),
            progress: Some(AcquisitionProgress {
                read_bytes: 1 << 20,
                total_bytes: 1 << 30,
                attempt: 2,
                ..AcquisitionProgress::default()
            }),
            items: vec![SnapshotItem {
                item: "vda.raw".to_owned(),
                kind: 1,
                size_bytes: 3 << 20,
                data_bytes: 1 << 20,
                unreadable_bytes: 512,
                sha256: "00ff".to_owned(),
                ..SnapshotItem::default()
            }],
            ..Snapshot::default()
        };
        let page = snapshot(&taken);
        assert!(
            page.starts_with("Ransom\\u001b[2J note\ntenants/acme/snapshots/1\n"),
            "{page}"
        );
        for said in [
            "wanted       memory, disks vda, vdb\n",
            "state        acquiring\n",
            "read         1.00 MiB of 1.00 GiB\n",
            "begun        2 times",
            "  vda.raw (disk): 3.00 MiB, 1.00 MiB of it data, 512 bytes could not be read\n",
            "      sha256 00ff",
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
    }
}
