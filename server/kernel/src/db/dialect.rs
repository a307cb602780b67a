//! What differs between databases in the text of SQL. Everything else that the kernel and the
//! rooms send through `Any` is portable text with `$1` parameters.

use sqlx::AnyConnection;

/// The database behind the pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite in WAL mode, one process.
    Sqlite,
    /// PostgreSQL, any number of processes.
    Postgres,
}

impl Dialect {
    /// That of a connection.
    pub(crate) fn of(conn: &AnyConnection) -> Self {
        match conn.backend_name() {
            "PostgreSQL" => Self::Postgres,
            _ => Self::Sqlite,
        }
    }

    /// How many of this process may write at the same time. SQLite has one writer, and its own
    /// waiting is by sleeping and luck: a queue in the process is fair.
    pub(crate) const fn writers(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 1_024,
        }
    }

    /// Begins a transaction that will write. On SQLite it takes the write lock at once: a lock
    /// taken later could fail after the transaction has read.
    pub(crate) const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// Begins a transaction whose reads all see one state.
    pub(crate) const fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN DEFERRED",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        }
    }

    /// Confines the connection to the tenant in `$1` until the transaction ends or another is
    /// named. On SQLite the guards read it, on PostgreSQL the row policies.
    pub(crate) const fn set_tenant(self) -> &'static str {
        match self {
            Self::Sqlite => "UPDATE temp.cordon_scope SET tenant_id = $1",
            Self::Postgres => "SELECT set_config('cordon.tenant', $1, true)",
        }
    }

    /// Lets the connection write, or not; `None` where the transaction itself says it.
    pub(crate) const fn set_read_only(self, on: bool) -> Option<&'static str> {
        match (self, on) {
            (Self::Sqlite, true) => Some("PRAGMA query_only = ON"),
            (Self::Sqlite, false) => Some("PRAGMA query_only = OFF"),
            (Self::Postgres, _) => None,
        }
    }

    /// Has a query lock the jobs `j` that it finds: servers that claim at one time do so in one
    /// order. Nothing where there is one writer anyway.
    pub(crate) const fn lock_jobs(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " ORDER BY j.tenant_id, j.job FOR UPDATE OF j",
        }
    }

    /// Makes a transaction the only one that changes the tenant in `$1`, as far as its log goes,
    /// until it ends: what it has read stays true. `None` where there is one writer anyway.
    pub(crate) const fn lock_tenant(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => {
                Some("SELECT seq FROM audit_head WHERE tenant_id = $1 FOR NO KEY UPDATE")
            }
        }
    }

    /// The same for the provider's registers: also ingest waits, so that nothing is attributed by
    /// what is being changed.
    pub(crate) const fn lock_registers(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => {
                Some("SELECT version FROM directory_version WHERE id = 1 FOR NO KEY UPDATE")
            }
        }
    }

    /// Ends a query for tenants: they stay as they are found until the transaction ends, and none
    /// else that holds one of them goes on. All are held in one order, so that nobody waits in a
    /// circle; rows of a tenant's may come meanwhile. Nothing where there is one writer anyway.
    pub(crate) const fn hold_tenants(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " ORDER BY tenant_id FOR NO KEY UPDATE",
        }
    }

    /// Finds the day in `$1` while it takes contributions, and keeps it from being closed until the
    /// transaction ends.
    pub(crate) const fn hold_release_day(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT day FROM release_days WHERE day = $1 AND closed = 0",
            Self::Postgres => {
                "SELECT day FROM release_days WHERE day = $1 AND closed = 0 FOR SHARE"
            }
        }
    }

    /// What time it is by the database's clock, in milliseconds.
    pub(crate) const fn clock(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::Postgres => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// Frees the blocks of the tenant in `$1`, a part at a time until none is left.
    pub(crate) const fn free_blocks(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[
                "DELETE FROM journal_payloads WHERE payload_id IN \
                    (SELECT j.payload_id FROM journal j JOIN journal_payloads p ON p.payload_id = j.payload_id \
                      WHERE j.tenant_id = $1 LIMIT 1024)",
                "UPDATE journal SET payload_id = NULL WHERE tenant_id = $1 AND payload_id IS NOT NULL",
            ],
            Self::Postgres => &[
                "DELETE FROM journal_payloads WHERE tenant_id = $1 AND first_seq IN \
                    (SELECT first_seq FROM journal_payloads WHERE tenant_id = $1 LIMIT 1024)",
            ],
        }
    }
}

impl Dialect {
    /// How many blocks of the tenant in `$1` are sealed under an older data key than the version in
    /// `$2` (four bytes, big endian), by their own word.
    pub(crate) const fn blocks_under_older_keys(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT count(*) FROM journal j JOIN journal_payloads p ON p.payload_id = j.payload_id \
                  WHERE j.tenant_id = $1 AND substr(p.payload, 2, 4) < $2"
            }
            Self::Postgres => {
                "SELECT count(*) FROM journal_payloads \
                  WHERE tenant_id = $1 AND substring(payload FROM 2 FOR 4) < $2"
            }
        }
    }
}

impl Dialect {
    /// The condition that the value in `sealed` is under an older data key than the version in `$2`
    /// (four bytes, big endian), by its own word.
    pub(crate) const fn sealed_before(self) -> &'static str {
        match self {
            Self::Sqlite => "substr(sealed, 2, 4) < $2",
            Self::Postgres => "substring(sealed FROM 2 FOR 4) < $2",
        }
    }
}

/// Names the tenant whose rows a transaction of the kernel's own is about to touch, where row
/// policies want to know; elsewhere the kernel's connections have no guards.
pub(crate) async fn confine(
    conn: &mut AnyConnection,
    tenant: &str,
) -> std::result::Result<(), sqlx::Error> {
    let dialect = Dialect::of(conn);
    if dialect == Dialect::Postgres {
        sqlx::query(dialect.set_tenant())
            .bind(tenant)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// `$from, $from+1, …`: `n` parameters for an `IN (…)`.
pub(crate) fn parameters(from: usize, n: usize) -> String {
    let mut out = String::with_capacity(n * 5);
    for i in from..from + n {
        if i > from {
            out.push_str(", ");
        }
        out.push('$');
        out.push_str(&i.to_string());
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn parameters_count_from_where_told() {
        assert_eq!(super::parameters(2, 3), "$2, $3, $4");
        assert_eq!(super::parameters(1, 0), "");
    }
}
