//! Rows as OCSF events.
//!
//! A row is rendered from its view when somebody reads it: the source's bytes stay the
//! truth, and a better mapping reaches old events too. What has no place in OCSF goes to
//! `unmapped` under the source's own names, so that nothing is lost. A view of a shared
//! event renders the same way: pseudonyms stand where the identities stood, what was
//! withheld is left out where the schema wants text or numbers, and `unmapped` lists both
//! under [`VIEW_KEY`].

mod cloudtrail;
mod explain;
mod guardduty;
mod ocsf;
mod schema;
mod vpcflow;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::row::{EventRowRef, SourceType};
use crate::view::WITHHELD_KEY;

pub use explain::{Explanation, PartyLine, WithheldLine, explain};

/// The version of OCSF that rows are rendered in. Events that came as OCSF keep theirs.
pub const OCSF_VERSION: &str = "1.8.0";

/// Where, in `unmapped`, it is said what a view does not show and why.
pub const VIEW_KEY: &str = "cordon:view";

/// The row as an OCSF event. `metadata.uid` is the source's event id. Never fails: a view
/// that can't be read, which ingest does not let in, is rendered from the columns with the
/// view's text in `raw_data`.
#[must_use]
pub fn render_ocsf(row: &EventRowRef<'_>) -> Value {
    let event = match row.source_type {
        SourceType::AwsCloudTrail => cloudtrail::render(row),
        SourceType::AwsVpcFlow => vpcflow::render(row),
        SourceType::AwsGuardDuty => guardduty::render(row),
        SourceType::Ocsf => ocsf::render(row),
    };
    Value::Object(event.unwrap_or_else(|| unreadable(row)))
}

/// An event of the columns alone.
fn unreadable(row: &EventRowRef<'_>) -> Map<String, Value> {
    let mut event = base(row, Product::default(), &["cloud", "datetime"]);
    event.put("cloud", cloud(row.account, row.region));
    event.put_text("raw_data", row.raw);
    finish(event, Map::new(), row)
}

/// What `metadata.product` says.
#[derive(Debug, Clone, Copy, Default)]
struct Product<'a> {
    name: &'a str,
    feature: &'a str,
    version: &'a str,
}

/// What every event has: metadata, time, class, activity, severity and status.
fn base(row: &EventRowRef<'_>, product: Product<'_>, profiles: &[&str]) -> Map<String, Value> {
    let mut event = Map::with_capacity(40);
    let mut about = Map::with_capacity(4);
    about.put_text(
        "name",
        if product.name.is_empty() {
            row.source_type.as_str()
        } else {
            product.name
        },
    );
    about.put("vendor_name", "AWS");
    about.put_text("version", product.version);
    if !product.feature.is_empty() {
        let mut feature = Map::with_capacity(1);
        feature.put("name", product.feature);
        about.put("feature", feature);
    }
    let mut metadata = Map::with_capacity(10);
    metadata.put("uid", row.event_id);
    metadata.put("version", OCSF_VERSION);
    metadata.put("product", about);
    let profiles: Vec<Value> = profiles.iter().map(|one| Value::from(*one)).collect();
    metadata.put("profiles", profiles);
    put_time(&mut metadata, "logged_time", Some(row.observed_ns));
    event.put("metadata", metadata);
    put_time(&mut event, "time", Some(row.time_ns));

    let class = schema::class(row.class_uid);
    event.put("category_uid", row.class_uid / 1000);
    event.put("category_name", class.category);
    event.put("class_uid", row.class_uid);
    event.put("class_name", class.name);
    let activity = class.activity(row.activity_id);
    event.put("activity_id", row.activity_id);
    // What OCSF has no word for goes by the source's own.
    event.put(
        "activity_name",
        match row.activity_id {
            schema::OTHER if !row.operation.is_empty() => row.operation,
            _ => activity,
        },
    );
    event.put(
        "type_uid",
        i64::from(row.class_uid) * 100 + i64::from(row.activity_id),
    );
    event.put("type_name", format!("{}: {activity}", class.name));
    event.put("severity_id", row.severity_id);
    event.put("severity", schema::severity(row.severity_id));
    if class.has_outcome() {
        event.put("status_id", row.status.code());
        event.put("status", row.status.as_str());
    }
    event
}

/// Adds what is not mapped, and what the view does not show.
fn finish(
    mut event: Map<String, Value>,
    mut unmapped: Map<String, Value>,
    row: &EventRowRef<'_>,
) -> Map<String, Value> {
    if let Some(view) = view_note(row) {
        unmapped.insert(VIEW_KEY.to_owned(), Value::Object(view));
    }
    event.put_full("unmapped", unmapped);
    event
}

