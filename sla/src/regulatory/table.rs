//! The deadlines of the law, as data.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::super::clock::Party;

/// Whose duty to report it is, and under which law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// An essential or important entity, of a significant incident: Directive (EU)
    /// 2022/2555.
    Nis2,
    /// A financial entity, of a major ICT-related incident: Regulation (EU) 2022/2554.
    Dora,
    /// A controller, of a personal data breach: Regulation (EU) 2016/679.
    GdprController,
    /// A processor, of a personal data breach, to the controller: the same.
    GdprProcessor,
}

impl Duty {
    /// All duties.
    pub const ALL: [Self; 4] = [
        Self::Nis2,
        Self::Dora,
        Self::GdprController,
        Self::GdprProcessor,
    ];

    /// Which side of an incident has it: a processor is the provider, everything else the
    /// customer.
    pub fn party(self) -> Party {
        match self {
            Self::Nis2 | Self::Dora | Self::GdprController => Party::Customer,
            Self::GdprProcessor => Party::Provider,
        }
    }

    /// What has to be submitted by it, by any version of the rules.
    pub fn reports(self) -> impl Iterator<Item = Report> {
        let rules = RULES.iter().filter(move |rule| rule.duty == self);
        rules.map(|rule| rule.report)
    }
}

/// What has to be submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// NIS2, to the CSIRT or the competent authority.
    EarlyWarning,
    /// NIS2, with a first assessment.
    IncidentNotification,
    /// DORA, to the competent authority.
    InitialNotification,
    /// DORA, and again whenever something changes.
    IntermediateReport,
    /// NIS2 and DORA, with the root cause.
    FinalReport,
    /// GDPR, by the controller to the supervisory authority.
    BreachNotification,
    /// GDPR, by the processor to the controller.
    ControllerNotification,
}

/// What a term runs from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The entity became aware of the incident.
    Awareness,
    /// The entity classified it as major.
    Classification,
    /// A report was submitted for the first time.
    FirstSubmission(Report),
    /// A report, or an update of it, was last submitted.
    LatestSubmission(Report),
}

/// How long there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// Real hours, on all days.
    Hours(i64),
    /// Months by the civil calendar in UTC: the same day and time of day, or the last day of
    /// a shorter month. 31 January and a month is 28 or 29 February.
    Months(i64),
    /// The law names no number.
    WithoutUndueDelay,
}

/// A second limit: the earlier one holds. Where the first term only begins to run after the
/// limit has passed, it doesn't apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// What it runs from.
    pub trigger: Trigger,
    /// In real hours.
    pub hours: i64,
}

/// What is granted if a deadline falls on a weekend day or a bank holiday: noon of the next
/// working day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relief {
    /// Whether it is granted to all. Else not to the entities that the rule leaves out, such
    /// as credit institutions.
    pub for_all: bool,
}

/// A deadline, from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The first day of its application. An incident goes by the rule in force on the day
    /// (UTC) on which the entity became aware.
    pub since: Date,
    /// Whose duty it is.
    pub duty: Duty,
    /// What has to be submitted.
    pub report: Report,
    /// The law, with the act that gives the number.
    pub law: &'static str,
    /// The article, paragraph and point.
    pub article: &'static str,
    /// What the term runs from.
    pub trigger: Trigger,
    /// How long there is.
    pub term: Term,
    /// A second limit, if any.
    pub cap: Option<Cap>,
    /// What is granted on weekends and bank holidays, if anything.
    pub relief: Option<Relief>,
}

const NIS2: &str = "Directive (EU) 2022/2555";
const DORA: &str = "Regulation (EU) 2022/2554, Delegated Regulation (EU) 2025/301";
const GDPR: &str = "Regulation (EU) 2016/679";

/// Member States apply their transpositions from this day on (Art. 41(1)).
const NIS2_SINCE: Date = Date::constant(2024, 10, 18);
/// The entry into force of the Delegated Regulation that gives the numbers.
const DORA_SINCE: Date = Date::constant(2025, 3, 12);
/// The day of application (Art. 99(2)).
const GDPR_SINCE: Date = Date::constant(2018, 5, 25);

/// The rule of the GDPR on processors, from which the others differ.
const PLAIN: Rule = Rule {
    since: GDPR_SINCE,
    duty: Duty::GdprProcessor,
    report: Report::ControllerNotification,
    law: GDPR,
    article: "Art. 33(2)",
    trigger: Trigger::Awareness,
    term: Term::WithoutUndueDelay,
    cap: None,
    relief: None,
};

/// The rules as they are known. A new version of one is another line with a later `since`.
pub static RULES: &[Rule] = &[
    Rule {
        since: NIS2_SINCE,
        duty: Duty::Nis2,
        report: Report::EarlyWarning,
        law: NIS2,
        article: "Art. 23(4)(a)",
        term: Term::Hours(24),
        ..PLAIN
    },
    Rule {
        since: NIS2_SINCE,
        duty: Duty::Nis2,
        report: Report::IncidentNotification,
        law: NIS2,
        article: "Art. 23(4)(b)",
        term: Term::Hours(72),
        ..PLAIN
    },
    Rule {
        since: NIS2_SINCE,
        duty: Duty::Nis2,
        report: Report::FinalReport,
        law: NIS2,
        article: "Art. 23(4)(d)",
        trigger: Trigger::FirstSubmission(Report::IncidentNotification),
        term: Term::Months(1),
        ..PLAIN
    },
    Rule {
        since: DORA_SINCE,
        duty: Duty::Dora,
        report: Report::InitialNotification,
        law: DORA,
        article: "Art. 19(4)(a); Art. 5",
        trigger: Trigger::Classification,
        term: Term::Hours(4),
        cap: Some(Cap {
            trigger: Trigger::Awareness,
            hours: 24,
        }),
        ..PLAIN
    },
    Rule {
        since: DORA_SINCE,
        duty: Duty::Dora,
        report: Report::IntermediateReport,
        law: DORA,
        article: "Art. 19(4)(b); Art. 5",
        trigger: Trigger::FirstSubmission(Report::InitialNotification),
        term: Term::Hours(72),
        relief: Some(Relief { for_all: false }),
        ..PLAIN
    },
    Rule {
        since: DORA_SINCE,
        duty: Duty::Dora,
        report: Report::FinalReport,
        law: DORA,
        article: "Art. 19(4)(c); Art. 5",
        trigger: Trigger::LatestSubmission(Report::IntermediateReport),
        term: Term::Months(1),
        relief: Some(Relief { for_all: true }),
        ..PLAIN
    },
    Rule {
        duty: Duty::GdprController,
        report: Report::BreachNotification,
        article: "Art. 33(1)",
        term: Term::Hours(72),
        ..PLAIN
    },
    PLAIN,
];
