#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::scan::{Broken, Scanner};
use super::*;

fn json(payload: &[u8]) -> Vec<Item<'_>> {
    split(SourceType::AwsCloudTrail, payload).collect()
}

fn flow(payload: &str) -> Vec<Item<'_>> {
    split(SourceType::AwsVpcFlow, payload.as_bytes()).collect()
}

/// Line and either the record or the fault's code, for short expectations.
fn told<'a>(items: &[Item<'a>]) -> Vec<(u64, &'a str)> {
    items
        .iter()
        .map(|item| match item.record {
            Ok(text) => (item.line, text),
            Err(fault) => (item.line, fault.as_str()),
        })
        .collect()
}

#[test]
fn every_shape_of_payload_gives_its_records() {
    let cases: [(&str, &[(u64, &str)]); 20] = [
        ("", &[]),
        (" \r\n\t\n", &[]),
        ("\u{feff}", &[]),
        ("\u{feff}{\"a\":1}", &[(1, "{\"a\":1}")]),
        ("{}", &[(1, "{}")]),
        ("[]", &[]),
        ("{\"Records\":[]}", &[]),
        (
            "{\"Records\":[{\"a\":1},{\"a\":2}]}",
            &[(1, "{\"a\":1}"), (1, "{\"a\":2}")],
        ),
        (
            "{ \"Records\" :\n[ {\"a\":1} ,\n {\"a\":2} ] , \"more\": [1] }\n",
            &[(2, "{\"a\":1}"), (3, "{\"a\":2}")],
        ),
        ("{\"x\":1,\"Records\":[{\"a\":1}]}", &[(1, "{\"a\":1}")]),
        (
            "[{\"a\":1},\n{\"a\":2}]",
            &[(1, "{\"a\":1}"), (2, "{\"a\":2}")],
        ),
        (
            "{\"a\":1}\r\n\r\n{\"a\":2}\r\n",
            &[(1, "{\"a\":1}"), (3, "{\"a\":2}")],
        ),
        (
            "{\"a\":1}{\"a\":2} {\"a\":3}",
            &[(1, "{\"a\":1}"), (1, "{\"a\":2}"), (1, "{\"a\":3}")],
        ),
        (
            "{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n",
            &[(1, "{\n \"a\": 1\n}"), (4, "{\n \"a\": 2\n}")],
        ),
        (
            "{\"Records\":[{\"a\":1}]}\n{\"Records\":[{\"a\":2}]}\n",
            &[(1, "{\"a\":1}"), (2, "{\"a\":2}")],
        ),
        (
            "{\"a\":1}\n[{\"a\":2},{\"a\":3}]\n",
            &[(1, "{\"a\":1}"), (2, "{\"a\":2}"), (2, "{\"a\":3}")],
        ),
        ("{\"Records\":null}", &[(1, "{\"Records\":null}")]),
        (
            "{\"a\":{\"Records\":[{}]}}",
            &[(1, "{\"a\":{\"Records\":[{}]}}")],
        ),
        ("[[{\"a\":1}]]", &[(1, "NOT_AN_OBJECT")]),
        (
            "[{\"a\":1}\n{\"a\":2},]",
            &[(1, "{\"a\":1}"), (2, "{\"a\":2}")],
        ),
    ];
    for (payload, expected) in cases {
        assert_eq!(told(&json(payload.as_bytes())), expected, "{payload}");
    }
}

#[test]
fn a_bad_line_is_told_and_the_next_is_read() {
    let payload = b"{\"a\":1}\n{\"a\":\n{\"a\":2}\nhello\n\"text\"\nnull\n[1]\n{\"a\":\"\xff\"}\n{\"a\":3}}\n{\"a\":4} x\n{\"a\":5";
    let items = json(payload);
    assert_eq!(
        told(&items),
        [
            (1, "{\"a\":1}"),
            (2, "MALFORMED"),
            (3, "{\"a\":2}"),
            (4, "MALFORMED"),
            (5, "NOT_AN_OBJECT"),
            (6, "NOT_AN_OBJECT"),
            (7, "NOT_AN_OBJECT"),
            (8, "NOT_UTF8"),
            (9, "MALFORMED"),
            (10, "MALFORMED"),
            (11, "TRUNCATED"),
        ]
    );
    assert_eq!(items[1].bytes, b"{\"a\":", "the bad bytes are kept");
    assert_eq!(items[7].bytes, b"{\"a\":\"\xff\"}");
    assert_eq!(items[10].bytes, b"{\"a\":5");
}

