//! Texts as they are compared with names: however somebody writes, spaces or hides one, it is the
//! same here. Each letter knows where it came from.

use std::net::IpAddr;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Longest run of pieces that is held against names: an identifier of Azure's has about fifteen.
pub(super) const MOST_PIECES: usize = 32;
/// Longest run in bytes.
const LONGEST: usize = 2_048;

/// A text in the form in which texts are compared: lower case, without accents and what is not
/// seen, one blank for any space, points and colons out of their brackets (`203[.]0`, `(dot)`).
#[derive(Debug, Default)]
pub(super) struct Plain {
    text: String,
    /// Where in the original each byte of the text begins.
    from: Vec<usize>,
}

impl Plain {
    pub(super) fn of(original: &str) -> Self {
        let mut plain = Self {
            text: String::with_capacity(original.len()),
            from: Vec::with_capacity(original.len()),
        };
        let mut skip_to = 0;
        for (at, letter) in original.char_indices() {
            if at < skip_to {
                continue;
            }
            if let Some((within, length)) = bracketed(original.get(at..).unwrap_or_default()) {
                plain.push(within, at);
                skip_to = at + length;
                continue;
            }
            if unseen(letter) {
                continue;
            }
            if letter.is_whitespace() {
                if !plain.text.ends_with(' ') {
                    plain.push(' ', at);
                }
                continue;
            }
            for part in std::iter::once(letter).nfkd() {
                if is_combining_mark(part) || unseen(part) {
                    continue;
                }
                for lower in part.to_lowercase() {
                    plain.push(lower, at);
                }
            }
        }
        plain
    }

    fn push(&mut self, letter: char, at: usize) {
        self.text.push(letter);
        self.from.resize(self.text.len(), at);
    }

    /// Where in the original a byte of this text comes from.
    pub(super) fn original(&self, at: usize) -> usize {
        self.from.get(at).copied().unwrap_or(0)
    }

    /// Gives each run of pieces, with where it begins: what lies between two borders of words.
    pub(super) fn runs<'t>(&'t self, mut take: impl FnMut(usize, &'t str)) {
        let pieces = pieces(&self.text);
        for (first, (begin, _)) in pieces.iter().enumerate() {
            for (_, end) in pieces.iter().skip(first).take(MOST_PIECES) {
                if end - begin > LONGEST {
                    break;
                }
                take(*begin, self.text.get(*begin..*end).unwrap_or_default());
            }
        }
    }

    /// The addresses in it, with where each begins.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (usize, IpAddr)> {
        let within = |letter: char| letter.is_ascii_hexdigit() || matches!(letter, '.' | ':');
        self.text
            .split(move |letter| !within(letter))
            .filter(|word| word.len() > 2)
            .flat_map(|word| {
                // A port may follow, a point end a sentence, a cloud's kind stand before.
                let bare = word.trim_matches([':', '.']);
                let host = bare.rsplit_once(':').map_or(bare, |(host, _)| host);
                let last = bare.rsplit_once(':').map_or(bare, |(_, last)| last);
                [word, bare, host, last]
            })
            .filter_map(|word| {
                let ip = word.parse::<IpAddr>().ok()?;
                let at = word.as_ptr() as usize - self.text.as_ptr() as usize;
                Some((at, ip.to_canonical()))
            })
    }
}

/// A name or an identifier in that form, as it is looked for; `None` for what has no letter. One
/// that is longer than a run is looked for by its beginning.
pub(super) fn key(name: &str) -> Option<String> {
    let plain = Plain::of(name);
    let pieces = pieces(&plain.text);
    let (begin, _) = *pieces.first()?;
    let ends = pieces.iter().take(MOST_PIECES).map(|(_, end)| *end);
    let end = ends.take_while(|end| end - begin <= LONGEST).last()?;
    plain.text.get(begin..end).map(str::to_owned)
}

/// Where the words of a text begin and end.
fn pieces(text: &str) -> Vec<(usize, usize)> {
    let mut pieces = Vec::new();
    let mut begin = None;
    for (at, letter) in text.char_indices() {
        match (letter.is_alphanumeric(), begin) {
            (true, None) => begin = Some(at),
            (false, Some(from)) => {
                pieces.push((from, at));
                begin = None;
            }
            _ => {}
        }
    }
    pieces.extend(begin.map(|from| (from, text.len())));
    pieces
}

