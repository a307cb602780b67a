//! The age format, version 1 (C2SP), with X25519 recipients.
//!
//! A random file key is wrapped for each recipient in the header, which a MAC under the file key
//! closes; the payload is ChaCha20-Poly1305 in pieces of 64 KiB under a key derived from it, each
//! numbered, the last one marked.

mod stream;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bech32::{Bech32, Hrp};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{aead, digest, hkdf, hmac};
use secrecy::SecretString;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

pub(crate) use self::stream::encrypt_to;
use crate::error::{Error, Reason, Result};

const VERSION: &str = "age-encryption.org/v1";
const INFO: &[u8] = b"age-encryption.org/v1/X25519";
const PUBLIC: &str = "age";
const SECRET: &str = "age-secret-key-";
const PIECE: usize = 64 << 10;
const TAG: usize = 16;
/// Most stanzas of a header that are looked at.
const MAX_STANZAS: usize = 1_024;

/// A public key to which notes are encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recipient([u8; 32]);

/// The private key that opens what was encrypted to its recipient. Wiped when dropped.
pub struct Identity(StaticSecret);

impl Recipient {
    /// What two people compare to see that they mean the same key: of the SHA-256 of its text the
    /// first 16 bytes, in groups.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.to_string().as_bytes());
        let groups = hash.as_ref().chunks(2).take(8);
        let groups = groups.map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect());
        groups.collect::<Vec<String>>().join(":")
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = bech32::encode::<Bech32>(Hrp::parse_unchecked(PUBLIC), &self.0);
        f.write_str(&text.map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Recipient {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let key = decode(text, PUBLIC)
            .ok_or_else(|| Error::invalid("recipient", "no recipient as age writes it, age1…"))?;
        Ok(Self(*key))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.recipient())
    }
}

impl Identity {
    /// A new one.
    ///
    /// # Errors
    ///
    /// `IO` when this machine has no randomness.
    pub fn generate() -> Result<Self> {
        Ok(Self(StaticSecret::from(*random::<32>()?)))
    }

    /// Reads it from a file as `age-keygen` writes it: the first line that is not empty and no
    /// remark.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when there is none.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().map(str::trim);
        let line = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
        let key = line.and_then(|line| decode(line, SECRET));
        let key =
            key.ok_or_else(|| Error::invalid("identity", "no private key as age writes it"))?;
        Ok(Self(StaticSecret::from(*key)))
    }

    /// As age writes it. A secret.
    ///
    /// # Errors
    ///
    /// `IO` when it can't be written as text.
    pub fn to_text(&self) -> Result<SecretString> {
        let bytes = Zeroizing::new(self.0.to_bytes());
        let text = bech32::encode_upper::<Bech32>(Hrp::parse_unchecked(SECRET), bytes.as_slice());
        text.map(SecretString::from)
            .map_err(|error| Error::new(Reason::Io, error.to_string()))
    }

    /// Its public key.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.0).to_bytes())
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// `PERMISSION_DENIED` when it was not encrypted to this key; `INVALID_ARGUMENT` when it is no
    /// file of age's, or damaged.
    pub fn decrypt(&self, file: &[u8]) -> Result<Vec<u8>> {
        let (header, payload) = Header::read(file).ok_or_else(damaged)?;
        let (nonce, body) = payload.split_at_checked(16).ok_or_else(damaged)?;
        let key = self.payload_key(&header, nonce)?;
        open(&key, body).ok_or_else(damaged)
    }

    /// The key of what follows a header and this nonce.
    fn payload_key(&self, header: &Header<'_>, nonce: &[u8]) -> Result<Zeroizing<[u8; 32]>> {
        let key = header
            .stanzas
            .iter()
            .find_map(|stanza| self.unwrap(stanza))
            .ok_or_else(|| {
                Error::new(
                    Reason::PermissionDenied,
                    "it was not encrypted to the key at hand",
                )
            })?;
        let mac = hmac::Key::new(hmac::HMAC_SHA256, derive(&key, &[], b"header")?.as_slice());
        hmac::verify(&mac, header.covered, &header.mac).map_err(|_| damaged())?;
        derive(&key, nonce, b"payload")
    }

    /// The file key, if the stanza is to this key.
    fn unwrap(&self, stanza: &Stanza) -> Option<Zeroizing<Vec<u8>>> {
        let share: [u8; 32] = stanza.share.as_slice().try_into().ok()?;
        let shared = self.0.diffie_hellman(&PublicKey::from(share));
        if !shared.was_contributory() {
            return None;
        }
        let salt = [share, self.recipient().0].concat();
        let key = derive(shared.as_bytes(), &salt, INFO).ok()?;
        let mut body = Zeroizing::new(stanza.body.clone());
        let length = cipher(&key)?
            .open_in_place(nonce([0; 12]), aead::Aad::empty(), &mut body)
            .ok()?
            .len();
        body.truncate(length);
        (length == 16).then_some(body)
    }
}

