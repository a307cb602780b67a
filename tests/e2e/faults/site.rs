//! An installation as a provider makes it: a configuration file, `migrate`, `operator`, `serve`.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cordon_client::identity::NewKey;
use cordon_client::{Client, Holder, Profile, RetryPolicy, Tenant};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{Production, Raw, binary};

/// How long a change may take to be seen, on a machine that has other things to do.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The only tenant's only account.
pub const ACCOUNT: &str = "aws:100000000001";
/// What the server is called.
pub const NAME: &str = "desk-1";

/// Asks again and again until it is so.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let patience = Instant::now() + PATIENCE;
    while !so().await {
        assert!(Instant::now() < patience, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// An installation of one server.
pub struct Site {
    pub folder: TempDir,
    pub config: PathBuf,
    pub production: Option<Arc<Production>>,
    endpoint: String,
}

impl Site {
    /// On PostgreSQL, a bucket and a token.
    pub fn of_a_provider() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let production = Production::of(&data);
        Self::at(folder, &data, Some(production))
    }

    /// On a folder alone.
    pub fn on_folder(data: &Path) -> Self {
        Self::at(tempfile::tempdir().unwrap(), data, None)
    }

    fn at(folder: TempDir, data: &Path, production: Option<Arc<Production>>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let listen = port.unwrap().to_string();
        let stores = production.as_ref().map_or_else(String::new, |production| {
            std::fs::read_to_string(&production.config).unwrap()
        });
        let config = folder.path().join("cordon.toml");
        let settings = format!(
            "listen = {listen:?}\nname = {NAME:?}\ndata_dir = {data:?}\nobjects.seal_rows = 4096\n\
             limits.grace_seconds = 3\n{stores}"
        );
        std::fs::write(&config, settings).unwrap();
        Self {
            folder,
            config,
            production,
            endpoint: format!("https://{listen}"),
        }
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(binary("cordon-server"));
        command.arg(name).arg("--config").arg(&self.config);
        if let Some(production) = &self.production {
            command.envs(production.environment());
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs the server's program to its end.
    pub async fn run(&self, name: &str, more: &[&OsStr]) -> Output {
        let run = self.command(name).args(more).output();
        tokio::time::timeout(PATIENCE, run)
            .await
            .unwrap_or_else(|_| panic!("{name} does not end"))
            .unwrap()
    }

    /// The same, and it must fail; what it says then.
    pub async fn refused(&self, name: &str, more: &[&OsStr]) -> String {
        let done = self.run(name, more).await;
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{name}: {said}");
        said
    }

    /// `operator`, with its profile at `out`.
    pub fn operator<'a>(&'a self, out: &'a Path) -> [&'a OsStr; 6] {
        ["--subject", "olive", "--endpoint", &self.endpoint, "--out"]
            .map(OsStr::new)
            .into_iter()
            .chain([out.as_os_str()])
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    }

    /// Where the operator's profile is, once [`Site::found`] is done.
    pub fn profile(&self) -> PathBuf {
        self.folder.path().join("operator.toml")
    }

    /// Everything that comes before the first start.
    pub async fn found(&self) {
        let out = self.profile();
        for (name, more) in [("migrate", &[][..]), ("operator", &self.operator(&out)[..])] {
            let done = self.run(name, more).await;
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(done.status.success(), "{name}: {said}");
        }
    }

    /// Starts to serve; returns once it listens.
    pub async fn serve(&self) -> Serving {
        let mut child = self
            .command("serve")
            .env("CORDON_LOG", "warn,cordon_server=info")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = Arc::new(Mutex::new(String::new()));
        let log = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                eprintln!("server: {line}");
                let mut log = log.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut serving = Serving {
            child,
            said,
            health: None,
        };
        until("the server listens", async || {
            serving.said().contains("listening on ") || serving.child.try_wait().unwrap().is_some()
        })
        .await;
        let said = serving.said();
        assert!(said.contains("listening on "), "it does not serve: {said}");
        let operator = Profile::load(self.profile()).unwrap();
        let channel = Raw::connect(&operator, false).await.channel;
        serving.health = Some(HealthClient::new(channel));
        serving
    }

    /// The operator, who gives up at once or waits long.
    pub async fn client(&self, patience: Duration) -> Client {
        connect(Profile::load(self.profile()).unwrap(), patience).await
    }

    /// Registers a tenant and a source; gives a reader of the tenant's.
    pub async fn populate(&self) -> Client {
        let operator = self.client(PATIENCE).await;
        let tenants = operator.tenants();
        tenants
            .create_tenant("initech", Tenant::default())
            .await
            .unwrap();
        tenants
            .create_account("initech", ACCOUNT, None, None)
            .await
            .unwrap();
        tenants
            .create_source("aws-cloudtrail", "aws.cloudtrail", "CloudTrail")
            .await
            .unwrap();
        let new = NewKey::generate("rita").unwrap();
        let holder = Holder::Tenant("initech".into());
        let issued = tenants
            .issue_credential(&holder, "rita", "reader", &new.request_pem)
            .await
            .unwrap();
        let profile = Profile {
            tenant: Some("initech".into()),
            role: "reader".into(),
            subject: "rita".into(),
            certificate: issued.certificate_pem,
            key: new.key,
            ..Profile::load(self.profile()).unwrap()
        };
        connect(profile, PATIENCE).await
    }
}

async fn connect(profile: Profile, patience: Duration) -> Client {
    let policy = RetryPolicy {
        patience,
        max_delay: Duration::from_secs(1),
        ..RetryPolicy::default()
    };
    let builder = Client::builder().profile(profile).retry(policy);
    builder.connect().await.unwrap()
}

/// A server that runs. Killed when dropped.
pub struct Serving {
    child: Child,
    said: Arc<Mutex<String>>,
    health: Option<HealthClient<Channel>>,
}

impl Serving {
    /// What it has logged.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub fn health(&self) -> HealthClient<Channel> {
        self.health.clone().unwrap()
    }

    async fn status(&self, service: &str) -> Option<ServingStatus> {
        let service = service.to_owned();
        let asked = self.health().check(HealthCheckRequest { service }).await;
        asked.ok().map(|answer| answer.into_inner().status())
    }

    /// Waits until its health, and that of the service for events, is this.
    async fn becomes(&self, wanted: ServingStatus) {
        until(wanted.as_str_name(), async || {
            self.status("").await == Some(wanted)
        })
        .await;
        let service = "cordon.events.v1.EventsService";
        assert_eq!(self.status(service).await, Some(wanted));
    }

    pub async fn ready(&self) {
        self.becomes(ServingStatus::Serving).await;
    }

    /// Waits until it is not ready, and says why.
    pub async fn unready(&self, why: &str) {
        self.becomes(ServingStatus::NotServing).await;
        let said = self.said();
        assert!(said.contains(&format!("not ready: {why}")), "{said}");
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it does not end").unwrap()
    }

    /// Ends it as a power cut would.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop.
    pub async fn terminate(&self) {
        let pid = self.child.id().unwrap().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(asked.unwrap().success());
    }
}
