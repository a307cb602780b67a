//! What was checked of a snapshot, and what came of it.

use cordon_client::Error;
use cordon_client::snapshots::evidence::check::Bad;
use cordon_client::snapshots::{
    CUSTODY_FILE, CheckedCustody, ItemResult, MANIFEST_FILE, SignedManifest,
};
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::Form;

/// The columns.
const HEAD: &[&str] = &["item", "bytes", "result"];

/// What came of checking everything that was to be checked.
#[derive(Debug)]
pub(super) struct Report<'a> {
    signed: &'a SignedManifest,
    lines: Vec<Line>,
    custody: Option<Result<Option<CheckedCustody>, Error>>,
}

/// What came of an item.
#[derive(Debug)]
struct Line {
    item: String,
    bytes: u64,
    word: &'static str,
    said: String,
    /// The block that differs, and where it begins.
    place: Option<(u64, u64)>,
}

impl<'a> Report<'a> {
    pub(super) const fn new(signed: &'a SignedManifest) -> Self {
        Self {
            signed,
            lines: Vec::new(),
            custody: None,
        }
    }

    /// Adds what came of an item.
    pub(super) fn item(&mut self, item: &str, bytes: u64, result: &ItemResult) {
        let (word, said, place) = match result {
            ItemResult::Same => ("SAME", "what was acquired".to_owned(), None),
            ItemResult::Absent => ("ABSENT", "not there".to_owned(), None),
            ItemResult::Partial => (
                "PARTIAL",
                "not whole yet: download it again".to_owned(),
                None,
            ),
            ItemResult::Differs(bad) => ("DIFFERS", format!("differs: {bad}"), place(bad)),
            ItemResult::Unchecked(error) => (
                "UNCHECKED",
                format!("can't be checked: {}", error.message()),
                None,
            ),
            _ => ("UNCHECKED", "can't be checked".to_owned(), None),
        };
        self.lines.push(Line {
            item: item.to_owned(),
            bytes,
            word,
            said,
            place,
        });
    }

    /// Adds what came of the chain of custody; none where there is none.
    pub(super) fn custody(&mut self, result: Result<Option<CheckedCustody>, Error>) {
        self.custody = Some(result);
    }

    /// Shows it; it is a failure when something is not what it was.
    pub(super) fn show(&self, context: &Context) -> Outcome {
        match context.output.form() {
            Form::Table => context.output.table(HEAD, self.rows())?,
            Form::Json | Form::Ndjson => context.output.document(&self.json())?,
        }
        match self.differs() {
            true => Err(Failure::Disagrees),
            false => Ok(()),
        }
    }

    fn differs(&self) -> bool {
        let bad = |line: &Line| matches!(line.word, "DIFFERS" | "UNCHECKED");
        self.lines.iter().any(bad) || matches!(self.custody, Some(Err(_)))
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let manifest = [
            MANIFEST_FILE.to_owned(),
            self.signed.statement.predicate_json.len().to_string(),
            format!(
                "signed by {}, of {}",
                self.signers().join(", "),
                self.signed.manifest.ended
            ),
        ];
        let items = self
            .lines
            .iter()
            .map(|line| vec![line.item.clone(), line.bytes.to_string(), line.said.clone()]);
        let custody = self.custody.iter().map(|custody| {
            let said = match custody {
                Ok(None) => "not there".to_owned(),
                Ok(Some(checked)) => {
                    let signers = checked.statement.signers.iter();
                    let signers: Vec<_> = signers.map(|key| key.kid.as_str()).collect();
                    let by = signers.join(", ");
                    format!(
                        "{} entries, up to the end that {by} signed",
                        checked.head.sequence
                    )
                }
                Err(error) => format!("differs: {}", error.message()),
            };
            vec![CUSTODY_FILE.to_owned(), String::new(), said]
        });
        std::iter::once(manifest.to_vec())
            .chain(items)
            .chain(custody)
            .collect()
    }

    fn signers(&self) -> Vec<&str> {
        let signers = self.signed.statement.signers.iter();
        signers.map(|key| key.kid.as_str()).collect()
    }

    fn json(&self) -> Value {
        let items = self.lines.iter().map(|line| {
            json!({
                "item": line.item,
                "size_bytes": line.bytes,
                "result": line.word,
                "block": line.place.map(|(block, _)| block),
                "offset": line.place.map(|(_, offset)| offset),
                "message": line.said,
            })
        });
        let custody = self.custody.as_ref().map(|custody| match custody {
            Ok(None) => json!({ "result": "ABSENT" }),
            Ok(Some(checked)) => json!({
                "result": "SAME",
                "entries": checked.head.sequence,
                "sha256": checked.head.hash.to_string(),
            }),
            Err(error) => json!({ "result": "DIFFERS", "message": error.message() }),
        });
        json!({
            "snapshot": self.signed.manifest.snapshot,
            "manifest_sha256": self.signed.digest.to_string(),
            "signed_by": self.signers(),
            "items": items.collect::<Vec<_>>(),
            "custody": custody,
            "same": !self.differs(),
        })
    }
}

/// Where an item differs.
fn place(bad: &Bad) -> Option<(u64, u64)> {
    match bad {
        Bad::Block { index, offset, .. } => Some((*index, *offset)),
        Bad::Short { index, end } => Some((*index, *end)),
        _ => None,
    }
}
