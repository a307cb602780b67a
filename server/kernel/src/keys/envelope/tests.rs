use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn owner(name: &str, versions: &[u32], seed: u8) -> OwnerKeys {
    let data = versions
        .iter()
        .map(|v| (*v, Zeroizing::new([seed ^ u8::try_from(*v).unwrap(); 32])))
        .collect();
    let fixed: Vec<u8> = (0..96)
        .map(|n| seed.wrapping_mul(31).wrapping_add(n))
        .collect();
    let newest = versions.iter().max().copied();
    OwnerKeys::new(name.to_owned(), data, &fixed, newest).unwrap()
}

fn env() -> Env {
    Env::fixed(jiff::Timestamp::UNIX_EPOCH, 1).0
}

#[test]
fn sealed_bytes_open_in_their_place_alone() {
    let env = env();
    let acme = owner("acme", &[1], 7);
    let sealed = acme.seal(&env, "journal", 5, b"plain").unwrap();
    assert_eq!(sealed.len(), 5 + OVERHEAD);
    assert_eq!(
        acme.open("journal", 5, &sealed).unwrap().as_slice(),
        b"plain"
    );
    assert!(acme.open("journal", 6, &sealed).is_err());
    assert!(acme.open("journa", 5, &sealed).is_err());
    // The same key bytes under another tenant's name.
    assert!(
        owner("globex", &[1], 7)
            .open("journal", 5, &sealed)
            .is_err()
    );
    assert!(owner("acme", &[1], 8).open("journal", 5, &sealed).is_err());
    for at in 0..sealed.len() {
        let mut bent = sealed.clone();
        bent[at] ^= 1;
        assert!(acme.open("journal", 5, &bent).is_err(), "{at}");
        assert!(acme.open("journal", 5, &sealed[..at]).is_err(), "{at}");
    }
}

#[test]
fn the_newest_key_seals_and_older_ones_open() {
    let env = env();
    let before = owner("acme", &[1], 7).seal(&env, "x", 0, b"old").unwrap();
    let after = owner("acme", &[1, 2], 7);
    assert_eq!(after.version(), 2);
    assert_eq!(after.open("x", 0, &before).unwrap().as_slice(), b"old");
    let sealed = after.seal(&env, "x", 0, b"new").unwrap();
    assert!(owner("acme", &[1], 7).open("x", 0, &sealed).is_err());
    assert_eq!(sealed[..5], [1, 0, 0, 0, 2]);
}

#[test]
fn no_nonce_comes_twice_and_a_worn_key_stops() {
    let env = env();
    let keys = owner("acme", &[1], 7);
    let nonces: HashSet<Vec<u8>> = (0..2_000)
        .map(|_| keys.seal(&env, "x", 0, b"").unwrap()[5..17].to_vec())
        .collect();
    assert_eq!(nonces.len(), 2_000);
    keys.uses.store(MAX_USES_HERE, Ordering::Relaxed);
    assert_eq!(
        keys.seal(&env, "x", 0, b"").unwrap_err().reason(),
        Reason::FailedPrecondition
    );
}

#[test]
fn names_and_pseudonyms_are_the_tenants_own() {
    let (acme, globex) = (owner("acme", &[1], 7), owner("globex", &[1], 9));
    assert_eq!(
        acme.event_name(&[b"a", b"bc"]),
        acme.event_name(&[b"a", b"bc"])
    );
    assert_ne!(
        acme.event_name(&[b"a", b"bc"]),
        acme.event_name(&[b"ab", b"c"])
    );
    assert_ne!(acme.event_name(&[b"a"]), globex.event_name(&[b"a"]));
    let pseudonym = acme.pseudonym("acct", "123456789012");
    assert_eq!(
        pseudonym,
        owner("acme", &[1, 2], 7).pseudonym("acct", "123456789012"),
        "rotation changes none"
    );
    assert_ne!(pseudonym, globex.pseudonym("acct", "123456789012"));
    assert_ne!(pseudonym[5..], acme.pseudonym("user", "123456789012")[5..]);
    let digits = pseudonym.strip_prefix("acct~").unwrap();
    assert_eq!(digits.len(), 26);
    assert!(
        digits
            .bytes()
            .all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
    );
}

#[test]
fn base32_is_rfc_4648() {
    let mut out = String::new();
    base32(b"foobar", 99, &mut out);
    assert_eq!(out, "mzxw6ytbo"); // of MZXW6YTBOI, the digits that are whole
    out.clear();
    base32(&[0xff; 32], 26, &mut out);
    assert_eq!(out, "7".repeat(26));
}

#[test]
fn parquet_keys_differ_by_segment_and_version() {
    let cipher = TenantCipher::new(
        "acme".parse().unwrap(),
        Arc::new(owner("acme", &[1, 2], 7)),
        env(),
    );
    assert_eq!(cipher.key_version(), 2);
    let key = cipher.parquet_key(1, "s1").unwrap();
    assert_eq!(*key, *cipher.parquet_key(1, "s1").unwrap());
    assert_ne!(*key, *cipher.parquet_key(2, "s1").unwrap());
    assert_ne!(*key, *cipher.parquet_key(1, "s2").unwrap());
    assert!(cipher.parquet_key(3, "s1").is_err());
    assert_ne!(cipher.parquet_aad("s1"), cipher.parquet_aad("s2"));
    assert_ne!(*key, *cipher.page_key());
    let sealed = cipher.seal("evidence/1", 3, b"x").unwrap();
    assert_eq!(cipher.open("evidence/1", 3, &sealed).unwrap(), b"x");
}

#[test]
fn malformed_key_material_is_refused() {
    assert!(OwnerKeys::new("a".into(), BTreeMap::new(), &[0; 96], None).is_err());
    let data = BTreeMap::from([(1, Zeroizing::new([0; 32]))]);
    assert!(OwnerKeys::new("a".into(), data, &[0; 95], None).is_err());
}

proptest! {
    #[test]
    fn whatever_is_sealed_opens(object in ".{0,40}", position: u64, plain: Vec<u8>) {
        let keys = owner("acme", &[3], 7);
        let sealed = keys.seal(&env(), &object, position, &plain).unwrap();
        let opened = keys.open(&object, position, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), plain.as_slice());
    }

    #[test]
    fn no_bytes_make_opening_panic(bytes: Vec<u8>) {
        prop_assert!(owner("acme", &[1], 7).open("x", 0, &bytes).is_err());
    }
}
