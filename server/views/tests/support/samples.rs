//! The published records of other clouds, one after another. They are read at run time and
//! stay where they are.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use cordon_views::SourceType;
use cordon_views::split::split;
use serde_json::Value;

/// A file's bytes, unpacked if it is packed.
fn bytes(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_none_or(|ending| ending != "gz") {
        return bytes;
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..])
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

/// The records of a file, as they are split; those in labels unwrapped.
fn of_file(source: SourceType, path: &Path) -> Vec<String> {
    let payload = bytes(path);
    split(source, &payload)
        .map(|item| {
            let text = item.record.unwrap();
            let value: Value = serde_json::from_str(text).unwrap();
            match value.get("log").filter(|_| value.get("rule_id").is_some()) {
                Some(log) => log.to_string(),
                None => text.to_owned(),
            }
        })
        .collect()
}

/// The records of a file of labelled records for which `is` holds.
fn labelled(source: SourceType, data: &Path, kind: &str, is: fn(&Value) -> bool) -> Vec<String> {
    of_file(
        source,
        &data.join(format!("labelled-panther/{kind}.jsonl.gz")),
    )
    .into_iter()
    .filter(|text| is(&serde_json::from_str(text).unwrap()))
    .collect()
}

fn folder(path: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|one| one == ending))
        .collect();
    files.sort();
    files
}

/// Entries of Google Cloud's logs, those that are no audit logs among them.
pub fn gcp(data: &Path) -> Vec<String> {
    let source = SourceType::GcpAudit;
    let mut out = Vec::new();
    for path in folder(&data.join("gcp-audit/security-analytics"), "json") {
        out.extend(of_file(source, &path));
    }
    out.extend(of_file(
        source,
        &data.join("gcp-audit/plaso_gcp_logging.jsonl"),
    ));
    for kind in ["gcp_audit", "gcp_k8s", "gcp_http_lb"] {
        out.extend(labelled(source, data, kind, |_| true));
    }
    let google: fn(&Value) -> bool = |log| log["p_log_type"] == "GCP.AuditLog";
    for kind in ["kubernetes", "standard"] {
        out.extend(labelled(source, data, kind, google));
    }
    out
}

/// Events of Azure's activity log and of its resources' logs.
pub fn azure_activity(data: &Path) -> Vec<String> {
    let source = SourceType::AzureActivity;
    let mut out = of_file(
        source,
        &data.join("azure-activity/plaso_azure_activity_log.jsonl"),
    );
    out.extend(labelled(source, data, "azure_activity", |_| true));
    out.extend(labelled(source, data, "kubernetes", |log| {
        log["p_log_type"] == "Azure.MonitorActivity" && log["category"] != "kube-audit"
    }));
    out
}

/// Sign-ins and audit events of Entra ID, and audit events of Microsoft 365.
pub fn azure_sign_in(data: &Path) -> Vec<String> {
    let source = SourceType::AzureSignIn;
    let mut out = labelled(source, data, "azure_signin", |_| true);
    for file in [
        "otrf_AADAuditEvents.json",
        "plaso_microsoft_audit_log.jsonl",
    ] {
        out.extend(of_file(source, &data.join("azure-activity").join(file)));
    }
    out
}

/// Audit events of Kubernetes clusters.
pub fn k8s(data: &Path) -> Vec<String> {
    let source = SourceType::K8sAudit;
    let mut out = Vec::new();
    for path in folder(&data.join("k8s-audit-falco"), "json") {
        out.extend(of_file(source, &path));
    }
    out.extend(labelled(source, data, "aws_eks", |_| true));
    out.extend(labelled(source, data, "kubernetes", |log| {
        log["p_log_type"] == "Amazon.EKS.Audit" || log["category"] == "kube-audit"
    }));
    out
}
