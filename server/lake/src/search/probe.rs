//! Whether a row in memory is in a segment file already.

use std::collections::HashMap;
use std::sync::Arc;

use cordon_kernel::db::segments::SegmentObject;

use crate::catalogue::CatalogueView;
use crate::error::Result;
use crate::lake::Access;
use crate::run::Keys;
use crate::schema::{Column, Columns};
use crate::segment::{SegmentIndex, SegmentMeta};

/// Row groups whose times and names are kept at hand.
const KEPT: usize = 16;

/// Looks up names in the files of one state of the catalogue. Files that can't have a row of
/// that time are not touched; of the others the Bloom filter is asked first.
pub(crate) struct Probe {
    catalogue: Arc<CatalogueView>,
    files: Vec<File>,
    keys: HashMap<(usize, usize), Keys>,
}

struct File {
    segment: usize,
    min: i64,
    max: i64,
    meta: Arc<SegmentMeta>,
    index: Option<Arc<SegmentIndex>>,
}

impl Probe {
    pub(crate) fn new(catalogue: &Arc<CatalogueView>) -> Self {
        let files = catalogue.segments().enumerate();
        let files = files.filter(|(_, (row, _))| matches!(row.object, SegmentObject::Parquet(_)));
        Self {
            files: files
                .map(|(segment, (row, meta))| File {
                    segment,
                    min: row.min_time,
                    max: row.max_time,
                    meta: Arc::clone(meta),
                    index: None,
                })
                .collect(),
            catalogue: Arc::clone(catalogue),
            keys: HashMap::new(),
        }
    }

    /// Whether a file has a row with that time and name.
    pub(crate) async fn has(
        &mut self,
        access: &Access<'_>,
        time: i64,
        name: &[u8; 16],
    ) -> Result<bool> {
        for file in &mut self.files {
            if !(file.min..=file.max).contains(&time) {
                continue;
            }
            if file.index.is_none() {
                let (row, _) = self.catalogue.segment(file.segment)?;
                file.index = Some(access.index(row).await?);
            }
            let may_have = |group| {
                file.index
                    .as_ref()
                    .is_none_or(|index| index.may_have(group, Column::Name, name))
            };
            for (group, bounds) in file.meta.groups.iter().enumerate() {
                if !(bounds.min_time..=bounds.max_time).contains(&time) || !may_have(group) {
                    continue;
                }
                let key = (file.segment, group);
                if !self.keys.contains_key(&key) {
                    let keys = read_keys(access, &self.catalogue, key).await?;
                    if self.keys.len() >= KEPT {
                        self.keys.clear();
                    }
                    self.keys.insert(key, keys);
                }
                let keys = self.keys.get(&key);
                if keys.is_some_and(|keys| keys.contains(time, name)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

async fn read_keys(
    access: &Access<'_>,
    catalogue: &CatalogueView,
    (segment, group): (usize, usize),
) -> Result<Keys> {
    let (row, _) = catalogue.segment(segment)?;
    let file = access.file(row).await?;
    let columns = Columns::of(&[Column::Time, Column::Name]);
    let keys = file.read(access, group, columns, None).await?;
    Keys::of(&keys)
}
