//! How fast an item is hashed and checked, on one thread, against the plain hash functions over
//! the same bytes: `cargo bench -p cordon-evidence`.
//!
//! Each byte goes through both functions twice, once for its block and once for the whole. So the
//! least that it can cost is twice the plain cost of both; what is over that is ours.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a program that measures and prints"
)]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use cordon_evidence::check::check;
use cordon_evidence::content::Content;
use cordon_evidence::geometry::{BlockSize, Geometry};
use cordon_evidence::hasher::{Hasher, Run};
use cordon_evidence::list::{BlockList, head};
use ring::digest::{SHA256, digest};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How much is hashed in one go: more than the caches hold.
const SIZE: usize = 256 << 20;
/// How often each is measured. The best counts: the machine may be busy with other things.
const ROUNDS: usize = 5;

/// The time that this thread had a processor, where the system tells; else all time.
fn clock(start: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = told.and_then(|told| told.split(' ').next()?.parse().ok());
    spent.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// The least time of a processor that it took, in seconds.
fn best(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let (mut least, epoch) = (Duration::MAX, Instant::now());
    for _ in 0..ROUNDS {
        let start = clock(epoch);
        run()?;
        least = least.min(clock(epoch).saturating_sub(start));
    }
    Ok(least.as_secs_f64())
}

fn rate(bytes: usize, seconds: f64) -> f64 {
    bytes as f64 / seconds / 1e6
}

/// Hashes an item as it is acquired; the answer has its list of blocks.
fn acquire<'a>(
    size: usize,
    block_size: BlockSize,
    runs: impl Iterator<Item = Run<'a>>,
) -> Result<(Content, Vec<u8>)> {
    let geometry = Geometry::new(size as u64, block_size)?;
    let mut hasher = Hasher::new(geometry);
    let mut list = head(&geometry).to_vec();
    for mut run in runs {
        while let Some(block) = hasher.take(&mut run)? {
            black_box(block.bytes);
            list.extend_from_slice(&block.record.to_bytes());
        }
    }
    Ok((hasher.finish()?, list))
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split(": ").nth(1)).unwrap_or("?")
    };
    let flags: Vec<_> = field("flags").split(' ').collect();
    let has = ["sha_ni", "avx2", "avx512f"].map(|flag| {
        let sign = if flags.contains(&flag) { '+' } else { '-' };
        format!("{sign}{flag}")
    });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!(
        "{}, {cores} cores, {}, load {load} before the start, processor time, best of {ROUNDS}",
        field("model name"),
        has.join(" "),
    )
}

fn main() -> Result<()> {
    println!("machine: {}", machine());
    let mut bytes = vec![0; SIZE];
    let noise = blake3::Hasher::new();
    noise.finalize_xof().fill(&mut bytes);

    let sha256 = best(|| {
        black_box(digest(&SHA256, black_box(&bytes)));
        Ok(())
    })?;
    println!("plain SHA-256 (ring): {:.0} MB/s", rate(SIZE, sha256));
    let blake3 = best(|| {
        black_box(blake3::hash(black_box(&bytes)));
        Ok(())
    })?;
    println!("plain BLAKE3: {:.0} MB/s", rate(SIZE, blake3));
    let least = 2.0 * (sha256 + blake3);
    println!("both, twice, plain: {:.0} MB/s", rate(SIZE, least));

    let show = |what: &str, seconds: f64| {
        println!(
            "{what}: {:.0} MB/s, {:.3} of the time of both twice",
            rate(SIZE, seconds),
            seconds / least
        );
    };
    for block_size in [BlockSize::MIN, BlockSize::DEFAULT, BlockSize::MAX] {
        let seconds = best(|| {
            let runs = std::iter::once(Run::Data(black_box(&bytes)));
            black_box(acquire(SIZE, block_size, runs)?);
            Ok(())
        })?;
        let kib = block_size.bytes() >> 10;
        show(&format!("acquired in blocks of {kib} KiB"), seconds);
    }
    // As a driver reads that knows nothing of blocks.
    let seconds = best(|| {
        let runs = black_box(&bytes).chunks(65_000).map(Run::Data);
        black_box(acquire(SIZE, BlockSize::DEFAULT, runs)?);
        Ok(())
    })?;
    show("acquired in pieces of 65,000 bytes", seconds);

    let runs = std::iter::once(Run::Data(&bytes));
    let (content, list) = acquire(SIZE, BlockSize::DEFAULT, runs)?;
    let open = BlockList::open(list, &content)?;
    let seconds = best(|| Ok(check(black_box(&*bytes), &content, &open)?))?;
    show("checked", seconds);

    bytes.fill(0);
    let seconds = best(|| {
        let runs = std::iter::once(Run::Data(black_box(&bytes)));
        black_box(acquire(SIZE, BlockSize::DEFAULT, runs)?);
        Ok(())
    })?;
    show("zeros that are read", seconds);
    let seconds = best(|| {
        let runs = std::iter::once(Run::Hole(SIZE as u64));
        black_box(acquire(SIZE, BlockSize::DEFAULT, runs)?);
        Ok(())
    })?;
    show("a hole", seconds);
    blocks()
}

/// What a list of many blocks costs: an item of 16 GiB in the smallest.
fn blocks() -> Result<()> {
    let size = 16_usize << 30;
    let runs = std::iter::once(Run::Hole(size as u64));
    let (content, list) = acquire(size, BlockSize::MIN, runs)?;
    let count = content.geometry()?.blocks() as f64;
    let seconds = best(|| {
        black_box(BlockList::open(list.clone(), &content)?);
        Ok(())
    })?;
    println!(
        "a list is opened: {:.2} million blocks a second",
        count / seconds / 1e6
    );
    let list = BlockList::open(list, &content)?;
    let seconds = best(|| {
        black_box(list.tree());
        Ok(())
    })?;
    println!(
        "its tree is made: {:.2} million blocks a second",
        count / seconds / 1e6
    );
    let (tree, root, geometry) = (list.tree(), content.root, list.geometry());
    let seconds = best(|| {
        for index in 0..1_000 {
            let bytes = index << 20..(index + 1) << 20;
            let proof = list.prove(&tree, &bytes)?;
            black_box(proof.verify(&root, &geometry, &bytes)?);
        }
        Ok(())
    })?;
    println!(
        "16 blocks are proven and verified in {:.1} µs",
        seconds * 1e3
    );
    Ok(())
}
