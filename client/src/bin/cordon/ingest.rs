//! `cordon ingest`.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use cordon_client::Client;
use cordon_client::ingest::{Cut, MAX_BATCH_RECORDS, Outcome as Told, read};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::context::Context;
use crate::dead_letters::name;
use crate::failure::{Failure, Outcome, note};
use crate::when;

/// The kinds of record.
pub(crate) const SOURCE_TYPES: [&str; 10] = [
    "aws.cloudtrail",
    "aws.vpcflow",
    "aws.guardduty",
    "ocsf",
    "gcp.audit",
    "azure.activity",
    "azure.signin",
    "k8s.audit",
    "openstack.notification",
    "linux.auth",
];
/// Most rejected records that are told one by one on stderr.
const TOLD_AT_MOST: usize = 100;
/// Most that are kept for the JSON result.
const KEPT_AT_MOST: usize = 100_000;

const SHAPES: &str = "\
JSON files may be {\"Records\":[…]}, a list, one object, one object a line, objects one after
another, or empty. Other clouds' lists have other names, which are known: `entries` in gcp.audit,
`records` and `value` in azure.activity and azure.signin, `items` and `records` in k8s.audit.
Flow logs are lines below a header line that names the fields, in any order; linux.auth is the
lines of an authentication log. All may be compressed with gzip. `-` reads from stdin.

Records of k8s.audit and linux.auth do not say whose they are: say it with --context, of one
cluster or host at a time.

A record that can't be read is told with its line and kept in the server's dead-letter store; the
others are stored, and the exit code is 5. Running the command again on the same files stores
nothing twice, so that a run that was broken off can simply be repeated.";

/// What to send, and as what.
#[derive(Debug, Args)]
#[command(after_help = SHAPES)]
pub(crate) struct Command {
    /// Kind of record
    #[arg(long, value_name = "TYPE", value_parser = SOURCE_TYPES)]
    source_type: String,
    /// The source; the profile's own, or as in aws-cloudtrail, if not given
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Records in a batch
    #[arg(long, value_name = "N", default_value_t = cordon_client::ingest::DEFAULT_BATCH_RECORDS, value_parser = batch_size)]
    batch_size: usize,
    /// Names of the fields of flow logs without a header line, as in "version account-id …"
    #[arg(long, value_name = "FIELDS")]
    flow_format: Option<String>,
    /// Whose all the records are: the account of a cluster (k8s.audit), as in k8s:prod-1, or of a
    /// host (linux.auth), as in aws:111122223333 or {"account":…,"host":…,"utc_offset":…}
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// Declare that the source has delivered everything up to this time
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    complete_until: Option<Timestamp>,
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

fn batch_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(records) if (1..=MAX_BATCH_RECORDS).contains(&records) => Ok(records),
        _ => Err(format!("expected 1 to {MAX_BATCH_RECORDS}")),
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    // A name that is mistyped should not be found out after an hour.
    if let Some(text) = &command.context {
        check_context(&command.source_type, text).map_err(Failure::local)?;
    }
    let size = total_size(&command.files)?;
    let client = context.client().await?;
    let cut = Cut {
        batch_records: command.batch_size,
        flow_fields: command.flow_format,
        context: command.context,
        ..Cut::new(
            source(&client, command.source, &command.source_type).await?,
            command.source_type,
        )
    };

    let progress = bar(size);
    let reading = (cut.clone(), progress.clone());
    let batches = stream::iter(command.files)
        .map(move |path| {
            let (cut, progress) = &reading;
            let label = path.display().to_string();
            let file: Box<dyn Read + Send> = if path.as_os_str() == "-" {
                Box::new(io::stdin())
            } else {
                // The library's error names the file.
                match File::open(&path) {
                    Ok(file) => Box::new(file),
                    Err(error) => Box::new(Unopened(Some(error))),
                }
            };
            read(progress.wrap_read(file), &label, cut)
        })
        .try_flatten();

