//! What the client and the command line make of what a tenant tells of its own.

use cordon_client::{Asset, ContextAbout, ContextChanges, ContextEntry, ContextKind, Reason};
use futures::TryStreamExt as _;
use serde_json::Value;

use super::cli::Desk;
use super::fake::Fake;
use super::fake::detection::ID;
use super::incidents::{asked, marks};

fn entry() -> String {
    format!("tenants/acme/contextEntries/{ID}")
}

#[tokio::test]
async fn each_call_says_what_is_meant() {
    let fake = Fake::start().await;
    let context = fake.client().await.context();
    let asset = ContextAbout::Asset(Asset {
        identifiers: vec!["payroll".to_owned()],
        crown_jewel: true,
        ..Asset::default()
    });
    let made = context.create("Payroll", "", asset).await.unwrap();
    assert_eq!(made.name, entry());
    let found = context.by_display_name(ContextKind::Asset, " payroll");
    assert_eq!(found.await.unwrap().name, entry());
    let none = context.by_display_name(ContextKind::Asset, "pay").await;
    assert_eq!(*none.unwrap_err().reason(), Reason::NotFound);
    let all: Vec<ContextEntry> = context.list(None).try_collect().await.unwrap();
    assert_eq!(all.len(), 2);
    let changes = ContextChanges {
        note: Some("n".to_owned()),
        ..ContextChanges::default()
    };
    context.update(ID, changes, "e1").await.unwrap();
    context.delete(ID, "e1").await.unwrap();
    // A large inventory goes in pieces.
    let many = vec![made; 501];
    let sum = context.import(many).await.unwrap();
    assert_eq!((sum.created_count, sum.updated_count), (501, 2));
    let name = entry();
    assert_eq!(
        asked(&fake.script),
        [
            "create_context_entry tenants/acme \"Payroll\" \"\" [\"payroll\"] \"\" true".to_owned(),
            "list_context_entries tenants/acme 1 \"\"".to_owned(),
            "list_context_entries tenants/acme 1 \"2\"".to_owned(),
            "list_context_entries tenants/acme 1 \"\"".to_owned(),
            "list_context_entries tenants/acme 1 \"2\"".to_owned(),
            "list_context_entries tenants/acme 0 \"\"".to_owned(),
            "list_context_entries tenants/acme 0 \"2\"".to_owned(),
            format!("update_context_entry {name} [\"note\"] \"e1\" \"\" \"n\" "),
            format!("delete_context_entry {name} \"e1\""),
            "import_assets tenants/acme 500 \"Payroll\" \"\" [\"payroll\"] \"\" true".to_owned(),
            "import_assets tenants/acme 1 \"Payroll\" \"\" [\"payroll\"] \"\" true".to_owned(),
        ]
    );
    // Each of the calls that change something is marked, and each with a mark of its own.
    let marks = marks(&fake.script);
    assert_eq!(marks.len(), 5);
    let each: std::collections::HashSet<_> = marks.iter().collect();
    assert_eq!(each.len(), 5);
}

#[tokio::test]
async fn the_command_line_tells_shows_and_takes_back() {
    let desk = Desk::new().await;
    let run = |arguments: &[&str]| {
        let ran = desk.run(&[&["context"], arguments].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
        ran.stdout
    };
    let page = run(&[
        "assets",
        "add",
        "Payroll",
        "--id",
        "payroll",
        "--id",
        "i-0abc",
        "--crown-jewel",
    ]);
    assert!(
        page.starts_with(&format!("Payroll\n{}\n", entry())),
        "{page}"
    );
    let times = [
        "--from",
        "2026-11-24T22:00:00Z",
        "--to",
        "2026-11-25T02:00:00Z",
    ];
    let who = [
        "--principal",
        "*user/ana",
        "--operation",
        "Delete*",
        "--ticket",
        "CHG-7",
    ];
    run(&[&["work", "add", "Migration"], &times[..], &who].concat());
    run(&[
        "networks",
        "add",
        "Office",
        "192.0.2.0/24",
        "198.51.100.0/25",
        "--until",
        "30d",
    ]);
    let sent = asked(&desk.fake.script);
    assert_eq!(
        sent,
        [
            "create_context_entry tenants/acme \"Payroll\" \"\" [\"payroll\", \"i-0abc\"] \"\" true",
            "create_context_entry tenants/acme \"Migration\" \"\" 14400 [\"*user/ana\"] [\"Delete*\"] \
             [] \"CHG-7\"",
            "create_context_entry tenants/acme \"Office\" \"\" [\"192.0.2.0/24\", \"198.51.100.0/25\"] \
             true",
        ]
    );

    let listed = run(&["assets", "list"]);
    assert!(listed.starts_with("NAME"), "{listed}");
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let shown = run(&["assets", "show", "payroll"]);
    assert!(
        shown.contains("crown jewel  yes") && !shown.contains('\u{1b}'),
        "{shown}"
    );
    let json: Value = serde_json::from_str(&run(&["assets", "show", ID, "-o", "json"])).unwrap();
    assert_eq!(json["asset"]["identifiers"][0], "arn:aws:s3:::payroll");
    asked(&desk.fake.script);
    // What is not given stays, and is what was read.
    run(&[
        "assets",
        "update",
        "payroll",
        "--role",
        "bonuses",
        "--crown-jewel",
        "false",
    ]);
    run(&["assets", "remove", ID, "--yes"]);
    let sent = asked(&desk.fake.script);
    let name = entry();
    let changed = format!(
        "update_context_entry {name} [\"asset\"] \"e1\" \"\" \"\" [\"arn:aws:s3:::payroll\"] \
         \"bonuses\" false"
    );
    assert!(sent.contains(&changed), "{sent:?}");
    assert_eq!(
        sent.last().unwrap(),
        &format!("delete_context_entry {name} \"e1\"")
    );

    std::fs::write(
        desk.path("assets.csv"),
        "name,identifiers\nweb,i-1 192.0.2.7\ndb,i-2\n",
    )
    .unwrap();
    let said = run(&["assets", "import", "assets.csv"]);
    assert_eq!(said, "2 added, 1 changed, 0 were there already\n");
    assert_eq!(
        asked(&desk.fake.script),
        ["import_assets tenants/acme 2 \"web\" \"\" [\"i-1\", \"192.0.2.7\"] \"\" false"]
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_not_sent() {
    let desk = Desk::new().await;
    std::fs::write(desk.path("bad.csv"), "name,identifiers\nweb,\n").unwrap();
    let times = ["--from", "2026-11-24", "--to", "2026-11-25"];
    for arguments in [
        &["assets", "add", "Payroll"][..],
        &["assets", "update", "Payroll"],
        &["assets", "import", "bad.csv"],
        &[&["work", "add", "All"], &times[..]].concat(),
        &["networks", "add", "Office"],
    ] {
        let ran = desk.run(&[&["context"], arguments].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
    }
    assert!(asked(&desk.fake.script).is_empty());
    // An asset is no network.
    let ran = desk.run(&["context", "networks", "remove", ID, "--yes"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("cordon context assets"),
        "{}",
        ran.stderr
    );
    assert!(
        !asked(&desk.fake.script)
            .iter()
            .any(|call| call.starts_with("delete"))
    );
}
