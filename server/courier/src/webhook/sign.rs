//! Signatures over what is sent, as <https://www.standardwebhooks.com> has them: HMAC-SHA256 over
//! `id.timestamp.body`. While a secret is being changed, what is sent is signed with both.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use zeroize::Zeroize as _;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// A key that sender and receiver share.
#[derive(Debug)]
pub struct SigningKey(SecretBox<[u8; 32]>);

impl SigningKey {
    /// A key of these bytes, which are wiped.
    #[must_use]
    pub fn new(mut bytes: [u8; 32]) -> Self {
        let key = Self(SecretBox::new(Box::new(bytes)));
        bytes.zeroize();
        key
    }

    /// Reads the text of [`SigningKey::text`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut decoded = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let bytes = <[u8; 32]>::try_from(decoded.as_slice()).ok();
        decoded.zeroize();
        bytes.map(Self::new)
    }

    /// As the receiver gets it: `whsec_` and base64.
    #[must_use]
    pub fn text(&self) -> SecretString {
        let mut coded = STANDARD.encode(self.0.expose_secret());
        let text = SecretString::from(format!("{PREFIX}{coded}"));
        coded.zeroize();
        text
    }
}

/// The header `webhook-signature`: one signature a key, separated by spaces.
#[must_use]
pub fn signature(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signed = keys.iter().map(|key| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.0.expose_secret());
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign().as_ref()))
    });
    signed.collect::<Vec<_>>().join(" ")
}
