//! A rule and a finding as pages for people.

use cordon_client::{DetectionPolicy, Explanation, Finding, Rule, time};

use super::rows::{group, standing};
use super::words::Word;
use crate::incidents::page::heading;
use crate::incidents::prose::laid_out;
use crate::incidents::show::moment;
use crate::text::cell;

/// Columns of the names on the left.
const LEFT: usize = 13;
/// How many of a finding's events are named.
const FIRST: usize = 5;

/// Names and values; what is empty is left out.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> Vec<String> {
    let said = pairs.iter().filter(|(_, value)| !value.is_empty());
    said.flat_map(|(name, value)| laid_out(&format!("{name:<LEFT$}{}", cell(value)), 0, LEFT))
        .collect()
}

/// Sentences, each on lines of its own below a heading; nothing when there are none.
pub(crate) fn part(title: &str, texts: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    if !texts.is_empty() {
        lines.extend(heading(title));
    }
    lines.extend(texts.iter().flat_map(|text| laid_out(&cell(text), 2, 6)));
    lines
}

/// A rule without its text.
pub(super) fn rule_head(rule: &Rule) -> Vec<String> {
    let title = match rule.title.as_str() {
        "" => "(not understood)",
        title => title,
    };
    let mut lines = laid_out(&cell(title), 0, 4);
    lines.push(cell(&rule.name));
    let changed = match rule.updated_by.as_str() {
        "" => moment(rule.update_time.as_ref()),
        by => format!("{} by {by}", moment(rule.update_time.as_ref())),
    };
    lines.extend(pairs(&[
        ("level", Word::level(rule.level).text()),
        ("state", standing(rule, time::now())),
        ("failure", rule.failure.clone()),
        ("origin", Word::origin(rule.origin).text()),
        ("version", rule.version.to_string()),
        ("author", rule.author.clone()),
        ("license", rule.license.clone()),
        ("techniques", rule.techniques.join(" ")),
        ("tactics", rule.tactics.join(" ")),
        ("added", moment(rule.create_time.as_ref())),
        ("changed", changed),
        ("etag", rule.etag.clone()),
    ]));
    if !rule.description.is_empty() {
        lines.extend(heading("Description"));
        lines.extend(laid_out(&rule.description, 2, 2));
    }
    lines.extend(part("What else it finds", &rule.false_positives));
    lines.extend(part("Events that it looks for", &rule.filters));
    lines.extend(part("But not", &rule.exceptions));
    lines
}

/// The whole of a rule. Its text stands as it was written, however long its lines are.
pub(super) fn rule(rule: &Rule) -> String {
    let mut lines = rule_head(rule);
    if !rule.text.is_empty() {
        lines.extend(heading("Text"));
        lines.extend(rule.text.lines().map(|line| format!("  {line}")));
    }
    lines.join("\n")
}

/// By what findings open incidents.
pub(super) fn policy(policy: &DetectionPolicy) -> String {
    let state = match policy.enabled {
        true => "findings open incidents",
        false => "findings open no incidents",
    };
    let level = match policy.min_level {
        0 => String::new(),
        level => format!("{} or worse", Word::level(level).text()),
    };
    let changed = match policy.updated_by.as_str() {
        "" => String::new(),
        by => format!("{} by {by}", moment(policy.update_time.as_ref())),
    };
    let mut lines = vec![state.to_owned(), cell(&policy.name)];
    lines.extend(pairs(&[
        ("level", level),
        ("techniques", policy.techniques.join(" ")),
        ("most an hour", policy.max_incidents_per_hour.to_string()),
        ("changed", changed),
        ("etag", policy.etag.clone()),
    ]));
    lines.extend(part("Those of these rules", &policy.rules));
    lines.join("\n")
}

