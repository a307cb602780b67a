//! How large a query is once every member of its `WITH` stands where it is named: which is how it is
//! planned. Members that name members multiply, so it is counted before there is a plan.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Query, Select, Statement, TableFactor, Visit as _, Visitor,
};

use crate::error::{LakeError, Result};

/// Most times that tables are read in one query.
pub(super) const MOST_TABLES: u64 = 32;
/// Most expressions of one query, with all their parts.
pub(super) const MOST_PARTS: u64 = 50_000;
/// Deepest nesting of queries in queries and of members that name members.
pub(super) const DEEPEST: u64 = 48;
/// Most sets of columns that one `SELECT` groups by: `CUBE` over n columns has 2 to the power of n.
pub(super) const MOST_SETS: u64 = 64;

/// Refuses a query that would be too large to plan.
///
/// # Errors
/// [`LakeError::Query`], with what to do.
pub(super) fn bounded(statement: &Statement) -> Result<()> {
    let mut count = Count {
        open: vec![Frame::default()],
    };
    match statement.visit(&mut count) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(message) => Err(LakeError::Query(message)),
    }
}

/// What a query, or a member of `WITH`, amounts to.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    tables: u64,
    parts: u64,
    depth: u64,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.tables = self.tables.saturating_add(other.tables);
        self.parts = self.parts.saturating_add(other.parts);
        self.depth = self.depth.max(other.depth);
    }
}

/// A query that is being counted.
#[derive(Default)]
struct Frame {
    size: Size,
    /// The members of its `WITH` that were counted, by name in lower case.
    members: HashMap<String, Size>,
    /// The members that are to come, by where they lie.
    coming: Vec<(*const Query, String)>,
    /// For each `SELECT` that is open: tables before it, and sets that it groups by.
    selects: Vec<(u64, u64)>,
}

struct Count {
    open: Vec<Frame>,
}

impl Count {
    fn add(&mut self, size: Size) -> ControlFlow<String> {
        let Some(frame) = self.open.last_mut() else {
            return ControlFlow::Continue(());
        };
        frame.size.add(size);
        let Size {
            tables,
            parts,
            depth,
        } = frame.size;
        if tables > MOST_TABLES {
            return ControlFlow::Break(format!(
                "the query reads tables more than {MOST_TABLES} times, a member of WITH counted \
                 wherever it is named: join fewer, or ask in several questions"
            ));
        }
        if parts > MOST_PARTS {
            return ControlFlow::Break(format!(
                "the query has more than {MOST_PARTS} parts, a member of WITH counted wherever it \
                 is named: write it shorter, or name the member once"
            ));
        }
        if depth > DEEPEST {
            return ControlFlow::Break(format!(
                "queries are nested, or members of WITH name each other, more than {DEEPEST} deep: \
                 put several steps into one"
            ));
        }
        ControlFlow::Continue(())
    }

    /// What a table's name stands for.
    fn named(&self, name: &str) -> Size {
        let members = self.open.iter().rev();
        let member = members
            .filter_map(|frame| frame.members.get(name))
            .copied()
            .next();
        member.unwrap_or(Size {
            tables: 1,
            ..Size::default()
        })
    }
}

