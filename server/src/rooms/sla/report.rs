//! The report of a month: from the tenant's timelines, agreements and what the service measured.

use cordon_kernel::db::measures::waited;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Name, Result, TenantId, TenantScope};
use cordon_sla::agreement::{Agreement, in_force};
use cordon_sla::attainment::nearest_rank;
use cordon_sla::decided::decided;
use cordon_sla::period::Period;
use cordon_sla::report::{
    Availability, Builder, ClockLines, ClocksDigest, Freshness, Gap, Month, Report, line,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::store;
use crate::rooms::incidents;

/// Incidents that are read at a time.
const STEP: i64 = 64;
/// Most months before that a report shows.
const EARLIER: i64 = 11;
const MINUTE: i64 = 60;

/// How long after a month its report is final: other servers' clocks may be behind, and what was
/// counted in memory is still to be written down.
pub(super) const SETTLING: SignedDuration = SignedDuration::from_hours(1);

/// The moment that a month is reported as of when it is `now`: until it has settled, before its end.
pub(super) fn known_at(period: Period, now: Timestamp) -> Timestamp {
    let end = period.to();
    match now < end + SETTLING {
        true => now.min(end - SignedDuration::from_nanos(1)),
        false => now,
    }
}

/// A report in the making.
pub(super) struct Making<'a> {
    kernel: &'a Kernel,
    scope: &'a TenantScope,
    agreements: &'a [Agreement],
    period: Period,
    as_of: Timestamp,
    builder: Builder<'a>,
    lines: ClockLines,
    after: Option<Uuid>,
}

impl<'a> Making<'a> {
    pub(super) fn new(
        kernel: &'a Kernel,
        scope: &'a TenantScope,
        agreements: &'a [Agreement],
        period: Period,
        now: Timestamp,
    ) -> Self {
        Self {
            kernel,
            scope,
            agreements,
            period,
            as_of: period.as_of(now),
            builder: Builder::new(scope.tenant().as_str(), period, now, agreements),
            lines: ClockLines::default(),
            after: None,
        }
    }

    /// The clocks of some more incidents, as lines; `None` once there are no more. Each step is a
    /// snapshot of its own: what happens meanwhile is after the moment that the report is as of.
    pub(super) async fn step(&mut self) -> Result<Option<Vec<u8>>> {
        let tenant = self.scope.tenant();
        let cipher = self.kernel.cipher(self.scope).await?;
        let mut read = self.kernel.db().tenant_read(self.scope).await?;
        let span = (self.period.from(), self.as_of);
        let found = incidents::handled(read.conn(), tenant, span, self.after, STEP).await?;
        let Some(last) = found.last() else {
            return Ok(None);
        };
        self.after = Some(last.id);
        let mut text = Vec::new();
        for incident in found {
            let log = incidents::clock_log(read.conn(), &cipher, incident.id).await?;
            let clocks = decided(
                &log.entries,
                |at| in_force(self.agreements, at),
                &incident.id.hyphenated().to_string(),
                u64::try_from(incident.number).unwrap_or(0),
                self.period,
                self.as_of,
            );
            for clock in clocks {
                self.builder.add(&clock);
                text.extend(line(&clock).map_err(Error::internal)?);
            }
        }
        self.lines.take(&text);
        Ok(Some(text))
    }

    /// The report, and the digest of all lines. What the service measured, and the months before,
    /// are those of the report that was kept when the month was over, once it was.
    pub(super) async fn finish(self) -> Result<(Report, ClocksDigest)> {
        let tenant = self.scope.tenant();
        let mut read = self.kernel.db().tenant_read(self.scope).await?;
        let kept = store::final_report(read.conn(), tenant, self.period).await?;
        let earlier = store::reports(read.conn(), tenant, self.period, EARLIER).await?;
        // Whole days: those of the month, as far as it has come.
        let until = self.as_of + SignedDuration::from_hours(24) - SignedDuration::from_nanos(1);
        let until = until.min(self.period.to());
        let waited = waited(read.conn(), tenant, self.period.from(), until).await?;
        drop(read);
        let (availability, freshness, earlier) = match kept {
            Some(kept) => (kept.availability, kept.freshness, kept.earlier),
            None => (
                availability(self.kernel, self.period, self.as_of).await?,
                freshness(&waited),
                earlier.iter().map(Month::from).collect(),
            ),
        };
        let digest = self.lines.finish();
        let clocks = Some(digest.clone());
        let report = self
            .builder
            .finish(availability, freshness, earlier, clocks);
        Ok((report, digest))
    }
}

/// What the report of a tenant's month is called.
pub(super) fn report_name(tenant: &TenantId, period: Period) -> Result<Name> {
    format!("tenants/{tenant}/reports/{period}").parse()
}

/// How much of a time the service was ready, by the minute; `None` where that was not measured yet.
/// The minute that is not over is left out.
async fn availability(
    kernel: &Kernel,
    period: Period,
    as_of: Timestamp,
) -> Result<Option<Availability>> {
    let measured = kernel.db().ready_minutes(period.from(), as_of).await?;
    let minute = |time: Timestamp| time.as_second().div_euclid(MINUTE);
    let Some(first) = measured.first else {
        return Ok(None);
    };
    let (from, to) = (minute(period.from()).max(first), minute(as_of));
    let moment = |minute: i64| Timestamp::from_second(minute * MINUTE);
    let mut gaps = Vec::new();
    let mut next = from;
    for ready in measured.minutes.iter().copied().chain([to]) {
        if ready > next {
            let (from, to) = (moment(next), moment(ready));
            let (from, to) = from.ok().zip(to.ok()).unwrap_or_default();
            gaps.push(Gap { from, to });
        }
        next = ready + 1;
    }
    let total = u64::try_from(to - from).unwrap_or(0);
    let available = u64::try_from(measured.minutes.len()).unwrap_or(0);
    Ok(Some(Availability::measured(total, available, gaps)))
}

/// How long events waited, by how many waited how many milliseconds at most.
fn freshness(waited: &[(i64, u64)]) -> Option<Freshness> {
    let at_most = |percent| {
        let millis = nearest_rank(waited.iter().copied(), percent)?;
        Some(SignedDuration::from_millis(millis))
    };
    let counts = waited.iter().map(|(_, count)| *count);
    Some(Freshness {
        count: counts.fold(0, u64::saturating_add),
        p50: at_most(50)?,
        p99: at_most(99)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_by_the_nearest_rank() {
        assert_eq!(freshness(&[]), None);
        let found = freshness(&[(5, 98), (40, 1), (1_024, 1)]).unwrap();
        assert_eq!(found.count, 100);
        assert_eq!(found.p50, SignedDuration::from_millis(5));
        assert_eq!(found.p99, SignedDuration::from_millis(40));
    }
}
