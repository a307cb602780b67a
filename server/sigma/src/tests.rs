use proptest::prelude::*;

use crate::window::{Hit, MAX_GROUPS, MAX_HITS, Window};
use crate::{Anchor, Anchors, Correlation, CorrelationKind, MAX_BYTES, Rule, RuleError, compile};

/// A rule with this detection section, indented by four spaces.
fn rule(detection: &str) -> String {
    format!(
        "title: A rule\nlogsource:\n    product: aws\n    service: cloudtrail\n\
         detection:\n{detection}\nlevel: high\ntags:\n    - attack.t1562.008\n    \
         - attack.defense_impairment\n"
    )
}

fn filter(detection: &str) -> String {
    let made = compile(&rule(detection)).unwrap();
    let filter = made.selections[0].filter.clone();
    let before = "source_type = 'aws.cloudtrail' AND ";
    filter.strip_prefix(before).unwrap().to_owned()
}

fn refused(text: &str) -> RuleError {
    compile(text).unwrap_err()
}

#[test]
fn values_become_patterns() {
    let one = |item: &str| filter(&format!("    s:\n        {item}\n    condition: s"));
    for (item, expected) in [
        (
            "eventName: StopLogging",
            "ilike_any(operation, 'StopLogging')",
        ),
        (
            "eventName: [A, 'b*', c]",
            "ilike_any(operation, 'A', 'b%', 'c')",
        ),
        ("a.b: 5", "json_ilike_any(raw, 'a.b', '5')"),
        ("a: true", "json_ilike_any(raw, 'a', 'true')"),
        ("a: null", "json_is_null(raw, 'a')"),
        (
            "errorCode: [null, x]",
            "(json_is_null(raw, 'errorCode') OR json_ilike_any(raw, 'errorCode', 'x'))",
        ),
        ("a|contains: \"o'b\"", "json_ilike_any(raw, 'a', '%o''b%')"),
        ("a|startswith: '10%'", r"json_ilike_any(raw, 'a', '10\%%')"),
        ("a|endswith: _x", r"json_ilike_any(raw, 'a', '%\_x')"),
        ("a|cased: X", "json_like_any(raw, 'a', 'X')"),
        ("a: 'x?\\*'", "json_ilike_any(raw, 'a', 'x_*')"),
        (
            "a|contains|all: [x, z]",
            "(json_ilike_any(raw, 'a', '%x%') AND json_ilike_any(raw, 'a', '%z%'))",
        ),
        ("a|re: '^x.*$'", "json_regexp_any(raw, 'a', '^x.*$')"),
        ("a|re|i: 'x'", "json_regexp_any(raw, 'a', '(?i)x')"),
        (
            "a|cidr: [10.0.0.0/8, '2001:db8::/32']",
            "json_cidr_any(raw, 'a', '10.0.0.0/8', '2001:db8::/32')",
        ),
        ("a|gte: 3", "json_compare_any(raw, 'a', '>=', 3)"),
        ("a|lt: 0.5", "json_compare_any(raw, 'a', '<', 0.5)"),
        ("a|exists: true", "json_exists(raw, 'a')"),
        ("a|exists: false", "NOT json_exists(raw, 'a')"),
        ("a|fieldref: b.c", "json_same(raw, 'a', 'b.c')"),
        ("a|neq: x", "NOT json_ilike_any(raw, 'a', 'x')"),
        ("a|base64: abc", "json_ilike_any(raw, 'a', 'YWJj')"),
        (
            "a|base64offset|contains: foobar",
            "json_ilike_any(raw, 'a', '%Zm9vYmFy%', '%Zvb2Jhc%', '%mb29iYX%')",
        ),
        ("a|wide|base64: ab", "json_ilike_any(raw, 'a', 'YQBiAA==')"),
    ] {
        assert_eq!(one(item), expected, "{item}");
    }
    assert_eq!(
        filter("    k:\n        - 'two words'\n        - x\n    condition: k"),
        "ilike_any(raw, '%two words%', '%x%')"
    );
    assert_eq!(
        filter("    k:\n        - 'C:\\dir'\n    condition: k"),
        r"ilike_any(raw, '%C:\\dir%', '%C:\\\\dir%')"
    );
}

