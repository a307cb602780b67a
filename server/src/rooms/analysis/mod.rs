//! The analysis room: questions to the provider, and their answers.
//!
//! What the server can answer it answers itself, in a job that whichever server holds its claim does
//! once: over the tenant's own view of its events, at one state of them. What it can't goes to the
//! desk, where one analyst answers and another releases. Every answer is signed with how it was made.

mod convert;
mod desk;
mod download;
mod model;
mod parquet;
mod release;
mod result;
mod rpc;
mod run;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_lake::Lake;
use cordon_proto::analysis::analyses_service_server::AnalysesServiceServer;
use cordon_proto::analysis::analysis_desk_service_server::AnalysisDeskServiceServer;

pub use desk::DeskRpc;
pub(crate) use release::contribute;
pub use rpc::AnalysesRpc;
pub(crate) use run::answer;

/// The service of questions, to be mounted behind the authentication layer.
#[must_use]
pub fn analyses(kernel: Arc<Kernel>, lake: Arc<Lake>) -> AnalysesServiceServer<AnalysesRpc> {
    let service = service::Service { kernel, lake };
    AnalysesServiceServer::new(AnalysesRpc(service))
}

/// The service of the provider's desk, to be mounted in the same way.
#[must_use]
pub fn desk(kernel: Arc<Kernel>, lake: Arc<Lake>) -> AnalysisDeskServiceServer<DeskRpc> {
    let service = service::Service { kernel, lake };
    AnalysisDeskServiceServer::new(DeskRpc(service))
}
