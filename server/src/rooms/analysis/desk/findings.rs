//! What an analyst hands in, as an answer.

use cordon_analysis::answer::{LONGEST_CELL, MOST_ROWS, Rows};
use cordon_analysis::{Answer, Cell, ColumnKind, Kind, Remark, RemarkReason, plan_version};
use cordon_kernel::{Error, Result};
use cordon_proto::analysis as wire;

/// Longest findings, in bytes.
const LONGEST: usize = 64 << 10;
/// Most bytes of all tables together, and most tables.
const MOST_BYTES: usize = 1 << 20;
const MOST_TABLES: usize = 20;
/// Most columns of a table.
const MOST_COLUMNS: usize = 100;
/// Most remarks about what was not looked at, and the longest of them and of the method, in bytes.
const MOST_REMARKS: usize = 50;
const LONGEST_REMARK: usize = 4 << 10;

/// An answer, and by which method it was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HandedIn {
    pub(super) answer: Answer,
    pub(super) method: String,
}

/// Reads what was handed in.
///
/// # Errors
/// `INVALID_ARGUMENT` that names the field.
pub(super) fn handed_in(request: &wire::SubmitAnalysisResultRequest) -> Result<HandedIn> {
    let findings = request.findings.trim();
    if findings.is_empty() || findings.len() > LONGEST {
        return Err(Error::invalid("findings", "expected 1 byte to 64 KiB"));
    }
    let method = request.method.trim();
    if method.is_empty() || method.len() > LONGEST_REMARK {
        return Err(Error::invalid(
            "method",
            "expected 1 byte to 4 KiB: which records were read, with which tools",
        ));
    }
    let bytes: usize = request.tables.iter().map(|table| table.csv.len()).sum();
    if request.tables.len() > MOST_TABLES || bytes > MOST_BYTES {
        return Err(Error::invalid(
            "tables",
            "expected at most 20 tables with 1 MiB together",
        ));
    }
    let many = request.not_examined.len() > MOST_REMARKS;
    if many
        || request
            .not_examined
            .iter()
            .any(|text| text.len() > LONGEST_REMARK)
    {
        return Err(Error::invalid(
            "not_examined",
            "expected at most 50 of 4 KiB each",
        ));
    }
    let mut remarks = Vec::new();
    let mut said = Rows::new(
        "findings",
        "What was found",
        &[("paragraph", ColumnKind::Text, "")],
    );
    for paragraph in findings.lines().filter(|line| !line.trim().is_empty()) {
        if paragraph.len() > LONGEST_CELL {
            let rule = "expected paragraphs of at most 4 KiB: break the line";
            return Err(Error::invalid("findings", rule));
        }
        said.push([Cell::text(paragraph)]);
    }
    let mut tables = vec![said.done("write fewer paragraphs", &mut remarks)];
    for (at, given) in request.tables.iter().enumerate() {
        let field = format!("tables[{at}]");
        if tables.iter().any(|table| table.name == given.name) {
            return Err(Error::invalid(format!("{field}.name"), "is there twice"));
        }
        tables.push(table(&field, given, &mut remarks)?);
    }
    for text in &request.not_examined {
        remarks.push(Remark::new(RemarkReason::Method, text.clone()));
    }
    Ok(HandedIn {
        answer: Answer {
            kind: Kind::Human,
            plan_version: plan_version(Kind::Human),
            events: 0,
            tables,
            graph: None,
            timeline: None,
            remarks,
        },
        method: method.to_owned(),
    })
}

fn table(
    field: &str,
    given: &wire::SubmittedTable,
    remarks: &mut Vec<Remark>,
) -> Result<cordon_analysis::Table> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if given.name.is_empty() || given.name.len() > 60 || !given.name.chars().all(plain) {
        return Err(Error::invalid(
            format!("{field}.name"),
            "expected 1 to 60 lower case letters, digits and underscores",
        ));
    }
    if given.title.trim().is_empty() || given.title.chars().count() > 200 {
        return Err(Error::invalid(
            format!("{field}.title"),
            "expected 1 to 200 characters",
        ));
    }
    let wrong = |message: String| Error::invalid(format!("{field}.csv"), message);
    let mut reader = csv::Reader::from_reader(given.csv.as_bytes());
    let header = reader.headers().map_err(|error| wrong(error.to_string()))?;
    if header.is_empty() || header.len() > MOST_COLUMNS {
        return Err(wrong("expected a header with 1 to 100 columns".to_owned()));
    }
    let names: Vec<String> = header.iter().map(str::to_owned).collect();
    let columns: Vec<(&str, ColumnKind, &str)> = names
        .iter()
        .map(|name| (name.as_str(), ColumnKind::Text, ""))
        .collect();
    let mut rows = Rows::new(&given.name, given.title.trim(), &columns);
    for record in reader.records() {
        let record = record.map_err(|error| wrong(error.to_string()))?;
        if record.iter().any(|cell| cell.len() > LONGEST_CELL) {
            return Err(wrong("expected cells of at most 4 KiB".to_owned()));
        }
        rows.push(record.iter().map(Cell::text).collect::<Vec<_>>());
    }
    let table = rows.done("hand in fewer rows", remarks);
    if table.cut.is_some() {
        return Err(wrong(format!("expected at most {MOST_ROWS} rows")));
    }
    Ok(table)
}
