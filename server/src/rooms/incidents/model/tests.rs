//! What may become of an incident, and what may not.

use cordon_kernel::Reason;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::phase::{Step, step};
use super::*;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn by(party: Party) -> Actor {
    Actor {
        subject: party.as_str().to_owned(),
        party,
    }
}

fn fresh() -> Incident {
    let new = NewIncident {
        title: "Keys in a public repository".to_owned(),
        description: String::new(),
        severity: Severity::Sev2,
        tlp: Tlp::Amber,
        exercise: false,
        provider_wide: false,
    };
    let by = by(Party::Customer);
    let change = create(new, &by, Uuid::nil(), 1, "e0".to_owned(), now());
    change.incident().clone()
}

fn does(incident: &Incident, command: Command, party: Party) -> cordon_kernel::Result<Change> {
    decide(incident, command, &by(party), "e1".to_owned(), now())
}

fn done(incident: &mut Incident, command: Command, party: Party) {
    *incident = does(incident, command, party).unwrap().incident().clone();
}

fn refused(incident: &Incident, command: Command, party: Party) {
    let refused = does(incident, command, party).unwrap_err();
    assert_eq!(refused.reason(), Reason::FailedPrecondition);
}

fn to(phase: Phase) -> Command {
    Command::Move {
        to: phase,
        reason: String::new(),
    }
}

fn criteria(texts: &[&str]) -> Command {
    Command::SetCriteria {
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
    }
}

fn sign() -> Command {
    Command::SignOff {
        criteria: Vec::new(),
    }
}

#[test]
fn a_new_incident_waits_for_the_provider() {
    let incident = fresh();
    assert_eq!(incident.pending, Some(Party::Provider));
    assert_eq!(incident.phase, Phase::Identification);
    refused(&incident, Command::Acknowledge, Party::Customer);
    let taken = does(&incident, Command::Acknowledge, Party::Provider).unwrap();
    assert_eq!(taken.incident().acknowledged, Some(now()));
    let again = does(taken.incident(), Command::Acknowledge, Party::Provider).unwrap();
    assert_eq!(again.happened(), None, "once is enough");
    assert_eq!(again.incident(), taken.incident());
}

#[test]
fn recovery_asks_for_what_both_have_signed() {
    let mut incident = fresh();
    done(&mut incident, to(Phase::Containment), Party::Provider);
    done(&mut incident, to(Phase::Eradication), Party::Provider);
    refused(&incident, to(Phase::Recovery), Party::Provider);
    done(
        &mut incident,
        criteria(&["keys revoked", "image rebuilt"]),
        Party::Provider,
    );
    refused(&incident, to(Phase::Recovery), Party::Provider);
    done(&mut incident, sign(), Party::Provider);
    refused(&incident, to(Phase::Recovery), Party::Provider);
    let first = Command::SignOff { criteria: vec![0] };
    done(&mut incident, first, Party::Customer);
    refused(&incident, to(Phase::Recovery), Party::Customer);
    let all = does(&incident, sign(), Party::Customer).unwrap();
    let what = &all.happened().unwrap().what;
    let rest = What::SignedOff {
        party: Party::Customer,
        criteria: vec![1],
        complete: true,
    };
    assert_eq!(*what, rest);
    incident = all.incident().clone();

    // What is changed after it was signed is not signed.
    let mut changed = incident.clone();
    done(&mut changed, criteria(&["keys revoked"]), Party::Customer);
    refused(&changed, to(Phase::Recovery), Party::Customer);

    done(&mut incident, to(Phase::Recovery), Party::Customer);
    refused(&incident, criteria(&["less"]), Party::Customer);
    // From the follow-up back to recovery it still rests on what was signed.
    let mut later = incident.clone();
    done(&mut later, to(Phase::FollowUp), Party::Customer);
    let back = Command::Move {
        to: Phase::Recovery,
        reason: "one service is down again".to_owned(),
    };
    done(&mut later, back, Party::Provider);
    assert!(later.words.criteria.iter().all(Criterion::is_complete));
    // Nor is what has turned out not to be clean.
    let back = Command::Move {
        to: Phase::Eradication,
        reason: "a second key was found".to_owned(),
    };
    done(&mut incident, back, Party::Provider);
    refused(&incident, to(Phase::Recovery), Party::Provider);
}

