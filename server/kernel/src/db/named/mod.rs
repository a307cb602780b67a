//! Which customer a text names: what several customers are to read may name none of them.

mod index;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) use index::Names;
use text::Plain;

use super::{Db, parameters};
use crate::auth::TenantScope;
use crate::error::{Error, Result};

/// Words that are looked for in one statement.
const WORDS: usize = 64;

impl Db {
    /// What in the text, which is in lower case, names any customer: a customer's name, an
    /// account with or without its cloud, a resource. `None` if nothing does.
    pub(crate) async fn customer_named(&self, text: &str) -> Result<Option<String>> {
        let tenants: Vec<(String, String)> =
            sqlx::query_as("SELECT tenant_id, display_name FROM tenants")
                .fetch_all(self.system())
                .await?;
        for name in tenants.iter().flat_map(|(id, name)| [id, name]) {
            let name = name.trim().to_lowercase();
            if has_word(text, &name) {
                return Ok(Some(name));
            }
        }
        let bare = self.inner.dialect.bare_account();
        let words: Vec<&str> = words(text).into_iter().collect();
        for words in words.chunks(WORDS) {
            let names = parameters(1, words.len());
            // Accounts also without their `aws:` or `gcp:`, and what holds projects also
            // without its kind: people write the number alone.
            let sql = format!(
                "SELECT account FROM accounts \
                  WHERE lower(account) IN ({names}) OR {bare} IN ({names}) \
                     OR replace(replace(replace({bare}, 'organizations.', ''), \
                          'folders.', ''), 'billingaccounts.', '') IN ({names}) \
                 UNION ALL \
                 SELECT lower(identifier) FROM resources WHERE lower(identifier) IN ({names}) LIMIT 1"
            );
            let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
            for word in words {
                query = query.bind(*word);
            }
            let named: Option<String> = query.fetch_optional(self.system()).await?;
            if named.is_some() {
                return Ok(named);
            }
        }
        Ok(None)
    }
}

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
            let mut found = names.find(tenant.as_str(), &plain);
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

/// The words of a text, cut in every way in which an account or a resource may stand in it: as
/// it is between blanks, and as a part of a path, an address or a sentence.
fn words(text: &str) -> BTreeSet<&str> {
    let ends = |c: char| !c.is_alphanumeric();
    let outside = |within: &'static str| move |c: char| ends(c) && !within.contains(c);
    let trimmed = |word| [word, str::trim_matches(word, ends)];
    text.split_whitespace()
        .flat_map(trimmed)
        .chain(text.split(ends))
        // Ids of projects, clusters and directories have these within them, and host names and
        // folders of accounts have points.
        .chain(text.split(outside("-_")).flat_map(trimmed))
        .chain(text.split(outside("-_.")).flat_map(trimmed))
        .filter(|word| !word.is_empty())
        .collect()
}

/// Whether `name` stands in `text` by itself, not as a part of a word.
fn has_word(text: &str, name: &str) -> bool {
    word_at(text, name).is_some()
}

/// Where `name` stands in `text` by itself for the first time.
fn word_at(text: &str, name: &str) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    let mut places = text.match_indices(name).map(|(at, _)| at);
    places.find(|at| {
        let at = *at;
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text
            .get(at + name.len()..)
            .and_then(|tail| tail.chars().next());
        let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !inside(before) && !inside(after)
    })
}

#[cfg(test)]
mod tests {
    use super::{has_word, words};

    #[test]
    fn a_name_is_found_as_a_word() {
        for text in ["acme", "for acme, please", "tenants/acme/x", "acme-eu"] {
            assert!(has_word(text, "acme"), "{text}");
        }
        for text in ["", "pacmen", "acme2", "macme"] {
            assert!(!has_word(text, "acme"), "{text}");
        }
        assert!(!has_word("anything", ""));
        assert!(has_word("über acme ag!", "acme ag"));
    }

    #[test]
    fn ids_are_found_wherever_people_write_them() {
        for (text, id) in [
            ("project shop-prod-7 has it", "shop-prod-7"),
            ("see projects/shop-prod-7/topics/t.", "shop-prod-7"),
            ("robot@shop-prod-7.iam.example.com", "shop-prod-7"),
            ("(gcp:shop-prod-7)", "gcp:shop-prod-7"),
            ("in organizations.424242.", "organizations.424242"),
            ("under \"-x\"", "-x"),
            ("i-0a,i-0b", "i-0b"),
        ] {
            assert!(words(text).contains(id), "{text}");
        }
        assert!(words(" - , ").iter().all(|word| word.len() == 1));
    }
}
