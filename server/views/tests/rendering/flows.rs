//! VPC flow logs: columns, and what each party of a flow sees.

use cordon_views::{Reason, SourceType, Status};
use proptest::prelude::*;

use crate::world::{OBSERVED, World, render};

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol \
    packets bytes start end action log-status vpc-id subnet-id instance-id tcp-flags type \
    pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id pkt-src-aws-service \
    pkt-dst-aws-service flow-direction traffic-path";

/// A flow from 198.51.100.7, which is inside the provider's range, to the interface.
const LINE: &str = "5 111111111111 eni-0a1 198.51.100.7 198.51.100.99 40000 443 6 12 3400 \
    1700000000 1700000060 ACCEPT OK vpc-0b2 subnet-0c3 i-0d4 2 IPv4 198.51.100.7 198.51.100.99 \
    eu-west-1 euw1-az2 outpost op-0e5 - S3 ingress 8";

fn world() -> World {
    World::new()
        .account("111111111111", "acme")
        .address("198.51.100.99", "acme")
        .range("198.51.100.0", "198.51.100.255")
}

fn see(world: &World, line: &str, header: Option<&str>) -> Vec<(&'static str, String)> {
    world
        .see(SourceType::AwsVpcFlow, line.as_bytes(), header)
        .unwrap()
        .views
        .into_iter()
        .map(|(tenant, row)| (tenant, row.raw))
        .collect()
}

#[test]
fn a_line_of_the_default_format_needs_no_header() {
    let line = "2 111111111111 eni-0a1 10.0.0.5 203.0.113.9 40000 22 6 20 4249 1700000000 1700000060 REJECT OK";
    let row = world().row(SourceType::AwsVpcFlow, line, None, "acme");
    assert_eq!(row.raw, line, "wholly own: as it came");
    assert_eq!(row.raw_context, None);
    assert!(!row.shared && row.withheld.is_empty() && row.addressed && !row.time_invalid);
    assert_eq!(row.time_ns, 1_700_000_000_000_000_000);
    assert_eq!(
        (row.class_uid, row.activity_id, row.severity_id),
        (4001, 5, 1)
    );
    assert_eq!(row.status, Status::Failure);
    assert_eq!(row.operation, "REJECT");
    assert_eq!(row.account, "111111111111");
    assert_eq!(row.src_ip, Some("10.0.0.5".parse().unwrap()));
    assert_eq!(row.dst_ip, Some("203.0.113.9".parse().unwrap()));
    assert_eq!((row.src_port, row.dst_port), (Some(40000), Some(22)));
    assert_eq!(row.resources, ["eni-0a1"]);
}

#[test]
fn any_order_and_spelling_of_the_header_gives_the_same_columns() {
    let plain = world().row(
        SourceType::AwsVpcFlow,
        "10.0.0.5 1700000000 111111111111 ACCEPT 443",
        Some("srcaddr start account-id action dstport"),
        "acme",
    );
    for (line, header) in [
        (
            "10.0.0.5  1700000000\t111111111111 ACCEPT   443",
            "SRCADDR start account_id action dstport",
        ),
        (
            "10.0.0.5,1700000000,111111111111,ACCEPT,443",
            "srcaddr,start,account_id,action,dstport",
        ),
        (
            "\"10.0.0.5\", 1700000000 ,\"111111111111\",ACCEPT,443",
            "srcaddr,start,account-id,action,dstport",
        ),
        (
            "10.0.0.5 1700000000 111111111111 ACCEPT 443",
            "${srcaddr} ${start} ${account-id} ${action} ${dstport}",
        ),
    ] {
        let row = world().row(SourceType::AwsVpcFlow, line, Some(header), "acme");
        assert_eq!(row.raw_context.as_deref(), Some(header));
        assert_eq!(row.name, plain.name, "the same content: {header}");
        assert_eq!(
            (row.src_ip, row.dst_port, &row.operation, row.time_ns),
            (
                plain.src_ip,
                plain.dst_port,
                &plain.operation,
                plain.time_ns
            ),
            "{header}"
        );
    }
}

