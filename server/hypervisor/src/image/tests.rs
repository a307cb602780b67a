use std::fs;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use futures::StreamExt as _;
use tempfile::TempDir;

use super::qcow2::Header;
use super::{ImageConfig, ImageLimits, Images};
use crate::nbd::NbdLimits;
use crate::{
    Acquisition, AcquisitionId, Consistency, DiskSource, Error, Hypervisor as _, Request, Step,
    walk,
};

const SIZE: usize = 8 << 20;

struct Place {
    folder: TempDir,
    driver: Images,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for name in ["i/one", "i/two", "shared", "else"] {
            fs::create_dir_all(at.join(name)).unwrap();
        }
        let driver = Images::new(ImageConfig {
            instances: at.join("i"),
            shared: vec![at.join("shared")],
            private: at.join("private"),
            qemu_nbd: "/usr/bin/qemu-nbd".into(),
            limits: ImageLimits {
                chain: 2,
                size: 1 << 30,
            },
            nbd: NbdLimits::default(),
        });
        let driver = driver.unwrap();
        Self { folder, driver }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn raw(&self, name: &str) -> Vec<u8> {
        let mut bytes = vec![0; SIZE];
        let mut noise = blake3::Hasher::new().update(name.as_bytes()).finalize_xof();
        noise.fill(&mut bytes[..1 << 20]);
        noise.fill(&mut bytes[7 << 20..]);
        let file = fs::File::create(self.path(name)).unwrap();
        file.set_len(SIZE as u64).unwrap();
        file.write_all_at(&bytes[..1 << 20], 0).unwrap();
        file.write_all_at(&bytes[7 << 20..], 7 << 20).unwrap();
        bytes
    }

    async fn begin(&self, instance: &str) -> Result<Box<dyn Acquisition>, Error> {
        let request = Request {
            consistency: Consistency::Live,
            memory: false,
            network: false,
            disks: None,
        };
        let id = AcquisitionId::new("t").unwrap();
        self.driver.begin(&id, instance, &request).await
    }

    async fn refused(&self, what: &str) {
        let begun = self.begin("one").await;
        let told = self.driver.describe("one").await;
        for error in [begun.map(drop), told.map(drop)] {
            assert!(
                matches!(error, Err(Error::NotAllowed(_))),
                "{what}: {error:?}"
            );
        }
        fs::remove_file(self.path("i/one/vda.qcow2")).unwrap();
    }
}

/// Whether `qemu-img` did it; says so if there is none.
fn img(arguments: &[&str]) -> bool {
    match Command::new("qemu-img").args(arguments).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{arguments:?}: {text}");
            true
        }
        Err(_) => {
            let test = std::thread::current();
            eprintln!("{}: skipped, qemu-img can't be had", test.name().unwrap());
            false
        }
    }
}

fn create(image: &Path, backing: &str, format: &str) -> bool {
    let image = image.to_str().unwrap();
    let size = SIZE.to_string();
    img(&[
        "create", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", format, image, &size,
    ])
}

async fn pulled(disk: &Arc<dyn DiskSource>) -> (Vec<u8>, usize) {
    let mut steps = Box::pin(walk(Arc::clone(disk), 1 << 18, 4));
    let (mut bytes, mut read) = (Vec::new(), 0);
    while let Some(step) = steps.next().await {
        match step.unwrap() {
            Step::Data { piece, .. } => {
                read += piece.bytes.len();
                bytes.extend_from_slice(&piece.bytes);
            }
            Step::Zeros(extent) => bytes.resize(usize::try_from(extent.end()).unwrap(), 0),
        }
    }
    (bytes, read)
}

#[tokio::test]
async fn raw_images_are_read_without_their_holes_and_may_not_change() {
    let place = Place::new();
    let expected = place.raw("i/one/vda.raw");
    let told = place.driver.describe("one").await.unwrap();
    assert_eq!(
        (told.disks[0].name.as_str(), told.disks[0].size),
        ("vda", SIZE as u64)
    );
    let acquisition = place.begin("one").await.unwrap();
    let (bytes, read) = pulled(&acquisition.disks()[0]).await;
    assert!(bytes == expected);
    assert_eq!(read, 2 << 20);
    acquisition.finish().await.unwrap();
    let acquisition = place.begin("one").await.unwrap();
    let file = fs::File::options()
        .write(true)
        .open(place.path("i/one/vda.raw"))
        .unwrap();
    file.write_all_at(b"x", 0).unwrap();
    assert_eq!(acquisition.finish().await, Err(Error::SnapshotBroken));
    // A guest that writes the header of another format to its disk gains nothing.
    file.write_all_at(b"QFI\xfb\0\0\0\x03", 0).unwrap();
    let acquisition = place.begin("one").await.unwrap();
    assert_eq!(acquisition.disks()[0].length(), SIZE as u64);
}

