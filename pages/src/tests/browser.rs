//! What a browser makes of the pages. Without Chromium these tests say so and do nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::samples::{HOSTILE, filled, incident, report, reports};
use super::{keys, of_text, signed};
use crate::{incident_report, sla_overview, sla_report};

/// A browser; none where there is none.
fn chromium() -> Option<PathBuf> {
    let found = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ];
    let found = found
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists());
    if found.is_none() {
        println!("skipped: there is no Chromium");
    }
    found
}

fn run(browser: &Path, folder: &Path, args: &[&str], page: &Path) -> String {
    let done = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .args(args)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Long words, and all that would do something.
fn worst() -> String {
    format!("{} {}", HOSTILE.join(" "), "w".repeat(400))
}

#[test]
fn hostile_texts_do_nothing_in_a_browser() {
    let Some(browser) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let worst = worst();
    let pages = [
        incident_report(&filled(&worst), signed(std::slice::from_ref(&worst))),
        sla_report(&of_text(&worst), std::slice::from_ref(&worst)),
    ];
    for page in pages {
        let path = folder.path().join("page.html");
        std::fs::write(&path, &page).unwrap();
        let dom = run(&browser, folder.path(), &["--dump-dom"], &path);
        let body = dom.split("<body>").nth(1).unwrap();
        for element in ["<script", "<img", "<b>", "<a ", "<style", "<iframe"] {
            assert!(!body.contains(element), "{element}");
        }
        assert!(!dom.contains("<title>pwned"));
        // The style applies: the policy lets it in and nothing else.
        let wide = run(
            &browser,
            folder.path(),
            &[
                "--window-size=1000,800",
                &format!("--screenshot={}", folder.path().join("p.png").display()),
            ],
            &path,
        );
        drop(wide);
        let picture = std::fs::read(folder.path().join("p.png")).unwrap();
        assert!(picture.len() > 20_000, "{}", picture.len());
    }
}

#[test]
fn the_marking_stands_on_every_printed_page() {
    let Some(browser) = chromium() else { return };
    if !Path::new("/usr/bin/pdftotext").exists() {
        println!("skipped: there is no pdftotext");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let mut long = incident();
    let entries = long.timeline.clone();
    for _ in 0..12 {
        long.timeline.extend(entries.clone());
    }
    std::fs::write(&path, incident_report(&long, signed(&keys()))).unwrap();
    let pdf = folder.path().join("p.pdf");
    run(
        &browser,
        folder.path(),
        &[
            "--no-pdf-header-footer",
            &format!("--print-to-pdf={}", pdf.display()),
        ],
        &path,
    );
    let text = Command::new("pdftotext")
        .arg("-layout")
        .arg(&pdf)
        .arg("-")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    let pages: Vec<&str> = text.trim_end_matches('\u{c}').split('\u{c}').collect();
    assert!(pages.len() > 5, "{}", pages.len());
    for page in pages {
        assert_eq!(page.matches("TLP:AMBER").count(), 2, "{page}");
    }
}

/// Writes pages and a table to look at: `CORDON_PAGES_OUT=folder cargo test -p cordon-pages -- pages_to_look_at`.
#[test]
fn pages_to_look_at() {
    let Some(folder) = std::env::var_os("CORDON_PAGES_OUT").map(PathBuf::from) else {
        println!("skipped: CORDON_PAGES_OUT names no folder");
        return;
    };
    let worst = worst();
    for (name, page) in [
        ("report", sla_report(&report("2026-10", 400), &keys())),
        (
            "overview",
            sla_overview("2026-10".parse().unwrap(), reports(40)),
        ),
        ("incident", incident_report(&incident(), signed(&keys()))),
        (
            "hostile-incident",
            incident_report(&filled(&worst), signed(std::slice::from_ref(&worst))),
        ),
        (
            "hostile-report",
            sla_report(&of_text(&worst), std::slice::from_ref(&worst)),
        ),
    ] {
        std::fs::write(folder.join(format!("{name}.html")), page).unwrap();
    }
    #[cfg(feature = "parquet")]
    {
        let file = std::fs::File::create(folder.join("clocks.parquet")).unwrap();
        let mut file = crate::parquet::Clocks::new(file).unwrap();
        let clocks = report("2026-10", 400).breaches;
        clocks.iter().for_each(|clock| file.put(clock).unwrap());
        file.finish().unwrap();
    }
}
