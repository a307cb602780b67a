//! What fits an event, and what does not.

use std::net::IpAddr;

use cordon_kernel::db::nanos;
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::super::matching::{Context, ContextMatch, ContextMatchKind as Kind, Facts};
use super::super::model::{About, Asset, Entry, PlannedWork, TrustedNetwork, network};

fn entry(id: u128, about: About) -> Entry {
    Entry {
        id: Uuid::from_u128(id),
        display_name: format!("entry {id}"),
        note: String::new(),
        about,
        created: Timestamp::UNIX_EPOCH,
        updated: Timestamp::UNIX_EPOCH,
        by: String::new(),
        etag: String::new(),
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn asset(id: u128, crown_jewel: bool, identifiers: &[&str]) -> Entry {
    let asset = Asset {
        identifiers: texts(identifiers),
        role: "wages".into(),
        operating_system: "Debian 12".into(),
        owner_contact: "ana".into(),
        crown_jewel,
    };
    entry(id, About::Asset(asset))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn work(id: u128, who: &[&str], what: &[&str], to: &[&str]) -> Entry {
    let work = PlannedWork {
        start: at("2026-03-01T10:00:00Z"),
        end: at("2026-03-01T12:00:00Z"),
        principals: texts(who),
        operations: texts(what),
        resources: texts(to),
        reference: "CHG-1".into(),
    };
    entry(id, About::PlannedWork(work))
}

fn trusted(id: u128, cidrs: &[&str], expires: Option<Timestamp>) -> Entry {
    let cidrs = texts(cidrs);
    entry(id, About::TrustedNetwork(TrustedNetwork { cidrs, expires }))
}

fn found(context: &Context, facts: &Facts<'_>) -> Vec<(Kind, u128, &'static str)> {
    let found = context.matches(facts).into_iter();
    found
        .map(
            |ContextMatch {
                 kind, entry, field, ..
             }| (kind, entry.as_u128(), field),
        )
        .collect()
}

fn of(resources: &[String]) -> Facts<'_> {
    Facts {
        resources,
        ..Facts::default()
    }
}

#[test]
fn an_asset_is_found_by_each_of_its_names_and_by_what_lies_below() {
    let context = Context::new(vec![
        asset(1, false, &["i-0abc", "192.0.2.10", "111111111111"]),
        asset(2, true, &["arn:aws:s3:::payroll", "198.51.100.0/24"]),
        asset(3, false, &["db-host.example.com"]),
    ]);
    for (resource, expected) in [
        (
            "arn:aws:ec2:eu-central-1:111111111111:instance/i-0abc",
            Some((Kind::Asset, 1)),
        ),
        ("i-0abc", Some((Kind::Asset, 1))),
        ("i-0abcd", None),
        ("arn:aws:s3:::payroll", Some((Kind::CrownJewel, 2))),
        (
            "arn:aws:s3:::payroll/2026/03.csv",
            Some((Kind::CrownJewel, 2)),
        ),
        ("arn:aws:s3:::payroll-copy/2026/03.csv", None),
        ("DB-Host.example.com", Some((Kind::Asset, 3))),
        ("", None),
    ] {
        let resources = texts(&[resource]);
        let found = found(&context, &of(&resources));
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(kind, id)| (kind, id, "resource"))
            .collect();
        assert_eq!(found, expected, "{resource}");
    }
    let facts = Facts {
        account: "111111111111",
        source: Some("198.51.100.7".parse().unwrap()),
        destination: Some("192.0.2.10".parse().unwrap()),
        ..Facts::default()
    };
    // Crown jewels first, each entry once.
    let all = [
        (Kind::CrownJewel, 2, "source_address"),
        (Kind::Asset, 1, "account"),
    ];
    assert_eq!(found(&context, &facts), all);
    assert_eq!(found(&context, &Facts::default()), []);
    let said = context.said(Uuid::from_u128(1)).unwrap();
    assert_eq!(said.words, "wages, Debian 12, ask ana");
}

#[test]
fn a_bucket_told_by_its_name_alone_is_found_in_an_arn() {
    let context = Context::new(vec![asset(1, true, &["payroll"])]);
    for (resource, is) in [
        ("arn:aws:s3:::payroll/2026/03.csv", true),
        ("arn:aws:s3:::others/keys", false),
        ("arn:aws:rds:eu-central-1:111111111111:db:payroll", true),
    ] {
        let resources = texts(&[resource]);
        assert_eq!(
            found(&context, &of(&resources)).len(),
            usize::from(is),
            "{resource}"
        );
    }
}

#[test]
fn all_of_an_event_has_to_be_part_of_the_work() {
    let context = Context::new(vec![work(
        1,
        &["arn:aws:sts::*:assumed-role/deploy/*", "222222222222"],
        &["Delete*", "PutObject"],
        &["arn:aws:s3:::staging-*"],
    )]);
    let (mine, other) = ("arn:aws:s3:::staging-a/x", "arn:aws:s3:::payroll/x");
    let deploy = "arn:aws:sts::1:assumed-role/deploy/ci";
    let time = Some(nanos(at("2026-03-01T11:00:00Z")));
    let cases = [
        ((time, deploy, "1", "DeleteObject"), texts(&[mine]), true),
        (
            (time, "x", "222222222222", "PutObject"),
            texts(&[mine]),
            true,
        ),
        ((time, deploy, "1", "PutObjectAcl"), texts(&[mine]), false),
        (
            (
                time,
                "arn:aws:sts::1:assumed-role/other/ci",
                "1",
                "DeleteObject",
            ),
            texts(&[mine]),
            false,
        ),
        (
            (time, "x", "2222222222229", "DeleteObject"),
            texts(&[mine]),
            false,
        ),
        // One resource that is not part of it is enough, and none is no part of it.
        (
            (time, deploy, "1", "DeleteObject"),
            texts(&[mine, other]),
            false,
        ),
        ((time, deploy, "1", "DeleteObject"), texts(&[]), false),
        // Of so many nobody knows whether they are all.
        (
            (time, deploy, "1", "DeleteObject"),
            (0..64).map(|at| format!("{mine}{at}")).collect(),
            false,
        ),
        // Whose time is not to be trusted is part of nothing.
        ((None, deploy, "1", "DeleteObject"), texts(&[mine]), false),
        (
            (
                Some(nanos(at("2026-03-01T12:00:00Z"))),
                deploy,
                "1",
                "DeleteObject",
            ),
            texts(&[mine]),
            false,
        ),
        (
            (
                Some(nanos(at("2026-03-01T10:00:00Z"))),
                deploy,
                "1",
                "DeleteObject",
            ),
            texts(&[mine]),
            true,
        ),
        (
            (
                Some(nanos(at("2026-03-01T09:59:59.9Z"))),
                deploy,
                "1",
                "DeleteObject",
            ),
            texts(&[mine]),
            false,
        ),
    ];
    for ((time_ns, actor, account, operation), resources, is) in cases {
        let facts = Facts {
            time_ns,
            actor,
            account,
            operation,
            ..of(&resources)
        };
        assert_eq!(found(&context, &facts).len(), usize::from(is), "{facts:?}");
    }
}

#[test]
fn what_somebody_does_at_the_time_is_planned_where_nothing_else_is_said() {
    let any = work(1, &["user/ana"], &[], &[]);
    let some = work(2, &["user/ben"], &["Delete*"], &[]);
    let context = Context::new(vec![any, some]);
    let (ten, noon) = (
        nanos(at("2026-03-01T10:00:00Z")),
        nanos(at("2026-03-01T12:00:00Z")),
    );
    assert_eq!(context.planned("user/ana", (ten, noon - 1)).len(), 1);
    assert_eq!(context.planned("user/ana", (ten, noon)), []);
    assert_eq!(context.planned("user/ana", (ten - 1, noon - 1)), []);
    assert_eq!(context.planned("user/ben", (ten, noon - 1)), []);
    assert_eq!(context.planned("", (ten, noon - 1)), []);
}

#[test]
fn a_network_is_trusted_until_it_expires_and_by_the_source_alone() {
    let end = at("2026-03-01T12:00:00Z");
    let context = Context::new(vec![
        trusted(1, &["192.0.2.0/24", "2001:db8::/32"], None),
        trusted(2, &["198.51.100.0/25"], Some(end)),
    ]);
    let facts = |address: &str, time| Facts {
        time_ns: Some(nanos(time)),
        source: Some(address.parse().unwrap()),
        destination: Some("192.0.2.1".parse().unwrap()),
        ..Facts::default()
    };
    for (address, is) in [
        ("192.0.2.255", true),
        ("::ffff:192.0.2.7", true),
        ("192.0.3.0", false),
        ("2001:db8:1::1", true),
        ("2001:db9::1", false),
        ("198.51.100.127", false),
    ] {
        assert_eq!(
            found(&context, &facts(address, end)).len(),
            usize::from(is),
            "{address}"
        );
    }
    let before = at("2026-03-01T11:59:59Z");
    assert_eq!(found(&context, &facts("198.51.100.127", before)).len(), 1);
    assert_eq!(found(&context, &facts("198.51.100.128", before)), []);
}

#[test]
fn a_crown_jewel_is_found_among_however_many() {
    // All share one name and one network.
    let mut entries: Vec<Entry> = (1..=2_000)
        .map(|id| asset(id, false, &["shared", "192.0.2.0/24"]))
        .collect();
    entries.push(asset(9_999, true, &["shared", "192.0.2.0/24"]));
    let context = Context::new(entries);
    let resources = texts(&["shared"]);
    let facts = Facts {
        source: Some("192.0.2.1".parse().unwrap()),
        ..of(&resources)
    };
    let found = found(&context, &facts);
    assert_eq!(found.first(), Some(&(Kind::CrownJewel, 9_999, "resource")));
    assert!(found.len() <= 9, "{}", found.len());
}

/// What a pattern means, said slowly.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|at| fits(rest, &text[at..])),
        ([a, pattern @ ..], [b, text @ ..]) => a == b && fits(pattern, text),
        _ => false,
    }
}

