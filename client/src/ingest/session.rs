//! Sending batches: some under way at once, all answered, each stored once.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cordon_proto::events::events_service_client::EventsServiceClient;
use cordon_proto::events::{IngestEventsRequest, IngestEventsResponse, RecordError};
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::batch::Batch;
use crate::client::Client;
use crate::error::{Error, Reason, Result};
use crate::retry::{Backoff, Repeat};
use crate::servers::Servers;

/// Batches that are sent before the first of them is answered.
pub(super) const IN_FLIGHT: usize = 4;

/// What became of a batch.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The batch, without its records.
    pub batch_id: String,
    /// The batch's label.
    pub label: Arc<str>,
    /// Records that the batch was made of, good and bad.
    pub read: u64,
    /// Records stored, unattributed ones too.
    pub accepted: u64,
    /// Records of a batch that was stored before, and repetitions recognised at once.
    pub duplicates: u64,
    /// Records that could not be read; the server keeps them in its dead-letter store.
    pub rejected: u64,
    /// Accepted records that concern no known tenant.
    pub unattributed: u64,
    /// What was wrong with the rejected ones, by line; the server names at most 100 a batch, what
    /// was found wrong on this side is named in full.
    pub errors: Vec<RecordError>,
    /// Why the batch as a whole was refused, if it was; then nothing of it is stored.
    pub refused: Option<Refusal>,
}

/// Why a batch as a whole was refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// As in `BATCH_CONFLICT`.
    pub reason: Reason,
    /// What was wrong and what to do.
    pub message: String,
}

impl Outcome {
    fn new(batch: &Batch, answer: IngestEventsResponse) -> Self {
        let count = |count: i64| u64::try_from(count).unwrap_or_default();
        let mut errors = answer.errors;
        for record in &batch.unreadable {
            let line = i64::try_from(record.line).unwrap_or(i64::MAX);
            let told = errors
                .iter()
                .any(|error| error.line == line && error.reason == record.fault.as_str());
            if !told {
                errors.push(RecordError {
                    index: 0,
                    line,
                    reason: record.fault.as_str().to_owned(),
                    message: record.fault.message().to_owned(),
                });
            }
        }
        errors.sort_by_key(|error| error.line);
        let refused = (!answer.refused_reason.is_empty()).then(|| Refusal {
            reason: Reason::from_text(&answer.refused_reason),
            message: answer.refused_message,
        });
        Self {
            batch_id: batch.id.clone(),
            label: Arc::clone(&batch.label),
            read: batch.read_count(),
            accepted: count(answer.accepted_count),
            duplicates: count(answer.duplicate_count),
            rejected: if refused.is_some() {
                batch.read_count()
            } else {
                count(answer.rejected_count)
            },
            unattributed: count(answer.unattributed_count),
            errors,
            refused,
        }
    }
}

/// What became of the batches, in the order of the answers; from
/// [`Ingest::send`](super::Ingest::send). Ends when all are answered, or with an error: then what
/// was not answered may be stored or not, and sending it again under the same ids is right.
pub struct Outcomes(ReceiverStream<Result<Outcome>>);

impl fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outcomes")
    }
}

