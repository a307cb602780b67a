//! One field with its values, and keywords: calls of the functions of the filter language.

use rsigma_parser::{DetectionItem, Modifier, SigmaValue};

use crate::anchor::Anchors;
use crate::clause::{Clause, all, any, not, quoted};
use crate::error::Mistake;
use crate::pattern;
use crate::source::{Field, Records};

/// Largest compiled form of one regular expression, in bytes.
const REGEX_BYTES: usize = 1 << 18;

/// A call before its end: a function with what it looks at, and what is asked of that. Calls
/// that differ in the latter alone can be one.
struct Test {
    call: String,
    patterns: Vec<String>,
    anchors: Anchors,
}

impl Test {
    /// A call that takes patterns or the like.
    fn call(call: String, patterns: Vec<String>) -> Self {
        Self {
            call,
            patterns: patterns.iter().map(|pattern| quoted(pattern)).collect(),
            anchors: Anchors::Any,
        }
    }

    /// A condition that stands for itself.
    fn whole(sql: String) -> Self {
        Self {
            call: sql,
            patterns: Vec::new(),
            anchors: Anchors::Any,
        }
    }

    fn clause(self) -> Clause {
        let sql = if self.patterns.is_empty() {
            self.call
        } else {
            format!("{}, {})", self.call, self.patterns.join(", "))
        };
        Clause {
            sql,
            anchors: self.anchors,
        }
    }
}

/// Texts anywhere in the record.
pub(crate) fn keywords(values: &[SigmaValue], modifiers: &[Modifier]) -> Result<Clause, Mistake> {
    for modifier in modifiers {
        known(*modifier, modifiers)?;
    }
    let with = [modifiers, &[Modifier::Contains]].concat();
    let test = |value: &SigmaValue| {
        if modifiers.contains(&Modifier::Re) {
            let regex = quoted(&regex(value, modifiers)?);
            return Ok(Test::whole(format!("regexp_like(raw, {regex})")));
        }
        let function = if modifiers.contains(&Modifier::Cased) {
            "like_any(raw"
        } else {
            "ilike_any(raw"
        };
        like(function.to_owned(), value, &with, None)
    };
    linked(
        values.iter().map(test).collect::<Result<_, _>>()?,
        modifiers,
    )
}

/// One field with its values.
pub(crate) fn item(of: &DetectionItem, records: &Records) -> Result<Clause, Mistake> {
    let modifiers = &of.field.modifiers;
    let Some(name) = of.field.name.as_deref() else {
        return keywords(&of.values, modifiers);
    };
    field(name, of, records).map_err(|mistake| mistake.near(key(name, modifiers)).near(name))
}

/// The key as it stands in the text, for finding it.
fn key(name: &str, modifiers: &[Modifier]) -> String {
    let first = modifiers.first().map(|modifier| format!("{modifier:?}"));
    first.map_or_else(
        || format!("{name}:"),
        |first| format!("{name}|{}", first.to_lowercase()),
    )
}

