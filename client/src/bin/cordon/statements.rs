//! `cordon signing-keys` and `cordon verify`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use cordon_client::analysis::{self, MAX_ANSWER_BYTES, read_analysis};
use cordon_client::sla::{ReportDocument, check_clocks, read_report};
use cordon_client::snapshots::evidence::manifest;
use cordon_client::snapshots::read_manifest;
use cordon_client::statement::{self, MAX_KEYS_BYTES, PublicKey, PublicKeys, Statement};
use cordon_client::{Error, Reason, read_incident_report};
use serde_json::json;

use crate::context::Context;
use crate::failure::{Failure, Outcome, note};
use crate::incidents::report::{carried, check_page};
use crate::output::Form;
use crate::part::Part;
use crate::text::{indented, one_line};

/// Largest report with its clocks that is read, in bytes.
pub(crate) const MAX_REPORT_BYTES: usize = 2 << 30;

/// Where the keys go.
#[derive(Debug, Args)]
pub(crate) struct SigningKeys {
    /// Where they go; stdout, if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What to verify, and with which keys.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A signed statement, such as a deletion certificate, a snapshot's manifest or that of an
    /// answer: a DSSE envelope in JSON; a report with its clocks, as `cordon sla report --format
    /// json` writes it; or the page of an incident's report. `-` for stdin
    #[arg(value_name = "FILE")]
    statement: PathBuf,
    /// Keys that `cordon signing-keys` wrote: nobody is asked. Without them, the profile's server is
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// The JSON of the answer that the statement is about: whether it is the one that was signed
    #[arg(long, value_name = "FILE")]
    answer: Option<PathBuf>,
}

pub(crate) async fn signing_keys(context: &Context, command: SigningKeys) -> Outcome {
    let keys = fetch(context).await?;
    let document = keys.to_json();
    let Some(out) = command.out else {
        return context.output.json(document.as_bytes());
    };
    Part::write(
        &out,
        format!("{}\n", indented(document.as_bytes())).as_bytes(),
    )?;
    let (path, count) = (out.display().to_string(), keys.keys().len());
    context.output.done(
        &format!("wrote {path}: {count} keys"),
        &json!({ "file": path, "keys": count }),
    )
}

pub(crate) async fn verify(context: &Context, command: Verify) -> Outcome {
    let path = &command.statement;
    let content = read(path, MAX_REPORT_BYTES)?;
    let keys = keys(context, command.keys.as_deref()).await?;
    let found = |error: Error| about(path, &error);
    if let Some(answer) = &command.answer {
        refuse_markup(path, &content)?;
        let signed = read_analysis(&content, &keys).map_err(found)?;
        let json = read(answer, MAX_ANSWER_BYTES)?;
        signed.check(&json).map_err(|error| about(answer, &error))?;
        show(context, &signed.statement)?;
        note(&format!("{}: the answer that was signed", answer.display()));
        return Ok(());
    }
    let page = carried(&content);
    if page.is_none() {
        refuse_markup(path, &content)?;
    }
    if ReportDocument::is_one(&content) {
        let document = ReportDocument::parse(&content).map_err(found)?;
        let signed = read_report(&document.envelope, &keys).map_err(found)?;
        check_clocks(&signed.report, &document.digest()).map_err(found)?;
        return show(context, &signed.statement);
    }
    if let Some(envelope) = page {
        let signed = read_incident_report(&envelope, &keys).map_err(found)?;
        check_page(path, &content, &signed)?;
        return show(context, &signed.statement);
    }
    let statement = statement::verify(&content, &keys).map_err(found)?;
    if statement.predicate_type == manifest::PREDICATE_TYPE {
        let signed = read_manifest(&content, &keys).map_err(found)?;
        show(context, &signed.statement)?;
        note("whether files are what was acquired: cordon snapshots verify FOLDER");
        return Ok(());
    }
    if statement.predicate_type != analysis::PREDICATE_TYPE {
        return show(context, &statement);
    }
    // Of what it is about it has the hash alone.
    let signed = read_analysis(&content, &keys).map_err(found)?;
    show(context, &signed.statement)?;
    note(
        "whether a file is the answer that was signed: --answer FILE, with the JSON that `cordon \
         analyses result --format json` wrote",
    );
    Ok(())
}

