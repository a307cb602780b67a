//! The handshake: fixed newstyle, structured replies, allocation, and the export by its name.

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::wire::{
    FIXED_NEWSTYLE, GREETING, HAS_FLAGS, INFO_BLOCK_SIZE, INFO_EXPORT, NO_ZEROES, OPT_GO,
    OPT_SET_META_CONTEXT, OPT_STRUCTURED_REPLY, OPTION, OPTION_REPLY, READ_ONLY, REP_ACK,
    REP_ERR_UNKNOWN, REP_ERROR, REP_INFO, REP_META_CONTEXT, SEND_DF,
};
use super::{Export, NbdLimits};
use crate::Error;
use crate::disk::MAX_READ;

/// Longest data of a reply to an option.
const MAX_DATA: u32 = 64 << 10;
/// Most replies to one option.
const MAX_REPLIES: usize = 64;
/// Longest name of an export, by the specification.
const MAX_NAME: usize = 4_096;
/// The largest block that reads may have to be aligned to.
const MAX_MIN_BLOCK: u32 = 64 << 10;
/// The context that tells allocation.
const ALLOCATION: &[u8] = b"base:allocation";

const WHAT: &str = "the NBD handshake";

/// Comes to an agreement about one export.
pub(super) async fn shake(
    stream: &mut UnixStream,
    name: &str,
    limits: &NbdLimits,
) -> Result<Export, Error> {
    if name.len() > MAX_NAME {
        return Err(Error::Invalid("the export's name"));
    }
    let io = Error::io(WHAT);
    let greeting = stream.read_u64().await.map_err(&io)?;
    let style = stream.read_u64().await.map_err(&io)?;
    if greeting != GREETING || style != OPTION {
        return Err(Error::Protocol("no NBD server of the newstyle"));
    }
    let flags = stream.read_u16().await.map_err(&io)?;
    if flags & FIXED_NEWSTYLE == 0 {
        return Err(Error::Unsupported("the NBD server's handshake"));
    }
    let ours = u32::from(flags & (FIXED_NEWSTYLE | NO_ZEROES));
    stream.write_u32(ours).await.map_err(&io)?;

    send(stream, OPT_STRUCTURED_REPLY, &[]).await?;
    match answer(stream, OPT_STRUCTURED_REPLY).await? {
        (REP_ACK, _) => {}
        _ => return Err(Error::Unsupported("structured replies of the NBD server")),
    }
    let allocation = allocation(stream, name).await?;
    go(stream, name, allocation, limits).await
}

/// Asks for allocation; a server that does not know it is read as if all were data.
async fn allocation(stream: &mut UnixStream, name: &str) -> Result<Option<u32>, Error> {
    let mut data = Vec::new();
    text(&mut data, name.as_bytes());
    data.extend(1_u32.to_be_bytes());
    text(&mut data, ALLOCATION);
    send(stream, OPT_SET_META_CONTEXT, &data).await?;
    let mut context = None;
    for _ in 0..MAX_REPLIES {
        match answer(stream, OPT_SET_META_CONTEXT).await? {
            (REP_ACK, _) => return Ok(context),
            (REP_META_CONTEXT, mut data) => {
                let id = data.try_get_u32().map_err(short)?;
                if data.as_ref() != ALLOCATION || context.is_some() {
                    return Err(Error::Protocol("a context that was not asked for"));
                }
                context = Some(id);
            }
            (kind, _) if kind & REP_ERROR != 0 => return Ok(None),
            _ => return Err(Error::Protocol("the reply to an NBD option")),
        }
    }
    Err(Error::Limit("replies to an NBD option"))
}

