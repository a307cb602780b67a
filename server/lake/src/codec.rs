//! Reading integers and bytes off a slice, every bound checked.

use crate::error::{LakeError, Result};

pub(crate) struct Reader<'a> {
    left: &'a [u8],
}

fn truncated() -> LakeError {
    LakeError::corrupt("stored bytes end early")
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    pub(crate) const fn rest(self) -> &'a [u8] {
        self.left
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.left.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        let (first, left) = self.left.split_first().ok_or_else(truncated)?;
        self.left = left;
        Ok(*first)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(count).ok_or_else(truncated)?;
        self.left = left;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, left) = self.left.split_first_chunk::<N>().ok_or_else(truncated)?;
        self.left = left;
        Ok(*taken)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(LakeError::corrupt("stored bytes with an endless number"))
    }

    pub(crate) fn i64(&mut self) -> Result<i64> {
        let raw = self.u64()?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    pub(crate) fn i32(&mut self) -> Result<i32> {
        i32::try_from(self.i64()?).map_err(|_| LakeError::corrupt("number beyond 32 bits"))
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        u32::try_from(self.u64()?).map_err(|_| LakeError::corrupt("number beyond 32 bits"))
    }

    /// A count that may not exceed `most`, so that nothing is allocated for a lie.
    pub(crate) fn length(&mut self, most: usize) -> Result<usize> {
        let length = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
        if length > most {
            return Err(LakeError::corrupt("stored bytes with an impossible length"));
        }
        Ok(length)
    }

    /// A count of things that take at least a byte each of what is left.
    pub(crate) fn count(&mut self) -> Result<usize> {
        let most = self.left.len();
        self.length(most)
    }
}

pub(crate) fn put_u64(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

pub(crate) fn put_i64(to: &mut Vec<u8>, value: i64) {
    put_u64(to, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

pub(crate) fn put_len(to: &mut Vec<u8>, value: usize) {
    put_u64(to, value as u64);
}