/// The whole of a finding.
pub(super) fn finding(finding: &Finding) -> String {
    let mut lines = laid_out(&cell(&finding.title), 0, 4);
    lines.push(cell(&finding.name));
    let level = Word::level(finding.level).text();
    let level = match finding.rule_level {
        0 => level,
        rule if rule == finding.level => level,
        rule => format!("{level}; {} without your context", Word::level(rule).text()),
    };
    let status = Word::status(finding.status).text();
    let status = match finding.updated_by.as_str() {
        "" => status,
        by => format!("{status}, says {by}"),
    };
    lines.extend(pairs(&[
        ("level", level),
        ("status", status),
        ("comment", finding.comment.clone()),
        ("tactics", finding.tactics.join(" ")),
        ("who", finding.actor.clone()),
        ("where", finding.account.clone()),
        ("what", finding.operation.clone()),
        ("from", finding.source_address.clone()),
        ("together by", group(finding)),
        ("events", finding.count.to_string()),
        ("first", moment(finding.start_time.as_ref())),
        ("last", moment(finding.end_time.as_ref())),
        ("found", moment(finding.create_time.as_ref())),
        ("changed", moment(finding.update_time.as_ref())),
        ("rule", of_rule(finding)),
        ("incident", finding.incident.clone()),
        ("etag", finding.etag.clone()),
    ]));
    let techniques = finding.techniques.iter().map(|id| technique(id));
    lines.extend(part("ATT&CK techniques", &techniques.collect::<Vec<_>>()));
    if let Some(unusual) = &finding.unusual {
        lines.extend(part(
            "What was expected",
            std::slice::from_ref(&unusual.expected),
        ));
        lines.extend(part("What was seen", std::slice::from_ref(&unusual.seen)));
    }
    let explanations = finding.explanations.iter().map(explained);
    lines.extend(part(
        "What your context says",
        &explanations.collect::<Vec<_>>(),
    ));
    lines.extend(events(finding));
    lines.join("\n")
}

/// What is said, and what of the events it was.
fn explained(one: &Explanation) -> String {
    match one.matched_value.as_str() {
        "" => one.text.clone(),
        value => {
            let field = one.matched_field.replace('_', " ");
            format!("{} By the {field} {value}.", one.text)
        }
    }
}

/// What it was found by.
fn of_rule(finding: &Finding) -> String {
    match &finding.unusual {
        None => format!("{} version {}", finding.rule, finding.rule_version),
        Some(unusual) => format!(
            "none: {} of a {} is unusual ({} bits)",
            unusual.kind.replace('_', " "),
            unusual.subject_kind,
            unusual.surprise_bits
        ),
    }
}

/// A technique with the page that says what it is, as in
/// <https://attack.mitre.org/techniques/T1562/008/>.
fn technique(id: &str) -> String {
    let (parent, sub) = match id.split_once('.') {
        Some((parent, sub)) => (parent, Some(sub)),
        None => (id, None),
    };
    let digits = |text: &str, count| {
        text.len() == count && text.bytes().all(|letter| letter.is_ascii_digit())
    };
    let known = parent
        .strip_prefix('T')
        .is_some_and(|number| digits(number, 4))
        && sub.is_none_or(|number| digits(number, 3));
    if !known {
        return id.to_owned();
    }
    let path = id.replace('.', "/");
    format!("{id}  https://attack.mitre.org/techniques/{path}/")
}

/// The first events, as commands that show them.
fn events(finding: &Finding) -> Vec<String> {
    let mut lines = Vec::new();
    if !finding.events.is_empty() {
        lines.extend(heading("First events"));
    }
    for name in finding.events.iter().take(FIRST) {
        // What is to be copied to a shell is what an event is called, or no command.
        let command = if is_event(name) {
            "cordon events get "
        } else {
            ""
        };
        // In one piece, so that it can be taken over.
        lines.push(format!("  {command}{}", cell(name)));
    }
    let kept = i64::try_from(finding.events.len()).unwrap_or(i64::MAX);
    let more = kept.saturating_sub(i64::try_from(FIRST).unwrap_or_default());
    if more > 0 {
        lines.push(format!("  and {more} more, which `-o json` names"));
    }
    let unnamed = finding.count.saturating_sub(kept);
    if unnamed > 0 && kept > 0 {
        lines.push(format!("  and {unnamed} that are counted only"));
    }
    lines
}

/// `tenants/{tenant}/events/{event}`, of letters that mean nothing to a shell.
fn is_event(name: &str) -> bool {
    let parts: Vec<_> = name.split('/').collect();
    let harmless = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_'))
    };
    matches!(parts.as_slice(), ["tenants", tenant, "events", id] if harmless(tenant) && harmless(id))
}

#[cfg(test)]
mod tests;
