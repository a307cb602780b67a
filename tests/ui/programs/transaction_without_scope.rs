//! A transaction for whoever's name is at hand.
use cordon_kernel::db::Db;
use cordon_kernel::{Permit, TenantId};

async fn read(db: &Db, tenant: &TenantId) {
    let _ = db.tenant_read(tenant).await;
}

async fn write(db: &Db, tenant: &TenantId, permit: &Permit) {
    let _ = db.tenant_tx(tenant, permit).await;
}

async fn staff(db: &Db, permit: &Permit) {
    let _ = db.provider_tx(permit).await;
}

fn main() {}
