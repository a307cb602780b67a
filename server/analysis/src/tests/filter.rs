//! The filter language, as far as plans write it, held against single rows. Texts are parsed by
//! the parser that the lake has, so that what is not SQL fails here.

use std::net::IpAddr;

use cordon_views::EventRow;
use serde_json::Value;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator,
    Value as Literal,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

/// A parsed condition.
pub(crate) struct Filter(Expr);

/// What an expression is worth; a truth value may be unknown.
#[derive(Debug, Clone, PartialEq)]
enum Worth {
    Null,
    Truth(bool),
    Number(i64),
    Text(String),
    List(Vec<String>),
}

impl Filter {
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.len() <= 64 << 10, "{} bytes", text.len());
        let dialect = PostgreSqlDialect {};
        assert!(operators(text) <= 1_000, "{} operators", operators(text));
        let mut parser = Parser::new(&dialect).try_with_sql(text).unwrap();
        let tree = parser.parse_expr().unwrap();
        assert_eq!(parser.peek_token().token, Token::EOF, "{text}");
        Self(tree)
    }

    pub(crate) fn takes(&self, row: &EventRow) -> bool {
        worth(&self.0, row) == Worth::Truth(true)
    }

    /// Every literal text in it.
    pub(crate) fn literals(&self) -> Vec<String> {
        let mut out = Vec::new();
        literals(&self.0, &mut out);
        out
    }
}

/// What the lake counts as operators of a filter.
fn operators(text: &str) -> usize {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text)
        .tokenize()
        .unwrap();
    let counts = |token: &&Token| match token {
        Token::Word(word) => matches!(word.value.as_str(), "AND" | "OR" | "NOT" | "IN"),
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Comma
        | Token::Whitespace(_)
        | Token::EOF => false,
        _ => true,
    };
    tokens.iter().filter(counts).count()
}

fn literals(tree: &Expr, out: &mut Vec<String>) {
    match tree {
        Expr::Value(value) => {
            if let Literal::SingleQuotedString(text) = &value.value {
                out.push(text.clone());
            }
        }
        Expr::BinaryOp { left, right, .. } => {
            literals(left, out);
            literals(right, out);
        }
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => literals(inner, out),
        Expr::InList { list, .. } => list.iter().for_each(|one| literals(one, out)),
        Expr::Function(function) => arguments(function)
            .iter()
            .for_each(|one| literals(one, out)),
        _ => {}
    }
}

fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else {
        panic!("{function}");
    };
    let each = list.args.iter().map(|one| match one {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(tree)) => tree,
        other => panic!("{other}"),
    });
    each.collect()
}

fn worth(tree: &Expr, row: &EventRow) -> Worth {
    match tree {
        Expr::Identifier(name) => column(&name.value, row),
        Expr::Value(value) => match &value.value {
            Literal::SingleQuotedString(text) => Worth::Text(text.clone()),
            Literal::Number(number, _) => Worth::Number(number.parse().unwrap()),
            other => panic!("{other}"),
        },
        Expr::Nested(inner) => worth(inner, row),
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr,
        } => match worth(expr, row) {
            Worth::Truth(truth) => Worth::Truth(!truth),
            Worth::Null => Worth::Null,
            other => panic!("{other:?}"),
        },
        Expr::InList {
            expr,
            list,
            negated,
        } => match worth(expr, row) {
            Worth::Null => Worth::Null,
            value => {
                let has = list.iter().any(|one| worth(one, row) == value);
                Worth::Truth(has != *negated)
            }
        },
        Expr::BinaryOp { left, op, right } => {
            let sides = (worth(left, row), worth(right, row));
            match op {
                BinaryOperator::And => match sides {
                    (Worth::Truth(false), _) | (_, Worth::Truth(false)) => Worth::Truth(false),
                    (Worth::Truth(true), other) | (other, Worth::Truth(true)) => other,
                    _ => Worth::Null,
                },
                BinaryOperator::Or => match sides {
                    (Worth::Truth(true), _) | (_, Worth::Truth(true)) => Worth::Truth(true),
                    (Worth::Truth(false), other) | (other, Worth::Truth(false)) => other,
                    _ => Worth::Null,
                },
                BinaryOperator::Eq | BinaryOperator::NotEq => match sides {
                    (Worth::Null, _) | (_, Worth::Null) => Worth::Null,
                    (left, right) => Worth::Truth((left == right) == (*op == BinaryOperator::Eq)),
                },
                other => panic!("{other}"),
            }
        }
        Expr::Function(function) => call(function, row),
        other => panic!("{other}"),
    }
}

