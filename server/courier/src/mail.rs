//! Mail, by way of the provider's own relay. A letter goes to one address.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use secrecy::{ExposeSecret as _, SecretString};

use crate::Failure;

/// Longest address, in bytes (RFC 5321).
const MAX_ADDRESS: usize = 254;
/// Longest subject, in characters.
const MAX_SUBJECT: usize = 200;

/// How the relay is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte on (usually port 465).
    Tls,
    /// TLS after `STARTTLS`, and nothing without (usually port 587).
    StartTls,
    /// In plain; for a relay on this machine.
    Plain,
}

/// The provider's relay.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// Its name, which its certificate has too.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: Security,
    /// Who the letters are from, as in `Cordon <cordon@provider.example>`.
    pub from: String,
    /// Name and password, if it asks for them; not sent in plain.
    pub login: Option<(String, SecretString)>,
    /// Certificate authorities that are trusted besides the system's.
    pub authorities: Vec<CertificateDer<'static>>,
    /// How long one letter may take.
    pub total: Duration,
}

/// A letter in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The same however often it is sent.
    pub id: String,
    /// To whom.
    pub to: String,
    /// In one line; what does not belong in one is taken out.
    pub subject: String,
    /// Text.
    pub body: String,
}

/// Hands letters to the relay.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    total: Duration,
}

/// Reads one mail address that a tenant supplied, without a name before it.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn address(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "expected a mail address as in csirt@example.com";
    // A domain in brackets is an address of somebody's inside, and quotes hide what is in them.
    let odd = |c: char| c.is_control() || c.is_whitespace() || "[]\"<>,;:\\()".contains(c);
    if text.len() > MAX_ADDRESS || text.chars().any(odd) {
        return Err(WRONG);
    }
    let address: Address = text.parse().map_err(|_| WRONG)?;
    match address.domain().contains('.') {
        true => Ok(address.to_string()),
        false => Err(WRONG),
    }
}

impl Mailer {
    /// A way to the relay; connects to nothing yet.
    ///
    /// # Errors
    /// A sentence that says which setting is wrong.
    pub fn new(config: &MailConfig) -> Result<Self, String> {
        let from: Mailbox = config
            .from
            .parse()
            .map_err(|_| "from: expected as in Cordon <cordon@provider.example>".to_owned())?;
        if config.security == Security::Plain && config.login.is_some() {
            return Err("user: a password is not sent in plain".to_owned());
        }
        let tls = match config.security {
            Security::Plain => Tls::None,
            Security::StartTls => Tls::Required(tls(config)?),
            Security::Tls => Tls::Wrapper(tls(config)?),
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host.as_str())
                .port(config.port)
                .tls(tls)
                .timeout(Some(config.total));
        if let Some((user, password)) = &config.login {
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Self {
            transport: builder.build(),
            from,
            total: config.total,
        })
    }

    /// Hands a letter to the relay, which answers for it from then on.
    ///
    /// # Errors
    /// [`Failure`] says why it did not take it, or is not known to have.
    pub async fn send(&self, letter: &Letter, now: Timestamp) -> Result<(), Failure> {
        let message = self.message(letter, now).ok_or(Failure::Url)?;
        match tokio::time::timeout(self.total, self.transport.send(message)).await {
            Err(_) => Err(Failure::TimedOut),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(reason(&error)),
        }
    }

    /// Whether the relay is there and lets this server in.
    ///
    /// # Errors
    /// [`Failure`] says why not.
    pub async fn probe(&self) -> Result<(), Failure> {
        match tokio::time::timeout(self.total, self.transport.test_connection()).await {
            Err(_) => Err(Failure::TimedOut),
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Failure::Broken),
            Ok(Err(error)) => Err(reason(&error)),
        }
    }

    fn message(&self, letter: &Letter, now: Timestamp) -> Option<Message> {
        let to: Address = address(&letter.to).ok()?.parse().ok()?;
        let seconds = u64::try_from(now.as_second()).ok()?;
        let date = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
        let id = format!("<{}@{}>", letter.id, self.from.email.domain());
        let automatic = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(line(&letter.subject))
            .message_id(Some(id))
            .date(date)
            .singlepart(
                SinglePart::builder()
                    .header(ContentType::TEXT_PLAIN)
                    .header(ContentTransferEncoding::Base64)
                    .body(letter.body.clone()),
            )
            .ok()?;
        message.headers_mut().insert_raw(automatic);
        Some(message)
    }
}

/// One line: whatever would end it, or can't be seen, is a space.
fn line(text: &str) -> String {
    let seen = |c: char| match c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
        true => ' ',
        false => c,
    };
    text.chars().map(seen).take(MAX_SUBJECT).collect()
}

fn tls(config: &MailConfig) -> Result<TlsParameters, String> {
    let wrong = |_| "host: expected a name that a certificate may have".to_owned();
    let system = rustls_native_certs::load_native_certs().certs;
    let mut tls =
        TlsParameters::builder(config.host.clone()).certificate_store(CertificateStore::None);
    for authority in system.iter().chain(&config.authorities) {
        // As webhooks have it: one that can't be read is not trusted, and keeps no other out.
        let readable = RootCertStore::empty().add(authority.clone()).is_ok();
        if readable && let Ok(authority) = Certificate::from_der(authority.to_vec()) {
            tls = tls.add_root_certificate(authority);
        }
    }
    tls.build_rustls().map_err(wrong)
}

fn reason(error: &lettre::transport::smtp::Error) -> Failure {
    if let Some(code) = error.status() {
        return Failure::Refused(u16::from(code));
    }
    if error.is_timeout() {
        Failure::TimedOut
    } else if error.is_tls() {
        Failure::Tls
    } else if error.is_response() || error.is_client() {
        Failure::Broken
    } else {
        Failure::Unreachable
    }
}

#[cfg(test)]
#[path = "mail_tests.rs"]
mod tests;
