//! Records in the shapes of their sources.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// The fields of the sample's flow log lines, in their order.
pub(crate) const FLOW_HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport \
protocol packets bytes start end action log-status vpc-id subnet-id instance-id tcp-flags type \
pkt-srcaddr pkt-dstaddr region az-id flow-direction";

/// `seconds` before `now`, as the sources write times.
pub(crate) fn ago(now: Timestamp, seconds: i64) -> String {
    let time = now
        .checked_sub(SignedDuration::from_secs(seconds))
        .unwrap_or(now);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A UUID that depends on nothing but what it is for.
pub(crate) fn uuid(of: &str) -> String {
    let hash = blake3::hash(of.as_bytes());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// So many hexadecimal digits that depend on nothing but what they are for.
pub(crate) fn hex(of: &str, digits: usize) -> String {
    let text = blake3::hash(of.as_bytes()).to_hex();
    text.chars().take(digits).collect()
}

/// An access key or principal id: a prefix and capitals.
pub(crate) fn key(prefix: &str, of: &str) -> String {
    format!("{prefix}{}", hex(of, 16).to_uppercase())
}

/// An IAM user's identity.
pub(crate) fn user(account: &str, name: &str) -> Value {
    json!({
        "type": "IAMUser",
        "principalId": key("AIDA", name),
        "arn": format!("arn:aws:iam::{account}:user/{name}"),
        "accountId": account,
        "accessKeyId": key("AKIA", name),
        "userName": name,
    })
}

/// An assumed role's identity.
pub(crate) fn role(account: &str, name: &str, session: &str, since: &str) -> Value {
    let principal = key("AROA", name);
    json!({
        "type": "AssumedRole",
        "principalId": format!("{principal}:{session}"),
        "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
        "accountId": account,
        "accessKeyId": key("ASIA", session),
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": principal,
                "arn": format!("arn:aws:iam::{account}:role/{name}"),
                "accountId": account,
                "userName": name,
            },
            "attributes": { "creationDate": since, "mfaAuthenticated": "false" },
        },
    })
}

/// A call as CloudTrail records it; built up field by field, written in CloudTrail's order.
pub(crate) struct Trail(Map<String, Value>);

impl Trail {
    /// `operation` of `service` (`ec2`, `s3`, …) by `identity`, recorded for `recipient`.
    pub(super) fn new(
        now: Timestamp,
        seconds: i64,
        recipient: &str,
        identity: Value,
        service: &str,
        operation: &str,
    ) -> Self {
        let mut fields = Map::new();
        let of = format!("{recipient}/{operation}/{seconds}/{identity}");
        let read_only = ["Get", "List", "Describe", "Lookup", "Head"]
            .iter()
            .any(|verb| operation.starts_with(verb));
        for (name, value) in [
            ("eventVersion", json!("1.11")),
            ("userIdentity", identity),
            ("eventTime", json!(ago(now, seconds))),
            ("eventSource", json!(format!("{service}.amazonaws.com"))),
            ("eventName", json!(operation)),
            ("awsRegion", json!("eu-central-1")),
            ("sourceIPAddress", json!("192.0.2.15")),
            (
                "userAgent",
                json!("aws-cli/2.22.0 md/Botocore#1.35.0 ua/2.0 os/linux#6.1 lang/python#3.12"),
            ),
            ("requestParameters", Value::Null),
            ("responseElements", Value::Null),
            ("requestID", json!(uuid(&format!("request/{of}")))),
            ("eventID", json!(uuid(&format!("event/{of}")))),
            ("readOnly", json!(read_only)),
            ("eventType", json!("AwsApiCall")),
            ("managementEvent", json!(true)),
            ("recipientAccountId", json!(recipient)),
            ("eventCategory", json!("Management")),
        ] {
            fields.insert(name.to_owned(), value);
        }
        Self(fields)
    }

    /// Sets a field.
    pub(super) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    /// Says from where.
    pub(super) fn from(self, address: &str) -> Self {
        self.with("sourceIPAddress", address)
    }

    /// Says what was asked for.
    pub(super) fn asking(self, parameters: Value) -> Self {
        self.with("requestParameters", parameters)
    }

    /// Says what was answered.
    pub(super) fn answered(self, elements: Value) -> Self {
        self.with("responseElements", elements)
    }

    /// Says that it was refused.
    pub(super) fn denied(self, action: &str) -> Self {
        let arn = self
            .0
            .get("userIdentity")
            .and_then(|identity| identity.get("arn"))
            .and_then(Value::as_str);
        let message = format!(
            "User: {} is not authorized to perform: {action} because no identity-based policy allows the {action} action",
            arn.unwrap_or("anonymous")
        );
        self.with("errorCode", "AccessDenied")
            .with("errorMessage", message)
    }

    /// The record.
    pub(super) fn json(self) -> String {
        Value::Object(self.0).to_string()
    }
}

/// One flow log line in the order of [`FLOW_HEADER`].
pub(crate) struct Flow<'a> {
    /// Owner of the interface.
    pub account: &'a str,
    /// The machine that the interface belongs to.
    pub machine: &'a str,
    /// From.
    pub source: (&'a str, u16),
    /// To.
    pub target: (&'a str, u16),
    /// How many bytes.
    pub bytes: u64,
    /// `ACCEPT` or `REJECT`.
    pub action: &'a str,
    /// `ingress` or `egress`.
    pub direction: &'a str,
    /// Seconds before now.
    pub ago: i64,
}

impl Flow<'_> {
    /// The line.
    pub(super) fn line(&self, now: Timestamp) -> String {
        let end = now.as_second() - self.ago;
        let (account, machine, (from, from_port), (to, to_port)) =
            (self.account, self.machine, self.source, self.target);
        format!(
            "5 {account} eni-{} {from} {to} {from_port} {to_port} 6 {} {} {} {end} {} OK vpc-{} subnet-{} i-{} 3 IPv4 {from} {to} eu-central-1 euc1-az2 {}",
            hex(machine, 17),
            self.bytes / 900 + 1,
            self.bytes,
            end - 58,
            self.action,
            hex(account, 17),
            hex(&format!("subnet/{machine}"), 17),
            hex(&format!("i/{machine}"), 17),
            self.direction,
        )
    }
}
