//! The room against a kernel on a temporary database: everything but the network is real.

mod accounts;
mod credentials;
mod ends;
mod identity;
mod provider;
mod resources;
mod tenant;
mod walls;

use std::sync::Arc;

use cordon_kernel::auth::token::TokenConfig;
use cordon_kernel::clock::ManualClock;
use cordon_kernel::keys::{KeyService, SealedFile};
use cordon_kernel::{DbConfig, Env, Kernel, KernelConfig};
use cordon_proto::tenants as wire;
use cordon_proto::tenants::identity_service_server::IdentityService as _;
use cordon_proto::tenants::tenants_service_server::TenantsService as _;
use prost::Message as _;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::SecretBox;
use tonic::{Code, Request, Status};
use tower::{Layer as _, ServiceExt as _};

use super::service::Service;
use super::{IdentityRpc, TenantsRpc};
use crate::transport::{AuthLayer, Caller, Peer};

/// When the world begins, in seconds since 1970.
const NOW: i64 = 1_767_225_600;

/// Somebody with a certificate, and with a token unless it asks for one first.
#[derive(Clone)]
pub(crate) struct Actor {
    certificate: Arc<[u8]>,
    token: Option<String>,
    headers: Vec<(&'static str, &'static str)>,
}

impl Actor {
    /// The same, without its token.
    pub(crate) fn by_certificate(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
        }
    }

    /// The same, entering tenants.
    pub(crate) fn entering(&self) -> Self {
        let headers = vec![
            ("cordon-enter-justification", "customer asked in INC-7"),
            ("cordon-enter-reference", "INC-7"),
        ];
        Self {
            headers,
            ..self.clone()
        }
    }
}

/// Calls a method of a service as an actor.
macro_rules! call {
    ($world:expr, $actor:expr, $service:ident.$method:ident($request:expr)) => {
        match $world.request($actor, $request).await {
            Ok(request) => $world
                .$service
                .$method(request)
                .await
                .map(tonic::Response::into_inner),
            Err(status) => Err(status),
        }
    };
}
pub(crate) use call;

/// A server without a network.
pub(crate) struct World {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) clock: ManualClock,
    pub(crate) operator: Actor,
    tenants: TenantsRpc,
    identity: IdentityRpc,
    _dir: tempfile::TempDir,
}

impl World {
    /// A fresh installation with one operator, on 1 January 2026.
    pub(crate) async fn new() -> Self {
        Self::with(|keys| Arc::new(keys)).await
    }

    /// The same with another key service before the key file.
    pub(crate) async fn with(keys_of: impl FnOnce(SealedFile) -> Arc<dyn KeyService>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (env, clock) = Env::fixed("2026-01-01T00:00:00Z".parse().unwrap(), 7);
        let secret = SecretBox::new(Box::new([7; 32]));
        let keys = SealedFile::open(dir.path().join("keys"), secret, env.clone())
            .await
            .unwrap();
        let kernel = Kernel::open(KernelConfig {
            env,
            db: DbConfig::new(format!("sqlite:{}", dir.path().join("db").display())),
            keys: keys_of(keys),
            token: TokenConfig::default(),
            trusted: Vec::new(),
            authority_name: "Test".into(),
            migrate: true,
        })
        .await
        .unwrap();
        let kernel = Arc::new(kernel);
        let (_, certificate) = kernel.bootstrap_operator("root").await.unwrap();
        let service = Service {
            kernel: Arc::clone(&kernel),
        };
        let mut world = Self {
            kernel,
            clock,
            operator: actor(&certificate.certificate_pem),
            tenants: TenantsRpc(service.clone()),
            identity: IdentityRpc(service),
            _dir: dir,
        };
        world.operator = world.with_token(&world.operator).await;
        world
    }

