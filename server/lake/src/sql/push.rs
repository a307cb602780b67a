//! Conditions of a query that the lake can take: written as a filter's text, so that they pass what
//! every filter passes, with its limits. What has no such form is evaluated by the query.

use cordon_kernel::db::timestamp;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::schema::Column;

/// Functions whose result is no longer than what they are given.
const TAKEN: [&str; 26] = [
    "array_has",
    "character_length",
    "cidr_contains",
    "contains",
    "ends_with",
    "ilike_any",
    "json_as_text",
    "json_cidr_any",
    "json_compare_any",
    "json_contains",
    "json_exists",
    "json_get_bool",
    "json_get_float",
    "json_get_int",
    "json_get_str",
    "json_ilike_any",
    "json_is_null",
    "json_length",
    "json_like_any",
    "json_regexp_any",
    "json_same",
    "like_any",
    "lower",
    "octet_length",
    "starts_with",
    "upper",
];

/// The condition as a filter's text; none if it has none.
pub(super) fn text(condition: &Expr) -> Option<String> {
    let mut out = String::new();
    write(condition, &mut out)?;
    Some(out)
}

fn write(part: &Expr, out: &mut String) -> Option<()> {
    match part {
        Expr::Column(column) => {
            let column = Column::by_name(&column.name).filter(|column| column.visible())?;
            // Names are digits here and bytes there.
            if column == Column::Name {
                return None;
            }
            out.push_str(column.name());
        }
        Expr::Literal(value, _) => literal(value, out)?,
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let op = operator(*op)?;
            // Regular expressions are literals, as texts are all that stands there.
            if op.starts_with(['~', '!']) && !matches!(**right, Expr::Literal(..)) {
                return None;
            }
            out.push('(');
            write(left, out)?;
            out.push(' ');
            out.push_str(op);
            out.push(' ');
            write(right, out)?;
            out.push(')');
        }
        Expr::Not(inner) => around("(NOT ", inner, ")", out)?,
        Expr::IsNull(inner) => around("(", inner, " IS NULL)", out)?,
        Expr::IsNotNull(inner) => around("(", inner, " IS NOT NULL)", out)?,
        Expr::IsTrue(inner) => around("(", inner, " IS TRUE)", out)?,
        Expr::IsFalse(inner) => around("(", inner, " IS FALSE)", out)?,
        Expr::IsNotTrue(inner) => around("(", inner, " IS NOT TRUE)", out)?,
        Expr::IsNotFalse(inner) => around("(", inner, " IS NOT FALSE)", out)?,
        Expr::Like(like) if like.escape_char.is_none() => {
            out.push('(');
            write(&like.expr, out)?;
            out.push_str(match (like.negated, like.case_insensitive) {
                (false, false) => " LIKE ",
                (true, false) => " NOT LIKE ",
                (false, true) => " ILIKE ",
                (true, true) => " NOT ILIKE ",
            });
            write(&like.pattern, out)?;
            out.push(')');
        }
        Expr::Between(between) => {
            out.push('(');
            write(&between.expr, out)?;
            out.push_str(match between.negated {
                true => " NOT BETWEEN ",
                false => " BETWEEN ",
            });
            write(&between.low, out)?;
            out.push_str(" AND ");
            write(&between.high, out)?;
            out.push(')');
        }
        Expr::InList(list) => {
            out.push('(');
            write(&list.expr, out)?;
            out.push_str(match list.negated {
                true => " NOT IN (",
                false => " IN (",
            });
            separated(&list.list, out)?;
            out.push_str("))");
        }
        Expr::ScalarFunction(call) => {
            let name = call.func.name();
            TAKEN.binary_search(&name).ok()?;
            out.push_str(name);
            out.push('(');
            separated(&call.args, out)?;
            out.push(')');
        }
        _ => return None,
    }
    Some(())
}

fn around(before: &str, inner: &Expr, after: &str, out: &mut String) -> Option<()> {
    out.push_str(before);
    write(inner, out)?;
    out.push_str(after);
    Some(())
}

fn separated(parts: &[Expr], out: &mut String) -> Option<()> {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write(part, out)?;
    }
    Some(())
}

fn operator(op: Operator) -> Option<&'static str> {
    Some(match op {
        Operator::And => "AND",
        Operator::Or => "OR",
        Operator::Eq => "=",
        Operator::NotEq => "<>",
        Operator::Lt => "<",
        Operator::LtEq => "<=",
        Operator::Gt => ">",
        Operator::GtEq => ">=",
        Operator::RegexMatch => "~",
        Operator::RegexIMatch => "~*",
        Operator::RegexNotMatch => "!~",
        Operator::RegexNotIMatch => "!~*",
        _ => return None,
    })
}

fn literal(value: &ScalarValue, out: &mut String) -> Option<()> {
    match value {
        ScalarValue::Boolean(Some(value)) => out.push_str(if *value { "TRUE" } else { "FALSE" }),
        ScalarValue::Int8(Some(_))
        | ScalarValue::Int16(Some(_))
        | ScalarValue::Int32(Some(_))
        | ScalarValue::Int64(Some(_))
        | ScalarValue::UInt8(Some(_))
        | ScalarValue::UInt16(Some(_))
        | ScalarValue::UInt32(Some(_)) => out.push_str(&value.to_string()),
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => quoted(text, out),
        ScalarValue::TimestampNanosecond(Some(ns), _) => quoted(&timestamp(*ns).to_string(), out),
        _ => return None,
    }
    Some(())
}

fn quoted(text: &str, out: &mut String) {
    out.push('\'');
    out.push_str(&text.replace('\'', "''"));
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;

    #[test]
    fn names_of_functions_are_in_order() {
        assert!(TAKEN.is_sorted());
    }

    #[test]
    fn what_has_a_form_is_written_and_nothing_else() {
        let some = col("operation")
            .eq(lit("it's"))
            .and(col("src_port").gt(lit(-1)).or(col("shared").is_null()));
        assert_eq!(
            text(&some).unwrap(),
            "((operation = 'it''s') AND ((src_port > -1) OR (shared IS NULL)))"
        );
        let time = lit(ScalarValue::TimestampNanosecond(Some(1), None));
        let time = text(&col("time").gt_eq(time)).unwrap();
        assert_eq!(time, "(time >= '1970-01-01T00:00:00.000000001Z')");
        assert_eq!(text(&col("name").eq(lit("00"))), None);
        assert_eq!(text(&col("raw_context").is_null()), None);
        assert_eq!(text(&(col("seq") + lit(1)).gt(lit(2))), None);
    }
}
