//! Calls of functions in a filter: which there are, and how much they may be given.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArguments, ObjectNamePart, Spanned, UnaryOperator, Value,
};
use datafusion::sql::sqlparser::tokenizer::Location;

use super::check::{Check, at, literal_text, nearest, text_of};
use super::tree;
use crate::error::Result;
use crate::functions;

/// Most arguments of a function that is no test of a text against a list.
const MOST_ARGUMENTS: usize = 32;
/// Most texts that are put together in one filter, by `concat` and `||`.
const MOST_JOINED: usize = 32;

impl Check<'_> {
    pub(super) fn function(&mut self, function: &Function) -> Result<()> {
        let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
            return Err(at(function.name.span().start, "functions have no prefix"));
        };
        let start = name.span.start;
        let lower = name.value.to_lowercase();
        if !self.functions.contains(&lower) {
            let hint = nearest(&lower, self.functions.iter().map(String::as_str));
            let hint = hint
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default();
            return Err(at(
                start,
                format!("there is no function {:?} for filters{hint}", name.value),
            ));
        }
        let plain = function.over.is_none()
            && function.filter.is_none()
            && function.null_treatment.is_none()
            && function.within_group.is_empty()
            && !function.uses_odbc_syntax
            && matches!(function.parameters, FunctionArguments::None);
        let arguments = match &function.args {
            FunctionArguments::None => Some(Vec::new()),
            FunctionArguments::List(list)
                if list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
            {
                list.args
                    .iter()
                    .map(tree::argument)
                    .collect::<Option<Vec<_>>>()
            }
            FunctionArguments::List(_) | FunctionArguments::Subquery(_) => None,
        };
        let (true, Some(arguments)) = (plain, arguments) else {
            return Err(at(start, format!("{lower} takes plain arguments alone")));
        };
        let test = functions::TextTest::named(&lower);
        if test.is_none() && arguments.len() > MOST_ARGUMENTS {
            let told = format!("{lower} takes at most {MOST_ARGUMENTS} arguments in a filter");
            return Err(at(start, told));
        }
        match (lower.as_str(), arguments.as_slice()) {
            ("now", _) => self.uses_now = true,
            ("concat", joined) => self.joins(start, joined.len())?,
            ("regexp_like", [_, pattern, flags @ ..]) => {
                let mut told = "";
                for flags in flags {
                    told = literal_text(flags, "what a regular expression is told besides")?;
                }
                self.regex(pattern, told)?;
            }
            ("array_has", [_, wanted, ..]) => {
                literal_text(wanted, "the element")?;
            }
            ("cidr_contains", [Expr::Value(range), ..]) => {
                let text = text_of(range).unwrap_or_default();
                if functions::parse_range(text).is_none() {
                    return Err(at(
                        range.span.start,
                        format!("{text:?} is no address range; write 10.0.0.0/8 or 2001:db8::/32"),
                    ));
                }
            }
            (_, [_, rest @ ..]) => {
                if let Some(test) = test {
                    let made = prepared(&test, rest).map_err(|message| at(start, message))?;
                    self.made(start, made)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A regular expression is a literal, and small.
    pub(super) fn regex(&mut self, pattern: &Expr, flags: &str) -> Result<()> {
        let text = literal_text(pattern, "a regular expression")?;
        let start = pattern.span().start;
        if let Some(fault) = functions::regex_fault(text, flags) {
            return Err(at(start, format!("a regular expression: {fault}")));
        }
        self.made(start, 1)
    }

    fn made(&mut self, start: Location, regexes: usize) -> Result<()> {
        self.regexes = self.regexes.saturating_add(regexes);
        if self.regexes <= functions::MOST_REGEXES {
            return Ok(());
        }
        Err(at(
            start,
            format!(
                "the filter has more than {} regular expressions or patterns with wildcards in \
                 their midst",
                functions::MOST_REGEXES
            ),
        ))
    }

    /// Texts that are put together: each has room for all rows of a piece at once.
    pub(super) fn joins(&mut self, start: Location, texts: usize) -> Result<()> {
        self.joined = self.joined.saturating_add(texts);
        if self.joined <= MOST_JOINED {
            return Ok(());
        }
        Err(at(
            start,
            format!("the filter puts more than {MOST_JOINED} texts together: compare them each"),
        ))
    }
}

/// Whether a test can be made with these literals; how many regular expressions it makes.
fn prepared(test: &functions::TextTest, rest: &[&Expr]) -> Result<usize, String> {
    let literal = |part: &&Expr| match part {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            Value::Number(number, _) => Some(number.clone()),
            _ => None,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => match &**expr {
            Expr::Value(value) => match &value.value {
                Value::Number(number, _) => Some(format!("-{number}")),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let arguments: Option<Vec<String>> = rest.iter().map(literal).collect();
    let arguments = arguments.ok_or("everything after the first argument is a literal")?;
    test.check(&arguments)
}
