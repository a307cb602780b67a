//! Pages of ordinary and of hostile content.

mod browser;
mod compose;
pub(crate) mod samples;

use cordon_sla::clock::Subject;
use cordon_sla::report::Report;

use self::samples::{HOSTILE, filled, incident, report, reports, sparse};
use crate::tables;
use crate::{Signed, carried_envelope, incident_report, sla_overview, sla_report};

/// The names of a page's elements in their order.
fn elements(page: &str) -> Vec<&str> {
    let tags = page.split('<').skip(1);
    let names = tags.map(|tag| tag.split([' ', '>', '\n']).next().unwrap());
    names.collect()
}

fn keys() -> Vec<String> {
    vec!["2026-a".to_owned()]
}

/// By one of these keys.
pub(crate) fn signed(keys: &[String]) -> Signed<'_> {
    Signed {
        keys,
        envelope: b"{\"payload\":\"cGFnZQ==\"}",
    }
}

#[test]
fn a_page_carries_what_was_signed() {
    let keys = keys();
    let page = incident_report(&incident(), signed(&keys));
    let carried = carried_envelope(&page).unwrap();
    assert_eq!(carried, signed(&keys).envelope);
    assert!(page.contains("signed by the key <code>2026-a</code>"));
    assert_eq!(carried_envelope("<!DOCTYPE html><p>href</p>"), None);
    assert_eq!(
        carried_envelope(&page.replace("report: ", "report: %")),
        None
    );
}

/// A report in which every text is the given one.
fn of_text(text: &str) -> Report {
    let mut report = report("2026-10", 40);
    report.tenant = text.to_owned();
    for draft in &mut report.agreements {
        draft.id = text.to_owned();
        let calendars = std::mem::take(&mut draft.calendars).into_iter();
        draft.calendars = calendars
            .map(|(name, calendar)| (format!("{text}{name}"), calendar))
            .collect();
        for objective in &mut draft.objectives {
            objective.calendar = text.to_owned();
        }
    }
    for clock in &mut report.breaches {
        clock.incident = text.to_owned();
        clock.subject = Some(Subject::Request(text.to_owned()));
    }
    report.clocks.as_mut().unwrap().sha256 = text.to_owned();
    report
}

#[test]
fn no_text_makes_markup() {
    let words = "plain words";
    for hostile in HOSTILE {
        let pages = |text: &str| {
            let keys = [text.to_owned()];
            [
                sla_report(&of_text(text), &keys),
                sla_overview("2026-10".parse().unwrap(), [of_text(text)]),
                incident_report(&filled(text), signed(&keys)),
            ]
        };
        for (harmless, page) in pages(words).iter().zip(pages(hostile)) {
            assert!(harmless.matches(words).count() > 1);
            assert_eq!(elements(harmless), elements(&page), "{hostile:?}");
            assert_eq!(
                harmless.matches('"').count(),
                page.matches('"').count(),
                "{hostile:?}"
            );
        }
    }
}

#[test]
fn pages_hold_no_character_that_can_not_be_seen() {
    let all: String = HOSTILE.concat();
    for page in [
        sla_report(&of_text(&all), &keys()),
        incident_report(&filled(&all), signed(&keys())),
        sla_overview("2026-10".parse().unwrap(), [of_text(&all)]),
    ] {
        let bad = |c: char| {
            (c.is_control() && c != '\n' && c != '\t')
                || ('\u{200b}'..'\u{2070}').contains(&c)
                    && !('\u{2010}'..='\u{2027}').contains(&c)
                    && c != '\u{2030}'
        };
        assert_eq!(page.find(bad).map(|at| page[at..].chars().next()), None);
        assert!(page.contains("\\u{202e}"));
    }
}

#[test]
fn pages_ask_for_nothing() {
    for page in [
        sla_report(&report("2026-10", 40), &[]),
        sla_overview("2026-10".parse().unwrap(), reports(5)),
        incident_report(&incident(), signed(&keys())),
    ] {
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"));
        for forbidden in [
            "<script",
            "<img",
            "<link",
            "<iframe",
            "<a ",
            "javascript:",
            "http:",
            "https:",
            "@import",
            " style=",
            " on",
            "src=",
        ] {
            let found = page
                .match_indices(forbidden)
                .map(|(at, _)| &page[at..page.len().min(at + 40)]);
            let found = found.filter(|found| {
                forbidden != " on"
                    || found.split('=').next().is_some_and(|word| {
                        word.len() < 14
                            && word[1..].chars().all(char::is_alphabetic)
                            && found.contains('=')
                    })
            });
            assert_eq!(found.collect::<Vec<_>>(), Vec::<&str>::new(), "{forbidden}");
        }
        for picture in page.split("<svg").skip(1) {
            assert!(picture.contains("<title>") || picture.contains("aria-hidden"));
        }
    }
}

#[test]
fn a_report_says_its_figures() {
    let page = sla_report(&report("2026-10", 400), &keys());
    for said in [
        "Service level report: October 2026",
        "For <strong>acme</strong>",
        "cordon sla recompute",
        "by key <code>2026-a</code>",
        "below the target of",
        "not done by the month’s end",
        "Mon–Fri 09:00–17:00 (Europe/Berlin), but for 1 day",
    ] {
        assert!(page.contains(said), "{said}");
    }
    let empty = sla_report(&report("2026-10", 0), &[]);
    assert!(empty.contains("No promise fell due in this month. 10% of the month’s fee is owed."));
    assert!(empty.contains("Nobody has checked a signature"));
}