/// Refuses what a browser would show something of though it is no page of ours: a good signature
/// beside it would be taken for one of what is shown. Statements and clocks have no markup.
fn refuse_markup(path: &Path, content: &[u8]) -> Outcome {
    let named = path.extension().and_then(|ending| ending.to_str());
    let named = named.is_some_and(|ending| ending.to_lowercase().contains("htm"));
    match named || content.contains(&b'<') {
        false => Ok(()),
        true => Err(Failure::local(format!(
            "{}: it is neither a page of an incident's report nor a statement without markup: what \
             a browser shows of it is not what was signed",
            path.display()
        ))),
    }
}

async fn fetch(context: &Context) -> Result<PublicKeys, Failure> {
    let client = context.client().await?;
    Ok(PublicKeys::new(&client.identity().signing_keys().await?)?)
}

/// The keys that are to be checked with: of a file, or those of the profile's server.
pub(crate) async fn keys(context: &Context, file: Option<&Path>) -> Result<PublicKeys, Failure> {
    match file {
        Some(path) => {
            PublicKeys::parse(&read(path, MAX_KEYS_BYTES)?).map_err(|error| about(path, &error))
        }
        None => fetch(context).await,
    }
}

/// Reads a file that is to be checked: not more of it than is checked.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| Failure::local(format!("{}: {error}", path.display()));
    let source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let mut content = Vec::new();
    // One byte more shows that it is too large.
    let most = u64::try_from(limit).map_or(u64::MAX, |limit| limit.saturating_add(1));
    source
        .take(most)
        .read_to_end(&mut content)
        .map_err(failed)?;
    Ok(content)
}

/// What is wrong with a file.
pub(crate) fn about(path: &Path, error: &Error) -> Failure {
    let path = path.display();
    match error.reason() {
        Reason::BadSignature => Failure::local(format!(
            "the signature does not fit: {path} or the keys were changed [{}]",
            error.reason()
        )),
        Reason::UnknownKey => Failure::local(format!(
            "{path}: {error}\nhint: `cordon signing-keys` gives the keys of the profile's server, \
             former ones too"
        )),
        _ => Failure::local(format!("{path}: {error}")),
    }
}

fn show(context: &Context, statement: &Statement) -> Outcome {
    let output = &context.output;
    let signers = || statement.signers.iter().map(signer);
    if output.form() != Form::Table {
        for signer in signers() {
            note(&format!("signed by {signer}"));
        }
        let json = statement.json.as_bytes();
        return match output.form() {
            Form::Ndjson => output.json(&one_line(json)),
            // As it was signed, line breaks and all.
            _ => output.json(json),
        };
    }
    let subjects = statement.subjects.iter().map(|subject| {
        let digests = subject
            .digest
            .iter()
            .map(|(algorithm, digest)| format!(" {algorithm}:{digest}"));
        format!("{}{}", subject.name, digests.collect::<String>())
    });
    let kind = statement.predicate_type.clone();
    output.pairs(
        signers()
            .map(|signer| ("signed by", signer))
            .chain(subjects.map(|subject| ("about", subject)))
            .chain([("says", kind)]),
    )?;
    output.json(statement.predicate_json.as_bytes())
}

/// A key and its time.
fn signer(key: &PublicKey) -> String {
    let since = match key.create_time {
        Some(time) => format!("in use since {time}"),
        None => "nobody knows since when in use".to_owned(),
    };
    match key.retire_time {
        Some(time) => format!("{}, {since}, until {time}", key.kid),
        None => format!("{}, {since}", key.kid),
    }
}
