//! UUIDs in what is sealed, as hyphenated text.

use serde::{Deserialize as _, Deserializer, Serializer, de};
use uuid::Uuid;

pub(crate) fn serialize<S: Serializer>(id: &Uuid, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&id.hyphenated())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Uuid, D::Error> {
    let text = String::deserialize(from)?;
    Uuid::try_parse(&text).map_err(de::Error::custom)
}
