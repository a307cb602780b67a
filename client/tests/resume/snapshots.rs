//! What the command line makes of forensic snapshots.

use cordon_proto::evidence::snapshot::State;
use serde_json::Value;
use tonic::{Code, Status};

use super::cli::{Desk, Ran};
use super::fake::evidence::{BLOCK, Evidence, ID, Taken, change, name, sealed_manifest};
use super::incidents::asked;
use super::refusal;
use super::statements::key;

fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

/// A desk whose server has a snapshot of two items, and its keys in `keys.json`.
async fn desk() -> Desk {
    let desk = Desk::new().await;
    *desk.fake.script.keys.lock().unwrap() = vec![key("former", 1)];
    let items = vec![
        Taken::new("vda.raw", "dd__d", 100),
        Taken::new("vdb.raw", "d", 0),
    ];
    *desk.fake.script.evidence.lock().unwrap() = Evidence::of(items);
    done(desk.run(&["signing-keys", "--out", "keys.json"]));
    asked(&desk.fake.script);
    desk
}

const DOWNLOAD: [&str; 7] = [
    "snapshots",
    "download",
    ID,
    "--out",
    "evidence",
    "--reason",
    "to be looked into",
];

fn verify(desk: &Desk, what: &str) -> Ran {
    desk.run(&["snapshots", "verify", what, "--keys", "keys.json"])
}

