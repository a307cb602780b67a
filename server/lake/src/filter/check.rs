//! From text to a syntax tree in which only allowed things occur.

use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Ident, Spanned, UnaryOperator, Value, ValueWithSpan,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::{MAX_DEPTH, MAX_OPERATORS, readings, tree, whole};
use crate::error::{FilterError, LakeError, Result};
use crate::schema::Column;

/// Nesting that the parser itself allows; ours is counted first.
const PARSER_DEPTH: usize = 4 * MAX_DEPTH;

pub(super) struct Checked {
    pub(super) tree: Expr,
    /// Its meaning depends on when it is evaluated.
    pub(super) uses_now: bool,
    /// How many regular expressions it has.
    pub(super) regexes: usize,
}

pub(super) fn at(location: Location, message: impl Into<String>) -> LakeError {
    FilterError {
        message: message.into(),
        line: location.line,
        column: location.column,
    }
    .into()
}

/// Where an expression begins, as an error without a message.
pub(super) fn place(tree: &Expr) -> FilterError {
    let Location { line, column } = tree.span().start;
    FilterError {
        message: String::new(),
        line,
        column,
    }
}

pub(super) fn parse(text: &str, functions: &HashSet<String>) -> Result<Checked> {
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .map_err(|error| at(error.location, error.message))?;
    count(&tokens)?;
    let end = tokens
        .last()
        .map_or(Location { line: 1, column: 1 }, |token| token.span.end);

    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(PARSER_DEPTH)
        .with_tokens_with_locations(tokens);
    let tree = parser.parse_expr().map_err(|error| syntax(error, end))?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        let hint = if next.token == Token::SemiColon {
            "a filter is one expression without a semicolon".to_owned()
        } else {
            format!("expected AND, OR or the end, found {}", next.token)
        };
        return Err(at(next.span.start, hint));
    }

    let mut tree = tree::balance(tree);
    let depth = tree::depth(&tree);
    if depth > 2 * MAX_DEPTH {
        return Err(whole(format!(
            "the filter is nested {depth} deep, which is too deep"
        )));
    }
    let mut check = Check {
        functions,
        uses_now: false,
        regexes: 0,
        joined: 0,
    };
    check.all(&tree)?;
    names_to_bytes(&mut tree)?;
    Ok(Checked {
        tree,
        uses_now: check.uses_now,
        regexes: check.regexes,
    })
}

/// Counts what makes trees large and deep before there is a tree.
pub(crate) fn count(tokens: &[TokenWithSpan]) -> Result<()> {
    readings::count(tokens).map_err(|place| {
        at(
            place,
            "calls are nested too deep, or too much stands in nested calls",
        )
    })?;
    let (mut operators, mut depth, mut prefixes) = (0_usize, 0_usize, 0_usize);
    let mut first_beyond = None;
    let deep = |token: &TokenWithSpan| {
        at(
            token.span.start,
            format!("nested more than {MAX_DEPTH} deep"),
        )
    };
    for token in tokens {
        // NOT NOT NOT … is as deep as parentheses are.
        match &token.token {
            Token::Whitespace(_) => {}
            Token::Minus | Token::Plus => prefixes += 1,
            Token::Word(word) if word.keyword == Keyword::NOT => prefixes += 1,
            _ => prefixes = 0,
        }
        if prefixes > MAX_DEPTH {
            return Err(deep(token));
        }
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(deep(token));
                }
            }
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) => {
                if is_operator(word.keyword) && word.quote_style.is_none() {
                    operators += 1;
                }
            }
            Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Comma
            | Token::Whitespace(_)
            | Token::Period
            | Token::EOF => {}
            _ => operators += 1,
        }
        if operators > MAX_OPERATORS {
            first_beyond.get_or_insert(token.span.start);
        }
    }
    match first_beyond {
        None => Ok(()),
        Some(location) => Err(at(
            location,
            format!(
                "the filter has {operators} operators, at most {MAX_OPERATORS} are allowed; \
                 for many values of one column write column IN (…)"
            ),
        )),
    }
}

fn is_operator(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::IN
            | Keyword::IS
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::BETWEEN
            | Keyword::CASE
            | Keyword::WHEN
            | Keyword::CAST
            | Keyword::TRY_CAST
    )
}

