//! Starting and stopping the server, and making tenants in it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::production::{Production, production};
use bytes::Bytes;
use cordon_client::identity::NewKey;
use cordon_client::ingest::{Batch, Cut, Outcome};
use cordon_client::{Client, Holder, Profile, Search, Tenant, View};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A program of the workspace, as `tests/run` builds it before the tests.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        path.exists(),
        "{} is not built: cargo build --release --bins",
        path.display()
    );
    path
}

/// What servers have said on standard error, oldest first.
pub type Log = Arc<Mutex<Vec<String>>>;

/// A running server. Killed when dropped.
pub struct Server {
    child: Child,
    pub address: String,
    pub data: PathBuf,
}

impl Server {
    /// Starts on the folder, with sample data at the first start, and waits until it is ready.
    pub async fn start(data: &Path) -> Self {
        Self::start_at(data, "127.0.0.1:0").await
    }

    /// The same at an address.
    pub async fn start_at(data: &Path, listen: &str) -> Self {
        let mut command = Command::new(binary("cordon-server"));
        command
            .args(["quickstart", "--listen", listen, "--data-dir"])
            .arg(data);
        let production = production(data);
        // Production's, or what a test has written there.
        let config = data.with_extension("toml");
        if config.exists() {
            command.arg("--config").arg(&config);
        }
        if let Some(production) = production {
            command.envs(production.environment());
        }
        Self::run(command, data, Log::default()).await
    }

    /// Serves by a configuration file, and adds to what was said before.
    pub async fn serve(config: &Path, production: &Production, data: &Path, log: Log) -> Self {
        let mut command = Command::new(binary("cordon-server"));
        command.args(["serve", "--config"]).arg(config);
        command.envs(production.environment());
        Self::run(command, data, log).await
    }

    /// Runs the command until it is ready.
    pub async fn run(mut command: Command, data: &Path, log: Log) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let say = move |line: String| {
            eprintln!("server: {line}");
            log.lock().unwrap().push(line);
        };
        let ready = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                let address = line.strip_prefix("listening on ").map(str::to_owned);
                say(line);
                if let Some(address) = address {
                    return address;
                }
            }
            panic!("the server ended before it was ready");
        };
        let address = tokio::time::timeout(Duration::from_secs(120), ready)
            .await
            .expect("the server is not ready");
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                say(line);
            }
        });
        Self {
            child,
            address,
            data: data.to_owned(),
        }
    }

    /// The process that it runs as.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends it a signal by name, as in `STOP`.
    pub fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) {
        self.signal("TERM");
        let status = tokio::time::timeout(Duration::from_secs(30), self.child.wait())
            .await
            .expect("it does not stop");
        assert!(status.unwrap().success());
    }

    /// One of the profiles that quickstart wrote, at the present address.
    pub fn profile(&self, name: &str) -> Profile {
        let mut profile =
            Profile::load(self.data.join("profiles").join(format!("{name}.toml"))).unwrap();
        profile.endpoints = vec![format!("https://{}", self.address)];
        profile
    }

    pub async fn client(&self, name: &str) -> Client {
        connect(self.profile(name)).await
    }
}

/// The profile for a server at another address.
pub fn at(profile: &Profile, address: &str) -> Profile {
    Profile {
        endpoints: vec![format!("https://{address}")],
        ..profile.clone()
    }
}

pub async fn connect(profile: Profile) -> Client {
    Client::builder().profile(profile).connect().await.unwrap()
}

/// A server with a folder of its own, and an operator.
pub struct World {
    pub folder: TempDir,
    pub server: Server,
    pub operator: Client,
}

impl World {
    /// Runs a statement on the server's database behind its back, as who has the file or is
    /// PostgreSQL's superuser could.
    pub async fn tamper(&self, sql: &str) {
        match production(&self.server.data) {
            Some(production) => drop(production.postgres.superuser(sql)),
            None => {
                let file = self.server.data.join("cordon.db");
                cordon_fixtures::tamper_sqlite(&file, sql).await;
            }
        }
    }