#[test]
fn conditions_keep_their_order_and_precedence() {
    let parts = "    sel_b:\n        eventName: B\n    sel_a:\n        eventName: A\n    \
                 filter:\n        awsRegion: x\n    condition: ";
    let a = "ilike_any(operation, 'A')";
    let b = "ilike_any(operation, 'B')";
    let x = "ilike_any(region, 'x')";
    for (condition, expected) in [
        (
            "sel_a or sel_b and not filter",
            format!("({a} OR ({b} AND NOT {x}))"),
        ),
        (
            "1 of sel_* and not filter",
            format!("(({a} OR {b}) AND NOT {x})"),
        ),
        ("all of them", format!("({x} AND {a} AND {b})")),
        (
            "2 of them",
            format!(
                "(CASE WHEN {x} THEN 1 ELSE 0 END + CASE WHEN {a} THEN 1 ELSE 0 END + \
                 CASE WHEN {b} THEN 1 ELSE 0 END >= 2)"
            ),
        ),
    ] {
        assert_eq!(
            filter(&format!("{parts}{condition}")),
            expected,
            "{condition}"
        );
    }
}

#[test]
fn what_an_event_must_hold_is_known() {
    let anchors = |detection: &str| {
        compile(&rule(detection)).unwrap().selections[0]
            .anchors
            .clone()
    };
    let operation = |name: &str| Anchor::Operation(name.to_owned());
    let text = |name: &str| Anchor::Text(name.to_owned());
    assert_eq!(
        anchors(
            "    s:\n        eventName: [StopLogging, DeleteTrail]\n        a|contains: longer-text\n    condition: s"
        ),
        Anchors::OneOf(vec![operation("deletetrail"), operation("stoplogging")])
    );
    assert_eq!(
        anchors(
            "    s:\n        eventName: 'Delete*'\n        a|contains: 'x Secret/y'\n    condition: s"
        ),
        Anchors::OneOf(vec![text("secret")])
    );
    assert_eq!(
        anchors("    s:\n        eventName: X\n    t:\n        a: longword\n    condition: s or t"),
        Anchors::OneOf(vec![operation("x"), text("longword")])
    );
    for any in [
        "    s:\n        eventName: X\n    condition: not s",
        "    s:\n        a: null\n    condition: s",
        "    s:\n        a: abc\n    condition: s",
        "    s:\n        a: 'gr\u{fc}\u{df}en-alle'\n    condition: s",
        "    s:\n        eventName: X\n    t:\n        a|re: longword\n    condition: s or t",
    ] {
        assert_eq!(anchors(any), Anchors::Any, "{any}");
    }
}

#[test]
fn what_a_rule_says_of_itself() {
    let made = compile(&rule("    s:\n        a: x\n    condition: s")).unwrap();
    assert_eq!(made.title, "A rule");
    assert_eq!(made.techniques, ["T1562.008"]);
    assert_eq!(made.tactics, ["defense-impairment"]);
    assert_eq!(made.level, crate::Level::High);
}

#[test]
fn mistakes_are_told_with_their_place() {
    let at = |error: &RuleError| (error.line, error.column);
    let error = refused(&rule("    s:\n        a|contian: x\n    condition: s"));
    assert!(error.message.contains("contian"), "{error}");
    assert_eq!(error.line, 7, "{error}");

    let error = refused(&rule("    s:\n        a: x\n    condition: s and"));
    assert_eq!(error.line, 8, "{error}");
    assert!(
        error.message.starts_with("the condition can't be read"),
        "{error}"
    );

    let error = refused(&rule("    s:\n        a: x\n    condition: t"));
    assert!(error.message.contains('t') && error.line == 8, "{error}");

    let error = refused("title: x\n  bad: [1\n");
    assert!(error.message.starts_with("this is no YAML"), "{error}");
    assert!(at(&error) > (1, 1), "{error}");

    let text = rule("    s:\n        a: x\n    condition: s")
        .replace("service: cloudtrail", "service: other");
    let error = refused(&text);
    assert!(error.message.contains("service other"), "{error}");
    assert_eq!(error.line, 2);

    for (detection, said) in [
        (
            "    s:\n        a|cidr: nowhere\n    condition: s",
            "no address range",
        ),
        ("    s:\n        a|gt: many\n    condition: s", "no number"),
        (
            "    s:\n        a|expand: '%x%'\n    condition: s",
            "placeholders",
        ),
        (
            "    s:\n        a|re: '('\n    condition: s",
            "regular expression",
        ),
        (
            "    s:\n        a: x\n    timeframe: 5m\n    condition: s",
            "timeframe",
        ),
        (
            "    s:\n        a: x\n    condition: 1 of t_*",
            "no selection",
        ),
        (
            "    s:\n        a: x\n    condition: s | count() > 5",
            "condition",
        ),
        (
            "    s:\n        a|wide: 'x*'\n    condition: s",
            "wildcards",
        ),
    ] {
        let error = refused(&rule(detection));
        assert!(error.message.contains(said), "{error}");
        assert!(error.line > 5, "{error}");
    }
}

