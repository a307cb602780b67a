//! Patterns of STIX 2.1: of a bundle's indicators, or one a line.

use serde::Deserialize;

/// The patterns of a file, and how many indicators of it were left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Patterns {
    pub(super) patterns: Vec<String>,
    /// Revoked, or in another language than STIX's own.
    pub(super) left_out: usize,
}

#[derive(Deserialize)]
struct Bundle {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    pattern: Option<String>,
    #[serde(default)]
    pattern_type: Option<String>,
    #[serde(default)]
    revoked: bool,
}

/// Reads a bundle of STIX 2.1, or patterns that stand one a line.
pub(super) fn read(text: &str) -> Result<Patterns, String> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let found = match text.starts_with('{') {
        true => of_bundle(text)?,
        false => of_lines(text)?,
    };
    match found.patterns.is_empty() {
        false => Ok(found),
        true => Err(match found.left_out {
            0 => "there is no indicator in it".to_owned(),
            out => format!("none of its {out} indicators has a STIX pattern that holds"),
        }),
    }
}

fn of_bundle(text: &str) -> Result<Patterns, String> {
    let bundle: Bundle = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if bundle.kind != "bundle" {
        return Err(format!("expected a bundle, found `{}`", bundle.kind));
    }
    let mut found = Patterns::default();
    let indicators = bundle.objects.into_iter();
    for object in indicators.filter(|object| object.kind == "indicator") {
        // STIX 2.0 had no other language, and did not name it.
        let stix = object.pattern_type.is_none_or(|kind| kind == "stix");
        match object.pattern {
            Some(pattern) if stix && !object.revoked => found.patterns.push(pattern),
            _ => found.left_out += 1,
        }
    }
    Ok(found)
}

fn of_lines(text: &str) -> Result<Patterns, String> {
    let mut found = Patterns::default();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with(['[', '(']) {
            return Err(format!(
                "line {}: expected a pattern as in [ipv4-addr:value = '198.51.100.1'], or a bundle \
                 of STIX 2.1; a list of addresses, names and hashes goes with --file",
                at + 1
            ));
        }
        found.patterns.push(line.to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_stand_in_bundles_or_lines() {
        let pattern = "[ipv4-addr:value = '198.51.100.1']";
        let bundle = json!({
            "type": "bundle", "id": "bundle--1",
            "objects": [
                { "type": "indicator", "pattern": pattern, "pattern_type": "stix" },
                { "type": "indicator", "pattern": "[a:b = 'c']" },
                { "type": "indicator", "pattern": pattern, "pattern_type": "stix", "revoked": true },
                { "type": "indicator", "pattern": "alert tcp", "pattern_type": "snort" },
                { "type": "malware", "name": "example" },
            ],
        });
        let found = read(&format!("\u{feff}{bundle}")).unwrap();
        assert_eq!(found.patterns, [pattern, "[a:b = 'c']"]);
        assert_eq!(found.left_out, 2);
        let found = read(&format!("# ours\n\n {pattern} \n")).unwrap();
        assert_eq!(found.patterns, [pattern]);
        for (text, said) in [
            ("", "no indicator"),
            ("198.51.100.1", "line 1: expected a pattern"),
            ("{", "EOF"),
            ("{\"type\":\"indicator\"}", "expected a bundle"),
            (
                "{\"type\":\"bundle\",\"objects\":[{\"type\":\"indicator\"}]}",
                "none of its 1",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