/// What a bracket at the beginning of a text hides: a point, a colon, an at sign; and how many
/// bytes that takes.
fn bracketed(text: &str) -> Option<(char, usize)> {
    if !text.starts_with(['[', '(', '{']) {
        return None;
    }
    let head: String = text.chars().take(5).collect();
    let head = head.to_ascii_lowercase();
    for (written, means) in [
        (".", '.'),
        (":", ':'),
        ("@", '@'),
        ("dot", '.'),
        ("at", '@'),
    ] {
        let rest = head.get(1..)?.strip_prefix(written);
        if rest.is_some_and(|rest| rest.starts_with([']', ')', '}'])) {
            return Some((means, written.len() + 2));
        }
    }
    None
}

/// What takes no place on a page and parts a word for a program.
const fn unseen(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
        || (letter.is_ascii_control() && !letter.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_one() {
        for text in [
            "Globex Corporation",
            "GLOBEX\n  corporation",
            "Globex\u{a0}Corporation",
            "Glo\u{200b}bex Corpo\u{ad}ration",
            "Ｇｌｏｂｅｘ Corporation",
            "Glöbex Corporation",
            "(Globex\tCorporation)",
        ] {
            assert_eq!(key(text).as_deref(), Some("globex corporation"), "{text:?}");
        }
        assert_eq!(key("globex[.]com").as_deref(), Some("globex.com"));
        assert_eq!(key("GLOBEX(dot)com").as_deref(), Some("globex.com"));
        assert_eq!(key("--"), None);
    }

    #[test]
    fn a_name_of_more_pieces_than_a_run_is_found_by_its_beginning() {
        let name = vec!["globex"; MOST_PIECES + 8].join(" ");
        let key = key(&name).unwrap();
        let plain = Plain::of(&name);
        let mut found = false;
        plain.runs(|at, run| found |= at == 0 && run == key);
        assert!(found);
    }

    #[test]
    fn a_place_is_the_originals() {
        let text = "x \u{200b}[.] Ünder  globex";
        let plain = Plain::of(text);
        let at = plain.text.find("globex").unwrap();
        assert_eq!(text.get(plain.original(at)..), Some("globex"));
        let at = plain.text.find("under").unwrap();
        assert!(text.get(plain.original(at)..).unwrap().starts_with('Ü'));
    }

    #[test]
    fn runs_have_what_stands_by_itself_wherever_people_write_it() {
        let runs = |text: &str| {
            let mut runs = Vec::new();
            Plain::of(text).runs(|_, run| runs.push(run.to_owned()));
            runs
        };
        let arns = "s3://shop-logs/a,{\"k\":\"arn:aws:s3:::shop-logs/a\"}";
        for (text, wanted) in [
            (arns, "shop-logs"),
            (arns, "arn:aws:s3:::shop-logs"),
            (arns, "shop-logs/a"),
            ("see projects/shop-prod-7/topics/t.", "shop-prod-7"),
            ("robot@shop-prod-7.iam.example.com", "shop-prod-7"),
            ("(gcp:shop-prod-7)", "gcp:shop-prod-7"),
            ("in organizations.424242.", "organizations.424242"),
            ("i-0a,i-0b", "i-0b"),
            ("for ACME, please", "acme"),
            ("über acme ag!", "acme ag"),
        ] {
            assert!(runs(text).iter().any(|run| run == wanted), "{text}");
        }
        for text in ["", " - , ", "pacmen", "acme2", "macme"] {
            assert!(!runs(text).iter().any(|run| run == "acme"), "{text}");
        }
    }

    #[test]
    fn addresses_are_found_however_they_stand() {
        for text in [
            "203.0.113.7",
            "from 203.0.113.7.",
            "203[.]0[.]113[.]7:443",
            "address:203.0.113.7",
            "{\"ip\":\"203.0.113.7\"}",
        ] {
            let plain = Plain::of(text);
            let found: Vec<IpAddr> = plain.addresses().map(|(_, ip)| ip).collect();
            assert!(found.contains(&"203.0.113.7".parse().unwrap()), "{text}");
        }
        let plain = Plain::of("[2001:DB8::1]:443 and 2001:db8:0:0::2");
        let found: Vec<String> = plain.addresses().map(|(_, ip)| ip.to_string()).collect();
        assert!(found.iter().any(|ip| ip == "2001:db8::1"), "{found:?}");
        assert!(found.iter().any(|ip| ip == "2001:db8::2"), "{found:?}");
    }
}
