//! For staff: the provider's rules, by which the events of all tenants are looked at.

use cordon_proto::detection as wire;
use cordon_proto::detection::provider_rules_service_client::ProviderRulesServiceClient;
use prost_types::FieldMask;

use super::ProviderRule;
use crate::client::{Call, Client, call, configured};
use crate::error::Result;
use crate::incidents::{LONG_PAGE, pages, present, too_many};
use crate::paging::Paged;
use crate::retry::unique_id;
use crate::servers::Servers;
use crate::tenants::named;

/// The provider's rules; from [`Client::provider_rules`].
///
/// One is named by its full name, `providerRules/{rule}`, and by its id alone. Tenants have it among
/// their [rules](crate::Rules). All of them read its text, so that it may name no customer.
///
/// What is wrong with a rule is told with its place: the error's details `line` and `column`. Every
/// change is marked with an id of its own, so that it is repeated after a lost connection and done once.
#[derive(Debug, Clone)]
pub struct ProviderRules {
    client: Client,
}

impl ProviderRules {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> ProviderRulesServiceClient<Servers> {
        configured!(ProviderRulesServiceClient::new(self.client.servers()))
    }

    /// Publishes a rule; `disabled` for one that works for those alone who switch it on.
    ///
    /// # Errors
    ///
    /// `INVALID_RULE` when the text is not understood, `INVALID_ARGUMENT` when it names a customer,
    /// `QUOTA_EXCEEDED` when there are as many as there can be.
    pub async fn publish(&self, text: String, disabled: bool) -> Result<ProviderRule> {
        let message = wire::CreateProviderRuleRequest {
            provider_rule: Some(ProviderRule {
                text,
                ..ProviderRule::default()
            }),
            disabled,
            request_id: unique_id(),
        };
        present(call!(self, Call::SAFE, create_provider_rule(message))?.provider_rule)
    }

    /// One rule.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<ProviderRule> {
        let message = wire::GetProviderRuleRequest {
            name: named("providerRules", name),
        };
        present(call!(self, Call::SAFE, get_provider_rule(message))?.provider_rule)
    }

    /// The provider's rules, in the order in which they were published. Without their texts.
    #[must_use]
    pub fn list(&self) -> Paged<ProviderRule> {
        let request: Result<_> = Ok(wire::ListProviderRulesRequest::default());
        pages!(self, Call::SAFE, list_provider_rules(request), provider_rules by LONG_PAGE)
    }

    /// Changes a rule: its text, which makes a new version, and whether it works for tenants that have
    /// not said whether it does. What is `None` stays as it is.
    ///
    /// # Errors
    ///
    /// As [`Self::publish`]; `ETAG_MISMATCH` when somebody was faster.
    pub async fn update(
        &self,
        name: &str,
        text: Option<String>,
        enabled: Option<bool>,
        etag: &str,
    ) -> Result<ProviderRule> {
        let said = [("text", text.is_some()), ("enabled", enabled.is_some())];
        let paths = said.iter().filter(|(_, said)| *said);
        let message = wire::UpdateProviderRuleRequest {
            update_mask: Some(FieldMask {
                paths: paths.map(|(path, _)| (*path).to_owned()).collect(),
            }),
            provider_rule: Some(ProviderRule {
                name: named("providerRules", name),
                text: text.unwrap_or_default(),
                enabled: enabled.unwrap_or_default(),
                etag: etag.to_owned(),
                ..ProviderRule::default()
            }),
            request_id: unique_id(),
        };
        present(call!(self, Call::SAFE, update_provider_rule(message))?.provider_rule)
    }

    /// Withdraws a rule from all tenants. What it found stays.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name, `ETAG_MISMATCH` when somebody was faster.
    pub async fn withdraw(&self, name: &str, etag: &str) -> Result<()> {
        let message = wire::DeleteProviderRuleRequest {
            name: named("providerRules", name),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        call!(self, Call::SAFE, delete_provider_rule(message)).map(drop)
    }
}
