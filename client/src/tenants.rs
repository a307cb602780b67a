//! Tenants, what belongs to them, sources and credentials.

mod deletion;
mod holds;
mod keys;

use cordon_proto::tenants::tenants_service_client::TenantsServiceClient;
pub use cordon_proto::tenants::{
    Account, AddressRange, CreateAccountResponse, Credential, DeletionCertificate,
    ImportResourcesResponse, IssueCredentialResponse, KeyRotation, LegalHold, Resource, Source,
    Tenant, key_rotation::State as KeyRotationState, tenant::State as TenantState,
};
use cordon_proto::tenants::{
    CreateAccountRequest, CreateAddressRangeRequest, CreateSourceRequest, CreateTenantRequest,
    DeleteAccountRequest, DeleteAddressRangeRequest, DeleteResourceRequest, DeleteSourceRequest,
    GetTenantRequest, ImportResourcesRequest, IssueCredentialRequest, ListAccountsRequest,
    ListAddressRangesRequest, ListCredentialsRequest, ListResourcesRequest, ListSourcesRequest,
    ListTenantsRequest, ResumeTenantRequest, RevokeCredentialRequest, SuspendTenantRequest,
    UpdateTenantRequest,
};
use jiff::Timestamp;

use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::paging::{PAGE_SIZE, Paged};
use crate::retry::unique_id;
use crate::servers::Servers;
use crate::time::to_proto;

/// Most resources in one call.
const IMPORT_CHUNK: usize = 10_000;

/// The provider's registers; from [`Client::tenants`].
///
/// Names are taken with and without their collection: `acme` and `tenants/acme`.
#[derive(Debug, Clone)]
pub struct Tenants {
    client: Client,
}

/// Whose credentials: a tenant's people, a source, or the provider's staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// People and programs of this tenant.
    Tenant(String),
    /// This source of events.
    Source(String),
    /// The provider's staff.
    Staff,
}

impl Holder {
    fn parent(&self) -> String {
        match self {
            Self::Tenant(tenant) => named("tenants", tenant),
            Self::Source(source) => named("sources", source),
            Self::Staff => String::new(),
        }
    }
}

/// The name of a thing in a collection, when only its id may be given.
pub(crate) fn named(collection: &str, id: &str) -> String {
    if id
        .strip_prefix(collection)
        .is_some_and(|rest| rest.starts_with('/'))
    {
        id.to_owned()
    } else {
        format!("{collection}/{id}")
    }
}

/// The name of a thing below a parent, when only its id may be given.
fn below(parent: &str, collection: &str, id: &str) -> String {
    if id.contains(&format!("{collection}/")) {
        id.to_owned()
    } else {
        format!("{parent}/{collection}/{id}")
    }
}

fn present<T>(answer: Option<T>) -> Result<T> {
    answer.ok_or_else(|| Error::new(Reason::Internal, "the answer is empty"))
}

/// A list method: its request is a page size, a token and perhaps more.
macro_rules! pages {
    ($self:ident, $method:ident, $request:ident { $($field:ident: $value:expr),* }, $items:ident) => {{
        let room = $self.clone();
        Paged::new(move |page_token| {
            let room = room.clone();
            let message = $request { $($field: $value.clone(),)* page_size: PAGE_SIZE, page_token };
            async move {
                let page = call!(room, Call::SAFE, $method(message))?;
                Ok((page.$items, page.next_page_token))
            }
        })
    }};
}

use pages;

impl Tenants {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> TenantsServiceClient<Servers> {
        configured!(TenantsServiceClient::new(self.client.servers()))
    }

    /// Makes a tenant with keys of its own. `tenant` may give a display name, a parent and a home
    /// region.
    ///
    /// # Errors
    ///
    /// `ALREADY_EXISTS` when the id is taken, now or ever before.
    pub async fn create_tenant(&self, tenant_id: &str, tenant: Tenant) -> Result<Tenant> {
        let message = CreateTenantRequest {
            tenant_id: tenant_id
                .strip_prefix("tenants/")
                .unwrap_or(tenant_id)
                .to_owned(),
            tenant: Some(tenant),
            // Marks the call, so that it can be repeated.
            request_id: unique_id(),
        };
        present(call!(self, Call::SAFE, create_tenant(message))?.tenant)
    }

