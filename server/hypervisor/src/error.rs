//! Why an acquisition did not do what it was asked: a closed set. What the other side wrote is kept
//! only where an operator needs it, and cut short: a machine under examination is nobody's friend.

/// Longest text of another program that is kept, in characters.
const MAX_TEXT: usize = 300;

/// Why something could not be acquired.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nobody takes connections at the socket.
    #[error("{0}: no connection")]
    Unreachable(&'static str),
    /// Somebody else is at it: another acquisition, or whoever holds the monitor.
    #[error("the instance is busy: {0}")]
    Busy(&'static str),
    /// No answer in time.
    #[error("{0}: no answer in time")]
    TimedOut(&'static str),
    /// The other side closed the connection: the instance has ended, or moved elsewhere.
    #[error("{0}: the connection was closed")]
    Gone(&'static str),
    /// What came back is not the protocol.
    #[error("the answer is not understood: {0}")]
    Protocol(&'static str),
    /// The command was refused, with what was said of it.
    #[error("{command} was refused: {text}")]
    Refused {
        /// Which command.
        command: &'static str,
        /// What the other side said, cut short.
        text: String,
    },
    /// The other side can't do what this needs.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    /// The point in time is lost: the copy could not be kept while the guest wrote on.
    #[error("the snapshot is broken: its store could not take what the guest overwrote")]
    SnapshotBroken,
    /// Larger or more than is taken.
    #[error("too much: {0}")]
    Limit(&'static str),
    /// It exists or not, and is not for us in either case.
    #[error("not allowed: {0}")]
    NotAllowed(&'static str),
    /// There is no such thing.
    #[error("not found: {0}")]
    NotFound(&'static str),
    /// What was asked makes no sense.
    #[error("invalid: {0}")]
    Invalid(&'static str),
    /// The operating system refused.
    #[error("{0}: {1}")]
    Io(&'static str, std::io::ErrorKind),
}

impl Error {
    /// A refusal, with as much of the other side's text as an operator can use.
    pub(crate) fn refused(command: &'static str, text: &str) -> Self {
        let seen = |c: char| if c.is_control() { ' ' } else { c };
        let text = text.chars().map(seen).take(MAX_TEXT).collect();
        Self::Refused { command, text }
    }

    /// What happened to a connection or a file, told by what was being done with it.
    pub(crate) fn io(what: &'static str) -> impl Fn(std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        move |error| match error.kind() {
            Kind::UnexpectedEof | Kind::ConnectionReset | Kind::BrokenPipe => Self::Gone(what),
            Kind::TimedOut => Self::TimedOut(what),
            kind => Self::Io(what, kind),
        }
    }
}

/// What a future gives, or that it took too long.
pub(crate) async fn within<T>(
    limit: std::time::Duration,
    what: &'static str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::TimedOut(what)),
    }
}
