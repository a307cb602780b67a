//! `cordon-server operator`: the first operator, made where the database and the keys are. All
//! other credentials are issued over the wire, by operators.

use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use cordon_client::Profile;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Env, Reason};

use super::App;
use crate::config::Config;

/// Who it is to be.
#[derive(Debug, Clone)]
pub struct FirstOperator {
    /// The name that the logs will have.
    pub subject: String,
    /// Where the servers are, as callers see them: `https://HOST:PORT`, one or more.
    pub endpoints: Vec<String>,
    /// The file for the profile, which must not be there yet.
    pub out: PathBuf,
}

/// Makes the first operator and writes its profile; what was done, in a sentence.
///
/// # Errors
/// When there is an operator already, a value is wrong, or the file is there or can't be made.
/// Then nothing was made.
pub async fn operator(config: Config, env: Env, wanted: FirstOperator) -> anyhow::Result<String> {
    let FirstOperator {
        subject,
        endpoints,
        out,
    } = wanted;
    let endpoints = checked(endpoints)?;
    reserve(&out)?;
    let made = async {
        let app = App::open(config, env, false).await?;
        let made = first_operator(&app.kernel, &subject, &endpoints, &out).await;
        app.kernel.close().await;
        made?.context(
            "there is an operator already: it issues more (cordon admin credentials issue --staff \
             --role operator)",
        )
    };
    match made.await {
        Ok(_) => Ok(format!(
            "operator {subject} made; its profile is {}: who has it may do all that an operator may",
            out.display()
        )),
        Err(error) => {
            // It is still empty.
            let _ = std::fs::remove_file(&out);
            Err(error)
        }
    }
}

/// Makes an operator and its profile at `path`; `None` when there is one already.
pub(crate) async fn first_operator(
    kernel: &Kernel,
    subject: &str,
    endpoints: &[String],
    path: &Path,
) -> anyhow::Result<Option<Profile>> {
    let (principal, certificate) = match kernel.bootstrap_operator(subject).await {
        Ok(made) => made,
        Err(error) if error.reason() == Reason::AlreadyExists => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let profile = Profile {
        endpoints: endpoints.to_vec(),
        server_name: None,
        tenant: None,
        source: None,
        role: principal.role().to_string(),
        subject: principal.subject().to_owned(),
        ca: kernel.gate().authority().certificate_pem().to_owned(),
        certificate: certificate.certificate_pem,
        key: certificate
            .key_pem
            .context("the authority kept the operator's key")?,
    };
    profile
        .save(path)
        .context("the operator is made, but its profile could not be written")?;
    Ok(Some(profile))
}

/// The endpoints as the client takes them.
fn checked(endpoints: Vec<String>) -> anyhow::Result<Vec<String>> {
    let draft = Profile {
        endpoints,
        server_name: None,
        tenant: None,
        source: None,
        role: String::new(),
        subject: String::new(),
        ca: String::new(),
        certificate: String::new(),
        key: String::new().into(),
    };
    let text = draft.to_toml()?;
    Ok(Profile::parse(secrecy::ExposeSecret::expose_secret(&text))?.endpoints)
}

/// Takes the profile's place before anything is made: an operator whose key can't be kept would be
/// in the way of another.
fn reserve(out: &Path) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(out) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} is there already: choose another --out", out.display())
        }
        Err(error) => Err(error).with_context(|| format!("can't make {}", out.display())),
    }
}
