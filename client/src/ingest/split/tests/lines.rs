use super::*;

#[test]
fn every_line_that_is_not_blank_is_a_record() {
    let file =
        b"\xef\xbb\xbfNov 24 05:00:00 web sshd[1]: Connection closed\r\n\r\n  {\"line\":\"x\"}\n\
                 [1,2]\n\xff\nlast";
    for file in [file.to_vec(), gzip(file)] {
        let pieces = pieces(&file, Form::of("linux.auth", None));
        assert_eq!(
            told(&pieces),
            [
                (1, "Nov 24 05:00:00 web sshd[1]: Connection closed"),
                (3, "{\"line\":\"x\"}"),
                (4, "[1,2]"),
                (5, "NOT_UTF8"),
                (6, "last"),
            ]
        );
    }
    assert!(pieces(b" \n\n", Form::Lines).is_empty());
}

#[test]
fn a_line_that_is_too_long_takes_no_other_with_it() {
    for length in [MAX_RECORD_BYTES, MAX_RECORD_BYTES + 1, 3 * MAX_RECORD_BYTES] {
        let file = format!("one\n{}\nthree\n", "x".repeat(length));
        let pieces = pieces(file.as_bytes(), Form::Lines);
        let codes: Vec<_> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Record { bytes, .. } => bytes.len().to_string(),
                Piece::Unreadable { fault, .. } => fault.as_str().to_owned(),
            })
            .collect();
        let middle = if length > MAX_RECORD_BYTES {
            "TOO_LARGE".to_owned()
        } else {
            length.to_string()
        };
        assert_eq!(codes, ["3".to_owned(), middle, "5".to_owned()], "{length}");
    }
}

#[test]
fn a_line_that_was_cut_is_not_taken_for_a_whole_one() {
    let lines: String = (0..5_000_u64)
        .map(|number| format!("{} line\n", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    let packed = gzip(lines.as_bytes());
    let pieces = pieces(&packed[..packed.len() / 2], Form::Lines);
    let whole = good(&pieces);
    assert!(whole.len() > 1_000 && whole.iter().all(|line| line.ends_with(" line")));
    assert_eq!(
        told(&pieces).last().map(|(_, told)| *told),
        Some("TRUNCATED_INPUT")
    );
}
