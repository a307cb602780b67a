//! Calls below the client: any method, any bytes, any credential.

use bytes::{Buf as _, BufMut as _, Bytes};
use cordon_client::Profile;
use futures::StreamExt as _;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use secrecy::ExposeSecret as _;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tonic::{Request, Status};

/// Bytes in, bytes out.
#[derive(Default)]
pub struct Verbatim;

impl Codec for Verbatim {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Verbatim {
    type Item = Bytes;
    type Error = Status;
    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Verbatim {
    type Item = Bytes;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Every method of Cordon's own services.
pub fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(cordon_proto::FILE_DESCRIPTOR_SET).unwrap();
    let services: Vec<_> = pool
        .services()
        .filter(|s| s.full_name().starts_with("cordon."))
        .collect();
    let methods: Vec<_> = services
        .iter()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect();
    assert!(methods.len() > 30);
    methods
}

/// A message of the method's request type from JSON.
pub fn request(method: &MethodDescriptor, json: &str) -> Bytes {
    let mut from = serde_json::Deserializer::from_str(json);
    let message = DynamicMessage::deserialize(method.input(), &mut from)
        .unwrap_or_else(|e| panic!("{}: {e}", method.full_name()));
    message.encode_to_vec().into()
}

/// A caller below the client.
#[derive(Clone)]
pub struct Raw {
    pub channel: Channel,
    pub token: Option<String>,
    /// Why and for what staff enter.
    pub entry: Option<(&'static str, &'static str)>,
}

impl Raw {
    /// Connects with the profile's certificate, or without one.
    pub async fn connect(profile: &Profile, with_certificate: bool) -> Self {
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&profile.ca));
        if with_certificate {
            tls = tls.identity(Identity::from_pem(
                &profile.certificate,
                profile.key.expose_secret(),
            ));
        }
        let endpoint = Channel::from_shared(profile.endpoints[0].clone())
            .unwrap()
            .tls_config(tls)
            .unwrap();
        Self {
            channel: endpoint.connect().await.unwrap(),
            token: None,
            entry: None,
        }
    }

    /// Enters the tenant of each call.
    pub fn enter(&mut self, justification: &'static str, reference: &'static str) {
        self.entry = Some((justification, reference));
    }

    /// Connects and gets a token.
    pub async fn member(profile: &Profile) -> Self {
        let mut raw = Self::connect(profile, true).await;
        let method = methods()
            .into_iter()
            .find(|method| method.name() == "IssueToken")
            .unwrap();
        let answer = raw.call(&method, Bytes::new()).await.unwrap();
        let answer = cordon_proto::tenants::IssueTokenResponse::decode(answer[0].clone()).unwrap();
        raw.token = Some(answer.token);
        raw
    }

    /// Calls a method with one message; gives all that comes within a second of the last.
    pub async fn call(
        &self,
        method: &MethodDescriptor,
        message: Bytes,
    ) -> Result<Vec<Bytes>, Status> {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let mut request = Request::new(futures::stream::iter([message]));
        if let Some(token) = &self.token {
            request
                .metadata_mut()
                .insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        if let Some((justification, reference)) = self.entry {
            let encoded = |text: &str| text.replace(' ', "%20").parse().unwrap();
            let headers = request.metadata_mut();
            headers.insert("cordon-enter-justification", encoded(justification));
            headers.insert("cordon-enter-reference", encoded(reference));
        }
        let mut answers = grpc
            .streaming(request, path.parse().unwrap(), Verbatim)
            .await?
            .into_inner();
        let mut out = Vec::new();
        while let Ok(Some(answer)) =
            tokio::time::timeout(std::time::Duration::from_secs(1), answers.next()).await
        {
            out.push(answer?);
        }
        Ok(out)
    }
}

/// A method's answer as JSON.
pub fn json(method: &MethodDescriptor, answer: &Bytes) -> String {
    let message = DynamicMessage::decode(method.output(), answer.clone()).unwrap();
    serde_json::to_string(&message).unwrap()
}
