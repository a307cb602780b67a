//! A server that does what a test tells it to, over real TLS and HTTP/2.

pub(crate) mod analysis;
pub(crate) mod catalogue;
pub(crate) mod context;
pub(crate) mod detection;
pub(crate) mod evidence;
pub(crate) mod incidents;
mod parts;
mod sla;
mod tenants;

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use cordon_client::{Client, Profile, RetryPolicy};
use cordon_proto::analysis::analyses_service_server::AnalysesServiceServer;
use cordon_proto::analysis::analysis_desk_service_server::AnalysisDeskServiceServer;
use cordon_proto::analysis::{DownloadAnalysisResultResponse, WatchAnalysisResponse};
use cordon_proto::catalogue::catalogue_service_server::CatalogueServiceServer;
use cordon_proto::catalogue::facts_service_server::FactsServiceServer;
use cordon_proto::catalogue::hosts_service_server::HostsServiceServer;
use cordon_proto::context::context_service_server::ContextServiceServer;
use cordon_proto::detection::findings_service_server::FindingsServiceServer;
use cordon_proto::detection::provider_rules_service_server::ProviderRulesServiceServer;
use cordon_proto::detection::rules_service_server::RulesServiceServer;
use cordon_proto::detection::{TestRuleResponse, WatchFindingsResponse};
use cordon_proto::events as wire;
use cordon_proto::events::events_service_server::{EventsService, EventsServiceServer};
use cordon_proto::evidence::WatchSnapshotResponse;
use cordon_proto::evidence::snapshots_service_server::SnapshotsServiceServer;
use cordon_proto::incidents::WatchIncidentsResponse;
use cordon_proto::incidents::attachments_service_server::AttachmentsServiceServer;
use cordon_proto::incidents::detection_policy_service_server::DetectionPolicyServiceServer;
use cordon_proto::incidents::exchange_service_server::ExchangeServiceServer;
use cordon_proto::incidents::incidents_service_server::IncidentsServiceServer;
use cordon_proto::incidents::tasks_service_server::TasksServiceServer;
use cordon_proto::readiness::readiness_service_server::ReadinessServiceServer;
use cordon_proto::reports::GenerateIncidentReportResponse;
use cordon_proto::reports::reports_service_server::ReportsServiceServer;
use cordon_proto::sla::sla_service_server::SlaServiceServer;
use cordon_proto::sla::{
    Agreement, ExportReportsResponse, GenerateReportResponse, WatchClocksResponse,
};
use cordon_proto::tenants as identity;
use cordon_proto::tenants::identity_service_server::{IdentityService, IdentityServiceServer};
use cordon_proto::tenants::tenants_service_server::TenantsServiceServer;
use futures::{Stream, StreamExt as _, stream};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

pub(crate) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A part of a search's answer.
type Part = Result<wire::SearchEventsResponse, Status>;

