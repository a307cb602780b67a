use std::io::Write as _;

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;

mod flow;
mod lines;
mod property;
mod wrapped;

/// Gives a file in pieces of any size, as a pipe does.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(into.len()).min(self.0.len());
        into[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

fn pieces(file: &[u8], form: Form<'_>) -> Vec<Piece> {
    let whole: Vec<_> = Splitter::new(file, form)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    if file.len() < 10_000 {
        let slow: Vec<_> = Splitter::new(Slow(file, 7), form)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(whole, slow, "it must not matter how the bytes arrive");
    }
    whole
}

/// Line and either the record or the fault's code, for short expectations.
fn told(pieces: &[Piece]) -> Vec<(u64, &str)> {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Record { line, bytes, .. } => (*line, std::str::from_utf8(bytes).unwrap()),
            Piece::Unreadable { line, fault, .. } => (*line, fault.as_str()),
        })
        .collect()
}

fn json(file: &[u8]) -> Vec<Piece> {
    pieces(file, Form::Json)
}

fn gzip(file: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(file).unwrap();
    encoder.finish().unwrap()
}

fn good(pieces: &[Piece]) -> Vec<&str> {
    pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Record { bytes, .. } => Some(std::str::from_utf8(bytes).unwrap()),
            Piece::Unreadable { .. } => None,
        })
        .collect()
}

#[test]
fn every_shape_of_file_gives_its_records() {
    let cases: [(&str, &[(u64, &str)]); 21] = [
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
            "[{\"a\":1}\n{\"a\":2},]",
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
        (
            "{\"a\":\"\\\"Records\\\":[\"}",
            &[(1, "{\"a\":\"\\\"Records\\\":[\"}")],
        ),
        ("[[{\"a\":1}]]", &[(1, "NOT_AN_OBJECT")]),
    ];
    for (file, expected) in cases {
        assert_eq!(told(&json(file.as_bytes())), expected, "{file}");
        assert_eq!(
            told(&json(&gzip(file.as_bytes()))),
            expected,
            "{file} in gzip"
        );
    }
}

#[test]
fn records_keep_their_bytes() {
    let record = "{ \"n\" : 1.0e+2 , \"u\":\"\\u00e4\", \"n\":2 }";
    for file in [
        record.to_owned(),
        format!("[\t{record}\r\n]"),
        format!("{{\"Records\":[{record}]}}"),
    ] {
        assert_eq!(good(&json(file.as_bytes())), [record]);
    }
}

#[test]
fn a_bad_line_is_told_and_the_next_is_read() {
    let file = b"{\"a\":1}\n{\"a\":\n{\"a\":2}\nhello\n\"text\"\nnull\n\n{\"a\":\"\xff\"}\n{\"a\":3}}\n{\"a\":4} x\n{\"a\":5";
    let pieces = json(file);
    assert_eq!(
        told(&pieces),
        [
            (1, "{\"a\":1}"),
            (2, "MALFORMED_JSON"),
            (3, "{\"a\":2}"),
            (4, "MALFORMED_JSON"),
            (5, "NOT_AN_OBJECT"),
            (6, "NOT_AN_OBJECT"),
            (8, "NOT_UTF8"),
            (9, "MALFORMED_JSON"),
            (10, "MALFORMED_JSON"),
            (11, "TRUNCATED"),
        ]
    );
    let contents: Vec<_> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Unreadable { content, .. } => Some(content.as_ref()),
            Piece::Record { .. } => None,
        })
        .collect();
    assert_eq!(contents[0], b"{\"a\":");
    assert_eq!(contents[4], b"{\"a\":\"\xff\"}");
    assert_eq!(contents[6], b"{\"a\":4} x");
    assert_eq!(contents[7], b"{\"a\":5");
}

