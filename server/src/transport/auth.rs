//! Authentication in front of every method: a request reaches a room with its [`Caller`] or not
//! at all. Health and reflection say nothing about anybody and are open to whoever trusts the
//! server's certificate.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use cordon_kernel::auth::Home;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Reason};
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http_body_util::BodyExt as _;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::shares::Shares;
use super::{Caller, Peer};

const OPEN: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection."];

/// Puts authentication in front of a service.
#[derive(Clone)]
pub struct AuthLayer {
    kernel: Arc<Kernel>,
    calls: Arc<Shares<Home>>,
}

impl AuthLayer {
    /// A layer that asks this kernel's gate and lets each home have so many calls at one time.
    #[must_use]
    pub fn new(kernel: Arc<Kernel>, calls_per_caller: usize) -> Self {
        Self {
            kernel,
            calls: Shares::new(calls_per_caller),
        }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;
    fn layer(&self, inner: S) -> Auth<S> {
        Auth {
            inner,
            kernel: Arc::clone(&self.kernel),
            calls: Arc::clone(&self.calls),
        }
    }
}

/// A service behind authentication.
#[derive(Clone)]
pub struct Auth<S> {
    inner: S,
    kernel: Arc<Kernel>,
    calls: Arc<Shares<Home>>,
}

impl<S> Service<http::Request<Body>> for Auth<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        // The clone that was asked for readiness serves this call; a fresh one takes its place.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let (kernel, calls) = (Arc::clone(&self.kernel), Arc::clone(&self.calls));
        Box::pin(async move {
            let path = request.uri().path();
            if OPEN.iter().any(|open| path.starts_with(open)) {
                return inner.call(request).await;
            }
            let certificate = request
                .extensions()
                .get::<Peer>()
                .and_then(|peer| peer.certificate.clone());
            let token = request
                .headers()
                .get(AUTHORIZATION)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| value.strip_prefix("Bearer "));
            match kernel.authenticate(certificate.as_deref(), token).await {
                Ok(credential) => {
                    let Some(share) = calls.take(credential.principal().home()) else {
                        return Ok(Status::from(too_many()).into_http());
                    };
                    let caller = Caller::new(Arc::new(credential), request.headers());
                    request.headers_mut().remove(AUTHORIZATION);
                    request.extensions_mut().insert(caller);
                    let response = inner.call(request).await?;
                    // The call lasts until its answer is read or dropped.
                    let held = move |frame| {
                        let _ = &share;
                        frame
                    };
                    Ok(response.map(|body| Body::new(body.map_frame(held))))
                }
                Err(error) => Ok(Status::from(error).into_http()),
            }
        })
    }
}

/// Told to whoever has as many calls under way as one may have: of its own alone.
fn too_many() -> Error {
    Error::new(
        Reason::QuotaExceeded,
        "too many calls at one time; end some, or try again shortly",
    )
    .with_quota_subject("calls")
    .with_retry_after(Duration::from_secs(1))
}
