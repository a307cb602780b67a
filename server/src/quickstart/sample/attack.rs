//! The attack, from the first failed sign-in to what the detectors say.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::life::console_login;
use super::record::{Flow, Trail, ago, hex, key, role, user, uuid};

const ACME: &str = "111122223333";
const GLOBEX: &str = "444455556666";
const STRANGER: &str = "999900001111";
const ATTACKER: &str = "198.51.100.77";
const BUCKET: &str = "acme-customer-exports";

/// What CloudTrail has of it.
pub(crate) fn cloudtrail(now: Timestamp) -> Vec<String> {
    let bot = || user(ACME, "deploy-bot");
    let call = |seconds, service, operation| {
        Trail::new(now, seconds, ACME, bot(), service, operation).from(ATTACKER)
    };
    let mut out = Vec::new();
    for attempt in 0..5 {
        out.push(console_login(
            now,
            15_000 - attempt * 9,
            ACME,
            "ops-oncall",
            ATTACKER,
            false,
        ));
    }
    out.push(call(14_400, "sts", "GetCallerIdentity").json());
    out.push(
        call(14_380, "iam", "ListUsers")
            .denied("iam:ListUsers")
            .json(),
    );
    out.push(call(14_362, "s3", "ListBuckets").json());
    out.push(
        call(14_340, "ec2", "DescribeSnapshots")
            .asking(json!({ "ownersSet": { "items": [{ "owner": "self" }] } }))
            .json(),
    );
    out.push(
        call(14_200, "iam", "CreateAccessKey")
            .asking(json!({ "userName": "ops-oncall" }))
            .answered(json!({ "accessKey": { "userName": "ops-oncall", "accessKeyId": key("AKIA", "second"),
                "status": "Active", "createDate": ago(now, 14_200) } }))
            .json(),
    );
    out.push(
        call(14_150, "iam", "AttachUserPolicy")
            .asking(json!({ "userName": "deploy-bot", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess" }))
            .json(),
    );
    out.push(
        call(14_100, "cloudtrail", "StopLogging")
            .asking(json!({ "name": "management-events" }))
            .denied("cloudtrail:StopLogging")
            .json(),
    );
    // The stranger's account stands inside a policy that is itself a string, and in a parameter:
    // acme sent both, so both stay clear to acme, and give the stranger no view.
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{STRANGER}:root") }, "Action": "sts:AssumeRole" }] });
    out.push(
        call(13_900, "iam", "UpdateAssumeRolePolicy")
            .asking(json!({ "roleName": "backup", "policyDocument": policy.to_string() }))
            .json(),
    );
    out.push(
        call(13_700, "ec2", "ModifySnapshotAttribute")
            .asking(json!({ "snapshotId": format!("snap-{}", hex("exports", 17)), "attributeType": "CREATE_VOLUME_PERMISSION",
                "createVolumePermission": { "add": { "items": [{ "userId": STRANGER }] } } }))
            .answered(json!({ "_return": true, "requestId": uuid("share") }))
            .json(),
    );
    out.extend(across(now, 13_200));
    out.extend(outsiders(now));
    // Concerns nobody who is registered: it waits in quarantine.
    out.push(
        Trail::new(now, 12_000, STRANGER, user(STRANGER, "courier"), "ec2", "CreateVolume")
            .from(ATTACKER)
            .asking(json!({ "snapshotId": format!("snap-{}", hex("exports", 17)), "zone": "eu-central-1b", "volumeType": "gp3" }))
            .json(),
    );
    out
}

/// From acme into globex: one event, one record for each.
fn across(now: Timestamp, at: i64) -> Vec<String> {
    let arn = format!("arn:aws:iam::{GLOBEX}:role/partner-logistics");
    let session = "nightly-sync";
    let answer = json!({
        "credentials": { "accessKeyId": key("ASIA", session), "sessionToken": "HIDDEN_DUE_TO_SECURITY_REASONS", "expiration": ago(now, at - 3_600) },
        "assumedRoleUser": { "assumedRoleId": format!("{}:{session}", key("AROA", "partner-logistics")),
            "arn": format!("arn:aws:sts::{GLOBEX}:assumed-role/partner-logistics/{session}") },
    });
    let record = |recipient: &str, identity: Value| {
        Trail::new(now, at, recipient, identity, "sts", "AssumeRole")
            .from(ATTACKER)
            .asking(json!({ "roleArn": arn, "roleSessionName": session, "durationSeconds": 3_600 }))
            .answered(answer.clone())
            .with(
                "resources",
                json!([{ "accountId": GLOBEX, "type": "AWS::IAM::Role", "ARN": arn }]),
            )
            .with("readOnly", true)
            .with("sharedEventID", uuid("across"))
            .json()
    };
    let foreign = json!({ "type": "AWSAccount", "principalId": key("AIDA", "deploy-bot"), "accountId": ACME });
    let inside = || role(GLOBEX, "partner-logistics", session, &ago(now, at));
    let call = |seconds, service, operation| {
        Trail::new(now, seconds, GLOBEX, inside(), service, operation).from(ATTACKER)
    };
    vec![
        record(ACME, user(ACME, "deploy-bot")),
        record(GLOBEX, foreign),
        call(at - 60, "sts", "GetCallerIdentity").json(),
        call(at - 95, "secretsmanager", "ListSecrets").json(),
        call(at - 130, "secretsmanager", "GetSecretValue")
            .asking(json!({ "secretId": "scada/historian" }))
            .denied("secretsmanager:GetSecretValue")
            .json(),
        call(at - 240, "ec2", "AuthorizeSecurityGroupIngress")
            .asking(json!({ "groupId": format!("sg-{}", hex("globex", 17)), "ipPermissions": { "items": [{ "ipProtocol": "tcp",
                "fromPort": 22, "toPort": 22, "ipRanges": { "items": [{ "cidrIp": "198.51.100.0/24" }] } }] } }))
            .answered(json!({ "_return": true, "requestId": uuid("ingress") }))
            .json(),
    ]
}

/// Strangers on acme's bucket: one who gives an account, one of globex, and nobody at all.
fn outsiders(now: Timestamp) -> Vec<String> {
    let account = |id: &str, name: &str| json!({ "type": "AWSAccount", "principalId": key("AIDA", name), "accountId": id });
    let nobody =
        json!({ "type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL" });
    let get = |seconds, identity, from: &str, object: &str| {
        Trail::new(now, seconds, ACME, identity, "s3", "GetObject")
            .from(from)
            .asking(json!({ "bucketName": BUCKET, "key": object, "Host": format!("{BUCKET}.s3.eu-central-1.amazonaws.com") }))
            .with("resources", json!([
                { "type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::{BUCKET}/{object}") },
                { "accountId": ACME, "type": "AWS::S3::Bucket", "ARN": format!("arn:aws:s3:::{BUCKET}") },
            ]))
            .with("managementEvent", false)
            .with("eventCategory", "Data")
    };
    vec![
        get(
            12_900,
            account(STRANGER, "courier"),
            ATTACKER,
            "2026/customers.csv",
        )
        .json(),
        get(
            12_840,
            account(GLOBEX, "invoice-reader"),
            "192.0.2.90",
            "invoices/globex.pdf",
        )
        .json(),
        get(12_600, nobody, "198.51.100.200", ".env")
            .with("errorCode", "AccessDenied")
            .with("errorMessage", "Access Denied")
            .json(),
    ]
}

/// What the flow logs have: between the two customers, and from outside.
pub(crate) fn flows(now: Timestamp) -> Vec<String> {
    let mut out = Vec::new();
    for step in 0..12u16 {
        let ago = 13_000 - i64::from(step) * 60;
        let port = 40_000 + step;
        for (account, machine, direction) in [
            (ACME, "acme-web-0", "egress"),
            (GLOBEX, "globex-historian", "ingress"),
        ] {
            let flow = Flow {
                account,
                machine,
                source: ("10.20.1.10", port),
                target: ("10.20.7.20", 22),
                bytes: 5_400 + u64::from(step) * 91,
                action: "ACCEPT",
                direction,
                ago,
            };
            out.push(flow.line(now));
        }
        let scan = Flow {
            account: ACME,
            machine: "acme-web-0",
            source: (ATTACKER, 51_000 + step),
            target: ("10.20.1.10", 20 + step),
            bytes: 60,
            action: "REJECT",
            direction: "ingress",
            ago: 15_200 - i64::from(step),
        };
        out.push(scan.line(now));
    }
    out
}

/// What GuardDuty says.
pub(crate) fn findings(now: Timestamp) -> Vec<String> {
    let finding = |account: &str,
                   at: i64,
                   kind: &str,
                   title: &str,
                   severity: f64,
                   resource: Value,
                   service: Value| {
        let id = hex(&format!("{account}/{kind}"), 32);
        json!({
            "schemaVersion": "2.0", "accountId": account, "region": "eu-central-1", "partition": "aws", "id": id,
            "arn": format!("arn:aws:guardduty:eu-central-1:{account}:detector/{}/finding/{id}", hex(account, 32)),
            "type": kind, "resource": resource, "service": service, "severity": severity,
            "createdAt": ago(now, at), "updatedAt": ago(now, at), "title": title, "description": title,
        })
        .to_string()
    };
    let remote = json!({ "ipAddressV4": ATTACKER, "country": { "countryName": "Elsewhere" } });
    vec![
        finding(
            ACME,
            13_500,
            "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
            "An API was called from an address on a threat list.",
            5.0,
            json!({ "resourceType": "AccessKey", "accessKeyDetails": { "accessKeyId": key("AKIA", "deploy-bot"),
                "principalId": key("AIDA", "deploy-bot"), "userType": "IAMUser", "userName": "deploy-bot" } }),
            json!({ "serviceName": "guardduty", "count": 7, "archived": false, "eventFirstSeen": ago(now, 14_400),
                "eventLastSeen": ago(now, 13_700), "action": { "actionType": "AWS_API_CALL", "awsApiCallAction": {
                "api": "CreateAccessKey", "serviceName": "iam.amazonaws.com", "callerType": "Remote IP", "remoteIpDetails": remote } } }),
        ),
        finding(
            GLOBEX,
            12_950,
            "UnauthorizedAccess:EC2/SSHBruteForce",
            "A machine receives sign-in attempts over SSH.",
            2.0,
            json!({ "resourceType": "Instance", "instanceDetails": { "instanceId": format!("i-{}", hex("i/globex-historian", 17)),
                "instanceType": "m7i.large", "networkInterfaces": [{ "privateIpAddress": "10.20.7.20" }] } }),
            json!({ "serviceName": "guardduty", "count": 12, "archived": false, "eventFirstSeen": ago(now, 13_000),
                "eventLastSeen": ago(now, 12_400), "resourceRole": "TARGET", "action": { "actionType": "NETWORK_CONNECTION",
                "networkConnectionAction": { "connectionDirection": "INBOUND", "protocol": "TCP", "blocked": false,
                "localPortDetails": { "port": 22, "portName": "SSH" }, "remoteIpDetails": remote } } }),
        ),
    ]
}

/// What comes as OCSF already: a sign-in on a machine of acme.
pub(crate) fn ocsf(now: Timestamp) -> Vec<String> {
    let time = (now.as_second() - 12_980) * 1_000;
    vec![
        json!({
            "activity_id": 1, "category_uid": 3, "class_uid": 3002, "type_uid": 300_201, "severity_id": 1, "status_id": 2,
            "time": time, "message": "Failed password for root from 198.51.100.77",
            "metadata": { "version": "1.8.0", "uid": uuid("ocsf-login"), "product": { "name": "sshd", "vendor_name": "OpenBSD" } },
            "cloud": { "provider": "AWS", "region": "eu-central-1", "account": { "uid": ACME } },
            "user": { "name": "root" }, "src_endpoint": { "ip": ATTACKER, "port": 51_200 },
            "dst_endpoint": { "ip": "10.20.1.10", "port": 22, "hostname": "acme-web-0" }, "is_remote": true,
        })
        .to_string(),
    ]
}
