//! Where the secret of the sealed key file comes from.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use cordon_kernel::Env;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use serde::Deserialize;
use zeroize::Zeroize as _;

/// A place that holds 32 secret bytes, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretFrom {
    /// A credential that systemd passes (`LoadCredentialEncrypted=`): a file of this name in
    /// `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// An open file descriptor.
    Fd(u32),
    /// An environment variable.
    Env(String),
    /// A file.
    File(PathBuf),
}

impl SecretFrom {
    /// Reads the secret.
    ///
    /// # Errors
    /// When it can't be read or is not 64 hexadecimal digits; never says what was read.
    pub fn read(&self) -> anyhow::Result<SecretBox<[u8; 32]>> {
        let mut text = self.text()?;
        let mut bytes = [0; 32];
        let decoded = hex::decode_to_slice(text.trim(), &mut bytes);
        text.zeroize();
        if decoded.is_err() {
            bail!("expected 64 hexadecimal digits (make them with: openssl rand -hex 32)");
        }
        let secret = SecretBox::new(Box::new(bytes));
        bytes.zeroize();
        Ok(secret)
    }

    /// Reads the secret as text, a PIN say.
    ///
    /// # Errors
    /// When it can't be read or is empty; never says what was read.
    pub fn read_text(&self) -> anyhow::Result<SecretString> {
        let mut text = self.text()?;
        let secret = SecretString::from(text.trim());
        text.zeroize();
        if secret.expose_secret().is_empty() {
            bail!("expected a text that is not empty");
        }
        Ok(secret)
    }

    fn text(&self) -> anyhow::Result<String> {
        let text = match self {
            Self::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .context("systemd passes no credentials: CREDENTIALS_DIRECTORY is not set")?;
                read_file(&Path::new(&folder).join(name))?
            }
            Self::Fd(fd) => read_file(Path::new(&format!("/dev/fd/{fd}")))?,
            Self::Env(name) => std::env::var(name)
                .with_context(|| format!("the environment variable {name} is not set"))?,
            Self::File(path) => read_file(path)?,
        };
        Ok(text)
    }
}

fn read_file(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(4_096).read_to_string(&mut text))
        .with_context(|| format!("can't read {}", path.display()))?;
    Ok(text)
}

/// Writes a fresh secret to a file that only its owner can read.
pub(super) fn write_new(path: &Path, env: &Env) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut bytes: [u8; 32] = env.bytes();
    let mut text = hex::encode(bytes);
    bytes.zeroize();
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    text.zeroize();
    written.with_context(|| format!("can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.secret");
        write_new(&path, &Env::system()).unwrap();
        assert!(
            write_new(&path, &Env::system()).is_err(),
            "an existing secret is never replaced"
        );
        let secret = SecretFrom::File(path.clone()).read().unwrap();
        assert_ne!(secret.expose_secret(), &[0; 32]);
        std::fs::write(&path, "abc").unwrap();
        let error = SecretFrom::File(path).read().unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal"), "{error}");
    }
}
