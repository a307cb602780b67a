//! A write that leaves no trace.
use cordon_kernel::Action;
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::{ProviderTx, TenantRead, TenantTx};

async fn tenant(tx: TenantTx<'_>) {
    let _ = tx.commit().await;
}

async fn provider(tx: ProviderTx<'_>) {
    let _ = tx.commit().await;
}

async fn through_a_read(tx: TenantRead<'_>, entry: AuditEntry) {
    let _ = tx.commit(entry).await;
}

async fn under_the_hood(tx: TenantTx<'_>) {
    let _ = tx.tx.commit().await;
}

fn entry_without_a_permit() -> AuditEntry {
    AuditEntry::new(Action::CreateTenant)
}

fn main() {}
