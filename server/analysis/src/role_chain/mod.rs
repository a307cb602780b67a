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

use self::graph::Found;
use self::read::{
    AWS_OPERATIONS, GCP_METHODS, ROLE_OPERATIONS, SESSION_OPERATIONS, USER_OPERATIONS, Who, issues,
    key_of,
};
use crate::answer::{Answer, Looked, MOST_NODES};
use crate::plan::{Accumulate, MOST_SCANS, Order, Plan, Scan, scan};
use crate::question::{Direction, RoleChain, Scope, Start};
use crate::row::Row;
use crate::sql;

/// The version of the plan.
///
/// 2: what was done with a key is told by the column, once the walk is at its end.
pub const PLAN_VERSION: u32 = 2;
/// Most events that may give an identity read in one scan of a round.
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

/// Most bytes of the keys that one scan looks for.
const LONGEST_KEYS: usize = sql::LONGEST_CONDITION - 64;

/// What is read of an event that may give an identity.
const COLUMNS: [&str; 11] = [
    "time",
    "name",
    "status",
    "account",
    "operation",
    "actor",
    "credential_uid",
    "src_ip",
    "source_type",
    "shared",
    "raw",
];
/// What is read of one that was done with a key.
const USE_COLUMNS: [&str; 8] = [
    "time",
    "name",
    "status",
    "actor",
    "credential_uid",
    "src_ip",
    "source_type",
    "shared",
];

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
    walked: BTreeMap<String, [bool; 2]>,
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

/// Events in which one of these asked.
fn asked_by(ids: &[String]) -> Option<String> {
    // Those of AWS, and of Google's service accounts.
    let is_key = |id: &&String| read::kind(id) == "access_key" || id.starts_with("//");
    let keys = ids.iter().filter(is_key);
    let called = sql::any([
        sql::is_one("actor", ids),
        sql::is_one("credential_uid", keys),
    ]);
    // People delegate too.
    let delegates: Vec<&String> = of_kinds(ids, &["service_account", "user"])
        .filter(|id| !id.starts_with("arn:"))
        .collect();
    // Sessions of a role are asked for as the role's.
    let roles: Vec<&String> = of_kinds(ids, &["role"]).collect();
    let recorded = sql::at_paths(
        delegates.iter().chain(&roles),
        [
            sql::at_path_one(DELEGATE, &delegates),
            sql::at_path_one("requestParameters.roleArn", &roles),
        ],
    );
    // What the record has to tell is asked where it may, and columns say where that is.
    let delegated = (!delegates.is_empty()).then(|| sql::is("source_type", "gcp.audit"));
    let assumed = (!roles.is_empty()).then(|| sql::is_one("operation", ROLE_OPERATIONS));
    sql::all([
        sql::any([called.clone(), delegated, assumed.flatten()]),
        recorded.and_then(|recorded| sql::any([called, Some(recorded)])),
    ])
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
        self.asks.clear();
        self.current = None;
        let mut scans = Vec::new();
        let mut add = |asks: &mut Vec<Ask>, scope: &Scope, ask, filter: Option<String>| {
            if filter.is_some() {
                let mut scan = scan(scope, filter, Order::OldestFirst, &COLUMNS);
                scan.limit = MOST_ROWS_OF_SCAN;
                scans.push(scan);
                asks.push(ask);
            }
        };
        if self.hop < self.most_hops() {
            let forward = std::mem::take(&mut self.forward);
            let backward = std::mem::take(&mut self.backward);
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
        if scans.is_empty() {
            // The walk is at its end: what was done with the keys is read at once.
            return self.uses();
        }
        self.hop += 1;
        scans
    }

    fn most_hops(&self) -> i32 {
        i32::try_from(self.asked.hops).unwrap_or(i32::MAX)
    }

    /// Whether there are identities that were not gone on from.
    fn further(&self) -> bool {
        let left = |ids: &BTreeSet<String>, way: usize| {
            let walked = |id| self.walked.get(id).and_then(|ways| ways.get(way));
            ids.iter().any(|id| walked(id) != Some(&true))
        };
        let direction = self.asked.direction;
        (direction != Direction::Backward && left(&self.forward, FORWARD))
            || (direction != Direction::Forward && left(&self.backward, BACKWARD))
    }

    /// Scans for the calls with all keys.
    fn uses(&mut self) -> Vec<Scan> {
        let mut scans = Vec::new();
        while !self.keys.is_empty() && scans.len() < MOST_SCANS {
            let (mut some, mut bytes) = (Vec::new(), 0);
            while let Some(key) = self.keys.pop_first() {
                bytes += sql::quoted(&key).len() + 2;
                if bytes > LONGEST_KEYS && !some.is_empty() {
                    self.keys.insert(key);
                    break;
                }
                some.push(key);
            }
            let filter = sql::is_one("credential_uid", some);
            // A busy key's calls must not keep those of others from being seen.
            scans.push(scan(&self.scope, filter, Order::OldestFirst, &USE_COLUMNS));
            self.asks.push(Ask::Use);
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
            let asked = |id: &String| matches!(self.walked.get(id), Some([_, true]));
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
        let ask = self.asks.get(scan).copied();
        if self.rows == MOST_ROWS_OF_SCAN && ask != Some(Ask::Use) {
            self.stopped += 1;
        }
        self.looked.at(row);
        match ask {
            Some(Ask::Use) => {
                if let Some(key) = key_of(row) {
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
        let further = self.further();
        self.found.answer(
            &self.looked,
            graph::Limits {
                dropped: self.dropped,
                stopped: self.stopped,
                further,
            },
        )
    }
}
