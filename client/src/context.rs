//! What a tenant chooses to tell of its own: it raises, lowers or explains what is found.

use cordon_proto::context as wire;
use cordon_proto::context::context_service_client::ContextServiceClient;
use futures::TryStreamExt as _;
use prost_types::FieldMask;

pub use cordon_proto::context::context_entry::About as ContextAbout;
pub use cordon_proto::context::{
    Asset, ContextEntry, ContextKind, ImportAssetsResponse, PlannedWork, TrustedNetwork,
};

use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::incidents::{LONG_PAGE, pages, present, too_many};
use crate::paging::Paged;
use crate::retry::unique_id;
use crate::servers::Servers;

/// Most assets that one call imports.
const MAX_IMPORT: usize = 500;

/// What one tenant tells of its own; from [`Client::context`].
///
/// An entry is named by its full name, `tenants/{tenant}/contextEntries/{entry}`, and one of the client's
/// tenant by its id alone. Where an `etag` is taken, it is the entry's as it was read: if it has changed
/// since, nothing is done. An empty one fits always.
#[derive(Debug, Clone)]
pub struct TenantContext {
    client: Client,
}

/// What is to be changed of an entry; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContextChanges {
    /// What findings call it.
    pub display_name: Option<String>,
    /// For people.
    pub note: Option<String>,
    /// All that it says, of the kind that it has.
    pub about: Option<ContextAbout>,
}

impl ContextChanges {
    /// The request without its id.
    fn request(self, name: String, etag: &str) -> wire::UpdateContextEntryRequest {
        let about = self.about.as_ref().map(|about| match about {
            ContextAbout::Asset(_) => "asset",
            ContextAbout::PlannedWork(_) => "planned_work",
            ContextAbout::TrustedNetwork(_) => "trusted_network",
        });
        let said = [
            self.display_name.is_some().then_some("display_name"),
            self.note.is_some().then_some("note"),
            about,
        ];
        let paths = said.into_iter().flatten().map(str::to_owned).collect();
        wire::UpdateContextEntryRequest {
            context_entry: Some(ContextEntry {
                name,
                display_name: self.display_name.unwrap_or_default(),
                note: self.note.unwrap_or_default(),
                about: self.about,
                etag: etag.to_owned(),
                ..ContextEntry::default()
            }),
            update_mask: Some(FieldMask { paths }),
            request_id: String::new(),
        }
    }
}

impl TenantContext {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> ContextServiceClient<Servers> {
        configured!(ContextServiceClient::new(self.client.servers()))
    }

    /// The full name of an entry: takes the full name, and the id of an entry of the client's tenant.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for an id alone when the client has no tenant.
    pub fn name(&self, name: &str) -> Result<String> {
        if name.starts_with("tenants/") {
            return Ok(name.to_owned());
        }
        let id = name.strip_prefix("contextEntries/").unwrap_or(name);
        Ok(format!("{}/contextEntries/{id}", self.client.parent()?))
    }

    /// Tells something. The call is marked with an id of its own, so that it is repeated after a lost
    /// connection and the entry is still told once.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` with what is wrong, `ALREADY_EXISTS` when an entry of the kind has that display
    /// name, `QUOTA_EXCEEDED` when the tenant has told as many as it can.
    pub async fn create(
        &self,
        display_name: &str,
        note: &str,
        about: ContextAbout,
    ) -> Result<ContextEntry> {
        let message = wire::CreateContextEntryRequest {
            parent: self.client.parent()?,
            context_entry: Some(ContextEntry {
                display_name: display_name.to_owned(),
                note: note.to_owned(),
                about: Some(about),
                ..ContextEntry::default()
            }),
            request_id: unique_id(),
        };
        let answer = call!(self, Call::ENTERING, create_context_entry(message))?;
        present(answer.context_entry)
    }

