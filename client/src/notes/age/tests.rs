//! Against files of age 1.1.1 (`age -r … -r …`), and against ourselves.

use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;

use super::*;

const MINE: &str = "AGE-SECRET-KEY-12VF7ZHY60K5325LPPMK3HZ2D3Z7C94J462HKGQRM4V2K0RSU0SLSLU723K";
const MY_RECIPIENT: &str = "age166ct2d6ycd9gnpxprsc23mfnmz57nj5ef5njj0xk8pca5e5ltucqusaa9p";
const OTHERS: &str = "AGE-SECRET-KEY-1Y396A3QFG09TGGTSY7HHYVUS8LTY59QLHC9TWCKRNQ08FSZH9Y5Q6JSQAL";
/// To both.
const FILE: &str = "\
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBDdVhWeG1CNzdCQU5kUkZkYWl6bjAySGZTU0plU09JN0JZ\
TklGQXFHb0IwCk50cW90eWw1WlRETExLaDRDNkg2cGdZdEtaMUtMY0x5N3dQbWJjcERXRmMKLT4gWDI1NTE5IDV6\
M1ZWLy9zMjV4Vy9QRDhHK3NrZnNzelNQWmNYbzM1Rm1pVXNsTVJ4bkEKVW5meStHZGRSNG1zbitWeW05TmlEaWpP\
SW8yWWRwRDZaWFlEcHBxZEltWQotLS0gSTMrVUZtMFB1dmdPU2pLVzRTampQKzhmaWhMcWxUUWJaVWltNmpUTU52\
YwpbYh0kDqYeScXa6zTKMSfdq4MxJRihDqRdnVYEO6q4lac7hQFvXA68+d/Chz0VWxcdwct73B9MTcbK/jgnjQ==";

#[test]
fn a_file_that_age_wrote_is_read() {
    let file = STANDARD.decode(FILE).unwrap();
    for identity in [MINE, OTHERS] {
        let identity = Identity::parse(identity).unwrap();
        let plain = identity.decrypt(&file).unwrap();
        assert_eq!(plain, b"the admin's laptop was cloned\n");
    }
    let identity = Identity::parse(MINE).unwrap();
    assert_eq!(identity.recipient().to_string(), MY_RECIPIENT);
    assert_eq!(identity.to_text().unwrap().expose_secret(), MINE);
    let file = format!("# created: now\n# public key: x\n\n{MINE}\n");
    let again = Identity::parse(&file).unwrap();
    assert_eq!(again.recipient(), identity.recipient());
}

#[test]
fn what_is_written_is_read_by_those_it_is_to_and_by_nobody_else() {
    let all = [(); 3].map(|()| Identity::generate().unwrap());
    let to = [all[0].recipient(), all[1].recipient()];
    for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE] {
        let plain = vec![7; length];
        let file = encrypt(&to, &plain).unwrap();
        assert_eq!(all[0].decrypt(&file).unwrap(), plain, "{length}");
        assert_eq!(all[1].decrypt(&file).unwrap(), plain, "{length}");
        let refused = all[2].decrypt(&file).unwrap_err();
        assert_eq!(refused.reason(), Reason::PermissionDenied);
    }
    assert!(encrypt(&[], b"x").is_err());
}

#[test]
fn each_changed_byte_is_noticed() {
    let identity = Identity::generate().unwrap();
    let other = Identity::generate().unwrap().recipient();
    let file = encrypt(&[other, identity.recipient()], b"the plan").unwrap();
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert!(identity.decrypt(&changed).is_err(), "byte {at}");
        assert!(identity.decrypt(&file[..at]).is_err(), "cut at {at}");
    }
    let mut longer = file.clone();
    longer.push(0);
    assert!(identity.decrypt(&longer).is_err());
}

#[test]
fn pieces_can_not_be_left_out_or_moved() {
    let identity = Identity::generate().unwrap();
    let plain: Vec<u8> = (0..3 * PIECE).map(|n| (n % 251) as u8).collect();
    let file = encrypt(&[identity.recipient()], &plain).unwrap();
    let body = file.len() - 3 * (PIECE + TAG);
    let cut = &file[..file.len() - (PIECE + TAG)];
    assert!(identity.decrypt(cut).is_err(), "the end is missing");
    let mut turned = file.clone();
    let (first, second) = turned[body..].split_at_mut(PIECE + TAG);
    first.swap_with_slice(&mut second[..PIECE + TAG]);
    assert!(identity.decrypt(&turned).is_err(), "two are exchanged");
}

#[test]
fn a_key_has_one_text() {
    assert!(MY_RECIPIENT.parse::<Recipient>().is_ok());
    let wrong = MY_RECIPIENT.replace("age1", "aga1");
    let damaged = MY_RECIPIENT.replacen('6', "7", 1);
    let later = bech32::encode::<bech32::Bech32m>(Hrp::parse(PUBLIC).unwrap(), &[7; 32]).unwrap();
    let short = bech32::encode::<Bech32>(Hrp::parse(PUBLIC).unwrap(), &[7; 31]).unwrap();
    for bad in ["", "age1", MINE, &wrong, &damaged, &later, &short] {
        assert!(bad.parse::<Recipient>().is_err(), "{bad}");
    }
    // A point of low order: whatever is agreed on with it is known to all.
    let low = Recipient([0; 32]);
    assert!(encrypt(&[low], b"x").is_err());
    assert_eq!(
        MY_RECIPIENT
            .parse::<Recipient>()
            .unwrap()
            .fingerprint()
            .len(),
        39
    );
}

/// By pieces, what is done at once.
fn in_pieces(to: &[Recipient], plain: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    encrypt_to(to, plain, &mut file).unwrap();
    file
}

#[test]
fn a_file_by_pieces_is_the_same_as_one_at_once() {
    let identity = Identity::generate().unwrap();
    let to = [identity.recipient()];
    for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 7] {
        let plain: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let file = in_pieces(&to, &plain);
        assert_eq!(file.len(), encrypt(&to, &plain).unwrap().len());
        assert_eq!(identity.decrypt(&file).unwrap(), plain, "{length}");
        let at_once = encrypt(&to, &plain).unwrap();
        let mut out = Vec::new();
        identity.decrypt_to(at_once.as_slice(), &mut out).unwrap();
        assert_eq!(out, plain, "{length}");
    }
}

#[test]
fn a_file_by_pieces_is_whole_or_refused() {
    let identity = Identity::generate().unwrap();
    let plain = vec![7; 2 * PIECE];
    let file = in_pieces(&[identity.recipient()], &plain);
    let opens = |file: &[u8]| identity.decrypt_to(file, Vec::new());
    opens(&file).unwrap();
    let body = file.len() - 2 * (PIECE + TAG);
    for cut in (0..body + 40).chain([file.len() - (PIECE + TAG), file.len() - 1]) {
        assert!(opens(&file[..cut]).is_err(), "cut at {cut}");
    }
    for at in (0..body + 40).chain([body + PIECE + TAG, file.len() - 1]) {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert!(opens(&changed).is_err(), "byte {at}");
    }
    let longer = [file.as_slice(), &[0]].concat();
    assert!(opens(&longer).is_err());
    let endless = std::io::BufReader::new(std::io::repeat(b'x'));
    assert!(identity.decrypt_to(endless, Vec::new()).is_err());
    let other = Identity::generate().unwrap();
    let refused = other.decrypt_to(file.as_slice(), Vec::new()).unwrap_err();
    assert_eq!(*refused.reason(), Reason::PermissionDenied);
}
