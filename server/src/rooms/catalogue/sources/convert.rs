//! Between messages and what is known of data sources.

use cordon_attack::{Evidence, IncidentKind, Matrix, NOTICE, Platform, RankedSource, SourceType};
use cordon_kernel::db::segments::SourceProgress;
use cordon_kernel::db::timestamp;
use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::catalogue as wire;
use jiff::SignedDuration;

use super::super::services::convert::{access, service_model, source_type};
use super::measure::Lag;
use super::service::{Ask, DataSource, Recommended};
use crate::rooms::fields::{Fields, wire_time};

/// Longest name of a technique, tactic or kind of incidents, in bytes.
const MAX_WORD: usize = 64;
/// How long events are kept.
const RETENTION: &str = "until the tenant is deleted";

/// A question, and of whom.
#[derive(Debug, Clone)]
pub(in super::super) struct Recommend {
    pub(super) tenant: TenantId,
    pub(super) ask: Ask,
    pub(super) since: Option<i64>,
    pub(super) platforms: Vec<Platform>,
}

/// From when on it is looked, in nanoseconds since 1970.
pub(in super::super) fn since(time: Option<prost_types::Timestamp>) -> Result<Option<i64>> {
    let mut fields = Fields::default();
    let time = fields.time("start_time", time);
    fields.finish()?;
    Ok(time.flatten())
}

/// Platforms by ATT&CK's names.
pub(in super::super) fn platforms(names: &[String]) -> Result<Vec<Platform>> {
    let named = |name: &String| {
        let mut all = Platform::ALL.into_iter();
        all.find(|one| one.as_str() == name).ok_or_else(|| {
            let known: Vec<_> = Platform::ALL.iter().map(|one| one.as_str()).collect();
            Error::invalid(
                "platforms",
                format!("expected some of {}", known.join(", ")),
            )
        })
    };
    // More than there are repeat some.
    let mut platforms: Vec<Platform> = names.iter().map(named).collect::<Result<_>>()?;
    platforms.sort_unstable();
    platforms.dedup();
    Ok(platforms)
}

impl Recommend {
    /// Reads the request.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` that names the field.
    pub(in super::super) fn from_wire(request: wire::RecommendSourcesRequest) -> Result<Self> {
        use wire::recommend_sources_request::Question;
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let ask = match request.question {
            Some(Question::Technique(id)) => Ask::Technique(word("technique", id)?),
            Some(Question::Tactic(name)) => Ask::Tactic(word("tactic", name)?),
            Some(Question::IncidentKind(kind)) => {
                let kind = kind.parse::<IncidentKind>().map_err(|_| {
                    let known: Vec<_> = IncidentKind::ALL.iter().map(|one| one.as_str()).collect();
                    let expected = format!("expected one of {}", known.join(", "));
                    Error::invalid("incident_kind", expected)
                })?;
                Ask::Incident(kind)
            }
            Some(Question::Operation(asked)) => {
                let kind = source_type(&asked.source_type)
                    .map_err(|expected| Error::invalid("operation.source_type", expected))?;
                Ask::Operation(kind, asked.operation)
            }
            Some(Question::Event(name)) => match Name::parse("event", &name)? {
                Name::Event(of, event) if of == tenant => Ask::Event(event),
                // Refused as anything of another tenant's is, whether or not it is there.
                Name::Event(..) => return Err(Error::permission_denied()),
                _ => {
                    return Err(Error::invalid(
                        "event",
                        "expected tenants/{tenant}/events/{event}",
                    ));
                }
            },
            None => {
                return Err(Error::invalid(
                    "question",
                    "expected technique, tactic, incident_kind, operation or event",
                ));
            }
        };
        Ok(Self {
            tenant,
            ask,
            since: since(request.start_time)?,
            platforms: platforms(&request.platforms)?,
        })
    }
}

fn word(field: &str, text: String) -> Result<String> {
    if text.is_empty() || text.len() > MAX_WORD {
        return Err(Error::invalid(field, "expected 1 to 64 characters"));
    }
    Ok(text)
}

/// The answer about all sources.
pub(in super::super) fn data_sources(
    found: Disclosed<Vec<DataSource>>,
) -> wire::ListDataSourcesResponse {
    wire::ListDataSourcesResponse {
        data_sources: found.into_wire().into_iter().map(data_source).collect(),
        retention: RETENTION.to_owned(),
    }
}