#[test]
fn bytes_that_are_no_text_are_told_as_that() {
    let file = b"{\"a\":1}\n\xff\xfe\n{\"a\":\xe4}\n{\"a\":2}\n";
    assert_eq!(
        told(&json(file)),
        [
            (1, "{\"a\":1}"),
            (2, "NOT_UTF8"),
            (3, "NOT_UTF8"),
            (4, "{\"a\":2}")
        ]
    );
    let list = b"[{\"a\":1},{\"a\":\xff},{\"a\":2}]";
    assert_eq!(
        told(&json(list)),
        [(1, "{\"a\":1}"), (1, "NOT_UTF8"), (1, "{\"a\":2}")]
    );
}

#[test]
fn a_bad_first_line_does_not_decide_for_the_rest() {
    for first in [
        "{\"a\": {",
        "{\"a\": }",
        "garbage",
        "{\"a\": [1,",
        "}",
        "[",
        "\"x",
    ] {
        let file = format!("{first}\n{{\"a\":1}}\n{{\"a\":2}}\n");
        let pieces = json(file.as_bytes());
        assert_eq!(good(&pieces), ["{\"a\":1}", "{\"a\":2}"], "{first}");
        assert_eq!(pieces.len(), 3, "{first}: {pieces:?}");
    }
}

#[test]
fn a_bad_element_is_told_and_the_next_is_read() {
    for bad in [
        "{\"v\":1,\"x\":{\"y\":2} ",
        "{\"v\":1,,}",
        "{\"v\":1]",
        "{\"v\":01}",
        "{\"v\":tru}",
        "{\"v\":\"\\q\"}",
        "{\"v\":\"a\nb\"}",
    ] {
        for (before, after) in [
            ("[", "]"),
            ("{\"Records\":[", "]}"),
            ("{\"Records\": [\n  ", "\n]\n}\n"),
        ] {
            let file = format!(
                "{before}{{\"v\":1,\"n\":[{{\"v\":7}}]}},{bad},{{\"v\":2}},{{\"v\":3}}{after}"
            );
            let pieces = json(file.as_bytes());
            assert_eq!(
                good(&pieces),
                ["{\"v\":1,\"n\":[{\"v\":7}]}", "{\"v\":2}", "{\"v\":3}"],
                "{file}"
            );
            let [Piece::Unreadable { fault, content, .. }] = &pieces
                .iter()
                .filter(|piece| matches!(piece, Piece::Unreadable { .. }))
                .collect::<Vec<_>>()[..]
            else {
                panic!("{file}: {pieces:?}");
            };
            assert_eq!(*fault, Fault::MalformedJson, "{file}");
            assert_eq!(content.as_ref(), bad.trim().as_bytes(), "{file}");
        }
    }
}

#[test]
fn a_cut_file_gives_what_is_whole_and_says_so() {
    let whole = "{\"Records\":[{\"v\":1},{\"v\":[{\"v\":2}]}]}";
    for length in 1..whole.len() {
        let pieces = json(&whole.as_bytes()[..length]);
        let bad: Vec<_> = told(&pieces)
            .into_iter()
            .filter(|(_, text)| !text.starts_with('{'))
            .collect();
        assert_eq!(bad.len(), 1, "{length}: {pieces:?}");
        let expected = usize::from(length >= 19) + usize::from(length >= 35);
        assert_eq!(good(&pieces).len(), expected, "{length}");
        if length >= 12 {
            assert_eq!(bad[0].1, "TRUNCATED", "{length}");
        }
    }
}

#[test]
fn a_cut_gzip_gives_what_could_be_unpacked_and_one_rejected_record() {
    // Numbers that do not compress well, so that cuts fall within records.
    let lines: Vec<String> = (0..2_000_u64)
        .map(|number| {
            let noise = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!(
                "{{\"id\":{number},\"noise\":\"{noise:x}{:x}\"}}",
                noise.rotate_left(31)
            )
        })
        .collect();
    let list = format!("{{\"Records\":[{}]}}", lines.join(","));
    for file in [lines.join("\n") + "\n", list] {
        let packed = gzip(file.as_bytes());
        for cut in [
            11,
            packed.len() / 3,
            packed.len() / 2,
            packed.len() - 9,
            packed.len() - 1,
        ] {
            let pieces = json(&packed[..cut]);
            let read = good(&pieces);
            assert_eq!(read, lines[..read.len()], "{cut}");
            assert_eq!(pieces.len(), read.len() + 1, "{cut}");
            let last = pieces.last().unwrap();
            assert!(
                matches!(
                    last,
                    Piece::Unreadable {
                        fault: Fault::TruncatedInput,
                        ..
                    }
                ),
                "{cut}: {last:?}"
            );
        }
        let mut damaged = packed.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 64].fill(0xff);
        let pieces = json(&damaged);
        let faults: Vec<_> = told(&pieces)
            .into_iter()
            .filter(|(_, text)| !text.starts_with('{'))
            .collect();
        assert!(
            faults.iter().any(|(_, text)| *text == "CORRUPT_INPUT"),
            "{faults:?}"
        );
    }
}

