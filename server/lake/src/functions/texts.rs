//! Tests of texts and of what lies in JSON texts, with everything but the text itself known
//! beforehand. They are never null: what is not there fulfils none.
//!
//! | function | true when |
//! |---|---|
//! | `ilike_any(text, pattern, …)` | the text fits a pattern, without regard to case |
//! | `like_any(text, pattern, …)` | the same, with regard to case |
//! | `json_ilike_any(doc, path, pattern, …)` | a value at the path fits a pattern |
//! | `json_like_any(doc, path, pattern, …)` | the same, with regard to case |
//! | `json_regexp_any(doc, path, regex, …)` | a value at the path holds a match |
//! | `json_cidr_any(doc, path, range, …)` | a value at the path is an address in a range |
//! | `json_compare_any(doc, path, operator, number)` | a value at the path is such a number |
//! | `json_exists(doc, path)` | the path leads to something, be it null |
//! | `json_is_null(doc, path)` | the path leads to nothing, or to null alone |
//! | `json_same(doc, path, path)` | a value at one path is one at the other, without regard to case |

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use ipnet::IpNet;
use regex::Regex;

use super::json::any_at;
use super::patterns::{Patterns, compiled};
use super::{columns, parse_range, per_text, text_type};

/// Most regular expressions of one filter: each is large.
pub(crate) const MOST_REGEXES: usize = 64;
/// Most values at a path that are compared with those at another.
const MOST_SAME: usize = 64;

/// Which test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Ilike,
    Like,
    JsonIlike,
    JsonLike,
    JsonRegexp,
    JsonCidr,
    JsonCompare,
    JsonExists,
    JsonIsNull,
    JsonSame,
}

impl What {
    const ALL: [(Self, &'static str); 10] = [
        (Self::Ilike, "ilike_any"),
        (Self::Like, "like_any"),
        (Self::JsonIlike, "json_ilike_any"),
        (Self::JsonLike, "json_like_any"),
        (Self::JsonRegexp, "json_regexp_any"),
        (Self::JsonCidr, "json_cidr_any"),
        (Self::JsonCompare, "json_compare_any"),
        (Self::JsonExists, "json_exists"),
        (Self::JsonIsNull, "json_is_null"),
        (Self::JsonSame, "json_same"),
    ];

    fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(what, _)| *what == self)
            .map_or("", |(_, name)| name)
    }
}

/// A test of texts.
#[derive(Debug)]
pub(crate) struct TextTest {
    what: What,
    signature: Signature,
    /// Made ready when the filter was compiled.
    ready: Option<Ready>,
}

#[derive(Debug, Clone)]
struct Ready {
    arguments: Vec<String>,
    test: Arc<Test>,
}

/// What is asked of each text.
#[derive(Debug)]
enum Test {
    Text(Patterns),
    At(String, Value),
}

/// What is asked of values at a path.
#[derive(Debug)]
enum Value {
    Fits(Patterns),
    Holds(Vec<Regex>),
    Within(Vec<IpNet>),
    Compares(Operator, f64),
    Exists,
    IsNull,
    SameAs(String),
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    Less,
    LessOrSame,
    More,
    MoreOrSame,
}

impl PartialEq for TextTest {
    fn eq(&self, other: &Self) -> bool {
        let arguments = |of: &Self| of.ready.as_ref().map(|ready| ready.arguments.clone());
        self.what == other.what && arguments(self) == arguments(other)
    }
}

impl Eq for TextTest {}

impl Hash for TextTest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.what.hash(state);
        self.ready
            .as_ref()
            .map(|ready| &ready.arguments)
            .hash(state);
    }
}

