//! What a rule of the provider's is and how it changes. Pure.

use cordon_kernel::{Error, Reason, Result};
use jiff::Timestamp;
use uuid::Uuid;

use super::super::rules::Version;

/// A rule as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct ProviderRule {
    pub(in super::super) id: Uuid,
    /// Counts its texts, from 1.
    pub(in super::super) version: i64,
    /// For tenants that have said nothing of it.
    pub(in super::super) enabled: bool,
    pub(in super::super) text: String,
    pub(in super::super) created: Timestamp,
    pub(in super::super) updated: Timestamp,
    /// Who changed it last: for staff alone.
    pub(in super::super) by: String,
    pub(in super::super) etag: String,
    /// How many regular expressions it holds in the memory of each tenant.
    pub(in super::super) regexes: usize,
}

/// What is to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Patch {
    pub(super) text: Option<String>,
    pub(super) enabled: Option<bool>,
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
    rule: ProviderRule,
    new_text: bool,
    begins: bool,
}

impl Change {
    /// The rule afterwards.
    pub(super) fn rule(&self) -> &ProviderRule {
        &self.rule
    }

    /// Whether there is something to look at events by that was not there before.
    pub(super) fn begins(&self) -> bool {
        self.begins
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

pub(super) fn create(id: Uuid, text: String, enabled: bool, mark: Mark) -> Change {
    Change {
        rule: ProviderRule {
            id,
            version: 1,
            enabled,
            text,
            created: mark.now,
            updated: mark.now,
            by: mark.by,
            etag: mark.etag,
            regexes: mark.regexes,
        },
        new_text: true,
        begins: enabled,
    }
}

/// The rule with what is to be changed.
pub(super) fn update(before: ProviderRule, patch: Patch, mark: Mark) -> Change {
    let was_enabled = before.enabled;
    let new_text = patch.text.as_ref().is_some_and(|text| *text != before.text);
    let mut rule = before;
    if let Some(text) = patch.text {
        rule.text = text;
    }
    if new_text {
        rule.version += 1;
    }
    rule.enabled = patch.enabled.unwrap_or(rule.enabled);
    // On whichever server's clock: not before its last change.
    rule.updated = mark.now.max(rule.updated);
    rule.by = mark.by;
    rule.etag = mark.etag;
    rule.regexes = mark.regexes;
    // A text that was not understood before may be now.
    let begins = rule.enabled && (new_text || !was_enabled);
    Change {
        rule,
        new_text,
        begins,
    }
}

/// # Errors
/// `ETAG_MISMATCH` when the rule is not what the caller has read.
pub(super) fn require(rule: &ProviderRule, expected: &str) -> Result<()> {
    if expected.is_empty() || expected == rule.etag {
        return Ok(());
    }
    Err(Error::new(
        Reason::EtagMismatch,
        "the rule was changed meanwhile: read it again",
    ))
}
