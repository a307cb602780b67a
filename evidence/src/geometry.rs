//! How an item is cut into blocks.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Most blocks of an item: 16 TiB in blocks of the usual size, 64 TiB in the largest. It bounds
/// what a list of blocks makes its reader keep to about a gigabyte.
pub const MAX_BLOCKS: u64 = 1 << 24;

/// The length of all blocks of an item but the last: a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct BlockSize(u32);

/// Why bytes can't be cut so, or why there is no such part of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// No block has this size.
    #[error("a block has 65536 to 4194304 bytes, a power of two: {0} is none")]
    BlockSize(u32),
    /// The item has too many blocks of this size.
    #[error("{size} bytes are more than 16777216 blocks of {block_size} bytes")]
    TooLarge {
        /// The item's size.
        size: u64,
        /// What it was to be cut into.
        block_size: u32,
    },
    /// The range is empty or not within the item.
    #[error("the bytes from {start} to before {end} are no part of an item of {size}")]
    Range {
        /// The first byte.
        start: u64,
        /// The byte behind the last.
        end: u64,
        /// The item's size.
        size: u64,
    },
}

impl BlockSize {
    /// 64 KiB.
    pub const MIN: Self = Self(64 << 10);
    /// 1 MiB.
    pub const DEFAULT: Self = Self(1 << 20);
    /// 4 MiB.
    pub const MAX: Self = Self(4 << 20);

    /// Checks a size.
    ///
    /// # Errors
    ///
    /// Unless it is a power of two within the bounds.
    pub const fn new(bytes: u32) -> Result<Self, GeometryError> {
        if bytes.is_power_of_two() && bytes >= Self::MIN.0 && bytes <= Self::MAX.0 {
            Ok(Self(bytes))
        } else {
            Err(GeometryError::BlockSize(bytes))
        }
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        self.0
    }
}

impl Default for BlockSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TryFrom<u32> for BlockSize {
    type Error = GeometryError;

    fn try_from(bytes: u32) -> Result<Self, GeometryError> {
        Self::new(bytes)
    }
}

impl From<BlockSize> for u32 {
    fn from(size: BlockSize) -> Self {
        size.0
    }
}

/// The size of an item and that of its blocks, within the bounds: where each block lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    size: u64,
    block_size: BlockSize,
}

impl Geometry {
    /// Cuts so many bytes into blocks.
    ///
    /// # Errors
    ///
    /// When these are more than [`MAX_BLOCKS`].
    pub fn new(size: u64, block_size: BlockSize) -> Result<Self, GeometryError> {
        if size.div_ceil(block_size.0.into()) > MAX_BLOCKS {
            return Err(GeometryError::TooLarge {
                size,
                block_size: block_size.0,
            });
        }
        Ok(Self { size, block_size })
    }

    /// Of as many bytes as an item can have.
    #[must_use]
    pub const fn largest(block_size: BlockSize) -> Self {
        Self {
            size: MAX_BLOCKS * block_size.0 as u64,
            block_size,
        }
    }

    /// Of so many of its first bytes.
    pub(crate) const fn cut(self, size: u64) -> Self {
        Self {
            size: if size < self.size { size } else { self.size },
            ..self
        }
    }

    /// The item's size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The size of its blocks.
    #[must_use]
    pub const fn block_size(&self) -> BlockSize {
        self.block_size
    }

    /// How many blocks it has; none if it is empty.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.size.div_ceil(self.block_size.0.into())
    }

    /// Where a block begins. Of no block it is the item's end.
    #[must_use]
    pub fn offset(&self, index: u64) -> u64 {
        let block = u64::from(self.block_size.0);
        index.saturating_mul(block).min(self.size)
    }

    /// How long a block is: only the last may be shorter. Of no block it is 0.
    #[must_use]
    pub fn length(&self, index: u64) -> u32 {
        let left = self.size - self.offset(index);
        left.min(self.block_size.0.into()) as u32
    }

    /// The blocks that hold a range of bytes.
    ///
    /// # Errors
    ///
    /// When the range is empty or not within the item.
    pub fn covering(&self, bytes: &Range<u64>) -> Result<Range<u64>, GeometryError> {
        if bytes.start >= bytes.end || bytes.end > self.size {
            return Err(GeometryError::Range {
                start: bytes.start,
                end: bytes.end,
                size: self.size,
            });
        }
        let block = u64::from(self.block_size.0);
        Ok(bytes.start / block..bytes.end.div_ceil(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_powers_of_two_within_the_bounds() {
        for bytes in [64 << 10, 128 << 10, 1 << 20, 4 << 20] {
            assert_eq!(BlockSize::new(bytes).unwrap().bytes(), bytes);
        }
        for bytes in [0, 1, 32 << 10, (64 << 10) + 1, 3 << 20, 8 << 20, u32::MAX] {
            assert_eq!(BlockSize::new(bytes), Err(GeometryError::BlockSize(bytes)));
        }
    }

    #[test]
    fn blocks_lie_one_behind_the_other_and_only_the_last_is_short() {
        let block = 64_u64 << 10;
        for (size, lengths) in [
            (0, vec![]),
            (1, vec![1]),
            (block - 1, vec![block - 1]),
            (block, vec![block]),
            (block + 1, vec![block, 1]),
            (2 * block, vec![block, block]),
        ] {
            let geometry = Geometry::new(size, BlockSize::MIN).unwrap();
            assert_eq!(geometry.blocks(), lengths.len() as u64);
            let mut at = 0;
            for (index, length) in (0..).zip(lengths) {
                assert_eq!(geometry.offset(index), at);
                assert_eq!(u64::from(geometry.length(index)), length);
                at += length;
            }
            assert_eq!((at, geometry.length(geometry.blocks())), (size, 0));
            assert_eq!(geometry.offset(u64::MAX), size);
        }
    }

    #[test]
    fn more_blocks_than_the_bound_are_refused() {
        let most = MAX_BLOCKS << 20;
        assert!(Geometry::new(most, BlockSize::DEFAULT).is_ok());
        assert!(Geometry::new(most + 1, BlockSize::DEFAULT).is_err());
        assert!(Geometry::new(most + 1, BlockSize::MAX).is_ok());
        assert!(Geometry::new(u64::MAX, BlockSize::MAX).is_err());
    }

    #[test]
    fn a_range_is_covered_by_the_blocks_that_it_touches() {
        let block = 64_u64 << 10;
        let geometry = Geometry::new(3 * block + 5, BlockSize::MIN).unwrap();
        let covering = |start, end| geometry.covering(&(start..end));
        assert_eq!(covering(0, 1), Ok(0..1));
        assert_eq!(covering(block - 1, block), Ok(0..1));
        assert_eq!(covering(block - 1, block + 1), Ok(0..2));
        assert_eq!(covering(block, 3 * block + 5), Ok(1..4));
        for (start, end) in [(0, 0), (5, 4), (0, 3 * block + 6), (u64::MAX, 1)] {
            assert!(covering(start, end).is_err());
        }
    }
}
