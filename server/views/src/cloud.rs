//! How clouds other than AWS write accounts, resources and people in text.
//!
//! [`crate::identity`] knows AWS's forms, which are looked for in every record. Those of
//! the other clouds are ambiguous outside their own records (any twelve digits may be a
//! project's number, any word a project's id), so that each source says whose forms count.

pub(crate) mod fields;
pub(crate) mod read;
pub(crate) mod setting;

use std::borrow::Cow;

use serde_json::Value;

use crate::directory::Kind;
use crate::identity;
use crate::view::Known;

/// Whose forms are looked for in a record besides AWS's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Cloud {
    /// Nobody's.
    #[default]
    Aws,
    /// Google Cloud's: `projects/my-project/…`, `robot@my-project.iam.gserviceaccount.com`.
    /// <https://cloud.google.com/iam/docs/full-resource-names>
    Google,
    /// Azure's and Entra's: `/subscriptions/{id}/resourceGroups/…`, and every UUID.
    /// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>
    Azure,
}

/// What was found at a place in text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form<'t> {
    /// A resource's path.
    Path(Path<'t>),
    /// A person's or robot's address: what is before the `@`, and what is behind it.
    Mail(&'t str, &'t str),
    /// A UUID: of a directory, subscription, user, app, or of nobody.
    Uuid,
}

/// A resource's path, cut behind its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Path<'t> {
    /// Up to the account: `projects/`, `/subscriptions/`.
    pub(crate) head: &'t str,
    /// The account as the path has it.
    pub(crate) account: &'t str,
    /// What is behind the account; empty or from a slash on.
    pub(crate) rest: &'t str,
}

/// Words of Google's resource paths, which are nobody's names.
#[rustfmt::skip]
const GOOGLE_WORDS: [&str; 52] = [
    "aggregated", "apps", "brands", "buckets", "builds", "clusters", "cryptoKeys",
    "cryptoKeyVersions", "databases", "datasets", "deployments", "disks", "ekm", "endpoints",
    "firewalls", "functions", "global", "images", "instances", "instanceGroups", "jobs",
    "keyRings", "keys", "locations", "logs", "machineTypes", "models", "networks", "objects",
    "operations", "providers", "publishers", "queues", "regions", "repositories", "roles",
    "secrets", "serviceAccounts", "services", "sinks", "snapshots", "subnetworks",
    "subscriptions", "tables", "topics", "triggers", "versions", "workforcePools",
    "workloadIdentityPools", "zones", "-", "_",
];

/// Google's audit logs, as log names have them.
const AUDIT_LOGS: [&str; 5] = [
    "cloudaudit.googleapis.com%2Factivity",
    "cloudaudit.googleapis.com%2Fdata_access",
    "cloudaudit.googleapis.com%2Fsystem_event",
    "cloudaudit.googleapis.com%2Fpolicy",
    "cloudaudit.googleapis.com%2Faccess_transparency",
];

/// Domains of robots that Google runs and that are no customer's project.
const GOOGLE_OWN: [&str; 4] = [
    "gcp-sa-",
    "container-engine-robot",
    "gcf-admin-robot",
    "serverless-robot-prod",
];

/// No more accounts than this are learnt of a record: each is looked for in all its text.
const MOST_LEARNT: usize = 256;

/// A UUID's groups.
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
/// A UUID's length.
const UUID: usize = 36;

impl Cloud {
    /// The account's id in the directory, as a field names it that names nothing else;
    /// `None` if it names nobody.
    pub(crate) fn account(self, text: &str) -> Option<String> {
        let text = identity::party_account(text)?;
        match self {
            Self::Aws => Some(identity::directory_account(text).into_owned()),
            Self::Google => google("", text),
            Self::Azure => azure("azure", text),
        }
    }

    /// The account of a path.
    pub(crate) fn path_account(self, path: &Path<'_>) -> Option<String> {
        let head = path.head.trim_matches('/');
        match self {
            Self::Aws => None,
            Self::Google => google(head, path.account),
            Self::Azure if head.eq_ignore_ascii_case("subscriptions") => {
                azure("azure", path.account)
            }
            Self::Azure => azure("entra", path.account),
        }
    }

    /// The project whose robot an address is; `None` for people and for Google's robots.
    pub(crate) fn mail_account(self, local: &str, domain: &str) -> Option<String> {
        if self != Self::Google {
            return None;
        }
        let domain = domain.strip_suffix(".gserviceaccount.com")?;
        match domain {
            "appspot" => google("", local),
            // A project's default robots have its number.
            "developer" => google("", local.strip_suffix("-compute")?),
            "cloudservices" | "cloudbuild" => google("", local),
            _ => {
                let project = domain.strip_suffix(".iam")?;
                let own = GOOGLE_OWN.iter().any(|word| project.starts_with(word))
                    || project.ends_with("-system");
                if own { None } else { google("", project) }
            }
        }
    }

