//! `cordon sources`: which sources tell of which attacks, by MITRE ATT&CK.
//!
//! What a tenant has is what it has events of: that is measured, not declared.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use cordon_attack::render::{Tone, plain, svg};
use cordon_attack::{
    Access, Attack, Available, IncidentKind, NOTICE, Platform, Question, Recommendation, SourceType,
};
use cordon_client::Events;

use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::output::{Form, colours};
use crate::when::{self, When};

/// Most groups that a count answers with; there are far fewer kinds of records and classes.
const GROUPS: u32 = 1_000;
/// Width of a matrix that goes to no terminal, in letters.
const WIDTH: usize = 100;

/// Which sources tell of which attacks.
#[derive(Debug, Args)]
pub(crate) struct Command {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
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
    /// A suspicious event: its source type and operation, as in aws.cloudtrail:StopLogging
    #[arg(long, value_name = "TYPE:OPERATION", value_parser = event)]
    event: Option<(SourceType, String)>,
}

fn kind(text: &str) -> Result<IncidentKind, String> {
    text.parse().map_err(|_| {
        let known: Vec<&str> = IncidentKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

fn event(text: &str) -> Result<(SourceType, String), String> {
    let wrong = || "expected a source type and an operation, as in aws.cloudtrail:StopLogging";
    let (source, operation) = text.split_once(':').ok_or_else(wrong)?;
    Ok((source.parse().map_err(|_| wrong())?, operation.to_owned()))
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
    let events = client.events();
    let attack = Attack::embedded()
        .map_err(|error| Failure::local(format!("the table of ATT&CK can't be read: {error}")))?;
    match command.verb {
        Verb::Coverage {
            since,
            platform,
            svg: file,
        } => {
            let available = available(&events, since, &platform).await?;
            let techniques = attack.techniques_on(available.platforms());
            let matrix = attack.coverage(&available, &techniques);
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
                _ => document(context, &matrix),
            }
        }
        Verb::Recommend {
            about,
            since,
            platform,
        } => {
            let available = available(&events, since, &platform).await?;
            let question = question(&about)?;
            let answer = attack
                .recommend(&question, &available)
                .map_err(|error| Failure::usage(error.to_string()))?;
            match context.output.form() {
                Form::Table => context.output.text(&said(&answer)),
                _ => document(context, &answer),
            }
        }
    }
}

/// With the notice that MITRE asks for.
fn document(context: &Context, answer: &impl serde::Serialize) -> Outcome {
    let mut value = serde_json::to_value(answer)
        .map_err(|error| Failure::local(format!("the answer can't be written: {error}")))?;
    if let Some(object) = value.as_object_mut() {
        object.insert("notice".to_owned(), NOTICE.into());
    }
    context.output.document(&value)
}

fn question(about: &About) -> Result<Question<'_>, Failure> {
    Ok(match about {
        About {
            technique: Some(id),
            ..
        } => Question::Technique(id),
        About {
            tactic: Some(name), ..
        } => Question::Tactic(name),
        About {
            incident: Some(kind),
            ..
        } => Question::Incident(*kind),
        About {
            event: Some((source, operation)),
            ..
        } => Question::Event {
            source: *source,
            operation,
        },
        _ => {
            return Err(Failure::usage(
                "ask about a technique, tactic, incident or event",
            ));
        }
    })
}

/// What the tenant has events of, and what else there could be.
async fn available(
    events: &Events,
    since: When,
    platforms: &[PlatformArg],
) -> Result<Available, Failure> {
    let mut count = cordon_client::Count::new()
        .by("source_type")
        .by("class_uid")
        .limit(GROUPS);
    if let Some(since) = since.0 {
        count = count.since(since);
    }
    let answer = events.count(count).await?;
    let mut available = SourceType::ALL
        .into_iter()
        .fold(Available::new(), |available, source| {
            available.with(source, Access::None)
        });
    for group in &answer.counts {
        let [source, class] = group.values.as_slice() else {
            continue;
        };
        // A kind of records that this program does not know yet tells it nothing.
        let Ok(source) = source.parse::<SourceType>() else {
            continue;
        };
        available = available.with(source, Access::Direct);
        if let (SourceType::Ocsf, Ok(class)) = (source, class.parse()) {
            available = available.with_ocsf_class(class);
        }
    }
    if !platforms.is_empty() {
        let platforms: Vec<Platform> = platforms.iter().copied().map(Platform::from).collect();
        available = available.on(&platforms);
    }
    Ok(available)
}

/// The answer in sentences.
fn said(answer: &Recommendation<'_>) -> String {
    let mut out = String::new();
    let techniques: Vec<String> = answer
        .techniques
        .iter()
        .map(|technique| format!("{} {}", technique.id, technique.name))
        .collect();
    out.push_str(&format!("about {}\n\n", techniques.join(", ")));
    for source in &answer.sources {
        let how = match source.access {
            Access::Direct => "you have it",
            Access::Analysis => "ask the provider to analyse it",
            Access::Forensic => "by a forensic request",
            Access::None => "you have no events of it: ask for it",
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

    fn has(source: SourceType) -> Available {
        SourceType::ALL
            .into_iter()
            .fold(Available::new(), |all, one| all.with(one, Access::None))
            .with(source, Access::Direct)
    }

    #[test]
    fn questions_are_read() {
        assert_eq!(
            event("aws.cloudtrail:StopLogging"),
            Ok((SourceType::AwsCloudTrail, "StopLogging".to_owned()))
        );
        assert!(event("StopLogging").is_err());
        assert!(event("aws.cloud:StopLogging").is_err());
        assert!(kind("log-tampering").is_ok());
        assert!(kind("bad luck").unwrap_err().contains("ransomware"));
    }

    #[test]
    fn an_answer_says_what_there_is_and_what_not() {
        let attack = Attack::embedded().unwrap();
        let question = Question::Event {
            source: SourceType::AwsCloudTrail,
            operation: "StopLogging",
        };
        let answer = attack.recommend(&question, &has(SourceType::AwsCloudTrail));
        let text = said(&answer.unwrap());
        assert!(text.starts_with("about T1562.008"), "{text}");
        assert!(text.contains("aws.cloudtrail  you have it"), "{text}");
        assert!(text.ends_with(&format!("{NOTICE}\n")));
        let none = attack.recommend(&question, &has(SourceType::LinuxAuth));
        let text = said(&none.unwrap());
        assert!(text.contains("you have no events of it"), "{text}");
        assert!(text.contains(": aws.cloudtrail, "), "{text}");
        assert!(text.contains(" would\n"), "{text}");
    }
}