/// Encrypts to all of these.
///
/// # Errors
///
/// `INVALID_ARGUMENT` when there are none, or one is no key; `IO` when this machine has no
/// randomness.
pub(crate) fn encrypt(recipients: &[Recipient], plain: &[u8]) -> Result<Vec<u8>> {
    let (mut file, payload) = begin(recipients)?;
    seal(&payload, plain, &mut file).ok_or_else(refused)?;
    Ok(file)
}

/// What a file begins with, and the key of what follows.
fn begin(recipients: &[Recipient]) -> Result<(Vec<u8>, Zeroizing<[u8; 32]>)> {
    if recipients.is_empty() {
        return Err(Error::invalid("recipients", "there is nobody to read it"));
    }
    let key = random::<16>()?;
    let mut header = format!("{VERSION}\n");
    for recipient in recipients {
        let own = StaticSecret::from(*random::<32>()?);
        let share = PublicKey::from(&own).to_bytes();
        let shared = own.diffie_hellman(&PublicKey::from(recipient.0));
        if !shared.was_contributory() {
            let wrong = format!("{recipient} is no key that could keep a secret");
            return Err(Error::invalid("recipients", wrong));
        }
        let salt = [share, recipient.0].concat();
        let wrap = derive(shared.as_bytes(), &salt, INFO)?;
        let mut body = key.to_vec();
        cipher(&wrap)
            .ok_or_else(refused)?
            .seal_in_place_append_tag(nonce([0; 12]), aead::Aad::empty(), &mut body)
            .map_err(|_| refused())?;
        let (share, body) = (STANDARD_NO_PAD.encode(share), STANDARD_NO_PAD.encode(body));
        header.push_str(&format!("-> X25519 {share}\n{body}\n"));
    }
    header.push_str("---");
    let mac = hmac::Key::new(
        hmac::HMAC_SHA256,
        derive(key.as_slice(), &[], b"header")?.as_slice(),
    );
    let mac = hmac::sign(&mac, header.as_bytes());
    header.push_str(&format!(" {}\n", STANDARD_NO_PAD.encode(mac.as_ref())));
    let salt = random::<16>()?;
    let payload = derive(key.as_slice(), salt.as_slice(), b"payload")?;
    let mut file = header.into_bytes();
    file.extend_from_slice(salt.as_slice());
    Ok((file, payload))
}

struct Stanza {
    /// Empty when it is of another kind.
    share: Vec<u8>,
    body: Vec<u8>,
}

struct Header<'a> {
    stanzas: Vec<Stanza>,
    /// What the MAC is over.
    covered: &'a [u8],
    mac: Vec<u8>,
}

impl<'a> Header<'a> {
    /// The header, and what follows it.
    fn read(file: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut rest = line(file, VERSION.as_bytes())?;
        let mut stanzas = Vec::new();
        loop {
            let (first, after) = split(rest)?;
            if let Some(mac) = first.strip_prefix("--- ") {
                let covered = file.len().checked_sub(rest.len())?.checked_add(3)?;
                let header = Self {
                    stanzas,
                    covered: file.get(..covered)?,
                    mac: STANDARD_NO_PAD.decode(mac).ok()?,
                };
                return Some((header, after));
            }
            let arguments = first.strip_prefix("-> ")?;
            let share = match arguments.strip_prefix("X25519 ") {
                Some(share) => STANDARD_NO_PAD.decode(share).ok()?,
                None => Vec::new(),
            };
            rest = after;
            // Full lines of 64 digits, and a shorter one at the end.
            let mut body = Vec::new();
            loop {
                let (text, after) = split(rest)?;
                rest = after;
                body.extend(STANDARD_NO_PAD.decode(text).ok()?);
                match text.len() {
                    64 => {}
                    0..64 => break,
                    _ => return None,
                }
            }
            stanzas.push(Stanza { share, body });
            if stanzas.len() > MAX_STANZAS {
                return None;
            }
        }
    }
}

