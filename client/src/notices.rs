//! What happens to a tenant's incidents, sent where the tenant wants it.

use cordon_proto::incidents::notices_service_client::NoticesServiceClient;
pub use cordon_proto::incidents::{
    Audience, Delivery, Mail, NoticeBacklog, Subscription, Webhook,
    delivery::State as DeliveryState,
    subscription::{State as SubscriptionState, Target as SubscriptionTarget},
};
use cordon_proto::incidents::{
    CreateSubscriptionRequest, DeleteSubscriptionRequest, GetSubscriptionRequest,
    ListDeliveriesRequest, ListNoticeBacklogsRequest, ListSubscriptionsRequest,
    PauseSubscriptionRequest, ResumeSubscriptionRequest, RetryDeliveryRequest,
    RotateSigningSecretRequest,
};
use secrecy::SecretString;

use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Result};
use crate::incidents::{LONG_PAGE, Severity, pages, present, too_many};
use crate::paging::{PAGE_SIZE, Paged};
use crate::retry::unique_id;
use crate::servers::Servers;

/// Where a tenant's notices go; from [`Client::notices`].
///
/// A subscription is named by its full name, `tenants/{tenant}/subscriptions/{subscription}`, and
/// one of the client's tenant by its id alone.
#[derive(Debug, Clone)]
pub struct Notices {
    client: Client,
}

/// What is sent where, and who reads it there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewSubscription {
    /// A name for people; may be empty.
    pub display_name: String,
    /// Who reads it: a notice says no more than they may read of its incident.
    pub audience: Audience,
    /// Kinds of timeline entries, as in `opened`; empty for all.
    pub kinds: Vec<String>,
    /// Severities; empty for all.
    pub severities: Vec<Severity>,
    /// The full name or id of the only incident; `None` for all.
    pub incident: Option<String>,
    /// Only comments that mention this name.
    pub mention: Option<String>,
}

impl Notices {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> NoticesServiceClient<Servers> {
        configured!(NoticesServiceClient::new(self.client.servers()))
    }

    /// The full name of a subscription: takes the full name, and the id of one of the client's
    /// tenant.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for an id alone when the client has no tenant.
    pub fn name(&self, name: &str) -> Result<String> {
        if name.starts_with("tenants/") {
            return Ok(name.to_owned());
        }
        let id = name.strip_prefix("subscriptions/").unwrap_or(name);
        Ok(format!("{}/subscriptions/{id}", self.client.parent()?))
    }

    /// Has notices sent to a program, as signed CloudEvents. The secret that checks the signatures
    /// ([`webhook::verify`](crate::webhook::verify)) is given here alone.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` says what is wrong with the URL or the subscription;
    /// `FAILED_PRECONDITION` when the tenant has as many as it can have.
    pub async fn create_webhook(
        &self,
        url: &str,
        new: NewSubscription,
    ) -> Result<(Subscription, SecretString)> {
        let webhook = Webhook {
            url: url.to_owned(),
            ..Webhook::default()
        };
        self.create(SubscriptionTarget::Webhook(webhook), new).await
    }

    /// Has notices sent to a mail address.
    ///
    /// # Errors
    ///
    /// As [`Notices::create_webhook`]; `FAILED_PRECONDITION` too when the provider sends no mail.
    pub async fn create_mail(&self, address: &str, new: NewSubscription) -> Result<Subscription> {
        let mail = Mail {
            address: address.to_owned(),
        };
        let made = self.create(SubscriptionTarget::Mail(mail), new).await?;
        Ok(made.0)
    }

