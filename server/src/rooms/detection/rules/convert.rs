//! Between messages and rules.

use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::detection as wire;
use jiff::Timestamp;
use uuid::Uuid;

use super::super::convert::level;
use super::model::{NewRule, Origin, Patch, Rule, Version};
use crate::rooms::fields::{Fields, wire_time};

/// Most exceptions of a rule.
const MAX_EXCEPTIONS: usize = 32;
/// Longest exception, in bytes.
const MAX_EXCEPTION: usize = 4 << 10;

/// `tenants/{tenant}/rules/{rule}`.
pub(crate) fn rule_name(field: &str, name: &str) -> Result<(TenantId, Uuid)> {
    match Name::parse(field, name)? {
        Name::Rule(tenant, rule) => Ok((tenant, rule)),
        _ => Err(Error::invalid(
            field,
            "expected tenants/{tenant}/rules/{rule}",
        )),
    }
}

pub(super) fn create(request: wire::CreateRuleRequest) -> Result<(TenantId, NewRule)> {
    let mut fields = Fields::default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let body = request.rule.unwrap_or_default();
    if body.text.trim().is_empty() {
        fields.wrong("rule.text", "expected a Sigma rule");
    }
    let exceptions = exceptions(&mut fields, body.exceptions);
    let muted_until = muted(&mut fields, body.muted_until);
    match (tenant, exceptions, muted_until) {
        (Some(tenant), Some(exceptions), Some(muted_until)) => {
            fields.finish()?;
            let new = NewRule {
                text: body.text,
                enabled: !request.disabled,
                exceptions,
                muted_until,
            };
            Ok((tenant, new))
        }
        _ => Err(fields.refuse()),
    }
}

/// A change: which rule, what of it, and what it must be like.
pub(super) fn update(
    request: wire::UpdateRuleRequest,
) -> Result<((TenantId, Uuid), Patch, String)> {
    let mut fields = Fields::default();
    let body = request.rule.unwrap_or_default();
    let name = fields.named(rule_name("rule.name", &body.name));
    let paths = request.update_mask.unwrap_or_default().paths;
    if paths.is_empty() {
        fields.wrong("update_mask", "expected the names of the fields to change");
    }
    let mut patch = Patch::default();
    for path in &paths {
        match path.as_str() {
            "text" if body.text.trim().is_empty() => {
                fields.wrong("rule.text", "expected a Sigma rule");
            }
            "text" => patch.text = Some(body.text.clone()),
            "enabled" => patch.enabled = Some(body.enabled),
            "exceptions" => patch.exceptions = exceptions(&mut fields, body.exceptions.clone()),
            "muted_until" => patch.muted_until = muted(&mut fields, body.muted_until),
            other => fields.wrong(
                "update_mask",
                format!(
                    "{other:?} can't be changed; text, enabled, exceptions and muted_until can"
                ),
            ),
        }
    }
    match name {
        Some(name) => {
            fields.finish()?;
            Ok((name, patch, body.etag))
        }
        None => Err(fields.refuse()),
    }
}

fn exceptions(fields: &mut Fields, given: Vec<String>) -> Option<Vec<String>> {
    if given.len() > MAX_EXCEPTIONS {
        fields.wrong("rule.exceptions", "expected at most 32");
        return None;
    }
    for (at, exception) in given.iter().enumerate() {
        let field = || format!("rule.exceptions[{at}]");
        if exception.trim().is_empty() {
            fields.wrong(field(), "expected a filter");
        } else if exception.len() > MAX_EXCEPTION {
            fields.wrong(field(), "expected at most 4,096 bytes");
        }
    }
    Some(given)
}

fn muted(fields: &mut Fields, until: Option<prost_types::Timestamp>) -> Option<Option<Timestamp>> {
    let nanos = fields.time("rule.muted_until", until)?;
    Some(nanos.map(cordon_kernel::db::timestamp))
}

/// A rule as it is told, with what its text says; why it can't be used, if so.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) rule: Rule,
    pub(super) sigma: std::result::Result<cordon_sigma::Rule, String>,
}

/// Lists leave the text out.
pub(super) fn rule(tenant: &TenantId, told: Disclosed<Told>, with_text: bool) -> wire::Rule {
    let Told { rule, sigma } = told.into_wire();
    let mut message = wire::Rule {
        name: Name::Rule(tenant.clone(), rule.id).to_string(),
        text: if with_text { rule.text } else { String::new() },
        enabled: rule.enabled,
        exceptions: rule.exceptions,
        muted_until: rule.muted_until.map(wire_time),
        origin: match rule.origin {
            Origin::Own => wire::Origin::Own.into(),
            Origin::Provider => wire::Origin::Provider.into(),
        },
        version: i32::try_from(rule.version).unwrap_or(i32::MAX),
        create_time: Some(wire_time(rule.created)),
        update_time: Some(wire_time(rule.updated)),
        updated_by: rule.by,
        etag: rule.etag,
        ..wire::Rule::default()
    };
    match sigma {
        Ok(sigma) => {
            message.title = sigma.title;
            message.level = level(sigma.level);
            message.description = sigma.description;
            message.author = sigma.author;
            message.license = sigma.license;
            message.techniques = sigma.techniques;
            message.tactics = sigma.tactics;
            message.false_positives = sigma.false_positives;
            if with_text {
                let filters = sigma.selections.into_iter();
                message.filters = filters.map(|selection| selection.filter).collect();
            }
        }
        Err(failure) => message.failure = failure,
    }
    message
}

pub(super) fn version(version: Disclosed<Version>) -> wire::RuleVersion {
    let version = version.into_wire();
    wire::RuleVersion {
        version: i32::try_from(version.version).unwrap_or(i32::MAX),
        text: version.text,
        create_time: Some(wire_time(version.created)),
        created_by: version.by,
    }
}
