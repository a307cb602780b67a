//! How records of each kind render, as snapshots. Every record here is made up.

use cordon_views::{SourceType, explain};
use serde_json::{Value, json};

use crate::world::{World, render};
use crate::{findings, native};

fn world() -> World {
    World::new()
        .account("111111111111", "acme")
        .account("222222222222", "bolt")
        .address("198.51.100.7", "acme")
        .range("198.51.100.0", "198.51.100.255")
}

/// A plain call of the tenant's own user.
fn api_call() -> Value {
    json!({
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLEEXAMPLE111:anna",
            "arn": "arn:aws:sts::111111111111:assumed-role/ops/anna",
            "accountId": "111111111111",
            "accessKeyId": "ASIAEXAMPLEEXAMPLE11",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLEEXAMPLE111",
                    "arn": "arn:aws:iam::111111111111:role/ops",
                    "accountId": "111111111111",
                    "userName": "ops"
                },
                "webIdFederationData": {},
                "attributes": {"creationDate": "2024-03-01T10:59:00Z", "mfaAuthenticated": "true"}
            }
        },
        "eventTime": "2024-03-01T11:05:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "PutObject",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.9",
        "userAgent": "[aws-cli/2.15]",
        "requestParameters": {"bucketName": "ledger", "key": "2024.csv"},
        "responseElements": {"x-amz-server-side-encryption": "AES256"},
        "additionalEventData": {"SignatureVersion": "SigV4", "bytesTransferredIn": 77.0},
        "requestID": "R1",
        "eventID": "11111111-2222-3333-4444-555555555555",
        "readOnly": false,
        "resources": [
            {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::ledger/2024.csv"},
            {"accountId": "111111111111", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::ledger"}
        ],
        "eventType": "AwsApiCall",
        "managementEvent": false,
        "recipientAccountId": "111111111111",
        "vpcEndpointId": "vpce-0a1",
        "eventCategory": "Data",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": "ledger.s3.eu-west-1.amazonaws.com"
        },
        "newField": {"of": ["tomorrow", 1, null]}
    })
}

fn refused_login() -> Value {
    json!({
        "eventVersion": "1.08",
        "userIdentity": {"type": "Root", "principalId": "111111111111",
            "arn": "arn:aws:iam::111111111111:root", "accountId": "111111111111"},
        "eventTime": "2024-03-01T11:06:00Z",
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.10",
        "userAgent": "Mozilla/5.0",
        "errorMessage": "Failed authentication",
        "requestParameters": null,
        "responseElements": {"ConsoleLogin": "Failure"},
        "additionalEventData": {"LoginTo": "https://console.example/home", "MobileVersion": "No", "MFAUsed": "No"},
        "eventID": "11111111-2222-3333-4444-666666666666",
        "readOnly": false,
        "eventType": "AwsConsoleSignIn",
        "managementEvent": true,
        "recipientAccountId": "111111111111"
    })
}

fn role_across_accounts() -> Value {
    json!({
        "eventVersion": "1.08",
        "userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLEEXAMPLE222",
            "arn": "arn:aws:iam::111111111111:user/anna", "accountId": "111111111111",
            "accessKeyId": "AKIAEXAMPLEEXAMPLE22", "userName": "anna"},
        "eventTime": "2024-03-01T11:07:00Z",
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRole",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "Boto3/1.34",
        "requestParameters": {"roleArn": "arn:aws:iam::222222222222:role/partner", "roleSessionName": "night-run"},
        "responseElements": {
            "credentials": {"accessKeyId": "ASIAEXAMPLEEXAMPLE22", "sessionToken": "<token>", "expiration": "Mar 1, 2024, 12:07:00 PM"},
            "assumedRoleUser": {"assumedRoleId": "AROAEXAMPLEEXAMPLE333:night-run", "arn": "arn:aws:sts::222222222222:assumed-role/partner/night-run"}
        },
        "requestID": "R2",
        "eventID": "11111111-2222-3333-4444-777777777777",
        "readOnly": true,
        "resources": [{"accountId": "222222222222", "type": "AWS::IAM::Role", "ARN": "arn:aws:iam::222222222222:role/partner"}],
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "222222222222",
        "sharedEventID": "99999999-2222-3333-4444-777777777777",
        "eventCategory": "Management"
    })
}

