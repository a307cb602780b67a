//! What comes of a machine, as the vault takes it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cordon_hypervisor::{DiskSource, Error, MemorySource, NetworkState, Piece, Step, walk};
use cordon_vault::Fed;
use futures::stream::{self, Stream, StreamExt as _};
use serde_json::json;
use tokio::time::Instant;

/// Reads of a disk that are under way at once.
const AHEAD: usize = 4;

/// Holds a source back so that it gives no more than so many bytes a second on average; what is zeros
/// anyway costs nothing.
#[derive(Debug)]
pub(super) struct Pace {
    rate: u64,
    begun: Instant,
    given: u64,
}

impl Pace {
    /// `rate` of 0 is none.
    pub(super) fn new(rate: u64) -> Self {
        Self {
            rate,
            begun: Instant::now(),
            given: 0,
        }
    }

    async fn after(&mut self, fed: &Fed) {
        if let Fed::Data(bytes) = fed
            && self.rate > 0
        {
            self.given += bytes.len() as u64;
            let due = Duration::from_secs_f64(self.given as f64 / self.rate as f64);
            tokio::time::sleep_until(self.begun + due).await;
        }
    }
}

/// Why a disk could not be read to its end.
pub(super) type Broken = Arc<Mutex<Option<Error>>>;

pub(super) fn broken(of: &Broken) -> Option<Error> {
    of.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

struct Reading<S> {
    steps: S,
    /// What the last step gave and was not taken yet.
    waiting: std::collections::VecDeque<Fed>,
    pace: Pace,
    length: u64,
    given: u64,
    broken: Broken,
    over: bool,
}

/// A disk from its first byte to its last. Where it breaks off after it has given something, the rest
/// could not be read, and `broken` says why: what was read is evidence all the same.
pub(super) fn disk(
    source: Arc<dyn DiskSource>,
    block: u32,
    pace: Pace,
    broken: Broken,
) -> impl Stream<Item = Result<Fed, Error>> + Send {
    let length = source.length();
    let reading = Reading {
        steps: Box::pin(walk(source, block, AHEAD)),
        waiting: std::collections::VecDeque::new(),
        pace,
        length,
        given: 0,
        broken,
        over: false,
    };
    stream::unfold(reading, |mut reading| async move {
        let fed = reading.next().await?;
        if let Ok(fed) = &fed {
            reading.pace.after(fed).await;
        }
        Some((fed, reading))
    })
}

impl<S: Stream<Item = Result<Step, Error>> + Unpin> Reading<S> {
    async fn next(&mut self) -> Option<Result<Fed, Error>> {
        loop {
            if let Some(fed) = self.waiting.pop_front() {
                self.given += length(&fed);
                return Some(Ok(fed));
            }
            if self.over {
                return None;
            }
            match self.steps.next().await {
                None => self.over = true,
                Some(Ok(Step::Zeros(extent))) => self.waiting.push_back(Fed::Hole(extent.length)),
                Some(Ok(Step::Data { offset, piece })) => split(offset, &piece, &mut self.waiting),
                Some(Err(error)) => {
                    self.over = true;
                    if self.given == 0 {
                        return Some(Err(error));
                    }
                    *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    let rest = self.length.saturating_sub(self.given);
                    if rest > 0 {
                        self.waiting.push_back(Fed::Unreadable(rest));
                    }
                }
            }
        }
    }
}

fn length(fed: &Fed) -> u64 {
    match fed {
        Fed::Data(bytes) => bytes.len() as u64,
        Fed::Hole(length) | Fed::Unreadable(length) => *length,
    }
}

/// What was read, and between it what could not be.
fn split(offset: u64, piece: &Piece, out: &mut std::collections::VecDeque<Fed>) {
    let end = offset + piece.bytes.len() as u64;
    let mut at = offset;
    let part = |from: u64, to: u64| {
        let (from, to) = ((from - offset) as usize, (to - offset) as usize);
        Fed::Data(piece.bytes.slice(from..to))
    };
    for bad in &piece.unreadable {
        let (from, to) = (bad.start.clamp(at, end), bad.end.clamp(at, end));
        if from > at {
            out.push_back(part(at, from));
        }
        if to > from {
            out.push_back(Fed::Unreadable(to - from));
        }
        at = to.max(at);
    }
    if end > at {
        out.push_back(part(at, end));
    }
}

/// Memory, whole or an error.
pub(super) fn memory(
    source: Box<dyn MemorySource>,
) -> impl Stream<Item = Result<Fed, Error>> + Send {
    stream::try_unfold(source, |mut source| async move {
        let next = source.next().await?;
        Ok(next.map(|bytes| (Fed::Data(bytes), source)))
    })
}

/// The state of the network, as a file.
pub(super) fn network(state: &NetworkState) -> Bytes {
    let interfaces = state.interfaces.iter().map(|one| {
        json!({
            "name": one.name,
            "mac": one.mac,
            "promiscuous": one.promiscuous,
        })
    });
    let neighbours = state.neighbours.iter().map(|one| {
        json!({
            "address": one.address,
            "mac": one.mac,
            "device": one.device,
        })
    });
    let all = json!({
        "interfaces": interfaces.collect::<Vec<_>>(),
        "neighbours": neighbours.collect::<Vec<_>>(),
        "missing": state.missing,
    });
    format!("{all:#}\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_stands_between_what_was() {
        let piece = |unreadable: Vec<std::ops::Range<u64>>| Piece {
            bytes: Bytes::from_static(b"0123456789"),
            unreadable,
        };
        let fed = |unreadable| {
            let mut out = std::collections::VecDeque::new();
            split(100, &piece(unreadable), &mut out);
            Vec::from(out)
        };
        let data = |text: &'static str| Fed::Data(Bytes::from_static(text.as_bytes()));
        assert_eq!(fed(vec![]), [data("0123456789")]);
        assert_eq!(
            fed(vec![102..104, 107..110]),
            [
                data("01"),
                Fed::Unreadable(2),
                data("456"),
                Fed::Unreadable(3)
            ]
        );
        let all = std::iter::once(100..110).collect();
        assert_eq!(fed(all), [Fed::Unreadable(10)]);
        // A source that lies about where it could not read gives no more bytes for it.
        assert_eq!(
            fed(vec![0..101, 109..500, 50..60]),
            [Fed::Unreadable(1), data("12345678"), Fed::Unreadable(1)]
        );
    }
}
