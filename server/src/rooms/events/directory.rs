//! The resource directory in memory: who owned what at a time. Loaded whole, replaced whole when
//! the registers have changed, and asked without waiting.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use cordon_kernel::db::JobClaim;
use cordon_kernel::db::directory::DirectoryRows;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{IngestScope, Result, TenantId};
use ipnet::IpNet;

/// The directory that all streams share.
#[derive(Default)]
pub struct Directory {
    now: Mutex<Option<Arc<Registers>>>,
    loading: tokio::sync::Mutex<()>,
}

impl Directory {
    /// The registers as they are now. Asking whether they have changed is one look at a number;
    /// an old answer would put an event where it does not belong.
    ///
    /// # Errors
    /// `UNAVAILABLE` when they can't be read.
    pub async fn current(&self, kernel: &Kernel, scope: &IngestScope) -> Result<Arc<Registers>> {
        let known = self.held().clone();
        if let Some(registers) = known
            && kernel.db().directory_version(scope).await? == registers.version
        {
            return Ok(registers);
        }
        let _loading = self.loading.lock().await;
        let rows = kernel.db().directory(scope, self.version()).await?;
        Ok(self.keep(rows))
    }

    /// The registers as they are now, for a job that follows a change of theirs.
    ///
    /// # Errors
    /// `UNAVAILABLE` when they can't be read.
    pub async fn for_job(&self, kernel: &Kernel, claim: &JobClaim) -> Result<Arc<Registers>> {
        let _loading = self.loading.lock().await;
        let rows = kernel.db().directory_for_job(claim, self.version()).await?;
        Ok(self.keep(rows))
    }

    fn version(&self) -> Option<i64> {
        self.held().as_ref().map(|registers| registers.version)
    }

    fn keep(&self, rows: Option<DirectoryRows>) -> Arc<Registers> {
        let mut held = self.held();
        let registers = match (rows, held.take()) {
            (Some(rows), _) => Arc::new(Registers::new(rows)),
            (None, Some(old)) => old,
            (None, None) => Arc::default(),
        };
        *held = Some(Arc::clone(&registers));
        registers
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Arc<Registers>>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One state of the registers.
#[derive(Debug, Default)]
pub struct Registers {
    version: i64,
    accounts: HashMap<String, Vec<Span>>,
    resources: HashMap<String, Vec<Span>>,
    addresses: Nets<Vec<Span>>,
    ranges: Nets<()>,
}

/// Whose something was from a time (ns) on and until before another.
#[derive(Debug, Clone)]
struct Span {
    from: i64,
    to: Option<i64>,
    tenant: TenantId,
}

impl Span {
    fn holds(&self, at: i64) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }
}

fn owner(spans: Option<&Vec<Span>>, at: i64) -> Option<TenantId> {
    spans?
        .iter()
        .find(|span| span.holds(at))
        .map(|span| span.tenant.clone())
}

impl Registers {
    /// Which state of the directory this is.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    fn new(rows: DirectoryRows) -> Self {
        let mut new = Self {
            version: rows.version,
            ..Self::default()
        };
        for row in rows.accounts {
            let span = Span {
                from: row.valid_from,
                to: row.valid_to,
                tenant: row.tenant,
            };
            new.accounts
                .entry(row.account.as_str().to_owned())
                .or_default()
                .push(span);
        }
        for row in rows.resources {
            let span = Span {
                from: row.valid_from,
                to: row.valid_to,
                tenant: row.tenant,
            };
            if row.kind != "address" {
                new.resources.entry(row.identifier).or_default().push(span);
            } else if let Some(net) = net(&row.identifier) {
                new.addresses.at(net).push(span);
            }
        }
        for range in rows.ranges.iter().filter_map(|range| net(range)) {
            new.ranges.at(range);
        }
        new
    }
}

impl cordon_views::Directory for Registers {
    type Tenant = TenantId;

    fn account(&self, id: &str, at_ns: i64) -> Option<TenantId> {
        owner(self.accounts.get(id), at_ns)
    }

