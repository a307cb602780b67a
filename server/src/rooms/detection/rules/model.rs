//! What a rule is and how it changes. Pure.

use cordon_kernel::{Error, Reason, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rooms::uuid_text;

/// Whose a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in super::super) enum Origin {
    /// The tenant's own.
    #[default]
    Own,
    /// The provider's, for all tenants.
    Provider,
}

/// A rule as the tenant has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Rule {
    #[serde(with = "uuid_text")]
    pub(in super::super) id: Uuid,
    /// Counts its texts, from 1.
    pub(in super::super) version: i64,
    pub(in super::super) enabled: bool,
    pub(in super::super) text: String,
    pub(in super::super) exceptions: Vec<String>,
    pub(in super::super) muted_until: Option<Timestamp>,
    pub(in super::super) created: Timestamp,
    pub(in super::super) updated: Timestamp,
    /// Who changed it last.
    pub(in super::super) by: String,
    pub(in super::super) etag: String,
    /// How many regular expressions it holds in memory; of the provider's its exceptions alone.
    pub(in super::super) regexes: usize,
    #[serde(default)]
    pub(in super::super) origin: Origin,
    /// Of the provider's, whether the tenant has said that it is to work.
    #[serde(default)]
    pub(in super::super) said: Option<bool>,
}

impl Rule {
    /// Whether what it finds at that time is not told.
    pub(in super::super) fn muted(&self, now: Timestamp) -> bool {
        self.muted_until.is_some_and(|until| now < until)
    }
}

/// A text that a rule has had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Version {
    pub(in super::super) version: i64,
    pub(in super::super) text: String,
    pub(in super::super) created: Timestamp,
    pub(in super::super) by: String,
}

/// What a new rule begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewRule {
    pub(super) text: String,
    pub(super) enabled: bool,
    pub(super) exceptions: Vec<String>,
    pub(super) muted_until: Option<Timestamp>,
}

/// What is to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Patch {
    pub(super) text: Option<String>,
    pub(super) enabled: Option<bool>,
    pub(super) exceptions: Option<Vec<String>>,
    /// `Some(None)`: not muted any more.
    pub(super) muted_until: Option<Option<Timestamp>>,
}

/// When, by whom, and what it is called afterwards.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) now: Timestamp,
    pub(super) by: String,
    pub(super) etag: String,
    /// How many regular expressions it then holds in memory.
    pub(super) regexes: usize,
}

/// A decided change.
#[derive(Debug)]
pub(super) struct Change {
    rule: Rule,
    new_text: bool,
}

impl Change {
    /// The rule afterwards.
    pub(super) fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The version that it made, if it has a new text.
    pub(super) fn version(&self) -> Option<Version> {
        self.new_text.then(|| Version {
            version: self.rule.version,
            text: self.rule.text.clone(),
            created: self.rule.updated,
            by: self.rule.by.clone(),
        })
    }
}

pub(super) fn create(id: Uuid, new: NewRule, mark: Mark) -> Change {
    Change {
        rule: Rule {
            id,
            version: 1,
            enabled: new.enabled,
            text: new.text,
            exceptions: new.exceptions,
            muted_until: new.muted_until,
            created: mark.now,
            updated: mark.now,
            by: mark.by,
            etag: mark.etag,
            regexes: mark.regexes,
            origin: Origin::Own,
            said: None,
        },
        new_text: true,
    }
}

/// The rule with what is to be changed.
pub(super) fn update(before: Rule, patch: Patch, mark: Mark) -> Change {
    let new_text = patch.text.as_ref().is_some_and(|text| *text != before.text);
    let mut rule = before;
    if let Some(text) = patch.text {
        rule.text = text;
    }
    if new_text {
        rule.version += 1;
    }
    rule.enabled = patch.enabled.unwrap_or(rule.enabled);
    rule.said = patch.enabled.or(rule.said);
    rule.exceptions = patch.exceptions.unwrap_or(rule.exceptions);
    rule.muted_until = patch.muted_until.unwrap_or(rule.muted_until);
    // On whichever server's clock: not before its last change.
    rule.updated = mark.now.max(rule.updated);
    rule.by = mark.by;
    rule.etag = mark.etag;
    rule.regexes = mark.regexes;
    Change { rule, new_text }
}

/// # Errors
/// `ETAG_MISMATCH` when the rule is not what the caller has read.
pub(super) fn require(rule: &Rule, expected: &str) -> Result<()> {
    if expected.is_empty() || expected == rule.etag {
        return Ok(());
    }
    Err(Error::new(
        Reason::EtagMismatch,
        "the rule was changed meanwhile: read it again",
    ))
}