async fn go(
    stream: &mut UnixStream,
    name: &str,
    allocation: Option<u32>,
    limits: &NbdLimits,
) -> Result<Export, Error> {
    let mut data = Vec::new();
    text(&mut data, name.as_bytes());
    data.extend(1_u16.to_be_bytes());
    data.extend(INFO_BLOCK_SIZE.to_be_bytes());
    send(stream, OPT_GO, &data).await?;
    let mut export = None;
    let mut blocks = (1, MAX_READ);
    for _ in 0..MAX_REPLIES {
        match answer(stream, OPT_GO).await? {
            (REP_ACK, _) => {
                let (size, flags) = export.ok_or(Error::Protocol("an export without a size"))?;
                return agreed(size, flags, blocks, allocation, limits);
            }
            (REP_INFO, mut data) => match data.try_get_u16().map_err(short)? {
                INFO_EXPORT => {
                    let size = data.try_get_u64().map_err(short)?;
                    export = Some((size, data.try_get_u16().map_err(short)?));
                }
                INFO_BLOCK_SIZE => {
                    let min = data.try_get_u32().map_err(short)?;
                    let _preferred = data.try_get_u32().map_err(short)?;
                    blocks = (min, data.try_get_u32().map_err(short)?);
                }
                _ => {}
            },
            (REP_ERR_UNKNOWN, _) => return Err(Error::NotFound("the export")),
            (kind, text) if kind & REP_ERROR != 0 => {
                let text = String::from_utf8_lossy(&text);
                return Err(Error::refused("the export", &text));
            }
            _ => return Err(Error::Protocol("the reply to an NBD option")),
        }
    }
    Err(Error::Limit("replies to an NBD option"))
}

/// What both sides can keep to.
fn agreed(
    size: u64,
    flags: u16,
    (min, max): (u32, u32),
    allocation: Option<u32>,
    limits: &NbdLimits,
) -> Result<Export, Error> {
    if size > limits.max_size {
        return Err(Error::Limit("the size of the export"));
    }
    if flags & HAS_FLAGS == 0 {
        return Err(Error::Protocol("an export without flags"));
    }
    let in_range = min.is_power_of_two() && min <= MAX_MIN_BLOCK && max >= min;
    if !in_range || !size.is_multiple_of(u64::from(min)) {
        return Err(Error::Protocol("the block size of the export"));
    }
    // A multiple of the smallest, so that what is cut by it stays aligned.
    let max = max.min(MAX_READ) / min * min;
    Ok(Export {
        size,
        read_only: flags & READ_ONLY != 0,
        whole_reads: flags & SEND_DF != 0,
        min_block: min,
        max_block: max,
        allocation,
    })
}

async fn send(stream: &mut UnixStream, option: u32, data: &[u8]) -> Result<(), Error> {
    let length = u32::try_from(data.len()).map_err(|_| Error::Limit("an NBD option"))?;
    let mut bytes = Vec::with_capacity(data.len().saturating_add(16));
    bytes.extend(OPTION.to_be_bytes());
    bytes.extend(option.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(data);
    stream.write_all(&bytes).await.map_err(Error::io(WHAT))
}

async fn answer(stream: &mut UnixStream, option: u32) -> Result<(u32, Bytes), Error> {
    let io = Error::io(WHAT);
    let magic = stream.read_u64().await.map_err(&io)?;
    let to = stream.read_u32().await.map_err(&io)?;
    let kind = stream.read_u32().await.map_err(&io)?;
    let length = stream.read_u32().await.map_err(&io)?;
    if magic != OPTION_REPLY || to != option {
        return Err(Error::Protocol("the reply to an NBD option"));
    }
    if length > MAX_DATA {
        return Err(Error::Limit("the reply to an NBD option"));
    }
    let mut data = vec![0; length as usize];
    stream.read_exact(&mut data).await.map_err(&io)?;
    Ok((kind, data.into()))
}

/// A text with its length before it.
fn text(into: &mut Vec<u8>, text: &[u8]) {
    // Names are at most `MAX_NAME` long.
    into.extend(u32::try_from(text.len()).unwrap_or(0).to_be_bytes());
    into.extend(text);
}

fn short(_: bytes::TryGetError) -> Error {
    Error::Protocol("a reply that is too short")
}
