//! Between messages and the policy.

use std::collections::BTreeSet;

use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::incidents as wire;
use uuid::Uuid;

use super::model::{Patch, Policy, USUAL, level_code, level_of};
use crate::rooms::detection::{level, level_from, rule_name};
use crate::rooms::fields::{Fields, wire_time};

/// Most rules, and most techniques.
const MAX_NAMED: usize = 500;
/// Most incidents of an hour.
const MAX_PER_HOUR: i32 = 100;

/// `tenants/{tenant}/detectionPolicy`.
pub(super) fn policy_name(field: &str, name: &str) -> Result<TenantId> {
    match Name::parse(field, name)? {
        Name::DetectionPolicy(tenant) => Ok(tenant),
        _ => Err(Error::invalid(
            field,
            "expected tenants/{tenant}/detectionPolicy",
        )),
    }
}

/// A change: whose policy, what of it, and what it must be like.
pub(super) fn update(
    request: wire::UpdateDetectionPolicyRequest,
) -> Result<(TenantId, Patch, String)> {
    let mut fields = Fields::default();
    let body = request.detection_policy.unwrap_or_default();
    let name = fields.named(policy_name("detection_policy.name", &body.name));
    // Before anything else of the request is looked at: another tenant's names are not for here.
    let rules = body
        .rules
        .iter()
        .enumerate()
        .map(|(at, rule)| rule_name(&format!("detection_policy.rules[{at}]"), rule));
    let rules: Vec<(TenantId, Uuid)> = rules.filter_map(|rule| fields.named(rule)).collect();
    if let Some(tenant) = &name
        && rules.iter().any(|(of, _)| of != tenant)
    {
        return Err(Error::permission_denied());
    }
    let paths = request.update_mask.unwrap_or_default().paths;
    if paths.is_empty() {
        fields.wrong("update_mask", "expected the names of the fields to change");
    }
    let mut patch = Patch::default();
    for path in &paths {
        match path.as_str() {
            "enabled" => patch.enabled = Some(body.enabled),
            "min_level" if body.min_level == 0 => patch.min_level = Some(0),
            "min_level" => match level_from(body.min_level) {
                Some(level) => patch.min_level = Some(level_code(level)),
                None => fields.wrong("detection_policy.min_level", "expected a level"),
            },
            "rules" if rules.len() > MAX_NAMED => {
                fields.wrong("detection_policy.rules", "expected at most 500");
            }
            "rules" => {
                let once: BTreeSet<Uuid> = rules.iter().map(|(_, rule)| *rule).collect();
                patch.rules = Some(once.into_iter().collect());
            }
            "techniques" => patch.techniques = techniques(&mut fields, &body.techniques),
            "max_incidents_per_hour" => match body.max_incidents_per_hour {
                0 => patch.max_per_hour = Some(USUAL),
                most if (1..=MAX_PER_HOUR).contains(&most) => {
                    patch.max_per_hour = Some(i64::from(most));
                }
                _ => fields.wrong(
                    "detection_policy.max_incidents_per_hour",
                    "expected 1 to 100, or 0 for 10",
                ),
            },
            other => fields.wrong(
                "update_mask",
                format!(
                    "{other:?} can't be changed; enabled, min_level, rules, techniques and \
                     max_incidents_per_hour can"
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

fn techniques(fields: &mut Fields, given: &[String]) -> Option<Vec<String>> {
    if given.len() > MAX_NAMED {
        fields.wrong("detection_policy.techniques", "expected at most 500");
        return None;
    }
    let mut once = BTreeSet::new();
    for (at, technique) in given.iter().enumerate() {
        let technique = technique.trim().to_uppercase();
        match is_technique(&technique) {
            true => {
                once.insert(technique);
            }
            false => fields.wrong(
                format!("detection_policy.techniques[{at}]"),
                "expected an ATT&CK technique, as in T1562 or T1562.008",
            ),
        }
    }
    Some(once.into_iter().collect())
}

/// `T` and four digits, and maybe a point and three.
fn is_technique(text: &str) -> bool {
    let digits = |text: &str, count: usize| {
        text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let Some(number) = text.strip_prefix('T') else {
        return false;
    };
    match number.split_once('.') {
        Some((parent, sub)) => digits(parent, 4) && digits(sub, 3),
        None => digits(number, 4),
    }
}

pub(super) fn policy(tenant: &TenantId, policy: Disclosed<Policy>) -> wire::DetectionPolicy {
    let policy = policy.into_wire();
    let said = policy.said;
    wire::DetectionPolicy {
        name: Name::DetectionPolicy(tenant.clone()).to_string(),
        enabled: policy.enabled,
        min_level: level_of(said.min_level).map_or(0, level),
        rules: said
            .rules
            .iter()
            .map(|rule| format!("tenants/{tenant}/rules/{rule}"))
            .collect(),
        techniques: said.techniques,
        max_incidents_per_hour: i32::try_from(said.max_per_hour).unwrap_or(MAX_PER_HOUR),
        update_time: policy.updated.map(wire_time),
        updated_by: said.by,
        etag: policy.etag,
    }
}
