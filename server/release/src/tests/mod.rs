mod attack;
mod budget;
mod contribution;
mod golden;
mod maintenance;
mod model;
mod noise;
mod spelling;
mod world;

use crate::{Day, DayKey, Indicator};

/// 2026-11-01, from which the tests count days.
const FIRST: i32 = 20_758;

fn day(number: u16) -> Day {
    Day::from_number(FIRST).plus(number)
}

fn key(number: u16) -> DayKey {
    let mut secret = [7; 32];
    secret[..2].copy_from_slice(&number.to_be_bytes());
    DayKey::new(day(number), &secret)
}

fn address(text: &str) -> Indicator {
    Indicator::parse_address(text).unwrap()
}

/// One of many addresses, each of a /64 of its own.
fn nth(number: usize) -> Indicator {
    address(&format!(
        "2001:db8:{:x}:{:x}::1",
        number >> 16,
        number & 0xffff
    ))
}