fn column(name: &str, row: &EventRow) -> Worth {
    let text = |text: &str| match text {
        "" => Worth::Null,
        text => Worth::Text(text.to_owned()),
    };
    let address = |ip: Option<IpAddr>| ip.map_or(Worth::Null, |ip| Worth::Text(ip.to_string()));
    match name {
        "name" => Worth::Text(hex::encode(row.name)),
        "class_uid" => Worth::Number(row.class_uid.into()),
        "activity_id" => Worth::Number(row.activity_id.into()),
        "status" => text(row.status.as_str()),
        "account" => text(&row.account),
        "region" => text(&row.region),
        "service" => text(&row.service),
        "operation" => text(&row.operation),
        "actor" => text(&row.actor),
        "credential_uid" => text(&row.credential_uid),
        "src_ip" => address(row.src_ip),
        "dst_ip" => address(row.dst_ip),
        "resources" => Worth::List(row.resources.clone()),
        "source_type" => text(row.source_type.as_str()),
        "raw" => text(&row.raw),
        other => panic!("no column {other}"),
    }
}

fn call(function: &Function, row: &EventRow) -> Worth {
    let name = function.name.to_string();
    let values: Vec<Worth> = arguments(function)
        .into_iter()
        .map(|one| worth(one, row))
        .collect();
    let texts = |from: usize| {
        values[from..].iter().map(|value| match value {
            Worth::Text(text) => text.as_str(),
            other => panic!("{name}: {other:?}"),
        })
    };
    match (name.as_str(), values.as_slice()) {
        ("array_has", [Worth::List(list), Worth::Text(wanted)]) => {
            Worth::Truth(list.contains(wanted))
        }
        ("cidr_contains", [Worth::Text(range), Worth::Text(ip)]) => {
            let range: ipnet::IpNet = range.parse().unwrap();
            Worth::Truth(range.contains(&ip.parse::<IpAddr>().unwrap()))
        }
        ("cidr_contains", [.., Worth::Null]) => Worth::Null,
        ("ilike_any" | "like_any", [Worth::Null, ..]) => Worth::Truth(false),
        ("ilike_any" | "like_any", [Worth::Text(text), ..]) => {
            Worth::Truth(texts(1).any(|pattern| like(pattern, text, name == "ilike_any")))
        }
        ("json_exists", [Worth::Text(doc), Worth::Text(path)]) => {
            let doc = serde_json::from_str(doc).unwrap_or(Value::Null);
            let mut some = false;
            each_at(&doc, path, &mut |_| some = true);
            Worth::Truth(some)
        }
        ("json_like_any" | "json_ilike_any", [Worth::Text(doc), Worth::Text(path), ..]) => {
            let doc = serde_json::from_str(doc).unwrap_or(Value::Null);
            let mut fits = false;
            each_at(&doc, path, &mut |value| {
                let text = match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                fits |= texts(2).any(|pattern| like(pattern, &text, name == "json_ilike_any"));
            });
            Worth::Truth(fits)
        }
        (_, values) => panic!("{name} {values:?}"),
    }
}

fn each_at(doc: &Value, path: &str, with: &mut impl FnMut(&Value)) {
    match doc {
        Value::Array(items) => items.iter().for_each(|item| each_at(item, path, with)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match path.strip_prefix(key.as_str()) {
                    Some("") => with(value),
                    Some(rest) if rest.starts_with('.') => each_at(value, &rest[1..], with),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// `%` for any text, `_` for a letter, `\` before what is meant as itself.
fn like(pattern: &str, text: &str, fold: bool) -> bool {
    fn fits(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%'] => true,
            ['%', rest @ ..] => (0..=text.len()).any(|at| fits(rest, &text[at..])),
            ['_', rest @ ..] => !text.is_empty() && fits(rest, &text[1..]),
            ['\\', letter, rest @ ..] | [letter, rest @ ..] => {
                text.first() == Some(letter) && fits(rest, &text[1..])
            }
        }
    }
    let letters = |text: &str| -> Vec<char> {
        if fold {
            text.to_lowercase().chars().collect()
        } else {
            text.chars().collect()
        }
    };
    fits(&letters(pattern), &letters(text))
}

#[test]
fn patterns_are_those_of_like() {
    assert!(like("a\\_%", "a_b", false));
    assert!(!like("a\\_%", "axb", false));
    assert!(like("%B%", "abc", true));
    assert!(!like("%B", "abc", true));
}

proptest::proptest! {
    #[test]
    fn any_text_survives_quoting(text in "\\PC*|.*") {
        let written = crate::sql::is("actor", &text);
        let parsed = Filter::parse(&written);
        proptest::prop_assert_eq!(parsed.literals(), vec![text.clone()]);
        let pattern = crate::sql::exactly(&text);
        proptest::prop_assert!(like(&pattern, &text, false));
        let list = crate::sql::at_path_one("a.b", [&text, "x"]).unwrap();
        proptest::prop_assert_eq!(
            Filter::parse(&list).literals(),
            vec!["a.b".to_owned(), pattern, "x".to_owned()]
        );
    }
}
