//! The methods of `EventsService`: decode, call, encode.

use std::pin::Pin;
use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, IngestScope, Name, Reason, Result as KernelResult};
use cordon_lake::Lake;
use cordon_proto::events as wire;
use cordon_proto::events::events_service_server::EventsService;
use futures::stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::ingest::Ingest;
use super::search::Search;
use super::{convert, count, export, get, letters, originals, search, watch};
use crate::transport::{Caller, Feed};

/// Batches of one stream that are worked on at one time.
const AT_ONCE: usize = 8;

/// The service.
pub struct Rpc {
    kernel: Arc<Kernel>,
    lake: Arc<Lake>,
    ingest: Arc<Ingest>,
}

impl Rpc {
    pub(super) fn new(kernel: Arc<Kernel>, lake: Arc<Lake>, ingest: Arc<Ingest>) -> Self {
        Self {
            kernel,
            lake,
            ingest,
        }
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl EventsService for Rpc {
    type IngestEventsStream = Answers<wire::IngestEventsResponse>;
    type SearchEventsStream = Feed<wire::SearchEventsResponse>;
    type WatchEventsStream = Feed<wire::WatchEventsResponse>;
    type ExportEventsStream = Feed<wire::ExportEventsResponse>;

    async fn ingest_events(
        &self,
        request: Request<Streaming<wire::IngestEventsRequest>>,
    ) -> Result<Response<Self::IngestEventsStream>, Status> {
        let caller = Caller::of(&request)?;
        let (kernel, ingest) = (Arc::clone(&self.kernel), Arc::clone(&self.ingest));
        let answers = request
            .into_inner()
            .map(move |message| {
                let (kernel, ingest, caller) =
                    (Arc::clone(&kernel), Arc::clone(&ingest), caller.clone());
                async move {
                    store(&kernel, &ingest, &caller, message?)
                        .await
                        .map_err(Status::from)
                }
            })
            .buffer_unordered(AT_ONCE);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn report_watermark(
        &self,
        request: Request<wire::ReportWatermarkRequest>,
    ) -> Result<Response<wire::ReportWatermarkResponse>, Status> {
        let caller = Caller::of(&request)?;
        let message = request.into_inner();
        let source = Name::parse_source("source", &message.source)?;
        let watermark = convert::watermark(&self.kernel, message.watermark.as_ref())?;
        let (scope, _) = caller
            .ingest_scope(&self.kernel, &source, Action::ReportWatermark)
            .await?;
        self.kernel.db().heartbeat(&scope, watermark).await?;
        Ok(Response::new(wire::ReportWatermarkResponse {}))
    }

    async fn search_events(
        &self,
        request: Request<wire::SearchEventsRequest>,
    ) -> Result<Response<Self::SearchEventsStream>, Status> {
        let caller = Caller::of(&request)?;
        let search = Search::from_wire(request.into_inner())?;
        Ok(Response::new(
            search::search(&self.kernel, &self.lake, caller, search).await?,
        ))
    }

    async fn watch_events(
        &self,
        request: Request<wire::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            watch::watch(&self.kernel, &self.lake, caller, request.into_inner()).await?,
        ))
    }

    async fn get_event(
        &self,
        request: Request<wire::GetEventRequest>,
    ) -> Result<Response<wire::GetEventResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            get::get(&self.kernel, &self.lake, &caller, request.get_ref()).await?,
        ))
    }

    async fn explain_event(
        &self,
        request: Request<wire::ExplainEventRequest>,
    ) -> Result<Response<wire::ExplainEventResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            get::explain_event(&self.kernel, &self.lake, &caller, request.get_ref()).await?,
        ))
    }

    async fn get_event_original(
        &self,
        request: Request<wire::GetEventOriginalRequest>,
    ) -> Result<Response<wire::GetEventOriginalResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            originals::get(&self.kernel, &caller, request.get_ref()).await?,
        ))
    }

    async fn export_events(
        &self,
        request: Request<wire::ExportEventsRequest>,
    ) -> Result<Response<Self::ExportEventsStream>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            export::export(&self.kernel, &self.lake, caller, request.into_inner()).await?,
        ))
    }

    async fn count_events(
        &self,
        request: Request<wire::CountEventsRequest>,
    ) -> Result<Response<wire::CountEventsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            count::count(&self.kernel, &self.lake, &caller, request.into_inner()).await?,
        ))
    }

    async fn list_dead_letters(
        &self,
        request: Request<wire::ListDeadLettersRequest>,
    ) -> Result<Response<wire::ListDeadLettersResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            letters::list(&self.kernel, &caller, request.get_ref()).await?,
        ))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<wire::ReplayDeadLettersRequest>,
    ) -> Result<Response<wire::ReplayDeadLettersResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            letters::replay(&self.kernel, &self.ingest, &caller, request.get_ref()).await?,
        ))
    }
}

/// Stores one batch. What is wrong with the batch is an answer; what is wrong with the caller or
/// the server ends the stream.
async fn store(
    kernel: &Kernel,
    ingest: &Ingest,
    caller: &Caller,
    message: wire::IngestEventsRequest,
) -> KernelResult<wire::IngestEventsResponse> {
    let source = Name::parse_source("source", &message.source)?;
    // Asked for each batch: a revoked source ends here.
    let (scope, _) = caller
        .ingest_scope(kernel, &source, Action::IngestEvents)
        .await?;
    let batch_id = message.batch_id.clone();
    match take(ingest, &scope, message).await {
        Ok(receipt) => Ok(receipt),
        Err(error) if is_of_the_batch(&error) => Ok(convert::refused(batch_id, &error)),
        Err(error) => Err(error),
    }
}

async fn take(
    ingest: &Ingest,
    scope: &IngestScope,
    message: wire::IngestEventsRequest,
) -> KernelResult<wire::IngestEventsResponse> {
    let receipt = ingest
        .store(scope, convert::batch(ingest.kernel(), message)?)
        .await?;
    Ok(convert::receipt(Disclosed::receipt(scope, receipt)))
}

fn is_of_the_batch(error: &Error) -> bool {
    matches!(
        error.reason(),
        Reason::InvalidArgument | Reason::TooLarge | Reason::BatchConflict
    )
}
