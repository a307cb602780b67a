//! Why something did not arrive: a closed set, so that what a tenant reads of it says nothing about
//! the network that it was sent from.

/// Why something did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The URL is not one that anything is sent to.
    #[error("the URL is not acceptable")]
    Url,
    /// The name leads to an address that nothing is sent to.
    #[error("the address is not a public one")]
    Address,
    /// The name leads nowhere.
    #[error("the name does not resolve")]
    Unresolved,
    /// Nobody takes connections there.
    #[error("no connection")]
    Unreachable,
    /// The other side's certificate is not good, or it speaks no TLS.
    #[error("no trusted TLS connection")]
    Tls,
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The answer was a redirect, which is not followed.
    #[error("a redirect, which is not followed")]
    Redirected(u16),
    /// The answer was another status than one of success.
    #[error("status {0}")]
    Status(u16),
    /// What came back is not the protocol.
    #[error("the answer is not understood")]
    Broken,
    /// The relay refused the mail, with this code if it said one.
    #[error("the mail relay refused it")]
    Refused(u16),
    /// The provider has set up no mail.
    #[error("no mail relay is configured")]
    NoMail,
}

impl Failure {
    /// The word for it, as it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Address => "address",
            Self::Unresolved => "unresolved",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::TimedOut => "timed_out",
            Self::Redirected(_) => "redirected",
            Self::Status(_) => "status",
            Self::Broken => "broken",
            Self::Refused(_) => "mail_refused",
            Self::NoMail => "no_mail",
        }
    }

    /// The other side's code, where it gave one; else 0.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Redirected(code) | Self::Status(code) | Self::Refused(code) => code,
            _ => 0,
        }
    }

    /// Whether the other side has this one before it and will not take it, so that the same again is
    /// refused again. One that is down, busy or too slow refuses nothing. Nor does a relay that has no
    /// connection to give (52x) or wants another login (53x): that is no letter's fault.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        match self {
            Self::Status(408 | 425 | 429) => false,
            Self::Status(code) => matches!(code, 400..=499),
            Self::Refused(code) => matches!(code, 500..=519 | 540..=599),
            _ => false,
        }
    }

    /// Whether the other side says that nothing is taken there any more.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Status(410))
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn a_refusal_is_told_from_a_place_that_is_down() {
        let refusals = |of: fn(u16) -> Failure, codes: &[u16]| {
            let codes = codes.iter().copied();
            codes
                .filter(|code| of(*code).is_refusal())
                .collect::<Vec<_>>()
        };
        let statuses = [400, 401, 404, 408, 410, 422, 425, 429, 499, 500, 503];
        let refused = refusals(Failure::Status, &statuses);
        assert_eq!(refused, [400, 401, 404, 410, 422, 499]);
        let replies = [0, 421, 451, 501, 521, 530, 535, 550, 554];
        assert_eq!(refusals(Failure::Refused, &replies), [501, 550, 554]);
        for down in [
            Failure::Unreachable,
            Failure::TimedOut,
            Failure::Tls,
            Failure::Redirected(307),
            Failure::NoMail,
        ] {
            assert!(!down.is_refusal() && !down.is_gone(), "{down}");
        }
        assert!(Failure::Status(410).is_gone() && !Failure::Status(404).is_gone());
    }
}
