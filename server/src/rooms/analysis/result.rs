//! What is kept of an answer: its JSON, and what was signed of it.

use cordon_analysis::{Answer, Question, Table};
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Name, Reason, Result, TenantScope};
use cordon_lake::Inputs;
use cordon_lake::sql::ENGINE_VERSION;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::model::{Analysis, DataKind, Outcome, TableOf};

/// Longest JSON of an answer.
const LONGEST: usize = 32 << 20;
/// What is signed of an answer is a statement of this type.
pub(super) const PREDICATE_TYPE: &str = "https://cordon.example/analysis/v1";
/// How hard an answer is compressed.
const LEVEL: i32 = 3;

/// An answer and its statement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    /// JSON: the bytes whose hash is signed.
    pub(super) answer: String,
    /// The statement in its envelope, JSON.
    pub(super) statement: String,
}

impl Kept {
    pub(super) fn to_stored(&self) -> Result<Vec<u8>> {
        let plain = serde_json::to_vec(self).map_err(Error::internal)?;
        zstd::bulk::compress(&plain, LEVEL).map_err(Error::internal)
    }

    pub(super) fn from_stored(stored: &[u8]) -> Result<Self> {
        let plain = zstd::bulk::decompress(stored, 3 * LONGEST).map_err(Error::internal)?;
        serde_json::from_slice(&plain).map_err(Error::internal)
    }

    /// The answer, to be shown.
    pub(super) fn shown(&self) -> Result<Answer> {
        serde_json::from_str(&self.answer).map_err(Error::internal)
    }
}

/// What is said of an answer besides its content, and signed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Predicate<'a> {
    /// What was asked.
    kind: &'a str,
    question: &'a Question,
    scope: &'a cordon_analysis::Scope,
    purpose: &'a str,
    consent: &'a [DataKind],
    asked: String,
    /// How it was answered.
    method: &'a str,
    plan_version: u32,
    tools: Vec<Tool>,
    /// What it was made of.
    inputs: &'a Inputs,
    scanned: u64,
    completeness: Vec<Complete<'a>>,
    /// What was not looked at, and why.
    not_examined: Vec<&'a str>,
    released_by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rerun_of: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identical: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Complete<'a> {
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_until: Option<String>,
    observed_until: String,
}

/// How an answer was made.
pub(super) struct Made<'a> {
    pub(super) method: &'a str,
    pub(super) plan_version: u32,
    pub(super) inputs: &'a Inputs,
    pub(super) scanned: u64,
    pub(super) released_by: &'a str,
}

/// What becomes of an answer: what is known of it, and what is kept.
///
/// # Errors
/// `TOO_MUCH_WORK` when it is too long to be kept.
pub(super) fn seal(
    kernel: &Kernel,
    scope: &TenantScope,
    analysis: &Analysis,
    answer: &Answer,
    made: &Made<'_>,
) -> Result<(Outcome, Kept)> {
    let json = answer.to_json();
    if json.len() > LONGEST {
        return Err(Error::new(
            Reason::TooMuchWork,
            "the answer has more than 32 MiB: name a shorter time or more conditions",
        ));
    }
    let sha256 = hex::encode(digest(&SHA256, json.as_bytes()));
    let identical = analysis
        .compared
        .as_ref()
        .map(|(before, _)| *before == sha256);
    let completeness = made.inputs.sources.iter().map(|source| Complete {
        source: &source.source,
        complete_until: source.complete_until.map(said),
        observed_until: said(source.observed_until),
    });
    let predicate = Predicate {
        kind: analysis.question.kind().as_str(),
        question: &analysis.question,
        scope: &analysis.scope,
        purpose: &analysis.purpose,
        consent: &analysis.consent,
        asked: analysis.created.to_string(),
        method: made.method,
        plan_version: made.plan_version,
        tools: tools(&analysis.question),
        inputs: made.inputs,
        scanned: made.scanned,
        completeness: completeness.collect(),
        not_examined: answer
            .remarks
            .iter()
            .map(|remark| remark.message.as_str())
            .collect(),
        released_by: made.released_by,
        rerun_of: analysis.rerun_of.as_deref(),
        identical,
    };
    let subject = Name::Analysis(scope.tenant().clone(), analysis.id);
    let statement =
        kernel.sign_statement(scope, &subject, sha256.clone(), PREDICATE_TYPE, &predicate)?;
    let outcome = Outcome {
        method: made.method.to_owned(),
        plan_version: made.plan_version,
        sha256,
        size: json.len() as u64,
        head: made.inputs.head,
        scanned: made.scanned,
        tables: answer.tables.iter().map(table).collect(),
        graph: answer.graph.is_some(),
        timeline: answer.timeline.is_some(),
        identical,
    };
    let kept = Kept {
        answer: json,
        statement: String::from_utf8(statement).map_err(Error::internal)?,
    };
    Ok((outcome, kept))
}

/// By what an answer was made.
fn tools(question: &Question) -> Vec<Tool> {
    let mut tools = vec![Tool {
        name: "cordon-server",
        version: env!("CARGO_PKG_VERSION"),
    }];
    if let Question::Sql(_) = question {
        tools.push(Tool {
            name: "datafusion",
            version: ENGINE_VERSION,
        });
    }
    tools
}

fn table(table: &Table) -> TableOf {
    TableOf {
        name: table.name.clone(),
        title: table.title.clone(),
        rows: table.rows.len() as u64,
        left_out: table.cut.as_ref().map_or(0, |cut| cut.left_out),
    }
}

fn said(ns: i64) -> String {
    cordon_kernel::db::timestamp(ns).to_string()
}
