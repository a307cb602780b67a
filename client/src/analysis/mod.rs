//! Questions to the provider, and their answers.
//!
//! An analysis is a question with what it needs: which events, what for, what may be read. What the
//! server can answer by itself it answers at once; the rest goes to the provider's analysts.
//!
//! ```no_run
//! use cordon_client::Client;
//! use cordon_client::analysis::{NewAnalysis, Question, Subject, released};
//!
//! # async fn run(client: Client) -> cordon_client::Result<()> {
//! let analyses = client.analyses();
//! let key = Question::Pivot(Subject::AccessKey("AKIAIOSFODNN7EXAMPLE".to_owned()));
//! let asked = analyses.create(NewAnalysis::new(key, "The key was in a repository.")).await?;
//! let analysis = analyses.wait(&asked.name).await?;
//! println!("by {}", released(&analysis)?.method);
//! let answer = analyses.answer(&analysis.name).await?;
//! for table in &answer.tables {
//!     println!("{}: {} rows", table.title, table.rows.len());
//! }
//! # Ok(())
//! # }
//! ```

mod analyses;
mod answer;
mod check;
mod desk;
mod download;
mod parts;
mod question;
mod signed;
mod watch;

pub use cordon_proto::analysis::{
    Analysis, AnalysisFailure, AnalysisMessage, AnalysisProgress, AnalysisResult, AnalysisTable,
    DataKind, Party, QueuedAnalysis, analysis::State,
};

pub use self::analyses::{Analyses, has_ended, released};
pub use self::answer::{
    Answer, Cell, Column, Cut, Edge, Entry, Graph, MAX_ANSWER_BYTES, Node, Remark, Table, Timeline,
};
pub use self::desk::AnalysisDesk;
pub use self::download::AnswerFormat;
pub use self::parts::{HandedIn, NewAnalysis, NewTable, Scope};
pub use self::question::{
    Around, Beacons, Changes, Direction, Indicators, Question, RoleChain, Same, SharedIndicator,
    Start, Subject, TimelineQuestion, Window,
};
pub use self::signed::{PREDICATE_TYPE, SignedAnalysis, read_analysis};
pub use self::watch::AnalysisWatch;
use crate::client::Call;

/// A change that has no id to be known again by: whether it was done nobody can tell after a lost
/// connection.
const CHANGE: Call = Call {
    enters: true,
    ..Call::ONCE
};