#[test]
fn dashes_are_nothing_and_lines_without_traffic_are_events() {
    for (status, operation) in [("NODATA", "NODATA"), ("SKIPDATA", "SKIPDATA")] {
        let line = format!("2 111111111111 eni-0a1 - - - - - - - 1700000000 1700000060 - {status}");
        let row = world().row(SourceType::AwsVpcFlow, &line, None, "acme");
        assert_eq!(row.operation, operation);
        assert_eq!((row.activity_id, row.status), (99, Status::Other));
        assert_eq!((row.src_ip, row.dst_ip, row.src_port), (None, None, None));
        let event = render(&row);
        assert_eq!(event["activity_name"], operation);
        assert_eq!(event["dst_endpoint"]["interface_uid"], "eni-0a1");
        assert!(event.get("traffic").is_none() && event.get("action_id").is_none());
    }
}

#[test]
fn each_party_sees_its_own_and_pseudonyms_of_the_other() {
    let world = world().address("198.51.100.7", "bolt");
    let owner = world.row(SourceType::AwsVpcFlow, LINE, Some(HEADER), "acme");
    assert!(owner.shared && owner.addressed);
    assert_eq!(owner.src_ip, None, "hidden, so no filter finds it");
    assert_eq!(owner.dst_ip, Some("198.51.100.99".parse().unwrap()));
    assert!(!owner.raw.contains("198.51.100.7 "));
    for own in [
        "111111111111",
        "eni-0a1",
        "vpc-0b2",
        "i-0d4",
        "euw1-az2",
        "op-0e5",
        "ingress 8",
    ] {
        assert!(owner.raw.contains(own), "{own}: {}", owner.raw);
    }
    let reasons: Vec<_> = owner
        .withheld
        .iter()
        .map(|one| (&*one.path, one.reason))
        .collect();
    assert_eq!(
        reasons,
        [
            ("srcaddr", Reason::ForeignAddress),
            ("pkt-srcaddr", Reason::ForeignAddress)
        ]
    );

    let sender = world.row(SourceType::AwsVpcFlow, LINE, Some(HEADER), "bolt");
    assert!(sender.shared && !sender.addressed);
    assert_eq!(sender.src_ip, Some("198.51.100.7".parse().unwrap()));
    assert_eq!(sender.dst_ip, None);
    for foreign in [
        "111111111111",
        "eni-0a1",
        "198.51.100.99",
        "vpc-0b2",
        "subnet-0c3",
        "i-0d4",
        "euw1-az2",
        "outpost",
        "op-0e5",
    ] {
        assert!(!sender.raw.contains(foreign), "{foreign}: {}", sender.raw);
        assert!(!render(&sender).to_string().contains(foreign), "{foreign}");
    }
    for common in [
        " 40000 443 6 12 3400 1700000000 1700000060 ACCEPT OK ",
        " eu-west-1 ",
        " ingress ",
    ] {
        assert!(sender.raw.contains(common), "{common}: {}", sender.raw);
    }
    assert!(sender.account.starts_with("acct~"));
    assert!(sender.resources.iter().all(|one| one.starts_with("res~")));
    assert!(sender.raw.contains("cordon:withheld:FOREIGN_CONTENT"));
    assert_ne!(owner.name, sender.name);
    assert_ne!(
        owner.event_id, sender.event_id,
        "nothing to link two tenants by"
    );
}

