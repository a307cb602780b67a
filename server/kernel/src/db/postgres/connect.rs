//! How PostgreSQL is reached: by four roles that log in as themselves. No connection changes its
//! role, so that none can change it back.

use std::str::FromStr as _;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::any::AnyConnectOptions;
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AnyPool, ConnectOptions as _, Database, Executor, PgConnection, PgPool};

use super::super::{PATIENCE, Pools, RolePasswords};
use crate::error::{Error, Reason, Result};

/// Connections are made anew after so long, so that a change of addresses or certificates is seen.
const LIFETIME: Duration = Duration::from_secs(1_800);

/// What holds on each connection. Times are short enough that a process which was stopped in a
/// transaction does not hold the others up; durability is at least what PostgreSQL does by default.
const SESSION: &str = "SET search_path = public, pg_temp; SET row_security = on; \
    SET statement_timeout = '60s'; SET lock_timeout = '10s'; \
    SET idle_in_transaction_session_timeout = '15s'; \
    SELECT set_config('synchronous_commit', \
        CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on' \
             ELSE current_setting('synchronous_commit') END, false)";

/// A role that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Role {
    App,
    Ingest,
    Provider,
    Kernel,
}

impl Role {
    pub(in super::super) const ALL: [Self; 4] =
        [Self::App, Self::Ingest, Self::Provider, Self::Kernel];

    pub(in super::super) const fn name(self) -> &'static str {
        match self {
            Self::App => "cordon_app",
            Self::Ingest => "cordon_ingest",
            Self::Provider => "cordon_provider",
            Self::Kernel => "cordon_kernel",
        }
    }

    /// The key of its password in the configuration.
    pub(super) const fn setting(self) -> &'static str {
        match self {
            Self::App => "database.passwords.app",
            Self::Ingest => "database.passwords.ingest",
            Self::Provider => "database.passwords.provider",
            Self::Kernel => "database.passwords.kernel",
        }
    }
}

/// Where a database is, and who may go in.
pub(in super::super) struct Place {
    url: String,
    roles: RolePasswords,
}

impl Place {
    pub(in super::super) fn parse(url: &str, roles: &RolePasswords) -> Result<Self> {
        let wrong = |what: &str| Error::invalid("database.url", what.to_owned());
        let rest = url
            .split_once("://")
            .map(|(_, rest)| rest)
            .ok_or_else(|| wrong("expected postgres://HOST[:PORT]/DATABASE"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let names_user = query
            .split('&')
            .any(|pair| pair.starts_with("user=") || pair.starts_with("password="));
        if place.contains('@') || names_user {
            return Err(wrong(
                "names a user or password: the roles are Cordon's own, their passwords go into \
                 database.passwords",
            ));
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| wrong(&format!("is no URL of PostgreSQL: {error}")))?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(wrong("names no database: postgres://HOST[:PORT]/DATABASE"));
        }
        let mut url = url.to_owned();
        let says = |key: &str| query.split('&').any(|pair| pair.starts_with(key));
        let host = options.get_host();
        let here = options.get_socket().is_some()
            || matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "::1")
            || host.starts_with('/');
        // What leaves this machine is encrypted, to a server that was verified, unless the
        // operator says otherwise.
        if !here && !says("sslmode=") && !says("ssl-mode=") {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str("sslmode=verify-full");
        }
        Ok(Self {
            url,
            roles: roles.clone(),
        })
    }

    pub(super) fn password(&self, role: Role) -> Option<&SecretString> {
        match role {
            Role::App => self.roles.app.as_ref(),
            Role::Ingest => self.roles.ingest.as_ref(),
            Role::Provider => self.roles.provider.as_ref(),
            Role::Kernel => self.roles.kernel.as_ref(),
        }
    }

    /// The URL for a user; a secret where there is a password.
    fn url_of(&self, user: &str, password: Option<&SecretString>) -> SecretString {
        let mut url = self.url.clone();
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str("application_name=cordon&user=");
        encode(&mut url, user);
        // Empty rather than none: the environment's PGPASSWORD is for somebody else.
        url.push_str("&password=");
        if let Some(password) = password {
            encode(&mut url, password.expose_secret());
        }
        SecretString::from(url)
    }

    fn any(&self, role: Role) -> Result<AnyConnectOptions> {
        let url = self.url_of(role.name(), self.password(role));
        let options = AnyConnectOptions::from_str(url.expose_secret());
        Ok(options
            .map_err(|_| Error::invalid("database.url", "is no URL of PostgreSQL"))?
            .disable_statement_logging())
    }

    fn native(&self, role: Role) -> Result<PgConnectOptions> {
        let url = self.url_of(role.name(), self.password(role));
        let options = PgConnectOptions::from_str(url.expose_secret());
        Ok(options
            .map_err(|_| Error::invalid("database.url", "is no URL of PostgreSQL"))?
            .disable_statement_logging())
    }

    /// A connection of one role, outside the pools.
    pub(super) async fn connect(&self, role: Role) -> Result<PgConnection> {
        let mut conn = self
            .native(role)?
            .connect()
            .await
            .map_err(|error| self.refused(role.name(), role.setting(), error))?;
        sqlx::raw_sql(SESSION).execute(&mut conn).await?;
        Ok(conn)
    }

