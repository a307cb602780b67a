//! Lets a guest go on when whoever acquires it dies. Started by the acquirer; see
//! [`cordon_hypervisor::watchdog`].

use std::process::ExitCode;

fn main() -> ExitCode {
    cordon_hypervisor::watchdog::main(std::env::args_os().skip(1))
}
