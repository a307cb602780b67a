//! Patterns of STIX 2.1, as far as one event can answer them.
//!
//! An observation in brackets; in it comparisons with =, IN and ISSUBSET, joined by AND and OR
//! with parentheses. AND binds closer than OR, as the standard has it. All else is refused with
//! its place.

use super::list::{is_domain, is_hash};
use super::{Atom, Indicator, MOST_PATTERNS, Test, range};
use crate::question::Invalid;

/// Longest pattern, in bytes.
const LONGEST: usize = 32 << 10;
/// Deepest parentheses.
const DEEPEST: usize = 32;

const PATHS: &str = "there are ipv4-addr:value, ipv6-addr:value, domain-name:value, url:value, \
                     file:hashes.<algorithm>, user-account:user_id, user-account:account_login \
                     and user-account:display_name";

pub(super) fn patterns(patterns: &[String]) -> Result<Vec<Indicator>, Invalid> {
    if patterns.len() > MOST_PATTERNS {
        return Err(Invalid::new(
            "indicators.patterns",
            format!(
                "has {} elements, at most {MOST_PATTERNS} are allowed",
                patterns.len()
            ),
        ));
    }
    let mut out = Vec::with_capacity(patterns.len());
    for (at, text) in patterns.iter().enumerate() {
        let test = pattern(text).map_err(|(place, message)| {
            Invalid::new(
                format!("indicators.patterns[{at}]"),
                format!("can't be read at character {}: {message}", place + 1),
            )
        })?;
        out.push(Indicator {
            text: text.trim().to_owned(),
            test,
        });
    }
    Ok(out)
}

/// Where, counted in characters from 0, and what.
type Fault = (usize, String);

fn pattern(text: &str) -> Result<Test, Fault> {
    if text.len() > LONGEST {
        return Err((0, format!("it has more than {LONGEST} bytes")));
    }
    let mut parser = Parser {
        letters: text.chars().collect(),
        at: 0,
    };
    parser.sign('[', "a pattern begins with [")?;
    let test = parser.any(0)?;
    parser.sign(']', "expected AND, OR or ]")?;
    parser.blank();
    if parser.peek().is_some() {
        return parser.fault(
            "one observation is read; ask for further ones as patterns of their own, and leave \
             out FOLLOWEDBY, WITHIN, REPEATS, START and STOP",
        );
    }
    Ok(test)
}

struct Parser {
    letters: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn fault<T>(&self, message: impl Into<String>) -> Result<T, Fault> {
        Err((self.at, message.into()))
    }

