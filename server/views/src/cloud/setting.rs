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
    /// The directory's id of the account that stands at a path of the party table in a
    /// record.
    pub(crate) account: fn(record: &Value, path: &str, text: &str) -> Option<String>,
    /// The account whose the source says that the record is.
    pub(crate) context: Option<&'a str>,
}

/// A field that was JSON inside of text: its keys as the record writes them.
pub(crate) type Unfolded = Vec<String>;

impl Setting<'_> {
    /// What settings have in common that say nothing else.
    pub(crate) const PLAIN: Self = Self {
        cloud: Cloud::Aws,
        nested: &[],
        check: |_| Ok(()),
        account: |_, _, text| Cloud::Aws.account(text),
        context: None,
    };

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
