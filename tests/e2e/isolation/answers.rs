//! Answers as they are compared: without what differs between any two installations.

use base64::Engine as _;
use cordon_proto::analysis::DownloadAnalysisResultResponse;
use cordon_proto::reports::GenerateIncidentReportResponse;
use cordon_proto::sla::{GenerateReportResponse, generate_report_response};
use prost::Message as _;
use prost_reflect::MethodDescriptor;

/// Whether a word is a time that the server took from its clock: later than all events here, in
/// milliseconds or as RFC 3339.
fn is_servers_time(word: &str) -> bool {
    let word = word.trim_matches([':', '.', '+']);
    let millis = word.len() == 13 && word.parse::<u64>().is_ok_and(|ms| ms > 1_772_500_000_000);
    millis || (word.len() >= 20 && word.starts_with("20") && word > "2026-04")
}

/// Whether a word is a length of time up to the server's clock: events here are of March 2026, and no
/// other length of theirs is as long.
fn is_servers_span(word: &str) -> bool {
    let seconds = word.strip_suffix('s').map(str::parse::<f64>);
    seconds.is_some_and(|seconds| seconds.is_ok_and(|seconds| seconds > 1_000_000.0))
}

/// Whether a quoted text is a key in PEM or bytes in base64, as hashes of the audit log are. Both may
/// hold slashes, which end a word.
fn is_bytes(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.bytes().any(|b| kind(&b));
    let base64 = text.len() >= 26
        && text.len().is_multiple_of(4)
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        // One in 1,500 hashes has no digit; they are of one length.
        && (has(u8::is_ascii_digit) || text.len() == 44 && text.ends_with('='));
    base64 || text.starts_with("-----BEGIN ") || text.starts_with("whsec_")
}

/// Blanks what keys, clocks and randomness decide.
pub(super) fn blank(text: &str) -> String {
    let quoted = text
        .split('"')
        .map(|part| if is_bytes(part) { "<bytes>" } else { part });
    blank_words(&quoted.collect::<Vec<_>>().join("\""))
}

fn blank_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        let hex = |text: &str| {
            text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        };
        let coded = |text: &str| text.len() >= 26 && !text.contains(['.', ':', '/']);
        // The server's own job about one of the tenant's incidents.
        let job = word.rsplit_once(':').filter(|(_, id)| hex(id));
        if hex(word) {
            out.push_str("<id>");
        } else if let Some((name, _)) = job {
            out.push_str(name);
            out.push_str(":<id>");
        } else if let Some((kind, _)) = word.split_once('~') {
            out.push_str(kind);
            out.push_str("~<pseudonym>");
        } else if is_servers_time(word) {
            out.push_str("<time>");
        } else if is_servers_span(word) {
            out.push_str("<span>");
        } else if coded(word) {
            out.push_str("<coded>");
        } else {
            out.push_str(word);
        }
        word.clear();
    };
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "-_~:.+=".contains(c) {
            word.push(c);
        } else {
            flush(&mut word, &mut out);
            out.push(c);
        }
    }
    flush(&mut word, &mut out);
    out
}

/// What a signed report says, besides being bytes.
pub(super) fn signed(method: &MethodDescriptor, answer: &bytes::Bytes) -> String {
    let envelope = match method.name() {
        "GenerateReport" => match GenerateReportResponse::decode(answer.clone()).unwrap().part {
            Some(generate_report_response::Part::Statement(envelope)) => envelope,
            _ => return String::new(),
        },
        // A small one comes in one part.
        "GenerateIncidentReport" => {
            let answer = GenerateIncidentReportResponse::decode(answer.clone());
            answer.unwrap().statement
        }
        "DownloadAnalysisResult" => {
            let answer = DownloadAnalysisResultResponse::decode(answer.clone());
            let data = answer.unwrap().data;
            match serde_json::from_slice::<serde_json::Value>(&data) {
                Ok(envelope) if envelope.get("payload").is_some() => data,
                _ => return without_lanes(&String::from_utf8_lossy(&data)),
            }
        }
        _ => return String::new(),
    };
    let envelope: serde_json::Value = serde_json::from_slice(&envelope).unwrap();
    let payload = envelope["payload"].as_str().unwrap();
    let payload = base64::engine::general_purpose::STANDARD.decode(payload);
    String::from_utf8(payload.unwrap()).unwrap()
}

/// A page without the heights of marks in its pictures: lanes of equally many events are in the order of
/// names, which differ between installations.
fn without_lanes(page: &str) -> String {
    let mut parts = page.split(" cy=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |page, part| {
        page + part.split_once('"').map_or(part, |(_, rest)| rest)
    })
}

/// In a log what the server did about clocks and events stands last: when it does it is the machine's
/// doing. Into how many parts a model falls, and how long they are, is its key's.
pub(super) fn jobs_last(method: &MethodDescriptor, answer: String) -> String {
    if matches!(method.name(), "GetBaselines" | "UpdateBaselines") {
        let mut answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        for size in ["partCount", "sizeBytes"] {
            answer["baselines"][size] = "<size>".into();
        }
        return answer.to_string();
    }
    if method.name() != "ListAuditEntries" {
        return answer;
    }
    let mut answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    if let Some(entries) = answer["entries"].as_array_mut() {
        // Which of several jobs comes first is the machine's doing too.
        let job = |entry: &serde_json::Value| {
            let actor = entry["actor"].as_str().unwrap_or_default();
            let jobs = [
                "system:clocks:",
                "system:detect",
                "system:learn",
                "system:analyse:",
            ];
            let of = jobs.into_iter().find(|job| actor.starts_with(job));
            of.map(|job| (job, entry["detailsJson"].to_string()))
        };
        entries.sort_by_key(job);
        for (entry, number) in entries.iter_mut().zip(1_u64..) {
            entry["sequence"] = number.to_string().into();
        }
    }
    answer.to_string()
}
