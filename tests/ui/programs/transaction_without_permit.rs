//! A write that no policy was asked about.
use cordon_kernel::TenantScope;
use cordon_kernel::db::Db;

async fn write(db: &Db, scope: &TenantScope) {
    let _ = db.tenant_tx(scope).await;
}

fn main() {}
