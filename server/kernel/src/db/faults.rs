//! What a caller hears when the database fails: never its own words.

use std::time::Duration;

use crate::error::{Error, Reason};

impl From<sqlx::Error> for Error {
    /// Busy, full and unreachable are `UNAVAILABLE`; a violated unique constraint is
    /// `ALREADY_EXISTS`; all else is `INTERNAL`, whose cause only the log sees.
    fn from(error: sqlx::Error) -> Self {
        let away = |error: &sqlx::Error| {
            Self::new(Reason::Unavailable, "the database can't be reached now")
                .with_retry_after(Duration::from_secs(1))
                .with_source(error)
        };
        match &error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed => away(&error),
            sqlx::Error::Database(cause) => {
                let passing = cause.code().is_some_and(|code| passes(&code));
                if passing {
                    away(&error)
                } else if cause.is_unique_violation() {
                    Self::new(Reason::AlreadyExists, "it exists already").with_source(&error)
                } else {
                    Self::internal(error)
                }
            }
            _ => Self::internal(error),
        }
    }
}

/// Whether a failure has a cause that goes away, or that an operator mends, without the call
/// having been wrong.
fn passes(code: &str) -> bool {
    if code.len() == 5 {
        // SQLSTATE: by class, but for a few. 08 connection, 28 credentials, 40 rolled back for
        // another's sake, 53 out of disk, memory or connections, 57 shut down or cancelled, 58
        // the machine.
        let class = code.get(..2).unwrap_or_default();
        return matches!(class, "08" | "28" | "40" | "53" | "57" | "58")
            || matches!(code, "55P03" | "25P03" | "25006" | "3D000");
    }
    // SQLite's primary result code is the low byte: BUSY, LOCKED, IOERR, FULL, CANTOPEN.
    let primary = code.parse::<u32>().map(|code| code & 0xff);
    matches!(primary, Ok(5 | 6 | 10 | 13 | 14))
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn what_passes_is_told_from_what_is_wrong() {
        for code in [
            "5", "261", "13", "08006", "40P01", "53100", "57P01", "55P03",
        ] {
            assert!(passes(code), "{code}");
        }
        // 53, the class, and 42501, whose low byte would be SQLite's BUSY.
        for code in ["1", "19", "1555", "23505", "42501", "42P01", "XX001", ""] {
            assert!(!passes(code), "{code}");
        }
    }
}
