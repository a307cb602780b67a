//! What holds whatever is offered and asked.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::attack;
use crate::render::{plain, svg};
use crate::{Access, Available, IncidentKind, Platform, Question, Recommendation, SourceType};

fn offers() -> impl Strategy<Value = Vec<(SourceType, Access)>> {
    let source = prop::sample::select(SourceType::ALL.to_vec());
    let access = prop::sample::select(Access::ALL.to_vec());
    prop::collection::vec((source, access), 0..8)
}

fn offered(offers: &[(SourceType, Access)]) -> Available {
    offers.iter().fold(
        Available::new().with_ocsf_class(3002),
        |all, (source, access)| all.with(*source, *access),
    )
}

fn questions() -> impl Strategy<Value = Question<'static>> {
    let techniques = attack().techniques().iter().map(|one| one.id);
    let tactics = attack().tactics().iter().map(|one| one.id);
    let events = crate::events::events().map(|one| (one.source, one.operation));
    prop_oneof![
        prop::sample::select(techniques.collect::<Vec<_>>()).prop_map(Question::Technique),
        prop::sample::select(tactics.collect::<Vec<_>>()).prop_map(Question::Tactic),
        prop::sample::select(IncidentKind::ALL.to_vec()).prop_map(Question::Incident),
        prop::sample::select(events.collect::<Vec<_>>())
            .prop_map(|(source, operation)| Question::Event { source, operation }),
    ]
}

fn gaps(answer: &Recommendation<'_>) -> BTreeSet<(&'static str, &'static str)> {
    let gaps = answer.gaps.iter();
    gaps.map(|gap| (gap.technique.id, gap.component.id))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_order_of_offers_is_nothing(
        (offers, mixed) in offers().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        question in questions(),
    ) {
        let one = attack().recommend(&question, &offered(&offers)).unwrap();
        let other = attack().recommend(&question, &offered(&mixed)).unwrap();
        prop_assert_eq!(one, other);
    }

    #[test]
    fn one_more_source_never_covers_less(
        offers in offers(), source in prop::sample::select(SourceType::ALL.to_vec()),
        access in prop::sample::select(Access::ALL.to_vec()), question in questions(),
    ) {
        let before = attack().recommend(&question, &offered(&offers)).unwrap();
        let after = offered(&offers).with(source, access);
        let after = attack().recommend(&question, &after).unwrap();
        prop_assert!(after.covered >= before.covered);
        prop_assert_eq!(after.wanted, before.wanted);
        prop_assert!(gaps(&after).is_subset(&gaps(&before)));
        prop_assert!(after.sources.len() >= before.sources.len());
    }

    #[test]
    fn an_answer_adds_up(offers in offers(), question in questions()) {
        let available = offered(&offers);
        let answer = attack().recommend(&question, &available).unwrap();
        prop_assert_eq!(answer.covered + answer.gaps.len(), answer.wanted);
        let mut covered = BTreeSet::new();
        for one in &answer.sources {
            let weights = one.covers.iter().map(|c| c.evidence.weight() + u32::from(c.alone));
            prop_assert_eq!(one.score, weights.sum::<u32>());
            prop_assert_eq!(one.access, available.access(one.source));
            if one.access != Access::None {
                covered.extend(one.covers.iter().map(|c| (c.technique.id, c.component.id)));
            }
        }
        prop_assert_eq!(covered.len(), answer.covered);
        prop_assert!(covered.is_disjoint(&gaps(&answer)));
        let ranks = answer.sources.iter().map(|one| (one.score, one.access));
        prop_assert!(ranks.is_sorted_by(|a, b| a >= b));
        // Alone: without it there is a gap.
        for one in &answer.sources {
            let rest: Vec<_> = offers.iter().filter(|(s, _)| *s != one.source).copied().collect();
            let rest = attack().recommend(&question, &offered(&rest)).unwrap();
            for c in &one.covers {
                let lost = gaps(&rest).contains(&(c.technique.id, c.component.id));
                prop_assert_eq!(c.alone, lost);
            }
        }
    }

    #[test]
    fn a_matrix_says_what_an_answer_says(offers in offers(), question in questions()) {
        let available = offered(&offers);
        let answer = attack().recommend(&question, &available).unwrap();
        let matrix = attack().coverage(&available, &answer.techniques);
        prop_assert_eq!(matrix.techniques, answer.techniques.len());
        prop_assert_eq!(
            matrix.whole + matrix.partly + matrix.gaps + matrix.silent, matrix.techniques);
        prop_assert_eq!(matrix.silent, answer.silent.len());
        let mut seen = BTreeSet::new();
        let mut covered = 0;
        for row in matrix.tactics.iter().flat_map(|(_, rows)| rows) {
            prop_assert_eq!(row.cells.len(), matrix.sources.len());
            prop_assert!(row.cells.iter().all(|cell| cell.covered <= cell.of));
            if seen.insert(row.technique.id) {
                covered += row.together.covered;
            }
        }
        prop_assert_eq!(covered, answer.covered);
    }

    #[test]
    fn pictures_take_any_title_and_any_width(
        offers in offers(), title in any::<String>(), width in any::<usize>(), question in questions(),
    ) {
        let available = offered(&offers).on(&Platform::ALL);
        let techniques = attack().techniques_of(&question).unwrap();
        let matrix = attack().coverage(&available, &techniques);
        super::drawn::well_formed(&svg(&matrix, &title));
        let text = plain(&matrix, width, |_, text| text.to_owned());
        for line in text.lines() {
            prop_assert!(line.chars().count() <= width.clamp(60, 400), "{}", line);
            prop_assert!(!line.contains(char::is_control));
        }
    }

    #[test]
    fn no_question_panics(id in ".{0,20}", operation in ".{0,300}") {
        let available = Available::new();
        let _ = attack().recommend(&Question::Technique(&id), &available);
        let _ = attack().recommend(&Question::Tactic(&id), &available);
        for source in SourceType::ALL {
            let question = Question::Event { source, operation: &operation };
            let _ = attack().recommend(&question, &available);
        }
    }
}
