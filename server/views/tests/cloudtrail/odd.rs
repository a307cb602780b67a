//! CloudTrail records that are odd in themselves: times, identities, nulls, unknown fields.

use super::*;

#[test]
fn times_that_cannot_be_are_the_observed_one() {
    let world = both();
    for (time, ns) in [
        (
            json!("2023-07-10T11:42:18Z"),
            Some(1_688_989_338_000_000_000),
        ),
        (
            json!("2023-07-10T13:42:18.5+02:00"),
            Some(1_688_989_338_500_000_000),
        ),
        (
            json!("2023-07-10 11:42:18.000"),
            Some(1_688_989_338_000_000_000),
        ),
        (json!(1_688_989_338), Some(1_688_989_338_000_000_000)),
        (
            json!(1_688_989_338_000_u64),
            Some(1_688_989_338_000_000_000),
        ),
        (json!("1970-01-01T00:00:00Z"), Some(0)),
        (json!("1969-12-31T23:59:59Z"), None),
        (json!("2263-01-01T00:00:00Z"), None),
        (json!("9999-12-31T23:59:59Z"), None),
        (json!("0001-01-01T00:00:00Z"), None),
        (json!("The time, in ISO-8601 format"), None),
        (json!(-5), None),
        (json!(1e300), None),
        (json!(null), None),
        (json!({"seconds": 5}), None),
        (json!(""), None),
    ] {
        let mut record = plain("DescribeInstances");
        record["eventTime"] = time.clone();
        let seen = cloudtrail(&world, &record.to_string()).unwrap();
        let row = row_of(&seen, "alpha").unwrap();
        assert_eq!(row.time_ns, ns.unwrap_or(OBSERVED), "{time}");
        assert_eq!(row.time_invalid, ns.is_none(), "{time}");
    }
    let mut record = plain("DescribeInstances");
    record.as_object_mut().unwrap().remove("eventTime");
    record["@timestamp"] = json!("2020-09-14T00:50:17.000Z");
    let seen = cloudtrail(&world, &record.to_string()).unwrap();
    assert_eq!(
        row_of(&seen, "alpha").unwrap().time_ns,
        1_600_044_617_000_000_000
    );
}

#[test]
fn odd_identities_are_read_for_what_they_are() {
    let world = both().account("000000000042", "zeros");
    let with = |identity: Value| {
        let mut record = plain("DescribeInstances");
        record["userIdentity"] = identity;
        cloudtrail(&world, &record.to_string()).unwrap()
    };
    // No type, no account, nothing, the wrong thing: the recipient's own.
    for identity in [
        json!({"accountId": A, "invokedBy": "AWS Internal"}),
        json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}),
        json!({}),
        json!(null),
        json!("root"),
        json!(7),
        json!([{"accountId": B}]),
        json!({"accountId": null, "sessionContext": null}),
        json!({"accountId": ["x"], "sessionContext": "none"}),
        json!({"accountId": "12345678****"}),
        json!({"accountId": "************"}),
        json!({"accountId": "XXXXXXXXXXXX"}),
        json!({"type": "Root", "accountId": 111_111_111_111_u64}),
    ] {
        let seen = with(identity.clone());
        assert_eq!(seen.views.len(), 1, "{identity}");
        assert!(!seen.views[0].1.shared, "{identity}");
        assert_eq!(seen.unknown_parties, Vec::<String>::new(), "{identity}");
    }
    // A number lost its zeros; text of another form is still somebody.
    let seen = with(json!({"accountId": 42}));
    assert!(row_of(&seen, "zeros").unwrap().shared);
    let seen = with(json!({"accountId": "1111111111111", "userName": "mallory"}));
    assert_eq!(seen.unknown_parties, ["aws:1111111111111"]);
    let row = row_of(&seen, "alpha").unwrap();
    assert!(row.shared && !all_of(row).contains("1111111111111"));
    assert!(!all_of(row).contains("mallory"));
}

#[test]
fn nulls_in_every_field_are_a_record_still() {
    let record = plain("DescribeInstances");
    for key in record.as_object().unwrap().keys() {
        for odd in [
            json!(null),
            json!(5),
            json!("x"),
            json!([null]),
            json!({"a": null}),
            json!(true),
        ] {
            let mut record = record.clone();
            record[key] = odd.clone();
            if key == "recipientAccountId" && odd.is_string() {
                continue;
            }
            let seen = cloudtrail(&both(), &record.to_string());
            let seen = seen.unwrap_or_else(|reject| panic!("{key} {odd}: {reject}"));
            assert!(row_of(&seen, "alpha").is_some(), "{key} {odd}");
        }
    }
    let all: Value = record
        .as_object()
        .unwrap()
        .keys()
        .map(|key| (key.clone(), Value::Null))
        .collect();
    let seen = cloudtrail(&both(), &all.to_string()).unwrap();
    assert_eq!(seen.views, []);
    assert_eq!(seen.unknown_parties, Vec::<String>::new());
    let mut record = plain("DescribeInstances");
    record["resources"] = json!([null, 5, {"ARN": null}, {"accountId": A}]);
    assert_eq!(
        cloudtrail(&both(), &record.to_string())
            .unwrap()
            .views
            .len(),
        1
    );
}

