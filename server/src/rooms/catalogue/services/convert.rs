//! Between messages and services.

use cordon_attack::{Access, ServiceModel, SourceType};
use cordon_kernel::{Disclosed, Error, Name, Result, ServiceId, TenantId};
use cordon_proto::catalogue as wire;
use jiff::Timestamp;

use super::model::Service;
use crate::rooms::fields::{Fields, wire_time};
use crate::rooms::words::pairs;

pairs!(ServiceModel as wire::ServiceModel: Iaas Paas Saas; service_model, service_model_from);
pairs!(Access as wire::Access: None Forensic Analysis Direct; access, access_from);

/// The type of a source by its name.
pub(in super::super) fn source_type(text: &str) -> std::result::Result<SourceType, String> {
    text.parse().map_err(|_| {
        let known: Vec<_> = SourceType::ALL.iter().map(|one| one.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

pub(in super::super) fn create(
    request: wire::CreateServiceRequest,
    now: Timestamp,
) -> Result<Service> {
    let mut fields = Fields::default();
    let body = request.service.unwrap_or_default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let id = fields.read("service_id", request.service_id.parse::<ServiceId>());
    let model = service_model_from(body.service_model);
    if model.is_none() {
        fields.wrong("service.service_model", "expected IAAS, PAAS or SAAS");
    }
    let mut sources: Vec<(SourceType, Access)> = Vec::new();
    for (at, source) in body.sources.iter().enumerate() {
        let field = |name: &str| format!("service.sources[{at}].{name}");
        let kind = fields.read(&field("source_type"), source_type(&source.source_type));
        let access = access_from(source.access).filter(|access| *access != Access::None);
        if access.is_none() {
            fields.wrong(field("access"), "expected DIRECT, ANALYSIS or FORENSIC");
        }
        match kind.zip(access) {
            Some((kind, _)) if sources.iter().any(|(other, _)| *other == kind) => {
                fields.wrong(field("source_type"), "is there twice");
            }
            Some(source) => sources.push(source),
            None => {}
        }
    }
    match (tenant, id, model) {
        (Some(tenant), Some(id), Some(model)) => {
            fields.finish()?;
            sources.sort_unstable();
            Ok(Service {
                tenant,
                id,
                model,
                sources,
                created: now,
            })
        }
        _ => Err(fields.refuse()),
    }
}

pub(in super::super) fn delete(
    request: &wire::DeleteServiceRequest,
) -> Result<(TenantId, ServiceId)> {
    match Name::parse("name", &request.name)? {
        Name::Service(tenant, service) => Ok((tenant, service)),
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/services/{service}",
        )),
    }
}

/// The message that shows it.
pub(in super::super) fn encode(service: Disclosed<Service>) -> wire::Service {
    let service = service.into_wire();
    let source = |(source, by): &(SourceType, Access)| wire::ServiceSource {
        source_type: source.as_str().to_owned(),
        access: access(*by),
    };
    wire::Service {
        service_model: service_model(service.model),
        sources: service.sources.iter().map(source).collect(),
        create_time: Some(wire_time(service.created)),
        name: Name::Service(service.tenant, service.id).to_string(),
    }
}
