//! What the server takes of the machine.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::Server;
use crate::set::Set;

/// Looks in a row that find nothing going on.
const QUIET: u32 = 6;

pub struct Machine {
    pid: u32,
    data: PathBuf,
}

impl Machine {
    pub fn of(server: &Server) -> Self {
        Self {
            pid: server.pid(),
            data: server.data.clone(),
        }
    }

    /// Processors and memory, and how busy they are.
    pub fn describe(&self) -> String {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpus = read("/proc/cpuinfo");
        let model = cpus
            .lines()
            .find_map(|line| line.strip_prefix("model name\t: "))
            .unwrap_or("unknown processor");
        let memory = read("/proc/meminfo");
        let kib: u64 = memory
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .and_then(|kib| kib.trim().parse().ok())
            .unwrap_or(0);
        let load = read("/proc/loadavg");
        format!(
            "{} × {model}, {} GiB, load {}",
            cpus.matches("processor\t").count(),
            kib >> 20,
            load.split(' ').next().unwrap_or("?")
        )
    }

    /// Processor time that the server has used.
    pub fn cpu(&self) -> Duration {
        cpu(self.pid)
    }

    fn memory(&self, what: &str) -> u64 {
        memory(self.pid, what)
    }

    pub fn print_memory(&self, when: &str) {
        println!(
            "server memory {when}: {} MiB now, {} MiB at most",
            self.memory("VmRSS:") >> 10,
            self.memory("VmHWM:") >> 10,
        );
    }

    pub fn print_disk(&self, when: &str, set: &Set) {
        let disk = allocated(&self.data);
        println!(
            "on disk {when}: {} MB, {:.0} bytes an event, {:.3} of the raw bytes",
            disk / 1_000_000,
            disk as f64 / set.records as f64,
            disk as f64 / set.bytes as f64,
        );
    }

    /// Waits until the server has next to nothing to do, and the disk has no more to take or give:
    /// work that waits for the disk takes no processor time.
    pub async fn rest(&self, most: Duration) -> Duration {
        let started = Instant::now();
        let mut quiet = 0;
        while quiet < QUIET && started.elapsed() < most {
            let (cpu, disk) = (self.cpu(), allocated(&self.data));
            tokio::time::sleep(Duration::from_secs(2)).await;
            if self.cpu() - cpu < Duration::from_millis(100) && allocated(&self.data) == disk {
                quiet += 1;
            } else {
                quiet = 0;
            }
        }
        started.elapsed()
    }
}

/// Processor time that a process has used.
pub fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // After the name, which may hold spaces.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // A tick is 10 ms on every Linux there is.
    Duration::from_millis(10 * ticks)
}

/// A figure of `/proc/PID/status`, in KiB.
pub fn memory(pid: u32, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Bytes that a folder takes on the disk.
fn allocated(folder: &Path) -> u64 {
    let mut sum = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => sum += allocated(&entry.path()),
            Ok(metadata) => sum += metadata.blocks() * 512,
            // Gone meanwhile.
            Err(_) => {}
        }
    }
    sum
}
