//! `cordon sources list`: the data sources there are, and what is measured of each.

use cordon_client::{DataSource, DataSources, Lag, SourceProgress};
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Outcome;
use crate::incidents::show::moment;
use crate::incidents::words::plain;
use crate::output::{Form, Row};
use crate::services::{access, model};
use crate::show::{or_null, short, time_json};
use crate::sla::amounts::{exact_span, plain_span};

pub(super) fn show(context: &Context, found: &DataSources) -> Outcome {
    let sources = found.data_sources.iter();
    match context.output.form() {
        Form::Table => {
            let rows = sources.map(Row::cells).collect();
            context.output.table(DataSource::HEAD, rows)?;
            context
                .output
                .text(&format!("events are kept {}", found.retention))
        }
        Form::Json | Form::Ndjson => context.output.document(&json!({
            "data_sources": sources.map(Row::json).collect::<Vec<_>>(),
            "retention": found.retention,
        })),
    }
}

impl Row for DataSource {
    const HEAD: &'static [&'static str] = &[
        "source",
        "models",
        "access",
        "events",
        "last",
        "lag p50",
        "p95",
        "complete until",
        "services",
    ];

    fn cells(&self) -> Vec<String> {
        let models = self.service_models().map(|one| plain(model(one)));
        let lag = self.lag.as_ref();
        vec![
            self.source_type.clone(),
            models.collect::<Vec<_>>().join(" "),
            plain(access(self.access())),
            self.event_count.to_string(),
            moment(self.last_event_time.as_ref()),
            plain_span(lag.and_then(|lag| lag.p50.as_ref())),
            plain_span(lag.and_then(|lag| lag.p95.as_ref())),
            until(&self.sources),
            self.services.join(" "),
        ]
    }

    fn json(&self) -> Value {
        let models = self.service_models().map(model);
        let progress = self.sources.iter().map(|one| {
            json!({
                "source": one.source,
                "complete_until": time_json(one.complete_until.as_ref()),
                "observed_until": time_json(one.observed_until.as_ref()),
            })
        });
        json!({
            "source_type": self.source_type,
            "title": self.title,
            "service_models": models.collect::<Vec<_>>(),
            "class_uids": self.class_uids,
            "fields": self.fields,
            "blind_spots": self.blind_spots,
            "access": or_null(access(self.access()).to_owned()),
            "services": self.services,
            "event_count": self.event_count,
            "last_event_time": time_json(self.last_event_time.as_ref()),
            "lag": self.lag.as_ref().map(lag_json),
            "sources": progress.collect::<Vec<_>>(),
        })
    }
}

fn lag_json(lag: &Lag) -> Value {
    let span =
        |span: Option<&prost_types::Duration>| or_null(span.map_or_else(String::new, exact_span));
    json!({
        "p50": span(lag.p50.as_ref()),
        "p95": span(lag.p95.as_ref()),
        "event_count": lag.event_count,
    })
}

/// Up to when each source has delivered everything; `observed` where it does not say.
fn until(sources: &[SourceProgress]) -> String {
    let each = sources.iter().map(|one| match &one.complete_until {
        Some(until) => format!("{} {}", short(&one.source), moment(Some(until))),
        None => {
            let observed = moment(one.observed_until.as_ref());
            format!("{} observed {observed}", short(&one.source))
        }
    });
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::{Duration, Timestamp};

    #[test]
    fn what_is_not_measured_is_not_made_up() {
        let mut source = DataSource {
            source_type: "aws.vpcflow".to_owned(),
            access: cordon_client::Access::None.into(),
            ..DataSource::default()
        };
        let cells = source.cells();
        assert_eq!(cells[2..], ["none", "0", "", "", "", "", ""]);
        assert_eq!(source.json()["lag"], Value::Null);
        source.lag = Some(Lag {
            p50: Some(Duration {
                seconds: 90,
                nanos: 0,
            }),
            p95: None,
            event_count: 3,
        });
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        source.sources = vec![
            SourceProgress {
                source: "sources/flow".to_owned(),
                complete_until: None,
                observed_until: at(0),
            },
            SourceProgress {
                source: "sources/trail".to_owned(),
                complete_until: at(60),
                observed_until: at(0),
            },
        ];
        let cells = source.cells();
        assert_eq!(cells[5], "1m 30s");
        assert_eq!(
            cells[7],
            "flow observed 1970-01-01T00:00:00Z, trail 1970-01-01T00:01:00Z"
        );
        assert_eq!(source.json()["lag"]["p50"], "90s");
    }
}
