//! The methods of `NoticesService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::Name;
use cordon_kernel::facade::Kernel;
use cordon_proto::incidents as wire;
use cordon_proto::incidents::notices_service_server::NoticesService;
use tonic::{Request, Response, Status};

use super::convert;
use super::model::State;
use super::service::Service;
use crate::providers::courier::Courier;
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Serves `NoticesService`.
pub struct NoticesRpc(Service);

impl NoticesRpc {
    pub(crate) fn new(kernel: Arc<Kernel>, courier: Arc<Courier>) -> Self {
        Self(Service { kernel, courier })
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl NoticesService for NoticesRpc {
    #[tracing::instrument(name = "notices.create_subscription", skip_all)]
    async fn create_subscription(
        &self,
        request: Request<wire::CreateSubscriptionRequest>,
    ) -> Answer<wire::CreateSubscriptionResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let named = &request.request_id;
        let id = RequestId::new(&caller, "CreateSubscription", named, &request)?;
        let (tenant, new) = convert::create(request)?;
        let made = self.0.create_subscription(&caller, tenant, new, id).await?;
        let (subscription, secret) = convert::made(made);
        Ok(Response::new(wire::CreateSubscriptionResponse {
            subscription: Some(subscription),
            secret,
        }))
    }

    #[tracing::instrument(name = "notices.get_subscription", skip_all)]
    async fn get_subscription(
        &self,
        request: Request<wire::GetSubscriptionRequest>,
    ) -> Answer<wire::GetSubscriptionResponse> {
        let caller = Caller::of(&request)?;
        let name = convert::subscription_name("name", &request.get_ref().name)?;
        let found = self.0.get_subscription(&caller, name).await?;
        Ok(Response::new(wire::GetSubscriptionResponse {
            subscription: Some(convert::subscription(found)),
        }))
    }

    #[tracing::instrument(name = "notices.list_subscriptions", skip_all)]
    async fn list_subscriptions(
        &self,
        request: Request<wire::ListSubscriptionsRequest>,
    ) -> Answer<wire::ListSubscriptionsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self
            .0
            .list_subscriptions(&caller, tenant.clone(), page)
            .await?;
        let rows = page.rows.each();
        let rows = rows.map(|row| convert::subscription(row.map(|row| (tenant.clone(), row))));
        Ok(Response::new(wire::ListSubscriptionsResponse {
            subscriptions: rows.collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "notices.pause_subscription", skip_all)]
    async fn pause_subscription(
        &self,
        request: Request<wire::PauseSubscriptionRequest>,
    ) -> Answer<wire::PauseSubscriptionResponse> {
        let caller = Caller::of(&request)?;
        let name = convert::subscription_name("name", &request.get_ref().name)?;
        let changed = self.0.set_state(&caller, name, State::Paused).await?;
        Ok(Response::new(wire::PauseSubscriptionResponse {
            subscription: Some(convert::subscription(changed)),
        }))
    }

    #[tracing::instrument(name = "notices.resume_subscription", skip_all)]
    async fn resume_subscription(
        &self,
        request: Request<wire::ResumeSubscriptionRequest>,
    ) -> Answer<wire::ResumeSubscriptionResponse> {
        let caller = Caller::of(&request)?;
        let name = convert::subscription_name("name", &request.get_ref().name)?;
        let changed = self.0.set_state(&caller, name, State::Active).await?;
        Ok(Response::new(wire::ResumeSubscriptionResponse {
            subscription: Some(convert::subscription(changed)),
        }))
    }

    #[tracing::instrument(name = "notices.rotate_signing_secret", skip_all)]
    async fn rotate_signing_secret(
        &self,
        request: Request<wire::RotateSigningSecretRequest>,
    ) -> Answer<wire::RotateSigningSecretResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let named = &request.request_id;
        let id = RequestId::new(&caller, "RotateSigningSecret", named, &request)?;
        let name = convert::subscription_name("name", &request.name)?;
        let made = self.0.rotate_signing_secret(&caller, name, id).await?;
        let (subscription, secret) = convert::made(made);
        Ok(Response::new(wire::RotateSigningSecretResponse {
            subscription: Some(subscription),
            secret,
        }))
    }

    #[tracing::instrument(name = "notices.delete_subscription", skip_all)]
    async fn delete_subscription(
        &self,
        request: Request<wire::DeleteSubscriptionRequest>,
    ) -> Answer<wire::DeleteSubscriptionResponse> {
        let caller = Caller::of(&request)?;
        let name = convert::subscription_name("name", &request.get_ref().name)?;
        self.0.delete_subscription(&caller, name).await?;
        Ok(Response::new(wire::DeleteSubscriptionResponse {}))
    }

    #[tracing::instrument(name = "notices.list_deliveries", skip_all)]
    async fn list_deliveries(
        &self,
        request: Request<wire::ListDeliveriesRequest>,
    ) -> Answer<wire::ListDeliveriesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = convert::subscription_name("parent", &request.parent)?;
        let tenant = parent.0.clone();
        let standings = convert::standings(&request.states)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self
            .0
            .list_deliveries(&caller, parent, standings, page)
            .await?;
        let rows = page.rows.each();
        let rows = rows.map(|row| convert::delivery(row.map(|row| (tenant.clone(), row))));
        Ok(Response::new(wire::ListDeliveriesResponse {
            deliveries: rows.collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "notices.retry_delivery", skip_all)]
    async fn retry_delivery(
        &self,
        request: Request<wire::RetryDeliveryRequest>,
    ) -> Answer<wire::RetryDeliveryResponse> {
        let caller = Caller::of(&request)?;
        let name = convert::delivery_name(&request.get_ref().name)?;
        let delivery = self.0.retry_delivery(&caller, name).await?;
        Ok(Response::new(wire::RetryDeliveryResponse {
            delivery: Some(convert::delivery(delivery)),
        }))
    }

    #[tracing::instrument(name = "notices.list_notice_backlogs", skip_all)]
    async fn list_notice_backlogs(
        &self,
        request: Request<wire::ListNoticeBacklogsRequest>,
    ) -> Answer<wire::ListNoticeBacklogsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_notice_backlogs(&caller, page).await?;
        Ok(Response::new(wire::ListNoticeBacklogsResponse {
            backlogs: page.rows.each().map(convert::backlog).collect(),
            next_page_token: page.next,
        }))
    }
}
