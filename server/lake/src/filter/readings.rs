//! What it costs to parse a text, before it is parsed.
//!
//! The parser tries what stands within a call's parentheses as one thing and then as another, and so
//! again in every call within: what is nested in n calls is read two to the power of n times, and more
//! where it tries more. 18 calls within each other take it a third of a second, 30 an hour. So
//! readings are counted. How many times what tries how often was measured with sqlparser 0.62, for
//! each of its keywords, with arguments that it takes and with such that it does not.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

/// Most readings of tokens that a text may cost: half a second.
const MOST: u64 = 500_000;

/// Counts the readings.
///
/// # Errors
/// The place from which there are too many.
pub(super) fn count(tokens: &[TokenWithSpan]) -> Result<(), Location> {
    let mut tokens = tokens
        .iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_)))
        .peekable();
    let (mut open, mut all) = (Vec::new(), 0_u64);
    let mut before = Before::default();
    while let Some(token) = tokens.next() {
        let outside = open.last().copied().unwrap_or(1_u64);
        match &token.token {
            Token::LParen => {
                let mut times = before.times();
                let next = tokens.peek().map(|next| &next.token);
                // A table that may be a query or a join.
                if times == 1 && matches!(keyword(next), Some(Keyword::SELECT | Keyword::VALUES)) {
                    times = 2;
                }
                open.push(outside.saturating_mul(times));
            }
            Token::LBracket => {
                let times = if before.word.is_some() { 2 } else { 1 };
                open.push(outside.saturating_mul(times));
            }
            Token::RParen | Token::RBracket => drop(open.pop()),
            _ => {}
        }
        all = all.saturating_add(outside);
        if all > MOST {
            return Err(token.span.start);
        }
        before = before.then(&token.token);
    }
    Ok(())
}

fn keyword(token: Option<&Token>) -> Option<Keyword> {
    match token {
        Some(Token::Word(word)) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

/// What stands before a token.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    /// A word; one that is none of SQL's is [`Keyword::NoKeyword`].
    word: Option<Keyword>,
    /// It joins the operand before it with what follows.
    joins: bool,
    /// It ends an operand.
    operand: bool,
    /// What comes may be all columns.
    columns: bool,
}

impl Before {
    fn then(self, token: &Token) -> Self {
        let word = match token {
            Token::Word(_) => Some(keyword(Some(token)).unwrap_or(Keyword::NoKeyword)),
            _ => None,
        };
        let operand = match token {
            Token::RParen | Token::RBracket | Token::Number(..) | Token::SingleQuotedString(_) => {
                true
            }
            Token::Mul => self.columns,
            _ => matches!(
                word,
                Some(
                    Keyword::NoKeyword
                        | Keyword::NULL
                        | Keyword::TRUE
                        | Keyword::FALSE
                        | Keyword::END
                )
            ),
        };
        Self {
            word,
            joins: self.operand && word.is_some_and(joins),
            operand,
            columns: matches!(token, Token::Comma | Token::Period)
                || matches!(word, Some(Keyword::SELECT | Keyword::DISTINCT)),
        }
    }

    /// How many times what stands in parentheses is read that come now.
    fn times(self) -> u64 {
        let Some(word) = self.word.filter(|_| !self.joins) else {
            return 1;
        };
        match word {
            Keyword::EXISTS => 1,
            Keyword::POSITION
            | Keyword::CURRENT_DATE
            | Keyword::CURRENT_TIME
            | Keyword::CURRENT_TIMESTAMP
            | Keyword::LOCALTIME
            | Keyword::LOCALTIMESTAMP => 5,
            Keyword::INTERVAL => 4,
            Keyword::CASE
            | Keyword::CAST
            | Keyword::CEIL
            | Keyword::CONVERT
            | Keyword::FLOOR
            | Keyword::NOT
            | Keyword::OVERLAY
            | Keyword::SAFE_CAST
            | Keyword::SUBSTR
            | Keyword::SUBSTRING
            | Keyword::TRY_CAST => 3,
            _ => 2,
        }
    }
}

/// Words that are no call's name when an operand stands before them.
fn joins(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::AND
            | Keyword::AS
            | Keyword::BETWEEN
            | Keyword::ELSE
            | Keyword::EXCEPT
            | Keyword::FILTER
            | Keyword::FROM
            | Keyword::HAVING
            | Keyword::ILIKE
            | Keyword::IN
            | Keyword::INTERSECT
            | Keyword::JOIN
            | Keyword::LIKE
            | Keyword::ON
            | Keyword::OR
            | Keyword::OVER
            | Keyword::THEN
            | Keyword::UNION
            | Keyword::USING
            | Keyword::WHEN
            | Keyword::WHERE
    )
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn fine(text: &str) -> bool {
        let dialect = PostgreSqlDialect {};
        let tokens = Tokenizer::new(&dialect, text)
            .tokenize_with_location()
            .unwrap();
        count(&tokens).is_ok()
    }

    fn nested(open: &str, close: &str, deep: usize) -> String {
        format!("{}1{}", open.repeat(deep), close.repeat(deep))
    }

    #[test]
    fn calls_in_calls_are_counted_as_often_as_they_are_read() {
        for (open, close, most) in [
            ("lower(", ")", 14),
            ("\"lower\"(", ")", 14),
            ("lower (", ")", 14),
            ("over(", ")", 14),
            ("2 * from(", ")", 14),
            ("position(1 in ", ")", 6),
            ("substring(", ")", 9),
            ("NOT (", ")", 9),
            ("array[", "]", 14),
            ("(SELECT * FROM ", ")", 14),
            ("CASE (", ") END", 9),
        ] {
            assert!(fine(&nested(open, close, most)), "{open}");
            assert!(!fine(&nested(open, close, 2 * most)), "{open}");
        }
    }

    #[test]
    fn what_people_and_rules_write_is_read_once() {
        let many = vec!["'arn:aws:iam::111122223333:user/x'"; 5_000].join(", ");
        for text in [
            nested("(a AND (b OR c IS NULL OR (", "))", 20).as_str(),
            &format!("NOT (a IN ({many}) OR NOT (json_ilike_any(raw, 'x', {many})))"),
            &format!("coalesce(lower(operation), '') IN ({many})"),
            "SELECT * FROM (SELECT a.x, count(*) OVER (PARTITION BY a.y ORDER BY lower(a.z)) AS n \
             FROM (SELECT * FROM events WHERE EXISTS (SELECT 1 FROM events) AND seq IN (SELECT \
             max(seq) FROM events GROUP BY (region))) a JOIN (SELECT 1 AS x) b ON (a.x = b.x)) t",
        ] {
            assert!(fine(text), "{text}");
        }
    }
}
