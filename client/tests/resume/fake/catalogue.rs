//! The fake's facts, services and data sources: it notes what it is asked and answers with it.

use cordon_proto::catalogue as wire;
use cordon_proto::catalogue::catalogue_service_server::CatalogueService;
use cordon_proto::catalogue::facts_service_server::FactsService;
use cordon_proto::catalogue::hosts_service_server::HostsService;
use cordon_proto::readiness as ready;
use cordon_proto::readiness::readiness_service_server::ReadinessService;
use tonic::{Request, Response, Status};
use wire::fact_audience::Audience;

use super::Service;

type Answer<T> = Result<Response<T>, Status>;

/// When everything happens.
const TIME: Option<prost_types::Timestamp> = Some(prost_types::Timestamp {
    seconds: 1_700_000_000,
    nanos: 0,
});

/// The id of the one fact.
pub(crate) const FACT: &str = "01934f5e-7c1a-7abc-8def-0123456789ab";

impl Service {
    /// Notes a call and what it says.
    fn catalogue<T>(&self, request: Request<T>, words: fn(&T) -> String) -> Result<T, Status> {
        self.0.note(&request)?;
        let message = request.into_inner();
        self.0.registered.lock().unwrap().push(words(&message));
        Ok(message)
    }
}

impl Service {
    /// This program's, if no test says otherwise.
    fn attack_version(&self) -> String {
        match self.0.attack_version.lock().unwrap().as_str() {
            "" => "18".to_owned(),
            version => version.to_owned(),
        }
    }
}

/// The one fact, in a version.
fn fact(name: &str, version: i64) -> wire::Fact {
    wire::Fact {
        name: name.to_owned(),
        kind: wire::FactKind::Technology.into(),
        service: "compute".to_owned(),
        title: format!("Machines run on KVM {version}"),
        text: "One host,\n\u{1b}[2Jone tenant.".to_owned(),
        audience: Some(wire::FactAudience {
            audience: Some(Audience::Everyone(wire::EveryTenant {})),
        }),
        state: wire::fact::State::Current.into(),
        version,
        publish_time: TIME,
        etag: format!("e{version}"),
        ..wire::Fact::default()
    }
}

fn seconds(time: Option<&prost_types::Timestamp>) -> String {
    time.map_or_else(|| "now".to_owned(), |time| time.seconds.to_string())
}

#[tonic::async_trait]
impl FactsService for Service {
    async fn create_fact(
        &self,
        request: Request<wire::CreateFactRequest>,
    ) -> Answer<wire::CreateFactResponse> {
        let asked = self.catalogue(request, |asked| {
            let fact = asked.fact.clone().unwrap();
            let audience = fact.audience.clone().unwrap().audience.unwrap();
            format!(
                "create_fact {} {audience:?} {:?} {:?} {}",
                fact.kind().as_str_name(),
                fact.title,
                fact.text,
                seconds(fact.valid_to.as_ref())
            )
        })?;
        let fact = wire::Fact {
            name: format!("facts/{FACT}"),
            version: 1,
            ..asked.fact.unwrap()
        };
        Ok(Response::new(wire::CreateFactResponse { fact: Some(fact) }))
    }

    async fn update_fact(
        &self,
        request: Request<wire::UpdateFactRequest>,
    ) -> Answer<wire::UpdateFactResponse> {
        let asked = self.catalogue(request, |asked| {
            let fact = asked.fact.clone().unwrap();
            let paths = asked.update_mask.clone().unwrap().paths;
            format!("update_fact {} {paths:?} {:?}", fact.name, fact.etag)
        })?;
        let fact = fact(&asked.fact.unwrap().name, 3);
        Ok(Response::new(wire::UpdateFactResponse { fact: Some(fact) }))
    }

    async fn withdraw_fact(
        &self,
        request: Request<wire::WithdrawFactRequest>,
    ) -> Answer<wire::WithdrawFactResponse> {
        let asked = self.catalogue(request, |asked| {
            format!(
                "withdraw_fact {} {:?} {:?}",
                asked.name, asked.reason, asked.etag
            )
        })?;
        let fact = wire::Fact {
            state: wire::fact::State::Withdrawn.into(),
            withdraw_reason: asked.reason,
            ..fact(&asked.name, 3)
        };
        Ok(Response::new(wire::WithdrawFactResponse {
            fact: Some(fact),
        }))
    }

    async fn get_fact(
        &self,
        request: Request<wire::GetFactRequest>,
    ) -> Answer<wire::GetFactResponse> {
        let asked = self.catalogue(request, |asked| {
            format!(
                "get_fact {} {}",
                asked.name,
                seconds(asked.as_of_time.as_ref())
            )
        })?;
        let version = if asked.as_of_time.is_some() { 1 } else { 2 };
        let fact = Some(fact(&asked.name, version));
        Ok(Response::new(wire::GetFactResponse { fact }))
    }

