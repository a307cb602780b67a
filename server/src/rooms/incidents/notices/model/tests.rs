//! What may be said, to whom, whatever happened.

use cordon_kernel::TenantId;
use jiff::Timestamp;
use proptest::prelude::*;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::super::super::model::{
    Actor, Happened, Incident, NewIncident, Party, Phase, Severity, Tlp, What, create,
};
use super::*;

fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

fn incident(words: &str, severity: Severity, tlp: Tlp, number: i64) -> Incident {
    let by = Actor {
        subject: words.to_owned(),
        party: Party::Customer,
    };
    let new = NewIncident {
        title: words.to_owned(),
        description: words.to_owned(),
        severity,
        tlp,
        exercise: false,
        provider_wide: false,
    };
    let id = Uuid::from_u128(u128::from(words.len() as u64) << 64 | 7);
    let now = Timestamp::UNIX_EPOCH;
    create(new, &by, id, number, words.to_owned(), now)
        .incident()
        .clone()
}

fn what() -> impl Strategy<Value = What> {
    let severities = proptest::sample::select(Severity::ALL);
    let phases = proptest::sample::select(Phase::ALL);
    prop_oneof![
        Just(What::Acknowledged),
        Just(What::Reopened),
        (severities.clone(), phases.clone())
            .prop_map(|(severity, phase)| What::Opened { severity, phase }),
        (phases.clone(), phases).prop_map(|(from, to)| What::Moved { from, to }),
        (severities.clone(), severities).prop_map(|(from, to)| What::Reclassified { from, to }),
        any::<u128>().prop_map(|id| What::Commented {
            comment: Uuid::from_u128(id)
        }),
        proptest::collection::vec("[a-z]{1,9}", 1..3).prop_map(|fields| What::Updated { fields }),
    ]
}

/// Everything that may be told of an entry, at random.
fn telling() -> impl Strategy<Value = (Incident, Happened, i64, Option<String>)> {
    let tlp = proptest::sample::select(Tlp::ALL);
    let severity = proptest::sample::select(Severity::ALL);
    let words = "[A-Za-z ]{1,40}";
    (
        words,
        severity,
        tlp,
        what(),
        words,
        1..9_i64,
        proptest::option::of(words),
    )
        .prop_map(|(title, severity, tlp, what, reason, sequence, comment)| {
            let happened = Happened {
                actor: Actor {
                    subject: reason.clone(),
                    party: Party::Provider,
                },
                reason,
                what,
            };
            (
                incident(&title, severity, tlp, 12),
                happened,
                sequence,
                comment,
            )
        })
}

/// What arrives: as an event and as a letter.
fn arrives(
    told: &(Incident, Happened, i64, Option<String>),
    audience: Audience,
    filtered: bool,
) -> Option<(String, String)> {
    let (incident, happened, sequence, comment) = told;
    let tenant = tenant();
    let about = About {
        tenant: &tenant,
        incident,
        sequence: *sequence,
        time: Timestamp::UNIX_EPOCH,
        happened,
        comment: comment.as_deref(),
    };
    let notice = compose(about, audience, filtered)?;
    let event = serde_json::to_string(&notice.event("id", &tenant)).unwrap();
    let letter = notice.letter("id", "csirt@acme.example");
    assert_eq!(notice.is_redacted(), event.contains("incident.changed"));
    Some((event, format!("{letter:?}")))
}

#[test]
fn the_table_is_that_of_the_standard() {
    let row = |tlp| Audience::ALL.map(|audience| say(tlp, audience, false));
    use Say::{All, Hint, Nothing};
    assert_eq!(row(Tlp::Red), [All, Hint, Nothing, Nothing]);
    assert_eq!(row(Tlp::AmberStrict), [All, All, Nothing, Nothing]);
    assert_eq!(row(Tlp::Amber), [All, All, All, Nothing]);
    assert_eq!(row(Tlp::Green), [All; 4]);
    assert_eq!(row(Tlp::Clear), [All; 4]);
}

#[test]
fn no_wider_audience_and_no_stricter_marking_is_told_more() {
    for filtered in [false, true] {
        for tlp in Tlp::ALL {
            let said = Audience::ALL.map(|audience| say(*tlp, audience, filtered));
            assert!(said.is_sorted_by(|narrow, wide| narrow >= wide), "{tlp:?}");
        }
        for audience in Audience::ALL {
            let said = Tlp::ALL.iter().map(|tlp| say(*tlp, audience, filtered));
            let said: Vec<Say> = said.collect();
            assert!(said.is_sorted(), "{audience:?}");
        }
    }
}

