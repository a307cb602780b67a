//! What can be known before anything happens: what the provider states, which services a tenant uses,
//! which data sources tell of what, and whether the tenant is ready.

mod facts;
mod hosts;
mod parts;
mod readiness;
mod sources;

pub use cordon_proto::catalogue::{
    Access, CoverageRow, CoverageSource, Covered, DataSource, Evidence, Fact, FactKind, Gap,
    GetCoverageResponse as Coverage, HostWork, Lag, ListDataSourcesResponse as DataSources,
    Placement, RecommendSourcesResponse as SourceRecommendation, RecommendedSource, Service,
    ServiceModel, ServiceSource, SilentTechnique, SourceProgress, fact::State as FactState,
};
pub use cordon_proto::readiness::{
    CheckReadinessResponse as Readiness, ReadinessCheck, ReadinessItem,
    readiness_item::State as ReadinessState,
};

pub use self::facts::Facts;
pub use self::hosts::{Hosts, MOST_PLACEMENTS};
pub use self::parts::{FactAudience, FactChanges, FactFilter, NewFact, SourceQuestion};
pub use self::sources::Catalogue;