#[test]
fn an_incident_without_anything_says_so() {
    let page = incident_report(&sparse(), signed(&keys()));
    assert_eq!(page.matches("None recorded.").count(), 13);
    assert_eq!(page.matches(">TLP:AMBER+STRICT<").count(), 1);
    assert!(page.contains("@bottom-left { content: \"TLP:AMBER+STRICT\"; }"));
    let full = incident_report(&incident(), signed(&keys()));
    assert_eq!(full.matches("None recorded.").count(), 0);
    for said in [
        "1 h late",
        "customer",
        "not verified",
        "EXERCISE",
        "chain of custody",
    ] {
        assert_eq!(
            full.replace('\u{a0}', " ").contains(said),
            said != "EXERCISE",
            "{said}"
        );
    }
    let mut drill = incident();
    drill.drill = true;
    let page = incident_report(&drill, signed(&keys()));
    assert!(page.matches("EXERCISE").count() >= 4);
    assert!(page.contains("<title>Exercise 17 of acme"));
}

#[test]
fn a_deadline_without_a_number_is_neither_late_nor_in_time() {
    let told = |started: bool, due: bool, done: bool| {
        let at = |said: bool, time: &str| said.then(|| time.parse().unwrap());
        let mut report = sparse();
        report.as_of = "2026-10-07T00:00:00Z".parse().unwrap();
        report.deadlines = vec![crate::incident::Deadline {
            law: "GDPR Art. 33(2)".into(),
            duty: "notification of the controller".into(),
            started: at(started, "2026-10-05T08:00:00Z"),
            due: at(due, "2026-10-06T08:00:00Z"),
            done: at(done, "2026-10-05T09:00:00Z"),
        }];
        let page = incident_report(&report, signed(&keys())).replace('\u{a0}', " ");
        [
            "not started",
            "without undue delay",
            ">in time<",
            " late<",
            ">done<",
            ">open<",
        ]
        .map(|said| page.contains(said))
    };
    assert_eq!(
        told(false, false, false),
        [true, false, false, false, false, true]
    );
    assert_eq!(
        told(true, false, false),
        [false, true, false, false, false, true]
    );
    assert_eq!(
        told(true, false, true),
        [false, true, false, false, true, false]
    );
    assert_eq!(
        told(true, true, true),
        [false, false, true, false, false, false]
    );
    assert_eq!(
        told(true, true, false),
        [false, false, false, true, false, false]
    );
}

#[test]
fn the_first_move_after_an_incident_was_closed_is_the_providers() {
    let at = |time: &str| format!("2026-10-05T{time}:00Z").parse().unwrap();
    let bars = |reopened: &str| {
        let mut report = sparse();
        report.as_of = at("12:00");
        report.hand_overs = vec![crate::incident::HandOver {
            time: at("09:00"),
            by: report.opened_by.clone(),
            to: cordon_sla::clock::Party::Customer,
            reason: String::new(),
        }];
        let span = |from: &str, to| crate::incident::PhaseSpan {
            phase: report.phase,
            from: at(from),
            to,
        };
        report.phases = vec![span("08:00", Some(at("10:00"))), span(reopened, None)];
        let page = incident_report(&report, signed(&keys()));
        // One of each is in the legend.
        ["good", "wait"].map(|class| page.matches(&format!("rect class=\"{class}\"")).count() - 1)
    };
    assert_eq!(bars("11:00"), [2, 1]);
    // It was moved to another phase, and not closed.
    assert_eq!(bars("10:00"), [1, 1]);
}

#[test]
fn an_incidents_report_comes_back_from_json() {
    let report = incident();
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains("\"tlp\":\"amber\"") && json.contains("\"allowed\":\"PT1H\""));
    assert_eq!(
        serde_json::from_str::<crate::incident::IncidentReport>(&json).unwrap(),
        report
    );
}

#[test]
fn an_overview_names_the_worst_first() {
    let page = sla_overview("2026-10".parse().unwrap(), reports(30));
    let worst = page.find("Where most was not kept").unwrap();
    let all = page.find("All tenants</h2>").unwrap();
    assert!(worst < all);
    assert_eq!(page[worst..all].matches("<tr>").count(), 11);
    assert_eq!(page[all..].matches("<tr>").count(), 31);
    let none = sla_overview("2026-10".parse().unwrap(), []);
    assert!(none.contains("There is no tenant."));
}

#[test]
fn figures_and_clocks_come_as_csv() {
    let report = report("2026-10", 40);
    let mut out = Vec::new();
    tables::lines(&mut out, [report.clone()]).unwrap();
    let text = String::from_utf8(out).unwrap();
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(rows.headers().unwrap().len(), tables::LINE_COLUMNS.len());
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), report.lines.len() + report.totals.len() + 1);
    let last = rows.last().unwrap();
    assert_eq!(
        (&last[2], &last[3], &last[4]),
        ("ALL", "ALL", &*report.overall.met.to_string())
    );

    let mut clock = report.breaches[0].clone();
    clock.subject = Some(Subject::Request("=cmd|' /C calc'!A0".to_owned()));
    clock.spent = clock.allowed + jiff::SignedDuration::from_millis(1_500);
    let mut out = Vec::new();
    let mut clocks = tables::Clocks::new(&mut out).unwrap();
    clocks.put(&clock).unwrap();
    clocks.finish().unwrap();
    let mut rows = csv::Reader::from_reader(out.as_slice());
    let row = rows.records().next().unwrap().unwrap();
    assert_eq!(&row[3], "'=cmd|' /C calc'!A0");
    assert_eq!(&row[7], "BREACHED");
    assert_eq!(&row[15], "1.5");
}