fn field(name: &str, of: &DetectionItem, records: &Records) -> Result<Clause, Mistake> {
    let modifiers = of.field.modifiers.as_slice();
    if records.lines {
        return Err(Mistake::new(format!(
            "records of {} are lines of text without fields; look for keywords, as in \
             keywords: ['text']",
            records.source_type
        )));
    }
    if of.values.is_empty() {
        return Err(Mistake::new(format!("the field {name} has no value")));
    }
    if name.contains('[') {
        return Err(Mistake::new(
            "places in lists ([0], [any], [all]) are of a later version of Sigma; a path steps \
             into lists by itself",
        ));
    }
    together(modifiers)?;
    for modifier in modifiers {
        known(*modifier, modifiers)?;
    }
    let field = records.field(name);
    let path = match &field {
        Field::Column(_) => name,
        Field::Path(path) => path.as_str(),
    };
    let doc = format!("(raw, {}", quoted(path));
    let has = |modifier| modifiers.contains(&modifier);
    let test = |value: &SigmaValue| -> Result<Test, Mistake> {
        if has(Modifier::Exists) {
            let SigmaValue::Bool(there) = value else {
                return Err(Mistake::new("exists is compared with true or false"));
            };
            let not = if *there { "" } else { "NOT " };
            return Ok(Test::whole(format!("{not}json_exists{doc})")));
        }
        if has(Modifier::FieldRef) {
            let other = match records.field(&text(value)?) {
                Field::Column(_) => text(value)?,
                Field::Path(path) => path,
            };
            let other = quoted(&other);
            return Ok(Test::whole(format!("json_same{doc}, {other})")));
        }
        if has(Modifier::Re) {
            let regex = regex(value, modifiers)?;
            return Ok(Test::call(format!("json_regexp_any{doc}"), vec![regex]));
        }
        if has(Modifier::Cidr) {
            let range = range(value)?;
            return Ok(Test::call(format!("json_cidr_any{doc}"), vec![range]));
        }
        if let Some(operator) = comparison(modifiers) {
            let number = number(value)?;
            return Ok(Test::whole(format!(
                "json_compare_any{doc}, '{operator}', {number})"
            )));
        }
        if *value == SigmaValue::Null {
            return Ok(Test::whole(match &field {
                Field::Column(column) => format!("{column} IS NULL"),
                Field::Path(_) => format!("json_is_null{doc})"),
            }));
        }
        let call = match (&field, has(Modifier::Cased)) {
            (Field::Column(column), false) => format!("ilike_any({column}"),
            (Field::Column(column), true) => format!("like_any({column}"),
            (Field::Path(_), false) => format!("json_ilike_any{doc}"),
            (Field::Path(_), true) => format!("json_like_any{doc}"),
        };
        like(call, value, modifiers, Some(&field))
    };
    let tests = of.values.iter().map(test).collect::<Result<_, _>>()?;
    let linked = linked(tests, modifiers)?;
    Ok(if has(Modifier::Neq) {
        not(linked)
    } else {
        linked
    })
}

/// A value without wildcards.
fn text(value: &SigmaValue) -> Result<String, Mistake> {
    match value {
        SigmaValue::String(text) => Ok(text.original.clone()),
        _ => Err(Mistake::new(format!("{value} is no text"))),
    }
}

fn range(value: &SigmaValue) -> Result<String, Mistake> {
    let text = text(value)?;
    if text.parse::<ipnet::IpNet>().is_err() {
        return Err(Mistake::new(format!(
            "{text} is no address range; write 10.0.0.0/8 or 2001:db8::/32"
        ))
        .near(text));
    }
    Ok(text)
}

fn number(value: &SigmaValue) -> Result<String, Mistake> {
    match value {
        SigmaValue::Integer(number) => Ok(number.to_string()),
        SigmaValue::Float(number) if number.is_finite() => Ok(format!("{number:?}")),
        _ => Err(Mistake::new(format!("{value} is no number"))),
    }
}

/// A call of a function that takes patterns.
fn like(
    call: String,
    value: &SigmaValue,
    modifiers: &[Modifier],
    field: Option<&Field>,
) -> Result<Test, Mistake> {
    let mut variants = pattern::variants(value, modifiers)?;
    if field.is_none() {
        // As a text within JSON has it, too.
        let escaped: Vec<_> = variants
            .iter()
            .filter_map(|parts| pattern::escaped(parts))
            .collect();
        variants.extend(escaped);
    }
    let anchors = variants.iter().map(|parts| match field {
        Some(Field::Column("operation")) => {
            pattern::plain(parts).map_or(Anchors::Any, |plain| Anchors::operation(&plain))
        }
        _ => Anchors::text(parts),
    });
    let anchors = Anchors::any(anchors);
    let patterns = variants.iter().map(|parts| pattern::pattern(parts));
    Ok(Test {
        anchors,
        ..Test::call(call, patterns.collect())
    })
}