    /// Suspends a tenant, has it deleted, and lets the waiting period be over; until its keys are
    /// destroyed.
    pub async fn delete(&self, tenant: &str) {
        let admin = self.operator.tenants();
        let state = admin.get_tenant(tenant).await.unwrap().state();
        if state == cordon_client::TenantState::Active {
            admin.suspend_tenant(tenant, "a test", "").await.unwrap();
        }
        admin
            .delete_tenant(tenant, None, "a test", "")
            .await
            .unwrap();
        self.wait_is_over(tenant, "delete").await;
        for _ in 0..600 {
            let seen = admin.get_tenant(tenant).await.unwrap();
            if seen.state() == cordon_client::TenantState::Deleted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{tenant} is not deleted");
    }

    /// Makes a job that waits due now.
    pub async fn wait_is_over(&self, tenant: &str, job: &str) {
        if job == "delete" {
            let waited = format!("UPDATE tenants SET purge_time = 1 WHERE tenant_id = '{tenant}'");
            self.tamper(&waited).await;
        }
        let due = format!(
            "UPDATE jobs SET due_time = 1 WHERE tenant_id = '{tenant}' AND job = '{job}' AND claimed = 0"
        );
        self.tamper(&due).await;
    }

    pub async fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap()).await
    }

    /// The same in a folder, on stores that may be there already.
    pub async fn within(folder: TempDir) -> Self {
        let server = Server::start(&folder.path().join("data")).await;
        let operator = server.client("operator").await;
        Self {
            folder,
            server,
            operator,
        }
    }

    /// Makes a tenant with these accounts.
    pub async fn tenant(&self, id: &str, accounts: &[&str]) {
        let wanted = Tenant {
            display_name: id.to_uppercase(),
            ..Tenant::default()
        };
        self.operator
            .tenants()
            .create_tenant(id, wanted)
            .await
            .unwrap();
        for account in accounts {
            self.account(id, account).await;
        }
    }

    pub async fn account(&self, tenant: &str, account: &str) {
        self.operator
            .tenants()
            .create_account(tenant, account, None, None)
            .await
            .unwrap();
    }

    /// Issues a credential, and gives its profile.
    pub async fn issue(&self, holder: Holder, role: &str) -> Profile {
        self.issue_to(holder, role, "someone").await
    }

    /// The same to a person of that name.
    pub async fn issue_to(&self, holder: Holder, role: &str, subject: &str) -> Profile {
        let new = NewKey::generate(subject).unwrap();
        let issued = self
            .operator
            .tenants()
            .issue_credential(&holder, subject, role, &new.request_pem)
            .await
            .unwrap();
        let operator = self.server.profile("operator");
        let (tenant, source) = match holder {
            Holder::Tenant(tenant) => (Some(tenant), None),
            Holder::Source(source) => (None, Some(source)),
            Holder::Staff => (None, None),
        };
        Profile {
            endpoints: operator.endpoints,
            server_name: None,
            tenant,
            source,
            role: role.to_owned(),
            subject: subject.to_owned(),
            ca: issued.ca_pem,
            certificate: issued.certificate_pem,
            key: new.key,
        }
    }

    /// A client of a tenant's new member.
    pub async fn member(&self, tenant: &str, role: &str) -> Client {
        connect(self.issue(Holder::Tenant(tenant.to_owned()), role).await).await
    }

    /// Sends records as one batch and expects it to be taken.
    pub async fn send(&self, source_type: &str, id: &str, records: &[String]) -> Outcome {
        self.send_with(source_type, id, "", records).await
    }

    /// The same with what is needed to read the records.
    pub async fn send_with(
        &self,
        source_type: &str,
        id: &str,
        context: &str,
        records: &[String],
    ) -> Outcome {
        let cut = Cut::new(
            format!("sources/{}", source_type.replace('.', "-")),
            source_type,
        );
        let mut batch = Batch::new(
            id,
            records
                .iter()
                .map(|r| Bytes::copy_from_slice(r.as_bytes()))
                .collect(),
        );
        batch.context = context.into();
        let outcomes = self.operator.ingest().send(&cut, stream::iter([Ok(batch)]));
        let mut outcomes: Vec<Outcome> = outcomes.try_collect().await.unwrap();
        outcomes.remove(0)
    }
}

/// The same, once there are so many: what a job brings comes a while later.
pub async fn raw_of(client: &Client, count: usize) -> Vec<Value> {
    for _ in 0..100 {
        if raw(client, "").await.len() == count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    raw(client, "").await
}

/// Everything that a search finds, as JSON of the raw view.
pub async fn raw(client: &Client, filter: &str) -> Vec<Value> {
    let search = Search::new().filter(filter).view(View::Raw).unlimited();
    let mut found = client.events().search(search);
    let mut out = Vec::new();
    while let Some(event) = found.next().await {
        let event = event.unwrap();
        out.push(
            serde_json::from_slice(&event.raw)
                .unwrap_or_else(|_| String::from_utf8_lossy(&event.raw).into()),
        );
    }
    out
}
