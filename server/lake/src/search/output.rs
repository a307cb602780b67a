//! Reading the output columns of the rows that are due.

use std::collections::HashMap;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{interleave_record_batch, take_record_batch};

use super::Order;
use super::cursor::{Cursor, Source, read};
use crate::catalogue::CatalogueView;
use crate::error::{LakeError, Result};
use crate::filter::project;
use crate::lake::Access;
use crate::schema::Columns;
use crate::segment::GroupMeta;

/// A row that is due: which cursor, and which of its rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pick {
    pub(super) cursor: usize,
    pub(super) row: usize,
}

/// One batch of the picked rows, in their order.
pub(super) async fn gather(
    access: &Access<'_>,
    cursors: &[Cursor],
    picks: &[Pick],
    columns: Columns,
    order: Order,
) -> Result<RecordBatch> {
    // By cursor, in the order of first appearance.
    let mut parts: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut places: HashMap<usize, usize> = HashMap::new();
    let mut interleaving = Vec::with_capacity(picks.len());
    for pick in picks {
        let part = *places.entry(pick.cursor).or_insert_with(|| {
            parts.push((pick.cursor, Vec::new()));
            parts.len() - 1
        });
        if let Some((_, rows)) = parts.get_mut(part) {
            interleaving.push((part, rows.len()));
            rows.push(pick.row);
        }
    }

    let mut batches = Vec::with_capacity(parts.len());
    for (cursor, rows) in &parts {
        let cursor = cursors
            .get(*cursor)
            .ok_or_else(|| LakeError::corrupt("no such cursor"))?;
        batches.push(part(access, cursor, rows, columns, order).await?);
    }
    if batches.len() == 1
        && let Some(batch) = batches.pop()
    {
        return Ok(batch);
    }
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    Ok(interleave_record_batch(&batches, &interleaving)?)
}

/// Rows of one cursor, in the order given.
async fn part(
    access: &Access<'_>,
    cursor: &Cursor,
    picked: &[usize],
    columns: Columns,
    order: Order,
) -> Result<RecordBatch> {
    match &cursor.source {
        Source::Memory(memory) => {
            let rows = picked.iter().map(|row| (memory.start + row) as u32);
            let batch = project(&memory.run.batch, columns)?;
            Ok(take_record_batch(
                &batch,
                &UInt32Array::from_iter_values(rows),
            )?)
        }
        Source::File { file, group, rows } => {
            let mut wanted: Vec<u32> = picked
                .iter()
                .filter_map(|row| rows.get(*row).copied())
                .collect();
            if order == Order::OldestFirst {
                wanted.reverse();
            }
            let meta: &GroupMeta = file
                .meta
                .groups
                .get(*group)
                .ok_or_else(|| LakeError::corrupt("no such row group"))?;
            let batch = read(access, file, *group, meta, columns, &wanted).await?;
            if batch.num_rows() != picked.len() {
                return Err(LakeError::corrupt(
                    "a row group has fewer rows than it should",
                ));
            }
            if order == Order::NewestFirst {
                return Ok(batch);
            }
            let reverse = (0..batch.num_rows() as u32).rev();
            Ok(take_record_batch(
                &batch,
                &UInt32Array::from_iter_values(reverse),
            )?)
        }
    }
}

/// Rows of a row group that gave way to a record addressed to the tenant.
pub(super) fn gone(
    catalogue: &CatalogueView,
    segment: usize,
    group: usize,
    superseded: impl Fn(&[u8; 16]) -> bool,
) -> Result<Vec<u32>> {
    let (_, meta) = catalogue.segment(segment)?;
    let of_group = meta
        .yielding
        .iter()
        .filter(|(at, ..)| *at as usize == group);
    Ok(of_group
        .filter(|(_, _, key)| superseded(key))
        .map(|(_, row, _)| *row)
        .collect())
}
