use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::manifest::tests::person;

const ITEMS: [&str; 2] = ["disk-0.raw", "memory.elf"];
const MANIFEST: Digest = Digest([7; 32]);

fn draft(second: i64, act: Act, items: &[&str]) -> Draft {
    Draft {
        at: Timestamp::from_second(1_790_000_000 + second).unwrap(),
        act,
        by: person("ada@acme.example"),
        purpose: "Find the way in".into(),
        items: items.iter().map(|&item| item.to_owned()).collect(),
        recheck: Recheck::Same {},
    }
}

fn held(hold: &str) -> Act {
    Act::Held { hold: hold.into() }
}

fn released(hold: &str) -> Act {
    Act::Released { hold: hold.into() }
}

fn shared(with: &str) -> Act {
    Act::Shared { with: with.into() }
}

fn revoked(with: &str) -> Act {
    Act::ShareRevoked { with: with.into() }
}

/// A chain of every act.
fn entries() -> Vec<Entry> {
    let disk = &ITEMS[..1];
    let mut chain = Chain::new(&MANIFEST, ITEMS);
    let drafts = [
        draft(0, Act::Acquired {}, &ITEMS),
        draft(1, held("court"), disk),
        draft(1, Act::Read {}, disk),
        draft(2, Act::Examined {}, &ITEMS),
        draft(3, shared("police"), disk),
        draft(4, Act::Exported {}, disk),
        draft(5, Act::Deleted {}, &ITEMS[1..]),
        draft(6, released("court"), disk),
        draft(7, Act::Deleted {}, disk),
        draft(8, revoked("police"), disk),
    ];
    drafts.map(|draft| chain.append(draft).unwrap()).to_vec()
}

fn check(entries: &[Entry]) -> Result<Head, Broken> {
    verify(&MANIFEST, ITEMS, entries, &[])
}

fn broken(entries: &[Entry]) -> (usize, Step) {
    match check(entries) {
        Err(Broken::Entry { index, step }) => (index, step),
        other => panic!("{other:?}"),
    }
}

