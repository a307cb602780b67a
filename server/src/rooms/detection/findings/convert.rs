//! Between messages and findings.

use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::detection as wire;
use uuid::Uuid;

use super::super::convert::{level, level_from};
use super::super::explained::{Explained, Explanation};
use super::model::{Finding, FindingStatus, level_code, level_of};
use super::ocsf;
use super::store::Wanted;
use crate::rooms::context::ContextMatchKind;
use crate::rooms::fields::{Fields, wire_time};
use crate::rooms::words::pairs;

pairs!(FindingStatus as wire::FindingStatus: New InProgress Suppressed Resolved; status, status_from);
pairs!(ContextMatchKind as wire::ExplanationKind: CrownJewel Asset PlannedWork TrustedNetwork; explanation_kind, explanation_kind_from);

/// Longest comment, in characters.
const MAX_COMMENT: usize = 2_000;

pub(super) fn finding_name(name: &str) -> Result<(TenantId, Uuid)> {
    match Name::parse("name", name)? {
        Name::Finding(tenant, finding) => Ok((tenant, finding)),
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/findings/{finding}",
        )),
    }
}

pub(super) fn list(request: &wire::ListFindingsRequest) -> Result<(TenantId, Wanted)> {
    let mut fields = Fields::default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let mut wanted = Wanted::default();
    for (at, number) in request.statuses.iter().enumerate() {
        match status_from(*number) {
            Some(status) => wanted.statuses.push(status),
            None => fields.wrong(format!("statuses[{at}]"), "expected a status"),
        }
    }
    if request.min_level != 0 {
        match level_from(request.min_level) {
            Some(level) => wanted.min_level = level_code(level),
            None => fields.wrong("min_level", "expected a level"),
        }
    }
    match tenant {
        Some(tenant) => {
            fields.finish()?;
            Ok((tenant, wanted))
        }
        None => Err(fields.refuse()),
    }
}

/// What is said of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) finding: (TenantId, Uuid),
    pub(super) status: FindingStatus,
    pub(super) comment: String,
    /// What the finding must be; empty for anything.
    pub(super) etag: String,
}

pub(super) fn said(request: wire::UpdateFindingRequest) -> Result<Said> {
    let mut fields = Fields::default();
    let name = fields.named(finding_name(&request.name));
    let status = status_from(request.status);
    if status.is_none() {
        fields.wrong("status", "expected how it stands now");
    }
    let comment = request.comment.trim().to_owned();
    let control = |c: char| c.is_control() && c != '\n' && c != '\t';
    if comment.chars().count() > MAX_COMMENT || comment.contains(control) {
        fields.wrong(
            "comment",
            "expected at most 2,000 characters of text without control characters",
        );
    }
    match (name, status) {
        (Some(name), Some(status)) => {
            fields.finish()?;
            Ok(Said {
                finding: name,
                status,
                comment,
                etag: request.etag,
            })
        }
        _ => Err(fields.refuse()),
    }
}

/// Lists leave the OCSF event out.
pub(super) fn finding(
    tenant: &TenantId,
    finding: Disclosed<Finding>,
    with_ocsf: bool,
) -> wire::Finding {
    let finding = finding.into_wire();
    let ocsf_json = match with_ocsf {
        true => ocsf::write(tenant, &finding),
        false => String::new(),
    };
    let explained = finding.explained.as_ref();
    let rule_level = explained.map_or(0, |explained| level(level_of(explained.rule_level)));
    let explanations = explained.map(Explained::explanations).unwrap_or_default();
    let explanations = explanations.iter().map(|one| explanation(tenant, one));
    let explanations = explanations.collect();
    let group = finding.group.into_iter();
    wire::Finding {
        name: Name::Finding(tenant.clone(), finding.id).to_string(),
        sequence: finding.seq,
        title: finding.title,
        rule: match finding.rule.is_nil() {
            true => String::new(),
            false => Name::Rule(tenant.clone(), finding.rule).to_string(),
        },
        rule_version: i32::try_from(finding.rule_version).unwrap_or(i32::MAX),
        level: level(level_of(finding.level)),
        techniques: finding.techniques,
        tactics: finding.tactics,
        status: status(finding.status),
        comment: finding.comment,
        start_time: Some(wire_time(finding.start)),
        end_time: Some(wire_time(finding.end)),
        count: i64::try_from(finding.count).unwrap_or(i64::MAX),
        events: finding
            .events
            .iter()
            .map(|event| format!("tenants/{tenant}/events/{event}"))
            .collect(),
        actor: finding.actor,
        account: finding.account,
        source_address: finding.source_address,
        operation: finding.operation,
        group: group
            .map(|(field, value)| wire::FindingGroup { field, value })
            .collect(),
        dedup_key: finding.dedup_key,
        create_time: Some(wire_time(finding.created)),
        update_time: Some(wire_time(finding.updated)),
        updated_by: finding.by,
        etag: finding.etag,
        ocsf_json,
        incident: finding.incident,
        unusual: finding.unusual.map(|told| wire::Unusual {
            kind: told.kind,
            subject_kind: told.subject_kind,
            subject: told.subject,
            expected: told.expected,
            seen: told.seen,
            surprise_bits: told.bits,
        }),
        rule_level,
        explanations,
    }
}

fn explanation(tenant: &TenantId, explanation: &Explanation<'_>) -> wire::Explanation {
    let told = explanation.told;
    let (before, after) = explanation.levels;
    wire::Explanation {
        kind: explanation_kind(told.kind),
        context_entry: Name::ContextEntry(tenant.clone(), told.entry).to_string(),
        display_name: told.display_name.clone(),
        matched_field: told.field.clone(),
        matched_value: told.value.clone(),
        text: explanation.text.clone(),
        level_before: level(level_of(before)),
        level_after: level(level_of(after)),
    }
}
