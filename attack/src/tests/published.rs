//! The tables against what others published. Without the data these tests say so and do nothing.

use std::collections::BTreeSet;
use std::process::Command;

use super::{attack, data, unpacked};
use crate::records::OCSF_CLASSES;
use crate::{SourceType, event};

#[test]
fn the_table_is_what_the_generator_makes() {
    let Some(data) = data() else { return };
    let (attack, sensors) = (data.join("attack-cloud-18"), data.join("sensor-mappings"));
    if !attack.is_dir() || !sensors.is_dir() {
        println!(
            "skipped: no ATT&CK or no sensor mappings in {}",
            data.display()
        );
        return;
    }
    let mut python = Command::new("python3");
    python
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/generate.py"))
        .arg("--bundle")
        .arg(attack.join("attack-cloud.stix.json.gz"))
        .arg("--projection")
        .arg(attack.join("technique-data-sources.csv.gz"));
    for sensor in ["CloudTrail", "Auditd", "Zeek"] {
        let file = sensors.join(format!("{sensor}-sensors-mappings-enterprise.csv"));
        python
            .arg("--sensor")
            .arg(format!("{sensor}={}", file.display()));
    }
    let Ok(made) = python.output() else {
        println!("skipped: no python3");
        return;
    };
    let problems = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{problems}");
    let made = String::from_utf8(made.stdout).unwrap();
    let kept = include_str!("../../data/attack-18.tsv");
    let differs = made.lines().zip(kept.lines()).find(|(a, b)| a != b);
    assert_eq!(differs, None);
    assert_eq!(made.len(), kept.len());
}

#[test]
fn the_notice_has_all_of_mitres_terms() {
    let Some(data) = data() else { return };
    let Ok(terms) = std::fs::read_to_string(data.join("attack-cloud-18/LICENSE")) else {
        println!("skipped: no ATT&CK in {}", data.display());
        return;
    };
    let ours = include_str!("../../NOTICE");
    let (attack, _) = terms.split_once("CAPEC").unwrap();
    let lines = attack.lines().skip(2).filter(|line| !line.is_empty());
    let missing: Vec<_> = lines.filter(|line| !ours.contains(line)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn every_class_is_one_of_ocsf() {
    let Some(data) = data() else { return };
    let file = data.join("ocsf-schema-1.8.0/compiled/ocsf-1.8.0.json.gz");
    if !file.is_file() {
        println!("skipped: no {}", file.display());
        return;
    }
    let schema: serde_json::Value = serde_json::from_slice(&unpacked(&file)).unwrap();
    let classes = schema["classes"].as_object().unwrap().values();
    let known: BTreeSet<_> = classes.filter_map(|class| class["uid"].as_u64()).collect();
    for (class, _) in OCSF_CLASSES {
        assert!(known.contains(&u64::from(*class)), "{class}");
    }
}

/// How far our table of operations agrees with TrailDiscover's, where both know an operation:
/// a technique in common, sub-techniques counted as their technique.
#[test]
fn operations_agree_with_traildiscover() {
    let Some(data) = data() else { return };
    let file = data.join("cloudtrail-traildiscover/events.json.gz");
    if !file.is_file() {
        println!("skipped: no {}", file.display());
        return;
    }
    let theirs: Vec<serde_json::Value> = serde_json::from_slice(&unpacked(&file)).unwrap();
    let (mut both, mut agree, mut differ) = (0_u32, 0_u32, Vec::new());
    for one in &theirs {
        let name = one["eventName"].as_str().unwrap();
        let Some(ours) = event(SourceType::AwsCloudTrail, name) else {
            continue;
        };
        let lists = ["mitreAttackTechniques", "mitreAttackSubTechniques"];
        let named = lists.iter().flat_map(|list| one[list].as_array().unwrap());
        let named: BTreeSet<_> = named
            .filter_map(|text| text.as_str()?.get(..5))
            .filter(|id| attack().technique(id).is_some())
            .collect();
        if named.is_empty() {
            continue;
        }
        both += 1;
        if ours.techniques.iter().any(|id| named.contains(&id[..5])) {
            agree += 1;
        } else {
            differ.push(format!("{name} {:?} {named:?}", ours.techniques));
        }
    }
    println!("{agree} of {both} agree, of {} of theirs", theirs.len());
    println!("differ: {differ:#?}");
    assert!(both > 150 && agree * 100 >= both * 60, "{agree} of {both}");
}