impl Visitor for Count {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        let members = query.with.iter().flat_map(|with| &with.cte_tables);
        let coming = members
            .map(|member| {
                let name = member.alias.name.value.to_lowercase();
                (std::ptr::from_ref(&*member.query), name)
            })
            .collect();
        self.open.push(Frame {
            coming,
            ..Frame::default()
        });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        let Some(closed) = self.open.pop() else {
            return ControlFlow::Continue(());
        };
        let mut size = closed.size;
        size.tables = size.tables.max(1);
        size.depth += 1;
        let place = std::ptr::from_ref(query);
        if let Some(frame) = self.open.last_mut()
            && let Some((_, name)) = frame.coming.iter().find(|(at, _)| *at == place)
        {
            // Names that differ in case alone are taken as one, as large as the larger.
            let member = frame.members.entry(name.clone()).or_default();
            member.tables = member.tables.max(size.tables);
            member.parts = member.parts.max(size.parts);
            member.depth = member.depth.max(size.depth);
            return ControlFlow::Continue(());
        }
        self.add(size)
    }

    fn pre_visit_select(&mut self, _: &Select) -> ControlFlow<String> {
        if let Some(frame) = self.open.last_mut() {
            frame.selects.push((frame.size.tables, 1));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<String> {
        let Some(frame) = self.open.last_mut() else {
            return ControlFlow::Continue(());
        };
        let (before, _) = frame.selects.pop().unwrap_or_default();
        // One without a table is a row that is planned all the same.
        let none = frame.size.tables == before;
        self.add(Size {
            tables: u64::from(none),
            parts: 1,
            depth: 0,
        })
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            // Counted by what they hold.
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } => {
                ControlFlow::Continue(())
            }
            TableFactor::Table { name, .. } => {
                let size = self.named(&name.to_string().replace('"', "").to_lowercase());
                self.add(size)
            }
            _ => self.add(Size {
                tables: 1,
                ..Size::default()
            }),
        }
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<String> {
        let sets = match expression {
            Expr::GroupingSets(sets) => sets.len() as u64,
            Expr::Rollup(sets) => sets.len() as u64 + 1,
            Expr::Cube(sets) => 1_u64
                .checked_shl(u32::try_from(sets.len()).unwrap_or(u32::MAX))
                .unwrap_or(u64::MAX),
            _ => 1,
        };
        let select = self
            .open
            .last_mut()
            .and_then(|open| open.selects.last_mut());
        if let Some((_, all)) = select {
            *all = all.saturating_mul(sets.max(1));
            if *all > MOST_SETS {
                return ControlFlow::Break(format!(
                    "CUBE, ROLLUP and GROUPING SETS make more than {MOST_SETS} groupings: group \
                     by fewer columns"
                ));
            }
        }
        self.add(Size {
            parts: 1,
            ..Size::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn told(text: &str) -> String {
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, text).unwrap();
        match bounded(&statements[0]) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    /// Members that each name the one before twice.
    fn doubling(members: usize) -> String {
        let mut text = "WITH m0 AS (SELECT seq FROM events)".to_owned();
        for at in 1..members {
            let before = at - 1;
            text.push_str(&format!(
                ", m{at} AS (SELECT x.seq FROM m{before} x, M{before} y)"
            ));
        }
        format!("{text} SELECT count(*) FROM m{}", members - 1)
    }

    #[test]
    fn members_count_wherever_they_are_named() {
        assert_eq!(told(&doubling(6)), "");
        assert!(told(&doubling(7)).contains("more than 32 times"));
        assert!(told(&doubling(30)).contains("more than 32 times"));
        // As do members that read no table, and those of queries within.
        let rows = doubling(7).replace("SELECT seq FROM events", "SELECT 1 AS seq");
        assert!(told(&rows).contains("more than 32 times"));
        let within = format!("SELECT * FROM events WHERE seq IN ({})", doubling(7));
        assert!(told(&within).contains("more than 32 times"));
        let within = format!("SELECT * FROM ({}) t, ({}) u", doubling(6), doubling(1));
        assert!(told(&within).contains("more than 32 times"));
        let union = vec!["SELECT 1"; 33].join(" UNION ALL ");
        assert!(told(&union).contains("more than 32 times"));
        // A name means the member that is nearest, and the table before it is one.
        let nearest = "WITH events AS (SELECT * FROM events) SELECT * FROM events a, events b";
        assert_eq!(told(nearest), "");
    }

    #[test]
    fn long_chains_large_lists_and_many_groupings_are_refused() {
        let mut chain = "WITH m0 AS (SELECT seq FROM events)".to_owned();
        for at in 1..60 {
            chain.push_str(&format!(", m{at} AS (SELECT seq FROM m{})", at - 1));
        }
        let chain = format!("{chain} SELECT * FROM m59");
        assert!(told(&chain).contains("deep"));
        let list = vec!["1"; 10_000].join(",");
        let list = format!(
            "WITH a AS (SELECT * FROM events WHERE seq IN ({list})) SELECT 1 FROM a, a b, a c, \
             a d, a e, a f"
        );
        assert!(told(&list).contains("parts"));
        let cube = "SELECT count(*) FROM events GROUP BY CUBE(a, b, c, d, e, f, g)";
        assert!(told(cube).contains("groupings"));
        let sets = "SELECT count(*) FROM events GROUP BY GROUPING SETS ((a), (b)), CUBE(c, d, e), \
                    ROLLUP(f, g, h, i)";
        assert!(told(sets).contains("groupings"));
        let few = "SELECT count(*) FROM events GROUP BY CUBE(a, b, c)";
        assert_eq!(told(few), "");
    }
}
