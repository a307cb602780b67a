//! The report from what is known: nothing is added to it.

use std::collections::HashMap;

use cordon_proto::incidents::attachment::State as AttachmentState;
use cordon_proto::incidents::incident::State as IncidentState;
use cordon_proto::incidents::task::State as TaskState;
use cordon_proto::incidents::timeline_entry::What as TimelineWhat;
use cordon_proto::incidents::{Attachment, Comment, Incident, Responsible, Task, TimelineEntry};
use cordon_proto::sla::{
    Clock, ObjectiveKind, ReportingDeadline, ReportingDuty, ReportingStage, Stretch,
};
use jiff::Timestamp;

use super::model::{
    self as page, Criterion, CustodyStep, Deadline, Evidence, HandOver, Happening, IncidentReport,
    Lesson, Person, PhaseSpan, Responsibility, Revision,
};
use super::wire::{
    Result, code, moment, moment_if, number, party, person, phase, severity, sign_off, span, state,
    tlp, unreadable,
};
use super::words::{named, named_or_none, promise, second, what};

/// The kind of a task that says what is to be done otherwise.
pub const LESSON: &str = "lesson";

/// All that is known of an incident at one moment.
#[derive(Debug, Default, Clone)]
pub struct Story {
    /// The incident.
    pub incident: Incident,
    /// All that was said to both sides, oldest first.
    pub comments: Vec<Comment>,
    /// All that happened, in order.
    pub timeline: Vec<TimelineEntry>,
    /// Its clocks.
    pub clocks: Vec<Clock>,
    /// Its deadlines of the law.
    pub deadlines: Vec<ReportingDeadline>,
    /// All its tasks, oldest first.
    pub tasks: Vec<Task>,
    /// All its files for both sides, oldest first.
    pub attachments: Vec<Attachment>,
    /// The moment.
    pub as_of: Timestamp,
}

/// The report of an incident: nothing is added to what is known.
///
/// # Errors
/// When something is of a kind that is not known here, or is missing: a report that leaves it out
/// would be wrong.
pub fn report(story: &Story) -> Result<IncidentReport> {
    let incident = &story.incident;
    let (tenant, id) = names(&incident.name)?;
    let comments = story.comments.iter();
    let said: Said<'_> = comments.map(|one| (&*one.name, &*one.text)).collect();
    let closed = incident.state() == IncidentState::Closed;
    Ok(IncidentReport {
        tenant: tenant.to_owned(),
        incident: id.to_owned(),
        number: number(incident.number, "number")?,
        as_of: story.as_of,
        tlp: tlp(incident.tlp())?,
        drill: incident.exercise,
        title: incident.title.clone(),
        description: incident.description.clone(),
        severity: severity(incident.severity())?,
        phase: phase(incident.phase())?,
        opened: moment(incident.create_time.as_ref(), "time of opening")?,
        opened_by: person(incident.opened_by.as_ref(), "name of who opened it")?,
        acknowledged: moment_if(incident.acknowledge_time.as_ref(), "time of taking note")?,
        closed: match closed {
            true => Some(moment(incident.close_time.as_ref(), "time of closing")?),
            false => None,
        },
        code: match closed {
            true => Some(code(incident.close_code())?),
            false => None,
        },
        phases: phases(&story.timeline)?,
        timeline: each(&story.timeline, |entry| happening(entry, &said))?,
        clocks: each(&story.clocks, clock)?,
        deadlines: each(&story.deadlines, deadline)?,
        responsibilities: responsibilities(&story.tasks)?,
        hand_overs: hand_overs(&story.timeline)?,
        criteria: criteria(incident)?,
        evidence: evidence(&story.attachments)?,
        actions: Vec::new(),
        key_deletions: Vec::new(),
        comments: each(&story.comments, comment)?,
        lessons: lessons(&story.tasks)?,
    })
}

fn each<T, U>(all: &[T], one: impl Fn(&T) -> Result<U>) -> Result<Vec<U>> {
    all.iter().map(one).collect()
}

/// The ids of the tenant and of the incident.
fn names(name: &str) -> Result<(&str, &str)> {
    let parts: Vec<_> = name.split('/').collect();
    match parts.as_slice() {
        ["tenants", tenant, "incidents", incident] => Ok((tenant, incident)),
        _ => Err(unreadable("name of the incident")),
    }
}

/// Texts of comments by their names.
type Said<'a> = HashMap<&'a str, &'a str>;

/// Most characters of a comment that the timeline quotes.
const QUOTED: usize = 80;

