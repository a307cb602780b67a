//! Rules: adding them, changing them, and what they would have found.

use cordon_proto::detection as wire;
use cordon_proto::detection::rules_service_client::RulesServiceClient;
use futures::TryStreamExt as _;

use super::{NewRule, Rule, RuleChanges, RuleTest, RuleTestStream, RuleVersion};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::incidents::{LONG_PAGE, pages, present, too_many};
use crate::paging::Paged;
use crate::retry::unique_id;
use crate::servers::Servers;

/// Most rules that are named where one is meant and several fit.
const NAMED: usize = 5;

/// The rules of one tenant; from [`Client::rules`].
///
/// A rule is named by its full name, `tenants/{tenant}/rules/{rule}`, and one of the client's
/// tenant by its id alone. Where an `etag` is taken, it is the rule's as it was read: if it has
/// changed since, nothing is done. An empty one fits always.
///
/// What is wrong with a rule is told with its place: the error's details `line` and `column`.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(super) client: Client,
}

impl Rules {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(super) fn rpc(&self) -> RulesServiceClient<Servers> {
        configured!(RulesServiceClient::new(self.client.servers()))
    }

    /// The full name of a rule: takes the full name, and the id of a rule of the client's tenant.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for an id alone when the client has no tenant.
    pub fn name(&self, name: &str) -> Result<String> {
        if name.starts_with("tenants/") {
            return Ok(name.to_owned());
        }
        let id = name.strip_prefix("rules/").unwrap_or(name);
        Ok(format!("{}/rules/{id}", self.client.parent()?))
    }

    /// Adds a rule of the tenant's own. The call is marked with an id of its own, so that it is
    /// repeated after a lost connection and the rule is still added once.
    ///
    /// # Errors
    ///
    /// `INVALID_RULE` when the text is not understood, `INVALID_FILTER` when an exception is not,
    /// `QUOTA_EXCEEDED` when the tenant has as many as it can have.
    pub async fn create(&self, new: NewRule) -> Result<Rule> {
        let message = wire::CreateRuleRequest {
            request_id: unique_id(),
            ..new.request(self.client.parent()?)
        };
        present(call!(self, Call::ENTERING, create_rule(message))?.rule)
    }

    /// One rule.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<Rule> {
        let message = wire::GetRuleRequest {
            name: self.name(name)?,
        };
        present(call!(self, Call::ENTERING, get_rule(message))?.rule)
    }

    /// The rule of the client's tenant that has this title, or alone has this in its title,
    /// whether in capitals or not; without its text.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when none has it, `INVALID_ARGUMENT` when several have.
    pub async fn by_title(&self, part: &str) -> Result<Rule> {
        let rules = self.list().try_collect().await?;
        titled(rules, part)
    }

    /// The tenant's rules, in the order in which they were added. Without their texts.
    #[must_use]
    pub fn list(&self) -> Paged<Rule> {
        let request = self.client.parent().map(|parent| wire::ListRulesRequest {
            parent,
            ..wire::ListRulesRequest::default()
        });
        pages!(self, Call::ENTERING, list_rules(request), rules by LONG_PAGE)
    }

    /// Changes a rule; a new text makes a new version. Marked as [`Self::create`] is.
    ///
    /// # Errors
    ///
    /// As [`Self::create`]; `INVALID_ARGUMENT` when there is nothing to change, `ETAG_MISMATCH`
    /// when somebody was faster.
    pub async fn update(&self, name: &str, changes: RuleChanges, etag: &str) -> Result<Rule> {
        let message = wire::UpdateRuleRequest {
            request_id: unique_id(),
            ..changes.request(self.name(name)?, etag)
        };
        present(call!(self, Call::ENTERING, update_rule(message))?.rule)
    }

    /// Removes a rule of the tenant's own, its versions with it. What it found stays. Marked as
    /// [`Self::create`] is.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name, `ETAG_MISMATCH` when somebody was faster.
    pub async fn delete(&self, name: &str, etag: &str) -> Result<()> {
        let message = wire::DeleteRuleRequest {
            name: self.name(name)?,
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        call!(self, Call::ENTERING, delete_rule(message)).map(drop)
    }

    /// The texts that a rule has had, newest first; the last 100.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn versions(&self, name: &str) -> Result<Vec<RuleVersion>> {
        let message = wire::ListRuleVersionsRequest {
            parent: self.name(name)?,
        };
        let answer = call!(self, Call::ENTERING, list_rule_versions(message))?;
        Ok(answer.versions)
    }

    /// What a rule would have found in the past. Nothing is stored and nobody is told.
    ///
    /// Nothing is sent before the stream is polled.
    #[must_use]
    pub fn test(&self, test: RuleTest) -> RuleTestStream {
        RuleTestStream::new(self.clone(), test)
    }
}

