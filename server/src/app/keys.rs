//! The key service that the configuration names.

use std::sync::Arc;

use anyhow::Context as _;
use cordon_kernel::Env;
use cordon_kernel::keys::{KeyService, SealedFile};

use crate::config::Config;
use crate::providers::pkcs11::{Pkcs11Config, Pkcs11Keys, TokenConfig};

/// What it is, in words for the operator.
pub(super) fn place(config: &Config) -> String {
    match &config.keys.pkcs11 {
        Some(token) if token.more.is_empty() => format!("the token {:?}", token.token),
        Some(token) => {
            let more = token.more.iter().map(|more| format!("{:?}", more.token));
            let all: Vec<String> = std::iter::once(format!("{:?}", token.token))
                .chain(more)
                .collect();
            format!("the tokens {}", all.join(", "))
        }
        None => format!("the key file {}", config.key_file().display()),
    }
}

/// Opens it.
///
/// # Errors
/// When it can't be reached, or its secret or PIN is wrong.
pub(super) async fn open(config: &Config, env: &Env) -> anyhow::Result<Arc<dyn KeyService>> {
    let opened: cordon_kernel::Result<Arc<dyn KeyService>> = match &config.keys.pkcs11 {
        Some(token) => {
            let more = token.more.iter().map(|more| {
                Ok(TokenConfig {
                    module: more.module.as_ref().unwrap_or(&token.module).clone(),
                    label: more.token.clone(),
                    pin: more.pin.read_text().context("keys.pkcs11.more: pin")?,
                    keys: more.keys,
                })
            });
            let wanted = Pkcs11Config {
                token: TokenConfig {
                    module: token.module.clone(),
                    label: token.token.clone(),
                    pin: token.pin.read_text().context("keys.pkcs11.pin")?,
                    keys: token.keys,
                },
                more: more.collect::<anyhow::Result<_>>()?,
                destroyed: token
                    .destroyed
                    .clone()
                    .unwrap_or_else(|| config.data_dir.join("keys.destroyed")),
            };
            match Pkcs11Keys::open(wanted, env.clone()).await {
                Ok(keys) => Ok(Arc::new(keys)),
                Err(error) => Err(error),
            }
        }
        None => {
            let secret = config.key_secret()?;
            match SealedFile::open(config.key_file(), secret, env.clone()).await {
                Ok(keys) => Ok(Arc::new(keys)),
                Err(error) => Err(error),
            }
        }
    };
    opened.map_err(|error| anyhow::anyhow!("{}: {error}", place(config)))
}