#[test]
fn a_third_partys_registration_changes_no_byte() {
    let nobody = world();
    let before = nobody
        .see(SourceType::AwsVpcFlow, LINE.as_bytes(), Some(HEADER))
        .unwrap();
    assert_eq!(before.unknown_parties, ["ip:198.51.100.7"]);
    let both = world().address("198.51.100.7", "bolt");
    let after = both
        .see(SourceType::AwsVpcFlow, LINE.as_bytes(), Some(HEADER))
        .unwrap();
    assert_eq!(after.unknown_parties, [""; 0]);
    assert_eq!(after.views.len(), 2);
    assert_eq!(before.views[0], after.views[0]);
    assert_eq!(before.views[0].0, "acme");
    // And the other way round: what bolt sees does not depend on acme's registration.
    let alone = World::new()
        .address("198.51.100.7", "bolt")
        .range("198.51.100.0", "198.51.100.255")
        .see(SourceType::AwsVpcFlow, LINE.as_bytes(), Some(HEADER))
        .unwrap();
    assert_eq!(
        alone.unknown_parties,
        ["aws:111111111111", "ip:198.51.100.99"]
    );
    assert_eq!(alone.views, [after.views[1].clone()]);
}

#[test]
fn one_tenant_on_both_ends_sees_the_line_as_it_came() {
    let world = world().address("198.51.100.7", "acme");
    assert_eq!(see(&world, LINE, Some(HEADER)), [("acme", LINE.to_owned())]);
}

#[test]
fn an_address_is_whose_it_was_when_it_happened() {
    let at = 1_700_000_000_000_000_000;
    let world = world()
        .address_during("198.51.100.7", "bolt", 0, at)
        .address_during("198.51.100.7", "core", at, i64::MAX);
    let tenants: Vec<_> = see(&world, LINE, Some(HEADER))
        .into_iter()
        .map(|one| one.0)
        .collect();
    assert_eq!(tenants, ["acme", "core"]);
}

#[test]
fn an_address_outside_the_providers_ranges_is_nobodys() {
    let world = World::new()
        .account("111111111111", "acme")
        .address("198.51.100.7", "bolt");
    assert_eq!(see(&world, LINE, Some(HEADER)), [("acme", LINE.to_owned())]);
}

#[test]
fn a_sender_behind_a_nat_is_a_party() {
    let line = "2 111111111111 198.51.100.99 203.0.113.1 198.51.100.7 203.0.113.1 1700000000";
    let header = Some("version account-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr start");
    let world = world().address("198.51.100.7", "bolt");
    let tenants: Vec<_> = see(&world, line, header)
        .into_iter()
        .map(|one| one.0)
        .collect();
    assert_eq!(tenants, ["acme", "bolt"]);
}

#[test]
fn a_line_that_concerns_nobody_known_names_its_parties() {
    let seen = World::new()
        .see(SourceType::AwsVpcFlow, LINE.as_bytes(), Some(HEADER))
        .unwrap();
    assert!(seen.views.is_empty());
    assert_eq!(seen.unknown_parties, ["aws:111111111111"]);
}

#[test]
fn counters_of_twelve_digits_are_no_accounts_and_odd_words_are_searched() {
    let line = "198.51.100.7 222222222222 123456789012 333333333333 1700000000";
    let header = Some("srcaddr account-id bytes region start");
    let world = World::new()
        .address("198.51.100.7", "bolt")
        .range("198.51.100.0", "198.51.100.255");
    let (_, view) = see(&world, line, header).remove(0);
    assert!(view.contains(" 123456789012 "), "{view}");
    assert!(!view.contains("222222222222"), "{view}");
}

#[test]
fn fields_that_nobody_reviewed_are_withheld_from_others_only() {
    let line = "111111111111 198.51.100.7 secret-of-acme 1700000000";
    let header = Some("account-id srcaddr brand-new-field start");
    let world = world().address("198.51.100.7", "bolt");
    let bolt = world.row(SourceType::AwsVpcFlow, line, header, "bolt");
    assert!(!bolt.raw.contains("secret"), "{}", bolt.raw);
    assert!(
        bolt.withheld
            .iter()
            .any(|one| one.path == "brand-new-field" && one.reason == Reason::NotReviewed)
    );
    // The log is acme's own, whoever is at the other end.
    let acme = world.row(SourceType::AwsVpcFlow, line, header, "acme");
    assert!(acme.raw.contains(" secret-of-acme "), "{}", acme.raw);
    // Where it is alone, it has all.
    let alone = World::new().account("111111111111", "acme");
    assert_eq!(see(&alone, line, header), [("acme", line.to_owned())]);
}