    let mut sum = Sum::default();
    let mut outcomes = client.ingest().send(&cut, batches);
    let result = loop {
        match outcomes.next().await {
            Some(Ok(told)) => {
                sum.add(told, &progress);
                progress.set_message(sum.progress());
            }
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        }
    };
    progress.finish_and_clear();
    // What was done is said even when not all was done.
    context.output.done(&sum.sentence(), &sum.json())?;
    result?;
    if let Some(until) = command.complete_until {
        client.ingest().report_watermark(&cut.source, until).await?;
    }
    if sum.rejected > 0 {
        if sum.untold > 0 {
            note(&format!("{} more were rejected", sum.untold));
        }
        return Err(Failure::Rejected);
    }
    Ok(())
}

/// Whether records of that type can be told whose they are, and by this. The server reads it
/// again; here it is told before a file's records are all refused.
fn check_context(source_type: &str, text: &str) -> Result<(), String> {
    let text = text.trim();
    match source_type {
        "k8s.audit" if is_account(text) => Ok(()),
        "k8s.audit" => Err(format!(
            "--context {text:?}: expected the cluster's account as it is registered, as in \
             k8s:prod-1, or that of the cloud account in which it runs"
        )),
        "linux.auth" if is_account(text) => Ok(()),
        "linux.auth" => match serde_json::from_str::<Value>(text) {
            // One without a cloud is AWS's.
            Ok(fields)
                if fields
                    .get("account")
                    .and_then(Value::as_str)
                    .is_some_and(|id| !id.is_empty()) =>
            {
                Ok(())
            }
            Ok(Value::Object(_)) => Err(
                "--context: the object has no \"account\"; add the host's account as it is \
                 registered, as in \"aws:111122223333\""
                    .to_owned(),
            ),
            _ => Err(format!(
                "--context {text:?}: expected the host's account as it is registered, as in \
                 aws:111122223333, or a JSON object with it, as in {{\"account\":\
                 \"aws:111122223333\",\"host\":\"i-0abc\",\"utc_offset\":\"+02:00\"}}"
            )),
        },
        "aws.vpcflow" => Err(
            "--context is not for flow logs: name their fields with --flow-format, or send them \
             with their header line"
                .to_owned(),
        ),
        other => Err(format!(
            "--context is for k8s.audit and linux.auth only: records of {other} say themselves \
             whose they are; leave it out"
        )),
    }
}

/// Whether the text is written as accounts are registered: PROVIDER:ACCOUNT.
fn is_account(text: &str) -> bool {
    text.split_once(':').is_some_and(|(cloud, id)| {
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        cloud.starts_with(|first: char| first.is_ascii_lowercase())
            && cloud.len() <= 16
            && cloud.bytes().all(lower)
            && (1..=64).contains(&id.len())
            && id.bytes().all(word)
    })
}

/// A file that could not be opened any more; its error comes when it is read.
struct Unopened(Option<io::Error>);

