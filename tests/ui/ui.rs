//! Wall 1: a program that tries to get around the kernel's types does not compile.
//!
//! Each of `programs/*.rs` is one attack, and the `.stderr` beside it is what the compiler says
//! to it. After a change that was meant, `TRYBUILD=overwrite cargo test -p cordon-ui` writes them
//! anew; read the difference: a program that now fails for another reason proves nothing.

#[test]
fn no_program_gets_around_the_kernel() {
    trybuild::TestCases::new().compile_fail("programs/*.rs");
}
