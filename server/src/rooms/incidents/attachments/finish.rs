//! Checking what was sent, and making it an attachment.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::keys::ContentCipher;
use cordon_kernel::{Action, Disclosed, Error, Name, Permit, Reason, Result, TenantScope};
use cordon_lake::object::Objects;
use ring::digest;
use uuid::Uuid;

use super::super::service::{credential, no_such_incident};
use super::super::store as incidents;
use super::convert::Which;
use super::model::{self, Attachment, State};
use super::service::Service;
use super::store::{self, Part, part_object};
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

impl Service {
    pub(super) async fn finish(
        &self,
        caller: &Caller,
        (tenant, incident, id): Which,
        request: RequestId,
    ) -> Result<Disclosed<Attachment>> {
        let action = Action::FinishAttachment;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let found = store::find(read.conn(), &cipher, incident, id).await?;
        let parts = store::parts(read.conn(), &tenant, id, 0).await?;
        drop(read);
        let (sent, key) = found.ok_or_else(model::no_such)?;
        model::sent_by(&sent, &credential(caller))?;
        if sent.state == State::Attached {
            // The answer to whoever did not hear the first one.
            return self.again(&scope, &permit, sent).await;
        }
        if sent.committed != sent.size {
            let (at, size) = (sent.committed, sent.size);
            return Err(Error::new(
                Reason::FailedPrecondition,
                format!("of the {size} bytes that were announced {at} are stored: send the rest"),
            )
            .with_metadata("committed_bytes", at.to_string()));
        }
        let _share = self.streams.take(scope.tenant()).ok_or_else(|| {
            Error::new(
                Reason::QuotaExceeded,
                "the tenant has as many streams of files open as it may: wait for one to end",
            )
        })?;
        // What is stored, and not what came by: this is what everybody will read.
        let hash = self
            .hash(&scope, &cipher.content(key), id, sent.size, &parts)
            .await?;
        if hash != sent.facts.sha256 {
            self.throw_away(&scope, &permit, &sent, &parts).await?;
            return Err(Error::new(
                Reason::HashMismatch,
                "what was sent has another hash than was announced, and was thrown away: send it \
                 anew",
            )
            .with_metadata("sha256", hash));
        }
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        let about = incidents::find(tx.conn(), &cipher, incident).await?;
        // Another server's clock may be ahead: what happened later has a later time.
        let now = now.max(about.ok_or_else(no_such_incident)?.updated);
        if !store::attach(&mut tx, id, now).await? {
            return Err(Error::new(
                Reason::EtagMismatch,
                "the file was finished or swept away at this moment: look at it again",
            ));
        }
        let attachment = Attachment {
            state: State::Attached,
            updated: now,
            ..sent
        };
        let happened = model::attached(&attachment);
        incidents::note(&mut tx, &cipher, incident, now, &happened).await?;
        request.keep(&mut tx, &cipher, &attachment, now).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Attachment(tenant, incident, id))
            .detail("sha256", &attachment.facts.sha256);
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, attachment))
    }

    /// The hash of what is stored, which must be without a gap.
    async fn hash(
        &self,
        scope: &TenantScope,
        content: &ContentCipher,
        id: Uuid,
        size: i64,
        parts: &[Part],
    ) -> Result<String> {
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut at = 0;
        for part in parts {
            let bytes = self.part(scope, content, id, *part).await?;
            if part.start != at {
                return Err(Error::internal("the parts of a file have a gap"));
            }
            hash.update(&bytes);
            at = at.saturating_add(part.size);
        }
        if at != size {
            return Err(Error::internal("the parts of a file are not all there"));
        }
        Ok(hex::encode(hash.finish()))
    }

    /// A part's bytes.
    pub(super) async fn part(
        &self,
        scope: &TenantScope,
        content: &ContentCipher,
        id: Uuid,
        part: Part,
    ) -> Result<Vec<u8>> {
        let path = Objects::part_path(scope, part.id);
        let sealed = self.objects.read_all(scope, &path).await?;
        let position = u64::try_from(part.start).map_err(Error::internal)?;
        let bytes = content.open(&part_object(id, part.id), position, &sealed)?;
        match i64::try_from(bytes.len()) == Ok(part.size) {
            true => Ok(bytes),
            false => Err(Error::internal("a part of a file has another length")),
        }
    }

    async fn throw_away(
        &self,
        scope: &TenantScope,
        permit: &Permit,
        sent: &Attachment,
        parts: &[Part],
    ) -> Result<()> {
        let mut tx = self.kernel.db().tenant_tx(scope, permit).await?;
        if store::remove(&mut tx, sent.id).await? {
            let tenant = scope.tenant().clone();
            let entry = AuditEntry::new(permit)
                .resource(Name::Attachment(tenant, sent.incident, sent.id))
                .detail("thrown away", "another hash than announced");
            tx.commit(entry).await?;
            self.discard(scope, parts).await;
        }
        Ok(())
    }
}
