//! The noise follows its law, and is a function of question and day.

use super::model::{probability, window_law};
use super::{day, key, nth};
use crate::noise::two_sided_geometric;
use crate::{Bucket, DayKey, advantage_bound, epsilon};

#[test]
fn draws_follow_the_two_sided_geometric_law() {
    const DRAWS: usize = 100_000;
    let mut seen = [0_u32; 11];
    for number in 0..DRAWS {
        let noise = two_sided_geometric(&key(1).noise(&nth(number).to_string()));
        seen[usize::try_from(noise.clamp(-5, 5) + 5).unwrap()] += 1;
    }
    let expected = |bin: i64| -> f64 {
        match bin {
            -5 | 5 => (5..40).map(probability).sum(),
            inner => probability(inner),
        }
    };
    let chi_squared: f64 = (-5..=5)
        .zip(seen)
        .map(|(bin, seen)| {
            let expected = expected(bin) * DRAWS as f64;
            (f64::from(seen) - expected).powi(2) / expected
        })
        .sum();
    println!("chi-squared of {DRAWS} draws: {chi_squared:.2}, ten degrees of freedom");
    // Ten degrees of freedom pass 29.59 once in a thousand.
    assert!(chi_squared < 29.59, "{seen:?}");
}

#[test]
fn neighbouring_days_keys_and_questions_have_unrelated_noise() {
    let of = |key: &DayKey, number| two_sided_geometric(&key.noise(&nth(number).to_string()));
    let correlation = |one: &dyn Fn(usize) -> i64, other: &dyn Fn(usize) -> i64| {
        let (mut product, mut squares) = (0, 0);
        for number in 0..5_000 {
            product += one(number) * other(number);
            squares += one(number).pow(2);
        }
        product as f64 / squares as f64
    };
    let (monday, tuesday) = (key(1), key(2));
    let elsewhere = DayKey::new(day(1), &[8; 32]);
    let same_secret = DayKey::new(day(2), &[8; 32]);
    let base = |number| of(&monday, number);
    assert_eq!(correlation(&base, &|number| of(&key(1), number)), 1.0);
    for other in [&tuesday, &elsewhere] {
        let found = correlation(&base, &|number| of(other, number));
        assert!(found.abs() < 0.06, "{found}");
    }
    let found = correlation(&|n| of(&elsewhere, n), &|n| of(&same_secret, n));
    assert!(found.abs() < 0.06, "{found}");
    let found = correlation(&base, &|number| of(&monday, number + 1));
    assert!(found.abs() < 0.06, "{found}");
}

#[test]
fn extreme_bytes_are_bounded() {
    let half = |up: u8, down: u8| {
        let mut random = [up; 32];
        random[16..].fill(down);
        two_sided_geometric(&random)
    };
    assert_eq!(half(0, 0), 0);
    assert_eq!(half(0, 255), 64);
    assert_eq!(half(255, 0), -64);
    // The first trial is in the lowest bits.
    assert_eq!(half(0b0001_0000, 255), 2);
    assert_eq!(half(0b0000_0001, 255), 0);
}

/// The law's ratio between neighbours is what the bound is computed from.
#[test]
fn one_more_changes_no_probability_by_more_than_epsilon() {
    for k in -30..30 {
        let ratio = probability(k) / probability(k + 1);
        assert!(ratio.ln().abs() <= epsilon() + 1e-12);
    }
    assert!((advantage_bound(1) - 0.6).abs() < 1e-12);
    assert!(advantage_bound(2) < 0.883 && advantage_bound(5) < 0.9981);
}

/// What noise costs whoever asks: the print is the table in docs/benchmarks.md.
#[test]
fn an_answer_is_the_true_bucket_most_of_the_time() {
    let law = window_law();
    let share = |count: i64, bucket: Bucket| -> f64 {
        law.iter()
            .filter(|(noise, _)| Bucket::of(count + noise) == bucket)
            .map(|(_, probability)| probability)
            .sum()
    };
    for count in [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 20, 21, 25, 30] {
        let [few, some, many] = Bucket::ALL.map(|bucket| share(count, bucket));
        println!("| {count} | {few:.3} | {some:.3} | {many:.3} |");
    }
    assert!(share(1, Bucket::FewerThanFive) > 0.9);
    assert!(share(12, Bucket::FiveToTwenty) > 0.98);
    assert!(share(30, Bucket::MoreThanTwenty) > 0.99);
}
