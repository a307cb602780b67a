//! `cordon incidents task` and `cordon incidents contacts`.

use clap::Subcommand;
use cordon_client::{
    Client, Contact, DutyContact, EscalationStep, NewTask, Party, Responsible, Task, TaskState,
};
use serde_json::{Value, json};

use super::prose;
use super::show::moment;
use super::timeline::{actor_json, who};
use super::which::{Which, which};
use super::words::{
    ResponsibleArg, TaskStateArg, party, phase, plain, plain_or_none, responsible, task_state,
};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::output::{Form, Row};
use crate::show::{or_null, time_json};

/// What can be done with tasks.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// An incident's tasks, whose they are now, and what is waited for
    List {
        /// The incident's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
        /// Of this state alone; may be repeated
        #[arg(long, value_enum)]
        state: Vec<TaskStateArg>,
    },
    /// One task, and every hand-over of it
    Show {
        /// Its full name, as `list` shows it
        name: String,
    },
    /// Add a task to an incident
    Add {
        /// The incident's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
        /// What is to be done, in one line; the kind, if not given
        #[arg(default_value = "")]
        title: String,
        /// The kind by which the agreement knows it
        #[arg(long, default_value = "")]
        kind: String,
        /// Whose it is; needed where the agreement does not say
        #[arg(long, value_enum)]
        responsible: Option<ResponsibleArg>,
        /// What there is to know: the text, `@FILE`, or `-` for stdin
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// Hand a task over
    HandOver {
        /// Its full name
        name: String,
        /// To whom
        #[arg(value_enum)]
        to: ResponsibleArg,
        /// What is asked for
        #[arg(long)]
        reason: String,
    },
    /// Say that a task is done
    Done {
        /// Its full name
        name: String,
        /// What came of it
        #[arg(long, default_value = "")]
        outcome: String,
    },
    /// Drop a task
    Cancel {
        /// Its full name
        name: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Take up again what was done or dropped
    Reopen {
        /// Its full name
        name: String,
        /// Why, and what is still to be done
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Command) -> Outcome {
    let output = &context.output;
    let tasks = match &command {
        Command::List { .. } | Command::Add { .. } => None,
        Command::Show { name }
        | Command::HandOver { name, .. }
        | Command::Done { name, .. }
        | Command::Cancel { name, .. }
        | Command::Reopen { name, .. } => {
            if !name.contains("/tasks/") {
                return Err(Failure::usage(format!(
                    "`{name}` is no task's full name, as in tenants/acme/incidents/…/tasks/…; \
                     `cordon incidents task list` has it"
                )));
            }
            Some(context.client_for(whose).await?.tasks())
        }
    };
    match (command, tasks) {
        (Command::List { id, state }, _) => {
            let (client, name) = super::named(context, whose, id).await?;
            let states: Vec<TaskState> = state.into_iter().map(Into::into).collect();
            output.list(client.tasks().list(&name, &states)).await
        }
        (
            Command::Add {
                id,
                title,
                kind,
                responsible,
                description,
            },
            _,
        ) => {
            let new = NewTask {
                kind,
                title,
                description: prose::read_or_file(description)?,
                responsible: responsible.map(Responsible::from),
            };
            let (client, name) = super::named(context, whose, id).await?;
            output.one(&client.tasks().add(&name, new).await?)
        }
        (Command::Show { name }, Some(tasks)) => output.one(&tasks.get(&name).await?),
        (Command::HandOver { name, to, reason }, Some(tasks)) => {
            output.one(&tasks.hand_over(&name, to.into(), &reason, "").await?)
        }
        (Command::Done { name, outcome }, Some(tasks)) => {
            output.one(&tasks.complete(&name, &outcome, "").await?)
        }
        (Command::Cancel { name, reason }, Some(tasks)) => {
            output.one(&tasks.cancel(&name, &reason, "").await?)
        }
        (Command::Reopen { name, reason }, Some(tasks)) => {
            output.one(&tasks.reopen(&name, &reason, "").await?)
        }
        (_, None) => Err(Failure::usage("a task is named by its full name")),
    }
}

/// Shows whom to call.
pub(super) async fn contacts(context: &Context, client: &Client, name: &str) -> Outcome {
    let output = &context.output;
    let found = client.tasks().contacts(name).await?;
    if output.form() != Form::Table {
        let contacts: Vec<_> = found.contacts.iter().map(Row::json).collect();
        let steps: Vec<_> = found.escalation_steps.iter().map(Row::json).collect();
        return output.document(&json!({
            "contacts": contacts,
            "escalation_steps": steps,
            "pending_since_time": time_json(found.pending_since_time.as_ref()),
            "as_of_time": time_json(found.as_of_time.as_ref()),
            "agreement": or_null(found.agreement),
        }));
    }
    if found.agreement.is_empty() {
        note("no agreement is in force: nobody has said whom to call");
        return Ok(());
    }
    let rows = found.contacts.iter().map(Row::cells).collect();
    output.table(DutyContact::HEAD, rows)?;
    if !found.escalation_steps.is_empty() {
        output.text("")?;
        let rows = found.escalation_steps.iter().map(Row::cells).collect();
        output.table(EscalationStep::HEAD, rows)?;
    }
    note(&format!(
        "as of {}, by {}",
        moment(found.as_of_time.as_ref()),
        found.agreement
    ));
    Ok(())
}

fn parties(numbers: impl Iterator<Item = Party>) -> Vec<&'static str> {
    numbers.map(party).collect()
}

impl Row for Task {
    const HEAD: &'static [&'static str] = &[
        "title",
        "state",
        "responsible",
        "accountable",
        "waits for",
        "since",
        "phase",
        "name",
    ];

    fn cells(&self) -> Vec<String> {
        let pending = self.pending_action.as_ref();
        let since = pending.and_then(|pending| pending.since_time.as_ref());
        vec![
            self.title.clone(),
            plain(task_state(self.state())),
            plain(responsible(self.responsible())),
            plain_or_none(party(self.accountable())),
            pending.map_or_else(|| self.outcome.clone(), |pending| pending.text.clone()),
            moment(since.or(self.end_time.as_ref())),
            plain_or_none(phase(self.phase())),
            self.name.clone(),
        ]
    }

    fn json(&self) -> Value {
        let pending = self.pending_action.as_ref().map_or(Value::Null, |pending| {
            json!({
                "responsible": or_null(responsible(pending.responsible()).to_owned()),
                "text": pending.text,
                "since_time": time_json(pending.since_time.as_ref()),
            })
        });
        let hand_overs: Vec<_> = self
            .hand_overs
            .iter()
            .map(|one| {
                json!({
                    "to": or_null(responsible(one.to()).to_owned()),
                    "reason": one.reason,
                    "actor": actor_json(one.actor.as_ref()),
                    "time": time_json(one.time.as_ref()),
                })
            })
            .collect();
        json!({
            "name": self.name,
            "kind": or_null(self.kind.clone()),
            "title": self.title,
            "description": or_null(self.description.clone()),
            "phase": or_null(phase(self.phase()).to_owned()),
            "state": or_null(task_state(self.state()).to_owned()),
            "responsible": or_null(responsible(self.responsible()).to_owned()),
            "accountable": or_null(party(self.accountable()).to_owned()),
            "consulted": parties(self.consulted()),
            "informed": parties(self.informed()),
            "pending_action": pending,
            "hand_overs": hand_overs,
            "created_by": actor_json(self.created_by.as_ref()),
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "end_time": time_json(self.end_time.as_ref()),
            "ended_by": actor_json(self.ended_by.as_ref()),
            "outcome": or_null(self.outcome.clone()),
            "etag": self.etag,
        })
    }
}

