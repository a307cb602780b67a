//! Rows as attribution makes them, and a lake that is a list.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cordon_views::{Directory, EventRow, Kind, Names, SourceType, attribute};
use serde_json::{Value, json};

use super::filter::Filter;
use crate::{Answer, Order, Question, Row, Scan, Scope, plan};

/// Everything is one tenant's.
struct Everybody;

impl Directory for Everybody {
    type Tenant = u8;
    fn account(&self, _: &str, _: i64) -> Option<u8> {
        Some(1)
    }
    fn address(&self, _: IpAddr, _: i64) -> Option<u8> {
        None
    }
    fn resource(&self, _: &str, _: i64) -> Option<u8> {
        None
    }
    fn in_provider_range(&self, _: IpAddr) -> bool {
        false
    }
}

impl Names for Everybody {
    type Tenant = u8;
    fn pseudonym(&self, _: &u8, kind: Kind, value: &str) -> String {
        format!("{}~{value}", kind.prefix())
    }
    fn event_name(&self, _: &u8, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().as_bytes()[..16].try_into().unwrap()
    }
}

/// Events.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) rows: Vec<EventRow>,
}

/// A time in 2026, so many seconds after its beginning.
pub(crate) fn at(seconds: i64) -> String {
    crate::time::rfc3339((1_767_225_600 + seconds) * 1_000_000_000)
}

/// All of the year 2026.
pub(crate) fn scope() -> Scope {
    Scope {
        since: "2026-01-01T00:00:00Z".parse().unwrap(),
        until: "2027-01-01T00:00:00Z".parse().unwrap(),
        accounts: Vec::new(),
        resources: Vec::new(),
        source_types: Vec::new(),
    }
}

/// A CloudTrail record in the making.
#[derive(Clone)]
pub(crate) struct Event(pub(crate) Value);

impl Event {
    /// Of a user, at so many seconds.
    pub(crate) fn new(seconds: i64, service: &str, operation: &str, user: &str) -> Self {
        Self(json!({
            "eventVersion": "1.09",
            "eventTime": at(seconds),
            "eventID": format!("{seconds}-{operation}-{user}"),
            "eventSource": format!("{service}.amazonaws.com"),
            "eventName": operation,
            "awsRegion": "eu-west-1",
            "sourceIPAddress": "192.0.2.10",
            "userAgent": "example-agent/1.0",
            "recipientAccountId": "111122223333",
            "userIdentity": {
                "type": "IAMUser",
                "arn": format!("arn:aws:iam::111122223333:user/{user}"),
                "accountId": "111122223333",
                "accessKeyId": format!("AKIA{:0>16}", user.to_uppercase()),
                "userName": user,
            },
            "requestParameters": null,
            "responseElements": null,
        }))
    }

    /// With a field set; steps are divided by dots.
    pub(crate) fn with(mut self, path: &str, value: Value) -> Self {
        let mut place = &mut self.0;
        for step in path.split('.') {
            place = &mut place[step];
        }
        *place = value;
        self
    }
}

impl World {
    pub(crate) fn of(events: impl IntoIterator<Item = Event>) -> Self {
        let mut world = Self::default();
        for event in events {
            world.add(SourceType::AwsCloudTrail, &event.0.to_string(), None);
        }
        world
    }

    /// Adds what is in a record; what can't be read is left out.
    pub(crate) fn add(&mut self, source: SourceType, record: &str, context: Option<&str>) {
        let seen = attribute(
            source,
            record.as_bytes(),
            context,
            0,
            &Everybody,
            &Everybody,
        );
        if let Ok(seen) = seen {
            self.rows.extend(seen.views.into_iter().map(|(_, row)| row));
        }
    }

    /// A line of a flow log.
    pub(crate) fn flow(&mut self, seconds: i64, from: &str, to: &str, port: u16, bytes: u64) {
        let start = 1_767_225_600 + seconds;
        let line = format!(
            "2 111122223333 eni-0example {from} {to} 49152 {port} 6 10 {bytes} {start} {} ACCEPT OK",
            start + 60
        );
        self.add(SourceType::AwsVpcFlow, &line, None);
    }

    fn scanned(&self, scan: &Scan) -> Vec<&EventRow> {
        let filter = scan.filter.as_deref().map(Filter::parse);
        let mut rows: Vec<&EventRow> = self
            .rows
            .iter()
            .filter(|row| (scan.since..scan.until).contains(&row.time_ns))
            .filter(|row| filter.as_ref().is_none_or(|filter| filter.takes(row)))
            .collect();
        rows.sort_by(|a, b| b.time_ns.cmp(&a.time_ns).then(a.name.cmp(&b.name)));
        rows.dedup_by(|a, b| a.name == b.name);
        if scan.order == Order::OldestFirst {
            rows.reverse();
        }
        rows.truncate(usize::try_from(scan.limit).unwrap());
        rows
    }