impl TextTest {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        What::ALL.into_iter().map(|(what, _)| Self::of(what, None))
    }

    /// The test with that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (what, _) = What::ALL.into_iter().find(|(_, own)| *own == name)?;
        Some(Self::of(what, None))
    }

    fn of(what: What, ready: Option<Ready>) -> Self {
        Self {
            what,
            signature: Signature::user_defined(Volatility::Immutable),
            ready,
        }
    }

    /// The test as one of values at a path, if it was made ready as such.
    pub(crate) fn at_path(&self) -> Option<PathTest> {
        let ready = self.ready.as_ref()?;
        match &*ready.test {
            Test::Text(_) | Test::At(_, Value::SameAs(_)) => None,
            Test::At(..) => Some(PathTest(Arc::clone(&ready.test))),
        }
    }

    /// Whether the test can be made with these, which come after the text; how many regular
    /// expressions it makes.
    pub(crate) fn check(&self, arguments: &[String]) -> Result<usize, String> {
        let arguments = distinct(arguments);
        // Counted before they are made: each is large.
        let asked = match self.what {
            What::JsonRegexp => arguments.len().saturating_sub(1),
            What::Ilike | What::Like => Patterns::regexes(&arguments),
            What::JsonIlike | What::JsonLike => {
                Patterns::regexes(arguments.get(1..).unwrap_or_default())
            }
            _ => 0,
        };
        if asked > MOST_REGEXES {
            return Err(format!(
                "{} has {asked} regular expressions or patterns with wildcards in their midst, \
                 at most {MOST_REGEXES} are allowed",
                self.what.name()
            ));
        }
        self.test(&arguments)?;
        Ok(asked)
    }

    fn test(&self, arguments: &[String]) -> Result<Test, String> {
        let name = self.what.name();
        let few = |takes: &str| Err(format!("{name} takes {takes}"));
        if matches!(self.what, What::Ilike | What::Like) {
            if arguments.is_empty() {
                return few("a text and one pattern or more");
            }
            let cased = self.what == What::Like;
            return Ok(Test::Text(Patterns::new(arguments, cased)?));
        }
        let Some((path, rest)) = arguments.split_first() else {
            return few("a document and a path");
        };
        let value = match (self.what, rest) {
            (What::JsonExists, []) => Value::Exists,
            (What::JsonIsNull, []) => Value::IsNull,
            (What::JsonExists | What::JsonIsNull, _) => return few("a document and a path"),
            (What::JsonSame, [other]) => Value::SameAs(other.clone()),
            (What::JsonSame, _) => return few("a document and two paths"),
            (What::JsonCompare, [operator, number]) => {
                let operator = match operator.as_str() {
                    "<" => Operator::Less,
                    "<=" => Operator::LessOrSame,
                    ">" => Operator::More,
                    ">=" => Operator::MoreOrSame,
                    other => return Err(format!("{other:?} is none of '<', '<=', '>', '>='")),
                };
                let number = number
                    .parse()
                    .map_err(|_| format!("{number:?} is no number"))?;
                Value::Compares(operator, number)
            }
            (What::JsonCompare, _) => return few("a document, a path, an operator and a number"),
            (_, []) => return few("a document, a path and one value or more"),
            (What::JsonRegexp, regexes) => {
                let regexes = regexes.iter().map(|regex| compiled(regex));
                Value::Holds(regexes.collect::<Result<_, _>>()?)
            }
            (What::JsonCidr, ranges) => {
                let range = |text: &String| {
                    parse_range(text).ok_or_else(|| format!("{text:?} is no address range"))
                };
                Value::Within(ranges.iter().map(range).collect::<Result<_, _>>()?)
            }
            (what, patterns) => Value::Fits(Patterns::new(patterns, what == What::JsonLike)?),
        };
        Ok(Test::At(path.clone(), value))
    }
}

impl Test {
    fn of(&self, text: &str) -> bool {
        match self {
            Self::Text(patterns) => patterns.fit(text),
            Self::At(path, value) => value.at(text, path),
        }
    }
}

impl Value {
    fn at(&self, doc: &str, path: &str) -> bool {
        if let Self::SameAs(other) = self {
            let mut values = Vec::new();
            any_at(doc, path, |leaf| {
                values.extend(leaf.text().map(str::to_lowercase));
                values.len() >= MOST_SAME
            });
            let same = |value: &str| values.contains(&value.to_lowercase());
            return any_at(doc, other, |leaf| leaf.text().is_some_and(same));
        }
        any_at(doc, path, |leaf| self.settled_by(leaf.text())) != self.denies()
    }

    /// Whether this value, none for null, settles the test, whatever the others at the path are.
    fn settled_by(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Exists, _) | (Self::IsNull, Some(_)) => true,
            (Self::SameAs(_), _) | (_, None) => false,
            (Self::Fits(patterns), Some(value)) => patterns.fit(value),
            (Self::Holds(regexes), Some(value)) => {
                regexes.iter().any(|regex| regex.is_match(value))
            }
            (Self::Within(ranges), Some(value)) => {
                let within = |range| columns::contains(range, value) == Some(true);
                ranges.iter().any(within)
            }
            // What is written as an object or a list is no number.
            (Self::Compares(operator, number), Some(value)) => {
                value.parse::<f64>().is_ok_and(|value| match operator {
                    Operator::Less => value < *number,
                    Operator::LessOrSame => value <= *number,
                    Operator::More => value > *number,
                    Operator::MoreOrSame => value >= *number,
                })
            }
        }
    }

    /// Whether a value that settles the test makes it untrue.
    fn denies(&self) -> bool {
        matches!(self, Self::IsNull)
    }
}

