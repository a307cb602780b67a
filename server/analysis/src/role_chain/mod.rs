//! Who could have become whom, and who did.
//!
//! The graph is walked hop by hop: each round asks for the events in which somebody of the
//! last round asked for an identity, or was the identity that was asked for, and for what was
//! done with the keys that were found.
//!
//! Remembered: at most 1,000 nodes, 2,000 edges, 2,000 keys with 16 addresses each, and the
//! names of 50,000 events.

mod graph;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use self::graph::{Found, Held};
use self::read::{
    AWS_OPERATIONS, GCP_METHODS, ROLE_OPERATIONS, SESSION_OPERATIONS, USER_OPERATIONS, Who, issues,
    key_of,
};
use crate::answer::{Answer, Looked, MOST_NODES};
use crate::plan::{Accumulate, Order, Plan, Scan, scan};
use crate::question::{Direction, RoleChain, Scope, Start};
use crate::row::Row;
use crate::sql;
use crate::subject::KEY_PATHS;

/// The version of the plan.
///
/// 2: what was done with a key is looked for among what its holder did.
pub const PLAN_VERSION: u32 = 2;
/// Most events read in one scan of a round.
pub const MOST_ROWS_OF_SCAN: u64 = 100_000;
/// Most delegates of one event.
const MOST_DELEGATES: usize = 16;
/// Most bytes of the identities that one round asks for.
const MOST_ASKED_BYTES: usize = 8 << 10;
/// Most events whose names are remembered, so that none counts twice.
const MOST_SEEN: usize = 50_000;

/// How it is answered, and what it can't say.
pub const METHOD: &str = "From the start, hop by hop: forward to the identities that somebody was given \
(AssumeRole and its kin, GetSessionToken, GetFederationToken, CreateAccessKey, passwords set and \
trust changed for others; tokens and keys of Google's service accounts and their delegation), \
backward to those who were given it. A key that was issued is followed by its id, and what was \
done with it makes the difference between `given` and `used`. Refusals end a way. Times stand at \
each edge: the walk itself does not ask whether one step came before the next. Not followed: \
policies that would allow a step that nobody took, roles passed to instances and functions, role \
assignments of Azure, and paths in the names of users, which keys and passwords do not tell.";

/// What a scan of a round is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Forward,
    Backward,
    Use,
}

/// Ways that an identity can have been gone on from.
const FORWARD: usize = 0;
const BACKWARD: usize = 1;
const USE: usize = 2;

struct State {
    asked: RoleChain,
    scope: Scope,
    start: Who,
    hop: i32,
    asks: Vec<Ask>,
    /// What the next round goes on from, either way.
    forward: BTreeSet<String>,
    backward: BTreeSet<String>,
    keys: BTreeSet<String>,
    /// What was gone on from already.
    walked: BTreeMap<String, [bool; 3]>,
    seen: BTreeSet<[u8; 16]>,
    found: Found,
    looked: Looked,
    /// Identities that no round had room for; scans that were read in part.
    dropped: u64,
    stopped: u64,
    rows: u64,
    current: Option<usize>,
}

pub(crate) fn plan(asked: &RoleChain, scope: &Scope) -> Plan {
    let start = match &asked.start {
        Start::Actor(id) => Who::new(id),
        Start::AccessKey(id) => Who {
            id: id.clone(),
            kind: "access_key",
        },
        Start::Role(id) => Who {
            id: id.clone(),
            kind: "role",
        },
    };
    let mut state = State {
        asked: asked.clone(),
        scope: scope.clone(),
        hop: 0,
        asks: Vec::new(),
        forward: BTreeSet::from([start.id.clone()]),
        backward: BTreeSet::from([start.id.clone()]),
        keys: BTreeSet::new(),
        walked: BTreeMap::new(),
        seen: BTreeSet::new(),
        found: Found::new(&start),
        looked: Looked::default(),
        dropped: 0,
        stopped: 0,
        rows: 0,
        current: None,
        start,
    };
    if state.start.kind == "access_key" {
        state.found.key_of_start(&state.start.id);
        state.keys.insert(state.start.id.clone());
    }
    Plan {
        scans: state.round(),
        state: Box::new(state),
    }
}