/// What the server is to do, one entry a call, and what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) searches: Mutex<VecDeque<Result<Vec<Part>, Status>>>,
    pub(crate) watches: Mutex<VecDeque<Vec<Result<wire::WatchEventsResponse, Status>>>>,
    /// Whether a watch stays open behind its answers.
    pub(crate) watches_stay: AtomicBool,
    pub(crate) gets: Mutex<VecDeque<Status>>,
    /// What deleting a source comes to; `None` is a call that is never answered.
    pub(crate) deletions: Mutex<VecDeque<Option<Status>>>,
    /// For each stream: how many batches it answers before it fails; none means all.
    pub(crate) ingests: Mutex<VecDeque<usize>>,
    /// Tokens that are refused from the first call on.
    pub(crate) refused: Mutex<Vec<String>>,
    pub(crate) tokens: Mutex<u32>,
    pub(crate) searched: Mutex<Vec<wire::SearchEventsRequest>>,
    pub(crate) watched: Mutex<Vec<Option<i64>>>,
    pub(crate) ingested: Mutex<Vec<Vec<String>>>,
    pub(crate) metadata: Mutex<Vec<MetadataMap>>,
    pub(crate) keys: Mutex<Vec<identity::SigningKey>>,
    /// What was asked of the tenants' register, about incidents and about rules, in the order of the
    /// calls.
    pub(crate) registered: Mutex<Vec<String>>,
    /// With what the next calls about incidents, rules and findings fail.
    pub(crate) incident_failures: Mutex<VecDeque<Status>>,
    /// Whether each entry of a timeline comes on a page of its own.
    pub(crate) timeline_in_pages: AtomicBool,
    /// The ids of elsewhere that were brought in.
    pub(crate) imported: Mutex<HashSet<String>>,
    pub(crate) incident_watches: Mutex<VecDeque<Vec<Result<WatchIncidentsResponse, Status>>>>,
    /// With what the next calls about agreements and clocks fail.
    pub(crate) sla_failures: Mutex<VecDeque<Status>>,
    /// The tenant's agreements, the newest first.
    pub(crate) agreements: Mutex<Vec<Agreement>>,
    pub(crate) clock_watches: Mutex<VecDeque<Vec<Result<WatchClocksResponse, Status>>>>,
    /// What a report comes in; the same for each call.
    pub(crate) report: Mutex<Vec<Result<GenerateReportResponse, Status>>>,
    pub(crate) reports: Mutex<Vec<Result<ExportReportsResponse, Status>>>,
    pub(crate) incident_report: Mutex<Vec<Result<GenerateIncidentReportResponse, Status>>>,
    pub(crate) finding_watches: Mutex<VecDeque<Vec<Result<WatchFindingsResponse, Status>>>>,
    /// What rules that are tried find; nothing, if no more is said.
    pub(crate) rule_tests: Mutex<VecDeque<Vec<Result<TestRuleResponse, Status>>>>,
    /// The version of ATT&CK by which the server answers.
    pub(crate) attack_version: Mutex<String>,
    /// Whether something is to be done before an incident.
    pub(crate) unready: Mutex<bool>,
    /// What is said of analyses that are followed; each list is one stream.
    pub(crate) analysis_watches: Mutex<VecDeque<Vec<Result<WatchAnalysisResponse, Status>>>>,
    /// The parts of answers that are downloaded; of one that is asked for without any, the answer's
    /// JSON.
    pub(crate) downloads: Mutex<VecDeque<Vec<Result<DownloadAnalysisResultResponse, Status>>>>,
    /// Whether an answer that is computed again is another one.
    pub(crate) answers_differ: AtomicBool,
    /// What is said of snapshots that are followed; each list is one stream.
    pub(crate) snapshot_watches: Mutex<VecDeque<Vec<Result<WatchSnapshotResponse, Status>>>>,
    /// The snapshot that there is.
    pub(crate) evidence: Mutex<evidence::Evidence>,
    /// What is given for its manifest, if it is not that.
    pub(crate) manifest: Mutex<Option<Vec<u8>>>,
    /// The request ids of the calls about incidents, rules and analyses.
    pub(crate) marks: Mutex<Vec<String>>,
}

impl Script {
    fn note<T>(&self, request: &Request<T>) -> Result<(), Status> {
        self.metadata
            .lock()
            .unwrap()
            .push(request.metadata().clone());
        let header = request
            .metadata()
            .get("authorization")
            .unwrap()
            .to_str()
            .unwrap();
        let token = header.strip_prefix("Bearer ").unwrap();
        if self
            .refused
            .lock()
            .unwrap()
            .iter()
            .any(|refused| refused == token)
        {
            return Err(Status::unauthenticated("authentication failed"));
        }
        Ok(())
    }
}

#[derive(Clone)]
struct Service(Arc<Script>);

#[tonic::async_trait]
impl IdentityService for Service {
    async fn issue_token(
        &self,
        _: Request<identity::IssueTokenRequest>,
    ) -> Result<Response<identity::IssueTokenResponse>, Status> {
        let mut tokens = self.0.tokens.lock().unwrap();
        *tokens += 1;
        Ok(Response::new(identity::IssueTokenResponse {
            token: format!("token-{tokens}"),
            expire_time: None,
        }))
    }

    async fn renew_credential(
        &self,
        _: Request<identity::RenewCredentialRequest>,
    ) -> Result<Response<identity::RenewCredentialResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_signing_keys(
        &self,
        request: Request<identity::GetSigningKeysRequest>,
    ) -> Result<Response<identity::GetSigningKeysResponse>, Status> {
        self.0.note(&request)?;
        let keys = self.0.keys.lock().unwrap().clone();
        Ok(Response::new(identity::GetSigningKeysResponse { keys }))
    }

    async fn who_am_i(
        &self,
        request: Request<identity::WhoAmIRequest>,
    ) -> Result<Response<identity::WhoAmIResponse>, Status> {
        self.0.note(&request)?;
        Ok(Response::new(identity::WhoAmIResponse::default()))
    }
}

#[tonic::async_trait]
impl EventsService for Service {
    type IngestEventsStream = Answers<wire::IngestEventsResponse>;
    type SearchEventsStream = Answers<wire::SearchEventsResponse>;
    type WatchEventsStream = Answers<wire::WatchEventsResponse>;
    type ExportEventsStream = Answers<wire::ExportEventsResponse>;

