//! A transaction that outlives the scope it was opened with.
use cordon_kernel::TenantScope;
use cordon_kernel::db::{Db, TenantRead};

async fn kept(db: &Db, scope: TenantScope) -> TenantRead<'static> {
    db.tenant_read(&scope).await.unwrap()
}

fn main() {}
