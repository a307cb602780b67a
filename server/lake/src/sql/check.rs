//! From text to one query, before anything is planned.

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::Tokenizer;

use super::{parts, regexes};
use crate::error::{FilterError, LakeError, Result};
use crate::filter::{MAX_BYTES, MAX_DEPTH, count};

/// Nesting that the parser allows; ours is counted first.
const PARSER_DEPTH: usize = 4 * MAX_DEPTH;

/// The one query that the text is.
///
/// # Errors
/// [`LakeError::Query`] with the place of the mistake where it has one.
pub(super) fn parse(text: &str) -> Result<Statement> {
    if text.len() > MAX_BYTES {
        return Err(LakeError::Query(format!(
            "the query has {} bytes, at most {MAX_BYTES} are allowed",
            text.len()
        )));
    }
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .map_err(|error| LakeError::Query(error.to_string()))?;
    count(&tokens).map_err(as_query)?;
    let mut statements = DFParserBuilder::new(text)
        .with_dialect(&dialect)
        .with_recursion_limit(PARSER_DEPTH)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| LakeError::Query(first_line(&error)))?;
    let one = statements.pop_front();
    match (one, statements.is_empty()) {
        (Some(Statement::Statement(statement)), true) if is_query(&statement) => {
            parts::bounded(&statement)?;
            regexes::bounded(&statement)?;
            Ok(Statement::Statement(statement))
        }
        (None, _) => Err(LakeError::Query("expected a query: SELECT …".into())),
        (Some(_), false) => Err(LakeError::Query(
            "expected one query, and nothing after it".into(),
        )),
        (Some(_), true) => Err(LakeError::Query(
            "only SELECT is possible here: nothing can be written, set, shown or explained".into(),
        )),
    }
}

/// `SELECT`, `VALUES` and `WITH` alone; a query can hold no other statement but by `INTO` and by
/// data-changing members, which are refused here and by the planner.
fn is_query(statement: &ast::Statement) -> bool {
    match statement {
        ast::Statement::Query(query) => reads(query),
        _ => false,
    }
}

fn reads(query: &ast::Query) -> bool {
    let members = query.with.iter().flat_map(|with| &with.cte_tables);
    let recursive = query.with.as_ref().is_some_and(|with| with.recursive);
    !recursive && members.map(|cte| &cte.query).all(|query| reads(query)) && body(&query.body)
}

fn body(set: &ast::SetExpr) -> bool {
    match set {
        ast::SetExpr::Select(select) => select.into.is_none(),
        ast::SetExpr::Query(query) => reads(query),
        ast::SetExpr::SetOperation { left, right, .. } => body(left) && body(right),
        ast::SetExpr::Values(_) => true,
        _ => false,
    }
}

fn as_query(error: LakeError) -> LakeError {
    match error {
        LakeError::Filter(error @ FilterError { .. }) => {
            LakeError::Query(error.to_string().replace("filter", "query"))
        }
        error => error,
    }
}

/// What DataFusion says of the cause, without where in DataFusion it came up.
pub(super) fn first_line(error: &datafusion::error::DataFusionError) -> String {
    let text = error.find_root().message().into_owned();
    let text = text.lines().next().unwrap_or_default();
    text.trim_end_matches('.').to_owned()
}
