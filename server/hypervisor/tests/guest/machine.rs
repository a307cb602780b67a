//! The guest: what it boots and what it does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cordon_hypervisor::qemu::{Qemu, QemuConfig};
use cordon_hypervisor::watchdog::WatchdogCommand;
use tempfile::TempDir;

/// What a process of the guest holds in memory and nothing holds on a disk. The guest makes it by
/// turning round what it is given, so that neither kernel nor initramfs have it.
pub(crate) const SECRET: &str = "swordfish-7f3a91-never-on-a-disk";
/// The guest's memory, in MiB.
pub(crate) const MEMORY: u64 = 256;
/// The size of each disk, in bytes.
pub(crate) const DISK: u64 = 64 << 20;

const MODULES: [&str; 6] = [
    "virtio/virtio_ring",
    "virtio/virtio",
    "virtio/virtio_pci_legacy_dev",
    "virtio/virtio_pci_modern_dev",
    "virtio/virtio_pci",
    "block/virtio_blk",
];

/// One guest at a time: emulation is slow enough alone.
static TURN: Mutex<()> = Mutex::new(());

/// A guest that runs, with three disks: `vd0` has a file system, `vd1` and `vd2` get the same counter,
/// one after the other. Ends with its test.
pub(crate) struct Guest {
    pub(crate) folder: TempDir,
    child: Child,
    _turn: MutexGuard<'static, ()>,
}

