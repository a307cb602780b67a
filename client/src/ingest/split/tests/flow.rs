use super::super::flow::DEFAULT_FIELDS;
use super::*;

/// Line, header and record or fault.
fn flow(pieces: &[Piece]) -> Vec<(u64, &str, &str)> {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Record {
                line,
                bytes,
                context,
            } => (*line, context.as_ref(), std::str::from_utf8(bytes).unwrap()),
            Piece::Unreadable { line, fault, .. } => (*line, "", fault.as_str()),
        })
        .collect()
}

#[test]
fn flow_lines_take_their_order_from_the_header() {
    let line = "2 1 eni-a 10.0.0.1 10.0.0.2 1 2 6 1 1 1 2 ACCEPT OK";
    let file = format!(
        "\n{line}\r\nsrcaddr  dstaddr\taccount-id version\r\n10.0.0.1  10.0.0.2   1 3\r\n\r\n\
         version,account_id,SRCADDR\n3,\"1\",-\n${{vpc-id}} ${{version}}\nvpc-1 3"
    );
    let first = "srcaddr  dstaddr\taccount-id version";
    let second = "version,account_id,SRCADDR";
    for file in [file.clone().into_bytes(), gzip(file.as_bytes())] {
        let pieces = pieces(&file, Form::FlowLog(None));
        assert_eq!(
            flow(&pieces),
            [
                (2, DEFAULT_FIELDS, line),
                (4, first, "10.0.0.1  10.0.0.2   1 3"),
                (7, second, "3,\"1\",-"),
                (9, "${vpc-id} ${version}", "vpc-1 3"),
            ]
        );
    }
}

#[test]
fn flow_lines_without_a_header_are_of_the_format_that_is_given() {
    let file = b"3 vpc-1 10.0.0.1\n2 \xff\n";
    assert_eq!(
        told(&pieces(file, Form::FlowLog(None))),
        [(1, "MISSING_HEADER"), (2, "NOT_UTF8")]
    );
    let fields = " version vpc-id srcaddr ";
    let pieces = pieces(file, Form::FlowLog(Some(fields)));
    assert_eq!(
        flow(&pieces)[0],
        (1, "version vpc-id srcaddr", "3 vpc-1 10.0.0.1")
    );
}

#[test]
fn a_flow_line_that_was_cut_is_not_taken_for_a_whole_one() {
    let lines: String = (0..5_000_u64)
        .map(|number| {
            let bytes = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            format!(
                "2 123456789012 eni-{bytes:x} 10.0.0.1 10.0.0.2 1 2 6 1 {bytes} 1 2 ACCEPT OK\n"
            )
        })
        .collect();
    let packed = gzip(lines.as_bytes());
    for cut in (1..20).map(|part| packed.len() * part / 20) {
        let pieces = pieces(&packed[..cut], Form::FlowLog(None));
        let (last, records) = pieces.split_last().unwrap();
        assert!(
            matches!(
                last,
                Piece::Unreadable {
                    fault: Fault::TruncatedInput,
                    ..
                }
            ),
            "{last:?}"
        );
        for (record, line) in records.iter().zip(lines.lines()) {
            assert!(matches!(record, Piece::Record { bytes, .. } if bytes == line));
        }
    }
    // A plain file may end without a line's end.
    let plain = lines.trim_end();
    assert_eq!(pieces(plain.as_bytes(), Form::FlowLog(None)).len(), 5_000);
}

#[test]
fn a_flow_line_that_is_too_long_is_told() {
    let file = format!("{}\nversion action\n2 OK\n", "2 ".repeat(3 << 20));
    let pieces = pieces(file.as_bytes(), Form::FlowLog(None));
    assert_eq!(told(&pieces), [(1, "TOO_LARGE"), (3, "2 OK")]);
}
