//! Between messages and an account.

use cordon_kernel::db::timestamp;
use cordon_kernel::{AccountId, Disclosed, Error, Name, Result, TenantId};
use cordon_proto::tenants as wire;

use super::super::fields::{Fields, wire_time};
use super::super::validity::Validity;
use super::model::Account;

pub(in super::super) fn create(request: wire::CreateAccountRequest) -> Result<Account> {
    let mut fields = Fields::default();
    let body = request.account.unwrap_or_default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let id = fields.read("account_id", request.account_id.parse::<AccountId>());
    let from = fields.time("account.start_time", body.start_time);
    let to = fields.time("account.end_time", body.end_time);
    if let (Some(tenant), Some(id), Some(from), Some(to)) = (tenant, id, from, to) {
        if let Some(validity) = Validity::new(from, to) {
            return Ok(Account {
                tenant,
                id,
                validity,
            });
        }
        fields.wrong("account.end_time", "expected a time after start_time");
    }
    Err(fields.refuse())
}

pub(in super::super) fn delete(
    request: &wire::DeleteAccountRequest,
) -> Result<(TenantId, AccountId)> {
    match Name::parse("name", &request.name)? {
        Name::Account(tenant, account) => Ok((tenant, account)),
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/accounts/{account}",
        )),
    }
}

/// The message that shows it.
pub(in super::super) fn encode(account: Disclosed<Account>) -> wire::Account {
    let account = account.into_wire();
    let time = |nanos| wire_time(timestamp(nanos));
    wire::Account {
        start_time: account.validity.start().map(time),
        end_time: account.validity.to().map(time),
        name: Name::Account(account.tenant, account.id).to_string(),
    }
}
