//! The client: a connection, whose it is, and how calls are made over it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

use crate::analysis::{Analyses, AnalysisDesk};
use crate::audit::Audit;
use crate::catalogue::{Catalogue, Facts, Hosts};
use crate::context::TenantContext;
use crate::detection::{DetectionPolicies, Findings, ProviderRules, Rules, TenantBaselines};
use crate::entry::Entry;
use crate::error::{Error, Reason, Result};
use crate::events::Events;
use crate::identity::Identity;
use crate::incidents::{Incidents, ProviderIncidents, Tasks};
use crate::ingest::Ingest;
use crate::notices::Notices;
use crate::profile::Profile;
use crate::retry::{Backoff, Repeat, RetryPolicy};
use crate::servers::{SILENCE, Servers};
use crate::sla::Sla;
use crate::snapshots::Snapshots;
use crate::tenants::Tenants;
use crate::token::{Freshness, Tokens};

/// Largest message in either direction, in bytes.
pub(crate) const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// Deadline of a call with one answer, unless the builder says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// When every server knows a key that another began to sign tokens with: they look once a second.
const KEYS_KNOWN_AFTER: Duration = Duration::from_millis(1_200);

/// Puts the limits and encodings that all services share on a generated client.
macro_rules! configured {
    ($client:expr) => {
        $client
            .max_decoding_message_size($crate::client::MAX_MESSAGE_BYTES)
            .max_encoding_message_size($crate::client::MAX_MESSAGE_BYTES)
            .accept_compressed(tonic::codec::CompressionEncoding::Zstd)
            .accept_compressed(tonic::codec::CompressionEncoding::Gzip)
    };
}
pub(crate) use configured;

/// Makes a call with one answer by a method of `self.rpc()`.
macro_rules! call {
    ($room:expr, $how:expr, $method:ident($message:expr)) => {{
        let rpc = $room.rpc();
        $room
            .client
            .unary($how, $message, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.$method(request).await }
            })
            .await
    }};
}
pub(crate) use call;

/// The way to the servers of an installation. Cheap to clone: clones share connections and token.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
    tenant: Option<Arc<str>>,
    entry: Option<Arc<Entry>>,
}

#[derive(Debug)]
struct Shared {
    servers: Servers,
    tokens: Tokens,
    retry: RetryPolicy,
    timeout: Duration,
    compress: Option<CompressionEncoding>,
    source: Option<String>,
}

/// Makes a [`Client`].
#[derive(Debug, Clone, Default)]
pub struct Builder {
    profile: Option<Profile>,
    retry: RetryPolicy,
    timeout: Option<Duration>,
    silence: Option<Duration>,
    compress: Option<CompressionEncoding>,
}

impl Builder {
    /// Whom to call, and as whom. Needed.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// How patiently failures that may pass by themselves are waited out.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Deadline of each call with one answer; 30 seconds if not set. Calls that move much at
    /// once, such as importing resources, get ten times as long. Streams have no deadline.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long a server may be silent while calls are open there before it is taken to be gone,
    /// and the calls with it; 15 seconds if not set. After a third of it the server is asked
    /// whether it is there, and within a third of it a connection must have been made.
    #[must_use]
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = Some(silence);
        self
    }

    /// Compresses what is sent with zstd: for sending much over a slow line.
    #[must_use]
    pub fn compress_requests(mut self) -> Self {
        self.compress = Some(CompressionEncoding::Zstd);
        self
    }

    /// Connects and gets a first token, so that what is wrong is noticed here.
    ///
    /// # Errors
    ///
    /// `INVALID_PROFILE` when the profile can't be used, `UNAVAILABLE` when none of its servers
    /// can be reached, `UNTRUSTED_SERVER` when none is one of the profile's installation,
    /// `UNAUTHENTICATED` or `TENANT_SUSPENDED` when the caller is not let in. Each server is tried
    /// once.
    pub async fn connect(self) -> Result<Client> {
        let profile = self
            .profile
            .ok_or_else(|| Error::new(Reason::InvalidProfile, "the builder got no profile"))?;
        let servers = Servers::new(&profile, self.silence.unwrap_or(SILENCE))?;
        let tokens = Tokens::new(servers.clone());
        tokens.header(Freshness::Good).await?;
        Ok(Client {
            tenant: profile.tenant.as_deref().map(Arc::from),
            shared: Arc::new(Shared {
                servers,
                tokens,
                retry: self.retry,
                timeout: self.timeout.unwrap_or(DEFAULT_TIMEOUT),
                compress: self.compress,
                source: profile.source,
            }),
            entry: None,
        })
    }
}

/// How a call is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) repeat: Repeat,
    /// In multiples of the client's timeout.
    pub(crate) patience: u32,
    /// Whether it is about a tenant's data, so that staff must say why.
    pub(crate) enters: bool,
}

