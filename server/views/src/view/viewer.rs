//! Who looks, what is its own, and how strangers are replaced in text.

mod elsewhere;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::cloud::Cloud;
use crate::directory::{Directory, Kind, Names};
use crate::identity::{self, Arn, Found};
use crate::row::Reason;
use crate::view::WITHHELD_KEY;

/// No more strangers than this are remembered of a record; with more, text that would have
/// to be searched for them is withheld.
const MOST_STRANGERS: usize = 2048;

/// One tenant looking at one record: what is its own at the time of the event, and what
/// stands for what is not.
#[derive(Debug)]
pub struct Viewer<'a, D: Directory, N> {
    tenant: &'a D::Tenant,
    directory: &'a D,
    names: &'a N,
    at_ns: i64,
    forms: Cloud,
    cloud: &'static str,
}

impl<'a, D, N> Viewer<'a, D, N>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    /// A viewer of a record of the time `at_ns` (nanoseconds since 1970).
    pub const fn new(tenant: &'a D::Tenant, directory: &'a D, names: &'a N, at_ns: i64) -> Self {
        Self {
            tenant,
            directory,
            names,
            at_ns,
            cloud: identity::AWS,
            forms: Cloud::Aws,
        }
    }

    /// The same viewer of a record in which accounts are of that cloud (`openstack`).
    #[must_use]
    pub const fn in_cloud(mut self, cloud: &'static str) -> Self {
        self.cloud = cloud;
        self
    }

    /// The same viewer of a record of another cloud's, in whose text that cloud's forms of
    /// identities are looked for too.
    #[must_use]
    pub const fn with_forms(mut self, cloud: Cloud) -> Self {
        self.forms = cloud;
        self
    }

    /// Who looks.
    #[must_use]
    pub const fn tenant(&self) -> &'a D::Tenant {
        self.tenant
    }

    /// Whether the account was the viewer's. An id without a cloud in front is of the
    /// record's cloud.
    #[must_use]
    pub fn owns_account(&self, id: &str) -> bool {
        self.owns(&identity::cloud_account(self.cloud, id))
    }

    /// Whether the account of AWS's was the viewer's: text has its form in any record.
    fn owns_aws_account(&self, id: &str) -> bool {
        self.owns(&identity::directory_account(id))
    }

    fn owns(&self, account: &str) -> bool {
        self.directory.account(account, self.at_ns).as_ref() == Some(self.tenant)
    }

    /// Whether the viewer held the address.
    #[must_use]
    pub fn owns_address(&self, ip: IpAddr) -> bool {
        self.directory.address(ip, self.at_ns).as_ref() == Some(self.tenant)
    }

    /// Whether the resource (ARN, id, name) was the viewer's by the directory.
    #[must_use]
    pub fn owns_resource(&self, id: &str) -> bool {
        self.directory.resource(id, self.at_ns).as_ref() == Some(self.tenant)
    }

    /// Whether the address must not be shown: inside the provider's ranges and not the
    /// viewer's at that time.
    #[must_use]
    pub fn hides_address(&self, ip: IpAddr) -> bool {
        self.directory.in_provider_range(ip) && !self.owns_address(ip)
    }

    /// What stands for a stranger's identity in this viewer's views.
    #[must_use]
    pub fn stands_for(&self, kind: Kind, value: &str) -> String {
        self.names.pseudonym(self.tenant, kind, value)
    }
}

/// Identities of a record that only its context gives away: a user name is a stranger's
/// because it stands beside a stranger's account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    own: BTreeSet<String>,
    /// Longest first, so that a name within a longer one does not split it.
    strangers: Vec<Stranger>,
    /// There were more than are remembered, so that text can't be cleaned of all of them.
    full: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stranger {
    text: String,
    kind: Kind,
    id: String,
}

impl Known {
    /// Says that the text, wherever it stands whole, is the viewer's own.
    pub fn own(&mut self, text: &str) {
        if !text.is_empty() && !self.is_own(text) {
            self.own.insert(text.to_owned());
        }
    }

