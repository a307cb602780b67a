//! Between messages and attachments.

use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::incidents as wire;
use uuid::Uuid;
use wire::attachment::State as WireState;

use super::super::convert::{actor, incident_name};
use super::model::{Announced, Attachment, State};
use crate::rooms::fields::{Fields, wire_time};

/// Longest name of a file, in bytes: what file systems take.
const MAX_FILE_NAME: usize = 255;
const MAX_MEDIA_TYPE: usize = 127;
const OCTETS: &str = "application/octet-stream";

/// An attachment's tenant, incident and id.
pub(super) type Which = (TenantId, Uuid, Uuid);

/// The attachment that a request names.
pub(super) fn attachment_name(name: &str) -> Result<Which> {
    match Name::parse("name", name)? {
        Name::Attachment(tenant, incident, id) => Ok((tenant, incident, id)),
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/incidents/{incident}/attachments/{attachment}",
        )),
    }
}

/// Whether a character makes a line look like something else than it is: marks that turn the
/// direction of writing, and such as are not seen.
fn disguises(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// A name of a file that is no path, and is what it looks like.
fn file_name(fields: &mut Fields, name: &str) -> Option<String> {
    let fits = !matches!(name, "" | "." | "..")
        && name.len() <= MAX_FILE_NAME
        && name.trim() == name
        && !name
            .chars()
            .any(|c| disguises(c) || matches!(c, '/' | '\\'));
    if !fits {
        fields.wrong(
            "attachment.file_name",
            "expected a file's name of at most 255 bytes, without a folder and without characters \
             that can't be seen",
        );
    }
    fits.then(|| name.to_owned())
}

fn media_type(fields: &mut Fields, text: &str) -> Option<String> {
    let text = match text {
        "" => OCTETS,
        text => text,
    };
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let fits = text.len() <= MAX_MEDIA_TYPE
        && text
            .split_once('/')
            .is_some_and(|(kind, of)| token(kind) && token(of));
    if !fits {
        fields.wrong(
            "attachment.media_type",
            "expected a media type without parameters, as in text/plain",
        );
    }
    fits.then(|| text.to_ascii_lowercase())
}

fn sha256(fields: &mut Fields, text: &str) -> Option<String> {
    let fits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !fits {
        fields.wrong("attachment.sha256", "expected 64 hexadecimal digits");
    }
    fits.then(|| text.to_ascii_lowercase())
}

pub(super) fn announced(
    request: wire::CreateAttachmentRequest,
) -> Result<((TenantId, Uuid), Announced)> {
    let mut fields = Fields::default();
    let body = request.attachment.unwrap_or_default();
    let parent = fields.named(incident_name("parent", &request.parent));
    let file_name = file_name(&mut fields, &body.file_name);
    let media_type = media_type(&mut fields, &body.media_type);
    let sha256 = sha256(&mut fields, &body.sha256);
    if body.size_bytes < 0 {
        fields.wrong("attachment.size_bytes", "expected a length in bytes");
    }
    match (parent, file_name, media_type, sha256) {
        (Some(parent), Some(file_name), Some(media_type), Some(sha256)) => {
            fields.finish()?;
            let announced = Announced {
                file_name,
                media_type,
                size: body.size_bytes,
                sha256,
            };
            Ok((parent, announced))
        }
        _ => Err(fields.refuse()),
    }
}

pub(super) fn attachment(tenant: &TenantId, attachment: Disclosed<Attachment>) -> wire::Attachment {
    let it = attachment.into_wire();
    let attached = it.state == State::Attached;
    wire::Attachment {
        name: Name::Attachment(tenant.clone(), it.incident, it.id).to_string(),
        file_name: it.facts.file_name,
        media_type: it.facts.media_type,
        size_bytes: it.size,
        sha256: it.facts.sha256,
        state: match it.state {
            State::Uploading => WireState::Uploading.into(),
            State::Attached => WireState::Attached.into(),
        },
        committed_bytes: it.committed,
        actor: Some(actor(it.facts.actor)),
        create_time: Some(wire_time(it.created)),
        attach_time: attached.then(|| wire_time(it.updated)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_paths_or_disguises_are_refused() {
        let read = |name: &str| file_name(&mut Fields::default(), name);
        for good in [
            "a",
            "memory dump.raw",
            ".bashrc",
            "Übersicht 日本.pdf",
            "a..b",
        ] {
            assert_eq!(read(good).as_deref(), Some(good));
        }
        let long = "x".repeat(256);
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "/etc/passwd",
            "a\\b",
            "a\0",
            "a\nb",
            " a",
            "a ",
            "invoice\u{202e}fdp.exe",
            "a\u{2066}b",
            "a\u{200b}",
            "a\u{7f}",
            "a\u{9b}31m",
            &long,
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn types_and_hashes_are_read() {
        let kind = |text: &str| media_type(&mut Fields::default(), text);
        assert_eq!(kind("").as_deref(), Some(OCTETS));
        assert_eq!(kind("Text/Plain").as_deref(), Some("text/plain"));
        for bad in ["text", "text/", "a/b/c", "text/html; charset=x", "a/<b>"] {
            assert_eq!(kind(bad), None, "{bad}");
        }
        let hash = |text: &str| sha256(&mut Fields::default(), text);
        assert!(hash(&"aB".repeat(32)).is_some_and(|text| text == "ab".repeat(32)));
        assert_eq!(hash(&"g".repeat(64)), None);
        assert_eq!(hash("ab"), None);
    }
}