#[tokio::test]
async fn chains_within_the_folders_are_read() {
    let place = Place::new();
    let expected = place.raw("shared/base.raw");
    let (middle, top) = (
        place.path("i/one/middle.base"),
        place.path("i/one/vda.qcow2"),
    );
    if !create(
        &middle,
        place.path("shared/base.raw").to_str().unwrap(),
        "raw",
    ) {
        return;
    }
    create(&top, "./../one/middle.base", "qcow2");
    let acquisition = place.begin("one").await.unwrap();
    let (bytes, _) = pulled(&acquisition.disks()[0]).await;
    assert!(bytes == expected);
    acquisition.finish().await.unwrap();
    // A data file beside it.
    fs::remove_file(&top).unwrap();
    let (raw, data) = (place.path("shared/base.raw"), place.path("i/one/data"));
    let option = format!("data_file={},data_file_raw=on", data.to_str().unwrap());
    let (raw, image) = (raw.to_str().unwrap(), top.to_str().unwrap());
    img(&[
        "convert", "-f", "raw", "-O", "qcow2", "-o", &option, raw, image,
    ]);
    let acquisition = place.begin("one").await.unwrap();
    let (bytes, _) = pulled(&acquisition.disks()[0]).await;
    assert!(bytes == expected);
    acquisition.finish().await.unwrap();
    // Nothing is left in the private folder.
    assert_eq!(fs::read_dir(place.path("private")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_image_refers_to_nothing_outside_of_its_folders() {
    let place = Place::new();
    place.raw("i/two/vda.raw");
    place.raw("else/x");
    let image = place.path("i/one/vda.qcow2");
    let two = place.path("i/two/vda.raw");
    let shared = place.path("shared/../i/two/vda.raw");
    symlink(&two, place.path("i/one/link")).unwrap();
    symlink(place.path("i/two"), place.path("i/one/folder")).unwrap();
    for backing in [
        "/etc/shadow",
        "/dev/null",
        "../two/vda.raw",
        two.to_str().unwrap(),
        shared.to_str().unwrap(),
        "link",
        "folder/vda.raw",
        "nbd:127.0.0.1:1",
        "json:{\"driver\":\"file\",\"filename\":\"/etc/shadow\"}",
        "file:/etc/shadow",
        "../../else/x",
    ] {
        if !create(&image, backing, "raw") {
            return;
        }
        place.refused(backing).await;
    }
    // By a data file.
    let option = format!("data_file={}", place.path("else/data").to_str().unwrap());
    img(&[
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        &option,
        image.to_str().unwrap(),
        "8M",
    ]);
    place.refused("a data file").await;
    // A format that would be guessed, or brings its own references.
    for format in ["vmdk", "qed"] {
        create(&image, place.path("shared/base").to_str().unwrap(), format);
        place.refused(format).await;
    }
    // Itself a link, or no file.
    symlink(&two, &image).unwrap();
    place.refused("a link").await;
    let made = Command::new("mkfifo").arg(&image).status().unwrap();
    assert!(made.success());
    place.refused("a pipe").await;
}

#[tokio::test]
async fn what_is_too_long_or_too_large_is_refused() {
    let place = Place::new();
    let image = place.path("i/one/vda.qcow2");
    // Round and round.
    if !create(&image, "vda.qcow2", "qcow2") {
        return;
    }
    let refused = place.begin("one").await.map(drop);
    assert_eq!(refused, Err(Error::Limit("the chain of an image")));
    let path = image.to_str().unwrap();
    img(&[
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        "cluster_size=2M",
        path,
        "60T",
    ]);
    assert!(fs::metadata(&image).unwrap().len() < 16 << 20);
    let refused = place.begin("one").await.map(drop);
    assert_eq!(refused, Err(Error::Limit("the size of an image")));
    fs::write(&image, b"QFI\xfb").unwrap();
    assert!(matches!(
        place.begin("one").await.map(drop),
        Err(Error::Invalid(_))
    ));
    for name in ["", ".", "..", "one/../two", "/etc", "none", "a\0b"] {
        assert!(place.begin(name).await.is_err(), "{name:?}");
    }
}

proptest::proptest! {
    #[test]
    fn any_header_is_read_or_refused(
        mut head in proptest::collection::vec(proptest::num::u8::ANY, 0..2_048),
        version in 2_u8..4,
        plausible: bool,
    ) {
        if let Some(start) = head.get_mut(..8) {
            start.copy_from_slice(&[b'Q', b'F', b'I', 0xfb, 0, 0, 0, version]);
        }
        if plausible && head.len() > 104 {
            head[8..20].copy_from_slice(&[0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 9]);
            head[20..24].copy_from_slice(&[0, 0, 0, 16]);
            head[32..40].fill(0);
            head[56..60].fill(0);
            head[72..79].fill(0);
            head[100..104].copy_from_slice(&[0, 0, 0, 104]);
        }
        let _ = Header::parse(&head);
    }
}