#[test]
fn gzip_files_one_behind_the_other_are_all_read() {
    let mut file = gzip(b"{\"a\":1}\n");
    file.extend(gzip(b"{\"a\":2}\n"));
    assert_eq!(told(&json(&file)), [(1, "{\"a\":1}"), (2, "{\"a\":2}")]);
}

#[test]
fn what_is_too_long_is_one_bad_record_and_the_next_is_read() {
    let long = "x".repeat(MAX_RECORD_BYTES + 1);
    let object = format!("{{\"a\":\"}}]{long}\"}}");
    let text = format!("\"{long}\"");
    for (file, line) in [
        (format!("{long}\n{{\"b\":1}}\n"), 2),
        (format!("{object}\n{{\"b\":1}}\n"), 2),
        (
            format!("{{\"a\":1}}\n{long}{long}{long}{long}{long}{long}\n{{\"b\":1}}\n"),
            3,
        ),
        (format!("[{object},{{\"b\":1}}]"), 1),
        (format!("[{text},{{\"b\":1}}]"), 1),
        (format!("{{\"Records\":[{object},\n{{\"b\":1}}]}}"), 2),
        (
            format!("{{\"Records\":[{{\"a\":[{object},{object},{object}]}},{{\"b\":1}}]}}"),
            1,
        ),
    ] {
        let pieces = json(file.as_bytes());
        let told: Vec<_> = told(&pieces)
            .into_iter()
            .filter(|(_, text)| *text != "{\"a\":1}")
            .collect();
        assert_eq!(told.len(), 2, "{}", &file[..30]);
        assert_eq!(told[0].1, "TOO_LARGE", "{}", &file[..30]);
        assert_eq!(told[1], (line, "{\"b\":1}"), "{}", &file[..30]);
        let kept = pieces.iter().find_map(|piece| match piece {
            Piece::Unreadable { content, .. } => Some(content.len()),
            Piece::Record { .. } => None,
        });
        assert_eq!(kept, Some(MAX_RECORD_BYTES));
    }
    // Just as long as may be.
    let longest = format!("{{\"a\":\"{}\"}}", &long[9..]);
    assert_eq!(longest.len(), MAX_RECORD_BYTES);
    let file = format!("{longest}\n{longest}\n");
    assert_eq!(good(&json(file.as_bytes())), [&longest, &longest]);
}

#[test]
fn a_line_of_a_hundred_megabytes_takes_no_more_memory_than_others() {
    let line = io::repeat(b'x').take(100_000_000);
    let file = line.chain(&b"\n{\"a\":1}"[..]);
    let pieces: Vec<_> = Splitter::new(file, Form::Json)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(told(&pieces), [(1, "TOO_LARGE"), (2, "{\"a\":1}")]);
}

#[test]
fn many_records_on_one_long_line_are_read() {
    let record = format!("{{\"v\":\"{}\"}}", "x".repeat(1_000));
    for (before, between, after) in [
        ("{\"Records\":[", ",", "]}"),
        ("[", ",", "]"),
        ("", "", ""),
        ("{\"o\":{},\"Records\":[", ",", "]}"),
    ] {
        let file = format!(
            "{before}{}{after}",
            vec![record.as_str(); 5_000].join(between)
        );
        let pieces = json(file.as_bytes());
        assert_eq!(pieces.len(), 5_000);
        assert!(good(&pieces).iter().all(|read| *read == record));
    }
}

