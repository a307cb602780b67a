//! Several servers on one PostgreSQL, one bucket and one token. Each has a folder and an address of
//! its own, at which it comes back after it was killed or stopped.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use cordon_client::{Client, Profile};
use cordon_fixtures::Database;
use tempfile::TempDir;

use super::production::Production;
use super::server::{Log, Server, World, at, binary, connect};

/// How many there are.
pub const SERVERS: usize = 3;

pub struct Replicas {
    _folder: TempDir,
    pub production: Arc<Production>,
    servers: Vec<Replica>,
}

struct Replica {
    data: PathBuf,
    config: PathBuf,
    address: String,
    log: Log,
    running: Option<Server>,
}

impl Replicas {
    /// The stores of an installation of several servers, with settings that all of them share; not
    /// served yet. `None` where this run is not for PostgreSQL: what needs it is tested once.
    pub fn stores(settings: &str) -> Option<(TempDir, Arc<Production>)> {
        if Database::of_this_run() != Database::Postgres {
            println!("left to the run on PostgreSQL: several servers");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let production = Production::of(&folder.path().join("data"));
        let shared = std::fs::read_to_string(&production.config).unwrap();
        std::fs::write(&production.config, format!("{shared}\n{settings}")).unwrap();
        Some((folder, production))
    }

    /// Three servers on the stores, started at the same moment.
    pub async fn start(folder: TempDir, production: Arc<Production>) -> Self {
        let within = folder.path().to_owned();
        let servers = (0..SERVERS)
            .map(|n| {
                let data = within.join(format!("server-{n}"));
                std::fs::create_dir_all(&data).unwrap();
                Replica {
                    config: data.join("cordon.toml"),
                    data,
                    address: "127.0.0.1:0".to_owned(),
                    log: Log::default(),
                    running: None,
                }
            })
            .collect();
        let mut this = Self {
            _folder: folder,
            production,
            servers,
        };
        let stores = Arc::clone(&this.production);
        let starting = this.servers.iter_mut().map(|server| server.start(&stores));
        futures::future::join_all(starting).await;
        this
    }

    /// Three servers in the place of the one that has prepared the stores.
    pub async fn instead_of(world: World) -> Self {
        let World {
            folder,
            server,
            operator,
        } = world;
        let production = Production::of(&server.data);
        drop(operator);
        server.stop().await;
        Self::start(folder, production).await
    }

    pub fn address(&self, server: usize) -> &str {
        &self.servers[server].address
    }

    pub fn addresses(&self) -> Vec<String> {
        self.servers.iter().map(|s| s.address.clone()).collect()
    }

    /// A client at one of them.
    pub async fn client(&self, server: usize, profile: &Profile) -> Client {
        connect(at(profile, self.address(server))).await
    }

    #[allow(dead_code, reason = "the benchmarks measure by it")]
    pub fn pid(&self, server: usize) -> u32 {
        self.running(server).pid()
    }

    /// Stops it without its doing anything more; it knows nothing of it.
    pub fn pause(&self, server: usize) {
        self.running(server).signal("STOP");
    }

    pub fn resume(&self, server: usize) {
        self.running(server).signal("CONT");
    }

    /// Ends it as a power cut would.
    pub async fn kill(&mut self, server: usize) {
        self.servers[server].running.take().unwrap().kill().await;
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(&mut self, server: usize) {
        self.servers[server].running.take().unwrap().stop().await;
    }

    /// Starts it again, where it was.
    pub async fn restart(&mut self, server: usize) {
        let stores = Arc::clone(&self.production);
        self.servers[server].start(&stores).await;
    }

    /// How many lines of a server's log, of all its lives, have these words.
    pub fn said(&self, server: usize, words: &str) -> usize {
        let log = self.servers[server].log.lock().unwrap();
        log.iter().filter(|line| line.contains(words)).count()
    }

    /// Verifies all that is stored, beside the servers.
    pub fn fsck(&self) {
        let done = Command::new(binary("cordon-server"))
            .args(["fsck", "--config"])
            .arg(&self.servers[0].config)
            .envs(self.production.environment())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
    }

    fn running(&self, server: usize) -> &Server {
        self.servers[server].running.as_ref().unwrap()
    }
}

impl Replica {
    async fn start(&mut self, production: &Production) {
        let shared = std::fs::read_to_string(&production.config).unwrap();
        let own = format!(
            "listen = {:?}\ndata_dir = {:?}\n\n",
            self.address, self.data
        );
        std::fs::write(&self.config, own + &shared).unwrap();
        let log = Arc::clone(&self.log);
        let server = Server::serve(&self.config, production, &self.data, log).await;
        self.address.clone_from(&server.address);
        self.running = Some(server);
    }
}
