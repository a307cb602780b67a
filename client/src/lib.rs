//! The client of Cordon, the incident desk of a cloud service provider.
//!
//! A search in ten lines:
//!
//! ```no_run
//! use cordon_client::{Client, Profile, Search};
//! use futures::TryStreamExt as _;
//!
//! # async fn run() -> cordon_client::Result<()> {
//! let profile = Profile::load("acme-reader.toml")?;
//! let client = Client::builder().profile(profile).connect().await?;
//! let search = Search::new().filter("operation = 'AssumeRole' AND status = 'Failure'");
//! let mut found = client.events().search(search);
//! while let Some(event) = found.try_next().await? {
//!     println!("{}", event.ocsf_json);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # How it behaves
//!
//! - **Who calls.** A [`Profile`] holds a client certificate and its key. Connections are TLS 1.3
//!   in both directions. The certificate is traded for a token that is bound to it; the token is
//!   renewed before it ends, without anybody asking and whatever this machine's clock says. The
//!   certificate itself is renewed by [`Identity::renew_if_due`](identity::Identity::renew_if_due).
//! - **Answers close with how complete they are.** When a [`SearchStream`] has ended, its
//!   [`summary`](SearchStream::summary) says up to when each source had delivered everything, and
//!   what was withheld and why.
//! - **Several servers are as good as one that never fails.** Calls are spread over the
//!   [endpoints](Profile::endpoints) of the profile. A server that is gone, hangs (for 15 seconds,
//!   see [`Builder::silence`]) or says that it can't serve is left out, for half a second at first
//!   and never for more than ten, and its calls go on at another one at once.
//! - **Failures that pass by themselves are waited out** as the [`RetryPolicy`] says: no server
//!   that can be reached, and a quota when the server says how long to wait. Calls that must
//!   not happen twice are repeated only when they were not sent, or the server said that it did
//!   not do them. A watch goes on from its last cursor; batches of events are sent again under
//!   their ids, so that each is stored once.
//! - **Errors have a [`Reason`]** that programs can branch on; it is the server's `ErrorInfo`.
//! - Staff of the provider say with [`Client::entering`] why they look at a tenant's data; the
//!   tenant reads it in its log.
//!
//! ```no_run
//! use cordon_client::{Client, Reason, Search};
//! use futures::TryStreamExt as _;
//!
//! # async fn run(client: Client) -> cordon_client::Result<()> {
//! let mut found = client.events().search(Search::new().filter("opration = 'x'"));
//! match found.try_next().await {
//!     Err(error) if error.reason() == Reason::InvalidFilter => {
//!         for violation in error.violations() {
//!             eprintln!("{}: {}", violation.field, violation.description);
//!         }
//!     }
//!     other => drop(other?),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Following events as they are stored, through lost connections:
//!
//! ```no_run
//! use cordon_client::{Client, Watch};
//! use futures::TryStreamExt as _;
//!
//! # async fn run(client: Client, last: i64) -> cordon_client::Result<()> {
//! let mut new = client.events().watch(Watch::new().from(last).filter("severity_id >= 4"));
//! while let Some(event) = new.try_next().await? {
//!     println!("{} {}", new.cursor().unwrap_or_default(), event.name);
//! }
//! # Ok(())
//! # }
//! ```

//!
//! What is done about an incident, by both sides:
//!
//! ```no_run
//! use cordon_client::{Client, NewIncident, Phase, Severity};
//!
//! # async fn run(client: Client) -> cordon_client::Result<()> {
//! let incidents = client.incidents();
//! let new = NewIncident {
//!     title: "Access keys in a public repository".to_owned(),
//!     severity: Severity::Sev2,
//!     ..NewIncident::default()
//! };
//! let opened = incidents.create(new).await?;
//! incidents.comment(&opened.name, "The keys are revoked.").await?;
//! incidents.move_to(&opened.name, Phase::Containment, "", &opened.etag).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What a rule would have found, and what rules find from now on:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use cordon_client::{Client, NewRule, RuleTest};
//! use futures::TryStreamExt as _;
//!
//! # async fn run(client: Client, text: String) -> cordon_client::Result<()> {
//! let rules = client.rules();
//! let week = Duration::from_secs(7 * 24 * 3600);
//! let mut hits = rules.test(RuleTest::of_text(text.as_str()).last(week));
//! while let Some(hit) = hits.try_next().await? {
//!     println!("{} events", hit.events.len());
//! }
//! rules.create(NewRule::from(text)).await?;
//! let mut found = client.findings().watch(None);
//! while let Some(finding) = found.try_next().await? {
//!     println!("{} {}", finding.title, finding.count);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A month's report, checked and computed again from one's own log:
//!
//! ```no_run
//! use cordon_client::statement::PublicKeys;
//! use cordon_client::{Client, Result, sla};
//! use cordon_sla::report::recompute;
//! use futures::TryStreamExt as _;
//!
//! # async fn run(client: Client, keys: PublicKeys) -> Result<()> {
//! let mut lines = Vec::new();
//! let october = "2026-10".parse().unwrap();
//! let sla = client.sla();
//! let signed = sla
//!     .generate_report("acme", october, &keys, |chunk| {
//!         lines.extend_from_slice(chunk);
//!         Ok(())
//!     })
//!     .await?;
//! let agreements: Vec<_> = sla.list_agreements("acme").try_collect().await?;
//! let agreements = agreements.iter().map(sla::to_agreement).collect::<Result<Vec<_>>>()?;
//! let lines = lines.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
//! let came = recompute(&signed.report, lines, client.sla().logs().await?, &agreements);
//! for difference in &came.differences {
//!     eprintln!("{difference}");
//! }
//! # Ok(())
//! # }
//! ```