impl Stream for Outcomes {
    type Item = Result<Outcome>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

type Source = Pin<Box<dyn Stream<Item = Result<Batch>> + Send>>;

/// What a session is opened with.
pub(super) struct Opening {
    pub(super) client: Client,
    pub(super) rpc: EventsServiceClient<Servers>,
    pub(super) source: String,
    pub(super) source_type: String,
    pub(super) in_flight: usize,
}

/// Starts to send; goes on in a task of its own as long as the outcomes are read.
pub(super) fn start<S>(opening: Opening, batches: S) -> Outcomes
where
    S: Stream<Item = Result<Batch>> + Send + 'static,
{
    let (told, outcomes) = mpsc::channel(opening.in_flight.max(1));
    let session = Session {
        backoff: opening.client.backoff(),
        opening,
        batches: Some(Box::pin(batches)),
        pending: VecDeque::new(),
        held: None,
        refusals: 0,
        source_error: None,
        told,
    };
    tokio::spawn(session.run());
    Outcomes(ReceiverStream::new(outcomes))
}

struct Session {
    opening: Opening,
    backoff: Backoff,
    /// None when all were taken.
    batches: Option<Source>,
    /// Sent or about to be sent, and not answered.
    pending: VecDeque<Batch>,
    /// Has the id of one that is pending: the same file given twice. It waits, so that an answer
    /// is always about one batch.
    held: Option<Batch>,
    /// How often its token was refused in a row.
    refusals: u32,
    /// Why the batches could not be read to their end; told when what came before is answered.
    source_error: Option<Error>,
    told: mpsc::Sender<Result<Outcome>>,
}

/// Nobody reads the outcomes any more.
struct Abandoned;

/// Why a round ended early.
enum Stop {
    Abandoned,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Abandoned> for Stop {
    fn from(_: Abandoned) -> Self {
        Self::Abandoned
    }
}

impl Session {
    async fn run(mut self) {
        // A stream is opened when there is something to send, and not before.
        self.take().await;
        while !self.pending.is_empty() {
            match self.round().await {
                Ok(()) => break,
                Err(Stop::Abandoned) => return,
                Err(Stop::Failed(error)) => {
                    if let Err(error) = self.recover(error).await {
                        // The reader may be gone; then nobody wants to know.
                        let _ = self.told.send(Err(error)).await;
                        return;
                    }
                }
            }
            // The last answer may have come just before the stream failed.
            if self.pending.is_empty() {
                self.take().await;
            }
        }
        if let Some(error) = self.source_error {
            let _ = self.told.send(Err(error)).await;
        }
    }

    /// Takes the next batch, if there is one.
    async fn take(&mut self) {
        if self.held.is_none() {
            let batch = next(self.batches.as_mut()).await;
            self.keep(batch);
        }
        self.pending.extend(self.held.take());
    }

    /// Keeps a batch that was taken until it can be sent, or notes that there are no more.
    fn keep(&mut self, batch: Option<Result<Batch>>) {
        match batch {
            Some(Ok(batch)) => self.held = Some(batch),
            Some(Err(error)) => {
                self.batches = None;
                self.source_error = Some(error);
            }
            None => self.batches = None,
        }
    }

    /// Sends what is pending and goes on until all is answered or the stream fails.
    async fn round(&mut self) -> Result<(), Stop> {
        let (sender, receiver) = mpsc::channel(self.opening.in_flight + 1);
        for batch in &self.pending {
            // There is room for as many as can be pending.
            let _ = sender.try_send(self.request(batch));
        }
        let mut sender = Some(sender);
        let request = self
            .opening
            .client
            .request_both_ways(ReceiverStream::new(receiver))
            .await?;
        let mut answers = self
            .opening
            .rpc
            .ingest_events(request)
            .await
            .map_err(Error::from)?
            .into_inner();
        loop {
            self.release(sender.as_ref());
            let all_taken = self.batches.is_none() && self.held.is_none();
            if all_taken && self.pending.is_empty() {
                // Says that no more will come, so that the server can close as well.
                sender = None;
            }
            let room = self.held.is_none() && self.pending.len() < self.opening.in_flight;
            let wanted = self.batches.as_mut();
            tokio::select! {
                answer = answers.message() => match answer.map_err(Error::from)? {
                    Some(answer) => self.answered(answer).await?,
                    None if all_taken && self.pending.is_empty() => return Ok(()),
                    None => {
                        return Err(Error::new(Reason::Unavailable, "the server ended the stream").into());
                    }
                },
                batch = next(wanted), if room && !all_taken => self.keep(batch),
                () = self.told.closed() => return Err(Stop::Abandoned),
            }
        }
    }