#[test]
fn a_missing_event_id_is_the_keyed_name() {
    let mut record = plain("DescribeInstances");
    record["eventID"] = json!(null);
    let seen = cloudtrail(&both(), &record.to_string()).unwrap();
    let row = row_of(&seen, "alpha").unwrap();
    let id = &row.event_id;
    let name: String = row.name.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(*id, name, "and not a hash that anybody can compute");
    record["eventName"] = json!("DescribeImages");
    let other = cloudtrail(&both(), &record.to_string()).unwrap();
    assert_ne!(*id, row_of(&other, "alpha").unwrap().event_id);
    record["eventID"] = json!("bEXAMPLE-efea");
    let named = cloudtrail(&both(), &record.to_string()).unwrap();
    assert_eq!(row_of(&named, "alpha").unwrap().event_id, "bEXAMPLE-efea");
}

#[test]
fn sources_that_are_services_are_no_addresses() {
    for source in [
        "cloudformation.amazonaws.com",
        "AWS Internal",
        "",
        "999.1.1.1",
        "fe80::1%eth0",
    ] {
        let mut record = plain("DescribeInstances");
        record["sourceIPAddress"] = json!(source);
        let seen = cloudtrail(&both(), &record.to_string()).unwrap();
        assert_eq!(row_of(&seen, "alpha").unwrap().src_ip, None, "{source}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let world = both();
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
    let twice = format!("{{\"recipientAccountId\":\"{A}\",\"recipientAccountId\":\"{B}\"}}");
    let nested = format!("{{\"userIdentity\":{{\"accountId\":\"{A}\",\"accountId\":\"{B}\"}}}}");
    for (record, reason) in [
        ("", "MALFORMED"),
        ("[]", "MALFORMED"),
        ("[1,2]", "MALFORMED"),
        ("\"x\"", "MALFORMED"),
        ("{", "MALFORMED"),
        ("{} {}", "MALFORMED"),
        (deep.as_str(), "TOO_DEEP"),
        (long.as_str(), "TOO_LONG"),
        (twice.as_str(), "DUPLICATE_KEY"),
        (nested.as_str(), "DUPLICATE_KEY"),
    ] {
        let reject = cloudtrail(&world, record).unwrap_err();
        assert_eq!(reject.reason, reason, "{}", &record[..record.len().min(60)]);
    }
    let not_utf8 = cordon_views::attribute(
        cordon_views::SourceType::AwsCloudTrail,
        b"{\"a\":\"\xff\"}",
        None,
        OBSERVED,
        &world,
        &Keys,
    );
    assert_eq!(not_utf8.unwrap_err().reason, "NOT_UTF8");
    let crowd: Vec<Value> = (0..100)
        .map(|i| json!({"accountId": format!("{:012}", 500 + i)}))
        .collect();
    let mut record = plain("DescribeInstances");
    record["resources"] = json!(crowd);
    assert_eq!(
        cloudtrail(&world, &record.to_string()).unwrap_err().reason,
        "TOO_MANY_PARTIES"
    );
    // Brackets in strings are no depth.
    let mut record = plain("DescribeInstances");
    record["userAgent"] = json!("[{".repeat(200));
    assert!(cloudtrail(&world, &record.to_string()).is_ok());
}

#[test]
fn unknown_fields_stay_in_own_records_and_are_withheld_in_views() {
    let mut record = assume_role(A, "id-1");
    record["somethingNew"] = json!({"whose": "unknown"});
    let seen = cloudtrail(&both(), &record.to_string()).unwrap();
    for tenant in ["alpha", "beta"] {
        let row = row_of(&seen, tenant).unwrap();
        assert_eq!(
            view(row)["somethingNew"],
            json!({"cordon:withheld": "NOT_REVIEWED"})
        );
    }
    let mut record = plain("DescribeInstances");
    record["somethingNew"] = json!({"whose": "ours"});
    let record = record.to_string();
    assert_eq!(
        row_of(&cloudtrail(&both(), &record).unwrap(), "alpha")
            .unwrap()
            .raw,
        record
    );
}

#[test]
fn sign_ins_say_how_they_ended() {
    for (answer, status) in [
        (json!({"ConsoleLogin": "Success"}), Status::Success),
        (json!({"ConsoleLogin": "Failure"}), Status::Failure),
        (json!({"ConsoleLogin": "Perhaps"}), Status::Other),
        (json!(null), Status::Success),
    ] {
        let mut record = plain("ConsoleLogin");
        record["eventSource"] = json!("signin.amazonaws.com");
        record["responseElements"] = answer;
        let seen = cloudtrail(&both(), &record.to_string()).unwrap();
        let row = row_of(&seen, "alpha").unwrap();
        assert_eq!(
            (row.class_uid, row.activity_id, row.status),
            (3002, 1, status)
        );
    }
}
