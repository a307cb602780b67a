//! Texts that count against a query's memory for as long as anybody holds them.
//!
//! Operators say themselves what they keep for sorting, grouping and joining; what windows keep, what
//! waits to become a batch and what functions make they don't say. Texts are what can be large in it,
//! so they lie in buffers that are counted where they are made and until the last batch that shows
//! them is gone. Arrays of texts are views: a text that a join repeats costs 16 bytes a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, NullBufferBuilder, StringViewArray, make_view};
use arrow::buffer::{Buffer, ScalarBuffer};
use arrow::datatypes::DataType;
use bytes::Bytes;
use datafusion::common::Result;
use datafusion::error::DataFusionError;

/// Longest text that a query handles, in bytes: twice the longest record.
pub(super) const LONGEST: usize = 2 << 20;
/// Texts up to here lie in the view itself.
const INLINE: usize = 12;

/// What a query's texts are counted with. They have as much room as operators have for what these count:
/// of one room for both operators would find nothing left to merge in what they are to put aside.
#[derive(Debug)]
pub(super) struct Meter {
    used: AtomicUsize,
    most: usize,
}

/// The bytes of texts, and their share of the memory.
struct Held {
    bytes: Vec<u8>,
    meter: Arc<Meter>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let size = self.bytes.capacity();
        self.meter.used.fetch_sub(size, Ordering::Relaxed);
    }
}

impl Meter {
    /// Room for so many bytes.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            most,
        })
    }

    /// The bytes, counted.
    fn hold(self: &Arc<Self>, mut bytes: Vec<u8>) -> Result<Held> {
        bytes.shrink_to_fit();
        let size = bytes.capacity();
        let before = self.used.fetch_add(size, Ordering::Relaxed);
        let held = Held {
            bytes,
            meter: Arc::clone(self),
        };
        match before.saturating_add(size) > self.most {
            true => Err(exhausted()),
            false => Ok(held),
        }
    }
}

/// What is said when the memory does not suffice.
pub(super) fn exhausted() -> DataFusionError {
    DataFusionError::ResourcesExhausted("texts".into())
}

/// A column of texts in the making.
#[derive(Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    views: Vec<u128>,
    nulls: Option<NullBufferBuilder>,
}

impl Texts {
    pub(super) fn push(&mut self, text: Option<&str>) -> Result<()> {
        let view = match text {
            None => return self.null(),
            Some(text) => self.view(text)?,
        };
        self.again(view);
        Ok(())
    }

    fn null(&mut self) -> Result<()> {
        let before = self.views.len();
        self.views.push(0);
        let nulls = self.nulls.get_or_insert_with(|| {
            let mut nulls = NullBufferBuilder::new(before + 1);
            nulls.append_n_non_nulls(before);
            nulls
        });
        nulls.append_null();
        Ok(())
    }

    /// Keeps a text, for a row to come.
    fn view(&mut self, text: &str) -> Result<u128> {
        if text.len() > LONGEST {
            return Err(exhausted());
        }
        if text.len() <= INLINE {
            return Ok(make_view(text.as_bytes(), 0, 0));
        }
        let offset = u32::try_from(self.bytes.len()).map_err(|_| exhausted())?;
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(make_view(text.as_bytes(), 0, offset))
    }

    /// A row with a text that was kept.
    fn again(&mut self, view: u128) {
        self.views.push(view);
        if let Some(nulls) = &mut self.nulls {
            nulls.append_non_null();
        }
    }

    /// The column.
    ///
    /// # Errors
    /// The memory does not suffice.
    pub(super) fn finish(mut self, meter: &Arc<Meter>) -> Result<StringViewArray> {
        let nulls = self.nulls.as_mut().and_then(NullBufferBuilder::finish);
        let buffers: Vec<Buffer> = match self.bytes.len() {
            0 => Vec::new(),
            _ => vec![Buffer::from(Bytes::from_owner(meter.hold(self.bytes)?))],
        };
        Ok(StringViewArray::try_new(
            ScalarBuffer::from(self.views),
            buffers,
            nulls,
        )?)
    }
}

/// An array of texts, a dictionary of such, or anything that can be cast to one, as counted views.
///
/// # Errors
/// The memory does not suffice, or a text is too long.
pub(super) fn counted(array: &ArrayRef, meter: &Arc<Meter>) -> Result<StringViewArray> {
    let mut texts = Texts::default();
    match array.data_type() {
        DataType::Utf8 => {
            for text in array.as_string::<i32>() {
                texts.push(text)?;
            }
        }
        DataType::LargeUtf8 => {
            for text in array.as_string::<i64>() {
                texts.push(text)?;
            }
        }
        DataType::Utf8View => {
            for text in array.as_string_view() {
                texts.push(text)?;
            }
        }
        DataType::Dictionary(_, _) => return words(array, meter),
        _ => {
            let array = arrow::compute::cast(array, &DataType::Utf8)?;
            return counted(&array, meter);
        }
    }
    texts.finish(meter)
}

