//! Conditions in the one filter language, as text. Whatever a question brings stands in them
//! as a literal alone.

/// Longest condition of a question, in bytes: with that of the scope, which has at most 24 KiB,
/// it stays below the language's 64 KiB.
pub(crate) const LONGEST_CONDITION: usize = 36 << 10;
/// Most function calls of a condition. The language takes 1,000 operators, and a call with what
/// joins it to the next counts as three; the scope has at most a hundred.
pub(crate) const MOST_CALLS: usize = 200;

/// A text as a literal.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A text as a pattern that fits this text and no other.
pub(crate) fn exactly(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// The column has this value.
pub(crate) fn is(column: &str, value: &str) -> String {
    format!("{column} = {}", quoted(value))
}

/// The column has one of these values; none if there are none.
pub(crate) fn is_one<T: AsRef<str>>(
    column: &str,
    values: impl IntoIterator<Item = T>,
) -> Option<String> {
    let values: Vec<String> = values
        .into_iter()
        .map(|value| quoted(value.as_ref()))
        .collect();
    match values.as_slice() {
        [] => None,
        [one] => Some(format!("{column} = {one}")),
        _ => Some(format!("{column} IN ({})", values.join(", "))),
    }
}

/// A value at the path of the record is one of these; none if there are none.
pub(crate) fn at_path_one<T: AsRef<str>>(
    path: &str,
    values: impl IntoIterator<Item = T>,
) -> Option<String> {
    let values: Vec<String> = values
        .into_iter()
        .map(|value| quoted(&exactly(value.as_ref())))
        .collect();
    if values.is_empty() {
        return None;
    }
    Some(format!(
        "json_like_any(raw, {}, {})",
        quoted(path),
        values.join(", ")
    ))
}

/// Of the conditions on values at paths one holds; none if there are none. These are the values
/// that they ask for: one of them stands in a record that fulfils a condition, unless the writer
/// escaped something. To look for that is quick, to read a record is not.
pub(crate) fn at_paths<T: AsRef<str>>(
    values: impl IntoIterator<Item = T>,
    conditions: impl IntoIterator<Item = Option<String>>,
) -> Option<String> {
    let conditions = any(conditions)?;
    let mut stand: Vec<String> = values
        .into_iter()
        .map(|value| quoted(&format!("%{}%", exactly(value.as_ref()))))
        .collect();
    stand.sort_unstable();
    stand.dedup();
    stand.push(quoted(r"%\\%"));
    let stand = format!("like_any(raw, {})", stand.join(", "));
    all([Some(stand), Some(conditions)])
}

/// The list of resources has this one.
pub(crate) fn has_resource(value: &str) -> String {
    format!("array_has(resources, {})", quoted(value))
}

/// All hold; none if there are none.
pub(crate) fn all(parts: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    joined(parts, " AND ")
}

/// One holds; none if there are none.
pub(crate) fn any(parts: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    joined(parts, " OR ")
}

fn joined(parts: impl IntoIterator<Item = Option<String>>, word: &str) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("({})", parts.join(word))),
    }
}
