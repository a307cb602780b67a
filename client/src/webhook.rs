//! For programs that take Cordon's webhooks: whether a request is the server's.
//!
//! ```
//! use cordon_client::webhook;
//!
//! # fn take(headers: &http::HeaderMap, body: &[u8]) -> Option<()> {
//! let header = |name: &str| headers.get(name)?.to_str().ok();
//! let secrets = ["whsec_…"]; // while it is being changed, the old one too
//! let signed = webhook::Signed {
//!     id: header("webhook-id")?,
//!     timestamp: header("webhook-timestamp")?,
//!     signature: header("webhook-signature")?,
//!     body,
//! };
//! # let now = 0;
//! webhook::verify(&secrets, &signed, now, webhook::TOLERANCE).ok()?;
//! // `signed.id` is the same when a notice comes again: keep those that were taken.
//! # Some(())
//! # }
//! ```
//!
//! The form is that of <https://www.standardwebhooks.com>; its libraries do as well.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// How far the sender's clock and the receiver's may be apart.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// Longest list of signatures that is looked at, in bytes.
const MAX_SIGNATURES: usize = 4_096;

/// A request as it came. The body is taken byte for byte.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The header `webhook-id`.
    pub id: &'a str,
    /// The header `webhook-timestamp`.
    pub timestamp: &'a str,
    /// The header `webhook-signature`.
    pub signature: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// No secret was given that is one.
    NoSecret,
    /// The time is none, or too far from now: an old request may be somebody else's copy.
    Time,
    /// None of the signatures is by one of the secrets.
    Signature,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoSecret => "no secret as in whsec_… was given",
            Self::Time => "the request is too old, too new, or says no time",
            Self::Signature => "the signature is not by one of these secrets",
        })
    }
}

impl std::error::Error for Refused {}

/// Whether a request was sent by who has one of the secrets, within `tolerance` of `now` (seconds
/// since 1970).
///
/// # Errors
///
/// [`Refused`] says why not.
pub fn verify<S: AsRef<str>>(
    secrets: &[S],
    signed: &Signed<'_>,
    now: i64,
    tolerance: Duration,
) -> Result<(), Refused> {
    let keys: Vec<hmac::Key> = secrets.iter().filter_map(|s| key(s.as_ref())).collect();
    if keys.is_empty() {
        return Err(Refused::NoSecret);
    }
    let timestamp: i64 = signed.timestamp.parse().map_err(|_| Refused::Time)?;
    if timestamp.to_string() != signed.timestamp || timestamp.abs_diff(now) > tolerance.as_secs() {
        return Err(Refused::Time);
    }
    if signed.signature.len() > MAX_SIGNATURES {
        return Err(Refused::Signature);
    }
    let mut text = format!("{}.{}.", signed.id, signed.timestamp).into_bytes();
    text.extend_from_slice(signed.body);
    let of_version = signed.signature.split(' ');
    let signatures = of_version.filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
    let mut known = signatures.flat_map(|tag| {
        let keys = keys.iter();
        keys.map(move |key| (key.clone(), tag.clone()))
    });
    match known.any(|(key, tag)| hmac::verify(&key, &text, &tag).is_ok()) {
        true => Ok(()),
        false => Err(Refused::Signature),
    }
}

fn key(secret: &str) -> Option<hmac::Key> {
    let bytes = STANDARD
        .decode(secret.trim().strip_prefix("whsec_")?)
        .ok()?;
    (bytes.len() >= 24).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const NOW: i64 = 1_614_265_330;
    /// 32 times 7; the signature is by Python's hmac.
    const SECRET: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    const OTHER: &str = "whsec_CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";
    const SIGNATURE: &str = "v1,4tb+MnkCTqymlrGQQ6f66PPeMjMas7AHx6XI40qL5MA=";

    fn signed(signature: &str) -> Signed<'_> {
        Signed {
            id: "msg_1",
            timestamp: "1614265330",
            signature,
            body: BODY,
        }
    }

    #[test]
    fn the_servers_request_is_taken() {
        let two = format!("v1,AAAA v2,x {SIGNATURE}");
        for signature in [SIGNATURE, &two] {
            verify(&[SECRET], &signed(signature), NOW, TOLERANCE).unwrap();
            verify(&[OTHER, SECRET], &signed(signature), NOW + 300, TOLERANCE).unwrap();
        }
    }

    #[test]
    fn others_are_refused() {
        let refused = |secret: &str, signed: &Signed<'_>, now| {
            verify(&[secret], signed, now, TOLERANCE).unwrap_err()
        };
        let good = signed(SIGNATURE);
        assert_eq!(refused(OTHER, &good, NOW), Refused::Signature);
        assert_eq!(refused("", &good, NOW), Refused::NoSecret);
        assert_eq!(refused("whsec_BwcH", &good, NOW), Refused::NoSecret);
        assert_eq!(refused(SECRET, &good, NOW + 301), Refused::Time);
        assert_eq!(refused(SECRET, &good, NOW - 301), Refused::Time);
        for timestamp in ["", "x", "+1614265330", "01614265330"] {
            let odd = Signed { timestamp, ..good };
            assert_eq!(refused(SECRET, &odd, NOW), Refused::Time, "{timestamp}");
        }
        let bare = SIGNATURE.trim_start_matches("v1,");
        for changed in [
            Signed {
                id: "msg_2",
                ..good
            },
            Signed {
                body: b"{}",
                ..good
            },
            Signed {
                timestamp: "1614265331",
                ..good
            },
            Signed {
                signature: "",
                ..good
            },
            Signed {
                signature: bare,
                ..good
            },
            Signed {
                signature: "v1,",
                ..good
            },
        ] {
            assert_eq!(refused(SECRET, &changed, NOW), Refused::Signature);
        }
    }
}