impl Read for Unopened {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// The size of all files together; 0 when it can't be known.
fn total_size(files: &[PathBuf]) -> Result<u64, Failure> {
    let mut sum = 0;
    let mut known = true;
    for path in files {
        if path.as_os_str() == "-" {
            known = false;
            continue;
        }
        let failed = |error: String| Failure::local(format!("{}: {error}", path.display()));
        let file = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
        if file.is_dir() {
            return Err(failed("is a folder; give its files".to_owned()));
        }
        known &= file.is_file();
        sum += file.len();
    }
    Ok(if known { sum } else { 0 })
}

/// The source to send as: what was said, the profile's own, or the usual one of the type, which
/// an operator gets registered when it is not there.
async fn source(
    client: &Client,
    said: Option<String>,
    source_type: &str,
) -> Result<String, Failure> {
    if let Some(source) = said {
        return Ok(name(&source));
    }
    if let Some(source) = client.source() {
        return Ok(name(source));
    }
    let id = source_type.replace('.', "-");
    let usual = name(&id);
    let mut registered = client.tenants().list_sources();
    loop {
        match registered.try_next().await {
            Ok(Some(source)) if source.name == usual => return Ok(usual),
            Ok(Some(_)) => {}
            Ok(None) => break,
            // Who may not look will hear from the server when sending.
            Err(_) => return Ok(usual),
        }
    }
    match client.tenants().create_source(&id, source_type, "").await {
        Ok(_) => note(&format!("registered the source {usual}")),
        Err(error) if error.reason() == cordon_client::Reason::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    Ok(usual)
}

/// How far it is; on a terminal only.
fn bar(size: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (progress, template) = if size > 0 {
        (
            ProgressBar::new(size),
            "{bar:30} {bytes}/{total_bytes} {eta}  {msg}",
        )
    } else {
        (ProgressBar::new_spinner(), "{spinner} {bytes}  {msg}")
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}

/// What became of all records.
#[derive(Debug, Default)]
struct Sum {
    read: u64,
    accepted: u64,
    duplicates: u64,
    rejected: u64,
    unattributed: u64,
    errors: Vec<Value>,
    /// Rejected records that were not told on stderr.
    untold: u64,
}

impl Sum {
    fn add(&mut self, told: Told, progress: &ProgressBar) {
        self.read += told.read;
        self.accepted += told.accepted;
        self.duplicates += told.duplicates;
        self.rejected += told.rejected;
        self.unattributed += told.unattributed;
        let mut errors: Vec<(i64, String, String)> = told
            .errors
            .into_iter()
            .map(|error| (error.line, error.reason, error.message))
            .collect();
        if let Some(refused) = told.refused {
            let message = format!("batch {} refused: {}", told.batch_id, refused.message);
            errors.push((0, refused.reason.as_str().to_owned(), message));
        }
        for (line, reason, message) in errors {
            if self.errors.len() < TOLD_AT_MOST {
                let place = if line > 0 {
                    format!("{}:{line}", told.label)
                } else {
                    told.label.to_string()
                };
                progress.suspend(|| note(&format!("{place}: {message} [{reason}]")));
            }
            if self.errors.len() < KEPT_AT_MOST {
                self.errors.push(json!({
                    "file": &*told.label,
                    "line": line,
                    "reason": reason,
                    "message": message,
                }));
            }
        }
        self.untold = self
            .rejected
            .saturating_sub(self.errors.len().min(TOLD_AT_MOST) as u64);
    }

    fn progress(&self) -> String {
        format!(
            "{} accepted, {} duplicate, {} rejected",
            self.accepted, self.duplicates, self.rejected
        )
    }

    fn sentence(&self) -> String {
        let mut sentence = format!("{} records: {}", self.read, self.progress());
        if self.unattributed > 0 {
            sentence += &format!(
                "; {} of the accepted concern no registered tenant and wait in quarantine",
                self.unattributed
            );
        }
        sentence
    }

    /// `accepted`, `duplicates` and `rejected` together are all records read.
    fn json(&self) -> Value {
        json!({
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "unattributed": self.unattributed,
            "errors": self.errors,
        })
    }
}

#[cfg(test)]
mod tests {
    use cordon_client::Reason;
    use cordon_client::ingest::{RecordError, Refusal};

    use super::*;

    fn told() -> Told {
        Told {
            batch_id: "b".to_owned(),
            label: "f.json".into(),
            read: 10,
            accepted: 6,
            duplicates: 2,
            rejected: 2,
            unattributed: 1,
            errors: vec![RecordError {
                index: 3,
                line: 4,
                reason: "MALFORMED_JSON".to_owned(),
                message: "not JSON".to_owned(),
            }],
            refused: None,
        }
    }

    #[test]
    fn sums_come_out_as_scripts_expect_them() {
        let mut sum = Sum::default();
        sum.add(told(), &ProgressBar::hidden());
        sum.add(
            Told {
                accepted: 0,
                duplicates: 0,
                rejected: 10,
                unattributed: 0,
                errors: Vec::new(),
                refused: Some(Refusal {
                    reason: Reason::BatchConflict,
                    message: "other content".to_owned(),
                }),
                ..told()
            },
            &ProgressBar::hidden(),
        );
        let value = sum.json();
        let keys: Vec<_> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            keys,
            [
                "accepted",
                "duplicates",
                "rejected",
                "unattributed",
                "errors"
            ]
        );
        assert_eq!(
            value["errors"][0],
            json!({ "file": "f.json", "line": 4, "reason": "MALFORMED_JSON", "message": "not JSON" })
        );
        assert_eq!(value["errors"][1]["reason"], "BATCH_CONFLICT");
        assert_eq!(sum.accepted + sum.duplicates + sum.rejected, sum.read);
        assert_eq!(sum.untold, 10);
        assert!(
            sum.sentence()
                .starts_with("20 records: 6 accepted, 2 duplicate, 12 rejected; 1 of")
        );
    }

    #[test]
    fn a_context_is_only_for_records_that_need_one() {
        for (source_type, context) in [
            ("k8s.audit", "k8s:prod-1"),
            ("k8s.audit", " aws:123456789012\n"),
            ("linux.auth", "gcp:shop-1"),
            ("linux.auth", r#"{"account":"111122223333","host":"web"}"#),
        ] {
            assert_eq!(check_context(source_type, context), Ok(()), "{context}");
        }
        for (source_type, context, advice) in [
            ("k8s.audit", "prod-1", "as in k8s:prod-1"),
            ("k8s.audit", "", "as in k8s:prod-1"),
            ("k8s.audit", "k8s:a/b", "as in k8s:prod-1"),
            (
                "k8s.audit",
                r#"{"account":"k8s:prod-1"}"#,
                "as in k8s:prod-1",
            ),
            ("linux.auth", "web-1", "as in aws:111122223333"),
            ("linux.auth", r#"{"host":"web"}"#, "has no \"account\""),
            ("linux.auth", r#"{"account":""}"#, "has no \"account\""),
            ("linux.auth", "[]", "a JSON object"),
            ("linux.auth", "7", "a JSON object"),
            ("aws.vpcflow", "version action", "--flow-format"),
            ("gcp.audit", "gcp:shop-1", "leave it out"),
            ("openstack.notification", "openstack:a", "leave it out"),
        ] {
            let error = check_context(source_type, context).unwrap_err();
            assert!(error.contains(advice), "{context}: {error}");
        }
    }

    #[test]
    fn every_kind_of_record_is_one_that_files_are_split_for() {
        use cordon_client::ingest::Form;
        let plain: Vec<_> = SOURCE_TYPES
            .into_iter()
            .filter(|kind| Form::of(kind, None) == Form::Json)
            .collect();
        assert_eq!(
            plain,
            [
                "aws.cloudtrail",
                "aws.guardduty",
                "ocsf",
                "openstack.notification"
            ]
        );
    }

    #[test]
    fn batch_sizes_are_bounded() {
        assert_eq!(batch_size("10000"), Ok(10_000));
        for bad in ["0", "10001", "x", ""] {
            assert!(batch_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_file_is_told_before_anything_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(total_size(&[file.clone(), file.clone()]).unwrap(), 10);
        assert_eq!(total_size(&[file, "-".into()]).unwrap(), 0);
        assert_eq!(
            total_size(&[folder.path().to_owned()]).unwrap_err().code(),
            1
        );
        let missing = total_size(&[folder.path().join("missing")]).unwrap_err();
        assert!(missing.to_string().contains("missing"));
    }

    #[test]
    fn an_error_of_opening_comes_when_it_is_read() {
        let mut file = Unopened(Some(io::ErrorKind::NotFound.into()));
        assert!(file.read(&mut [0]).is_err());
    }
}
