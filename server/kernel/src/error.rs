//! The errors of the whole server: a small closed set of reasons, each with one gRPC code, and
//! the one place where an error becomes a [`tonic::Status`].
//!
//! What an [`Error`] says in its message, violations and metadata goes to the caller. What only
//! the operator may know goes into [`Error::with_source`] or [`Error::internal`] and reaches the
//! log alone.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use prost::Message as _;
use tonic::Code;
use tonic_types::pb;

use crate::clock::{Entropy as _, SystemEntropy};

/// The `domain` of every `ErrorInfo` that this server sends.
pub const DOMAIN: &str = "cordon";

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal => $code:ident,)*) => {
        /// Why a call failed: the stable, machine-readable part of an error. Clients branch on
        /// it, so a reason is never renamed and its code never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// All reasons.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The reason as sent in `ErrorInfo.reason`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The gRPC code that goes with the reason.
            #[must_use]
            pub const fn code(self) -> Code {
                match self { $(Self::$name => Code::$code,)* }
            }
        }
    };
}

reasons! {
    /// No credential, or one that does not hold. Says nothing more to the caller.
    Unauthenticated = "UNAUTHENTICATED" => Unauthenticated,
    /// The credential holds, and does not reach this far.
    PermissionDenied = "PERMISSION_DENIED" => PermissionDenied,
    /// The caller's own tenant is suspended.
    TenantSuspended = "TENANT_SUSPENDED" => PermissionDenied,
    /// Nothing of that name in a namespace that the caller may look into.
    NotFound = "NOT_FOUND" => NotFound,
    /// The name is taken, in a namespace that the caller may look into.
    AlreadyExists = "ALREADY_EXISTS" => AlreadyExists,
    /// A field has no acceptable value; the violations say which and why.
    InvalidArgument = "INVALID_ARGUMENT" => InvalidArgument,
    /// A filter expression does not parse or type.
    InvalidFilter = "INVALID_FILTER" => InvalidArgument,
    /// A query is no SQL over the tenant's events, or asks for what is not possible.
    InvalidQuery = "INVALID_QUERY" => InvalidArgument,
    /// A rule is no Sigma rule, or asks for what is not supported.
    InvalidRule = "INVALID_RULE" => InvalidArgument,
    /// A page token that was not given out for this tenant and query, or has expired.
    InvalidPageToken = "INVALID_PAGE_TOKEN" => InvalidArgument,
    /// A cursor older than what is kept; the metadata name the oldest valid one.
    CursorExpired = "CURSOR_EXPIRED" => OutOfRange,
    /// A batch of this id was stored with other content.
    BatchConflict = "BATCH_CONFLICT" => AlreadyExists,
    /// The resource changed since the caller read it.
    EtagMismatch = "ETAG_MISMATCH" => Aborted,
    /// A limit on how much may be asked for or kept is reached.
    QuotaExceeded = "QUOTA_EXCEEDED" => ResourceExhausted,
    /// An answer would take more time, memory, disk or rows than it may; says what to narrow.
    TooMuchWork = "TOO_MUCH_WORK" => ResourceExhausted,
    /// One message, record or expression is larger than its limit; sending it again won't help.
    TooLarge = "TOO_LARGE" => InvalidArgument,
    /// What was sent is not what was announced: it has another hash.
    HashMismatch = "HASH_MISMATCH" => InvalidArgument,
    /// The caller reads a stream more slowly than it grows: resume from the last cursor.
    ReaderTooSlow = "READER_TOO_SLOW" => ResourceExhausted,
    /// The resource is not in a state that allows this.
    FailedPrecondition = "FAILED_PRECONDITION" => FailedPrecondition,
    /// Something that the server needs can't be had now; trying again may help.
    Unavailable = "UNAVAILABLE" => Unavailable,
    /// The call's deadline passed before it was done.
    DeadlineExceeded = "DEADLINE_EXCEEDED" => DeadlineExceeded,
    /// Something of a snapshot is not what was acquired any more; the metadata name the block.
    EvidenceDamaged = "EVIDENCE_DAMAGED" => DataLoss,
    /// A defect or damage on the server's side; the log has it under the reference.
    Internal = "INTERNAL" => Internal,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One field of the request that has no acceptable value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, as in `tenant.display_name`.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub description: String,
}

