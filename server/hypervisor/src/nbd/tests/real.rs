//! Against `qemu-nbd`.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;

use crate::nbd::{NbdClient, NbdDisk, NbdLimits};
use crate::{Allocation, DiskSource as _, Error, Extent, MAX_READ, Step, walk};

/// A server that ends with its test.
struct Server {
    child: Child,
    socket: PathBuf,
}

impl Server {
    fn start(folder: &Path, arguments: &[&str]) -> Option<Self> {
        let socket = folder.join("nbd.sock");
        let child = Command::new("qemu-nbd")
            .args(["--persistent", "--shared=8", "--socket"])
            .arg(&socket)
            .args(arguments)
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            let test = std::thread::current();
            eprintln!("{}: skipped, qemu-nbd can't be had", test.name().unwrap());
            return None;
        };
        let server = Self { child, socket };
        for _ in 0..500 {
            if server.socket.exists() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("qemu-nbd did not begin");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Bytes that are different in each place.
fn noise(length: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let hash = blake3::Hasher::new().update(&[seed]).finalize_xof();
    let mut hash = hash;
    hash.fill(&mut bytes);
    bytes
}

/// 32 MiB: data, a hole, data.
fn image(folder: &Path) -> (PathBuf, Vec<u8>) {
    let mut bytes = noise(4 << 20, 1);
    bytes.resize(28 << 20, 0);
    bytes.extend(noise(4 << 20, 2));
    let path = folder.join("disk.raw");
    let file = std::fs::File::create(&path).unwrap();
    file.write_all_at(&bytes[..4 << 20], 0).unwrap();
    file.write_all_at(&bytes[28 << 20..], 28 << 20).unwrap();
    (path, bytes)
}

async fn pulled(disk: NbdDisk, block: u32) -> (Vec<u8>, Vec<std::ops::Range<u64>>, u64) {
    let length = disk.length();
    let mut steps = Box::pin(walk(Arc::new(disk), block, 8));
    let (mut bytes, mut bad, mut read) = (Vec::new(), Vec::new(), 0);
    while let Some(step) = steps.next().await {
        match step.unwrap() {
            Step::Data { offset, piece } => {
                assert_eq!(offset, bytes.len() as u64);
                bytes.extend_from_slice(&piece.bytes);
                bad.extend(piece.unreadable);
                read += piece.bytes.len() as u64;
            }
            Step::Zeros(extent) => {
                assert_eq!(extent.offset, bytes.len() as u64);
                bytes.resize(usize::try_from(extent.end()).unwrap(), 0);
            }
        }
    }
    assert_eq!(bytes.len() as u64, length);
    (bytes, bad, read)
}

#[tokio::test]
async fn a_pulled_image_is_the_image_and_holes_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, expected) = image(folder.path());
    let path = path.to_str().unwrap();
    let arguments = ["--read-only", "--format=raw", "--export-name=d", path];
    let Some(server) = Server::start(folder.path(), &arguments) else {
        return;
    };
    for block in [1 << 16, 1 << 20, MAX_READ] {
        let limits = NbdLimits::default();
        let disk = NbdDisk::connect("vda", &server.socket, "d", limits)
            .await
            .unwrap();
        let (bytes, bad, read) = pulled(disk, block).await;
        assert!(bytes == expected, "{block}");
        assert_eq!((bad.len(), read), (0, 8 << 20), "{block}");
    }
    // Reads of any alignment, beside each other, with memory for one at a time.
    let limits = NbdLimits {
        in_flight: 1,
        ..NbdLimits::default()
    };
    let disk = NbdDisk::connect("vda", &server.socket, "d", limits)
        .await
        .unwrap();
    let reads = (0..200_u32).map(|i| (u64::from(i) * 167_003, 1 + i * 977));
    let reads = reads.map(|(offset, length)| {
        let (disk, expected) = (&disk, &expected);
        async move {
            let piece = disk.read_at(offset, length).await.unwrap();
            let at = usize::try_from(offset).unwrap();
            assert!(
                piece.bytes == expected[at..at + length as usize],
                "{offset}"
            );
        }
    });
    futures::future::join_all(reads).await;
    for (offset, length) in [
        (expected.len() as u64, 1),
        (0, MAX_READ + 1),
        (u64::MAX, 2),
        (0, 0),
    ] {
        let refused = disk.read_at(offset, length).await;
        assert_eq!(refused, Err(Error::Invalid("the range")));
    }
    let extents = disk.extents(1 << 20, 30 << 20).await.unwrap();
    let extent = |offset: u64, length: u64, allocation| Extent {
        offset: offset << 20,
        length: length << 20,
        allocation,
    };
    let hole = extent(4, 24, Allocation::Hole);
    assert_eq!(extents[..2], [extent(1, 3, Allocation::Data), hole]);
    let stranger = NbdClient::connect(&server.socket, "other", NbdLimits::default()).await;
    assert!(
        matches!(stranger, Err(Error::NotFound(_) | Error::Refused { .. })),
        "{stranger:?}"
    );
    drop(server);
    assert!(disk.read_at(0, 512).await.is_err());
}

