//! Ids that are always the same for the same thing, so that a receiver knows an incident again
//! that it was given before.

use ring::digest;

/// Of all names that ids are made of here.
const NAMESPACE: [u8; 16] = [
    0x6f, 0x3a, 0x1c, 0x52, 0x0d, 0x7e, 0x4b, 0x8e, 0x9a, 0x41, 0x5e, 0x6c, 0x27, 0x93, 0xd1, 0xb4,
];

/// `{kind}--{UUID}`, the UUID being of version 5 (RFC 9562), made of kind and name.
pub(super) fn id(kind: &str, name: &str) -> String {
    format!("{kind}--{}", uuid(&format!("{kind}/{name}")))
}

fn uuid(name: &str) -> String {
    // SHA-1 is what version 5 asks for; nothing here rests on its strength.
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(&NAMESPACE);
    hash.update(name.as_bytes());
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.finish().as_ref()) {
        *byte = *hashed;
    }
    let mut number = u128::from_be_bytes(bytes);
    number = number & !(0xf << 76) | (5 << 76);
    number = number & !(0b11 << 62) | (0b10 << 62);
    let digits = format!("{number:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_five_and_stay_the_same() {
        let one = id("incident", "tenants/acme/incidents/1");
        assert_eq!(one, id("incident", "tenants/acme/incidents/1"));
        assert_ne!(one, id("incident", "tenants/acme/incidents/2"));
        let uuid = one.strip_prefix("incident--").unwrap();
        let parts: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(uuid.as_bytes()[14], b'5');
        assert!(b"89ab".contains(&uuid.as_bytes()[19]));
        // By Python: uuid.uuid5(uuid.UUID('6f3a1c52-0d7e-4b8e-9a41-5e6c2793d1b4'), 'note/x')
        assert_eq!(
            id("note", "x"),
            "note--dd6788c6-d2a9-5154-b67e-3e930bf28992"
        );
    }
}
