//! Numbers of the protocol, as in its specification (`doc/proto.md` of the NBD project).

/// The server's first word.
pub(super) const GREETING: u64 = 0x4e42_444d_4147_4943;
/// Before every option, and the server's second word.
pub(super) const OPTION: u64 = 0x4948_4156_454f_5054;
/// Before every reply to an option.
pub(super) const OPTION_REPLY: u64 = 0x0003_e889_0455_65a9;
/// Before every request.
pub(super) const REQUEST: u32 = 0x2560_9513;
/// Before a simple reply.
pub(super) const SIMPLE_REPLY: u32 = 0x6744_6698;
/// Before a chunk of a structured reply.
pub(super) const CHUNK: u32 = 0x668e_33ef;

/// Handshake flags: the fixed newstyle, and no padding after the old option.
pub(super) const FIXED_NEWSTYLE: u16 = 1;
pub(super) const NO_ZEROES: u16 = 2;

pub(super) const OPT_GO: u32 = 7;
pub(super) const OPT_STRUCTURED_REPLY: u32 = 8;
pub(super) const OPT_SET_META_CONTEXT: u32 = 10;

pub(super) const REP_ACK: u32 = 1;
pub(super) const REP_INFO: u32 = 3;
pub(super) const REP_META_CONTEXT: u32 = 4;
/// Replies with this bit are refusals.
pub(super) const REP_ERROR: u32 = 1 << 31;
pub(super) const REP_ERR_UNKNOWN: u32 = REP_ERROR + 6;

pub(super) const INFO_EXPORT: u16 = 0;
pub(super) const INFO_BLOCK_SIZE: u16 = 3;

/// Transmission flags of an export.
pub(super) const HAS_FLAGS: u16 = 1;
pub(super) const READ_ONLY: u16 = 2;
pub(super) const SEND_DF: u16 = 1 << 7;

/// A read whose reply must be one chunk.
pub(super) const FLAG_DF: u16 = 1 << 2;

pub(super) const CMD_READ: u16 = 0;
pub(super) const CMD_BLOCK_STATUS: u16 = 7;

/// The last chunk of a reply.
pub(super) const CHUNK_DONE: u16 = 1;
pub(super) const CHUNK_NONE: u16 = 0;
pub(super) const CHUNK_DATA: u16 = 1;
pub(super) const CHUNK_HOLE: u16 = 2;
pub(super) const CHUNK_BLOCK_STATUS: u16 = 5;
/// Chunks with this bit say what went wrong.
pub(super) const CHUNK_ERROR: u16 = 1 << 15;

pub(super) const STATE_HOLE: u32 = 1;
pub(super) const STATE_ZERO: u32 = 2;

/// Errors of requests.
pub(super) const EPERM: u32 = 1;
pub(super) const EIO: u32 = 5;
pub(super) const EINVAL: u32 = 22;
pub(super) const ESHUTDOWN: u32 = 108;

/// One request.
pub(super) fn request(flags: u16, command: u16, cookie: u64, offset: u64, length: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(28);
    bytes.extend(REQUEST.to_be_bytes());
    bytes.extend(flags.to_be_bytes());
    bytes.extend(command.to_be_bytes());
    bytes.extend(cookie.to_be_bytes());
    bytes.extend(offset.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes
}
