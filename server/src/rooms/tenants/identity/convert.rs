//! Between messages and identity.

use cordon_kernel::auth::token::{IssuedToken, SigningKeySet};
use cordon_kernel::{Disclosed, Home, Name};
use cordon_proto::tenants as wire;
use secrecy::ExposeSecret as _;

use super::super::credential::model;
use super::super::fields::wire_time;
use super::service::{Identity, Renewed};

/// The message that shows it.
pub(super) fn token(issued: Disclosed<IssuedToken>) -> wire::IssueTokenResponse {
    let issued = issued.into_wire();
    wire::IssueTokenResponse {
        token: issued.token.expose_secret().to_owned(),
        expire_time: Some(wire_time(issued.expires)),
    }
}

/// The message that shows it.
pub(super) fn renewed(renewed: Disclosed<Renewed>) -> wire::RenewCredentialResponse {
    let renewed = renewed.into_wire();
    wire::RenewCredentialResponse {
        certificate_pem: renewed.certificate_pem,
        ca_pem: renewed.ca_pem,
        expire_time: Some(wire_time(renewed.expires)),
    }
}

/// The message that shows it.
pub(super) fn signing_keys(keys: Disclosed<SigningKeySet>) -> wire::GetSigningKeysResponse {
    let keys = keys.into_wire();
    let keys = keys.keys().iter().map(|key| wire::SigningKey {
        kid: key.kid.clone(),
        algorithm: key.algorithm.to_owned(),
        public_key_pem: key.public_key_pem(),
        create_time: Some(wire_time(key.created)),
        retire_time: key.retired.map(wire_time),
    });
    wire::GetSigningKeysResponse {
        keys: keys.collect(),
    }
}

/// The message that shows it.
pub(super) fn identity(identity: Disclosed<Identity>) -> wire::WhoAmIResponse {
    let identity = identity.into_wire();
    let principal = identity.principal;
    let (tenant, source) = match principal.home() {
        Home::Tenant(tenant) => (Name::Tenant(tenant.clone()).to_string(), String::new()),
        Home::Source(source) => (String::new(), Name::Source(source.clone()).to_string()),
        Home::Provider => (String::new(), String::new()),
    };
    wire::WhoAmIResponse {
        credential: model::name(principal.home(), principal.credential()).to_string(),
        subject: principal.subject().to_owned(),
        tenant,
        source,
        role: principal.role().to_string(),
        credential_expire_time: identity.certificate_expires.map(wire_time),
        token_expire_time: identity.token_expires.map(wire_time),
        actions: identity.actions.into_iter().map(str::to_owned).collect(),
    }
}
