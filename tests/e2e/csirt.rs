//! A security team and its provider at work on a published attack, by the command line alone.

pub mod attack;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::attack::{Attack, VICTIM};
use crate::detection::EXFILTRATION;
use crate::harness::{World, binary, shared_data};

const DISABLED: &str = "sigma-rules/rules/cloud/aws/cloudtrail/aws_cloudtrail_disable_logging.yml";
/// For a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(120);

/// Somebody at a terminal.
struct Person {
    profile: String,
    enters: bool,
}

impl Person {
    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = std::process::Command::new(binary("cordon"));
        command
            .args(["--profile", &self.profile])
            .args(arguments)
            .env_remove("CORDON_PROFILE");
        if self.enters {
            let why = "answers the customer's question";
            command.args(["--tenant", "initech", "--justification", why]);
            command.args(["--reference", "INC-1"]);
        }
        command.output().unwrap()
    }

    fn does(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.does(&[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said}"))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scripted_team_finds_an_attack_and_has_its_questions_answered() {
    let Some(data) = shared_data() else { return };
    let world = World::new().await;
    let folder = world.folder.path();
    tokio::task::block_in_place(|| story(folder, &data));
}

fn story(folder: &Path, data: &Path) {
    let file = |name: &str| folder.join(name);
    let operator = Person {
        profile: text(&folder.join("data/profiles/operator.toml")).to_owned(),
        enters: false,
    };
    let admin = |arguments: &[&str]| operator.does(&[&["admin"], arguments].concat());
    admin(&["tenants", "create", "initech", "--display-name", "Initech"]);
    admin(&["accounts", "add", "initech", VICTIM]);
    let issued = |whose: &[&str], role: &str, name: &str| {
        let path = file(&format!("{name}.toml"));
        let holder = [&["credentials", "issue"], whose].concat();
        let what = ["--role", role, "--subject", name, "--out", text(&path)];
        admin(&[&holder[..], &what].concat());
        text(&path).to_owned()
    };
    let team = Person {
        profile: issued(&["initech"], "responder", "ada"),
        enters: false,
    };
    let analyst = |name: &str| Person {
        profile: issued(&["--staff"], "analyst", name),
        enters: true,
    };
    let (first, second) = (analyst("ines"), analyst("omar"));

    // Two rules wait for what the provider's trail brings, and what is usual is learned.
    std::fs::write(file("exfiltration.yml"), EXFILTRATION).unwrap();
    let disabled = data.join(DISABLED);
    for rule in [&file("exfiltration.yml"), &disabled] {
        team.does(&["detect", "rules", "add", text(rule)]);
    }
    let on = team.does(&["detect", "baselines", "enable"]);
    assert!(on.contains("Baselines are on"), "{on}");
    let attack = Attack::read(data);
    let quiet = file("quiet.ndjson");
    std::fs::write(&quiet, attack.quiet_weeks().join("\n")).unwrap();
    operator.does(&["ingest", "--source-type", "aws.cloudtrail", text(&quiet)]);
    let mut sent = vec!["ingest".to_owned(), "--source-type".to_owned()];
    sent.push("aws.cloudtrail".to_owned());
    for entry in std::fs::read_dir(data.join("cloudtrail-invictus")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "gz") {
            sent.push(text(&path).to_owned());
        }
    }
    let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
    operator.run(&sent);
    let begun = Instant::now();
    let (mut tampering, mut exfiltration) = (false, false);
    while !(tampering && exfiltration) {
        assert!(begun.elapsed() < DEADLINE, "the rules find nothing");
        std::thread::sleep(Duration::from_millis(500));
        let found = team.does(&["detect", "findings", "list"]);
        tampering = found.contains("AWS CloudTrail Important Change");
        exfiltration = found.contains("A snapshot or image");
    }

    // An incident, and three questions about it that the server answers.
    let title = ["--title", "Logging was stopped", "--severity", "sev2"];
    team.does(&[&["incidents", "open"], &title[..]].concat());
    let about = ["--purpose", "who stopped logging", "--incident", "1"];
    let ask = |what: &[&str]| team.json(&[&["analyses", "ask"], what, &about].concat());
    let stopped = "SELECT actor FROM events WHERE operation = 'StopLogging' LIMIT 1";
    let answer = ask(&["sql", stopped]);
    let actor = answer["tables"][0]["rows"][0][0].as_str().unwrap();
    let pivot = ask(&["pivot", "--actor", actor]);
    assert!(pivot.to_string().contains("StopLogging"));
    let chain = ask(&["role-chain", "--actor", actor]);
    assert!(!chain["tables"][0]["rows"].as_array().unwrap().is_empty());

    // And one that people answer, one and another.
    let human = ["human", "Was the host of our machines patched that day?"];
    let asked = ask(&[&human[..], &["--no-wait"]].concat());
    let name = asked["name"].as_str().unwrap();
    let queue = operator_of(&first).does(&["desk", "queue"]);
    assert!(
        queue.contains(name) && !queue.contains("patched"),
        "{queue}"
    );
    first.does(&["desk", "claim", name]);
    first.does(&["desk", "ask-back", name, "Which machines?"]);
    team.does(&["analyses", "reply", name, "All of them."]);
    std::fs::write(
        file("found.txt"),
        "It was patched before, and restarted once.",
    )
    .unwrap();
    let found = file("found.txt");
    let method = "Maintenance log, read by hand.";
    first.does(&[
        "desk",
        "submit",
        name,
        "--findings",
        text(&found),
        "--method",
        method,
    ]);
    let own = first.run(&["desk", "release", name]);
    assert!(!own.status.success(), "nobody releases what they found");
    second.does(&["desk", "release", name]);

    let rules = [
        EXFILTRATION.to_owned(),
        std::fs::read_to_string(disabled).unwrap(),
    ];
    learns_of_what_no_rule_names(&team, &attack, &rules);

    // Each answer is had again, and checked against what the server has signed.
    let keys = file("keys.json");
    team.does(&["signing-keys", "--out", text(&keys)]);
    let list = team.json(&["analyses", "list"]);
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 4);
    for (number, one) in list.iter().enumerate() {
        let name = one["name"].as_str().unwrap();
        let part = |what: &str, format: &str| {
            let out = file(&format!("{what}-{number}.json"));
            let form = ["--format", format, "--out", text(&out)];
            team.does(&[&["analyses", "result", name], &form[..]].concat());
            out
        };
        let (answer, statement) = (part("answer", "json"), part("statement", "statement"));
        let verify = |answer: &Path| {
            let files = ["--answer", text(answer), "--keys", text(&keys)];
            team.run(&[&["verify", text(&statement)], &files[..]].concat())
        };
        let verified = verify(&answer);
        assert!(verified.status.success(), "{verified:?}");
        let forged = file("forged.json");
        let other = std::fs::read_to_string(&answer).unwrap() + " ";
        std::fs::write(&forged, other).unwrap();
        assert!(!verify(&forged).status.success());
    }
    let rerun = team.does(&["analyses", "rerun", list[3]["name"].as_str().unwrap()]);
    assert!(rerun.contains("same"), "{rerun}");

    // All of it is in the incident's timeline.
    let timeline = team.does(&["incidents", "show", "1"]);
    assert_eq!(
        timeline.matches("asked the provider").count(),
        5,
        "{timeline}"
    );
    assert_eq!(
        timeline.matches("answered a question").count(),
        5,
        "{timeline}"
    );
    assert!(timeline.contains("Which machines?") && timeline.contains("an analyst"));
}

