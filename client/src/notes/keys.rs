//! The keys of one profile: one's own private key, and the public keys that one trusts.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::{Identity, Recipient};
use crate::error::{Error, Reason, Result};
use crate::profile::write_private;

/// What lies beside a profile's file: `NAME.note-key`, readable by its owner alone, and
/// `NAME.note-trust`, a list of recipients as `age -R` takes it.
#[derive(Debug)]
pub struct Keys {
    key_file: PathBuf,
    trust_file: PathBuf,
    own: Option<Identity>,
    trusted: Vec<Recipient>,
}

impl Keys {
    /// Reads what there is beside a profile's file.
    ///
    /// # Errors
    ///
    /// `IO` when a file can't be read, or others can read the private key; `INVALID_ARGUMENT` when
    /// it holds something else.
    pub fn beside(profile: impl AsRef<Path>) -> Result<Self> {
        let profile = profile.as_ref();
        let (key_file, trust_file) = (
            profile.with_extension("note-key"),
            profile.with_extension("note-trust"),
        );
        let own = match read(&key_file)? {
            Some(text) => {
                require_private(&key_file)?;
                Some(Identity::parse(text.expose_secret()).map_err(|e| named(&key_file, &e))?)
            }
            None => None,
        };
        let trusted = match read(&trust_file)? {
            Some(text) => {
                let lines = text.expose_secret().lines().map(str::trim);
                let keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
                let keys: Result<_> = keys.map(str::parse).collect();
                keys.map_err(|error| named(&trust_file, &error))?
            }
            None => Vec::new(),
        };
        Ok(Self {
            key_file,
            trust_file,
            own,
            trusted,
        })
    }

    /// One's own private key, if there is one.
    #[must_use]
    pub fn own(&self) -> Option<&Identity> {
        self.own.as_ref()
    }

    /// Where it lies.
    #[must_use]
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// Makes a private key, unless there is one.
    ///
    /// # Errors
    ///
    /// `IO` when it can't be written.
    pub fn make(&mut self) -> Result<&Identity> {
        if self.own.is_none() {
            let made = Identity::generate()?;
            let text = made.to_text()?;
            let file = SecretString::from(format!(
                "# Opens notes of Cordon. public key: {}\n{}\n",
                made.recipient(),
                text.expose_secret()
            ));
            write_private(&self.key_file, file.expose_secret().as_bytes())
                .map_err(|error| io(&self.key_file, &error))?;
            self.own = Some(made);
        }
        self.own
            .as_ref()
            .ok_or_else(|| Error::new(Reason::Io, "no key was made"))
    }

    /// Whether notes may be encrypted to this key: it is one's own, or was trusted here.
    #[must_use]
    pub fn trusts(&self, recipient: &Recipient) -> bool {
        self.trusted.contains(recipient)
            || self
                .own
                .as_ref()
                .is_some_and(|own| own.recipient() == *recipient)
    }

    /// Trusts a key from now on.
    ///
    /// # Errors
    ///
    /// `IO` when that can't be written down.
    pub fn trust(&mut self, recipient: Recipient) -> Result<()> {
        if self.trusts(&recipient) {
            return Ok(());
        }
        let mut text = String::from("# Keys to which notes of Cordon may be encrypted.\n");
        for key in self.trusted.iter().chain([&recipient]) {
            text.push_str(&format!("{key}\n"));
        }
        write_private(&self.trust_file, text.as_bytes())
            .map_err(|error| io(&self.trust_file, &error))?;
        self.trusted.push(recipient);
        Ok(())
    }
}

fn read(path: &Path) -> Result<Option<SecretString>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(SecretString::from(text))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(path, &error)),
    }
}

/// A private key that others can read is none.
#[cfg(unix)]
fn require_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)
        .map_err(|error| io(path, &error))?
        .permissions()
        .mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let path = path.display();
    let text = format!("others can read the private key in {path}: chmod 600 {path}");
    Err(Error::new(Reason::Io, text))
}

#[cfg(not(unix))]
fn require_private(_: &Path) -> Result<()> {
    Ok(())
}

fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Reason::Io, format!("{}: {error}", path.display()))
}

fn named(path: &Path, error: &Error) -> Error {
    let text = format!("{}: {}", path.display(), error.message());
    Error::new(error.reason().clone(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_beside_the_profile() {
        let dir = tempfile::tempdir().unwrap();
        let profile = dir.path().join("acme-jane.toml");
        let mut keys = Keys::beside(&profile).unwrap();
        assert!(keys.own().is_none());
        let own = keys.make().unwrap().recipient();
        let other = Identity::generate().unwrap().recipient();
        assert!(keys.trusts(&own) && !keys.trusts(&other));
        keys.trust(other).unwrap();
        let again = Keys::beside(&profile).unwrap();
        assert_eq!(again.own().unwrap().recipient(), own);
        assert!(again.trusts(&other));
        assert_eq!(again.key_file(), dir.path().join("acme-jane.note-key"));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let profile = dir.path().join("p.toml");
        let mut keys = Keys::beside(&profile).unwrap();
        keys.make().unwrap();
        let file = keys.key_file().to_owned();
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = Keys::beside(&profile).unwrap_err();
        assert!(refused.message().contains("chmod 600"));
    }
}
