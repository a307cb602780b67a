//! By what findings open incidents.

use cordon_proto::incidents as wire;
use cordon_proto::incidents::detection_policy_service_client::DetectionPolicyServiceClient;
use prost_types::FieldMask;

use super::{DetectionPolicy, Level};
use crate::client::{Call, Client, call, configured};
use crate::error::Result;
use crate::incidents::present;
use crate::retry::unique_id;
use crate::servers::Servers;

/// The policy of one tenant by which findings open incidents; from [`Client::detection_policy`].
#[derive(Debug, Clone)]
pub struct DetectionPolicies {
    client: Client,
}

/// What is to be changed of the policy; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DetectionPolicyChanges {
    /// Whether findings open incidents.
    pub enabled: Option<bool>,
    /// Those that are at least so bad; `Some(None)` for none by their level.
    pub min_level: Option<Option<Level>>,
    /// Those of these rules, by their full names.
    pub rules: Option<Vec<String>>,
    /// Those about one of these ATT&CK techniques.
    pub techniques: Option<Vec<String>>,
    /// Most incidents of an hour, 1 to 100.
    pub max_incidents_per_hour: Option<i32>,
}

impl DetectionPolicyChanges {
    /// The request without its id.
    fn request(self, name: String, etag: &str) -> wire::UpdateDetectionPolicyRequest {
        let said = [
            ("enabled", self.enabled.is_some()),
            ("min_level", self.min_level.is_some()),
            ("rules", self.rules.is_some()),
            ("techniques", self.techniques.is_some()),
            (
                "max_incidents_per_hour",
                self.max_incidents_per_hour.is_some(),
            ),
        ];
        let paths = said.iter().filter(|(_, said)| *said);
        wire::UpdateDetectionPolicyRequest {
            update_mask: Some(FieldMask {
                paths: paths.map(|(path, _)| (*path).to_owned()).collect(),
            }),
            detection_policy: Some(DetectionPolicy {
                name,
                enabled: self.enabled.unwrap_or_default(),
                min_level: self.min_level.flatten().map_or(0, Into::into),
                rules: self.rules.unwrap_or_default(),
                techniques: self.techniques.unwrap_or_default(),
                max_incidents_per_hour: self.max_incidents_per_hour.unwrap_or_default(),
                etag: etag.to_owned(),
                ..DetectionPolicy::default()
            }),
            request_id: String::new(),
        }
    }
}

impl DetectionPolicies {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> DetectionPolicyServiceClient<Servers> {
        configured!(DetectionPolicyServiceClient::new(self.client.servers()))
    }

    fn name(&self) -> Result<String> {
        Ok(format!("{}/detectionPolicy", self.client.parent()?))
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when the client has no tenant.
    pub async fn get(&self) -> Result<DetectionPolicy> {
        let message = wire::GetDetectionPolicyRequest { name: self.name()? };
        present(call!(self, Call::ENTERING, get_detection_policy(message))?.detection_policy)
    }

    /// Changes the policy. The call is marked with an id of its own, so that it is repeated after a lost
    /// connection and done once.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when there is nothing to change or something is wrong with it,
    /// `FAILED_PRECONDITION` when it would be enabled and take no finding, `ETAG_MISMATCH` when
    /// somebody was faster.
    pub async fn update(
        &self,
        changes: DetectionPolicyChanges,
        etag: &str,
    ) -> Result<DetectionPolicy> {
        let message = wire::UpdateDetectionPolicyRequest {
            request_id: unique_id(),
            ..changes.request(self.name()?, etag)
        };
        present(call!(self, Call::ENTERING, update_detection_policy(message))?.detection_policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_is_changed() {
        let changes = DetectionPolicyChanges {
            min_level: Some(None),
            techniques: Some(vec!["T1562".to_owned()]),
            ..DetectionPolicyChanges::default()
        };
        let request = changes.request("tenants/acme/detectionPolicy".to_owned(), "e1");
        assert_eq!(
            request.update_mask.unwrap().paths,
            ["min_level", "techniques"]
        );
        let policy = request.detection_policy.unwrap();
        assert_eq!((policy.min_level, policy.etag.as_str()), (0, "e1"));
        assert_eq!(policy.techniques, ["T1562"]);
    }
}
