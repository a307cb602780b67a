//! Events that are OCSF already: who is concerned, and what each sees.

pub(crate) mod json;

use serde_json::Value;

use self::json::{Source, at, clip, each_at, number, text, time_of_text};
use crate::attribute::Reject;
use crate::credential;
use crate::directory::{Directory, Kind, Names};
use crate::identity;
use crate::row::{Attributed, EventRow, SourceType, Status};
use crate::view::Known;

/// The `resources` column holds no more names than this.
const MOST_RESOURCES: usize = 64;

const SOURCE: Source = Source {
    source_type: SourceType::Ocsf,
    time,
    event_id: |event| text(event, "metadata.uid"),
    operation,
    hints,
    columns,
};

/// Rows for the tenants that an event concerns; see [`crate::attribute()`].
///
/// # Errors
///
/// [`Reject`] if the event can't be read.
pub fn attribute<D, N>(
    record: &[u8],
    observed_ns: i64,
    directory: &D,
    names: &N,
) -> Result<Attributed<D::Tenant>, Reject>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    json::attribute(&SOURCE, record, observed_ns, directory, names)
}

/// `time_dt` where the producer gives it, since it is finer and can't be mistaken for
/// seconds; `time` in milliseconds otherwise.
fn time(event: &Value) -> Option<i64> {
    text(event, "time_dt").and_then(time_of_text).or_else(|| {
        let millis = number(event, "time")?;
        (millis > 0).then_some(())?;
        millis.checked_mul(1_000_000)
    })
}

/// What was done, by the most telling name that the event has.
fn operation(event: &Value) -> &str {
    [
        "api.operation",
        "finding_info.types.0",
        "finding_info.title",
        "activity_name",
        "type_name",
    ]
    .into_iter()
    .find_map(|path| text(event, path))
    .unwrap_or_default()
}

/// Names beside an account are of that account.
fn hints(event: &Value, owns: &mut dyn FnMut(&str) -> bool, known: &mut Known) {
    let mut told = |account: Option<&str>, named: &[(Kind, Option<&str>)]| {
        let Some(account) = account.and_then(identity::party_account) else {
            return;
        };
        let own = owns(account);
        let account = identity::directory_account(account);
        for (kind, name) in named {
            match name {
                Some(name) if own => known.own(name),
                Some(name) if *kind == Kind::Name => {
                    known.stranger(*kind, name, &format!("{account}/{name}"));
                }
                Some(name) if !name.starts_with("arn:") => known.stranger(*kind, name, name),
                _ => {}
            }
        }
    };
    told(
        text(event, "actor.user.account.uid"),
        &[
            (Kind::Resource, text(event, "actor.user.uid")),
            (Kind::Principal, text(event, "actor.user.uid_alt")),
            (Kind::Name, text(event, "actor.user.name")),
            (Kind::AccessKey, text(event, "actor.user.credential_uid")),
            (Kind::AccessKey, text(event, "actor.session.credential_uid")),
        ],
    );
    let user_account = text(event, "user.account.uid").or_else(|| text(event, "cloud.account.uid"));
    told(
        user_account,
        &[
            (Kind::Resource, text(event, "user.uid")),
            (Kind::Principal, text(event, "user.uid_alt")),
            (Kind::Name, text(event, "user.name")),
        ],
    );
    let resources = at(event, "resources").and_then(Value::as_array);
    for resource in resources.into_iter().flatten().chain(at(event, "resource")) {
        told(
            text(resource, "owner.account.uid"),
            &[
                (Kind::Resource, text(resource, "uid")),
                (Kind::Resource, text(resource, "uid_alt")),
                (Kind::Resource, text(resource, "name")),
            ],
        );
    }
}

fn columns(event: &Value, row: &mut EventRow) {
    let small = |path: &str| number(event, path).and_then(|n| i32::try_from(n).ok());
    row.class_uid = small("class_uid").unwrap_or_default();
    row.activity_id = small("activity_id").unwrap_or_default();
    row.severity_id = small("severity_id").unwrap_or_default();
    // A finding's status says how far its handling is, not how anything ended.
    let finding = row.class_uid / 1000 == 2;
    row.status = match small("status_id") {
        Some(code) if !finding => u8::try_from(code).map_or(Status::Other, Status::from_code),
        _ => Status::Unknown,
    };
    let first = |paths: &[&str]| {
        paths
            .iter()
            .find_map(|path| text(event, path))
            .map(clip)
            .unwrap_or_default()
    };
    row.account = first(&["cloud.account.uid"]);
    row.region = first(&["cloud.region"]);
    row.service = first(&["api.service.name", "service.name", "metadata.product.name"]);
    row.operation = clip(operation(event));
    row.actor = first(&[
        "actor.user.uid",
        "actor.user.name",
        "actor.user.uid_alt",
        "actor.app_name",
        "actor.invoked_by",
        "actor.process.name",
        "actor.user.account.uid",
    ]);
    row.credential_uid = credential::of_ocsf(event);
    let address = |path: &str| text(event, path).and_then(identity::parse_address);
    row.src_ip = address("src_endpoint.ip");
    row.dst_ip = address("dst_endpoint.ip");
    let port = |path: &str| number(event, path).and_then(|n| u16::try_from(n).ok());
    row.src_port = port("src_endpoint.port");
    row.dst_port = port("dst_endpoint.port");
    for path in ["resources.*", "resource", "user"] {
        each_at(event, path, &mut |resource| {
            let name = text(resource, "uid")
                .or_else(|| text(resource, "name"))
                .map(clip);
            if let Some(name) = name
                && row.resources.len() < MOST_RESOURCES
                && !row.resources.contains(&name)
            {
                row.resources.push(name);
            }
        });
    }
}