/// An error of any part of the server. Small to pass on: the details are boxed.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    reason: Reason,
    message: Cow<'static, str>,
    violations: Vec<Violation>,
    metadata: BTreeMap<Cow<'static, str>, String>,
    quota_subject: Option<String>,
    retry_after: Option<Duration>,
    source: Option<String>,
}

impl Error {
    /// An error with a message for the caller.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            reason,
            message: message.into(),
            violations: Vec::new(),
            metadata: BTreeMap::new(),
            quota_subject: None,
            retry_after: None,
            source: None,
        }))
    }

    /// `INVALID_ARGUMENT` about one field.
    #[must_use]
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        let (field, description) = (field.into(), description.into());
        Self::new(Reason::InvalidArgument, format!("{field}: {description}"))
            .with_violation(field, description)
    }

    /// `INTERNAL`: the caller gets a reference, the log gets `source`.
    #[must_use]
    pub fn internal(source: impl fmt::Display) -> Self {
        Self::new(Reason::Internal, "internal error").with_source(source)
    }

    /// `PERMISSION_DENIED` in the one wording that all walls share, so that the text can't tell
    /// a name that exists from one that doesn't.
    #[must_use]
    pub fn permission_denied() -> Self {
        Self::new(
            Reason::PermissionDenied,
            "the caller may not do this, or not there",
        )
    }

    /// `UNAUTHENTICATED` in the one wording that all authentication failures share; `cause` is
    /// for the log.
    #[must_use]
    pub fn unauthenticated(cause: impl fmt::Display) -> Self {
        Self::new(Reason::Unauthenticated, "authentication failed").with_source(cause)
    }

    /// Adds a field violation.
    #[must_use]
    pub fn with_violation(
        mut self,
        field: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        self.0.violations.push(Violation {
            field: field.into(),
            description: description.into(),
        });
        self
    }

    /// Adds a machine-readable detail for the caller (`ErrorInfo.metadata`).
    #[must_use]
    pub fn with_metadata(
        mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Self {
        self.0.metadata.insert(key.into(), value.into());
        self
    }

    /// Names what a quota is counted for (`QuotaFailure.subject`); for [`Reason::QuotaExceeded`].
    #[must_use]
    pub fn with_quota_subject(mut self, subject: impl Into<String>) -> Self {
        self.0.quota_subject = Some(subject.into());
        self
    }

    /// Tells the caller how long to wait before trying again (`RetryInfo`).
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Adds the cause, which only the log gets to see.
    #[must_use]
    pub fn with_source(mut self, source: impl fmt::Display) -> Self {
        self.0.source = Some(source.to_string());
        self
    }

    /// Why the call failed.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// The message for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The fields that are wrong.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// A detail set by [`Error::with_metadata`].
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.0.metadata.get(key).map(String::as_str)
    }

    /// How long the caller should wait before trying again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The cause, for the log only: never put it into anything that a caller sees.
    #[must_use]
    pub fn log_source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }
}

