//! A room writes itself data that may leave.
use cordon_kernel::Disclosed;

struct Row;

fn forged(row: Row) -> Disclosed<Row> {
    Disclosed::<Row> { 0: row }
}

fn main() {}
