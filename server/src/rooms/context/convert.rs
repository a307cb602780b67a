//! Between messages and what a tenant tells.

use std::collections::HashSet;

use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::context as wire;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::model::{
    About, Asset, ContextKind, Entry, NewEntry, Patch, PlannedWork, TrustedNetwork, network,
};
use super::service::Imported;
use crate::rooms::fields::{Fields, wire_time};

const ENTRY: &str = "context_entry";
/// Longest note, role or system, and contact or reference, in characters.
const MAX_NOTE: usize = 1_000;
const MAX_SHORT: usize = 100;
const MAX_LINE: usize = 200;
const MAX_IDENTIFIERS: usize = 16;
const MAX_PATTERNS: usize = 24;
/// Most bytes of an asset's identifiers together: all of a tenant's are held in memory.
const MAX_IDENTIFIER_BYTES: usize = 1_024;
/// Longest identifier or pattern, in bytes.
const MAX_TEXT: usize = 256;
const LONGEST_WORK: SignedDuration = SignedDuration::from_hours(31 * 24);
const MAX_CIDRS: usize = 32;
/// Shortest prefixes of networks that are trusted: a mistake is not to make all the world trusted.
const SHORTEST_V4: u8 = 8;
const SHORTEST_V6: u8 = 16;
const MAX_IMPORT: usize = 500;

/// `tenants/{tenant}/contextEntries/{entry}`.
pub(super) fn entry_name(field: &str, name: &str) -> Result<(TenantId, Uuid)> {
    match Name::parse(field, name)? {
        Name::ContextEntry(tenant, entry) => Ok((tenant, entry)),
        _ => Err(Error::invalid(
            field,
            "expected tenants/{tenant}/contextEntries/{entry}",
        )),
    }
}

pub(super) fn create(request: wire::CreateContextEntryRequest) -> Result<(TenantId, NewEntry)> {
    let mut fields = Fields::default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let body = request.context_entry.unwrap_or_default();
    let new = new_entry(&mut fields, ENTRY, body);
    match (tenant, new) {
        (Some(tenant), Some(new)) => {
            fields.finish()?;
            Ok((tenant, new))
        }
        _ => Err(fields.refuse()),
    }
}

pub(super) fn import(request: wire::ImportAssetsRequest) -> Result<(TenantId, Vec<NewEntry>)> {
    let mut fields = Fields::default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let given = request.context_entries;
    if given.is_empty() || given.len() > MAX_IMPORT {
        fields.wrong("context_entries", "expected 1 to 500 assets");
        return Err(fields.refuse());
    }
    let mut names = HashSet::new();
    let mut assets = Vec::with_capacity(given.len());
    for (at, body) in given.into_iter().enumerate() {
        let field = format!("context_entries[{at}]");
        let Some(new) = new_entry(&mut fields, &field, body) else {
            continue;
        };
        if new.about.kind() != ContextKind::Asset {
            fields.wrong(format!("{field}.asset"), "expected an asset");
        }
        if !names.insert(new.display_name.clone()) {
            let field = format!("{field}.display_name");
            fields.wrong(field, "another of these assets has this name");
        }
        assets.push(new);
    }
    match tenant {
        Some(tenant) => {
            fields.finish()?;
            Ok((tenant, assets))
        }
        None => Err(fields.refuse()),
    }
}

/// A change: which entry, what of it, and what it must be like.
pub(super) fn update(
    request: wire::UpdateContextEntryRequest,
) -> Result<((TenantId, Uuid), Patch, String)> {
    let mut fields = Fields::default();
    let mut body = request.context_entry.unwrap_or_default();
    let name = fields.named(entry_name("context_entry.name", &body.name));
    let paths = request.update_mask.unwrap_or_default().paths;
    if paths.is_empty() {
        fields.wrong("update_mask", "expected the names of the fields to change");
    }
    let mut patch = Patch::default();
    for path in &paths {
        match path.as_str() {
            "display_name" => {
                patch.display_name = display_name(&mut fields, ENTRY, &body.display_name);
            }
            "note" => patch.note = note(&mut fields, ENTRY, &body.note),
            "asset" | "planned_work" | "trusted_network" => {
                let given = body.about.take();
                let said = given.as_ref().map_or("", |about| match about {
                    wire::context_entry::About::Asset(_) => "asset",
                    wire::context_entry::About::PlannedWork(_) => "planned_work",
                    wire::context_entry::About::TrustedNetwork(_) => "trusted_network",
                });
                if said == path {
                    patch.about = about(&mut fields, ENTRY, given);
                } else {
                    fields.wrong(format!("{ENTRY}.{path}"), "expected what it is from now on");
                }
            }
            other => fields.wrong(
                "update_mask",
                format!(
                    "{other:?} can't be changed; display_name, note, asset, planned_work and \
                     trusted_network can"
                ),
            ),
        }
    }
    match name {
        Some(name) => {
            fields.finish()?;
            Ok((name, patch, body.etag))
        }
        None => Err(fields.refuse()),
    }
}

