use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use cordon_kernel::TenantScope;
use cordon_kernel::db::segments::{SegmentObject, SegmentRow};
use cordon_views::EventRow;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use parquet::arrow::arrow_reader::RowSelection;

use super::*;
use crate::block::{BlockContext, BlockDecoder, BlockEncoder};
use crate::error::{LakeError, Result};
use crate::lake::{Access, LakeConfig};
use crate::object::Objects;
use crate::run::Run;
use crate::schema::{Column, Columns};
use crate::testing::{ACME, OTHER, World, event};

fn batch(rows: &[EventRow]) -> RecordBatch {
    let mut encoder = BlockEncoder::new().unwrap();
    let mut decoder = BlockDecoder::new().unwrap();
    let mut first_seq = 1;
    for rows in rows.chunks(1_000) {
        let context = BlockContext {
            first_seq,
            stored_ns: 5,
            source: "trail",
        };
        decoder
            .decode(&encoder.encode(rows).unwrap().plain, context)
            .unwrap();
        first_seq += rows.len() as u64;
    }
    Run::of(&[decoder.finish().unwrap()]).unwrap().batch
}

/// The credentials of a batch.
fn credentials_of(batch: &RecordBatch) -> Vec<Option<String>> {
    let column = batch.column_by_name("credential_uid").unwrap();
    let texts = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).unwrap();
    let texts = texts.as_string::<i32>().iter();
    texts.map(|text| text.map(str::to_owned)).collect()
}

/// A segment of this many events in a store of its own.
struct Stored {
    world: World,
    store: Arc<dyn ObjectStore>,
    objects: Objects,
    batch: RecordBatch,
    row: SegmentRow,
}

impl Stored {
    async fn new(events: u64) -> Self {
        Self::of_format(events, FORMAT).await
    }

    async fn of_format(events: u64, format: u32) -> Self {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let objects = Objects::remote(Arc::clone(&store));
        let dir = tempfile::tempdir().unwrap();
        let world = World::on(dir, objects.clone(), LakeConfig::default()).await;
        let rows: Vec<EventRow> = (0..events)
            .map(|id| event(id, (id as i64 * 13) % 9_001))
            .collect();
        let batch = batch(&rows);
        let scope = world.scope(ACME);
        let access = world.lake.access(&scope).await.unwrap();
        let id = world.kernel.env().uuid_v7();
        let cipher = Arc::clone(&access.cipher);
        let writer = match format {
            FIRST => SegmentWriter::first(cipher, id),
            _ => SegmentWriter::new(cipher, id),
        };
        let mut writer = writer.unwrap();
        for start in (0..batch.num_rows()).step_by(3_000) {
            writer
                .write(&batch.slice(start, 3_000.min(batch.num_rows() - start)))
                .unwrap();
        }
        let written = writer.finish().unwrap();
        let path = Objects::segment_path(&scope, id);
        let (min_time, max_time) = written.times();
        let row = SegmentRow {
            id,
            first_seq: 1,
            last_seq: events,
            rows: written.rows,
            min_time,
            max_time,
            stored_day: 0,
            first_stored: written.first_stored,
            last_stored: written.last_stored,
            object: SegmentObject::Parquet(path.clone()),
            object_bytes: written.bytes.len() as u64,
            object_hash: *blake3::hash(&written.bytes).as_bytes(),
            key_version: written.key_version,
            format,
            meta: written.meta.encode().into(),
        };
        objects
            .put(&scope, &path, written.bytes.into())
            .await
            .unwrap();
        Self {
            world,
            store,
            objects,
            batch,
            row,
        }
    }

    fn scope(&self) -> TenantScope {
        self.world.scope(ACME)
    }

    async fn bytes(&self) -> Vec<u8> {
        self.objects
            .read_all(&self.scope(), self.path())
            .await
            .unwrap()
            .to_vec()
    }

    fn path(&self) -> &str {
        match &self.row.object {
            SegmentObject::Parquet(path) => path,
            SegmentObject::Block => panic!("no file"),
        }
    }

