//! Webhooks: CloudEvents 1.0 in structured JSON, signed in the manner of Standard Webhooks.

mod send;
mod sign;
#[cfg(test)]
mod tests;

pub use send::post;
pub use sign::{SigningKey, signature};

use serde::Serialize;

/// A CloudEvent, version 1.0, with JSON data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CloudEvent<D> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: jiff::Timestamp,
    datacontenttype: &'static str,
    data: D,
}

impl<D> CloudEvent<D> {
    /// An event of kind `kind` that `source` tells of; `id` is the same however often it is sent.
    pub fn new(id: String, source: String, kind: String, time: jiff::Timestamp, data: D) -> Self {
        Self {
            specversion: "1.0",
            id,
            source,
            kind,
            subject: None,
            time,
            datacontenttype: "application/json",
            data,
        }
    }

    /// The same about `subject`.
    #[must_use]
    pub fn about(self, subject: String) -> Self {
        Self {
            subject: Some(subject),
            ..self
        }
    }

    /// What it is called by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}
