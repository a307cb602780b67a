//! The kinds of questions, as they are typed.

mod subjects;

use std::path::PathBuf;

use clap::Args;
use cordon_client::analysis::{Beacons, Changes, Indicators, Question, SharedIndicator, Window};
use cordon_client::time::now;
use jiff::Timestamp;

pub(super) use self::subjects::{PivotArgs, RoleChainArgs, SeenArgs, TimelineArgs};
use super::super::words::DataArg;
use super::super::{MOST_WORDS, input, stix};
use super::Read;
use crate::detect::files;
use crate::failure::{Failure, note};
use crate::when;

/// Largest file of indicators, in bytes.
const MOST_INDICATORS: usize = 3 << 20;
/// Longest query, in bytes.
const MOST_QUERY: usize = 64 << 10;
/// Most rules of one question.
const MOST_RULES: usize = 100;

/// What becomes a question.
pub(in super::super) trait ToQuestion {
    /// Reads the files that it names, too.
    fn read(self) -> Result<Read, Failure>;
}

/// `cordon analyses ask indicators`.
#[derive(Debug, Args)]
#[group(id = "indicators_of", required = true, multiple = false)]
pub(in super::super) struct IndicatorsArgs {
    /// Addresses, ranges, hashes, domain names, URLs and names, one a line; `-` for stdin
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A bundle of STIX 2.1, or STIX patterns, one a line; `-` for stdin
    #[arg(long, value_name = "FILE")]
    stix: Option<PathBuf>,
}

impl ToQuestion for IndicatorsArgs {
    fn read(self) -> Result<Read, Failure> {
        let asked = match (self.file, self.stix) {
            (Some(path), _) => Indicators::List(input::file(&path, MOST_INDICATORS)?),
            (None, Some(path)) => {
                let text = input::file(&path, MOST_INDICATORS)?;
                let found = stix::read(&text)
                    .map_err(|wrong| Failure::usage(format!("{}: {wrong}", files::label(&path))))?;
                if found.left_out > 0 {
                    note(&format!(
                        "left out: {} indicators that are revoked, or have no STIX pattern",
                        found.left_out
                    ));
                }
                Indicators::Stix(found.patterns)
            }
            (None, None) => return Err(Failure::usage("give --file or --stix")),
        };
        Ok(Question::Indicators(asked).into())
    }
}

/// `cordon analyses ask volume`.
#[derive(Debug, Args)]
pub(in super::super) struct VolumeArgs {
    /// Leave out peers to which fewer bytes went, and from which fewer came
    #[arg(long, value_name = "N", default_value_t = 0)]
    minimum_bytes: u64,
}

impl ToQuestion for VolumeArgs {
    fn read(self) -> Result<Read, Failure> {
        let minimum_bytes = self.minimum_bytes;
        Ok(Question::Volume { minimum_bytes }.into())
    }
}

/// `cordon analyses ask changes`.
#[derive(Debug, Args)]
pub(in super::super) struct ChangesArgs {
    /// Changes from here on; earlier events of the scope tell previous values
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    from: Option<Timestamp>,
    /// Changes before this
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    to: Option<Timestamp>,
    /// Changes of this actor alone
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
}

impl ToQuestion for ChangesArgs {
    fn read(self) -> Result<Read, Failure> {
        // What is not said is as far as the scope reaches.
        let window = match (self.from, self.to) {
            (None, None) => None,
            (start, end) => Some(Window {
                start: start.unwrap_or(Timestamp::UNIX_EPOCH),
                end: end.unwrap_or_else(now),
            }),
        };
        let actor = self.actor;
        Ok(Question::Changes(Changes { window, actor }).into())
    }
}

/// `cordon analyses ask beacons`.
#[derive(Debug, Args)]
pub(in super::super) struct BeaconsArgs {
    /// Fewest connections of a pair, 4 to 1,000; 8, if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=1_000))]
    minimum_connections: Option<u32>,
    /// How regular at least, above 0 to 1
    #[arg(long, value_name = "SCORE")]
    minimum_score: Option<f64>,
}

impl ToQuestion for BeaconsArgs {
    fn read(self) -> Result<Read, Failure> {
        let asked = Beacons {
            minimum_connections: self.minimum_connections,
            minimum_score: self.minimum_score,
        };
        Ok(Question::Beacons(asked).into())
    }
}

/// `cordon analyses ask compare`.
#[derive(Debug, Args)]
pub(in super::super) struct CompareArgs {
    /// What is usual: from here on
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    baseline_from: Timestamp,
    /// What is usual: before this
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    baseline_to: Timestamp,
    /// What is asked about: from here on
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    from: Timestamp,
    /// What is asked about: before this
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    to: Timestamp,
}

impl ToQuestion for CompareArgs {
    fn read(self) -> Result<Read, Failure> {
        let window = |start, end| Window { start, end };
        let compare = Question::Compare {
            baseline: window(self.baseline_from, self.baseline_to),
            window: window(self.from, self.to),
        };
        Ok(compare.into())
    }
}

/// `cordon analyses ask rules`.
#[derive(Debug, Args)]
pub(in super::super) struct RulesArgs {
    /// Files of one Sigma rule each, and folders of such files; 100 rules in all. `-` for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl ToQuestion for RulesArgs {
    fn read(self) -> Result<Read, Failure> {
        let paths = files::collect(&self.files)?;
        if paths.len() > MOST_RULES {
            return Err(Failure::usage(format!(
                "{} files: a question takes at most {MOST_RULES} rules; ask in parts",
                paths.len()
            )));
        }
        let texts = paths.iter().map(|path| files::text_of(path));
        let texts = texts.collect::<Result<_, _>>()?;
        Ok(Read {
            files: paths,
            ..Question::Rules(texts).into()
        })
    }
}

/// `cordon analyses ask sql`.
#[derive(Debug, Args)]
pub(in super::super) struct SqlArgs {
    /// One SELECT over the table `events`, which has the columns of filters; `-` for stdin
    #[arg(value_name = "SELECT")]
    query: String,
}

impl ToQuestion for SqlArgs {
    fn read(self) -> Result<Read, Failure> {
        Ok(Question::Sql(input::words(self.query, MOST_QUERY)?).into())
    }
}

/// `cordon analyses ask seen-by-others`.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(in super::super) struct SeenByOthersArgs {
    /// One public address that your own events name; an IPv6 address stands for its /64
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// SHA-256 of a file's content that your own events name
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
}

impl ToQuestion for SeenByOthersArgs {
    fn read(self) -> Result<Read, Failure> {
        let of = match (self.address, self.sha256) {
            (Some(address), _) => SharedIndicator::Address(address),
            (None, sha256) => SharedIndicator::FileSha256(sha256.unwrap_or_default()),
        };
        Ok(Question::SeenByOthers(of).into())
    }
}

/// `cordon analyses ask human`.
#[derive(Debug, Args)]
pub(in super::super) struct HumanArgs {
    /// What is asked; `-` for stdin
    text: String,
    /// What the analysts may read for it; may be repeated
    #[arg(long, value_enum, value_delimiter = ',')]
    consent: Vec<DataArg>,
}

impl ToQuestion for HumanArgs {
    fn read(self) -> Result<Read, Failure> {
        Ok(Read {
            consent: self.consent,
            ..Question::Human(input::words(self.text, MOST_WORDS)?).into()
        })
    }
}
