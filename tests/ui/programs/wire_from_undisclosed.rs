//! A message out of data that nobody disclosed.
use cordon_kernel::{Disclosed, TenantScope};

struct Row(String);
struct Message(String);

// The one way from a row to the wire, as rooms write it.
impl From<Disclosed<Row>> for Message {
    fn from(row: Disclosed<Row>) -> Self {
        Message(row.into_wire().0)
    }
}

// This one compiles: the others fail for what they lack.
fn under_a_scope(scope: &TenantScope, row: Row) -> Message {
    Message::from(Disclosed::own(scope, row))
}

fn undisclosed(row: Row) -> Message {
    Message::from(row)
}

fn without_a_scope(row: Row) -> Message {
    Message::from(Disclosed::own(row))
}

fn said_to_be_public<T>(data: T) -> Disclosed<T> {
    Disclosed::public(data)
}

fn taken_out(row: Disclosed<Row>) -> Row {
    row.0
}

fn main() {}