    /// One tenant.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get_tenant(&self, tenant: &str) -> Result<Tenant> {
        let message = GetTenantRequest {
            name: named("tenants", tenant),
        };
        present(call!(self, Call::SAFE, get_tenant(message))?.tenant)
    }

    /// All tenants, by name.
    #[must_use]
    pub fn list_tenants(&self) -> Paged<Tenant> {
        pages!(self, list_tenants, ListTenantsRequest {}, tenants)
    }

    /// Says who pays for the tenant; empty for a tenant that pays itself. Tenants for whom the same
    /// pays share what may be asked across customers. The etag, unless empty, is checked.
    ///
    /// # Errors
    ///
    /// `ETAG_MISMATCH` when somebody was faster.
    pub async fn bill_tenant(
        &self,
        tenant: &str,
        organisation: &str,
        etag: &str,
    ) -> Result<Tenant> {
        let message = UpdateTenantRequest {
            tenant: Some(Tenant {
                name: named("tenants", tenant),
                billing_organisation: organisation.to_owned(),
                etag: etag.to_owned(),
                ..Tenant::default()
            }),
            update_mask: Some(prost_types::FieldMask {
                paths: vec!["billing_organisation".to_owned()],
            }),
        };
        present(call!(self, Call::SAFE, update_tenant(message))?.tenant)
    }

    /// Refuses the tenant's credentials everywhere; its events are still stored. The reason is
    /// kept in the tenant's log; the etag, unless empty, is checked.
    ///
    /// # Errors
    ///
    /// `ETAG_MISMATCH` when somebody was faster.
    pub async fn suspend_tenant(&self, tenant: &str, reason: &str, etag: &str) -> Result<Tenant> {
        let message = SuspendTenantRequest {
            name: named("tenants", tenant),
            reason: reason.to_owned(),
            etag: etag.to_owned(),
        };
        present(call!(self, Call::SAFE, suspend_tenant(message))?.tenant)
    }

    /// Lifts a suspension.
    ///
    /// # Errors
    ///
    /// `ETAG_MISMATCH` when somebody was faster.
    pub async fn resume_tenant(&self, tenant: &str, etag: &str) -> Result<Tenant> {
        let message = ResumeTenantRequest {
            name: named("tenants", tenant),
            etag: etag.to_owned(),
        };
        present(call!(self, Call::SAFE, resume_tenant(message))?.tenant)
    }

    /// Says that a cloud account, as in `aws:123456789012`, is the tenant's, between two times or
    /// always. Stored events that it concerns are brought to the tenant.
    ///
    /// # Errors
    ///
    /// `ALREADY_EXISTS` when the account is the tenant's already, at these times.
    pub async fn create_account(
        &self,
        tenant: &str,
        account_id: &str,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<CreateAccountResponse> {
        let message = CreateAccountRequest {
            parent: named("tenants", tenant),
            account_id: account_id.to_owned(),
            account: Some(Account {
                name: String::new(),
                start_time: from.map(to_proto),
                end_time: to.map(to_proto),
            }),
        };
        call!(self, Call::ONCE.long(), create_account(message))
    }

    /// The tenant's accounts.
    #[must_use]
    pub fn list_accounts(&self, tenant: &str) -> Paged<Account> {
        let parent = named("tenants", tenant);
        pages!(
            self,
            list_accounts,
            ListAccountsRequest { parent: parent },
            accounts
        )
    }

    /// Ends an account's validity.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when it is not the tenant's.
    pub async fn delete_account(&self, tenant: &str, account: &str) -> Result<Account> {
        let message = DeleteAccountRequest {
            name: below(&named("tenants", tenant), "accounts", account),
        };
        present(call!(self, Call::ONCE, delete_account(message))?.account)
    }

    /// Adds resources with their validity to the tenant's directory. Any number: they are sent
    /// ten thousand at a time.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` names the first that can't be taken; of its ten thousand none is.
    pub async fn import_resources(
        &self,
        tenant: &str,
        resources: &[Resource],
    ) -> Result<ImportResourcesResponse> {
        let mut sum = ImportResourcesResponse::default();
        for chunk in resources.chunks(IMPORT_CHUNK) {
            let message = ImportResourcesRequest {
                parent: named("tenants", tenant),
                resources: chunk.to_vec(),
            };
            let answer = call!(self, Call::SAFE.long(), import_resources(message))?;
            sum.created_count += answer.created_count;
            sum.unchanged_count += answer.unchanged_count;
        }
        Ok(sum)
    }

    /// The tenant's resources.
    #[must_use]
    pub fn list_resources(&self, tenant: &str) -> Paged<Resource> {
        let parent = named("tenants", tenant);
        pages!(
            self,
            list_resources,
            ListResourcesRequest { parent: parent },
            resources
        )
    }

    /// Ends a resource's validity.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when it is not the tenant's.
    pub async fn delete_resource(&self, tenant: &str, resource: &str) -> Result<Resource> {
        let message = DeleteResourceRequest {
            name: below(&named("tenants", tenant), "resources", resource),
        };
        present(call!(self, Call::ONCE, delete_resource(message))?.resource)
    }

    /// Declares an address range as the provider's own.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when it is no CIDR, `ALREADY_EXISTS` when it is declared.
    pub async fn create_range(&self, cidr: &str) -> Result<AddressRange> {
        let message = CreateAddressRangeRequest {
            address_range: Some(AddressRange {
                name: String::new(),
                cidr: cidr.to_owned(),
            }),
        };
        present(call!(self, Call::ONCE, create_address_range(message))?.address_range)
    }

    /// The provider's declared ranges.
    #[must_use]
    pub fn list_ranges(&self) -> Paged<AddressRange> {
        pages!(
            self,
            list_address_ranges,
            ListAddressRangesRequest {},
            address_ranges
        )
    }

    /// Withdraws a range.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn delete_range(&self, range: &str) -> Result<()> {
        let message = DeleteAddressRangeRequest {
            name: named("addressRanges", range),
        };
        call!(self, Call::ONCE, delete_address_range(message)).map(|_| ())
    }

    /// Registers a source of events.
    ///
    /// # Errors
    ///
    /// `ALREADY_EXISTS` when the id is taken.
    pub async fn create_source(
        &self,
        source_id: &str,
        source_type: &str,
        display_name: &str,
    ) -> Result<Source> {
        let message = CreateSourceRequest {
            source_id: source_id
                .strip_prefix("sources/")
                .unwrap_or(source_id)
                .to_owned(),
            source: Some(Source {
                display_name: display_name.to_owned(),
                source_type: source_type.to_owned(),
                ..Source::default()
            }),
        };
        present(call!(self, Call::ONCE, create_source(message))?.source)
    }

    /// The registered sources.
    #[must_use]
    pub fn list_sources(&self) -> Paged<Source> {
        pages!(self, list_sources, ListSourcesRequest {}, sources)
    }

    /// Withdraws a source; what it sent stays.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn delete_source(&self, source: &str) -> Result<()> {
        let message = DeleteSourceRequest {
            name: named("sources", source),
        };
        call!(self, Call::ONCE, delete_source(message)).map(|_| ())
    }

    /// Signs a certificate for a key that the holder has made:
    /// [`NewKey`](crate::identity::NewKey).
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for a role that the holder can't have or a request that does not prove
    /// its key.
    pub async fn issue_credential(
        &self,
        holder: &Holder,
        subject: &str,
        role: &str,
        request_pem: &str,
    ) -> Result<IssueCredentialResponse> {
        let message = IssueCredentialRequest {
            parent: holder.parent(),
            credential: Some(Credential {
                subject: subject.to_owned(),
                role: role.to_owned(),
                ..Credential::default()
            }),
            csr_pem: request_pem.to_owned(),
        };
        call!(self, Call::ONCE, issue_credential(message))
    }

    /// The holder's credentials, without their keys.
    #[must_use]
    pub fn list_credentials(&self, holder: &Holder) -> Paged<Credential> {
        let parent = holder.parent();
        pages!(
            self,
            list_credentials,
            ListCredentialsRequest { parent: parent },
            credentials
        )
    }

    /// Ends a credential at once, its open streams within 5 seconds. Takes the full name:
    /// `tenants/{tenant}/credentials/{id}`, `sources/{source}/credentials/{id}` or
    /// `credentials/{id}`.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn revoke_credential(&self, name: &str, reason: &str) -> Result<Credential> {
        let message = RevokeCredentialRequest {
            name: name.to_owned(),
            reason: reason.to_owned(),
        };
        present(call!(self, Call::SAFE, revoke_credential(message))?.credential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_with_and_without_their_collection() {
        assert_eq!(named("tenants", "acme"), "tenants/acme");
        assert_eq!(named("tenants", "tenants/acme"), "tenants/acme");
        assert_eq!(
            named("sources", "sources-of-light"),
            "sources/sources-of-light"
        );
        let account = "tenants/acme/accounts/aws:1";
        assert_eq!(below("tenants/acme", "accounts", "aws:1"), account);
        assert_eq!(below("tenants/acme", "accounts", account), account);
        assert_eq!(Holder::Staff.parent(), "");
        assert_eq!(Holder::Source("x".to_owned()).parent(), "sources/x");
    }
}
