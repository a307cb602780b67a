//! Coverage as text and as a picture.

use std::path::PathBuf;
use std::process::Command;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::attack;
use crate::render::{Tone, plain, svg};
use crate::{Access, Available, IncidentKind, Matrix, NOTICE, Question, SourceType};

const HOSTILE: &str = "\"><script>alert(1)</script><![CDATA[]]>&lt;\u{1b}[31m\u{202e}\u{0}\u{ffff}";

/// Reads a document to its end: elements that match, known entities, one root.
pub(super) fn well_formed(text: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let (mut open, mut texts) = (Vec::<String>::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
                let mut seen = Vec::new();
                for attribute in start.attributes() {
                    let attribute = attribute.unwrap();
                    seen.push(attribute.key.as_ref().to_vec());
                }
                assert!(!seen.iter().any(|key| key.starts_with(b"on")), "{name}");
                open.push(name);
            }
            Event::End(_) => drop(open.pop().unwrap()),
            Event::Text(words) => {
                let words = String::from_utf8(words.to_vec()).unwrap();
                texts.push((open.last().cloned().unwrap_or_default(), words));
            }
            Event::GeneralRef(name) => {
                let name = String::from_utf8(name.to_vec()).unwrap();
                assert!(["lt", "gt", "amp", "quot"].contains(&&*name), "{name}");
                texts.push((open.last().unwrap().clone(), format!("&{name};")));
            }
            Event::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(open.is_empty());
    let allowed = |letter: char| !letter.is_control() && letter != '\u{ffff}';
    assert!(text.chars().all(allowed));
    texts
}

fn available() -> Available {
    Available::new()
        .with(SourceType::AwsCloudTrail, Access::Direct)
        .with(SourceType::AwsVpcFlow, Access::Analysis)
        .with(SourceType::AzureSignIn, Access::Forensic)
        .with(SourceType::K8sAudit, Access::None)
}

fn of(question: Question<'_>, available: &Available) -> Matrix<'static> {
    let techniques = attack().techniques_of(&question).unwrap();
    attack().coverage(available, &techniques)
}

#[test]
fn a_cell_has_access_and_count() {
    let matrix = of(Question::Technique("T1537"), &available());
    assert_eq!(matrix.sources.len(), 4);
    let (tactic, rows) = &matrix.tactics[0];
    assert_eq!(tactic.name, "Exfiltration");
    let row = &rows[0];
    let cells: Vec<_> = row
        .cells
        .iter()
        .map(|c| (c.access, c.covered, c.of))
        .collect();
    assert_eq!(
        cells,
        [
            (Access::Direct, 4, 5),
            (Access::Analysis, 1, 5),
            (Access::Forensic, 0, 5),
            (Access::None, 0, 5)
        ]
    );
    assert_eq!(
        (row.together.access, row.together.covered),
        (Access::Direct, 5)
    );
    assert_eq!((matrix.whole, matrix.gaps), (1, 0));
}

#[test]
fn what_is_not_to_be_had_covers_nothing() {
    let none = Available::new().with(SourceType::AwsCloudTrail, Access::None);
    let matrix = of(Question::Technique("T1537"), &none);
    let row = &matrix.tactics[0].1[0];
    assert_eq!(
        (row.cells[0].access, row.cells[0].covered),
        (Access::None, 4)
    );
    assert!(row.is_gap());
    assert_eq!(matrix.gaps, 1);
}

#[test]
fn a_technique_is_counted_once_and_stands_under_each_tactic() {
    let technique = attack().technique("T1078.004").unwrap();
    let matrix = attack().coverage(&available(), &[technique, technique]);
    assert_eq!((matrix.techniques, matrix.tactics.len()), (1, 4));
}

#[test]
fn text_is_grouped_bounded_and_can_be_coloured() {
    let matrix = of(
        Question::Incident(IncidentKind::DataExfiltration),
        &available(),
    );
    let text = plain(&matrix, 100, |_, text| text.to_owned());
    assert!(text.contains("\nExfiltration\n"), "{text}");
    assert!(
        text.contains("\nT1537      Transfer Data to Cloud Account"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    let row = text
        .lines()
        .find(|line| line.starts_with("T1537 "))
        .unwrap();
    let cells: Vec<_> = row.split_whitespace().skip(6).collect();
    assert_eq!(
        cells,
        ["D", "5/5", "D", "4/5", "A", "1/5", ".", "."],
        "{row}"
    );
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(NOTICE));

    let coloured = plain(&matrix, 100, |tone, text| match tone {
        Tone::Access(Access::Direct) => format!("<{text}>"),
        _ => text.to_owned(),
    });
    assert!(coloured.contains("<D 5/5  >  <D 4/5"), "{coloured}");
    let stripped: String = coloured.chars().filter(|c| !"<>".contains(*c)).collect();
    let (a, b) = (stripped.split_whitespace(), text.split_whitespace());
    assert!(a.eq(b));
}

#[test]
fn a_narrow_terminal_gets_several_parts() {
    let all = SourceType::ALL.into_iter();
    let all = all.fold(Available::new(), |all, one| all.with(one, Access::Direct));
    let matrix = of(Question::Tactic("exfiltration"), &all);
    let (narrow, wide) = (
        plain(&matrix, 0, |_, text| text.to_owned()),
        plain(&matrix, 1000, |_, text| text.to_owned()),
    );
    let times = |text: &str| text.matches("\nT1537 ").count();
    assert_eq!((times(&narrow), times(&wide)), (4, 1));
    for source in SourceType::ALL {
        let last = source.as_str().rsplit('.').next().unwrap();
        assert!(narrow.contains(last) && wide.contains(last), "{source}");
    }
}

#[test]
fn nothing_to_show_is_shown() {
    let empty = of(Question::Tactic("reconnaissance"), &Available::new());
    let text = plain(&empty, 80, |_, text| text.to_owned());
    assert!(text.contains("Of 0 techniques"), "{text}");
    well_formed(&svg(&empty, ""));
}

#[test]
fn a_picture_is_whole_and_says_what_it_shows() {
    let matrix = of(Question::Incident(IncidentKind::Ransomware), &available());
    let picture = svg(&matrix, "What Example Ltd sees of ransomware");
    let texts = well_formed(&picture);
    assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\""));
    assert_eq!(
        texts[0],
        ("title".into(), "What Example Ltd sees of ransomware".into())
    );
    assert!(texts[1].0 == "desc" && texts[1].1.starts_with("Of 10 techniques of ATT"));
    for word in [
        "<script",
        "http://www.w3.org/1999/xlink",
        "href",
        "url(",
        "@import",
        "<image",
    ] {
        assert!(!picture.contains(word), "{word}");
    }
    let drawn = texts.iter().filter(|(element, _)| element == "text");
    let drawn: String = drawn.map(|(_, text)| format!("{text} ")).collect();
    assert!(drawn.contains(NOTICE), "{drawn}");
}

