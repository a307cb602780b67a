//! What all commands share: the profile, the connection, the form of the output.

use std::path::PathBuf;

use clap::Args;
use cordon_client::{Client, Entry, Profile, Reason, time};
use jiff::SignedDuration;

use crate::failure::{Failure, note};
use crate::output::{Form, Output};
use crate::when;

const ALL: &str = "Options of all commands";
const STAFF: &str = "Options for staff of the provider";

/// Options of all commands.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Profile of the one who calls
    #[arg(long, global = true, env = "CORDON_PROFILE", value_name = "FILE", help_heading = ALL)]
    profile: Option<PathBuf>,
    /// Form of the result: for people, one JSON document, or one JSON document a line
    #[arg(short, long, global = true, value_enum, default_value_t = Form::Table, help_heading = ALL)]
    output: Form,
    /// Where the servers listen, if not where the profile says; several are divided by commas
    #[arg(long, global = true, env = "CORDON_ENDPOINT", value_name = "URL", value_delimiter = ',', help_heading = ALL)]
    endpoint: Vec<String>,
}

/// Whose data, and why: for staff of the provider.
#[derive(Debug, Clone, Args)]
pub(crate) struct Whose {
    /// The tenant, if not the profile's own
    #[arg(long, global = true, help_heading = STAFF)]
    tenant: Option<String>,
    /// Why you enter the tenant: it reads this in its log
    #[arg(long, global = true, value_name = "TEXT", help_heading = STAFF)]
    justification: Option<String>,
    /// The incident or request that it is about
    #[arg(long, global = true, value_name = "ID", help_heading = STAFF)]
    reference: Option<String>,
    /// Who approved it, if someone did
    #[arg(long, global = true, value_name = "WHO", help_heading = STAFF)]
    approval: Option<String>,
    /// For how long you enter, 12h at most, as in 30m; if not given, for the one call
    #[arg(long, global = true, value_name = "DURATION", value_parser = when::span, help_heading = STAFF)]
    enter_for: Option<SignedDuration>,
}

/// The command's surroundings.
#[derive(Debug)]
pub(crate) struct Context {
    global: Global,
    /// The way to stdout.
    pub(crate) output: Output,
}

impl Context {
    pub(crate) fn new(global: Global) -> Self {
        Self {
            output: Output::new(global.output),
            global,
        }
    }

    /// The profile and where it lies.
    pub(crate) fn profile(&self) -> Result<(PathBuf, Profile), Failure> {
        let path = self.global.profile.clone().ok_or_else(|| {
            Failure::usage("no profile: give --profile FILE, or set CORDON_PROFILE to one")
        })?;
        let mut profile = Profile::load(&path)?;
        if !self.global.endpoint.is_empty() {
            profile.endpoints.clone_from(&self.global.endpoint);
        }
        Ok((path, profile))
    }

    /// Connects, and renews the certificate when it is time.
    pub(crate) async fn client(&self) -> Result<Client, Failure> {
        let (path, profile) = self.profile()?;
        warn_if_open(&path);
        let client = Client::builder().profile(profile.clone()).connect().await?;
        warn_of_strangers(&client);
        if profile.validity()?.renewal_due(time::now()) {
            // Not what was asked for: when it fails, the command goes on.
            if let Err(failure) = self.renew(&client, &path, &profile).await {
                note(&format!(
                    "warning: the profile's certificate ends soon and could not be renewed: {failure}"
                ));
            }
        }
        Ok(client)
    }

    /// Connects, to work on the tenant that was named.
    pub(crate) async fn client_for(&self, whose: &Whose) -> Result<Client, Failure> {
        if whose.justification.is_none() {
            let said = [
                ("--reference", whose.reference.is_some()),
                ("--approval", whose.approval.is_some()),
                ("--enter-for", whose.enter_for.is_some()),
            ];
            if let Some((flag, _)) = said.iter().find(|(_, said)| *said) {
                return Err(Failure::usage(format!("{flag} goes with --justification")));
            }
        }
        let mut client = self.client().await?;
        if let Some(tenant) = &whose.tenant {
            client = client.for_tenant(tenant);
        }
        if let Some(justification) = &whose.justification {
            let mut entry = Entry::new(justification)
                .reference(whose.reference.clone().unwrap_or_default())
                .approval(whose.approval.clone().unwrap_or_default());
            if let Some(span) = whose.enter_for {
                let ends = time::now().checked_add(span);
                entry = entry
                    .expires(ends.map_err(|_| Failure::usage("--enter-for takes at most 12h"))?);
            }
            client = client.entering(entry);
        }
        Ok(client)
    }

    /// The same, when there is nothing to do without a tenant.
    pub(crate) async fn client_of_tenant(&self, whose: &Whose) -> Result<Client, Failure> {
        let client = self.client_for(whose).await?;
        if client.tenant().is_none() {
            return Err(Failure::usage(
                "this profile belongs to no tenant: name one with --tenant, and say why with --justification",
            ));
        }
        Ok(client)
    }

    /// Renews the certificate and puts it into the profile's file.
    pub(crate) async fn renew(
        &self,
        client: &Client,
        path: &std::path::Path,
        profile: &Profile,
    ) -> Result<(), Failure> {
        let mut renewed = client.identity().renew(profile).await?;
        // The file keeps its own endpoints.
        renewed.endpoints = Profile::load(path)?.endpoints;
        renewed.save(path)?;
        note(&format!(
            "renewed the certificate in {}; it is good until {}",
            path.display(),
            renewed.validity()?.not_after
        ));
        Ok(())
    }
}

/// A server that is not one of the profile's installation is not called, and none of its fellows
/// says so.
fn warn_of_strangers(client: &Client) {
    for error in client.left_out() {
        if error.reason() == Reason::UntrustedServer {
            note(&format!("warning: {error}"));
        }
    }
}

/// A key that others can read is no secret.
#[cfg(unix)]
fn warn_if_open(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let open = std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0);
    if open {
        note(&format!(
            "warning: others can read the key in {0}: chmod 600 {0}",
            path.display()
        ));
    }
}

#[cfg(not(unix))]
fn warn_if_open(_: &std::path::Path) {}
