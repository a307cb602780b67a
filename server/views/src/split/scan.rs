//! A JSON reader that keeps nothing: finds where a value ends and what is wrong with it.
//!
//! It follows the grammar of RFC 8259 closely, so that a damaged record is noticed where
//! the damage is and not where the brackets happen to balance again. Too deep nesting and
//! repeated keys are noted without stopping, since the end of such a record is known.

use std::borrow::Cow;

use super::MAX_DEPTH;

/// What can be said of a value whose end was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Offset just behind the value.
    pub(crate) end: usize,
    /// Nested deeper than [`MAX_DEPTH`].
    pub(crate) too_deep: bool,
    /// Some object has a key twice.
    pub(crate) duplicate: bool,
    /// Offset of the list under a top-level key that wraps records, if there is one.
    pub(crate) records_at: Option<usize>,
}

/// Why a value has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The byte at this offset can't stand there.
    Malformed(usize),
    /// All is well up to the end of the input, which comes too early.
    Truncated,
}

#[derive(Debug, Clone, Copy)]
struct Key {
    start: usize,
    end: usize,
    escaped: bool,
}

/// Whether an open bracket is an object's, and where its keys begin.
#[derive(Debug, Clone, Copy)]
struct Frame {
    object: bool,
    first_key: usize,
}

/// The reader; holds only buffers, so that many records share them.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    frames: Vec<Frame>,
    keys: Vec<Key>,
    /// Keys, in quotes, whose list holds records: `"Records"`.
    pub(crate) wrappers: &'static [&'static [u8]],
    /// Bytes looked at so far: the splitter bounds its work by it.
    pub(crate) work: usize,
}

impl Scanner {
    /// A reader that notes lists under those keys.
    pub(crate) fn with_wrappers(wrappers: &'static [&'static [u8]]) -> Self {
        Self {
            wrappers,
            ..Self::default()
        }
    }

    /// Reads the value that starts at or behind `at` after white space.
    pub(crate) fn value(&mut self, bytes: &[u8], at: usize) -> Result<Scanned, Broken> {
        self.frames.clear();
        self.keys.clear();
        let result = self.run(bytes, at);
        let reached = match &result {
            Ok(scanned) => scanned.end,
            Err(Broken::Malformed(offset)) => *offset,
            Err(Broken::Truncated) => bytes.len(),
        };
        self.work = self
            .work
            .saturating_add(reached.saturating_sub(at))
            .saturating_add(1);
        result
    }

    fn run(&mut self, bytes: &[u8], at: usize) -> Result<Scanned, Broken> {
        let mut found = Scanned {
            end: at,
            too_deep: false,
            duplicate: false,
            records_at: None,
        };
        let mut at = skip_blank(bytes, at);
        loop {
            // A value starts here.
            let byte = *bytes.get(at).ok_or(Broken::Truncated)?;
            match byte {
                b'{' => {
                    self.open(true, &mut found);
                    at = skip_blank(bytes, at + 1);
                    if bytes.get(at) == Some(&b'}') {
                        at += 1;
                        self.close(bytes, &mut found);
                    } else {
                        at = self.key(bytes, at, &mut found)?;
                        continue;
                    }
                }
                b'[' => {
                    self.open(false, &mut found);
                    at = skip_blank(bytes, at + 1);
                    if bytes.get(at) == Some(&b']') {
                        at += 1;
                        self.close(bytes, &mut found);
                    } else {
                        continue;
                    }
                }
                b'"' => at = string(bytes, at)?.0,
                b't' => at = word(bytes, at, b"true")?,
                b'f' => at = word(bytes, at, b"false")?,
                b'n' => at = word(bytes, at, b"null")?,
                b'-' | b'0'..=b'9' => at = number(bytes, at)?,
                _ => return Err(Broken::Malformed(at)),
            }
            // A value ended here: close what ends with it, or go to the next member.
            loop {
                let Some(frame) = self.frames.last() else {
                    found.end = at;
                    return Ok(found);
                };
                let object = frame.object;
                at = skip_blank(bytes, at);
                match *bytes.get(at).ok_or(Broken::Truncated)? {
                    b',' => {
                        at = skip_blank(bytes, at + 1);
                        if object {
                            at = self.key(bytes, at, &mut found)?;
                        }
                        break;
                    }
                    b'}' if object => at += 1,
                    b']' if !object => at += 1,
                    _ => return Err(Broken::Malformed(at)),
                }
                self.close(bytes, &mut found);
            }
        }
    }

    fn open(&mut self, object: bool, found: &mut Scanned) {
        self.frames.push(Frame {
            object,
            first_key: self.keys.len(),
        });
        found.too_deep |= self.frames.len() > MAX_DEPTH;
    }

    fn close(&mut self, bytes: &[u8], found: &mut Scanned) {
        if let Some(frame) = self.frames.pop()
            && frame.object
        {
            if let Some(keys) = self.keys.get_mut(frame.first_key..) {
                found.duplicate |= repeats(bytes, keys);
            }
            self.keys.truncate(frame.first_key);
        }
    }

    /// Reads `"key" :` and returns where the value starts.
    fn key(&mut self, bytes: &[u8], at: usize, found: &mut Scanned) -> Result<usize, Broken> {
        match bytes.get(at) {
            Some(b'"') => {}
            Some(_) => return Err(Broken::Malformed(at)),
            None => return Err(Broken::Truncated),
        }
        let (end, escaped) = string(bytes, at)?;
        self.keys.push(Key {
            start: at + 1,
            end: end - 1,
            escaped,
        });
        let colon = skip_blank(bytes, end);
        match bytes.get(colon) {
            Some(b':') => {}
            Some(_) => return Err(Broken::Malformed(colon)),
            None => return Err(Broken::Truncated),
        }
        let value = skip_blank(bytes, colon + 1);
        if self.frames.len() == 1
            && found.records_at.is_none()
            && bytes.get(value) == Some(&b'[')
            && bytes
                .get(at..end)
                .is_some_and(|key| self.wrappers.contains(&key))
        {
            found.records_at = Some(value);
        }
        Ok(value)
    }
}

