//! Answers that were released, in the form that is wanted.

use std::sync::Arc;

use cordon_analysis::Table;
use cordon_analysis::render::{csv, page};
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Disclosed, Error, Name, Reason, Result, TenantId};
use cordon_proto::analysis as wire;
use cordon_proto::analysis::download_analysis_result_request::Format;
use uuid::Uuid;

use super::model::{Analysis, State};
use super::parquet::parquet;
use super::result::Kept;
use super::service::{Service, kept};
use crate::transport::{Caller, Feed};

/// Bytes of one part of the file.
const CHUNK: usize = 256 << 10;

/// In which form.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    format: Format,
    table: String,
}

impl Wanted {
    pub(super) fn from_wire(request: &wire::DownloadAnalysisResultRequest) -> Result<Self> {
        let format = match Format::try_from(request.format) {
            Ok(Format::Unspecified) => Format::Statement,
            Ok(format) => format,
            Err(_) => return Err(Error::invalid("format", "is not known")),
        };
        Ok(Self {
            format,
            table: request.table.clone(),
        })
    }
}

impl Service {
    pub(super) async fn download(
        &self,
        caller: Caller,
        (tenant, id): (TenantId, Uuid),
        wanted: Wanted,
    ) -> Result<Feed<wire::DownloadAnalysisResultResponse>> {
        let action = Action::DownloadAnalysisResult;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let analysis = self.find(&scope, id).await?;
        // Analysts read an answer before it is released; the tenant does not.
        let may = analysis.state == State::Released
            || (scope.entered().is_some() && analysis.state == State::Review);
        if !may {
            return Err(Error::new(
                Reason::FailedPrecondition,
                format!(
                    "the analysis is {}: there is no answer to read",
                    analysis.state.as_str()
                ),
            ));
        }
        let kept = kept(&self.kernel, &scope, &cipher, id).await?;
        let Some(kept) = kept else {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the answer is not kept any more: ask again",
            ));
        };
        let entry = AuditEntry::new(&permit)
            .resource(Name::Analysis(tenant, id))
            .detail("format", wanted.format.as_str_name());
        self.kernel.db().audit_read(&scope, entry).await?;
        let made = tokio::task::spawn_blocking(move || bytes(kept, &analysis, &wanted));
        let bytes = made.await.map_err(Error::internal)??;
        let scope = Arc::new(scope);
        let own = Arc::clone(&scope);
        let kernel = Arc::clone(&self.kernel);
        Ok(Feed::spawn(
            kernel,
            caller,
            scope,
            move |feeder| async move {
                for part in bytes.chunks(CHUNK) {
                    let data = Disclosed::own(&own, part.to_vec()).into_wire();
                    let part = wire::DownloadAnalysisResultResponse { data };
                    feeder.send(part).await?;
                }
                Ok(())
            },
        ))
    }
}

fn bytes(kept: Kept, analysis: &Analysis, wanted: &Wanted) -> Result<Vec<u8>> {
    match wanted.format {
        Format::Json => Ok(kept.answer.into_bytes()),
        Format::Unspecified | Format::Statement => Ok(kept.statement.into_bytes()),
        Format::Html => Ok(page(&analysis.question, &analysis.scope, &kept.shown()?).into_bytes()),
        Format::Csv => {
            let mut file = Vec::new();
            csv(&mut file, &table(&kept, wanted)?).map_err(Error::internal)?;
            Ok(file)
        }
        Format::Parquet => parquet(&table(&kept, wanted)?),
    }
}

fn table(kept: &Kept, wanted: &Wanted) -> Result<Table> {
    let answer = kept.shown()?;
    let names: Vec<&str> = answer
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    let place = match wanted.table.as_str() {
        "" => (!names.is_empty()).then_some(0),
        name => names.iter().position(|one| *one == name),
    };
    let refused = format!("expected one of {}", names.join(", "));
    place
        .and_then(|at| answer.tables.into_iter().nth(at))
        .ok_or_else(|| Error::invalid("table", refused))
}
