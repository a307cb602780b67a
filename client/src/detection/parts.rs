//! What is said of rules that are added or changed.

use cordon_proto::detection as wire;
use jiff::Timestamp;
use prost_types::FieldMask;

use super::Rule;
use crate::time::to_proto;

/// A rule to be added.
///
/// ```
/// use cordon_client::NewRule;
/// let text = "title: A trail was stopped\n…";
/// let new = NewRule {
///     exceptions: vec!["actor LIKE '%/terraform'".to_owned()],
///     ..NewRule::from(text.to_owned())
/// };
/// # let _ = new;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRule {
    /// The Sigma rule (<https://sigmahq.io/docs/basics/rules.html>), at most 64 KiB of YAML.
    pub text: String,
    /// Whether it is kept without looking at events by it yet.
    pub disabled: bool,
    /// Filters in the filter language, at most 32: an event that fits one is not what the rule is
    /// after.
    pub exceptions: Vec<String>,
    /// Until then what it finds is not told.
    pub muted_until: Option<Timestamp>,
}

impl From<String> for NewRule {
    fn from(text: String) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}

impl NewRule {
    /// The request without its id.
    pub(super) fn request(self, parent: String) -> wire::CreateRuleRequest {
        wire::CreateRuleRequest {
            parent,
            rule: Some(Rule {
                text: self.text,
                exceptions: self.exceptions,
                muted_until: self.muted_until.map(to_proto),
                ..Rule::default()
            }),
            disabled: self.disabled,
            request_id: String::new(),
        }
    }
}

/// What is to be changed of a rule; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleChanges {
    /// The Sigma rule; makes a new version.
    pub text: Option<String>,
    /// Whether events are looked at by it.
    pub enabled: Option<bool>,
    /// All its exceptions from now on.
    pub exceptions: Option<Vec<String>>,
    /// Until when it is muted; `Some(None)` unmutes it.
    pub muted_until: Option<Option<Timestamp>>,
}

impl RuleChanges {
    /// The request without its id.
    pub(super) fn request(self, name: String, etag: &str) -> wire::UpdateRuleRequest {
        let said = [
            ("text", self.text.is_some()),
            ("enabled", self.enabled.is_some()),
            ("exceptions", self.exceptions.is_some()),
            ("muted_until", self.muted_until.is_some()),
        ];
        let paths = said.iter().filter(|(_, said)| *said);
        wire::UpdateRuleRequest {
            update_mask: Some(FieldMask {
                paths: paths.map(|(path, _)| (*path).to_owned()).collect(),
            }),
            rule: Some(Rule {
                name,
                etag: etag.to_owned(),
                text: self.text.unwrap_or_default(),
                enabled: self.enabled.unwrap_or_default(),
                exceptions: self.exceptions.unwrap_or_default(),
                muted_until: self.muted_until.flatten().map(to_proto),
                ..Rule::default()
            }),
            request_id: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_is_changed() {
        let time: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let changes = RuleChanges {
            enabled: Some(false),
            muted_until: Some(Some(time)),
            ..RuleChanges::default()
        };
        let request = changes.request("tenants/acme/rules/1".to_owned(), "e1");
        assert_eq!(
            request.update_mask.unwrap().paths,
            ["enabled", "muted_until"]
        );
        let rule = request.rule.unwrap();
        assert_eq!(rule.name, "tenants/acme/rules/1");
        assert_eq!((rule.etag.as_str(), rule.enabled), ("e1", false));
        assert_eq!(rule.muted_until, Some(to_proto(time)));

        let emptied = RuleChanges {
            exceptions: Some(Vec::new()),
            muted_until: Some(None),
            ..RuleChanges::default()
        };
        let request = emptied.request(String::new(), "");
        let paths = request.update_mask.unwrap().paths;
        assert_eq!(paths, ["exceptions", "muted_until"]);
        assert_eq!(request.rule.unwrap().muted_until, None);
    }

    #[test]
    fn a_new_rule_says_what_it_is() {
        let new = NewRule {
            disabled: true,
            exceptions: vec!["actor = 'a'".to_owned()],
            ..NewRule::from("title: t".to_owned())
        };
        let request = new.request("tenants/acme".to_owned());
        assert!(request.disabled);
        let rule = request.rule.unwrap();
        assert_eq!(rule.text, "title: t");
        assert_eq!(rule.exceptions, ["actor = 'a'"]);
        assert_eq!(rule.muted_until, None);
    }
}
