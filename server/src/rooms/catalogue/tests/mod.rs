//! The room against a kernel and a lake in a temporary folder: everything but the network is real.

mod facts;
mod services;
mod sources;

use std::sync::Arc;

use cordon_kernel::{Action, EventName, Name};
use cordon_lake::schema::Columns;
use cordon_lake::{Events, Lake, LakeConfig, Query};
use cordon_proto::catalogue as wire;
use cordon_proto::catalogue::catalogue_service_server::CatalogueService as _;
use cordon_proto::catalogue::facts_service_server::FactsService as _;
use cordon_views::SourceType;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tonic::{Request, Status};
use wire::fact_audience::Audience;

use super::{CatalogueRpc, FactsRpc};
use crate::rooms::events::{Directory, Ingest};
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};
use crate::transport::Caller;

struct Room {
    world: World,
    lake: Arc<Lake>,
    ingest: Ingest,
    facts: FactsRpc,
    catalogue: CatalogueRpc,
    reader: Actor,
    other: Actor,
    batches: u32,
    _folder: tempfile::TempDir,
}

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        for (tenant, account) in [("acme", "aws:111111111111"), ("globex", "aws:222222222222")] {
            world.tenant(tenant).await;
            world.account(tenant, account).await;
        }
        world.source("trail").await;
        let folder = tempfile::tempdir().unwrap();
        let objects = cordon_lake::object::Objects::local(folder.path()).unwrap();
        let kernel = || Arc::clone(&world.kernel);
        let lake = Lake::new(kernel(), objects, LakeConfig::default()).unwrap();
        let lake = Arc::new(lake);
        Self {
            ingest: Ingest::new(kernel(), Arc::new(Directory::default())),
            facts: FactsRpc::new(kernel()),
            catalogue: CatalogueRpc::new(kernel(), Arc::clone(&lake)),
            reader: world.member("tenants/acme", "reader").await,
            other: world.member("tenants/globex", "reader").await,
            batches: 0,
            _folder: folder,
            lake,
            world,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    /// Some time goes by; everybody has a token of that moment.
    async fn later(&mut self, by: SignedDuration) {
        self.world.clock.advance(by);
        self.world.operator = self.world.with_token(&self.world.operator).await;
        self.reader = self.world.with_token(&self.reader).await;
        self.other = self.world.with_token(&self.other).await;
    }

    /// Stores records, one batch.
    async fn send(&mut self, records: Vec<Value>) {
        let request = self.request(&self.world.operator, ()).await.unwrap();
        let source = "trail".parse().unwrap();
        let (scope, _) = Caller::of(&request)
            .unwrap()
            .ingest_scope(&self.world.kernel, &source, Action::IngestEvents)
            .await
            .unwrap();
        self.batches += 1;
        let records = records.into_iter().map(|one| one.to_string().into());
        let batch = crate::rooms::events::testing::batch(
            format!("b{}", self.batches),
            SourceType::AwsCloudTrail,
            records.collect(),
        );
        let stored = self.ingest.store(&scope, batch).await.unwrap();
        assert_eq!(stored.rejected, 0);
    }

    /// The source says up to when it has delivered everything, in seconds since 1970.
    async fn report(&self, seconds: i64) {
        let request = self.request(&self.world.operator, ()).await.unwrap();
        let source = "trail".parse().unwrap();
        let (scope, _) = Caller::of(&request)
            .unwrap()
            .ingest_scope(&self.world.kernel, &source, Action::ReportWatermark)
            .await
            .unwrap();
        let until = Some(seconds * 1_000_000_000);
        let db = self.world.kernel.db();
        db.heartbeat(&scope, until).await.unwrap();
    }

    /// The name of acme's newest event.
    async fn newest_event(&self) -> String {
        let request = self.request(&self.reader, ()).await.unwrap();
        let acme = "acme".parse().unwrap();
        let (scope, _) = Caller::of(&request)
            .unwrap()
            .tenant_scope(&self.world.kernel, &acme, Action::SearchEvents)
            .await
            .unwrap();
        let query = Query {
            limit: Some(1),
            columns: Columns::ALL,
            ..Query::default()
        };
        let mut search = self.lake.search(&scope, query).await.unwrap();
        let batch = search.next().await.unwrap().unwrap();
        let name = Events::new(&batch).unwrap().name(0);
        Name::Event(acme, EventName::from_bytes(name)).to_string()
    }

    async fn publish(&self, audience: Audience, title: &str) -> wire::Fact {
        // Ids of one moment have no order.
        self.world.clock.advance(SignedDuration::from_secs(1));
        let request = wire::CreateFactRequest {
            fact: Some(fact(audience, title)),
        };
        let made = call!(self, &self.world.operator, facts.create_fact(request));
        made.unwrap().fact.unwrap()
    }

    /// Says that a tenant uses a service.
    async fn uses(
        &self,
        tenant: &str,
        service: &str,
        sources: &[(&str, wire::Access)],
    ) -> Result<wire::Service, Status> {
        let sources = sources.iter().map(|(kind, access)| wire::ServiceSource {
            source_type: (*kind).to_owned(),
            access: (*access).into(),
        });
        let request = wire::CreateServiceRequest {
            parent: format!("tenants/{tenant}"),
            service_id: service.to_owned(),
            service: Some(wire::Service {
                service_model: wire::ServiceModel::Iaas.into(),
                sources: sources.collect(),
                ..Default::default()
            }),
        };
        let made = call!(
            self,
            &self.world.operator,
            catalogue.create_service(request)
        );
        Ok(made?.service.unwrap())
    }
}

fn fact(audience: Audience, title: &str) -> wire::Fact {
    wire::Fact {
        kind: wire::FactKind::Technology.into(),
        title: title.to_owned(),
        text: format!("{title}, in more words"),
        audience: Some(wire::FactAudience {
            audience: Some(audience),
        }),
        ..Default::default()
    }
}

fn everyone() -> Audience {
    Audience::Everyone(wire::EveryTenant {})
}

/// A call of an account, at a second of the last minute of the year that ended.
fn record(account: &str, id: u32, second: u32, operation: &str) -> Value {
    json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser", "accountId": account, "userName": "ana",
            "arn": format!("arn:aws:iam::{account}:user/ana"),
        },
        "eventTime": format!("2025-12-31T23:59:{second:02}Z"),
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": operation,
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.7",
        "eventID": format!("e{id}"),
        "recipientAccountId": account,
    })
}
