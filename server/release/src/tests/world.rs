//! Tenants that contribute, the provider's table of counts, and askers with budgets: what the
//! server keeps in its database, in memory.

use std::collections::{BTreeMap, BTreeSet};

use super::{day, key};
use crate::{
    Answer, Bucket, Budget, Collector, Count, Day, DayKey, Eligible, Evidence, Indicator,
    IndicatorCount, MemoryKey, OwnTag, ProviderRanges, Refused, Tag, Window,
};

pub(super) struct World {
    keys: Vec<DayKey>,
    counts: BTreeMap<(Day, Tag), u32>,
    memories: BTreeMap<usize, Vec<(Day, OwnTag)>>,
    seen: BTreeMap<(usize, Indicator), Day>,
    budgets: BTreeMap<usize, Budget>,
    ranges: ProviderRanges,
}

impl World {
    pub(super) fn new(days: u16) -> Self {
        Self {
            keys: (0..days).map(key).collect(),
            counts: BTreeMap::new(),
            memories: BTreeMap::new(),
            seen: BTreeMap::new(),
            budgets: BTreeMap::new(),
            ranges: ProviderRanges::default(),
        }
    }

    /// A tenant's day: what it saw, in any order and as often as it likes.
    pub(super) fn contribute(&mut self, tenant: usize, on: u16, sightings: &[Indicator]) {
        let rows = self.memories.entry(tenant).or_default();
        let memory = MemoryKey::new(&[u8::try_from(tenant).unwrap(); 32]);
        let key = &self.keys[usize::from(on)];
        let mut collector = Collector::new(key, &memory, rows.iter().copied(), &self.ranges);
        for indicator in sightings {
            collector.see(indicator);
            self.seen.insert((tenant, *indicator), day(on));
        }
        let contribution = collector.finish();
        assert_eq!(contribution.day(), day(on));
        for tag in contribution.tags() {
            *self.counts.entry((day(on), *tag)).or_default() += 1;
        }
        rows.extend(contribution.remember().iter().map(|own| (day(on), *own)));
    }

    /// The exact number of tenants in the window's counts: what no answer tells.
    pub(super) fn exactly(&self, indicator: &Indicator, snapshot: u16) -> u32 {
        self.window(indicator, snapshot)
            .map(|(_, count)| count)
            .sum()
    }

    fn window<'w>(
        &'w self,
        indicator: &'w Indicator,
        snapshot: u16,
    ) -> impl Iterator<Item = (&'w DayKey, u32)> {
        let days: BTreeSet<Day> = Window::ending(day(snapshot)).days().collect();
        let keys = self
            .keys
            .iter()
            .filter(move |key| days.contains(&key.day()));
        keys.map(|key| {
            let stored = self.counts.get(&(key.day(), key.tag(indicator)));
            (key, stored.copied().unwrap_or(0))
        })
    }

    /// The whole way of a question, with an organisation for each tenant.
    pub(super) fn ask(
        &mut self,
        tenant: usize,
        text: &str,
        snapshot: u16,
    ) -> Result<Answer<Bucket>, Refused> {
        let indicator = Indicator::parse_address(text)?;
        let seen = self.seen.get(&(tenant, indicator));
        let evidence = seen.map(|seen| Evidence {
            indicator,
            seen: *seen,
        });
        let eligible =
            Eligible::<Indicator>::check(indicator, day(snapshot), evidence, &self.ranges)?;
        let mut budget = self.budgets.remove(&tenant).unwrap_or_default();
        let paid = budget.spend(eligible, &self.keys[usize::from(snapshot)]);
        self.budgets.insert(tenant, budget);
        let counts: Vec<_> = self
            .window(&indicator, snapshot)
            .map(|(key, count)| IndicatorCount {
                key,
                count: Count::stored(count),
            })
            .collect();
        paid?.answer(&counts)
    }
}