#[test]
fn a_hostile_title_is_text() {
    let matrix = of(Question::Technique("T1537"), &available());
    let picture = svg(&matrix, &HOSTILE.repeat(20));
    well_formed(&picture);
    assert!(!picture.contains("<script") && picture.contains("&lt;script&gt;"));
    assert!(picture.contains("\\u{202e}") || picture.contains("\\u{1b}"));
    assert!(picture.len() < svg(&matrix, "").len() + 4000);
}

/// Writes pictures to look at: `CORDON_ATTACK_OUT=folder cargo test -p cordon-attack -- to_look_at`.
#[test]
fn pictures_to_look_at() {
    let Some(folder) = std::env::var_os("CORDON_ATTACK_OUT").map(PathBuf::from) else {
        println!("skipped: CORDON_ATTACK_OUT names no folder");
        return;
    };
    let ways = Access::ALL.into_iter().cycle();
    let all = SourceType::ALL.into_iter().zip(ways);
    let all = all.fold(Available::new(), |all, (one, access)| all.with(one, access));
    let techniques = attack().techniques_on(all.platforms());
    for (name, matrix, title) in [
        (
            "some",
            of(Question::Incident(IncidentKind::Ransomware), &available()),
            "Ransomware",
        ),
        (
            "one",
            of(Question::Technique("T1537"), &Available::new()),
            HOSTILE,
        ),
        ("all", attack().coverage(&all, &techniques), "Everything"),
    ] {
        let picture = svg(&matrix, title);
        std::fs::write(folder.join(format!("{name}.svg")), picture).unwrap();
        let text = plain(&matrix, 120, |_, text| text.to_owned());
        std::fs::write(folder.join(format!("{name}.txt")), text).unwrap();
    }
}

/// A browser draws it. Without Chromium this test says so and does nothing.
#[test]
fn a_browser_draws_it() {
    let browser = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ];
    let browser = browser
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists());
    let Some(browser) = browser else {
        println!("skipped: there is no Chromium");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (file, shot) = (folder.path().join("p.svg"), folder.path().join("p.png"));
    let matrix = of(Question::Incident(IncidentKind::Ransomware), &available());
    std::fs::write(&file, svg(&matrix, HOSTILE)).unwrap();
    let done = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .args([
            "--window-size=1000,800",
            &format!("--screenshot={}", shot.display()),
        ])
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    // Something broken shows as a short message on white.
    let picture = std::fs::read(shot).unwrap();
    assert!(picture.len() > 30_000, "{}", picture.len());
}
