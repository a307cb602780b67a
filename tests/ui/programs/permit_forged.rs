//! A room gives itself leave.
use cordon_kernel::{Action, Permit, TenantScope};

fn constructed(scope: &TenantScope) -> Permit {
    Permit::for_tenant(Action::RevokeCredential, scope)
}

fn widened(mut permit: Permit) -> Permit {
    permit.action = Action::RevokeCredential;
    permit
}

fn main() {}
