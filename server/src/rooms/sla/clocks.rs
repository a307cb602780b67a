//! The clocks of an incident: from its timeline and the tenant's agreements.

use std::collections::BTreeSet;

use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Disclosed, Result, TenantId, TenantScope};
use cordon_proto::sla as wire;
use cordon_sla::agreement::{Agreement, in_force};
use cordon_sla::clock::{Clock, Notice, evaluate};
use jiff::Timestamp;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::convert::{self, ShownClock};
use super::deadlines::Deadlines;
use super::service::Clocks;
use super::store;
use crate::rooms::incidents::{self, ClockLog};

/// Most agreements of a tenant: each is looked at for each clock.
pub(super) const MAX_AGREEMENTS: i64 = 1_000;

/// What a tenant was ever promised.
pub(super) struct Agreements(Vec<Agreement>);

impl Agreements {
    pub(super) async fn of(conn: &mut AnyConnection, tenant: &TenantId) -> Result<Self> {
        let all = store::list(conn, tenant, i64::MAX, MAX_AGREEMENTS).await?;
        Ok(Self(all.into_iter().map(|one| one.agreement).collect()))
    }

    /// All of them, the newest first.
    pub(super) fn all(&self) -> &[Agreement] {
        &self.0
    }

    /// The clocks of an incident at `now`, or at its last entry: another server's clock may be
    /// ahead of this one's.
    pub(super) async fn clocks(
        &self,
        conn: &mut AnyConnection,
        cipher: &TenantCipher,
        incident: Uuid,
        now: Timestamp,
    ) -> Result<Evaluated<'_>> {
        let ClockLog {
            entries,
            notices,
            last,
        } = incidents::clock_log(conn, cipher, incident).await?;
        let as_of = last.max(now);
        Ok(Evaluated {
            clocks: evaluate(&entries, |at| in_force(&self.0, at), as_of),
            notices,
            as_of,
        })
    }
}

/// The clocks and the deadlines of an incident, as the methods that list them would answer, and the
/// moment that they are of.
///
/// # Errors
/// `NOT_FOUND`; `UNAVAILABLE` when the database can't be reached.
pub(crate) async fn records(
    scope: &TenantScope,
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    (incident, now): (Uuid, Timestamp),
) -> Result<(Vec<wire::Clock>, Vec<wire::ReportingDeadline>, Timestamp)> {
    let tenant = scope.tenant();
    let agreements = Agreements::of(conn, tenant).await?;
    let Evaluated { clocks, as_of, .. } = agreements.clocks(conn, cipher, incident, now).await?;
    let clocks = clocks.iter();
    let clocks = clocks
        .map(|clock| ShownClock::new(tenant, incident, clock))
        .collect();
    let clocks = Disclosed::own(scope, Clocks { clocks, as_of });
    let (facts, _) = incidents::facts(conn, cipher, incident).await?;
    let countdowns = facts.countdowns(as_of);
    let deadlines = Disclosed::own(scope, Deadlines { countdowns, as_of });
    let deadlines = convert::deadlines(deadlines).deadlines;
    Ok((convert::clocks(clocks).clocks, deadlines, as_of))
}

/// An incident's clocks at a moment.
pub(super) struct Evaluated<'a> {
    pub(super) clocks: Vec<Clock<'a>>,
    /// What was recorded about them.
    pub(super) notices: BTreeSet<Notice>,
    pub(super) as_of: Timestamp,
}
