//! `cordon sources`: which data sources there are, and which tell of which attacks, by MITRE ATT&CK.
//!
//! The server decides, by what the tenant has events of and by what the provider has registered.

mod answers;
mod list;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use cordon_attack::render::{Tone, plain, svg};
use cordon_attack::{Access, IncidentKind, NOTICE, Platform, Recommendation, SourceType};
use cordon_client::SourceQuestion;
use jiff::Timestamp;

use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::output::{Form, colours};
use crate::when::{self, When};

/// Width of a matrix that goes to no terminal, in letters.
const WIDTH: usize = 100;

/// Which data sources there are, and which tell of which attacks.
#[derive(Debug, Args)]
pub(crate) struct Command {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The data sources there are, how you get at each, and what is measured of it; `-o json` shows
    /// fields, OCSF classes and blind spots as well
    List {
        /// Since when events are counted and their lag is measured
        #[arg(long, value_name = "TIME", value_parser = when::bound, default_value = "30d")]
        since: When,
    },
    /// Techniques against sources: what the tenant has events of, and what not
    Coverage {
        /// Since when a source must have told of something
        #[arg(long, value_name = "TIME", value_parser = when::bound, default_value = "30d")]
        since: When,
        /// Where the tenant has something running; may be repeated
        #[arg(long, value_enum)]
        platform: Vec<PlatformArg>,
        /// Write the picture to this file as SVG
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
    /// Which sources to look into for a question, and what none of them tells
    Recommend {
        #[command(flatten)]
        about: About,
        /// Since when a source must have told of something
        #[arg(long, value_name = "TIME", value_parser = when::bound, default_value = "30d")]
        since: When,
        /// Where the tenant has something running; may be repeated
        #[arg(long, value_enum)]
        platform: Vec<PlatformArg>,
    },
}

/// What somebody wants to know about.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct About {
    /// A technique, such as T1562.008, and its sub-techniques
    #[arg(long, value_name = "ID")]
    technique: Option<String>,
    /// All techniques of a tactic, such as exfiltration or TA0010
    #[arg(long, value_name = "NAME")]
    tactic: Option<String>,
    /// What kind of incident it is thought to be, such as credential-compromise
    #[arg(long, value_name = "KIND", value_parser = kind)]
    incident: Option<IncidentKind>,
    /// A suspicious event: its source type and operation, as in aws.cloudtrail:StopLogging, or the
    /// id of an event of yours
    #[arg(long, value_name = "TYPE:OPERATION|ID", value_parser = event)]
    event: Option<SourceQuestion>,
}

