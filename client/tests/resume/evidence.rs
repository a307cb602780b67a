//! What the client makes of forensic snapshots when things go wrong on the way.

use std::path::PathBuf;
use std::time::Duration;

use cordon_client::snapshots::{
    ItemDownload, Mode, NewHold, NewSnapshot, State, check_custody, partial_path, read_manifest,
    stored_bytes,
};
use cordon_client::statement::PublicKeys;
use cordon_client::{Client, Error, Reason, RetryPolicy, Snapshots};
use futures::TryStreamExt as _;
use tempfile::TempDir;
use tonic::{Code, Status};

use super::fake::Fake;
use super::fake::evidence::{BLOCK, Evidence, ID, Taken, change, name, sealed_manifest};
use super::incidents::{asked, marks};
use super::refusal;
use super::statements::key;

/// A fake with a snapshot of one item, and a folder to fetch it into.
struct Bench {
    fake: Fake,
    taken: Taken,
    folder: TempDir,
}

impl Bench {
    async fn new(blocks: &str, behind: usize) -> Self {
        let fake = Fake::start().await;
        let taken = Taken::new("vda.raw", blocks, behind);
        *fake.script.evidence.lock().unwrap() = Evidence::of(vec![taken.clone()]);
        Self {
            fake,
            taken,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("vda.raw")
    }

    async fn fetch(&self) -> Result<(u64, u64), Error> {
        let snapshots = self.fake.client().await.snapshots();
        self.fetch_by(&snapshots, "vda.raw").await
    }

    async fn fetch_by(&self, snapshots: &Snapshots, item: &str) -> Result<(u64, u64), Error> {
        let (list, path) = (self.taken.list(), self.path());
        let wanted = ItemDownload {
            name: ID,
            item,
            content: &self.taken.content,
            list: &list,
            path: &path,
            purpose: "to be looked into",
        };
        let told = std::sync::atomic::AtomicU64::new(0);
        let progress = |bytes| {
            told.fetch_max(bytes, std::sync::atomic::Ordering::Relaxed);
        };
        let fetched = is_send(snapshots.fetch(wanted, progress)).await?;
        assert_eq!(told.into_inner(), stored_bytes(&list));
        assert_eq!(std::fs::read(&path).unwrap(), self.taken.bytes);
        assert!(!partial_path(&path).exists());
        Ok((fetched.kept, fetched.fetched))
    }

    fn set(&self, change: impl FnOnce(&mut Evidence)) {
        change(&mut self.fake.script.evidence.lock().unwrap());
    }

    /// The blocks whose bytes were sent, and the calls.
    fn sent(&self) -> (Vec<u64>, Vec<(i64, i64)>) {
        let mut evidence = self.fake.script.evidence.lock().unwrap();
        let mut sent = std::mem::take(&mut evidence.sent);
        sent.sort_unstable();
        (sent, std::mem::take(&mut evidence.calls))
    }
}

/// It can go on in another thread.
fn is_send<T: Send>(of: T) -> T {
    of
}

const B: i64 = BLOCK as i64;

#[tokio::test]
async fn a_download_goes_on_behind_the_last_good_block() {
    let bench = Bench::new("dddd_ddd", 100).await;
    // Behind two blocks and a half; in the midst of the first; at once.
    bench.set(|evidence| evidence.breaks.extend([4, 1, 0, 2]));
    let (kept, fetched) = bench.fetch().await.unwrap();
    assert_eq!((kept, fetched), (0, 7 * BLOCK as u64 + 100));
    let (sent, calls) = bench.sent();
    assert_eq!(sent, [0, 1, 2, 3, 5, 6, 7, 8], "each once");
    let size = 8 * B + 100;
    let starts = calls.iter().map(|(offset, length)| {
        assert_eq!(offset + length, size);
        offset / B
    });
    let starts: Vec<_> = starts.collect();
    assert_eq!(starts, [0, 3, 3, 3, 5]);
}

#[tokio::test]
async fn a_flipped_bit_is_named_and_the_good_blocks_are_kept() {
    let bench = Bench::new("ddddd", 0).await;
    bench.set(|evidence| evidence.flipped = Some(3 * BLOCK + 17));
    let error = bench.fetch().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::HashMismatch);
    let said = format!(
        "vda.raw: block 3 ({BLOCK} bytes from byte {} on) is not what was acquired",
        3 * BLOCK
    );
    assert!(error.message().starts_with(&said), "{error}");
    assert_eq!(error.metadata("block"), Some("3"));
    assert_eq!(error.metadata("offset"), Some(&*(3 * BLOCK).to_string()));
    assert!(!bench.path().exists());
    bench.sent();
    bench.set(|evidence| evidence.flipped = None);
    let (kept, fetched) = bench.fetch().await.unwrap();
    assert_eq!((kept, fetched), (3 * BLOCK as u64, 2 * BLOCK as u64));
    assert_eq!(bench.sent().0, [3, 4]);
}

