//! What is owed for what was not attained.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::agreement::{Agreement, CreditBasis, CreditTerm};
use super::super::objective::BasisPoints;
use super::Attainment;

/// A credit that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// The step of the agreement that it follows from.
    pub term: CreditTerm,
    /// What was attained.
    pub attained: BasisPoints,
}

/// The credits that are owed by the agreement: of the steps of a basis, the one that owes
/// most. Where nothing was settled, or no availability was measured, nothing is owed. They
/// come in the order of kinds, with availability last.
pub fn credits(
    agreement: &Agreement,
    attainment: &Attainment,
    availability: Option<BasisPoints>,
) -> Vec<Credit> {
    let mut owed: BTreeMap<CreditBasis, Credit> = BTreeMap::new();
    for term in agreement.credits() {
        let attained = match term.basis {
            CreditBasis::Objective(kind) => attainment.of_kind(kind).attained(),
            CreditBasis::Availability => availability,
        };
        let Some(attained) = attained.filter(|attained| *attained < term.below) else {
            continue;
        };
        let credit = Credit {
            term: *term,
            attained,
        };
        let most = owed.entry(term.basis).or_insert(credit);
        if term.credit > most.term.credit {
            *most = credit;
        }
    }
    owed.into_values().collect()
}

/// The sum of credits, at most the whole fee.
pub fn total(credits: &[Credit]) -> BasisPoints {
    let points = credits.iter().map(|credit| credit.term.credit.0);
    let sum = points.fold(0_u32, u32::saturating_add);
    BasisPoints(sum).min(BasisPoints::WHOLE)
}
