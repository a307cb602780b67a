//! Readiness: whether a call that comes now would find what it needs. The server tries out what it
//! stands on all the time, and gRPC's health service says how that went, for the server as a whole
//! and for each of its services alike.
//!
//! Not ready is not stopped: calls are let in and go as far as they can. It is for load balancers,
//! which send new callers elsewhere, and for whoever wants to know why.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use cordon_kernel::db::jobs::JobRunner;
use cordon_kernel::db::measures::minute_of;
use cordon_kernel::db::servers::ServerId;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Reason};
use cordon_lake::object::Objects;
use prost::Message as _;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

/// What the server stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Database,
    Clock,
    Keys,
    Objects,
}

impl Part {
    const ALL: [Self; 4] = [Self::Database, Self::Clock, Self::Keys, Self::Objects];

    /// The pause between two trials, and how long one may go without an answer. A trial of the
    /// objects is a paid request of a bucket, and its driver has tried several times when it fails.
    const fn pace(self) -> (Duration, Duration) {
        let (pause, patience) = match self {
            Self::Database | Self::Clock | Self::Keys => (2, 5),
            Self::Objects => (10, 10),
        };
        (Duration::from_secs(pause), Duration::from_secs(patience))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "database",
            Self::Clock => "clock",
            Self::Keys => "key service",
            Self::Objects => "object store",
        })
    }
}

/// How long a trial lasts at most, after which the next one starts afresh: a connection may hang
/// that nobody else holds any more.
const GIVEN_UP: Duration = Duration::from_secs(30);
/// How long the server takes to say goodbye.
const FAREWELL: Duration = Duration::from_secs(5);

/// Tries out what a server stands on, and tells its health.
pub(super) struct Readiness {
    kernel: Arc<Kernel>,
    objects: Objects,
    runner: Arc<JobRunner>,
    id: ServerId,
    name: String,
    health: HealthReporter,
    services: Vec<String>,
    state: Mutex<State>,
    /// The minute that was noted last, since 1970.
    noted: AtomicI64,
}

struct State {
    untried: BTreeSet<Part>,
    lost: BTreeSet<Part>,
    stopping: bool,
    ready: bool,
}

impl Readiness {
    /// Of a server that is called `name` among those on its database; not ready yet. Also gives
    /// the service that tells.
    ///
    /// # Errors
    /// When the descriptor set is damaged.
    pub(super) async fn new(
        kernel: Arc<Kernel>,
        objects: Objects,
        runner: Arc<JobRunner>,
        name: String,
    ) -> anyhow::Result<(Arc<Self>, HealthServer<impl Health>)> {
        let (health, service) = health_reporter();
        let this = Self {
            id: kernel.db().server_id(),
            kernel,
            objects,
            runner,
            name,
            health,
            services: services()?,
            state: Mutex::new(State {
                untried: Part::ALL.into(),
                lost: BTreeSet::new(),
                stopping: false,
                ready: false,
            }),
            noted: AtomicI64::new(0),
        };
        this.tell(false).await;
        Ok((Arc::new(this), service))
    }

    /// Goes on for as long as the server runs, and says that it is not ready from `stop` on. Ends
    /// when the database's schema has moved past this program, and then the server must end, too.
    pub(super) async fn watch(self: Arc<Self>, stop: CancellationToken) -> Error {
        let stopping = async {
            stop.cancelled().await;
            self.stopping().await;
            std::future::pending().await
        };
        let ended = tokio::select! {
            ended = self.repeat(Part::Database) => ended,
            ended = self.repeat(Part::Clock) => ended,
            ended = self.repeat(Part::Keys) => ended,
            ended = self.repeat(Part::Objects) => ended,
            ended = stopping => ended,
        };
        self.stopping().await;
        ended
    }

    /// Tries out a part again and again. Ends as [`Readiness::watch`] does.
    async fn repeat(&self, part: Part) -> Error {
        let (pause, patience) = part.pace();
        loop {
            let mut trial = pin!(self.try_out(part));
            let found = match timeout(patience, &mut trial).await {
                Ok(found) => found,
                // Then there is nothing to count on now; the trial itself goes on.
                Err(_) => {
                    let late = format!("no answer within {} seconds", patience.as_secs());
                    self.note(part, &Err(Error::new(Reason::Unavailable, late)))
                        .await;
                    trial.await
                }
            };
            match found {
                Err(error)
                    if part == Part::Database && error.reason() == Reason::FailedPrecondition =>
                {
                    return error;
                }
                found => self.note(part, &found).await,
            }
            sleep(pause).await;
        }
    }

