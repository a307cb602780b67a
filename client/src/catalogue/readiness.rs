//! Whether a tenant is ready for an incident.

use cordon_proto::readiness::CheckReadinessRequest;
use cordon_proto::readiness::readiness_service_client::ReadinessServiceClient;

use super::Readiness;
use crate::client::{Call, Client, call, configured};
use crate::error::Result;
use crate::servers::Servers;

impl Client {
    /// What has to be in place before an incident of the tenant's, how it stands, and what to do
    /// about it.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when the client has no tenant; `PERMISSION_DENIED`.
    pub async fn readiness(&self) -> Result<Readiness> {
        let message = CheckReadinessRequest {
            parent: self.parent()?,
        };
        let room = Room {
            client: self.clone(),
        };
        let how = Call::ENTERING.long();
        call!(room, how, check_readiness(message))
    }
}

struct Room {
    client: Client,
}

impl Room {
    fn rpc(&self) -> ReadinessServiceClient<Servers> {
        configured!(ReadinessServiceClient::new(self.client.servers()))
    }
}
