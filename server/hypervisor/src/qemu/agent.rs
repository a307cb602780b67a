//! The guest's agent: asked to freeze file systems and to thaw them again. It runs inside of what is
//! examined and may be the suspect's; nothing depends on it but the word of how the disks are.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Error;
use crate::error::within;
use crate::qmp::Lines;

/// Longest line that is taken from an agent.
const MAX_LINE: usize = 64 << 10;
/// How long it may take to say that it is there.
const SYNC: Duration = Duration::from_secs(2);
/// How long it may take to freeze: it has to write everything first.
const FREEZE: Duration = Duration::from_secs(20);
/// How long it may take to thaw.
const THAW: Duration = Duration::from_secs(5);
/// How often thawing is tried.
const TRIES: u32 = 3;
/// What a question is told by from those before it.
const TOKEN: u32 = 0x0c04_d044;

const WHAT: &str = "the guest's agent";

/// Has the file systems frozen. How many it says that were.
pub(crate) async fn freeze(socket: &Path) -> Result<u64, Error> {
    let frozen = ask(socket, "guest-fsfreeze-freeze", FREEZE).await?;
    frozen.as_u64().ok_or(Error::Protocol(WHAT))
}

/// Has them thawed.
pub(crate) async fn thaw(socket: &Path) -> Result<(), Error> {
    let mut last = Error::TimedOut(WHAT);
    for _ in 0..TRIES {
        match ask(socket, "guest-fsfreeze-thaw", THAW).await {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn ask(socket: &Path, command: &'static str, limit: Duration) -> Result<Value, Error> {
    let mut lines = within(SYNC, WHAT, synced(socket)).await?;
    let answered = async {
        let line = format!("{}\n", json!({ "execute": command }));
        lines.send(line.as_bytes()).await?;
        let said = parse(&lines.next().await?)?;
        match (said.get("return"), said.get("error")) {
            (Some(value), None) => Ok(value.clone()),
            (None, Some(error)) => {
                let text = error
                    .get("desc")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                Err(Error::refused(command, text))
            }
            _ => Err(Error::Protocol(WHAT)),
        }
    };
    within(limit, WHAT, answered).await
}

/// Connects, and passes over what was meant for whoever asked before.
async fn synced(socket: &Path) -> Result<Lines, Error> {
    let mut lines = Lines::connect(socket, MAX_LINE, WHAT).await?;
    let sync = json!({ "execute": "guest-sync-delimited", "arguments": { "id": TOKEN } });
    // The byte that is in no text ends what a dead acquirer may have left unfinished.
    let mut question = vec![0xff];
    question.extend(sync.to_string().bytes());
    question.push(b'\n');
    lines.send(&question).await?;
    loop {
        let line = lines.next().await?;
        let line = line.rsplit(|byte| *byte == 0xff).next().unwrap_or_default();
        let answer = parse(line).ok();
        let token = answer.and_then(|answer| answer.get("return")?.as_u64());
        if token == Some(u64::from(TOKEN)) {
            return Ok(lines);
        }
    }
}

fn parse(line: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(line).map_err(|_| Error::Protocol(WHAT))
}