impl Guest {
    /// Boots one, or says why the test is skipped.
    pub(crate) fn boot() -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let test = std::thread::current();
        let skipped = |what: &str| {
            eprintln!(
                "{}: skipped, {what} can't be had",
                test.name().unwrap_or("?")
            );
            None
        };
        let Some((kernel, modules)) = kernel() else {
            return skipped("a kernel from linux-image-cloud-amd64");
        };
        for program in [
            "qemu-system-x86_64",
            "qemu-img",
            "busybox",
            "cpio",
            "mkfs.ext4",
        ] {
            if which(program).is_none() {
                return skipped(program);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        initramfs(at, &modules);
        for disk in 0..3 {
            let raw = at.join("raw");
            let file = fs::File::create(&raw).unwrap();
            file.set_len(DISK).unwrap();
            if disk == 0 {
                run(Command::new("mkfs.ext4")
                    .args(["-q", "-b", "4096"])
                    .arg(&raw));
            }
            let image = image(at, disk);
            let convert = ["convert", "-f", "raw", "-O", "qcow2"];
            run(Command::new("qemu-img").args(convert).arg(&raw).arg(&image));
        }
        fs::create_dir_all(at.join("instances/guest")).unwrap();
        let mut qemu = Command::new("nice");
        let fixed = [
            "-n",
            "19",
            "qemu-system-x86_64",
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
            "-accel",
            "tcg",
        ];
        qemu.args(fixed).args(["-m", &MEMORY.to_string()]);
        qemu.arg("-kernel")
            .arg(kernel)
            .arg("-initrd")
            .arg(at.join("initrd"));
        qemu.args(["-append", "console=ttyS0 quiet panic=-1"]);
        qemu.arg("-serial")
            .arg(format!("file:{}", at.join("serial").display()));
        let monitor = at.join("instances/guest/monitor.sock");
        qemu.arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", monitor.display()));
        for disk in 0..3 {
            let file = image(at, disk);
            let file = file.display();
            qemu.arg("-blockdev");
            qemu.arg(format!(
                "driver=file,filename={file},node-name=disk{disk}-file"
            ));
            qemu.arg("-blockdev");
            qemu.arg(format!(
                "driver=qcow2,file=disk{disk}-file,node-name=disk{disk}"
            ));
            qemu.arg("-device");
            qemu.arg(format!("virtio-blk-pci,drive=disk{disk},id=vd{disk}"));
        }
        qemu.stdin(Stdio::null());
        let child = qemu.spawn().unwrap();
        let guest = Self {
            folder,
            child,
            _turn: turn,
        };
        guest.wait_until(Duration::from_secs(120), "it boots", |guest| {
            guest.ticks() > 3
        });
        Some(guest)
    }

    /// How often it has written to all of its disks.
    pub(crate) fn ticks(&self) -> u64 {
        let serial = fs::read(self.folder.path().join("serial")).unwrap_or_default();
        let serial = String::from_utf8_lossy(&serial);
        let lines = serial.lines().rev();
        let ticks = lines.filter_map(|line| line.trim().strip_prefix("tick ")?.parse().ok());
        ticks.into_iter().next().unwrap_or(0)
    }

    /// That it goes on writing.
    pub(crate) fn goes_on(&self) {
        let before = self.ticks();
        self.wait_until(Duration::from_secs(30), "the guest goes on", |guest| {
            guest.ticks() > before + 2
        });
    }

    /// That it stands still.
    pub(crate) fn stands_still(&self) {
        std::thread::sleep(Duration::from_millis(300));
        let before = self.ticks();
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(self.ticks(), before);
    }

    pub(crate) fn wait_until(&self, limit: Duration, what: &str, met: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !met(self) {
            if began.elapsed() > limit {
                let serial = fs::read(self.folder.path().join("serial")).unwrap_or_default();
                panic!(
                    "waited in vain: {what}\n{}",
                    String::from_utf8_lossy(&serial)
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The driver for it.
    pub(crate) fn driver(&self) -> Qemu {
        Qemu::new(config(self.folder.path())).unwrap()
    }

    pub(crate) fn monitor(&self) -> PathBuf {
        self.folder.path().join("instances/guest/monitor.sock")
    }

    /// A copy of a disk as it is in its image now, which is right only while the guest stands still.
    pub(crate) fn copy(&self, disk: usize) -> Vec<u8> {
        let raw = self.folder.path().join("copy");
        let image = image(self.folder.path(), disk);
        let convert = ["convert", "-U", "-f", "qcow2", "-O", "raw"];
        run(Command::new("qemu-img").args(convert).arg(image).arg(&raw));
        fs::read(raw).unwrap()
    }

    /// Ends it, as a host does that fails.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The configuration of a driver for the guest in that folder.
pub(crate) fn config(folder: &Path) -> QemuConfig {
    let watchdog = WatchdogCommand {
        program: env!("CARGO_BIN_EXE_cordon-watchdog").into(),
        arguments: Vec::new(),
    };
    let private = folder.join("private");
    QemuConfig::new(
        folder.join("instances"),
        private,
        folder.to_owned(),
        watchdog,
    )
}

pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.extend(["/sbin".into(), "/usr/sbin".into()]);
    let found = folders.into_iter().map(|folder| folder.join(program));
    found.into_iter().find(|path| path.is_file())
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}

fn image(folder: &Path, disk: usize) -> PathBuf {
    folder.join(format!("disk{disk}.qcow2"))
}

fn kernel() -> Option<(PathBuf, PathBuf)> {
    let entries = fs::read_dir("/boot").ok()?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.into_iter().find_map(|name| {
        let version = name.strip_prefix("vmlinuz-")?.to_owned();
        let modules = Path::new("/lib/modules")
            .join(&version)
            .join("kernel/drivers");
        let usable = version.contains("cloud-amd64") && modules.is_dir();
        usable.then(|| (Path::new("/boot").join(&name), modules))
    })
}

fn initramfs(at: &Path, modules: &Path) {
    let root = at.join("root");
    for folder in ["bin", "m", "proc", "sys", "dev", "mnt"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::copy(which("busybox").unwrap(), root.join("bin/busybox")).unwrap();
    let mut loads = String::new();
    for module in MODULES {
        let name = module.rsplit('/').next().unwrap();
        fs::copy(
            modules.join(format!("{module}.ko")),
            root.join(format!("m/{name}.ko")),
        )
        .unwrap();
        loads.push_str(&format!("insmod /m/{name}.ko\n"));
    }
    let turned: String = SECRET.chars().rev().collect();
    let init = format!(
        "#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
{loads}
while ! [ -b /dev/vdc ]; do sleep 0.1; done
mount -t ext4 /dev/vda /mnt
SECRET=$(echo {turned} | rev)
export SECRET
sleep 1000000 &
i=0
while true; do
  i=$((i+1))
  printf '%-511s\\n' $i > /block
  dd if=/block of=/dev/vdb conv=notrunc,fsync 2>/dev/null
  dd if=/block of=/dev/vdc conv=notrunc,fsync 2>/dev/null
  dd if=/dev/urandom of=/mnt/file$((i % 9)) bs=64k count=3 conv=notrunc 2>/dev/null
  echo line $i >> /mnt/log$((i % 5))
  rm -f /mnt/gone$((i % 3)); echo $i > /mnt/gone$(((i + 1) % 3))
  sync
  echo tick $i > /dev/ttyS0
done
"
    );
    fs::write(root.join("init"), init).unwrap();
    fs::set_permissions(root.join("init"), fs::Permissions::from_mode(0o755)).unwrap();
    let script = "cd \"$1\" && find . | cpio --quiet -o -H newc > \"$2\"";
    run(Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(&root)
        .arg(at.join("initrd")));
}
