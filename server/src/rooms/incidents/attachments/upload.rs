//! Bytes in, part by part. A part is durable as an object first and then in its row; an object that
//! got no row is swept away later.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Error, Name, Permit, Reason, Result, TenantScope};
use cordon_lake::object::Objects;
use cordon_proto::incidents as wire;
use tonic::Status;

use super::super::service::credential;
use super::convert::attachment_name;
use super::model::{self, Attachment};
use super::service::Service;
use super::store::{self, FileKey, Part, part_object};
use crate::transport::{Caller, Feed, Feeder};

/// Bytes of a part. A stream that breaks off loses less than that.
const PART: usize = 4 << 20;
/// Most bytes of a message.
const MAX_CONTENT: usize = 1 << 20;
/// How long a sender may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where messages come from: a call's stream, or a test.
pub(super) trait Messages: Send + 'static {
    fn next(
        &mut self,
    ) -> impl Future<Output = Result<Option<wire::UploadAttachmentRequest>, Status>> + Send;
}

impl Messages for tonic::Streaming<wire::UploadAttachmentRequest> {
    async fn next(&mut self) -> Result<Option<wire::UploadAttachmentRequest>, Status> {
        self.message().await
    }
}

/// A file that is being sent.
struct Upload {
    service: Service,
    scope: Arc<TenantScope>,
    permit: Permit,
    attachment: Attachment,
    key: FileKey,
    /// What has come and is in no part yet.
    held: BytesMut,
}

impl Service {
    pub(super) async fn upload(
        &self,
        caller: Caller,
        mut messages: impl Messages,
    ) -> Result<Feed<wire::UploadAttachmentResponse>, Status> {
        let first = next(&mut messages).await?;
        let first = first.ok_or_else(|| {
            let rule = "the first message says of which attachment, and from where on";
            Error::invalid("name", rule)
        })?;
        let (tenant, incident, id) = attachment_name(&first.name)?;
        let action = Action::UploadAttachment;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let found = store::find(read.conn(), &cipher, incident, id).await?;
        drop(read);
        let (attachment, key) = found.ok_or_else(model::no_such)?;
        model::resume(&attachment, &credential(&caller), first.offset)?;
        let share = self.streams.take(&tenant).ok_or_else(|| {
            Error::new(
                Reason::QuotaExceeded,
                "the tenant has as many streams of files open as it may: wait for one to end",
            )
        })?;
        let scope = Arc::new(scope);
        let upload = Upload {
            service: self.clone(),
            scope: Arc::clone(&scope),
            permit,
            attachment,
            key,
            held: BytesMut::new(),
        };
        let kernel = Arc::clone(&self.kernel);
        Ok(Feed::spawn(kernel, caller, scope, |feeder| async move {
            let _share = share;
            upload.run(first.content, messages, feeder).await
        }))
    }

    /// Deletes objects that no row names any more. What stays is swept away later.
    pub(super) async fn discard(&self, scope: &TenantScope, parts: &[Part]) {
        discard(&self.objects, scope, parts).await;
    }
}

/// The same for who sweeps.
pub(super) async fn discard(objects: &Objects, scope: &TenantScope, parts: &[Part]) {
    for part in parts {
        let path = Objects::part_path(scope, part.id);
        if let Err(error) = objects.delete(scope, &path).await {
            tracing::warn!(%error, "a part of a file is left to be swept away");
        }
    }
}

impl Upload {
    async fn run(
        mut self,
        first: Vec<u8>,
        mut messages: impl Messages,
        feeder: Feeder<wire::UploadAttachmentResponse>,
    ) -> Result<()> {
        self.say(&feeder).await?;
        self.take(&first)?;
        loop {
            while self.held.len() >= PART {
                let part = self.held.split_to(PART).freeze();
                self.store(part).await?;
                self.say(&feeder).await?;
            }
            let message = next(&mut messages).await.map_err(|status| {
                // Nobody will read this: whoever sent is gone.
                Error::new(Reason::Unavailable, "the stream broke off").with_source(status)
            })?;
            let Some(message) = message else { break };
            if !message.name.is_empty() || message.offset != 0 {
                let rule = "only the first message of a stream says of which attachment";
                return Err(Error::invalid("name", rule));
            }
            self.take(&message.content)?;
        }
        if !self.held.is_empty() {
            let rest = self.held.split().freeze();
            self.store(rest).await?;
        }
        self.say(&feeder).await
    }

    async fn say(&self, feeder: &Feeder<wire::UploadAttachmentResponse>) -> Result<()> {
        let committed_bytes = self.attachment.committed;
        feeder
            .send(wire::UploadAttachmentResponse { committed_bytes })
            .await
    }

    /// Takes bytes, unless they are more than were announced.
    fn take(&mut self, content: &[u8]) -> Result<()> {
        if content.len() > MAX_CONTENT {
            return Err(Error::new(
                Reason::TooLarge,
                "a message has at most 1 MiB of a file",
            ));
        }
        self.held.extend_from_slice(content);
        let held = i64::try_from(self.held.len()).unwrap_or(i64::MAX);
        if self.attachment.committed.saturating_add(held) > self.attachment.size {
            let size = self.attachment.size;
            return Err(Error::new(
                Reason::TooLarge,
                format!("the file is longer than the {size} bytes that were announced"),
            ));
        }
        Ok(())
    }

    /// Makes a part durable.
    async fn store(&mut self, bytes: Bytes) -> Result<()> {
        let kernel = &self.service.kernel;
        let (id, start) = (self.attachment.id, self.attachment.committed);
        let part = Part {
            start,
            id: kernel.env().uuid_v7(),
            size: i64::try_from(bytes.len()).map_err(Error::internal)?,
        };
        // Anew each time: a stream may outlast the tenant's data key.
        let cipher = kernel.cipher(&self.scope).await?;
        let position = u64::try_from(start).map_err(Error::internal)?;
        let content = cipher.content(self.key.clone());
        let sealed = content.seal(&part_object(id, part.id), position, &bytes)?;
        let path = Objects::part_path(&self.scope, part.id);
        let objects = &self.service.objects;
        objects.put(&self.scope, &path, sealed.into()).await?;
        let mut tx = kernel.db().tenant_tx(&self.scope, &self.permit).await?;
        let now = kernel.env().now();
        if !store::add_part(&mut tx, id, part, now).await? {
            drop(tx);
            self.service.discard(&self.scope, &[part]).await;
            return Err(Error::new(
                Reason::EtagMismatch,
                "another stream goes on with this file, or it is finished: ask how far it is",
            ));
        }
        tx.require_keys(&cipher).await?;
        let end = start.saturating_add(part.size);
        let tenant = self.scope.tenant().clone();
        let entry = AuditEntry::new(&self.permit)
            .resource(Name::Attachment(tenant, self.attachment.incident, id))
            .detail("committed", end);
        tx.commit(entry).await?;
        self.attachment.committed = end;
        Ok(())
    }
}

/// The next message, as long as the sender is not silent for too long.
async fn next(
    messages: &mut impl Messages,
) -> Result<Option<wire::UploadAttachmentRequest>, Status> {
    match tokio::time::timeout(PATIENCE, messages.next()).await {
        Ok(message) => message,
        Err(_) => Err(Error::new(
            Reason::DeadlineExceeded,
            "nothing was sent for 30 seconds: go on from what is stored",
        )
        .into()),
    }
}