    fn address(&self, ip: IpAddr, at_ns: i64) -> Option<TenantId> {
        // The narrowest registration that holds at that time.
        self.addresses
            .around(ip)
            .find_map(|spans| owner(Some(spans), at_ns))
    }

    fn resource(&self, id: &str, at_ns: i64) -> Option<TenantId> {
        owner(self.resources.get(id), at_ns)
    }

    fn in_provider_range(&self, ip: IpAddr) -> bool {
        self.ranges.around(ip).next().is_some()
    }
}

/// Networks, found by an address in them: one look-up for each prefix length that occurs.
#[derive(Debug)]
struct Nets<T> {
    nets: HashMap<IpNet, T>,
    lengths: BTreeSet<(bool, u8)>,
}

impl<T> Default for Nets<T> {
    fn default() -> Self {
        Self {
            nets: HashMap::new(),
            lengths: BTreeSet::new(),
        }
    }
}

impl<T: Default> Nets<T> {
    fn at(&mut self, net: IpNet) -> &mut T {
        self.lengths
            .insert((net.addr().is_ipv6(), net.prefix_len()));
        self.nets.entry(net).or_default()
    }

    /// What is held for the networks around an address, the narrowest first.
    fn around(&self, ip: IpAddr) -> impl Iterator<Item = &T> {
        let ip = ip.to_canonical();
        self.lengths.iter().rev().filter_map(move |(v6, length)| {
            if *v6 != ip.is_ipv6() {
                return None;
            }
            self.nets.get(&IpNet::new(ip, *length).ok()?.trunc())
        })
    }
}

fn net(text: &str) -> Option<IpNet> {
    let net = text
        .parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    Some(net.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_kernel::db::directory::{AccountSpan, ResourceSpan};
    use cordon_views::Directory as _;

    fn rows() -> DirectoryRows {
        let address = |tenant: &str, identifier: &str, valid_from, valid_to| ResourceSpan {
            tenant: tenant.parse().unwrap(),
            kind: "address".into(),
            identifier: identifier.into(),
            valid_from,
            valid_to,
        };
        DirectoryRows {
            version: 7,
            accounts: vec![AccountSpan {
                tenant: "acme".parse().unwrap(),
                account: "aws:111122223333".parse().unwrap(),
                valid_from: 10,
                valid_to: Some(20),
            }],
            resources: vec![
                address("acme", "10.20.0.0/16", 0, None),
                address("globex", "10.20.7.20", 0, Some(100)),
                address("acme", "10.20.7.20", 100, None),
            ],
            ranges: vec!["10.0.0.0/8".into(), "2001:db8::/32".into()],
        }
    }

    #[test]
    fn an_owner_is_that_of_the_time() {
        let registers = Registers::new(rows());
        let account = |at| {
            registers
                .account("aws:111122223333", at)
                .map(|tenant| tenant.to_string())
        };
        assert_eq!(
            (account(9), account(10), account(20)),
            (None, Some("acme".into()), None)
        );
        let address = |at| {
            registers
                .address("10.20.7.20".parse().unwrap(), at)
                .map(|tenant| tenant.to_string())
        };
        assert_eq!(
            (address(99), address(100)),
            (Some("globex".into()), Some("acme".into()))
        );
    }

    #[test]
    fn the_narrowest_network_wins_and_ranges_are_by_family() {
        let registers = Registers::new(rows());
        let address = |ip: &str| {
            registers
                .address(ip.parse().unwrap(), 5)
                .map(|tenant| tenant.to_string())
        };
        assert_eq!(address("10.20.7.20"), Some("globex".into()));
        assert_eq!(address("10.20.7.21"), Some("acme".into()));
        assert_eq!(address("10.21.0.1"), None);
        for (ip, inside) in [
            ("10.1.1.1", true),
            ("192.0.2.1", false),
            ("2001:db8::1", true),
            ("::ffff:10.1.1.1", true),
        ] {
            assert_eq!(
                registers.in_provider_range(ip.parse().unwrap()),
                inside,
                "{ip}"
            );
        }
    }
}