#[tokio::test]
async fn what_an_earlier_attempt_left_is_completed() {
    let bench = Bench::new("dd_dddd", 9).await;
    // Two blocks, junk in the hole, a block, a block with a flipped bit, and an end in the midst of one.
    let mut left = bench.taken.bytes[..5 * BLOCK + 100].to_vec();
    left[2 * BLOCK + 7] = 1;
    left[4 * BLOCK] ^= 1;
    std::fs::write(partial_path(&bench.path()), left).unwrap();
    let (kept, fetched) = bench.fetch().await.unwrap();
    assert_eq!((kept, fetched), (3 * BLOCK as u64, 3 * BLOCK as u64 + 9));
    let (sent, calls) = bench.sent();
    assert_eq!(sent, [4, 5, 6, 7]);
    assert_eq!(calls, [(4 * B, 3 * B + 9)]);

    // Longer than the item, with everything there: nothing is asked for.
    std::fs::remove_file(bench.path()).unwrap();
    let left = [&bench.taken.bytes[..], b"more"].concat();
    std::fs::write(partial_path(&bench.path()), left).unwrap();
    assert_eq!(bench.fetch().await.unwrap().1, 0);
    assert!(bench.sent().1.is_empty());
    // A file that is there is not written to.
    let error = bench.fetch().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::AlreadyExists);
}

#[tokio::test]
async fn holes_are_not_fetched_and_stay_holes() {
    let bench = Bench::new("____dd____d_____________________", 0).await;
    let (_, fetched) = bench.fetch().await.unwrap();
    assert_eq!(fetched, 3 * BLOCK as u64);
    let (sent, calls) = bench.sent();
    assert_eq!(sent, [4, 5, 10]);
    assert_eq!(calls, [(4 * B, 7 * B)]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let file = bench.path().metadata().unwrap();
        assert!(file.blocks() * 512 < file.len() / 2, "{}", file.blocks());
    }
    // Of nothing but holes nothing is asked.
    let bench = Bench::new("___", 0).await;
    assert_eq!(bench.fetch().await.unwrap(), (0, 0));
    assert!(bench.sent().1.is_empty());
}

#[tokio::test]
async fn zeros_in_the_place_of_data_are_noticed() {
    // What the server sends is that of another item.
    let bench = Bench::new("dddd", 0).await;
    let other = Taken::new("vda.raw", "dd_d", 0);
    bench.set(|evidence| evidence.items = vec![other]);
    let error = bench.fetch().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::HashMismatch);
    assert_eq!(error.metadata("block"), Some("2"), "{error}");
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_refused() {
    let bench = Bench::new("d", 0).await;
    let client = bench.fake.client().await;
    for item in ["../vda.raw", "/etc/passwd", "..", "a\\b", ".ssh"] {
        let error = bench.fetch_by(&client.snapshots(), item).await.unwrap_err();
        assert_eq!(*error.reason(), Reason::InvalidArgument, "{item}");
    }
    assert!(bench.sent().1.is_empty());
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 0);
    // In a manifest neither, though it is signed.
    let keys = PublicKeys::new(&[key("former", 1)]).unwrap();
    let manifest = bench.fake.script.evidence.lock().unwrap().manifest();
    let text = String::from_utf8(manifest).unwrap();
    assert!(read_manifest(&sealed_manifest(text.as_bytes()), &keys).is_ok());
    let text = text.replace("\"vda.raw\"", "\"../.raw\"");
    let error = read_manifest(&sealed_manifest(text.as_bytes()), &keys).unwrap_err();
    assert_eq!(*error.reason(), Reason::InvalidStatement);
    assert!(error.message().contains("items[0].name"), "{error}");
}