#[test]
fn a_bad_first_line_does_not_decide_for_the_rest() {
    for first in ["{\"a\": {", "{\"a\": }", "[", "garbage", "{\"a\": [1,", "}"] {
        let payload = format!("{first}\n{{\"a\":1}}\n{{\"a\":2}}\n");
        let items = json(payload.as_bytes());
        let good: Vec<_> = items.iter().filter_map(|item| item.record.ok()).collect();
        assert_eq!(good, ["{\"a\":1}", "{\"a\":2}"], "{first}");
        assert!(items.iter().any(|item| item.record.is_err()), "{first}");
    }
}

#[test]
fn a_bad_element_is_told_and_the_next_is_read() {
    for bad in [
        "{\"v\":1,\"x\":{\"y\":2} ",
        "{\"v\":1,\"x\":\"open}",
        "{\"v\":1,,}",
        "{\"v\":1]",
        "{\"v\":01}",
        "{\"v\":tru}",
        "{\"v\":\"\\q\"}",
        "{\"v\":\"\\ud800\"}",
        "{\"v\":1e999}",
        "{\"v\":\"a\nb\"}",
    ] {
        for (before, after) in [
            ("[", "]"),
            ("{\"Records\":[", "]}"),
            ("{\"Records\": [\n  ", "\n]\n}\n"),
        ] {
            let payload = format!(
                "{before}{{\"v\":1,\"n\":[{{\"v\":7}}]}},{bad},{{\"v\":2}},{{\"v\":3}}{after}"
            );
            let items = json(payload.as_bytes());
            let good: Vec<_> = items.iter().filter_map(|item| item.record.ok()).collect();
            assert_eq!(
                good,
                ["{\"v\":1,\"n\":[{\"v\":7}]}", "{\"v\":2}", "{\"v\":3}"],
                "{payload}"
            );
            let faults: Vec<_> = items.iter().filter(|item| item.record.is_err()).collect();
            assert_eq!(faults.len(), 1, "{payload}: {faults:?}");
            assert_eq!(faults[0].record, Err(Fault::Malformed), "{payload}");
            assert_eq!(faults[0].bytes, bad.trim().as_bytes(), "{payload}");
        }
    }
}

#[test]
fn a_truncated_file_gives_what_is_whole_and_says_so() {
    let whole = "{\"Records\":[{\"v\":1},{\"v\":[{\"v\":2}]}]}";
    for length in 1..whole.len() {
        let items = json(&whole.as_bytes()[..length]);
        let last = items.last().unwrap();
        assert!(last.record.is_err(), "{length}: {items:?}");
        let good = items.iter().filter(|item| item.record.is_ok()).count();
        assert_eq!(
            good,
            usize::from(length >= 19) + usize::from(length >= 35),
            "{length}"
        );
        if length >= 12 {
            assert_eq!(last.record, Err(Fault::Truncated), "{length}");
        }
    }
}