    /// The text as a resource's path, whatever characters its last part has. A service's
    /// name may stand before it: `//storage.googleapis.com/projects/…`.
    pub(crate) fn path(self, text: &str) -> Option<(usize, Path<'_>)> {
        let (start, head) = self.heads(text).next()?;
        let before = text.get(..start)?;
        (before.is_empty() || is_service(before)).then_some(())?;
        Some((start, cut(text.get(start..)?, head)))
    }

    /// Everything in the text that has one of this cloud's forms, from left to right: start,
    /// end, what. A path may hold addresses, UUIDs and further paths; who knows whose it is
    /// decides whether they count.
    pub(crate) fn scan(self, text: &str) -> Vec<(usize, usize, Form<'_>)> {
        let mut out = Vec::new();
        if self == Self::Aws {
            return out;
        }
        // Paths within one word end where it ends, and the search for that must not be done
        // again for each.
        let mut word_end = 0;
        for (start, head) in self.heads(text) {
            if start >= word_end {
                word_end = start + word(text.get(start..).unwrap_or_default()).len();
            }
            if let Some(path) = text.get(start..word_end) {
                out.push((start, word_end, Form::Path(cut(path, head))));
            }
        }
        mails(text, &mut out);
        if self == Self::Azure {
            uuids(text, &mut out);
        }
        out.sort_by_key(|(start, ..)| *start);
        out
    }

    /// Where paths start, and how long their heads are.
    fn heads(self, text: &str) -> impl Iterator<Item = (usize, usize)> {
        let words: &[&str] = match self {
            Self::Aws => &[],
            Self::Google => &[
                "projects/",
                "organizations/",
                "folders/",
                "billingAccounts/",
            ],
            Self::Azure => &["/subscriptions/", "/tenants/", "/managementGroups/"],
        };
        let bytes = text.as_bytes();
        // Each word has its slash in a place of its own; a path is found by it.
        memchr::memchr_iter(b'/', bytes).filter_map(move |slash| {
            words.iter().find_map(|word| {
                let start = if word.starts_with('/') {
                    slash
                } else {
                    (slash + 1).checked_sub(word.len())?
                };
                let have = bytes.get(start..start + word.len())?;
                let whole = word.starts_with('/')
                    || start
                        .checked_sub(1)
                        .and_then(|at| bytes.get(at))
                        .is_none_or(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'));
                (whole && have.eq_ignore_ascii_case(word.as_bytes())).then_some((start, word.len()))
            })
        })
    }

    /// What stands for a path of a stranger's: its shape, with names replaced.
    pub(crate) fn replaced(
        self,
        path: &Path<'_>,
        account: &str,
        name: &mut dyn FnMut(&str) -> String,
    ) -> String {
        let mut out = format!("{}{account}", path.head);
        let mut before = "";
        for (at, step) in path.rest.split('/').enumerate() {
            if at > 0 {
                out.push('/');
            }
            if step.is_empty() || self.is_word(before, step) {
                out.push_str(step);
            } else {
                out.push_str(&name(step));
            }
            before = step;
        }
        out
    }

    fn is_word(self, before: &str, step: &str) -> bool {
        match self {
            Self::Aws => false,
            Self::Google => {
                GOOGLE_WORDS.contains(&step)
                    || (before == "logs" && AUDIT_LOGS.contains(&step))
                    || (matches!(before, "zones" | "regions" | "locations") && is_region(step))
            }
            Self::Azure => {
                ["resourcegroups", "providers"]
                    .iter()
                    .any(|word| step.eq_ignore_ascii_case(word))
                    || (before.eq_ignore_ascii_case("providers") && is_provider(step))
            }
        }
    }
}

/// A provider of Microsoft's: `Microsoft.Compute`.
fn is_provider(text: &str) -> bool {
    const HEAD: &str = "microsoft.";
    let head = text.get(..HEAD.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(HEAD))
        && text.len() <= 40
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'.')
}

/// A region or zone of Google's: `europe-west3`, `us-central1-a`, `global`.
fn is_region(text: &str) -> bool {
    const AREAS: [&str; 8] = [
        "africa",
        "asia",
        "australia",
        "europe",
        "me",
        "northamerica",
        "southamerica",
        "us",
    ];
    const SIDES: [&str; 9] = [
        "north",
        "northeast",
        "east",
        "southeast",
        "south",
        "southwest",
        "west",
        "northwest",
        "central",
    ];
    if matches!(text, "global" | "us" | "eu" | "asia") {
        return true;
    }
    let mut parts = text.splitn(3, '-');
    let area = parts.next().is_some_and(|area| AREAS.contains(&area));
    let side = parts.next().is_some_and(|side| {
        let bare = side.trim_end_matches(|c: char| c.is_ascii_digit());
        SIDES.contains(&bare) && (1..=2).contains(&(side.len() - bare.len()))
    });
    let zone = parts
        .next()
        .is_none_or(|zone| matches!(zone.as_bytes(), [letter] if letter.is_ascii_lowercase()));
    area && side && zone
}