    /// A connection of the role that migrates.
    pub(in super::super) async fn connect_owner(&self) -> Result<sqlx::AnyConnection> {
        use sqlx::Connection as _;
        let Some((name, password)) = &self.roles.owner else {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "PostgreSQL is migrated by its owner: name it in database.owner",
            ));
        };
        let url = self.url_of(name, password.as_ref());
        let options = AnyConnectOptions::from_str(url.expose_secret())
            .map_err(|_| Error::invalid("database.url", "is no URL of PostgreSQL"))?
            .disable_statement_logging();
        sqlx::AnyConnection::connect_with(&options)
            .await
            .map_err(|error| self.refused(name, "database.owner", error))
    }

    /// Why a role can't come in, for the operator.
    fn refused(&self, role: &str, setting: &str, error: sqlx::Error) -> Error {
        let code = error
            .as_database_error()
            .and_then(|cause| cause.code())
            .unwrap_or_default()
            .into_owned();
        let (reason, text) = match code.as_str() {
            "28P01" | "28000" => (
                Reason::FailedPrecondition,
                format!(
                    "PostgreSQL does not let {role} in: see {setting} and pg_hba.conf; if the \
                     role is missing, run `cordon-server migrate`"
                ),
            ),
            "3D000" => (
                Reason::FailedPrecondition,
                "PostgreSQL has no such database: create it, owned by the role of \
                 database.owner, and run `cordon-server migrate`"
                    .to_owned(),
            ),
            "42501" => (
                Reason::FailedPrecondition,
                format!("{role} may not connect to the database: run `cordon-server migrate`"),
            ),
            _ => (
                Reason::Unavailable,
                format!("PostgreSQL can't be reached as {role}: {error}"),
            ),
        };
        Error::new(reason, text).with_source(error)
    }

    pub(super) fn native_pool(&self, role: Role, size: u32) -> Result<PgPool> {
        Ok(pool_options(size).connect_lazy_with(self.native(role)?))
    }

    fn any_pool(&self, role: Role, size: u32) -> Result<AnyPool> {
        Ok(pool_options(size).connect_lazy_with(self.any(role)?))
    }
}

fn pool_options<DB: Database>(size: u32) -> PoolOptions<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    PoolOptions::new()
        .max_connections(size.max(1))
        .acquire_timeout(PATIENCE)
        .max_lifetime(LIFETIME)
        .test_before_acquire(true)
        .after_connect(|conn: &mut DB::Connection, _| {
            Box::pin(async move {
                conn.execute(sqlx::raw_sql(SESSION)).await?;
                Ok(())
            })
        })
}

/// One pool for each kind of caller.
pub(in super::super) fn pools(place: &Place, readers: u32) -> Result<Pools> {
    Ok(Pools {
        tenant_write: place.any_pool(Role::App, readers)?,
        tenant_read: place.any_pool(Role::App, readers)?,
        provider_write: place.any_pool(Role::Provider, 2)?,
        provider_read: place.any_pool(Role::Provider, 2)?,
        system: place.any_pool(Role::Kernel, readers)?,
    })
}

fn encode(to: &mut String, text: &str) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            to.push(char::from(byte));
        } else {
            let _ = write!(to, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_and_database_and_nobody() {
        let none = RolePasswords::default();
        for good in [
            "postgres://db.example/cordon",
            "postgresql://db.example:5433/cordon?sslmode=verify-full",
            "postgres:///cordon?host=/run/postgresql",
        ] {
            assert!(Place::parse(good, &none).is_ok(), "{good}");
        }
        for bad in [
            "postgres:",
            "postgres://db.example/",
            "postgres://me@db.example/cordon",
            "postgres://me:secret@db.example/cordon",
            "postgres://db.example/cordon?user=me",
            "postgres://db.example/cordon?sslmode=disable&password=x",
            "postgres://db.example/cordon?sslmode=perhaps",
        ] {
            let error = Place::parse(bad, &none).err().unwrap();
            assert_eq!(error.reason(), Reason::InvalidArgument, "{bad}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn what_leaves_the_machine_is_verified_unless_said_otherwise() {
        for (url, verified) in [
            ("postgres://db.example/cordon", true),
            ("postgres://db.example/cordon?sslrootcert=/ca.pem", true),
            ("postgres:///cordon?host=db.example", true),
            ("postgres://db.example/cordon?sslmode=require", false),
            ("postgres://127.0.0.1:5433/cordon", false),
            ("postgres:///cordon?host=/run/postgresql", false),
        ] {
            let place = Place::parse(url, &RolePasswords::default()).unwrap();
            let added = place.url.len() > url.len();
            assert_eq!(added, verified, "{url}");
            assert_eq!(place.url.ends_with("sslmode=verify-full"), verified);
        }
    }

    #[test]
    fn a_password_may_hold_anything() {
        let place = Place::parse("postgres://h/db?sslmode=disable", &RolePasswords::default());
        let password = SecretString::from("a&b=c@/?ü%".to_owned());
        let url = place.unwrap().url_of("cordon_app", Some(&password));
        let pairs = PgConnectOptions::from_str(url.expose_secret()).unwrap();
        assert_eq!(pairs.get_username(), "cordon_app");
        assert_eq!(pairs.get_database(), Some("db"));
        assert!(url.expose_secret().ends_with("%26b%3Dc%40%2F%3F%C3%BC%25"));
    }
}
