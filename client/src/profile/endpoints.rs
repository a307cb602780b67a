//! Where the servers of a profile are, and which name each has to prove.

use http::Uri;
use rustls_pki_types::ServerName;

use super::{Profile, invalid};
use crate::error::Result;

/// Most servers of one profile: many more than an installation has, and few enough that a
/// profile gone wrong does not call half a network.
const MAX_ENDPOINTS: usize = 64;

/// One server: how to reach it, and who it must be.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// As `https://host:port`.
    pub(crate) endpoint: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The name that it has to prove.
    pub(crate) name: ServerName<'static>,
}

impl Profile {
    /// The profile's servers, each once.
    pub(crate) fn addresses(&self) -> Result<Vec<Address>> {
        normal(&self.endpoints)?
            .into_iter()
            .map(|endpoint| self.address(endpoint))
            .collect()
    }

    fn address(&self, endpoint: String) -> Result<Address> {
        let uri: Uri = endpoint
            .parse()
            .map_err(|_| invalid("endpoint: not a URL"))?;
        let host = uri.host().ok_or_else(|| invalid("endpoint: has no host"))?;
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let name = self.server_name.as_ref().unwrap_or(&host).clone();
        Ok(Address {
            port: uri.port_u16().unwrap_or(443),
            name: ServerName::try_from(name.clone())
                .map_err(|_| invalid(format!("`{name}` is neither a DNS name nor an address")))?,
            host,
            endpoint,
        })
    }
}

/// Endpoints in one form and each once, in the order in which they were given.
pub(super) fn normal<'a>(endpoints: impl IntoIterator<Item = &'a String>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for text in endpoints {
        let endpoint = endpoint(text)?;
        if !found.contains(&endpoint) {
            found.push(endpoint);
        }
        if found.len() > MAX_ENDPOINTS {
            return Err(invalid(format!("endpoints: more than {MAX_ENDPOINTS}")));
        }
    }
    if found.is_empty() {
        return Err(invalid(
            "endpoint is missing: give one as https://host:port, or several as endpoints = […]",
        ));
    }
    Ok(found)
}

/// Puts `https://` before a bare `host:port` and refuses any other scheme.
fn endpoint(text: &str) -> Result<String> {
    let text = text.trim();
    let url = match text.split_once("://") {
        Some(("https", _)) => text.to_owned(),
        Some(_) => return Err(invalid("endpoint: Cordon is spoken over https:// only")),
        None => format!("https://{text}"),
    };
    let wrong = || invalid(format!("endpoint: `{text}` is not https://host:port"));
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let authority = uri.authority().ok_or_else(wrong)?;
    if authority.host().is_empty()
        || authority.as_str().contains('@')
        || uri.path() != "/"
        || uri.query().is_some()
    {
        return Err(wrong());
    }
    Ok(format!("https://{authority}"))
}
