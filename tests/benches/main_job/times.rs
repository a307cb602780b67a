//! Times of questions, and what most of them took.

use std::time::{Duration, Instant};

/// How long a question took, each time it was put.
pub struct Times {
    what: &'static str,
    pub times: Vec<Duration>,
    pub found: usize,
}

impl Times {
    pub fn new(what: &'static str) -> Self {
        Self {
            what,
            times: Vec::new(),
            found: 0,
        }
    }

    pub async fn of(&mut self, asked: impl Future<Output = usize>) {
        let started = Instant::now();
        self.found += asked.await;
        self.times.push(started.elapsed());
    }

    pub fn print(mut self) {
        self.times.sort_unstable();
        let at = |part: usize| {
            let index = (self.times.len() * part / 100).min(self.times.len() - 1);
            self.times[index].as_secs_f64() * 1e3
        };
        println!(
            "{}: p50 {:.2} ms, p99 {:.2} ms ({} times, {} found each)",
            self.what,
            at(50),
            at(99),
            self.times.len(),
            self.found / self.times.len(),
        );
    }
}
