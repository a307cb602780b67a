//! The header of a qcow2 image, read by ourselves: an image says which other files belong to it, and
//! whoever has it opened before that was looked at opens whatever it says.

use bytes::Buf;

use crate::Error;

/// As much of an image as its header and names can be in.
pub(crate) const HEAD: usize = 64 << 10;

const MAGIC: u32 = 0x5146_49fb;
/// Longest names, by the specification and by us.
const MAX_NAME: u32 = 1_023;
/// Most extensions of a header.
const MAX_EXTENSIONS: usize = 64;
/// Longest first-level table, in entries: 32 MiB, as QEMU has it.
const MAX_L1: u32 = 4 << 20;
/// Longest table of reference counts, in bytes, as QEMU has it.
const MAX_REFCOUNTS: u64 = 8 << 20;

const EXTENSION_BACKING_FORMAT: u32 = 0xe279_2aca;
const EXTENSION_DATA_FILE: u32 = 0x4441_5441;

/// Features without which an image can't be read: dirty, external data, compression type, extended
/// second-level entries. One that is marked as corrupt is not among them.
const READABLE: u64 = 0b1_1101;
const EXTERNAL_DATA: u64 = 1 << 2;

/// What matters of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The size of the disk, in bytes.
    pub(crate) size: u64,
    /// The image that this one is a difference to, with the format that it says it has.
    pub(crate) backing: Option<(String, Option<String>)>,
    /// The file that has the data, if it is not this one.
    pub(crate) data_file: Option<String>,
}

impl Header {
    /// Reads a header out of the first bytes of an image, of which there are at most [`HEAD`].
    pub(crate) fn parse(head: &[u8]) -> Result<Self, Error> {
        let mut fields = head;
        let magic = fields.try_get_u32().map_err(short)?;
        let version = fields.try_get_u32().map_err(short)?;
        if magic != MAGIC || !matches!(version, 2 | 3) {
            return Err(Error::Invalid("a qcow2 image that is none"));
        }
        let backing_at = fields.try_get_u64().map_err(short)?;
        let backing_size = fields.try_get_u32().map_err(short)?;
        let cluster_bits = fields.try_get_u32().map_err(short)?;
        let size = fields.try_get_u64().map_err(short)?;
        let encryption = fields.try_get_u32().map_err(short)?;
        let l1 = fields.try_get_u32().map_err(short)?;
        let _l1_at = fields.try_get_u64().map_err(short)?;
        let _refcounts_at = fields.try_get_u64().map_err(short)?;
        let refcounts = fields.try_get_u32().map_err(short)?;
        let _snapshots = fields.try_get_u32().map_err(short)?;
        let _snapshots_at = fields.try_get_u64().map_err(short)?;
        if encryption != 0 {
            return Err(Error::Unsupported("an encrypted image"));
        }
        if !(9..=21).contains(&cluster_bits) {
            return Err(Error::Invalid("the clusters of an image"));
        }
        if l1 > MAX_L1 || u64::from(refcounts) << cluster_bits > MAX_REFCOUNTS {
            return Err(Error::Limit("the tables of an image"));
        }
        let (features, length) = match version {
            2 => (0, 72),
            _ => {
                let features = fields.try_get_u64().map_err(short)?;
                let _compatible = fields.try_get_u64().map_err(short)?;
                let _auto_clear = fields.try_get_u64().map_err(short)?;
                let _refcount_order = fields.try_get_u32().map_err(short)?;
                (features, fields.try_get_u32().map_err(short)?)
            }
        };
        if features & !READABLE != 0 {
            return Err(Error::Unsupported("the features of an image"));
        }
        let (format, data_file) = extensions(head, length)?;
        let external = features & EXTERNAL_DATA != 0;
        // One that is named and not used, or used and not named, is not an honest image.
        if external != data_file.is_some() {
            return Err(Error::Invalid("the data file of an image"));
        }
        let backing = match backing_at {
            0 => None,
            _ => Some((text(head, backing_at, backing_size)?, format)),
        };
        Ok(Self {
            size,
            backing,
            data_file,
        })
    }
}

/// The backing file's format and the data file's name.
fn extensions(head: &[u8], length: u32) -> Result<(Option<String>, Option<String>), Error> {
    let (mut format, mut data_file) = (None, None);
    let mut at = u64::from(length);
    for _ in 0..MAX_EXTENSIONS {
        let start = usize::try_from(at).map_err(|_| SHORT)?;
        let mut fields = head.get(start..).ok_or(SHORT)?;
        let kind = fields.try_get_u32().map_err(short)?;
        let size = fields.try_get_u32().map_err(short)?;
        let content = at.saturating_add(8);
        match kind {
            0 => return Ok((format, data_file)),
            EXTENSION_BACKING_FORMAT if format.is_none() => {
                format = Some(text(head, content, size)?);
            }
            EXTENSION_DATA_FILE if data_file.is_none() => {
                data_file = Some(text(head, content, size)?);
            }
            // A second one: who knows which of them counts.
            EXTENSION_BACKING_FORMAT | EXTENSION_DATA_FILE => {
                return Err(Error::Invalid("the header of an image"));
            }
            _ => {}
        }
        at = content.saturating_add(u64::from(size).next_multiple_of(8));
    }
    Err(Error::Limit("the extensions of an image"))
}

fn text(head: &[u8], at: u64, size: u32) -> Result<String, Error> {
    if size == 0 || size > MAX_NAME {
        return Err(Error::Invalid("a name in an image"));
    }
    let start = usize::try_from(at).map_err(|_| SHORT)?;
    let end = start.checked_add(size as usize).ok_or(SHORT)?;
    let bytes = head.get(start..end).ok_or(SHORT)?;
    let text = std::str::from_utf8(bytes).ok();
    let text = text.filter(|text| !text.contains(char::is_control));
    text.map(str::to_owned)
        .ok_or(Error::Invalid("a name in an image"))
}

const SHORT: Error = Error::Invalid("the header of an image");

fn short(_: bytes::TryGetError) -> Error {
    SHORT
}
