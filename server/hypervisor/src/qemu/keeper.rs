//! Who holds the monitor while an acquisition is under way: a task that sees the dump through, lets
//! the guest go on in time, and undoes everything in the end, whoever asks for it or nobody.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::memory::{ABORT, Dump, result};
use super::note::Pause;
use super::undo::{resume, thaw, undo};
use crate::hypervisor::Finished;
use crate::qmp::Qmp;
use crate::watchdog::Watchdog;
use crate::{AcquisitionId, Error};

/// Asks for the end; the answer says how it went.
pub(crate) type Order = oneshot::Sender<Result<Finished, Error>>;

/// What an acquisition holds.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) qmp: Qmp,
    pub(crate) id: AcquisitionId,
    pub(crate) agent: Option<PathBuf>,
    pub(crate) watchdog: Watchdog,
    /// The socket of the exports, which has a name.
    pub(crate) socket: PathBuf,
    /// That the guest is kept from running, and since when.
    pub(crate) pause: Option<(Pause, Instant)>,
    /// How long the guest may stand still for memory.
    pub(crate) limit: Duration,
    pub(crate) finished: Finished,
}

impl Keeper {
    /// Lets the guest go on, and says how long it stood still.
    pub(crate) async fn release(&mut self) -> Result<Option<Duration>, Error> {
        let Some((pause, since)) = self.pause else {
            return Ok(None);
        };
        resume(&mut self.qmp).await?;
        self.finished.pause = since.elapsed();
        self.pause = None;
        thaw(&mut self.qmp, &self.id, pause, self.agent.as_deref()).await?;
        Ok(Some(self.finished.pause))
    }

    /// Holds on until somebody says that it is over, or until nobody is left who could.
    pub(crate) async fn keep(mut self, dump: Option<Dump>, mut orders: mpsc::Receiver<Order>) {
        let mut order = None;
        let mut over = false;
        if let Some(dump) = dump {
            let began = Instant::now();
            let verdict = self.dump(&dump, &mut orders, &mut order, &mut over).await;
            match self.pause {
                Some(_) => {
                    if let Err(error) = self.release().await {
                        // What follows tries again, and the watchdog after it.
                        tracing::error!(acquisition = %self.id, %error, "the guest stands still");
                    }
                }
                None => self.finished.memory_pause = Some(began.elapsed()),
            }
            dump.end(verdict);
        }
        while !over {
            tokio::select! {
                asked = orders.recv() => {
                    order = asked;
                    over = true;
                }
                event = self.qmp.event() => {
                    if event.is_err() {
                        // The machine has ended, and everything inside it.
                        order = orders.recv().await;
                        over = true;
                    }
                }
            }
        }
        let ended = self.end().await;
        if let Some(order) = order {
            let _ = order.send(ended);
        }
    }

    /// Waits for the dump, but not longer than the guest may stand still.
    async fn dump(
        &mut self,
        dump: &Dump,
        orders: &mut mpsc::Receiver<Order>,
        order: &mut Option<Order>,
        over: &mut bool,
    ) -> Result<(), Error> {
        let since = self.pause.map_or_else(Instant::now, |(_, since)| since);
        let deadline = tokio::time::sleep_until(since + self.limit);
        tokio::pin!(deadline);
        let why = loop {
            tokio::select! {
                event = self.qmp.event() => {
                    if let Some(verdict) = result(&event?) {
                        return verdict;
                    }
                }
                () = &mut deadline => {
                    break Error::TimedOut("memory, while the guest stood still");
                }
                asked = orders.recv() => {
                    *order = asked;
                    *over = true;
                    break Error::Gone("the acquisition");
                }
            }
        };
        dump.abort();
        let noticed = async {
            while result(&self.qmp.event().await?).is_none() {}
            Ok(())
        };
        // Whether it fails in time or not, the guest is told to go on, again and again.
        let _ = tokio::time::timeout(ABORT, noticed)
            .await
            .unwrap_or(Ok::<(), Error>(()));
        Err(why)
    }

    /// Undoes everything. If that fails, the watchdog goes on with it.
    pub(crate) async fn end(mut self) -> Result<Finished, Error> {
        // As part of undoing as well; here its time is taken.
        let released = self.release().await;
        let agent = self.agent.as_deref();
        let undone = undo(&mut self.qmp, Some(&self.id), agent).await;
        if let (Err(error), Ok(_)) = (&released, &undone) {
            tracing::info!(acquisition = %self.id, %error, "the guest went on at the second try");
        }
        let _ = std::fs::remove_file(&self.socket);
        match undone {
            Ok(_) => {
                drop(self.qmp);
                self.watchdog.dismiss().await;
                Ok(self.finished)
            }
            // The connection first: the watchdog needs the monitor.
            Err(error) => {
                drop(self.qmp);
                drop(self.watchdog);
                Err(error)
            }
        }
    }
}
