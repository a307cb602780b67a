//! A party table as it is written, and what is wrong with it.

use super::{Class, Pattern, Role, Roles, Rule};
use crate::directory::Kind;
use crate::row::Reason;

/// A table as written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    pub(super) source_type: String,
    pub(super) version: u16,
    #[serde(default)]
    pub(super) folds: bool,
    #[serde(rename = "rule")]
    pub(super) rules: Vec<DraftRule>,
}

/// A rule as written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DraftRule {
    #[serde(default)]
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) paths: Vec<String>,
    is: String,
    #[serde(default)]
    operations: Vec<String>,
    kind: Option<String>,
    role: Option<String>,
    #[serde(default)]
    clear_for: Vec<String>,
    #[serde(default)]
    shown_to: Vec<String>,
    reason: Option<String>,
    why: String,
}

impl DraftRule {
    /// The rule for one of its paths.
    pub(super) fn rule(&self, path: &str, folds: bool) -> Result<Rule, String> {
        let class = match self.is.as_str() {
            "party" => Class::Party,
            "mention" => Class::Mention,
            "common" => Class::Common,
            "content" => Class::Content,
            "secret" => Class::Secret,
            other => return Err(format!("unknown class {other:?}")),
        };
        let kind = self
            .kind
            .as_deref()
            .map(|word| Kind::from_prefix(word).ok_or(format!("unknown kind {word:?}")))
            .transpose()?;
        let role = self.role.as_deref().map(role).transpose()?;
        let reason = match &self.reason {
            Some(word) => word.parse::<Reason>().map_err(|error| error.to_string())?,
            None if class == Class::Secret => Reason::Secret,
            None if kind == Some(Kind::Address) => Reason::ForeignAddress,
            None if kind.is_some() => Reason::ForeignIdentity,
            None => Reason::ForeignContent,
        };
        if (class == Class::Party) != role.is_some() {
            return Err("a party needs a role, and nothing else has one".into());
        }
        if class == Class::Party && kind.is_none() {
            return Err("a party needs a kind".into());
        }
        if kind.is_some() && !matches!(class, Class::Party | Class::Mention) {
            return Err("only parties and mentions have a kind".into());
        }
        if self.why.trim().is_empty() {
            return Err("why is empty".into());
        }
        let clear_for = roles(&self.clear_for)?;
        let shown_to = roles(&self.shown_to)?;
        if class == Class::Secret && !shown_to.is_empty() {
            return Err("a secret is clear for whom it was given to, or not shown".into());
        }
        if class == Class::Common && !(clear_for.is_empty() && shown_to.is_empty()) {
            return Err("what is common is shown to all".into());
        }
        Ok(Rule {
            path: Pattern::parse(path, folds)?,
            operations: self.operations.clone(),
            class,
            kind,
            role,
            clear_for,
            shown_to,
            reason,
            why: self.why.clone(),
        })
    }
}

fn role(word: &str) -> Result<Role, String> {
    Role::ALL
        .into_iter()
        .find(|role| role.as_str() == word)
        .ok_or(format!("unknown role {word:?}"))
}

fn roles(words: &[String]) -> Result<Roles, String> {
    let mut out = Roles::NONE;
    for word in words {
        out.insert(role(word)?);
    }
    Ok(out)
}