    async fn create(
        &self,
        target: SubscriptionTarget,
        new: NewSubscription,
    ) -> Result<(Subscription, SecretString)> {
        let incident = match new.incident {
            None => String::new(),
            Some(incident) => self.client.incidents().name(&incident)?,
        };
        let message = CreateSubscriptionRequest {
            parent: self.client.parent()?,
            subscription: Some(Subscription {
                display_name: new.display_name,
                target: Some(target),
                audience: new.audience.into(),
                kinds: new.kinds,
                severities: new.severities.into_iter().map(i32::from).collect(),
                incident,
                mention: new.mention.unwrap_or_default(),
                ..Subscription::default()
            }),
            request_id: unique_id(),
        };
        let answer = call!(self, Call::ENTERING, create_subscription(message))?;
        Ok((present(answer.subscription)?, answer.secret.into()))
    }

    /// One subscription.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<Subscription> {
        let message = GetSubscriptionRequest {
            name: self.name(name)?,
        };
        present(call!(self, Call::ENTERING, get_subscription(message))?.subscription)
    }

    /// The tenant's subscriptions, the oldest first.
    #[must_use]
    pub fn list(&self) -> Paged<Subscription> {
        let request = self.client.parent().map(|parent| ListSubscriptionsRequest {
            parent,
            ..ListSubscriptionsRequest::default()
        });
        pages!(
            self,
            Call::ENTERING,
            list_subscriptions(request),
            subscriptions by LONG_PAGE
        )
    }

    /// Keeps notices back: what happens is noted down, and sent once the subscription is resumed.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn pause(&self, name: &str) -> Result<Subscription> {
        let message = PauseSubscriptionRequest {
            name: self.name(name)?,
        };
        present(call!(self, Call::ENTERING, pause_subscription(message))?.subscription)
    }

    /// Sends what was kept back, and goes on; one that failed is tried at once.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn resume(&self, name: &str) -> Result<Subscription> {
        let message = ResumeSubscriptionRequest {
            name: self.name(name)?,
        };
        present(call!(self, Call::ENTERING, resume_subscription(message))?.subscription)
    }

    /// Makes a webhook another secret. For a day what is sent is signed with the former one too.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` for a mail address.
    pub async fn rotate_secret(&self, name: &str) -> Result<(Subscription, SecretString)> {
        let message = RotateSigningSecretRequest {
            name: self.name(name)?,
            request_id: unique_id(),
        };
        let answer = call!(self, Call::ENTERING, rotate_signing_secret(message))?;
        Ok((present(answer.subscription)?, answer.secret.into()))
    }

    /// Ends a subscription. What it has not sent is not sent. A call that is lost on the way is not
    /// repeated by itself.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn delete(&self, name: &str) -> Result<()> {
        let message = DeleteSubscriptionRequest {
            name: self.name(name)?,
        };
        call!(self, Call::ONCE, delete_subscription(message)).map(drop)
    }

    /// What a subscription has sent in the last 30 days, what waits, and what was given up, the
    /// newest first; of these states alone, or of all if there are none.
    #[must_use]
    pub fn deliveries(&self, name: &str, states: &[DeliveryState]) -> Paged<Delivery> {
        let states = states.iter().copied().map(i32::from).collect();
        let request = self.name(name).map(|parent| ListDeliveriesRequest {
            parent,
            states,
            ..ListDeliveriesRequest::default()
        });
        pages!(
            self,
            Call::ENTERING,
            list_deliveries(request),
            deliveries by PAGE_SIZE
        )
    }

    /// Sends a notice again that was given up; takes its full name.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it has arrived.
    pub async fn retry(&self, name: &str) -> Result<Delivery> {
        let message = RetryDeliveryRequest {
            name: name.to_owned(),
        };
        present(call!(self, Call::ENTERING, retry_delivery(message))?.delivery)
    }

    /// For staff: how many notices of each tenant wait or were given up. Enters no tenant.
    #[must_use]
    pub fn backlogs(&self) -> Paged<NoticeBacklog> {
        let request = Ok::<_, Error>(ListNoticeBacklogsRequest::default());
        pages!(
            self,
            Call::SAFE,
            list_notice_backlogs(request),
            backlogs by PAGE_SIZE
        )
    }
}