/// Events that give identities: first what tells of most that they do not, without the record.
fn issuing() -> Option<String> {
    sql::all([
        sql::any([
            sql::is_one("operation", AWS_OPERATIONS),
            Some(sql::is("source_type", "gcp.audit")),
        ]),
        giving(),
    ])
}

fn giving() -> Option<String> {
    let methods: Vec<String> = GCP_METHODS
        .iter()
        .map(|method| sql::quoted(&format!("%{method}")))
        .collect();
    sql::any([
        sql::all([
            Some(sql::is("source_type", "aws.cloudtrail")),
            sql::is_one("operation", AWS_OPERATIONS),
        ]),
        sql::all([
            Some(sql::is("source_type", "gcp.audit")),
            sql::any([
                Some(format!("ilike_any(operation, {})", methods.join(", "))),
                Some(format!("json_exists(raw, '{DELEGATION}')")),
            ]),
        ]),
    ])
}

const DELEGATION: &str = "protoPayload.authenticationInfo.serviceAccountDelegationInfo";
const DELEGATE: &str = "protoPayload.authenticationInfo.serviceAccountDelegationInfo.firstPartyPrincipal.principalEmail";

/// Calls with one of these keys, by who calls with them where that is known of all.
fn used(keys: &[(Option<Held>, String)]) -> Option<String> {
    let holders: Option<Vec<&Held>> = keys.iter().map(|(held, _)| held.as_ref()).collect();
    let keys: Vec<&String> = keys.iter().map(|(_, key)| key).collect();
    let paths = KEY_PATHS.map(|path| sql::at_path_one(path, &keys));
    sql::all([holders.and_then(Held::by), sql::at_paths(&keys, paths)])
}

/// Events in which one of these asked.
fn asked_by(ids: &[String]) -> Option<String> {
    // Whoever has a name of its own is told by it, without the record.
    let by_key: Vec<&String> = of_kinds(ids, &["access_key", "user"])
        .filter(|id| !id.starts_with("arn:"))
        .collect();
    // People delegate too.
    let delegates: Vec<&String> = of_kinds(ids, &["service_account", "user"])
        .filter(|id| !id.starts_with("arn:"))
        .collect();
    // Sessions of a role are asked for as the role's.
    let roles: Vec<&String> = of_kinds(ids, &["role"]).collect();
    let paths = KEY_PATHS
        .map(|path| sql::at_path_one(path, &by_key))
        .into_iter()
        .chain([
            sql::at_path_one(DELEGATE, &delegates),
            sql::at_path_one("requestParameters.roleArn", &roles),
        ]);
    let values = by_key.iter().chain(&delegates).chain(&roles);
    sql::any([sql::is_one("actor", ids), sql::at_paths(values, paths)])
}

fn of_kinds<'i>(ids: &'i [String], kinds: &'i [&str]) -> impl Iterator<Item = &'i String> {
    ids.iter().filter(|id| kinds.contains(&read::kind(id)))
}

/// Operations that give an identity of the kind that these are; none if any of them may.
fn giving_these(ids: &[String]) -> Option<String> {
    let mut operations: BTreeSet<&str> = BTreeSet::new();
    for id in ids {
        operations.extend(match read::kind(id) {
            "session" => &SESSION_OPERATIONS[..],
            "role" => &ROLE_OPERATIONS[..],
            "user" if id.contains(":user/") => &USER_OPERATIONS[..],
            _ => return None,
        });
    }
    sql::any([
        sql::is_one("operation", operations),
        Some(sql::is("source_type", "gcp.audit")),
    ])
}

