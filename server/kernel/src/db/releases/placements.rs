//! On which hosts instances are or were, as the provider reports it: many at a time, and as if each
//! were told by itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};

use super::super::dialect::{Dialect, parameters};
use super::super::{ProviderTx, nanos};
use super::{STATEMENT_ROWS, rows};
use crate::error::{Error, Reason, Result};
use crate::ids::TenantId;

/// That an instance is or was on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Whose the instance is.
    pub tenant: TenantId,
    /// Its id, as it is registered among the tenant's resources.
    pub instance: String,
    /// The provider's name of the host.
    pub host: String,
    /// From when on.
    pub start: Timestamp,
    /// Until when; `None`: it is there.
    pub end: Option<Timestamp>,
}

impl ProviderTx<'_> {
    /// Writes where instances are or were: who is somewhere else from some time on has left where
    /// it was, whichever is told first, so that the same told again changes nothing. Of one instance
    /// and start what is told last holds. Returns how many were new or changed something.
    ///
    /// The tenants are held until the transaction ends, and the registers need not be: none of them
    /// is deleted meanwhile, and who reports of the same instances waits.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is no such tenant; `FAILED_PRECONDITION` when it is deleted.
    pub async fn record_placements(&mut self, placements: &[Placement]) -> Result<usize> {
        let conn = self.conn();
        hold(conn, placements).await?;
        let mut stays = Stays::default();
        for some in placements.chunks(STATEMENT_ROWS) {
            stays.load(conn, some).await?;
        }
        let mut count = 0;
        for placement in placements {
            count += usize::from(stays.place(placement));
        }
        let changed = stays.changed();
        for some in changed.chunks(STATEMENT_ROWS) {
            write(conn, some).await?;
        }
        Ok(count)
    }
}

/// Holds the tenants, and refuses one that is not there or not any more.
async fn hold(conn: &mut AnyConnection, placements: &[Placement]) -> Result<()> {
    let tenants: BTreeSet<&TenantId> = placements.iter().map(|one| &one.tenant).collect();
    let tenants: Vec<&TenantId> = tenants.into_iter().collect();
    let held = Dialect::of(conn).hold_tenants();
    for some in tenants.chunks(STATEMENT_ROWS) {
        let names = parameters(1, some.len());
        let sql =
            format!("SELECT tenant_id, status FROM tenants WHERE tenant_id IN ({names}){held}");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).persistent(false);
        let query = some
            .iter()
            .fold(query, |query, one| query.bind(one.as_str()));
        let found: Vec<(String, String)> = query.fetch_all(&mut *conn).await?;
        let status: BTreeMap<String, String> = found.into_iter().collect();
        for tenant in some {
            match status.get(tenant.as_str()).map(String::as_str) {
                None => return Err(Error::new(Reason::NotFound, "no such tenant")),
                Some("deleted") => {
                    let reason = Reason::FailedPrecondition;
                    return Err(Error::new(reason, "the tenant is deleted"));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// Where an instance is or was from some time on.
struct Stay {
    end: Option<i64>,
    host: String,
    changed: bool,
}

/// One row, as it is written.
struct Row<'s> {
    tenant: &'s str,
    instance: &'s str,
    start: i64,
    stay: &'s Stay,
}

/// What is stored of the instances that are told of, as far as that may change; by instance and
/// start.
#[derive(Default)]
struct Stays(BTreeMap<(String, String), BTreeMap<i64, Stay>>);

impl Stays {
    /// Reads what these may change (what begins when they do, and what lasts longer) and what begins
    /// next.
    async fn load(&mut self, conn: &mut AnyConnection, placements: &[Placement]) -> Result<()> {
        let told = rows(placements.len(), |at| {
            format!("({})", parameters(3 * at + 1, 3))
        });
        // CROSS JOIN keeps SQLite from scanning the table for each.
        let sql = format!(
            "SELECT p.tenant_id, p.instance, p.start_time, p.end_time, p.host \
               FROM (VALUES {told}) AS told CROSS JOIN placements p \
              WHERE p.tenant_id = told.column1 AND p.instance = told.column2 \
                AND p.start_time <= COALESCE( \
                    (SELECT min(n.start_time) FROM placements n \
                      WHERE n.tenant_id = told.column1 AND n.instance = told.column2 \
                        AND n.start_time > told.column3), told.column3) \
                AND (p.start_time >= told.column3 OR p.end_time IS NULL OR p.end_time > told.column3)"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false);
        let query = placements.iter().fold(query, |query, one| {
            query
                .bind(one.tenant.as_str())
                .bind(one.instance.as_str())
                .bind(nanos(one.start))
        });
        for row in query.fetch_all(conn).await? {
            let stay = Stay {
                end: row.try_get(3)?,
                host: row.try_get(4)?,
                changed: false,
            };
            let stays = self.0.entry((row.try_get(0)?, row.try_get(1)?));
            stays.or_default().insert(row.try_get(2)?, stay);
        }
        Ok(())
    }

    /// Takes one in; whether that is new.
    fn place(&mut self, placement: &Placement) -> bool {
        let key = (placement.tenant.to_string(), placement.instance.clone());
        let stays = self.0.entry(key).or_default();
        let start = nanos(placement.start);
        let mut begins = stays.range(start..).map(|(begin, _)| *begin);
        let next = begins.find(|begin| *begin > start);
        let end = placement.end.map(nanos).into_iter().chain(next).min();
        let known = stays.get(&start);
        let mut changed = known.is_none_or(|stay| stay.host != placement.host || stay.end != end);
        if changed {
            let stay = Stay {
                end,
                host: placement.host.clone(),
                changed,
            };
            stays.insert(start, stay);
        }
        for (_, before) in stays.range_mut(..start) {
            if before.end.is_none_or(|end| end > start) {
                before.end = Some(start);
                before.changed = true;
                changed = true;
            }
        }
        changed
    }

    fn changed(&self) -> Vec<Row<'_>> {
        let each = self.0.iter().flat_map(|((tenant, instance), stays)| {
            stays.iter().map(move |(start, stay)| Row {
                tenant,
                instance,
                start: *start,
                stay,
            })
        });
        each.filter(|row| row.stay.changed).collect()
    }
}

async fn write(conn: &mut AnyConnection, changed: &[Row<'_>]) -> Result<()> {
    let values = rows(changed.len(), |at| {
        format!("({})", parameters(5 * at + 1, 5))
    });
    let sql = format!(
        "INSERT INTO placements (tenant_id, instance, start_time, end_time, host) VALUES {values} \
         ON CONFLICT (tenant_id, instance, start_time) \
         DO UPDATE SET end_time = excluded.end_time, host = excluded.host"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false);
    let query = changed.iter().fold(query, |query, row| {
        query
            .bind(row.tenant)
            .bind(row.instance)
            .bind(row.start)
            .bind(row.stay.end)
            .bind(row.stay.host.as_str())
    });
    query.execute(conn).await?;
    Ok(())
}
