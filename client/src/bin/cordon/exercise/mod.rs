//! `cordon exercise`.
//!
//! An exercise is an incident like any other, but for its mark: it can be told from the real thing
//! wherever it appears, and counts in no figures. What is injected is said to both sides when
//! whoever leads it says `next`; how far it has come is read from what was said.

mod scenario;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cordon_client::time::from_proto;
use cordon_client::{
    Client, Comment, Incident, IncidentFilter, IncidentState, NewTask, TaskState, time,
};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::SignedDuration;
use serde_json::{Value, json};

use self::scenario::{Scenario, Step};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::incidents::named;
use crate::incidents::page::titled;
use crate::incidents::which::{Which, which};
use crate::incidents::words::{phase, plain, state};
use crate::output::Form;
use crate::show::or_null;

const FORM: &str = r#"A scenario is a file in TOML; docs/exercises has two:

  title = "Access keys in a public repository"
  severity = "sev2"
  description = "What everybody knows at the start."

  [[steps]]
  phase = "preparation"
  after = "0s"
  inject = "What is said to both sides."
  expect = [{ action = "Look up who is on duty", responsible = "shared" }]

Steps stand by their phases and times. `next` says the next inject as a comment and adds what is
expected as tasks, once the incident has come to the step's phase and the time since the start is
reached. The two sides move, contain, sign off and close the incident with `cordon incidents`, as
they would a real one; nothing real is touched by the exercise itself. A drill counts in no service
level, so that the tenant's own people open it; staff who lead it name the tenant with --tenant and
say why with --justification."#;

/// What can be done with exercises.
#[derive(Debug, Args)]
#[command(after_help = FORM)]
pub(crate) struct Command {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Open a marked drill after a scenario, in the phase of preparation
    Start {
        /// The scenario's file
        #[arg(long, value_name = "FILE")]
        scenario: PathBuf,
    },
    /// The tenant's exercises, the one that was changed last first
    List {
        /// Those that are over, too
        #[arg(long)]
        closed: bool,
    },
    /// Say the next inject to both sides, and add what is expected as tasks
    Next {
        /// The exercise's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
        /// The scenario's file
        #[arg(long, value_name = "FILE")]
        scenario: PathBuf,
        /// Now, whatever the time since the start
        #[arg(long)]
        now: bool,
    },
    /// How far an exercise has come, what is expected, and what comes next
    Status {
        /// The exercise's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
        /// The scenario's file
        #[arg(long, value_name = "FILE")]
        scenario: PathBuf,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let Command { whose, verb } = command;
    match verb {
        Verb::Start { scenario } => {
            let scenario = scenario::read(&scenario)?;
            let incidents = context.client_of_tenant(&whose).await?.incidents();
            let incident = incidents.create(scenario.new).await?;
            note("this is an exercise: `cordon exercise next` says the first inject");
            context.output.one(&incident)
        }
        Verb::List { closed } => {
            let incidents = context.client_of_tenant(&whose).await?.incidents();
            let states = match closed {
                true => Vec::new(),
                false => vec![IncidentState::Open],
            };
            let filter = IncidentFilter {
                exercise: Some(true),
                states,
                ..IncidentFilter::default()
            };
            context.output.list(incidents.list(filter).boxed()).await
        }
        Verb::Next { id, scenario, now } => {
            let scenario = scenario::read(&scenario)?;
            let (client, name) = named(context, &whose, id).await?;
            let played = Played::read(&client, &name).await?;
            next(context, &client, &scenario, &played, now).await
        }
        Verb::Status { id, scenario } => {
            let scenario = scenario::read(&scenario)?;
            let (client, name) = named(context, &whose, id).await?;
            let played = Played::read(&client, &name).await?;
            status(context, &client, &scenario, &played).await
        }
    }
}

/// An exercise, and how many injects were said.
struct Played {
    incident: Incident,
    said: usize,
}

/// What the comment of an inject begins with.
fn mark(number: usize, of: usize) -> String {
    format!("[EXERCISE inject {number} of {of}]")
}

/// How many of the comments are injects: they are said one after the other.
fn said(comments: &[Comment]) -> usize {
    let numbers = comments.iter().filter_map(|comment| {
        let rest = comment.text.strip_prefix("[EXERCISE inject ")?;
        rest.split(' ').next()?.parse().ok()
    });
    numbers.max().unwrap_or(0)
}

impl Played {
    async fn read(client: &Client, name: &str) -> Result<Self, Failure> {
        let incidents = client.incidents();
        let incident = incidents.get(name).await?;
        if !incident.exercise {
            return Err(Failure::usage(format!(
                "incident #{} is no exercise: it is real",
                incident.number
            )));
        }
        let comments: Vec<Comment> = incidents.comments(name).try_collect().await?;
        Ok(Self {
            said: said(&comments),
            incident,
        })
    }

    /// How long it has been played.
    fn elapsed(&self) -> SignedDuration {
        let begun = self.incident.create_time.as_ref().and_then(from_proto);
        begun.map_or(SignedDuration::ZERO, |begun| {
            time::now().duration_since(begun)
        })
    }

