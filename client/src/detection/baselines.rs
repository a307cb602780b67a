//! What is usual of a tenant.

use cordon_proto::detection as wire;
use cordon_proto::detection::baselines_service_client::BaselinesServiceClient;

use super::Baselines;
use crate::client::{Call, Client, call, configured};
use crate::error::Result;
use crate::incidents::present;
use crate::servers::Servers;

/// The baselines of one tenant; from [`Client::baselines`].
#[derive(Debug, Clone)]
pub struct TenantBaselines {
    client: Client,
}

impl TenantBaselines {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> BaselinesServiceClient<Servers> {
        configured!(BaselinesServiceClient::new(self.client.servers()))
    }

    fn name(&self) -> Result<String> {
        Ok(format!("{}/baselines", self.client.parent()?))
    }

    /// How far they have come.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when the client has no tenant.
    pub async fn get(&self) -> Result<Baselines> {
        let message = wire::GetBaselinesRequest { name: self.name()? };
        present(call!(self, Call::ENTERING, get_baselines(message))?.baselines)
    }

    /// Switches them on or off. Switched on anew, they learn from the oldest event that is kept.
    ///
    /// # Errors
    ///
    /// `ETAG_MISMATCH` when somebody was faster.
    pub async fn set(&self, enabled: bool, etag: &str) -> Result<Baselines> {
        self.update(enabled, false, etag).await
    }

    /// Forgets what was learned, and learns anew.
    ///
    /// # Errors
    ///
    /// As [`Self::set`].
    pub async fn forget(&self, etag: &str) -> Result<Baselines> {
        self.update(true, true, etag).await
    }

    async fn update(&self, enabled: bool, forget: bool, etag: &str) -> Result<Baselines> {
        let message = wire::UpdateBaselinesRequest {
            name: self.name()?,
            enabled,
            forget,
            etag: etag.to_owned(),
        };
        present(call!(self, Call::ENTERING, update_baselines(message))?.baselines)
    }
}
