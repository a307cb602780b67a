//! From a rule's detections and condition to the text of a filter.

use std::collections::BTreeMap;

use rsigma_parser::{ConditionExpr, Detection, Detections, Quantifier};

use crate::clause::{Clause, all, any, at_least, not};
use crate::error::Mistake;
use crate::item::{item, keywords};
use crate::source::Records;

/// The names of detections, in one order.
type Named<'a> = BTreeMap<&'a str, &'a Detection>;

/// The condition of a whole detection section.
pub(crate) fn detections(of: &Detections, records: &Records) -> Result<Clause, Mistake> {
    if of.timeframe.is_some() {
        return Err(Mistake::new(
            "timeframe is not used any more; write a correlation with a timespan",
        )
        .near("timeframe"));
    }
    let named: Named<'_> = of
        .named
        .iter()
        .map(|(name, detection)| (name.as_str(), detection))
        .collect();
    let conditions = of
        .conditions
        .iter()
        .map(|condition| self::condition(condition, &named, records));
    any(conditions.collect::<Result<Vec<_>, _>>()?)
        .ok_or_else(|| Mistake::new("the rule has no condition").near("condition"))
}

fn condition(of: &ConditionExpr, named: &Named<'_>, records: &Records) -> Result<Clause, Mistake> {
    let each = |parts: &[ConditionExpr]| {
        parts
            .iter()
            .map(|part| condition(part, named, records))
            .collect::<Result<Vec<_>, _>>()
    };
    let empty = || Mistake::new("the condition has an empty part").near("condition");
    match of {
        ConditionExpr::And(parts) => all(each(parts)?).ok_or_else(empty),
        ConditionExpr::Or(parts) => any(each(parts)?).ok_or_else(empty),
        ConditionExpr::Not(part) => Ok(not(condition(part, named, records)?)),
        ConditionExpr::Identifier(name) => {
            let detection = named.get(name.as_str()).ok_or_else(|| {
                Mistake::new(format!("the condition names {name}, which is not there"))
                    .near("condition")
            })?;
            self::detection(detection, records)
        }
        ConditionExpr::Selector {
            quantifier,
            pattern,
        } => {
            let chosen = named
                .iter()
                .filter(|(name, _)| pattern.matches_detection_name(name))
                .map(|(_, detection)| self::detection(detection, records))
                .collect::<Result<Vec<_>, _>>()?;
            let none = || {
                Mistake::new(format!("no selection is called like {pattern}"))
                    .near(pattern.to_string())
            };
            match quantifier {
                Quantifier::All => all(chosen).ok_or_else(none),
                Quantifier::Any | Quantifier::Count(1) => any(chosen).ok_or_else(none),
                Quantifier::Count(least) => {
                    if usize::try_from(*least).is_ok_and(|least| least > chosen.len()) {
                        return Err(Mistake::new(format!(
                            "{least} of {pattern} can't be: there are {}",
                            chosen.len()
                        ))
                        .near(pattern.to_string()));
                    }
                    at_least(*least, chosen).ok_or_else(none)
                }
            }
        }
    }
}

fn detection(of: &Detection, records: &Records) -> Result<Clause, Mistake> {
    let empty = || Mistake::new("a selection is empty").near("detection");
    match of {
        Detection::AllOf(items) => {
            let items = items.iter().map(|one| item(one, records));
            all(items.collect::<Result<Vec<_>, _>>()?).ok_or_else(empty)
        }
        Detection::AnyOf(parts) => {
            let parts = parts.iter().map(|part| detection(part, records));
            any(parts.collect::<Result<Vec<_>, _>>()?).ok_or_else(empty)
        }
        Detection::And(parts) => {
            let parts = parts.iter().map(|part| detection(part, records));
            all(parts.collect::<Result<Vec<_>, _>>()?).ok_or_else(empty)
        }
        Detection::Keywords(values) => keywords(values, &[]),
        Detection::ArrayMatch { field, .. } => Err(Mistake::new(format!(
            "matching inside of lists ({field}[any], {field}[all]) is of a later version of \
             Sigma; a path steps into lists by itself"
        ))
        .near(format!("{field}["))),
        Detection::Conditional { .. } => {
            Err(Mistake::new("a condition inside of a selection is not known").near("detection"))
        }
    }
}
