//! Who is calling, as the authentication layer found out.

use std::sync::Arc;

use cordon_kernel::auth::VerifiedCredential;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{
    Action, Entry, Error, IngestScope, Permit, ProviderScope, Result, SelfScope, SourceId,
    TenantId, TenantScope,
};
use http::HeaderMap;
use tokio::time::Instant;

/// Why staff enter a tenant, percent-encoded UTF-8.
pub(super) const ENTER_JUSTIFICATION: &str = "cordon-enter-justification";
/// The incident or request on whose behalf staff enter, percent-encoded UTF-8.
pub(super) const ENTER_REFERENCE: &str = "cordon-enter-reference";
/// Who approved it, percent-encoded UTF-8; may be missing.
pub(super) const ENTER_APPROVAL: &str = "cordon-enter-approval";
/// When the entry ends, RFC 3339; without it, with the call.
pub(super) const ENTER_EXPIRES: &str = "cordon-enter-expires";

/// An authenticated caller and what its call said besides the message.
#[derive(Debug, Clone)]
pub struct Caller {
    credential: Arc<VerifiedCredential>,
    justification: Option<String>,
    reference: Option<String>,
    approval: Option<String>,
    expires: Option<String>,
    deadline: Option<Instant>,
}

impl Caller {
    pub(super) fn new(credential: Arc<VerifiedCredential>, headers: &HeaderMap) -> Self {
        Self {
            credential,
            justification: text(headers, ENTER_JUSTIFICATION),
            reference: text(headers, ENTER_REFERENCE),
            approval: text(headers, ENTER_APPROVAL),
            expires: text(headers, ENTER_EXPIRES),
            deadline: headers
                .get("grpc-timeout")
                .and_then(|value| value.to_str().ok())
                .and_then(grpc_timeout)
                .and_then(|timeout| Instant::now().checked_add(timeout)),
        }
    }

    /// The caller of a request.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when the request did not come through the authentication layer.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self> {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Error::unauthenticated("no authentication layer in front of the method"))
    }

    /// The verified credential.
    #[must_use]
    pub fn credential(&self) -> &Arc<VerifiedCredential> {
        &self.credential
    }

    /// When the caller stops waiting.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Why staff want to enter, if the call says so.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` when it is said badly.
    pub fn entry(&self) -> Result<Option<Entry>> {
        let Some(justification) = &self.justification else {
            return Ok(None);
        };
        let expires = match &self.expires {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| {
                Error::invalid("expires", "expected a time as in 2026-01-01T12:00:00Z")
            })?),
        };
        let reference = self.reference.clone().unwrap_or_default();
        Entry::new(
            justification.clone(),
            reference,
            self.approval.clone(),
            expires,
        )
        .map(Some)
    }

    /// A scope on `tenant`: for its own people as they are, for staff by entering.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, the same for all tenants that are not the caller's, existing or not;
    /// see [`Gate::permit_tenant`](cordon_kernel::auth::gate::Gate::permit_tenant) and
    /// [`Gate::enter`](cordon_kernel::auth::gate::Gate::enter).
    pub async fn tenant_scope(
        &self,
        kernel: &Kernel,
        tenant: &TenantId,
        action: Action,
    ) -> Result<(TenantScope, Permit)> {
        if self.credential.principal().is_provider()
            && let Some(entry) = self.entry()?
        {
            return kernel
                .gate()
                .enter(&self.credential, tenant, entry, action)
                .await;
        }
        kernel
            .gate()
            .permit_tenant(&self.credential, tenant, action)
            .await
    }

    /// A scope on the provider's registers.
    ///
    /// # Errors
    /// As [`Gate::permit_provider`](cordon_kernel::auth::gate::Gate::permit_provider).
    pub async fn provider_scope(
        &self,
        kernel: &Kernel,
        action: Action,
    ) -> Result<(ProviderScope, Permit)> {
        kernel
            .gate()
            .permit_provider(&self.credential, action)
            .await
    }

    /// A scope on a source.
    ///
    /// # Errors
    /// As [`Gate::permit_ingest`](cordon_kernel::auth::gate::Gate::permit_ingest).
    pub async fn ingest_scope(
        &self,
        kernel: &Kernel,
        source: &SourceId,
        action: Action,
    ) -> Result<(IngestScope, Permit)> {
        kernel
            .gate()
            .permit_ingest(&self.credential, source, action)
            .await
    }

    /// A scope on the caller's own credential.
    ///
    /// # Errors
    /// As [`Gate::permit_self`](cordon_kernel::auth::gate::Gate::permit_self).
    pub async fn self_scope(&self, kernel: &Kernel, action: Action) -> Result<(SelfScope, Permit)> {
        kernel.gate().permit_self(&self.credential, action).await
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(percent_decode(value))
}

/// Decodes `%XX`; what is no such triple stands for itself.
fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut ahead = bytes.clone();
        let digits = (ahead.next().and_then(hex), ahead.next().and_then(hex));
        if let (Some(high), Some(low)) = digits {
            out.push(high * 16 + low);
            bytes = ahead;
        } else {
            out.push(byte);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// A gRPC timeout: up to eight digits and a unit.
fn grpc_timeout(text: &str) -> Option<std::time::Duration> {
    use std::time::Duration;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(n * 3_600),
        "M" => Duration::from_secs(n * 60),
        "S" => Duration::from_secs(n),
        "m" => Duration::from_millis(n),
        "u" => Duration::from_micros(n),
        "n" => Duration::from_nanos(n),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn percent_encoding_is_undone() {
        assert_eq!(percent_decode("INC%2D7 %C3%A4%zz%"), "INC-7 ä%zz%");
    }

    #[test]
    fn timeouts_are_read() {
        assert_eq!(grpc_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(grpc_timeout("2H"), Some(Duration::from_secs(7_200)));
        for bad in ["", "5", "m", "-1S", "123456789S", "1X"] {
            assert_eq!(grpc_timeout(bad), None, "{bad}");
        }
    }
}
