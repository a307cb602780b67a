use proptest::prelude::*;

use super::*;

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
        "\u{e9}",
        "{\"a\":1}",
        "{\"Records\":[",
        "]}",
        "},{",
        "\u{1}",
        "x",
        "00",
        "{\"a\":[{\"a\":2}]}",
    ]);
    prop::collection::vec(tokens, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_comes_is_split_and_every_record_is_an_object(text in fragment()) {
        for piece in json(text.as_bytes()) {
            if let Piece::Record { bytes, .. } = piece {
                let value: serde_json::Value = serde_json::from_slice(&bytes)
                    .unwrap_or(serde_json::Value::Object(serde_json::Map::new()));
                prop_assert!(value.is_object(), "{text:?}: {bytes:?}");
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_split(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        json(&bytes);
        pieces(&bytes, Form::FlowLog(None));
        pieces(&bytes, Form::Lines);
        pieces(&bytes, Form::of("k8s.audit", None));
    }

    #[test]
    fn good_lines_survive_bad_neighbours(lines in prop::collection::vec(
        prop_oneof![
            (0..1000_u32).prop_map(|n| (format!("{{\"id\":{n},\"x\":{{\"y\":[{n}]}}}}"), true)),
            fragment().prop_map(|text| (text.replace(['\n', '\r', '[', ']'], ""), false)),
        ], 1..12), crlf in any::<bool>())
    {
        // The first line tells lines from documents; a whole one is all it takes. Lists may go
        // on over lines, so that one that is not closed takes what follows for its own.
        let end = if crlf { "\r\n" } else { "\n" };
        let text: String = std::iter::once("{\"id\":\"first\"}")
            .chain(lines.iter().map(|(line, _)| line.as_str()))
            .flat_map(|line| [line, end])
            .collect();
        let pieces = json(text.as_bytes());
        for (at, (line, good)) in lines.iter().enumerate() {
            let here: Vec<_> = told(&pieces).into_iter().filter(|(n, _)| *n == at as u64 + 2).collect();
            if *good {
                prop_assert_eq!(here, [(at as u64 + 2, line.as_str())]);
            } else if !line.trim().is_empty()
                && serde_json::from_str::<serde_json::Value>(line).is_err()
            {
                prop_assert!(!here.is_empty(), "line {} told nothing", at + 2);
            }
        }
    }

    #[test]
    fn how_the_bytes_arrive_does_not_matter(text in fragment(), chunk in 1..9_usize) {
        let whole: Vec<_> = Splitter::new(text.as_bytes(), Form::Json).unwrap()
            .map(Result::unwrap).collect();
        let slow: Vec<_> = Splitter::new(Slow(text.as_bytes(), chunk), Form::Json).unwrap()
            .map(Result::unwrap).collect();
        prop_assert_eq!(whole, slow);
    }
}