    /// Says that the text is a stranger's. `id` is what its pseudonym is made of, so that
    /// one stranger has one pseudonym however it is written.
    pub fn stranger(&mut self, kind: Kind, text: &str, id: &str) {
        if text.is_empty() || self.is_stranger(text) {
            return;
        }
        if self.strangers.len() >= MOST_STRANGERS {
            self.full = true;
            return;
        }
        let at = self
            .strangers
            .partition_point(|known| known.text.len() >= text.len());
        self.strangers.insert(
            at,
            Stranger {
                text: text.to_owned(),
                kind,
                id: id.to_owned(),
            },
        );
    }

    /// Says that there are more strangers than can be told, so that text is withheld.
    pub(crate) const fn give_up(&mut self) {
        self.full = true;
    }

    /// How many identities it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own.len() + self.strangers.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_own(&self, text: &str) -> bool {
        self.own.contains(text)
    }

    pub(crate) fn is_stranger(&self, text: &str) -> bool {
        self.strangers.iter().any(|one| one.text == text)
    }

    /// Whether the text is the name of a stranger's machine.
    fn is_machine(&self, text: &str) -> bool {
        let mut strangers = self.strangers.iter();
        strangers.any(|one| one.kind == Kind::Host && one.text == text)
    }

    /// Whether the text is to be left alone. Two may use one word: where a resource is
    /// named it is the viewer's, anywhere else the stranger's counts.
    fn leaves(&self, kind: Option<Kind>, text: &str) -> bool {
        self.is_own(text)
            && (matches!(kind, Some(Kind::Resource | Kind::Host)) || !self.is_stranger(text))
    }
}

/// A place in text that is settled: it keeps its text, or gets another for a reason.
struct Cut {
    start: usize,
    end: usize,
    clean: Option<(String, Reason)>,
}

/// Whether the place meets one of the first `settled` cuts, which go from left to right.
fn is_settled(cuts: &[Cut], settled: usize, start: usize, end: usize) -> bool {
    let cuts = cuts.get(..settled).unwrap_or_default();
    let next = cuts.partition_point(|cut| cut.end <= start);
    cuts.get(next).is_some_and(|cut| cut.start < end)
}

/// The text with its cuts made; `None` if none changes it.
fn apply(text: &str, mut cuts: Vec<Cut>) -> Option<(String, Reason)> {
    cuts.retain(|cut| cut.clean.is_some());
    cuts.sort_by_key(|cut| cut.start);
    let mut out = String::with_capacity(text.len() + 32);
    let mut at = 0;
    let mut reason = None;
    for cut in cuts {
        let Some((clean, why)) = cut.clean else {
            continue;
        };
        out.push_str(text.get(at..cut.start).unwrap_or_default());
        out.push_str(&clean);
        at = cut.end;
        if reason != Some(Reason::ForeignIdentity) {
            reason = Some(why);
        }
    }
    out.push_str(text.get(at..).unwrap_or_default());
    reason.map(|reason| (out, reason))
}