proptest! {
    #[test]
    fn patterns_mean_what_they_say(pattern in "[ab*]{1,8}", text in "[ab]{1,10}") {
        let context = Context::new(vec![work(1, &[], &[&pattern], &[])]);
        let facts = Facts {
            time_ns: Some(nanos(at("2026-03-01T11:00:00Z"))),
            operation: &text,
            ..Facts::default()
        };
        let found = context.matches(&facts).len();
        prop_assert_eq!(found == 1, fits(pattern.as_bytes(), text.as_bytes()));
    }

    #[test]
    fn networks_hold_what_they_hold(
        nets in proptest::collection::vec((any::<u32>(), 8_u8..=32), 1..6),
        address in any::<u32>(),
        near in any::<bool>(),
    ) {
        // Random addresses are hardly ever in random networks.
        let address = if near { nets[0].0 ^ (address >> 24) } else { address };
        let address = IpAddr::from(std::net::Ipv4Addr::from(address));
        let cidrs: Vec<String> = nets
            .iter()
            .map(|(net, length)| format!("{}/{length}", std::net::Ipv4Addr::from(*net)))
            .collect();
        let cidrs: Vec<&str> = cidrs.iter().map(String::as_str).collect();
        let context = Context::new(vec![trusted(1, &cidrs, None)]);
        let facts = Facts { time_ns: Some(0), source: Some(address), ..Facts::default() };
        let expected = cidrs.iter().any(|text| network(text).unwrap().contains(&address));
        prop_assert_eq!(context.matches(&facts).len() == 1, expected);
    }

    #[test]
    fn nothing_that_comes_in_is_too_much(resources in proptest::collection::vec(".{0,400}", 0..4), actor in ".{0,40}") {
        let context = Context::new(vec![
            asset(1, true, &["a", "/", ":"]),
            work(2, &["*a*b*c*"], &[], &["*:*/*"]),
        ]);
        let facts = Facts {
            time_ns: Some(i64::MAX),
            actor: &actor,
            account: &actor,
            operation: &actor,
            ..of(&resources)
        };
        prop_assert!(context.matches(&facts).len() <= 2);
    }
}