#[test]
fn times_that_can_not_be_are_told() {
    for start in [
        "-",
        "0",
        "-5",
        "99999999999999999999",
        "9999999999999",
        "soon",
    ] {
        let line = format!("111111111111 {start}");
        let row = world().row(
            SourceType::AwsVpcFlow,
            &line,
            Some("account-id start"),
            "acme",
        );
        assert!(row.time_invalid, "{start}");
        assert_eq!(row.time_ns, OBSERVED, "{start}");
        let event = render(&row);
        assert_eq!(event["unmapped"]["cordon:view"]["time_quality"], "invalid");
    }
}

#[test]
fn lines_that_can_not_be_read_are_rejected_with_a_code() {
    for (line, header, code) in [
        (&b"2 1"[..], None, "MISSING_HEADER"),
        (b"", None, "MISSING_HEADER"),
        (b"1 2 3", Some("account-id start"), "FIELD_COUNT"),
        (b"1", Some("what is this"), "BAD_HEADER"),
        (b"1 1", Some("start start"), "BAD_HEADER"),
        (b"\xff", Some("start"), "NOT_UTF8"),
        (b"{\"account-id\":1}", None, "MISSING_HEADER"),
    ] {
        let reject = world()
            .see(SourceType::AwsVpcFlow, line, header)
            .unwrap_err();
        assert_eq!(reject.reason, code, "{line:?}");
    }
    let long = vec![b'1'; (1 << 20) + 1];
    let reject = world()
        .see(SourceType::AwsVpcFlow, &long, Some("start"))
        .unwrap_err();
    assert_eq!(reject.reason, "TOO_LONG");
}

/// A value for each field of the header, some of them somebody else's.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("-".to_owned()),
        Just("222222222222".to_owned()),
        Just("111111111111".to_owned()),
        (0..12u8).prop_map(|n| format!("198.51.100.{n}")),
        Just("eni-222222222222".to_owned()),
        Just("arn:aws:ec2:eu-west-1:222222222222:instance/i-0f".to_owned()),
        "[0-9]{1,10}",
        "[!-+.-~]{1,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn no_view_shows_what_is_anothers(values in prop::collection::vec(value(), 29)) {
        let line = values.join(" ");
        let world = world()
            .address("198.51.100.1", "acme")
            .address("198.51.100.2", "bolt")
            .account("222222222222", "bolt");
        let Ok(seen) = world.see(SourceType::AwsVpcFlow, line.as_bytes(), Some(HEADER)) else {
            return Ok(());
        };
        for (tenant, row) in seen.views {
            let event = render(&row);
            prop_assert_eq!(event["metadata"]["uid"].as_str(), Some(&*row.event_id));
            if !row.shared {
                prop_assert_eq!(&row.raw, &line);
                continue;
            }
            let interface = row.account == "111111111111" || row.account == "222222222222";
            let shown: Vec<&str> = row.raw.split(' ').collect();
            prop_assert_eq!(shown.len(), 29);
            for (at, name) in HEADER.split_ascii_whitespace().enumerate() {
                let text = shown[at];
                if name.ends_with("addr") {
                    let mine = if tenant == "acme" { ["198.51.100.99", "198.51.100.1"] } else { ["198.51.100.2", ""] };
                    prop_assert!(
                        !text.starts_with("198.51.100.") || mine.contains(&text) || text.parse::<std::net::IpAddr>().is_err(),
                        "{} {} {}", tenant, name, text
                    );
                }
                if name == "account-id" {
                    let other = if tenant == "acme" { "222222222222" } else { "111111111111" };
                    prop_assert_ne!(text, other);
                }
                if !interface && matches!(name, "interface-id" | "vpc-id" | "subnet-id" | "instance-id") {
                    prop_assert!(
                        cordon_views::identity::is_nobody(text)
                            || text.starts_with("res~")
                            || text.starts_with("arn:"),
                        "{}", text
                    );
                }
            }
        }
    }
}