/// Whether two of an object's keys mean the same. Few keys are compared each with each;
/// many are sorted, so that an object of a hundred thousand keys costs no more than that.
fn repeats(bytes: &[u8], keys: &mut [Key]) -> bool {
    const FEW: usize = 24;
    let text = |key: &Key| bytes.get(key.start..key.end).unwrap_or_default();
    if keys.iter().any(|key| key.escaped) {
        let mut plain: Vec<Cow<'_, [u8]>> = keys.iter().map(|key| unescaped(bytes, key)).collect();
        plain.sort_unstable();
        return plain
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a == b));
    }
    if keys.len() > FEW {
        keys.sort_unstable_by(|a, b| text(a).cmp(text(b)));
        return keys
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if text(a) == text(b)));
    }
    let mut rest = &*keys;
    while let Some((first, tail)) = rest.split_first() {
        let length = first.end - first.start;
        if tail
            .iter()
            .any(|other| other.end - other.start == length && text(other) == text(first))
        {
            return true;
        }
        rest = tail;
    }
    false
}

fn unescaped<'a>(bytes: &'a [u8], key: &Key) -> Cow<'a, [u8]> {
    let text = bytes.get(key.start..key.end).unwrap_or_default();
    if !key.escaped {
        return Cow::Borrowed(text);
    }
    let quoted = bytes.get(key.start - 1..key.end + 1).unwrap_or_default();
    match serde_json::from_slice::<String>(quoted) {
        Ok(plain) => Cow::Owned(plain.into_bytes()),
        Err(_) => Cow::Borrowed(text),
    }
}

/// Skips JSON's white space.
pub(crate) fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

fn word(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, Broken> {
    for (offset, expected) in word.iter().enumerate() {
        match bytes.get(at + offset) {
            Some(byte) if byte == expected => {}
            Some(_) => return Err(Broken::Malformed(at + offset)),
            None => return Err(Broken::Truncated),
        }
    }
    Ok(at + word.len())
}

fn digits(bytes: &[u8], mut at: usize) -> Result<usize, Broken> {
    match bytes.get(at) {
        Some(b'0'..=b'9') => {}
        Some(_) => return Err(Broken::Malformed(at)),
        None => return Err(Broken::Truncated),
    }
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    Ok(at)
}

fn number(bytes: &[u8], start: usize) -> Result<usize, Broken> {
    let mut at = start;
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    let whole = at;
    at = digits(bytes, at)?;
    if at - whole > 1 && bytes.get(whole) == Some(&b'0') {
        return Err(Broken::Malformed(whole + 1));
    }
    let mut plain = at - whole <= 300;
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = digits(bytes, at)?;
        plain = false;
    }
    // A number that no float can hold would be refused later on, when it is too late for a
    // clear error.
    if !plain {
        let text = bytes
            .get(start..at)
            .and_then(|text| std::str::from_utf8(text).ok());
        if !text
            .and_then(|text| text.parse::<f64>().ok())
            .is_some_and(f64::is_finite)
        {
            return Err(Broken::Malformed(start));
        }
    }
    Ok(at)
}

/// Reads the string that opens at `at`: where it ends, and whether it has escapes.
pub(crate) fn string(bytes: &[u8], at: usize) -> Result<(usize, bool), Broken> {
    let mut at = at + 1;
    let mut escaped = false;
    loop {
        at = plain_text(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok((at + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = escape(bytes, at)?;
            }
            Some(_) => return Err(Broken::Malformed(at)),
            None => return Err(Broken::Truncated),
        }
    }
}

/// The next quote, backslash or control character at or behind `at`, eight bytes at a time.
fn plain_text(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const fn zeroes(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & HIGH
    }
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let hit = control | zeroes(word ^ (ONES * 0x22)) | zeroes(word ^ (ONES * 0x5c));
        if hit != 0 {
            // The lowest hit is exact: borrows only run upwards.
            return at + (hit.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\') || *byte < 0x20 {
            break;
        }
        at += 1;
    }
    at
}

fn escape(bytes: &[u8], at: usize) -> Result<usize, Broken> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match hex4(bytes, at + 2)? {
            0xdc00..=0xdfff => Err(Broken::Malformed(at)),
            0xd800..=0xdbff => {
                for (offset, expected) in [(6, b'\\'), (7, b'u')] {
                    match bytes.get(at + offset) {
                        Some(byte) if *byte == expected => {}
                        Some(_) => return Err(Broken::Malformed(at)),
                        None => return Err(Broken::Truncated),
                    }
                }
                match hex4(bytes, at + 8)? {
                    0xdc00..=0xdfff => Ok(at + 12),
                    _ => Err(Broken::Malformed(at)),
                }
            }
            _ => Ok(at + 6),
        },
        Some(_) => Err(Broken::Malformed(at + 1)),
        None => Err(Broken::Truncated),
    }
}

fn hex4(bytes: &[u8], at: usize) -> Result<u32, Broken> {
    let mut value = 0;
    for offset in at..at + 4 {
        let byte = *bytes.get(offset).ok_or(Broken::Truncated)?;
        let digit = (byte as char)
            .to_digit(16)
            .ok_or(Broken::Malformed(offset))?;
        value = value * 16 + digit;
    }
    Ok(value)
}
