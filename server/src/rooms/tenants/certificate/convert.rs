//! Between messages and a certificate.

use cordon_kernel::{Disclosed, Name};
use cordon_proto::tenants as wire;

use super::super::fields::wire_time;
use super::service::DeletionCertificate;

/// The message that shows it.
pub(in super::super) fn encode(
    certificate: Disclosed<DeletionCertificate>,
) -> wire::DeletionCertificate {
    let certificate = certificate.into_wire();
    wire::DeletionCertificate {
        name: Name::DeletionCertificate(certificate.tenant).to_string(),
        create_time: Some(wire_time(certificate.created)),
        dsse_json: certificate.envelope,
    }
}
