//! A correlation: what a rule selects, counted by group and time.

use rsigma_parser::{
    ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, SigmaRule,
    WindowMode,
};

use crate::error::Mistake;
use crate::rule::{Rule, Selection, level, line, listed, prose, tactics, techniques};
use crate::source::Field;

/// Longest time that is looked over at once, in seconds: a week.
const LONGEST: u64 = 7 * 24 * 3_600;
/// Most events or values that a finding may ask for.
const MOST: u64 = 1_000;
/// Most fields by which is grouped.
const MOST_FIELDS: usize = 8;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrelationKind {
    /// Events.
    EventCount,
    /// Distinct values of a field.
    ValueCount,
    /// All selections within the time.
    Temporal,
    /// All selections within the time, in their order.
    TemporalOrdered,
}

/// How what is selected is counted.
#[derive(Debug, Clone)]
pub struct Correlation {
    /// What is counted.
    pub kind: CorrelationKind,
    /// The selections that count, by their place in the rule, in the correlation's order.
    pub selections: Vec<usize>,
    /// The fields by which is grouped, for each of these selections in their order.
    pub group_by: Vec<Vec<Field>>,
    /// What these fields are called.
    pub group_names: Vec<String>,
    /// The field whose values are counted, for each of these selections; empty otherwise.
    pub value: Vec<Field>,
    /// How long it is looked over, in seconds.
    pub timespan: u64,
    /// How many make a finding.
    pub at_least: u64,
}

