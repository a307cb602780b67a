//! Everything that names a customer, ready to be looked for: made once for each state of the
//! registers.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;

use ipnet::IpNet;
use sqlx::Row as _;

use super::super::Db;
use super::text::{Plain, key};
use crate::error::{Error, Result};

/// Kinds of what holds projects: people write the number alone.
const HOLDERS: [&str; 3] = ["organizations.", "folders.", "billingaccounts."];

/// Names, accounts and resources of all customers. Of each there is a hash alone, with whose it is,
/// unless it is registered in other words than it is looked for.
#[derive(Debug)]
pub(in super::super) struct Names {
    version: i64,
    hashes: RandomState,
    /// By the first part of the tenants' order; sorted, so that one name's owners are together.
    owners: Vec<(u64, u32)>,
    tenants: HashMap<String, u32>,
    /// By the hash of what is looked for, what is registered, where that is another text.
    registered: HashMap<u64, Box<str>>,
    /// Networks of more than one address.
    networks: Vec<(IpNet, u32)>,
}

impl Names {
    /// Which state of the registers it is of.
    pub(super) const fn version(&self) -> i64 {
        self.version
    }

    pub(super) async fn load(db: &Db) -> Result<Self> {
        let begin = db.inner.dialect.begin_read();
        let mut tx = db.system().begin_with(begin).await?;
        let version = sqlx::query_scalar("SELECT version FROM directory_version WHERE id = 1")
            .fetch_one(&mut *tx)
            .await?;
        let mut names = Self {
            version,
            hashes: RandomState::new(),
            owners: Vec::new(),
            tenants: HashMap::new(),
            registered: HashMap::new(),
            networks: Vec::new(),
        };
        let rows = sqlx::query("SELECT tenant_id, display_name FROM tenants ORDER BY tenant_id")
            .fetch_all(&mut *tx)
            .await?;
        for (at, row) in rows.iter().enumerate() {
            let id: String = row.try_get(0)?;
            let owner = u32::try_from(at).map_err(Error::internal)?;
            names.add(&id, &id, owner);
            let name: String = row.try_get(1)?;
            names.add(&name, name.trim().to_lowercase().as_str(), owner);
            names.tenants.insert(id, owner);
        }
        let rows = sqlx::query("SELECT tenant_id, account FROM accounts")
            .fetch_all(&mut *tx)
            .await?;
        for row in rows {
            let Some(owner) = names.owner(&row.try_get::<String, _>(0)?) else {
                continue;
            };
            let account: String = row.try_get(1)?;
            names.add(&account, &account, owner);
            // Without its cloud, and what holds projects without its kind.
            if let Some((_, bare)) = account.split_once(':') {
                names.add(bare, &account, owner);
                let lower = bare.to_lowercase();
                for kind in HOLDERS {
                    if let Some(number) = lower.strip_prefix(kind) {
                        names.add(number, &account, owner);
                    }
                }
            }
        }
        let rows = sqlx::query("SELECT tenant_id, identifier FROM resources")
            .fetch_all(&mut *tx)
            .await?;
        for row in rows {
            let Some(owner) = names.owner(&row.try_get::<String, _>(0)?) else {
                continue;
            };
            let identifier: String = row.try_get(1)?;
            names.add(&identifier, identifier.to_lowercase().as_str(), owner);
            match identifier.parse::<IpNet>() {
                Ok(net) if net.prefix_len() < net.max_prefix_len() => {
                    names.networks.push((net.trunc(), owner));
                }
                Ok(net) => names.add_address(net.addr(), owner),
                Err(_) => {
                    if let Ok(ip) = identifier.parse::<IpAddr>() {
                        names.add_address(ip, owner);
                    }
                }
            }
        }
        names.owners.sort_unstable();
        names.owners.dedup();
        Ok(names)
    }

    fn owner(&self, tenant: &str) -> Option<u32> {
        self.tenants.get(tenant).copied()
    }

    fn add(&mut self, name: &str, registered: &str, owner: u32) {
        if let Some(key) = key(name) {
            let hash = self.hashes.hash_one(key.as_str());
            self.owners.push((hash, owner));
            if key != registered {
                let words = self.registered.entry(hash);
                words.or_insert_with(|| registered.into());
            }
        }
    }

    /// What is registered, of what was found in a text.
    pub(super) fn registered(&self, found: String) -> String {
        let words = self.registered.get(&self.hashes.hash_one(found.as_str()));
        words.map_or(found, |words| words.to_string())
    }

    fn add_address(&mut self, ip: IpAddr, owner: u32) {
        let hash = self.hashes.hash_one(ip.to_canonical());
        self.owners.push((hash, owner));
    }

    /// Whether what has this hash is another's than the tenant's, and not the tenant's too; without
    /// a tenant, whether it is anyone's.
    fn others(&self, hash: u64, own: Option<u32>) -> bool {
        let from = self.owners.partition_point(|(other, _)| *other < hash);
        let rest = self.owners.get(from..).unwrap_or_default();
        let mut owners = rest
            .iter()
            .take_while(|(other, _)| *other == hash)
            .peekable();
        owners.peek().is_some() && owners.all(|(_, owner)| Some(*owner) != own)
    }

    /// Where a text names others than the tenant, or without one anybody: where in it, and what
    /// stands there. In their order, each place once.
    pub(super) fn find(&self, tenant: Option<&str>, text: &Plain) -> Vec<(usize, String)> {
        let own = tenant.and_then(|tenant| self.owner(tenant));
        let mut found: Vec<(usize, String)> = Vec::new();
        text.runs(|at, run| {
            if self.others(self.hashes.hash_one(run), own) {
                found.push((at, run.to_owned()));
            }
        });
        for (at, ip) in text.addresses() {
            let nets = self.networks.iter().filter(|(net, _)| net.contains(&ip));
            let mut owners = nets.map(|(_, owner)| *owner).peekable();
            let within = owners.peek().is_some() && owners.all(|owner| Some(owner) != own);
            if within || self.others(self.hashes.hash_one(ip), own) {
                found.push((at, ip.to_string()));
            }
        }
        found.sort();
        // Of what stands at one place the longest says most.
        found.dedup_by(|longer, kept| {
            let same = longer.0 == kept.0;
            if same && longer.1.len() > kept.1.len() {
                kept.1.clone_from(&longer.1);
            }
            same
        });
        found
    }
}
