//! Tokens: traded for the certificate, kept, and renewed before they end.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cordon_proto::tenants::IssueTokenRequest;
use cordon_proto::tenants::identity_service_client::IdentityServiceClient;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tonic::metadata::{Ascii, MetadataValue};

use crate::client::in_time;
use crate::error::{Error, Reason, Result};
use crate::servers::Servers;

/// How long a token is taken to be good when it does not say itself.
const ASSUMED_LIFETIME: Duration = Duration::from_secs(300);
/// How long the server may take to issue one.
const ISSUE_TIMEOUT: Duration = Duration::from_secs(20);

/// How new a token must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// With a third of its time left.
    Good,
    /// With nearly all of its time left: for answers that take long.
    New,
}

/// The tokens of one client.
#[derive(Debug)]
pub(crate) struct Tokens {
    servers: Servers,
    rpc: IdentityServiceClient<Servers>,
    kept: Mutex<Option<Token>>,
}

/// A token with its times, on this machine's steady clock: the wall clock may be wrong or set.
#[derive(Debug, Clone)]
struct Token {
    /// The whole header; marked sensitive, so that it is never printed.
    header: MetadataValue<Ascii>,
    issued: Instant,
    lifetime: Duration,
}

impl Token {
    fn used_up(&self, share: f64, now: Instant) -> bool {
        now.saturating_duration_since(self.issued) >= self.lifetime.mul_f64(share)
    }
}

impl Tokens {
    pub(crate) fn new(servers: Servers) -> Self {
        Self {
            rpc: IdentityServiceClient::new(servers.clone()),
            servers,
            kept: Mutex::new(None),
        }
    }

    /// The `authorization` header of a call. One caller renews; the others wait for it.
    pub(crate) async fn header(&self, freshness: Freshness) -> Result<MetadataValue<Ascii>> {
        let mut kept = self.kept.lock().await;
        let now = Instant::now();
        let share = match freshness {
            Freshness::Good => 2.0 / 3.0,
            Freshness::New => 0.1,
        };
        if let Some(token) = kept.as_ref().filter(|token| !token.used_up(share, now)) {
            return Ok(token.header.clone());
        }
        match self.issue().await {
            Ok(token) => {
                let header = token.header.clone();
                *kept = Some(token);
                Ok(header)
            }
            Err(error) => match kept.as_ref() {
                // Renewed in good time, so that a server which is away for a moment does not
                // matter yet.
                Some(token) if error.is_transient() && !token.used_up(0.95, now) => {
                    Ok(token.header.clone())
                }
                _ => Err(error),
            },
        }
    }

    /// Drops a token that the server refused, unless another caller already did.
    pub(crate) async fn discard(&self, refused: &MetadataValue<Ascii>) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|token| token.header == *refused) {
            *kept = None;
        }
    }

    /// Drops the token, whichever it is.
    pub(crate) async fn clear(&self) {
        *self.kept.lock().await = None;
    }

    /// Gets a token from one server or another: all take it.
    async fn issue(&self) -> Result<Token> {
        let mut failures = 0;
        loop {
            match self.issue_at_one().await {
                Err(error) if *error.reason() == Reason::Unavailable => {
                    failures += 1;
                    if !self.servers.has_another(failures) {
                        return Err(error);
                    }
                }
                issued => return issued,
            }
        }
    }

    async fn issue_at_one(&self) -> Result<Token> {
        let mut request = tonic::Request::new(IssueTokenRequest {});
        request.set_timeout(ISSUE_TIMEOUT);
        // Counted from before the call: the token was issued at some moment after.
        let issued = Instant::now();
        let mut rpc = self.rpc.clone();
        let answer = in_time(Some(ISSUE_TIMEOUT), rpc.issue_token(request)).await?;
        let answer = answer.into_inner();
        let mut header: MetadataValue<Ascii> = format!("Bearer {}", answer.token)
            .parse()
            .map_err(|_| Error::new(Reason::Internal, "the server sent a token that is none"))?;
        header.set_sensitive(true);
        Ok(Token {
            header,
            issued,
            lifetime: lifetime(&answer.token).unwrap_or(ASSUMED_LIFETIME),
        })
    }
}

/// How long a token is good, by its own times: both come from the server's clock, so that it
/// does not matter what this machine thinks the time is.
fn lifetime(token: &str) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Times {
        exp: i64,
        iat: i64,
    }
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let times: Times = serde_json::from_slice(&payload).ok()?;
    let seconds = u64::try_from(times.exp.checked_sub(times.iat)?).ok()?;
    (1..=86_400)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn a_token_says_how_long_it_is_good() {
        let good = token(r#"{"iat":1700000000,"exp":1700000900,"sub":"x"}"#);
        assert_eq!(lifetime(&good), Some(Duration::from_secs(900)));
        for bad in [
            token(r#"{"iat":1700000900,"exp":1700000000}"#),
            token(r#"{"exp":1700000000}"#),
            token(r#"{"iat":0,"exp":99999999}"#),
            token("no json"),
            "opaque".to_owned(),
            "a.!!.c".to_owned(),
            String::new(),
        ] {
            assert_eq!(lifetime(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_is_renewed_with_a_third_of_its_time_left() {
        let mut header: MetadataValue<Ascii> = "Bearer SECRET".parse().unwrap();
        header.set_sensitive(true);
        let token = Token {
            header,
            issued: Instant::now(),
            lifetime: Duration::from_secs(900),
        };
        assert!(!format!("{token:?}").contains("SECRET"));
        let after = |seconds| token.issued + Duration::from_secs(seconds);
        assert!(!token.used_up(2.0 / 3.0, after(599)));
        assert!(token.used_up(2.0 / 3.0, after(601)));
    }
}
