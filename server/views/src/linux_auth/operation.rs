//! What a line of an authentication log tells: a closed list of words.

use crate::row::Status;

/// OCSF's Process Activity.
pub(crate) const PROCESS_ACTIVITY: i32 = 1007;
/// OCSF's Account Change.
pub(crate) const ACCOUNT_CHANGE: i32 = 3001;
/// OCSF's Authentication.
pub(crate) const AUTHENTICATION: i32 = 3002;
/// OCSF's Group Management.
pub(crate) const GROUP_MANAGEMENT: i32 = 3006;

/// What was done, which is what the `operation` column says. Closed: users' filters compare
/// with these words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Somebody got in over SSH.
    SshLogin,
    /// Somebody did not get in over SSH, or tried too often.
    SshLoginFailed,
    /// One of several steps of a login over SSH was taken.
    SshLoginPending,
    /// Somebody tried a user that there is not over SSH.
    SshInvalidUser,
    /// The host's rules keep this user or address out.
    SshRefused,
    /// A connection to the SSH server was opened.
    SshConnect,
    /// A connection to the SSH server ended, with or without a login.
    SshDisconnect,
    /// What came over the connection was no SSH, or none that both ends speak.
    SshProtocolError,
    /// PAM refused somebody, whichever program asked.
    AuthFailed,
    /// PAM opened a session.
    SessionOpen,
    /// PAM closed a session.
    SessionClose,
    /// A command was run by sudo.
    SudoCommand,
    /// sudo did not run a command.
    SudoRefused,
    /// Somebody became somebody else by su.
    SuSwitch,
    /// Somebody did not become somebody else by su.
    SuFailed,
    /// Somebody got in at a terminal of the host.
    ConsoleLogin,
    /// Somebody did not get in at a terminal of the host.
    ConsoleLoginFailed,
    /// A user was made.
    AccountCreate,
    /// A user was changed otherwise than below.
    AccountChange,
    /// A user was deleted.
    AccountDelete,
    /// A password was changed.
    AccountPassword,
    /// A user was locked.
    AccountLock,
    /// A user was unlocked.
    AccountUnlock,
    /// A group was made.
    GroupCreate,
    /// A group was deleted.
    GroupDelete,
    /// Somebody was put in a group.
    GroupAddMember,
    /// Somebody was taken out of a group.
    GroupRemoveMember,
    /// Anything else that stands in such a log.
    Other,
}

impl Operation {
    /// The word in the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SshLogin => "ssh.login",
            Self::SshLoginFailed => "ssh.login_failed",
            Self::SshLoginPending => "ssh.login_pending",
            Self::SshInvalidUser => "ssh.invalid_user",
            Self::SshRefused => "ssh.refused",
            Self::SshConnect => "ssh.connect",
            Self::SshDisconnect => "ssh.disconnect",
            Self::SshProtocolError => "ssh.protocol_error",
            Self::AuthFailed => "auth.failed",
            Self::SessionOpen => "session.open",
            Self::SessionClose => "session.close",
            Self::SudoCommand => "sudo.command",
            Self::SudoRefused => "sudo.refused",
            Self::SuSwitch => "su.switch",
            Self::SuFailed => "su.failed",
            Self::ConsoleLogin => "console.login",
            Self::ConsoleLoginFailed => "console.login_failed",
            Self::AccountCreate => "account.create",
            Self::AccountChange => "account.change",
            Self::AccountDelete => "account.delete",
            Self::AccountPassword => "account.password",
            Self::AccountLock => "account.lock",
            Self::AccountUnlock => "account.unlock",
            Self::GroupCreate => "group.create",
            Self::GroupDelete => "group.delete",
            Self::GroupAddMember => "group.add_member",
            Self::GroupRemoveMember => "group.remove_member",
            Self::Other => "other",
        }
    }

    /// OCSF's class and activity. A line of which nothing is known is a Base Event.
    #[must_use]
    pub const fn class(self) -> (i32, i32) {
        match self {
            Self::SshLogin
            | Self::SshLoginFailed
            | Self::SshLoginPending
            | Self::SshInvalidUser
            | Self::SshRefused
            | Self::AuthFailed
            | Self::SessionOpen
            | Self::ConsoleLogin
            | Self::ConsoleLoginFailed => (AUTHENTICATION, 1),
            Self::SessionClose => (AUTHENTICATION, 2),
            Self::SuSwitch | Self::SuFailed => (AUTHENTICATION, 7),
            Self::SshConnect | Self::SshDisconnect | Self::SshProtocolError => (AUTHENTICATION, 99),
            Self::SudoCommand | Self::SudoRefused => (PROCESS_ACTIVITY, 1),
            Self::AccountCreate => (ACCOUNT_CHANGE, 1),
            Self::AccountPassword => (ACCOUNT_CHANGE, 3),
            Self::AccountDelete => (ACCOUNT_CHANGE, 6),
            Self::AccountLock => (ACCOUNT_CHANGE, 9),
            Self::AccountUnlock => (ACCOUNT_CHANGE, 12),
            Self::AccountChange => (ACCOUNT_CHANGE, 99),
            Self::GroupAddMember => (GROUP_MANAGEMENT, 3),
            Self::GroupRemoveMember => (GROUP_MANAGEMENT, 4),
            Self::GroupDelete => (GROUP_MANAGEMENT, 5),
            Self::GroupCreate => (GROUP_MANAGEMENT, 6),
            Self::Other => (0, 0),
        }
    }

    /// How it ended.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::SshLoginFailed
            | Self::SshInvalidUser
            | Self::SshRefused
            | Self::SshProtocolError
            | Self::AuthFailed
            | Self::SudoRefused
            | Self::SuFailed
            | Self::ConsoleLoginFailed => Status::Failure,
            Self::SshLoginPending | Self::SshConnect | Self::SshDisconnect | Self::Other => {
                Status::Unknown
            }
            _ => Status::Success,
        }
    }

    /// OCSF's severity: what failed is low, anything else informational.
    #[must_use]
    pub const fn severity(self) -> i32 {
        match self.status() {
            Status::Failure => 2,
            _ => 1,
        }
    }
}