/// The parser's message without its own note of the place, and the place.
fn syntax(error: ParserError, end: Location) -> LakeError {
    let text = match error {
        ParserError::RecursionLimitExceeded => return whole("the filter is nested too deep"),
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
    };
    let Some((message, place)) = text.rsplit_once(" at Line: ") else {
        return at(end, text);
    };
    let mut numbers = place
        .split(", Column: ")
        .map(|number| number.trim().parse().unwrap_or(0));
    let location = Location {
        line: numbers.next().unwrap_or(0),
        column: numbers.next().unwrap_or(0),
    };
    if location.line == 0 {
        return at(end, message);
    }
    at(location, message)
}

pub(super) struct Check<'a> {
    pub(super) functions: &'a HashSet<String>,
    pub(super) uses_now: bool,
    /// Regular expressions so far.
    pub(super) regexes: usize,
    /// Texts so far that are put together from others.
    pub(super) joined: usize,
}

impl Check<'_> {
    fn all(&mut self, tree: &Expr) -> Result<()> {
        let mut open = vec![tree];
        while let Some(next) = open.pop() {
            self.one(next)?;
            // The leftmost next, so that the first mistake is told first.
            open.extend(tree::children(next).into_iter().rev());
        }
        Ok(())
    }

    fn one(&mut self, part: &Expr) -> Result<()> {
        let refuse = |what: &str| {
            Err(at(
                part.span().start,
                format!("{what} can't be used in a filter"),
            ))
        };
        match part {
            Expr::Identifier(name) => column(name).map(drop),
            Expr::CompoundIdentifier(names) => {
                let start = names
                    .first()
                    .map_or(Location { line: 0, column: 0 }, |name| name.span.start);
                Err(at(
                    start,
                    "columns have no prefix; for a field inside the event write \
                     json_get_str(raw, 'field', 'inner')",
                ))
            }
            Expr::Value(value) => literal(value),
            Expr::TypedString(typed) => match typed.data_type {
                DataType::Timestamp(..) | DataType::Date | DataType::Datetime(_) => Ok(()),
                _ => refuse("a literal of this type"),
            },
            Expr::Interval(interval) => match &*interval.value {
                Expr::Value(value) => literal(value),
                _ => refuse("an interval that is no literal"),
            },
            Expr::Cast {
                kind,
                data_type,
                array,
                format,
                ..
            } => {
                if *kind == CastKind::SafeCast || *array || format.is_some() {
                    return refuse("this form of cast");
                }
                castable(data_type, part.span())
            }
            Expr::Like { any, pattern, .. } | Expr::ILike { any, pattern, .. } => {
                if *any {
                    return refuse("LIKE ANY");
                }
                literal_text(pattern, "a pattern").map(drop)
            }
            Expr::BinaryOp { op, right, left } => self.operator(op, left, right, part),
            Expr::UnaryOp { op, .. } => match op {
                UnaryOperator::Not | UnaryOperator::Minus | UnaryOperator::Plus => Ok(()),
                _ => refuse("this operator"),
            },
            Expr::Function(function) => self.function(function),
            Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InList { .. }
            | Expr::Between { .. }
            | Expr::Nested(_)
            | Expr::Extract { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Case { .. } => Ok(()),
            Expr::Trim {
                trim_characters: None,
                ..
            } => Ok(()),
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
                refuse("a subquery")
            }
            _ => refuse("this kind of expression"),
        }
    }

    fn operator(
        &mut self,
        op: &BinaryOperator,
        left: &Expr,
        right: &Expr,
        part: &Expr,
    ) -> Result<()> {
        if matches!(op, BinaryOperator::StringConcat) {
            self.joins(part.span().start, 1)?;
        }
        match op {
            BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::StringConcat
            | BinaryOperator::Arrow
            | BinaryOperator::LongArrow => {
                let named = |side: &Expr| matches!(side, Expr::Identifier(name) if is_name(name));
                if (named(left) || named(right))
                    && !matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq)
                {
                    return Err(at(
                        part.span().start,
                        "name is compared with =, <> or IN alone",
                    ));
                }
                Ok(())
            }
            BinaryOperator::PGRegexMatch | BinaryOperator::PGRegexNotMatch => self.regex(right, ""),
            BinaryOperator::PGRegexIMatch | BinaryOperator::PGRegexNotIMatch => {
                self.regex(right, "i")
            }
            _ => Err(at(
                part.span().start,
                format!("the operator {op} can't be used in a filter"),
            )),
        }
    }
}