#[test]
fn what_would_exhaust_the_server_is_refused() {
    let error = refused(&"x".repeat(MAX_BYTES + 1));
    assert!(error.message.contains("at most"), "{error}");

    let bomb = rule(
        "    s:\n        a|re: '((((((a{1,40}){1,40}){1,40}){1,40}){1,40}){1,40})'\n    condition: s",
    );
    assert!(refused(&bomb).message.contains("too large"));

    let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, of) in ["a", "b", "c", "d", "e", "f", "g", "h"]
        .iter()
        .zip(["b", "c", "d", "e", "f", "g", "h", "i"])
    {
        laughs.push_str(&format!(
            "{of}: &{of} [{}]\n",
            vec![format!("*{name}"); 10].join(", ")
        ));
    }
    assert!(refused(&laughs).message.contains("YAML"));

    let deep = format!("{}1{}", "[".repeat(2_000), "]".repeat(2_000));
    let deep = rule(&format!("    s:\n        a: {deep}\n    condition: s"));
    let error = refused(&deep);
    assert!(error.message.contains("recursion limit"), "{error}");
    let parentheses = |count: usize| {
        let condition = format!("{}s{}", "(".repeat(count), ")".repeat(count));
        rule(&format!("    s:\n        a: x\n    condition: {condition}"))
    };
    compile(&parentheses(5)).unwrap();
    let error = refused(&parentheses(500));
    assert!(error.message.contains("condition"), "{error}");
    let one = rule("    s:\n        a: x\n    condition: s");
    let error = refused(&vec![one.as_str(); 40].join("---\n"));
    assert!(error.message.contains("documents"), "{error}");
}

const BRUTE: &str = "title: Many failures\nname: many\ncorrelation:\n    type: event_count\n    \
    rules: [failure]\n    group-by: [sourceIPAddress]\n    timespan: 5m\n    condition:\n        \
    gte: 3\nlevel: high\n---\ntitle: A failure\nname: failure\nlogsource:\n    product: aws\n    \
    service: cloudtrail\ndetection:\n    s:\n        eventName: ConsoleLogin\n    condition: s\n";

fn correlation(text: &str) -> (Rule, Correlation) {
    let rule = compile(text).unwrap();
    let correlation = rule.correlation.clone().unwrap();
    (rule, correlation)
}

#[test]
fn correlations_are_understood() {
    let (rule, of) = correlation(BRUTE);
    assert_eq!(rule.title, "Many failures");
    assert_eq!(
        (of.kind, of.timespan, of.at_least),
        (CorrelationKind::EventCount, 300, 3)
    );
    assert_eq!(
        of.group_by,
        [[crate::Field::Path("sourceIPAddress".to_owned())]]
    );
    for (from, to, said) in [
        ("[failure]", "[other]", "not in this text"),
        ("event_count", "value_avg", "not known"),
        ("gte: 3", "lt: 3", "gte or gt"),
        ("gte: 3", "gte: 100000", "1 to 1000"),
        ("timespan: 5m", "timespan: 60d", "between 1s and 7d"),
        ("event_count", "value_count", "names one field"),
        (
            "type: event_count",
            "type: event_count\n    window: tumbling",
            "window slides",
        ),
    ] {
        let error = refused(&BRUTE.replace(from, to));
        assert!(error.message.contains(said), "{from} {error}");
        assert!(error.line > 1, "{from} {error}");
    }
    let idle = format!("{BRUTE}---\n{}", rule_text("Another"));
    assert!(refused(&idle).message.contains("not counted"));
}

fn rule_text(title: &str) -> String {
    rule("    s:\n        a: x\n    condition: s").replace("A rule", title)
}