#[tokio::test]
async fn a_snapshot_is_fetched_and_checked_with_nobody_to_ask() {
    let mut desk = desk().await;
    desk.fake.script.evidence.lock().unwrap().breaks.extend([2]);
    let ran = done(desk.run(&DOWNLOAD));
    let rows: Vec<_> = ran.stdout.lines().collect();
    assert!(rows[0].starts_with("ITEM"), "{}", ran.stdout);
    assert!(rows[1].starts_with("manifest.json "), "{}", ran.stdout);
    assert!(rows[1].contains("signed by former, of 2023-11-14T22:13:29Z"));
    assert_eq!(rows[2], "vda.raw         327780  what was acquired");
    assert!(
        rows[4].ends_with("4 entries, up to the end that former signed"),
        "{}",
        rows[4]
    );
    assert!(
        ran.stderr.contains("cordon snapshots verify evidence"),
        "{}",
        ran.stderr
    );
    let folder = desk.path("evidence");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "custody-head.json",
            "custody.ndjson",
            "manifest.json",
            "vda.raw",
            "vda.raw.blocks",
            "vdb.raw",
            "vdb.raw.blocks"
        ]
    );
    let evidence = desk.fake.script.evidence.lock().unwrap().items[0].clone();
    assert_eq!(
        std::fs::read(folder.join("vda.raw")).unwrap(),
        evidence.bytes
    );
    assert_eq!(
        std::fs::read(folder.join("vda.raw.blocks")).unwrap(),
        evidence.list
    );

    // Once more: nothing is fetched again.
    asked(&desk.fake.script);
    done(desk.run(&DOWNLOAD));
    let calls = asked(&desk.fake.script);
    assert!(
        !calls
            .iter()
            .any(|call| call.contains("download_item") || call.contains("block_list"))
    );

    desk.fake.stop();
    std::fs::remove_file(desk.path("p.toml")).unwrap();
    let ran = done(verify(&desk, "evidence"));
    assert_eq!(
        ran.stdout.matches("what was acquired").count(),
        2,
        "{}",
        ran.stdout
    );
    let ran = done(verify(&desk, "evidence/vdb.raw"));
    assert!(!ran.stdout.contains("vda.raw") && !ran.stdout.contains("custody"));

    // A flipped bit.
    let at = 4 * BLOCK + 17;
    let mut bytes = evidence.bytes.clone();
    bytes[at] ^= 1;
    std::fs::write(folder.join("vda.raw"), &bytes).unwrap();
    let ran = verify(&desk, "evidence");
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    let said = format!("differs: block 4 (65536 bytes from byte {} on)", 4 * BLOCK);
    assert!(ran.stdout.contains(&said), "{}", ran.stdout);
    let ran = desk.run(&[
        "snapshots",
        "verify",
        "evidence",
        "--keys",
        "keys.json",
        "-o",
        "json",
    ]);
    assert_eq!(ran.code, 7);
    let read: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(read["items"][0]["result"], "DIFFERS");
    assert_eq!(read["items"][0]["block"], 4);
    assert_eq!(read["items"][0]["offset"], 4 * BLOCK);
    assert_eq!(read["items"][1]["result"], "SAME");
    assert_eq!(read["custody"]["entries"], 4);
    assert_eq!(read["same"], false);

    // An end that is gone; a file that is not there; a list and a chain that were changed.
    std::fs::write(folder.join("vda.raw"), &evidence.bytes[..at]).unwrap();
    let ran = verify(&desk, "evidence/vda.raw");
    assert_eq!(ran.code, 7);
    assert!(
        ran.stdout.contains("the bytes end at byte"),
        "{}",
        ran.stdout
    );
    std::fs::remove_file(folder.join("vda.raw")).unwrap();
    assert!(done(verify(&desk, "evidence")).stdout.contains("not there"));
    assert_eq!(verify(&desk, "evidence/vda.raw").code, 1);
    let list = folder.join("vdb.raw.blocks");
    let mut changed = std::fs::read(&list).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&list, changed).unwrap();
    let ran = verify(&desk, "evidence");
    assert_eq!(ran.code, 7);
    assert!(
        ran.stdout.contains("the list has another root"),
        "{}",
        ran.stdout
    );
    let chain = folder.join("custody.ndjson");
    let lines = std::fs::read_to_string(&chain).unwrap();
    let cut: String = lines.split_inclusive('\n').take(2).collect();
    std::fs::write(&chain, cut).unwrap();
    let ran = verify(&desk, "evidence");
    assert!(
        ran.stdout
            .contains("the chain has 2 entries, and the end that was signed is that of 4")
    );
    // A manifest by nobody that is known.
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    std::fs::write(
        folder.join("manifest.json"),
        manifest.replace("former", "nobody"),
    )
    .unwrap();
    let ran = verify(&desk, "evidence");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("UNKNOWN_KEY"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_download_that_fails_says_how_to_go_on() {
    let desk = desk().await;
    let set = |change: fn(&mut Evidence)| change(&mut desk.fake.script.evidence.lock().unwrap());
    set(|evidence| evidence.flipped = Some(BLOCK + 3));
    let ran = desk.run(&DOWNLOAD);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("vda.raw: block 1 (65536 bytes from byte 65536 on)")
    );
    assert!(
        ran.stderr.contains("the good blocks are kept"),
        "{}",
        ran.stderr
    );
    assert!(desk.path("evidence/vda.raw.partial").exists());
    assert!(
        done(verify(&desk, "evidence"))
            .stdout
            .contains("not whole yet")
    );

    set(|evidence| {
        evidence.flipped = None;
        evidence.damaged = Some(4);
    });
    let ran = desk.run(&DOWNLOAD);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("[EVIDENCE_DAMAGED]\nhint: the evidence in the provider's store")
    );
    set(|evidence| evidence.damaged = None);
    let ran = done(desk.run(&DOWNLOAD));
    assert!(
        ran.stderr.contains("vda.raw: 128.00 KiB were there, "),
        "{}",
        ran.stderr
    );

    let ran = desk.run(&[&DOWNLOAD[..], &["--item", "vdc.raw"]].concat());
    assert_eq!(ran.code, 4);
    assert!(
        ran.stderr.contains("it has vda.raw, vdb.raw"),
        "{}",
        ran.stderr
    );
    // A file of another's is not written to.
    std::fs::write(desk.path("evidence/vdb.raw"), "mine").unwrap();
    let ran = desk.run(&DOWNLOAD);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("vdb.raw is there and is not the item"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        std::fs::read(desk.path("evidence/vdb.raw")).unwrap(),
        b"mine"
    );
    std::fs::remove_file(desk.path("evidence/vdb.raw")).unwrap();
    // A chain that does not go on from the one that is known.
    let chain = desk.path("evidence/custody.ndjson");
    let known = std::fs::read_to_string(&chain)
        .unwrap()
        .replace("jane", "john");
    std::fs::write(&chain, &known).unwrap();
    let ran = desk.run(&DOWNLOAD);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("does not go on from the one in"),
        "{}",
        ran.stderr
    );
    assert_eq!(std::fs::read_to_string(&chain).unwrap(), known);
    // Another snapshot's folder.
    std::fs::write(desk.path("evidence/manifest.json"), "{}").unwrap();
    let ran = desk.run(&DOWNLOAD);
    assert!(ran.stderr.contains("give another folder"), "{}", ran.stderr);
}

