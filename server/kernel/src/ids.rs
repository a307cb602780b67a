//! Identifiers. They name things and carry no authority: knowing a [`TenantId`] opens nothing.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Env;

/// Why a text is no identifier. Says what was expected, never echoes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct InvalidId {
    expected: &'static str,
}

const SLUG: InvalidId = InvalidId {
    expected: "expected 3 to 63 characters: lower-case letters, digits and hyphens, \
               starting with a letter, ending with a letter or digit",
};
const CREDENTIAL: InvalidId = InvalidId {
    expected: "expected 8 to 64 characters: lower-case hexadecimal digits and hyphens",
};
const EVENT: InvalidId = InvalidId {
    expected: "expected 32 lower-case hexadecimal digits",
};
const ACCOUNT: InvalidId = InvalidId {
    expected: "expected PROVIDER:ACCOUNT, such as aws:123456789012",
};

/// `^[a-z][a-z0-9-]{1,61}[a-z0-9]$`
fn check_slug(text: &str) -> Result<(), InvalidId> {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return Err(SLUG);
    };
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    let fits = (3..=63).contains(&bytes.len())
        && first.is_ascii_lowercase()
        && *last != b'-'
        && bytes.iter().all(inner);
    if fits { Ok(()) } else { Err(SLUG) }
}

fn check_credential(text: &str) -> Result<(), InvalidId> {
    let inner = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-');
    if (8..=64).contains(&text.len()) && text.bytes().all(inner) {
        Ok(())
    } else {
        Err(CREDENTIAL)
    }
}

/// `^[a-z][a-z0-9]{0,15}:[A-Za-z0-9._-]{1,64}$`
fn check_account(text: &str) -> Result<(), InvalidId> {
    let Some((cloud, account)) = text.split_once(':') else {
        return Err(ACCOUNT);
    };
    let cloud_fits = (1..=16).contains(&cloud.len())
        && cloud.starts_with(|c: char| c.is_ascii_lowercase())
        && cloud
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let account_fits = (1..=64).contains(&account.len())
        && account
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if cloud_fits && account_fits {
        Ok(())
    } else {
        Err(ACCOUNT)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                $check(text)?;
                Ok(Self(Arc::from(text)))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidId;
            fn try_from(text: &str) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id! {
    /// A customer of the provider. A slug, chosen at creation, never given out again after the
    /// tenant is deleted. There is no default and no empty tenant.
    TenantId, check_slug
}

text_id! {
    /// A registered sender of events; a slug in the provider's namespace.
    SourceId, check_slug
}

text_id! {
    /// A service of the provider's that customers use, such as `object-storage`; a slug.
    ServiceId, check_slug
}

text_id! {
    /// One issued credential (a certificate and the tokens traded for it): a UUID or hex text.
    CredentialId, check_credential
}

text_id! {
    /// An account at a cloud, written `aws:123456789012`.
    AccountId, check_account
}

impl CredentialId {
    /// A fresh id: a UUID of version 7 from the injected clock and randomness.
    #[must_use]
    pub fn generate(env: &Env) -> Self {
        Self(Arc::from(env.uuid_v7().hyphenated().to_string().as_str()))
    }

    /// What stands in the log where the server itself acts; no credential is issued under it.
    pub(crate) fn system() -> Self {
        Self(Arc::from("00000000-0000-0000-0000-000000000000"))
    }
}

/// The name of an event within its tenant: a hash of source, event id and content, keyed per
/// tenant, so that repetitions share it and two tenants' names can't be matched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName([u8; 16]);

impl EventName {
    /// Wraps the 16 bytes of a keyed hash.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for EventName {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(EVENT); // one event, one spelling
        }
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| EVENT)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventName({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slug_rule() {
        for good in ["abc", "a1b", "acme-corp", &"a".repeat(63)] {
            assert!(good.parse::<TenantId>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "ab",
            "-ab",
            "ab-",
            "1ab",
            "Abc",
            "a_b",
            "a.b",
            "a/b",
            "äbc",
            " abc",
            "abc\n",
            "-",
            "~quarantine",
            &"a".repeat(64),
        ] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad:?}");
            assert!(bad.parse::<SourceId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn deserialization_checks_the_rule() {
        assert!(serde_json::from_str::<TenantId>("\"acme\"").is_ok());
        assert!(serde_json::from_str::<TenantId>("\"\"").is_err());
        assert!(serde_json::from_str::<TenantId>("null").is_err());
    }

    #[test]
    fn account_rule() {
        for good in ["aws:123456789012", "gcp:my-project.x", "k8s:a_b"] {
            assert!(good.parse::<AccountId>().is_ok(), "{good}");
        }
        for bad in [
            "", "aws", "aws:", ":1", "AWS:1", "aws:1/2", "aws:1:2", "aws: 1",
        ] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn generated_credentials_parse_and_differ() {
        let (env, _) = Env::fixed(jiff::Timestamp::UNIX_EPOCH, 1);
        let (a, b) = (CredentialId::generate(&env), CredentialId::generate(&env));
        assert_ne!(a, b);
        assert_eq!(a.as_str().parse::<CredentialId>().unwrap(), a);
    }

    proptest! {
        #[test]
        fn event_names_round_trip(bytes: [u8; 16]) {
            let name = EventName::from_bytes(bytes);
            prop_assert_eq!(name.to_string().parse::<EventName>().unwrap(), name);
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in ".{0,80}") {
            let _ = text.parse::<TenantId>();
            let _ = text.parse::<CredentialId>();
            let _ = text.parse::<AccountId>();
            let _ = text.parse::<EventName>();
        }
    }
}
