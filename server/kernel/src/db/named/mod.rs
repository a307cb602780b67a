//! Which customers a text names, however they are written: what several customers are to read may
//! name none of them, and what one is to read none of the others.

mod index;
mod text;

use std::sync::Arc;

pub(super) use index::Names;
use text::Plain;

use super::Db;
use crate::auth::TenantScope;
use crate::error::{Error, Result};

/// Most places in a text that are told.
const MOST_PLACES: usize = 20;

/// Where a text names another customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherNamed {
    /// At which byte of the text it begins.
    pub at: usize,
    /// What stands there, as it is compared: in lower case, without accents.
    pub text: String,
}

impl Db {
    /// What in the text names any customer: a customer's name, an account with or without its
    /// cloud, a resource, an address of a customer's. As it is registered, in lower case but for
    /// accounts; of an address, the address. `None` if nothing does.
    pub(crate) async fn customer_named(&self, text: &str) -> Result<Option<String>> {
        let (names, text) = (self.names().await?, text.to_owned());
        let found = tokio::task::spawn_blocking(move || {
            let found = names.find(None, &Plain::of(&text));
            let (_, first) = found.into_iter().next()?;
            Some(names.registered(first))
        });
        found.await.map_err(Error::internal)
    }

    /// Where in a text that is for the scope's tenant other customers are named: by their names,
    /// accounts or resources, or by an address of theirs, however it is written. What is the
    /// tenant's own too is none of it. The first places; in their order.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn others_named(&self, scope: &TenantScope, text: &str) -> Result<Vec<OtherNamed>> {
        let names = self.names().await?;
        let (tenant, text) = (scope.tenant().clone(), text.to_owned());
        // A long answer has millions of runs.
        let found = tokio::task::spawn_blocking(move || {
            let plain = Plain::of(&text);
            let mut found = names.find(Some(tenant.as_str()), &plain);
            found.truncate(MOST_PLACES);
            let place = |(at, text)| OtherNamed {
                at: plain.original(at),
                text,
            };
            found.into_iter().map(place).collect()
        });
        found.await.map_err(Error::internal)
    }

    /// Everything that names a customer, as the registers are now.
    async fn names(&self) -> Result<Arc<Names>> {
        let version: i64 = sqlx::query_scalar("SELECT version FROM directory_version WHERE id = 1")
            .fetch_one(self.system())
            .await?;
        let mut kept = self.inner.names.lock().await;
        if let Some(names) = kept.as_ref().filter(|names| names.version() == version) {
            return Ok(Arc::clone(names));
        }
        let names = Arc::new(Names::load(self).await?);
        *kept = Some(Arc::clone(&names));
        Ok(names)
    }
}
