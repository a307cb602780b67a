//! Staff, and a source, read a tenant's rows with the scope that they have.
use cordon_kernel::db::Db;
use cordon_kernel::{IngestScope, ProviderScope};

async fn staff(db: &Db, scope: &ProviderScope) {
    let _ = db.tenant_read(scope).await;
}

async fn source(db: &Db, scope: &IngestScope) {
    let _ = db.head(scope).await;
}

fn main() {}
