//! `cordon admin credentials`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cordon_client::identity::NewKey;
use cordon_client::{Holder, IssueCredentialResponse, Profile};
use serde_json::json;

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::Row as _;

/// What can be done with credentials.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key here, have it signed, and write a profile that is ready for use
    Issue {
        #[command(flatten)]
        holder: HolderArgs,
        /// reader, responder or admin for a tenant; operator, analyst, auditor or sla-reporter for
        /// staff; a source has the role source
        #[arg(long)]
        role: Option<String>,
        /// Who it is for; as in acme-reader, if not given
        #[arg(long)]
        subject: Option<String>,
        /// Where the profile goes; only you will be able to read it
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Write over a file that is there
        #[arg(long)]
        force: bool,
    },
    /// The credentials of a tenant, a source or the staff
    List {
        #[command(flatten)]
        holder: HolderArgs,
    },
    /// End a credential at once
    Revoke {
        /// Its full name, as `list` shows it
        name: String,
        /// Why; kept in the log
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// Whose credential.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct HolderArgs {
    /// The tenant whose member it is
    #[arg(value_name = "TENANT")]
    of: Option<String>,
    /// The source that it is for
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// For the provider's staff
    #[arg(long)]
    staff: bool,
}

impl HolderArgs {
    fn holder(self) -> Holder {
        let plain = |name: String, collection: &str| match name.strip_prefix(collection) {
            Some(id) => id.to_owned(),
            None => name,
        };
        match (self.of, self.source) {
            (Some(tenant), _) => Holder::Tenant(plain(tenant, "tenants/")),
            (None, Some(source)) => Holder::Source(plain(source, "sources/")),
            (None, None) => Holder::Staff,
        }
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let output = &context.output;
    match command {
        Command::Issue {
            holder,
            role,
            subject,
            out,
            force,
        } => {
            let holder = holder.holder();
            let role = role_for(&holder, role)?;
            let subject = subject.unwrap_or_else(|| subject_for(&holder, &role));
            // Before anything is issued that could not be kept.
            if !force {
                refuse_to_overwrite(&out)?;
            }
            let (_, own) = context.profile()?;
            let key = NewKey::generate(&subject)?;
            let client = context.client().await?;
            let issued = client
                .tenants()
                .issue_credential(&holder, &subject, &role, &key.request_pem)
                .await?;
            let credential = issued.credential.clone().unwrap_or_default();
            profile(&own, &holder, role, subject, issued, key).save(&out)?;
            let mut result = credential.json();
            if let Some(object) = result.as_object_mut() {
                object.insert("profile".to_owned(), json!(out.display().to_string()));
            }
            let sentence = format!(
                "wrote {}: {} as {}",
                out.display(),
                credential.subject,
                credential.role
            );
            output.done(&sentence, &result)
        }
        Command::List { holder } => {
            let admin = context.client().await?.tenants();
            output.list(admin.list_credentials(&holder.holder())).await
        }
        Command::Revoke { name, reason } => {
            if !name.contains("credentials/") {
                return Err(Failure::usage(
                    "expected a full name, as in tenants/acme/credentials/…; `cordon admin credentials list` shows it",
                ));
            }
            let admin = context.client().await?.tenants();
            output.one(&admin.revoke_credential(&name, &reason).await?)
        }
    }
}

fn role_for(holder: &Holder, role: Option<String>) -> Result<String, Failure> {
    match (holder, role) {
        (Holder::Source(_), None) => Ok("source".to_owned()),
        (_, Some(role)) => Ok(role),
        (Holder::Tenant(_), None) => Err(Failure::usage(
            "--role reader, responder or admin is needed",
        )),
        (Holder::Staff, None) => Err(Failure::usage(
            "--role operator, analyst, auditor or sla-reporter is needed",
        )),
    }
}

fn subject_for(holder: &Holder, role: &str) -> String {
    match holder {
        Holder::Tenant(tenant) => format!("{tenant}-{role}"),
        Holder::Source(source) => format!("source-{source}"),
        Holder::Staff => role.to_owned(),
    }
}

/// A file that is there may be the only key to something; an empty one is not.
fn refuse_to_overwrite(path: &Path) -> Outcome {
    match std::fs::metadata(path) {
        Ok(file) if file.len() > 0 => Err(Failure::usage(format!(
            "{} is there already: give another --out, or --force",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// The new holder's profile: the servers as the issuer knows them, and the holder's own identity.
fn profile(
    issuer: &Profile,
    holder: &Holder,
    role: String,
    subject: String,
    issued: IssueCredentialResponse,
    key: NewKey,
) -> Profile {
    let (tenant, source) = match holder {
        Holder::Tenant(tenant) => (Some(tenant.clone()), None),
        Holder::Source(source) => (None, Some(source.clone())),
        Holder::Staff => (None, None),
    };
    Profile {
        endpoints: issuer.endpoints.clone(),
        server_name: issuer.server_name.clone(),
        tenant,
        source,
        role,
        subject,
        ca: if issued.ca_pem.is_empty() {
            issuer.ca.clone()
        } else {
            issued.ca_pem
        },
        certificate: issued.certificate_pem,
        key: key.key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_subjects_have_defaults_where_there_is_one() {
        let tenant = Holder::Tenant("acme".to_owned());
        let source = Holder::Source("trail".to_owned());
        assert_eq!(role_for(&source, None).unwrap(), "source");
        assert_eq!(role_for(&tenant, None).unwrap_err().code(), 2);
        assert_eq!(role_for(&Holder::Staff, None).unwrap_err().code(), 2);
        assert_eq!(
            role_for(&tenant, Some("admin".to_owned())).unwrap(),
            "admin"
        );
        assert_eq!(subject_for(&tenant, "reader"), "acme-reader");
        assert_eq!(subject_for(&source, "source"), "source-trail");
        assert_eq!(subject_for(&Holder::Staff, "analyst"), "analyst");
    }

    #[test]
    fn a_profile_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        refuse_to_overwrite(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        refuse_to_overwrite(&path).unwrap();
        std::fs::write(&path, "key").unwrap();
        assert_eq!(refuse_to_overwrite(&path).unwrap_err().code(), 2);
    }

    #[test]
    fn a_new_profile_has_the_issuers_servers_and_its_own_identity() {
        let issuer = Profile::parse(
            "endpoints=['h:1', 'h:2']\nserver_name='n'\nrole='operator'\nsubject='op'\nca='CA'\ncertificate='C'\nkey='K'",
        )
        .unwrap();
        let issued = IssueCredentialResponse {
            certificate_pem: "new".to_owned(),
            ..IssueCredentialResponse::default()
        };
        let key = NewKey::generate("s").unwrap();
        let holder = Holder::Tenant("acme".to_owned());
        let made = profile(
            &issuer,
            &holder,
            "reader".to_owned(),
            "s".to_owned(),
            issued,
            key,
        );
        assert_eq!(made.endpoints, ["https://h:1", "https://h:2"]);
        assert_eq!(made.ca, "CA");
        assert_eq!((made.tenant.as_deref(), made.source), (Some("acme"), None));
        assert_eq!(
            (made.certificate.as_str(), made.subject.as_str()),
            ("new", "s")
        );
        assert_eq!(made.server_name.as_deref(), Some("n"));
    }
}