/// An incident's tasks as lines of its page: whose it is, and what is waited for.
pub(super) fn lines(tasks: &[Task]) -> Vec<String> {
    let line = |task: &Task| {
        let mut said = format!("{}: {}", plain(task_state(task.state())), task.title);
        if let Some(pending) = &task.pending_action {
            let from = match pending.responsible() {
                Responsible::Shared => "both sides".to_owned(),
                one => format!("the {}", plain(responsible(one))),
            };
            said.push_str(&format!(", waits for {from}"));
            if pending.text != task.title {
                said.push_str(&format!(": {}", pending.text));
            }
        } else {
            said.push_str(&format!(", by {}", who(task.ended_by.as_ref())));
        }
        prose::laid_out(&crate::text::cell(&said), 2, 6)
    };
    tasks.iter().flat_map(line).collect()
}

impl Row for DutyContact {
    const HEAD: &'static [&'static str] = &["side", "name", "role", "mail", "phone", "on duty"];

    fn cells(&self) -> Vec<String> {
        let contact = self.contact.clone().unwrap_or_default();
        let on_duty = match (self.on_duty, &self.next_time) {
            (true, _) => "now".to_owned(),
            (false, None) => "never".to_owned(),
            (false, next) => format!("from {}", moment(next.as_ref())),
        };
        vec![
            plain(party(contact.party())),
            contact.name,
            contact.role,
            contact.mail,
            contact.phone,
            on_duty,
        ]
    }

    fn json(&self) -> Value {
        json!({
            "contact": contact_json(self.contact.as_ref()),
            "on_duty": self.on_duty,
            "next_time": time_json(self.next_time.as_ref()),
        })
    }
}

pub(crate) fn contact_json(contact: Option<&Contact>) -> Value {
    match contact {
        None => Value::Null,
        Some(contact) => json!({
            "id": contact.id,
            "party": or_null(party(contact.party()).to_owned()),
            "name": contact.name,
            "role": or_null(contact.role.clone()),
            "mail": or_null(contact.mail.clone()),
            "phone": or_null(contact.phone.clone()),
            "hours": contact.hours,
        }),
    }
}

impl Row for EscalationStep {
    const HEAD: &'static [&'static str] = &["escalation", "when", "call", "role", "mail", "phone"];

    fn cells(&self) -> Vec<String> {
        let contact = self.contact.clone().unwrap_or_default();
        let reached = if self.reached { "reached" } else { "to come" };
        vec![
            reached.to_owned(),
            moment(self.time.as_ref()),
            contact.name,
            contact.role,
            contact.mail,
            contact.phone,
        ]
    }

    fn json(&self) -> Value {
        json!({
            "contact": contact_json(self.contact.as_ref()),
            "after_seconds": self.after.as_ref().map(|after| after.seconds),
            "time": time_json(self.time.as_ref()),
            "reached": self.reached,
        })
    }
}
