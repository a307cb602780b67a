//! Snapshots from asking to destruction, by the command line, and checked without the server.

use std::path::Path;

use serde_json::Value;

use crate::harness::{World, binary};

/// The machine of acme's that quickstart has.
const MACHINE: &str = "i-0f3c2a91d4e5b6a70";

fn run(profile: Option<&Path>, arguments: &[&str]) -> std::process::Output {
    let mut command = std::process::Command::new(binary("cordon"));
    if let Some(profile) = profile {
        command.arg("--profile").arg(profile);
    }
    command
        .args(arguments)
        .env_remove("CORDON_PROFILE")
        .output()
        .unwrap()
}

fn does(profile: &Path, arguments: &[&str]) -> String {
    let output = run(Some(profile), arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(profile: &Path, arguments: &[&str]) -> Value {
    let said = does(profile, &[arguments, &["-o", "json"]].concat());
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said}"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What another program says of a file.
fn sha256sum(path: &Path) -> String {
    let output = std::process::Command::new("sha256sum")
        .arg(path)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_taken_checked_offline_held_and_destroyed() {
    let world = World::new().await;
    let data = world.server.data.clone();
    let folder = world.folder.path().to_owned();
    let profile = |name: &str| data.join(format!("profiles/{name}.toml"));
    let (responder, reader, other) = (
        profile("acme-responder"),
        profile("acme-reader"),
        profile("globex-responder"),
    );
    let image = data.join("machines").join(MACHINE).join("vda.raw");
    let out = folder.join("evidence");
    let keys = folder.join("keys.json");
    let operator = profile("operator");
    let name = tokio::task::block_in_place(|| {
        let taken = json(
            &responder,
            &["snapshots", "create", MACHINE, "--reason", "who was on it"],
        );
        assert_eq!(taken["state"], "COMPLETE", "{taken}");
        let name = taken["name"].as_str().unwrap().to_owned();
        // The same machine is not another customer's to take, and what is in it not a reader's to see.
        let arguments = ["snapshots", "create", MACHINE, "--reason", "x"];
        assert_eq!(run(Some(&other), &arguments).status.code(), Some(4));
        let to = folder.join("no");
        let arguments = [
            "snapshots",
            "download",
            &name,
            "--out",
            text(&to),
            "--reason",
            "x",
        ];
        assert_eq!(run(Some(&reader), &arguments).status.code(), Some(3));

        let download = [
            "snapshots",
            "download",
            &name,
            "--out",
            text(&out),
            "--reason",
            "a trial",
        ];
        does(&responder, &download);
        let disk = out.join("vda.raw");
        assert_eq!(
            sha256sum(&disk),
            sha256sum(&image),
            "as another program has it"
        );
        assert_eq!(taken["items"][0]["sha256"], sha256sum(&disk).as_str());
        does(&operator, &["signing-keys", "--out", text(&keys)]);
        name
    });
    // Nobody is asked any more.
    world.server.stop().await;
    tokio::task::block_in_place(|| {
        let verify = ["snapshots", "verify", text(&out), "--keys", text(&keys)];
        let verified = run(None, &verify);
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert!(verified.status.success(), "{said}");
        // One bit is found and named.
        let disk = out.join("vda.raw");
        let mut bytes = std::fs::read(&disk).unwrap();
        bytes[(9 << 20) + 5] ^= 1;
        std::fs::write(&disk, bytes).unwrap();
        let differs = run(None, &verify);
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&differs.stdout),
            String::from_utf8_lossy(&differs.stderr)
        );
        assert_eq!(differs.status.code(), Some(7), "{said}");
        assert!(said.contains("block 9"), "{said}");
    });
    let server = crate::harness::Server::start(&data).await;
    tokio::task::block_in_place(|| {
        let held = json(
            &responder,
            &["snapshots", "hold", &name, "--reason", "a trial"],
        );
        let issue = ["admin", "credentials", "issue", "acme", "--role", "admin"];
        let admin = folder.join("acme-admin.toml");
        does(&operator, &[&issue[..], &["--out", text(&admin)]].concat());
        let delete = ["snapshots", "delete", &name, "--reason", "it is over"];
        assert_eq!(run(Some(&admin), &delete).status.code(), Some(1));
        let hold = held["name"].as_str().unwrap();
        let release = ["snapshots", "release", hold, "--reason", "it is over"];
        does(&responder, &release);
        let certificate = folder.join("certificate.json");
        let kept = ["--certificate", text(&certificate)];
        does(&admin, &[&delete[..], &kept].concat());
        let verified = does(
            &admin,
            &["verify", text(&certificate), "--keys", text(&keys)],
        );
        assert!(verified.contains("cryptographic erase"), "{verified}");
        let again = folder.join("again");
        let arguments = [
            "snapshots",
            "download",
            &name,
            "--out",
            text(&again),
            "--reason",
            "x",
        ];
        assert_eq!(run(Some(&responder), &arguments).status.code(), Some(1));
        let custody = json(&responder, &["snapshots", "custody", &name]);
        let acts: Vec<&str> = custody
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["act"]["kind"].as_str().unwrap())
            .collect();
        assert_eq!(acts.first(), Some(&"acquired"));
        assert!(acts.contains(&"read"));
        assert_eq!(acts[acts.len() - 3..], ["held", "released", "deleted"]);
    });
    server.stop().await;
}
