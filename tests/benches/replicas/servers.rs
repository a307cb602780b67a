//! The servers under load, and who kills them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cordon_client::Profile;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::harness::{Places, Replicas, World};
use crate::machine;

/// From one kill to the next.
const EVERY: Duration = Duration::from_secs(5);
/// Looks in a row that find nothing going on.
const QUIET: u32 = 5;

/// Who calls.
pub struct Callers {
    pub source: Profile,
    /// Of the largest tenant.
    pub reader: Profile,
}

pub struct Servers {
    addresses: Vec<String>,
    running: Arc<Mutex<Running>>,
}

struct Running {
    servers: Kind,
    /// Processor time of those that were killed.
    spent: Duration,
    kills: u32,
}

enum Kind {
    One(Box<World>),
    Several(Replicas),
}

impl Kind {
    fn pids(&self) -> Vec<u32> {
        match self {
            Self::One(world) => vec![world.server.pid()],
            Self::Several(replicas) => (0..3).map(|n| replicas.pid(n)).collect(),
        }
    }
}

impl Servers {
    /// The one that has prepared the stores, or three in its place.
    pub async fn of(world: World, several: bool) -> Self {
        let (addresses, servers) = if several {
            let replicas = Replicas::instead_of(world).await;
            (replicas.addresses(), Kind::Several(replicas))
        } else {
            (
                vec![world.server.address.clone()],
                Kind::One(Box::new(world)),
            )
        };
        Self {
            addresses,
            running: Arc::new(Mutex::new(Running {
                servers,
                spent: Duration::ZERO,
                kills: 0,
            })),
        }
    }

    pub fn places(&self, profile: &Profile, first: usize) -> Places {
        Places::new(profile, &self.addresses, first)
    }

    /// Processor time that they have used since the first of them began.
    pub async fn cpu(&self) -> Duration {
        let running = self.running.lock().await;
        let living: Duration = running.servers.pids().into_iter().map(machine::cpu).sum();
        running.spent + living
    }

    /// Waits until they have next to nothing to do.
    pub async fn rest(&self, most: Duration) -> Duration {
        let started = Instant::now();
        let mut quiet = 0;
        while quiet < QUIET && started.elapsed() < most {
            let before = self.cpu().await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            quiet = match self.cpu().await - before < Duration::from_millis(200) {
                true => quiet + 1,
                false => 0,
            };
        }
        started.elapsed()
    }

    /// How many of the tenant's rows lie in the journal: searches read those there.
    pub async fn print_unsealed(&self, tenant: &str) {
        let running = self.running.lock().await;
        if let Kind::Several(replicas) = &running.servers {
            let rows = replicas.production.postgres.superuser(&format!(
                "SELECT seq - sealed_seq FROM tenant_head WHERE tenant_id = '{tenant}'"
            ));
            println!("unsealed rows of the largest tenant: {rows}");
        }
    }

    pub async fn print_memory(&self) {
        for pid in self.running.lock().await.servers.pids() {
            println!(
                "server memory at the end: {} MiB now, {} MiB at most",
                machine::memory(pid, "VmRSS:") >> 10,
                machine::memory(pid, "VmHWM:") >> 10,
            );
        }
    }

    /// Kills one after the other, and starts it again at once.
    pub fn kill_in_turn(&self) -> Killer {
        let stop = Arc::new(AtomicBool::new(false));
        let (running, stopped) = (Arc::clone(&self.running), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            let (mut away, before) = (Vec::new(), running.lock().await.kills);
            let mut next = tokio::time::Instant::now() + EVERY;
            while !stopped.load(Ordering::SeqCst) {
                tokio::time::sleep_until(next).await;
                next += EVERY;
                let mut running = running.lock().await;
                let server = running.kills as usize % 3;
                let Kind::Several(replicas) = &mut running.servers else {
                    panic!("one server is not killed");
                };
                let used = machine::cpu(replicas.pid(server));
                replicas.kill(server).await;
                let killed = Instant::now();
                replicas.restart(server).await;
                away.push(killed.elapsed());
                running.spent += used;
                running.kills += 1;
            }
            let longest = away.iter().max().copied().unwrap_or_default();
            let kills = running.lock().await.kills - before;
            println!("{kills} kills, each followed by a start of {longest:.1?} at most");
        });
        Killer { stop, task }
    }
}

pub struct Killer {
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Killer {
    /// Lets it finish, so that all servers are there again.
    pub async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
    }
}
