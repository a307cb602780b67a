//! What has to be in place before an incident, and what to do about what is not. Pure.

use cordon_kernel::ServiceId;
use cordon_sla::agreement::Agreement;
use cordon_sla::clock::Party;
use jiff::{SignedDuration, Timestamp};

use crate::rooms::catalogue::Logging;

/// Within which an event of a kind must have come, by its own time.
pub(super) const LOGGED_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long before its end an agreement wants another.
const AGREEMENT_ENDS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Within which an exercise must have been.
const EXERCISED_WITHIN: SignedDuration = SignedDuration::from_hours(365 * 24);

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Whether an account is the tenant's.
    pub(super) accounts: bool,
    pub(super) logging: Vec<Logging>,
    /// The one in force.
    pub(super) agreement: Option<Agreement>,
    /// How many look at events.
    pub(super) rules: usize,
    /// How many are named.
    pub(super) crown_jewels: i64,
    /// When the last one was opened.
    pub(super) exercise: Option<Timestamp>,
}

/// What has to be in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Check {
    Accounts,
    /// Of a service; of none when no service is registered.
    Logging(Option<ServiceId>),
    Agreement,
    Contacts,
    Rules,
    Context,
    Containment,
    Exercise,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Attention,
    Unknown,
}

/// One thing with how it stands, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) check: Check,
    pub(super) state: State,
    pub(super) reason: String,
    pub(super) action: String,
}

impl Item {
    fn ok(check: Check, reason: impl Into<String>) -> Self {
        Self::new(check, State::Ok, reason, "")
    }

    fn attention(check: Check, reason: impl Into<String>, action: impl Into<String>) -> Self {
        Self::new(check, State::Attention, reason, action)
    }

    fn new(
        check: Check,
        state: State,
        reason: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        Self {
            check,
            state,
            reason: reason.into(),
            action: action.into(),
        }
    }
}

/// All that has to be in place, in the order in which it is best done.
pub(super) fn items(found: &Found, now: Timestamp) -> Vec<Item> {
    let mut items = vec![accounts(found.accounts)];
    if found.logging.is_empty() {
        items.push(Item::new(
            Check::Logging(None),
            State::Unknown,
            "no service is registered that you use, so nobody can say what should be logged",
            "ask the provider to register the services that you use",
        ));
    }
    items.extend(found.logging.iter().map(logging));
    items.push(agreement(found.agreement.as_ref(), now));
    items.push(contacts(found.agreement.as_ref()));
    items.push(rules(found.rules));
    items.push(context(found.crown_jewels));
    items.push(Item::new(
        Check::Containment,
        State::Unknown,
        "this installation does not offer yet to authorise containment beforehand",
        "settle in the agreement's duties who may isolate what, and who is asked",
    ));
    items.push(exercise(found.exercise, now));
    items
}

fn accounts(held: bool) -> Item {
    match held {
        true => Item::ok(Check::Accounts, "cloud accounts are registered as yours"),
        false => Item::attention(
            Check::Accounts,
            "no cloud account is registered as yours, so no event comes to you",
            "ask the provider to register your accounts",
        ),
    }
}

fn logging(of: &Logging) -> Item {
    let check = Check::Logging(Some(of.service.clone()));
    let names = |kinds: &[cordon_attack::SourceType]| {
        let names: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
        names.join(", ")
    };
    if of.agreed.is_empty() {
        return Item::attention(
            check,
            "you read none of its records yourself",
            "ask the provider whether records of it can be delivered to you",
        );
    }
    if of.silent.is_empty() {
        let reason = format!("{} came within 7 days", names(&of.agreed));
        return Item::ok(check, reason);
    }
    let silent = names(&of.silent);
    Item::attention(
        check,
        format!("no event of {silent} came within 7 days"),
        format!("see that {silent} is switched on; if it is, ask the provider why nothing comes"),
    )
}

fn agreement(agreement: Option<&Agreement>, now: Timestamp) -> Item {
    let Some(agreement) = agreement else {
        return Item::attention(
            Check::Agreement,
            "no agreement is in force: nothing is promised about time",
            "agree with the provider on objectives, and have it enter them",
        );
    };
    let soon = now.checked_add(AGREEMENT_ENDS).unwrap_or(Timestamp::MAX);
    match agreement.validity().to {
        Some(end) if end <= soon => Item::attention(
            Check::Agreement,
            format!("the agreement ends at {end}"),
            "agree on the next one",
        ),
        _ if agreement.objectives().is_empty() => Item::attention(
            Check::Agreement,
            "the agreement in force has no objectives",
            "agree with the provider on what happens by when",
        ),
        _ => Item::ok(
            Check::Agreement,
            format!(
                "version {} is in force, with {} objectives",
                agreement.version(),
                agreement.objectives().len()
            ),
        ),
    }
}

fn contacts(agreement: Option<&Agreement>) -> Item {
    let has = |party: Party| {
        let mut contacts = agreement.iter().flat_map(|one| one.contacts());
        contacts.any(|contact| contact.party == party)
    };
    let mut missing = Vec::new();
    if !has(Party::Customer) {
        missing.push("contacts of yours");
    }
    if !has(Party::Provider) {
        missing.push("contacts of the provider's");
    }
    if agreement.is_none_or(|one| one.escalations().is_empty()) {
        missing.push("steps of escalation");
    }
    if missing.is_empty() {
        return Item::ok(
            Check::Contacts,
            "both sides can be called, and it is settled when",
        );
    }
    Item::attention(
        Check::Contacts,
        format!("the agreement in force has no {}", missing.join(", no ")),
        "have them entered with the next agreement",
    )
}

fn rules(enabled: usize) -> Item {
    match enabled {
        0 => Item::attention(
            Check::Rules,
            "no rule looks at your events",
            "add rules: cordon detect rules add",
        ),
        1 => Item::ok(Check::Rules, "1 rule looks at your events"),
        many => Item::ok(Check::Rules, format!("{many} rules look at your events")),
    }
}

/// Never anything to be done: what finds needs no context.
fn context(crown_jewels: i64) -> Item {
    match crown_jewels {
        0 => Item::new(
            Check::Context,
            State::Ok,
            "none is needed, and no crown jewel is named: findings about yours are as grave as any",
            "name yours if you like: cordon context assets add --crown-jewel",
        ),
        1 => Item::ok(Check::Context, "1 crown jewel is named"),
        many => Item::ok(Check::Context, format!("{many} crown jewels are named")),
    }
}

fn exercise(last: Option<Timestamp>, now: Timestamp) -> Item {
    let action = "play one through: cordon exercise";
    let Some(last) = last else {
        return Item::attention(Check::Exercise, "there was no exercise", action);
    };
    let reason = format!("the last exercise began at {last}");
    match now.duration_since(last) > EXERCISED_WITHIN {
        true => Item::attention(Check::Exercise, reason, action),
        false => Item::ok(Check::Exercise, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exercise_counts_for_a_year() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let later = |hours| at + SignedDuration::from_hours(hours);
        let told = |last, now| format!("{:?}", exercise(last, now));
        let over = told(Some(at), later(366 * 24));
        assert_eq!(
            over,
            format!(
                "{:?}",
                Item::attention(
                    Check::Exercise,
                    "the last exercise began at 2026-01-01T00:00:00Z",
                    "play one through: cordon exercise",
                )
            )
        );
        assert_ne!(told(Some(at), later(364 * 24)), over);
        assert!(told(None, at).contains("there was no exercise"));
    }
}