#[test]
fn size_depth_encoding_and_repeated_keys_have_limits() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_RECORD_BYTES));
    let deepest = format!("{}1{}", "{\"a\":".repeat(MAX_DEPTH), "}".repeat(MAX_DEPTH));
    let too_deep = format!("{{\"b\":{deepest}}}");
    let cases: [(&str, Fault); 6] = [
        (&long, Fault::TooLong),
        (&too_deep, Fault::TooDeep),
        (
            "{\"a\":1,\"b\":{\"a\":1,\"c\":2,\"a\":1}}",
            Fault::DuplicateKey,
        ),
        ("{\"a\":1,\"\\u0061\":2}", Fault::DuplicateKey),
        ("[]", Fault::NotAnObject),
        ("", Fault::Truncated),
    ];
    for (record, fault) in cases {
        let checked = check_record(SourceType::Ocsf, record.as_bytes(), None);
        assert_eq!(checked, Err(fault));
    }
    assert!(check_record(SourceType::Ocsf, deepest.as_bytes(), None).is_ok());
    for payload in [
        format!("{long}\n{too_deep}\n{deepest}\n"),
        format!("[{long},{too_deep},{deepest}]"),
    ] {
        let items = json(payload.as_bytes());
        let outcomes: Vec<_> = items.iter().map(|item| item.record).collect();
        assert_eq!(
            outcomes,
            [Err(Fault::TooLong), Err(Fault::TooDeep), Ok(&*deepest)]
        );
    }
    // A line of 100 MB is one bad record, and the one behind it is read.
    let mut huge = vec![b'x'; 100_000_000];
    huge.extend_from_slice(b"\n{\"a\":1}");
    let items = json(&huge);
    assert_eq!(told(&items), [(1, "TOO_LONG"), (2, "{\"a\":1}")]);
    assert_eq!(items[0].bytes.len(), 100_000_000);
}

#[test]
fn many_keys_are_compared_in_good_time() {
    let mut record = String::from("{");
    for key in 0..90_000 {
        record.push_str(&format!("\"k{key}\":1,"));
    }
    let unique = format!("{record}\"z\":1}}");
    let repeated = format!("{record}\"k777\":1}}");
    let check = |text: &str| check_record(SourceType::Ocsf, text.as_bytes(), None).err();
    assert_eq!(check(&unique), None);
    assert_eq!(check(&repeated), Some(Fault::DuplicateKey));
}

#[test]
fn work_is_bounded_whatever_comes() {
    let many = 20_000;
    for payload in [
        "[".repeat(many),
        "{\"a\":".repeat(many),
        "[\n".repeat(many),
        "{\"a\":[\n".repeat(many),
        "{}".repeat(many),
        "[{\"a\":[".repeat(many),
        "{\"a\":\"".repeat(many),
        "{\"Records\":[".repeat(many),
        "{\"Records\":[\n".repeat(many),
        format!("[{}", "{\"a\":[{\"a\":1 ".repeat(many)),
        "{\"b\":0,\"Records\":[]".repeat(many),
    ] {
        let mut documents = json::Documents::new(payload.as_bytes(), &[b"\"Records\""]);
        let count = documents.by_ref().count();
        let bound = payload.len() * 10 + (1 << 17);
        assert!(documents.work() < bound, "{}", &payload[..20]);
        assert!(count > 0);
    }
}

#[test]
fn what_is_no_text_is_one_bad_record() {
    for (payload, fault) in [
        (&b"\x1f\x8b\x08\x00\n\n\n"[..], Fault::Compressed),
        (&b"\x28\xb5\x2f\xfd\n\n"[..], Fault::Compressed),
        (&b"\xff\xfe{\0}\0\n\0"[..], Fault::NotUtf8),
    ] {
        let items: Vec<_> = split(SourceType::AwsVpcFlow, payload).collect();
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].record, Err(fault));
        assert_eq!(items[0].bytes, payload);
    }
}

#[test]
fn flow_lines_take_their_order_from_the_header() {
    let payload = "\n2 1 eni-a 10.0.0.1 10.0.0.2 1 2 6 1 1 1 2 ACCEPT OK\r\n\
        srcaddr  dstaddr\taccount-id version\r\n\
        10.0.0.1  10.0.0.2   1 3\r\n\
        \r\n\
        10.0.0.1 10.0.0.2 1\n\
        version,account_id,SRCADDR\n\
        3,\"1\",-\n\
        3, 2 , 10.0.0.9";
    let items = flow(payload);
    let shown: Vec<_> = items
        .iter()
        .map(|item| (item.line, item.context, item.record))
        .collect();
    let first = Some("srcaddr  dstaddr\taccount-id version");
    let second = Some("version,account_id,SRCADDR");
    assert_eq!(
        shown,
        [
            (
                2,
                None,
                Ok("2 1 eni-a 10.0.0.1 10.0.0.2 1 2 6 1 1 1 2 ACCEPT OK")
            ),
            (4, first, Ok("10.0.0.1  10.0.0.2   1 3")),
            (6, first, Err(Fault::FieldCount)),
            (8, second, Ok("3,\"1\",-")),
            (9, second, Ok("3, 2 , 10.0.0.9")),
        ]
    );
    for item in items {
        assert_eq!(
            check_record(SourceType::AwsVpcFlow, item.bytes, item.context),
            item.record
        );
    }
}

