//! A subscription, and what changes in it.

use cordon_courier::SigningKey;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::super::model::Severity;
use super::Audience;

/// For how long a former secret still signs.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// Whether notices are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum State {
    /// They are.
    Active,
    /// They are kept back.
    Paused,
}

impl State {
    pub(in super::super) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }

    pub(in super::super) fn from_stored(text: &str) -> Option<Self> {
        [Self::Active, Self::Paused]
            .into_iter()
            .find(|word| word.as_str() == text)
    }
}

/// Which entries go there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Interest {
    /// Empty for all; sorted.
    pub(in super::super) kinds: Vec<String>,
    /// Empty for all; sorted.
    pub(in super::super) severities: Vec<Severity>,
    /// The only one; `None` for all.
    #[serde(with = "uuid_or_none")]
    pub(in super::super) incident: Option<Uuid>,
    /// Whom comments must mention; `None` for all entries.
    pub(in super::super) mention: Option<String>,
}

impl Interest {
    /// Whether what arrives says something by arriving: more than that it is about its incident.
    pub(in super::super) fn is_filtered(&self) -> bool {
        !self.kinds.is_empty() || !self.severities.is_empty() || self.mention.is_some()
    }
}

/// Where to, with a webhook's secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Target {
    Webhook {
        #[serde(with = "hidden")]
        url: SecretString,
        origin: String,
        /// The newest first.
        keys: Vec<Key>,
    },
    Mail {
        address: String,
    },
}

/// A webhook's secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Key {
    /// As the receiver has it.
    #[serde(with = "hidden")]
    pub(in super::super) text: SecretString,
    /// When it ends; the newest has no end.
    pub(in super::super) until: Option<Timestamp>,
}

impl Target {
    /// The keys that sign at a time.
    pub(in super::super) fn signing(&self, now: Timestamp) -> Vec<SigningKey> {
        let Self::Webhook { keys, .. } = self else {
            return Vec::new();
        };
        let good = keys
            .iter()
            .filter(|key| key.until.is_none_or(|end| now < end));
        good.filter_map(|key| SigningKey::parse(key.text.expose_secret()))
            .collect()
    }
}

/// What is sealed of a subscription.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Words {
    pub(in super::super) display_name: String,
    pub(in super::super) target: Target,
    pub(in super::super) mention: Option<String>,
}

/// Where notices go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Subscription {
    #[serde(with = "super::super::super::model::uuid_text")]
    pub(in super::super) id: Uuid,
    pub(in super::super) display_name: String,
    pub(in super::super) target: Target,
    pub(in super::super) audience: Audience,
    pub(in super::super) interest: Interest,
    pub(in super::super) state: State,
    pub(in super::super) created: Timestamp,
    pub(in super::super) updated: Timestamp,
    /// Attempts since one last succeeded.
    pub(in super::super) failures: u32,
    /// No attempt before.
    pub(in super::super) next: Option<Timestamp>,
    pub(in super::super) pending: i64,
    pub(in super::super) dead: i64,
    pub(in super::super) etag: String,
}

/// A subscription to be, as it was asked for. Its URL is not looked at yet.
#[derive(Debug, Clone)]
pub(in super::super) struct NewSubscription {
    pub(in super::super) display_name: String,
    pub(in super::super) target: NewTarget,
    pub(in super::super) audience: Audience,
    pub(in super::super) interest: Interest,
}

#[derive(Debug, Clone)]
pub(in super::super) enum NewTarget {
    Webhook(SecretString),
    Mail(String),
}

/// The webhook's keys once `new` takes the place of the newest: that one signs for a day more,
/// those before it no longer.
pub(in super::super) fn rotate(keys: &[Key], new: SecretString, now: Timestamp) -> Vec<Key> {
    let until = now.checked_add(OVERLAP).unwrap_or(Timestamp::MAX);
    let mut rotated = vec![Key {
        text: new,
        until: None,
    }];
    let former = keys.iter().find(|key| key.until.is_none());
    rotated.extend(former.map(|key| Key {
        text: key.text.clone(),
        until: Some(until),
    }));
    rotated
}

/// Secrets within what is sealed, and nowhere else.
mod hidden {
    use secrecy::{ExposeSecret as _, SecretString};
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &SecretString, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text.expose_secret())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<SecretString, D::Error> {
        String::deserialize(from).map(SecretString::from)
    }
}

mod uuid_or_none {
    use serde::{Deserialize as _, Deserializer, Serializer, de};
    use uuid::Uuid;

    pub(super) fn serialize<S: Serializer>(id: &Option<Uuid>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&id.map(|id| id.hyphenated().to_string()).unwrap_or_default())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Uuid>, D::Error> {
        match String::deserialize(from)?.as_str() {
            "" => Ok(None),
            text => Uuid::try_parse(text).map(Some).map_err(de::Error::custom),
        }
    }
}