    /// A request as the room gets it from the authentication layer.
    ///
    /// # Errors
    /// What the layer answers when it lets the request not pass.
    pub(crate) async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        let mut http = http::Request::builder().uri("/cordon.tenants.v1.TenantsService/Any");
        for (name, value) in &actor.headers {
            http = http.header(*name, *value);
        }
        if let Some(token) = &actor.token {
            http = http.header("authorization", format!("Bearer {token}"));
        }
        let peer = Peer {
            certificate: Some(Arc::clone(&actor.certificate)),
            address: "127.0.0.1:1".parse().unwrap(),
        };
        let http = http
            .extension(peer)
            .body(tonic::body::Body::empty())
            .unwrap();
        // The innermost service hands back what reached it.
        let echo = tower::service_fn(|request: http::Request<tonic::body::Body>| async move {
            let mut response = http::Response::new(tonic::body::Body::empty());
            *response.extensions_mut() = request.extensions().clone();
            Ok::<_, std::convert::Infallible>(response)
        });
        let response = AuthLayer::new(Arc::clone(&self.kernel), 64)
            .layer(echo)
            .oneshot(http)
            .await
            .unwrap();
        if response.extensions().get::<Caller>().is_none() {
            return Err(
                Status::from_header_map(response.headers()).expect("neither caller nor status")
            );
        }
        let mut request = Request::new(message);
        *request.extensions_mut() = response.extensions().clone();
        Ok(request)
    }

    /// The same with a token of this moment: tokens end when the clock goes on.
    pub(crate) async fn with_token(&self, actor: &Actor) -> Actor {
        let request = self
            .request(&actor.by_certificate(), wire::IssueTokenRequest {})
            .await
            .unwrap();
        let token = self
            .identity
            .issue_token(request)
            .await
            .unwrap()
            .into_inner()
            .token;
        Actor {
            token: Some(token),
            ..actor.clone()
        }
    }

    /// Makes a tenant.
    pub(crate) async fn tenant(&self, id: &str) -> wire::Tenant {
        let request = wire::CreateTenantRequest {
            tenant_id: id.into(),
            ..Default::default()
        };
        let request = self.request(&self.operator, request).await.unwrap();
        self.tenants
            .create_tenant(request)
            .await
            .unwrap()
            .into_inner()
            .tenant
            .unwrap()
    }

    /// Shuts a tenant out.
    pub(crate) async fn suspend(&self, id: &str) {
        let request = wire::SuspendTenantRequest {
            name: format!("tenants/{id}"),
            reason: "a test".into(),
            ..Default::default()
        };
        let request = self.request(&self.operator, request).await.unwrap();
        self.tenants.suspend_tenant(request).await.unwrap();
    }

    /// Registers an account for a tenant, since ever.
    pub(crate) async fn account(&self, tenant: &str, id: &str) {
        let request = wire::CreateAccountRequest {
            parent: format!("tenants/{tenant}"),
            account_id: id.into(),
            account: Some(wire::Account::default()),
        };
        let request = self.request(&self.operator, request).await.unwrap();
        self.tenants.create_account(request).await.unwrap();
    }

    /// Registers an instance for a tenant, since ever.
    pub(crate) async fn instance(&self, tenant: &str, id: &str) {
        let request = wire::ImportResourcesRequest {
            parent: format!("tenants/{tenant}"),
            resources: vec![wire::Resource {
                kind: "instance".into(),
                identifier: id.into(),
                ..Default::default()
            }],
        };
        let request = self.request(&self.operator, request).await.unwrap();
        self.tenants.import_resources(request).await.unwrap();
    }

    /// Makes a source of CloudTrail records.
    pub(crate) async fn source(&self, id: &str) {
        let request = wire::CreateSourceRequest {
            source_id: id.into(),
            source: Some(wire::Source {
                source_type: "aws.cloudtrail".into(),
                ..Default::default()
            }),
        };
        let request = self.request(&self.operator, request).await.unwrap();
        self.tenants.create_source(request).await.unwrap();
    }

    /// Has a tenant kept: the hold's name.
    pub(crate) async fn hold(&self, operator: &Actor, parent: &str) -> String {
        let request = wire::CreateLegalHoldRequest {
            parent: parent.into(),
            legal_hold: Some(wire::LegalHold {
                reason: "court order".into(),
                ..Default::default()
            }),
        };
        let held = call!(self, operator, tenants.create_legal_hold(request));
        held.unwrap().legal_hold.unwrap().name
    }

    /// Ends a hold.
    pub(crate) async fn release(&self, operator: &Actor, hold: &str) {
        let request = wire::ReleaseLegalHoldRequest {
            name: hold.into(),
            reason: "settled".into(),
        };
        let released = call!(self, operator, tenants.release_legal_hold(request));
        released.unwrap();
    }

    /// Has a credential issued by the operator; its holder comes with a token.
    pub(crate) async fn member(&self, parent: &str, role: &str) -> Actor {
        self.holder(issue(parent, role)).await
    }

    /// The same for a person of that name.
    pub(crate) async fn person(&self, parent: &str, role: &str, subject: &str) -> Actor {
        let mut request = issue(parent, role);
        if let Some(credential) = &mut request.credential {
            credential.subject = subject.to_owned();
        }
        self.holder(request).await
    }

    async fn holder(&self, request: wire::IssueCredentialRequest) -> Actor {
        let request = self.request(&self.operator, request).await.unwrap();
        let issued = self
            .tenants
            .issue_credential(request)
            .await
            .unwrap()
            .into_inner();
        self.with_token(&actor(&issued.certificate_pem)).await
    }
}

fn actor(certificate_pem: &str) -> Actor {
    let der = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).unwrap();
    Actor {
        certificate: Arc::from(der.as_ref()),
        token: None,
        headers: Vec::new(),
    }
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// A request for a certificate, with a key that nobody keeps.
fn csr() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    rcgen::CertificateParams::default()
        .serialize_request(&key)
        .unwrap()
        .pem()
        .unwrap()
}

fn issue(parent: &str, role: &str) -> wire::IssueCredentialRequest {
    wire::IssueCredentialRequest {
        parent: parent.into(),
        credential: Some(wire::Credential {
            subject: format!("{role} of {parent}"),
            role: role.into(),
            ..Default::default()
        }),
        csr_pem: csr(),
    }
}

/// `google.rpc.Status`, as it travels in the trailers.
#[derive(prost::Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

#[derive(prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
}

#[derive(prost::Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    violations: Vec<Violation>,
}

#[derive(prost::Message)]
struct Violation {
    #[prost(string, tag = "1")]
    field: String,
}

fn detail<M: prost::Message + Default>(status: &Status, name: &str) -> M {
    let details = Details::decode(status.details()).unwrap().details;
    let found = details.iter().find(|any| any.type_url.ends_with(name));
    M::decode(found.expect(name).value.as_slice()).unwrap()
}

/// The stable reason in a status.
pub(crate) fn reason_of(status: &Status) -> String {
    detail::<ErrorInfo>(status, "/google.rpc.ErrorInfo").reason
}

/// The stable reason of a refusal.
pub(crate) fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    reason_of(&answer.unwrap_err())
}

pub(crate) fn fields<T: std::fmt::Debug>(answer: Result<T, Status>) -> Vec<String> {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let violations = detail::<BadRequest>(&status, "/google.rpc.BadRequest").violations;
    violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}