fn new_user() -> Value {
    json!({
        "eventVersion": "1.08",
        "userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLEEXAMPLE222",
            "arn": "arn:aws:iam::111111111111:user/anna", "accountId": "111111111111",
            "accessKeyId": "AKIAEXAMPLEEXAMPLE22", "userName": "anna", "invokedBy": "cloudformation.amazonaws.com"},
        "eventTime": "2024-03-01T11:08:00Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "AttachUserPolicy",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "cloudformation.amazonaws.com",
        "userAgent": "cloudformation.amazonaws.com",
        "errorCode": "AccessDenied",
        "errorMessage": "User anna is not authorized",
        "requestParameters": {"userName": "berta", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        "responseElements": null,
        "requestID": "R3",
        "eventID": "11111111-2222-3333-4444-888888888888",
        "eventType": "AwsApiCall",
        "recipientAccountId": "111111111111"
    })
}

/// A record with next to nothing in it.
fn bare() -> Value {
    json!({"recipientAccountId": "111111111111", "eventName": "Ping"})
}

/// Records that are wholly one tenant's.
pub fn own_cloudtrail() -> Vec<String> {
    [api_call(), refused_login(), new_user(), bare()]
        .iter()
        .map(Value::to_string)
        .collect()
}

/// Rendered views of events that concern two tenants, with their names.
pub fn shared() -> Vec<(&'static str, Vec<Value>)> {
    let seen = |source, text: String, context| {
        world()
            .see(source, text.as_bytes(), context)
            .unwrap()
            .views
            .iter()
            .map(|(_, row)| {
                assert!(row.shared);
                render(row)
            })
            .collect()
    };
    vec![
        (
            "assume role",
            seen(
                SourceType::AwsCloudTrail,
                role_across_accounts().to_string(),
                None,
            ),
        ),
        (
            "flow",
            seen(SourceType::AwsVpcFlow, FLOW.to_owned(), Some(FLOW_HEADER)),
        ),
    ]
}

const FLOW_HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport \
    protocol packets bytes start end action log-status vpc-id instance-id type flow-direction \
    region az-id traffic-path tcp-flags pkt-srcaddr brand-new";

const FLOW: &str = "5 222222222222 eni-0a1 198.51.100.7 10.0.0.8 40000 443 6 12 3400 1709291100 \
    1709291160 REJECT OK vpc-0b2 i-0d4 IPv4 ingress eu-west-1 euw1-az2 8 2 192.0.2.1 new";

#[test]
fn own_events() {
    let own = |source, record: &str, context| render(&world().row(source, record, context, "acme"));
    let trail = |record: Value| own(SourceType::AwsCloudTrail, &record.to_string(), None);
    insta::assert_json_snapshot!("cloudtrail_api_call", trail(api_call()));
    insta::assert_json_snapshot!("cloudtrail_refused_login", trail(refused_login()));
    insta::assert_json_snapshot!("cloudtrail_attach_policy", trail(new_user()));
    insta::assert_json_snapshot!("cloudtrail_bare", trail(bare()));
    insta::assert_json_snapshot!(
        "guardduty_port_probe",
        own(
            SourceType::AwsGuardDuty,
            &findings::finding().to_string(),
            None
        )
    );
    insta::assert_json_snapshot!(
        "vpcflow_default_format",
        own(
            SourceType::AwsVpcFlow,
            "2 111111111111 eni-0a1 10.0.0.5 203.0.113.9 40000 22 6 20 4249 1709291100 1709291160 ACCEPT OK",
            None
        )
    );
    insta::assert_json_snapshot!(
        "vpcflow_no_data",
        own(
            SourceType::AwsVpcFlow,
            "2 111111111111 eni-0a1 - - - - - - - 1709291100 1709291160 - NODATA",
            None
        )
    );
}

#[test]
fn shared_events() {
    let views = |source, record: &str, context| {
        world()
            .see(source, record.as_bytes(), context)
            .unwrap()
            .views
    };
    let role = views(
        SourceType::AwsCloudTrail,
        &role_across_accounts().to_string(),
        None,
    );
    insta::assert_json_snapshot!("cloudtrail_assume_role_caller", render(&role[0].1));
    insta::assert_json_snapshot!("cloudtrail_assume_role_owner", render(&role[1].1));
    let flow = views(SourceType::AwsVpcFlow, FLOW, Some(FLOW_HEADER));
    insta::assert_json_snapshot!("vpcflow_shared_sender", render(&flow[0].1));
    insta::assert_json_snapshot!("vpcflow_shared_owner", render(&flow[1].1));
    let call = views(SourceType::Ocsf, &native::call().to_string(), None);
    insta::assert_json_snapshot!("ocsf_shared_owner", render(&call[1].1));
    insta::assert_debug_snapshot!("explain_shared_flow", explain(&flow[0].1.as_ref()));
    insta::assert_debug_snapshot!("explain_assume_role", explain(&role[1].1.as_ref()));
}
