//! Walking and reshaping a syntax tree without recursion that a caller could make deep.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
};

/// The direct parts of an expression of an allowed kind, in the order of the text.
pub(super) fn children(of: &Expr) -> Vec<&Expr> {
    match of {
        Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. }
        | Expr::Extract { expr: inner, .. } => vec![inner],
        Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right)
        | Expr::BinaryOp { left, right, .. } => vec![left, right],
        Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => vec![expr, pattern],
        Expr::Position { expr, r#in } => vec![expr, r#in],
        Expr::InList { expr, list, .. } => std::iter::once(&**expr).chain(list).collect(),
        Expr::Between {
            expr, low, high, ..
        } => vec![expr, low, high],
        Expr::Substring {
            expr,
            substring_from,
            substring_for,
            ..
        } => std::iter::once(expr)
            .chain(substring_from)
            .chain(substring_for)
            .map(|part| &**part)
            .collect(),
        Expr::Trim {
            expr, trim_what, ..
        } => trim_what.iter().chain([expr]).map(|part| &**part).collect(),
        Expr::Function(function) => match &function.args {
            FunctionArguments::List(list) => list.args.iter().filter_map(argument).collect(),
            FunctionArguments::None | FunctionArguments::Subquery(_) => Vec::new(),
        },
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => operand
            .iter()
            .map(|part| &**part)
            .chain(
                conditions
                    .iter()
                    .flat_map(|when| [&when.condition, &when.result]),
            )
            .chain(else_result.iter().map(|part| &**part))
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn argument(of: &FunctionArg) -> Option<&Expr> {
    match of {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => Some(argument),
        _ => None,
    }
}

/// How deep the tree is, counted level by level.
pub(super) fn depth(tree: &Expr) -> usize {
    let mut depth = 0;
    let mut level = vec![tree];
    while !level.is_empty() {
        depth += 1;
        level = level.into_iter().flat_map(children).collect();
    }
    depth
}

/// The same expression with its chains of AND and of OR as balanced trees. The parser makes
/// `a OR b OR c …` as deep as it is long, and what walks trees by recursion comes after this.
pub(super) fn balance(tree: Expr) -> Expr {
    let op = match &tree {
        Expr::BinaryOp {
            op: op @ (BinaryOperator::And | BinaryOperator::Or),
            ..
        } => op.clone(),
        _ => return tree,
    };
    let mut operands = Vec::new();
    let mut open = vec![tree];
    while let Some(next) = open.pop() {
        match next {
            Expr::BinaryOp {
                left,
                op: inner,
                right,
            } if inner == op => {
                open.push(*right);
                open.push(*left);
            }
            Expr::Nested(inner) if matches!(&*inner, Expr::BinaryOp { op: inner, .. } if *inner == op) =>
            {
                open.push(*inner);
            }
            // An operand is nested in parentheses or binds more tightly, both of which the
            // limit on depth bounds.
            Expr::Nested(inner) => operands.push(Expr::Nested(Box::new(balance(*inner)))),
            other => operands.push(balance(other)),
        }
    }
    while operands.len() > 1 {
        let mut left = operands.into_iter();
        let mut paired = Vec::with_capacity(left.len().div_ceil(2));
        while let Some(first) = left.next() {
            paired.push(match left.next() {
                Some(second) => Expr::BinaryOp {
                    left: Box::new(first),
                    op: op.clone(),
                    right: Box::new(second),
                },
                None => first,
            });
        }
        operands = paired;
    }
    // The chain had two operands at least.
    operands
        .pop()
        .unwrap_or_else(|| Expr::value(datafusion::sql::sqlparser::ast::Value::Null))
}
