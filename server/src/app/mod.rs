//! The server put together: opened, served, and taken apart again.

mod check;
mod fsck;
mod keys;
mod operator;
mod readiness;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use cordon_kernel::Env;
use cordon_kernel::auth::token::TokenConfig;
use cordon_kernel::db::jobs::JobRunner;
use cordon_kernel::facade::{Kernel, KernelConfig};
use cordon_lake::shelf::Shelf;
use cordon_lake::{Lake, LakeConfig};
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::config::Config;
use crate::jobs;
use crate::providers::courier::Courier;
use crate::providers::hypervisors::Hypervisors;
use crate::providers::objects;
use crate::rooms::events::{Directory, Ingest};
use crate::rooms::{
    analysis, catalogue, context, detection, events, evidence, incidents, reports, sla, tenants,
    transparency,
};
use crate::transport::{self, Bound, TlsReload};
use readiness::Readiness;

pub use check::{Report, check};
pub use fsck::fsck;
pub(crate) use operator::first_operator;
pub use operator::{FirstOperator, operator};

/// How often the server's certificate is looked at.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(6 * 3_600);

/// Everything that serves, open.
pub struct App {
    config: Config,
    kernel: Arc<Kernel>,
    lake: Arc<Lake>,
    directory: Arc<Directory>,
    courier: Arc<Courier>,
    shelf: Option<Shelf>,
    hypervisors: Hypervisors,
    runner: Arc<JobRunner>,
}

impl App {
    /// Opens database, keys and objects.
    ///
    /// # Errors
    /// When one of them can't be opened; says which and what to do.
    pub async fn open(config: Config, env: Env, migrate: bool) -> anyhow::Result<Self> {
        let keys = keys::open(&config, &env).await?;
        let courier = config.courier()?;
        let kernel = Kernel::open(KernelConfig {
            env,
            db: config.db(migrate)?,
            keys,
            token: TokenConfig::default(),
            trusted: Vec::new(),
            authority_name: "Cordon".into(),
            migrate,
        })
        .await
        .with_context(|| {
            format!(
                "the database {} (if migrations are pending: cordon-server migrate)",
                config.database_url()
            )
        })?;
        let kernel = Arc::new(kernel);
        let runner = kernel
            .job_runner()
            .context("a fresh kernel has no leave to run jobs")?;
        let objects = objects::open(&config)
            .with_context(|| format!("the objects in {}", objects::place(&config)))?;
        let hypervisors = Hypervisors::open(&config.hypervisors).context("the hypervisors")?;
        let shelf = objects::open_shelf(&config).context("the place for reports")?;
        let lake = Lake::new(Arc::clone(&kernel), objects, LakeConfig::default())?;
        Ok(Self {
            config,
            kernel,
            lake: Arc::new(lake),
            directory: Arc::new(Directory::default()),
            courier: Arc::new(courier),
            shelf,
            hypervisors,
            runner: Arc::new(runner),
        })
    }

    /// The kernel.
    #[must_use]
    pub fn kernel(&self) -> &Arc<Kernel> {
        &self.kernel
    }

