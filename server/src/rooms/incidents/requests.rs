//! What becomes of questions about an incident, in its timeline: both sides see it there, and the clocks
//! of what was promised go by it.

use cordon_kernel::Result;
use cordon_kernel::db::TenantTx;
use cordon_kernel::keys::TenantCipher;
use cordon_sla::clock::Party as ClockParty;
use jiff::Timestamp;
use uuid::Uuid;

use super::model::{Actor, CalledOff, Happened, Party, What};
use super::service::no_such_incident;
use super::store;

/// Who did something to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// The service itself.
    Service,
    /// Somebody of the customer's.
    Customer(String),
    /// Somebody of the provider's; who is not for the customer to know.
    Analyst,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// It was made: which kind it is.
    Made(String),
    /// The next move in it went to a side.
    HandedOver(ClockParty),
    /// It was answered.
    Answered,
    /// Nothing will come of it.
    CalledOff(CalledOff),
}

/// Something that happened to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) by: By,
    /// Why, or what was said with it; may be empty.
    pub(crate) reason: String,
    pub(crate) what: Request,
}

/// Which analysis, of which incident, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AboutAnalysis {
    pub(crate) incident: Uuid,
    pub(crate) analysis: Uuid,
    pub(crate) time: Timestamp,
}

/// Writes what happened to an analysis into the timeline of its incident. That can be after the incident
/// was closed: some questions come up later.
///
/// # Errors
/// `NOT_FOUND` when the tenant has no such incident.
pub(crate) async fn note_analysis(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    about: AboutAnalysis,
    noted: Noted,
) -> Result<()> {
    let analysis = about.analysis;
    let incident = store::find(tx.conn(), cipher, about.incident).await?;
    let incident = incident.ok_or_else(no_such_incident)?;
    let happened = Happened {
        actor: actor(noted.by),
        reason: noted.reason,
        what: match noted.what {
            Request::Made(question) => What::AnalysisRequested { analysis, question },
            Request::HandedOver(to) => What::AnalysisHandedOver {
                analysis,
                to: match to {
                    ClockParty::Customer => Party::Customer,
                    ClockParty::Provider => Party::Provider,
                },
            },
            Request::Answered => What::AnalysisAnswered { analysis },
            Request::CalledOff(why) => What::AnalysisCalledOff { analysis, why },
        },
    };
    let time = about.time.max(incident.updated);
    store::note(tx, cipher, about.incident, time, &happened).await
}

fn actor(by: By) -> Actor {
    match by {
        By::Service => Actor::service(),
        By::Customer(subject) => Actor {
            subject,
            party: Party::Customer,
        },
        By::Analyst => Actor {
            subject: "an analyst".to_owned(),
            party: Party::Provider,
        },
    }
}