pub(crate) fn understood(
    of: &CorrelationRule,
    rules: &[SigmaRule],
    selections: Vec<Selection>,
) -> Result<Rule, Mistake> {
    let kind = kind(of.correlation_type)?;
    if of.window != WindowMode::Sliding {
        return Err(
            Mistake::new("the window slides; tumbling and session are not known").near("window"),
        );
    }
    let timespan = of.timespan.seconds;
    if timespan == 0 || timespan > LONGEST {
        return Err(Mistake::new("the timespan is between 1s and 7d")
            .near("timespan")
            .near("timeframe"));
    }
    let counted = counted(of, rules)?;
    if of.group_by.len() > MOST_FIELDS {
        return Err(Mistake::new(format!("at most {MOST_FIELDS} fields group")).near("group-by"));
    }
    let field = |at: usize, name: &String| -> Result<Field, Mistake> {
        let (Some(rule), Some(selection)) = (rules.get(at), selections.get(at)) else {
            return Err(Mistake::new(
                "the correlation counts a rule that is not there",
            ));
        };
        let alias = of.aliases.iter().find(|alias| alias.alias == *name);
        let own = [rule.name.as_ref(), rule.id.as_ref()];
        let meant = alias.and_then(|alias| {
            own.iter()
                .flatten()
                .find_map(|called| alias.mapping.get(*called))
        });
        if selection.lines() {
            return Err(Mistake::new(format!(
                "records of {} are lines of text without fields: they can't be grouped by {name}",
                selection.source_type
            ))
            .near(name.clone()));
        }
        Ok(selection.field(meant.unwrap_or(name)))
    };
    let group_by = counted
        .iter()
        .map(|at| of.group_by.iter().map(|name| field(*at, name)).collect())
        .collect::<Result<_, _>>()?;
    let (at_least, value) = threshold(of, kind)?;
    let value = match value {
        Some(name) => counted
            .iter()
            .map(|at| field(*at, &name))
            .collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    Ok(Rule {
        title: line(&of.title),
        id: of.id.clone(),
        level: level(of.level),
        description: prose(of.description.as_deref()),
        author: prose(of.author.as_deref()),
        license: line(of.license.as_deref().unwrap_or_default()),
        techniques: techniques(&of.tags),
        tactics: tactics(&of.tags),
        false_positives: listed(&of.falsepositives),
        fields: listed(&of.fields),
        correlation: Some(Correlation {
            kind,
            selections: counted,
            group_by,
            group_names: of.group_by.clone(),
            value,
            timespan,
            at_least,
        }),
        selections,
    })
}

fn kind(of: CorrelationType) -> Result<CorrelationKind, Mistake> {
    match of {
        CorrelationType::EventCount => Ok(CorrelationKind::EventCount),
        CorrelationType::ValueCount => Ok(CorrelationKind::ValueCount),
        CorrelationType::Temporal => Ok(CorrelationKind::Temporal),
        CorrelationType::TemporalOrdered => Ok(CorrelationKind::TemporalOrdered),
        other => Err(Mistake::new(format!(
            "the type {} is not known; there are event_count, value_count, temporal and \
             temporal_ordered",
            other.as_str()
        ))
        .near(other.as_str())),
    }
}

/// The rules that are counted, by their places.
fn counted(of: &CorrelationRule, rules: &[SigmaRule]) -> Result<Vec<usize>, Mistake> {
    let called = |rule: &SigmaRule, name: &String| {
        [&rule.name, &rule.id]
            .into_iter()
            .any(|own| own.as_ref() == Some(name))
    };
    let find = |name: &String| {
        rules
            .iter()
            .position(|rule| called(rule, name))
            .ok_or_else(|| {
                Mistake::new(format!(
                    "the rule {name} is not in this text; a correlation and the rules that it \
                     counts are uploaded as one text, divided by ---"
                ))
                .near(name.clone())
            })
    };
    if of.rules.is_empty() {
        return Err(Mistake::new("the correlation counts no rules").near("correlation"));
    }
    let mut counted = of.rules.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    if of.correlation_type != CorrelationType::TemporalOrdered {
        let mut seen = Vec::new();
        counted.retain(|at| {
            let new = !seen.contains(at);
            seen.push(*at);
            new
        });
    }
    if let Some(idle) = (0..rules.len()).find(|at| !counted.contains(at)) {
        let name = rules.get(idle).map(|rule| rule.title.clone());
        return Err(Mistake::new("this rule is not counted by the correlation")
            .near(name.unwrap_or_default()));
    }
    if of.generate {
        return Err(Mistake::new(
            "generate is not known; upload the rule by itself as well to have its own findings",
        )
        .near("generate"));
    }
    Ok(counted)
}

/// How many make a finding, and of what.
fn threshold(
    of: &CorrelationRule,
    kind: CorrelationKind,
) -> Result<(u64, Option<String>), Mistake> {
    let temporal = matches!(
        kind,
        CorrelationKind::Temporal | CorrelationKind::TemporalOrdered
    );
    let refuse = |message: String| Mistake::new(message).near("condition").near("correlation");
    let (predicates, field) = match &of.condition {
        CorrelationCondition::Threshold {
            predicates, field, ..
        } => (predicates.as_slice(), field.as_deref().unwrap_or_default()),
        CorrelationCondition::Extended(_) => {
            return Err(refuse(
                "a condition over rules is not known; temporal asks for all of them".to_owned(),
            ));
        }
    };
    if temporal {
        return Ok((0, None));
    }
    let at_least = match predicates {
        [(ConditionOperator::Gte, least)] => *least,
        [(ConditionOperator::Gt, more)] => more.saturating_add(1),
        _ => {
            return Err(refuse(
                "the condition is gte or gt with a number: fewer than so many is known only \
                 when no more can come"
                    .to_owned(),
            ));
        }
    };
    if at_least == 0 || at_least > MOST {
        return Err(refuse(format!("a finding asks for 1 to {MOST}")));
    }
    match (kind, field) {
        (CorrelationKind::ValueCount, [field]) => Ok((at_least, Some(field.clone()))),
        (CorrelationKind::ValueCount, _) => Err(refuse(
            "value_count names one field in its condition".to_owned(),
        )),
        (_, []) => Ok((at_least, None)),
        _ => Err(refuse(
            "event_count counts events and names no field".to_owned(),
        )),
    }
}
