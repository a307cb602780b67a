//! Attainment over clocks that were evaluated from logs.

use proptest::prelude::*;

use super::super::agreement::tests::draft;
use super::super::agreement::{Agreement, AgreementDraft, CreditBasis, CreditTerm};
use super::super::clock::tests::{
    agreement, log, minute, minutes, opened, to_customer, to_provider,
};
use super::super::clock::{Event, evaluate};
use super::super::objective::ObjectiveKind::{Acknowledge, Resolve};
use super::super::objective::Severity::{Sev1, Sev2};
use super::*;

/// Acknowledge within 10 minutes, Resolve within 60 or 120.
fn gold(credits: &[(CreditBasis, u32, u32)]) -> Agreement {
    let term = |(basis, below, credit): &(CreditBasis, u32, u32)| CreditTerm {
        basis: *basis,
        below: BasisPoints(*below),
        credit: BasisPoints(*credit),
    };
    agreement(AgreementDraft {
        credits: credits.iter().map(term).collect(),
        ..draft(&[
            (Acknowledge, Sev1, 10, "always"),
            (Resolve, Sev1, 60, "always"),
            (Resolve, Sev2, 120, "always"),
        ])
    })
}

/// The clocks of an incident that was the customer's for so long, and then resolved.
fn resolved<'a>(
    gold: &'a Agreement,
    severity: Severity,
    waited: i64,
    after: i64,
) -> Vec<Clock<'a>> {
    let log = log(&[
        (0, opened(severity)),
        (0, to_customer()),
        (waited, to_provider()),
        (waited + after, Event::Resolved),
    ]);
    evaluate(&log, |_| Some(gold), minute(10_000))
}

fn counted<'a>(clocks: impl IntoIterator<Item = &'a Clock<'a>>) -> Attainment {
    let mut attainment = Attainment::default();
    clocks.into_iter().for_each(|clock| attainment.add(clock));
    attainment
}

#[test]
fn counts_causes_and_percentiles() {
    let gold = gold(&[]);
    let mut clocks = Vec::new();
    for spent in [10, 20, 30, 40, 61, 70] {
        clocks.extend(resolved(&gold, Sev1, spent / 10, spent));
    }
    clocks.extend(resolved(&gold, Sev2, 5, 70));
    let open = log(&[(0, opened(Sev1))]);
    clocks.extend(evaluate(&open, |_| Some(&gold), minute(9)));
    let attainment = counted(&clocks);
    let group = attainment.group(Resolve, Sev1).unwrap();
    assert_eq!(
        (group.met, group.breached, group.running, group.cancelled),
        (4, 2, 1, 0)
    );
    assert_eq!(group.attained(), Some(BasisPoints(6_666)));
    let causes = Causes {
        provider: minutes(61 + 70),
        customer: minutes(6 + 7),
    };
    assert_eq!(group.causes, causes);
    let percentiles = [0, 16, 17, 50, 51, 90, 99, 100].map(|p| group.percentile(p));
    let expected = [10, 10, 20, 30, 40, 70, 70, 70].map(|spent| Some(minutes(spent)));
    assert_eq!(percentiles, expected);
    assert_eq!(attainment.of_kind(Resolve).met, 5);
    let keys: Vec<_> = attainment
        .groups()
        .map(|(kind, severity, _)| (kind, severity))
        .collect();
    assert_eq!(
        keys,
        [(Acknowledge, Sev1), (Resolve, Sev1), (Resolve, Sev2)]
    );
    let none = Group::default();
    assert_eq!((none.attained(), none.percentile(50)), (None, None));
}

#[test]
fn what_is_called_off_counts_neither_way() {
    let gold = gold(&[]);
    let log = log(&[(0, opened(Sev1)), (5, Event::Closed)]);
    let attainment = counted(&evaluate(&log, |_| Some(&gold), minute(9)));
    let group = attainment.group(Resolve, Sev1).unwrap();
    assert_eq!(
        (group.cancelled, group.attained(), group.percentile(50)),
        (1, None, None)
    );
}

#[test]
fn the_step_that_owes_most_is_owed() {
    let resolve = CreditBasis::Objective(Resolve);
    let gold = gold(&[
        (CreditBasis::Availability, 9_990, 9_500),
        (resolve, 9_500, 500),
        (resolve, 5_001, 2_000),
        (resolve, 5_000, 4_000),
        (CreditBasis::Objective(Acknowledge), 9_000, 9_000),
    ]);
    let clocks = [resolved(&gold, Sev2, 0, 60), resolved(&gold, Sev2, 0, 121)].concat();
    let attainment = counted(&clocks);
    let owed = |availability| {
        let credits = credits(&gold, &attainment, availability);
        let terms = credits
            .iter()
            .map(|c| (c.term.basis, c.attained.0, c.term.credit.0));
        (terms.collect::<Vec<_>>(), total(&credits).0)
    };
    assert_eq!(owed(None), (vec![(resolve, 5_000, 2_000)], 2_000));
    assert_eq!(owed(Some(BasisPoints(9_990))).1, 2_000, "not below");
    let availability = (CreditBasis::Availability, 9_989, 9_500);
    let both = vec![(resolve, 5_000, 2_000), availability];
    assert_eq!(owed(Some(BasisPoints(9_989))), (both, 10_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn order_and_parts_are_nothing(
        incidents in prop::collection::vec((0_i64..100, 0_i64..150, any::<bool>()), 0..12),
        (cut, turn) in (0_usize..40, 0_usize..40),
    ) {
        let gold = gold(&[]);
        let mut clocks = Vec::new();
        for (waited, after, grave) in incidents {
            let severity = if grave { Sev1 } else { Sev2 };
            clocks.extend(resolved(&gold, severity, waited, after));
        }
        let whole = counted(&clocks);
        let (left, right) = clocks.split_at(cut.min(clocks.len()));
        let mut parts = counted(right);
        parts.merge(&counted(left));
        prop_assert_eq!(&parts, &whole);
        let mut sorted: Vec<_> = clocks.iter().filter(|c| c.kind == Resolve).map(|c| c.spent).collect();
        let turn = turn % clocks.len().max(1);
        clocks.rotate_left(turn);
        prop_assert_eq!(counted(&clocks), whole.clone());
        sorted.sort();
        for percent in [1_u8, 50, 90, 99] {
            let rank = (sorted.len() * usize::from(percent)).div_ceil(100).max(1);
            let expected = sorted.get(rank - 1).copied();
            prop_assert_eq!(whole.of_kind(Resolve).percentile(percent), expected);
        }
    }
}
