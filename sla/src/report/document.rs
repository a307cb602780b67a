//! Writing a signed report and its clocks into one file:
//!
//! ```json
//! {"clocks":[
//! {"incident":"0190…","number":7,…},
//! {"incident":"0190…","number":9,…}
//! ],"statement":{"payloadType":"application/vnd.in-toto+json","payload":"…","signatures":[…]}}
//! ```

use std::io::{self, Write};

/// Writes such a file while its parts come.
pub struct DocumentWriter<W> {
    out: W,
    /// Whether a clock was written.
    begun: bool,
    /// The part of a line whose end has not come.
    rest: Vec<u8>,
}

impl<W> std::fmt::Debug for DocumentWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DocumentWriter").finish_non_exhaustive()
    }
}

impl<W: Write> DocumentWriter<W> {
    /// Begins the file.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(b"{\"clocks\":[")?;
        Ok(Self {
            out,
            begun: false,
            rest: Vec::new(),
        })
    }

    /// Writes lines of clocks, or the next part of them.
    ///
    /// # Errors
    ///
    /// When they can't be written.
    pub fn clocks(&mut self, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(part);
            if let Some(line) = self.rest.strip_suffix(b"\n") {
                self.out
                    .write_all(if self.begun { b",\n" } else { b"\n" })?;
                self.out.write_all(line)?;
                self.begun = true;
                self.rest.clear();
            }
        }
        Ok(())
    }

    /// Ends the file with the envelope.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn finish(mut self, envelope: &[u8]) -> io::Result<W> {
        self.out.write_all(b"\n],\"statement\":")?;
        self.out.write_all(envelope.trim_ascii())?;
        self.out.write_all(b"}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}