/// Several values of one item: any, or all with `|all`. Calls of one function on one thing
/// become one call with all their patterns.
fn linked(tests: Vec<Test>, modifiers: &[Modifier]) -> Result<Clause, Mistake> {
    let empty = || Mistake::new("a selection has no value");
    if modifiers.contains(&Modifier::All) {
        return all(tests.into_iter().map(Test::clause).collect()).ok_or_else(empty);
    }
    let mut joined: Vec<Test> = Vec::new();
    for test in tests {
        let same = |before: &&mut Test| before.call == test.call && !before.patterns.is_empty();
        match joined.iter_mut().find(same) {
            Some(before) => {
                before.patterns.extend(test.patterns);
                let anchors = [before.anchors.clone(), test.anchors];
                before.anchors = Anchors::any(anchors);
            }
            None => joined.push(test),
        }
    }
    any(joined.into_iter().map(Test::clause).collect()).ok_or_else(empty)
}

/// Modifiers that say what kind of test it is go with no others that change the value.
fn together(modifiers: &[Modifier]) -> Result<(), Mistake> {
    let alone = |modifier: &Modifier| {
        matches!(
            modifier,
            Modifier::Exists
                | Modifier::FieldRef
                | Modifier::Re
                | Modifier::Cidr
                | Modifier::Gt
                | Modifier::Gte
                | Modifier::Lt
                | Modifier::Lte
        )
    };
    let beside = |modifier: &Modifier| {
        matches!(
            modifier,
            Modifier::All
                | Modifier::Neq
                | Modifier::IgnoreCase
                | Modifier::Multiline
                | Modifier::DotAll
        )
    };
    let Some(kind) = modifiers.iter().find(|modifier| alone(modifier)) else {
        return Ok(());
    };
    let other = modifiers
        .iter()
        .find(|modifier| *modifier != kind && !beside(modifier));
    match other {
        None => Ok(()),
        Some(other) => Err(Mistake::new(
            format!("the modifiers {kind:?} and {other:?} don't go together").to_lowercase(),
        )),
    }
}

fn known(modifier: Modifier, among: &[Modifier]) -> Result<(), Mistake> {
    let regex = among.contains(&Modifier::Re);
    let word = format!("{modifier:?}").to_lowercase();
    match modifier {
        Modifier::Expand => Err(Mistake::new(
            "expand needs placeholders, which are not known; write the values",
        )),
        Modifier::Minute
        | Modifier::Hour
        | Modifier::Day
        | Modifier::Week
        | Modifier::Month
        | Modifier::Year => Err(Mistake::new(format!(
            "the modifier {word} is not known; use an exception with date_part on the column time"
        ))),
        Modifier::IgnoreCase | Modifier::Multiline | Modifier::DotAll if !regex => Err(
            Mistake::new(format!("the modifier {word} goes with re alone")),
        ),
        _ => Ok(()),
    }
}

fn comparison(modifiers: &[Modifier]) -> Option<&'static str> {
    modifiers.iter().find_map(|modifier| match modifier {
        Modifier::Gt => Some(">"),
        Modifier::Gte => Some(">="),
        Modifier::Lt => Some("<"),
        Modifier::Lte => Some("<="),
        _ => None,
    })
}

/// A regular expression with its flags, tried.
fn regex(value: &SigmaValue, modifiers: &[Modifier]) -> Result<String, Mistake> {
    let SigmaValue::String(text) = value else {
        return Err(Mistake::new("a regular expression is a text"));
    };
    let flags: String = modifiers
        .iter()
        .filter_map(|modifier| match modifier {
            Modifier::IgnoreCase => Some('i'),
            Modifier::Multiline => Some('m'),
            Modifier::DotAll => Some('s'),
            _ => None,
        })
        .collect();
    let regex = if flags.is_empty() {
        text.original.clone()
    } else {
        format!("(?{flags}){}", text.original)
    };
    regex::RegexBuilder::new(&regex)
        .size_limit(REGEX_BYTES)
        .build()
        .map_err(|error| {
            let why = match error {
                regex::Error::CompiledTooBig(_) => {
                    "it becomes too large; repeat less, or split it".to_owned()
                }
                other => {
                    let text = other.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    last.trim_start_matches("error: ").to_owned()
                }
            };
            Mistake::new(format!("the regular expression can't be used: {why}"))
                .near(text.original.clone())
        })?;
    Ok(regex)
}
