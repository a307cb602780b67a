//! What can be wrong with a manifest.

use std::collections::BTreeSet;

use super::{Item, MAX_ITEMS, MAX_LIST, Manifest, Person, VERSION};
use crate::content::ContentProblem;
use crate::names::{NameProblem, check_name, is_text};
use crate::problems::{Looking, Problems};

/// What is wrong with a field of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestProblem {
    /// The version is another.
    #[error("only version 1 is known here")]
    Version,
    /// The text is empty, too long, or hides something.
    #[error("a text is one line of 1 to 1024 bytes without control characters")]
    Text,
    /// The list is too long.
    #[error("there are more than can be here")]
    TooMany,
    /// Nothing was taken.
    #[error("a snapshot has one item at least")]
    NoItems,
    /// The end lies before the beginning.
    #[error("it ended before it began")]
    Order,
    /// The item was taken at another time than the snapshot.
    #[error("the item was taken outside the time of the snapshot")]
    Outside,
    /// A clock's error is no span of time.
    #[error("an error is not negative")]
    ClockError,
    /// What was reached is not the least that the items have.
    #[error("what was reached is the least of what the items have")]
    Reached,
    /// There is a shortfall and nobody says why, or the reverse.
    #[error("a reason is given where less was reached than asked for, and only there")]
    Shortfall,
    /// The item's name can't be one.
    #[error(transparent)]
    Name(NameProblem),
    /// Two items have names that some system takes for one.
    #[error("another item has this name, apart from small and capital letters")]
    NameTwice,
    /// The item's sizes, holes or ranges can't be.
    #[error(transparent)]
    Content(ContentProblem),
}

use ManifestProblem as P;

pub(super) fn at(manifest: &Manifest) -> Result<(), Problems<P>> {
    let mut looking = Looking::new();
    looking.refuse_if(manifest.version != VERSION, "version", P::Version);
    text(&mut looking, "snapshot", &manifest.snapshot);
    text(&mut looking, "machine.id", &manifest.machine.id);
    optional(&mut looking, "machine.host", manifest.machine.host.as_ref());
    text(&mut looking, "purpose", &manifest.purpose);
    optional(&mut looking, "incident", manifest.incident.as_ref());
    person(&mut looking, "asked_by", &manifest.asked_by);
    list(&mut looking, "approved_by", &manifest.approved_by, person);
    person(&mut looking, "taken_by", &manifest.taken_by);
    let ends = manifest.ended >= manifest.began;
    looking.refuse_if(!ends, "ended", P::Order);
    text(&mut looking, "clock.source", &manifest.clock.source);
    let negative = manifest
        .clock
        .error
        .is_some_and(|error| error.is_negative());
    looking.refuse_if(negative, "clock.error", P::ClockError);
    text(&mut looking, "method.driver", &manifest.method.driver);
    list(
        &mut looking,
        "method.steps",
        &manifest.method.steps,
        |looking, field, step| {
            text(looking, field, step);
        },
    );
    list(
        &mut looking,
        "tools",
        &manifest.tools,
        |looking, field, tool| {
            text(looking, &format!("{field}.name"), &tool.name);
            text(looking, &format!("{field}.version"), &tool.version);
        },
    );
    consistency(&mut looking, manifest);
    items(&mut looking, manifest);
    list(
        &mut looking,
        "missing",
        &manifest.missing,
        |looking, field, missing| {
            text(looking, &format!("{field}.source"), &missing.source);
            text(looking, &format!("{field}.reason"), &missing.reason);
        },
    );
    looking.end()
}

fn text(looking: &mut Looking<P>, field: &str, text: &str) {
    looking.refuse_if(!is_text(text), field, P::Text);
}

fn optional(looking: &mut Looking<P>, field: &str, of: Option<&String>) {
    if let Some(of) = of {
        text(looking, field, of);
    }
}

fn person(looking: &mut Looking<P>, field: &str, person: &Person) {
    text(looking, &format!("{field}.name"), &person.name);
    text(looking, &format!("{field}.party"), &person.party);
}

fn list<T>(
    looking: &mut Looking<P>,
    field: &str,
    entries: &[T],
    check: impl Fn(&mut Looking<P>, &str, &T),
) {
    looking.refuse_if(entries.len() > MAX_LIST, field, P::TooMany);
    for (index, entry) in entries.iter().take(MAX_LIST).enumerate() {
        check(looking, &format!("{field}[{index}]"), entry);
    }
}

fn consistency(looking: &mut Looking<P>, manifest: &Manifest) {
    let of = &manifest.consistency;
    let least = manifest.items.iter().map(|item| item.reached).min();
    let other = least.is_some_and(|least| least != of.reached);
    looking.refuse_if(other, "consistency.reached", P::Reached);
    let told = of.shortfall.is_some() == (of.reached < of.asked);
    looking.refuse_if(!told, "consistency.shortfall", P::Shortfall);
    optional(looking, "consistency.shortfall", of.shortfall.as_ref());
}

fn items(looking: &mut Looking<P>, manifest: &Manifest) {
    looking.refuse_if(manifest.items.is_empty(), "items", P::NoItems);
    looking.refuse_if(manifest.items.len() > MAX_ITEMS, "items", P::TooMany);
    let mut names = BTreeSet::new();
    for (index, item) in manifest.items.iter().take(MAX_ITEMS).enumerate() {
        let field = |name: &str| format!("items[{index}].{name}");
        if let Err(problem) = check_name(&item.name) {
            looking.add(field("name"), P::Name(problem));
        }
        let twice = !names.insert(item.name.to_ascii_lowercase());
        looking.refuse_if(twice, field("name"), P::NameTwice);
        text(looking, &field("source"), &item.source);
        looking.refuse_if(item.ended < item.began, field("ended"), P::Order);
        looking.refuse_if(outside(item, manifest), field("began"), P::Outside);
        for problem in item.content.problems() {
            looking.add(field("content"), P::Content(problem));
        }
    }
}

fn outside(item: &Item, manifest: &Manifest) -> bool {
    item.began < manifest.began || item.ended > manifest.ended
}
