//! A room says that it has verified somebody.
use cordon_kernel::auth::credential::{CertThumbprint, Proof};
use cordon_kernel::{Principal, VerifiedCredential};

fn constructed(principal: Principal, certificate: &[u8]) -> VerifiedCredential {
    let expires = "2999-01-01T00:00:00Z".parse().unwrap();
    VerifiedCredential::new(
        principal,
        CertThumbprint::of(certificate),
        Proof::Token,
        expires,
    )
}

fn promoted(mut credential: VerifiedCredential, operator: Principal) -> VerifiedCredential {
    credential.principal = operator;
    credential
}

fn main() {}
