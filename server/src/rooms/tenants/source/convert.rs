//! Between messages and a source.

use cordon_kernel::db::timestamp;
use cordon_kernel::{Disclosed, Name, Result, SourceId};
use cordon_proto::tenants as wire;
use cordon_views::SourceType;

use super::super::fields::{Fields, wire_time};
use super::model::{NewSource, SourceLine};

pub(in super::super) fn create(request: wire::CreateSourceRequest) -> Result<NewSource> {
    let mut fields = Fields::default();
    let body = request.source.unwrap_or_default();
    let id = fields.read("source_id", request.source_id.parse::<SourceId>());
    let display_name = fields.display_name(
        "source.display_name",
        &body.display_name,
        &request.source_id,
    );
    let known = body.source_type.parse::<SourceType>();
    let source_type = fields.read(
        "source.source_type",
        known.map_err(|_| {
            let known: Vec<_> = SourceType::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("expected one of {}", known.join(", "))
        }),
    );
    match (id, display_name, source_type) {
        (Some(id), Some(display_name), Some(source_type)) => Ok(NewSource {
            id,
            display_name,
            source_type,
        }),
        _ => Err(fields.refuse()),
    }
}

pub(in super::super) fn delete(request: &wire::DeleteSourceRequest) -> Result<SourceId> {
    Name::parse_source("name", &request.name)
}

/// The message that shows it.
pub(in super::super) fn encode(line: Disclosed<SourceLine>) -> wire::Source {
    let line = line.into_wire();
    let (display_name, source_type) = line
        .register
        .map(|source| (source.display_name, source.source_type.as_str().to_owned()))
        .unwrap_or_default();
    wire::Source {
        name: Name::Source(line.id).to_string(),
        display_name,
        source_type,
        watermark: line.watermark.map(|nanos| wire_time(timestamp(nanos))),
    }
}