pub mod analysis;
mod audit;
mod catalogue;
mod client;
mod context;
mod detection;
mod entry;
mod error;
mod events;
pub mod exchange;
mod follow;
pub mod identity;
mod incidents;
pub mod ingest;
pub mod notes;
mod notices;
mod paging;
mod profile;
mod retry;
mod servers;
pub mod sla;
pub mod snapshots;
pub mod statement;
mod tenants;
pub mod time;
mod token;
pub mod webhook;

pub use self::analysis::{Analyses, AnalysisDesk};
pub use self::audit::{Audit, AuditEntry};
pub use self::catalogue::{
    Access, Catalogue, Coverage, CoverageRow, CoverageSource, Covered, DataSource, DataSources,
    Evidence, Fact, FactAudience, FactChanges, FactFilter, FactKind, FactState, Facts, Gap,
    HostWork, Hosts, Lag, MOST_PLACEMENTS, NewFact, Placement, Readiness, ReadinessCheck,
    ReadinessItem, ReadinessState, RecommendedSource, Service, ServiceModel, ServiceSource,
    SilentTechnique, SourceProgress, SourceQuestion, SourceRecommendation,
};
pub use self::client::{Builder, Client};
pub use self::context::{
    Asset, ContextAbout, ContextChanges, ContextEntry, ContextKind, ImportAssetsResponse,
    PlannedWork, TenantContext, TrustedNetwork,
};
pub use self::detection::{
    Baselines, DetectionPolicies, DetectionPolicy, DetectionPolicyChanges, Explanation,
    ExplanationKind, Finding, FindingFilter, FindingGroup, FindingStatus, FindingWatch, Findings,
    Level, NewRule, ProviderRule, ProviderRules, Rule, RuleChanges, RuleHit, RuleOrigin, RuleTest,
    RuleTestStream, RuleTestSummary, RuleVersion, Rules, TenantBaselines, Unusual,
};
pub use self::entry::Entry;
pub use self::error::{DOMAIN, Error, Reason, Result, Violation};
pub use self::events::{
    Completeness, Count, CountEventsResponse, Event, EventColumns, EventCount, EventOriginal,
    Events, ExplainEventResponse, Export, ExportChunk, ExportFormat, ExportStream, Order, Search,
    SearchStream, SearchSummary, SourceCompleteness, View, VisibilityReason, Watch, WatchStream,
    WithheldCount, WithheldField,
};
pub use self::incidents::{
    Actor, Attachment, AttachmentState, ChangedIncidents, CleanStateCriterion, ClockRef, CloseCode,
    Comment, CommentRevision, Contact, Duty, DutyContact, Escalation, EscalationStep, HandOver,
    Incident, IncidentChanges, IncidentFilter, IncidentState, IncidentWatch, Incidents, Link,
    ListContactsResponse, NewAttachment, NewIncident, NewTask, Note, NoteKey, Origin, Party,
    PendingAction, Phase, ProviderIncident, ProviderIncidentChild, ProviderIncidents, ProviderNote,
    ProviderNotice, QueuedIncident, ReadNote, Responsible, Severity, SignOff, SignedIncidentReport,
    Task, TaskState, Tasks, TimelineEntry, TimelineWhat, Tlp, read_incident_report,
};
pub use self::notices::{
    Audience, Delivery, DeliveryState, Mail, NewSubscription, NoticeBacklog, Notices, Subscription,
    SubscriptionState, SubscriptionTarget, Webhook,
};
pub use self::paging::Paged;
pub use self::profile::{Profile, Validity};
pub use self::retry::RetryPolicy;
pub use self::sla::{
    Agreement, AlwaysOpen, Availability, Calendar, CalendarOpen, Clock, ClockState, ClockWatch,
    ClocksUpdate, CreditBasis, CreditTerm, DayOfWeek, DeadlineState, IncidentClocks, Objective,
    ObjectiveKind, OfficeHours, OpenSpan, ReportingDeadline, ReportingDuties, ReportingDuty,
    ReportingFact, ReportingFactKind, ReportingStage, Reports, SignedReport, Sla, Stretch,
    Submission,
};
pub use self::snapshots::Snapshots;
pub use self::tenants::{
    Account, AddressRange, CreateAccountResponse, Credential, DeletionCertificate, Holder,
    ImportResourcesResponse, IssueCredentialResponse, KeyRotation, KeyRotationState, LegalHold,
    Resource, Source, Tenant, TenantState, Tenants,
};
