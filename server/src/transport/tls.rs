//! TLS 1.3 with rustls, always; client certificates are asked for and, if sent, must come from
//! the installation's own authority. The configuration can be replaced while the server runs.

use std::sync::Arc;

use anyhow::Context as _;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;

/// A TLS configuration that a running server can be given anew.
#[derive(Clone)]
pub struct TlsReload {
    sender: Arc<watch::Sender<Arc<ServerConfig>>>,
}

impl TlsReload {
    /// Starts with this certificate chain and key, and the authority for clients, all in PEM.
    ///
    /// # Errors
    /// When one of them can't be read or they don't belong together.
    pub fn new(chain_pem: &str, key_pem: &str, authority_pem: &str) -> anyhow::Result<Self> {
        let config = server_config(chain_pem, key_pem, authority_pem)?;
        Ok(Self {
            sender: Arc::new(watch::channel(Arc::new(config)).0),
        })
    }

    /// Uses these from now on for new connections. The whole configuration is made anew, with it
    /// the session store and tickets: a resumed session would bring its old client chain along.
    ///
    /// # Errors
    /// As [`TlsReload::new`]; the old configuration stays then.
    pub fn replace(
        &self,
        chain_pem: &str,
        key_pem: &str,
        authority_pem: &str,
    ) -> anyhow::Result<()> {
        let config = server_config(chain_pem, key_pem, authority_pem)?;
        self.sender.send_replace(Arc::new(config));
        Ok(())
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.sender.borrow())
    }
}

fn server_config(
    chain_pem: &str,
    key_pem: &str,
    authority_pem: &str,
) -> anyhow::Result<ServerConfig> {
    let chain = certificates(chain_pem).context("the server's certificate")?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).context("the server's key")?;
    let mut roots = RootCertStore::empty();
    for authority in certificates(authority_pem).context("the authority's certificate")? {
        roots
            .add(authority)
            .context("the authority's certificate")?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            // People may come with a token of their own issuer and no certificate; what they reach
            // without one is the gate's business.
            .allow_unauthenticated()
            .build()
            .context("the authority for clients")?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .context("TLS 1.3")?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .context("the server's certificate and key")?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn certificates(pem: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>()?;
    anyhow::ensure!(!all.is_empty(), "no certificate in it");
    Ok(all)
}