    /// Everything of a segment, as a tenant with this cipher reads it.
    async fn read(&self, access: &Access<'_>, row: &SegmentRow) -> Result<Vec<RecordBatch>> {
        let scope = self.scope();
        let file = SegmentFile::open(&self.objects, &scope, &access.cipher, row).await?;
        file.index(&self.objects, &scope, &access.cipher, row)
            .await?;
        let mut batches = Vec::new();
        for group in 0..file.meta.groups.len() {
            batches.push(file.read(access, group, Columns::ALL, None).await?);
        }
        Ok(batches)
    }
}

#[tokio::test]
async fn rows_come_back_in_every_way_of_reading() {
    rows_come_back_of(FORMAT).await;
}

#[tokio::test]
async fn credentials_of_the_first_format_are_taken_from_the_records() {
    rows_come_back_of(FIRST).await;
}

async fn rows_come_back_of(format: u32) {
    let stored = Stored::of_format(20_000, format).await;
    let scope = stored.scope();
    let access = stored.world.lake.access(&scope).await.unwrap();
    let batches = stored.read(&access, &stored.row).await.unwrap();
    assert_eq!(
        batches
            .iter()
            .map(RecordBatch::num_rows)
            .collect::<Vec<_>>(),
        [8_192, 8_192, 3_616]
    );
    let mut start = 0;
    for batch in &batches {
        let wanted = stored.batch.slice(start, batch.num_rows());
        start += batch.num_rows();
        for column in Column::ALL {
            let (found, wanted) = (batch.column(column.index()), wanted.column(column.index()));
            assert_eq!(found.data_type(), wanted.data_type());
            let plain = |array: &arrow::array::ArrayRef| match array.data_type() {
                arrow::datatypes::DataType::Dictionary(_, value) => {
                    arrow::compute::cast(array, value).unwrap()
                }
                _ => Arc::clone(array),
            };
            assert_eq!(&plain(found), &plain(wanted), "{}", column.name());
        }
    }

    // Some rows, some columns.
    let file = Arc::new(
        SegmentFile::open(&stored.objects, &scope, &access.cipher, &stored.row)
            .await
            .unwrap(),
    );
    let columns = Columns::of(&[Column::Raw, Column::Operation]);
    let ranges = [5..7, 4_000..4_100, 8_191..8_192];
    let selection = RowSelection::from_consecutive_ranges(ranges.clone().into_iter(), 8_192);
    let some = file
        .read(&access, 1, columns, Some(selection))
        .await
        .unwrap();
    let rows = UInt32Array::from_iter_values(ranges.into_iter().flatten().map(|row| row as u32));
    let wanted = take_record_batch(&batches[1], &rows).unwrap();
    assert_eq!(some.schema(), columns.schema());
    assert_eq!(
        some.column_by_name("raw").unwrap().as_string::<i32>(),
        wanted.column_by_name("raw").unwrap().as_string::<i32>()
    );

    // One column, which may be in the records alone.
    let one = Columns::of(&[Column::CredentialUid]);
    let credentials = file.read(&access, 1, one, None).await.unwrap();
    assert_eq!(credentials.schema(), one.schema());
    let found = credentials_of(&credentials);
    assert_eq!(found, credentials_of(&batches[1]));
    assert!(found.iter().all(Option::is_some));

    // Whole row groups at once.
    let parts = file
        .fetch(&stored.objects, &scope, &[0, 2], Columns::ALL)
        .await
        .unwrap();
    for (part, wanted) in parts.into_iter().zip([&batches[0], &batches[2]]) {
        let batch = SegmentFile::decode(part).unwrap();
        assert_eq!(
            batch.column_by_name("resources").unwrap(),
            wanted.column_by_name("resources").unwrap()
        );
    }
}

