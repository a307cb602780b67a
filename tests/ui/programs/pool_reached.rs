//! A room reaches past the transactions to the connections.
use cordon_kernel::db::Db;

fn field(db: &Db) {
    let _ = &db.inner;
}

fn as_a_pool(db: &Db) -> &sqlx::AnyPool {
    db
}

async fn system(db: &Db) {
    let _ = db.system();
    let _ = db.system_tx().await;
}

fn main() {}