fn line<'a>(bytes: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    bytes.strip_prefix(wanted)?.strip_prefix(b"\n")
}

/// The first line, and what follows it.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (first, rest) = bytes.split_at_checked(end)?;
    Some((std::str::from_utf8(first).ok()?, rest.get(1..)?))
}

fn decode(text: &str, kind: &str) -> Option<Zeroizing<[u8; 32]>> {
    let (hrp, bytes) = bech32::decode(text).ok()?;
    let bytes = Zeroizing::new(bytes);
    let key: [u8; 32] = bytes.as_slice().try_into().ok()?;
    // One key has one text: the checksum must be Bech32's and no later one's.
    let again = bech32::encode::<Bech32>(Hrp::parse(kind).ok()?, bytes.as_slice()).ok()?;
    (hrp.to_string().eq_ignore_ascii_case(kind) && again.eq_ignore_ascii_case(text))
        .then(|| Zeroizing::new(key))
}

fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(key.as_mut_slice()))
        .map_err(|_| refused())?;
    Ok(key)
}

fn cipher(key: &[u8; 32]) -> Option<aead::LessSafeKey> {
    let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key).ok()?;
    Some(aead::LessSafeKey::new(key))
}

fn nonce(bytes: [u8; 12]) -> aead::Nonce {
    aead::Nonce::assume_unique_for_key(bytes)
}

/// The nonce of the piece of that number.
fn piece_nonce(number: u64, last: bool) -> aead::Nonce {
    let mut bytes = [0; 12];
    if let Some(count) = bytes.get_mut(3..11) {
        count.copy_from_slice(&number.to_be_bytes());
    }
    if let Some(end) = bytes.last_mut() {
        *end = u8::from(last);
    }
    nonce(bytes)
}

fn seal(key: &[u8; 32], plain: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let cipher = cipher(key)?;
    let mut pieces = plain.chunks(PIECE).peekable();
    let mut number = 0;
    loop {
        // Nothing at all is one empty piece.
        let mut piece = pieces.next().unwrap_or_default().to_vec();
        let last = pieces.peek().is_none();
        cipher
            .seal_in_place_append_tag(piece_nonce(number, last), aead::Aad::empty(), &mut piece)
            .ok()?;
        out.append(&mut piece);
        number += 1;
        if last {
            return Some(());
        }
    }
}

fn open(key: &[u8; 32], body: &[u8]) -> Option<Vec<u8>> {
    let cipher = cipher(key)?;
    let mut plain = Vec::with_capacity(body.len());
    let mut pieces = body.chunks(PIECE + TAG).peekable();
    let mut number = 0;
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        let mut piece = piece.to_vec();
        let opened = cipher
            .open_in_place(piece_nonce(number, last), aead::Aad::empty(), &mut piece)
            .ok()?;
        // An empty piece stands alone or not at all.
        if opened.is_empty() && number > 0 {
            return None;
        }
        plain.extend_from_slice(opened);
        number += 1;
    }
    (number > 0).then_some(plain)
}

#[allow(
    clippy::disallowed_methods,
    reason = "keys are random; the client has no clock and dice of its own to be tested with"
)]
fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new()
        .fill(bytes.as_mut_slice())
        .map_err(|_| Error::new(Reason::Io, "this machine gives no random numbers"))?;
    Ok(bytes)
}

fn damaged() -> Error {
    Error::invalid("ciphertext", "it is no file of age's, or damaged")
}

fn refused() -> Error {
    Error::new(Reason::Io, "the cipher refused to work")
}

#[cfg(test)]
mod tests;
