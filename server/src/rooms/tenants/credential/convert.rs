//! Between messages and a credential.

use cordon_kernel::{CredentialId, Disclosed, Env, Error, Home, Name, Principal, Result, Role};
use cordon_proto::tenants as wire;

use super::super::fields::{Fields, wire_time};
use super::model::Credential;
use super::service::Issued;

/// Reads `tenants/{tenant}`, `sources/{source}`, or nothing for the provider's staff.
pub(in super::super) fn home(field: &str, parent: &str) -> Result<Home> {
    if parent.is_empty() {
        return Ok(Home::Provider);
    }
    match Name::parse(field, parent) {
        Ok(Name::Tenant(tenant)) => Ok(Home::Tenant(tenant)),
        Ok(Name::Source(source)) => Ok(Home::Source(source)),
        _ => Err(Error::invalid(
            field,
            "expected tenants/{tenant}, sources/{source}, or nothing for staff",
        )),
    }
}

/// The holder to be, with a fresh credential id, and the request for its certificate.
pub(in super::super) fn issue(
    request: wire::IssueCredentialRequest,
    env: &Env,
) -> Result<(Principal, String)> {
    let mut fields = Fields::default();
    let body = request.credential.unwrap_or_default();
    let home = fields.named(home("parent", &request.parent));
    let role = body.role.parse::<Role>();
    let role = fields.read("credential.role", role.map_err(|error| description(&error)));
    if request.csr_pem.is_empty() {
        fields.wrong("csr_pem", "expected a PKCS #10 request in PEM");
    }
    let (Some(home), Some(role)) = (home, role) else {
        return Err(fields.refuse());
    };
    let holder = Principal::new(CredentialId::generate(env), body.subject.trim(), home, role);
    let holder = holder.map_err(|error| {
        for wrong in error.violations() {
            fields.wrong(
                format!("credential.{}", wrong.field),
                wrong.description.clone(),
            );
        }
    });
    match holder {
        Ok(holder) => {
            fields.finish()?;
            Ok((holder, request.csr_pem))
        }
        Err(()) => Err(fields.refuse()),
    }
}

fn description(error: &Error) -> String {
    error
        .violations()
        .first()
        .map_or_else(String::new, |wrong| wrong.description.clone())
}

pub(in super::super) fn revoke(
    request: &wire::RevokeCredentialRequest,
) -> Result<(Home, CredentialId, String)> {
    let mut fields = Fields::default();
    let reason = fields.reason("reason", &request.reason);
    let name = match Name::parse("name", &request.name) {
        Ok(Name::TenantCredential(tenant, id)) => Some((Home::Tenant(tenant), id)),
        Ok(Name::SourceCredential(source, id)) => Some((Home::Source(source), id)),
        Ok(Name::StaffCredential(id)) => Some((Home::Provider, id)),
        _ => {
            fields.wrong(
                "name",
                "expected the name of a credential, as in tenants/acme/credentials/{id}",
            );
            None
        }
    };
    match (name, reason) {
        (Some((home, id)), Some(reason)) => Ok((home, id, reason)),
        _ => Err(fields.refuse()),
    }
}

/// The message that shows it.
pub(in super::super) fn encode(credential: Disclosed<Credential>) -> wire::Credential {
    let credential = credential.into_wire();
    wire::Credential {
        name: credential.name().to_string(),
        subject: credential.subject,
        role: credential.role.to_string(),
        create_time: Some(wire_time(credential.issued)),
        expire_time: Some(wire_time(credential.expires)),
        revoke_time: credential.revoked.map(wire_time),
    }
}

/// The message that shows it.
pub(in super::super) fn encode_issued(issued: Disclosed<Issued>) -> wire::IssueCredentialResponse {
    let certificate_pem = issued.get().certificate_pem.clone();
    let ca_pem = issued.get().ca_pem.clone();
    wire::IssueCredentialResponse {
        credential: Some(encode(issued.map(|issued| issued.credential))),
        certificate_pem,
        ca_pem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(parent: &str, role: &str, subject: &str, csr: &str) -> Vec<String> {
        let (env, _) = Env::fixed(jiff::Timestamp::UNIX_EPOCH, 1);
        let request = wire::IssueCredentialRequest {
            parent: parent.into(),
            credential: Some(wire::Credential {
                role: role.into(),
                subject: subject.into(),
                ..Default::default()
            }),
            csr_pem: csr.into(),
        };
        match issue(request, &env) {
            Ok(_) => Vec::new(),
            Err(error) => error.violations().iter().map(|v| v.field.clone()).collect(),
        }
    }

    #[test]
    fn issue_takes_roles_that_fit_the_parent() {
        let fits = [
            ("tenants/acme", "reader"),
            ("tenants/acme", "responder"),
            ("tenants/acme", "admin"),
            ("sources/trail", "source"),
            ("", "operator"),
            ("", "analyst"),
            ("", "auditor"),
            ("", "sla-reporter"),
        ];
        for parent in ["tenants/acme", "sources/trail", ""] {
            for role in Role::ALL {
                let expected = fits.contains(&(parent, role.as_str()));
                assert_eq!(
                    wrong(parent, role.as_str(), "a", "x").is_empty(),
                    expected,
                    "{parent} {role}"
                );
            }
        }
    }

    #[test]
    fn issue_tells_every_mistake() {
        assert_eq!(
            wrong("acme", "boss", "", ""),
            ["parent", "credential.role", "csr_pem"]
        );
        assert_eq!(
            wrong("tenants/acme", "reader", " ", ""),
            ["csr_pem", "credential.subject"]
        );
        assert_eq!(
            wrong("tenants/acme", "operator", "a", "x"),
            ["credential.role"]
        );
    }
}
