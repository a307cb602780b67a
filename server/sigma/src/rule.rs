//! A rule's text as a whole: its documents, what it says of itself, what it selects.

use rsigma_parser::{SigmaCollection, SigmaParserError, SigmaRule, parse_condition};
use serde::Deserialize as _;
use yaml_serde::Value;

use crate::anchor::Anchors;
use crate::clause::quoted;
use crate::compile::detections;
use crate::correlation::{self, Correlation};
use crate::error::{Mistake, RuleError};
use crate::place::{find, line_and_column, locate};
use crate::source::{Field, Records, records};

/// Longest text of a rule, in bytes.
pub const MAX_BYTES: usize = 64 << 10;
/// Most detection rules in one text.
pub const MAX_DETECTIONS: usize = 16;
/// Longest title, in characters.
const LONGEST_TITLE: usize = 256;
/// Longest description, in characters; what is longer is cut, the text has it all.
const LONGEST_DESCRIPTION: usize = 4_000;
/// Most of what a rule lists of itself: tags, fields, false positives.
const MOST_LISTED: usize = 32;

/// How bad it is if the rule is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing to act on.
    Informational,
    /// Worth a look with others.
    Low,
    /// Worth a look.
    Medium,
    /// To be looked at soon.
    High,
    /// To be acted on at once.
    Critical,
}

/// One detection of a rule.
#[derive(Debug, Clone)]
pub struct Selection {
    /// What a correlation calls it.
    pub name: String,
    /// Kind of record that it looks at.
    pub source_type: &'static str,
    /// The filter, in Cordon's filter language.
    pub filter: String,
    /// What an event must hold to match.
    pub anchors: Anchors,
    records: Records,
}

impl Selection {
    /// Whether its records are lines of text, which have no fields.
    pub(crate) fn lines(&self) -> bool {
        self.records.lines
    }

    /// What a field of the rule is in the events that it selects.
    #[must_use]
    pub fn field(&self, name: &str) -> Field {
        self.records.field(name)
    }
}

/// A rule that was understood.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its title, on one line.
    pub title: String,
    /// The id that its author gave it.
    pub id: Option<String>,
    /// How bad what it finds is; `Medium` where it does not say.
    pub level: Level,
    /// What it looks for.
    pub description: String,
    /// Who wrote it. The Detection Rule License asks that it stays with the rule.
    pub author: String,
    /// Licence of its text.
    pub license: String,
    /// ATT&CK techniques and sub-techniques: `T1562.008`.
    pub techniques: Vec<String>,
    /// ATT&CK tactics by their short names: `defense-impairment`.
    pub tactics: Vec<String>,
    /// What else than an attack it finds.
    pub false_positives: Vec<String>,
    /// Fields that an analyst wants to see.
    pub fields: Vec<String>,
    /// What it selects. One, unless there is a correlation.
    pub selections: Vec<Selection>,
    /// How what is selected is counted.
    pub correlation: Option<Correlation>,
}

/// Understands a rule.
///
/// # Errors
/// [`RuleError`] with the place of the mistake: the text is too long, no YAML, no Sigma rule,
/// names a log source that nobody records, or uses what is not supported.
pub fn compile(text: &str) -> Result<Rule, RuleError> {
    if text.len() > MAX_BYTES {
        return Err(RuleError::whole(format!(
            "the rule has {} bytes, at most {MAX_BYTES} are allowed",
            text.len()
        )));
    }
    yaml(text)?;
    let parsed = rsigma_parser::parse_sigma_yaml(text).map_err(|error| refused(text, &error))?;
    understood(&parsed).map_err(|mistake| locate(text, mistake))
}

/// Whether the text is YAML, for the parser does not keep where it is not.
fn yaml(text: &str) -> Result<(), RuleError> {
    let mut documents = 0;
    for document in yaml_serde::Deserializer::from_str(text) {
        documents += 1;
        if documents > MAX_DETECTIONS + 1 {
            return Err(RuleError::whole(format!(
                "the text has more than {} documents",
                MAX_DETECTIONS + 1
            )));
        }
        let value = Value::deserialize(document).map_err(|error| {
            let (line, column) = error.location().map_or((1, 1), |place| {
                let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX).max(1);
                (number(place.line()), number(place.column()))
            });
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            RuleError {
                message: format!("this is no YAML: {message}"),
                line,
                column,
            }
        })?;
        conditions(text, &value)?;
    }
    Ok(())
}

