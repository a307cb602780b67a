//! Between messages and an address range.

use cordon_kernel::{Disclosed, Error, Name, Result};
use cordon_proto::tenants as wire;
use ipnet::IpNet;
use uuid::Uuid;

use super::super::resource::network;
use super::model::AddressRange;

pub(in super::super) fn create(request: wire::CreateAddressRangeRequest) -> Result<IpNet> {
    let body = request.address_range.unwrap_or_default();
    network(&body.cidr)
        .map(|(net, _)| net)
        .map_err(|expected| Error::invalid("address_range.cidr", expected))
}

pub(in super::super) fn delete(request: &wire::DeleteAddressRangeRequest) -> Result<Uuid> {
    match Name::parse("name", &request.name)? {
        Name::AddressRange(id) => Ok(id),
        _ => Err(Error::invalid("name", "expected addressRanges/{range}")),
    }
}

/// The message that shows it.
pub(in super::super) fn encode(range: Disclosed<AddressRange>) -> wire::AddressRange {
    let range = range.into_wire();
    wire::AddressRange {
        name: Name::AddressRange(range.id).to_string(),
        cidr: range.net.to_string(),
    }
}