#[test]
fn flow_lines_that_no_header_explains_are_told() {
    let v3 = "3 vpc-1 10.0.0.1";
    assert_eq!(told(&flow(v3)), [(1, "MISSING_HEADER")]);
    let twice = "version srcaddr srcaddr\n2 10.0.0.1 10.0.0.2\nversion\n2";
    assert_eq!(told(&flow(twice)), [(2, "BAD_HEADER"), (4, "2")]);
    fn check<'a>(line: &'a str, header: Option<&str>) -> Result<&'a str, Fault> {
        check_record(SourceType::AwsVpcFlow, line.as_bytes(), header)
    }
    assert_eq!(check("2", Some("nothing known")), Err(Fault::BadHeader));
    assert_eq!(check("2", Some("")), Err(Fault::BadHeader));
    assert_eq!(check("2", Some("start new new")), Err(Fault::BadHeader));
    let wide: String = (0..256).map(|n| format!("start{n} ")).collect();
    assert_eq!(
        check("2", Some(&format!("{wide}start"))),
        Err(Fault::BadHeader)
    );
    assert_eq!(check("", None), Err(Fault::MissingHeader));
    assert_eq!(check("2 x", Some("${version} ${vpc-id}")), Ok("2 x"));
    let bytes = b"version action\n2 \xff\n2 OK";
    let items: Vec<_> = split(SourceType::AwsVpcFlow, bytes).collect();
    assert_eq!(told(&items), [(2, "NOT_UTF8"), (3, "2 OK")]);
}

#[test]
fn codes_are_distinct() {
    let mut codes: Vec<_> = Fault::ALL.iter().map(|fault| fault.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Fault::ALL.len());
}

/// JSON values and what damaged files hold in their place.
fn fragment() -> impl Strategy<Value = String> {
    let tokens = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\n",
        "\r\n",
        " ",
        "\"a\"",
        "\"Records\"",
        "1",
        "-0.5e3",
        "null",
        "true",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\u{e9}",
        "{\"a\":1}",
        "{\"Records\":[",
        "]}",
        "},{",
        "\u{1}",
        "x",
        "00",
        "1e999",
        "{\"a\":[{\"a\":2}]}",
    ]);
    prop::collection::vec(tokens, 0..24).prop_map(|parts| parts.concat())
}