/// Conditions that don't parse, with their places in the text.
fn conditions(text: &str, document: &Value) -> Result<(), RuleError> {
    let condition = document
        .get("detection")
        .and_then(|detection| detection.get("condition"));
    let texts: Vec<&str> = match condition {
        Some(Value::String(one)) => vec![one],
        Some(Value::Sequence(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    for condition in texts {
        if let Err(error) = parse_condition(condition) {
            let at = text.find(condition).map(|at| line_and_column(text, at));
            let (line, column) = at.or_else(|| find(text, "condition")).unwrap_or((1, 1));
            let inside = error.location().map_or(0, |place| place.col.max(1) - 1);
            return Err(RuleError {
                message: format!("the condition can't be read: {}", expected(&error)),
                line,
                column: column + if at.is_some() { inside } else { 0 },
            });
        }
    }
    Ok(())
}

/// The last line of the parser's drawing says what it expected.
fn expected(error: &SigmaParserError) -> String {
    let text = error.to_string();
    let said = text.lines().rev().find_map(|line| {
        let (_, said) = line.split_once("= ")?;
        Some(said.trim().to_owned())
    });
    said.unwrap_or(text)
}

fn refused(text: &str, error: &SigmaParserError) -> RuleError {
    locate(text, mistake(&error.to_string()))
}

/// What the parser said of a document; the words in quotes are where it is.
fn mistake(message: &str) -> Mistake {
    let quoted = message.split('\'').nth(1).unwrap_or_default();
    let mistake = Mistake::new(message.to_owned());
    let mistake = mistake.near(format!("|{quoted}")).near(quoted);
    message
        .rsplit(": ")
        .next()
        .into_iter()
        .fold(mistake, |mistake, word| mistake.near(word))
}

fn understood(parsed: &SigmaCollection) -> Result<Rule, Mistake> {
    if let Some(error) = parsed.errors.first() {
        return Err(mistake(error));
    }
    if !parsed.filters.is_empty() {
        return Err(Mistake::new(
            "filter documents are not known; write the rule's exceptions as filters of its own",
        )
        .near("filter"));
    }
    let selections = parsed
        .rules
        .iter()
        .enumerate()
        .map(|(at, rule)| selection(at, rule))
        .collect::<Result<Vec<_>, _>>()?;
    match (parsed.correlations.as_slice(), parsed.rules.as_slice()) {
        ([], [rule]) => Ok(single(rule, selections)),
        ([], []) => Err(Mistake::new("there is no rule in the text")),
        ([], _) => Err(Mistake::new(
            "several rules in one text belong to a correlation; upload each one by itself",
        )
        .near("---")),
        ([correlation], rules) => correlation::understood(correlation, rules, selections),
        _ => Err(Mistake::new("there are two correlations in the text").near("correlation")),
    }
    .and_then(|rule| {
        if rule.title.trim().is_empty() {
            return Err(Mistake::new("the rule has no title").near("title"));
        }
        Ok(rule)
    })
}

fn selection(at: usize, rule: &SigmaRule) -> Result<Selection, Mistake> {
    let records = records(&rule.logsource)?;
    let clause = detections(&rule.detection, &records)?;
    let name = rule.name.clone().or_else(|| rule.id.clone());
    Ok(Selection {
        name: name.unwrap_or_else(|| (at + 1).to_string()),
        source_type: records.source_type,
        filter: format!(
            "source_type = {} AND {}",
            quoted(records.source_type),
            clause.sql
        ),
        anchors: clause.anchors,
        records,
    })
}

fn single(rule: &SigmaRule, selections: Vec<Selection>) -> Rule {
    Rule {
        title: line(&rule.title),
        id: rule.id.clone(),
        level: level(rule.level),
        description: prose(rule.description.as_deref()),
        author: prose(rule.author.as_deref()),
        license: line(rule.license.as_deref().unwrap_or_default()),
        techniques: techniques(&rule.tags),
        tactics: tactics(&rule.tags),
        false_positives: listed(&rule.falsepositives),
        fields: listed(&rule.fields),
        selections,
        correlation: None,
    }
}

/// What an author says, not without end.
pub(crate) fn prose(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    text.chars().take(LONGEST_DESCRIPTION).collect()
}

/// What a rule lists of itself, each on one line.
pub(crate) fn listed(all: &[String]) -> Vec<String> {
    all.iter().take(MOST_LISTED).map(|one| line(one)).collect()
}

/// A title on one line.
pub(crate) fn line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_TITLE).collect()
}

pub(crate) fn level(of: Option<rsigma_parser::Level>) -> Level {
    use rsigma_parser::Level as Said;
    match of {
        Some(Said::Informational) => Level::Informational,
        Some(Said::Low) => Level::Low,
        None | Some(Said::Medium) => Level::Medium,
        Some(Said::High) => Level::High,
        Some(Said::Critical) => Level::Critical,
    }
}

/// `attack.t1562.008` as `T1562.008`.
pub(crate) fn techniques(tags: &[String]) -> Vec<String> {
    let technique = |tag: &String| {
        let id = tag.strip_prefix("attack.")?.to_ascii_uppercase();
        let digits = id.strip_prefix('T')?;
        let valid = digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
        (valid && id.len() <= "T1562.008".len()).then_some(id)
    };
    tags.iter()
        .filter_map(technique)
        .take(MOST_LISTED)
        .collect()
}

/// `attack.initial_access` and `attack.initial-access` as `initial-access`.
pub(crate) fn tactics(tags: &[String]) -> Vec<String> {
    let tactic = |tag: &String| {
        let name = tag.strip_prefix("attack.")?;
        let id = name.contains(|c: char| c.is_ascii_digit());
        (!id).then(|| line(&name.replace('_', "-")))
    };
    tags.iter().filter_map(tactic).take(MOST_LISTED).collect()
}