/// What a reader must know of the view; `None` if it is the original with a good time.
fn view_note(row: &EventRowRef<'_>) -> Option<Map<String, Value>> {
    if !row.shared && !row.time_invalid && row.withheld.is_empty() {
        return None;
    }
    let mut note = Map::with_capacity(3);
    if row.shared {
        note.put("shared", true);
    }
    if row.time_invalid {
        note.put("time_quality", "invalid");
    }
    let withheld: Vec<Value> = row
        .withheld
        .iter()
        .map(|one| {
            let mut line = Map::with_capacity(2);
            line.put("path", one.path.as_str());
            line.put("reason", one.reason.as_str());
            Value::Object(line)
        })
        .collect();
    if !withheld.is_empty() {
        note.put("withheld", withheld);
    }
    Some(note)
}

/// `cloud`, which the class's profile asks for.
fn cloud(account: &str, region: &str) -> Map<String, Value> {
    let mut cloud = Map::with_capacity(3);
    cloud.put("provider", "AWS");
    cloud.put_text("region", region);
    if !account.is_empty() {
        cloud.put("account", aws_account(account));
    }
    cloud
}

/// An account object.
fn aws_account(uid: &str) -> Map<String, Value> {
    let mut account = Map::with_capacity(3);
    account.put("uid", uid);
    account.put("type", "AWS Account");
    account.put("type_id", 10);
    account
}

/// An endpoint by whatever the source calls it: an address, a service's domain, or a name,
/// which a pseudonym counts as. `None` if there is nothing to call it by.
fn endpoint(text: &str) -> Option<Map<String, Value>> {
    if text.is_empty() {
        return None;
    }
    let mut endpoint = Map::with_capacity(2);
    let key = if crate::identity::parse_address(text).is_some() {
        "ip"
    } else if text.contains('.') && !text.contains(char::is_whitespace) {
        "domain"
    } else {
        "name"
    };
    endpoint.put(key, text);
    Some(endpoint)
}

/// Things worth pivoting on, with the path at which they stand.
#[derive(Debug, Default)]
struct Observables(Vec<Value>);

impl Observables {
    fn add(&mut self, name: &str, type_id: i32, value: Option<&str>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return;
        };
        let mut one = Map::with_capacity(4);
        one.put("name", name);
        one.put("type", schema::observable(type_id));
        one.put("type_id", type_id);
        one.put("value", value);
        self.0.push(Value::Object(one));
    }
}

/// Puts a time in milliseconds, and beside it, under the name with `_dt`, in RFC 3339.
fn put_time(map: &mut Map<String, Value>, key: &str, ns: Option<i64>) {
    let Some(ns) = ns else { return };
    map.put(key, ns.div_euclid(1_000_000));
    let text = Timestamp::from_nanosecond(i128::from(ns)).map(|time| time.to_string());
    if let Ok(text) = text {
        map.put(&format!("{key}_dt"), text);
    }
}

/// What a value that should be text is.
enum Scalar {
    /// Text, or a number or truth value as text.
    Text(String),
    /// Null, or withheld: left out.
    Nothing,
    /// A list or an object: not what the schema wants there.
    Odd(Value),
}

fn scalar(value: Value) -> Scalar {
    match value {
        Value::String(text) => Scalar::Text(text),
        Value::Null => Scalar::Nothing,
        Value::Bool(truth) => Scalar::Text(truth.to_string()),
        Value::Number(number) => Scalar::Text(number.to_string()),
        value if is_marker(&value) => Scalar::Nothing,
        value => Scalar::Odd(value),
    }
}

/// Whether the value stands for something withheld.
fn is_marker(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|map| map.len() == 1 && map.contains_key(WITHHELD_KEY))
}

/// A truth value, also where the source writes it as text.
fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "Yes" | "yes" => Some(true),
        "false" | "No" | "no" => Some(false),
        _ => None,
    }
}

/// Short ways to fill an object.
trait Put {
    /// Sets the key.
    fn put(&mut self, key: &str, value: impl Into<Value>);

    /// Sets the key unless the text is empty.
    fn put_text(&mut self, key: &str, text: &str);

    /// Sets the key if there is text.
    fn put_some(&mut self, key: &str, text: Option<&str>);

    /// Sets the key unless the object is empty.
    fn put_full(&mut self, key: &str, map: Map<String, Value>);
}

impl Put for Map<String, Value> {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.insert(key.to_owned(), value.into());
    }

    fn put_text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.put(key, text);
        }
    }

    fn put_some(&mut self, key: &str, text: Option<&str>) {
        self.put_text(key, text.unwrap_or_default());
    }

    fn put_full(&mut self, key: &str, map: Map<String, Value>) {
        if !map.is_empty() {
            self.put(key, map);
        }
    }
}