#[tokio::test]
async fn no_name_of_the_servers_leads_out_of_the_folder() {
    let desk = desk().await;
    let manifest = desk.fake.script.evidence.lock().unwrap().manifest();
    let text = String::from_utf8(manifest).unwrap();
    for (hostile, said) in [
        ("../.raw", "items[1].name"),
        ("/db.raw", "items[1].name"),
        ("vdb.blocks", "in the place of another file"),
        ("custody.ndjson", "in the place of another file"),
        ("Manifest.json", "in the place of another file"),
    ] {
        let text = text.replace("\"vdb.raw\"", &format!("\"{hostile}\""));
        *desk.fake.script.manifest.lock().unwrap() = Some(sealed_manifest(text.as_bytes()));
        let ran = desk.run(&DOWNLOAD);
        assert_ne!(ran.code, 0, "{hostile}");
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(!desk.path("evidence").exists(), "{hostile}");
    }
    // The manifest of another snapshot.
    let other = text.replace(ID, "0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f0");
    *desk.fake.script.manifest.lock().unwrap() = Some(sealed_manifest(other.as_bytes()));
    let ran = desk.run(&DOWNLOAD);
    assert_eq!(ran.code, 1);
    assert!(!desk.path("evidence").exists());
}

#[tokio::test]
async fn a_snapshot_is_asked_for_waited_for_and_shown() {
    let desk = desk().await;
    let create = ["snapshots", "create", "i-0123", "--reason", "ransom note"];
    let watches = &desk.fake.script.snapshot_watches;
    watches.lock().unwrap().push_back(vec![
        change(State::Acquiring, 10),
        Err(Status::unavailable("going down")),
    ]);
    let ran = done(desk.run(&create));
    assert!(
        ran.stdout.starts_with("Ransom\\u001b[2J note\n"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .contains("  vda.raw (disk): 100 B, 60 B of it data"),
        "{}",
        ran.stdout
    );
    let calls = asked(&desk.fake.script);
    let said = "i-0123 \"\" \"ransom note\" false true [] false Live 0";
    assert_eq!(calls[0], format!("create_snapshot tenants/acme {said}"));

    let all = [
        "--memory",
        "--disk",
        "vda",
        "--disk",
        "vdb",
        "--network",
        "--consistency",
        "paused",
        "--rate",
        "100M",
        "--no-wait",
    ];
    let ran = done(desk.run(&[&create[..], &all].concat()));
    assert_eq!(ran.stdout, format!("{}\n", name()));
    assert!(ran.stderr.contains(&format!("snapshots cancel {ID}")));
    let said = "true true [\"vda\", \"vdb\"] true Paused 104857600";
    assert!(asked(&desk.fake.script)[0].ends_with(said));
    done(desk.run(&[&create[..], &["--memory", "--no-wait"]].concat()));
    assert!(asked(&desk.fake.script)[0].ends_with("true false [] false Live 0"));

    let failed = vec![change(State::Failed, 10)];
    watches.lock().unwrap().push_back(failed);
    let ran = desk.run(&create);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("the instance moved to another host: ask again [INSTANCE_GONE]")
    );
    let refused = Err(refusal(Code::PermissionDenied, "PERMISSION_DENIED"));
    watches.lock().unwrap().push_back(vec![refused]);
    let ran = desk.run(&create);
    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr.contains("goes on: cordon snapshots watch"),
        "{}",
        ran.stderr
    );

    let run = |arguments: &[&str]| done(desk.run(&[&["snapshots"], arguments].concat())).stdout;
    let listed = run(&["list"]);
    let rows: Vec<_> = listed.lines().collect();
    assert!(rows[0].starts_with("STATE      INSTANCE"), "{listed}");
    assert!(rows[1].starts_with("acquiring  i-0123"), "{listed}");
    assert!(
        rows[2].ends_with(ID) && rows[2].contains("Ransom\\u001b[2J"),
        "{listed}"
    );
    let shown: Value = serde_json::from_str(&run(&["show", ID, "-o", "json"])).unwrap();
    assert_eq!(shown["state"], "COMPLETE");
    assert_eq!(shown["items"][0]["kind"], "DISK");
    watches.lock().unwrap().push_back(vec![
        change(State::Acquiring, 50),
        change(State::Complete, 100),
    ]);
    let followed = run(&["watch", ID]);
    assert_eq!(followed.lines().count(), 3, "{followed}");
    assert!(followed.contains("acquiring  50 B"), "{followed}");
    assert!(run(&["cancel", ID]).contains("cancelled"));
}

