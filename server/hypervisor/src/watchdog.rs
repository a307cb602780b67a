//! The watchdog: a process of its own that lets the guest go on when its acquirer dies.
//!
//! It holds one end of a pipe and waits. The acquirer says when all is over; if the pipe ends without
//! that, the acquirer is dead, and with it its connection to the monitor, which lets the next client
//! in: us. Everything that has to be undone is noted inside QEMU, so that the watchdog knows nothing
//! but where the monitor is and whose acquisition it is.
//!
//! It goes on through the signals that end a service, for they are what it is there for. What ends a
//! whole group of processes at once by force ends it too: run the server so that the watchdog is given
//! the time (for systemd: not `KillMode=control-group` with `TimeoutStopSec` under a minute).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::error::within;
use crate::qemu;
use crate::qmp::{Qmp, QmpLimits};
use crate::{AcquisitionId, Cleaned, Error};

/// What the acquirer says when all is over.
const DISMISSED: u8 = b'q';
/// How long it may take to hear that.
const DISMISSAL: Duration = Duration::from_secs(5);
/// How long, and at which distance, the watchdog tries.
const TRIES: u32 = 1_200;
const DISTANCE: Duration = Duration::from_millis(250);
/// After how many tries without anybody at the socket the machine has ended.
const ENDED: u32 = 20;

/// How the watchdog is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchdogCommand {
    /// The program.
    pub program: PathBuf,
    /// What comes before the watchdog's own arguments.
    pub arguments: Vec<OsString>,
}

/// A watchdog that waits. Dropped without being dismissed, it does its work.
#[derive(Debug)]
pub(crate) struct Watchdog {
    child: Child,
    pipe: ChildStdin,
}

impl Watchdog {
    /// Starts one in a group of its own, so that what ends ours does not end it.
    pub(crate) fn start(
        command: &WatchdogCommand,
        monitor: &Path,
        id: &AcquisitionId,
        agent: Option<&Path>,
    ) -> Result<Self, Error> {
        let mut process = Command::new(&command.program);
        process
            .args(&command.arguments)
            .arg(id.as_str())
            .arg(monitor);
        process.args(agent);
        process
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        process
            .current_dir("/")
            .process_group(0)
            .kill_on_drop(false);
        let mut child = process.spawn().map_err(Error::io("the watchdog"))?;
        let pipe = child.stdin.take().ok_or(Error::Gone("the watchdog"))?;
        Ok(Self { child, pipe })
    }

    /// Says that there is nothing to do, and sees it go.
    pub(crate) async fn dismiss(mut self) {
        let gone = async {
            self.pipe
                .write_all(&[DISMISSED])
                .await
                .map_err(Error::io("the watchdog"))?;
            drop(self.pipe);
            self.child.wait().await.map_err(Error::io("the watchdog"))
        };
        if let Err(error) = within(DISMISSAL, "the watchdog", gone).await {
            // It will find nothing to do.
            tracing::warn!(%error, "the watchdog was not dismissed");
        }
    }
}

/// The watchdog's program: `ID MONITOR [AGENT]`, and the pipe as standard input.
///
/// Ends with success when it was dismissed, or when everything is undone.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments;
    let id = arguments
        .next()
        .and_then(|id| AcquisitionId::new(id.to_str()?).ok());
    let monitor = arguments.next().map(PathBuf::from);
    let agent = arguments.next().map(PathBuf::from);
    let (Some(id), Some(monitor)) = (id, monitor) else {
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return ExitCode::FAILURE;
    };
    match runtime.block_on(watch(&id, &monitor, agent.as_deref())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn watch(id: &AcquisitionId, monitor: &Path, agent: Option<&Path>) -> Result<(), Error> {
    // Taken and not acted upon.
    let kinds = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ];
    let _taken: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| signal(kind).ok())
        .collect();
    let mut said = Vec::new();
    let mut pipe = tokio::io::stdin().take(16);
    // An error of the pipe is the end of the acquirer as well.
    let _ = pipe.read_to_end(&mut said).await;
    match said.contains(&DISMISSED) {
        true => Ok(()),
        false => rescue(id, monitor, agent).await.map(drop),
    }
}

/// Undoes an acquisition whose acquirer is dead.
async fn rescue(
    id: &AcquisitionId,
    monitor: &Path,
    agent: Option<&Path>,
) -> Result<Cleaned, Error> {
    let mut last = Error::TimedOut("the monitor");
    let mut nobody = 0_u32;
    for _ in 0..TRIES {
        let tried = async {
            let mut qmp = Qmp::connect(monitor, QmpLimits::default()).await?;
            qemu::undo(&mut qmp, Some(id), agent).await
        };
        match tried.await {
            Ok(cleaned) => return Ok(cleaned),
            Err(error) => last = error,
        }
        nobody = match last {
            Error::Unreachable(_) => nobody.saturating_add(1),
            _ => 0,
        };
        if nobody >= ENDED {
            break;
        }
        tokio::time::sleep(DISTANCE).await;
    }
    Err(last)
}
