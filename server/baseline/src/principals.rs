//! What principals do for the first time, how much they do, and by what chains of roles.

use crate::anomaly::{AnomalyKind, SubjectKind};
use crate::common::Before;
use crate::explain::{self, First};
use crate::known::{Feature, Seen};
use crate::model::{Part, purpose};
use crate::observation::{Observation, Principal, Status, agent, clip, clip_to, network};
use crate::robust::rarity_bits;
use crate::room::Room;
use crate::series::{Basis, Metric};
use crate::shard::{ACCOUNT_BYTES, MOST_ACCOUNTS};
use crate::subject::Subject;
use crate::taking::{Draft, Judge, Taking};

/// A feature of an event.
struct Trait<'a> {
    feature: Feature,
    kind: AnomalyKind,
    hash: u64,
    text: &'a dyn Fn() -> String,
}

/// A way through accounts to a role.
struct Way<'e> {
    /// The accounts, the first one first, that of the role apart.
    accounts: Vec<String>,
    role: Principal<'e>,
}

impl Way<'_> {
    /// Whether it goes from one account to another.
    fn crosses(&self) -> bool {
        self.accounts
            .iter()
            .any(|account| *account != self.role_account())
    }

    fn role_account(&self) -> String {
        clip_to(self.role.account, ACCOUNT_BYTES)
    }

    fn origin(&self) -> &str {
        self.accounts.first().map_or("", String::as_str)
    }
}

impl<'e> Taking<'_, 'e> {
    /// Takes the event in for who asked.
    pub(crate) fn principal(&mut self, hash: u64, role: Option<u64>) {
        let observation = self.observation;
        let Some(principal) = observation.principal() else {
            return;
        };
        let way = self.way(hash, &principal);
        if let (Some(way), Some(role)) = (&way, role)
            && way.crosses()
            && role != hash
            && observation.status != Status::Failure
            && let Some(shard) = self.shards.get_mut(&Part::of(role))
        {
            shard.link(role, way.accounts.clone(), self.when.hour);
        }
        let way = way.filter(Way::crosses);
        let taken = self.follow(
            SubjectKind::Principal,
            hash,
            &principal.name,
            |judge, subject, room| {
                judge.volume(subject, Metric::Events, 1, room);
                if observation.status == Status::Failure {
                    judge.volume(subject, Metric::Failures, 1, room);
                }
                if let Some(bytes) = observation.bytes {
                    judge.volume(subject, Metric::Bytes, bytes, room);
                }
                judge.traits(Some((subject, room)), way.as_ref());
            },
        );
        if !taken {
            // Too new to be followed: what it does may still be new to the tenant.
            let mut judge = Judge {
                model: self.model,
                common: &mut *self.common,
                observation,
                when: self.when,
                joined: &mut *self.joined,
                crowded: 0,
                kind: SubjectKind::Principal,
                hash,
                name: &principal.name,
            };
            judge.traits(None, way.as_ref());
            self.crowded += judge.crowded;
        }
    }

    /// The way by which the event takes on a role.
    fn way(&self, hash: u64, principal: &Principal<'_>) -> Option<Way<'e>> {
        let role = self.observation.role_principal()?;
        let shard = self.shards.get(&Part::of(hash));
        let before = shard.and_then(|shard| shard.chain(hash, self.when.hour));
        let mut accounts = before.map(<[String]>::to_vec).unwrap_or_default();
        let own = clip_to(principal.account, ACCOUNT_BYTES);
        if accounts.last() != Some(&own) && accounts.len() < MOST_ACCOUNTS {
            accounts.push(own);
        }
        Some(Way { accounts, role })
    }
}