/// Events in which one of these was asked for.
fn asked_for(ids: &[String]) -> Option<String> {
    let last = |id: &&String| id.contains(":user/") || id.contains(":role/");
    let names: Vec<&str> = ids
        .iter()
        .filter(last)
        .filter_map(|id| id.rsplit('/').next())
        .collect();
    let mut paths: Vec<Option<String>> = [
        "responseElements.credentials.accessKeyId",
        "responseElements.accessKey.accessKeyId",
        "responseElements.assumedRoleUser.arn",
        "responseElements.federatedUser.arn",
        "requestParameters.roleArn",
    ]
    .into_iter()
    .map(|path| sql::at_path_one(path, ids))
    .collect();
    for path in ["requestParameters.userName", "requestParameters.roleName"] {
        paths.push(sql::at_path_one(path, &names));
    }
    let sessions = ids.iter().filter(|id| read::kind(id) == "session");
    let sessions: Vec<&str> = sessions.filter_map(|id| id.rsplit('/').next()).collect();
    paths.push(sql::at_path_one(
        "requestParameters.roleSessionName",
        &sessions,
    ));
    let values = ids.iter().map(String::as_str);
    let values = values.chain(names).chain(sessions);
    let mut parts = vec![sql::at_paths(values, paths)];
    let accounts: Vec<String> = ids
        .iter()
        .filter(|id| read::kind(id) == "service_account")
        .map(|id| sql::quoted(&format!("%serviceAccounts/{}%", sql::exactly(id))))
        .collect();
    if !accounts.is_empty() {
        for path in ["protoPayload.request.name", "protoPayload.resourceName"] {
            parts.push(Some(format!(
                "json_ilike_any(raw, '{path}', {})",
                accounts.join(", ")
            )));
        }
        // What acted by delegation.
        let acting = ids.iter().filter(|id| read::kind(id) == "service_account");
        parts.push(sql::is_one("actor", acting));
    }
    sql::any(parts)
}

impl State {
    /// Takes what a round has room for; the rest is given up, and said.
    fn some(&mut self, of: BTreeSet<String>, way: usize) -> Vec<String> {
        let mut bytes = 0;
        let mut out = Vec::new();
        for id in of {
            let walked = self.walked.entry(id.clone()).or_default();
            if walked
                .get_mut(way)
                .is_none_or(|walked| std::mem::replace(walked, true))
            {
                continue;
            }
            bytes += id.len() + 16;
            if bytes > MOST_ASKED_BYTES {
                self.dropped += 1;
            } else {
                out.push(id);
            }
        }
        out
    }

    /// The condition on as many of these as fit one.
    fn fitting(
        &mut self,
        mut ids: Vec<String>,
        condition: impl Fn(&[String]) -> Option<String>,
    ) -> Option<String> {
        while !ids.is_empty() {
            let made = condition(&ids)?;
            if made.len() <= sql::LONGEST_CONDITION {
                return Some(made);
            }
            let half = ids.len() / 2;
            self.dropped += (ids.len() - half) as u64;
            ids.truncate(half);
        }
        None
    }

    fn round(&mut self) -> Vec<Scan> {
        let columns = [
            "time",
            "name",
            "status",
            "account",
            "operation",
            "actor",
            "src_ip",
            "source_type",
            "shared",
            "raw",
        ];
        self.asks.clear();
        self.current = None;
        let mut scans = Vec::new();
        let mut add = |asks: &mut Vec<Ask>, scope: &Scope, ask, filter: Option<String>| {
            if filter.is_some() {
                let mut scan = scan(scope, filter, Order::OldestFirst, &columns);
                scan.limit = MOST_ROWS_OF_SCAN;
                scans.push(scan);
                asks.push(ask);
            }
        };
        let steps = i32::try_from(self.asked.hops).unwrap_or(i32::MAX);
        let forward = std::mem::take(&mut self.forward);
        let backward = std::mem::take(&mut self.backward);
        if self.hop < steps {
            self.hop += 1;
            if self.asked.direction != Direction::Backward {
                let ids = self.some(forward, FORWARD);
                let filter = self.fitting(ids, |ids| sql::all([issuing(), Some(asked_by(ids)?)]));
                add(&mut self.asks, &self.scope, Ask::Forward, filter);
            }
            if self.asked.direction != Direction::Forward {
                let ids = self.some(backward, BACKWARD);
                let filter = self.fitting(ids, |ids| {
                    sql::all([giving_these(ids), issuing(), Some(asked_for(ids)?)])
                });
                add(&mut self.asks, &self.scope, Ask::Backward, filter);
            }
        }
        let keys = std::mem::take(&mut self.keys);
        let keys = self.some(keys, USE);
        // Those of whom it is known who calls with them are told by that first.
        let held = keys.into_iter().map(|key| (self.found.held(&key), key));
        let (known, unknown): (Vec<_>, Vec<_>) = held.partition(|(by, _)| by.is_some());
        for mut some in [known, unknown] {
            while !some.is_empty() {
                let mut count = some.len();
                let filter = loop {
                    let filter = some.get(..count).and_then(used);
                    let fits = |filter: &String| filter.len() <= sql::LONGEST_CONDITION;
                    if count == 1 || filter.as_ref().is_none_or(fits) {
                        break filter;
                    }
                    count /= 2;
                };
                some.drain(..count);
                add(&mut self.asks, &self.scope, Ask::Use, filter);
            }
        }
        scans
    }