    async fn list_facts(
        &self,
        request: Request<wire::ListFactsRequest>,
    ) -> Answer<wire::ListFactsResponse> {
        let asked = self.catalogue(request, |asked| {
            format!(
                "list_facts {:?} {} {:?} {} {}",
                asked.parent,
                asked.kind().as_str_name(),
                asked.service,
                seconds(asked.as_of_time.as_ref()),
                asked.show_ended
            )
        })?;
        let below = match asked.parent.as_str() {
            "" => String::new(),
            parent => format!("{parent}/"),
        };
        // Two pages of one.
        let (version, next_page_token) = match asked.page_token.as_str() {
            "" => (1, "more".to_owned()),
            _ => (2, String::new()),
        };
        let fact = wire::Fact {
            text: String::new(),
            ..fact(&format!("{below}facts/{FACT}"), version)
        };
        Ok(Response::new(wire::ListFactsResponse {
            facts: vec![fact],
            next_page_token,
        }))
    }

    async fn list_fact_versions(
        &self,
        request: Request<wire::ListFactVersionsRequest>,
    ) -> Answer<wire::ListFactVersionsResponse> {
        let asked = self.catalogue(request, |asked| {
            format!("list_fact_versions {}", asked.parent)
        })?;
        Ok(Response::new(wire::ListFactVersionsResponse {
            versions: [2, 1].map(|version| fact(&asked.parent, version)).into(),
        }))
    }
}

/// A service with what was asked of it.
fn service(name: String, given: wire::Service) -> wire::Service {
    wire::Service {
        name,
        create_time: TIME,
        ..given
    }
}

#[tonic::async_trait]
impl CatalogueService for Service {
    async fn create_service(
        &self,
        request: Request<wire::CreateServiceRequest>,
    ) -> Answer<wire::CreateServiceResponse> {
        let asked = self.catalogue(request, |asked| {
            format!("create_service {} {}", asked.parent, asked.service_id)
        })?;
        let name = format!("{}/services/{}", asked.parent, asked.service_id);
        let service = Some(service(name, asked.service.unwrap()));
        Ok(Response::new(wire::CreateServiceResponse { service }))
    }

    async fn list_services(
        &self,
        request: Request<wire::ListServicesRequest>,
    ) -> Answer<wire::ListServicesResponse> {
        let asked = self.catalogue(request, |asked| format!("list_services {}", asked.parent))?;
        let name = format!("{}/services/compute", asked.parent);
        Ok(Response::new(wire::ListServicesResponse {
            services: vec![service(name, wire::Service::default())],
            next_page_token: String::new(),
        }))
    }

    async fn delete_service(
        &self,
        request: Request<wire::DeleteServiceRequest>,
    ) -> Answer<wire::DeleteServiceResponse> {
        self.catalogue(request, |asked| format!("delete_service {}", asked.name))?;
        Ok(Response::new(wire::DeleteServiceResponse {}))
    }

    async fn list_data_sources(
        &self,
        request: Request<wire::ListDataSourcesRequest>,
    ) -> Answer<wire::ListDataSourcesResponse> {
        self.catalogue(request, |asked| {
            format!("list_data_sources {}", asked.parent)
        })?;
        let span = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        let source = wire::DataSource {
            source_type: "aws.cloudtrail".to_owned(),
            title: "AWS CloudTrail".to_owned(),
            service_models: vec![wire::ServiceModel::Iaas.into()],
            access: wire::Access::Direct.into(),
            event_count: 7,
            last_event_time: TIME,
            lag: Some(wire::Lag {
                p50: span(120),
                p95: span(420),
                event_count: 7,
            }),
            sources: vec![wire::SourceProgress {
                source: "sources/trail".to_owned(),
                complete_until: TIME,
                observed_until: TIME,
            }],
            ..wire::DataSource::default()
        };
        Ok(Response::new(wire::ListDataSourcesResponse {
            data_sources: vec![source],
            retention: "until the tenant is deleted".to_owned(),
        }))
    }

