use super::*;

/// An agreement with everything that one can have.
const WHOLE: &str = r#"
valid_from = "2026-01-01T00:00:00Z"
valid_to = "2027-01-01T00:00:00+01:00"
reclassify_grace = "30m"
freshness_p99 = "60s"
availability = "99.9%"

[calendars.always]
always = true

[calendars.office]
time_zone = "Europe/Berlin"
days = { mon = ["09:00-17:00"], tue = ["09:00-12:00", "13:00-24:00"] }
holidays = ["2026-12-25"]

[[objectives]]
kind = "acknowledge"
severity = "sev1"
within = "15m"
calendar = "always"

[[objectives]]
kind = "first_update"
severity = "SEV4"
within = "3d"
calendar = "office"

[[credits]]
objective = "resolve"
below = "95%"
credit = "5.25%"

[[credits]]
availability = true
below = "99.9%"
credit = "10%"

[[duties]]
task = "isolate machine"
asks = "Cut it off"
responsible = "shared"
accountable = "customer"
informed = ["customer", "PROVIDER"]
phases = ["containment", "follow_up"]

[[contacts]]
id = "soc"
party = "provider"
name = "Security desk"
phone = "+49 30 000000"
hours = "always"

[[escalations]]
party = "provider"
severities = ["sev1"]
after = "30m"
hours = "always"
contact = "soc"
"#;

/// The least that there is.
const LEAST: &str = "valid_from = \"2026-01-01T00:00:00Z\"\n";

#[test]
fn a_file_says_all_that_an_agreement_has() {
    let read = parse(WHOLE).unwrap();
    let seconds = |span: Option<prost_types::Duration>| span.unwrap().seconds;
    assert_eq!(read.valid_from.unwrap().seconds, 1_767_225_600);
    assert_eq!(
        read.valid_to.unwrap().seconds,
        1_767_225_600 + 365 * 86_400 - 3_600
    );
    assert_eq!(seconds(read.reclassify_grace), 1_800);
    assert_eq!(seconds(read.freshness_p99), 60);
    assert_eq!(read.availability_basis_points, 9_990);

    let [always, office] = read.calendars.as_slice() else {
        panic!("{:?}", read.calendars);
    };
    assert_eq!(
        (always.name.as_str(), office.name.as_str()),
        ("always", "office")
    );
    assert!(matches!(always.open, Some(CalendarOpen::Always(_))));
    let Some(CalendarOpen::OfficeHours(hours)) = &office.open else {
        panic!("{office:?}");
    };
    assert_eq!(hours.time_zone, "Europe/Berlin");
    assert_eq!(hours.holidays, ["2026-12-25"]);
    let spans: Vec<_> = hours
        .spans
        .iter()
        .map(|span| (span.day(), span.from.as_str(), span.to.as_str()))
        .collect();
    assert_eq!(
        spans,
        [
            (DayOfWeek::Monday, "09:00", "17:00"),
            (DayOfWeek::Tuesday, "09:00", "12:00"),
            (DayOfWeek::Tuesday, "13:00", "24:00"),
        ]
    );

    let objectives: Vec<_> = read
        .objectives
        .iter()
        .map(|one| (one.kind(), one.severity(), seconds(one.within)))
        .collect();
    assert_eq!(
        objectives,
        [
            (ObjectiveKind::Acknowledge, Severity::Sev1, 900),
            (ObjectiveKind::FirstUpdate, Severity::Sev4, 72 * 3_600),
        ]
    );
    assert_eq!(read.objectives[1].calendar, "office");
    let resolve = Some(CreditBasis::Objective(ObjectiveKind::Resolve.into()));
    assert_eq!(read.credits[0].basis, resolve);
    assert_eq!(read.credits[0].credit_basis_points, 525);
    let availability = Some(CreditBasis::Availability(Availability {}));
    assert_eq!(read.credits[1].basis, availability);
    assert_eq!(read.credits[1].below_basis_points, 9_990);
}

