//! Putting a month's final report where people and programs outside find it: the signed report with
//! its clocks, and a page to read.

use std::io::Seek as _;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Name, Result, TenantScope};
use cordon_lake::shelf::Shelf;
use cordon_pages::sla_report;
use cordon_sla::report::{DocumentWriter, PREDICATE_TYPE, Report};
use serde::Deserialize;
use tempfile::{SpooledData, SpooledTempFile, spooled_tempfile};

/// Bytes that are kept in memory while a report is written; the rest is in a file without a name.
const IN_MEMORY: usize = 4 << 20;

/// A report on its way: the clocks stand first in it.
pub(super) struct Shelving<'a> {
    shelf: &'a Shelf,
    document: DocumentWriter<SpooledTempFile>,
}

impl<'a> Shelving<'a> {
    pub(super) fn new(shelf: &'a Shelf) -> Result<Self> {
        let document = DocumentWriter::new(spooled_tempfile(IN_MEMORY));
        Ok(Self {
            shelf,
            document: document.map_err(Error::internal)?,
        })
    }

    /// Takes lines of clocks.
    pub(super) fn clocks(&mut self, lines: &[u8]) -> Result<()> {
        self.document.clocks(lines).map_err(Error::internal)
    }

    /// Signs the report and puts it there. Done again for the same month, it replaces what is there.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the place can't be reached.
    pub(super) async fn finish(
        self,
        kernel: &Kernel,
        scope: &TenantScope,
        (name, report): (&Name, &Report),
    ) -> Result<()> {
        let digest = report.clocks.as_ref();
        let digest = digest.ok_or_else(|| Error::internal("a report without its clocks"))?;
        let sha256 = digest.sha256.clone();
        let envelope = kernel.sign_statement(scope, name, sha256, PREDICATE_TYPE, report)?;
        let page = sla_report(report, &signers(&envelope)?);
        let month = report.period.to_string();
        let mut document = self.document.finish(&envelope).map_err(Error::internal)?;
        document.rewind().map_err(Error::internal)?;
        let place = (month.as_str(), "report.json");
        match document.into_inner() {
            SpooledData::InMemory(bytes) => {
                self.shelf
                    .put(scope, place, bytes.into_inner().as_slice())
                    .await?;
            }
            SpooledData::OnDisk(file) => {
                let file = tokio::fs::File::from_std(file);
                self.shelf.put(scope, place, file).await?;
            }
        }
        let place = (month.as_str(), "report.html");
        Ok(self.shelf.put(scope, place, page.as_bytes()).await?)
    }
}

/// The ids of the keys that an envelope is signed with.
fn signers(envelope: &[u8]) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Envelope {
        signatures: Vec<Signature>,
    }
    #[derive(Deserialize)]
    struct Signature {
        keyid: String,
    }
    let envelope: Envelope = serde_json::from_slice(envelope).map_err(Error::internal)?;
    let signatures = envelope.signatures.into_iter();
    Ok(signatures.map(|signature| signature.keyid).collect())
}