    async fn recommend_sources(
        &self,
        request: Request<wire::RecommendSourcesRequest>,
    ) -> Answer<wire::RecommendSourcesResponse> {
        self.catalogue(request, |asked| {
            format!(
                "recommend_sources {} {:?} {:?}",
                asked.parent,
                asked.question.as_ref().unwrap(),
                asked.platforms
            )
        })?;
        let covered = wire::Covered {
            technique: "T1562.008".to_owned(),
            component: "DC0090".to_owned(),
            evidence: wire::Evidence::Analytic.into(),
            alone: true,
        };
        Ok(Response::new(wire::RecommendSourcesResponse {
            attack_version: self.attack_version(),
            techniques: vec!["T1562.008".to_owned()],
            sources: vec![wire::RecommendedSource {
                source_type: "aws.cloudtrail".to_owned(),
                access: wire::Access::Analysis.into(),
                score: 4,
                reason: "the provider has it of compute: ask it to analyse it".to_owned(),
                covers: vec![covered],
            }],
            gaps: vec![wire::Gap {
                technique: "T1562.008".to_owned(),
                component: "DC0069".to_owned(),
                recorded_by: vec!["gcp.audit".to_owned()],
            }],
            covered: 1,
            wanted: 2,
            ..wire::RecommendSourcesResponse::default()
        }))
    }

    async fn get_coverage(
        &self,
        request: Request<wire::GetCoverageRequest>,
    ) -> Answer<wire::GetCoverageResponse> {
        self.catalogue(request, |asked| {
            let since = seconds(asked.start_time.as_ref());
            format!(
                "get_coverage {} {since} {:?}",
                asked.parent, asked.platforms
            )
        })?;
        Ok(Response::new(wire::GetCoverageResponse {
            attack_version: self.attack_version(),
            sources: vec![wire::CoverageSource {
                source_type: "aws.cloudtrail".to_owned(),
                access: wire::Access::Direct.into(),
            }],
            rows: vec![wire::CoverageRow {
                technique: "T1562.008".to_owned(),
                wanted: 2,
                covered: vec![1],
                together: 1,
                access: wire::Access::Direct.into(),
            }],
            partly: 1,
            ..wire::GetCoverageResponse::default()
        }))
    }
}

#[tonic::async_trait]
impl ReadinessService for Service {
    async fn check_readiness(
        &self,
        request: Request<ready::CheckReadinessRequest>,
    ) -> Answer<ready::CheckReadinessResponse> {
        let asked = self.catalogue(request, |asked| format!("check_readiness {}", asked.parent))?;
        use ready::readiness_item::State;
        let mut items = vec![ready::ReadinessItem {
            check: ready::ReadinessCheck::Accounts.into(),
            state: State::Ok.into(),
            reason: "cloud accounts are registered".to_owned(),
            ..ready::ReadinessItem::default()
        }];
        if *self.0.unready.lock().unwrap() {
            items.push(ready::ReadinessItem {
                check: ready::ReadinessCheck::Logging.into(),
                subject: format!("{}/services/compute", asked.parent),
                state: State::Attention.into(),
                reason: "nothing came".to_owned(),
                action: "switch it on".to_owned(),
            });
        }
        Ok(Response::new(ready::CheckReadinessResponse {
            items,
            as_of_time: TIME,
        }))
    }
}

#[tonic::async_trait]
impl HostsService for Service {
    async fn record_placements(
        &self,
        request: Request<wire::RecordPlacementsRequest>,
    ) -> Answer<wire::RecordPlacementsResponse> {
        let asked = self.catalogue(request, |asked| {
            let one = asked.placements[0].clone();
            format!(
                "record_placements {} {} {} {}",
                one.tenant,
                one.instance,
                one.host,
                seconds(one.start_time.as_ref())
            )
        })?;
        Ok(Response::new(wire::RecordPlacementsResponse {
            recorded_count: i32::try_from(asked.placements.len()).unwrap(),
        }))
    }

    async fn announce_host_work(
        &self,
        request: Request<wire::AnnounceHostWorkRequest>,
    ) -> Answer<wire::AnnounceHostWorkResponse> {
        let asked = self.catalogue(request, |asked| {
            let work = asked.host_work.clone().unwrap();
            format!(
                "announce_host_work {} {} {:?} {:?}",
                work.first_day, work.last_day, work.hosts, work.reference
            )
        })?;
        Ok(Response::new(wire::AnnounceHostWorkResponse {
            host_work: asked.host_work,
        }))
    }

    async fn list_host_work(
        &self,
        request: Request<wire::ListHostWorkRequest>,
    ) -> Answer<wire::ListHostWorkResponse> {
        let asked = self.catalogue(request, |asked| {
            format!("list_host_work {:?}", asked.page_token)
        })?;
        let one = |id: &str| wire::HostWork {
            name: format!("hostWork/{id}"),
            ..wire::HostWork::default()
        };
        let (id, next) = match asked.page_token.as_str() {
            "" => ("1", "more"),
            _ => ("2", ""),
        };
        Ok(Response::new(wire::ListHostWorkResponse {
            host_work: vec![one(id)],
            next_page_token: next.to_owned(),
        }))
    }
}