impl Judge<'_, '_> {
    /// Looks at all that may be new about the event.
    fn traits(&mut self, mut whose: Option<(&mut Subject, &mut Room)>, way: Option<&Way<'_>>) {
        let Observation {
            service,
            operation,
            region,
            user_agent,
            src_ip,
            ..
        } = *self.observation;
        let key = &self.model.key;
        let mut known = whose
            .as_mut()
            .map(|(subject, room)| (&mut **subject, &mut **room));
        if !operation.is_empty() {
            let texts = [service.as_bytes(), operation.as_bytes()];
            let hash = key.hash(purpose::OPERATION, &texts);
            let text = || clip(format!("{service} {operation}").trim_start());
            let of = (Feature::Operation, AnomalyKind::FirstSeenOperation);
            self.first(
                known.as_mut().map(|(s, r)| (&mut **s, &mut **r)),
                of,
                hash,
                &text,
            );
        }
        if !region.is_empty() {
            let hash = self.model.key.hash(purpose::REGION, &[region.as_bytes()]);
            let of = (Feature::Region, AnomalyKind::FirstSeenRegion);
            self.first(
                known.as_mut().map(|(s, r)| (&mut **s, &mut **r)),
                of,
                hash,
                &|| clip(region),
            );
        }
        if let Some(address) = src_ip {
            let network = network(address);
            let hash = self.model.key.hash(purpose::NETWORK, &[network.as_bytes()]);
            let of = (Feature::Network, AnomalyKind::FirstSeenNetwork);
            self.first(
                known.as_mut().map(|(s, r)| (&mut **s, &mut **r)),
                of,
                hash,
                &|| network.clone(),
            );
        }
        if !user_agent.is_empty() {
            let agent = agent(user_agent);
            let hash = self
                .model
                .key
                .hash(purpose::USER_AGENT, &[agent.as_bytes()]);
            let of = (Feature::UserAgent, AnomalyKind::FirstSeenUserAgent);
            self.first(
                known.as_mut().map(|(s, r)| (&mut **s, &mut **r)),
                of,
                hash,
                &|| clip(user_agent),
            );
        }
        if let Some(way) = way {
            self.chain(known, way);
        }
    }

    /// Takes in one feature, and tells if it is new and that is surprising.
    fn first(
        &mut self,
        whose: Option<(&mut Subject, &mut Room)>,
        (feature, kind): (Feature, AnomalyKind),
        hash: u64,
        text: &dyn Fn() -> String,
    ) {
        let of = Trait {
            feature,
            kind,
            hash,
            text,
        };
        let day = self.when.day;
        let mut whose = whose;
        let counts = match &mut whose {
            None => false,
            Some((subject, room)) => match subject.see(feature, hash, day, room) {
                Seen::Known { .. } => {
                    self.common.touch(feature, hash, day);
                    return;
                }
                Seen::New { crowded } => {
                    self.crowded += u64::from(crowded);
                    !crowded
                }
            },
        };
        let before = self
            .common
            .see(feature, (hash, || clip(&text())), day, counts);
        self.crowded += u64::from(before.crowded);
        let told = whose.is_some_and(|(subject, _)| self.new_to_subject(subject, &of, before));
        let to_all = self.new_to_tenant(feature, before);
        if let Some(newness) = self.surprising(kind, to_all)
            && !told
        {
            let first = self.first_words(kind, text(), before, newness);
            self.tell_first(first.of_tenant(self.common.days()));
        }
    }

    /// Whether what is new to a subject is surprising; then it is told.
    fn new_to_subject(&mut self, subject: &mut Subject, of: &Trait<'_>, before: Before) -> bool {
        if !subject.is_learned(self.when) {
            return false;
        }
        let rarity = rarity_bits(before.users, self.peers());
        let day = self.when.day;
        let newness = subject
            .novelty(of.feature)
            .map(|novelty| novelty.take(day, rarity));
        let Some(newness) = self.surprising(of.kind, newness) else {
            return false;
        };
        let (values, frequent) = subject.values(of.feature);
        let usual = frequent.into_iter().filter(|hash| *hash != of.hash);
        let usual = usual.filter_map(|hash| self.common.value(of.feature, hash));
        let usual: Vec<String> = usual.map(|shared| shared.text.clone()).collect();
        let first = self.first_words(of.kind, (of.text)(), before, newness);
        let (days, events) = (subject.days(self.when), subject.events);
        self.tell_first(first.of_subject(days, events, values.saturating_sub(1), usual));
        true
    }