#[tokio::test]
async fn the_chain_of_custody_is_shown_when_it_holds() {
    let desk = desk().await;
    done(desk.run(&DOWNLOAD));
    let ran = done(desk.run(&["snapshots", "custody", ID]));
    let rows: Vec<_> = ran.stdout.lines().collect();
    assert!(rows[0].starts_with("SEQUENCE  TIME"), "{}", ran.stdout);
    assert!(rows[1].contains("acquired") && rows[1].contains("vda.raw vdb.raw"));
    assert!(rows[2].contains("read") && rows[2].ends_with("to be looked into"));
    assert!(
        ran.stderr.contains("to the end that former signed: 3 "),
        "{}",
        ran.stderr
    );
    let ran = done(desk.run(&["snapshots", "custody", ID, "-o", "ndjson"]));
    let kept = std::fs::read_to_string(desk.path("evidence/custody.ndjson")).unwrap();
    assert_eq!(ran.stdout, kept, "byte for byte");
    // Of another manifest's chain nothing is shown.
    let other = Evidence::of(vec![Taken::new("vda.raw", "d", 0)]);
    *desk.fake.script.manifest.lock().unwrap() = Some(other.envelope());
    let ran = desk.run(&["snapshots", "custody", ID]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("another manifest"), "{}", ran.stderr);
}

#[tokio::test]
async fn snapshots_are_held_released_and_destroyed() {
    let desk = desk().await;
    let run = |arguments: &[&str]| done(desk.run(&[&["snapshots"], arguments].concat()));
    run(&[
        "hold",
        ID,
        "--reason",
        "lawsuit",
        "--compliance",
        "--until",
        "90d",
    ]);
    let holds = run(&["holds", ID]).stdout;
    assert!(
        holds.contains("compliance  2023-11-14T22:13:20Z"),
        "{holds}"
    );
    assert!(holds.contains("a lawsuit\\u001b[2J"), "{holds}");
    let hold = format!("{}/holds/{ID}", name());
    run(&["release", &hold, "--reason", "settled"]);
    let ran = run(&[
        "delete",
        ID,
        "--reason",
        "over",
        "--certificate",
        "gone.json",
    ]);
    assert!(ran.stdout.contains("is destroyed"), "{}", ran.stdout);
    let name = name();
    assert_eq!(
        asked(&desk.fake.script),
        [
            format!("hold {name} \"lawsuit\" Compliance true"),
            format!("holds {name}"),
            format!("release {hold} \"settled\""),
            format!("get_snapshot {name}"),
            format!("delete {name} \"over\""),
        ]
    );
    let ran = run(&["delete", ID, "--reason", "over", "--yes"]);
    assert!(ran.stdout.contains("payloadType"), "{}", ran.stdout);
    assert!(ran.stderr.contains("is destroyed"));
    let ran = run(&["delete", ID, "--reason", "over", "--yes", "-o", "json"]);
    let said: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(said["snapshot"]["state"], "DELETED");
    assert!(said["certificate"]["payload"].is_string());
}

#[tokio::test]
async fn what_is_signed_of_snapshots_is_verified_as_any_statement() {
    let desk = desk().await;
    done(desk.run(&DOWNLOAD));
    let delete = ["snapshots", "delete", ID, "--reason", "over"];
    done(desk.run(&[&delete[..], &["--certificate", "gone.json"]].concat()));
    for (file, kind, said) in [
        (
            "evidence/manifest.json",
            "urn:cordon:snapshot-manifest:v1",
            "ransom note",
        ),
        (
            "evidence/custody-head.json",
            "urn:cordon:custody-head:v1",
            "manifestSha256",
        ),
        (
            "gone.json",
            "urn:cordon:snapshot-deletion:v1",
            "objectsDeleted",
        ),
    ] {
        let ran = done(desk.run(&["verify", file, "--keys", "keys.json"]));
        assert!(
            ran.stdout.contains(&format!("says       {kind}\n")),
            "{}",
            ran.stdout
        );
        assert!(ran.stdout.contains(said), "{}", ran.stdout);
        let hint = ran.stderr.contains("cordon snapshots verify FOLDER");
        assert_eq!(hint, file.ends_with("manifest.json"), "{}", ran.stderr);
    }
}