    async fn ingest_events(
        &self,
        request: Request<Streaming<wire::IngestEventsRequest>>,
    ) -> Result<Response<Self::IngestEventsStream>, Status> {
        self.0.note(&request)?;
        let script = Arc::clone(&self.0);
        let answers = script
            .ingests
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(usize::MAX);
        let at = {
            let mut ingested = script.ingested.lock().unwrap();
            ingested.push(Vec::new());
            ingested.len() - 1
        };
        let answers = request
            .into_inner()
            .enumerate()
            .map(move |(number, message)| {
                let message = message?;
                script.ingested.lock().unwrap()[at].push(message.batch_id.clone());
                if number >= answers {
                    return Err(Status::unavailable("going down"));
                }
                Ok(wire::IngestEventsResponse {
                    batch_id: message.batch_id,
                    accepted_count: i64::try_from(message.records.len()).unwrap(),
                    rejected_count: i64::try_from(message.unreadable.len()).unwrap(),
                    ..wire::IngestEventsResponse::default()
                })
            });
        Ok(Response::new(answers.boxed()))
    }

    async fn search_events(
        &self,
        request: Request<wire::SearchEventsRequest>,
    ) -> Result<Response<Self::SearchEventsStream>, Status> {
        self.0.note(&request)?;
        self.0.searched.lock().unwrap().push(request.into_inner());
        let answers = self.0.searches.lock().unwrap().pop_front().unwrap()?;
        Ok(Response::new(stream::iter(answers).boxed()))
    }

    async fn watch_events(
        &self,
        request: Request<wire::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        self.0.note(&request)?;
        self.0
            .watched
            .lock()
            .unwrap()
            .push(request.into_inner().cursor);
        let answers = self.0.watches.lock().unwrap().pop_front();
        Ok(Response::new(match answers {
            Some(answers) if !self.0.watches_stay.load(Ordering::Relaxed) => {
                stream::iter(answers).boxed()
            }
            answers => {
                let answers = stream::iter(answers.unwrap_or_default());
                answers.chain(stream::pending()).boxed()
            }
        }))
    }

    async fn get_event(
        &self,
        request: Request<wire::GetEventRequest>,
    ) -> Result<Response<wire::GetEventResponse>, Status> {
        self.0.note(&request)?;
        if let Some(status) = self.0.gets.lock().unwrap().pop_front() {
            return Err(status);
        }
        let event = wire::Event {
            name: request.into_inner().name,
            ..wire::Event::default()
        };
        Ok(Response::new(wire::GetEventResponse { event: Some(event) }))
    }

    async fn export_events(
        &self,
        request: Request<wire::ExportEventsRequest>,
    ) -> Result<Response<Self::ExportEventsStream>, Status> {
        self.0.note(&request)?;
        // A connection that is cut: bytes, and no summary.
        let chunk = wire::ExportEventsResponse {
            content: "half".into(),
            event_count: 1,
            summary: None,
        };
        Ok(Response::new(stream::iter([Ok(chunk)]).boxed()))
    }

