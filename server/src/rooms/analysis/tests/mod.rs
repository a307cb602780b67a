//! The room against a kernel and a lake in a temporary folder: everything but the network is real.

mod bounds;
mod desk;
mod incidents;
mod limits;
mod questions;
mod releases;
mod states;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cordon_kernel::Action;
use cordon_kernel::db::jobs::{JobClaim, JobRunner, Lane};
use cordon_lake::sql::SqlLimits;
use cordon_lake::{Lake, LakeConfig};
use cordon_proto::analysis as wire;
use cordon_proto::analysis::analyses_service_server::AnalysesService as _;
use cordon_proto::analysis::analysis::State;
use cordon_proto::analysis::analysis_desk_service_server::AnalysisDeskService as _;
use cordon_proto::analysis::download_analysis_result_request::Format;
use cordon_proto::analysis::question::Kind;
use cordon_views::SourceType;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;
use tonic::{Request, Status};

use super::service::Service;
use super::{AnalysesRpc, DeskRpc, answer};
use crate::rooms::events::{Directory, Ingest};
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};
use crate::transport::Caller;

struct Room {
    world: World,
    lake: Arc<Lake>,
    ingest: Ingest,
    runner: JobRunner,
    analyses: AnalysesRpc,
    desk: DeskRpc,
    responder: Actor,
    limits: SqlLimits,
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
        let service = || Service {
            kernel: kernel(),
            lake: Arc::clone(&lake),
        };
        Self {
            ingest: Ingest::new(kernel(), Arc::new(Directory::default())),
            runner: world.kernel.job_runner().unwrap(),
            analyses: AnalysesRpc(service()),
            desk: DeskRpc(service()),
            responder: world.member("tenants/acme", "responder").await,
            limits: SqlLimits::default(),
            batches: 0,
            _folder: folder,
            lake,
            world,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
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
        let batch = crate::rooms::events::testing::batch(
            format!("b{}", self.batches),
            SourceType::AwsCloudTrail,
            records
                .into_iter()
                .map(|record| record.to_string().into())
                .collect(),
        );
        let stored = self.ingest.store(&scope, batch).await.unwrap();
        assert_eq!(stored.rejected, 0);
    }

    fn asking(kind: Kind) -> wire::CreateAnalysisRequest {
        wire::CreateAnalysisRequest {
            parent: "tenants/acme".into(),
            analysis: Some(wire::Analysis {
                question: Some(wire::Question { kind: Some(kind) }),
                purpose: "who turned logging off".into(),
                consent: vec![wire::DataKind::Events.into()],
                ..Default::default()
            }),
            request_id: String::new(),
        }
    }

    async fn ask(&self, kind: Kind) -> Result<wire::Analysis, Status> {
        let request = Self::asking(kind);
        let asked = call!(self, &self.responder, analyses.create_analysis(request))?;
        Ok(asked.analysis.unwrap())
    }

    async fn get(&self, name: &str) -> wire::Analysis {
        let request = wire::GetAnalysisRequest { name: name.into() };
        let found = call!(self, &self.responder, analyses.get_analysis(request));
        found.unwrap().analysis.unwrap()
    }

    async fn claim(&self) -> Option<JobClaim> {
        let lease = SignedDuration::from_secs(30);
        let db = self.world.kernel.db();
        let claimed = db.claim_jobs(&self.runner, Lane::Analysis, lease, 1).await;
        claimed.unwrap().pop()
    }

    /// Does a claimed job.
    async fn work(&self, claim: &JobClaim) -> cordon_kernel::Result<()> {
        let (_, about) = claim.job().split_once(':').unwrap();
        let kernel = &self.world.kernel;
        Box::pin(answer(kernel, &self.lake, &self.limits, claim, about)).await?;
        Ok(())
    }

    /// Answers what waits.
    async fn answer_all(&self) {
        while let Some(claim) = self.claim().await {
            self.work(&claim).await.unwrap();
            self.world.kernel.db().job_done(claim).await.unwrap();
        }
    }

    /// Asks, and waits for the end.
    async fn answered(&self, kind: Kind) -> wire::Analysis {
        let asked = self.ask(kind).await.unwrap();
        assert_eq!(asked.state(), State::Accepted);
        self.answer_all().await;
        self.get(&asked.name).await
    }

    async fn download(
        &self,
        actor: &Actor,
        (name, format, table): (&str, Format, &str),
    ) -> Result<Vec<u8>, Status> {
        let request = wire::DownloadAnalysisResultRequest {
            name: name.into(),
            format: format.into(),
            table: table.into(),
        };
        let mut feed = call!(self, actor, analyses.download_analysis_result(request))?;
        let mut bytes = Vec::new();
        while let Some(part) = feed.next().await {
            bytes.extend(part?.data);
        }
        Ok(bytes)
    }

    /// What was signed of an answer, without the signature.
    async fn signed(&self, name: &str) -> Value {
        let bytes = self
            .download(&self.responder, (name, Format::Statement, ""))
            .await;
        let envelope: Value = serde_json::from_slice(&bytes.unwrap()).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap());
        serde_json::from_slice(&payload.unwrap()).unwrap()
    }

    async fn json(&self, name: &str) -> Value {
        let bytes = self
            .download(&self.responder, (name, Format::Json, ""))
            .await;
        serde_json::from_slice(&bytes.unwrap()).unwrap()
    }
}

/// A call at a second of New Year's Eve's last hour.
fn record(id: u32, second: u32, operation: &str) -> Value {
    json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser", "accountId": "111111111111", "userName": "ana",
            "arn": "arn:aws:iam::111111111111:user/ana", "accessKeyId": "AKIAEXAMPLE00000001",
        },
        "eventTime": format!("2025-12-31T23:{:02}:{:02}Z", second / 60, second % 60),
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": operation,
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.7",
        "eventID": format!("e{id}"),
        "recipientAccountId": "111111111111",
    })
}

fn by(mut record: Value, user: &str) -> Value {
    record["userIdentity"]["userName"] = json!(user);
    record["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111111111111:user/{user}"));
    record
}

fn pivot(actor: &str) -> Kind {
    let subject = wire::subject::Subject::Actor(actor.into());
    Kind::Pivot(wire::PivotQuestion {
        subject: Some(wire::Subject {
            subject: Some(subject),
        }),
    })
}

fn sql(query: &str) -> Kind {
    Kind::Sql(wire::SqlQuestion {
        query: query.into(),
    })
}

const ANA: &str = "arn:aws:iam::111111111111:user/ana";