    /// Every service, behind the authentication layer once it is served.
    fn routes(
        &self,
        health: HealthServer<impl Health>,
        ingest: Arc<Ingest>,
    ) -> anyhow::Result<Routes> {
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(cordon_proto::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let mut routes = Routes::builder();
        routes.add_service(health);
        routes
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        let (tenants, identity) = tenants::services(Arc::clone(&self.kernel));
        routes.add_service(tenants).add_service(identity);
        routes.add_service(catalogue::facts(Arc::clone(&self.kernel)));
        routes.add_service(catalogue::hosts(Arc::clone(&self.kernel)));
        routes.add_service(catalogue::service(
            Arc::clone(&self.kernel),
            Arc::clone(&self.lake),
        ));
        routes.add_service(incidents::service(Arc::clone(&self.kernel)));
        routes.add_service(incidents::exchange_service(Arc::clone(&self.kernel)));
        routes.add_service(incidents::tasks(Arc::clone(&self.kernel)));
        routes.add_service(incidents::provider_incidents(Arc::clone(&self.kernel)));
        let courier = Arc::clone(&self.courier);
        routes.add_service(incidents::notices::service(
            Arc::clone(&self.kernel),
            courier,
        ));
        routes.add_service(incidents::attachments::service(
            Arc::clone(&self.kernel),
            self.lake.objects().clone(),
            self.config.attachments.clone(),
        ));
        routes.add_service(incidents::notes(Arc::clone(&self.kernel)));
        routes.add_service(incidents::provider_notes(Arc::clone(&self.kernel)));
        routes.add_service(incidents::links(
            Arc::clone(&self.kernel),
            Arc::clone(&self.lake),
        ));
        routes.add_service(context::service(Arc::clone(&self.kernel)));
        routes.add_service(detection::rules(
            Arc::clone(&self.kernel),
            Arc::clone(&self.lake),
        ));
        routes.add_service(detection::provider_rules(
            Arc::clone(&self.kernel),
            Arc::clone(&self.lake),
        ));
        routes.add_service(detection::findings(Arc::clone(&self.kernel)));
        routes.add_service(detection::baselines(Arc::clone(&self.kernel)));
        routes.add_service(analysis::analyses(
            Arc::clone(&self.kernel),
            Arc::clone(&self.lake),
        ));
        routes.add_service(analysis::desk(
            Arc::clone(&self.kernel),
            Arc::clone(&self.lake),
        ));
        routes.add_service(evidence::service(
            Arc::clone(&self.kernel),
            self.lake.objects().clone(),
            self.config.evidence.clone(),
        ));
        routes.add_service(incidents::detection_policy::service(Arc::clone(
            &self.kernel,
        )));
        routes.add_service(sla::service(Arc::clone(&self.kernel)));
        routes.add_service(reports::service(Arc::clone(&self.kernel)));
        routes.add_service(crate::rooms::readiness::service(
            Arc::clone(&self.kernel),
            Arc::clone(&self.lake),
        ));
        routes.add_service(transparency::service(Arc::clone(&self.kernel)));
        routes.add_service(events::service(
            Arc::clone(&self.kernel),
            Arc::clone(&self.lake),
            ingest,
        ));
        Ok(routes.routes())
    }

    /// Serves on `bound` until `stop`, then drains, writes what waits, and closes.
    ///
    /// # Errors
    /// When serving fails as a whole, or when a newer program's migration has ended this one's
    /// time.
    pub async fn serve(self, bound: Bound, stop: CancellationToken) -> anyhow::Result<()> {
        let tls = self.tls()?;
        let (readiness, health) = Readiness::new(
            Arc::clone(&self.kernel),
            self.lake.objects().clone(),
            Arc::clone(&self.runner),
            self.config.name(bound.address()),
        )
        .await?;
        let ingest = Arc::new(Ingest::new(
            Arc::clone(&self.kernel),
            Arc::clone(&self.directory),
        ));
        let waits = Arc::clone(ingest.waits());
        let routes = self.routes(health, ingest)?;
        let mut watching = tokio::spawn(Arc::clone(&readiness).watch(stop.clone()));
        let renew = tokio::spawn(renew_certificate(
            Arc::clone(&self.kernel),
            self.config.server_names.clone(),
            tls.clone(),
            stop.clone(),
        ));
        let work = jobs::Work {
            kernel: Arc::clone(&self.kernel),
            lake: Arc::clone(&self.lake),
            directory: Arc::clone(&self.directory),
            rules: Arc::default(),
            courier: Arc::clone(&self.courier),
            shelf: self.shelf,
            receivers: self.config.notices.at_once,
            hypervisors: self.hypervisors,
            analyses: self.config.analyses.limits(&self.config.data_dir),
            runner: self.runner,
            waits,
            lease: self.config.jobs.lease(),
        };
        let jobs = tokio::spawn(jobs::run(Arc::new(work), stop.clone()));
        let background = [renew.abort_handle(), jobs.abort_handle()];
        let limits = self.config.transport_limits();
        let grace = limits.grace;
        let kernel = Arc::clone(&self.kernel);
        let serving = async {
            let served = transport::serve(bound, tls, limits, kernel, routes, stop.clone()).await;
            stop.cancel();
            // A job that is cut off here is claimed again and goes on where it was.
            let upkeep = async { tokio::join!(renew, jobs) };
            if tokio::time::timeout(grace, upkeep).await.is_err() {
                tracing::warn!("background work did not end in time and is cut off");
            }
            served
        };
        let served = tokio::select! {
            served = serving => served,
            // No drain and no farewell: whatever this program still wrote, the new schema's may not
            // understand. What was acknowledged is stored; to callers this is a server that died,
            // and the next one they turn to knows the schema.
            ended = &mut watching => {
                stop.cancel();
                background.iter().for_each(tokio::task::AbortHandle::abort);
                let ended = ended.context("nobody looks after what the server stands on")?;
                return Err(anyhow::Error::new(ended).context("the server ends at once"));
            }
        };
        watching.abort();
        readiness.leave().await;
        self.kernel.close().await;
        served
    }

    fn tls(&self) -> anyhow::Result<TlsReload> {
        let authority = self.kernel.gate().authority();
        let server = authority
            .issue_server(&self.config.server_names)
            .context("the server's certificate")?;
        TlsReload::new(
            &server.certificate_pem,
            server.key_pem.expose_secret(),
            authority.certificate_pem(),
        )
    }
}

/// Issues the server a new certificate long before the old one ends.
async fn renew_certificate(
    kernel: Arc<Kernel>,
    names: Vec<String>,
    tls: TlsReload,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CERTIFICATE_CHECK) => {}
        }
        let authority = kernel.gate().authority();
        let renewed = authority
            .issue_server(&names)
            .map_err(anyhow::Error::new)
            .and_then(|server| {
                tls.replace(
                    &server.certificate_pem,
                    server.key_pem.expose_secret(),
                    authority.certificate_pem(),
                )
            });
        if let Err(error) = renewed {
            tracing::error!(%error, "the server's certificate could not be renewed");
        }
        if let Err(error) = kernel.refresh_signing_keys().await {
            tracing::warn!(%error, "signing keys could not be read anew");
        }
    }
}

/// `cordon-server serve`.
///
/// # Errors
/// When it can't be opened or served.
pub async fn serve(config: Config, env: Env, stop: CancellationToken) -> anyhow::Result<()> {
    let app = App::open(config, env, false).await?;
    let bound = transport::bind(&app.config.listen).await?;
    announce(bound.address());
    app.serve(bound, stop).await
}

/// Says where the server listens: scripts wait for this line.
#[allow(clippy::print_stderr, reason = "scripts wait for this line")]
pub(crate) fn announce(address: std::net::SocketAddr) {
    eprintln!("listening on {address}");
}

/// `cordon-server migrate`: what was done, in a sentence.
///
/// # Errors
/// When the database can't be migrated.
pub async fn migrate(config: &Config, env: &Env) -> anyhow::Result<String> {
    config.prepare(env)?;
    let done = Kernel::migrate(&config.db(true)?, env)
        .await
        .context("the database")?;
    Ok(format!(
        "{} migrations applied; the schema is at version {}",
        done.applied, done.version
    ))
}
