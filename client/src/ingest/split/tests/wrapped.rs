use super::*;

/// The words of each cloud for the list that holds records.
const WORDS: [(&str, &str); 6] = [
    ("gcp.audit", "entries"),
    ("azure.activity", "records"),
    ("azure.activity", "value"),
    ("azure.signin", "value"),
    ("k8s.audit", "items"),
    ("k8s.audit", "records"),
];

#[test]
fn each_cloud_has_its_word_for_a_list_of_records() {
    for (source_type, word) in WORDS {
        let form = Form::of(source_type, None);
        for file in [
            format!("{{\"{word}\":[{{\"n\":1}},{{\"n\":2}}]}}"),
            format!(
                "{{\"kind\":\"L\",\n\"{word}\" : [\n{{\"n\":1}},\n{{\"n\":2}}],\"next\":\"x\"}}\n"
            ),
            "[{\"n\":1},{\"n\":2}]".to_owned(),
            "{\"n\":1}\n{\"n\":2}\n".to_owned(),
        ] {
            assert_eq!(
                good(&pieces(file.as_bytes(), form)),
                ["{\"n\":1}", "{\"n\":2}"],
                "{source_type}: {file}"
            );
        }
        // A delivery in which nothing happened, one a line.
        let lines = format!(
            "{{\"{word}\":[{{\"n\":1}}]}}\n{{\"{word}\":[]}}\n{{\"{word}\":[{{\"n\":2}}]}}\n"
        );
        assert_eq!(
            told(&pieces(lines.as_bytes(), form)),
            [(1, "{\"n\":1}"), (3, "{\"n\":2}")],
            "{source_type}"
        );
    }
}

#[test]
fn another_sources_word_is_a_field_like_any_other() {
    for (source_type, word) in WORDS {
        let file = format!("{{\"{word}\":[{{\"n\":1}}]}}");
        for other in ["aws.cloudtrail", "ocsf", "openstack.notification"] {
            assert_eq!(
                good(&pieces(file.as_bytes(), Form::of(other, None))),
                [&file],
                "{source_type} as {other}"
            );
        }
        let own = Form::of(source_type, None);
        // Within a record, or with something else than a list, the word wraps nothing.
        for file in [
            format!("{{\"a\":{{\"{word}\":[{{\"n\":1}}]}}}}"),
            format!("{{\"{word}\":{{\"n\":1}}}}"),
            "{\"Records\":[{\"n\":1}]}".to_owned(),
        ] {
            assert_eq!(
                good(&pieces(file.as_bytes(), own)),
                [&file],
                "{source_type}"
            );
        }
    }
}

#[test]
fn a_bad_record_of_a_list_takes_no_other_with_it() {
    let file = b"{\"value\":[{\"n\":1},{\"n\":x},{\"n\":3}]}";
    assert_eq!(
        told(&pieces(file, Form::of("azure.signin", None))),
        [(1, "{\"n\":1}"), (1, "MALFORMED_JSON"), (1, "{\"n\":3}")]
    );
}
