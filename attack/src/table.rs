//! The table in `data/`, read once.

use std::sync::LazyLock;

use crate::model::{DataComponent, LogSource, Platform, Reference, Tactic, Technique};
use crate::names;

/// Techniques of a cloud, what they are for, and the data that shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attack {
    version: &'static str,
    tactics: Vec<Tactic>,
    /// By id.
    components: Vec<DataComponent>,
    /// By id.
    techniques: Vec<Technique>,
}

/// What is wrong with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct TableError {
    /// Counts from 1; 0 for the table as a whole.
    pub line: usize,
    /// What is wrong there.
    pub what: &'static str,
}

static EMBEDDED: LazyLock<Result<Attack, TableError>> =
    LazyLock::new(|| Attack::parse(include_str!("../data/attack-18.tsv")));

impl Attack {
    /// The table that comes with the program.
    ///
    /// # Errors
    ///
    /// If the table can't be read; a test says that it can.
    pub fn embedded() -> Result<&'static Self, TableError> {
        LazyLock::force(&EMBEDDED).as_ref().map_err(|error| *error)
    }

    /// The version of ATT&CK, as in `18`.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        self.version
    }

    /// All tactics, in the order of the matrix.
    #[must_use]
    pub fn tactics(&self) -> &[Tactic] {
        &self.tactics
    }

    /// All techniques, by id.
    #[must_use]
    pub fn techniques(&self) -> &[Technique] {
        &self.techniques
    }

    /// All components, by id.
    #[must_use]
    pub fn components(&self) -> &[DataComponent] {
        &self.components
    }

    /// The tactic of that id (`TA0005`) or short name (`defense-evasion`).
    #[must_use]
    pub fn tactic(&self, name: &str) -> Option<&Tactic> {
        self.tactics
            .iter()
            .find(|one| one.id == name || one.short_name == name)
    }

    /// The technique of that id.
    #[must_use]
    pub fn technique(&self, id: &str) -> Option<&Technique> {
        let at = self.techniques.binary_search_by_key(&id, |one| one.id);
        at.ok().and_then(|at| self.techniques.get(at))
    }

    /// The component of that id.
    #[must_use]
    pub fn component(&self, id: &str) -> Option<&DataComponent> {
        let at = self.components.binary_search_by_key(&id, |one| one.id);
        at.ok().and_then(|at| self.components.get(at))
    }

    /// The techniques of which ATT&CK names data on any of these platforms, by id: what a
    /// coverage of all is about.
    #[must_use]
    pub fn techniques_on(&self, platforms: &[Platform]) -> Vec<&Technique> {
        let all = self.techniques.iter();
        all.filter(|one| !one.components(platforms).is_empty())
            .collect()
    }

    fn parse(text: &'static str) -> Result<Self, TableError> {
        let mut attack = Self {
            version: "",
            tactics: Vec::new(),
            components: Vec::new(),
            techniques: Vec::new(),
        };
        for (line, row) in (1..).zip(text.lines()) {
            if !row.starts_with('#') {
                let fields: Vec<&'static str> = row.split('\t').collect();
                attack
                    .read(&fields)
                    .map_err(|what| TableError { line, what })?;
            }
        }
        attack
            .check()
            .map_err(|what| TableError { line: 0, what })?;
        Ok(attack)
    }

    fn read(&mut self, fields: &[&'static str]) -> Result<(), &'static str> {
        match *fields {
            ["version", version] => self.version = version,
            ["tactic", id, short_name, name] => self.tactics.push(Tactic {
                id,
                short_name,
                name,
            }),
            ["component", id, name, log_sources, sensors] => {
                let (log_sources, sensors) = (list(log_sources), list(sensors));
                let listed = names::listed(id, &log_sources, &sensors);
                self.components.push(DataComponent {
                    id,
                    name,
                    log_sources,
                    sensors,
                    listed,
                });
            }
            ["technique", id, name, tactics, platforms] => {
                let platforms = list(platforms).into_iter().map(Platform::named);
                self.techniques.push(Technique {
                    id,
                    name,
                    tactics: list(tactics),
                    platforms: platforms.collect::<Option<_>>().ok_or("unknown platform")?,
                    references: Vec::new(),
                });
            }
            ["needs", analytic, platform, component, name, channel] => {
                let log_source = LogSource { name, channel };
                let technique = self.techniques.last_mut().ok_or("needs of no technique")?;
                technique.references.push(Reference {
                    analytic,
                    platform: Platform::named(platform).ok_or("unknown platform")?,
                    component,
                    log_source,
                    source: names::source_of(log_source, component),
                });
            }
            _ => return Err("unknown row"),
        }
        Ok(())
    }

    /// What look-ups rest on.
    fn check(&self) -> Result<(), &'static str> {
        let components = self.components.iter().map(|one| one.id);
        let techniques = self.techniques.iter().map(|one| one.id);
        if !components.is_sorted_by(|a, b| a < b) || !techniques.is_sorted_by(|a, b| a < b) {
            return Err("ids are not in order");
        }
        let mut tactics = self.techniques.iter().flat_map(|one| &one.tactics);
        if !tactics.all(|name| self.tactic(name).is_some()) {
            return Err("unknown tactic");
        }
        let mut references = self.techniques.iter().flat_map(|one| &one.references);
        if !references.all(|one| self.component(one.component).is_some()) {
            return Err("unknown component");
        }
        if self.version.is_empty() {
            return Err("no version");
        }
        Ok(())
    }
}