    fn blank(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Takes the sign if it stands next.
    fn has(&mut self, sign: char) -> bool {
        self.blank();
        let has = self.peek() == Some(sign);
        self.at += usize::from(has);
        has
    }

    fn sign(&mut self, sign: char, message: &str) -> Result<(), Fault> {
        if self.has(sign) {
            Ok(())
        } else {
            self.fault(message)
        }
    }

    /// The word that stands next, without taking it.
    fn word(&mut self) -> String {
        self.blank();
        let rest = self.letters.get(self.at..).unwrap_or_default();
        let word = rest.iter().take_while(|c| c.is_ascii_alphabetic());
        word.collect()
    }

    /// Takes the word if it stands next.
    fn has_word(&mut self, wanted: &str) -> bool {
        let has = self.word() == wanted;
        if has {
            self.at += wanted.len();
        }
        has
    }

    fn any(&mut self, depth: usize) -> Result<Test, Fault> {
        let mut parts = vec![self.all(depth)?];
        while self.has_word("OR") {
            parts.push(self.all(depth)?);
        }
        Ok(joined(parts, Test::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Test, Fault> {
        let mut parts = vec![self.one(depth)?];
        while self.has_word("AND") {
            parts.push(self.one(depth)?);
        }
        Ok(joined(parts, Test::All))
    }

    fn one(&mut self, depth: usize) -> Result<Test, Fault> {
        if self.has('(') {
            if depth >= DEEPEST {
                return self.fault(format!("parentheses are more than {DEEPEST} deep"));
            }
            let test = self.any(depth + 1)?;
            self.sign(')', "expected AND, OR or )")?;
            return Ok(test);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Test, Fault> {
        let path = self.path()?;
        self.blank();
        let place = self.at;
        if self.has('=') {
            let _ = self.has('=');
            return self.value(path, false).map(Test::One);
        }
        let word = self.word();
        match word.as_str() {
            "IN" => {
                self.at += word.len();
                self.sign('(', "IN takes a list in parentheses")?;
                let mut parts = vec![Test::One(self.value(path, false)?)];
                while self.has(',') {
                    parts.push(Test::One(self.value(path, false)?));
                }
                self.sign(')', "expected a comma or )")?;
                Ok(joined(parts, Test::Any))
            }
            "ISSUBSET" if path == Path::Address => {
                self.at += word.len();
                self.value(path, true).map(Test::One)
            }
            "ISSUBSET" => self.fault("ISSUBSET is for ipv4-addr:value and ipv6-addr:value"),
            _ => Err((
                place,
                "expected =, IN or ISSUBSET; others are not read".to_owned(),
            )),
        }
    }

    fn path(&mut self) -> Result<Path, Fault> {
        self.blank();
        let start = self.at;
        // Hashes may be written file:hashes.'SHA-256'.
        let mut quoted = false;
        let mut text = String::new();
        while let Some(letter) = self.peek() {
            match letter {
                '\'' => quoted = !quoted,
                letter if letter.is_ascii_alphanumeric() || ":-_.".contains(letter) => {
                    text.push(letter);
                }
                _ => break,
            }
            self.at += 1;
        }
        if quoted {
            return Err((start, "a quote is not closed".to_owned()));
        }
        if text == "NOT" {
            return Err((
                start,
                "NOT is not read; it would fit nearly every event".to_owned(),
            ));
        }
        Ok(match text.as_str() {
            "ipv4-addr:value" | "ipv6-addr:value" => Path::Address,
            "domain-name:value" => Path::Domain,
            "url:value" => Path::Url,
            "user-account:user_id" | "user-account:account_login" | "user-account:display_name" => {
                Path::Account
            }
            text if text.starts_with("file:hashes.") => Path::Hash,
            _ => return Err((start, format!("{text:?} can't be looked for; {PATHS}"))),
        })
    }

    fn value(&mut self, path: Path, subset: bool) -> Result<Atom, Fault> {
        self.sign('\'', "expected a text in single quotes")?;
        let start = self.at;
        let mut text = String::new();
        loop {
            let Some(letter) = self.peek() else {
                return Err((start, "the text is not closed".to_owned()));
            };
            self.at += 1;
            match letter {
                '\'' => break,
                '\\' => match self.peek() {
                    Some(letter @ ('\'' | '\\')) => {
                        text.push(letter);
                        self.at += 1;
                    }
                    _ => return self.fault("a backslash stands before \\ and ' alone"),
                },
                letter => text.push(letter),
            }
        }
        let wrong = |what: &str| Err((start, format!("{text:?} is {what}")));
        match path {
            Path::Address => match range(&text) {
                Some(range) if subset || range.prefix_len() == range.max_prefix_len() => {
                    Ok(Atom::Range(range))
                }
                Some(_) => wrong("a range; write ISSUBSET"),
                None => wrong("no address"),
            },
            Path::Domain if is_domain(&text) => Ok(Atom::Domain(text.to_ascii_lowercase())),
            Path::Domain => wrong("no domain name"),
            Path::Hash if is_hash(&text) => Ok(Atom::Hash(text.to_ascii_lowercase())),
            Path::Hash => wrong("no hash in hexadecimal"),
            Path::Url if text.len() >= 8 && text.contains("://") => Ok(Atom::Url(text)),
            Path::Url => wrong("no URL"),
            Path::Account if text.len() < 2 || text.len() > 1024 => {
                wrong("no name of 2 to 1024 bytes")
            }
            Path::Account => Ok(Atom::Account(text)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    Address,
    Domain,
    Url,
    Hash,
    Account,
}

fn joined(mut parts: Vec<Test>, join: impl Fn(Vec<Test>) -> Test) -> Test {
    if parts.len() == 1
        && let Some(one) = parts.pop()
    {
        return one;
    }
    join(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, String) {
        pattern(text).unwrap_err()
    }

    #[test]
    fn and_binds_closer_than_or() {
        let test = pattern(
            "[ipv4-addr:value = '192.0.2.1' OR domain-name:value IN ('a.example', 'b.example') \
             AND file:hashes.'MD5' = 'd41d8cd98f00b204e9800998ecf8427e']",
        );
        let Test::Any(parts) = test.unwrap() else {
            panic!("no OR")
        };
        assert_eq!(parts.len(), 2);
        assert!(matches!(&parts[1], Test::All(both) if both.len() == 2));
    }

    #[test]
    fn what_is_not_read_is_refused_with_its_place() {
        for (text, place, words) in [
            ("ipv4-addr:value = '192.0.2.1'", 0, "begins with ["),
            (
                "[ipv4-addr:value != '192.0.2.1']",
                17,
                "expected =, IN or ISSUBSET",
            ),
            ("[ipv4-addr:value = '192.0.2.0/24']", 20, "write ISSUBSET"),
            ("[process:name = 'x']", 1, "can't be looked for"),
            (
                "[NOT url:value = 'https://a.example']",
                1,
                "NOT is not read",
            ),
            (
                "[url:value = 'https://a.example'] AND [url:value = 'https://b.example']",
                34,
                "one observation",
            ),
            (
                "[url:value = 'https://a.example'",
                32,
                "expected AND, OR or ]",
            ),
            ("[url:value = 'https://a.example]", 14, "not closed"),
            (
                "[domain-name:value ISSUBSET 'a.example']",
                19,
                "ISSUBSET is for",
            ),
            ("[domain-name:value = 'not a domain']", 22, "no domain name"),
        ] {
            let (at, message) = fault(text);
            assert!(message.contains(words), "{text}: {message}");
            assert_eq!(at, place, "{text}: {message}");
        }
        let deep = format!("[{}ipv4-addr:value = '192.0.2.1'", "(".repeat(5_000));
        assert!(fault(&deep).1.contains("deep"));
    }
}