/// The items lie one behind the other and leave nothing but punctuation.
fn accounts_for_everything(payload: &[u8], items: &[Item<'_>]) {
    let mut at = 0;
    let mut line = 1;
    let mut between = Vec::new();
    for item in items {
        assert!(item.offset >= at, "items overlap: {items:?}");
        assert_eq!(
            &payload[item.offset..item.offset + item.bytes.len()],
            item.bytes
        );
        between.extend_from_slice(&payload[at..item.offset]);
        line += payload[at..item.offset]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count() as u64;
        assert_eq!(item.line, line);
        at = item.offset + item.bytes.len();
        line += item.bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        if let Ok(text) = item.record {
            assert_eq!(text.as_bytes(), item.bytes);
        }
    }
    between.extend_from_slice(&payload[at..]);
    assert!(
        between.iter().all(|byte| b" \t\r\n\x0c,[]".contains(byte)),
        "left out: {:?}",
        String::from_utf8_lossy(&between)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn splitting_never_panics_and_leaves_nothing_out(text in fragment()) {
        let items = json(text.as_bytes());
        for item in &items {
            let alone = check_record(SourceType::AwsCloudTrail, item.bytes, None);
            if item.record.is_ok() {
                prop_assert_eq!(alone, item.record);
            }
        }
        if !text.contains("Records") {
            accounts_for_everything(text.as_bytes(), &items);
        }
    }

    #[test]
    fn arbitrary_bytes_are_split(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let items = json(&bytes);
        if !items.iter().any(|item| item.record == Err(Fault::Compressed)) {
            let mark = if bytes.starts_with(BYTE_ORDER_MARK) { 3 } else { 0 };
            if mark == 0 {
                accounts_for_everything(&bytes, &items);
            }
        }
        let _ = split(SourceType::AwsVpcFlow, &bytes).count();
    }

    #[test]
    fn good_lines_survive_bad_neighbours(lines in prop::collection::vec(
        prop_oneof![
            (0..1000u32).prop_map(|n| (format!("{{\"id\":{n},\"x\":{{\"y\":[{n}]}}}}"), true)),
            fragment().prop_map(|text| (text.replace(['\n', '\r'], ""), false)),
        ], 1..12), crlf in any::<bool>())
    {
        // The first line tells lines from documents; a whole one is all it takes.
        let mut text = String::from("{\"id\":\"first\"}\n");
        for (line, _) in &lines {
            text.push_str(line);
            text.push_str(if crlf { "\r\n" } else { "\n" });
        }
        let items = json(text.as_bytes());
        for (at, (line, good)) in lines.iter().enumerate() {
            let here: Vec<_> = items.iter().filter(|item| item.line == at as u64 + 2).collect();
            if *good {
                prop_assert_eq!(here.len(), 1);
                prop_assert_eq!(here[0].record, Ok(line.as_str()));
            } else if serde_json::from_str::<serde_json::Value>(line).is_err()
                && !line.trim().is_empty()
            {
                prop_assert!(!here.is_empty(), "line {} told nothing", at + 2);
            }
        }
    }

    #[test]
    fn good_elements_survive_a_damaged_one(
        before in 0..4usize, after in 0..4usize, cut in 1..30usize, wrapped in any::<bool>())
    {
        let record = |n: usize| format!("{{\"eventVersion\":\"1\",\"n\":{n},\"l\":[{{\"k\":\"v\"}}]}}");
        let damaged = &record(999)[..cut];
        let mut parts: Vec<String> = (0..before).map(record).collect();
        parts.push(damaged.to_owned());
        parts.extend((0..after).map(|n| record(100 + n)));
        let list = format!("[{}]", parts.join(","));
        let text = if wrapped { format!("{{\"Records\":{list}}}") } else { list };
        let items = json(text.as_bytes());
        let good: Vec<String> = items
            .iter()
            .filter_map(|item| item.record.ok())
            .map(str::to_owned)
            .collect();
        // A record cut within its first key gives no anchor; then only the records before
        // it can be told apart if it is the first.
        if before > 0 || cut >= 15 {
            let mut expected: Vec<String> = (0..before).map(record).collect();
            expected.extend((0..after).map(|n| record(100 + n)));
            prop_assert_eq!(good, expected, "{}", text);
        }
        prop_assert!(items.iter().any(|item| item.record.is_err()));
    }

    #[test]
    fn flow_lines_are_all_told(lines in prop::collection::vec("[ -~]{0,60}", 0..12)) {
        let text = lines.join("\n");
        let items = flow(&text);
        let headers = lines.iter().filter(|line| Layout::is_header(line.trim())).count();
        let blank = lines.iter().filter(|line| line.trim().is_empty()).count();
        prop_assert_eq!(items.len(), lines.len() - headers - blank);
    }

    #[test]
    fn the_scanner_agrees_with_the_parser(text in fragment()) {
        let parsed = serde_json::from_str::<serde_json::Value>(&text);
        let scanned = Scanner::default().value(text.as_bytes(), 0);
        let whole = scanned.is_ok_and(|s| text[s.end..].trim_matches([' ', '\n', '\r', '\t']).is_empty());
        prop_assert_eq!(parsed.is_ok(), whole, "{:?} {:?} {:?}", text, parsed, scanned);
        if let (Err(error), Err(broken)) = (parsed, scanned) {
            prop_assert_eq!(error.is_eof(), broken == Broken::Truncated, "{:?} {}", text, error);
        }
    }
}
