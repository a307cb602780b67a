//! What differs where a record is not AWS's: how accounts are written, parts of the record
//! that are JSON once more inside of text, and an account that the source tells.

use serde_json::Value;

use super::Cloud;
use crate::attribute::{Reject, content_hash};
use crate::directory::Kind;
use crate::ocsf_native::json::clip;
use crate::row::{EventRow, SourceType};
use crate::split;
use crate::table::pattern::folds_to;
use crate::view::Known;

/// How the records of a source are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// Whose forms of identities are looked for in text.
    pub(crate) cloud: Cloud,
    /// Fields that may hold JSON as text, each as folded keys. What is in them is read,
    /// and redacted, as if it were no text, and is text again in the view.
    pub(crate) nested: &'static [&'static [&'static str]],
    /// What besides the form of JSON makes a record one of this source type.
    pub(crate) check: fn(&Value) -> Result<(), Reject>,
    /// The source's event id, where it is made of several fields.
    pub(crate) event_id: Option<fn(&Value) -> Option<String>>,
    /// The directory's id of the account that stands at a path of the party table in a
    /// record.
    pub(crate) account: fn(record: &Value, path: &str, text: &str) -> Option<String>,
    /// The account whose the source says that the record is.
    pub(crate) context: Option<&'a str>,
}

/// A field that was JSON inside of text: its keys as the record writes them.
pub(crate) type Unfolded = Vec<String>;

impl<'a> Setting<'a> {
    /// What settings have in common that say nothing else.
    pub(crate) const PLAIN: Self = Self {
        cloud: Cloud::Aws,
        nested: &[],
        check: |_| Ok(()),
        event_id: None,
        account: |_, _, text| Cloud::Aws.account(text),
        context: None,
    };

    /// The setting of a source type, if it is another cloud's.
    pub(crate) const fn of(source_type: SourceType) -> Option<&'static Self> {
        match source_type {
            SourceType::GcpAudit => Some(&crate::gcp::SETTING),
            SourceType::AzureActivity => Some(&crate::azure::SETTING),
            SourceType::AzureSignIn => Some(&crate::azure::signin::SETTING),
            SourceType::K8sAudit => Some(&crate::k8s::SETTING),
            _ => None,
        }
    }

    /// The same setting with the account that the source tells, which is written as the
    /// directory writes accounts: `k8s:prod-1`, `aws:123456789012`.
    ///
    /// # Errors
    ///
    /// [`Reject`] with `MALFORMED` if the context is no such account: the source is set up
    /// wrongly, and its records must not be taken for nobody's.
    pub(crate) fn told(mut self, context: Option<&'a str>) -> Result<Self, Reject> {
        let context = context.map(str::trim).filter(|text| !text.is_empty());
        if !context.is_none_or(is_account) {
            return Err(Reject::new(
                Reject::MALFORMED,
                "the context is no account such as k8s:prod-1",
            ));
        }
        self.context = context;
        Ok(self)
    }

    /// Puts what is JSON inside of text in the text's place, and says where. Text that is
    /// no JSON object, or none that a record may hold, stays.
    pub(crate) fn unfold(&self, record: &mut Value) -> Vec<Unfolded> {
        self.nested
            .iter()
            .filter_map(|path| unfold(record, path))
            .collect()
    }

    /// The fingerprint of a record: the same text of another account is another event.
    pub(crate) fn content(&self, text: &str) -> [u8; 32] {
        let content = content_hash(text);
        match self.context {
            None => content,
            Some(id) => *blake3::Hasher::new()
                .update(id.as_bytes())
                .update(&[0])
                .update(&content)
                .finalize()
                .as_bytes(),
        }
    }

    /// Remembers accounts of others by their bare ids. AWS's are found by their form.
    pub(crate) fn strangers<'p>(&self, ids: impl Iterator<Item = &'p str>, known: &mut Known) {
        if self.cloud == Cloud::Aws {
            return;
        }
        for id in ids {
            let bare = id.split_once(':').map_or(id, |(_, bare)| bare);
            let bare = bare.rsplit_once('.').map_or(bare, |(container, id)| {
                if matches!(container, "organizations" | "folders" | "billingAccounts") {
                    id
                } else {
                    bare
                }
            });
            known.stranger(Kind::Account, bare, id);
        }
    }

    /// The account that the source tells is the event's unless the record has a better one.
    pub(crate) fn account_column(&self, row: &mut EventRow) {
        row.account = row.raw_context.as_deref().map(clip).unwrap_or_default();
    }
}

/// Whether the text is an account as the directory writes it.
fn is_account(text: &str) -> bool {
    text.split_once(':').is_some_and(|(cloud, id)| {
        (1..=16).contains(&cloud.len())
            && cloud
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    })
}

fn unfold(record: &mut Value, path: &[&str]) -> Option<Unfolded> {
    let mut keys = Vec::with_capacity(path.len());
    let mut value = record;
    for step in path {
        let map = value.as_object_mut()?;
        let key = map.keys().find(|key| folds_to(key, step))?.clone();
        value = map.get_mut(&key)?;
        keys.push(key);
    }
    let text = value.as_str()?;
    // The rules for records hold within them too: depth, and no key twice.
    split::check_record(SourceType::Ocsf, text.as_bytes(), None).ok()?;
    *value = serde_json::from_str(text).ok()?;
    Some(keys)
}

/// Makes text again of what was text.
pub(crate) fn fold_back(record: &mut Value, nested: &[Unfolded]) {
    for keys in nested.iter().rev() {
        let found = keys
            .iter()
            .try_fold(&mut *record, |value, key| value.get_mut(key));
        if let Some(value) = found {
            // Where it was withheld as a whole, the marker stands as markers do.
            let withheld = value.get(crate::view::WITHHELD_KEY).is_some();
            if value.is_object() && !withheld {
                *value = Value::String(value.to_string());
            }
        }
    }
}
