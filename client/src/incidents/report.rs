//! Reports of incidents, put together and signed by the server.

use cordon_pages::incident::{IncidentReport, PREDICATE_TYPE};
use cordon_proto::reports::reports_service_client::ReportsServiceClient;
use cordon_proto::reports::{GenerateIncidentReportRequest, GenerateIncidentReportResponse};
use ring::digest::{SHA256, digest};
use tonic::Streaming;

use super::{Incidents, Tlp};
use crate::client::configured;
use crate::error::{Error, Reason, Result};
use crate::exchange::{self, Audience};
use crate::retry::Repeat;
use crate::statement::{self, MAX_ENVELOPE_BYTES, PublicKeys, Statement};
use crate::token::Freshness;

/// The report of an incident, its signature checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SignedIncidentReport {
    /// What it says.
    pub report: IncidentReport,
    /// The statement that it was signed in, and by whom.
    pub statement: Statement,
    /// The envelope, byte for byte.
    pub envelope: Vec<u8>,
}

impl SignedIncidentReport {
    /// Refuses to give it to more than its marking allows.
    ///
    /// # Errors
    ///
    /// `TLP_VIOLATION`, as [`exchange::check`].
    pub fn check(&self, audience: Audience) -> Result<()> {
        use cordon_pages::incident::Tlp as Marking;
        let marking = match self.report.tlp {
            Marking::Red => Tlp::Red,
            Marking::AmberStrict => Tlp::AmberStrict,
            Marking::Amber => Tlp::Amber,
            Marking::Green => Tlp::Green,
            Marking::Clear => Tlp::Clear,
        };
        exchange::check_marking((&self.name(), self.report.number), marking, audience)
    }

    /// The incident's full name.
    #[must_use]
    pub fn name(&self) -> String {
        let report = &self.report;
        format!("tenants/{}/incidents/{}", report.tenant, report.incident)
    }
}

/// Checks who signed the report of an incident, and reads it.
///
/// # Errors
///
/// As [`statement::verify`]; also `INVALID_STATEMENT` when what was signed is no report of an
/// incident, or not of the one that it is about.
pub fn read_incident_report(envelope: &[u8], keys: &PublicKeys) -> Result<SignedIncidentReport> {
    let statement = statement::verify(envelope, keys)?;
    if statement.predicate_type != PREDICATE_TYPE {
        return Err(invalid(format!(
            "what was signed is no report of an incident: it says `{}`, not `{PREDICATE_TYPE}`",
            statement.predicate_type
        )));
    }
    let report = serde_json::from_str(&statement.predicate_json)
        .map_err(|error| invalid(format!("the report can't be read: {error}")))?;
    let signed = SignedIncidentReport {
        report,
        statement,
        envelope: envelope.to_vec(),
    };
    let sha256 = digest(&SHA256, signed.statement.predicate_json.as_bytes());
    let sha256: String = sha256.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    let about = |subject: &statement::Subject| {
        subject.name == signed.name() && subject.digest.get("sha256") == Some(&sha256)
    };
    match signed.statement.subjects.iter().any(about) {
        true => Ok(signed),
        false => Err(invalid(format!(
            "the report of `{}` was signed as one of something else",
            signed.name()
        ))),
    }
}

fn invalid(text: String) -> Error {
    Error::new(Reason::InvalidStatement, text)
}

impl Incidents {
    /// The report of an incident as it is at this moment, signed by one of `keys`: all that both
    /// sides can read there. Its marking says how far it may be passed on; see
    /// [`SignedIncidentReport::check`].
    ///
    /// # Errors
    ///
    /// As [`read_incident_report`]; `INVALID_STATEMENT` also when it is the report of another
    /// incident, `TOO_LARGE` when more is recorded than a statement holds, `UNAVAILABLE` when it
    /// broke off.
    pub async fn report(&self, name: &str, keys: &PublicKeys) -> Result<SignedIncidentReport> {
        let name = self.name(name)?;
        let mut parts = self.open_incident_report(&name).await?;
        let mut envelope = Vec::new();
        while let Some(part) = parts.message().await? {
            envelope.extend(part.statement);
            if envelope.len() > MAX_ENVELOPE_BYTES {
                return Err(Error::new(
                    Reason::TooLarge,
                    "the report is larger than any that is read",
                ));
            }
        }
        let signed = read_incident_report(&envelope, keys)?;
        match signed.name() == name {
            true => Ok(signed),
            false => Err(invalid(format!(
                "asked for the report of {name}, and got that of `{}`",
                signed.name()
            ))),
        }
    }

    /// Opens the stream; that much can be tried again, since nothing was handed out.
    async fn open_incident_report(
        &self,
        name: &str,
    ) -> Result<Streaming<GenerateIncidentReportResponse>> {
        let message = GenerateIncidentReportRequest {
            name: name.to_owned(),
        };
        let client = &self.client;
        let rpc = configured!(ReportsServiceClient::new(client.servers()));
        let mut backoff = client.backoff();
        loop {
            let opened = client
                .stream(Freshness::New, message.clone(), |request| {
                    let mut rpc = rpc.clone();
                    async move { rpc.generate_incident_report(request).await }
                })
                .await;
            match opened {
                Ok(stream) => return Ok(stream),
                Err(error) => backoff.pause(error, Repeat::Safe).await?,
            }
        }
    }
}
