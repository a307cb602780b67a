//! Page tokens (AIP-158): sealed, so that a caller can neither read nor make one. A token is
//! good for the tenant and the query that it was given out for, until it expires.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::clock::Env;
use crate::error::{Error, Reason, Result};
use crate::ids::{EventName, TenantId};

/// How long a page token is good for.
pub const VALIDITY: SignedDuration = SignedDuration::from_hours(1);

/// Names this kind of token in the associated data, with its version.
const DOMAIN: &[u8] = b"cordon page token v1\0";
const NONCE: usize = 12;
/// Snapshot, time, name, expiry.
const PLAIN: usize = 8 + 8 + 16 + 8;
const TAG: usize = 16;

/// Where the next page begins, and what it may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagePosition {
    /// The tenant's sequence number up to which all pages of this listing read.
    pub snapshot_seq: u64,
    /// Time of the last event of the page before, in nanoseconds since 1970.
    pub last_time_ns: i64,
    /// Name of that event.
    pub last_name: EventName,
}

/// Seals and opens the page tokens of one tenant.
pub struct PageSealer {
    tenant: TenantId,
    key: LessSafeKey,
}

impl std::fmt::Debug for PageSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PageSealer({})", self.tenant)
    }
}

impl PageSealer {
    /// A sealer for `tenant` under its page key.
    ///
    /// # Errors
    /// `INTERNAL` when the key is refused.
    pub fn new(tenant: TenantId, key: &[u8; 32]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key)
            .map_err(|_| Error::internal("the page key was refused"))?;
        Ok(Self {
            tenant,
            key: LessSafeKey::new(key),
        })
    }

    /// A token for the page that follows `position` in the results of the query that
    /// `query_hash` stands for (everything of the request but page size and token).
    ///
    /// # Errors
    /// `INTERNAL` when sealing fails.
    pub fn seal(
        &self,
        env: &Env,
        query_hash: &[u8; 32],
        position: &PagePosition,
    ) -> Result<String> {
        let expires = env.now().as_second().saturating_add(VALIDITY.as_secs());
        let nonce = env.bytes::<NONCE>();
        let mut plain = Vec::with_capacity(PLAIN + TAG);
        plain.extend_from_slice(&position.snapshot_seq.to_be_bytes());
        plain.extend_from_slice(&position.last_time_ns.to_be_bytes());
        plain.extend_from_slice(position.last_name.as_bytes());
        plain.extend_from_slice(&expires.to_be_bytes());
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.aad(query_hash)),
                &mut plain,
            )
            .map_err(|_| Error::internal("a page token could not be sealed"))?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), plain.as_slice()].concat()))
    }

    /// Opens a token that was sealed for this tenant and query and has not expired at `now`.
    ///
    /// # Errors
    /// `INVALID_PAGE_TOKEN`, without saying which of it is wrong.
    pub fn open(&self, token: &str, query_hash: &[u8; 32], now: Timestamp) -> Result<PagePosition> {
        self.try_open(token, query_hash, now).ok_or_else(|| {
            Error::new(
                Reason::InvalidPageToken,
                "the page token is not of this query, or is older than an hour: \
                 start again without one",
            )
        })
    }

    fn try_open(&self, token: &str, query_hash: &[u8; 32], now: Timestamp) -> Option<PagePosition> {
        // Base64 of exactly this many bytes: nothing else is worth decoding.
        if token.len() != (NONCE + PLAIN + TAG) * 4 / 3 + 1 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let mut sealed = sealed.to_vec();
        let plain = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(self.aad(query_hash)),
                &mut sealed,
            )
            .ok()?;
        let (snapshot, rest) = plain.split_first_chunk::<8>()?;
        let (time, rest) = rest.split_first_chunk::<8>()?;
        let (name, rest) = rest.split_first_chunk::<16>()?;
        let expires = i64::from_be_bytes(rest.try_into().ok()?);
        (now.as_second() < expires).then(|| PagePosition {
            snapshot_seq: u64::from_be_bytes(*snapshot),
            last_time_ns: i64::from_be_bytes(*time),
            last_name: EventName::from_bytes(*name),
        })
    }

    /// Tenant and query. Both are of fixed form (a tenant's name has no zero byte), so no two
    /// pairs give the same bytes.
    fn aad(&self, query_hash: &[u8; 32]) -> Vec<u8> {
        [
            DOMAIN,
            self.tenant.as_str().as_bytes(),
            &[0],
            query_hash.as_slice(),
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealer(tenant: &str) -> PageSealer {
        PageSealer::new(tenant.parse().unwrap(), &[7; 32]).unwrap()
    }

    const POSITION: PagePosition = PagePosition {
        snapshot_seq: 41,
        last_time_ns: -5,
        last_name: EventName::from_bytes([9; 16]),
    };

    fn refused(result: Result<PagePosition>) {
        assert_eq!(result.unwrap_err().reason(), Reason::InvalidPageToken);
    }

    #[test]
    fn a_token_opens_for_its_tenant_and_query_only() {
        let (env, _) = Env::fixed(Timestamp::UNIX_EPOCH, 1);
        let token = sealer("acme").seal(&env, &[1; 32], &POSITION).unwrap();
        let now = env.now();
        assert_eq!(
            sealer("acme").open(&token, &[1; 32], now).unwrap(),
            POSITION
        );
        refused(sealer("acme").open(&token, &[2; 32], now));
        // Even under the same key: the tenant is in the associated data.
        refused(sealer("globex").open(&token, &[1; 32], now));
        let other = PageSealer::new("acme".parse().unwrap(), &[8; 32]).unwrap();
        refused(other.open(&token, &[1; 32], now));
    }

    #[test]
    fn a_token_expires() {
        let (env, clock) = Env::fixed(Timestamp::UNIX_EPOCH, 1);
        let token = sealer("acme").seal(&env, &[1; 32], &POSITION).unwrap();
        clock.advance(VALIDITY - SignedDuration::from_secs(1));
        assert!(sealer("acme").open(&token, &[1; 32], env.now()).is_ok());
        clock.advance(SignedDuration::from_secs(1));
        refused(sealer("acme").open(&token, &[1; 32], env.now()));
    }

    #[test]
    fn a_token_tells_nothing_and_two_differ() {
        let (env, _) = Env::fixed(Timestamp::UNIX_EPOCH, 1);
        let one = sealer("acme").seal(&env, &[1; 32], &POSITION).unwrap();
        let two = sealer("acme").seal(&env, &[1; 32], &POSITION).unwrap();
        assert_ne!(one, two);
        assert_eq!(one.len(), two.len());
    }

    proptest! {
        #[test]
        fn every_flipped_bit_is_noticed(byte in 0..NONCE + PLAIN + TAG, bit in 0..8u8) {
            let (env, _) = Env::fixed(Timestamp::UNIX_EPOCH, 1);
            let token = sealer("acme").seal(&env, &[1; 32], &POSITION).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
            bytes[byte] ^= 1 << bit;
            refused(sealer("acme").open(&URL_SAFE_NO_PAD.encode(bytes), &[1; 32], env.now()));
        }

        #[test]
        fn no_text_opens(text in "\\PC{0,120}") {
            refused(sealer("acme").open(&text, &[1; 32], Timestamp::UNIX_EPOCH));
        }
    }
}