#[tokio::test]
async fn indexes_have_no_false_negatives_and_few_false_positives() {
    let stored = Stored::new(20_000).await;
    let scope = stored.scope();
    let access = stored.world.lake.access(&scope).await.unwrap();
    let file = SegmentFile::open(&stored.objects, &scope, &access.cipher, &stored.row)
        .await
        .unwrap();
    let index = file
        .index(&stored.objects, &scope, &access.cipher, &stored.row)
        .await
        .unwrap();
    let names = crate::row::name_column(&stored.batch).unwrap();
    let mut wrong = 0;
    for row in 0..stored.batch.num_rows() {
        let name = names.value(row);
        let group = row / GROUP_ROWS;
        assert!(index.may_have(group, Column::Name, name));
        wrong += usize::from(index.may_have((group + 1) % 3, Column::Name, name));
    }
    assert!(
        wrong < stored.batch.num_rows() / 10,
        "{wrong} wrong guesses"
    );
    assert!(index.may_have(0, Column::Operation, b"AssumeRole"));
    assert!(index.may_have(0, Column::CredentialUid, b"AKIAEXAMPLE000000003"));
    assert!(!index.may_have(0, Column::CredentialUid, b"AKIAEXAMPLE000000099"));
    // One of the first format does not know.
    let first = Stored::of_format(100, FIRST).await;
    let access = first.world.lake.access(&scope).await.unwrap();
    let file = SegmentFile::open(&first.objects, &scope, &access.cipher, &first.row).await;
    let file = file.unwrap();
    let index = file.index(&first.objects, &scope, &access.cipher, &first.row);
    let index = index.await.unwrap();
    assert!(index.may_have(0, Column::CredentialUid, b"AKIAEXAMPLE000000099"));
    assert!(!index.may_have(0, Column::Operation, b"GoHome"));
    assert!(!index.may_have(0, Column::Operation, b"DeleteTrail"));
    assert!(
        index.may_have(0, Column::Raw, b"anything"),
        "not indexed: it may"
    );
}

#[tokio::test]
async fn another_key_tenant_or_segment_does_not_open() {
    let stored = Stored::new(3_000).await;
    let (own, other) = (stored.scope(), stored.world.scope(OTHER));
    let own = stored.world.lake.access(&own).await.unwrap();
    let other = stored.world.lake.access(&other).await.unwrap();
    assert!(stored.read(&own, &stored.row).await.is_ok());
    // The other tenant's keys on the very same bytes.
    assert!(matches!(
        stored.read(&other, &stored.row).await,
        Err(LakeError::Parquet(_))
    ));
    // The tenant's own key for another segment.
    let mut row = stored.row.clone();
    row.id = stored.world.kernel.env().uuid_v7();
    assert!(matches!(
        stored.read(&own, &row).await,
        Err(LakeError::Parquet(_))
    ));
    // A key version that does not exist.
    let mut row = stored.row.clone();
    row.key_version += 1;
    assert!(matches!(
        stored.read(&own, &row).await,
        Err(LakeError::Kernel(_))
    ));
    // A path of another tenant, whatever the catalogue says.
    let mut row = stored.row.clone();
    row.object = SegmentObject::Parquet(stored.path().replace(ACME, OTHER));
    assert!(matches!(
        stored.read(&own, &row).await,
        Err(LakeError::Corrupt(_))
    ));
    row.object = SegmentObject::Parquet(format!("t/{ACME}/seg/../../{OTHER}/seg/x.parquet"));
    assert!(matches!(
        stored.read(&own, &row).await,
        Err(LakeError::Corrupt(_))
    ));
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_refused_or_never_read() {
    let stored = Stored::new(600).await;
    let scope = stored.scope();
    let access = stored.world.lake.access(&scope).await.unwrap();
    let sound = stored.read(&access, &stored.row).await.unwrap();
    let bytes = stored.bytes().await;
    let (mut refused, mut unread) = (0, 0);
    for at in (0..bytes.len()).step_by(bytes.len() / 400) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        // A segment is written once: what is there is not written over.
        stored.objects.delete(&scope, stored.path()).await.unwrap();
        stored
            .objects
            .put(&scope, stored.path(), changed.into())
            .await
            .unwrap();
        match stored.read(&access, &stored.row).await {
            Err(_) => refused += 1,
            // The magic at the start, and column indexes, which are not used.
            Ok(batches) => {
                assert_eq!(batches, sound);
                unread += 1;
            }
        }
    }
    assert!(
        refused > 350 && unread < 40,
        "{refused} refused, {unread} without effect"
    );
    assert!(stored.store.list(None).count_all().await == 1);
}