#[test]
fn work_is_bounded_whatever_comes() {
    let many = 20_000;
    for file in [
        "[".repeat(many),
        "[\n".repeat(many),
        "{\"a\":\n".repeat(many),
        "{\"a\":[\n".repeat(many),
        "{\n".repeat(many),
        "{}".repeat(many),
        "{\"a\":\"".repeat(many),
        "{\"Records\":[".repeat(many),
        "{\"Records\":[\n".repeat(many),
        format!("[{}", "{\"a\":[{\"a\":1 ".repeat(many / 10)),
        "{\"b\":0,\"Records\":[]".repeat(many / 10),
    ] {
        let mut splitter = Splitter::new(file.as_bytes(), Form::Json).unwrap();
        assert!(splitter.by_ref().count() > 0);
        let Inner::Json(documents) = &splitter.0 else {
            panic!("not JSON");
        };
        let bound = file.len() as u64 * 8 + (32 << 20);
        assert!(
            documents.work() < bound,
            "{}: {}",
            &file[..20],
            documents.work()
        );
    }
}

#[test]
fn what_is_no_text_is_one_bad_record() {
    for (file, fault) in [
        (&b"\x28\xb5\x2f\xfd\n\n"[..], "COMPRESSED"),
        (&b"\xff\xfe{\0}\0\n\0"[..], "NOT_UTF8"),
    ] {
        for form in [Form::Json, Form::FlowLog(None), Form::Lines] {
            let pieces = pieces(file, form);
            assert_eq!(told(&pieces), [(1, fault)]);
            assert!(matches!(&pieces[0], Piece::Unreadable { content, .. } if content == file));
        }
    }
    let twice = gzip(&gzip(b"{}"));
    assert_eq!(told(&json(&twice)), [(1, "COMPRESSED")]);
}

#[test]
fn codes_are_distinct() {
    let all = [
        Fault::MalformedJson,
        Fault::NotAnObject,
        Fault::TooLarge,
        Fault::NotUtf8,
        Fault::Truncated,
        Fault::TruncatedInput,
        Fault::CorruptInput,
        Fault::Compressed,
        Fault::MissingHeader,
    ];
    let codes: std::collections::HashSet<_> = all.iter().map(|fault| fault.as_str()).collect();
    assert_eq!(codes.len(), all.len());
}

#[test]
fn real_files_are_split_as_a_parser_reads_them() {
    let shared = std::env::var_os("CORDON_SHARED").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        Into::into,
    );
    let folders = [
        "cloudtrail-invictus",
        "cloudtrail-stratus",
        "cloudtrail-traildiscover/logs",
    ];
    let mut files = 0;
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(shared.join("data").join(folder)) else {
            eprintln!("skipped: no {folder} in {}", shared.display());
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if !path.to_string_lossy().contains(".json") {
                continue;
            }
            let file = std::fs::read(&path).unwrap();
            let mut text = Vec::new();
            if file.starts_with(&[0x1f, 0x8b]) {
                MultiGzDecoder::new(&file[..])
                    .read_to_end(&mut text)
                    .unwrap();
            } else {
                text.clone_from(&file);
            }
            let mut expected: Vec<serde_json::Value> = Vec::new();
            for value in serde_json::Deserializer::from_slice(&text).into_iter() {
                match value.unwrap() {
                    serde_json::Value::Array(list) => expected.extend(list),
                    serde_json::Value::Object(mut object) if object.contains_key("Records") => {
                        let records = object.remove("Records").unwrap();
                        expected.extend(records.as_array().unwrap().clone());
                    }
                    value => expected.push(value),
                }
            }
            let split: Vec<serde_json::Value> = good(&json(&file))
                .into_iter()
                .map(|record| serde_json::from_str(record).unwrap())
                .collect();
            assert_eq!(split, expected, "{}", path.display());
            files += 1;
        }
    }
    eprintln!("{files} files compared");
}