    /// Takes what the event says; whether it was of concern.
    fn issued(&mut self, ask: Ask, row: &Row<'_>) -> bool {
        let mut some = false;
        for mut issue in issues(row) {
            // A key's calls are those of whom it was issued to.
            if let Some(owner) = issue.with.as_ref().and_then(|key| self.found.owner(key)) {
                issue.from = owner;
            }
            if self.start.kind == "access_key" && issue.key.as_ref() == Some(&self.start.id) {
                issue.to = self.start.clone();
            }
            let through = issue.role.clone().filter(|role| {
                self.start.kind == "role" && *role == self.start.id && issue.to.id != self.start.id
            });
            // Sessions of other roles may be called the same.
            let asked = |id: &String| matches!(self.walked.get(id), Some([_, true, _]));
            if ask == Ask::Backward
                && issue.to.kind == "session"
                && ![Some(&issue.to.id), issue.key.as_ref(), issue.role.as_ref()]
                    .into_iter()
                    .flatten()
                    .any(asked)
            {
                continue;
            }
            some = true;
            let hop = if ask == Ask::Backward {
                -self.hop
            } else {
                self.hop
            };
            if !self.found.add(&issue, through.as_deref(), hop, row) {
                continue;
            }
            // Of the start's own sessions both ends are gone on from, whichever way they came.
            let (on, back) = match (through.is_some(), self.asked.direction) {
                (true, Direction::Both) => (true, true),
                (true, Direction::Forward) => (true, false),
                (true, Direction::Backward) => (false, true),
                (false, _) => (ask == Ask::Forward, ask == Ask::Backward),
            };
            if back {
                self.backward.insert(issue.from.id.clone());
                // Somebody may have asked with any number of keys.
                if self.backward.len() < MOST_NODES {
                    self.backward.extend(issue.with.clone());
                }
            }
            if on && !issue.refused {
                if issue.to.kind != "role" {
                    self.forward.insert(issue.to.id.clone());
                }
                // What these do bears their name, whichever key they do it with.
                if !matches!(issue.to.kind, "session" | "service_account") {
                    self.forward.extend(issue.key.clone());
                }
            }
            self.keys.extend(issue.key.filter(|_| !issue.refused));
        }
        some
    }
}

impl Accumulate for State {
    fn take(&mut self, scan: usize, row: &Row<'_>) -> ControlFlow<()> {
        if self.current != Some(scan) {
            self.current = Some(scan);
            self.rows = 0;
        }
        self.rows += 1;
        if self.rows == MOST_ROWS_OF_SCAN {
            self.stopped += 1;
        }
        self.looked.at(row);
        match self.asks.get(scan) {
            Some(Ask::Use) => {
                if let Some(key) = key_of(row.raw) {
                    self.found.used(&key, row);
                }
            }
            Some(ask) => {
                if self.seen.contains(&row.name) {
                    return ControlFlow::Continue(());
                }
                if self.seen.len() >= MOST_SEEN {
                    self.stopped += 1;
                    return ControlFlow::Break(());
                }
                let ask = *ask;
                // What is of no concern now may be in a later round.
                if self.issued(ask, row) {
                    self.seen.insert(row.name);
                }
            }
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn next_scans(&mut self) -> Vec<Scan> {
        self.round()
    }

    fn finish(self: Box<Self>) -> Answer {
        let unwalked = self.forward.len() + self.backward.len();
        self.found.answer(
            &self.looked,
            graph::Limits {
                dropped: self.dropped,
                stopped: self.stopped,
                further: unwalked > 0 || self.hop >= i32::try_from(self.asked.hops).unwrap_or(0),
            },
        )
    }
}