    async fn report_watermark(
        &self,
        _: Request<wire::ReportWatermarkRequest>,
    ) -> Result<Response<wire::ReportWatermarkResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn explain_event(
        &self,
        _: Request<wire::ExplainEventRequest>,
    ) -> Result<Response<wire::ExplainEventResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_event_original(
        &self,
        _: Request<wire::GetEventOriginalRequest>,
    ) -> Result<Response<wire::GetEventOriginalResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn count_events(
        &self,
        _: Request<wire::CountEventsRequest>,
    ) -> Result<Response<wire::CountEventsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_dead_letters(
        &self,
        _: Request<wire::ListDeadLettersRequest>,
    ) -> Result<Response<wire::ListDeadLettersResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn replay_dead_letters(
        &self,
        _: Request<wire::ReplayDeadLettersRequest>,
    ) -> Result<Response<wire::ReplayDeadLettersResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// The fake with its keys, and a profile that it lets in.
pub(crate) struct Fake {
    pub(crate) script: Arc<Script>,
    pub(crate) profile: Profile,
    tls: TlsAcceptor,
    port: u16,
    /// Kept as long as the server is frozen.
    frozen: Option<mpsc::Sender<()>>,
    /// After which time it asks clients to leave a connection.
    pub(crate) connection_age: Option<Duration>,
    /// The server's own, so that shutting it down cuts its connections.
    serving: Option<Runtime>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let issue = |usage| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
            params.extended_key_usages = vec![usage];
            (params.signed_by(&key, &authority).unwrap(), key)
        };
        let (server, server_key) = issue(ExtendedKeyUsagePurpose::ServerAuth);
        let (client, client_key) = issue(ExtendedKeyUsagePurpose::ClientAuth);

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::clone(&provider),
        )
        .build()
        .unwrap();
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![server.der().clone()],
                PrivateKeyDer::try_from(server_key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];

        let mut fake = Self {
            script: Arc::default(),
            profile: Profile {
                endpoints: Vec::new(),
                server_name: None,
                tenant: Some("acme".to_owned()),
                source: None,
                role: "reader".to_owned(),
                subject: "jane".to_owned(),
                ca: authority.pem(),
                certificate: client.pem(),
                key: SecretString::from(client_key.serialize_pem()),
            },
            tls: TlsAcceptor::from(Arc::new(config)),
            port: 0,
            frozen: None,
            connection_age: None,
            serving: None,
        };
        fake.serve();
        fake.profile.endpoints = vec![format!("https://127.0.0.1:{}", fake.port)];
        fake
    }

    /// Another server of the same installation, with a script of its own.
    pub(crate) fn beside(&self) -> Self {
        let mut fake = Self {
            script: Arc::default(),
            profile: self.profile.clone(),
            tls: self.tls.clone(),
            port: 0,
            frozen: None,
            connection_age: None,
            serving: None,
        };
        fake.serve();
        fake.profile.endpoints = vec![format!("https://127.0.0.1:{}", fake.port)];
        fake
    }

    /// Listens, on the same port as before.
    pub(crate) fn serve(&mut self) {
        // What served before may not have let go of it yet.
        let begun = std::time::Instant::now();
        let listener = loop {
            match std::net::TcpListener::bind(("127.0.0.1", self.port)) {
                Err(_) if begun.elapsed() < Duration::from_secs(5) => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                bound => break bound.unwrap(),
            }
        };
        listener.set_nonblocking(true).unwrap();
        self.port = listener.local_addr().unwrap().port();
        let service = Service(Arc::clone(&self.script));
        let tls = self.tls.clone();
        let mut server = tonic::transport::Server::builder();
        if let Some(age) = self.connection_age {
            server = server.max_connection_age(age);
        }
        let server = server
            .add_service(IdentityServiceServer::new(service.clone()))
            .add_service(TenantsServiceServer::new(service.clone()))
            .add_service(IncidentsServiceServer::new(service.clone()))
            .add_service(ExchangeServiceServer::new(service.clone()))
            .add_service(TasksServiceServer::new(service.clone()))
            .add_service(RulesServiceServer::new(service.clone()))
            .add_service(ContextServiceServer::new(service.clone()))
            .add_service(ProviderRulesServiceServer::new(service.clone()))
            .add_service(DetectionPolicyServiceServer::new(service.clone()))
            .add_service(FindingsServiceServer::new(service.clone()))
            .add_service(AnalysesServiceServer::new(service.clone()))
            .add_service(AnalysisDeskServiceServer::new(service.clone()))
            .add_service(SnapshotsServiceServer::new(service.clone()))
            .add_service(AttachmentsServiceServer::new(service.clone()))
            .add_service(FactsServiceServer::new(service.clone()))
            .add_service(HostsServiceServer::new(service.clone()))
            .add_service(CatalogueServiceServer::new(service.clone()))
            .add_service(ReadinessServiceServer::new(service.clone()))
            .add_service(SlaServiceServer::new(service.clone()))
            .add_service(ReportsServiceServer::new(service.clone()))
            .add_service(EventsServiceServer::new(service));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let connections = stream::unfold((listener, tls), |(listener, tls)| async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    // Who is not let in is not served, and does not end the serving.
                    if let Ok(stream) = tls.accept(stream).await {
                        return Some((Ok::<_, std::io::Error>(stream), (listener, tls)));
                    }
                }
            });
            server.serve_with_incoming(connections).await.unwrap();
        });
        self.serving = Some(runtime);
    }

    /// Ends as a killed process does: connections are cut.
    pub(crate) fn stop(&mut self) {
        self.thaw();
        if let Some(serving) = self.serving.take() {
            serving.shutdown_background();
        }
    }

    /// Stops in the middle of everything, as a process does that is sent SIGSTOP: connections stay
    /// and new ones come about, but nothing is read and nothing is said. Until it thaws.
    pub(crate) fn freeze(&mut self) {
        let (frozen, is_frozen) = mpsc::channel();
        let (hold, held) = mpsc::channel();
        // There is one thread, and this keeps it.
        self.serving.as_ref().unwrap().spawn(async move {
            frozen.send(()).unwrap();
            // Ends when the other end is dropped.
            let _ = held.recv();
        });
        is_frozen.recv().unwrap();
        self.frozen = Some(hold);
    }

    pub(crate) fn thaw(&mut self) {
        self.frozen = None;
    }

    pub(crate) async fn client(&self) -> Client {
        let builder = Client::builder().profile(self.profile.clone());
        builder.retry(patient()).connect().await.unwrap()
    }
}

/// Quick to try again, for long.
pub(crate) fn patient() -> RetryPolicy {
    RetryPolicy {
        first_delay: Duration::from_millis(5),
        max_delay: Duration::from_millis(50),
        patience: Duration::from_secs(20),
    }
}

/// A runtime must not be dropped where it would block.
impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}