fn data_source(source: DataSource) -> wire::DataSource {
    let known = source.kind.known();
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let models = known.service_models.iter();
    let classes = known.class_uids.iter();
    wire::DataSource {
        source_type: source.kind.as_str().to_owned(),
        title: known.title.to_owned(),
        service_models: models.map(|model| service_model(*model)).collect(),
        class_uids: classes.filter_map(|uid| i32::try_from(*uid).ok()).collect(),
        fields: words(known.fields),
        blind_spots: words(known.blind_spots),
        access: access(source.offer.access),
        services: source.offer.services,
        event_count: i64::try_from(source.events).unwrap_or(i64::MAX),
        last_event_time: source.lag.map(|lag| wire_time(lag.last_event)),
        lag: source.lag.map(lag),
        sources: source.progress.into_iter().map(progress).collect(),
    }
}

fn lag(lag: Lag) -> wire::Lag {
    wire::Lag {
        p50: Some(duration(lag.p50)),
        p95: Some(duration(lag.p95)),
        event_count: i32::try_from(lag.events).unwrap_or(i32::MAX),
    }
}

fn duration(span: SignedDuration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: span.as_secs(),
        nanos: span.subsec_nanos(),
    }
}

fn progress(progress: SourceProgress) -> wire::SourceProgress {
    let time = |nanos| wire_time(timestamp(nanos));
    wire::SourceProgress {
        source: Name::Source(progress.source).to_string(),
        complete_until: progress.watermark.map(time),
        observed_until: Some(time(progress.observed_until)),
    }
}

/// The answer to a question.
pub(in super::super) fn recommended(
    found: Disclosed<Recommended>,
) -> wire::RecommendSourcesResponse {
    let Recommended {
        version,
        answer,
        offers,
    } = found.into_wire();
    let reason = |kind: SourceType| {
        let offer = offers.get(kind);
        offer.map_or_else(String::new, |offer| offer.reason.clone())
    };
    let sources = answer.sources.iter();
    let gaps = answer.gaps.iter().map(|gap| wire::Gap {
        technique: gap.technique.id.to_owned(),
        component: gap.component.id.to_owned(),
        recorded_by: gap.recorded_by.iter().map(ToString::to_string).collect(),
    });
    let silent = answer.silent.iter().map(|silent| wire::SilentTechnique {
        technique: silent.technique.id.to_owned(),
        elsewhere: silent.elsewhere,
    });
    wire::RecommendSourcesResponse {
        attack_version: version.to_owned(),
        techniques: ids(answer.techniques.iter().map(|one| one.id)),
        sources: sources
            .map(|source| ranked(source, reason(source.source)))
            .collect(),
        gaps: gaps.collect(),
        silent: silent.collect(),
        covered: number(answer.covered),
        wanted: number(answer.wanted),
        notice: NOTICE.to_owned(),
    }
}

fn ranked(source: &RankedSource<'_>, reason: String) -> wire::RecommendedSource {
    let covers = source.covers.iter().map(|one| wire::Covered {
        technique: one.technique.id.to_owned(),
        component: one.component.id.to_owned(),
        evidence: evidence(one.evidence).into(),
        alone: one.alone,
    });
    wire::RecommendedSource {
        source_type: source.source.as_str().to_owned(),
        access: access(source.access),
        score: i32::try_from(source.score).unwrap_or(i32::MAX),
        reason,
        covers: covers.collect(),
    }
}

fn evidence(evidence: Evidence) -> wire::Evidence {
    match evidence {
        Evidence::Review => wire::Evidence::Review,
        Evidence::Component => wire::Evidence::Component,
        Evidence::Analytic => wire::Evidence::Analytic,
    }
}

/// Techniques against sources.
pub(in super::super) fn coverage(found: Disclosed<Matrix<'static>>) -> wire::GetCoverageResponse {
    let matrix = found.into_wire();
    let sources = matrix
        .sources
        .iter()
        .map(|(kind, by)| wire::CoverageSource {
            source_type: kind.as_str().to_owned(),
            access: access(*by),
        });
    let mut rows: Vec<_> = matrix.tactics.iter().flat_map(|(_, rows)| rows).collect();
    rows.sort_unstable_by_key(|row| row.technique.id);
    rows.dedup_by_key(|row| row.technique.id);
    let rows = rows.into_iter().map(|row| wire::CoverageRow {
        technique: row.technique.id.to_owned(),
        wanted: number(row.together.of),
        covered: row.cells.iter().map(|cell| number(cell.covered)).collect(),
        together: number(row.together.covered),
        access: access(row.together.access),
    });
    wire::GetCoverageResponse {
        attack_version: matrix.version.to_owned(),
        sources: sources.collect(),
        rows: rows.collect(),
        whole: number(matrix.whole),
        partly: number(matrix.partly),
        gaps: number(matrix.gaps),
        silent: number(matrix.silent),
        notice: NOTICE.to_owned(),
    }
}

fn ids<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    ids.map(ToOwned::to_owned).collect()
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
