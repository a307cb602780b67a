//! The people's part of agreements: who does what, who is called, and when.

use std::collections::BTreeSet;

use cordon_proto::incidents as wire;
use cordon_sla::duties::{Contact, Duty, Escalation};

use super::agreement::{limit, span};
use super::clock::duration;
use super::words;
use crate::rooms::fields::Fields;

/// Most of each in an agreement.
const MAX_DUTIES: usize = 200;
const MAX_CONTACTS: usize = 100;
const MAX_ESCALATIONS: usize = 100;
/// Longest kind of task, name or address, and longest text of what is to be done, in characters.
const MAX_WORD: usize = 100;
const MAX_ASKS: usize = 1_000;

/// A text of one line, which may be empty.
fn line(fields: &mut Fields, field: String, text: &str, most: usize) -> String {
    let text = text.trim();
    if text.chars().count() > most || text.chars().any(char::is_control) {
        fields.wrong(
            field,
            format!("expected at most {most} characters in one line"),
        );
    }
    text.to_owned()
}

fn word<T>(fields: &mut Fields, field: String, word: Option<T>) -> Option<T> {
    if word.is_none() {
        fields.wrong(field, "expected one of the values of this field");
    }
    word
}

fn set<T: Ord>(
    fields: &mut Fields,
    field: &str,
    numbers: &[i32],
    from: impl Fn(i32) -> Option<T>,
) -> BTreeSet<T> {
    let numbers = numbers.iter().take(64);
    let words = numbers.filter_map(|number| word(fields, field.to_owned(), from(*number)));
    words.collect()
}

pub(super) fn duties(fields: &mut Fields, all: &[wire::Duty]) -> Vec<Duty> {
    limit(fields, "agreement.duties", all.len(), MAX_DUTIES);
    let mut duties = Vec::new();
    for (at, duty) in all.iter().take(MAX_DUTIES).enumerate() {
        let field = |name: &str| format!("agreement.duties[{at}].{name}");
        let task = line(fields, field("task"), &duty.task, MAX_WORD);
        let asks = line(fields, field("asks"), &duty.asks, MAX_ASKS);
        let responsible = words::responsible_from(duty.responsible);
        let responsible = word(fields, field("responsible"), responsible);
        let accountable = words::party_from(duty.accountable);
        let accountable = word(fields, field("accountable"), accountable);
        let consulted = set(
            fields,
            &field("consulted"),
            &duty.consulted,
            words::party_from,
        );
        let informed = set(
            fields,
            &field("informed"),
            &duty.informed,
            words::party_from,
        );
        let phases = set(fields, &field("phases"), &duty.phases, words::phase_from);
        if let Some((responsible, accountable)) = responsible.zip(accountable) {
            duties.push(Duty {
                task,
                asks,
                responsible,
                accountable,
                consulted,
                informed,
                phases,
            });
        }
    }
    duties
}

pub(super) fn contacts(fields: &mut Fields, all: &[wire::Contact]) -> Vec<Contact> {
    limit(fields, "agreement.contacts", all.len(), MAX_CONTACTS);
    let mut contacts = Vec::new();
    for (at, contact) in all.iter().take(MAX_CONTACTS).enumerate() {
        let field = |name: &str| format!("agreement.contacts[{at}].{name}");
        let mut text = |name: &str, text: &str| line(fields, field(name), text, MAX_WORD);
        let (id, name) = (text("id", &contact.id), text("name", &contact.name));
        let (role, mail) = (text("role", &contact.role), text("mail", &contact.mail));
        let phone = text("phone", &contact.phone);
        let party = words::party_from(contact.party);
        if let Some(party) = word(fields, field("party"), party) {
            contacts.push(Contact {
                id,
                party,
                name,
                role,
                mail,
                phone,
                hours: contact.hours.clone(),
            });
        }
    }
    contacts
}

pub(super) fn escalations(fields: &mut Fields, all: &[wire::Escalation]) -> Vec<Escalation> {
    limit(fields, "agreement.escalations", all.len(), MAX_ESCALATIONS);
    let mut escalations = Vec::new();
    for (at, step) in all.iter().take(MAX_ESCALATIONS).enumerate() {
        let field = |name: &str| format!("agreement.escalations[{at}].{name}");
        let party = words::party_from(step.party);
        let party = word(fields, field("party"), party);
        let severities = set(
            fields,
            &field("severities"),
            &step.severities,
            words::severity_from,
        );
        let after = span(fields, &field("after"), step.after);
        if let Some((party, after)) = party.zip(after) {
            escalations.push(Escalation {
                party,
                severities,
                after: after.unwrap_or_default(),
                hours: step.hours.clone(),
                contact: step.contact.clone(),
            });
        }
    }
    escalations
}

pub(super) fn shown_duty(duty: &Duty) -> wire::Duty {
    wire::Duty {
        task: duty.task.clone(),
        asks: duty.asks.clone(),
        responsible: words::responsible(duty.responsible),
        accountable: words::party(duty.accountable),
        consulted: duty.consulted.iter().copied().map(words::party).collect(),
        informed: duty.informed.iter().copied().map(words::party).collect(),
        phases: duty.phases.iter().copied().map(words::phase).collect(),
    }
}

pub(super) fn shown_escalation(step: &Escalation) -> wire::Escalation {
    wire::Escalation {
        party: words::party(step.party),
        severities: step
            .severities
            .iter()
            .copied()
            .map(words::severity)
            .collect(),
        after: Some(duration(step.after)),
        hours: step.hours.clone(),
        contact: step.contact.clone(),
    }
}
