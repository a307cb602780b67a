//! The people's part of an agreement as it is written into a file: who does what, who is called.

use cordon_client::{Contact, Duty, Escalation, Party, Phase, Responsible, Severity};
use serde::Deserialize;
use serde_json::{Value, json};

use super::amounts::{exact_span, span};
use super::draft::at;
use super::words;
use crate::incidents::words::{
    PartyArg, PhaseArg, ResponsibleArg, SeverityArg, party, phase, responsible, severity,
};
use crate::show::or_null;

/// A row of the matrix.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DutyDraft {
    task: String,
    #[serde(default)]
    asks: String,
    responsible: String,
    accountable: String,
    #[serde(default)]
    consulted: Vec<String>,
    #[serde(default)]
    informed: Vec<String>,
    #[serde(default)]
    phases: Vec<String>,
}

/// Somebody who can be called.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactDraft {
    id: String,
    party: String,
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    mail: String,
    #[serde(default)]
    phone: String,
    hours: String,
}

/// A step of an escalation path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EscalationDraft {
    party: String,
    #[serde(default)]
    severities: Vec<String>,
    after: String,
    hours: String,
    contact: String,
}

fn side(place: &str, text: &str) -> Result<Party, String> {
    at(place, words::read::<PartyArg>(text).map(Into::into))
}

fn all(
    place: &str,
    texts: &[String],
    read: impl Fn(&str) -> Result<i32, String>,
) -> Result<Vec<i32>, String> {
    let numbered = texts.iter().enumerate();
    let read = numbered.map(|(number, text)| at(format!("{place}[{number}]"), read(text)));
    read.collect()
}

fn party_number(text: &str) -> Result<i32, String> {
    words::read::<PartyArg>(text).map(|word| Party::from(word).into())
}

impl DutyDraft {
    pub(super) fn duty(&self, place: &str) -> Result<Duty, String> {
        let doer = words::read::<ResponsibleArg>(&self.responsible).map(Responsible::from);
        let phase_number =
            |text: &str| words::read::<PhaseArg>(text).map(|word| Phase::from(word).into());
        Ok(Duty {
            task: self.task.clone(),
            asks: self.asks.clone(),
            responsible: at(format!("{place}.responsible"), doer)?.into(),
            accountable: side(&format!("{place}.accountable"), &self.accountable)?.into(),
            consulted: all(&format!("{place}.consulted"), &self.consulted, party_number)?,
            informed: all(&format!("{place}.informed"), &self.informed, party_number)?,
            phases: all(&format!("{place}.phases"), &self.phases, phase_number)?,
        })
    }
}

impl ContactDraft {
    pub(super) fn contact(&self, place: &str) -> Result<Contact, String> {
        Ok(Contact {
            id: self.id.clone(),
            party: side(&format!("{place}.party"), &self.party)?.into(),
            name: self.name.clone(),
            role: self.role.clone(),
            mail: self.mail.clone(),
            phone: self.phone.clone(),
            hours: self.hours.clone(),
        })
    }
}

impl EscalationDraft {
    pub(super) fn step(&self, place: &str) -> Result<Escalation, String> {
        let severity_number =
            |text: &str| words::read::<SeverityArg>(text).map(|word| Severity::from(word).into());
        let severities = all(
            &format!("{place}.severities"),
            &self.severities,
            severity_number,
        )?;
        Ok(Escalation {
            party: side(&format!("{place}.party"), &self.party)?.into(),
            severities,
            after: Some(at(format!("{place}.after"), span(&self.after))?),
            hours: self.hours.clone(),
            contact: self.contact.clone(),
        })
    }
}

pub(super) fn duty_json(duty: &Duty) -> Value {
    let parties = |parties: &mut dyn Iterator<Item = Party>| parties.map(party).collect::<Vec<_>>();
    json!({
        "task": duty.task,
        "asks": or_null(duty.asks.clone()),
        "responsible": or_null(responsible(duty.responsible()).to_owned()),
        "accountable": or_null(party(duty.accountable()).to_owned()),
        "consulted": parties(&mut duty.consulted()),
        "informed": parties(&mut duty.informed()),
        "phases": duty.phases().map(phase).collect::<Vec<_>>(),
    })
}

pub(super) fn escalation_json(step: &Escalation) -> Value {
    json!({
        "party": or_null(party(step.party()).to_owned()),
        "severities": step.severities().map(severity).collect::<Vec<_>>(),
        "after": or_null(step.after.as_ref().map_or_else(String::new, exact_span)),
        "hours": step.hours,
        "contact": step.contact,
    })
}
