//! What was found: nodes, edges, keys.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{Issue, Who};
use crate::answer::{
    Answer, Cell, ColumnKind, Edge, Graph, Looked, MOST_EDGES, MOST_NODES, Node, Outcome, Remark,
    RemarkReason, Rows,
};
use crate::question::Kind;
use crate::row::Row;
use crate::tally::Tally;
use crate::time::rfc3339;

/// Most keys.
const MOST_KEYS: usize = 2_000;
/// Most addresses of one key.
const MOST_ADDRESSES: usize = 16;
/// Most keys of one edge.
const MOST_KEYS_OF_EDGE: usize = 256;

#[derive(Debug)]
struct Seen {
    kind: &'static str,
    hop: i32,
}

#[derive(Debug)]
struct Way {
    tally: Tally,
    keys: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Key {
    holder: String,
    role: String,
    issued_by: String,
    operation: String,
    expires: String,
    issued: Option<Tally>,
    used: Option<Tally>,
    /// Who did the first of it.
    used_by: String,
    addresses: BTreeSet<String>,
}

/// Nodes, edges and keys, of bounded number.
#[derive(Debug)]
pub(super) struct Found {
    nodes: BTreeMap<String, Seen>,
    /// By from, to, operation and whether it was refused.
    ways: BTreeMap<(String, String, String, bool), Way>,
    keys: BTreeMap<String, Key>,
    left_out: u64,
}

/// Where the walk ended before its end.
pub(super) struct Limits {
    pub(super) dropped: u64,
    pub(super) stopped: u64,
    pub(super) further: bool,
}

impl Found {
    pub(super) fn new(start: &Who) -> Self {
        let seen = Seen {
            kind: start.kind,
            hop: 0,
        };
        Self {
            nodes: BTreeMap::from([(start.id.clone(), seen)]),
            ways: BTreeMap::new(),
            keys: BTreeMap::new(),
            left_out: 0,
        }
    }

    /// The start is this key: what is done with it is done by the start.
    pub(super) fn key_of_start(&mut self, id: &str) {
        let key = Key {
            holder: id.to_owned(),
            ..Key::default()
        };
        self.keys.insert(id.to_owned(), key);
    }

    /// Whom a key was issued to.
    pub(super) fn owner(&self, key: &str) -> Option<Who> {
        let holder = &self.keys.get(key)?.holder;
        let seen = self.nodes.get(holder)?;
        Some(Who {
            id: holder.clone(),
            kind: seen.kind,
        })
    }

    fn node(&mut self, who: &Who, hop: i32) -> bool {
        if self.nodes.contains_key(&who.id) {
            return true;
        }
        if self.nodes.len() >= MOST_NODES {
            return false;
        }
        let seen = Seen {
            kind: who.kind,
            hop,
        };
        self.nodes.insert(who.id.clone(), seen);
        true
    }

    fn way(&mut self, from: &str, to: &str, issue: &Issue, row: &Row<'_>) -> bool {
        if from == to {
            return true;
        }
        let way = (
            from.to_owned(),
            to.to_owned(),
            issue.operation.clone(),
            issue.refused,
        );
        let full = self.ways.len() >= MOST_EDGES;
        let way = match self.ways.get_mut(&way) {
            Some(way) => {
                way.tally.add(row);
                way
            }
            None if full => return false,
            None => self.ways.entry(way).or_insert(Way {
                tally: Tally::of(row),
                keys: BTreeSet::new(),
            }),
        };
        if let Some(key) = issue.key.as_ref()
            && way.keys.len() < MOST_KEYS_OF_EDGE
        {
            way.keys.insert(key.clone());
        }
        true
    }