/// Counting what a store lists.
trait CountAll {
    async fn count_all(self) -> usize;
}

impl<S: futures::Stream> CountAll for S {
    async fn count_all(self) -> usize {
        use futures::StreamExt as _;
        self.count().await
    }
}

#[tokio::test]
async fn nothing_readable_lies_in_the_file() {
    let stored = Stored::new(3_000).await;
    let bytes = stored.bytes().await;
    assert_eq!(&bytes[..4], b"PARE", "encrypted footer");
    let has = |text: &str| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    for text in [
        "eventName",
        "AssumeRole",
        "arn:aws",
        "192.0.2",
        "operation",
        "src_ip",
        "eu-west-1",
        "cordon",
        "seg",
    ] {
        assert!(!has(text), "{text}");
    }
    // Parquet's own Bloom filters would let anybody ask for a value: the writer leaves them
    // in the clear. Ours are sealed, so none must be there.
    let access = stored.world.lake.access(&stored.scope()).await.map(|_| ());
    assert!(access.is_ok());
    let name = crate::row::name_at(crate::row::name_column(&stored.batch).unwrap(), 0);
    assert!(!bytes.windows(16).any(|window| window == name));
}

#[tokio::test]
async fn what_is_wide_is_packed() {
    let stored = Stored::new(100).await;
    let scope = stored.scope();
    let access = stored.world.lake.access(&scope).await.unwrap();
    let file = SegmentFile::open(&stored.objects, &scope, &access.cipher, &stored.row)
        .await
        .unwrap();
    assert_eq!(
        file.packed(),
        [
            "actor",
            "src_ip",
            "dst_ip",
            "resources.list.item",
            "event_id",
            "raw",
            "withheld.list.item",
            "credential_uid"
        ]
    );
}

#[tokio::test]
async fn rows_out_of_order_are_refused() {
    let stored = Stored::new(100).await;
    let scope = stored.scope();
    let access = stored.world.lake.access(&scope).await.unwrap();
    let id = stored.world.kernel.env().uuid_v7();
    let mut writer = SegmentWriter::new(Arc::clone(&access.cipher), id).unwrap();
    writer.write(&stored.batch.slice(50, 50)).unwrap();
    assert!(matches!(
        writer.write(&stored.batch.slice(0, 50)),
        Err(LakeError::Corrupt(_))
    ));
    let writer = SegmentWriter::new(Arc::clone(&access.cipher), id).unwrap();
    assert!(matches!(writer.finish(), Err(LakeError::Corrupt(_))));
}

#[test]
fn descriptions_come_back() {
    let meta = SegmentMeta {
        groups: vec![
            GroupMeta {
                rows: 3,
                min_time: -5,
                max_time: i64::MAX,
                min_seq: 1,
                max_seq: 9,
                text: 77,
            },
            GroupMeta {
                rows: 1,
                min_time: i64::MIN,
                max_time: 0,
                min_seq: 4,
                max_seq: 4,
                text: 0,
            },
        ],
        index_start: 10,
        index_end: 20,
        invalid: vec![[1; 16]],
        superseding: vec![([2; 16], 5)],
        yielding: vec![(0, 2, [3; 16])],
    };
    let bytes = meta.encode();
    assert_eq!(SegmentMeta::decode(&bytes).unwrap(), meta);
    for length in 0..bytes.len() {
        assert!(SegmentMeta::decode(&bytes[..length]).is_err());
    }
}
