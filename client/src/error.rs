//! What can go wrong, as a closed set of reasons that programs can branch on.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::servers::Unsent;

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The `domain` of every `ErrorInfo` that a Cordon server sends.
pub const DOMAIN: &str = "cordon";

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why something failed: stable, never renamed.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
            /// A reason that this version of the client does not know, as the server sent it.
            Other(Box<str>),
        }

        impl Reason {
            /// The reason in capitals, as in `NOT_FOUND`.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }

            /// The reason that is written like this.
            #[must_use]
            pub fn from_text(text: &str) -> Self {
                match text {
                    $($text => Self::$name,)*
                    other => Self::Other(other.into()),
                }
            }
        }
    };
}

reasons! {
    /// No credential, or one that does not hold: expired, revoked, or of another installation.
    Unauthenticated = "UNAUTHENTICATED",
    /// The credential holds, and does not reach this far.
    PermissionDenied = "PERMISSION_DENIED",
    /// The caller's own tenant is suspended.
    TenantSuspended = "TENANT_SUSPENDED",
    /// Nothing of that name.
    NotFound = "NOT_FOUND",
    /// The name is taken.
    AlreadyExists = "ALREADY_EXISTS",
    /// A field has no acceptable value; the violations say which and why.
    InvalidArgument = "INVALID_ARGUMENT",
    /// A filter does not parse or type.
    InvalidFilter = "INVALID_FILTER",
    /// A query in SQL does not parse or type, or is no single SELECT over the events.
    InvalidQuery = "INVALID_QUERY",
    /// A Sigma rule is not understood; the details `line` and `column` say where, both from 1.
    InvalidRule = "INVALID_RULE",
    /// A page token of another query or tenant, or one that has expired.
    InvalidPageToken = "INVALID_PAGE_TOKEN",
    /// A cursor older than what is kept.
    CursorExpired = "CURSOR_EXPIRED",
    /// A batch of this id was stored with other content.
    BatchConflict = "BATCH_CONFLICT",
    /// The resource changed since it was read.
    EtagMismatch = "ETAG_MISMATCH",
    /// A limit on how much may be asked for or kept is reached.
    QuotaExceeded = "QUOTA_EXCEEDED",
    /// To answer takes more work than one question may: narrow it.
    TooMuchWork = "TOO_MUCH_WORK",
    /// One message, record or expression is larger than its limit.
    TooLarge = "TOO_LARGE",
    /// What was sent or received has another hash than it should.
    HashMismatch = "HASH_MISMATCH",
    /// Evidence in the server's store is not what it was when it was acquired.
    EvidenceDamaged = "EVIDENCE_DAMAGED",
    /// A stream was read more slowly than it grew.
    ReaderTooSlow = "READER_TOO_SLOW",
    /// The resource is not in a state that allows this.
    FailedPrecondition = "FAILED_PRECONDITION",
    /// The call lost against another one; it may be tried again.
    Aborted = "ABORTED",
    /// The server can't be reached, or can't serve now.
    Unavailable = "UNAVAILABLE",
    /// The call's deadline passed before it was done.
    DeadlineExceeded = "DEADLINE_EXCEEDED",
    /// The server does not know the method: it is older than this client.
    Unimplemented = "UNIMPLEMENTED",
    /// A defect on the server's side; the message has a reference for its log.
    Internal = "INTERNAL",
    /// The server's certificate is not one that the profile trusts.
    UntrustedServer = "UNTRUSTED_SERVER",
    /// A profile that can't be read or used.
    InvalidProfile = "INVALID_PROFILE",
    /// What should be a signed statement, or keys to check one with, is neither.
    InvalidStatement = "INVALID_STATEMENT",
    /// A signature does not fit what it should have signed: that, or the keys, were changed.
    BadSignature = "BAD_SIGNATURE",
    /// Signed by a key that is none of those at hand.
    UnknownKey = "UNKNOWN_KEY",
    /// What is to go out is marked for fewer than those it is to go to.
    TlpViolation = "TLP_VIOLATION",
    /// What is to be brought in is no document of a known form.
    InvalidDocument = "INVALID_DOCUMENT",
    /// A file or stream of this machine failed.
    Io = "IO",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// So that `error.reason() == Reason::NotFound` reads as it should.
impl PartialEq<Reason> for &Reason {
    fn eq(&self, other: &Reason) -> bool {
        **self == *other
    }
}

/// One field of a request that has no acceptable value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, as in `tenant.display_name`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// Why a call failed.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    reason: Reason,
    code: Option<Code>,
    message: String,
    violations: Vec<Violation>,
    metadata: HashMap<String, String>,
    retry_after: Option<Duration>,
    /// Whether the server sent its reason, so that nothing of the call was done.
    from_server: bool,
    /// Whether the call was not sent at all.
    unsent: bool,
}

