//! The closed sets of words, as they are typed and as they are shown.

use clap::ValueEnum;
use cordon_client::{
    CloseCode, IncidentState, Party, Phase, Responsible, Severity, TaskState, Tlp,
};

macro_rules! words {
    (
        $(#[$doc:meta])*
        $arg:ident for $wire:ident, $shown:ident {
            $($(#[$word_doc:meta])* $word:ident = $text:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(crate) enum $arg { $($(#[$word_doc])* $word,)* }

        impl From<$arg> for $wire {
            fn from(word: $arg) -> Self {
                match word { $($arg::$word => Self::$word,)* }
            }
        }

        /// The word as JSON has it; empty for what is unset or not known.
        pub(crate) const fn $shown(word: $wire) -> &'static str {
            match word {
                $($wire::$word => $text,)*
                $wire::Unspecified => "",
            }
        }
    };
}

pub(crate) use words;

words! {
    /// How bad it is.
    SeverityArg for Severity, severity {
        /// Critical
        Sev1 = "SEV1",
        /// High
        Sev2 = "SEV2",
        /// Medium
        Sev3 = "SEV3",
        /// Low
        Sev4 = "SEV4",
    }
}

words! {
    /// Where its handling stands.
    PhaseArg for Phase, phase {
        /// Before anything has happened; where exercises begin
        Preparation = "PREPARATION",
        /// What it is
        Identification = "IDENTIFICATION",
        /// Keeping it from spreading
        Containment = "CONTAINMENT",
        /// How it came about and what it touched
        Investigation = "INVESTIGATION",
        /// Removing it
        Eradication = "ERADICATION",
        /// Back to service
        Recovery = "RECOVERY",
        /// What is to be learned
        FollowUp = "FOLLOW_UP",
    }
}

words! {
    /// Whether anything is still to be done.
    StateArg for IncidentState, state {
        /// Being handled
        Open = "OPEN",
        /// Done with
        Closed = "CLOSED",
    }
}

words! {
    /// How far it may be passed on: the Traffic Light Protocol, version 2.0.
    TlpArg for Tlp, tlp {
        /// To those named alone
        Red = "RED",
        /// Within the recipient's organization
        AmberStrict = "AMBER_STRICT",
        /// Within the recipient's organization and its clients
        Amber = "AMBER",
        /// Within the community
        Green = "GREEN",
        /// To anyone
        Clear = "CLEAR",
    }
}

words! {
    /// One of the two sides.
    PartyArg for Party, party {
        /// The tenant's people
        Customer = "CUSTOMER",
        /// The provider's staff
        Provider = "PROVIDER",
    }
}

words! {
    /// Who does a task.
    ResponsibleArg for Responsible, responsible {
        /// The tenant's people
        Customer = "CUSTOMER",
        /// The provider's staff
        Provider = "PROVIDER",
        /// Both together
        Shared = "SHARED",
    }
}

words! {
    /// Whether a task is still to be done.
    TaskStateArg for TaskState, task_state {
        /// To be done
        Open = "OPEN",
        /// Done
        Done = "DONE",
        /// Dropped
        Cancelled = "CANCELLED",
    }
}

words! {
    /// Why an incident is closed.
    CodeArg for CloseCode, code {
        /// Handled to the end: it has come to the follow-up
        Resolved = "RESOLVED",
        /// There was none
        FalsePositive = "FALSE_POSITIVE",
        /// It is another one
        Duplicate = "DUPLICATE",
        /// The risk is borne
        Accepted = "ACCEPTED",
    }
}

/// The word as people read it.
pub(crate) fn plain(word: &str) -> String {
    match word {
        "" => "unknown".to_owned(),
        word => word.to_lowercase().replace('_', " "),
    }
}

/// The same where there may be none.
pub(crate) fn plain_or_none(word: &str) -> String {
    match word {
        "" => String::new(),
        word => plain(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_typed_and_shown_alike() {
        for arg in PhaseArg::value_variants() {
            let typed = arg.to_possible_value().unwrap().get_name().to_owned();
            assert_eq!(typed.replace('-', " "), plain(phase((*arg).into())));
        }
        for arg in CodeArg::value_variants() {
            let typed = arg.to_possible_value().unwrap().get_name().to_owned();
            assert_eq!(typed.replace('-', " "), plain(code((*arg).into())));
        }
        for (arg, text) in [(SeverityArg::Sev1, "sev1"), (SeverityArg::Sev4, "sev4")] {
            assert_eq!(arg.to_possible_value().unwrap().get_name(), text);
            assert_eq!(plain(severity(arg.into())), text);
        }
        assert_eq!(tlp(TlpArg::AmberStrict.into()), "AMBER_STRICT");
        assert_eq!(party(Party::Unspecified), "");
        assert_eq!(plain(state(IncidentState::Unspecified)), "unknown");
        assert_eq!(plain_or_none(party(Party::Unspecified)), "");
    }
}