pub(super) fn text_of(value: &ValueWithSpan) -> Option<&str> {
    match &value.value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

pub(super) fn literal_text<'a>(part: &'a Expr, what: &str) -> Result<&'a str> {
    match part {
        Expr::Value(value) => text_of(value),
        _ => None,
    }
    .ok_or_else(|| at(part.span().start, format!("{what} is a literal text")))
}

fn literal(value: &ValueWithSpan) -> Result<()> {
    match &value.value {
        Value::Number(..) | Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Null => {
            Ok(())
        }
        Value::Placeholder(_) => Err(at(value.span.start, "a filter has no parameters")),
        _ => Err(at(
            value.span.start,
            "this kind of literal can't be used in a filter",
        )),
    }
}

fn castable(to: &DataType, span: Span) -> Result<()> {
    match to {
        DataType::Boolean
        | DataType::Int(None)
        | DataType::Integer(None)
        | DataType::BigInt(None)
        | DataType::Double(_)
        | DataType::DoublePrecision
        | DataType::Text
        | DataType::Varchar(None)
        | DataType::String(None)
        | DataType::Date
        | DataType::Timestamp(None, _) => Ok(()),
        other => Err(at(
            span.start,
            format!(
                "can't cast to {other}; there are BOOLEAN, INT, BIGINT, DOUBLE, TEXT, DATE and TIMESTAMP"
            ),
        )),
    }
}

fn is_name(name: &Ident) -> bool {
    column(name).is_ok_and(|column| column == Column::Name)
}

/// The column that a name means, as SQL folds it.
fn column(name: &Ident) -> Result<Column> {
    let text = match name.quote_style {
        None => name.value.to_lowercase(),
        Some(_) => name.value.clone(),
    };
    if let Some(column) = Column::by_name(&text).filter(|column| column.visible()) {
        return Ok(column);
    }
    let known = || {
        Column::ALL
            .into_iter()
            .filter(|column| column.visible())
            .map(Column::name)
    };
    let hint = match nearest(&text, known()) {
        Some(near) => format!("did you mean {near}?"),
        None if name.quote_style.is_some() => {
            format!("text stands in single quotes: '{}'", name.value)
        }
        None => format!("the columns are {}", known().collect::<Vec<_>>().join(", ")),
    };
    Err(at(
        name.span.start,
        format!("there is no column {:?}; {hint}", name.value),
    ))
}

/// The known word that is most like the given one, if one is like it at all.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 2.max(candidate.len() / 3))
        .map(|(_, candidate)| candidate)
}

/// Edit distance, of what can be a name at all.
fn distance(left: &str, right: &str) -> usize {
    const LONGEST: usize = 64;
    let right: Vec<char> = right.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().take(LONGEST).enumerate() {
        let mut corner = i;
        let mut last = i + 1;
        let mut next = vec![last];
        for (above, to) in row.iter().skip(1).zip(&right) {
            last = (corner + usize::from(from != *to))
                .min(above + 1)
                .min(last + 1);
            corner = *above;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// Names are bytes in the store and hex in filters.
fn names_to_bytes(tree: &mut Expr) -> Result<()> {
    // The limit on depth bounds the recursion.
    let named = |side: &Expr| matches!(side, Expr::Identifier(name) if is_name(name));
    match tree {
        Expr::BinaryOp { left, right, .. } => {
            if named(left) {
                to_bytes(right)
            } else if named(right) {
                to_bytes(left)
            } else {
                names_to_bytes(left)?;
                names_to_bytes(right)
            }
        }
        Expr::InList { expr, list, .. } if named(expr) => list.iter_mut().try_for_each(to_bytes),
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => names_to_bytes(inner),
        Expr::IsNull(inner) | Expr::IsNotNull(inner) if named(inner) => Ok(()),
        other => {
            let parts = tree::children(other);
            if let Some(name) = parts.into_iter().find(|part| named(part)) {
                return Err(at(
                    name.span().start,
                    "name is compared with =, <> or IN alone",
                ));
            }
            Ok(())
        }
    }
}

fn to_bytes(part: &mut Expr) -> Result<()> {
    let start = part.span().start;
    let wrong = || {
        at(
            start,
            "name is compared with 32 hexadecimal digits in single quotes",
        )
    };
    let Expr::Value(value) = part else {
        return Err(wrong());
    };
    let text = text_of(value).ok_or_else(wrong)?;
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    value.value = Value::HexStringLiteral(text.to_owned());
    Ok(())
}