#[test]
fn json_says_the_same_as_toml() {
    let value: toml::Value = toml::from_str(WHOLE).unwrap();
    let json = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(parse(&json), parse(WHOLE));
    assert_eq!(
        parse(LEAST),
        parse(r#" {"valid_from": "2026-01-01T00:00:00Z"}"#)
    );
}

#[test]
fn the_file_of_the_help_is_understood() {
    let (_, file) = crate::sla::agreements::FORM.split_once("JSON:").unwrap();
    let (file, _) = file.split_once("\nKinds:").unwrap();
    let read = parse(file).unwrap();
    assert_eq!((read.objectives.len(), read.credits.len()), (2, 2));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (right, wrong, said) in [
        (
            "2026-01-01T00",
            "2026-13-01T00",
            "valid_from: expected a time",
        ),
        ("2027-01-01T00", "soon", "valid_to: expected a time"),
        (
            "\"30m\"",
            "\"half an hour\"",
            "reclassify_grace: expected a length",
        ),
        ("\"60s\"", "\"60\"", "freshness_p99: expected a length"),
        (
            "\"99.9%\"\n\n",
            "\"99.999%\"\n\n",
            "availability: expected a percentage",
        ),
        (
            "always = true",
            "always = false",
            "calendars.always: expected either",
        ),
        (
            "always = true",
            "always = true\ntime_zone = \"UTC\"",
            "calendars.always: expected either",
        ),
        (
            "always = true",
            "always = true\nholidays = []",
            "calendars.always: expected either",
        ),
        (
            "time_zone = \"Europe/Berlin\"",
            "",
            "calendars.office: expected either",
        ),
        (
            "09:00-17:00",
            "9-17",
            "calendars.office.days.mon[0]: expected hours",
        ),
        (
            "13:00-24:00",
            "13:00-24:01",
            "calendars.office.days.tue[1]: expected hours",
        ),
        (
            "13:00-24:00",
            "13:00-12:00",
            "calendars.office.days.tue[1]: expected hours",
        ),
        (
            "2026-12-25",
            "2026-02-30",
            "calendars.office.holidays[0]: expected a day",
        ),
        (
            "\"acknowledge\"",
            "\"acknowledged\"",
            "objectives[0].kind: `acknowledged` is none of acknowledge, first-update",
        ),
        (
            "SEV4",
            "SEV5",
            "objectives[1].severity: `SEV5` is none of sev1",
        ),
        (
            "\"3d\"",
            "\"-3d\"",
            "objectives[1].within: expected a length",
        ),
        (
            "calendar = \"office\"",
            "calendar = \"night\"",
            "objectives[1].calendar: `night` is none of the calendars: always, office",
        ),
        (
            "\"resolve\"",
            "\"solve\"",
            "credits[0].objective: `solve` is none",
        ),
        (
            "\"95%\"",
            "\"95\"",
            "credits[0].below: expected a percentage",
        ),
        (
            "\"5.25%\"",
            "\"105.25%\"",
            "credits[0].credit: expected a percentage",
        ),
        (
            "availability = true",
            "availability = false",
            "credits[1]: expected either",
        ),
        (
            "availability = true",
            "availability = true\nobjective = \"resolve\"",
            "credits[1]: expected either",
        ),
    ] {
        assert!(WHOLE.contains(right), "{right}");
        let error = parse(&WHOLE.replacen(right, wrong, 1)).unwrap_err();
        assert!(error.starts_with(said), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn what_is_no_such_file_is_said_with_its_line() {
    for (file, said, place) in [
        ("", "missing field `valid_from`", ""),
        ("valid_from = 1", "invalid type", " at line 1"),
        ("valid_from = ", "", " at line 1"),
        (
            &format!("{LEAST}valid_until = \"x\""),
            "unknown field `valid_until`",
            " at line 2",
        ),
        (
            &format!("{LEAST}[calendars.a]\nopen = true"),
            "unknown field `open`",
            " at line 3",
        ),
        (
            &format!("{LEAST}[calendars.a]\ndays.monday = []"),
            "unknown field `monday`",
            " at line 3",
        ),
        (
            &format!("{LEAST}[[objectives]]\nkind = \"resolve\""),
            "missing field `severity`",
            " at line 2",
        ),
        (
            &format!("{LEAST}[[credits]]\nbelow = 95"),
            "invalid type",
            " at line 3",
        ),
        (
            &format!("{LEAST}[calendars.a]\n[calendars.a]"),
            "",
            " at line 3",
        ),
        ("{", "EOF", " at line 1"),
        ("{\"valid_from\": 1}", "invalid type", " at line 1"),
        (
            "{\"valid_from\": \"x\",\n\"more\": 1}",
            "unknown field `more`",
            " at line 2",
        ),
        ("[]", "", " at line 1"),
    ] {
        let error = parse(file).unwrap_err();
        assert!(error.contains(said) && error.contains(place), "{error}");
    }
}

#[test]
fn a_file_says_who_does_what_and_who_is_called() {
    let read = parse(WHOLE).unwrap();
    let duty = &read.duties[0];
    assert_eq!(duty.responsible(), cordon_client::Responsible::Shared);
    assert_eq!(duty.accountable(), cordon_client::Party::Customer);
    let phases: Vec<_> = duty.phases().collect();
    use cordon_client::Phase;
    assert_eq!(phases, [Phase::Containment, Phase::FollowUp]);
    assert_eq!(duty.informed.len(), 2);
    assert_eq!(read.contacts[0].name, "Security desk");
    let step = &read.escalations[0];
    assert_eq!(step.after.unwrap().seconds, 1_800);
    let wrong = WHOLE.replace("\"shared\"", "\"nobody\"");
    let said = parse(&wrong).unwrap_err();
    assert!(said.starts_with("duties[0].responsible: "), "{said}");
    let wrong = WHOLE.replace("severities = [\"sev1\"]", "severities = [\"sev9\"]");
    let said = parse(&wrong).unwrap_err();
    assert!(said.starts_with("escalations[0].severities[0]: "), "{said}");
}
