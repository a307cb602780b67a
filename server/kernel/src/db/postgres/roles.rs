//! The four roles that serve, made by the owner when it migrates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use secrecy::ExposeSecret as _;
use sqlx::AnyConnection;

use super::connect::{Place, Role};
use crate::clock::Env;
use crate::error::Result;

/// PostgreSQL's own default.
const ITERATIONS: std::num::NonZeroU32 = std::num::NonZeroU32::MIN.saturating_add(4_095);

/// Makes roles that are missing, gives them the configured passwords, and lets them into the
/// database and nobody else. Within the migration's transaction.
pub(in super::super) async fn ensure(
    conn: &mut AnyConnection,
    place: &Place,
    env: &Env,
) -> Result<()> {
    for role in Role::ALL {
        let there: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)")
                .bind(role.name())
                .fetch_one(&mut *conn)
                .await?;
        if !there {
            execute(
                conn,
                format!(
                    "CREATE ROLE {} LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE \
                     NOREPLICATION NOBYPASSRLS",
                    role.name()
                ),
            )
            .await?;
        }
        if let Some(password) = place.password(role) {
            // Only the verifier goes over the wire and into the database's log.
            let verifier = scram_verifier(password.expose_secret(), &env.bytes::<16>());
            execute(
                conn,
                format!("ALTER ROLE {} PASSWORD '{verifier}'", role.name()),
            )
            .await?;
        }
    }
    let database: String = sqlx::query_scalar("SELECT quote_ident(current_database())")
        .fetch_one(&mut *conn)
        .await?;
    let roles = Role::ALL.map(Role::name).join(", ");
    for statement in [
        format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"),
        format!("GRANT CONNECT ON DATABASE {database} TO {roles}"),
        "REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned(),
        format!("GRANT USAGE ON SCHEMA public TO {roles}"),
    ] {
        execute(conn, statement).await?;
    }
    Ok(())
}

/// Every part of `statement` is this module's own, or quoted by the database.
async fn execute(conn: &mut AnyConnection, statement: String) -> Result<()> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(conn)
        .await?;
    Ok(())
}

/// What PostgreSQL keeps of a password: RFC 5803's form of SCRAM-SHA-256.
fn scram_verifier(password: &str, salt: &[u8]) -> String {
    let mut salted = zeroize::Zeroizing::new([0u8; digest::SHA256_OUTPUT_LEN]);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        ITERATIONS,
        salt,
        password.as_bytes(),
        salted.as_mut(),
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, salted.as_ref());
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(server)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The salt, stored key and server key of RFC 7677's example, computed from its password.
    #[test]
    fn a_verifier_is_what_rfc_7677_says() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = scram_verifier("pencil", &salt);
        assert_eq!(
            verifier,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
             WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }
}