    /// The answer, as the server makes it.
    pub(crate) fn ask_over(&self, question: &Question, scope: &Scope) -> Answer {
        let mut plan = plan(question, scope).unwrap();
        let mut scans = std::mem::take(&mut plan.scans);
        let mut rounds = 0;
        while !scans.is_empty() {
            assert!(scans.len() <= crate::plan::MOST_SCANS);
            for (place, scan) in scans.iter().enumerate() {
                for row in self.scanned(scan) {
                    let resources: Vec<&str> = row.resources.iter().map(String::as_str).collect();
                    let row = only(&borrowed(row, &resources), &scan.columns);
                    if plan.state.take(place, &row) == ControlFlow::Break(()) {
                        break;
                    }
                }
            }
            rounds += 1;
            assert!(rounds <= crate::plan::MOST_ROUNDS);
            scans = plan.state.next_scans();
        }
        let answer = plan.state.finish();
        for table in &answer.tables {
            for row in &table.rows {
                assert_eq!(row.len(), table.columns.len(), "{}", table.name);
            }
        }
        let json = answer.to_json();
        let back: Answer = serde_json::from_str(&json).unwrap();
        assert_eq!(back.to_json(), json);
        answer
    }

    pub(crate) fn ask(&self, question: &Question) -> Answer {
        self.ask_over(question, &scope())
    }
}

/// What the server gives of a row: the columns that the scan names, besides when and which it is.
fn only<'a>(row: &Row<'a>, columns: &[&str]) -> Row<'a> {
    let mut out = Row {
        time_ns: row.time_ns,
        name: row.name,
        ..Row::default()
    };
    for column in columns {
        match *column {
            "time" | "name" => {}
            "observed_time" => out.observed_ns = row.observed_ns,
            "seq" => out.seq = row.seq,
            "class_uid" => out.class_uid = row.class_uid,
            "activity_id" => out.activity_id = row.activity_id,
            "severity_id" => out.severity_id = row.severity_id,
            "status" => out.status = row.status,
            "account" => out.account = row.account,
            "region" => out.region = row.region,
            "service" => out.service = row.service,
            "operation" => out.operation = row.operation,
            "actor" => out.actor = row.actor,
            "credential_uid" => out.credential_uid = row.credential_uid,
            "src_ip" => out.src_ip = row.src_ip,
            "src_port" => out.src_port = row.src_port,
            "dst_ip" => out.dst_ip = row.dst_ip,
            "dst_port" => out.dst_port = row.dst_port,
            "resources" => out.resources = row.resources,
            "source" => out.source = row.source,
            "source_type" => out.source_type = row.source_type,
            "event_id" => out.event_id = row.event_id,
            "shared" => out.shared = row.shared,
            "raw" => out.raw = row.raw,
            "raw_context" => out.raw_context = row.raw_context,
            other => panic!("no column {other}"),
        }
    }
    out
}

/// The row with what the lake has of it.
fn borrowed<'a>(row: &'a EventRow, resources: &'a [&'a str]) -> Row<'a> {
    Row {
        time_ns: row.time_ns,
        observed_ns: row.observed_ns,
        name: row.name,
        seq: 0,
        class_uid: row.class_uid,
        activity_id: row.activity_id,
        severity_id: row.severity_id,
        status: row.status.as_str(),
        account: &row.account,
        region: &row.region,
        service: &row.service,
        operation: &row.operation,
        actor: &row.actor,
        credential_uid: &row.credential_uid,
        src_ip: row.src_ip,
        src_port: row.src_port,
        dst_ip: row.dst_ip,
        dst_port: row.dst_port,
        resources,
        source: "",
        source_type: row.source_type.as_str(),
        event_id: &row.event_id,
        shared: row.shared,
        raw: &row.raw,
        raw_context: row.raw_context.as_deref().unwrap_or_default(),
    }
}

/// The published data, or `None` with a message.
pub(crate) fn data() -> Option<PathBuf> {
    let shared = std::env::var_os("CORDON_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let data = shared.join("data");
    if data.is_dir() {
        Some(data)
    } else {
        println!("skipped: no data at {}", data.display());
        None
    }
}
