//! How a command fails: a sentence, what to do next, and an exit code.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use cordon_client::{Error, Reason};

use crate::text::visible;

/// What a command comes to.
pub(crate) type Outcome = Result<(), Failure>;

/// Why a command did not do what it was to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the client library says.
    Client(Error),
    /// What it says of a file, and a drawing of the place in it.
    InFile(Error, String),
    /// What was asked for makes no sense.
    Usage(String),
    /// Something of this machine.
    Local(String),
    /// Records were rejected; all that there is to say was said.
    Rejected,
    /// What was compared is not the same; all that there is to say was said.
    Disagrees,
    /// Something is to be done before an incident; all that there is to say was said.
    Unready,
    /// Nobody reads the output any more, as in `cordon … | head`: that is no failure.
    Unread,
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    pub(crate) fn local(text: impl Into<String>) -> Self {
        Self::Local(text.into())
    }

    /// The exit code; they are documented in `--help`.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Client(error) | Self::InFile(error, _) => match error.reason() {
                Reason::Unauthenticated
                | Reason::PermissionDenied
                | Reason::TenantSuspended
                | Reason::UntrustedServer => 3,
                Reason::NotFound => 4,
                Reason::Unavailable | Reason::DeadlineExceeded => 6,
                Reason::InvalidArgument
                | Reason::InvalidFilter
                | Reason::InvalidQuery
                | Reason::InvalidRule
                | Reason::InvalidPageToken
                | Reason::InvalidDocument
                | Reason::InvalidProfile => 2,
                _ => 1,
            },
            Self::Usage(_) => 2,
            Self::Local(_) => 1,
            Self::Rejected => 5,
            Self::Disagrees => 7,
            Self::Unready => 8,
            Self::Unread => 0,
        }
    }

    /// Says it on stderr.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Rejected | Self::Disagrees | Self::Unready | Self::Unread => {}
            Self::Client(error) | Self::InFile(error, _) => {
                note(&format!("error: {error}"));
                if let Self::InFile(_, place) = self {
                    note(place);
                }
                for violation in error.violations() {
                    // Most messages say it already.
                    if !error.message().contains(&violation.description) {
                        note(&format!("  {}: {}", violation.field, violation.description));
                    }
                }
                if let Some(hint) = hint(error) {
                    note(&format!("hint: {hint}"));
                }
            }
            Self::Usage(text) | Self::Local(text) => note(&format!("error: {text}")),
        }
        ExitCode::from(self.code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) | Self::InFile(error, _) => error.fmt(f),
            Self::Usage(text) | Self::Local(text) => f.write_str(text),
            Self::Rejected => f.write_str("records were rejected"),
            Self::Disagrees => f.write_str("they do not agree"),
            Self::Unready => f.write_str("something is to be done"),
            Self::Unread => f.write_str("nobody reads the output"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Unread
        } else {
            Self::Local(error.to_string())
        }
    }
}

/// What to do next.
fn hint(error: &Error) -> Option<String> {
    let text = match error.reason() {
        Reason::Unauthenticated => {
            "the profile's certificate has ended or was revoked, or is of another installation: ask \
             your administrator for a new one (cordon admin credentials issue)"
        }
        Reason::PermissionDenied => {
            "`cordon whoami` shows what this profile may do; staff need --tenant and --justification"
        }
        Reason::TenantSuspended => "ask the provider why; events are still being stored",
        Reason::NotFound => "the matching `list` command, or `events search`, shows what there is",
        Reason::AlreadyExists => "the matching `list` or `show` command shows what there is",
        Reason::InvalidFilter => {
            "a filter is a SQL condition, as in \"operation = 'AssumeRole' AND status = 'Failure'\"; \
             `cordon events search --help` lists the columns"
        }
        Reason::InvalidQuery => {
            "a query is one SELECT over the table `events`, as in \"SELECT actor, count(*) FROM events \
             GROUP BY actor\"; `cordon events search --help` lists the columns"
        }
        Reason::TooMuchWork => {
            "ask of less: a shorter time with --since and --until, or with --account, --resource-scope \
             and --source-type"
        }
        Reason::InvalidRule => {
            "a rule is a Sigma rule (https://sigmahq.io/docs/basics/rules.html); `cordon detect rules \
             add --dry-run FILE` checks one without storing it"
        }
        Reason::InvalidPageToken => "start again without the page token",
        Reason::CursorExpired => {
            return Some(match error.metadata("oldest_cursor") {
                Some(oldest) => format!("the oldest cursor that is kept: --cursor {oldest}"),
                None => "older events can still be searched: cordon events search".to_owned(),
            });
        }
        Reason::EtagMismatch => "it changed meanwhile: look at it and run the command again",
        Reason::QuotaExceeded => {
            return error
                .retry_after()
                .map(|delay| format!("try again in {} s", delay.as_secs().max(1)));
        }
        Reason::ReaderTooSlow => "go on with --cursor from the last event that was handled",
        Reason::Unavailable | Reason::DeadlineExceeded => {
            "see that a server runs and that the profile's endpoints are right, then run the command again"
        }
        Reason::UntrustedServer => {
            "the profile is of another installation, or another server listens there: nothing was sent"
        }
        Reason::EvidenceDamaged => {
            "the evidence in the provider's store was damaged: its chain of custody says so now \
             (cordon snapshots custody); tell the provider, and fetch the other items with --item"
        }
        Reason::TlpViolation => {
            "give a narrower --audience, write the rest of an export with --leave-out, or have the \
             incident marked anew: cordon incidents update --tlp, with a comment that says why"
        }
        Reason::InvalidDocument => "`cordon incidents import --help` says what is taken",
        Reason::InvalidProfile => "ask your administrator for a new profile",
        Reason::Internal => "give the reference to the provider: it is in the server's log",
        Reason::Unimplemented => "the server is older than this program",
        _ => return None,
    };
    Some(text.to_owned())
}

/// A line on stderr. What comes from elsewhere may hold control characters: they are shown.
pub(crate) fn note(text: &str) {
    // When stderr is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", visible(text));
}