/// `None` for what is unset or unknown.
fn kind_from(number: i32) -> Option<ContextKind> {
    match wire::ContextKind::try_from(number).ok()? {
        wire::ContextKind::Unspecified => None,
        wire::ContextKind::Asset => Some(ContextKind::Asset),
        wire::ContextKind::PlannedWork => Some(ContextKind::PlannedWork),
        wire::ContextKind::TrustedNetwork => Some(ContextKind::TrustedNetwork),
    }
}

pub(super) fn list(
    request: &wire::ListContextEntriesRequest,
) -> Result<(TenantId, Option<ContextKind>)> {
    let mut fields = Fields::default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let kind = kind_from(request.kind);
    if request.kind != 0 && kind.is_none() {
        fields.wrong("kind", "expected a kind");
    }
    match tenant {
        Some(tenant) => {
            fields.finish()?;
            Ok((tenant, kind))
        }
        None => Err(fields.refuse()),
    }
}

fn new_entry(fields: &mut Fields, field: &str, body: wire::ContextEntry) -> Option<NewEntry> {
    let display_name = display_name(fields, field, &body.display_name);
    let note = note(fields, field, &body.note);
    let about = about(fields, field, body.about);
    Some(NewEntry {
        display_name: display_name?,
        note: note?,
        about: about?,
    })
}

fn display_name(fields: &mut Fields, field: &str, text: &str) -> Option<String> {
    let field = format!("{field}.display_name");
    let name = fields.display_name(&field, text, "")?;
    if name.is_empty() {
        fields.wrong(field, "expected 1 to 200 characters");
        return None;
    }
    Some(name)
}

fn note(fields: &mut Fields, field: &str, text: &str) -> Option<String> {
    let text = text.trim();
    let control = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.chars().count() > MAX_NOTE || text.contains(control) {
        let expected = "expected at most 1,000 characters of text without control characters";
        fields.wrong(format!("{field}.note"), expected);
        return None;
    }
    Some(text.to_owned())
}

fn about(
    fields: &mut Fields,
    field: &str,
    given: Option<wire::context_entry::About>,
) -> Option<About> {
    use wire::context_entry::About as Wire;
    match given {
        None => {
            let expected = "expected an asset, planned work or a trusted network";
            fields.wrong(field, expected);
            None
        }
        Some(Wire::Asset(given)) => asset(fields, &format!("{field}.asset"), given),
        Some(Wire::PlannedWork(given)) => work(fields, &format!("{field}.planned_work"), given),
        Some(Wire::TrustedNetwork(given)) => {
            trusted(fields, &format!("{field}.trusted_network"), given)
        }
    }
}

fn asset(fields: &mut Fields, field: &str, given: wire::Asset) -> Option<About> {
    let identifiers = format!("{field}.identifiers");
    if given.identifiers.is_empty() || given.identifiers.len() > MAX_IDENTIFIERS {
        fields.wrong(&identifiers, "expected 1 to 16");
        return None;
    }
    let texts = texts(fields, &identifiers, given.identifiers)?;
    if texts.iter().map(String::len).sum::<usize>() > MAX_IDENTIFIER_BYTES {
        let expected = "expected at most 1,024 bytes together: tell several assets";
        fields.wrong(&identifiers, expected);
    }
    for (at, text) in texts.iter().enumerate() {
        // Half the world would be an asset, and each finding about it.
        if network(text).is_some_and(too_wide) {
            fields.wrong(format!("{identifiers}[{at}]"), WIDTH);
        }
    }
    let role = line(fields, format!("{field}.role"), &given.role, MAX_SHORT);
    let system = given.operating_system;
    let system = line(
        fields,
        format!("{field}.operating_system"),
        &system,
        MAX_SHORT,
    );
    let contact = given.owner_contact;
    let contact = line(fields, format!("{field}.owner_contact"), &contact, MAX_LINE);
    Some(About::Asset(Asset {
        identifiers: texts,
        role: role?,
        operating_system: system?,
        owner_contact: contact?,
        crown_jewel: given.crown_jewel,
    }))
}

fn work(fields: &mut Fields, field: &str, given: wire::PlannedWork) -> Option<About> {
    let start = moment(fields, format!("{field}.start_time"), given.start_time);
    let end = moment(fields, format!("{field}.end_time"), given.end_time);
    if let (Some(start), Some(end)) = (start, end) {
        let long = end.duration_since(start);
        if long <= SignedDuration::ZERO || long > LONGEST_WORK {
            let expected = "expected a time after start_time, and at most 31 days after it";
            fields.wrong(format!("{field}.end_time"), expected);
        }
    }
    let patterns = [&given.principals, &given.operations, &given.resources];
    let count: usize = patterns.iter().map(|texts| texts.len()).sum();
    if count == 0 || count > MAX_PATTERNS {
        let expected = "expected 1 to 24 principals, operations and resources in all: without any, \
                        all that happens at the time would be planned";
        fields.wrong(field, expected);
        return None;
    }
    let principals = texts(fields, &format!("{field}.principals"), given.principals);
    let operations = texts(fields, &format!("{field}.operations"), given.operations);
    let resources = texts(fields, &format!("{field}.resources"), given.resources);
    let reference = format!("{field}.reference");
    let reference = line(fields, reference, &given.reference, MAX_LINE);
    Some(About::PlannedWork(PlannedWork {
        start: start?,
        end: end?,
        principals: principals?,
        operations: operations?,
        resources: resources?,
        reference: reference?,
    }))
}