#[test]
fn going_back_needs_a_reason_and_ends_at_identification() {
    let mut incident = fresh();
    done(&mut incident, to(Phase::Investigation), Party::Provider);
    refused(&incident, to(Phase::Identification), Party::Provider);
    refused(&incident, to(Phase::Recovery), Party::Provider);
    for phase in [Phase::Preparation, Phase::FollowUp] {
        let jump = Command::Move {
            to: phase,
            reason: "because".to_owned(),
        };
        refused(&incident, jump, Party::Provider);
    }
    let stay = does(&incident, to(Phase::Investigation), Party::Provider);
    assert_eq!(stay.unwrap().happened(), None);
}

#[test]
fn only_who_has_the_move_hands_it_over() {
    let mut incident = fresh();
    let hand = |to| Command::HandOver {
        to,
        reason: "your logs, please".to_owned(),
    };
    let same = does(&incident, hand(Party::Provider), Party::Customer).unwrap();
    assert_eq!(same.happened(), None);
    refused(&incident, hand(Party::Customer), Party::Customer);
    done(&mut incident, hand(Party::Customer), Party::Provider);
    assert_eq!(incident.pending, Some(Party::Customer));
    refused(&incident, hand(Party::Provider), Party::Provider);
    done(&mut incident, hand(Party::Provider), Party::Customer);
    assert_eq!(incident.pending, Some(Party::Provider));
}

#[test]
fn what_is_closed_stays_as_it_is_until_it_is_opened_again() {
    let mut incident = fresh();
    let close = |code, reason: &str| Command::Close {
        code,
        reason: reason.to_owned(),
    };
    refused(
        &incident,
        close(CloseCode::Resolved, "done"),
        Party::Provider,
    );
    refused(
        &incident,
        close(CloseCode::FalsePositive, ""),
        Party::Customer,
    );
    let code = CloseCode::FalsePositive;
    done(
        &mut incident,
        close(code, "a drill of our own"),
        Party::Customer,
    );
    assert_eq!((incident.state, incident.pending), (State::Closed, None));
    refused(&incident, to(Phase::Containment), Party::Provider);
    refused(&incident, Command::Acknowledge, Party::Provider);
    let reopen = Command::Reopen {
        reason: "it was none".to_owned(),
    };
    done(&mut incident, reopen.clone(), Party::Customer);
    assert_eq!(incident.pending, Some(Party::Provider));
    assert_eq!((incident.code, incident.closed), (None, None));
    refused(&incident, reopen, Party::Customer);
}

#[test]
fn a_marking_is_loosened_by_whose_incident_it_is() {
    let incident = fresh();
    let mark = |tlp| Command::Update {
        title: Some("Keys in a public place".to_owned()),
        description: None,
        tlp: Some(tlp),
    };
    for looser in [Tlp::Green, Tlp::Clear] {
        refused(&incident, mark(looser), Party::Provider);
        let marked = does(&incident, mark(looser), Party::Customer).unwrap();
        assert_eq!(marked.incident().tlp, looser);
    }
    for as_strict in [Tlp::Amber, Tlp::AmberStrict, Tlp::Red] {
        let marked = does(&incident, mark(as_strict), Party::Provider).unwrap();
        assert_eq!(marked.incident().tlp, as_strict);
    }
    // What staff have made stricter is the customer's to loosen again.
    let mut stricter = incident.clone();
    done(&mut stricter, mark(Tlp::Red), Party::Provider);
    refused(&stricter, mark(Tlp::Amber), Party::Provider);
    done(&mut stricter, mark(Tlp::Amber), Party::Customer);
    // What the provider says to many is the provider's to mark.
    let mut common = incident;
    common.words.provider_wide = true;
    done(&mut common, mark(Tlp::Clear), Party::Provider);
}