#[tokio::test]
async fn what_the_server_says_of_its_store_is_passed_on() {
    let bench = Bench::new("dddd", 0).await;
    bench.set(|evidence| evidence.damaged = Some(2));
    let error = bench.fetch().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::EvidenceDamaged);
    assert_eq!(bench.sent().0, [0, 1], "nobody asks again");
}

#[tokio::test]
async fn without_any_progress_it_is_given_up() {
    let bench = Bench::new("dd", 0).await;
    bench.set(|evidence| evidence.breaks.extend([0; 1_000]));
    let policy = RetryPolicy {
        first_delay: Duration::from_millis(5),
        max_delay: Duration::from_millis(20),
        patience: Duration::from_millis(200),
    };
    let builder = Client::builder().profile(bench.fake.profile.clone());
    let client = builder.retry(policy).connect().await.unwrap();
    let error = bench
        .fetch_by(&client.snapshots(), "vda.raw")
        .await
        .unwrap_err();
    assert_eq!(*error.reason(), Reason::Unavailable);
    let calls = bench.sent().1.len();
    assert!((3..100).contains(&calls), "{calls}");
}

#[tokio::test]
async fn much_is_fetched_in_ranges_and_in_fewer_when_there_are_too_many() {
    let bench = Bench::new(&"d".repeat(600), 5).await;
    bench.set(|evidence| evidence.refusals.extend([false, true, true, false]));
    bench.fetch().await.unwrap();
    let (sent, calls) = bench.sent();
    assert_eq!(calls.len(), 4);
    assert_eq!(sent, (0..=600).collect::<Vec<_>>());

    std::fs::remove_file(bench.path()).unwrap();
    bench.set(|evidence| evidence.refusals.extend([true; 4]));
    let error = bench.fetch().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::QuotaExceeded);
}

#[tokio::test]
async fn lists_and_chains_are_held_against_the_manifest() {
    let bench = Bench::new("d_d", 3).await;
    let snapshots = bench.fake.client().await.snapshots();
    let keys = PublicKeys::new(&[key("former", 1)]).unwrap();
    let signed = read_manifest(&snapshots.manifest(ID).await.unwrap(), &keys).unwrap();
    assert_eq!(signed.manifest.snapshot, name());
    let item = signed.item("vda.raw").unwrap();
    let list = snapshots
        .block_list(ID, &item.name, &item.content)
        .await
        .unwrap();
    assert_eq!(list.root(), item.content.root);
    let missing = signed.item("vdb.raw").unwrap_err();
    assert!(missing.message().contains("it has vda.raw"), "{missing}");

    let other = Taken::new("vda.raw", "d_d", 4);
    let error = snapshots
        .block_list(ID, "vda.raw", &other.content)
        .await
        .unwrap_err();
    assert_eq!(*error.reason(), Reason::HashMismatch);
    let error = snapshots
        .block_list(ID, "x", &item.content)
        .await
        .unwrap_err();
    assert_eq!(*error.reason(), Reason::NotFound);

    bench.set(|evidence| evidence.breaks.extend([1, 1]));
    bench.fetch().await.unwrap();
    asked(&bench.fake.script);
    let custody = snapshots.custody(ID).await.unwrap();
    let pages = asked(&bench.fake.script);
    assert_eq!(
        pages,
        [
            format!("custody {} 1", name()),
            format!("custody {} 3", name())
        ]
    );
    let check =
        |entries: &[Vec<u8>]| check_custody(&signed, entries, &custody.head_envelope, &keys);
    let checked = check(&custody.entries).unwrap();
    assert_eq!(checked.head.sequence, 4);
    assert_eq!(checked.entries[3].purpose, "to be looked into");
    // Cut off at its end, changed, or left out.
    let cut = &custody.entries[..3];
    let mut changed = custody.entries.clone();
    let text = String::from_utf8(changed[2].clone()).unwrap();
    changed[2] = text.replace("jane", "john").into_bytes();
    let mut gap = custody.entries.clone();
    gap.remove(1);
    for wrong in [cut, &changed, &gap] {
        let error = check(wrong).unwrap_err();
        assert_eq!(*error.reason(), Reason::HashMismatch, "{error}");
    }
    // What is entered while the last page is made is not signed yet.
    bench.set(|evidence| evidence.busy = true);
    let busy = snapshots.custody(ID).await.unwrap();
    let checked = check_custody(&signed, &busy.entries, &busy.head_envelope, &keys).unwrap();
    assert_eq!(checked.entries.len() as u64, checked.head.sequence);
    let envelope = snapshots.manifest(ID).await.unwrap();
    let error = check_custody(&signed, &custody.entries, &envelope, &keys).unwrap_err();
    assert_eq!(*error.reason(), Reason::InvalidStatement);
    let error = read_manifest(&custody.head_envelope, &keys).unwrap_err();
    assert_eq!(*error.reason(), Reason::InvalidStatement);
}

