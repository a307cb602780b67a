//! Regular expressions of a query: literals, few and small, as in filters. One that is made for each
//! row costs megabytes and milliseconds a row.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Statement, Value,
    Visit as _, Visitor,
};

use crate::error::{LakeError, Result};
use crate::functions::{MOST_REGEXES, TextTest, regex_fault};

/// Refuses a query with regular expressions that are no literals, too many, or too large.
///
/// # Errors
/// [`LakeError::Query`], with what is wrong.
pub(super) fn bounded(statement: &Statement) -> Result<()> {
    match statement.visit(&mut Regexes { seen: 0 }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(message) => Err(LakeError::Query(message)),
    }
}

struct Regexes {
    seen: usize,
}

impl Regexes {
    fn one(&mut self, regex: &Expr, flags: &str) -> ControlFlow<String> {
        let Some(regex) = literal(regex) else {
            return ControlFlow::Break("a regular expression is a literal text".into());
        };
        if let Some(fault) = regex_fault(regex, flags) {
            return ControlFlow::Break(format!("a regular expression: {fault}"));
        }
        self.more(1)
    }

    fn more(&mut self, more: usize) -> ControlFlow<String> {
        self.seen = self.seen.saturating_add(more);
        if self.seen > MOST_REGEXES {
            return ControlFlow::Break(format!(
                "the query has more than {MOST_REGEXES} regular expressions or patterns with \
                 wildcards in their midst"
            ));
        }
        ControlFlow::Continue(())
    }
}

impl Visitor for Regexes {
    type Break = String;

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<String> {
        match expression {
            Expr::BinaryOp {
                op:
                    BinaryOperator::PGRegexMatch
                    | BinaryOperator::PGRegexNotMatch
                    | BinaryOperator::Regexp,
                right,
                ..
            } => self.one(right, ""),
            Expr::BinaryOp {
                op: BinaryOperator::PGRegexIMatch | BinaryOperator::PGRegexNotIMatch,
                right,
                ..
            } => self.one(right, "i"),
            Expr::SimilarTo { .. } | Expr::RLike { .. } => {
                ControlFlow::Break("SIMILAR TO and RLIKE are not there: write column ~ '…'".into())
            }
            Expr::Function(function) => {
                let name = function.name.to_string().replace('"', "").to_lowercase();
                let FunctionArguments::List(list) = &function.args else {
                    return ControlFlow::Continue(());
                };
                let arguments: Vec<&Expr> = list.args.iter().filter_map(argument).collect();
                match (name.as_str(), arguments.as_slice()) {
                    ("regexp_like", [_, regex]) => self.one(regex, ""),
                    ("regexp_like", [_, regex, flags, ..]) => match literal(flags) {
                        Some(flags) => self.one(regex, flags),
                        None => ControlFlow::Break(
                            "flags of a regular expression are a literal text".into(),
                        ),
                    },
                    (name, [_, rest @ ..]) => match TextTest::named(name) {
                        Some(test) => self.test(&test, rest),
                        None => ControlFlow::Continue(()),
                    },
                    _ => ControlFlow::Continue(()),
                }
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

impl Regexes {
    /// A test with patterns, which are made once where they are literals.
    fn test(&mut self, test: &TextTest, rest: &[&Expr]) -> ControlFlow<String> {
        let given: Option<Vec<String>> = rest.iter().map(|part| number_or_text(part)).collect();
        let Some(given) = given else {
            let message = "everything after the first argument of such a test is a literal";
            return ControlFlow::Break(message.into());
        };
        match test.check(&given) {
            Ok(made) => self.more(made),
            Err(message) => ControlFlow::Break(message),
        }
    }
}

fn argument(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
        _ => None,
    }
}

fn literal(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        Expr::Nested(inner) => literal(inner),
        _ => None,
    }
}

fn number_or_text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => Some(number.clone()),
            _ => literal(expression).map(str::to_owned),
        },
        Expr::UnaryOp { expr, .. } => number_or_text(expr).map(|number| format!("-{number}")),
        other => literal(other).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn told(condition: &str) -> String {
        let text = format!("SELECT 1 FROM events WHERE {condition}");
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, &text).unwrap();
        match bounded(&statements[0]) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn regexes_are_literals_few_and_small() {
        for fine in [
            "raw ~ 'root|admin'",
            "NOT (raw !~* ('^x'))",
            "regexp_like(raw, '^a', 'i')",
            "json_regexp_any(raw, 'a.b', 'x+', 'y')",
            "json_compare_any(raw, 'a', '<', -1)",
            "raw LIKE concat('%', event_id)",
        ] {
            assert_eq!(told(fine), "", "{fine}");
        }
        for made in [
            r"regexp_like(raw, concat(event_id, '(\w{90}){20}'))",
            "\"regexp_like\"(raw, event_id)",
            "raw ~ event_id",
            "raw !~* (event_id || 'x')",
            "regexp_like(raw, 'x', event_id)",
            "json_regexp_any(raw, 'a', event_id)",
        ] {
            assert!(told(made).contains("literal"), "{made}: {}", told(made));
        }
        // What is both cases' is larger than what is one's.
        let large = (1..1_000)
            .map(|times| format!("([k-s]x){{{}}}", 20 * times))
            .find(|regex| told(&format!("raw ~* '{regex}'")).contains("too large"))
            .unwrap();
        assert_eq!(told(&format!("raw ~ '{large}'")), "");
        assert_eq!(told(&format!("regexp_like(raw, '{large}')")), "");
        let flagged = told(&format!("regexp_like(raw, '{large}', 'i')"));
        assert!(flagged.contains("too large"), "{flagged}");
        assert!(told("raw SIMILAR TO 'x'").contains("SIMILAR"));
        assert!(told(r"raw ~ '(\w{90}){20}'").contains("too large"));
        assert!(told("regexp_like(raw, '(')").contains("unclosed"));
        let many = vec!["raw ~ 'x'"; MOST_REGEXES + 1].join(" OR ");
        assert!(told(&many).contains("more than"));
    }
}
