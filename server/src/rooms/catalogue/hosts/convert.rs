//! Between messages, placements and work.

use std::collections::BTreeSet;

use cordon_kernel::db::releases::placements::Placement;
use cordon_kernel::{Disclosed, Name, Result};
use cordon_proto::catalogue as wire;
use cordon_release::Day;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::model::{HostWork, MOST_HOSTS, MOST_PLACEMENTS, NewWork};
use crate::rooms::fields::{Fields, time_of, wire_time};

/// Longest id of an instance and name of a host, in bytes.
const LONGEST: usize = 256;
/// Longest reference, in characters.
const LONGEST_REFERENCE: usize = 200;
/// Longest work, in days.
const LONGEST_WORK: u16 = 90;

fn is_name(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(super) fn placements(request: wire::RecordPlacementsRequest) -> Result<Vec<Placement>> {
    let mut fields = Fields::default();
    if !(1..=MOST_PLACEMENTS).contains(&request.placements.len()) {
        fields.wrong("placements", "expected 1 to 1,000");
        return Err(fields.refuse());
    }
    let mut placements = Vec::with_capacity(request.placements.len());
    for (at, given) in request.placements.into_iter().enumerate() {
        let field = |name: &str| format!("placements[{at}].{name}");
        let tenant = fields.named(Name::parse_tenant(&field("tenant"), &given.tenant));
        for (name, text) in [("instance", &given.instance), ("host", &given.host)] {
            if !is_name(text) {
                fields.wrong(field(name), "expected 1 to 256 printable characters");
            }
        }
        let start = given.start_time.as_ref().and_then(time_of);
        let end = given.end_time.as_ref().map(time_of);
        if start.is_none() {
            fields.wrong(field("start_time"), "expected a time from 1678 to 2262");
        }
        if end.is_some_and(|end| end.is_none() || end <= start) {
            fields.wrong(field("end_time"), "expected a time after the start");
        }
        if let (Some(tenant), Some(start)) = (tenant, start) {
            placements.push(Placement {
                tenant,
                instance: given.instance,
                host: given.host,
                start,
                end: end.flatten(),
            });
        }
    }
    fields.finish()?;
    Ok(placements)
}

pub(super) fn work(request: wire::AnnounceHostWorkRequest) -> Result<NewWork> {
    let mut fields = Fields::default();
    let body = request.host_work.unwrap_or_default();
    let mut day = |field: &str, text: &str| {
        let day = day_of(text);
        if day.is_none() {
            fields.wrong(field.to_owned(), "expected a day, as in 2026-11-30");
        }
        day
    };
    let days = (
        day("host_work.first_day", &body.first_day),
        day("host_work.last_day", &body.last_day),
    );
    if let (Some(first), Some(last)) = days
        && (last < first || last >= first.plus(LONGEST_WORK))
    {
        fields.wrong(
            "host_work.last_day",
            "expected the first day or up to 90 days on",
        );
    }
    if !(1..=MOST_HOSTS).contains(&body.hosts.len()) || !body.hosts.iter().all(|host| is_name(host))
    {
        fields.wrong(
            "host_work.hosts",
            "expected 1 to 5,000 of 1 to 256 printable characters",
        );
    }
    if body.reference.chars().count() > LONGEST_REFERENCE {
        fields.wrong("host_work.reference", "expected at most 200 characters");
    }
    match days {
        (Some(first), Some(last)) => {
            fields.finish()?;
            let hosts: BTreeSet<String> = body.hosts.into_iter().collect();
            Ok(NewWork {
                first,
                last,
                hosts,
                reference: body.reference,
            })
        }
        _ => Err(fields.refuse()),
    }
}

/// A day as people write it.
fn day_of(text: &str) -> Option<Day> {
    let date: Date = text.parse().ok()?;
    let midnight: Timestamp = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(Day::of(midnight))
}

/// The message that shows it.
pub(super) fn encode(work: Disclosed<HostWork>) -> wire::HostWork {
    let work = work.into_wire();
    wire::HostWork {
        name: Name::HostWork(work.id).to_string(),
        first_day: work.first.to_string(),
        last_day: work.last.to_string(),
        hosts: Vec::new(),
        reference: work.reference,
        announce_time: Some(wire_time(work.announced)),
        host_count: i32::try_from(work.hosts).unwrap_or(i32::MAX),
        told: work.told,
    }
}
