//! Ten thousand overlapping questions the whole way: spelling, evidence, budget, counts, noise.

use std::collections::{BTreeMap, BTreeSet};

use super::super::world::World;
use super::super::{address, day, key};
use super::{COLLUDERS, DAYS, EVENT, SNAPSHOTS};
use crate::noise::two_sided_geometric;
use crate::{Bucket, DAY_QUESTIONS};

const QUESTIONS: usize = 10_000;
const TARGET: &str = "203.0.113.77";
const VICTIM: usize = 100;

/// Spellings of the target, networks around it, and its neighbours: more than the budget of a day.
fn texts() -> Vec<String> {
    let mut texts = vec![
        TARGET.to_owned(),
        format!("::ffff:{TARGET}"),
        "0:0:0:0:0:FFFF:CB00:714D".to_owned(),
        "203.0.113.0/24".to_owned(),
        format!("{TARGET}/32"),
        "10.0.0.77".to_owned(),
    ];
    texts.extend(
        (70..77)
            .chain(78..84)
            .map(|last| format!("203.0.113.{last}")),
    );
    texts
}

/// What all colluders together were answered.
#[derive(Default)]
struct Learnt {
    asked: usize,
    answers: BTreeMap<(usize, String), BTreeSet<Bucket>>,
    refused: BTreeMap<&'static str, usize>,
}

fn play(victim: bool) -> Learnt {
    let colluders = COLLUDERS as usize;
    let mut world = World::new(DAYS.try_into().unwrap());
    let own: Vec<_> = texts()
        .iter()
        .filter_map(|text| crate::Indicator::parse_address(text).ok())
        .collect();
    // All see it on every day, ten times over, four of them from the day in question on only. So each
    // counts once in every window that is asked for, and the counts stay at the edge 20/21.
    for colluder in 0..colluders {
        for on in if colluder < 4 { EVENT } else { 0 }..DAYS {
            world.contribute(colluder, on.try_into().unwrap(), &own.repeat(10));
        }
    }
    if victim {
        world.contribute(VICTIM, EVENT.try_into().unwrap(), &[address(TARGET)]);
    }
    let mut learnt = Learnt::default();
    let texts = texts();
    'asking: for snapshot in EVENT..DAYS {
        for round in 0.. {
            for colluder in 0..colluders {
                if learnt.asked * SNAPSHOTS >= QUESTIONS * (snapshot - EVENT + 1) {
                    continue 'asking;
                }
                learnt.asked += 1;
                let text = &texts[round % texts.len()];
                match world.ask(colluder, text, snapshot.try_into().unwrap()) {
                    Ok(answer) => {
                        assert_eq!(answer.snapshot(), day(snapshot.try_into().unwrap()));
                        let canonical = crate::Indicator::parse_address(text).unwrap().to_string();
                        let got = learnt.answers.entry((snapshot, canonical)).or_default();
                        got.insert(answer.value());
                    }
                    Err(refused) => *learnt.refused.entry(refused.reason()).or_default() += 1,
                }
            }
        }
    }
    // The answers about the target are those of the law's own formula.
    for snapshot in EVENT..DAYS {
        let noise: i64 = (snapshot - EVENT..=snapshot)
            .map(|at| {
                two_sided_geometric(
                    &key(at.try_into().unwrap()).noise(&address(TARGET).to_string()),
                )
            })
            .sum();
        let exactly = world.exactly(&address(TARGET), snapshot.try_into().unwrap());
        assert_eq!(exactly, COLLUDERS + u32::from(victim));
        let expected = BTreeSet::from([Bucket::of(i64::from(exactly) + noise)]);
        let canonical = address(TARGET).to_string();
        assert_eq!(learnt.answers.get(&(snapshot, canonical)), Some(&expected));
    }
    learnt
}

#[test]
fn ten_thousand_questions_tell_no_more_than_the_few_that_differ() {
    let (without, with) = (play(false), play(true));
    assert_eq!((without.asked, with.asked), (QUESTIONS, QUESTIONS));
    // The same question of the same day has one answer, in whatever spelling, whoever asks.
    assert!(with.answers.values().all(|of| of.len() == 1));
    // All but the answers about the target are the same in both worlds, refusals included.
    assert_eq!(without.refused, with.refused);
    let target = address(TARGET).to_string();
    assert!(without.answers.keys().eq(with.answers.keys()));
    for (question, answers) in &without.answers {
        assert!(question.1 == target || with.answers.get(question) == Some(answers));
    }
    let of_target = with.answers.keys().filter(|(_, of)| *of == target).count();
    assert_eq!(of_target, SNAPSHOTS);
    // The budget is spent on each day, and what is spent is refused to each alike.
    let most = SNAPSHOTS * usize::from(DAY_QUESTIONS);
    assert!(with.answers.len() <= most);
    for reason in [
        "RELEASE_BUDGET_SPENT",
        "QUESTION_MALFORMED",
        "INDICATOR_NOT_PUBLIC",
    ] {
        assert!(with.refused.contains_key(reason), "{reason}");
    }
    println!(
        "{QUESTIONS} questions of {COLLUDERS} tenants: {} different ones answered, {of_target} of \
         them about the target; refused {:?}",
        with.answers.len(),
        with.refused
    );
}
