//! A syslog line and its head: when, on which host by its own word, by which program.
//!
//! Read are the forms in which authentication logs are kept: RFC 3164
//! (<https://www.rfc-editor.org/rfc/rfc3164>), RFC 5424
//! (<https://www.rfc-editor.org/rfc/rfc5424>), rsyslog's with a time in RFC 3339, and that of
//! `journalctl -o cat` with host and program but no time.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

use crate::ocsf_native::json::time_of_text;

/// A line cut into its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// The time as written; empty if there is none.
    pub(crate) time: &'a str,
    /// What the host calls itself: a claim. Empty if the line does not say.
    pub(crate) host: &'a str,
    /// The program, without path and process number: `sshd`; empty if not named.
    pub(crate) program: &'a str,
    /// The program's process number.
    pub(crate) pid: Option<u32>,
    /// What it said.
    pub(crate) message: &'a str,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The first word, and what is behind the blank after it.
pub(super) fn word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

impl<'a> Line<'a> {
    /// Cuts a line; `None` if it has none of the forms.
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim_ascii();
        let body = without_priority(line);
        if body.len() < line.len()
            && let Some(rest) = body.strip_prefix("1 ")
        {
            return Self::structured(rest);
        }
        if let Some((time, rest)) = legacy_time(body) {
            // A line about lines before it has a colon here and no host.
            if let Some(message) = rest.strip_prefix(": ") {
                return Some(Self::said(time, message));
            }
            return Some(Self::tagged(time, rest.trim_ascii_start()));
        }
        let (time, rest) = word(body);
        if is_full_time(time) {
            return Some(Self::tagged(time, rest.trim_ascii_start()));
        }
        // Without a time it is a line only if host and program are named.
        let line = Self::tagged("", body);
        (!line.host.is_empty() && line.pid.is_some()).then_some(line)
    }

    const fn said(time: &'a str, message: &'a str) -> Self {
        Self {
            time,
            host: "",
            program: "",
            pid: None,
            message,
        }
    }

    /// RFC 5424 behind its version: time, host, program, process, message id, structured
    /// data, message.
    fn structured(text: &'a str) -> Option<Self> {
        let mut rest = text;
        let mut fields = [""; 5];
        for field in &mut fields {
            let (value, tail) = rest.split_once(' ')?;
            *field = if value == "-" { "" } else { value };
            rest = tail;
        }
        let [time, host, program, pid, _] = fields;
        let message = behind_data(rest)?.trim_ascii_start();
        Some(Self {
            time,
            host,
            program: plain_program(program),
            pid: pid.parse().ok(),
            message: message.strip_prefix('\u{feff}').unwrap_or(message),
        })
    }

    /// What is behind the time of the older forms: host and tag, or the tag alone.
    fn tagged(time: &'a str, text: &'a str) -> Self {
        let (first, rest) = word(text);
        let (host, (program, pid, message)) = match tag(first) {
            Some((program, pid)) => ("", (program, pid, rest)),
            None => {
                let rest = rest.trim_ascii_start();
                let (second, behind) = word(rest);
                match tag(second) {
                    Some((program, pid)) => (first, (program, pid, behind)),
                    None => (first, ("", None, rest)),
                }
            }
        };
        Self {
            time,
            host,
            program: plain_program(program),
            pid,
            message: message.trim_ascii_start(),
        }
    }

    /// When it was written, nanoseconds since 1970. Where the line has no year it is the
    /// newest that does not make it later than a day after it was received; where it has no
    /// zone it is `zone`'s.
    pub(crate) fn time_ns(&self, zone: Offset, observed_ns: i64) -> Option<i64> {
        if let Some((_, "")) = legacy_time(self.time) {
            return without_year(self.time, zone, observed_ns);
        }
        if let Ok(local) = self.time.parse::<DateTime>()
            && self.time.parse::<Timestamp>().is_err()
        {
            return nanoseconds(local, zone);
        }
        time_of_text(self.time)
    }
}

