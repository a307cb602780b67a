//! `[mail]`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use cordon_courier::{MailConfig, Mailer, Security};
use serde::Deserialize;

use super::SecretFrom;
use super::egress::authorities;

/// How long a letter may take.
const TOTAL: Duration = Duration::from_secs(20);

/// The provider's mail relay.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Its name, as its certificate has it.
    pub host: String,
    /// Its port; unset means 465, 587 or 25, by `security`.
    pub port: Option<u16>,
    /// How it is spoken to.
    #[serde(default)]
    pub security: MailSecurity,
    /// Who letters are from, as in `Cordon <cordon@provider.example>`.
    pub from: String,
    /// Who logs in, if the relay asks for it.
    pub login: Option<Login>,
    /// Certificate authorities, in PEM, that are trusted besides the system's.
    pub ca: Option<PathBuf>,
}

/// Who logs in at the relay.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Its name.
    pub user: String,
    /// Where its password comes from; as `keys.secret`.
    pub password: SecretFrom,
}

/// How the relay is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// TLS from the first byte on.
    Tls,
    /// TLS after `STARTTLS`; nothing is sent without.
    #[default]
    StartTls,
    /// In plain, to a relay on this machine.
    None,
}

impl Mail {
    fn port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            MailSecurity::Tls => 465,
            MailSecurity::StartTls => 587,
            MailSecurity::None => 25,
        })
    }

    /// Where the relay is.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port())
    }

    pub(super) fn validate(&self) -> anyhow::Result<()> {
        let here = self.host.parse::<IpAddr>();
        let here = here.map_or(self.host == "localhost", |ip| ip.is_loopback());
        if self.security == MailSecurity::None && !here {
            bail!("mail.security: none is for a relay on this machine alone");
        }
        if self.security == MailSecurity::None && self.login.is_some() {
            bail!("mail.login: a password is not sent in plain");
        }
        Ok(())
    }

    pub(super) fn mailer(&self) -> anyhow::Result<Mailer> {
        let login = match &self.login {
            None => None,
            Some(login) => {
                let password = login.password.read_text();
                let password = password.context("mail.login.password")?;
                Some((login.user.clone(), password))
            }
        };
        let authorities = match &self.ca {
            None => Vec::new(),
            Some(path) => authorities(path).context("mail.ca")?,
        };
        let config = MailConfig {
            host: self.host.clone(),
            port: self.port(),
            security: match self.security {
                MailSecurity::Tls => Security::Tls,
                MailSecurity::StartTls => Security::StartTls,
                MailSecurity::None => Security::Plain,
            },
            from: self.from.clone(),
            login,
            authorities,
            total: TOTAL,
        };
        Mailer::new(&config).map_err(|why| anyhow!("mail.{why}"))
    }
}
