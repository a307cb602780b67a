//! Identities in records of clouds other than AWS.

use super::{Cut, Known, Viewer};
use crate::cloud::{Form, Path};
use crate::directory::{Directory, Kind, Names};
use crate::identity;
use crate::row::Reason;

/// What Google writes before an address in a policy.
const MEMBERS: [&str; 3] = ["user:", "serviceAccount:", "group:"];

impl<D, N> Viewer<'_, D, N>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    /// Whether bare text names an account of the record's cloud that was the viewer's. A
    /// UUID may be that of a subscription or of a directory.
    pub(super) fn owns_bare(&self, text: &str) -> bool {
        let Some(id) = self.forms.account(text) else {
            return false;
        };
        let directory = id
            .strip_prefix("azure:")
            .map(|uuid| format!("entra:{uuid}"));
        self.owns_account(&id) || directory.is_some_and(|id| self.owns_account(&id))
    }

    /// What an account's pseudonym is made of.
    pub(super) fn account_id(&self, text: &str) -> String {
        self.forms
            .account(text)
            .unwrap_or_else(|| identity::directory_account(text).into_owned())
    }

    /// How much of the path's text is the viewer's: up to its account, or, where a bucket
    /// stands without its project, up to the bucket. `None` if nothing is.
    fn own_part(&self, path: &Path<'_>, known: &Known) -> Option<usize> {
        let head = path.head.len() + path.account.len();
        let account = self.forms.path_account(path);
        if account.is_some_and(|id| self.owns_account(&id)) || self.owns_bare(path.account) {
            // Addresses and further paths may stand behind it, which may be anybody's.
            return Some(head);
        }
        let rest = path.rest.strip_prefix("/buckets/")?;
        let bucket = rest.split('/').next().filter(|_| path.account == "_")?;
        let own = known.is_own(bucket) || self.owns_resource(bucket);
        own.then_some(head + "/buckets/".len() + bucket.len())
    }

    /// As [`Viewer::identity`], for text that is the whole field.
    pub(super) fn elsewhere(
        &self,
        kind: Kind,
        text: &str,
        known: &Known,
    ) -> Option<(String, Reason)> {
        if identity::is_nobody(text) {
            return None;
        }
        if let Some((start, path)) = self.forms.path(text) {
            if self.own_part(&path, known).is_some() {
                return self.scrub(text, known);
            }
            // The whole text is the path, whatever characters its last part has.
            let before = text.get(..start).unwrap_or_default();
            let before = self
                .scrub(before, known)
                .map_or_else(|| before.to_owned(), |(clean, _)| clean);
            let clean = self.path(&path, known);
            return Some((format!("{before}{clean}"), Reason::ForeignIdentity));
        }
        // What stands before an address tells the kind of who has it.
        let bare = MEMBERS
            .iter()
            .find_map(|word| text.strip_prefix(word))
            .unwrap_or(text);
        let is_mail = |(start, end, form): &(usize, usize, Form<'_>)| {
            end - start == bare.len() && *end == text.len() && matches!(form, Form::Mail(..))
        };
        if self.forms.scan(text).iter().any(is_mail) {
            return self.scrub(text, known);
        }
        let own = match kind {
            Kind::Account => self.owns_bare(text),
            Kind::Resource | Kind::Host => self.owns_resource(text),
            Kind::Principal | Kind::AccessKey | Kind::Name | Kind::Address => false,
        };
        if own {
            return None;
        }
        let clean = match kind {
            Kind::Account => self.stands_for(kind, &self.account_id(text)),
            _ => self.stranger(known, kind, text),
        };
        Some((clean, Reason::ForeignIdentity))
    }

    /// What stands for a stranger's path.
    fn path(&self, path: &Path<'_>, known: &Known) -> String {
        let id = self
            .forms
            .path_account(path)
            .unwrap_or_else(|| path.account.to_owned());
        // A wildcard in the account's place is no account.
        let account = if identity::is_nobody(path.account) || path.account == "_" {
            path.account.to_owned()
        } else {
            self.stands_for(Kind::Account, &self.account_id(id_part(&id)))
        };
        self.forms.replaced(path, &account, &mut |name| {
            if known.is_stranger(name) {
                self.stranger(known, Kind::Resource, name)
            } else {
                self.stands_for(Kind::Resource, &format!("{id}/{name}"))
            }
        })
    }

    /// What of the text has a form of the record's cloud: settled as it stands, or replaced.
    pub(super) fn settled(&self, text: &str, known: &Known, names: bool) -> Vec<Cut> {
        let mut cuts: Vec<Cut> = Vec::new();
        let mut free = 0;
        let mut own_until = 0;
        for (start, mut end, form) in self.forms.scan(text) {
            let Some(part) = text.get(start..end).filter(|_| start >= free) else {
                continue;
            };
            let clean = match form {
                _ if known.leaves(None, part) => None,
                Form::Path(path) => match self.own_part(&path, known) {
                    Some(own) => {
                        // Ids of things in an own subscription are its own.
                        own_until = end;
                        end = start + own;
                        None
                    }
                    None if path.account.is_empty() => continue,
                    None => Some(self.path(&path, known)),
                },
                // What is common names nobody by a person's address or by a UUID.
                Form::Mail(..) | Form::Uuid if !names => continue,
                Form::Uuid if start < own_until => continue,
                Form::Mail(local, domain) => self.mail(local, domain),
                Form::Uuid => {
                    (!self.owns_bare(part)).then(|| self.stranger(known, Kind::Principal, part))
                }
            };
            free = end;
            cuts.push(Cut {
                start,
                end,
                clean: clean.map(|clean| (clean, Reason::ForeignIdentity)),
            });
        }
        cuts
    }

    /// What stands for a person's or robot's address; `None` if it is a robot of the
    /// viewer's own project.
    fn mail(&self, local: &str, domain: &str) -> Option<String> {
        let Some(id) = self.forms.mail_account(local, domain) else {
            return Some(self.stands_for(Kind::Name, &format!("{local}@{domain}")));
        };
        if self.owns_account(&id) {
            return None;
        }
        let name = self.stands_for(Kind::Name, &format!("{id}/{local}"));
        let account = self.stands_for(Kind::Account, &id);
        // The kind of robot stays, by which rules tell it from a person.
        Some(if domain.ends_with(".iam.gserviceaccount.com") {
            format!("{name}@{account}.iam.gserviceaccount.com")
        } else {
            format!("{name}@{domain}")
        })
    }
}

/// The id without its cloud.
fn id_part(id: &str) -> &str {
    id.split_once(':').map_or(id, |(_, bare)| bare)
}