/// The line behind `<38>`.
fn without_priority(line: &str) -> &str {
    line.strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
        .filter(|(number, _)| {
            (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
        })
        .map_or(line, |(_, rest)| rest)
}

/// Cuts a time of RFC 3164 off: `Mar  7 18:53:24`, with a fraction where the daemon was
/// told to write one.
fn legacy_time(text: &str) -> Option<(&str, &str)> {
    let month = text.get(..3)?;
    MONTHS.contains(&month).then_some(())?;
    let mut at = 3;
    let mut digits = |least: usize, most: usize, before: &[u8]| {
        let blank = run(text, at, |byte| before.contains(&byte));
        (blank == 1 || (blank == 2 && before == b" ")).then_some(())?;
        let count = run(text, at + blank, |byte| byte.is_ascii_digit());
        (least..=most).contains(&count).then_some(())?;
        at += blank + count;
        Some(())
    };
    digits(1, 2, b" ")?;
    digits(2, 2, b" ")?;
    digits(2, 2, b":")?;
    digits(2, 2, b":")?;
    // The fraction is there or it is not.
    let _ = digits(1, 9, b".");
    let (time, rest) = text.split_at_checked(at)?;
    (rest.is_empty() || rest.starts_with([' ', ':'])).then_some((time, rest))
}

/// Length of the run of bytes at `at` for which `is` holds.
fn run(text: &str, at: usize, is: impl Fn(u8) -> bool) -> usize {
    text.as_bytes()
        .get(at..)
        .map_or(0, |rest| rest.iter().take_while(|byte| is(**byte)).count())
}

/// Whether the word is a time in RFC 3339, or one without a zone.
fn is_full_time(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_digit())
        && word.contains('T')
        && (word.parse::<Timestamp>().is_ok() || word.parse::<DateTime>().is_ok())
}

/// What is behind the structured data: `-`, or elements in brackets with text in quotes.
fn behind_data(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some(rest);
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    while bytes.get(at) == Some(&b'[') {
        let mut quoted = false;
        loop {
            at += 1;
            match bytes.get(at)? {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                b']' if !quoted => break,
                _ => {}
            }
        }
        at += 1;
    }
    (at > 0).then(|| text.get(at..)).flatten()
}

/// A tag: `sshd[123]:`, `sudo:`, `[sshd]`. A program without brackets needs its colon.
fn tag(word: &str) -> Option<(&str, Option<u32>)> {
    let bare = word.strip_suffix(':').unwrap_or(word);
    if let Some(program) = bare
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return Some((program, None));
    }
    let numbered = bare.strip_suffix(']').and_then(|rest| rest.split_once('['));
    match numbered {
        Some((program, pid)) if !program.is_empty() => Some((program, Some(pid.parse().ok()?))),
        _ if bare.len() < word.len() && !bare.is_empty() => Some((bare, None)),
        _ => None,
    }
}

/// The program without its path, and without what newer servers call their helpers.
fn plain_program(program: &str) -> &str {
    let name = program.rsplit('/').next().unwrap_or(program);
    match name {
        "sshd-session" | "sshd-auth" => "sshd",
        _ => name.strip_suffix("(pam_unix)").unwrap_or(name),
    }
}

/// The newest time with this month, day and time of day that can be.
fn without_year(text: &str, zone: Offset, observed_ns: i64) -> Option<i64> {
    let mut parts = text.split_ascii_whitespace();
    let name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? + 1;
    let day: i8 = parts.next()?.parse().ok()?;
    let mut clock = parts.next()?.split([':', '.']);
    let mut number = || clock.next()?.parse::<i8>().ok();
    let (hour, minute, second) = (number()?, number()?, number()?);
    let fraction = clock.next().unwrap_or_default();
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    // A leap second is told as the one before it.
    let time = Time::new(hour, minute, second.min(59), nanos).ok()?;
    let latest = Timestamp::from_nanosecond(i128::from(observed_ns))
        .and_then(|observed| observed.checked_add(24.hours()))
        .ok()?;
    let this_year = zone.to_datetime(latest).year();
    // Eight years apart at most is the same leap day.
    (0..=8)
        .filter_map(|back| this_year.checked_sub(back))
        .filter_map(|year| Date::new(year, i8::try_from(month).ok()?, day).ok())
        .filter_map(|date| nanoseconds(date.to_datetime(time), zone))
        .find(|ns| i128::from(*ns) <= latest.as_nanosecond())
}

fn nanoseconds(local: DateTime, zone: Offset) -> Option<i64> {
    let time = local.to_zoned(TimeZone::fixed(zone)).ok()?.timestamp();
    i64::try_from(time.as_nanosecond())
        .ok()
        .filter(|ns| *ns > 0)
}
