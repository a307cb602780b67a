//! The object store that the configuration names: a local folder, or a bucket.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use cordon_lake::object::Objects;
use cordon_lake::shelf::Shelf;
use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use secrecy::ExposeSecret as _;

use crate::config::{Config, S3};

/// A call that gets no answer is given up after so long, and made again.
const CALL: Duration = Duration::from_secs(20);
/// All attempts of one call together. Callers wait for it: longer would outlive their patience.
const ATTEMPTS: RetryConfig = RetryConfig {
    backoff: BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(3),
        base: 2.0,
    },
    max_retries: 6,
    retry_timeout: Duration::from_secs(30),
};

/// Where the objects are, in words for the operator.
#[must_use]
pub fn place(config: &Config) -> String {
    match &config.objects.s3 {
        Some(s3) => format!("the bucket {}", s3.bucket),
        None => format!("the folder {}", config.objects_path().display()),
    }
}

/// Opens it. Reaches for nothing: see [`Objects::probe`].
///
/// # Errors
/// When the settings don't fit together, a key can't be read, or the folder can't be made.
pub fn open(config: &Config) -> anyhow::Result<Objects> {
    match &config.objects.s3 {
        Some(settings) => Ok(Objects::remote(s3(settings, "objects")?)),
        None => Ok(Objects::local(config.objects_path())?),
    }
}

/// Opens the place for final reports, if there is one.
///
/// # Errors
/// As [`open`].
pub fn open_shelf(config: &Config) -> anyhow::Result<Option<Shelf>> {
    let reports = &config.reports;
    Ok(match (&reports.s3, &reports.path) {
        (Some(settings), _) => Some(Shelf::remote(s3(settings, "reports")?)),
        (None, Some(folder)) => Some(Shelf::local(folder)?),
        (None, None) => None,
    })
}

fn s3(settings: &S3, section: &'static str) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let mut builder = match (&settings.access_key, &settings.secret_key) {
        (Some(access), Some(secret)) => AmazonS3Builder::new()
            .with_access_key_id(
                access
                    .read_text()
                    .with_context(|| format!("{section}.s3.access_key"))?
                    .expose_secret(),
            )
            .with_secret_access_key(
                secret
                    .read_text()
                    .with_context(|| format!("{section}.s3.secret_key"))?
                    .expose_secret(),
            ),
        _ => AmazonS3Builder::from_env(),
    };
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    let plain = settings.is_on_this_machine();
    let store = builder
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_allow_http(plain)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(ATTEMPTS)
        .with_client_options(
            ClientOptions::new()
                .with_allow_http(plain)
                .with_connect_timeout(Duration::from_secs(5))
                .with_timeout(CALL),
        )
        .build()
        .with_context(|| format!("{section}.s3"))?;
    Ok(Arc::new(store))
}
