//! Right tables, wrong tables, and which rule holds.

use super::*;

#[test]
fn the_tables_that_are_compiled_in_are_right() {
    check_tables().unwrap();
}

fn parse(rules: &str) -> Result<PartyTable, TableError> {
    PartyTable::parse(&format!("source_type = \"ocsf\"\nversion = 1\n{rules}"))
}

#[test]
fn wrong_tables_are_refused_with_their_rule() {
    for (rules, why) in [
        (
            "[[rule]]\npath = \"a\"\nis = \"party\"\nwhy = \"x\"",
            "a party needs a role",
        ),
        (
            "[[rule]]\npath = \"a\"\nis = \"common\"\nrole = \"caller\"\nwhy = \"x\"",
            "nothing else has one",
        ),
        (
            "[[rule]]\npath = \"a\"\nis = \"good\"\nwhy = \"x\"",
            "unknown class",
        ),
        (
            "[[rule]]\npath = \"a\"\nis = \"mention\"\nkind = \"shoe\"\nwhy = \"x\"",
            "unknown kind",
        ),
        (
            "[[rule]]\npath = \"a\"\nis = \"content\"\nkind = \"acct\"\nwhy = \"x\"",
            "only parties",
        ),
        (
            "[[rule]]\npath = \"a\"\nis = \"content\"\nclear_for = [\"me\"]\nwhy = \"x\"",
            "unknown role",
        ),
        (
            "[[rule]]\npath = \"a..b\"\nis = \"common\"\nwhy = \"x\"",
            "empty step",
        ),
        (
            "[[rule]]\npath = \"a.**.b\"\nis = \"common\"\nwhy = \"x\"",
            "before its end",
        ),
        (
            "[[rule]]\npath = \"a\"\nis = \"common\"\nwhy = \" \"",
            "why is empty",
        ),
        ("[[rule]]\nis = \"common\"\nwhy = \"x\"", "no path"),
        (
            "[[rule]]\npath = \"a\"\nis = \"secret\"\nshown_to = [\"caller\"]\nwhy = \"x\"",
            "a secret",
        ),
        (
            "[[rule]]\npath = \"a\"\nis = \"content\"\nreason = \"WHIM\"\nwhy = \"x\"",
            "unknown reason",
        ),
        (
            "[[rule]]\npath = \"a.**\"\nis = \"common\"\nwhy = \"x\"\n[[rule]]\npath = \"a.b\"\nis = \"common\"\nwhy = \"x\"",
            "a.b is never reached: a.** holds before it",
        ),
    ] {
        let error = parse(rules).unwrap_err().to_string();
        assert!(error.contains(why), "{error} lacks {why}");
    }
}

#[test]
fn the_first_rule_that_fits_holds() {
    let table = parse(
        "[[rule]]\npath = \"a.*.b\"\noperations = [\"X\"]\nis = \"secret\"\nwhy = \"x\"\n\
         [[rule]]\npath = \"a.**\"\nis = \"content\"\nwhy = \"x\"",
    )
    .unwrap();
    let class = |operation, path: &[&str]| table.rule_for(operation, path).map(|rule| rule.class);
    assert_eq!(class("X", &["a", "0", "b"]), Some(Class::Secret));
    assert_eq!(class("Y", &["a", "0", "b"]), Some(Class::Content));
    assert_eq!(class("X", &["a"]), Some(Class::Content));
    assert_eq!(class("X", &["b"]), None);
    assert!(table.has_below("X", &["a"]) && table.has_below("X", &["a", "0"]));
    let wild = parse("[[rule]]\npath = \"a.b\"\nis = \"secret\"\nwhy = \"x\"\n[[rule]]\npath = \"**\"\nis = \"content\"\nwhy = \"x\"").unwrap();
    let class = |path: &[&str]| wild.rule_for("", path).map(|rule| rule.class);
    assert_eq!(class(&["a", "b"]), Some(Class::Secret));
    assert_eq!(class(&["a", "c"]), Some(Class::Content));
    assert_eq!(class(&["z"]), Some(Class::Content));
    assert!(!table.has_below("Y", &["a"]) && !table.has_below("X", &["a", "0", "b"]));
}