/// Whether what stands before a path is a service's name and its API's version, and nothing
/// else: `//storage.googleapis.com/`, `https://www.googleapis.com/compute/v1/`.
fn is_service(before: &str) -> bool {
    let bare = before.strip_prefix("https:").unwrap_or(before);
    let bare = bare.strip_prefix("//").unwrap_or(bare);
    let mut steps = bare.split('/');
    let host = steps.next().unwrap_or_default();
    let service = host
        .strip_suffix(".googleapis.com")
        .is_some_and(|name| name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase()));
    let version = |step: &str| {
        matches!(
            step,
            "" | "compute" | "storage" | "bigquery" | "alpha" | "beta"
        ) || (step.len() <= 8
            && step.starts_with('v')
            && step.contains(|c: char| c.is_ascii_digit()))
    };
    (service || host == "management.azure.com") && steps.all(version)
}

/// Remembers the accounts of paths and robots in the record that are not the viewer's, so
/// that they are found as bare words too.
pub(crate) fn learn(
    cloud: Cloud,
    record: &Value,
    owns: &mut dyn FnMut(&str) -> bool,
    known: &mut Known,
) {
    match record {
        Value::String(text) => {
            for (_, _, form) in cloud.scan(text) {
                let found = match &form {
                    Form::Path(path) => Some((path.account, cloud.path_account(path))),
                    Form::Mail(local, domain) => {
                        let id = cloud.mail_account(local, domain);
                        let bare = domain.split('.').next().unwrap_or_default();
                        Some((bare, id)).filter(|_| domain.contains(".iam."))
                    }
                    Form::Uuid => None,
                };
                if let Some((bare, Some(id))) = found
                    && !owns(&id)
                {
                    if known.len() < MOST_LEARNT || known.is_stranger(bare) {
                        known.stranger(Kind::Account, bare, &id);
                    } else {
                        known.give_up();
                    }
                }
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| learn(cloud, item, owns, known)),
        Value::Object(map) => map
            .values()
            .for_each(|item| learn(cloud, item, owns, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The text's first word, of which a path is a part.
fn word(text: &str) -> &str {
    let end = text
        .find(|c: char| c.is_whitespace() || "\"'`,;()[]{}<>\\|?&=".contains(c))
        .unwrap_or(text.len());
    text.get(..end)
        .unwrap_or(text)
        .trim_end_matches(['.', ':', '!'])
}

/// Cuts a path whose head has that many bytes.
fn cut(text: &str, head: usize) -> Path<'_> {
    let (head, tail) = text.split_at_checked(head).unwrap_or((text, ""));
    let slash = tail.find('/').unwrap_or(tail.len());
    let (account, rest) = tail.split_at_checked(slash).unwrap_or((tail, ""));
    Path {
        head,
        account,
        rest,
    }
}

/// Google's accounts have the kind of their container in front, projects do not. The
/// domain of a project that has one is behind it, as in its robots' addresses.
fn google(container: &str, id: &str) -> Option<String> {
    if matches!(id, "" | "_" | "-" | "*") {
        return None;
    }
    let id = match id.split_once(':') {
        Some((domain, project)) => Cow::Owned(format!("{project}.{domain}")),
        None => Cow::Borrowed(id),
    };
    Some(match container {
        "" | "projects" => format!("gcp:{id}"),
        other => format!("gcp:{other}.{id}"),
    })
}

fn azure(space: &str, id: &str) -> Option<String> {
    let nobody = id.is_empty() || id.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    (!nobody).then(|| format!("{space}:{}", id.to_ascii_lowercase()))
}

/// Addresses, wherever they stand.
fn mails<'t>(text: &'t str, out: &mut Vec<(usize, usize, Form<'t>)>) {
    let bytes = text.as_bytes();
    let local = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'#' | b'$')
    };
    let host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let mut free = 0;
    for at in memchr::memchr_iter(b'@', bytes) {
        let before = bytes.get(free..at).unwrap_or_default();
        let start = at - before.iter().rev().take_while(|byte| local(byte)).count();
        let behind = bytes.get(at + 1..).unwrap_or_default();
        let mut end = at + 1 + behind.iter().take_while(|byte| host(byte)).count();
        while end > at + 1 && matches!(bytes.get(end - 1), Some(b'.' | b'-')) {
            end -= 1;
        }
        free = at + 1;
        if let (Some(name), Some(domain)) = (text.get(start..at), text.get(at + 1..end))
            && !name.is_empty()
            && domain.contains('.')
        {
            free = end;
            out.push((start, end, Form::Mail(name, domain)));
        }
    }
}

/// UUIDs, wherever they stand alone.
fn uuids<'t>(text: &'t str, out: &mut Vec<(usize, usize, Form<'t>)>) {
    for dash in memchr::memchr_iter(b'-', text.as_bytes()) {
        if let Some(start) = dash.checked_sub(8)
            && text.get(start..start + UUID).is_some_and(is_uuid)
            && identity::stands_alone(text, start, start + UUID)
        {
            out.push((start, start + UUID, Form::Uuid));
        }
    }
}

/// Whether the text is a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    text.len() == UUID
        && UUID_GROUPS.iter().all(|length| {
            groups.next().is_some_and(|group| {
                group.len() == *length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        })
}

#[cfg(test)]
mod tests;
