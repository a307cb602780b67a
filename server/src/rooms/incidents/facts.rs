//! What both sides have stated of an incident that deadlines of the law run from.

use cordon_kernel::db::TenantTx;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Reason, Result};
use cordon_sla::clock::Party as ClockParty;
use cordon_sla::regulatory::{Fact, Facts};
use jiff::Timestamp;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::clocks::party;
use super::model::{Happened, What};
use super::service::{actor, no_such_incident};
use super::store;
use crate::transport::Caller;

/// Writes what the caller states for its side into an incident's timeline. It can be stated after
/// the incident was closed: some reports are due later.
///
/// # Errors
/// `NOT_FOUND` when the tenant has no such incident; `FAILED_PRECONDITION` when it is the other
/// side's to state.
pub(crate) async fn state_fact(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    caller: &Caller,
    incident: Uuid,
    fact: Fact,
    now: Timestamp,
) -> Result<()> {
    let actor = actor(caller);
    if !fact.is_of(party(actor.party)) {
        return Err(Error::new(
            Reason::FailedPrecondition,
            "that is for the other side to state: each states its own duties and reports",
        ));
    }
    let about = store::find(tx.conn(), cipher, incident).await?;
    let about = about.ok_or_else(no_such_incident)?;
    let time = now.max(about.updated);
    let happened = Happened {
        actor,
        reason: String::new(),
        what: What::ReportingFact { fact },
    };
    store::touch(tx, incident, time).await?;
    store::enter(tx, cipher, incident, time, &happened).await
}

/// What was stated of an incident, and when something happened to it last.
///
/// # Errors
/// `NOT_FOUND` when the tenant has no such incident.
pub(crate) async fn facts(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
) -> Result<(Facts, Timestamp)> {
    let about = store::find(conn, cipher, incident).await?;
    let about = about.ok_or_else(no_such_incident)?;
    let mut facts = Facts::default();
    for entry in store::entries_of_kind(conn, cipher, incident, "reporting_fact").await? {
        let by: ClockParty = party(entry.happened.actor.party);
        if let What::ReportingFact { fact } = entry.happened.what {
            facts.state(by, fact);
        }
    }
    Ok((facts, about.updated))
}
