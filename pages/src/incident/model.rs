//! What the report of an incident says. As JSON it has the names of these fields: times are RFC
//! 3339, durations ISO 8601, words are in snake case.

use cordon_sla::clock::{Party, State};
use cordon_sla::objective::Severity;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$word_doc])* $word,)* }

        impl $name {
            /// As people read it.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }
        }
    };
}

words! {
    /// Phases of incident handling, after NIST SP 800-61, in their order.
    Phase {
        /// Before anything has happened.
        Preparation = "Preparation",
        /// What it is.
        Identification = "Identification",
        /// Keeping it from spreading.
        Containment = "Containment",
        /// How it came about and what it touched.
        Investigation = "Investigation",
        /// Removing it.
        Eradication = "Eradication",
        /// Back to service.
        Recovery = "Recovery",
        /// What is to be learned.
        FollowUp = "Follow-up",
    }
}

words! {
    /// How far it may be passed on: the Traffic Light Protocol of FIRST, version 2.0.
    Tlp {
        /// To those named alone.
        Red = "TLP:RED",
        /// Within the recipient's organization.
        AmberStrict = "TLP:AMBER+STRICT",
        /// Within the recipient's organization and its clients.
        Amber = "TLP:AMBER",
        /// Within the community.
        Green = "TLP:GREEN",
        /// To anyone.
        Clear = "TLP:CLEAR",
    }
}

words! {
    /// Why an incident was closed.
    CloseCode {
        /// Handled to the end.
        Resolved = "resolved",
        /// There was none.
        FalsePositive = "a false positive",
        /// It is another one.
        Duplicate = "a duplicate",
        /// The risk is borne.
        Accepted = "an accepted risk",
    }
}

words! {
    /// How a measure stands.
    Work {
        /// Asked for.
        Requested = "requested",
        /// Under way.
        Running = "under way",
        /// Done.
        Done = "done",
        /// Done in part.
        Partial = "done in part",
        /// Undone again, as it was to be.
        Undone = "undone",
        /// It did not work.
        Failed = "failed",
    }
}

/// The whole of it. Every list may be empty; the page then says that nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentReport {
    /// Whose incident: the tenant's id.
    pub tenant: String,
    /// The text of the incident's UUID.
    pub incident: String,
    /// Its number among the tenant's.
    pub number: u64,
    /// The moment that the report is as of.
    pub as_of: Timestamp,
    /// How far the report may be passed on.
    pub tlp: Tlp,
    /// Whether it was an exercise: nothing real has happened.
    pub drill: bool,
    /// In one line.
    pub title: String,
    /// What is known.
    pub description: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where its handling stands.
    pub phase: Phase,
    /// When it was opened.
    pub opened: Timestamp,
    /// Who opened it.
    pub opened_by: Person,
    /// When the provider took note.
    pub acknowledged: Option<Timestamp>,
    /// When it was closed; none while it is open.
    pub closed: Option<Timestamp>,
    /// As what.
    pub code: Option<CloseCode>,
    /// The phases in the order in which they were gone through; one may come again.
    pub phases: Vec<PhaseSpan>,
    /// Who did what when, in order.
    pub timeline: Vec<Happening>,
    /// What was promised, and how long it took.
    pub clocks: Vec<Clock>,
    /// What the law sets a time for.
    pub deadlines: Vec<Deadline>,
    /// Who stands for what.
    pub responsibilities: Vec<Responsibility>,
    /// When the next move went from one side to the other.
    pub hand_overs: Vec<HandOver>,
    /// What had to be true before recovery.
    pub criteria: Vec<Criterion>,
    /// What was secured, and who had it.
    pub evidence: Vec<Evidence>,
    /// What was done to contain it and to restore service.
    pub actions: Vec<Action>,
    /// Keys that were destroyed, and how that was verified.
    pub key_deletions: Vec<KeyDeletion>,
    /// What was said to both sides.
    pub comments: Vec<Comment>,
    /// What is to be done otherwise.
    pub lessons: Vec<Lesson>,
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// A name for people.
    pub name: String,
    /// Of which side.
    pub party: Party,
}

