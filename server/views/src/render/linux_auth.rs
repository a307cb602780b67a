//! Lines of authentication logs as Authentication, Account Change, Group Management and
//! Process Activity; as a Base Event where nothing is known of the line.

use super::raw::Text;
use super::writer::Writer;
use super::{AWS, Base, VIEW_KEY, account_words, endpoint_key, observable, schema, view_note};
use crate::identity;
use crate::linux_auth::operation::Operation;
use crate::linux_auth::operation::{
    ACCOUNT_CHANGE, AUTHENTICATION, GROUP_MANAGEMENT, PROCESS_ACTIVITY,
};
use crate::linux_auth::{Entry, split_account, value};
use crate::ocsf_native::json::text;
use crate::row::EventRowRef;

/// Fields beside the line that have a place elsewhere.
const MAPPED: [&str; 3] = ["account", "host", "line"];

/// Writes the event; `None` if the view is no line.
pub(super) fn write(row: &EventRowRef<'_>, out: &mut String) -> Option<()> {
    let record = value(row.raw.trim_ascii(), row.raw_context).ok()?;
    let entry = Entry::of(&record)?;
    let said = &entry.said;
    let mut event = Writer::new(out);
    let event = &mut event;
    Base {
        product: "Linux",
        feature: Some(Text::Bare(entry.service())),
        profiles: &["cloud", "datetime", "host"],
        original_time: Some(Text::Bare(entry.line.time)),
        ..Base::default()
    }
    .write(event, row);
    event.text_if("message", entry.line.message);
    event.text_if("raw_data", text(&record, "line").unwrap_or_default());
    event.text_if("status_detail", said.reason);
    if let Some(count) = said.count {
        event.number("count", count);
    }
    cloud(event, text(&record, "account").unwrap_or_default());
    device(event, &entry);
    actor(event, &entry);
    let remote = !said.from.is_empty();
    if remote && row.class_uid / 1000 == 3 {
        let source = event.open("src_endpoint");
        endpoint(event, said.from, said.from_port);
        event.close(source);
    }
    match row.class_uid {
        AUTHENTICATION => authentication(event, &entry, remote),
        ACCOUNT_CHANGE => user(event, "user", said.target),
        GROUP_MANAGEMENT => {
            let group = event.open("group");
            event.text("name", named(said.group));
            event.close(group);
            if !said.target.is_empty() {
                user(event, "user", said.target);
            }
        }
        PROCESS_ACTIVITY => process(event, &entry, row.event_id),
        _ => {}
    }
    let observables = event.open_list("observables");
    if row.class_uid / 1000 == 3 {
        let address = Some(said.from).filter(|text| endpoint_key(text) == "ip");
        observable(event, "src_endpoint.ip", schema::IP_ADDRESS, address);
    }
    let name = Some(entry.actor());
    observable(event, "actor.user.name", schema::USER_NAME, name);
    event.close_list(observables);
    let unmapped = event.open("unmapped");
    for (key, value) in entry.record {
        if key != VIEW_KEY && !(MAPPED.contains(&key.as_str()) && value.is_string()) {
            event.value(key, value);
        }
    }
    event.text_if("method", said.method);
    view_note(event, row);
    event.close(unmapped);
    event.finish();
    Some(())
}

/// A name, where the schema wants one and the line has none.
const fn named(name: &str) -> &str {
    if name.is_empty() { "Unknown" } else { name }
}

fn user(event: &mut Writer<'_>, key: &str, name: &str) {
    let user = event.open(key);
    event.text("name", named(name));
    event.close(user);
}

/// The cloud in which the host is.
fn cloud(event: &mut Writer<'_>, account: &str) {
    let (cloud, id) = split_account(account);
    let provider = match cloud {
        identity::AWS => AWS,
        "azure" => "Azure",
        "gcp" => "GCP",
        "k8s" => "Kubernetes",
        "openstack" => "OpenStack",
        other => other,
    };
    let cloud_at = event.open("cloud");
    event.text("provider", named(provider));
    let account = event.open("account");
    event.text_if("uid", id);
    if !id.is_empty() && cloud == identity::AWS {
        account_words(event);
    }
    event.close(account);
    event.close(cloud_at);
}

/// The host: by the source's name for it, and by what it calls itself.
fn device(event: &mut Writer<'_>, entry: &Entry<'_>) {
    let device = event.open("device");
    event.text_if("name", entry.host().unwrap_or_default());
    event.text_if("hostname", entry.line.host);
    event.number("type_id", 0);
    event.text("type", "Unknown");
    event.close(device);
}

fn actor(event: &mut Writer<'_>, entry: &Entry<'_>) {
    let actor = event.open("actor");
    let name = entry.actor();
    if !name.is_empty() {
        user(event, "user", name);
    }
    if let Some(pid) = entry.line.pid {
        let process = event.open("process");
        event.number("pid", pid);
        event.text_if("name", entry.line.program);
        event.close(process);
    }
    if name.is_empty() && entry.line.pid.is_none() {
        event.text("app_name", named(entry.line.program));
    }
    event.close(actor);
}

/// A host by its address or name, and its port.
fn endpoint(event: &mut Writer<'_>, host: &str, port: Option<u16>) {
    match endpoint_key(host) {
        "ip" => {
            // Plain, where it is written as an address of IPv6 that is one of IPv4.
            let plain = identity::parse_address(host).map(|ip| ip.to_string());
            event.text("ip", plain.as_deref().unwrap_or(host));
        }
        _ => event.text("hostname", host),
    }
    if let Some(port) = port {
        event.number("port", port);
    }
}

fn authentication(event: &mut Writer<'_>, entry: &Entry<'_>, remote: bool) {
    let said = &entry.said;
    let switch = matches!(said.operation, Operation::SuSwitch | Operation::SuFailed);
    let session = matches!(
        said.operation,
        Operation::SessionOpen | Operation::SessionClose
    );
    // Who somebody became, or whose session it is; else who logs in.
    let who = if switch || session {
        said.target
    } else {
        said.actor
    };
    user(event, "user", who);
    let service = event.open("service");
    event.text("name", named(entry.service()));
    event.close(service);
    if remote {
        event.truth("is_remote", true);
    }
    if switch {
        event.number("account_switch_type_id", 1);
        event.text("account_switch_type", "Substitute User");
    }
    if !said.to.is_empty() {
        let target = event.open("dst_endpoint");
        endpoint(event, said.to, said.to_port);
        event.close(target);
    }
}

/// The command that sudo ran or would have run. The line does not tell its number, and the
/// schema wants it named by something: the event's id is the nearest.
fn process(event: &mut Writer<'_>, entry: &Entry<'_>, event_id: &str) {
    let said = &entry.said;
    let process = event.open("process");
    event.text("uid", event_id);
    event.text_if("cmd_line", said.command);
    let path = said.command.split(' ').next().unwrap_or_default();
    event.text_if("path", path);
    event.text_if("name", path.rsplit('/').next().unwrap_or_default());
    if !said.target.is_empty() {
        user(event, "user", said.target);
    }
    event.close(process);
}
