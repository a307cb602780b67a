//! Sealing and opening under one tenant's keys.
//!
//! What is sealed: one byte of format (1), four bytes of key version (big endian), 12 bytes of
//! nonce, ciphertext, 16 bytes of tag; AES-256-GCM. The associated data is the tenant, what kind
//! of object it is and its position, each preceded by its length, so that bytes moved to another
//! tenant, object or position do not open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::{aead, hkdf, hmac};
use zeroize::Zeroizing;

use crate::clock::Env;
use crate::error::{Error, Reason, Result};
use crate::ids::{EventName, TenantId};

const FORMAT: u8 = 1;
const HEADER: usize = 5;
const TAG: usize = 16;
/// How many bytes sealing adds: format, key version, nonce, tag.
pub const OVERHEAD: usize = HEADER + aead::NONCE_LEN + TAG;

/// Random 96-bit nonces: NIST SP 800-38D allows 2^32 seals under one key. One process stops at a
/// quarter of that, the durable count in `tenant_head.key_uses` at the whole.
const MAX_USES_HERE: u64 = 1 << 30;

/// A 256-bit key that is wiped when dropped.
pub(crate) type KeyBytes = Zeroizing<[u8; 32]>;

/// `nonce | ciphertext | tag` under a key that is used for nothing else.
pub(super) fn seal_raw(
    key: &[u8; 32],
    nonce: [u8; 12],
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(nonce.len() + plain.len() + TAG);
    seal_onto(&mut out, key, nonce, aad, plain)?;
    Ok(out)
}

fn seal_onto(
    out: &mut Vec<u8>,
    key: &[u8; 32],
    nonce: [u8; 12],
    aad: &[u8],
    plain: &[u8],
) -> Result<()> {
    let refused = || Error::internal("AES-GCM refused to seal");
    let sealing = aead::UnboundKey::new(&aead::AES_256_GCM, key).map_err(|_| refused())?;
    out.extend_from_slice(&nonce);
    let start = out.len();
    out.extend_from_slice(plain);
    let body = out.get_mut(start..).ok_or_else(refused)?;
    let tag = aead::LessSafeKey::new(sealing)
        .seal_in_place_separate_tag(
            aead::Nonce::assume_unique_for_key(nonce),
            aead::Aad::from(aad),
            body,
        )
        .map_err(|_| refused())?;
    out.extend_from_slice(tag.as_ref());
    Ok(())
}

/// What does not open is never told apart: wrong key, wrong place, damaged.
#[derive(Debug)]
pub(super) struct DoesNotOpen;

pub(super) fn open_raw(
    key: &[u8; 32],
    aad: &[u8],
    sealed: &[u8],
) -> std::result::Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
    let (nonce, body) = sealed
        .split_at_checked(aead::NONCE_LEN)
        .ok_or(DoesNotOpen)?;
    let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| DoesNotOpen)?;
    let opening = aead::UnboundKey::new(&aead::AES_256_GCM, key).map_err(|_| DoesNotOpen)?;
    let mut buf = Zeroizing::new(body.to_vec());
    let len = aead::LessSafeKey::new(opening)
        .open_in_place(nonce, aead::Aad::from(aad), &mut buf)
        .map_err(|_| DoesNotOpen)?
        .len();
    buf.truncate(len);
    Ok(buf)
}

/// The version of the data key under which something was sealed, by its own word.
pub(crate) fn sealed_version(sealed: &[u8]) -> Option<u32> {
    match sealed.split_first_chunk::<HEADER>()?.0 {
        [FORMAT, version @ ..] => Some(u32::from_be_bytes(*version)),
        _ => None,
    }
}

/// A 32-byte key for one purpose from another key.
pub(super) fn subkey(key: &[u8; 32], label: &[u8], of: &[u8]) -> Result<KeyBytes> {
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, key);
    let mut out = Zeroizing::new([0; 32]);
    prk.expand(&[label, of], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(out.as_mut()))
        .map_err(|_| Error::internal("HKDF refused its parameters"))?;
    Ok(out)
}

/// The associated data of an object: each part preceded by its length.
pub(super) fn aad(owner: &str, object: &str, position: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(owner.len() + object.len() + 24);
    for part in [owner.as_bytes(), object.as_bytes()] {
        out.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&position.to_be_bytes());
    out
}

