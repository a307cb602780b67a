//! Several servers on one PostgreSQL, one bucket and one token: as one to whoever calls, whichever
//! of them is there.

mod analysis;
mod clocks;
mod credentials;
mod detection;
mod lease;
mod load;
mod reading;
mod turns;

use cordon_client::identity::NewKey;
use cordon_client::{Holder, Profile};

use crate::harness::{Replicas, World};

/// Tenants, each with its account.
const TENANTS: [(&str, &str); 2] = [
    ("initech", "aws:100000000001"),
    ("hooli", "aws:200000000002"),
];
/// Sources, each with a credential of its own.
const SOURCES: usize = 3;

/// Three servers, and who calls them.
struct Installed {
    replicas: Replicas,
    operator: Profile,
    /// A reader of each tenant.
    readers: Vec<Profile>,
    sources: Vec<Profile>,
}

impl Installed {
    /// `None` where this run is not for PostgreSQL.
    async fn with(settings: &str) -> Option<Self> {
        let (folder, _) = Replicas::stores(settings)?;
        let world = World::within(folder).await;
        let mut readers = Vec::new();
        for (tenant, account) in TENANTS {
            world.tenant(tenant, &[account]).await;
            let holder = Holder::Tenant(tenant.to_owned());
            readers.push(world.issue(holder, "reader").await);
        }
        let mut sources = Vec::new();
        for n in 0..SOURCES {
            let id = format!("trail-{n}");
            let admin = world.operator.tenants();
            admin
                .create_source(&id, "aws.cloudtrail", &id)
                .await
                .unwrap();
            sources.push(world.issue(Holder::Source(id), "source").await);
        }
        Some(Self {
            operator: world.server.profile("operator"),
            replicas: Replicas::instead_of(world).await,
            readers,
            sources,
        })
    }

    /// A responder of the first tenant.
    async fn responder(&self) -> Profile {
        let operator = self.replicas.client(0, &self.operator).await;
        let tenant = TENANTS[0].0.to_owned();
        let holder = Holder::Tenant(tenant.clone());
        let key = NewKey::generate("jane").unwrap();
        let tenants = operator.tenants();
        let issued = tenants.issue_credential(&holder, "jane", "responder", &key.request_pem);
        Profile {
            tenant: Some(tenant),
            role: "responder".to_owned(),
            subject: "jane".to_owned(),
            certificate: issued.await.unwrap().certificate_pem,
            key: key.key,
            ..self.operator.clone()
        }
    }
}