/// Something of the attack is unusual of who did most of it, and is nothing that a rule is after.
fn learns_of_what_no_rule_names(team: &Person, attack: &Attack, rules: &[String]) {
    let all = ["events", "search", "--since", "all", "--limit", "5000"];
    let all = team.json(&[&all[..], &["--view", "columns"]].concat());
    let of_attack = all.as_array().unwrap().iter().filter(|event| {
        let operation = event["operation"].as_str().unwrap();
        attack.has(event["event_id"].as_str().unwrap())
            && !rules.iter().any(|rule| rule.contains(operation))
    });
    let of_attack: BTreeSet<&str> = of_attack
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    let begun = Instant::now();
    loop {
        let found = team.json(&["detect", "findings", "list"]);
        let (unusual, by_rule): (Vec<&Value>, Vec<&Value>) = found
            .as_array()
            .unwrap()
            .iter()
            .partition(|one| one["unusual"].is_object());
        let taken: BTreeSet<&str> = by_rule.into_iter().flat_map(events).collect();
        for one in &unusual {
            // What is told says what was expected, and shows the events.
            assert_eq!(one["rule"], "", "{one}");
            for told in ["expected", "seen"] {
                let told = one["unusual"][told].as_str();
                assert!(told.is_some_and(|told| !told.is_empty()), "{one}");
            }
            assert!(!events(one).is_empty(), "{one}");
        }
        if unusual.iter().any(|one| {
            let mut events = events(one).into_iter();
            one["actor"] == attack.busiest()
                && events.all(|event| of_attack.contains(event) && !taken.contains(event))
        }) {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "nothing is unusual: {found}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Which events a finding shows, by the end of their names.
fn events(found: &Value) -> Vec<&str> {
    let names = found["events"].as_array().unwrap().iter();
    names
        .map(|name| name.as_str().unwrap().rsplit('/').next().unwrap())
        .collect()
}

/// The same, outside any tenant.
fn operator_of(staff: &Person) -> Person {
    Person {
        profile: staff.profile.clone(),
        enters: false,
    }
}