/// One owner's keys, unwrapped. Wiped when the last user lets go.
pub(crate) struct OwnerKeys {
    pub(super) owner: String,
    /// Data keys by version.
    pub(super) data: BTreeMap<u32, KeyBytes>,
    /// The version that seals.
    seals: u32,
    /// Under which events are named. Never rotates.
    name: KeyBytes,
    /// Under which strangers are renamed. Never rotates, dies with the tenant.
    pseudonym: KeyBytes,
    /// Under which page tokens are sealed.
    page: KeyBytes,
    uses: AtomicU64,
}

impl OwnerKeys {
    /// `fixed` holds the three keys that never rotate: name, pseudonym, page. `seals` is the version
    /// that seals, the oldest if it is `None`.
    pub(super) fn new(
        owner: String,
        data: BTreeMap<u32, KeyBytes>,
        fixed: &[u8],
        seals: Option<u32>,
    ) -> Result<Self> {
        let mut parts = fixed.chunks_exact(32);
        let mut next = || -> Result<KeyBytes> {
            let part = parts.next().and_then(|p| <[u8; 32]>::try_from(p).ok());
            part.map(Zeroizing::new)
                .ok_or_else(|| Error::internal("a tenant's fixed keys have the wrong length"))
        };
        let Some((oldest, _)) = data.first_key_value() else {
            return Err(Error::internal(format!("{owner} has no data key")));
        };
        let seals = seals.unwrap_or(*oldest);
        Ok(Self {
            owner,
            data,
            seals,
            name: next()?,
            pseudonym: next()?,
            page: next()?,
            uses: AtomicU64::new(0),
        })
    }

    /// The version of the data key that seals.
    pub(crate) fn version(&self) -> u32 {
        self.seals
    }

    /// The data key that seals.
    pub(super) fn sealing(&self) -> Result<(u32, &KeyBytes)> {
        let key = self.data.get(&self.seals);
        key.map(|key| (self.seals, key))
            .ok_or_else(|| Error::internal("no data key"))
    }

    pub(crate) fn seal(
        &self,
        env: &Env,
        object: &str,
        position: u64,
        plain: &[u8],
    ) -> Result<Vec<u8>> {
        if self.uses.fetch_add(1, Ordering::Relaxed) >= MAX_USES_HERE {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the data key is worn out: rotate it",
            ));
        }
        let (version, key) = self.sealing()?;
        let mut out = Vec::with_capacity(plain.len() + OVERHEAD);
        out.push(FORMAT);
        out.extend_from_slice(&version.to_be_bytes());
        let aad = aad(&self.owner, object, position);
        seal_onto(&mut out, key, env.bytes(), &aad, plain)?;
        Ok(out)
    }

    pub(crate) fn open(
        &self,
        object: &str,
        position: u64,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let broken = || {
            Error::internal(format!(
                "{object} of {} at {position} does not open",
                self.owner
            ))
        };
        let (header, body) = sealed.split_at_checked(HEADER).ok_or_else(broken)?;
        let (format, version) = header.split_first().ok_or_else(broken)?;
        let version = u32::from_be_bytes(version.try_into().map_err(|_| broken())?);
        if *format != FORMAT {
            return Err(broken());
        }
        let key = self.data.get(&version).ok_or_else(broken)?;
        open_raw(key, &aad(&self.owner, object, position), body).map_err(|_| broken())
    }

    /// A keyed hash that only the owner's key can make.
    pub(crate) fn keyed_hash(&self, label: &[u8], value: &[u8]) -> [u8; 32] {
        let mut hash = blake3::Hasher::new_keyed(&self.name);
        hash.update(&u64::try_from(label.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(label).update(value);
        *hash.finalize().as_bytes()
    }

    fn event_name(&self, parts: &[&[u8]]) -> EventName {
        let mut hash = blake3::Hasher::new_keyed(&self.name);
        for part in parts {
            hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part);
        }
        let mut name = [0; 16];
        hash.finalize_xof().fill(&mut name);
        EventName::from_bytes(name)
    }

    fn pseudonym(&self, kind: &str, value: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.pseudonym.as_slice());
        let mut mac = hmac::Context::with_key(&key);
        mac.update(kind.as_bytes());
        mac.update(&[0]); // no kind contains it
        mac.update(value.as_bytes());
        let mut out = String::with_capacity(kind.len() + 27);
        out.push_str(kind);
        out.push('~');
        base32(mac.sign().as_ref(), 26, &mut out);
        out
    }
}

