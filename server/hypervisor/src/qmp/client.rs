//! Commands, their replies and the events between them.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Lines, QmpLimits};
use crate::Error;
use crate::error::within;

/// Longest line: what is known of all block nodes of a large machine comes in one.
const MAX_LINE: usize = 4 << 20;
/// Most events that wait to be looked at; of more, the oldest are forgotten.
const MAX_EVENTS: usize = 256;
/// Longest event that is kept. None that is waited for comes near it.
const MAX_EVENT: usize = 16 << 10;

const WHAT: &str = "the monitor";

/// Something that QEMU says unasked.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name, as in `STOP`.
    pub name: String,
    /// What is said of it.
    pub data: Value,
    /// When, in microseconds since 1970 by the host's clock; 0 if it was not said.
    pub micros: i64,
}

/// A connection to a monitor.
#[derive(Debug)]
pub struct Qmp {
    lines: Lines,
    events: VecDeque<Event>,
    last_id: u64,
    limits: QmpLimits,
    /// A command was sent in part: nothing can follow it.
    torn: bool,
}

/// One line of the monitor.
#[derive(Debug, Deserialize)]
struct Said {
    #[serde(rename = "QMP")]
    greeting: Option<Value>,
    #[serde(rename = "return")]
    returned: Option<Value>,
    error: Option<Complaint>,
    id: Option<Value>,
    event: Option<String>,
    data: Option<Value>,
    timestamp: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Complaint {
    #[serde(default)]
    class: String,
    #[serde(default)]
    desc: String,
}

#[derive(Debug, Deserialize)]
struct Timestamp {
    seconds: i64,
    microseconds: i64,
}

impl Qmp {
    /// Connects and leaves the negotiation behind.
    ///
    /// # Errors
    /// [`Error::Unreachable`]; [`Error::Busy`] when no greeting comes, as while somebody else is
    /// connected; [`Error::Protocol`] when it is no monitor.
    pub async fn connect(socket: &Path, limits: QmpLimits) -> Result<Self, Error> {
        let greeted = async {
            let mut lines = Lines::connect(socket, MAX_LINE, WHAT).await?;
            let greeting = parse(&lines.next().await?)?;
            match greeting.greeting {
                Some(_) => Ok(lines),
                None => Err(Error::Protocol("no greeting of a monitor")),
            }
        };
        let greeted = within(limits.greeting, WHAT, greeted).await;
        let lines = greeted.map_err(|error| match error {
            Error::TimedOut(_) => Error::Busy("its monitor gives no greeting"),
            error => error,
        })?;
        let mut qmp = Self {
            lines,
            events: VecDeque::new(),
            last_id: 0,
            limits,
            torn: false,
        };
        qmp.execute("qmp_capabilities", json!({})).await?;
        Ok(qmp)
    }

    /// Has a command done, and gives what it returns.
    ///
    /// # Errors
    /// [`Error::Refused`] with what QEMU said; [`Error::TimedOut`], after which it may still happen;
    /// [`Error::Gone`], [`Error::Protocol`] and [`Error::Limit`], after which nothing more comes.
    pub async fn execute(
        &mut self,
        command: &'static str,
        arguments: Value,
    ) -> Result<Value, Error> {
        self.run(command, arguments, None).await
    }

    /// As [`Self::execute`], and hands a file descriptor over with it.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub async fn execute_with(
        &mut self,
        command: &'static str,
        arguments: Value,
        fd: BorrowedFd<'_>,
    ) -> Result<Value, Error> {
        self.run(command, arguments, Some(fd)).await
    }

    /// The next event, whenever it comes. Nothing is lost when this is given up halfway.
    ///
    /// # Errors
    /// [`Error::Gone`] when the machine has ended, [`Error::Protocol`], [`Error::Limit`].
    pub async fn event(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let said = self.hear().await?;
            // Replies here are to commands that took too long.
            self.keep(said);
        }
    }

    /// When the newest event of that name came that nobody has taken yet.
    pub(crate) fn last_event(&self, name: &str) -> Option<i64> {
        let mut found = self.events.iter().rev().filter(|event| event.name == name);
        found.next().map(|event| event.micros)
    }

    /// Forgets the events that have come so far.
    pub(crate) fn forget_events(&mut self) {
        self.events.clear();
    }

    /// How many events wait.
    #[cfg(test)]
    pub(super) fn events(&self) -> usize {
        self.events.len()
    }

    async fn run(
        &mut self,
        command: &'static str,
        arguments: Value,
        fd: Option<BorrowedFd<'_>>,
    ) -> Result<Value, Error> {
        if self.torn {
            return Err(Error::Gone(WHAT));
        }
        self.last_id = self.last_id.saturating_add(1);
        let id = self.last_id;
        let line = json!({ "execute": command, "arguments": arguments, "id": id });
        let line = format!("{line}\n");
        let limit = self.limits.command;
        let work = async {
            self.torn = true;
            match fd {
                Some(fd) => self.lines.send_with(line.as_bytes(), fd).await?,
                None => self.lines.send(line.as_bytes()).await?,
            }
            self.torn = false;
            self.reply(command, id).await
        };
        within(limit, command, work).await
    }

    async fn hear(&mut self) -> Result<Said, Error> {
        loop {
            let line = self.lines.next().await?;
            let said = parse(&line)?;
            if said.event.is_none() || line.len() <= MAX_EVENT {
                return Ok(said);
            }
        }
    }

    async fn reply(&mut self, command: &'static str, id: u64) -> Result<Value, Error> {
        loop {
            let said = self.hear().await?;
            let ours = said.id.as_ref().and_then(Value::as_u64) == Some(id);
            match (said.returned, said.error) {
                (Some(value), None) if ours => return Ok(value),
                (None, Some(error)) if ours => {
                    return Err(Error::refused(command, &error.text()));
                }
                // QEMU could not read what we sent, and can't say which it was.
                (None, Some(error)) if said.id.is_none() => {
                    return Err(Error::refused(command, &error.text()));
                }
                (returned, error) => self.keep(Said {
                    returned,
                    error,
                    ..said
                }),
            }
        }
    }

    fn keep(&mut self, said: Said) {
        let Some(name) = said.event else {
            return;
        };
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        let micros = said.timestamp.map_or(0, |at| {
            let micros = at.seconds.saturating_mul(1_000_000);
            micros.saturating_add(at.microseconds)
        });
        self.events.push_back(Event {
            name,
            data: said.data.unwrap_or_default(),
            micros,
        });
    }
}

impl Complaint {
    fn text(&self) -> String {
        format!("{}: {}", self.class, self.desc)
    }
}

fn parse(line: &[u8]) -> Result<Said, Error> {
    serde_json::from_slice(line).map_err(|_| Error::Protocol("a line of the monitor"))
}