#[tokio::test]
async fn a_writable_export_is_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = image(folder.path());
    let arguments = ["--format=raw", path.to_str().unwrap()];
    let Some(server) = Server::start(folder.path(), &arguments) else {
        return;
    };
    let refused = NbdDisk::connect("vda", &server.socket, "", NbdLimits::default()).await;
    assert!(matches!(refused, Err(Error::NotAllowed(_))), "{refused:?}");
}

#[tokio::test]
async fn bad_sectors_are_named_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut expected) = image(folder.path());
    // The disk's sectors 1000 and 3000 to 3007 fail for ever.
    let bad = [
        1_000, 3_000, 3_001, 3_002, 3_003, 3_004, 3_005, 3_006, 3_007,
    ];
    let errors = bad.iter().enumerate().map(|(i, sector)| {
        format!(",inject-error.{i}.event=none,inject-error.{i}.sector={sector}")
    });
    let options = format!(
        "driver=blkdebug,align=512{},image.driver=file,image.filename={}",
        errors.collect::<String>(),
        path.to_str().unwrap()
    );
    let arguments = ["--read-only", "--image-opts", &options];
    let Some(server) = Server::start(folder.path(), &arguments) else {
        return;
    };
    let limits = NbdLimits::default();
    let disk = NbdDisk::connect("vda", &server.socket, "", limits)
        .await
        .unwrap();
    let (bytes, unreadable, _) = pulled(disk, 1 << 20).await;
    // By the grain that holds them.
    assert_eq!(
        unreadable,
        [
            512_000 / 4_096 * 4_096..512_000 / 4_096 * 4_096 + 4_096,
            1_536_000..1_540_096
        ]
    );
    for range in unreadable {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        expected[range].fill(0);
    }
    assert!(bytes == expected);
}

/// For the figures: run it alone, optimised, with `--ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes figures"]
async fn rates() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.raw");
    let file = std::fs::File::create(&path).unwrap();
    for i in 0..64_u64 {
        let bytes = noise(16 << 20, u8::try_from(i).unwrap());
        file.write_all_at(&bytes, i << 24).unwrap();
    }
    let path = path.to_str().unwrap();
    let arguments = ["--read-only", "--format=raw", "--export-name=d", path];
    let Some(server) = Server::start(folder.path(), &arguments) else {
        return;
    };
    for (block, ahead) in [(1 << 18, 16), (1 << 20, 8), (4 << 20, 4)] {
        let limits = NbdLimits::default();
        let disk = NbdDisk::connect("vda", &server.socket, "d", limits)
            .await
            .unwrap();
        let began = std::time::Instant::now();
        let mut steps = Box::pin(walk(Arc::new(disk), block, ahead));
        while let Some(step) = steps.next().await {
            step.unwrap();
        }
        let rate = 1024.0 / began.elapsed().as_secs_f64();
        eprintln!(
            "{ahead} reads of {} KiB at once: {rate:.0} MiB/s",
            block >> 10
        );
    }
    let began = std::time::Instant::now();
    let url = format!("nbd+unix:///d?socket={}", server.socket.display());
    let out = folder.path().join("out");
    let convert = ["convert", "-f", "raw", "-O", "raw", &url];
    let done = Command::new("qemu-img")
        .args(convert)
        .arg(&out)
        .status()
        .unwrap();
    assert!(done.success());
    let rate = 1024.0 / began.elapsed().as_secs_f64();
    eprintln!("qemu-img convert from the same export to a file: {rate:.0} MiB/s");
}
