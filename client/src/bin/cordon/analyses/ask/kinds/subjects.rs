//! Questions about somebody or something: an event, an actor, a key, an address, a resource.

use std::time::Duration;

use clap::{ArgGroup, Args};
use cordon_client::analysis::{Question, RoleChain, Start, Subject, TimelineQuestion};
use jiff::{SignedDuration, Timestamp};

use super::super::super::words::{DirectionArg, SameArg};
use super::super::Read;
use super::ToQuestion;
use crate::events::check_event;
use crate::failure::Failure;
use crate::when;

/// `cordon analyses ask timeline`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("around_what").required(true).args(["around", "event"]))]
pub(in super::super::super) struct TimelineArgs {
    /// The time that it is around
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    around: Option<Timestamp>,
    /// The event that it is around: its full name, or the id in the last column of a search
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// How long before, up to 31d
    #[arg(long, value_name = "DURATION", value_parser = when::span, default_value = "1h")]
    before: SignedDuration,
    /// How long after, up to 31d
    #[arg(long, value_name = "DURATION", value_parser = when::span, default_value = "1h")]
    after: SignedDuration,
    /// What events must have in common with that event, one of these; all events, if not given
    #[arg(long, value_enum, value_delimiter = ',', conflicts_with = "around")]
    same: Vec<SameArg>,
}

impl ToQuestion for TimelineArgs {
    fn read(self) -> Result<Read, Failure> {
        let asked = match (self.around, self.event) {
            (Some(time), _) => TimelineQuestion::around_time(time),
            (None, Some(event)) => {
                check_event(&event)?;
                TimelineQuestion::around_event(event)
            }
            (None, None) => return Err(Failure::usage("give --around or --event")),
        };
        let length = |span: SignedDuration| -> Duration { span.unsigned_abs() };
        let asked = asked
            .before(length(self.before))
            .after(length(self.after))
            .same(self.same.into_iter().map(Into::into));
        Ok(Question::from(asked).into())
    }
}

/// `cordon analyses ask pivot`.
#[derive(Debug, Args)]
#[group(id = "pivot_on", required = true, multiple = false)]
pub(in super::super::super) struct PivotArgs {
    /// Who, as events have it; of a role's ARN, its sessions too
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Id of an access key, or the name of a service account's key
    #[arg(long, value_name = "KEY")]
    access_key: Option<String>,
    /// An address or a range of addresses, on either side
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Something that was acted on; of an instance's id, its role's sessions too
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
}

impl ToQuestion for PivotArgs {
    fn read(self) -> Result<Read, Failure> {
        let subject = (self.actor.map(Subject::Actor))
            .or(self.access_key.map(Subject::AccessKey))
            .or(self.address.map(Subject::Address))
            .or(self.resource.map(Subject::Resource));
        let subject = subject
            .ok_or_else(|| Failure::usage("give --actor, --access-key, --address or --resource"))?;
        Ok(Question::Pivot(subject).into())
    }
}

/// `cordon analyses ask role-chain`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("chain_from").required(true).args(["actor", "access_key", "role"]))]
pub(in super::super::super) struct RoleChainArgs {
    /// A user, a role's session, a service account or a service, as events have it
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Id of an access key
    #[arg(long, value_name = "KEY")]
    access_key: Option<String>,
    /// A role's ARN
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// How many steps at most, 1 to 8; 4, if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8))]
    hops: Option<u32>,
    /// Which way; both ways, if not given
    #[arg(long, value_enum)]
    direction: Option<DirectionArg>,
}

impl ToQuestion for RoleChainArgs {
    fn read(self) -> Result<Read, Failure> {
        let start = (self.actor.map(Start::Actor))
            .or(self.access_key.map(Start::AccessKey))
            .or(self.role.map(Start::Role));
        let start = start.ok_or_else(|| Failure::usage("give --actor, --access-key or --role"))?;
        let chain = RoleChain {
            direction: self.direction.map(Into::into).unwrap_or_default(),
            hops: self.hops,
            ..RoleChain::from(start)
        };
        Ok(Question::RoleChain(chain).into())
    }
}

/// `cordon analyses ask seen`.
#[derive(Debug, Args)]
#[group(id = "seen_what", required = true, multiple = true)]
pub(in super::super::super) struct SeenArgs {
    /// Who, as events have it; each of these may be repeated, 20 in all
    #[arg(long, value_name = "ACTOR")]
    actor: Vec<String>,
    /// Id of an access key, or the name of a service account's key
    #[arg(long, value_name = "KEY")]
    access_key: Vec<String>,
    /// An address or a range of addresses
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<String>,
    /// Something that was acted on
    #[arg(long, value_name = "RESOURCE")]
    resource: Vec<String>,
    /// An operation
    #[arg(long, value_name = "OPERATION")]
    operation: Vec<String>,
    /// A region
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// A user agent, as the record has it
    #[arg(long, value_name = "TEXT")]
    user_agent: Vec<String>,
    /// An account that is asked about; --account narrows the events
    #[arg(long, value_name = "ACCOUNT")]
    seen_account: Vec<String>,
}

impl ToQuestion for SeenArgs {
    fn read(self) -> Result<Read, Failure> {
        let all = |texts: Vec<String>, of: fn(String) -> Subject| texts.into_iter().map(of);
        let subjects = all(self.actor, Subject::Actor)
            .chain(all(self.access_key, Subject::AccessKey))
            .chain(all(self.address, Subject::Address))
            .chain(all(self.resource, Subject::Resource))
            .chain(all(self.operation, Subject::Operation))
            .chain(all(self.region, Subject::Region))
            .chain(all(self.user_agent, Subject::UserAgent))
            .chain(all(self.seen_account, Subject::Account));
        Ok(Question::Seen(subjects.collect()).into())
    }
}
