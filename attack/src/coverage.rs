//! Techniques against sources: what of each technique's data each source has.

use serde::Serialize;

use crate::{Access, Attack, Available, SourceType, Tactic, Technique};

/// What a source has of a technique's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// How the tenant gets at the source.
    pub access: Access,
    /// How many of the technique's components the source records.
    pub covered: usize,
    /// Of how many.
    pub of: usize,
}

impl Cell {
    /// Whether the source has nothing to tell of the technique.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.covered == 0
    }
}

/// A technique with a cell for each source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row<'a> {
    /// The technique.
    pub technique: &'a Technique,
    /// In the order of [`Matrix::sources`].
    pub cells: Vec<Cell>,
    /// All sources together that the tenant gets at, with the best access that any of them has
    /// that tells something.
    pub together: Cell,
}

impl Row<'_> {
    /// Whether the tenant gets at nothing of the technique, though ATT&CK names data of it.
    #[must_use]
    pub const fn is_gap(&self) -> bool {
        self.together.covered == 0 && self.together.of > 0
    }
}

/// Techniques against sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix<'a> {
    /// The version of ATT&CK.
    pub version: &'static str,
    /// The sources that are offered, with the access to each, by source type.
    pub sources: Vec<(SourceType, Access)>,
    /// Tactics with their techniques: in the matrix's order, then by id. A technique of several
    /// tactics stands under each.
    pub tactics: Vec<(&'a Tactic, Vec<Row<'a>>)>,
    /// How many different techniques there are.
    pub techniques: usize,
    /// Of how many of them the tenant gets at all data.
    pub whole: usize,
    /// Of how many at some.
    pub partly: usize,
    /// Of how many at none, though ATT&CK names data of them.
    pub gaps: usize,
    /// Of how many ATT&CK names no data on the platforms that were asked.
    pub silent: usize,
}

impl Attack {
    /// Sets techniques against the sources that are offered. Techniques are counted once.
    #[must_use]
    pub fn coverage<'a>(
        &'a self,
        available: &Available,
        techniques: &[&'a Technique],
    ) -> Matrix<'a> {
        let mut techniques = techniques.to_vec();
        techniques.sort_unstable_by_key(|one| one.id);
        techniques.dedup_by_key(|one| one.id);
        let rows: Vec<_> = techniques
            .into_iter()
            .map(|technique| self.row(technique, available))
            .collect();
        let tactics = self.tactics().iter().filter_map(|tactic| {
            let of = rows
                .iter()
                .filter(|row| row.technique.tactics.contains(&tactic.short_name));
            let of: Vec<_> = of.cloned().collect();
            (!of.is_empty()).then_some((tactic, of))
        });
        let tactics = tactics.collect();
        let count =
            |holds: fn(&Cell) -> bool| rows.iter().filter(|row| holds(&row.together)).count();
        Matrix {
            version: self.version(),
            sources: available.offered().collect(),
            tactics,
            techniques: rows.len(),
            whole: count(|cell| cell.of > 0 && cell.covered == cell.of),
            partly: count(|cell| cell.covered > 0 && cell.covered < cell.of),
            gaps: count(|cell| cell.of > 0 && cell.covered == 0),
            silent: count(|cell| cell.of == 0),
        }
    }

    fn row<'a>(&'a self, technique: &'a Technique, available: &Available) -> Row<'a> {
        let wants = self.wants(technique, available);
        let cells: Vec<_> = available
            .offered()
            .map(|(source, access)| Cell {
                access,
                covered: wants
                    .iter()
                    .filter(|want| want.shown_by.contains_key(&source))
                    .count(),
                of: wants.len(),
            })
            .collect();
        let tell = cells.iter().filter(|cell| !cell.is_empty());
        let together = Cell {
            access: tell.map(|cell| cell.access).max().unwrap_or_default(),
            covered: wants.iter().filter(|w| w.is_covered(available)).count(),
            of: wants.len(),
        };
        Row {
            technique,
            cells,
            together,
        }
    }
}
