//! Files of any length, a piece at a time.

use std::io::{BufRead, Read, Write};

use ring::aead;
use zeroize::Zeroizing;

use super::{
    Header, Identity, PIECE, Recipient, TAG, begin, cipher, damaged, piece_nonce, refused,
};
use crate::error::{Error, Reason, Result};

/// Longest header that is read, in bytes.
const MAX_HEADER: usize = 256 << 10;

/// Encrypts all that can be read to all of these.
///
/// # Errors
///
/// As [`encrypt`](super::encrypt); `IO` when something can't be read or written.
pub(crate) fn encrypt_to(
    recipients: &[Recipient],
    mut plain: impl Read,
    mut out: impl Write,
) -> Result<()> {
    let (header, key) = begin(recipients)?;
    out.write_all(&header)?;
    let cipher = cipher(&key).ok_or_else(refused)?;
    let mut piece = next(&mut plain, PIECE)?;
    let mut number = 0;
    loop {
        // Whether it is the last is known when there is no more. Nothing at all is one empty piece.
        let following = match piece.len() == PIECE {
            true => next(&mut plain, PIECE)?,
            false => Zeroizing::default(),
        };
        let last = following.is_empty();
        cipher
            .seal_in_place_append_tag(piece_nonce(number, last), aead::Aad::empty(), &mut *piece)
            .map_err(|_| refused())?;
        out.write_all(&piece)?;
        if last {
            return Ok(out.flush()?);
        }
        piece = following;
        number += 1;
    }
}

impl Identity {
    /// Opens a file of any length. What was written is to be used only when this has returned
    /// without an error.
    ///
    /// # Errors
    ///
    /// As [`decrypt`](Self::decrypt); `IO` when something can't be read or written.
    pub fn decrypt_to(&self, mut file: impl BufRead, mut out: impl Write) -> Result<()> {
        let header = header(&mut file)?;
        let (header, _) = Header::read(&header).ok_or_else(damaged)?;
        let nonce = next(&mut file, 16)?;
        if nonce.len() != 16 {
            return Err(damaged());
        }
        let key = self.payload_key(&header, &nonce)?;
        let cipher = cipher(&key).ok_or_else(refused)?;
        let mut piece = next(&mut file, PIECE + TAG)?;
        let mut number = 0;
        loop {
            let following = match piece.len() == PIECE + TAG {
                true => next(&mut file, PIECE + TAG)?,
                false => Zeroizing::default(),
            };
            let last = following.is_empty();
            let opened = cipher
                .open_in_place(piece_nonce(number, last), aead::Aad::empty(), &mut piece)
                .map_err(|_| damaged())?;
            // An empty piece stands alone or not at all.
            if opened.is_empty() && number > 0 {
                return Err(damaged());
            }
            out.write_all(opened)?;
            if last {
                return Ok(out.flush()?);
            }
            piece = following;
            number += 1;
        }
    }
}

/// The header with its last line.
fn header(file: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut header = Vec::new();
    loop {
        let from = header.len();
        let left = u64::try_from(MAX_HEADER.saturating_sub(from)).unwrap_or(0);
        let read = file.by_ref().take(left).read_until(b'\n', &mut header)?;
        let line = header.get(from..).unwrap_or_default();
        if read == 0 || !line.ends_with(b"\n") {
            return Err(damaged());
        }
        if line.starts_with(b"--- ") {
            return Ok(header);
        }
    }
}

/// Up to so many bytes; fewer only at the end.
fn next(from: &mut impl Read, length: usize) -> Result<Zeroizing<Vec<u8>>> {
    let mut piece = Zeroizing::new(Vec::with_capacity(length + TAG));
    let most = u64::try_from(length).map_err(|_| Error::new(Reason::Io, "too long"))?;
    from.take(most).read_to_end(&mut piece)?;
    Ok(piece)
}
