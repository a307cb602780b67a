//! A signed report and its clocks in one file.
//!
//! ```json
//! {"clocks":[
//! {"incident":"0190…","number":7,…},
//! {"incident":"0190…","number":9,…}
//! ],"statement":{"payloadType":"application/vnd.in-toto+json","payload":"…","signatures":[…]}}
//! ```
//!
//! The clocks stand first since they come first. What the report's digest is over are the clocks
//! without white space between their tokens, each with a line end: whoever lays the file out anew
//! changes nothing.

use cordon_sla::report::{ClockLines, ClocksDigest};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, Reason, Result};

/// Such a file, read. Nobody knows yet who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportDocument {
    /// The envelope.
    pub envelope: Vec<u8>,
    /// The lines of clocks, without their ends.
    pub lines: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored<'a> {
    #[serde(borrow)]
    clocks: Vec<&'a RawValue>,
    #[serde(borrow)]
    statement: &'a RawValue,
}

impl ReportDocument {
    /// Whether this is to be such a file: an object that begins with its clocks or its statement.
    #[must_use]
    pub fn is_one(json: &[u8]) -> bool {
        let object = json.trim_ascii().strip_prefix(b"{").unwrap_or_default();
        let first = object.trim_ascii_start();
        first.starts_with(b"\"clocks\"") || first.starts_with(b"\"statement\"")
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// `INVALID_STATEMENT` when it is no such file.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let stored: Stored<'_> = serde_json::from_slice(json).map_err(|error| {
            let text = format!("no report with its clocks: {error}");
            Error::new(Reason::InvalidStatement, text)
        })?;
        let lines = stored.clocks.into_iter();
        Ok(Self {
            envelope: stored.statement.get().as_bytes().to_vec(),
            lines: lines.map(|clock| compact(clock.get().as_bytes())).collect(),
        })
    }

    /// The digest of the clocks.
    #[must_use]
    pub fn digest(&self) -> ClocksDigest {
        let mut digest = ClockLines::default();
        for line in &self.lines {
            digest.take(line);
            digest.take(b"\n");
        }
        digest.finish()
    }
}

/// JSON without white space between its tokens.
fn compact(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = *byte == b'"';
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use cordon_sla::report::DocumentWriter;

    use super::*;

    fn written(parts: &[&[u8]]) -> Vec<u8> {
        let mut file = DocumentWriter::new(Vec::new()).unwrap();
        parts.iter().for_each(|part| file.clocks(part).unwrap());
        file.finish(b" {\"payload\": \"x\"}\n").unwrap()
    }

    #[test]
    fn a_file_comes_back_byte_for_byte() {
        let parts: [&[u8]; 4] = [
            b"{\"a\":\"x \\\" y\"}\n{\"a\"",
            b":2",
            b"",
            b"}\n{\"a\":3}\n",
        ];
        let file = written(&parts);
        assert!(ReportDocument::is_one(&file));
        let read = ReportDocument::parse(&file).unwrap();
        let lines: [&[u8]; 3] = [b"{\"a\":\"x \\\" y\"}", b"{\"a\":2}", b"{\"a\":3}"];
        assert_eq!(read.lines, lines);
        assert_eq!(read.envelope, b"{\"payload\": \"x\"}");
        let mut direct = ClockLines::default();
        parts.iter().for_each(|part| direct.take(part));
        let direct = direct.finish();
        assert_eq!(read.digest(), direct);
        // Laid out anew, it is the same.
        let value: serde_json::Value = serde_json::from_slice(&file).unwrap();
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        assert_ne!(pretty, file);
        assert_eq!(ReportDocument::parse(&pretty).unwrap().digest(), direct);
    }

    #[test]
    fn a_file_may_have_no_clock() {
        let file = written(&[]);
        let read = ReportDocument::parse(&file).unwrap();
        assert!(read.lines.is_empty());
        assert_eq!(read.digest(), ClockLines::default().finish());
    }

    #[test]
    fn other_files_are_none() {
        for other in [
            "",
            "[]",
            "{\"payloadType\":\"x\"}",
            "{\"clocks\":[]}",
            "{\"clocks\":[],\"statement\":{},\"more\":1}",
            "{\"clocks\":[],\"clocks\":[],\"statement\":{}}",
        ] {
            let error = ReportDocument::parse(other.as_bytes()).unwrap_err();
            assert_eq!(*error.reason(), Reason::InvalidStatement, "{other}");
        }
        assert!(!ReportDocument::is_one(b"{\"payloadType\":\"x\"}"));
    }
}