/// A test of the values at one path of a JSON text, each of which is looked at by itself: so
/// values may be read once for many tests, and a value be tested once for many texts.
#[derive(Debug, Clone)]
pub(crate) struct PathTest(Arc<Test>);

impl PathTest {
    /// The path, its steps divided by dots.
    pub(crate) fn path(&self) -> &str {
        match &*self.0 {
            Test::At(path, _) => path,
            Test::Text(_) => "",
        }
    }

    /// Whether this value, none for null, settles the test.
    pub(crate) fn settled_by(&self, value: Option<&str>) -> bool {
        matches!(&*self.0, Test::At(_, test) if test.settled_by(value))
    }

    /// Whether a value that settles the test makes it untrue, and having none true.
    pub(crate) fn denies(&self) -> bool {
        matches!(&*self.0, Test::At(_, test) if test.denies())
    }

    /// Whether the text, none for null, fulfils it.
    pub(crate) fn of(&self, doc: Option<&str>) -> bool {
        doc.map_or(self.denies(), |doc| self.0.of(doc))
    }

    /// Texts of which one stands in every value that settles the test, ASCII letters compared
    /// without regard to case; none if there are no such texts.
    pub(crate) fn literals(&self) -> Option<Vec<Vec<u8>>> {
        match &*self.0 {
            Test::At(_, Value::Fits(patterns)) => patterns.literals(),
            _ => None,
        }
    }
}

/// Each argument once, in their order.
fn distinct(arguments: &[String]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let (paths, values) = arguments.split_at(arguments.len().min(1));
    let values = values.iter().filter(|value| seen.insert(value.as_str()));
    paths.iter().chain(values).cloned().collect()
}

fn literal(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Float64(Some(number)) => Some(number.to_string()),
        ScalarValue::Int64(Some(number)) => Some(number.to_string()),
        text => text.try_as_str().flatten().map(str::to_owned),
    }
}

impl ScalarUDFImpl for TextTest {
    fn name(&self) -> &str {
        self.what.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.name();
        let Some((text, rest)) = given.split_first() else {
            return plan_err!("{name} takes a text first");
        };
        let Some(text) = text_type(text) else {
            return plan_err!("{name} takes a text first, not {text}");
        };
        let compare = self.what == What::JsonCompare;
        let others = rest.iter().enumerate().map(|(at, kind)| {
            if compare && at == 2 && kind.is_numeric() {
                Ok(DataType::Float64)
            } else if text_type(kind).is_some() {
                Ok(DataType::Utf8)
            } else {
                plan_err!("{name} takes texts, not {kind}")
            }
        });
        std::iter::once(Ok(text)).chain(others).collect()
    }

    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let arguments: Option<Vec<String>> = args
            .iter()
            .skip(1)
            .map(|argument| match argument {
                Expr::Literal(value, _) => literal(value),
                _ => None,
            })
            .collect();
        let (None, Some(arguments)) = (&self.ready, arguments) else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let test = self
            .test(&distinct(&arguments))
            .map_err(DataFusionError::Plan)?;
        let ready = Ready {
            arguments,
            test: Arc::new(test),
        };
        let function = ScalarUDF::from(Self::of(self.what, Some(ready)));
        Ok(ExprSimplifyResult::Simplified(Expr::ScalarFunction(
            ScalarFunction::new_udf(Arc::new(function), args),
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some((texts, rest)) = args.args.split_first() else {
            return exec_err!("{} takes a text first", self.name());
        };
        let test = match &self.ready {
            Some(ready) => Arc::clone(&ready.test),
            None => {
                let arguments: Option<Vec<String>> = rest
                    .iter()
                    .map(|argument| match argument {
                        ColumnarValue::Scalar(value) => literal(value),
                        ColumnarValue::Array(_) => None,
                    })
                    .collect();
                let Some(arguments) = arguments else {
                    return exec_err!("{} takes literals after the text", self.name());
                };
                Arc::new(self.test(&arguments).map_err(DataFusionError::Execution)?)
            }
        };
        let texts = texts.to_array(args.number_rows)?;
        let hits = per_text(&texts, |text| Some(test.of(text)))?;
        // Null is no text that fulfils anything, except having no value.
        let none = PathTest(Arc::clone(&test)).denies();
        let hits: arrow::array::BooleanArray =
            hits.iter().map(|hit| Some(hit.unwrap_or(none))).collect();
        Ok(ColumnarValue::Array(Arc::new(hits)))
    }
}
