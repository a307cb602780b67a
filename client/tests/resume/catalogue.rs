//! What the command line makes of facts, services, data sources and readiness.

use cordon_client::{FactFilter, FactKind, Reason};
use futures::TryStreamExt as _;
use serde_json::Value;

use super::cli::Desk;
use super::fake::catalogue::FACT;

fn asked(desk: &Desk) -> Vec<String> {
    std::mem::take(&mut *desk.fake.script.registered.lock().unwrap())
}

fn run(desk: &Desk, arguments: &[&str]) -> String {
    let ran = desk.run(arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
    ran.stdout
}

fn json(desk: &Desk, arguments: &[&str]) -> Value {
    let out = run(desk, &[arguments, &["-o", "json"]].concat());
    serde_json::from_str(&out).unwrap()
}

#[tokio::test]
async fn facts_are_read_as_they_are_and_as_they_were() {
    let desk = Desk::new().await;
    let listed = run(&desk, &["facts", "list", "--kind", "technology", "--all"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 3, "both pages: {listed}");
    assert!(lines[0].starts_with("KIND        STATE    FOR       SERVICE"));
    assert!(lines[1].contains("Machines run on KVM 1"), "{listed}");
    assert!(lines[1].ends_with(FACT), "{listed}");
    let call = "list_facts \"tenants/acme\" FACT_KIND_TECHNOLOGY \"\" now true";
    assert_eq!(asked(&desk), [call, call]);

    let page = run(&desk, &["facts", "show", FACT]);
    assert!(page.starts_with("Machines run on KVM 2\n"), "{page}");
    assert!(page.contains("version    2\n"), "{page}");
    assert!(
        page.ends_with("\n  One host,\n  \\u001b[2Jone tenant.\n"),
        "{page}"
    );
    let then = json(&desk, &["facts", "show", FACT, "--as-of", "2023-01-01"]);
    assert_eq!(
        (&then["version"], &then["state"]),
        (&1.into(), &"CURRENT".into())
    );
    assert_eq!(then["publisher"], Value::Null);
    assert_eq!(
        asked(&desk),
        [
            format!("get_fact tenants/acme/facts/{FACT} now"),
            format!("get_fact tenants/acme/facts/{FACT} 1672531200"),
        ]
    );
    let versions = json(&desk, &["facts", "versions", FACT]);
    assert_eq!(versions.as_array().unwrap().len(), 2);

    // The library says the same.
    let client = desk.fake.client().await;
    let filter = FactFilter {
        kind: Some(FactKind::Technology),
        ..FactFilter::default()
    };
    let facts: Vec<_> = client.facts().list(filter).try_collect().await.unwrap();
    assert_eq!(facts.len(), 2);
}

#[tokio::test]
async fn operators_publish_and_withdraw() {
    let desk = Desk::new().await;
    std::fs::write(desk.path("text.md"), "KVM 9\n").unwrap();
    let publish = [
        "admin",
        "facts",
        "publish",
        "--kind",
        "log-formats",
        "--for",
        "tenant:acme",
        "--title",
        "T",
        "--text",
        "@text.md",
        "--to",
        "2023-01-01",
    ];
    let made = json(&desk, &publish);
    assert_eq!(made["audience"], "tenant:acme");
    let fact = format!("facts/{FACT}");
    run(
        &desk,
        &[
            "admin", "facts", "update", &fact, "--to", "always", "--etag", "e2",
        ],
    );
    let gone = run(
        &desk,
        &["admin", "facts", "withdraw", &fact, "--reason", "moved"],
    );
    assert!(gone.contains("because    moved\n"), "{gone}");
    assert_eq!(
        asked(&desk),
        [
            "create_fact FACT_KIND_LOG_FORMATS Tenant(\"tenants/acme\") \"T\" \"KVM 9\\n\" 1672531200"
                .to_owned(),
            format!("update_fact {fact} [\"valid_to\"] \"e2\""),
            format!("withdraw_fact {fact} \"moved\" \"\""),
        ]
    );
    let ran = desk.run(&["admin", "facts", "update", &fact]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);

    let add = [
        "admin",
        "services",
        "add",
        "acme",
        "compute",
        "--model",
        "iaas",
        "--source",
        "aws.cloudtrail=direct",
    ];
    let made = json(&desk, &add);
    assert_eq!(made["sources"][0]["access"], "DIRECT");
    assert!(run(&desk, &["admin", "services", "list", "acme"]).contains("compute"));
    run(&desk, &["admin", "services", "remove", "acme", "compute"]);
    assert_eq!(
        asked(&desk),
        [
            "create_service tenants/acme compute",
            "list_services tenants/acme",
            "delete_service tenants/acme/services/compute",
        ]
    );
}

#[tokio::test]
async fn hosts_are_recorded_and_work_on_them_is_announced() {
    let desk = Desk::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let placements = file(
        "placements.csv",
        "tenant,instance,host,start,end\nacme,i-1,hv-1,2023-01-01T00:00:00Z,\n",
    );
    let placed = run(&desk, &["admin", "hosts", "place", &placements]);
    assert!(placed.contains("1 new or changed of 1"), "{placed}");
    let hosts = file("hosts", "hv-1\n\n hv-2 \n");
    let announce = [
        "admin",
        "hosts",
        "announce",
        "--first",
        "2026-12-01",
        &hosts,
    ];
    assert_eq!(json(&desk, &announce)["last_day"], "2026-12-01");
    assert_eq!(
        asked(&desk),
        [
            "record_placements tenants/acme i-1 hv-1 1672531200",
            "announce_host_work 2026-12-01 2026-12-01 [\"hv-1\", \"hv-2\"] \"\"",
        ]
    );
    let listed = run(&desk, &["admin", "hosts", "list"]);
    assert!(listed.lines().count() >= 3, "{listed}");
}

#[tokio::test]
async fn sources_are_shown_as_the_server_decides() {
    let desk = Desk::new().await;
    let listed = run(&desk, &["sources", "list"]);
    assert!(
        listed.contains("aws.cloudtrail  iaas    direct  7"),
        "{listed}"
    );
    assert!(
        listed.contains("2m       7m   trail 2023-11-14T22:13:20Z"),
        "{listed}"
    );
    assert!(listed.ends_with("events are kept until the tenant is deleted\n"));
    let listed = json(&desk, &["sources", "list"]);
    assert_eq!(listed["data_sources"][0]["lag"]["p95"], "420s");
    asked(&desk);

    let event = "0123456789abcdef0123456789abcdef";
    let said = run(&desk, &["sources", "recommend", "--event", event]);
    assert!(
        said.contains(
            "aws.cloudtrail  the provider has it of compute: ask it to analyse it; score 4\n"
        ),
        "{said}"
    );
    assert!(
        said.contains("your sources tell of 1 of 2 kinds of data\n"),
        "{said}"
    );
    assert!(said.contains("gcp.audit would\n"), "{said}");
    let asks = [
        "sources",
        "recommend",
        "--tactic",
        "exfiltration",
        "--platform",
        "iaas",
    ];
    let answer = json(&desk, &asks);
    assert_eq!(answer["sources"][0]["covers"][0]["evidence"], "analytic");
    assert!(
        answer["sources"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("compute")
    );
    assert!(answer["gaps"][0]["log_sources"].as_array().is_some());
    assert!(answer["notice"].as_str().unwrap().contains("MITRE"));
    let drawn = json(&desk, &["sources", "coverage", "--since", "all"]);
    assert_eq!(drawn["tactics"][0][1][0]["together"]["covered"], 1);
    assert_eq!(
        asked(&desk),
        [
            format!("recommend_sources tenants/acme Event(\"tenants/acme/events/{event}\") []"),
            "recommend_sources tenants/acme Tactic(\"exfiltration\") [\"IaaS\"]".to_owned(),
            "get_coverage tenants/acme 0 []".to_owned(),
        ]
    );

    // What this program can't put names to it does not guess at.
    *desk.fake.script.attack_version.lock().unwrap() = "99".to_owned();
    let ran = desk.run(&["sources", "coverage"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("the server answers by ATT&CK 99"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn readiness_ends_with_a_code_that_scripts_can_use() {
    let desk = Desk::new().await;
    let ready = run(&desk, &["readiness"]);
    assert!(
        ready.contains("accounts  ok     cloud accounts are registered"),
        "{ready}"
    );
    *desk.fake.script.unready.lock().unwrap() = true;
    let ran = desk.run(&["readiness"]);
    assert_eq!(ran.code, 8, "{}", ran.stderr);
    assert!(
        ran.stdout
            .contains("logging of compute  attention  nothing came"),
        "{}",
        ran.stdout
    );
    let ran = desk.run(&["readiness", "-o", "json"]);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["items"][1]["action"], "switch it on");
    assert_eq!(
        answer["items"][1]["subject"],
        "tenants/acme/services/compute"
    );
    assert_eq!(asked(&desk), ["check_readiness tenants/acme"; 3]);
}

#[tokio::test]
async fn without_a_tenant_nothing_is_asked() {
    let desk = Desk::new().await;
    let mut profile = desk.fake.profile.clone();
    profile.tenant = None;
    let client = cordon_client::Client::builder()
        .profile(profile)
        .connect()
        .await
        .unwrap();
    let error = client.readiness().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::InvalidArgument);
    // Facts, though, are staff's as well.
    client.facts().get(FACT, None).await.unwrap();
    assert_eq!(asked(&desk), [format!("get_fact facts/{FACT} now")]);
}