fn happening(entry: &TimelineEntry, comments: &Said<'_>) -> Result<Happening> {
    if entry.what.is_none() {
        return Err(unreadable(&format!(
            "kind of entry {} of the timeline",
            entry.sequence
        )));
    }
    Ok(Happening {
        sequence: number(entry.sequence, "number of an entry")?,
        time: moment(entry.time.as_ref(), "time of an entry")?,
        actor: person(entry.actor.as_ref(), "name of who did something")?,
        what: quoted(entry, comments).unwrap_or_else(|| what(entry.what.as_ref())),
        reason: entry.reason.clone(),
    })
}

/// That something was said, with how it begins now.
fn quoted(entry: &TimelineEntry, comments: &Said<'_>) -> Option<String> {
    let (verb, name) = match entry.what.as_ref()? {
        TimelineWhat::Commented(commented) => ("said", &commented.comment),
        TimelineWhat::CommentUpdated(updated) => ("changed what was said", &updated.comment),
        _ => return None,
    };
    let mut characters = comments.get(name.as_str())?.chars();
    let mut text: String = characters.by_ref().take(QUOTED).collect();
    if characters.next().is_some() {
        text.push('…');
    }
    Some(format!("{verb}: {text}"))
}

/// The phases that were gone through while it was open.
fn phases(timeline: &[TimelineEntry]) -> Result<Vec<PhaseSpan>> {
    let mut spans: Vec<PhaseSpan> = Vec::new();
    // The one that it is in, or was closed in.
    let mut last = None;
    for entry in timeline {
        let begins = match &entry.what {
            Some(TimelineWhat::Opened(opened)) => Some(phase(opened.phase())?),
            Some(TimelineWhat::Moved(moved)) => Some(phase(moved.to())?),
            Some(TimelineWhat::Imported(imported)) => {
                let brought = phase(imported.phase())?;
                last = Some(brought);
                // Nobody here knows since when a closed one had been in its phase.
                (imported.state() == IncidentState::Open).then_some(brought)
            }
            Some(TimelineWhat::Reopened(_)) => last,
            Some(TimelineWhat::Closed(_)) => None,
            _ => continue,
        };
        let at = moment(entry.time.as_ref(), "time of an entry")?;
        if let Some(span) = spans.last_mut() {
            span.to = span.to.or(Some(at));
        }
        if let Some(phase) = begins {
            spans.push(PhaseSpan {
                phase,
                from: at,
                to: None,
            });
            last = Some(phase);
        }
    }
    Ok(spans)
}

fn hand_overs(timeline: &[TimelineEntry]) -> Result<Vec<HandOver>> {
    let found = timeline.iter().filter_map(|entry| match &entry.what {
        Some(TimelineWhat::HandedOver(handed_over)) => Some((entry, handed_over)),
        _ => None,
    });
    let told = found.map(|(entry, handed_over)| {
        Ok(HandOver {
            time: moment(entry.time.as_ref(), "time of a hand-over")?,
            by: person(entry.actor.as_ref(), "name of who handed it over")?,
            to: party(handed_over.to())?,
            reason: entry.reason.clone(),
        })
    });
    told.collect()
}

fn clock(clock: &Clock) -> Result<page::Clock> {
    if clock.kind() == ObjectiveKind::Unspecified {
        return Err(unreadable("kind of a clock"));
    }
    Ok(page::Clock {
        what: promise(clock.kind(), &clock.request, clock.interval),
        severity: severity(clock.severity())?,
        state: state(clock.state())?,
        started: moment(clock.start_time.as_ref(), "start of a clock")?,
        due: moment_if(clock.due_time.as_ref(), "due time of a clock")?,
        stopped: moment_if(clock.stop_time.as_ref(), "end of a clock")?,
        allowed: span(clock.allowed.as_ref(), "time that is allowed")?,
        spent: span(clock.spent.as_ref(), "time of the provider")?,
        paused: span(clock.paused.as_ref(), "time of the customer")?,
        stretches: each(&clock.stretches, stretch)?,
        entries: each(&clock.timeline_entries, |name| {
            let number = name.rsplit('/').next().and_then(|last| last.parse().ok());
            number.ok_or_else(|| unreadable("entry that a clock rests on"))
        })?,
    })
}

fn stretch(stretch: &Stretch) -> Result<page::Stretch> {
    Ok(page::Stretch {
        party: party(stretch.party())?,
        from: moment(stretch.start_time.as_ref(), "start of a stretch")?,
        to: moment(stretch.end_time.as_ref(), "end of a stretch")?,
    })
}