impl Error {
    /// An error of the client itself.
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            reason,
            code: None,
            message: message.into(),
            violations: Vec::new(),
            metadata: HashMap::new(),
            retry_after: None,
            from_server: false,
            unsent: false,
        }))
    }

    /// An unusable argument, found before anything was sent.
    pub(crate) fn invalid(field: &str, description: impl Into<String>) -> Self {
        let description = description.into();
        let mut error = Self::new(Reason::InvalidArgument, format!("{field}: {description}"));
        error.0.violations.push(Violation {
            field: field.to_owned(),
            description,
        });
        error
    }

    /// The same with a machine-readable detail.
    pub(crate) fn with_metadata(mut self, key: &str, value: &str) -> Self {
        self.0.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// A failure to connect, told apart by what TLS says.
    pub(crate) fn connect(endpoint: &str, error: &(dyn StdError + 'static)) -> Self {
        match tls_failure(error) {
            Some((reason, message)) => Self::new(reason, format!("{endpoint}: {message}")),
            None => Self::new(
                Reason::Unavailable,
                format!("{endpoint} can't be reached: {}", innermost(error)),
            ),
        }
    }

    /// Why it failed.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }

    /// What happened, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The fields of the request that are wrong.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// How long the server asks to wait before trying again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// A machine-readable detail of the reason, as in `oldest_cursor` of `CURSOR_EXPIRED`.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.0.metadata.get(key).map(String::as_str)
    }

    /// The gRPC code, when the error came with a call.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.0.code
    }

    /// Whether the same call may succeed later without anybody changing anything. Says nothing
    /// about whether it is safe to repeat.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.0.reason {
            Reason::Unavailable | Reason::Aborted => true,
            Reason::QuotaExceeded => self.0.retry_after.is_some(),
            _ => false,
        }
    }

    /// No answer came before the call's deadline.
    pub(crate) fn late() -> Self {
        Self::new(
            Reason::DeadlineExceeded,
            "no answer before the call's deadline",
        )
    }

    /// The same, of a call that was not sent.
    pub(crate) fn unsent(mut self) -> Self {
        self.0.unsent = true;
        self
    }

    /// Whether it is certain that nothing of the call was done: the server refused it and said
    /// so, or it was not sent.
    pub(crate) fn was_not_done(&self) -> bool {
        self.0.from_server || self.0.unsent
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.0.message, self.0.reason)
    }
}

impl StdError for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(Reason::Io, error.to_string())
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == DOMAIN);
        let local = StdError::source(&status);
        if let Some(Unsent(error)) = local.and_then(|local| local.downcast_ref()) {
            return error.clone().unsent();
        }
        let (reason, message) = match (info, local) {
            (Some(info), _) => (Reason::from_text(&info.reason), status.message().to_owned()),
            (None, Some(source)) => lost_connection(source),
            (None, None) => (reason_of(status.code()), plain_message(&status)),
        };
        Self(Box::new(Inner {
            reason,
            code: Some(status.code()),
            message,
            violations: details
                .bad_request()
                .map(|request| {
                    request
                        .field_violations
                        .iter()
                        .map(|violation| Violation {
                            field: violation.field.clone(),
                            description: violation.description.clone(),
                        })
                        .collect()
                })
                .unwrap_or_default(),
            metadata: info.map(|info| info.metadata.clone()).unwrap_or_default(),
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
            from_server: info.is_some(),
            unsent: false,
        }))
    }
}

fn plain_message(status: &Status) -> String {
    if status.message().is_empty() {
        status.code().description().to_owned()
    } else {
        status.message().to_owned()
    }
}

/// The reason for a status without details: from a proxy, or made by the gRPC library.
fn reason_of(code: Code) -> Reason {
    match code {
        Code::Unauthenticated => Reason::Unauthenticated,
        Code::PermissionDenied => Reason::PermissionDenied,
        Code::NotFound => Reason::NotFound,
        Code::AlreadyExists => Reason::AlreadyExists,
        Code::InvalidArgument => Reason::InvalidArgument,
        // The gRPC library's own complaint about a message over the limit.
        Code::OutOfRange => Reason::TooLarge,
        Code::ResourceExhausted => Reason::QuotaExceeded,
        Code::FailedPrecondition => Reason::FailedPrecondition,
        Code::Aborted => Reason::Aborted,
        Code::Unavailable => Reason::Unavailable,
        Code::DeadlineExceeded => Reason::DeadlineExceeded,
        Code::Unimplemented => Reason::Unimplemented,
        _ => Reason::Internal,
    }
}

/// A status that did not come from a server but from what happened to the connection.
fn lost_connection(source: &(dyn StdError + 'static)) -> (Reason, String) {
    tls_failure(source).unwrap_or_else(|| {
        (
            Reason::Unavailable,
            format!("the connection failed: {}", innermost(source)),
        )
    })
}

/// What TLS has to say in the chain of causes.
fn tls_failure(error: &(dyn StdError + 'static)) -> Option<(Reason, String)> {
    let mut next = Some(error);
    while let Some(error) = next {
        let tls = error.downcast_ref::<rustls::Error>().or_else(|| {
            // An I/O error hides what it wraps from `source`.
            let io = error.downcast_ref::<std::io::Error>()?;
            io.get_ref()?.downcast_ref::<rustls::Error>()
        });
        match tls {
            Some(rustls::Error::AlertReceived(alert)) => {
                return Some((
                    Reason::Unauthenticated,
                    format!("the server refused the profile's certificate ({alert:?})"),
                ));
            }
            Some(
                error @ (rustls::Error::InvalidCertificate(_)
                | rustls::Error::NoCertificatesPresented),
            ) => {
                return Some((
                    Reason::UntrustedServer,
                    format!("the server's certificate can't be trusted: {error}"),
                ));
            }
            _ => {}
        }
        next = error.source();
    }
    None
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests;
