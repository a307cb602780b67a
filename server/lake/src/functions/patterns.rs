//! Patterns with wildcards, made ready once for many texts.

use std::collections::HashSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder};

/// Largest compiled form of one pattern or regular expression, in bytes.
const LARGEST: usize = 1 << 18;

/// Most texts that are each looked for by itself.
const MOST_ALONE: usize = 4;

/// Patterns of which a text is to fit one.
#[derive(Debug)]
pub(super) struct Patterns {
    cased: bool,
    /// A pattern has letters whose lower case is not ASCII's.
    wide: bool,
    exact: HashSet<String>,
    other: Vec<Pattern>,
    /// Texts that may stand anywhere, where there are many.
    anywhere: Option<(AhoCorasick, Vec<String>)>,
}

#[derive(Debug)]
enum Pattern {
    Prefix(String),
    Suffix(String),
    Contains(Box<Finder<'static>>),
    Any,
    Regex(Box<Regex>),
}

/// A part of a pattern.
enum Part {
    Text(String),
    One,
    Many,
}

impl Patterns {
    /// Patterns as LIKE has them: `%` for any text, `_` for one character, `\` before what is
    /// meant as itself.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub(super) fn new(patterns: &[String], cased: bool) -> Result<Self, String> {
        let wide = !cased && !patterns.iter().all(|pattern| pattern.is_ascii());
        let mut made = Self {
            cased,
            wide,
            exact: HashSet::new(),
            other: Vec::new(),
            anywhere: None,
        };
        let mut anywhere = Vec::new();
        for pattern in patterns {
            let parts = parts(&made.folded(pattern));
            match parts.as_slice() {
                [] => drop(made.exact.insert(String::new())),
                [Part::Text(text)] => drop(made.exact.insert(text.clone())),
                [Part::Many] => made.other.push(Pattern::Any),
                [Part::Text(text), Part::Many] => made.other.push(Pattern::Prefix(text.clone())),
                [Part::Many, Part::Text(text)] => made.other.push(Pattern::Suffix(text.clone())),
                [Part::Many, Part::Text(text), Part::Many] => anywhere.push(text.clone()),
                parts => made.other.push(Pattern::Regex(Box::new(regex(parts)?))),
            }
        }
        if anywhere.len() > MOST_ALONE {
            // The form that takes least memory, whatever the texts are.
            let automaton = AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(&anywhere)
                .map_err(|error| error.to_string())?;
            made.anywhere = Some((automaton, anywhere));
        } else {
            let finders = anywhere.iter().map(|text| Finder::new(text.as_bytes()));
            let finders = finders.map(|finder| Pattern::Contains(Box::new(finder.into_owned())));
            made.other.extend(finders);
        }
        Ok(made)
    }

    /// How many of these patterns become regular expressions.
    pub(super) fn regexes(patterns: &[String]) -> usize {
        let simple = |pattern: &&String| {
            matches!(
                parts(pattern).as_slice(),
                [] | [Part::Text(_) | Part::Many]
                    | [Part::Text(_), Part::Many]
                    | [Part::Many, Part::Text(_)]
                    | [Part::Many, Part::Text(_), Part::Many]
            )
        };
        patterns.iter().filter(|pattern| !simple(pattern)).count()
    }

    /// Texts of which one stands in whatever fits, ASCII letters compared without regard to case;
    /// none if there are no such texts.
    pub(super) fn literals(&self) -> Option<Vec<Vec<u8>>> {
        // Letters of other alphabets may have ASCII's as their lower case.
        if self.wide {
            return None;
        }
        let exact = self.exact.iter().map(|text| Some(text.as_bytes()));
        let other = self.other.iter().map(|pattern| match pattern {
            Pattern::Prefix(text) | Pattern::Suffix(text) => Some(text.as_bytes()),
            Pattern::Contains(finder) => Some(finder.needle()),
            Pattern::Any | Pattern::Regex(_) => None,
        });
        let anywhere = self.anywhere.iter().flat_map(|(_, texts)| texts);
        let anywhere = anywhere.map(|text| Some(text.as_bytes()));
        let mut literals = exact
            .chain(other)
            .chain(anywhere)
            .map(|text| text.filter(|text| !text.is_empty()).map(<[u8]>::to_vec))
            .collect::<Option<Vec<_>>>()?;
        literals.sort_unstable();
        Some(literals)
    }

    /// Whether the text fits one.
    pub(super) fn fit(&self, text: &str) -> bool {
        if self.cased || (!self.wide && !text.bytes().any(|byte| byte.is_ascii_uppercase())) {
            return self.fit_folded(text);
        }
        self.fit_folded(&self.folded(text))
    }

    /// In lower case, unless case counts. ASCII's letters alone where no pattern has others, so
    /// that a text is not longer or shorter than it was.
    fn folded(&self, text: &str) -> String {
        match (self.cased, self.wide) {
            (true, _) => text.to_owned(),
            (false, false) => text.to_ascii_lowercase(),
            (false, true) => text.to_lowercase(),
        }
    }

