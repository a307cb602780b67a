//! CloudTrail records to send.

use serde_json::{Value, json};

/// A call, from which a record is made.
#[derive(Clone)]
pub struct Call<'a> {
    /// Distinguishes this event from all others.
    pub id: &'a str,
    pub caller: &'a str,
    pub recipient: &'a str,
    pub operation: &'a str,
    pub time: &'a str,
    pub parameters: Value,
}

impl<'a> Call<'a> {
    /// An ordinary call in the account.
    pub fn own(id: &'a str, account: &'a str) -> Self {
        Self {
            id,
            caller: account,
            recipient: account,
            operation: "DescribeInstances",
            time: "2026-03-01T10:00:00Z",
            parameters: Value::Null,
        }
    }
}

/// The account id behind `aws:`.
pub fn account_of(account: &str) -> &str {
    account.strip_prefix("aws:").unwrap_or(account)
}

/// The record of a call.
pub fn trail(call: &Call<'_>) -> String {
    let (caller, recipient) = (account_of(call.caller), account_of(call.recipient));
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "principalId": format!("AIDA{caller}EXAMPLE"),
            "arn": format!("arn:aws:iam::{caller}:user/user-of-{caller}"), "accountId": caller,
            "accessKeyId": format!("AKIA{caller}KEYS"), "userName": format!("user-of-{caller}"),
        },
        "eventTime": call.time,
        "eventSource": "ec2.amazonaws.com",
        "eventName": call.operation,
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.9",
        "userAgent": format!("agent-of-{caller}"),
        "requestParameters": call.parameters,
        "responseElements": null,
        "requestID": format!("request-{}", call.id),
        "eventID": format!("event-{}", call.id),
        "readOnly": true,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": recipient,
        "eventCategory": "Management",
    })
    .to_string()
}
