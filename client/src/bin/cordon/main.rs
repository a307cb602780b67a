//! The command line of Cordon.

fn main() {}
