//! Bytes out.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::keys::ContentCipher;
use cordon_kernel::{Action, Disclosed, Error, Name, Reason, Result, TenantScope};
use cordon_proto::incidents as wire;
use uuid::Uuid;

use super::convert::Which;
use super::model::{self, State};
use super::service::Service;
use super::store::{self, Part};
use crate::transport::{Caller, Feed, Feeder};

/// Most bytes of a message.
const CHUNK: usize = 256 << 10;

impl Service {
    pub(super) async fn download(
        &self,
        caller: Caller,
        (tenant, incident, id): Which,
        offset: i64,
    ) -> Result<Feed<wire::DownloadAttachmentResponse>> {
        let action = Action::DownloadAttachment;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let found = store::find(read.conn(), &cipher, incident, id).await?;
        let parts = store::parts(read.conn(), &tenant, id, offset).await?;
        drop(read);
        let (attachment, key) = found.ok_or_else(model::no_such)?;
        if attachment.state != State::Attached {
            return Err(model::no_such());
        }
        if !(0..=attachment.size).contains(&offset) {
            let size = attachment.size;
            let rule = format!("expected a place in the file, which has {size} bytes");
            return Err(Error::invalid("offset", rule));
        }
        let share = self.streams.take(&tenant).ok_or_else(|| {
            Error::new(
                Reason::QuotaExceeded,
                "the tenant has as many streams of files open as it may: wait for one to end",
            )
        })?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Attachment(tenant, incident, id))
            .detail("offset", offset);
        self.kernel.db().audit_read(&scope, entry).await?;
        let scope = Arc::new(scope);
        let reading = Reading {
            service: self.clone(),
            scope: Arc::clone(&scope),
            content: cipher.content(key),
            id,
        };
        let (kernel, size) = (Arc::clone(&self.kernel), attachment.size);
        Ok(Feed::spawn(kernel, caller, scope, |feeder| async move {
            let _share = share;
            reading.run(parts, offset, size, feeder).await
        }))
    }
}

struct Reading {
    service: Service,
    scope: Arc<TenantScope>,
    content: ContentCipher,
    id: Uuid,
}

impl Reading {
    async fn run(
        self,
        parts: Vec<Part>,
        mut offset: i64,
        size: i64,
        feeder: Feeder<wire::DownloadAttachmentResponse>,
    ) -> Result<()> {
        for part in parts {
            let skipped = usize::try_from(offset - part.start).map_err(Error::internal)?;
            let bytes = self
                .service
                .part(&self.scope, &self.content, self.id, part)
                .await?;
            for chunk in bytes.get(skipped..).unwrap_or_default().chunks(CHUNK) {
                let chunk = Disclosed::own(&self.scope, chunk.to_vec()).into_wire();
                let length = i64::try_from(chunk.len()).map_err(Error::internal)?;
                feeder
                    .send(wire::DownloadAttachmentResponse {
                        offset,
                        content: chunk,
                    })
                    .await?;
                offset += length;
            }
        }
        match offset == size {
            true => Ok(()),
            false => Err(Error::internal("the parts of a file are not all there")),
        }
    }
}
