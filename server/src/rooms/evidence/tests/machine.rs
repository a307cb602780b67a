//! Machines that do what a test wants of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use cordon_hypervisor::{
    Acquisition, AcquisitionId, Allocation, Cleaned, Disk, DiskSource, DiskState, Error, Extent,
    Finished, Hypervisor, Instance, MemoryMoment, MemorySource, NetworkState, Piece, Reached,
    Request, RunState,
};
use tokio::sync::Semaphore;

use crate::providers::hypervisors::{Hypervisors, Reached as Found};

/// What a machine does.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) disks: Vec<(String, Vec<u8>)>,
    pub(super) memory: Option<Vec<u8>>,
    /// After so many reads of disks each one fails.
    pub(super) reads: Option<usize>,
    /// Whether its memory breaks off in the midst.
    pub(super) memory_breaks: bool,
    /// How it refuses to be begun, in turn.
    pub(super) refusals: Mutex<VecDeque<Error>>,
    /// Reads wait for leave, if there is one to wait for.
    pub(super) leave: Option<Arc<Semaphore>>,
    /// How often it was begun, let go of in order, and cleaned up.
    pub(super) begun: AtomicUsize,
    pub(super) finished: AtomicUsize,
    pub(super) dropped: AtomicUsize,
    pub(super) cleaned: AtomicUsize,
    pub(super) read: AtomicUsize,
}

#[derive(Debug, Clone)]
pub(super) struct Machine(pub(super) Arc<Script>);

impl Machine {
    pub(super) fn hypervisors(&self) -> Hypervisors {
        Hypervisors::of_drivers(vec![Found {
            name: "scripted".to_owned(),
            hypervisor: Arc::new(self.clone()),
            rate: u64::MAX,
        }])
    }
}

#[async_trait]
impl Hypervisor for Machine {
    async fn describe(&self, instance: &str) -> Result<Instance, Error> {
        if instance != "i-acme" {
            return Err(Error::NotFound("the instance"));
        }
        let disk = |(name, bytes): &(String, Vec<u8>)| Disk {
            name: name.clone(),
            size: bytes.len() as u64,
            writable: true,
        };
        Ok(Instance {
            state: RunState::Running,
            memory: self.0.memory.as_ref().map_or(0, |all| all.len() as u64),
            disks: self.0.disks.iter().map(disk).collect(),
        })
    }

    async fn begin(
        &self,
        _id: &AcquisitionId,
        _instance: &str,
        request: &Request,
    ) -> Result<Box<dyn Acquisition>, Error> {
        if let Some(refusal) = self.0.refusals.lock().unwrap().pop_front() {
            return Err(refusal);
        }
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        let disks = (0..self.0.disks.len())
            .map(|number| Arc::new(Drive(Arc::clone(&self.0), number)) as Arc<dyn DiskSource>)
            .collect();
        Ok(Box::new(Held {
            script: Arc::clone(&self.0),
            reached: Reached {
                disks: DiskState::PowerCut,
                memory: request.memory.then_some(MemoryMoment::Later),
                moment: None,
                pause: None,
                remarks: vec!["no agent answered"],
            },
            memory: request.memory.then(|| self.0.memory.clone()).flatten(),
            network: request.network.then(NetworkState::default),
            disks,
            finished: false,
        }))
    }

    async fn cleanup(&self, _instance: &str) -> Result<Cleaned, Error> {
        self.0.cleaned.fetch_add(1, Ordering::Relaxed);
        Ok(Cleaned::default())
    }
}

#[derive(Debug)]
struct Held {
    script: Arc<Script>,
    reached: Reached,
    memory: Option<Vec<u8>>,
    network: Option<NetworkState>,
    disks: Vec<Arc<dyn DiskSource>>,
    finished: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.finished {
            self.script.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl Acquisition for Held {
    fn reached(&self) -> &Reached {
        &self.reached
    }

    fn memory(&mut self) -> Option<Box<dyn MemorySource>> {
        let bytes = self.memory.take()?;
        let parts = bytes.chunks(100_000).map(Bytes::copy_from_slice).collect();
        Some(Box::new(Dump {
            parts,
            breaks: self.script.memory_breaks,
        }))
    }

    fn network(&self) -> Option<&NetworkState> {
        self.network.as_ref()
    }

    fn disks(&self) -> &[Arc<dyn DiskSource>] {
        &self.disks
    }

    async fn finish(mut self: Box<Self>) -> Result<Finished, Error> {
        self.finished = true;
        self.script.finished.fetch_add(1, Ordering::Relaxed);
        Ok(Finished::default())
    }
}

#[derive(Debug)]
struct Dump {
    parts: VecDeque<Bytes>,
    breaks: bool,
}

#[async_trait]
impl MemorySource for Dump {
    fn expected(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match (self.parts.pop_front(), self.breaks) {
            (Some(part), false) => Ok(Some(part)),
            (Some(part), true) if self.parts.len() > 1 => Ok(Some(part)),
            (_, true) => Err(Error::Gone("the memory")),
            (None, false) => Ok(None),
        }
    }
}

#[derive(Debug)]
struct Drive(Arc<Script>, usize);

#[async_trait]
impl DiskSource for Drive {
    fn name(&self) -> &str {
        &self.0.disks[self.1].0
    }

    fn length(&self) -> u64 {
        self.0.disks[self.1].1.len() as u64
    }

    async fn read_at(&self, offset: u64, length: u32) -> Result<Piece, Error> {
        if let Some(leave) = &self.0.leave {
            leave.acquire().await.unwrap().forget();
        }
        let read = self.0.read.fetch_add(1, Ordering::Relaxed);
        if self.0.reads.is_some_and(|most| read >= most) {
            return Err(Error::Gone("the disk"));
        }
        let bytes = &self.0.disks[self.1].1[offset as usize..][..length as usize];
        Ok(Piece {
            bytes: Bytes::copy_from_slice(bytes),
            unreadable: Vec::new(),
        })
    }

    async fn extents(&self, offset: u64, length: u64) -> Result<Vec<Extent>, Error> {
        Ok(vec![Extent {
            offset,
            length,
            allocation: Allocation::Data,
        }])
    }
}
