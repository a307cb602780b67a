//! OpenStack notifications: whose they are and what is searched in them.
//!
//! Read are Nova's versioned notifications and Keystone's, in CADF or in the basic form, as
//! they come from the message bus:
//! <https://docs.openstack.org/nova/latest/admin/notifications.html>,
//! <https://docs.openstack.org/keystone/latest/admin/event_notifications.html>. Accounts are
//! projects, `openstack:` and the project's id. A notification is the provider's own record,
//! so that each view is redacted, that of a sole party as well.

mod classes;
mod notification;

use serde_json::Value;

use crate::attribute::{Reject, content_hash};
use crate::directory::{Directory, Kind, Names};
use crate::identity;
use crate::ocsf_native::json::{self, Record, Source, clip, text, time_of_text};
use crate::row::{Attributed, EventRow, SourceType};
use crate::split;
use crate::view::Known;

use notification::{NULL, fields, word};

pub(crate) use classes::{ACCOUNT_CHANGE, AUTHENTICATION, status};
pub(crate) use notification::Notification;

/// What stands before the id of a project where accounts are named.
const CLOUD: &str = "openstack";

/// The `resources` column holds no more names than this.
const MOST_RESOURCES: usize = 64;

const SOURCE: Source = Source {
    source_type: SourceType::OpenStackNotification,
    time: |record| time(&Notification::of(record)),
    event_id: |record| text(record, "message_id"),
    operation: |record| text(record, "event_type").unwrap_or_default(),
    hints,
    columns,
};

/// Rows for the projects that a notification concerns; see [`crate::attribute()`].
///
/// The bus wraps a notification as text in an envelope (`oslo.version`, `oslo.message`). The
/// envelope is the bus's and says nothing: the row has what is in it, as it was written.
///
/// # Errors
///
/// [`Reject`] if the notification can't be read.
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
    let read = |record: &[u8]| -> Result<(String, Value), Reject> {
        let text = split::check_record(SOURCE.source_type, record, None)?.trim_ascii();
        Ok((text.to_owned(), json::parse(text)?))
    };
    let (mut text, mut value) = read(record)?;
    if let Some(message) = value.get("oslo.message").and_then(Value::as_str) {
        (text, value) = read(message.as_bytes())?;
    }
    let record = Record {
        time_ns: (SOURCE.time)(&value),
        value,
        text: &text,
        context: None,
        content: content_hash(&text),
        cloud: CLOUD,
        provider: true,
    };
    json::attribute_read(&SOURCE, &record, observed_ns, directory, names)
}

/// When it happened: by the CADF event, or when the notification was sent.
fn time(notification: &Notification<'_>) -> Option<i64> {
    notification
        .said("eventTime")
        .or_else(|| word(notification.record, "timestamp"))
        .and_then(time_of_text)
}

/// The machine in a publisher's name: `nova-compute:host`, `identity.host`.
fn machine(publisher: &str) -> Option<&str> {
    publisher
        .split_once(':')
        .or_else(|| publisher.split_once('.'))
        .map(|(_, host)| host)
        .filter(|host| !host.is_empty())
}

/// Fields that name machines of the provider's, one or a list.
const HOSTS: [&str; 7] = [
    "host",
    "node",
    "nodename",
    "hosts",
    "ignore_hosts",
    "force_hosts",
    "force_nodes",
];

/// More machines than this are not looked for in text.
const MOST_HOSTS: usize = 256;

/// Names beside a project are of that project, and machines are the provider's.
fn hints(record: &Value, owns: &mut dyn FnMut(&str) -> bool, known: &mut Known) {
    let notification = Notification::of(record);
    let mut told = |project: Option<&str>, named: &[(Kind, Option<&str>)]| {
        let Some(project) = project.and_then(identity::party_account) else {
            return;
        };
        if owns(project) {
            return;
        }
        let account = identity::cloud_account(CLOUD, project);
        known.stranger(Kind::Account, project, &account);
        for (kind, name) in named {
            match name {
                Some(name) if *kind == Kind::Name => {
                    known.stranger(*kind, name, &format!("{account}/{name}"));
                }
                Some(name) => known.stranger(*kind, name, name),
                None => {}
            }
        }
    };
    told(
        notification.caller(),
        &[
            (Kind::Principal, notification.user_id()),
            (Kind::Name, notification.user_name()),
        ],
    );
    told(
        notification.owner(),
        &[
            (Kind::Principal, notification.datum("user_id")),
            (Kind::Resource, notification.datum("uuid")),
            (Kind::Resource, notification.datum("instance_uuid")),
            (Kind::Name, notification.datum("display_name")),
            (Kind::Name, notification.datum("host_name")),
        ],
    );
    if let Some(publisher) = word(record, "publisher_id") {
        // One machine is one, whatever its service.
        known.stranger(
            Kind::Host,
            publisher,
            machine(publisher).unwrap_or(publisher),
        );
    }
    let data = [
        notification.data,
        notification.data.get("request_spec").map_or(&NULL, fields),
    ];
    let hosts = data.into_iter().flat_map(|data| {
        HOSTS.into_iter().flat_map(|key| match data.get(key) {
            Some(Value::Array(hosts)) => hosts.as_slice(),
            Some(host) => std::slice::from_ref(host),
            None => &[],
        })
    });
    for host in hosts.filter_map(Value::as_str).take(MOST_HOSTS) {
        known.stranger(Kind::Host, host, host);
    }
}

fn columns(record: &Value, row: &mut EventRow) {
    let notification = Notification::of(record);
    (row.class_uid, row.activity_id) = classes::class(&notification);
    row.severity_id = classes::severity(word(record, "priority"));
    row.status = status(&notification);
    let first = |text: Option<&str>| text.map(clip).unwrap_or_default();
    row.account = first(notification.owner().or_else(|| notification.caller()));
    row.service = service(&notification).to_owned();
    row.operation = clip(notification.event_type());
    row.actor = first(
        notification
            .user_id()
            .or_else(|| notification.user_name())
            .or_else(|| notification.caller()),
    );
    row.src_ip = notification.address().and_then(identity::parse_address);
    for name in notification.resources() {
        let name = clip(name);
        if row.resources.len() < MOST_RESOURCES && !row.resources.contains(&name) {
            row.resources.push(name);
        }
    }
}

/// The service by its official type (<https://service-types.openstack.org>); empty for one
/// that is not known here.
pub(crate) fn service(notification: &Notification<'_>) -> &'static str {
    if notification.is_identity() {
        "identity"
    } else if word(notification.payload, "nova_object.name").is_some() {
        "compute"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests;