/// What is said of the last of some acts with one item, each of which has to follow but that.
fn last(acts: &[Act]) -> Result<(), &'static str> {
    let mut chain = Chain::new(&MANIFEST, ITEMS);
    let (last, before) = acts.split_last().unwrap();
    for act in before {
        chain.append(draft(0, act.clone(), &ITEMS[..1])).unwrap();
    }
    match chain.append(draft(0, last.clone(), &ITEMS[..1])) {
        Ok(_) => Ok(()),
        Err(Step::Act { item, why }) => {
            assert_eq!(item, ITEMS[0]);
            Err(why)
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_chain_is_followed_to_its_head() {
    let entries = entries();
    let head = check(&entries).unwrap();
    assert_eq!(head.sequence, 10);
    assert_eq!(head.hash, entries[9].hash().unwrap());
    assert_eq!(entries[0].previous, Head::start(&MANIFEST).hash);
    assert_eq!(check(&[]), Ok(Head::start(&MANIFEST)));
}

/// The form of version 1: what was chained stays as it is. The hash of the entry before is that
/// of another program.
#[test]
fn the_bytes_do_not_change() {
    let entry = &entries()[1];
    let bytes = entry.to_bytes().unwrap();
    let known = r#"{"act":{"hold":"court","kind":"held"},"at":"2026-09-21T14:13:21Z","by":{"name":"ada@acme.example","party":"tenants/acme"},"items":["disk-0.raw"],"previous":"de471cee856b5a1521e04abec84d6dc0f36f498220f87c86a2ddf1429135b087","purpose":"Find the way in","recheck":{"result":"same"},"sequence":2}"#;
    assert_eq!(String::from_utf8(bytes).unwrap(), known);
    let hash = Digest::sha256(&[b"cordon.custody.entry.v1\n", known.as_bytes()]);
    assert_eq!(entry.hash().unwrap(), hash);
    let start = Digest::sha256(&[b"cordon.custody.start.v1\n", &[7; 32]]);
    assert_eq!(Head::start(&MANIFEST).hash, start);
}

#[test]
fn the_first_entry_that_does_not_follow_is_named() {
    for index in 0..10 {
        let mut gone = entries();
        gone.remove(index);
        if index < 9 {
            let (named, step) = broken(&gone);
            assert_eq!(named, index);
            assert!(matches!(step, Step::Sequence { .. }));
        }
        let mut changed = entries();
        changed[index].purpose = "Something else".into();
        if index < 9 {
            assert_eq!(broken(&changed), (index + 1, Step::Previous));
        }
        let mut twice = entries();
        twice.insert(index, twice[index].clone());
        assert_eq!(broken(&twice).0, index + 1);
        let mut swapped = entries();
        if index < 9 {
            swapped.swap(index, index + 1);
            assert_eq!(broken(&swapped).0, index);
        }
    }
    let other = verify(&Digest([8; 32]), ITEMS, &entries(), &[]);
    let (index, step) = (0, Step::Previous);
    assert_eq!(other, Err(Broken::Entry { index, step }));
}

#[test]
fn a_chain_that_was_cut_or_made_anew_is_noticed_by_a_head_that_was_known() {
    let entries = entries();
    let known = Head {
        sequence: 5,
        hash: entries[4].hash().unwrap(),
    };
    let end = check(&entries).unwrap();
    let check = |entries: &[Entry], known: &[Head]| verify(&MANIFEST, ITEMS, entries, known);
    assert_eq!(
        check(&entries, &[end, known, Head::start(&MANIFEST)]),
        Ok(end)
    );
    assert!(check(&entries[..5], &[known]).is_ok());
    assert_eq!(check(&entries[..4], &[known]), Err(Broken::Head(5)));
    assert_eq!(check(&entries[..9], &[known, end]), Err(Broken::Head(10)));
    let other = Head {
        hash: MANIFEST,
        ..known
    };
    assert_eq!(check(&entries, &[known, other]), Err(Broken::Head(5)));
    let start = Head::start(&Digest([8; 32]));
    assert_eq!(check(&entries, &[start]), Err(Broken::Head(0)));
}

#[test]
fn acts_follow_from_acts() {
    use Act::{Acquired, Deleted, Examined, Exported, Read};
    let taken = || Acquired {};
    let early = Err("it was not acquired yet");
    for act in [
        Read {},
        Exported {},
        Examined {},
        Deleted {},
        held("h"),
        shared("p"),
    ] {
        assert_eq!(last(std::slice::from_ref(&act)), early);
        assert_eq!(last(&[taken(), act.clone()]), Ok(()));
        let late = last(&[taken(), Deleted {}, act]);
        assert_eq!(late, Err("it was deleted"));
    }
    assert_eq!(last(&[taken(), taken()]), Err("it was acquired before"));
    assert_eq!(last(&[taken(), held("a"), Deleted {}]), Err("it is held"));
    let both = [taken(), held("a"), held("b"), released("a"), Deleted {}];
    assert_eq!(last(&both), Err("it is held"));
    assert_eq!(
        last(&[taken(), held("a"), held("a")]),
        Err("it is held so already")
    );
    assert_eq!(
        last(&[taken(), held("a"), released("b")]),
        Err("it is not held so")
    );
    assert_eq!(
        last(&[taken(), held("a"), released("a"), Deleted {}]),
        Ok(())
    );
    assert_eq!(last(&[taken(), revoked("p")]), Err("it is not shared so"));
    assert_eq!(
        last(&[taken(), shared("p"), shared("p")]),
        Err("it is shared so already")
    );
    assert_eq!(
        last(&[taken(), shared("p"), revoked("p"), shared("p")]),
        Ok(())
    );
    assert_eq!(
        last(&[taken(), shared("p"), Deleted {}, revoked("p")]),
        Ok(())
    );
}

#[test]
fn an_entry_that_is_refused_changes_nothing() {
    let mut chain = Chain::new(&MANIFEST, ITEMS);
    chain
        .append(draft(5, Act::Acquired {}, &ITEMS[..1]))
        .unwrap();
    let head = chain.head();
    let mut refused = |draft: Draft| {
        let step = chain.append(draft).unwrap_err();
        assert_eq!(chain.head(), head);
        step
    };
    assert_eq!(refused(draft(4, Act::Read {}, &ITEMS[..1])), Step::Time);
    assert_eq!(refused(draft(5, Act::Read {}, &[])), Step::Items);
    let twice = [ITEMS[0], ITEMS[0]];
    assert_eq!(refused(draft(5, Act::Read {}, &twice)), Step::Items);
    assert_eq!(
        refused(draft(5, Act::Read {}, &["disk-1.raw"])),
        Step::UnknownItem
    );
    // One of two items can't be read: nothing is held to be.
    assert!(matches!(
        refused(draft(5, held("h"), &ITEMS)),
        Step::Act { .. }
    ));
    assert_eq!(refused(draft(5, held("a\nb"), &ITEMS[..1])), Step::Text);
    let mut unnamed = draft(5, Act::Read {}, &ITEMS[..1]);
    unnamed.by.name.clear();
    assert_eq!(refused(unnamed), Step::Text);
    let mut elsewhere = draft(5, Act::Read {}, &ITEMS[..1]);
    elsewhere.recheck = Recheck::Differs {
        item: ITEMS[1].into(),
        block: 1,
        offset: 65_536,
    };
    assert_eq!(refused(elsewhere.clone()), Step::UnknownItem);
    elsewhere.recheck = Recheck::Differs {
        item: ITEMS[0].into(),
        block: u64::MAX,
        offset: 0,
    };
    assert_eq!(refused(elsewhere), Step::Form(CanonicalError::Number));
    chain.append(draft(5, held("h"), &ITEMS[..1])).unwrap();
}

#[test]
fn an_entry_has_one_spelling() {
    for entry in entries() {
        let bytes = entry.to_bytes().unwrap();
        assert_eq!(Entry::from_bytes(&bytes), Ok(entry));
        let text = String::from_utf8(bytes).unwrap();
        for other in [
            text.replace("Z\"", "+00:00\""),
            text.replace("{\"act\"", "{\"a\":1,\"act\""),
            text.replace(",\"kind\":", ",\"kidn\":"),
            text.replace("\"result\":\"same\"", "\"result\":\"same\",\"x\":1"),
            format!("{text}\n"),
        ] {
            let same = other == text;
            assert_eq!(Entry::from_bytes(other.as_bytes()).is_ok(), same, "{other}");
        }
    }
    let large = vec![b'['; MAX_ENTRY_BYTES + 1];
    let limit = MAX_ENTRY_BYTES;
    assert_eq!(
        Entry::from_bytes(&large),
        Err(CanonicalError::TooLarge { limit })
    );
}

proptest! {
    #[test]
    fn any_changed_byte_of_a_chain_is_noticed(
        index in 0..10_usize,
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut entries = entries();
        let head = check(&entries).unwrap();
        let mut bytes = entries[index].to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(changed) = Entry::from_bytes(&bytes) {
            entries[index] = changed;
            match verify(&MANIFEST, ITEMS, &entries, &[head]) {
                Err(Broken::Entry { index: named, .. }) => prop_assert!(named == index || named == index + 1),
                Err(Broken::Head(sequence)) => prop_assert_eq!((index, sequence), (9, 10)),
                Ok(_) => prop_assert!(false, "a changed entry passed"),
            }
        }
    }

    #[test]
    fn no_entry_makes_it_panic(
        index in 0..10_usize,
        sequence in any::<u64>(),
        text in ".{0,8}",
        which in 0..5_u8,
    ) {
        let mut entries = entries();
        let entry = &mut entries[index];
        match which {
            0 => entry.sequence = sequence,
            1 => entry.purpose = text,
            2 => entry.items.push(text),
            3 => entry.act = held(&text),
            _ => entry.recheck = Recheck::Differs { item: text, block: sequence, offset: sequence },
        }
        let _ = check(&entries);
        let _ = entries[index].hash();
        let json = serde_json::to_value(&entries[index]).unwrap();
        let _ = serde_json::from_value::<Entry>(json).unwrap();
        let _ = serde_json::from_value::<Entry>(Value::Null);
    }
}