/// Meant for logs: it includes the cause.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.reason, self.0.message)?;
        match &self.0.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        let inner = *error.0;
        let mut message = inner.message.into_owned();
        let mut details = vec![any(
            "ErrorInfo",
            &ErrorInfo {
                reason: inner.reason.as_str().to_owned(),
                domain: DOMAIN.to_owned(),
                metadata: inner
                    .metadata
                    .into_iter()
                    .map(|(key, value)| (key.into_owned(), value))
                    .collect(),
            },
        )];

        if inner.reason == Reason::Internal {
            // The reference is random and not counted: a count would tell how often others fail.
            let mut reference = [0; 8];
            SystemEntropy.fill(&mut reference);
            let reference = hex::encode(reference);
            tracing::error!(
                %reference,
                cause = inner.source.as_deref().unwrap_or("not given"),
                "internal error"
            );
            message = format!("internal error, reference {reference}");
            let info = pb::RequestInfo {
                request_id: reference,
                serving_data: String::new(),
            };
            details.push(any("RequestInfo", &info));
        } else if let Some(cause) = &inner.source {
            tracing::warn!(reason = inner.reason.as_str(), %cause, "call refused");
        }

        if !inner.violations.is_empty() {
            let field_violations = inner
                .violations
                .into_iter()
                .map(|violation| pb::bad_request::FieldViolation {
                    field: violation.field,
                    description: violation.description,
                    ..Default::default()
                })
                .collect();
            details.push(any("BadRequest", &pb::BadRequest { field_violations }));
        }
        if let Some(subject) = inner.quota_subject {
            let violation = pb::quota_failure::Violation {
                subject,
                description: message.clone(),
                ..Default::default()
            };
            let failure = pb::QuotaFailure {
                violations: vec![violation],
            };
            details.push(any("QuotaFailure", &failure));
        }
        if let Some(delay) = inner.retry_after {
            let retry = pb::RetryInfo {
                retry_delay: prost_types::Duration::try_from(delay).ok(),
            };
            details.push(any("RetryInfo", &retry));
        }

        let code = inner.reason.code();
        let status = pb::Status {
            code: code as i32,
            message: message.clone(),
            details,
        };
        Self::with_details(code, message, status.encode_to_vec().into())
    }
}

/// `google.rpc.ErrorInfo`, with its metadata in order: the library's own keeps them in a hash
/// map, and the same error would be other bytes each time.
#[derive(prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

fn any(name: &str, message: &impl prost::Message) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("type.googleapis.com/google.rpc.{name}"),
        value: message.encode_to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use tonic_types::StatusExt as _;

    #[test]
    fn reasons_are_distinct_screaming_snake() {
        let texts: HashSet<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(texts.len(), Reason::ALL.len());
        assert!(texts.iter().all(|t| {
            t.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') && !t.starts_with('_')
        }));
        assert!(
            Reason::ALL
                .iter()
                .all(|r| r.code() != Code::Ok && r.code() != Code::Unknown)
        );
    }

    #[test]
    fn a_status_carries_reason_violations_and_delay() {
        let status = tonic::Status::from(
            Error::invalid("tenant.name", "no such form")
                .with_metadata("limit", "3")
                .with_retry_after(Duration::from_secs(2)),
        );
        assert_eq!(status.code(), Code::InvalidArgument);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("INVALID_ARGUMENT", "cordon")
        );
        assert_eq!(info.metadata["limit"], "3");
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "tenant.name");
        let delay = status.get_details_retry_info().unwrap().retry_delay;
        assert_eq!(delay, Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_quota_names_its_subject() {
        let status = tonic::Status::from(
            Error::new(Reason::QuotaExceeded, "too many searches").with_quota_subject("searches"),
        );
        assert_eq!(status.code(), Code::ResourceExhausted);
        let failure = status.get_details_quota_failure().unwrap();
        assert_eq!(failure.violations[0].subject, "searches");
        assert_eq!(failure.violations[0].description, "too many searches");
    }

    #[test]
    fn the_same_error_is_the_same_bytes() {
        let make = || {
            let error = Error::new(Reason::CursorExpired, "too old");
            let error = (0..20).fold(error, |e, n| e.with_metadata(format!("key{n}"), "value"));
            tonic::Status::from(error).details().to_vec()
        };
        assert_eq!(make(), make());
    }

    #[test]
    fn an_internal_error_tells_the_caller_a_reference_only() {
        let make = || tonic::Status::from(Error::internal("SECRET table tenants is corrupt"));
        let (one, two) = (make(), make());
        assert_eq!(one.code(), Code::Internal);
        assert!(!format!("{one:?}").contains("SECRET"));
        assert!(!String::from_utf8_lossy(one.details()).contains("SECRET"));
        assert!(one.message().starts_with("internal error, reference "));
        assert_ne!(one.message(), two.message());
    }

    #[test]
    fn a_cause_stays_in_the_log() {
        let error = Error::unauthenticated("SECRET cause");
        assert!(error.to_string().contains("SECRET"));
        let status = tonic::Status::from(error);
        assert!(!format!("{status:?}").contains("SECRET"));
        assert!(!String::from_utf8_lossy(status.details()).contains("SECRET"));
    }
}
