//! Ordinary life: what a cloud account's log is full of while nothing happens.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::record::{Trail, ago, hex, role, user};

const ACCOUNTS: [(&str, &str); 3] = [
    ("111122223333", "acme"),
    ("111122224444", "acme"),
    ("444455556666", "globex"),
];

/// About twenty hours of it.
pub(crate) fn cloudtrail(now: Timestamp) -> Vec<String> {
    let mut out = Vec::new();
    for (number, (account, owner)) in (0i64..).zip(ACCOUNTS) {
        for step in 0..24i64 {
            let at = 72_000 - step * 2_900 - number * 411;
            out.extend(hour(now, at, account, owner, step));
        }
    }
    out
}

fn hour(now: Timestamp, at: i64, account: &str, owner: &str, step: i64) -> Vec<String> {
    let machine = hex(&format!("i/{owner}-web-{}", step % 2), 17);
    let deploy = role(account, "deploy", "pipeline", &ago(now, at + 600));
    let mut out = vec![
        service(now, at, account, "autoscaling").json(),
        Trail::new(now, at - 35, account, deploy.clone(), "ecr", "DescribeImages")
            .asking(json!({ "repositoryName": format!("{owner}/web"), "registryId": account }))
            .json(),
        Trail::new(now, at - 70, account, user(account, "ops-oncall"), "ec2", "DescribeInstances")
            .asking(json!({ "instancesSet": { "items": [{ "instanceId": format!("i-{machine}") }] }, "filterSet": {} }))
            .json(),
    ];
    if step % 3 == 0 {
        out.push(object_read(now, at - 140, account, owner, deploy.clone()));
        out.push(
            Trail::new(now, at - 150, account, deploy, "kms", "Decrypt")
                .asking(json!({ "encryptionContext": { "app": "web" }, "encryptionAlgorithm": "SYMMETRIC_DEFAULT" }))
                .with("readOnly", true)
                .with("resources", key_of(account))
                .json(),
        );
    }
    if step % 8 == 2 {
        out.push(console_login(
            now,
            at - 300,
            account,
            "ops-oncall",
            "192.0.2.15",
            true,
        ));
    }
    out
}

/// A service that acts for itself: no account but the recipient's.
fn service(now: Timestamp, at: i64, account: &str, name: &str) -> Trail {
    let host = format!("{name}.amazonaws.com");
    let arn =
        format!("arn:aws:iam::{account}:role/aws-service-role/{host}/AWSServiceRoleForAutoScaling");
    let identity = json!({ "type": "AWSService", "invokedBy": host });
    Trail::new(now, at, account, identity, "sts", "AssumeRole")
        .from(&host)
        .with("userAgent", host.clone())
        .asking(json!({ "roleArn": arn, "roleSessionName": "AutoScaling" }))
        .answered(json!({ "credentials": { "accessKeyId": super::record::key("ASIA", &format!("{account}{at}")),
            "sessionToken": "HIDDEN_DUE_TO_SECURITY_REASONS", "expiration": ago(now, at - 3_600) } }))
        .with("resources", json!([{ "accountId": account, "type": "AWS::IAM::Role", "ARN": arn }]))
        .with("readOnly", true)
        .with("sharedEventID", super::record::uuid(&format!("shared/{account}/{at}")))
}

fn object_read(now: Timestamp, at: i64, account: &str, owner: &str, identity: Value) -> String {
    let bucket = format!("{owner}-releases");
    Trail::new(now, at, account, identity, "s3", "GetObject")
        .asking(json!({ "bucketName": bucket, "key": "web/current.tar.zst", "Host": format!("{bucket}.s3.eu-central-1.amazonaws.com") }))
        .with("additionalEventData", json!({ "SignatureVersion": "SigV4", "bytesTransferredOut": 48_213.0 }))
        .with("resources", json!([
            { "type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::{bucket}/web/current.tar.zst") },
            { "accountId": account, "type": "AWS::S3::Bucket", "ARN": format!("arn:aws:s3:::{bucket}") },
        ]))
        .with("managementEvent", false)
        .with("eventCategory", "Data")
        .json()
}

fn key_of(account: &str) -> Value {
    let arn = format!(
        "arn:aws:kms:eu-central-1:{account}:key/{}",
        super::record::uuid(account)
    );
    json!([{ "accountId": account, "type": "AWS::KMS::Key", "ARN": arn }])
}

/// A sign-in to the console.
pub(crate) fn console_login(
    now: Timestamp,
    at: i64,
    account: &str,
    name: &str,
    from: &str,
    good: bool,
) -> String {
    let mut identity = user(account, name);
    if let Some(fields) = identity.as_object_mut() {
        fields.remove("accessKeyId");
    }
    let login = Trail::new(now, at, account, identity, "signin", "ConsoleLogin")
        .from(from)
        .with(
            "userAgent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        )
        .answered(json!({ "ConsoleLogin": if good { "Success" } else { "Failure" } }))
        .with(
            "additionalEventData",
            json!({ "LoginTo": "https://console.aws.amazon.com/", "MobileVersion": "No",
            "MFAUsed": if good { "Yes" } else { "No" } }),
        )
        .with("eventType", "AwsConsoleSignIn");
    if good {
        login.json()
    } else {
        login.with("errorMessage", "Failed authentication").json()
    }
}
