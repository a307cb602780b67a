//! Over which of the tenant's events a question is asked.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{Invalid, text};
use crate::sql;
use crate::time::nanoseconds;

/// Most accounts, resources or source types of one scope.
const MOST: usize = 100;

/// A part of the tenant's events. Empty lists narrow nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Earliest event time, included.
    pub since: Timestamp,
    /// Latest event time, excluded.
    pub until: Timestamp,
    /// Events in one of these accounts; at most 100.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// Events about one of these resources; at most 100.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Events of one of these source types, such as `aws.cloudtrail`; at most 100.
    #[serde(default)]
    pub source_types: Vec<String>,
}

impl Scope {
    /// Checks what it holds.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with the field and what is wrong with it.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.since >= self.until {
            return Err(Invalid::new("scope.until", "must be later than since"));
        }
        for (field, values) in [
            ("accounts", &self.accounts),
            ("resources", &self.resources),
            ("source_types", &self.source_types),
        ] {
            if values.len() > MOST {
                let message = format!("has {} elements, at most {MOST} are allowed", values.len());
                return Err(Invalid::new(format!("scope.{field}"), message));
            }
            for (at, value) in values.iter().enumerate() {
                text(&format!("scope.{field}[{at}]"), value)?;
            }
        }
        // Together with what a question adds it must fit a filter.
        if self.filter().is_some_and(|filter| filter.len() > 24 << 10) {
            return Err(Invalid::new(
                "scope",
                "names more than 24 KiB of accounts, resources and source types; name fewer",
            ));
        }
        Ok(())
    }

    /// The scope as one line of JSON that is the same whenever the scope is, in whatever order
    /// its lists were written.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut sorted = self.clone();
        for list in [
            &mut sorted.accounts,
            &mut sorted.resources,
            &mut sorted.source_types,
        ] {
            list.sort_unstable();
            list.dedup();
        }
        serde_json::to_string(&sorted).unwrap_or_default()
    }

    /// Both ends in nanoseconds since 1970.
    #[must_use]
    pub fn ns(&self) -> (i64, i64) {
        (nanoseconds(self.since), nanoseconds(self.until))
    }

    /// The condition on accounts, resources and source types, if there is one.
    #[must_use]
    pub fn filter(&self) -> Option<String> {
        sql::all([
            sql::is_one("account", &self.accounts),
            sql::is_one("source_type", &self.source_types),
            sql::any(
                self.resources
                    .iter()
                    .map(|one| Some(sql::has_resource(one))),
            ),
        ])
    }

    /// Whether events of this source type are looked at.
    pub(crate) fn takes(&self, source_type: &str) -> bool {
        self.source_types.is_empty() || self.source_types.iter().any(|one| one == source_type)
    }
}
