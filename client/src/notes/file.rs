//! Files that the provider can't read: encrypted here, and attached as ciphertext.

use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use super::{Identity, Recipient, encrypt_to};
use crate::error::{Error, Reason, Result};

/// The media type of an attachment that is a file of [`seal_file`]'s.
pub const SEALED_FILE: &str = "application/vnd.cordon.sealed";
/// What such a file is called where others see it.
pub const SEALED_NAME: &str = "sealed.age";
/// Longest line that a file begins with, in bytes.
const MAX_HEAD: usize = 8 << 10;

/// The line that stands before the content: what a server that shows the file with another incident
/// is noticed by. One that shows another file of the same incident in its place is not: compare the
/// hash that it was attached with.
#[derive(Serialize, Deserialize)]
struct Head {
    incident: String,
    name: String,
}

/// Encrypts a file of an incident to these; its name is encrypted with it. `incident` is the full
/// name.
///
/// # Errors
///
/// `INVALID_ARGUMENT` when there are no recipients; `IO` when something can't be read or written.
pub fn seal_file(
    recipients: &[Recipient],
    (incident, name): (&str, &str),
    content: impl Read,
    out: impl Write,
) -> Result<()> {
    let head = Head {
        incident: incident.to_owned(),
        name: name.to_owned(),
    };
    let mut head = serde_json::to_vec(&head).map_err(io::Error::from)?;
    if head.len() > MAX_HEAD {
        return Err(Error::invalid(
            "file_name",
            "it is too long to be opened again",
        ));
    }
    head.push(b'\n');
    encrypt_to(recipients, head.as_slice().chain(content), out)
}

/// Opens such a file, and says what it is called. What was written is to be used only when this has
/// returned without an error.
///
/// # Errors
///
/// `PERMISSION_DENIED` when it was not encrypted to this key; `INVALID_ARGUMENT` when it is no such
/// file, or damaged; `BAD_SIGNATURE` when it belongs to another incident; `IO` when something can't
/// be read or written.
pub fn open_file(
    identity: &Identity,
    incident: &str,
    file: impl BufRead,
    out: impl Write,
) -> Result<String> {
    let mut content = Content {
        head: Vec::new(),
        out: None,
        to: Some(out),
    };
    identity.decrypt_to(file, &mut content)?;
    let head: Head = serde_json::from_slice(&content.head).map_err(|_| {
        Error::invalid("ciphertext", "what was encrypted is no file of an incident")
    })?;
    match head.incident == incident {
        true => Ok(head.name),
        false => Err(Error::new(
            Reason::BadSignature,
            "the file was attached to another incident: somebody put it here",
        )),
    }
}

/// Keeps the first line, and passes on the rest.
struct Content<W> {
    head: Vec<u8>,
    /// Once the line is over.
    out: Option<W>,
    to: Option<W>,
}

impl<W: Write> Write for Content<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(out) = &mut self.out {
            return out.write(bytes);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let line = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        self.head.extend_from_slice(line);
        if self.head.len() > MAX_HEAD {
            return Err(io::Error::other(
                "what was encrypted is no file of an incident",
            ));
        }
        if end.is_some() {
            self.out = self.to.take();
        }
        Ok(line.len() + usize::from(end.is_some()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "tenants/acme/incidents/1";

    #[test]
    fn a_file_is_opened_with_its_name_for_its_incident_alone() {
        let identity = Identity::generate().unwrap();
        let to = [identity.recipient()];
        for content in [&b""[..], b"\n", b"{\"incident\":1}\nx", &[7; 200_000]] {
            let mut file = Vec::new();
            seal_file(&to, (HERE, "the plan \"A\".pdf"), content, &mut file).unwrap();
            assert!(!file.windows(4).any(|bytes| bytes == b"plan"));
            let mut out = Vec::new();
            let name = open_file(&identity, HERE, file.as_slice(), &mut out).unwrap();
            assert_eq!(
                (name.as_str(), out.as_slice()),
                ("the plan \"A\".pdf", content)
            );
            let other = "tenants/acme/incidents/2";
            let refused = open_file(&identity, other, file.as_slice(), io::sink()).unwrap_err();
            assert_eq!(*refused.reason(), Reason::BadSignature);
        }
        let long = "n".repeat(MAX_HEAD);
        assert!(seal_file(&to, (HERE, &long), &b""[..], io::sink()).is_err());
        for other in [&b""[..], b"text", b"text\n", &[b'x'; 20_000]] {
            let mut file = Vec::new();
            encrypt_to(&to, other, &mut file).unwrap();
            assert!(open_file(&identity, HERE, file.as_slice(), io::sink()).is_err());
        }
    }
}
