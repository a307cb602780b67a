//! `cordon incidents report`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cordon_client::{SignedIncidentReport, read_incident_report};
use cordon_pages::{Signed, carried_envelope, incident_report};
use serde_json::json;

use super::export::Whom;
use super::named;
use super::which::{Which, which};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome};
use crate::part::Part;
use crate::statements::{about, keys, read};

/// Largest page that is read, in bytes; an envelope is smaller.
const MAX_PAGE_BYTES: usize = 256 << 20;

pub(super) const HOW: &str = "\
Forms:
  html  a page to read and print, which needs nothing else and carries the signed report
  json  the signed report: a DSSE envelope

The server puts the report together, of all that both sides can read, and signs it; `cordon verify`
checks either form later on, with keys that `cordon signing-keys` has kept, when nobody can be asked
any more. What nobody recorded is left empty and never guessed. Files are listed as evidence with the
hash that they were attached with; notes are left out. Lessons are the tasks of the kind `lesson`:
  cordon incidents task add ID \"What is to be done otherwise\" --kind lesson --responsible customer

The signature is checked in either form, with the keys of the profile's server or those of --keys; if
it does not fit, no file appears. The incident's marking stands on every page and is obeyed as with
`export`: what is marked for fewer than the audience is refused, and nothing is written.";

/// Of which incident, to whom, and where it goes.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// The incident's full name, id, or number
    #[arg(value_name = "ID", value_parser = which, required_unless_present = "from")]
    id: Option<Which>,
    /// A report that was kept, in either form, instead of asking the server
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    from: Option<PathBuf>,
    /// Form of the file
    #[arg(long, value_enum, default_value_t = FormatArg::Html)]
    format: FormatArg,
    #[command(flatten)]
    whom: Whom,
    /// Where the file goes; it appears when it is whole. stdout, if not given or `-`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keys that `cordon signing-keys` wrote, instead of fetching them
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// A page to read and print, which needs nothing else
    Html,
    /// The signed report
    Json,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Report) -> Outcome {
    let audience = command.whom.audience()?;
    let keys = keys(context, command.keys.as_deref()).await?;
    let signed = match (command.from, command.id) {
        (Some(path), _) => {
            let content = read(&path, MAX_PAGE_BYTES)?;
            let content = carried(&content).unwrap_or(content);
            read_incident_report(&content, &keys).map_err(|error| about(&path, &error))?
        }
        (None, Some(id)) => {
            let (client, name) = named(context, whose, id).await?;
            client.incidents().report(&name, &keys).await?
        }
        (None, None) => return Err(Failure::usage("name an incident, or a file with --from")),
    };
    signed.check(audience)?;
    let content = match command.format {
        FormatArg::Html => page(&signed).into_bytes(),
        FormatArg::Json => signed.envelope.clone(),
    };
    let Some(path) = command.out.filter(|path| path != Path::new("-")) else {
        let mut out = std::io::stdout();
        out.write_all(&content)?;
        return Ok(out.flush()?);
    };
    Part::write(&path, &content)?;
    let (path, signers) = (path.display().to_string(), signers(&signed));
    context.output.done(
        &format!(
            "wrote {path}: {} bytes, signed by {}",
            content.len(),
            signers.join(", ")
        ),
        &json!({
            "file": path,
            "bytes": content.len(),
            "audience": audience.as_str(),
            "signed_by": signers,
        }),
    )
}

fn signers(signed: &SignedIncidentReport) -> Vec<String> {
    let signers = signed.statement.signers.iter();
    signers.map(|key| key.kid.clone()).collect()
}

fn page(signed: &SignedIncidentReport) -> String {
    let signed_by = Signed {
        keys: &signers(signed),
        envelope: &signed.envelope,
    };
    incident_report(&signed.report, signed_by)
}

/// The envelope that a page carries, if a file is such a page.
pub(crate) fn carried(content: &[u8]) -> Option<Vec<u8>> {
    let content = std::str::from_utf8(content).ok()?;
    content
        .starts_with("<!DOCTYPE html>")
        .then(|| carried_envelope(content))?
}

/// Refuses a page that shows something else than what was signed.
pub(crate) fn check_page(path: &Path, content: &[u8], signed: &SignedIncidentReport) -> Outcome {
    match content == page(signed).as_bytes() {
        true => Ok(()),
        false => Err(Failure::local(format!(
            "{}: the report that the page carries is signed, but the page is not the one that this \
             program makes of it: it was changed, or another version made it. Make it anew \
             with `cordon incidents report --from`",
            path.display()
        ))),
    }
}