    /// How surprising it is that something is new to the tenant.
    fn new_to_tenant(&mut self, feature: Feature, before: Before) -> Option<crate::known::Newness> {
        let day = self.when.day;
        if !before.new || !self.common.is_learned(day) {
            return None;
        }
        let rarity = rarity_bits(0, self.peers());
        let novelty = self.common.novelty(feature);
        novelty.map(|novelty| novelty.take(day, rarity))
    }

    /// How many principals are followed.
    fn peers(&self) -> u32 {
        self.common.followed.first().copied().unwrap_or_default()
    }

    fn first_words(
        &self,
        kind: AnomalyKind,
        text: String,
        before: Before,
        newness: crate::known::Newness,
    ) -> First {
        First {
            kind,
            text,
            users: before.users,
            peers: self.peers(),
            newness,
            whose: None,
        }
    }

    fn tell_first(&mut self, first: First) {
        let by = self.kind;
        if first.is_of_tenant() {
            self.kind = SubjectKind::Tenant;
        }
        let (days, events) = first.history();
        self.tell(Draft {
            kind: first.kind,
            metric: Metric::Events,
            basis: Basis::FirstSeen { days, events },
            bits: first.newness.bits,
            count: 1,
            events: Vec::new(),
            apart: u64::from(self.when.day),
            expected: explain::usual(&first),
            seen: explain::first(&first),
        });
        self.kind = by;
    }

    /// Takes in a way across accounts.
    fn chain(&mut self, whose: Option<(&mut Subject, &mut Room)>, way: &Way<'_>) {
        let (kind, feature, day) = (AnomalyKind::RoleChain, Feature::Chain, self.when.day);
        let (from, to) = (way.origin().to_owned(), way.role_account());
        let role = way.role.name.as_bytes();
        let hash = self
            .model
            .key
            .hash(purpose::CHAIN, &[from.as_bytes(), role, to.as_bytes()]);
        let accounts = self
            .model
            .key
            .hash(purpose::ACCOUNTS, &[from.as_bytes(), to.as_bytes()]);
        let mut whose = whose;
        let counts = match &mut whose {
            None => false,
            Some((subject, room)) => match subject.see(feature, hash, day, room) {
                Seen::Known { .. } => {
                    self.common.touch(feature, accounts, day);
                    return;
                }
                Seen::New { crowded } => {
                    self.crowded += u64::from(crowded);
                    !crowded
                }
            },
        };
        let text = || clip(&format!("{from} to {to}"));
        let before = self.common.see(feature, (accounts, text), day, counts);
        self.crowded += u64::from(before.crowded);
        let peers = self.peers();
        let mut told = None;
        if let Some((subject, _)) = whose
            && subject.is_learned(self.when)
        {
            let rarity = rarity_bits(before.users, peers);
            let newness = subject
                .novelty(feature)
                .map(|novelty| novelty.take(day, rarity));
            let history = (subject.days(self.when), subject.events);
            let newness = self.surprising(kind, newness);
            told = newness.map(|newness| (newness, history, self.kind));
        }
        let to_all = self.new_to_tenant(feature, before);
        if told.is_none() {
            let newness = self.surprising(kind, to_all);
            let days = self.common.days();
            told = newness.map(|newness| (newness, (days, 0), SubjectKind::Tenant));
        }
        let Some((newness, (days, events), whose)) = told else {
            return;
        };
        let (expected, seen) = explain::chain(
            whose,
            &way.accounts,
            (&clip_to(&way.role.name, 256), &to),
            (before.users, peers),
            &newness,
            days,
        );
        let by = self.kind;
        self.kind = whose;
        self.tell(Draft {
            kind,
            metric: Metric::Events,
            basis: Basis::FirstSeen { days, events },
            bits: newness.bits,
            count: 1,
            events: Vec::new(),
            apart: u64::from(day),
            expected,
            seen,
        });
        self.kind = by;
    }
}