proptest! {
    /// Two incidents of one number look the same to whoever gets a hint, whatever is different
    /// between them and whatever happened.
    #[test]
    fn a_hint_depends_on_the_number_alone(one in telling(), two in telling()) {
        for audience in Audience::ALL {
            let hint = |told: &(Incident, _, _, _)| say(told.0.tlp, audience, false) == Say::Hint;
            if hint(&one) && hint(&two) {
                prop_assert_eq!(arrives(&one, audience, false), arrives(&two, audience, false));
            }
        }
    }

    /// Whoever gets some kinds alone gets all of it or nothing: a hint would say which kind.
    #[test]
    fn nobody_learns_from_a_filter(told in telling()) {
        for audience in Audience::ALL {
            let may = say(told.0.tlp, audience, true);
            prop_assert_ne!(may, Say::Hint);
            let arrived = arrives(&told, audience, true);
            prop_assert_eq!(arrived.is_some(), may == Say::All);
        }
    }

    /// Where not all may be said, no word of the incident is.
    #[test]
    fn words_arrive_only_where_all_may_be_said(told in telling()) {
        for audience in Audience::ALL {
            let all = say(told.0.tlp, audience, false) == Say::All;
            let Some((event, letter)) = arrives(&told, audience, false) else { continue };
            let title = serde_json::to_string(&told.0.words.title).unwrap();
            prop_assert_eq!(event.contains(&format!("\"title\":{title}")), all);
            for word in ["severity", "tlp", "reason", "subject", &told.0.id.to_string()] {
                prop_assert!(all || !event.contains(word), "{} in {}", word, event);
                prop_assert!(all || !letter.contains(&told.0.id.to_string()));
            }
            prop_assert!(!all || letter.contains("[TLP:"), "{}", letter);
        }
    }
}

#[test]
fn names_are_mentioned_as_people_write_them() {
    for said in [
        "@alice",
        "hello @Alice!",
        "(@alice)",
        "see @bob and @alice.",
        "@@bob @alice-",
        "ä @alice\n",
    ] {
        assert!(mentions(said, "alice"), "{said}");
    }
    for said in [
        "",
        "alice",
        "bob@alice",
        "@alicia",
        "@alice2",
        "@alice.b",
        "@",
        "@@alice",
        "@-alice",
        "é@alice",
    ] {
        assert!(!mentions(said, "alice"), "{said}");
    }
    assert!(mentions("to @a.b-c_d1", "A.b-c_d1"));
    for bad in ["", "@a", "a b", ".a", "a.", "é", &"a".repeat(65)] {
        assert!(!is_handle(bad), "{bad}");
    }
    assert!(is_handle("a") && is_handle("a.b-c_d1"));
}

#[test]
fn a_former_secret_signs_for_a_day() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let later = |hours| now + jiff::SignedDuration::from_hours(hours);
    let text = |n: u8| cordon_courier::SigningKey::new([n; 32]).text();
    let first = vec![Key {
        text: text(1),
        until: None,
    }];
    let second = rotate(&first, text(2), now);
    let third = rotate(&second, text(3), later(1));
    let target = |keys: &[Key]| Target::Webhook {
        url: "https://example.com/".to_owned().into(),
        origin: "https://example.com".into(),
        keys: keys.to_vec(),
    };
    let signing = |keys: &[Key], at| {
        let keys = target(keys).signing(at);
        let texts = keys.iter().map(|key| key.text().expose_secret().to_owned());
        texts.collect::<Vec<_>>()
    };
    let texts = |all: &[u8]| {
        let all = all.iter().map(|n| text(*n).expose_secret().to_owned());
        all.collect::<Vec<_>>()
    };
    assert_eq!(signing(&first, now), texts(&[1]));
    assert_eq!(signing(&second, later(23)), texts(&[2, 1]));
    assert_eq!(signing(&second, later(24)), texts(&[2]));
    assert_eq!(signing(&third, later(2)), texts(&[3, 2]));
    let debug = format!("{:?}", target(&third));
    assert!(
        !debug.contains("whsec_") && !debug.contains("example.com/"),
        "{debug}"
    );
}
