//! A question across tenants, from the asker's own evidence to its answer: one transaction, in which
//! the budget is charged and out of which nothing comes but the answer or a refusal.

use cordon_release::{
    Answer, Bucket, Budget, Charge, Count, Day, DayKey, Eligible, Evidence, Fingerprint, Indicator,
    IndicatorCount, InstanceDays, Maintenance, Question, Refused, Window,
};
use sqlx::{AnyConnection, Row as _};

use super::super::{Db, SystemTx, confine};
use super::{days, hosts, ranges, stored};
use crate::auth::TenantScope;
use crate::error::{Error, Result};
use crate::keys::KeyId;
use crate::keys::envelope::OwnerKeys;

/// What comes out: an answer of a declared release, or why there is none.
pub type Released<V> = std::result::Result<Answer<V>, Refused>;

impl Db {
    /// How many customers have seen an indicator that the scope's tenant has seen: `evidence` is
    /// read in its own scope out of its own events.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database or the keys can't be reached; nothing is charged then.
    pub async fn answer_indicator(
        &self,
        scope: &TenantScope,
        indicator: Indicator,
        evidence: Option<Evidence>,
    ) -> Result<Released<Bucket>> {
        let snapshot = Day::snapshot(self.env().now());
        let keys = self.keyring().system(&KeyId::server()).await?;
        let mut system = self.system_tx().await?;
        let ranges = ranges(&mut system.tx).await?;
        let eligible = match Eligible::<Indicator>::check(indicator, snapshot, evidence, &ranges) {
            Ok(eligible) => eligible,
            Err(refused) => return Ok(Err(refused)),
        };
        let window = day_keys(&mut system.tx, &keys, Window::ending(snapshot)).await?;
        let Some(last) = window.last().filter(|key| key.day() == snapshot) else {
            return Ok(Err(Refused::SnapshotIncomplete));
        };
        let paid = match charge(&mut system, scope, eligible, last).await? {
            Ok(paid) => paid,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut counts = Vec::with_capacity(window.len());
        for key in &window {
            let count = count(&mut system.tx, key, &indicator).await?;
            counts.push(IndicatorCount { key, count });
        }
        let answer = match paid.answer(&counts) {
            Ok(answer) => answer,
            // Undone with the charge.
            Err(refused) => return Ok(Err(refused)),
        };
        system.commit().await?;
        Ok(Ok(answer))
    }
}

impl Db {
    /// Whether announced work touched a host that an instance of the scope's tenant was on: of the
    /// tenant's own registrations and placements, and of the provider's calendar.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database or the keys can't be reached; nothing is charged then.
    pub async fn answer_maintenance(
        &self,
        scope: &TenantScope,
        question: InstanceDays,
    ) -> Result<Released<Maintenance>> {
        let snapshot = Day::snapshot(self.env().now());
        let keys = self.keyring().system(&KeyId::server()).await?;
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, scope.tenant().as_str()).await?;
        let owned = hosts::owned(&mut system.tx, scope.tenant(), question.instance()).await?;
        let instance = question.instance().to_owned();
        let eligible = match Eligible::<InstanceDays>::check(question, snapshot, &owned) {
            Ok(eligible) => eligible,
            Err(refused) => return Ok(Err(refused)),
        };
        let days = day_keys(&mut system.tx, &keys, Window::ending(snapshot)).await?;
        let Some(last) = days.last().filter(|key| key.day() == snapshot) else {
            return Ok(Err(Refused::SnapshotIncomplete));
        };
        let paid = match charge(&mut system, scope, eligible, last).await? {
            Ok(paid) => paid,
            Err(refused) => return Ok(Err(refused)),
        };
        let stays = hosts::stays(&mut system.tx, scope.tenant(), &instance).await?;
        let calendar = hosts::calendar(&mut system.tx, &stays).await?;
        let answer = paid.answer(&stays, &calendar);
        system.commit().await?;
        Ok(Ok(answer))
    }
}

/// The keys of the days of a window that are closed, the earliest first.
async fn day_keys(
    conn: &mut AnyConnection,
    keys: &OwnerKeys,
    window: Window,
) -> Result<Vec<DayKey>> {
    let rows = sqlx::query(
        "SELECT day, sealed FROM release_days WHERE day >= $1 AND day <= $2 AND closed = 1 \
          ORDER BY day",
    )
    .bind(i64::from(window.first().number()))
    .bind(i64::from(window.last().number()))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let sealed: Vec<u8> = row.try_get(1)?;
            days::key(keys, days::day_of(row.try_get(0)?)?, &sealed)
        })
        .collect()
}

/// Charges a question to whoever pays for the tenant.
async fn charge<Q: Question>(
    system: &mut SystemTx,
    scope: &TenantScope,
    eligible: Eligible<Q>,
    key: &DayKey,
) -> Result<std::result::Result<cordon_release::Paid<Q>, Refused>> {
    let conn = &mut *system.tx;
    // A sub-account has no budget beside that of the tenant above it.
    let organisation: String = sqlx::query_scalar(
        "SELECT CASE WHEN t.billing_organisation IS NOT NULL \
                     THEN 'organisations/' || t.billing_organisation \
                     WHEN p.billing_organisation IS NOT NULL \
                     THEN 'organisations/' || p.billing_organisation \
                     ELSE 'tenants/' || COALESCE(t.parent, t.tenant_id) END \
           FROM tenants t LEFT JOIN tenants p ON p.tenant_id = t.parent WHERE t.tenant_id = $1",
    )
    .bind(scope.tenant().as_str())
    .fetch_one(&mut *conn)
    .await?;
    // Holds the row: two questions of one organisation are charged one after the other.
    sqlx::query(
        "INSERT INTO release_organisations (organisation, day) VALUES ($1, $2) \
         ON CONFLICT (organisation) DO UPDATE SET day = excluded.day",
    )
    .bind(organisation.as_str())
    .bind(i64::from(key.day().number()))
    .execute(&mut *conn)
    .await?;
    let rows = sqlx::query(
        "SELECT day, fingerprint FROM release_questions WHERE organisation = $1 AND day >= $2",
    )
    .bind(organisation.as_str())
    .bind(i64::from(Budget::counting_from(key.day()).number()))
    .fetch_all(&mut *conn)
    .await?;
    let asked = rows.iter().map(|row| {
        let fingerprint: Vec<u8> = row.try_get(1)?;
        let day = days::day_of(row.try_get(0)?)?;
        Ok((day, Fingerprint(stored(&fingerprint)?)))
    });
    let mut budget = Budget::new(asked.collect::<Result<Vec<_>>>()?);
    let paid = match budget.spend(eligible, key) {
        Ok(paid) => paid,
        Err(refused) => return Ok(Err(refused)),
    };
    if let Charge::New(day, fingerprint) = paid.charge() {
        sqlx::query(
            "INSERT INTO release_questions (organisation, day, fingerprint) VALUES ($1, $2, $3)",
        )
        .bind(organisation)
        .bind(i64::from(day.number()))
        .bind(fingerprint.0.to_vec())
        .execute(conn)
        .await?;
    }
    Ok(Ok(paid))
}

async fn count(conn: &mut AnyConnection, key: &DayKey, indicator: &Indicator) -> Result<Count> {
    let tenants: Option<i64> =
        sqlx::query_scalar("SELECT tenants FROM release_counts WHERE day = $1 AND tag = $2")
            .bind(i64::from(key.day().number()))
            .bind(key.tag(indicator).0.to_vec())
            .fetch_optional(conn)
            .await?;
    let tenants = u32::try_from(tenants.unwrap_or(0));
    Ok(Count::stored(tenants.map_err(Error::internal)?))
}