impl Call {
    /// A call that may be repeated.
    pub(crate) const SAFE: Self = Self {
        repeat: Repeat::Safe,
        patience: 1,
        enters: false,
    };
    /// A call that may not.
    pub(crate) const ONCE: Self = Self {
        repeat: Repeat::IfRefused,
        ..Self::SAFE
    };
    /// A call on a tenant's data that may be repeated.
    pub(crate) const ENTERING: Self = Self {
        enters: true,
        ..Self::SAFE
    };

    /// The same with a deadline for much work.
    pub(crate) const fn long(mut self) -> Self {
        self.patience = 10;
        self
    }
}

impl Client {
    /// Starts to make a client.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The same connection, working on another tenant; for staff. Takes `acme` and
    /// `tenants/acme`.
    #[must_use]
    pub fn for_tenant(&self, tenant: &str) -> Self {
        Self {
            tenant: Some(tenant.strip_prefix("tenants/").unwrap_or(tenant).into()),
            ..self.clone()
        }
    }

    /// The same connection, saying with each call on a tenant's data why; for staff.
    #[must_use]
    pub fn entering(&self, entry: Entry) -> Self {
        Self {
            entry: Some(Arc::new(entry)),
            ..self.clone()
        }
    }

    /// The tenant whose data calls are about, without `tenants/`.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The source that the profile's credential belongs to, without `sources/`.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.shared.source.as_deref()
    }

    /// The tenant's events: searched, followed, counted, taken out.
    #[must_use]
    pub fn events(&self) -> Events {
        Events::new(self.clone())
    }

    /// What the provider states about its infrastructure.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts::new(self.clone())
    }

    /// Which hosts instances are on, and what work on hosts was announced; for operators.
    #[must_use]
    pub fn hosts(&self) -> Hosts {
        Hosts::new(self.clone())
    }

    /// The services that tenants use, and which data sources tell of what.
    #[must_use]
    pub fn catalogue(&self) -> Catalogue {
        Catalogue::new(self.clone())
    }

    /// Rules, by which the tenant's events are looked at as they come in.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules::new(self.clone())
    }

    /// For staff: the provider's rules, by which the events of all tenants are looked at.
    #[must_use]
    pub fn provider_rules(&self) -> ProviderRules {
        ProviderRules::new(self.clone())
    }

    /// What the tenant tells of its own.
    #[must_use]
    pub fn context(&self) -> TenantContext {
        TenantContext::new(self.clone())
    }

    /// What is usual of the tenant.
    #[must_use]
    pub fn baselines(&self) -> TenantBaselines {
        TenantBaselines::new(self.clone())
    }

    /// By what the tenant's findings open incidents.
    #[must_use]
    pub fn detection_policy(&self) -> DetectionPolicies {
        DetectionPolicies::new(self.clone())
    }

    /// What rules found in the tenant's events.
    #[must_use]
    pub fn findings(&self) -> Findings {
        Findings::new(self.clone())
    }

    /// Questions to the provider, and their answers.
    #[must_use]
    pub fn analyses(&self) -> Analyses {
        Analyses::new(self.clone())
    }

    /// For staff: questions that people answer.
    #[must_use]
    pub fn analysis_desk(&self) -> AnalysisDesk {
        AnalysisDesk::new(self.clone())
    }

    /// Forensic snapshots of the tenant's instances.
    #[must_use]
    pub fn snapshots(&self) -> Snapshots {
        Snapshots::new(self.clone())
    }

    /// The tenant's incidents, and for staff the queue of all tenants.
    #[must_use]
    pub fn incidents(&self) -> Incidents {
        Incidents::new(self.clone())
    }

    /// What is to be done about incidents, whose it is now, and whom to call.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        Tasks::new(self.clone())
    }

    /// For staff: incidents of the whole provider.
    #[must_use]
    pub fn provider_incidents(&self) -> ProviderIncidents {
        ProviderIncidents::new(self.clone())
    }

    /// Where the tenant's notices go.
    #[must_use]
    pub fn notices(&self) -> Notices {
        Notices::new(self.clone())
    }

    /// What was promised to tenants about time, and how the clocks of incidents stand.
    #[must_use]
    pub fn sla(&self) -> Sla {
        Sla::new(self.clone())
    }

    /// Events on their way in.
    #[must_use]
    pub fn ingest(&self) -> Ingest {
        Ingest::new(self.clone())
    }

    /// Tenants, what belongs to them, sources and credentials; for operators and tenant admins.
    #[must_use]
    pub fn tenants(&self) -> Tenants {
        Tenants::new(self.clone())
    }

    /// Who the caller is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::new(self.clone())
    }

    /// What was done with the tenant's data, by anyone.
    #[must_use]
    pub fn audit(&self) -> Audit {
        Audit::new(self.clone())
    }

    /// `tenants/{tenant}`.
    pub(crate) fn parent(&self) -> Result<String> {
        self.tenant
            .as_deref()
            .map(|tenant| format!("tenants/{tenant}"))
            .ok_or_else(|| {
                Error::invalid(
                    "parent",
                    "the profile belongs to no tenant: choose one with Client::for_tenant",
                )
            })
    }

    /// The endpoint of the server that answered last, to this client or a clone of it.
    #[must_use]
    pub fn answered_by(&self) -> Option<&str> {
        self.shared.servers.answered_last()
    }

    /// Why servers of the profile are left out at the moment, when it is because they could not
    /// be reached or trusted. Calls go on at the others without a word, so that this is where to
    /// look for an `UNTRUSTED_SERVER` among them.
    #[must_use]
    pub fn left_out(&self) -> Vec<Error> {
        self.shared.servers.unreachable()
    }

    pub(crate) fn servers(&self) -> Servers {
        self.shared.servers.clone()
    }

    pub(crate) fn compression(&self) -> Option<CompressionEncoding> {
        self.shared.compress
    }

    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.shared.retry, Some(self.servers()))
    }

    /// A request with what all requests carry.
    async fn request<T>(
        &self,
        message: T,
        freshness: Freshness,
        enters: bool,
    ) -> Result<Request<T>> {
        let header = self.shared.tokens.header(freshness).await;
        let header = header.map_err(Error::unsent)?;
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", header);
        if let Some(entry) = self.entry.as_ref().filter(|_| enters) {
            entry.write(request.metadata_mut());
        }
        Ok(request)
    }

    /// Makes a call with one answer.
    pub(crate) async fn unary<Q, A, F, R>(&self, how: Call, message: Q, call: F) -> Result<A>
    where
        Q: Clone,
        F: Fn(Request<Q>) -> R,
        R: Future<Output = Result<Response<A>, Status>>,
    {
        let mut backoff = self.backoff();
        loop {
            let timeout = Some(self.shared.timeout * how.patience);
            let attempt = self.attempt(message.clone(), Freshness::Good, how, timeout, &call);
            match attempt.await {
                Ok(answer) => return Ok(answer),
                Err(error) => backoff.pause(error, how.repeat).await?,
            }
        }
    }

    /// Makes a call with a stream of answers once; whoever reads it knows when to go on.
    pub(crate) async fn stream<Q, A, F, R>(
        &self,
        freshness: Freshness,
        message: Q,
        call: F,
    ) -> Result<A>
    where
        Q: Clone,
        F: Fn(Request<Q>) -> R,
        R: Future<Output = Result<Response<A>, Status>>,
    {
        self.attempt(message, freshness, Call::ENTERING, None, &call)
            .await
    }

    /// One attempt. A token that is refused although it should be good (the server lost its
    /// keys, this machine slept) is replaced once; if that one is refused too, the server may not
    /// know yet what another signs with.
    async fn attempt<Q, A, F, R>(
        &self,
        message: Q,
        freshness: Freshness,
        how: Call,
        timeout: Option<Duration>,
        call: &F,
    ) -> Result<A>
    where
        Q: Clone,
        F: Fn(Request<Q>) -> R,
        R: Future<Output = Result<Response<A>, Status>>,
    {
        let mut refusals = 0;
        loop {
            let mut request = self.request(message.clone(), freshness, how.enters).await?;
            if let Some(timeout) = timeout {
                request.set_timeout(timeout);
            }
            let header = request.metadata().get("authorization").cloned();
            match in_time(timeout, call(request)).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(error) if *error.reason() == Reason::Unauthenticated => {
                    if !self.wait_for_keys(&mut refusals).await {
                        return Err(error);
                    }
                    if let Some(header) = header.filter(|_| refusals == 1) {
                        self.shared.tokens.discard(&header).await;
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A request for a stream in both directions.
    pub(crate) async fn request_both_ways<T>(&self, message: T) -> Result<Request<T>> {
        self.request(message, Freshness::New, false).await
    }

    /// The same on a tenant's data.
    pub(crate) async fn request_entering<T>(&self, message: T) -> Result<Request<T>> {
        self.request(message, Freshness::New, true).await
    }

    /// Whether to call once more after a token was refused, `refusals` times before this one: a
    /// first time at once, with a new token; a second time when all servers must know the key
    /// that the new one is signed with.
    pub(crate) async fn wait_for_keys(&self, refusals: &mut u32) -> bool {
        *refusals += 1;
        match *refusals {
            1 => true,
            2 if self.shared.servers.are_several() => {
                tokio::time::sleep(KEYS_KNOWN_AFTER).await;
                true
            }
            _ => false,
        }
    }

    /// Drops the token, so that the next call brings a new one.
    pub(crate) async fn renew_token(&self) {
        self.shared.tokens.clear().await;
    }
}

/// Waits for an answer as long as the call may take. The server is told the same, but may be
/// beyond hearing.
pub(crate) async fn in_time<T>(
    timeout: Option<Duration>,
    answer: impl Future<Output = Result<T, Status>>,
) -> Result<T> {
    match timeout {
        Some(timeout) => tokio::time::timeout(timeout, answer)
            .await
            .map_err(|_| Error::late())?,
        None => answer.await,
    }
    .map_err(Error::from)
}