fn deadline(deadline: &ReportingDeadline) -> Result<Deadline> {
    let (whose, asks) = (deadline.duty(), deadline.stage());
    if whose == ReportingDuty::Unspecified || asks == ReportingStage::Unspecified {
        return Err(unreadable("kind of a deadline"));
    }
    Ok(Deadline {
        law: format!("{}, {}", deadline.law, deadline.article),
        duty: format!("{}: {}", named(whose), named(asks)),
        started: moment_if(deadline.start_time.as_ref(), "start of a deadline")?,
        due: moment_if(deadline.due_time.as_ref(), "due time of a deadline")?,
        done: moment_if(deadline.submit_time.as_ref(), "time of a submission")?,
    })
}

/// Who stands for each task. Nobody does for one that was dropped; the timeline tells of it.
fn responsibilities(tasks: &[Task]) -> Result<Vec<Responsibility>> {
    kept(tasks)
        .filter(|task| task.kind != LESSON)
        .map(|task| {
            Ok(Responsibility {
                task: match task.title.is_empty() {
                    true => task.kind.clone(),
                    false => task.title.clone(),
                },
                responsible: side(task)?,
                accountable: named_or_none(task.accountable()),
                consulted: sides(task.consulted()),
                informed: sides(task.informed()),
            })
        })
        .collect()
}

/// What is to be done otherwise: the tasks of the kind [`LESSON`].
fn lessons(tasks: &[Task]) -> Result<Vec<Lesson>> {
    let lessons = kept(tasks).filter(|task| task.kind == LESSON);
    lessons
        .map(|task| {
            Ok(Lesson {
                text: task.title.clone(),
                owner: side(task)?,
                done: match task.state() {
                    TaskState::Done => moment_if(task.end_time.as_ref(), "time of a task's end")?,
                    _ => None,
                },
            })
        })
        .collect()
}

fn kept(tasks: &[Task]) -> impl Iterator<Item = &Task> {
    tasks
        .iter()
        .filter(|task| task.state() != TaskState::Cancelled)
}

/// Whose task it is.
fn side(task: &Task) -> Result<String> {
    match task.responsible() {
        Responsible::Unspecified => Err(unreadable("side that has a task")),
        Responsible::Shared => Ok("both sides".to_owned()),
        one => Ok(named(one)),
    }
}

fn sides(sides: impl Iterator<Item = cordon_proto::incidents::Party>) -> String {
    let named: Vec<_> = sides.map(named).collect();
    named.join(", ")
}

fn criteria(incident: &Incident) -> Result<Vec<Criterion>> {
    each(&incident.clean_state_criteria, |criterion| {
        Ok(Criterion {
            text: criterion.text.clone(),
            customer: criterion.customer.as_ref().map(sign_off).transpose()?,
            provider: criterion.provider.as_ref().map(sign_off).transpose()?,
        })
    })
}

/// The files that are there for both sides. Of who had them, that they were attached is all that is
/// known.
fn evidence(attachments: &[Attachment]) -> Result<Vec<Evidence>> {
    let whole = attachments
        .iter()
        .filter(|file| file.state() == AttachmentState::Attached);
    whole
        .map(|file| {
            let acquired = moment(file.attach_time.as_ref(), "time of an attachment")?;
            let by = person(file.actor.as_ref(), "name of who attached a file")?;
            let kind = match file.media_type.as_str() {
                "" => "attached file".to_owned(),
                media_type => format!("attached file, {media_type}"),
            };
            Ok(Evidence {
                name: file.file_name.clone(),
                kind,
                acquired,
                bytes: number(file.size_bytes, "size of an attachment")?,
                sha256: file.sha256.clone(),
                custody: vec![CustodyStep {
                    time: acquired,
                    by: by.name,
                    what: "attached it to the incident".to_owned(),
                }],
            })
        })
        .collect()
}

fn comment(comment: &Comment) -> Result<page::Comment> {
    let author = person(comment.author.as_ref(), "author of a comment")?;
    // Of what was brought in, the author and the time here are those of the import.
    let name = match &comment.origin {
        None => author.name,
        Some(origin) => {
            let mut said = "said elsewhere".to_owned();
            if !origin.author.is_empty() {
                said.push_str(&format!(" by {}", origin.author));
            }
            if origin.create_time.is_some() {
                said.push_str(&format!(", {}", second(origin.create_time.as_ref())));
            }
            format!("{said}; brought in by {}", author.name)
        }
    };
    let revisions = each(&comment.revisions, |revision| {
        Ok(Revision {
            time: moment(revision.create_time.as_ref(), "time of a revision")?,
            text: revision.text.clone(),
        })
    });
    Ok(page::Comment {
        author: Person {
            name,
            party: author.party,
        },
        time: moment(comment.create_time.as_ref(), "time of a comment")?,
        text: comment.text.clone(),
        revisions: revisions?,
    })
}