    /// One entry.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<ContextEntry> {
        let message = wire::GetContextEntryRequest {
            name: self.name(name)?,
        };
        present(call!(self, Call::ENTERING, get_context_entry(message))?.context_entry)
    }

    /// The entry of a kind that has this display name, whether in capitals or not.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when none has it, `INVALID_ARGUMENT` when several have.
    pub async fn by_display_name(
        &self,
        kind: ContextKind,
        display_name: &str,
    ) -> Result<ContextEntry> {
        let wanted = display_name.trim().to_lowercase();
        let same = |entry: &ContextEntry| entry.display_name.to_lowercase() == wanted;
        let mut entries = self.list(Some(kind));
        let mut found: Vec<ContextEntry> = Vec::new();
        while let Some(entry) = entries.try_next().await? {
            if same(&entry) {
                found.push(entry);
            }
        }
        match found.len() {
            0 => Err(Error::new(
                Reason::NotFound,
                format!("nothing called `{display_name}` is told"),
            )),
            1 => present(found.pop()),
            _ => {
                let exact = found
                    .into_iter()
                    .find(|entry| entry.display_name == display_name.trim());
                exact.ok_or_else(|| {
                    Error::invalid(
                        "display_name",
                        format!("several are called `{display_name}`: say which by its id"),
                    )
                })
            }
        }
    }

    /// What was told, in the order in which it was; of one kind, or all.
    #[must_use]
    pub fn list(&self, kind: Option<ContextKind>) -> Paged<ContextEntry> {
        let request = self
            .client
            .parent()
            .map(|parent| wire::ListContextEntriesRequest {
                parent,
                kind: kind.unwrap_or_default().into(),
                ..wire::ListContextEntriesRequest::default()
            });
        pages!(self, Call::ENTERING, list_context_entries(request), context_entries by LONG_PAGE)
    }

    /// Changes an entry. Marked as [`Self::create`] is.
    ///
    /// # Errors
    ///
    /// As [`Self::create`]; `NOT_FOUND` when there is none of that name, `ETAG_MISMATCH` when somebody was
    /// faster.
    pub async fn update(
        &self,
        name: &str,
        changes: ContextChanges,
        etag: &str,
    ) -> Result<ContextEntry> {
        let message = wire::UpdateContextEntryRequest {
            request_id: unique_id(),
            ..changes.request(self.name(name)?, etag)
        };
        let answer = call!(self, Call::ENTERING, update_context_entry(message))?;
        present(answer.context_entry)
    }

    /// Takes an entry back. Findings that it explains go on saying so. Marked as [`Self::create`] is.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name, `ETAG_MISMATCH` when somebody was faster.
    pub async fn delete(&self, name: &str, etag: &str) -> Result<()> {
        let message = wire::DeleteContextEntryRequest {
            name: self.name(name)?,
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        call!(self, Call::ENTERING, delete_context_entry(message)).map(drop)
    }

    /// Tells assets, 500 in each call; one whose display name an asset has takes that asset's place. Each
    /// call does all or nothing; broken off, it can be done again from the beginning.
    ///
    /// # Errors
    ///
    /// As [`Self::create`].
    pub async fn import(&self, assets: Vec<ContextEntry>) -> Result<ImportAssetsResponse> {
        let mut sum = ImportAssetsResponse::default();
        for some in assets.chunks(MAX_IMPORT) {
            let message = wire::ImportAssetsRequest {
                parent: self.client.parent()?,
                context_entries: some.to_vec(),
                request_id: unique_id(),
            };
            let answer = call!(self, Call::ENTERING, import_assets(message))?;
            sum.created_count += answer.created_count;
            sum.updated_count += answer.updated_count;
            sum.unchanged_count += answer.unchanged_count;
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_what_it_changes_and_nothing_else() {
        let asset = Asset {
            identifiers: vec!["payroll".to_owned()],
            ..Asset::default()
        };
        let changes = ContextChanges {
            note: Some(String::new()),
            about: Some(ContextAbout::Asset(asset.clone())),
            ..ContextChanges::default()
        };
        let request = changes.request("n".to_owned(), "e");
        assert_eq!(request.update_mask.unwrap().paths, ["note", "asset"]);
        let entry = request.context_entry.unwrap();
        assert_eq!((entry.name.as_str(), entry.etag.as_str()), ("n", "e"));
        assert_eq!(entry.about, Some(ContextAbout::Asset(asset)));
        let none = ContextChanges::default().request(String::new(), "");
        assert!(none.update_mask.unwrap().paths.is_empty());
    }
}