    /// Adds what an event says; `through` is the start, where it is the role of a session.
    /// False if there is no room.
    pub(super) fn add(
        &mut self,
        issue: &Issue,
        through: Option<&str>,
        hop: i32,
        row: &Row<'_>,
    ) -> bool {
        let room = match through {
            None => {
                self.node(&issue.from, hop)
                    && self.node(&issue.to, hop)
                    && self.way(&issue.from.id, &issue.to.id, issue, row)
            }
            Some(role) => {
                // Whoever asked came before the role, what was given comes after it.
                self.node(&issue.from, -hop.abs())
                    && self.node(&issue.to, hop.abs())
                    && self.way(&issue.from.id, role, issue, row)
                    && (issue.refused || self.way(role, &issue.to.id, issue, row))
            }
        };
        if !room {
            self.left_out += 1;
            return false;
        }
        let Some(id) = issue.key.as_ref().filter(|_| !issue.refused) else {
            return true;
        };
        if !self.keys.contains_key(id) && self.keys.len() >= MOST_KEYS {
            self.left_out += 1;
            return false;
        }
        let key = self.keys.entry(id.clone()).or_default();
        key.holder.clone_from(&issue.to.id);
        key.role = issue.role.clone().unwrap_or_default();
        key.issued_by.clone_from(&issue.from.id);
        key.operation.clone_from(&issue.operation);
        key.expires = issue.expires.clone().unwrap_or_default();
        match &mut key.issued {
            Some(tally) => tally.add(row),
            empty => *empty = Some(Tally::of(row)),
        }
        true
    }

    /// A call was made with the key.
    pub(super) fn used(&mut self, id: &str, row: &Row<'_>) {
        let Some(key) = self.keys.get_mut(id) else {
            return;
        };
        match &mut key.used {
            Some(tally) => tally.add(row),
            empty => {
                *empty = Some(Tally::of(row));
                key.used_by = crate::tally::key(row.actor);
            }
        }
        if let Some(address) = row.src_ip
            && key.addresses.len() < MOST_ADDRESSES
        {
            key.addresses.insert(address.to_string());
        }
    }

    pub(super) fn answer(&self, looked: &Looked, limits: Limits) -> Answer {
        let mut answer = looked.answer(Kind::RoleChain);
        let mut say = |when: bool, reason, message: String| {
            if when {
                answer.remarks.push(Remark::new(reason, message));
            }
        };
        say(
            self.ways.is_empty() && self.keys.values().all(|key| key.issued.is_none()),
            RemarkReason::NotFound,
            "No event of the scope gives the start an identity or is asked for by it.".to_owned(),
        );
        say(
            self.left_out + limits.dropped + limits.stopped > 0,
            RemarkReason::Full,
            format!(
                "The walk was too wide: {} events did not fit the graph, {} identities were not \
                 gone on from, {} scans were read in part. Narrow the time, or ask for fewer hops.",
                self.left_out, limits.dropped, limits.stopped
            ),
        );
        say(
            limits.further && !self.ways.is_empty(),
            RemarkReason::Method,
            "The walk ended with the hops that were asked for; there may be more beyond."
                .to_owned(),
        );
        let graph = self.graph();
        let narrow = "ask for fewer hops, or narrow the time";
        let nodes = nodes(&graph).done(narrow, &mut answer.remarks);
        let edges = edges(&graph).done(narrow, &mut answer.remarks);
        let keys = self.credentials().done(narrow, &mut answer.remarks);
        answer.tables.extend([nodes, edges, keys]);
        answer.graph = Some(graph);
        answer
    }

    fn graph(&self) -> Graph {
        let mut used: BTreeMap<&str, u64> = BTreeMap::new();
        for key in self.keys.values() {
            let count = key.used.map_or(0, |tally| tally.count);
            *used.entry(&key.holder).or_default() += count;
        }
        let mut order: Vec<_> = self.nodes.iter().collect();
        order.sort_by_key(|(id, seen)| (seen.hop, *id));
        let places: BTreeMap<&str, usize> = order
            .iter()
            .enumerate()
            .map(|(at, (id, _))| (id.as_str(), at))
            .collect();
        let nodes = order.iter().map(|(id, seen)| Node {
            id: (*id).clone(),
            kind: seen.kind.to_owned(),
            hop: seen.hop,
            used: used.get(id.as_str()).copied().unwrap_or_default(),
        });
        let mut edges: Vec<Edge> = self
            .ways
            .iter()
            .filter_map(|((from, to, operation, refused), way)| {
                let with = |key: &String| self.keys.get(key).is_some_and(|key| key.used.is_some());
                let outcome = match *refused {
                    true => Outcome::Refused,
                    false if way.keys.iter().any(with) || operation == "delegation" => {
                        Outcome::Used
                    }
                    false => Outcome::Given,
                };
                Some(Edge {
                    from: *places.get(from.as_str())?,
                    to: *places.get(to.as_str())?,
                    operation: operation.clone(),
                    outcome,
                    count: way.tally.count,
                    first: rfc3339(way.tally.first),
                    last: rfc3339(way.tally.last),
                    event: hex::encode(way.tally.event),
                })
            })
            .collect();
        edges.sort_by(|a, b| {
            (a.from, a.to, &a.operation, a.outcome).cmp(&(b.from, b.to, &b.operation, b.outcome))
        });
        Graph {
            nodes: nodes.collect(),
            edges,
        }
    }

