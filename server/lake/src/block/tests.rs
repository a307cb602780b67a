use proptest::prelude::*;

use super::*;
use crate::row::Events;
use crate::testing::{any_event, event};
use cordon_views::{EventRow, Withheld};

const CONTEXT: BlockContext<'static> = BlockContext {
    first_seq: 40,
    stored_ns: 77,
    source: "trail",
};

fn encode(rows: &[EventRow]) -> EncodedBlock {
    BlockEncoder::new().unwrap().encode(rows).unwrap()
}

fn decode(block: &[u8]) -> Result<arrow::array::RecordBatch> {
    let mut decoder = BlockDecoder::new()?;
    decoder.decode(block, CONTEXT)?;
    decoder.finish()
}

/// The row as it comes back.
fn read(events: &Events<'_>, index: usize) -> EventRow {
    let withheld: Vec<Withheld> = events.withheld(index);
    let row = events.row(index, &withheld);
    let kept = events.borrow(index);
    EventRow {
        name: events.name(index),
        time_ns: row.time_ns,
        observed_ns: row.observed_ns,
        time_invalid: row.time_invalid,
        conflict: events.conflict(index),
        class_uid: row.class_uid,
        activity_id: row.activity_id,
        severity_id: row.severity_id,
        status: row.status,
        account: row.account.to_owned(),
        region: row.region.to_owned(),
        service: row.service.to_owned(),
        operation: row.operation.to_owned(),
        actor: row.actor.to_owned(),
        credential_uid: row.credential_uid.to_owned(),
        src_ip: row.src_ip,
        dst_ip: row.dst_ip,
        src_port: row.src_port,
        dst_port: row.dst_port,
        resources: events.resources(index),
        source_type: row.source_type,
        event_id: row.event_id.to_owned(),
        shared: row.shared,
        normalizer: row.normalizer,
        raw: row.raw.to_owned(),
        raw_context: row.raw_context.map(std::sync::Arc::from),
        withheld: row.withheld.to_vec(),
        shared_event_id: kept.shared_event_id.to_owned(),
        addressed: kept.addressed,
    }
}

