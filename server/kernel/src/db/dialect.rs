//! What differs between databases in the text of SQL. Everything else that the kernel and the
//! rooms send through `Any` is portable text with `$1` parameters.

/// The database behind the pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite in WAL mode, one process.
    Sqlite,
}

impl Dialect {
    /// Begins a transaction that will write. On SQLite it takes the write lock at once: a lock
    /// taken later could fail after the transaction has read.
    pub(crate) const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
        }
    }

    /// Begins a transaction whose reads all see one state.
    pub(crate) const fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN DEFERRED",
        }
    }

    /// Confines the connection to the tenant in `$1` until the transaction ends or another is
    /// named. On SQLite the guards of [`super::guard`] read it.
    pub(crate) const fn set_tenant(self) -> &'static str {
        match self {
            Self::Sqlite => "UPDATE temp.cordon_scope SET tenant_id = $1",
        }
    }

    /// Lets the connection write, or not.
    pub(crate) const fn set_read_only(self, on: bool) -> &'static str {
        match (self, on) {
            (Self::Sqlite, true) => "PRAGMA query_only = ON",
            (Self::Sqlite, false) => "PRAGMA query_only = OFF",
        }
    }
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