fn hit(seconds: i64, id: u64, selection: u16, value: Option<&str>) -> Hit {
    let mut name = [0; 16];
    name[..8].copy_from_slice(&id.to_le_bytes());
    Hit {
        time: seconds * 1_000_000_000,
        name,
        selection,
        value: value.map(str::to_owned),
        notes: Vec::new(),
    }
}

fn ids(found: Option<Vec<Hit>>) -> Option<Vec<u64>> {
    found.map(|hits| {
        let id = |hit: &Hit| u64::from_le_bytes(hit.name[..8].try_into().unwrap());
        hits.iter().map(id).collect()
    })
}

fn group(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

#[test]
fn events_are_counted_by_group_and_time() {
    let (_, rule) = correlation(BRUTE);
    let mut window = Window::default();
    let mut take = |seconds, id, of: &str| {
        // What is kept between two looks is what goes on.
        let kept = serde_json::to_vec(&window).unwrap();
        window = serde_json::from_slice(&kept).unwrap();
        ids(window.take(&rule, &group(of), hit(seconds, id, 0, None)))
    };
    assert_eq!(take(0, 1, "a"), None);
    assert_eq!(take(10, 2, "b"), None);
    assert_eq!(take(20, 3, "a"), None);
    // The same event once more is no other event.
    assert_eq!(take(20, 3, "a"), None);
    assert_eq!(take(299, 4, "a"), Some(vec![1, 3, 4]));
    // One finding a timespan.
    assert_eq!(take(300, 5, "a"), None);
    assert_eq!(take(599, 6, "a"), None);
    assert_eq!(take(600, 7, "a"), None);
    assert_eq!(take(700, 8, "a"), Some(vec![6, 7, 8]));
    // What comes late joins what it belongs to.
    assert_eq!(take(400, 9, "b"), None);
    assert_eq!(take(410, 10, "b"), None);
    assert_eq!(take(300, 11, "b"), Some(vec![11, 9, 10]));
}

#[test]
fn what_is_noted_comes_back_and_what_is_not_takes_no_room() {
    let (_, rule) = correlation(BRUTE);
    let mut window = Window::default();
    let mut found = None;
    for id in 1..100 {
        let plain = serde_json::to_string(&window).unwrap();
        assert_eq!(plain.contains("notes"), id > 1);
        window = serde_json::from_str(&plain).unwrap();
        let noted = Hit {
            notes: vec![[7; 16]],
            ..hit(1, id, 0, None)
        };
        found = window.take(&rule, &group("a"), noted);
        if found.is_some() {
            break;
        }
    }
    assert!(found.unwrap().iter().all(|hit| hit.notes == [[7; 16]]));
    let mut window = Window::default();
    window.take(&rule, &group("a"), hit(1, 1, 0, None));
    assert!(!serde_json::to_string(&window).unwrap().contains("notes"));
}

#[test]
fn values_and_orders_are_counted() {
    let values = BRUTE
        .replace("event_count", "value_count")
        .replace("gte: 3", "gte: 2\n        field: userAgent");
    let (_, rule) = correlation(&values);
    let mut window = Window::default();
    let mut take = |seconds, id, value| ids(window.take(&rule, &[], hit(seconds, id, 0, value)));
    assert_eq!(take(0, 1, Some("x")), None);
    assert_eq!(take(1, 2, Some("x")), None);
    assert_eq!(take(2, 3, None), None);
    assert_eq!(take(3, 4, Some("y")), Some(vec![1, 2, 3, 4]));

    let ordered = BRUTE
        .replace("event_count", "temporal_ordered")
        .replace("[failure]", "[failure, second]")
        .replace("    condition:\n        gte: 3\n", "")
        + "---\n"
        + &rule_text("Second").replace("title: Second", "title: Second\nname: second");
    let (_, rule) = correlation(&ordered);
    let mut window = Window::default();
    let mut take =
        |seconds, id, selection| ids(window.take(&rule, &[], hit(seconds, id, selection, None)));
    assert_eq!(take(10, 1, 1), None);
    assert_eq!(take(20, 2, 0), None);
    assert_eq!(take(30, 3, 1), Some(vec![1, 2, 3]));
    let (_, any) = correlation(&ordered.replace("temporal_ordered", "temporal"));
    let mut window = Window::default();
    assert_eq!(window.take(&any, &[], hit(10, 1, 1, None)), None);
    assert!(window.take(&any, &[], hit(20, 2, 0, None)).is_some());
    // Events of one moment are in the order of the selections; one event is not two steps.
    let (_, rule) = correlation(&ordered);
    let mut window = Window::default();
    assert_eq!(window.take(&rule, &[], hit(10, 9, 1, None)), None);
    assert!(window.take(&rule, &[], hit(10, 3, 0, None)).is_some());
    let mut window = Window::default();
    assert_eq!(window.take(&rule, &[], hit(10, 1, 0, None)), None);
    assert_eq!(window.take(&rule, &[], hit(10, 1, 1, None)), None);
}

#[test]
fn what_is_remembered_is_bounded() {
    // The worst order: each event is late, and the last one that would count never comes.
    let (_, late) = correlation(
        &BRUTE
            .replace("event_count", "value_count")
            .replace("gte: 3", "gte: 900\n        field: a"),
    );
    let mut window = Window::default();
    for id in 0..4_096_u64 {
        let hit = hit(200 - (id / 100) as i64, id, 0, Some("same"));
        assert_eq!(window.take(&late, &[], hit), None);
    }
    window.take(&late, &group("other"), hit(10_000, 9_999, 0, None));
    assert_eq!(window.size().0, 2);
    window.prune(&late);
    assert_eq!(window.size(), (1, 1));

    let (_, rule) = correlation(&BRUTE.replace("gte: 3", "gte: 1000"));
    let mut window = Window::default();
    for id in 0..(MAX_GROUPS as u64 + 500) {
        window.take(&rule, &group(&id.to_string()), hit(id as i64, id, 0, None));
    }
    assert_eq!(window.size().0, MAX_GROUPS);
    assert_eq!(window.forgotten, 500);
    let mut window = Window::default();
    for id in 0..60_000_u64 {
        window.take(&rule, &group(&(id % 64).to_string()), hit(1, id, 0, None));
    }
    assert!(window.size().1 <= MAX_HITS, "{:?}", window.size());
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "[ -~\n]{0,200}") {
        let _ = compile(&text);
    }

    #[test]
    fn arbitrary_values_are_quoted(value in "\\PC{0,30}", field in "[a-z|'.*?]{1,12}") {
        let yaml = serde_json::to_string(&value).unwrap();
        let field = serde_json::to_string(&field).unwrap();
        if let Ok(rule) = compile(&rule(&format!("    s:\n        {field}: {yaml}\n    condition: s"))) {
            let filter = &rule.selections[0].filter;
            // Outside of literals there are words of the language alone.
            let mut outside = String::new();
            for (at, part) in filter.replace("''", "").split('\'').enumerate() {
                if at % 2 == 0 {
                    outside.push_str(part);
                }
            }
            prop_assert_eq!(filter.matches('\'').count() % 2, 0);
            let words = outside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for word in words.filter(|word| !word.is_empty()) {
                let known = ["source_type", "AND", "OR", "NOT", "raw", "IS", "NULL"];
                prop_assert!(
                    known.contains(&word) || word.starts_with("json_") || word.ends_with("like_any")
                        || word == "regexp_like",
                    "{} in {}", word, filter
                );
            }
        }
    }

    /// A finding holds the event that made it, and as many as the rule asks for within its time;
    /// and there is one if so many are within its time at all, in whatever order they come.
    #[test]
    fn findings_are_those_that_the_rule_asks_for(times in prop::collection::vec(0_i64..590, 1..12)) {
        let (_, rule) = correlation(BRUTE);
        let mut window = Window::default();
        let mut any = false;
        for (id, at) in times.iter().enumerate() {
            if let Some(found) = window.take(&rule, &[], hit(*at, id as u64, 0, None)) {
                prop_assert!(found.len() >= 3);
                let (first, end) = (found[0].time, found[found.len() - 1].time);
                prop_assert!(end - first < 300 * 1_000_000_000);
                prop_assert!(found.iter().any(|hit| hit.time == at * 1_000_000_000));
                any = true;
            }
        }
        let mut sorted = times.clone();
        sorted.sort_unstable();
        let asked = sorted.windows(3).any(|three| three[2] - three[0] < 300);
        prop_assert_eq!(any, asked);
    }
}
