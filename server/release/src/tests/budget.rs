//! Budgets: what is free, what is refused, and until when.

use super::{day, key, nth};
use crate::{
    Budget, Charge, DAY_QUESTIONS, Eligible, Evidence, Indicator, InstanceDays, MONTH_QUESTIONS,
    Ownership, ProviderRanges, Refused,
};

fn question(number: usize, snapshot: u16) -> Eligible<Indicator> {
    let indicator = nth(number);
    let evidence = Some(Evidence {
        indicator,
        seen: day(snapshot),
    });
    Eligible::<Indicator>::check(
        indicator,
        day(snapshot),
        evidence,
        &ProviderRanges::default(),
    )
    .unwrap()
}

fn spend(budget: &mut Budget, number: usize, snapshot: u16) -> Result<Charge, Refused> {
    let paid = budget.spend(question(number, snapshot), &key(snapshot))?;
    Ok(paid.charge())
}

#[test]
fn a_days_questions_are_counted_and_repeated_ones_free() {
    let mut budget = Budget::default();
    for number in 0..10 {
        assert!(matches!(spend(&mut budget, number, 9), Ok(Charge::New(on, _)) if on == day(9)));
    }
    assert_eq!(budget.left(day(9)), (0, 90));
    assert_eq!(spend(&mut budget, 3, 9), Ok(Charge::Repeated));
    let refused = spend(&mut budget, 10, 9).unwrap_err();
    assert_eq!(refused.reason(), "RELEASE_BUDGET_SPENT");
    // The snapshot of the 10th is asked on the 11th, and the next one's from the 12th on.
    let Refused::BudgetSpent { limit, span, until } = refused else {
        panic!("{refused}");
    };
    assert_eq!((limit, span), (DAY_QUESTIONS, "day"));
    assert_eq!(until.to_string(), "2026-11-12T06:00:00Z");
    // The same question of the next day's snapshot is a new one: it has new noise.
    assert!(matches!(spend(&mut budget, 3, 10), Ok(Charge::New(..))));
}

#[test]
fn a_months_questions_are_counted() {
    let mut budget = Budget::default();
    for number in 0..usize::from(MONTH_QUESTIONS) {
        let on = u16::try_from(number / 10).unwrap();
        assert!(spend(&mut budget, number, on).is_ok());
    }
    let refused = spend(&mut budget, 1_000, 12).unwrap_err();
    let Refused::BudgetSpent { limit, span, until } = refused else {
        panic!("{refused}");
    };
    assert_eq!((limit, span), (MONTH_QUESTIONS, "month"));
    // The first snapshot of December is there when the 1st is over.
    assert_eq!(until.to_string(), "2026-12-02T06:00:00Z");
    assert!(spend(&mut budget, 1_000, 29).is_err());
    assert!(spend(&mut budget, 1_000, 30).is_ok());
    assert_eq!(Budget::counting_from(day(12)), day(0));
    assert_eq!(Budget::counting_from(day(30)), day(30));
}

#[test]
fn a_budget_out_of_its_rows_is_the_same_budget() {
    let (mut budget, mut rows) = (Budget::default(), Vec::new());
    for number in [1, 2, 1, 3] {
        if let Charge::New(on, fingerprint) = spend(&mut budget, number, 9).unwrap() {
            rows.push((on, fingerprint));
        }
    }
    assert_eq!(rows.len(), 3);
    let mut restored = Budget::new(rows);
    assert_eq!(restored, budget);
    assert_eq!(spend(&mut restored, 2, 9), Ok(Charge::Repeated));
}

#[test]
fn all_releases_share_a_budget_and_none_is_another() {
    let mut budget = Budget::default();
    for number in 0..9 {
        spend(&mut budget, number, 9).unwrap();
    }
    let ask = |budget: &mut Budget, last: u16| {
        let owned = Ownership {
            instance: "i-0example".into(),
            first: day(0),
            last: day(30),
        };
        let days = InstanceDays::new("i-0example", day(1), day(last)).unwrap();
        let eligible = Eligible::<InstanceDays>::check(days, day(9), &[owned]).unwrap();
        budget.spend(eligible, &key(9)).map(|paid| paid.charge())
    };
    assert!(matches!(ask(&mut budget, 5), Ok(Charge::New(..))));
    assert_eq!(ask(&mut budget, 5), Ok(Charge::Repeated));
    assert!(ask(&mut budget, 6).is_err());
}

#[test]
fn another_days_key_charges_nothing() {
    let mut budget = Budget::default();
    let refused = budget.spend(question(1, 9), &key(8)).unwrap_err();
    assert_eq!(refused, Refused::SnapshotIncomplete);
    assert_eq!(budget, Budget::default());
}

#[test]
fn every_reason_is_listed_once() {
    let until = day(1).end();
    let all = [
        Refused::Malformed("no"),
        Refused::NotPublic,
        Refused::ProviderRange,
        Refused::NotSeen,
        Refused::NotOwned,
        Refused::Days,
        Refused::BudgetSpent {
            limit: 1,
            span: "day",
            until,
        },
        Refused::SnapshotIncomplete,
    ];
    assert_eq!(all.map(|refused| refused.reason()), Refused::REASONS);
}
