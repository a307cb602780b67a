//! Making subscriptions, changing them, and sending again what was given up.

use std::sync::Arc;

use cordon_courier::SigningKey;
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Action, Disclosed, Error, Name, Reason, Result, TenantId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroize as _;

use super::super::service::no_such_incident;
use super::super::store as incidents;
use super::model::{
    Audience, Key, NewSubscription, NewTarget, State, Subscription, Target, rotate,
};
use super::outbox::{MAX_PENDING, job};
use super::store::{self, Delivery, Standing};
use crate::providers::courier::Courier;
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Most subscriptions of a tenant.
const MAX_SUBSCRIPTIONS: i64 = 50;

/// The part's service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
    pub(super) courier: Arc<Courier>,
}

/// A subscription and, for once, the secret of its webhook; empty for a mail address.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) subscription: Subscription,
    secret: String,
}

impl Made {
    pub(super) fn into_parts(mut self) -> (Subscription, String) {
        (self.subscription.clone(), std::mem::take(&mut self.secret))
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl Service {
    pub(super) async fn create_subscription(
        &self,
        caller: &Caller,
        tenant: TenantId,
        new: NewSubscription,
        request: RequestId,
    ) -> Result<Disclosed<(TenantId, Made)>> {
        let action = Action::CreateSubscription;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let (target, secret) = self.target(&new)?;
        let env = self.kernel.env();
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = env.now();
        if let Some(answer) = request.answered::<Made>(&mut tx, &cipher, now).await? {
            drop(tx);
            let name = Name::Subscription(tenant.clone(), answer.subscription.id);
            let entry = AuditEntry::new(&permit)
                .resource(name)
                .detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, (tenant, answer)));
        }
        if store::count(&mut tx).await? >= MAX_SUBSCRIPTIONS {
            return Err(Error::new(
                Reason::FailedPrecondition,
                format!("the tenant has {MAX_SUBSCRIPTIONS} subscriptions, and can't have more"),
            ));
        }
        if let Some(incident) = new.interest.incident
            && incidents::find(tx.conn(), &cipher, incident)
                .await?
                .is_none()
        {
            return Err(no_such_incident());
        }
        let subscription = Subscription {
            id: env.uuid_v7(),
            display_name: new.display_name,
            target,
            audience: new.audience,
            interest: new.interest,
            state: State::Active,
            created: now,
            updated: now,
            failures: 0,
            next: None,
            pending: 0,
            dead: 0,
            etag: self.etag(),
        };
        store::put(&mut tx, &cipher, &subscription).await?;
        let made = Made {
            subscription,
            secret: secret.expose_secret().to_owned(),
        };
        request.keep(&mut tx, &cipher, &made, now).await?;
        tx.require_keys(&cipher).await?;
        let of = &made.subscription;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Subscription(tenant.clone(), of.id))
            .detail("audience", of.audience.as_str())
            .detail("target", kind(&of.target));
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, (tenant, made)))
    }

    /// Looks at the place, and makes the secret for it.
    fn target(&self, new: &NewSubscription) -> Result<(Target, SecretString)> {
        match &new.target {
            NewTarget::Webhook(url) => {
                if new.audience == Audience::Named {
                    return Err(Error::invalid(
                        "subscription.audience",
                        "a program is no person: expected organization, clients or community",
                    ));
                }
                let destination = self.courier.guard.destination(url.expose_secret());
                let destination =
                    destination.map_err(|why| Error::invalid("subscription.webhook.url", why))?;
                let secret = SigningKey::new(self.kernel.env().bytes()).text();
                let target = Target::Webhook {
                    url: url.clone(),
                    origin: destination.origin(),
                    keys: vec![Key {
                        text: secret.clone(),
                        until: None,
                    }],
                };
                Ok((target, secret))
            }
            NewTarget::Mail(address) => {
                if self.courier.mailer.is_none() {
                    return Err(Error::new(
                        Reason::FailedPrecondition,
                        "the provider sends no mail: have notices sent to a webhook",
                    ));
                }
                let address = cordon_courier::mail::address(address)
                    .map_err(|why| Error::invalid("subscription.mail.address", why))?;
                Ok((Target::Mail { address }, SecretString::default()))
            }
        }
    }

    /// Keeps notices back, or sends them again.
    pub(super) async fn set_state(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        state: State,
    ) -> Result<Disclosed<(TenantId, Subscription)>> {
        let action = match state {
            State::Active => Action::ResumeSubscription,
            State::Paused => Action::PauseSubscription,
        };
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        let mut subscription = found(store::find(tx.conn(), &cipher, id).await?)?;
        if subscription.state != state {
            subscription.state = state;
            self.changed(&mut tx, &cipher, &mut subscription).await?;
        }
        if state == State::Active {
            // Whoever resumes knows that the receiver is well again, and what was kept back was not
            // tried meanwhile.
            store::pace(&mut tx, id, 0, None).await?;
            store::renew(&mut tx, id, now).await?;
            (subscription.failures, subscription.next) = (0, None);
            tx.schedule_job(&job(id), now).await?;
        }
        let name = Name::Subscription(tenant.clone(), id);
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(Disclosed::own(&scope, (tenant, subscription)))
    }

    async fn changed(
        &self,
        tx: &mut cordon_kernel::db::TenantTx<'_>,
        cipher: &TenantCipher,
        subscription: &mut Subscription,
    ) -> Result<()> {
        subscription.updated = self.kernel.env().now().max(subscription.updated);
        subscription.etag = self.etag();
        store::put(tx, cipher, subscription).await?;
        tx.require_keys(cipher).await
    }

    pub(super) async fn rotate_signing_secret(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        request: RequestId,
    ) -> Result<Disclosed<(TenantId, Made)>> {
        let action = Action::RotateSigningSecret;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        let name = Name::Subscription(tenant.clone(), id);
        if let Some(answer) = request.answered(&mut tx, &cipher, now).await? {
            drop(tx);
            let entry = AuditEntry::new(&permit)
                .resource(name)
                .detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, (tenant, answer)));
        }
        let mut subscription = found(store::find(tx.conn(), &cipher, id).await?)?;
        let Target::Webhook { keys, .. } = &mut subscription.target else {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "letters are not signed: only webhooks have a secret",
            ));
        };
        let secret = SigningKey::new(self.kernel.env().bytes()).text();
        *keys = rotate(keys, secret.clone(), now);
        self.changed(&mut tx, &cipher, &mut subscription).await?;
        let made = Made {
            subscription,
            secret: secret.expose_secret().to_owned(),
        };
        request.keep(&mut tx, &cipher, &made, now).await?;
        tx.require_keys(&cipher).await?;
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(Disclosed::own(&scope, (tenant, made)))
    }

    pub(super) async fn delete_subscription(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
    ) -> Result<()> {
        let action = Action::DeleteSubscription;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        if !store::delete(&mut tx, id).await? {
            return Err(no_such_subscription());
        }
        let name = Name::Subscription(tenant, id);
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(())
    }

    pub(super) async fn retry_delivery(
        &self,
        caller: &Caller,
        (tenant, id, seq): (TenantId, Uuid, i64),
    ) -> Result<Disclosed<(TenantId, Delivery)>> {
        let action = Action::RetryDelivery;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        // First of all: it holds the subscription, so that two can't take the last place.
        store::pace(&mut tx, id, 0, None).await?;
        let delivery = store::find_delivery(tx.conn(), &tenant, id, seq).await?;
        let mut delivery =
            delivery.ok_or_else(|| Error::new(Reason::NotFound, "no such delivery"))?;
        match delivery.standing {
            Standing::Pending => {}
            Standing::Dead => {
                if store::has_pending(tx.conn(), &tenant, id, MAX_PENDING).await? {
                    return Err(Error::new(
                        Reason::FailedPrecondition,
                        format!("{MAX_PENDING} notices wait there, and no more can"),
                    ));
                }
                delivery.standing = Standing::Pending;
                delivery.queued = now;
                delivery.refusals = 0;
                store::settle(&mut tx, &delivery).await?;
            }
            Standing::Delivered | Standing::Redacted | Standing::Withheld => {
                return Err(Error::new(
                    Reason::FailedPrecondition,
                    "only what was given up is sent again",
                ));
            }
        }
        tx.schedule_job(&job(id), now).await?;
        let number = u64::try_from(seq).unwrap_or(0);
        let name = Name::Delivery(tenant.clone(), id, number);
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(Disclosed::own(&scope, (tenant, delivery)))
    }

    fn etag(&self) -> String {
        hex::encode(self.kernel.env().bytes::<16>())
    }
}

pub(super) fn kind(target: &Target) -> &'static str {
    match target {
        Target::Webhook { .. } => "webhook",
        Target::Mail { .. } => "mail",
    }
}

pub(super) fn found(subscription: Option<Subscription>) -> Result<Subscription> {
    subscription.ok_or_else(no_such_subscription)
}

pub(super) fn no_such_subscription() -> Error {
    Error::new(Reason::NotFound, "no such subscription")
}