    /// Why the step can't be taken yet, if it can't.
    fn hindered(&self, step: &Step, now: bool) -> Option<String> {
        let wait = step.after.saturating_sub(self.elapsed());
        if self.incident.state() != IncidentState::Open {
            Some("the exercise is over: its incident is closed".to_owned())
        } else if self.incident.phase() < step.phase {
            Some(format!(
                "the next inject belongs to the {} phase, and the exercise is in {}: move it first",
                plain(phase(step.phase)),
                plain(phase(self.incident.phase()))
            ))
        } else if wait.is_positive() && !now {
            let seconds = wait.as_secs();
            Some(format!(
                "the next inject comes in {}m {}s: wait, or give --now",
                seconds / 60,
                seconds % 60
            ))
        } else {
            None
        }
    }
}

async fn next(
    context: &Context,
    client: &Client,
    scenario: &Scenario,
    played: &Played,
    now: bool,
) -> Outcome {
    let of = scenario.steps.len();
    let Some(step) = scenario.steps.get(played.said) else {
        return Err(Failure::usage(format!(
            "all {of} injects were said: close the incident when its follow-up is done"
        )));
    };
    if let Some(why) = played.hindered(step, now) {
        return Err(Failure::usage(why));
    }
    let name = &played.incident.name;
    let number = played.said + 1;
    // Tasks first: who is broken off says `next` again, and an inject was said once at most.
    let tasks = client.tasks();
    let known: Vec<_> = tasks.list(name, &[]).try_collect().await?;
    for (action, responsible) in &step.expect {
        let description = format!("Expected in this exercise after inject {number}.");
        let there = known
            .iter()
            .any(|task| task.title == *action && task.description == description);
        if !there {
            let new = NewTask {
                title: action.clone(),
                description,
                responsible: Some(*responsible),
                ..NewTask::default()
            };
            tasks.add(name, new).await?;
        }
    }
    let text = format!("{}\n\n{}", mark(number, of), step.inject);
    context
        .output
        .one(&client.incidents().comment(name, &text).await?)
}

async fn status(
    context: &Context,
    client: &Client,
    scenario: &Scenario,
    played: &Played,
) -> Outcome {
    let incident = &played.incident;
    let tasks: Vec<_> = client
        .tasks()
        .list(&incident.name, &[])
        .try_collect()
        .await?;
    let open = tasks.iter().filter(|task| task.state() == TaskState::Open);
    let open: Vec<_> = open.map(|task| task.title.clone()).collect();
    let next = scenario.steps.get(played.said);
    let waits = next.and_then(|step| played.hindered(step, false));
    let minutes = played.elapsed().as_mins();
    if context.output.form() != Form::Table {
        return context.output.document(&json!({
            "name": incident.name,
            "number": incident.number,
            "title": incident.title,
            "exercise": true,
            "phase": or_null(phase(incident.phase()).to_owned()),
            "state": or_null(state(incident.state()).to_owned()),
            "elapsed_minutes": minutes,
            "injects_said": played.said,
            "injects": scenario.steps.len(),
            "next_phase": next.map_or(Value::Null, |step| or_null(phase(step.phase).to_owned())),
            "next_waits": waits,
            "tasks_open": open,
            "tasks": tasks.len(),
        }));
    }
    let comes = match (next, waits) {
        (None, _) => "nothing: all injects were said".to_owned(),
        (Some(step), None) => format!("inject of the {} phase: due", plain(phase(step.phase))),
        (Some(_), Some(why)) => why,
    };
    let done = tasks.len().saturating_sub(open.len());
    let pairs = [
        ("exercise", titled(true, &incident.title)),
        ("phase", plain(phase(incident.phase()))),
        ("state", plain(state(incident.state()))),
        ("runs for", format!("{minutes} minutes")),
        (
            "injects",
            format!("{} of {} said", played.said, scenario.steps.len()),
        ),
        ("comes next", comes),
        ("tasks", format!("{done} of {} ended", tasks.len())),
        ("expected", open.join("; ")),
    ];
    context.output.pairs(pairs.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_client::Phase;

    #[test]
    fn how_far_it_has_come_is_read_from_what_was_said() {
        let comment = |text: &str| Comment {
            text: text.to_owned(),
            ..Comment::default()
        };
        assert_eq!(said(&[comment("Which account?")]), 0);
        let comments = [
            comment(&mark(1, 7)),
            comment("[EXERCISE inject of mine"),
            comment(&format!("{}\n\nMore keys turn up.", mark(2, 7))),
        ];
        assert_eq!(said(&comments), 2);
    }

    #[test]
    fn a_step_waits_for_its_phase_and_its_time() {
        let played = |phase: Phase| Played {
            incident: Incident {
                state: IncidentState::Open.into(),
                phase: phase.into(),
                create_time: Some(time::to_proto(time::now())),
                exercise: true,
                ..Incident::default()
            },
            said: 0,
        };
        let step = Step {
            phase: Phase::Containment,
            after: SignedDuration::from_mins(10),
            inject: String::new(),
            expect: Vec::new(),
        };
        let why = played(Phase::Identification).hindered(&step, true);
        assert!(why.unwrap().contains("containment"));
        let why = played(Phase::Containment).hindered(&step, false);
        assert!(why.unwrap().contains("--now"));
        assert_eq!(played(Phase::Containment).hindered(&step, true), None);
        assert_eq!(played(Phase::Recovery).hindered(&step, true), None);
        let mut over = played(Phase::Recovery);
        over.incident.state = IncidentState::Closed.into();
        assert!(over.hindered(&step, true).unwrap().contains("over"));
    }
}