/// A phase that was gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseSpan {
    /// Which one.
    pub phase: Phase,
    /// From when on.
    pub from: Timestamp,
    /// Until when; none if it goes on.
    pub to: Option<Timestamp>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// Its number in the timeline.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// Who did it.
    pub actor: Person,
    /// What it was, in words.
    pub what: String,
    /// Why; may be empty.
    pub reason: String,
}

/// What was promised about the incident, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// What was promised, in words, with which of several it is.
    pub what: String,
    /// The severity that it is under.
    pub severity: Severity,
    /// How it stands.
    pub state: State,
    /// When it started.
    pub started: Timestamp,
    /// When its time was or is used up.
    pub due: Option<Timestamp>,
    /// When it was stopped or called off.
    pub stopped: Option<Timestamp>,
    /// The open time that was allowed.
    pub allowed: SignedDuration,
    /// The provider's open time.
    pub spent: SignedDuration,
    /// The customer's open time, which does not count.
    pub paused: SignedDuration,
    /// Whose time it was, without gaps.
    pub stretches: Vec<Stretch>,
    /// The timeline entries that it rests on.
    pub entries: Vec<u64>,
}

/// A part of a clock that was one side's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Whose time.
    pub party: Party,
    /// The beginning.
    pub from: Timestamp,
    /// The end.
    pub to: Timestamp,
}

/// What a law sets a time for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// Which law, as in `NIS2 Art. 23`.
    pub law: String,
    /// What has to be done.
    pub duty: String,
    /// When the time began to run; none if nothing has started it yet.
    pub started: Option<Timestamp>,
    /// By when; none if nothing has started it yet, or the law names no number.
    pub due: Option<Timestamp>,
    /// When it was done.
    pub done: Option<Timestamp>,
}

/// Who stands for a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responsibility {
    /// The task.
    pub task: String,
    /// Who does it.
    pub responsible: String,
    /// Who answers for it.
    pub accountable: String,
    /// Who is asked.
    pub consulted: String,
    /// Who is told.
    pub informed: String,
}

/// That the next move went to the other side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// When.
    pub time: Timestamp,
    /// Who handed it over.
    pub by: Person,
    /// To which side.
    pub to: Party,
    /// What was asked for.
    pub reason: String,
}

/// What had to be true before recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// In words.
    pub text: String,
    /// By whom on the customer's side it was signed off.
    pub customer: Option<SignOff>,
    /// By whom on the provider's.
    pub provider: Option<SignOff>,
}

/// That somebody stands for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOff {
    /// Who.
    pub by: String,
    /// When.
    pub time: Timestamp,
}

/// Something that was secured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its name.
    pub name: String,
    /// What it is, as in `disk image`.
    pub kind: String,
    /// When it was secured.
    pub acquired: Timestamp,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
    /// Who had it and what was done with it, in order.
    pub custody: Vec<CustodyStep>,
}

/// A step of the chain of custody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyStep {
    /// When.
    pub time: Timestamp,
    /// Who.
    pub by: String,
    /// What was done.
    pub what: String,
}

/// What was done to contain the incident or to restore service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What was done.
    pub what: String,
    /// To what.
    pub target: String,
    /// How it stands.
    pub state: Work,
    /// When it was begun.
    pub time: Timestamp,
    /// Who did it.
    pub by: Person,
    /// How it was verified; empty if it was not.
    pub verified: String,
}

/// That a key was destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDeletion {
    /// Which key.
    pub key: String,
    /// When.
    pub time: Timestamp,
    /// How.
    pub method: String,
    /// How that was verified; empty if it was not.
    pub verified: String,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Who said it.
    pub author: Person,
    /// When it was said first.
    pub time: Timestamp,
    /// What it says now.
    pub text: String,
    /// What it said before, oldest first.
    pub revisions: Vec<Revision>,
}

/// An earlier text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// From when on.
    pub time: Timestamp,
    /// What it said.
    pub text: String,
}

/// Something to be learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    /// What is to be done otherwise.
    pub text: String,
    /// Which side sees to it; may be empty.
    pub owner: String,
    /// When it was done.
    pub done: Option<Timestamp>,
}