/// The first `digits` base-32 digits (lower-case RFC 4648 alphabet) of `bytes`.
fn base32(bytes: &[u8], digits: usize, out: &mut String) {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut bits, mut held) = (0u32, 0u32);
    let mut left = digits;
    for byte in bytes {
        // At most four bits are held over, so twelve fit easily.
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            if left == 0 {
                return;
            }
            held -= 5;
            let digit = usize::try_from((bits >> held) & 31).unwrap_or(0);
            out.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'a')));
            left -= 1;
        }
        bits &= (1 << held) - 1;
    }
}

/// Seals and opens under one tenant's keys; had only through a scope of that tenant.
pub struct TenantCipher {
    tenant: TenantId,
    keys: Arc<OwnerKeys>,
    env: Env,
}

impl TenantCipher {
    pub(crate) fn new(tenant: TenantId, keys: Arc<OwnerKeys>, env: Env) -> Self {
        Self { tenant, keys, env }
    }

    /// The tenant whose keys these are.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    pub(super) fn env(&self) -> &Env {
        &self.env
    }

    /// The version of the data key that seals now.
    #[must_use]
    pub fn key_version(&self) -> u32 {
        self.keys.version()
    }

    /// Seals `plain` as `object` (a kind and an id, such as `evidence/01…`) at `position`.
    /// `FAILED_PRECONDITION` when the data key is worn out.
    pub fn seal(&self, object: &str, position: u64, plain: &[u8]) -> Result<Vec<u8>> {
        self.keys.seal(&self.env, object, position, plain)
    }

    /// Opens what [`seal`](Self::seal) made for the same tenant, object and position; anything
    /// else is `INTERNAL`, since a caller can neither cause nor mend it.
    pub fn open(&self, object: &str, position: u64, sealed: &[u8]) -> Result<Vec<u8>> {
        self.keys
            .open(object, position, sealed)
            .map(|mut plain| std::mem::take(&mut *plain))
    }

    /// The Parquet footer key of one segment, from the data key of `version` (as the segment's
    /// row records it). `INTERNAL` when that version does not exist.
    pub fn parquet_key(&self, version: u32, segment_id: &str) -> Result<Zeroizing<[u8; 32]>> {
        let key =
            self.keys.data.get(&version).ok_or_else(|| {
                Error::internal(format!("{} has no data key {version}", self.tenant))
            })?;
        subkey(key, b"cordon parquet\0", segment_id.as_bytes())
    }

    /// The associated-data prefix of one segment's Parquet modules.
    #[must_use]
    pub fn parquet_aad(&self, segment_id: &str) -> Vec<u8> {
        aad(self.tenant.as_str(), "parquet", 0)
            .into_iter()
            .chain(segment_id.bytes())
            .collect()
    }

    /// The key under which this tenant's page tokens are sealed.
    #[must_use]
    pub fn page_key(&self) -> Zeroizing<[u8; 32]> {
        self.keys.page.clone()
    }

    /// As [`WriteCipher::event_name`].
    #[must_use]
    pub fn event_name(&self, parts: &[&[u8]]) -> EventName {
        self.keys.event_name(parts)
    }

    /// As [`WriteCipher::pseudonym`].
    #[must_use]
    pub fn pseudonym(&self, kind: &str, value: &str) -> String {
        self.keys.pseudonym(kind, value)
    }
}

/// What ingest may do with a tenant's keys: name its events and rename strangers. It opens nothing.
#[derive(Clone)]
pub struct WriteCipher(pub(super) Arc<OwnerKeys>);

impl WriteCipher {
    /// The name of the event that `parts` (source, event id, content) identify.
    #[must_use]
    pub fn event_name(&self, parts: &[&[u8]]) -> EventName {
        self.0.event_name(parts)
    }

    /// The pseudonym of `value` in this tenant's views: `kind~` and 26 base-32 digits, the same
    /// for ever within the tenant, unlinkable between tenants. `kind` must not contain NUL.
    #[must_use]
    pub fn pseudonym(&self, kind: &str, value: &str) -> String {
        self.0.pseudonym(kind, value)
    }
}

#[cfg(test)]
mod tests;
