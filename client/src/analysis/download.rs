//! Answers that were released, in the form that is wanted.

use cordon_proto::analysis::download_analysis_result_request::Format;
use cordon_proto::analysis::{DownloadAnalysisResultRequest, DownloadAnalysisResultResponse};
use ring::digest::{Context, SHA256};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tonic::Streaming;

use super::answer::too_large;
use super::signed::hex;
use super::{Analyses, Answer, MAX_ANSWER_BYTES};
use crate::error::{Error, Reason, Result};
use crate::retry::Repeat;
use crate::token::Freshness;

/// In which form an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerFormat {
    /// JSON: the bytes whose SHA-256 is signed.
    Json,
    /// One of its tables as CSV.
    Csv,
    /// One of its tables as Parquet.
    Parquet,
    /// All of it as one HTML file, with graph and timeline drawn.
    Html,
    /// What is signed: an in-toto statement in a DSSE envelope.
    /// [`read_analysis`](super::read_analysis) checks it.
    Statement,
}

impl From<AnswerFormat> for Format {
    fn from(format: AnswerFormat) -> Self {
        match format {
            AnswerFormat::Json => Self::Json,
            AnswerFormat::Csv => Self::Csv,
            AnswerFormat::Parquet => Self::Parquet,
            AnswerFormat::Html => Self::Html,
            AnswerFormat::Statement => Self::Statement,
        }
    }
}

impl Analyses {
    /// Fetches an answer into a file, and says how many bytes it has. `table` says which table, for
    /// CSV and Parquet; the first if it is empty. `progress` is told how many bytes have come. JSON
    /// is checked against the hash that the analysis has. What was written is to be thrown away when
    /// this fails.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when there is no answer, or it is not kept any more;
    /// `INVALID_ARGUMENT` when it has no such table, `HASH_MISMATCH` when what came is not the
    /// answer, `UNAVAILABLE` when it broke off, `IO` when it can't be written.
    pub async fn download(
        &self,
        name: &str,
        format: AnswerFormat,
        table: &str,
        to: &mut (impl AsyncWrite + Unpin + Send),
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<u64> {
        let name = self.name(name)?;
        let expected = match format {
            AnswerFormat::Json => self.expected(&name).await?,
            _ => None,
        };
        let mut parts = self.open_download(&name, format, table).await?;
        let mut hash = Context::new(&SHA256);
        let mut bytes = 0_u64;
        while let Some(part) = parts.next().await? {
            to.write_all(&part).await?;
            hash.update(&part);
            bytes = bytes.saturating_add(part.len() as u64);
            progress(bytes);
        }
        to.flush().await?;
        if let Some(expected) = expected {
            compare(&expected, hash)?;
        }
        Ok(bytes)
    }

    /// An answer, checked against the hash that the analysis has, and read.
    ///
    /// # Errors
    ///
    /// As [`Self::download`]; `INVALID_STATEMENT` when it can't be read, `TOO_LARGE` over
    /// [`MAX_ANSWER_BYTES`].
    pub async fn answer(&self, name: &str) -> Result<Answer> {
        let name = self.name(name)?;
        let expected = self.expected(&name).await?;
        let mut parts = self.open_download(&name, AnswerFormat::Json, "").await?;
        let mut json = Vec::new();
        while let Some(part) = parts.next().await? {
            if json.len().saturating_add(part.len()) > MAX_ANSWER_BYTES {
                return Err(too_large());
            }
            json.extend_from_slice(&part);
        }
        if let Some(expected) = expected {
            let mut hash = Context::new(&SHA256);
            hash.update(&json);
            compare(&expected, hash)?;
        }
        Answer::parse(json)
    }

    /// The hash of an answer. Where there is no answer the server says why when it is asked for it.
    async fn expected(&self, name: &str) -> Result<Option<String>> {
        Ok(self.get(name).await?.result.map(|result| result.sha256))
    }

    /// Opens the stream and reads the first bytes: that much can be tried again.
    async fn open_download(&self, name: &str, format: AnswerFormat, table: &str) -> Result<Parts> {
        let message = DownloadAnalysisResultRequest {
            name: name.to_owned(),
            format: Format::from(format).into(),
            table: table.to_owned(),
        };
        let rpc = self.rpc();
        let mut backoff = self.client.backoff();
        loop {
            let opened = self
                .client
                .stream(Freshness::New, message.clone(), |request| {
                    let mut rpc = rpc.clone();
                    async move { rpc.download_analysis_result(request).await }
                })
                .await;
            let begun = match opened {
                Ok(stream) => Parts::begin(stream).await,
                Err(error) => Err(error),
            };
            match begun {
                Ok(parts) => return Ok(parts),
                Err(error) => backoff.pause(error, Repeat::Safe).await?,
            }
        }
    }
}

/// The bytes of an answer.
struct Parts {
    first: Option<Vec<u8>>,
    stream: Streaming<DownloadAnalysisResultResponse>,
}

impl Parts {
    async fn begin(mut stream: Streaming<DownloadAnalysisResultResponse>) -> Result<Self> {
        let first = stream.message().await?;
        let first = first.ok_or_else(|| {
            // No form of an answer is empty.
            Error::new(Reason::Unavailable, "the answer ended before it began")
        })?;
        Ok(Self {
            first: Some(first.data),
            stream,
        })
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        Ok(self.stream.message().await?.map(|part| part.data))
    }
}

fn compare(expected: &str, hash: Context) -> Result<()> {
    let found = hex(hash.finish().as_ref());
    match found == expected {
        true => Ok(()),
        false => Err(Error::new(
            Reason::HashMismatch,
            format!("what came has the hash {found}: it is not the answer that was given"),
        )),
    }
}
