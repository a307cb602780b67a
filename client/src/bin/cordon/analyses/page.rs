//! An analysis as a page for people.

use cordon_client::analysis::{Analysis, AnalysisResult, Question, Scope};

use super::question;
use super::words::{consent, party, party_or_none, state};
use crate::detect::page::{pairs, part};
use crate::incidents::page::heading;
use crate::incidents::prose::laid_out;
use crate::incidents::show::moment;
use crate::text::cell;

/// The whole of an analysis, without its answer.
pub(super) fn analysis(analysis: &Analysis) -> String {
    let mut lines = laid_out(&cell(&analysis.purpose), 0, 4);
    lines.push(cell(&analysis.name));
    lines.extend(pairs(&[("kind", question::kind(analysis))]));
    let asked = Question::of(analysis);
    lines.extend(asked.iter().flat_map(|asked| pairs(&question::said(asked))));
    lines.extend(pairs(&of_scope(&Scope::of(analysis))));
    let progress = analysis.progress.clone().unwrap_or_default();
    let consents = analysis.consent.iter().map(|kind| consent(*kind).text());
    let by = match analysis.created_by.as_str() {
        "" => String::new(),
        by => format!(" by {by}"),
    };
    let failure = analysis.failure.as_ref();
    lines.extend(pairs(&[
        ("may be read", consents.collect::<Vec<_>>().join(", ")),
        ("incident", analysis.incident.clone()),
        ("again", analysis.rerun_of.clone()),
        ("state", state(analysis.state).text()),
        ("next move", party_or_none(analysis.pending_party)),
        ("due", moment(analysis.due_time.as_ref())),
        (
            "failure",
            failure.map_or_else(String::new, |of| format!("{} [{}]", of.message, of.reason)),
        ),
        ("looked at", events(progress.scanned_events)),
        ("worked on by", progress.claimed_by),
        ("asked", moment(analysis.create_time.as_ref()) + &by),
        ("changed", moment(analysis.update_time.as_ref())),
        ("etag", analysis.etag.clone()),
    ]));
    if let Some(Question::Human(text)) = &asked {
        lines.extend(heading("Question"));
        lines.extend(laid_out(text, 2, 2));
    }
    if !analysis.messages.is_empty() {
        lines.extend(heading("What was said"));
    }
    for message in &analysis.messages {
        let who = format!(
            "{}  {} ({}):",
            moment(message.time.as_ref()),
            message.author,
            party(message.party).text()
        );
        lines.extend(laid_out(&cell(&who), 2, 6));
        lines.extend(laid_out(&message.text, 6, 6));
    }
    if !analysis.review_note.is_empty() {
        let note = [analysis.review_note.clone()];
        lines.extend(part("To be changed before it is released", &note));
    }
    if let Some(result) = &analysis.result {
        lines.extend(answer(result));
    }
    lines.join("\n")
}

fn of_scope(scope: &Scope) -> [(&'static str, String); 5] {
    let time = |time: Option<jiff::Timestamp>| time.map(|at| at.to_string()).unwrap_or_default();
    [
        ("since", time(scope.since)),
        ("until", time(scope.until)),
        ("accounts", scope.accounts.join(", ")),
        ("resources", scope.resources.join(", ")),
        ("source types", scope.source_types.join(", ")),
    ]
}

fn events(count: i64) -> String {
    match count {
        0 => String::new(),
        1 => "1 event".to_owned(),
        count => format!("{count} events"),
    }
}

/// What is known of an answer.
fn answer(result: &AnalysisResult) -> Vec<String> {
    let mut lines = Vec::from(heading("Answer"));
    let by = match result.released_by.as_str() {
        "" => String::new(),
        by => format!(" by {by}"),
    };
    let released = match &result.release_time {
        None => String::new(),
        time => moment(time.as_ref()) + &by,
    };
    let compared = match result.identical {
        None => "",
        Some(true) => "the same as before, byte for byte",
        Some(false) => "not the same as before",
    };
    let kept = match result.expired {
        true => "no longer: ask again",
        false => "",
    };
    let drawn = [
        ("graph", result.has_graph),
        ("timeline", result.has_timeline),
    ];
    let drawn = drawn.iter().filter(|(_, has)| *has).map(|(name, _)| *name);
    let known = pairs(&[
        ("method", result.method.clone()),
        ("plan", format!("version {}", result.plan_version)),
        ("released", released),
        ("compared", compared.to_owned()),
        ("looked at", events(result.scanned_events)),
        ("up to", format!("sequence number {}", result.head_sequence)),
        ("sha256", result.sha256.clone()),
        ("size", format!("{} bytes", result.size_bytes)),
        ("kept", kept.to_owned()),
        ("with", drawn.collect::<Vec<_>>().join(", ")),
    ]);
    lines.extend(known.into_iter().map(|line| format!("  {line}")));
    for table in &result.tables {
        let left_out = match table.left_out_count {
            0 => String::new(),
            count => format!(", {count} left out"),
        };
        let said = format!(
            "table {}: {} ({} rows{left_out})",
            table.name, table.title, table.row_count
        );
        lines.extend(laid_out(&cell(&said), 2, 6));
    }
    lines
}

#[cfg(test)]
mod tests;
