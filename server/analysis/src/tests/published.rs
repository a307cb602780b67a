//! What the plans find in what others published. Without the data these tests say so and do
//! nothing.

use std::io::Read as _;
use std::path::Path;

use cordon_views::SourceType;
use serde_json::Value;

use super::World;
use super::world::data;
use crate::Scope;

/// The records of all files of a folder.
fn cloudtrail(folder: &str) -> Option<World> {
    let folder = data()?.join(folder);
    if !folder.is_dir() {
        println!("skipped: no {}", folder.display());
        return None;
    }
    let mut world = World::default();
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".json"))
        .collect();
    files.sort();
    for file in files {
        let text = text_of(&file);
        for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            let records = match value.unwrap() {
                Value::Array(records) => records,
                Value::Object(mut fields) if fields.contains_key("Records") => {
                    match fields.remove("Records") {
                        Some(Value::Array(records)) => records,
                        _ => Vec::new(),
                    }
                }
                record => vec![record],
            };
            for record in records {
                world.add(SourceType::AwsCloudTrail, &record.to_string(), None);
            }
        }
    }
    Some(world)
}

fn text_of(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap();
    if file.extension().is_some_and(|end| end == "gz") {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .unwrap();
        text
    } else {
        String::from_utf8(bytes).unwrap()
    }
}

fn always() -> Scope {
    Scope {
        since: "1970-01-01T00:00:00Z".parse().unwrap(),
        until: "2100-01-01T00:00:00Z".parse().unwrap(),
        ..super::scope()
    }
}

fn show(answer: &crate::Answer) {
    for table in &answer.tables {
        println!("== {} {:?}", table.name, table.cut);
        for row in table.rows.iter().take(30) {
            println!(
                "   {}",
                serde_json::to_string(row)
                    .unwrap()
                    .chars()
                    .take(400)
                    .collect::<String>()
            );
        }
    }
    for remark in &answer.remarks {
        println!("-- {remark:?}");
    }
}

#[test]
fn explore() {
    use crate::question::*;
    let Some(world) = cloudtrail("cloudtrail-invictus") else {
        return;
    };
    println!("{}", world.rows.len());
    let q = Question::Pivot(Pivot {
        subject: Subject::Actor("arn:aws:iam::123837392027:user/bert-jan".into()),
    });
    show(&world.ask_over(&q, &always()));
    let q = Question::RoleChain(RoleChain {
        start: Start::Actor("arn:aws:iam::123837392027:user/bert-jan".into()),
        direction: Direction::Both,
        hops: 4,
    });
    show(&world.ask_over(&q, &always()));
    let q = Question::RoleChain(RoleChain {
        start: Start::Role(
            "arn:aws:iam::123837392027:role/stratus-red-team-ec2-steal-credentials-role".into(),
        ),
        direction: Direction::Both,
        hops: 4,
    });
    show(&world.ask_over(&q, &always()));
    let q = Question::Changes(Changes::default());
    show(&world.ask_over(&q, &always()));
    let Some(world) = cloudtrail("cloudtrail-stratus") else {
        return;
    };
    show(&world.ask_over(&q, &always()));
    let Some(world) = cloudtrail("cloudtrail-otrf-s3-breach") else {
        return;
    };
    println!("{}", world.rows.len());
    show(&world.ask_over(&q, &always()));
    let q = Question::Volume(Volume::default());
    show(&world.ask_over(&q, &always()));
}
