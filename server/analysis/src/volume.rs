//! How much data went where.
//!
//! Remembered: at most 50,000 pairs of addresses of flow logs and 10,000 of bucket, caller and
//! address, each with its sums.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::ControlFlow;

use crate::answer::{Answer, Cell, ColumnKind, Looked, Remark, RemarkReason, Rows};
use crate::flow::{self, Layout};
use crate::json;
use crate::plan::{Accumulate, Order, Plan, scan};
use crate::question::{Kind, Scope, Volume};
use crate::row::Row;
use crate::sql;
use crate::tally::key;

/// The version of the plan.
pub const PLAN_VERSION: u32 = 1;
/// Most pairs of addresses.
pub const MOST_PAIRS: usize = 50_000;
/// Most of bucket, caller and address.
pub const MOST_BUCKET_READERS: usize = 10_000;
/// Most rows of a table.
const MOST_SHOWN: usize = 2_000;

/// How it is answered, and what it can't say.
pub const METHOD: &str = "Bytes of accepted flows by own address and peer, and of S3's data events by bucket, caller \
and address. Of a flow the side with a private address is yours; where both sides are private or \
both public, what the record says of its direction decides, and without that the source counts as \
yours. A flow between two interfaces of yours that are both logged is counted at each. Flow logs \
count whole packets with their headers and leave out some traffic (that to the name servers and \
metadata of the cloud, for one); S3's figures need data events to be logged, which they are not by \
default. Rejected flows carried nothing and are counted apart.";

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    out: u64,
    into: u64,
    packets: u64,
    records: u64,
    first: i64,
    last: i64,
}

impl Sums {
    fn add(&mut self, row: &Row<'_>, out: u64, into: u64, packets: u64) {
        if self.records == 0 {
            (self.first, self.last) = (row.time_ns, row.time_ns);
        }
        self.out = self.out.saturating_add(out);
        self.into = self.into.saturating_add(into);
        self.packets = self.packets.saturating_add(packets);
        self.records += 1;
        self.first = self.first.min(row.time_ns);
        self.last = self.last.max(row.time_ns);
    }
}

struct State {
    minimum: u64,
    flows_asked: bool,
    s3_asked: bool,
    layout: Layout,
    pairs: BTreeMap<(IpAddr, IpAddr), Sums>,
    beyond: Sums,
    buckets: BTreeMap<(String, String, String), Sums>,
    buckets_beyond: Sums,
    rejected: u64,
    /// Flow records without addresses or without bytes.
    silent: u64,
    /// Data events without figures.
    silent_s3: u64,
    directionless: u64,
    looked: Looked,
}

pub(crate) fn plan(asked: &Volume, scope: &Scope) -> Plan {
    let flows = sql::is("source_type", flow::SOURCE_TYPE);
    let s3 = format!(
        "({} AND {} AND json_exists(raw, 'additionalEventData.bytesTransferredOut'))",
        sql::is("source_type", "aws.cloudtrail"),
        sql::is("service", "s3.amazonaws.com")
    );
    let columns = [
        "time",
        "name",
        "status",
        "operation",
        "actor",
        "src_ip",
        "dst_ip",
        "resources",
        "source_type",
        "shared",
        "raw",
        "raw_context",
    ];
    let (flows_asked, s3_asked) = (
        scope.takes(flow::SOURCE_TYPE),
        scope.takes("aws.cloudtrail"),
    );
    let filter = sql::any([flows_asked.then_some(flows), s3_asked.then_some(s3)]);
    let scans = match filter {
        Some(filter) => vec![scan(scope, Some(filter), Order::NewestFirst, &columns)],
        None => Vec::new(),
    };
    Plan {
        scans,
        state: Box::new(State {
            minimum: asked.minimum_bytes,
            flows_asked,
            s3_asked,
            layout: Layout::default(),
            pairs: BTreeMap::new(),
            beyond: Sums::default(),
            buckets: BTreeMap::new(),
            buckets_beyond: Sums::default(),
            rejected: 0,
            silent: 0,
            silent_s3: 0,
            directionless: 0,
            looked: Looked::default(),
        }),
    }
}

/// Whether the address is none that the Internet routes: private, shared, link-local, loopback
/// or unique local.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

impl State {
    fn flow(&mut self, row: &Row<'_>) {
        if row.failed() {
            self.rejected += 1;
            return;
        }
        let flow = self.layout.read(row.raw_context, row.raw);
        let (Some(from), Some(to), Some(bytes)) = (row.src_ip, row.dst_ip, flow.bytes) else {
            self.silent += 1;
            return;
        };
        let leaves = match (is_private(from), is_private(to), flow.leaves) {
            (true, false, _) => true,
            (false, true, _) => false,
            (_, _, Some(leaves)) => leaves,
            (_, _, None) => {
                self.directionless += 1;
                true
            }
        };
        let pair = if leaves { (from, to) } else { (to, from) };
        let (out, into) = if leaves { (bytes, 0) } else { (0, bytes) };
        let packets = flow.packets.unwrap_or_default();
        if let Some(sums) = self.pairs.get_mut(&pair) {
            sums.add(row, out, into, packets);
        } else if self.pairs.len() < MOST_PAIRS {
            self.pairs
                .entry(pair)
                .or_default()
                .add(row, out, into, packets);
        } else {
            self.beyond.add(row, out, into, packets);
        }
    }

