//! `cordon-server fsck`: every block, segment, index row and log, read and verified again.

use std::sync::Arc;

use cordon_kernel::Env;

use super::{App, Report};
use crate::config::Config;
use crate::rooms::evidence;

/// Verifies everything that is stored. Run it while no server runs, or beside one: it reads
/// snapshots.
///
/// # Errors
/// When the stores can't be opened; what is damaged is in the report.
pub async fn fsck(config: Config, env: Env) -> anyhow::Result<Report> {
    let app = App::open(config, env, false).await?;
    let mut report = Report::default();
    for tenant in app.kernel.tenants(&app.runner).await? {
        let (scope, _) = app.kernel.maintenance_scope(&app.runner, &tenant, "fsck");
        match app.lake.fsck(&scope).await {
            Ok(found) if found.faults.is_empty() => report.good(format!(
                "{tenant}: {} journal entries, {} open blocks, {} segments, {} rows",
                found.entries, found.blocks, found.segments, found.rows
            )),
            Ok(found) => found
                .faults
                .into_iter()
                .for_each(|fault| report.wrong(fault)),
            Err(error) => report.wrong(format!("{tenant}: {error}")),
        }
        let scope = Arc::new(scope);
        match evidence::fsck(&app.kernel, app.lake.objects(), &scope).await {
            Ok(found) if found.faults.is_empty() => report.good(format!(
                "{tenant}: {} snapshots, {} blocks, {} custody entries",
                found.snapshots, found.blocks, found.custody_entries
            )),
            Ok(found) => found
                .faults
                .into_iter()
                .for_each(|fault| report.wrong(fault)),
            Err(error) => report.wrong(format!("{tenant}: snapshots: {error}")),
        }
        match app.kernel.db().verify_audit(&scope).await {
            Ok(chain) if chain.broken_at.is_none() => {
                report.good(format!("{tenant}: {} audit entries", chain.entries));
            }
            Ok(chain) => report.wrong(format!(
                "{tenant}: the audit log does not hold at entry {}",
                chain.broken_at.unwrap_or_default()
            )),
            Err(error) => report.wrong(format!("{tenant}: audit log: {error}")),
        }
    }
    match app.kernel.db().verify_originals(&app.runner).await {
        Ok(found) if found.faults.is_empty() => report.good(format!(
            "originals: {} of shared events, {} destroyed with a party",
            found.sound, found.destroyed
        )),
        Ok(found) => found
            .faults
            .into_iter()
            .for_each(|fault| report.wrong(fault)),
        Err(error) => report.wrong(format!("originals: {error}")),
    }
    let (scope, _) = app.kernel.maintenance_provider_scope(&app.runner, "fsck");
    match app.kernel.db().verify_provider_audit(&scope).await {
        Ok(chain) if chain.broken_at.is_none() => {
            report.good(format!("provider: {} audit entries", chain.entries))
        }
        Ok(chain) => report.wrong(format!(
            "provider: the audit log does not hold at entry {}",
            chain.broken_at.unwrap_or_default()
        )),
        Err(error) => report.wrong(format!("provider: audit log: {error}")),
    }
    app.kernel.close().await;
    Ok(report)
}
