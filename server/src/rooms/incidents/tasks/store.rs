//! The table of tasks. What a task is about is sealed; its state and times are not.

use std::collections::BTreeSet;

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result};
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::store::{self, Cut, text, uuid};
use super::model::{Change, State, Task};

const TASKS: &str = "incident_tasks";

pub(super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    (incident, id): (Uuid, Uuid),
) -> Result<Option<Task>> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT sealed FROM incident_tasks \
          WHERE tenant_id = $1 AND task_id = $2 AND incident_id = $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(id))
    .bind(text(incident))
    .fetch_optional(conn)
    .await?;
    sealed.map(|sealed| read(cipher, id, &sealed)).transpose()
}

/// Up to `limit` of an incident's tasks after the id `after`, of these states or of all.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    states: &[State],
    after: &str,
    limit: i64,
) -> Result<Cut<Task>> {
    // Words of a closed set alone; nothing that a caller wrote.
    let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let confined = match states.as_slice() {
        [] => String::new(),
        states => format!(" AND state IN ('{}')", states.join("', '")),
    };
    let sql = format!(
        "SELECT task_id, sealed FROM incident_tasks \
          WHERE tenant_id = $1 AND incident_id = $2 AND task_id > $3{confined} \
          ORDER BY task_id LIMIT $4"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(cipher.tenant().as_str())
        .bind(text(incident))
        .bind(after)
        .bind(limit)
        .fetch(conn);
    store::cut(rows, |row| {
        let id = uuid(&row.try_get::<String, _>("task_id")?)?;
        read(cipher, id, &row.try_get::<Vec<u8>, _>("sealed")?)
    })
    .await
}

/// The kinds of an incident's tasks that are to be done.
pub(super) async fn open_kinds(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
) -> Result<BTreeSet<String>> {
    let (mut kinds, mut after) = (BTreeSet::new(), String::new());
    loop {
        let (tasks, _) = list(conn, cipher, incident, &[State::Open], &after, 1_000).await?;
        let Some(last) = tasks.last() else {
            return Ok(kinds);
        };
        after = text(last.id);
        kinds.extend(tasks.into_iter().map(|task| task.kind));
    }
}

/// How many tasks an incident has.
pub(super) async fn count(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM incident_tasks WHERE tenant_id = $1 AND incident_id = $2",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(incident))
    .fetch_one(conn)
    .await?)
}

fn read(cipher: &TenantCipher, id: Uuid, sealed: &[u8]) -> Result<Task> {
    let plain = cipher.open(&object(TASKS, &text(id)), 0, sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

/// Writes a decided change of a task, and that something happened to its incident.
pub(super) async fn apply(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    change: &Change,
) -> Result<()> {
    let task = &change.seen().task;
    let Some(happened) = change.happened() else {
        return Ok(());
    };
    let plain = serde_json::to_vec(task).map_err(Error::internal)?;
    let sealed = cipher.seal(&object(TASKS, &text(task.id)), 0, &plain)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO incident_tasks (tenant_id, task_id, incident_id, state, created_time, \
                updated_time, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (tenant_id, task_id) DO UPDATE SET state = excluded.state, \
                updated_time = excluded.updated_time, sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(text(task.id))
    .bind(text(task.incident))
    .bind(task.state.as_str())
    .bind(nanos(task.created))
    .bind(nanos(task.updated))
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    sqlx::query("UPDATE incidents SET updated_time = $3 WHERE tenant_id = $1 AND incident_id = $2")
        .bind(tenant.as_str())
        .bind(text(task.incident))
        .bind(nanos(task.updated))
        .execute(tx.conn())
        .await?;
    store::enter(tx, cipher, task.incident, task.updated, happened).await
}
