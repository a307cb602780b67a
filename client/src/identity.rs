//! Who a caller is, and how its certificate is renewed.

use cordon_proto::tenants::identity_service_client::IdentityServiceClient;
use cordon_proto::tenants::{GetSigningKeysRequest, RenewCredentialRequest, WhoAmIRequest};
pub use cordon_proto::tenants::{SigningKey, WhoAmIResponse};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use secrecy::SecretString;

use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::profile::Profile;
use crate::servers::Servers;
use crate::time;

/// The caller's own identity; from [`Client::identity`].
#[derive(Debug, Clone)]
pub struct Identity {
    client: Client,
}

/// A private key that was made here, and the request for a certificate that goes with it.
#[derive(Debug)]
pub struct NewKey {
    /// PKCS #8 in PEM. It never leaves this machine.
    pub key: SecretString,
    /// PKCS #10 in PEM: what the server signs.
    pub request_pem: String,
}

impl NewKey {
    /// Makes a key (ECDSA on P-256) and a request for a certificate that names `subject`.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when the subject can't stand in a certificate.
    pub fn generate(subject: &str) -> Result<Self> {
        let failed = |error: rcgen::Error| Error::invalid("subject", error.to_string());
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::new(Vec::<String>::new()).map_err(failed)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, subject);
        let request = params.serialize_request(&key).map_err(failed)?;
        Ok(Self {
            request_pem: request.pem().map_err(failed)?,
            key: SecretString::from(key.serialize_pem()),
        })
    }
}

impl Identity {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> IdentityServiceClient<Servers> {
        configured!(IdentityServiceClient::new(self.client.servers()))
    }

    /// What the server takes the caller to be.
    ///
    /// # Errors
    ///
    /// Those of all calls.
    pub async fn whoami(&self) -> Result<WhoAmIResponse> {
        call!(self, Call::SAFE, who_am_i(WhoAmIRequest {}))
    }

    /// The public keys that tokens and signed statements verify against, newest first.
    ///
    /// # Errors
    ///
    /// Those of all calls.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>> {
        let answer = call!(self, Call::SAFE, get_signing_keys(GetSigningKeysRequest {}))?;
        Ok(answer.keys)
    }

    /// Renews the profile's certificate, with a new key, and returns the profile that is to be
    /// used from now on. The old one stays good until its certificate ends; this connection goes
    /// on with it.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` when the certificate has ended already: then an administrator has to
    /// issue another one.
    pub async fn renew(&self, profile: &Profile) -> Result<Profile> {
        let new = NewKey::generate(&profile.subject)?;
        let message = RenewCredentialRequest {
            csr_pem: new.request_pem,
        };
        let answer = call!(self, Call::SAFE, renew_credential(message))?;
        let renewed = Profile {
            certificate: answer.certificate_pem,
            ca: if answer.ca_pem.is_empty() {
                profile.ca.clone()
            } else {
                answer.ca_pem
            },
            key: new.key,
            ..profile.clone()
        };
        // Before anybody throws the old profile away.
        renewed.validity().map_err(|error| {
            let message = format!("the server sent no usable certificate: {error}");
            Error::new(Reason::Internal, message)
        })?;
        Ok(renewed)
    }

    /// Renews the profile's certificate when less than a third of its time is left. `None` when
    /// there is no need.
    ///
    /// ```no_run
    /// # async fn run(client: cordon_client::Client) -> cordon_client::Result<()> {
    /// # use cordon_client::Profile;
    /// let path = "acme-reader.toml";
    /// let profile = Profile::load(path)?;
    /// if let Some(renewed) = client.identity().renew_if_due(&profile).await? {
    ///     renewed.save(path)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Identity::renew`].
    pub async fn renew_if_due(&self, profile: &Profile) -> Result<Option<Profile>> {
        if profile.validity()?.renewal_due(time::now()) {
            self.renew(profile).await.map(Some)
        } else {
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::CertificateSigningRequestParams;
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_new_key_comes_with_a_request_that_proves_it() {
        let new = NewKey::generate("jäne@acme").unwrap();
        // Reading it checks its signature.
        CertificateSigningRequestParams::from_pem(&new.request_pem).unwrap();
        assert!(
            new.key
                .expose_secret()
                .starts_with("-----BEGIN PRIVATE KEY-----")
        );
        assert!(!format!("{new:?}").contains("BEGIN PRIVATE"));
        let other = NewKey::generate("jäne@acme").unwrap();
        assert_ne!(new.key.expose_secret(), other.key.expose_secret());
    }
}
