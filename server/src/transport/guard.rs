//! Answers that come bit by bit, and end when they must: when the caller is gone, too slow, out
//! of time, or no longer good.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Reason, Result, TenantScope};
use futures::Stream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::Status;

use super::Caller;

/// How often an open stream asks whether its caller is still good.
const CHECK: Duration = Duration::from_secs(2);
/// How long a reader may leave an answer lying before it is told to resume.
const PATIENCE: Duration = Duration::from_secs(30);
/// Messages between producer and socket; HTTP/2 flow control holds the rest back.
const IN_FLIGHT: usize = 4;

/// How an answer ends. It has a place of its own, since the messages' places may all be taken, and
/// an answer that is cut off must never look as if it were whole.
type Ending = Arc<Mutex<Option<Status>>>;

/// The reading end: what a streaming method returns.
pub struct Feed<T> {
    messages: mpsc::Receiver<T>,
    ending: Ending,
}

impl<T> Stream for Feed<T> {
    type Item = std::result::Result<T, Status>;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(cx).map(|message| match message {
            Some(message) => Some(Ok(message)),
            None => ending(&self.ending).take().map(Err),
        })
    }
}

/// The writing end, for the task that makes the answer.
pub struct Feeder<T> {
    sender: mpsc::Sender<T>,
}

impl<T: Send + 'static> Feeder<T> {
    /// Hands one message on, as soon as the reader has taken earlier ones.
    ///
    /// # Errors
    /// `READER_TOO_SLOW` when the reader took nothing for 30 s; `UNAVAILABLE`, which nobody will read, when it is gone.
    pub async fn send(&self, message: T) -> Result<()> {
        match self.sender.send_timeout(message, PATIENCE).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(Error::new(
                Reason::ReaderTooSlow,
                "nothing was read for 30 seconds; resume from the last cursor or page token",
            )),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => {
                Err(Error::new(Reason::Unavailable, "the caller is gone"))
            }
        }
    }
}

impl<T: Send + 'static> Feed<T> {
    /// Runs `work` in a task of its own that feeds the answer, and stops it when the reader is
    /// gone, the deadline passes, or the caller's standing ends. An error of `work` closes the
    /// answer as its status.
    pub fn spawn<F, W>(
        kernel: Arc<Kernel>,
        caller: Caller,
        scope: Arc<TenantScope>,
        work: W,
    ) -> Self
    where
        W: FnOnce(Feeder<T>) -> F,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self::start(kernel, caller, Some(scope), work)
    }

    /// The same for what is the provider's own and no tenant's.
    pub fn spawn_provider<F, W>(kernel: Arc<Kernel>, caller: Caller, work: W) -> Self
    where
        W: FnOnce(Feeder<T>) -> F,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self::start(kernel, caller, None, work)
    }

    fn start<F, W>(
        kernel: Arc<Kernel>,
        caller: Caller,
        scope: Option<Arc<TenantScope>>,
        work: W,
    ) -> Self
    where
        W: FnOnce(Feeder<T>) -> F,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let (sender, messages) = mpsc::channel(IN_FLIGHT);
        // Stands if the task below should end without saying how.
        let early = Status::internal("the answer ended early; ask again");
        let end: Ending = Arc::new(Mutex::new(Some(early)));
        let feed = Self {
            messages,
            ending: Arc::clone(&end),
        };
        let work = work(Feeder {
            sender: sender.clone(),
        });
        tokio::spawn(async move {
            let ended = tokio::select! {
                biased;
                () = sender.closed() => return,
                ended = standing(&kernel, &caller, scope.as_deref()) => ended,
                ended = work => ended,
            };
            *ending(&end) = ended.err().map(Status::from);
        });
        feed
    }
}

fn ending(ending: &Ending) -> std::sync::MutexGuard<'_, Option<Status>> {
    ending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Resolves with the reason why a stream must end.
async fn standing(kernel: &Kernel, caller: &Caller, scope: Option<&TenantScope>) -> Result<()> {
    loop {
        let next = Instant::now() + CHECK;
        let at = caller
            .deadline()
            .map_or(next, |deadline| deadline.min(next));
        tokio::time::sleep_until(at).await;
        if caller
            .deadline()
            .is_some_and(|deadline| deadline <= Instant::now())
        {
            return Err(Error::new(
                Reason::DeadlineExceeded,
                "the call's deadline has passed",
            ));
        }
        kernel.gate().still_good(caller.credential(), scope).await?;
    }
}