impl<D, N> Viewer<'_, D, N>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    /// What stands for the address, or `None` if it may be shown. Text that is no address
    /// (a service's name) is not hidden by this.
    #[must_use]
    pub fn address(&self, text: &str) -> Option<String> {
        let ip = identity::parse_address(text)?;
        self.hides_address(ip)
            .then(|| self.stands_for(Kind::Address, &ip.to_string()))
    }

    /// What takes the place of text that is an identity of that kind and why, or `None`
    /// if it is the viewer's own or nobody's.
    #[must_use]
    pub fn identity(&self, kind: Kind, text: &str, known: &Known) -> Option<(String, Reason)> {
        if known.leaves(Some(kind), text) {
            return None;
        }
        if self.forms != Cloud::Aws && kind != Kind::Address && !text.starts_with("arn:") {
            return self.elsewhere(kind, text, known);
        }
        let clean = match kind {
            Kind::Account => {
                if identity::is_nobody(text) {
                    return None;
                }
                let id = text.trim();
                if self.owns_account(id) {
                    return None;
                }
                self.stands_for(kind, &identity::cloud_account(self.cloud, id))
            }
            Kind::Address => {
                return match self.address(text) {
                    Some(clean) => Some((clean, Reason::ForeignAddress)),
                    None => self.scrub(text, known),
                };
            }
            Kind::Resource | Kind::Name if text.starts_with("arn:") => {
                // The whole text is the ARN, whatever characters its last part has. If it is
                // the viewer's there may still be others' further on.
                return Arn::parse(text)
                    .and_then(|arn| self.arn(&arn, text, known))
                    .map(|clean| (clean, Reason::ForeignIdentity))
                    .or_else(|| self.scrub(text, known));
            }
            // A machine that is known to be somebody else's stays that, though something of
            // the viewer's is called the same.
            Kind::Resource | Kind::Host if self.owns_resource(text) && !known.is_machine(text) => {
                return None;
            }
            Kind::AccessKey | Kind::Principal | Kind::Resource | Kind::Name | Kind::Host => {
                if identity::is_nobody(text) {
                    return None;
                }
                match (kind, text.split_once(':')) {
                    // `AROA…:session`: the two halves are told apart, so that one role is
                    // recognised through all its sessions.
                    (Kind::Principal, Some((id, session))) if !id.is_empty() => format!(
                        "{}:{}",
                        self.stranger(known, kind, id),
                        self.stranger(known, Kind::Name, session)
                    ),
                    _ => self.stranger(known, kind, text),
                }
            }
        };
        Some((clean, Reason::ForeignIdentity))
    }

    /// Pseudonym of a stranger's text, made of the id under which it is known if it is.
    fn stranger(&self, known: &Known, kind: Kind, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        known
            .strangers
            .iter()
            .find(|one| one.text == text)
            .map_or_else(
                || self.stands_for(kind, text),
                |one| self.stands_for(one.kind, &one.id),
            )
    }

    /// The text with every identity that is not the viewer's replaced, and why; `None` if
    /// there is none. Account ids, ARNs, principal and access key ids and addresses are
    /// found by their form, names through `known`.
    #[must_use]
    pub fn scrub(&self, text: &str, known: &Known) -> Option<(String, Reason)> {
        self.scrub_for(text, known, true)
    }

    /// As [`Viewer::scrub`]; without `names` only what is told by its form is replaced.
    pub(super) fn scrub_for(
        &self,
        text: &str,
        known: &Known,
        names: bool,
    ) -> Option<(String, Reason)> {
        if known.leaves(None, text) {
            return None;
        }
        if names && known.full {
            return Some((
                format!("{WITHHELD_KEY}:{}", Reason::ForeignContent),
                Reason::ForeignContent,
            ));
        }
        let mut cuts: Vec<Cut> = self.settled(text, known, names);
        let settled = cuts.len();
        for (start, end, found) in identity::scan(text) {
            let Some(part) = text.get(start..end) else {
                continue;
            };
            if is_settled(&cuts, settled, start, end) {
                continue;
            }
            let clean = match found {
                _ if known.leaves(None, part) => None,
                Found::Account(id) => {
                    (!self.owns_aws_account(&id) && !self.owns_bare(&id)).then(|| {
                        let id = self.account_id(&id);
                        (self.stands_for(Kind::Account, &id), Reason::ForeignIdentity)
                    })
                }
                Found::Address(ip) => self.hides_address(ip).then(|| {
                    let ip = ip.to_string();
                    (self.stands_for(Kind::Address, &ip), Reason::ForeignAddress)
                }),
                Found::AccessKey => (!self.owns_key(part)).then(|| {
                    let clean = self.stranger(known, Kind::AccessKey, part);
                    (clean, Reason::ForeignIdentity)
                }),
                Found::Principal => {
                    let clean = self.stranger(known, Kind::Principal, part);
                    Some((clean, Reason::ForeignIdentity))
                }
                Found::Arn(arn) => self
                    .arn(&arn, part, known)
                    .map(|clean| (clean, Reason::ForeignIdentity)),
                Found::EncodedArn(plain) => Arn::parse(&plain)
                    .and_then(|arn| self.arn(&arn, &plain, known))
                    .map(|clean| {
                        let clean = clean.replace(':', "%3A").replace('/', "%2F");
                        (clean, Reason::ForeignIdentity)
                    }),
            };
            cuts.push(Cut { start, end, clean });
        }
        self.cut_strangers(text, known, names, &mut cuts);
        apply(text, cuts)
    }

    /// Finds the strangers that only context knows. What is settled already is passed
    /// over, and so are names that would match in the middle of a word.
    fn cut_strangers(&self, text: &str, known: &Known, names: bool, cuts: &mut Vec<Cut>) {
        for one in &known.strangers {
            // Ids are long enough to be nothing else, even inside a word; a very short
            // name is a stranger's only where it is the whole text.
            let anywhere = matches!(one.kind, Kind::Account | Kind::AccessKey | Kind::Principal)
                && one.text.len() >= identity::UNMISTAKABLE;
            if !names && !anywhere {
                continue;
            }
            let whole = one.text.len() == text.len();
            if one.text.len() > text.len() || (one.text.len() < identity::SHORTEST_NAME && !whole) {
                continue;
            }
            let hits: Vec<(usize, usize)> =
                memchr::memmem::find_iter(text.as_bytes(), one.text.as_bytes())
                    .map(|start| (start, start + one.text.len()))
                    .filter(|(start, end)| anywhere || identity::stands_alone(text, *start, *end))
                    .collect();
            if hits.is_empty() {
                continue;
            }
            let clean = self.stands_for(one.kind, &one.id);
            // Both lists go from left to right, so that one walk finds what is free.
            cuts.sort_by_key(|cut| cut.start);
            let mut settled = 0;
            let mut free = Vec::with_capacity(hits.len());
            for (start, end) in hits {
                while cuts.get(settled).is_some_and(|cut| cut.end <= start) {
                    settled += 1;
                }
                if cuts.get(settled).is_none_or(|cut| cut.start >= end) {
                    free.push(Cut {
                        start,
                        end,
                        clean: Some((clean.clone(), Reason::ForeignIdentity)),
                    });
                }
            }
            cuts.append(&mut free);
        }
    }

    /// Newer access key ids have the account in them.
    fn owns_key(&self, key: &str) -> bool {
        identity::account_of_access_key(key).is_some_and(|account| self.owns_aws_account(&account))
    }

    /// What takes an ARN's place: the same shape, with account and names replaced. `None`
    /// if it is the viewer's or nobody's.
    fn arn(&self, arn: &Arn<'_>, text: &str, known: &Known) -> Option<String> {
        if arn.account == identity::AWS_MANAGED {
            return None;
        }
        if arn.account.is_empty() {
            if arn.resource.is_empty() || arn.resource == "*" {
                return None;
            }
            let owner = arn.resource.split('/').next().unwrap_or_default();
            let (bucket, key) = text
                .split_at_checked(text.len() - arn.resource.len() + owner.len())
                .unwrap_or((text, ""));
            if known.is_own(bucket)
                || known.is_own(owner)
                || self.owns_resource(text)
                || self.owns_resource(bucket)
            {
                // The bucket is the viewer's, but a key is text like any other.
                return self
                    .scrub_for(key, known, true)
                    .map(|(clean, _)| format!("{bucket}{clean}"));
            }
            return Some(format!(
                "arn:{}:{}:{}::{}",
                arn.partition,
                arn.service,
                arn.region,
                self.stands_for(Kind::Resource, text)
            ));
        }
        if self.owns_aws_account(arn.account) {
            // The viewer's own. Only a session bears a name that its caller chose.
            let (head, session) = text.rsplit_once('/')?;
            if arn.service != "sts" {
                return None;
            }
            return self
                .scrub_for(session, known, true)
                .map(|(clean, _)| format!("{head}/{clean}"));
        }
        let account = identity::directory_account(arn.account);
        let mut resource = String::new();
        for part in arn.parts() {
            match part {
                identity::Part::Shape(shape) => resource.push_str(shape),
                identity::Part::Name(name) => {
                    let kind = if arn.has_names() {
                        Kind::Name
                    } else {
                        Kind::Resource
                    };
                    resource.push_str(&self.stands_for(kind, &format!("{account}/{name}")));
                }
            }
        }
        Some(format!(
            "arn:{}:{}:{}:{}:{}",
            arn.partition,
            arn.service,
            arn.region,
            self.stands_for(Kind::Account, &account),
            resource
        ))
    }
}