/// Words: each is kept once however many rows have it.
fn words(array: &ArrayRef, meter: &Arc<Meter>) -> Result<StringViewArray> {
    let words = array.as_any_dictionary();
    let values = arrow::compute::cast(words.values(), &DataType::Utf8)?;
    let values = values.as_string::<i32>();
    let mut views: Vec<Option<u128>> = vec![None; values.len()];
    let mut texts = Texts::default();
    let keys = words.keys();
    // Normalizing panics where there are no words at all.
    let normal = match values.is_empty() {
        true => vec![0; keys.len()],
        false => words.normalized_keys(),
    };
    for (row, key) in normal.into_iter().enumerate() {
        let known = views.get_mut(key);
        match known {
            Some(known) if !keys.is_null(row) && !values.is_null(key) => {
                let view = match *known {
                    Some(view) => view,
                    None => *known.insert(texts.view(values.value(key))?),
                };
                texts.again(view);
            }
            _ => texts.null()?,
        }
    }
    texts.finish(meter)
}

/// What a row of a column amounts to with its texts written out, in bytes.
pub(super) enum Widths<'a> {
    Fixed(usize),
    Views(&'a [u128]),
    /// Keys of words, and how long each word is.
    Words(Vec<usize>, Vec<usize>),
    Other(&'a ArrayRef),
}

impl<'a> Widths<'a> {
    pub(super) fn of(array: &'a ArrayRef) -> Self {
        match array.data_type() {
            DataType::Utf8View => Self::Views(array.as_string_view().views()),
            DataType::Null | DataType::Boolean => Self::Fixed(1),
            DataType::Dictionary(_, _) => {
                let words = array.as_any_dictionary();
                let values = Self::of(words.values());
                let lengths: Vec<usize> =
                    (0..words.values().len()).map(|at| values.at(at)).collect();
                match lengths.is_empty() {
                    true => Self::Fixed(1),
                    false => Self::Words(words.normalized_keys(), lengths),
                }
            }
            kind => match kind.primitive_width() {
                Some(width) => Self::Fixed(width),
                None => Self::Other(array),
            },
        }
    }

    /// Bytes of that row.
    pub(super) fn at(&self, row: usize) -> usize {
        match self {
            Self::Fixed(width) => *width,
            // The lower half of a view is the length.
            Self::Views(views) => {
                let view = views.get(row).copied().unwrap_or(0);
                usize::try_from(view & u128::from(u32::MAX)).unwrap_or(0) + size_of::<u128>()
            }
            Self::Words(keys, lengths) => keys
                .get(row)
                .and_then(|key| lengths.get(*key))
                .copied()
                .unwrap_or(1),
            Self::Other(array) => other(array, row),
        }
    }
}

fn other(array: &ArrayRef, row: usize) -> usize {
    if array.is_null(row) {
        return 1;
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).len() + 4,
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).len() + 8,
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let widths = Widths::of(&items);
            (0..items.len()).map(|item| widths.at(item)).sum::<usize>() + 4
        }
        _ => array.slice(row, 1).get_array_memory_size(),
    }
}

/// Rows of a batch, or of arguments, in runs of which none is larger than `most` bytes unless it is one
/// row; where each ends.
pub(super) fn runs(columns: &[ArrayRef], rows: usize, each: usize, most: usize) -> Vec<usize> {
    let widths: Vec<Widths> = columns.iter().map(Widths::of).collect();
    let (mut ends, mut bytes) = (Vec::new(), 0_usize);
    for row in 0..rows {
        let width = widths.iter().map(|column| column.at(row)).sum::<usize>() + each;
        if bytes > 0 && bytes.saturating_add(width) > most {
            ends.push(row);
            bytes = 0;
        }
        bytes = bytes.saturating_add(width);
    }
    ends.push(rows);
    ends
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, Int32Array, StringArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn texts_count_as_long_as_anybody_holds_them() {
        let meter = Meter::new(1_000);
        let long = "x".repeat(400);
        let texts: ArrayRef = Arc::new(StringArray::from(vec![
            Some(long.as_str()),
            None,
            Some("y"),
        ]));
        let first = counted(&texts, &meter).unwrap();
        assert_eq!(
            first.iter().collect::<Vec<_>>(),
            [Some(long.as_str()), None, Some("y")]
        );
        assert_eq!(meter.used.load(Ordering::Relaxed), 400);
        let part = first.slice(0, 1);
        let second = counted(&texts, &meter).unwrap();
        assert!(counted(&texts, &meter).is_err());
        drop((first, second));
        assert_eq!(meter.used.load(Ordering::Relaxed), 400);
        drop(part);
        assert_eq!(meter.used.load(Ordering::Relaxed), 0);
        let longer: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(LONGEST + 1)]));
        assert!(counted(&longer, &Meter::new(usize::MAX)).is_err());
    }

    #[test]
    fn words_are_kept_once_and_measured_each_time() {
        let meter = Meter::new(1_000);
        let words = vec![
            Some("a word of some length"),
            None,
            Some("a word of some length"),
        ];
        let words: DictionaryArray<Int32Type> = words.into_iter().collect();
        let array: ArrayRef = Arc::new(words);
        let texts = counted(&array, &meter).unwrap();
        assert_eq!(texts.value(2), "a word of some length");
        assert!(texts.is_null(1));
        assert_eq!(meter.used.load(Ordering::Relaxed), 21);
        assert_eq!(runs(&[Arc::clone(&array)], 3, 0, 60), [2, 3]);
        let none = DictionaryArray::<Int32Type>::new(
            Int32Array::from(vec![None::<i32>; 2]),
            Arc::new(StringArray::from(Vec::<&str>::new())),
        );
        let none: ArrayRef = Arc::new(none);
        assert_eq!(counted(&none, &meter).unwrap().null_count(), 2);
        assert_eq!(runs(&[none], 2, 0, 1), [1, 2]);
    }
}