    fn fit_folded(&self, text: &str) -> bool {
        self.exact.contains(text)
            || self.other.iter().any(|pattern| match pattern {
                Pattern::Prefix(prefix) => text.starts_with(prefix.as_str()),
                Pattern::Suffix(suffix) => text.ends_with(suffix.as_str()),
                Pattern::Contains(finder) => finder.find(text.as_bytes()).is_some(),
                Pattern::Any => true,
                Pattern::Regex(regex) => regex.is_match(text),
            })
            || self
                .anywhere
                .as_ref()
                .is_some_and(|(automaton, _)| automaton.is_match(text))
    }
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let wildcard = match c {
            '%' => Part::Many,
            '_' => Part::One,
            '\\' => {
                text.push(chars.next().unwrap_or('\\'));
                continue;
            }
            c => {
                text.push(c);
                continue;
            }
        };
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        let repeated = matches!((&wildcard, parts.last()), (Part::Many, Some(Part::Many)));
        if !repeated {
            parts.push(wildcard);
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

fn regex(parts: &[Part]) -> Result<Regex, String> {
    let inner: String = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => regex::escape(text),
            Part::One => ".".to_owned(),
            Part::Many => ".*".to_owned(),
        })
        .collect();
    compiled(&format!("(?s)^{inner}$"))
}

/// A regular expression; matching takes time linear in the text whatever it is.
///
/// # Errors
/// It is none, or becomes too large.
pub(super) fn compiled(regex: &str) -> Result<Regex, String> {
    RegexBuilder::new(regex)
        .size_limit(LARGEST)
        .dfa_size_limit(LARGEST)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "the expression becomes too large; repeat less, or split it".to_owned()
            }
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        Patterns::new(&[pattern.to_owned()], false)
            .unwrap()
            .fit(text)
    }

    #[test]
    fn wildcards_and_case() {
        assert!(fits("StopLogging", "stoplogging"));
        assert!(!fits("StopLogging", "StopLogging2"));
        assert!(fits("Delete%", "DELETETRAIL"));
        assert!(fits("%Trail", "DeleteTrail"));
        assert!(fits("%suspended%", r#"{"Status":"Suspended"}"#));
        assert!(fits("a_c%e", "abcdde\ne"));
        assert!(!fits("a_c", "ac"));
        assert!(fits(r"100\%", "100%"));
        assert!(!fits(r"100\%", "1000"));
        assert!(fits("%", ""));
        assert!(fits("", ""));
        assert!(!fits("", "x"));
        assert!(fits("ÄRGER", "ärger"));
        assert!(fits("%.(x)+%", "a.(X)+"));
        let cased = Patterns::new(&["Abc".to_owned()], true).unwrap();
        assert!(cased.fit("Abc") && !cased.fit("abc"));
    }

    #[test]
    fn what_fits_holds_a_literal() {
        let literals = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|text| (*text).to_owned()).collect();
            Patterns::new(&patterns, false).unwrap().literals()
        };
        let bytes =
            |texts: &[&str]| Some(texts.iter().map(|text| text.as_bytes().to_vec()).collect());
        assert_eq!(
            literals(&["%Suffix", "Prefix%", "%Middle%", "Whole"]),
            bytes(&["middle", "prefix", "suffix", "whole"])
        );
        assert_eq!(literals(&["whole", "a%b"]), None);
        assert_eq!(literals(&["whole", ""]), None);
        assert_eq!(literals(&["whole", "%"]), None);
        assert_eq!(literals(&["whole", "ÄRGER"]), None);
    }

    #[test]
    fn many_texts_anywhere_are_looked_for_as_each_alone() {
        let texts = [
            "secret", "%Trail%", "%cret x%", "%ÄRGER%", "%b%", "%cc%", "%ddd%",
        ];
        let patterns: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let in_all = [
            "trail", "a cc", "Secret", "secret y", "ärger", "", "dd", "xDDDx",
        ];
        for cased in [true, false] {
            let all = Patterns::new(&patterns, cased).unwrap();
            assert!(all.anywhere.is_some());
            let alone = patterns.iter().map(|pattern| {
                let alone = Patterns::new(std::slice::from_ref(pattern), cased).unwrap();
                assert!(alone.anywhere.is_none());
                alone
            });
            let alone: Vec<Patterns> = alone.collect();
            for text in in_all {
                let one = alone.iter().any(|pattern| pattern.fit(text));
                assert_eq!(all.fit(text), one, "{text:?}, {cased}");
            }
        }
        let plain: Vec<String> = (0..9).map(|n| format!("%t{n}%")).collect();
        let literals = Patterns::new(&plain, false).unwrap().literals().unwrap();
        assert_eq!(literals.len(), 9);
    }

    #[test]
    fn bombs_are_refused() {
        assert!(compiled("(a{1000}){1000}").is_err());
        assert!(compiled("(").unwrap_err().contains("unclosed"));
    }
}
