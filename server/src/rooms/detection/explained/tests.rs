//! What is said together raises, lowers or explains, by one step at most.

use proptest::prelude::*;

use super::*;

fn told(kind: ContextMatchKind, entry: u128) -> Told {
    Told {
        kind,
        entry: Uuid::from_u128(entry),
        display_name: format!("entry {entry}"),
        words: String::new(),
        field: "resource".into(),
        value: "x".into(),
    }
}

fn judged(planned: bool, trusted: bool, kinds: &[ContextMatchKind]) -> Judged {
    let mut judged = Judged::default();
    let all = kinds.iter().enumerate();
    let all: Vec<Told> = all.map(|(at, kind)| told(*kind, at as u128 + 1)).collect();
    judged.add(&all);
    Judged {
        planned,
        trusted,
        ..judged
    }
}

use ContextMatchKind::{Asset, CrownJewel, PlannedWork, TrustedNetwork};

#[test]
fn the_level_moves_by_one_step_and_says_why() {
    for (level, judged, after, says) in [
        (
            4,
            judged(false, false, &[CrownJewel]),
            5,
            "raised from high to critical",
        ),
        (
            5,
            judged(false, false, &[CrownJewel]),
            5,
            "there is none above",
        ),
        (
            1,
            judged(false, false, &[CrownJewel, CrownJewel]),
            2,
            "raised from informational to low",
        ),
        (
            3,
            judged(false, false, &[Asset]),
            3,
            "It concerns the asset entry 1.",
        ),
        (
            4,
            judged(true, false, &[PlannedWork]),
            3,
            "lowered from high to medium",
        ),
        (
            4,
            judged(false, true, &[TrustedNetwork]),
            3,
            "lowered from high to medium",
        ),
        // Both, and still one step.
        (
            4,
            judged(true, true, &[PlannedWork, TrustedNetwork]),
            3,
            "it was lowered already",
        ),
        (
            4,
            judged(false, false, &[PlannedWork]),
            4,
            "not all of its events are known to be",
        ),
        (
            5,
            judged(true, true, &[PlannedWork]),
            5,
            "what is critical is never lowered",
        ),
        (
            1,
            judged(true, false, &[PlannedWork]),
            1,
            "there is none below",
        ),
        (
            3,
            judged(true, true, &[CrownJewel, PlannedWork]),
            4,
            "a crown jewel is concerned",
        ),
    ] {
        let explained = Explained::begin(level, &judged).unwrap();
        assert_eq!(explained.level(), after, "{explained:?}");
        let texts: Vec<String> = explained
            .explanations()
            .into_iter()
            .map(|one| one.text)
            .collect();
        assert!(texts.iter().any(|text| text.contains(says)), "{texts:?}");
    }
    assert_eq!(Explained::begin(3, &Judged::default()), None);
}

#[test]
fn one_event_outside_undoes_the_lowering() {
    let inside = judged(true, false, &[PlannedWork]);
    let begun = Explained::begin(4, &inside);
    assert_eq!(begun.as_ref().unwrap().level(), 3);
    let more = Explained::go_on(begun.clone(), 3, &inside);
    assert_eq!(more.unwrap().level(), 3);
    let outside = Explained::go_on(begun, 3, &Judged::default());
    assert_eq!(outside.unwrap().level(), 4);
    // What was found before anything was said is part of nothing.
    let late = Explained::go_on(None, 4, &inside).unwrap();
    assert_eq!((late.level(), late.by.planned), (4, false));
    assert_eq!(Explained::go_on(None, 4, &Judged::default()), None);
}

#[test]
fn what_has_become_a_crown_jewel_raises_what_goes_on() {
    let begun = Explained::begin(3, &judged(false, false, &[Asset]));
    let more = judged(false, false, &[CrownJewel]);
    let explained = Explained::go_on(begun, 3, &more).unwrap();
    assert_eq!((explained.level(), explained.by.told.len()), (4, 2));
}

#[test]
fn what_was_only_remembered_is_made_up_for() {
    let mut remembered = told(CrownJewel, 1);
    (remembered.field, remembered.value) = Default::default();
    let mut all = Judged {
        told: vec![remembered],
        ..Judged::default()
    };
    assert_eq!(all.notes(), [*Uuid::from_u128(1).as_bytes()]);
    all.join(&judged(false, false, &[CrownJewel]));
    assert_eq!(all.told, [told(CrownJewel, 1)]);
}

#[test]
fn of_many_as_many_as_are_kept() {
    let kinds = [TrustedNetwork, Asset, CrownJewel];
    let all = |kind| (0..20).map(move |at| told(kind, at + 100 * kind as u128));
    let mut judged = Judged::default();
    for kind in kinds {
        judged.add(&all(kind).collect::<Vec<_>>());
    }
    assert_eq!(judged.told.len(), 3 * MOST_OF_A_KIND);
    assert_eq!(judged.told[0].kind, CrownJewel);
    assert_eq!(judged.notes().len(), 3);
}

fn kind() -> impl Strategy<Value = ContextMatchKind> {
    prop_oneof![
        Just(CrownJewel),
        Just(Asset),
        Just(PlannedWork),
        Just(TrustedNetwork)
    ]
}

fn any_judged() -> impl Strategy<Value = Judged> {
    (
        any::<bool>(),
        any::<bool>(),
        proptest::collection::vec(kind(), 0..5),
    )
        .prop_map(|(planned, trusted, kinds)| judged(planned, trusted, &kinds))
}

proptest! {
    #[test]
    fn whatever_is_said_no_level_goes_far(level in 1_i64..=5, all in proptest::collection::vec(any_judged(), 1..6)) {
        let mut explained = None;
        let mut now = level;
        for (at, judged) in all.iter().enumerate() {
            explained = match at {
                0 => Explained::begin(level, judged),
                _ => Explained::go_on(explained.take(), now, judged),
            };
            now = explained.as_ref().map_or(now, Explained::level);
        }
        prop_assert!((1..=5).contains(&now));
        prop_assert!((now - level).abs() <= 1);
        if level == 5 {
            prop_assert_eq!(now, 5, "what is critical stays so");
        }
        let Some(explained) = explained else { return Ok(()) };
        prop_assert_eq!(explained.rule_level, level);
        let jewel = explained.by.told.iter().any(|told| told.kind == CrownJewel);
        prop_assert!(!jewel || now >= level, "what concerns a crown jewel is never lowered");
        // Each begins where the one before ended.
        let mut before = level;
        for one in explained.explanations() {
            prop_assert_eq!(one.levels.0, before);
            before = one.levels.1;
        }
        prop_assert_eq!(before, now);
        // What is kept says the same again.
        let text = serde_json::to_string(&explained).unwrap();
        prop_assert_eq!(serde_json::from_str::<Explained>(&text).unwrap(), explained);
    }
}