#[tokio::test]
async fn each_call_says_what_is_meant_and_new_things_have_marks() {
    let fake = Fake::start().await;
    let snapshots = fake.client().await.snapshots();
    let new = NewSnapshot {
        disks: Some(vec!["vda".to_owned()]),
        memory: true,
        max_bytes_per_second: Some(1 << 20),
        incident: Some(ID.to_owned()),
        ..NewSnapshot::new("i-0123", "ransom note")
    };
    // Lost on the way, and sent again under its mark.
    let lost = || Status::unavailable("gone");
    fake.script
        .incident_failures
        .lock()
        .unwrap()
        .push_back(lost());
    let made = snapshots.create(new.clone()).await.unwrap();
    assert_eq!(made.name, name());
    let sent = marks(&fake.script);
    assert_eq!(sent[0], sent[1]);
    let nothing = NewSnapshot {
        disks: None,
        memory: false,
        ..new
    };
    let error = snapshots.create(nothing).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::InvalidArgument);
    snapshots.get(ID).await.unwrap();
    let all: Vec<_> = snapshots.list().try_collect().await.unwrap();
    assert_eq!(all.len(), 2);
    snapshots.hold(ID, NewHold::new("lawsuit")).await.unwrap();
    let strong = NewHold {
        mode: Mode::Compliance,
        ..NewHold::new("lawsuit")
    };
    let error = snapshots.hold(ID, strong).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::InvalidArgument);
    let hold = snapshots.holds(ID).await.unwrap().remove(0);
    snapshots.release_hold(&hold.name, "settled").await.unwrap();
    let (gone, _) = snapshots.delete(ID, "over").await.unwrap();
    assert_eq!(gone.state(), State::Deleted);
    // What has no mark is not done twice.
    fake.script
        .incident_failures
        .lock()
        .unwrap()
        .push_back(lost());
    let error = snapshots.cancel(ID).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::Unavailable);
    let name = name();
    let create = format!(
        "create_snapshot tenants/acme i-0123 \"tenants/acme/incidents/{ID}\" \"ransom note\" true \
         true [\"vda\"] false Live 1048576"
    );
    assert_eq!(
        asked(&fake.script),
        [
            create.clone(),
            create,
            format!("get_snapshot {name}"),
            "list_snapshots tenants/acme 100 ".to_owned(),
            "list_snapshots tenants/acme 100 two".to_owned(),
            format!("hold {name} \"lawsuit\" Governance false"),
            format!("holds {name}"),
            format!("release {} \"settled\"", hold.name),
            format!("delete {name} \"over\""),
            format!("cancel {name}"),
        ]
    );
}

#[tokio::test]
async fn a_watch_is_taken_up_again_and_says_nothing_twice() {
    let fake = Fake::start().await;
    let snapshots = fake.client().await.snapshots();
    fake.script.snapshot_watches.lock().unwrap().extend([
        vec![change(State::Requested, 0), change(State::Acquiring, 10)],
        vec![
            change(State::Acquiring, 10),
            change(State::Acquiring, 20),
            Err(refusal(Code::Unauthenticated, "UNAUTHENTICATED")),
        ],
        vec![change(State::Acquiring, 20), change(State::Complete, 100)],
    ]);
    let changes: Vec<_> = snapshots.watch(ID).try_collect().await.unwrap();
    let read: Vec<_> = changes
        .iter()
        .map(|change| change.progress.as_ref().unwrap().read_bytes)
        .collect();
    assert_eq!(read, [0, 10, 20, 100]);
    assert_eq!(snapshots.wait(ID).await.unwrap().state(), State::Complete);
}
