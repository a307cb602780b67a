//! The declared releases are those in `releases.golden.txt`, by their declarations and by what
//! the code makes of fixed inputs.

use std::fmt::Write as _;

use super::{address, day, key};
use crate::noise::two_sided_geometric;
use crate::{
    Bucket, Budget, DayKey, Eligible, Indicator, InstanceDays, Ownership, Question as _, Release,
    Stay, Work,
};

const GOLDEN: &str = include_str!("../releases.golden.txt");

const HEADER: &str = "# Every release across tenants. Printed from declared.rs and from fixed inputs, reviewed like \
code.\n# A change here is a change of what tenants can learn of each other: see docs/adr/0024.\n";

fn declaration(release: Release) -> String {
    let of = release.declaration();
    assert_eq!(of.release, release);
    let mut text = format!("\n{}\n", release.as_str());
    for (name, form) in of.inputs {
        writeln!(text, "  input      {name}: {form}").unwrap();
    }
    for (name, value) in [
        ("eligible", of.eligible.as_str()),
        ("snapshot", &of.snapshot),
        ("mechanism", &of.mechanism),
        ("bound", &of.bound),
        ("answers", &of.answers.join(" | ")),
        ("budget", &of.budget),
        ("pinned by", of.pinned_by),
    ] {
        writeln!(text, "  {name:10} {value}").unwrap();
    }
    text
}

fn hexadecimal(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

fn indicators() -> String {
    let mut text = declaration(Release::IndicatorSeenByOthers);
    let edges = [-3, 4, 5, 20, 21].map(|noisy| format!("{noisy} {}", Bucket::of(noisy).as_str()));
    writeln!(text, "  buckets    {}", edges.join(", ")).unwrap();
    let hash = Indicator::parse_file_sha256(&"AB".repeat(32)).unwrap();
    for indicator in [
        address("::ffff:203.0.113.9"),
        address("2001:DB8:1:2::9"),
        hash,
    ] {
        let noise: Vec<String> = (0..7)
            .map(|at| two_sided_geometric(&key(at).noise(&indicator.to_string())).to_string())
            .collect();
        let key: DayKey = key(6);
        let fingerprint = key.fingerprint(
            Release::IndicatorSeenByOthers.as_str(),
            &indicator.canonical(),
        );
        writeln!(text, "  vector     {indicator}").unwrap();
        writeln!(
            text,
            "             tag {}",
            hexadecimal(&key.tag(&indicator).0)
        )
        .unwrap();
        writeln!(
            text,
            "             question {}",
            hexadecimal(&fingerprint.0)
        )
        .unwrap();
        writeln!(text, "             noise {}", noise.join(" ")).unwrap();
    }
    text
}

fn maintenance() -> String {
    let mut text = declaration(Release::HostMaintenance);
    let question = InstanceDays::new("i-0example", day(10), day(14)).unwrap();
    writeln!(text, "  vector     {}", question.canonical()).unwrap();
    for (announced, hosts, until) in [
        (3, 20, 30),
        (4, 20, 30),
        (3, 19, 30),
        (3, 20, 9),
        (3, 19, 12),
    ] {
        let owned = Ownership {
            instance: "i-0example".into(),
            first: day(0),
            last: day(30),
        };
        let eligible =
            Eligible::<InstanceDays>::check(question.clone(), day(20), &[owned]).unwrap();
        let paid = Budget::default().spend(eligible, &key(20)).unwrap();
        let stay = Stay {
            host: "host-0".into(),
            first: day(0),
            last: day(until),
        };
        let work = Work {
            announced: day(announced),
            first: day(10),
            last: day(10),
            hosts: (0..hosts).map(|number| format!("host-{number}")).collect(),
        };
        let answer = paid.answer(&[stay], &[work]);
        assert_eq!(
            (answer.release(), answer.snapshot()),
            (Release::HostMaintenance, day(20))
        );
        writeln!(
            text,
            "             announced {}, {hosts} hosts, there until {}: {}",
            day(announced),
            day(until),
            answer.value().as_str()
        )
        .unwrap();
    }
    text
}

fn pinned(section: &str) {
    assert!(
        GOLDEN.contains(section),
        "the code and releases.golden.txt differ; if the change is meant, review it and write \
         this into the file:\n{section}"
    );
}

#[test]
fn indicator_seen_by_others() {
    pinned(&indicators());
}

#[test]
fn host_maintenance() {
    pinned(&maintenance());
}

/// Nothing is declared that the list of releases doesn't have, and the other way round.
#[test]
fn the_file_is_the_list() {
    let sections = Release::ALL.map(|release| match release {
        Release::IndicatorSeenByOthers => indicators(),
        Release::HostMaintenance => maintenance(),
    });
    let whole = format!("{HEADER}{}", sections.concat());
    assert!(
        GOLDEN == whole,
        "write this into releases.golden.txt:\n{whole}"
    );
}
