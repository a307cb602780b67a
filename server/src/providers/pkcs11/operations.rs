//! What is done with the keys in the token.

use cordon_kernel::{Error, Result};
use cryptoki::error::{Error as TokenError, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use zeroize::Zeroizing;

use super::token::{Done, Token};

/// Bits of an AES-GCM tag.
const TAG_BITS: u64 = 128;
/// The key that makes the destruction list's MACs.
const MAC: &str = "cordon destruction list";
/// What the data objects with its lines are called.
const LINES: &str = "cordon destroyed key";

/// Why something could not be decrypted.
pub(super) enum Failed {
    /// Wrong key, wrong context, damaged: never told apart.
    Refused,
    /// The token.
    Error(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Token {
    /// Makes the key, unless there is one; whether there was room for it.
    pub(super) fn create(&self, id: &str) -> Result<bool> {
        self.with(|session| {
            if !find(session, KeyType::AES, id)?.is_empty() {
                return Ok(true);
            }
            if let Some(room) = self.room
                && session.find_objects(&of_kind(KeyType::AES))?.len() >= room
            {
                return Ok(false);
            }
            let mut template = description(KeyType::AES, id);
            template.extend([Attribute::Encrypt(true), Attribute::Decrypt(true)]);
            match generate(session, &Mechanism::AesKeyGen, template) {
                Ok(()) => Ok(true),
                Err(TokenError::Pkcs11(RvError::DeviceMemory, _)) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    /// Encrypts under the key; `None` when the token has none.
    pub(super) fn encrypt(
        &self,
        id: &str,
        iv: [u8; 12],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        self.with(|session| {
            let Some(key) = self.keys(session, id)?.first().copied() else {
                return Ok(None);
            };
            let mut iv = iv;
            let gcm = Mechanism::AesGcm(GcmParams::new(&mut iv, aad, TAG_BITS.into())?);
            session.encrypt(&gcm, key, plain).map(Some)
        })
    }

    /// Decrypts under the key; `None` when the token has none.
    pub(super) fn decrypt(
        &self,
        id: &str,
        iv: [u8; 12],
        aad: &[u8],
        sealed: &[u8],
    ) -> std::result::Result<Option<Zeroizing<Vec<u8>>>, Failed> {
        let opened = self.with(|session| {
            let remembered = self.keys(session, id)?;
            match decrypt_by(session, &remembered, iv, aad, sealed)? {
                Some(Err(Failed::Refused)) => {}
                opened => return Ok(opened),
            }
            // Another server may have made one of that id at the same time as this one.
            self.forget(id);
            let all = self.keys(session, id)?;
            decrypt_by(session, &all, iv, aad, sealed)
        })?;
        opened.transpose()
    }

    /// Destroys every key of that id; how many there were.
    pub(super) fn destroy(&self, id: &str) -> Result<usize> {
        let gone = self.with(|session| {
            let keys = find(session, KeyType::AES, id)?;
            for key in &keys {
                session.destroy_object(*key)?;
            }
            Ok(keys.len())
        })?;
        self.forget(id);
        Ok(gone)
    }

    /// How many keys of that id there are, by the token's own account.
    pub(super) fn count(&self, id: &str) -> Result<usize> {
        self.with(|session| Ok(find(session, KeyType::AES, id)?.len()))
    }

    /// Makes the key for MACs, unless there is one.
    pub(super) fn require_mac_key(&self) -> Result<()> {
        self.with(|session| {
            if !find(session, KeyType::GENERIC_SECRET, MAC)?.is_empty() {
                return Ok(());
            }
            let mut template = description(KeyType::GENERIC_SECRET, MAC);
            template.extend([Attribute::Sign(true), Attribute::Verify(true)]);
            generate(session, &Mechanism::GenericSecretKeyGen, template)
        })
    }

    pub(super) fn mac(&self, content: &[u8]) -> Result<Vec<u8>> {
        self.with(|session| {
            let keys = find(session, KeyType::GENERIC_SECRET, MAC)?;
            let key = keys.first().copied().ok_or(TokenError::InvalidValue)?;
            session.sign(&Mechanism::Sha256Hmac, key, content)
        })
    }

    pub(super) fn verify(&self, content: &[u8], mac: &[u8]) -> Result<bool> {
        self.with(|session| {
            for key in find(session, KeyType::GENERIC_SECRET, MAC)? {
                match session.verify(&Mechanism::Sha256Hmac, key, content, mac) {
                    Ok(()) => return Ok(true),
                    Err(TokenError::Pkcs11(
                        RvError::SignatureInvalid | RvError::SignatureLenRange,
                        _,
                    )) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(false)
        })
    }

    /// The keys of that id, remembered: a token looks through all it has to find one.
    fn keys(&self, session: &Session, id: &str) -> Done<Vec<ObjectHandle>> {
        if let Some(keys) = self.remembered(id) {
            return Ok(keys);
        }
        let keys = find(session, KeyType::AES, id)?;
        if !keys.is_empty() {
            self.remember(id, &keys);
        }
        Ok(keys)
    }

    /// The lines of the destruction list that the token keeps, in no order.
    pub(super) fn lines(&self) -> Result<Vec<String>> {
        self.with(|session| {
            let mut lines = Vec::new();
            for object in session.find_objects(&line_objects())? {
                for value in session.get_attributes(object, &[AttributeType::Value])? {
                    if let Attribute::Value(bytes) = value {
                        lines.push(String::from_utf8_lossy(&bytes).into_owned());
                    }
                }
            }
            Ok(lines)
        })
    }

    /// Keeps a line of the destruction list.
    pub(super) fn keep_line(&self, line: &str) -> Result<()> {
        self.with(|session| {
            let mut template = line_objects();
            template.push(Attribute::Private(true));
            template.push(Attribute::Value(line.as_bytes().to_vec()));
            session.create_object(&template).map(drop)
        })
    }
}

/// By what all keys of a kind are found.
fn of_kind(kind: KeyType) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(kind),
        Attribute::Token(true),
    ]
}

/// By what a key is found.
fn by(kind: KeyType, id: &str) -> Vec<Attribute> {
    let mut template = of_kind(kind);
    template.push(Attribute::Id(id.as_bytes().to_vec()));
    template
}

/// What a new key is: in the token for good, and never outside.
fn description(kind: KeyType, id: &str) -> Vec<Attribute> {
    let mut template = by(kind, id);
    template.extend([
        Attribute::Label(format!("cordon {id}").into_bytes()),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::ValueLen(32.into()),
    ]);
    template
}

type Opened = std::result::Result<Zeroizing<Vec<u8>>, Failed>;

/// Decrypts under the one of the keys that does it; `None` when there are none.
fn decrypt_by(
    session: &Session,
    keys: &[ObjectHandle],
    iv: [u8; 12],
    aad: &[u8],
    sealed: &[u8],
) -> Done<Option<Opened>> {
    let mut refused = None;
    for key in keys {
        let mut iv = iv;
        let gcm = Mechanism::AesGcm(GcmParams::new(&mut iv, aad, TAG_BITS.into())?);
        match session.decrypt(&gcm, *key, sealed) {
            Ok(plain) => return Ok(Some(Ok(Zeroizing::new(plain)))),
            // Makers differ in what they call a tag that does not fit.
            Err(error) if is_refusal(&error) && works(session, *key, aad) => {
                refused = Some(Err(Failed::Refused));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

fn find(session: &Session, kind: KeyType, id: &str) -> Done<Vec<ObjectHandle>> {
    session.find_objects(&by(kind, id))
}

fn generate(session: &Session, how: &Mechanism<'_>, template: Vec<Attribute>) -> Done<()> {
    session.generate_key(how, &template).map(drop)
}

/// Whether the key can be used at all: a token that is going away fails in the same words as one
/// that does not take a ciphertext.
fn works(session: &Session, key: ObjectHandle, aad: &[u8]) -> bool {
    let mut iv = [0; 12];
    GcmParams::new(&mut iv, aad, TAG_BITS.into())
        .and_then(|gcm| session.encrypt(&Mechanism::AesGcm(gcm), key, &[]))
        .is_ok()
}

/// Whether the token may have looked at the ciphertext and not taken it.
fn is_refusal(error: &TokenError) -> bool {
    matches!(
        error,
        TokenError::Pkcs11(
            RvError::EncryptedDataInvalid
                | RvError::EncryptedDataLenRange
                | RvError::GeneralError
                | RvError::FunctionFailed,
            _
        )
    )
}

fn line_objects() -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::DATA),
        Attribute::Token(true),
        Attribute::Label(LINES.as_bytes().to_vec()),
    ]
}