fn kind(text: &str) -> Result<IncidentKind, String> {
    text.parse().map_err(|_| {
        let known: Vec<&str> = IncidentKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

fn event(text: &str) -> Result<SourceQuestion, String> {
    let wrong = || "expected a source type and an operation, as in aws.cloudtrail:StopLogging, or an event's id";
    let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id || text.starts_with("tenants/") {
        return Ok(SourceQuestion::Event(text.to_owned()));
    }
    let (source, operation) = text.split_once(':').ok_or_else(wrong)?;
    let source: SourceType = source.parse().map_err(|_| wrong())?;
    let source = source.as_str().to_owned();
    Ok(SourceQuestion::Operation(source, operation.to_owned()))
}

/// Where a tenant has something running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlatformArg {
    /// Machines, networks and storage
    Iaas,
    /// Software as a service
    Saas,
    /// Sign-in and directories
    IdentityProvider,
    /// Mail and documents
    OfficeSuite,
    /// Containers and clusters
    Containers,
    /// Linux machines
    Linux,
}

impl From<PlatformArg> for Platform {
    fn from(of: PlatformArg) -> Self {
        match of {
            PlatformArg::Iaas => Self::IaaS,
            PlatformArg::Saas => Self::SaaS,
            PlatformArg::IdentityProvider => Self::IdentityProvider,
            PlatformArg::OfficeSuite => Self::OfficeSuite,
            PlatformArg::Containers => Self::Containers,
            PlatformArg::Linux => Self::Linux,
        }
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let client = context.client_of_tenant(&command.whose).await?;
    let catalogue = client.catalogue();
    match command.verb {
        Verb::List { since } => {
            let found = catalogue.data_sources(Some(start(since))).await?;
            list::show(context, &found)
        }
        Verb::Coverage {
            since,
            platform,
            svg: file,
        } => {
            let attack = answers::table()?;
            let (_, names) = platforms(&platform);
            let answer = catalogue.coverage(Some(start(since)), &names).await?;
            let matrix = answers::matrix(attack, &answer)?;
            if let Some(file) = file {
                let picture = svg(&matrix, "Which sources tell of which techniques");
                std::fs::write(&file, picture).map_err(|error| {
                    Failure::local(format!("{} can't be written: {error}", file.display()))
                })?;
                note(&format!("written to {}", file.display()));
                return Ok(());
            }
            match context.output.form() {
                Form::Table => {
                    let paint = |tone, text: &str| match colours() {
                        true => painted(tone, text),
                        false => text.to_owned(),
                    };
                    context.output.text(&plain(&matrix, width(), paint))
                }
                _ => document(context, &matrix, &[]),
            }
        }
        Verb::Recommend {
            about,
            since,
            platform,
        } => {
            let attack = answers::table()?;
            let (platforms, names) = platforms(&platform);
            let question = question(about)?;
            let since = Some(start(since));
            let answer = catalogue.recommend(question, since, &names).await?;
            let read = answers::recommendation(attack, &answer, &platforms)?;
            let reasons: Vec<&str> = answer.sources.iter().map(|one| &*one.reason).collect();
            match context.output.form() {
                Form::Table => context.output.text(&said(&read, &reasons)),
                _ => document(context, &read, &reasons),
            }
        }
    }
}

/// Since when, for the server: it knows no time before 1970.
fn start(since: When) -> Timestamp {
    since.0.unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Platforms, and what of them is asked for by name.
fn platforms(given: &[PlatformArg]) -> (Vec<Platform>, Vec<&'static str>) {
    let named: Vec<Platform> = given.iter().copied().map(Platform::from).collect();
    let names = named.iter().map(|one| one.as_str()).collect();
    match given {
        [] => (Platform::CLOUD.to_vec(), names),
        _ => (named, names),
    }
}

/// With the notice that MITRE asks for, and of sources why each has the access that it has.
fn document(context: &Context, answer: &impl serde::Serialize, reasons: &[&str]) -> Outcome {
    let mut value = serde_json::to_value(answer)
        .map_err(|error| Failure::local(format!("the answer can't be written: {error}")))?;
    let sources = value.get_mut("sources").and_then(|all| all.as_array_mut());
    for (source, reason) in sources.into_iter().flatten().zip(reasons) {
        if let Some(source) = source.as_object_mut() {
            source.insert("reason".to_owned(), (*reason).into());
        }
    }
    if let Some(object) = value.as_object_mut() {
        object.insert("notice".to_owned(), NOTICE.into());
    }
    context.output.document(&value)
}

fn question(about: About) -> Result<SourceQuestion, Failure> {
    let kind = about.incident.map(|kind| kind.as_str().to_owned());
    about
        .technique
        .map(SourceQuestion::Technique)
        .or(about.tactic.map(SourceQuestion::Tactic))
        .or(kind.map(SourceQuestion::IncidentKind))
        .or(about.event)
        .ok_or_else(|| Failure::usage("ask about a technique, tactic, incident or event"))
}

/// The answer in sentences.
fn said(answer: &Recommendation<'_>, reasons: &[&str]) -> String {
    let mut out = String::new();
    let techniques: Vec<String> = answer
        .techniques
        .iter()
        .map(|technique| format!("{} {}", technique.id, technique.name))
        .collect();
    out.push_str(&format!("about {}\n\n", techniques.join(", ")));
    for (source, reason) in answer.sources.iter().zip(reasons) {
        let how = match source.access {
            Access::Direct => "you have it",
            _ => reason,
        };
        let pairs = source.covers.len();
        let alone = source.covers.iter().filter(|one| one.alone).count();
        out.push_str(&format!(
            "{}  {how}; score {}\n",
            source.source, source.score
        ));
        let kinds = if pairs == 1 { "kind" } else { "kinds" };
        out.push_str(&format!("  tells of {pairs} {kinds} of data"));
        if alone > 0 {
            out.push_str(&format!(", {alone} of them alone"));
        }
        out.push('\n');
        for one in source.covers.iter().take(5) {
            out.push_str(&format!(
                "    {}  {}\n",
                one.technique.id, one.component.name
            ));
        }
        if pairs > 5 {
            out.push_str(&format!("    and {} more\n", pairs - 5));
        }
    }
    out.push_str(&format!(
        "\nyour sources tell of {} of {} kinds of data\n",
        answer.covered, answer.wanted
    ));
    if !answer.gaps.is_empty() || !answer.silent.is_empty() {
        out.push_str("nobody tells you of\n");
    }
    for gap in &answer.gaps {
        let by: Vec<&str> = gap
            .recorded_by
            .iter()
            .map(|source| source.as_str())
            .collect();
        let by = match by.as_slice() {
            [] => "nothing that comes through Cordon records it".to_owned(),
            by => format!("{} would", by.join(", ")),
        };
        out.push_str(&format!(
            "    {}  {}: {by}\n",
            gap.technique.id, gap.component.name
        ));
    }
    for silent in &answer.silent {
        let id = silent.technique.id;
        out.push_str(&format!(
            "    {id}  ATT&CK names no data of it for these platforms\n"
        ));
    }
    out.push_str(&format!("\n{NOTICE}\n"));
    out
}

/// As wide as the terminal, where it says how wide it is.
fn width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .unwrap_or(WIDTH)
}

fn painted(tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Access(Access::Direct) => "32",
        Tone::Access(Access::Analysis | Access::Forensic) => "33",
        Tone::Access(Access::None) => "31",
        Tone::Soft => "2",
        _ => "1",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_attack::{Attack, Available, Question};

    fn has(source: SourceType) -> Available {
        SourceType::ALL
            .into_iter()
            .fold(Available::new(), |all, one| all.with(one, Access::None))
            .with(source, Access::Direct)
    }

    #[test]
    fn questions_are_read() {
        let operation =
            |of: &str| SourceQuestion::Operation("aws.cloudtrail".to_owned(), of.to_owned());
        let read = event("aws.cloudtrail:StopLogging");
        assert_eq!(read, Ok(operation("StopLogging")));
        let id = "0123456789abcdef0123456789abcdef".to_owned();
        assert_eq!(event(&id), Ok(SourceQuestion::Event(id)));
        assert!(event("StopLogging").is_err());
        assert!(event("aws.cloud:StopLogging").is_err());
        assert!(kind("log-tampering").is_ok());
        assert!(kind("bad luck").unwrap_err().contains("ransomware"));
    }

    #[test]
    fn no_platform_stands_for_those_of_a_cloud() {
        assert_eq!(platforms(&[]), (Platform::CLOUD.to_vec(), vec![]));
        let named = platforms(&[PlatformArg::IdentityProvider]);
        assert_eq!(
            named,
            (vec![Platform::IdentityProvider], vec!["Identity Provider"])
        );
    }

    #[test]
    fn an_answer_says_what_there_is_and_what_not() {
        let attack = Attack::embedded().unwrap();
        let question = Question::Event {
            source: SourceType::AwsCloudTrail,
            operation: "StopLogging",
        };
        let reasons = ["ask why"; 10];
        let answer = attack.recommend(&question, &has(SourceType::AwsCloudTrail));
        let text = said(&answer.unwrap(), &reasons);
        assert!(text.starts_with("about T1562.008"), "{text}");
        assert!(
            text.contains("aws.cloudtrail  you have it; score "),
            "{text}"
        );
        assert!(text.ends_with(&format!("{NOTICE}\n")));
        let none = attack.recommend(&question, &has(SourceType::LinuxAuth));
        let text = said(&none.unwrap(), &reasons);
        assert!(text.contains("aws.cloudtrail  ask why; score "), "{text}");
        assert!(text.contains(": aws.cloudtrail, "), "{text}");
        assert!(text.contains(" would\n"), "{text}");
    }
}