    fn credentials(&self) -> Rows {
        use ColumnKind::{EventName, Integer, Text, Time};
        let mut rows = Rows::new(
            "credentials",
            "Keys that were issued, and their use",
            &[
                ("access_key", Text, ""),
                ("holder", Text, ""),
                ("role", Text, ""),
                ("issued_by", Text, ""),
                ("operation", Text, ""),
                ("issued", Time, ""),
                ("event", EventName, ""),
                ("expires", Text, ""),
                ("uses", Integer, "events"),
                ("used_by", Text, ""),
                ("first_used", Time, ""),
                ("last_used", Time, ""),
                ("addresses", Text, ""),
            ],
        );
        for (id, key) in &self.keys {
            let issued = key.issued.as_ref();
            let used = key.used.as_ref();
            let addresses: Vec<&str> = key.addresses.iter().map(String::as_str).collect();
            rows.push([
                Cell::text(id),
                Cell::text(&key.holder),
                Cell::text(&key.role),
                Cell::text(&key.issued_by),
                Cell::text(&key.operation),
                issued.map_or(Cell::Empty, |tally| Cell::time(tally.first)),
                issued.map_or(Cell::Empty, |tally| Cell::event(&tally.event)),
                Cell::text(&key.expires),
                Cell::count(used.map_or(0, |tally| tally.count)),
                Cell::text(&key.used_by),
                used.map_or(Cell::Empty, |tally| Cell::time(tally.first)),
                used.map_or(Cell::Empty, |tally| Cell::time(tally.last)),
                Cell::text(addresses.join(" ")),
            ]);
        }
        rows
    }
}

fn nodes(graph: &Graph) -> Rows {
    use ColumnKind::{Integer, Text};
    let mut rows = Rows::new(
        "identities",
        "Identities, those before the start first",
        &[
            ("hop", Integer, ""),
            ("identity", Text, ""),
            ("kind", Text, ""),
            ("uses", Integer, "events"),
        ],
    );
    for node in &graph.nodes {
        rows.push([
            Cell::Integer(i64::from(node.hop)),
            Cell::text(&node.id),
            Cell::text(&node.kind),
            Cell::count(node.used),
        ]);
    }
    rows
}

fn edges(graph: &Graph) -> Rows {
    use ColumnKind::{EventName, Integer, Text, Time};
    let mut rows = Rows::new(
        "steps",
        "Who was given which identity",
        &[
            ("from", Text, ""),
            ("to", Text, ""),
            ("operation", Text, ""),
            ("outcome", Text, ""),
            ("count", Integer, "events"),
            ("first", Time, ""),
            ("last", Time, ""),
            ("first_event", EventName, ""),
        ],
    );
    let name = |at: usize| graph.nodes.get(at).map_or("", |node| node.id.as_str());
    for edge in &graph.edges {
        rows.push([
            Cell::text(name(edge.from)),
            Cell::text(name(edge.to)),
            Cell::text(&edge.operation),
            Cell::text(match edge.outcome {
                Outcome::Refused => "refused",
                Outcome::Given => "given",
                Outcome::Used => "used",
            }),
            Cell::count(edge.count),
            Cell::text(&edge.first),
            Cell::text(&edge.last),
            Cell::text(&edge.event),
        ]);
    }
    rows
}
