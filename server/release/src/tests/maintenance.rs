//! What is told of hosts: announced work on many of them, under one's own instance.

use super::{day, key};
use crate::{
    Budget, Eligible, InstanceDays, LEAD_DAYS, MIN_HOSTS, Maintenance, Ownership, Refused, Stay,
    Work,
};

const VM: &str = "i-0example";

fn owned(first: u16, last: u16) -> Ownership {
    Ownership {
        instance: VM.into(),
        first: day(first),
        last: day(last),
    }
}

fn stay(host: &str, first: u16, last: u16) -> Stay {
    Stay {
        host: host.into(),
        first: day(first),
        last: day(last),
    }
}

/// Work on `host-0`, `host-1` …
fn work(announced: u16, first: u16, last: u16, hosts: usize) -> Work {
    Work {
        announced: day(announced),
        first: day(first),
        last: day(last),
        hosts: (0..hosts).map(|number| format!("host-{number}")).collect(),
    }
}

/// The answer about days 10 to 14.
fn answer(stays: &[Stay], calendar: &[Work]) -> Maintenance {
    let days = InstanceDays::new(VM, day(10), day(14)).unwrap();
    let eligible = Eligible::<InstanceDays>::check(days, day(20), &[owned(0, 30)]).unwrap();
    let paid = Budget::default().spend(eligible, &key(20)).unwrap();
    paid.answer(stays, calendar).value()
}

#[test]
fn announced_work_under_the_instance_is_told() {
    let there = [stay("host-3", 0, 12), stay("elsewhere", 12, 30)];
    assert_eq!(
        answer(&there, &[work(1, 11, 11, MIN_HOSTS)]),
        Maintenance::AnnouncedWork
    );
    assert_eq!(
        answer(&there, &[work(0, 8, 10, MIN_HOSTS)]),
        Maintenance::AnnouncedWork
    );
    // Before the days asked for, or after the instance had left.
    assert_eq!(
        answer(&there, &[work(0, 8, 9, MIN_HOSTS)]),
        Maintenance::NoAnnouncedWork
    );
    assert_eq!(
        answer(&there, &[work(1, 13, 14, MIN_HOSTS)]),
        Maintenance::NoAnnouncedWork
    );
    assert_eq!(answer(&there, &[]), Maintenance::NoAnnouncedWork);
}

/// What a neighbour may have caused, or what few hosts share, changes no answer: neither to a yes
/// nor to an unknown.
#[test]
fn work_that_a_neighbour_may_have_caused_is_not_there() {
    for there in [
        vec![stay("host-3", 0, 30)],
        vec![stay("host-3", 0, 12)],
        vec![],
    ] {
        let without = answer(&there, &[]);
        for hidden in [
            work(11 - LEAD_DAYS + 1, 11, 11, MIN_HOSTS),
            work(11, 11, 11, 500),
            work(12, 11, 11, 500),
            work(1, 11, 11, MIN_HOSTS - 1),
        ] {
            assert!(!hidden.is_told());
            assert_eq!(answer(&there, &[hidden]), without);
        }
    }
    assert!(work(11 - LEAD_DAYS, 11, 11, MIN_HOSTS).is_told());
}

#[test]
fn a_gap_in_ones_own_placements_is_unknown_unless_there_was_work() {
    assert_eq!(answer(&[], &[]), Maintenance::Unknown);
    let gap = [stay("host-3", 0, 11), stay("host-4", 13, 30)];
    assert_eq!(answer(&gap, &[]), Maintenance::Unknown);
    assert_eq!(
        answer(&gap, &[work(0, 14, 14, MIN_HOSTS)]),
        Maintenance::AnnouncedWork
    );
}

#[test]
fn only_ones_own_instance_on_days_that_are_over() {
    let days = |first, last| InstanceDays::new(VM, day(first), day(last)).unwrap();
    let check = |of: InstanceDays, owned: &[Ownership]| {
        Eligible::<InstanceDays>::check(of, day(20), owned).map(drop)
    };
    assert_eq!(check(days(10, 14), &[owned(10, 14)]), Ok(()));
    assert_eq!(check(days(10, 14), &[owned(10, 11), owned(12, 14)]), Ok(()));
    assert_eq!(
        check(days(10, 14), &[owned(10, 11), owned(13, 14)]),
        Err(Refused::NotOwned)
    );
    assert_eq!(check(days(10, 14), &[]), Err(Refused::NotOwned));
    let other = Ownership {
        instance: "i-1example".into(),
        ..owned(0, 30)
    };
    assert_eq!(check(days(10, 14), &[other]), Err(Refused::NotOwned));
    assert_eq!(check(days(10, 21), &[owned(0, 30)]), Err(Refused::Days));
}

#[test]
fn questions_are_bounded() {
    let new = |id: &str, first, last| InstanceDays::new(id, day(first), day(last)).map(drop);
    assert_eq!(new(VM, 3, 3), Ok(()));
    assert_eq!(new(VM, 0, 30), Ok(()));
    assert_eq!(new(VM, 0, 31), Err(Refused::Days));
    assert_eq!(new(VM, 4, 3), Err(Refused::Days));
    for id in ["", "two words", "i-\u{e9}", &"i".repeat(257)] {
        assert_eq!(new(id, 3, 3).unwrap_err().reason(), "QUESTION_MALFORMED");
    }
}