    async fn try_out(&self, part: Part) -> Result<(), Error> {
        let given_up = |_| Error::new(Reason::Unavailable, "no answer at all");
        match part {
            Part::Database => {
                if self.state.lock().await.ready {
                    self.note_ready().await;
                }
                let beat = self.kernel.db().beat(&self.runner, &self.id, &self.name);
                timeout(GIVEN_UP, beat).await.map_err(given_up)?
            }
            Part::Clock => {
                let compared = self.kernel.db().require_clock();
                timeout(GIVEN_UP, compared).await.map_err(given_up)?
            }
            // Never given up: a token that hangs holds a thread, and each trial would add one.
            Part::Keys => self.kernel.probe_keys(&self.runner).await,
            Part::Objects => {
                let beat = self.objects.beat(&self.name);
                let tried = timeout(GIVEN_UP, beat).await.map_err(given_up)?;
                tried.map_err(|error| {
                    Error::new(Reason::Unavailable, "objects can't be written or read")
                        .with_source(error)
                })
            }
        }
    }

    /// Notes for reports that this minute was one in which a server was ready.
    async fn note_ready(&self) {
        let minute = minute_of(self.kernel.env().now());
        if self.noted.swap(minute, Ordering::Relaxed) == minute {
            return;
        }
        let noted = self.kernel.db().note_ready(&self.runner);
        // Whether the database answers is told by the trial itself.
        if timeout(FAREWELL, noted)
            .await
            .is_ok_and(|noted| noted.is_ok())
        {
            return;
        }
        self.noted.store(0, Ordering::Relaxed);
    }

    /// Takes in how a trial went. Only what changes is logged.
    async fn note(&self, part: Part, found: &Result<(), Error>) {
        let mut state = self.state.lock().await;
        state.untried.remove(&part);
        match found {
            Err(error) => {
                if state.lost.insert(part) {
                    tracing::warn!(%error, "not ready: {part}");
                }
            }
            Ok(()) => {
                if state.lost.remove(&part) {
                    tracing::info!("the {part} is back");
                }
            }
        }
        self.update(&mut state).await;
    }

    /// Not ready for good. Who watches hears it, and then that stream ends: the server would
    /// otherwise wait for it until its patience is over.
    async fn stopping(&self) {
        let mut state = self.state.lock().await;
        state.stopping = true;
        self.update(&mut state).await;
        let mut health = self.health.clone();
        for service in &self.services {
            health.clear_service_status(service).await;
            health
                .set_service_status(service, ServingStatus::NotServing)
                .await;
        }
    }

    async fn update(&self, state: &mut State) {
        let ready = state.untried.is_empty() && state.lost.is_empty() && !state.stopping;
        if ready != state.ready {
            state.ready = ready;
            self.tell(ready).await;
            if ready {
                tracing::info!("ready");
            }
        }
    }

    async fn tell(&self, ready: bool) {
        let status = match ready {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        for service in &self.services {
            self.health.set_service_status(service, status).await;
        }
    }

    /// Takes the server off the list of those that serve.
    pub(super) async fn leave(&self) {
        let leaving = async {
            let left = self.kernel.db().leave(&self.runner, &self.id).await;
            if let Err(error) = left {
                tracing::warn!(%error, "this server stays on the list for a while");
            }
            if let Err(error) = self.objects.withdraw(&self.name).await {
                tracing::warn!(%error, "this server's trial object stays where it is");
            }
        };
        if timeout(FAREWELL, leaving).await.is_err() {
            tracing::warn!("this server could not take itself off the list in time");
        }
    }
}

/// The names that health can be asked for: of each service, and the empty one for all of them.
fn services() -> anyhow::Result<Vec<String>> {
    let set = prost_types::FileDescriptorSet::decode(cordon_proto::FILE_DESCRIPTOR_SET)
        .context("the descriptor set is damaged")?;
    let mut names = vec![String::new()];
    for file in &set.file {
        let package = file.package();
        if package.starts_with("cordon.") {
            names.extend(
                file.service
                    .iter()
                    .map(|service| format!("{package}.{}", service.name())),
            );
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::services;

    #[test]
    fn health_is_told_of_each_service_and_of_all() {
        let names = services().unwrap();
        assert!(names.len() > 4, "{names:?}");
        for name in ["", "cordon.events.v1.EventsService"] {
            assert!(names.iter().any(|known| known == name), "{names:?}");
        }
    }
}