/// The one that has this title, or alone has this in its title.
fn titled(rules: Vec<Rule>, part: &str) -> Result<Rule> {
    let wanted = part.trim().to_lowercase();
    let none = || {
        Error::new(
            Reason::NotFound,
            format!("no rule's title has `{part}` in it"),
        )
    };
    if wanted.is_empty() {
        return Err(none());
    }
    let mut partly: Vec<_> = rules
        .into_iter()
        .map(|rule| (rule.title.trim().to_lowercase(), rule))
        .filter(|(title, _)| title.contains(&wanted))
        .collect();
    if partly.iter().any(|(title, _)| *title == wanted) {
        partly.retain(|(title, _)| *title == wanted);
    }
    if partly.len() > 1 {
        return Err(several(part, &partly));
    }
    partly.pop().map(|(_, rule)| rule).ok_or_else(none)
}

fn several(part: &str, rules: &[(String, Rule)]) -> Error {
    let first = rules.iter().take(NAMED).map(|(_, rule)| {
        let id = rule.name.rsplit('/').next().unwrap_or_default();
        format!("{id} ({})", rule.title)
    });
    let first: Vec<_> = first.collect();
    let more = match rules.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let description = format!(
        "{} rules have `{part}` in their titles: {}{more}; say which by its id",
        rules.len(),
        first.join(", ")
    );
    Error::invalid("rule", description)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(titles: &[&str]) -> Vec<Rule> {
        let rule = |(at, title): (usize, &&str)| Rule {
            name: format!("tenants/acme/rules/{at}"),
            title: (*title).to_owned(),
            ..Rule::default()
        };
        titles.iter().enumerate().map(rule).collect()
    }

    #[test]
    fn a_rule_is_found_by_what_only_its_title_has() {
        let all = rules(&["Trail stopped", "Trail stopped in a hurry", "Root login"]);
        for (part, at) in [
            ("root", "2"),
            ("hurry", "1"),
            // The whole of one title is meant, though another has it in it.
            (" trail STOPPED ", "0"),
        ] {
            let found = titled(all.clone(), part).unwrap();
            assert_eq!(found.name, format!("tenants/acme/rules/{at}"), "{part}");
        }
        for part in ["", " ", "leaver"] {
            let error = titled(all.clone(), part).unwrap_err();
            assert_eq!(*error.reason(), Reason::NotFound, "{part}");
        }
    }

    #[test]
    fn several_are_named_and_none_is_taken() {
        let error = titled(rules(&["A trail", "B trail"]), "trail").unwrap_err();
        assert_eq!(*error.reason(), Reason::InvalidArgument);
        assert!(
            error.message().contains("0 (A trail), 1 (B trail); say"),
            "{error}"
        );
        let error = titled(rules(&["a trail"; 9]), "tr").unwrap_err();
        assert!(
            error.message().contains("4 (a trail) and 4 more"),
            "{error}"
        );
        // Two of one title.
        assert!(titled(rules(&["a", "A", "ab"]), "a").is_err());
    }
}
