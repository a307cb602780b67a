//! Between messages and the provider's rules.

use cordon_kernel::{Disclosed, Error, Name, Result};
use cordon_proto::detection as wire;
use uuid::Uuid;

use super::super::convert::level;
use super::model::{Patch, ProviderRule};
use crate::rooms::fields::{Fields, wire_time};

/// `providerRules/{rule}`.
pub(super) fn provider_rule_name(field: &str, name: &str) -> Result<Uuid> {
    match Name::parse(field, name)? {
        Name::ProviderRule(rule) => Ok(rule),
        _ => Err(Error::invalid(field, "expected providerRules/{rule}")),
    }
}

/// A text, and whether it is to work for those who say nothing of it.
pub(super) fn create(request: wire::CreateProviderRuleRequest) -> Result<(String, bool)> {
    let body = request.provider_rule.unwrap_or_default();
    if body.text.trim().is_empty() {
        return Err(Error::invalid(
            "provider_rule.text",
            "expected a Sigma rule",
        ));
    }
    Ok((body.text, !request.disabled))
}

/// A change: which rule, what of it, and what it must be like.
pub(super) fn update(request: wire::UpdateProviderRuleRequest) -> Result<(Uuid, Patch, String)> {
    let mut fields = Fields::default();
    let body = request.provider_rule.unwrap_or_default();
    let name = fields.named(provider_rule_name("provider_rule.name", &body.name));
    let paths = request.update_mask.unwrap_or_default().paths;
    if paths.is_empty() {
        fields.wrong("update_mask", "expected the names of the fields to change");
    }
    let mut patch = Patch::default();
    for path in &paths {
        match path.as_str() {
            "text" if body.text.trim().is_empty() => {
                fields.wrong("provider_rule.text", "expected a Sigma rule");
            }
            "text" => patch.text = Some(body.text.clone()),
            "enabled" => patch.enabled = Some(body.enabled),
            other => fields.wrong(
                "update_mask",
                format!("{other:?} can't be changed; text and enabled can"),
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

/// Lists leave the text out.
pub(super) fn provider_rule(rule: Disclosed<ProviderRule>, with_text: bool) -> wire::ProviderRule {
    let rule = rule.into_wire();
    let sigma = cordon_sigma::compile(&rule.text);
    let mut message = wire::ProviderRule {
        name: Name::ProviderRule(rule.id).to_string(),
        text: if with_text { rule.text } else { String::new() },
        enabled: rule.enabled,
        version: i32::try_from(rule.version).unwrap_or(i32::MAX),
        create_time: Some(wire_time(rule.created)),
        update_time: Some(wire_time(rule.updated)),
        updated_by: rule.by,
        etag: rule.etag,
        ..wire::ProviderRule::default()
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
        Err(failure) => message.failure = failure.to_string(),
    }
    message
}