#[test]
fn a_comment_keeps_what_it_said() {
    let author = by(Party::Customer);
    let said = create_comment(
        Uuid::nil(),
        "a".into(),
        &author,
        "c1".into(),
        Uuid::max(),
        now(),
    );
    let said = said.comment().clone();
    let others = update_comment(said.clone(), "b".into(), &author, "c2", now());
    assert_eq!(others.unwrap_err().reason(), Reason::PermissionDenied);
    let later = now() + SignedDuration::from_mins(1);
    let changed = update_comment(said.clone(), "b".into(), &author, "c1", later).unwrap();
    let comment = changed.comment();
    assert_eq!((comment.text.as_str(), comment.updated), ("b", later));
    let before = Revision {
        text: "a".to_owned(),
        created: now(),
    };
    assert_eq!(comment.revisions, [before]);
    let same = update_comment(comment.clone(), "b".into(), &author, "c1", later).unwrap();
    assert_eq!(same.happened(), None);
}

fn any_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn any_command() -> impl Strategy<Value = Command> {
    let reason = prop_oneof![Just(String::new()), Just("because".to_owned())];
    prop_oneof![
        4 => (any_of(Phase::ALL), reason.clone())
            .prop_map(|(to, reason)| Command::Move { to, reason }),
        1 => Just(Command::Acknowledge),
        1 => (any_of(Severity::ALL), reason.clone())
            .prop_map(|(to, reason)| Command::Reclassify { to, reason }),
        1 => (any_of(Party::ALL), reason.clone())
            .prop_map(|(to, reason)| Command::HandOver { to, reason }),
        1 => proptest::collection::vec("[a-c]", 1..3).prop_map(|texts| Command::SetCriteria { texts }),
        2 => Just(sign()),
        1 => (any_of(CloseCode::ALL), reason.clone())
            .prop_map(|(code, reason)| Command::Close { code, reason }),
        1 => reason.prop_map(|reason| Command::Reopen { reason }),
    ]
}

proptest! {
    /// Whatever anyone does, in whichever order.
    #[test]
    fn the_rules_hold_along_every_way(
        commands in proptest::collection::vec((any_command(), any_of(Party::ALL)), 0..60)
    ) {
        let mut incident = fresh();
        for (n, (command, party)) in commands.into_iter().enumerate() {
            let etag = format!("e{}", n + 1);
            let Ok(change) = decide(&incident, command, &by(party), etag.clone(), now()) else {
                continue;
            };
            let after = change.incident().clone();
            prop_assert_eq!((after.id, after.number), (incident.id, incident.number));
            prop_assert_eq!(after.state == State::Closed, after.pending.is_none());
            prop_assert_eq!(after.state == State::Closed, after.closed.is_some());
            prop_assert_eq!(after.state == State::Closed, after.code.is_some());
            match change.happened() {
                None => prop_assert_eq!(&after, &incident, "nothing happened, nothing changed"),
                Some(happened) => {
                    prop_assert_eq!(&after.etag, &etag);
                    prop_assert_eq!(happened.actor.party, party);
                }
            }
            if after.phase != incident.phase {
                prop_assert_ne!(step(incident.phase, after.phase), Step::Barred);
            }
            if after.phase >= Phase::Recovery {
                let criteria = &after.words.criteria;
                prop_assert!(!criteria.is_empty());
                prop_assert!(criteria.iter().all(Criterion::is_complete));
            }
            if incident.acknowledged.is_some() {
                prop_assert_eq!(after.acknowledged, incident.acknowledged);
            }
            if after.code == Some(CloseCode::Resolved) {
                prop_assert_eq!(after.phase, Phase::FollowUp);
            }
            incident = after;
        }
    }
}

#[test]
fn every_phase_leads_to_the_end() {
    let mut reached = vec![Phase::Preparation];
    for _ in Phase::ALL {
        for to in Phase::ALL {
            let comes = reached.iter().any(|from| step(*from, *to) == Step::Forward);
            if comes && !reached.contains(to) {
                reached.push(*to);
            }
        }
    }
    assert_eq!(reached.len(), Phase::ALL.len());
}

#[test]
fn words_are_read_back_as_they_were_written() {
    for phase in Phase::ALL {
        assert_eq!(Phase::from_stored(phase.as_str()), Some(*phase));
    }
    assert_eq!(Severity::from_stored("sev5"), None);
}