    fn object(&mut self, row: &Row<'_>) {
        let out = json::number(row.raw, &["additionalEventData", "bytesTransferredOut"]);
        let into = json::number(row.raw, &["additionalEventData", "bytesTransferredIn"]);
        if out.is_none() && into.is_none() {
            self.silent_s3 += 1;
            return;
        }
        let bucket = json::text(row.raw, &["requestParameters", "bucketName"]);
        let address = row.src_ip.map(|ip| ip.to_string());
        let of = (
            key(&bucket.unwrap_or_default()),
            key(row.actor),
            address.unwrap_or_default(),
        );
        let (out, into) = (out.unwrap_or_default(), into.unwrap_or_default());
        if let Some(sums) = self.buckets.get_mut(&of) {
            sums.add(row, out, into, 0);
        } else if self.buckets.len() < MOST_BUCKET_READERS {
            self.buckets.entry(of).or_default().add(row, out, into, 0);
        } else {
            self.buckets_beyond.add(row, out, into, 0);
        }
    }

    fn remarks(&self, remarks: &mut Vec<Remark>) {
        let mut say = |when: bool, reason, message: String| {
            if when {
                remarks.push(Remark::new(reason, message));
            }
        };
        say(
            self.flows_asked && self.looked.of(flow::SOURCE_TYPE) == 0,
            RemarkReason::Silent,
            "There are no VPC flow records in the scope, so nothing is said of network traffic."
                .to_owned(),
        );
        say(
            self.s3_asked && self.looked.of("aws.cloudtrail") == 0,
            RemarkReason::Silent,
            "There are no data events of S3 with figures in the scope. Without them nobody can \
             say from here what was read from buckets."
                .to_owned(),
        );
        say(
            self.silent > 0,
            RemarkReason::Silent,
            format!(
                "{} flow records have no addresses or no bytes.",
                self.silent
            ),
        );
        say(
            self.silent_s3 > 0,
            RemarkReason::Silent,
            format!("{} data events of S3 have no figures.", self.silent_s3),
        );
        say(
            self.directionless > 0,
            RemarkReason::Method,
            format!(
                "{} flow records do not say which side is yours; the source was taken for it.",
                self.directionless
            ),
        );
        say(
            self.rejected > 0,
            RemarkReason::Method,
            format!(
                "{} flow records were rejected and carried nothing.",
                self.rejected
            ),
        );
        for (sums, what, most) in [
            (self.beyond, "pairs of addresses", MOST_PAIRS),
            (
                self.buckets_beyond,
                "readers of buckets",
                MOST_BUCKET_READERS,
            ),
        ] {
            say(
                sums.records > 0,
                RemarkReason::Full,
                format!(
                    "More than {most} {what} were found; {} records with {} bytes out and {} in \
                     are in no table. Narrow the time or the resources.",
                    sums.records, sums.out, sums.into
                ),
            );
        }
    }
}

impl Accumulate for State {
    fn take(&mut self, _: usize, row: &Row<'_>) -> ControlFlow<()> {
        self.looked.at(row);
        if row.source_type == flow::SOURCE_TYPE {
            self.flow(row);
        } else {
            self.object(row);
        }
        ControlFlow::Continue(())
    }

    fn finish(self: Box<Self>) -> Answer {
        use ColumnKind::{Address, Integer, Text, Time};
        let mut answer = self.looked.answer(Kind::Volume);
        self.remarks(&mut answer.remarks);
        let narrow = "narrow the time, or ask for more bytes at least";
        let figures = [
            ("bytes_out", Integer, "bytes"),
            ("bytes_in", Integer, "bytes"),
            ("packets", Integer, "packets"),
            ("records", Integer, "records"),
            ("first", Time, ""),
            ("last", Time, ""),
        ];
        let cells = |sums: &Sums| {
            [
                Cell::count(sums.out),
                Cell::count(sums.into),
                Cell::count(sums.packets),
                Cell::count(sums.records),
                Cell::time(sums.first),
                Cell::time(sums.last),
            ]
        };
        let mut pairs: Vec<_> = self.pairs.iter().collect();
        pairs.retain(|(_, sums)| sums.out.max(sums.into) >= self.minimum);
        pairs.sort_by_key(|(pair, sums)| (Reverse(sums.out), Reverse(sums.into), **pair));
        for (name, title, private) in [
            (
                "public_peers",
                "Traffic with public peers, most bytes out first",
                false,
            ),
            (
                "private_peers",
                "Traffic with private peers, most bytes out first",
                true,
            ),
        ] {
            let mut columns = vec![("own", Address, ""), ("peer", Address, "")];
            columns.extend(figures);
            let mut rows = Rows::new(name, title, &columns).most(MOST_SHOWN);
            let of = pairs
                .iter()
                .filter(|((_, peer), _)| is_private(*peer) == private);
            for ((own, peer), sums) in of {
                let mut row = vec![Cell::text(own.to_string()), Cell::text(peer.to_string())];
                row.extend(cells(sums));
                rows.push(row);
            }
            answer.tables.push(rows.done(narrow, &mut answer.remarks));
        }
        let mut columns = vec![
            ("bucket", Text, ""),
            ("actor", Text, ""),
            ("address", Address, ""),
        ];
        columns.extend(figures.into_iter().filter(|(name, ..)| *name != "packets"));
        let mut buckets: Vec<_> = self.buckets.iter().collect();
        buckets.retain(|(_, sums)| sums.out.max(sums.into) >= self.minimum);
        buckets
            .sort_by(|(a, x), (b, y)| (y.out, y.into).cmp(&(x.out, x.into)).then_with(|| a.cmp(b)));
        let title = "Bytes of S3 by bucket, caller and address, most bytes out first";
        let mut rows = Rows::new("buckets", title, &columns).most(MOST_SHOWN);
        for ((bucket, actor, address), sums) in buckets {
            let [out, into, _, records, first, last] = cells(sums);
            let named = [bucket, actor, address].map(Cell::text);
            let mut row = Vec::from(named);
            row.extend([out, into, records, first, last]);
            rows.push(row);
        }
        answer.tables.push(rows.done(narrow, &mut answer.remarks));
        answer
    }
}
