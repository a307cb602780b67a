//! A room declares its own data to be for everyone.
use cordon_kernel::disclose::Public;

struct Row;

impl cordon_kernel::disclose::sealed::Sealed for Row {}

impl Public for Row {}

fn main() {}