fn trusted(fields: &mut Fields, field: &str, given: wire::TrustedNetwork) -> Option<About> {
    let named = format!("{field}.cidrs");
    if given.cidrs.is_empty() || given.cidrs.len() > MAX_CIDRS {
        fields.wrong(named, "expected 1 to 32");
        return None;
    }
    let mut cidrs = Vec::with_capacity(given.cidrs.len());
    for (at, text) in given.cidrs.iter().enumerate() {
        match network(text.trim()) {
            None => fields.wrong(
                format!("{named}[{at}]"),
                "expected a network such as 192.0.2.0/24, or an address",
            ),
            Some(net) if too_wide(net) => fields.wrong(format!("{named}[{at}]"), WIDTH),
            Some(net) if cidrs.contains(&net.to_string()) => {}
            Some(net) => cidrs.push(net.to_string()),
        }
    }
    let expires = fields.time(&format!("{field}.expire_time"), given.expire_time)?;
    Some(About::TrustedNetwork(TrustedNetwork {
        cidrs,
        expires: expires.map(cordon_kernel::db::timestamp),
    }))
}

const WIDTH: &str = "expected a network of at most a /8 of IPv4 or a /16 of IPv6";

fn too_wide(net: IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.prefix_len() < SHORTEST_V4,
        IpNet::V6(net) => net.prefix_len() < SHORTEST_V6,
    }
}

/// Identifiers or patterns, each once.
fn texts(fields: &mut Fields, field: &str, given: Vec<String>) -> Option<Vec<String>> {
    let mut texts: Vec<String> = Vec::with_capacity(given.len());
    let mut good = true;
    for (at, text) in given.iter().enumerate() {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_TEXT || text.contains(char::is_control) {
            let expected = "expected 1 to 256 bytes of text without control characters";
            fields.wrong(format!("{field}[{at}]"), expected);
            good = false;
        } else if !text.contains(|c| c != '*') {
            let expected = "expected more than `*`: leave out what may be anything";
            fields.wrong(format!("{field}[{at}]"), expected);
            good = false;
        } else if !texts.iter().any(|one| one == text) {
            texts.push(text.to_owned());
        }
    }
    good.then_some(texts)
}

fn line(fields: &mut Fields, field: String, text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    if text.chars().count() > most || text.contains(char::is_control) {
        let expected =
            format!("expected at most {most} characters of text without control characters");
        fields.wrong(field, expected);
        return None;
    }
    Some(text.to_owned())
}

fn moment(
    fields: &mut Fields,
    field: String,
    time: Option<prost_types::Timestamp>,
) -> Option<Timestamp> {
    match fields.time(&field, time)? {
        Some(nanos) => Some(cordon_kernel::db::timestamp(nanos)),
        None => {
            fields.wrong(field, "expected a time");
            None
        }
    }
}

pub(super) fn entry(tenant: &TenantId, entry: Disclosed<Entry>) -> wire::ContextEntry {
    use wire::context_entry::About as Wire;
    let entry = entry.into_wire();
    let about = match entry.about {
        About::Asset(asset) => Wire::Asset(wire::Asset {
            identifiers: asset.identifiers,
            role: asset.role,
            operating_system: asset.operating_system,
            owner_contact: asset.owner_contact,
            crown_jewel: asset.crown_jewel,
        }),
        About::PlannedWork(work) => Wire::PlannedWork(wire::PlannedWork {
            start_time: Some(wire_time(work.start)),
            end_time: Some(wire_time(work.end)),
            principals: work.principals,
            operations: work.operations,
            resources: work.resources,
            reference: work.reference,
        }),
        About::TrustedNetwork(network) => Wire::TrustedNetwork(wire::TrustedNetwork {
            cidrs: network.cidrs,
            expire_time: network.expires.map(wire_time),
        }),
    };
    wire::ContextEntry {
        name: Name::ContextEntry(tenant.clone(), entry.id).to_string(),
        display_name: entry.display_name,
        note: entry.note,
        about: Some(about),
        create_time: Some(wire_time(entry.created)),
        update_time: Some(wire_time(entry.updated)),
        updated_by: entry.by,
        etag: entry.etag,
    }
}

pub(super) fn imported(counts: Disclosed<Imported>) -> wire::ImportAssetsResponse {
    let counts = counts.into_wire();
    wire::ImportAssetsResponse {
        created_count: counts.created,
        updated_count: counts.updated,
        unchanged_count: counts.unchanged,
    }
}