    /// Sends the batch that was taken last, unless one of its id is under way.
    fn release(&mut self, sender: Option<&mpsc::Sender<IngestEventsRequest>>) {
        let Some(sender) = sender else { return };
        let clash = |held: &Batch| self.pending.iter().any(|batch| batch.id == held.id);
        if self.pending.len() >= self.opening.in_flight || self.held.as_ref().is_none_or(clash) {
            return;
        }
        if let Some(batch) = self.held.take() {
            // A closed channel means a failed stream, which the answers tell of; the batch is
            // pending then and sent again.
            let _ = sender.try_send(self.request(&batch));
            self.pending.push_back(batch);
        }
    }

    fn request(&self, batch: &Batch) -> IngestEventsRequest {
        batch.to_request(&self.opening.source, &self.opening.source_type)
    }

    async fn answered(&mut self, answer: IngestEventsResponse) -> Result<(), Stop> {
        let Some(at) = self
            .pending
            .iter()
            .position(|batch| batch.id == answer.batch_id)
        else {
            return Ok(());
        };
        if answer.refused_reason == Reason::Unavailable.as_str() {
            return Err(Error::new(Reason::Unavailable, answer.refused_message).into());
        }
        self.backoff.reset();
        self.refusals = 0;
        if let Some(batch) = self.pending.remove(at) {
            let outcome = Outcome::new(&batch, answer);
            self.told.send(Ok(outcome)).await.map_err(|_| Abandoned)?;
        }
        Ok(())
    }

    /// Waits until what is pending can be sent again, or returns the error when it can't.
    async fn recover(&mut self, error: Error) -> Result<()> {
        // A token's end ends streams too.
        if *error.reason() == Reason::Unauthenticated {
            let client = &self.opening.client;
            if client.wait_for_keys(&mut self.refusals).await {
                if self.refusals == 1 {
                    client.renew_token().await;
                }
                return Ok(());
            }
        }
        self.backoff.pause(error, Repeat::Safe).await
    }
}

/// The next batch, if any is left.
async fn next(batches: Option<&mut Source>) -> Option<Result<Batch>> {
    match batches {
        Some(batches) => batches.next().await,
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::batch::Unreadable;
    use super::super::split::Fault;
    use super::*;

    fn batch() -> Batch {
        let mut batch = Batch::new("b", vec![Bytes::from_static(b"{}")]);
        for (line, fault) in [(7, Fault::MalformedJson), (3, Fault::NotUtf8)] {
            batch.unreadable.push(Unreadable {
                line,
                fault,
                content: Bytes::new(),
            });
        }
        batch
    }

    #[test]
    fn what_was_found_wrong_on_either_side_is_told_once() {
        let answer = IngestEventsResponse {
            batch_id: "b".to_owned(),
            rejected_count: 3,
            errors: vec![
                RecordError {
                    index: 0,
                    line: 1,
                    reason: "TOO_DEEP".to_owned(),
                    message: "deep".to_owned(),
                },
                RecordError {
                    index: 2,
                    line: 7,
                    reason: "MALFORMED_JSON".to_owned(),
                    message: "as told by the server".to_owned(),
                },
            ],
            ..IngestEventsResponse::default()
        };
        let outcome = Outcome::new(&batch(), answer);
        let told: Vec<_> = outcome
            .errors
            .iter()
            .map(|error| (error.line, error.reason.as_str()))
            .collect();
        assert_eq!(
            told,
            [(1, "TOO_DEEP"), (3, "NOT_UTF8"), (7, "MALFORMED_JSON")]
        );
        assert_eq!((outcome.read, outcome.rejected), (3, 3));
    }

    #[test]
    fn a_refused_batch_counts_as_rejected() {
        let answer = IngestEventsResponse {
            batch_id: "b".to_owned(),
            refused_reason: "BATCH_CONFLICT".to_owned(),
            ..IngestEventsResponse::default()
        };
        let outcome = Outcome::new(&batch(), answer);
        assert_eq!(outcome.rejected, 3);
        assert_eq!(outcome.refused.unwrap().reason, Reason::BatchConflict);
    }
}
