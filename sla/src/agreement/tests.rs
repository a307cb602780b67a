//! What an agreement refuses.

use super::super::calendar::CalendarDraft;
use super::*;

/// An agreement around the clock with the given objectives.
pub(crate) fn draft(objectives: &[(ObjectiveKind, Severity, i64, &str)]) -> AgreementDraft {
    let always = Calendar::new(CalendarDraft::AlwaysOpen).unwrap();
    AgreementDraft {
        id: "gold".into(),
        version: 1,
        valid_from: Timestamp::UNIX_EPOCH,
        valid_to: None,
        calendars: [("always".to_owned(), always)].into(),
        objectives: objectives
            .iter()
            .map(|(kind, severity, minutes, calendar)| Objective {
                kind: *kind,
                severity: *severity,
                within: SignedDuration::from_mins(*minutes),
                calendar: (*calendar).to_owned(),
            })
            .collect(),
        reclassify_grace: SignedDuration::ZERO,
        freshness_p99: None,
        availability: None,
        credits: Vec::new(),
        duties: Vec::new(),
        contacts: Vec::new(),
        escalations: Vec::new(),
    }
}

fn term(basis: CreditBasis, below: u32, credit: u32) -> CreditTerm {
    CreditTerm {
        basis,
        below: BasisPoints(below),
        credit: BasisPoints(credit),
    }
}

fn refused(draft: AgreementDraft) -> Vec<String> {
    let problems = Agreement::new(draft).unwrap_err();
    let fields = problems.iter().map(super::super::problems::Problem::field);
    fields.collect()
}

#[test]
fn every_kind_and_severity_has_a_place_of_its_own() {
    let mut objectives = Vec::new();
    for kind in ObjectiveKind::ALL {
        for severity in Severity::ALL {
            let minutes = i64::try_from(objectives.len()).unwrap() + 1;
            objectives.push((kind, severity, minutes, "always"));
        }
    }
    let agreement = Agreement::new(draft(&objectives)).unwrap();
    for (kind, severity, minutes, _) in objectives {
        let target = agreement.target(kind, severity).unwrap();
        assert_eq!(target.within, SignedDuration::from_mins(minutes));
    }
}

#[test]
fn objectives_are_refused_by_field() {
    use ObjectiveKind::{Acknowledge, Resolve};
    use Severity::{Sev1, Sev2};
    let fields = refused(draft(&[
        (Acknowledge, Sev1, 15, "always"),
        (Acknowledge, Sev2, 0, "always"),
        (Acknowledge, Sev1, 30, "always"),
        (Resolve, Sev1, 30, "office"),
        (Resolve, Sev2, 60 * 24 * 3654, "always"),
    ]));
    assert_eq!(
        fields,
        [
            "objectives[1].within",
            "objectives[2]",
            "objectives[3].calendar",
            "objectives[4].within"
        ]
    );
}

#[test]
fn the_rest_is_refused_by_field() {
    let minute = SignedDuration::from_mins(1);
    let acknowledge = CreditBasis::Objective(ObjectiveKind::Acknowledge);
    let fields = refused(AgreementDraft {
        id: String::new(),
        version: 0,
        valid_to: Some(Timestamp::UNIX_EPOCH),
        calendars: [(String::new(), Calendar::AlwaysOpen)].into(),
        reclassify_grace: SignedDuration::ZERO - minute,
        freshness_p99: Some(SignedDuration::ZERO),
        availability: Some(BasisPoints(10_001)),
        credits: vec![
            term(acknowledge, 9_900, 500),
            term(acknowledge, 9_000, 500),
            term(CreditBasis::Availability, 0, 10_001),
            term(acknowledge, 9_900, 600),
        ],
        ..draft(&[])
    });
    assert_eq!(
        fields,
        [
            "id",
            "version",
            "valid_to",
            "calendars",
            "reclassify_grace",
            "freshness_p99",
            "availability",
            "credits[1]",
            "credits[2].below",
            "credits[2].credit",
            "credits[3]"
        ]
    );
    let good = AgreementDraft {
        credits: vec![
            term(acknowledge, 9_900, 500),
            term(acknowledge, 9_000, 1_000),
            term(CreditBasis::Availability, 9_900, 500),
        ],
        ..draft(&[])
    };
    assert!(Agreement::new(good).is_ok());
}

#[test]
fn the_version_in_force_is_found() {
    let second = |second| Timestamp::from_second(second).unwrap();
    let version = |version, from, to| {
        let valid_from = second(from);
        let valid_to = Some(second(to));
        let draft = AgreementDraft {
            version,
            valid_from,
            valid_to,
            ..draft(&[])
        };
        Agreement::new(draft).unwrap()
    };
    let versions = [version(1, 0, 100), version(2, 100, 200)];
    let at = |at| in_force(&versions, second(at)).map(Agreement::version);
    assert_eq!(
        [0, 99, 100, 199, 200].map(at),
        [Some(1), Some(1), Some(2), Some(2), None]
    );
}