proptest! {
    #[test]
    fn rows_come_back_as_they_went(rows in prop::collection::vec(any_event(), 1..12)) {
        let block = encode(&rows);
        prop_assert_eq!(block.rows as usize, rows.len());
        prop_assert_eq!(block.min_time, rows.iter().map(|row| row.time_ns).min().unwrap());
        prop_assert_eq!(block.max_time, rows.iter().map(|row| row.time_ns).max().unwrap());
        let batch = decode(&block.plain).unwrap();
        let events = Events::new(&batch).unwrap();
        for (index, row) in rows.iter().enumerate() {
            prop_assert_eq!(&read(&events, index), row);
            prop_assert_eq!(events.seq(index), 40 + index as u64);
            prop_assert_eq!(events.stored_ns(index), 77);
            prop_assert_eq!(events.source(index), "trail");
        }
    }

    #[test]
    fn a_merged_block_keeps_sequence_source_and_stored_time(
        rows in prop::collection::vec((any_event(), 1_u64..4, 0_i64..3), 1..12),
    ) {
        // Rows from several blocks, with holes where repetitions were dropped.
        let mut decoder = BlockDecoder::new().unwrap();
        let mut seq = 100;
        let mut expected = Vec::new();
        for (row, step, stored_ns) in &rows {
            seq += step;
            let source = format!("source-{stored_ns}");
            let context = BlockContext { first_seq: seq, stored_ns: *stored_ns, source: &source };
            decoder.decode(&encode(std::slice::from_ref(row)).plain, context).unwrap();
            expected.push((row.clone(), seq, *stored_ns, source.clone()));
        }
        let batch = decoder.finish().unwrap();
        let merged = BlockEncoder::new().unwrap().encode_batch(&batch, 100).unwrap();
        let context = BlockContext { first_seq: 100, stored_ns: -1, source: "unused" };
        decoder.decode(&merged.plain, context).unwrap();
        let batch = decoder.finish().unwrap();
        let events = Events::new(&batch).unwrap();
        prop_assert_eq!(events.len(), expected.len());
        for (index, (row, seq, stored, source)) in expected.iter().enumerate() {
            prop_assert_eq!(&read(&events, index), row);
            prop_assert_eq!(events.seq(index), *seq);
            prop_assert_eq!(events.stored_ns(index), *stored);
            prop_assert_eq!(events.source(index), source);
        }
        for (offset, name) in Facts::of(&merged.plain).unwrap().0.invalid {
            prop_assert!(expected.iter().any(|(row, seq, ..)| row.time_invalid
                && row.name == name
                && *seq == 100 + u64::from(offset)));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
        for version in [FIRST, VERSION] {
            let mut block = vec![version, 0, 1, 200];
            block.extend(&bytes);
            let _ = decode(&block);
        }
    }

    #[test]
    fn changed_blocks_never_panic(
        rows in prop::collection::vec(any_event(), 1..5),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut block = encode(&rows).plain;
        let at = at.index(block.len());
        block[at] = to;
        let _ = decode(&block);
        block.truncate(cut.index(block.len()));
        prop_assert!(decode(&block).is_err());
    }

    #[test]
    fn changed_bodies_never_panic(
        rows in prop::collection::vec(any_event(), 1..5),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        // Behind zstd's own checks: unpack, change, pack again.
        let block = encode(&rows).plain;
        let head = Head::parse(&block).unwrap();
        let mut unpack = zstd::bulk::Decompressor::with_prepared_dictionary(&DECODE_PRIME).unwrap();
        let mut body = unpack.decompress(head.packed, head.body_len).unwrap();
        for (at, to) in changes {
            let at = at.index(body.len());
            body[at] = to;
        }
        let mut changed = vec![VERSION, 0];
        crate::codec::put_len(&mut changed, rows.len());
        crate::codec::put_len(&mut changed, body.len());
        changed.extend([0, 0]);
        changed.extend(zstd::bulk::compress(&body, 1).unwrap());
        let _ = decode(&changed);
    }
}

#[test]
fn facts_are_read_without_the_body() {
    let mut rows: Vec<EventRow> = (0..6).map(|id| event(id, 0)).collect();
    rows[1].time_invalid = true;
    rows[2].shared_event_id = "joint".to_owned();
    rows[2].addressed = false;
    rows[4].shared_event_id = "joint".to_owned();
    let mut block = encode(&rows).plain;
    let key = shared_key("aws.cloudtrail", "joint");
    let expected = Facts {
        invalid: vec![(1, rows[1].name)],
        superseding: vec![(4, key)],
    };
    assert_eq!(Facts::of(&block).unwrap().0, expected);
    let length = block.len();
    block[length - 20..].fill(0);
    assert_eq!(Facts::of(&block).unwrap().0, expected);
}

#[test]
fn limits_are_refused_before_they_hurt() {
    let mut encoder = BlockEncoder::new().unwrap();
    assert!(matches!(
        encoder.encode::<EventRow>(&[]),
        Err(LakeError::TooLarge(_))
    ));
    let mut huge = event(1, 0);
    huge.raw = "x".repeat(MAX_BODY);
    assert!(matches!(
        encoder.encode(&[huge]),
        Err(LakeError::TooLarge(_))
    ));
    let many = vec![event(1, 0); MAX_ROWS + 1];
    assert!(matches!(encoder.encode(&many), Err(LakeError::TooLarge(_))));
    // It is usable afterwards.
    assert!(encoder.encode(&[event(1, 0)]).is_ok());
}

#[test]
fn an_error_leaves_no_half_block_behind() {
    let good = encode(&[event(1, 0)]).plain;
    let mut bad = good.clone();
    bad.truncate(good.len() - 3);
    let mut decoder = BlockDecoder::new().unwrap();
    decoder.decode(&good, CONTEXT).unwrap();
    assert!(decoder.decode(&bad, CONTEXT).is_err());
    assert_eq!(decoder.rows(), 0);
    decoder.decode(&good, CONTEXT).unwrap();
    assert_eq!(decoder.finish().unwrap().num_rows(), 1);
}

#[test]
fn small_blocks_are_small() {
    let one = encode(&[event(7, 3)]);
    let raw = event(7, 3).raw.len();
    assert!(
        one.plain.len() * 4 < raw * 3,
        "{} bytes of {raw}",
        one.plain.len()
    );
    let five: Vec<EventRow> = (0..5).map(|id| event(id, 3)).collect();
    let raw: usize = five.iter().map(|row| row.raw.len()).sum();
    let size = encode(&five).plain.len();
    assert!(size * 3 < raw, "{size} bytes of {raw}");
}

#[test]
fn the_priming_text_is_part_of_the_format() {
    // A changed text would make every stored block unreadable: it takes a new version.
    assert_eq!(
        blake3::hash(PRIME).to_hex().as_str(),
        "1a31ec72803b1944f9827eac4e54b2e9fed5a35cff25ce55d03897fcec6bb965",
    );
}

/// The block as the first version has it.
fn first_version(block: &[u8], rows: usize) -> Vec<u8> {
    let head = Head::parse(block).unwrap();
    assert!(head.primed && head.facts.is_empty());
    let mut unpack = zstd::bulk::Decompressor::with_prepared_dictionary(&DECODE_PRIME).unwrap();
    let mut body = unpack.decompress(head.packed, head.body_len).unwrap();
    // A number of one byte for each row, since there are few words.
    body.truncate(body.len() - rows);
    let mut first = vec![FIRST, 0];
    crate::codec::put_len(&mut first, rows);
    crate::codec::put_len(&mut first, body.len());
    first.extend([0, 0]);
    first.extend(zstd::bulk::compress(&body, 1).unwrap());
    first
}

#[test]
fn credentials_of_the_first_version_are_taken_from_the_records() {
    let mut rows: Vec<EventRow> = (0..5).map(|id| event(id, id as i64)).collect();
    rows[3].raw = "{}".to_owned();
    rows[3].credential_uid = String::new();
    rows[4].raw = "no record at all".to_owned();
    rows[4].credential_uid = String::new();
    let block = first_version(&encode(&rows).plain, rows.len());
    // One of each version are one batch.
    let mut decoder = BlockDecoder::new().unwrap();
    decoder.decode(&encode(&rows).plain, CONTEXT).unwrap();
    decoder.decode(&block, CONTEXT).unwrap();
    let batch = decoder.finish().unwrap();
    let events = Events::new(&batch).unwrap();
    for (index, row) in rows.iter().chain(&rows).enumerate() {
        assert_eq!(&read(&events, index), row);
    }
    assert!(rows[0].credential_uid.starts_with("AKIA"));
}