fn list(field: &'static str) -> Vec<&'static str> {
    field.split('|').filter(|one| !one.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_is_whole() {
        let attack = Attack::embedded().unwrap();
        assert_eq!(attack.version(), "18");
        assert_eq!(attack.tactics().len(), 14);
        assert_eq!(attack.techniques().len(), 216);
        assert_eq!(attack.components().len(), 69);
        assert_eq!(attack.tactic("TA0005"), attack.tactic("defense-evasion"));
        let logs = attack.technique("T1562.008").unwrap();
        assert_eq!(logs.name, "Disable or Modify Cloud Logs");
        assert_eq!(logs.components(&Platform::CLOUD), ["DC0069", "DC0090"]);
        assert_eq!(
            attack.component("DC0090").unwrap().name,
            "Cloud Service Disable"
        );
        assert_eq!(attack.techniques_on(&Platform::CLOUD).len(), 122);
        assert_eq!(attack.techniques_on(&[Platform::Linux]).len(), 0);
        assert!(attack.technique("T9999").is_none());
        assert!(attack.technique("").is_none());
        assert!(attack.component("DC9999").is_none());
    }

    #[test]
    fn a_sub_technique_is_within_its_technique() {
        let attack = Attack::embedded().unwrap();
        let sub = attack.technique("T1562.008").unwrap();
        assert!(sub.is_within("T1562") && sub.is_within("T1562.008"));
        assert!(!sub.is_within("T156") && !sub.is_within("T1562.00"));
    }

    #[test]
    fn a_broken_table_says_where() {
        let broken = |text| Attack::parse(text).unwrap_err();
        assert_eq!(broken("version\t18\nnonsense\t1").line, 2);
        assert_eq!(
            broken("needs\tAN1\tIaaS\tDC1\ta\tb").what,
            "needs of no technique"
        );
        assert_eq!(
            broken("technique\tT1\ta\t\tAmiga").to_string(),
            "line 1: unknown platform"
        );
        assert_eq!(
            broken("version\t18\ntechnique\tT2\ta\t\tIaaS\ntechnique\tT1\tb\t\tIaaS").what,
            "ids are not in order"
        );
        assert_eq!(
            broken("version\t18\ntechnique\tT1\ta\tx\tIaaS").what,
            "unknown tactic"
        );
        assert_eq!(
            broken("version\t18\ntechnique\tT1\ta\t\tIaaS\nneeds\tAN1\tIaaS\tDC1\ta\tb").what,
            "unknown component"
        );
        assert_eq!(broken("").what, "no version");
    }
}
