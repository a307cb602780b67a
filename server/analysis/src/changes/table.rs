//! What undoes what: a table to be reviewed.
//!
//! Parameters are written as CloudTrail writes requests. What an operation made is named by its
//! answer, so that the inverse names it too.

/// Where a parameter of the inverse comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whence {
    /// What was asked.
    Asked,
    /// What was answered.
    Answered,
}

use Whence::{Answered, Asked};

/// A parameter: its path in the inverse's request, whence, and its path there.
pub(super) type Pick = (&'static str, Whence, &'static str);

/// How a change is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undo {
    /// By this operation with the same parameters.
    Same(&'static str),
    /// By this operation with these parameters.
    With(&'static str, &'static [Pick]),
    /// By the same operation with `add` and `remove` exchanged below this parameter.
    Swap(&'static str),
    /// By the same operation with the parameters that it had before, for the same subject.
    Previous(&'static [&'static str]),
    /// As `Previous`; if there was nothing before, by this operation with these parameters.
    PreviousOr(&'static [&'static str], &'static str, &'static [Pick]),
    /// By this operation with the parameters that it had before, for the same subject.
    Again(&'static str, &'static [&'static str]),
    /// By the other value of a parameter that has two.
    Toggle(&'static str, &'static str, &'static str),
    /// By nothing, and why.
    Never(&'static str),
}

use Undo::{Again, Never, Previous, PreviousOr, Same, Swap, Toggle, With};

const EC2: &str = "ec2.amazonaws.com";
const IAM: &str = "iam.amazonaws.com";
const S3: &str = "s3.amazonaws.com";
const TRAIL: &str = "cloudtrail.amazonaws.com";
const KMS: &str = "kms.amazonaws.com";
const LAMBDA: &str = "lambda.amazonaws.com";
const SECRETS: &str = "secretsmanager.amazonaws.com";
const SSM: &str = "ssm.amazonaws.com";
const LOGS: &str = "logs.amazonaws.com";
const GUARD: &str = "guardduty.amazonaws.com";
const RDS: &str = "rds.amazonaws.com";

const USER: &[Pick] = &[("userName", Asked, "userName")];
const ROLE: &[Pick] = &[("roleName", Asked, "roleName")];
const GROUP: &[Pick] = &[("groupName", Asked, "groupName")];
const BUCKET: &[Pick] = &[("bucketName", Asked, "bucketName")];
const BY_BUCKET: &[&str] = &["bucketName"];
const GONE: &str = "what is deleted does not come back; made anew it has another id";
const DATA_GONE: &str = "the data is gone; restore it from a backup";

#[rustfmt::skip]
pub(super) const TABLE: &[(&str, &str, Undo)] = &[
    // Network.
    (EC2, "AuthorizeSecurityGroupIngress", Same("RevokeSecurityGroupIngress")),
    (EC2, "RevokeSecurityGroupIngress", Same("AuthorizeSecurityGroupIngress")),
    (EC2, "AuthorizeSecurityGroupEgress", Same("RevokeSecurityGroupEgress")),
    (EC2, "RevokeSecurityGroupEgress", Same("AuthorizeSecurityGroupEgress")),
    (EC2, "CreateSecurityGroup", With("DeleteSecurityGroup", &[("groupId", Answered, "groupId")])),
    (EC2, "DeleteSecurityGroup", Never(GONE)),
    (EC2, "CreateVpc", With("DeleteVpc", &[("vpcId", Answered, "vpc.vpcId")])),
    (EC2, "DeleteVpc", Never(GONE)),
    (EC2, "DeleteSubnet", Never(GONE)),
    (EC2, "DeleteRouteTable", Never(GONE)),
    (EC2, "DeleteInternetGateway", Never(GONE)),
    (EC2, "CreateSubnet", With("DeleteSubnet", &[("subnetId", Answered, "subnet.subnetId")])),
    (EC2, "CreateInternetGateway", With("DeleteInternetGateway", &[("internetGatewayId", Answered, "internetGateway.internetGatewayId")])),
    (EC2, "AttachInternetGateway", Same("DetachInternetGateway")),
    (EC2, "DetachInternetGateway", Same("AttachInternetGateway")),
    (EC2, "CreateRouteTable", With("DeleteRouteTable", &[("routeTableId", Answered, "routeTable.routeTableId")])),
    (EC2, "AssociateRouteTable", With("DisassociateRouteTable", &[("associationId", Answered, "associationId")])),
    (EC2, "CreateRoute", With("DeleteRoute", &[("routeTableId", Asked, "routeTableId"), ("destinationCidrBlock", Asked, "destinationCidrBlock"), ("destinationIpv6CidrBlock", Asked, "destinationIpv6CidrBlock")])),
    (EC2, "DeleteRoute", Again("CreateRoute", &["routeTableId", "destinationCidrBlock"])),
    (EC2, "CreateNatGateway", With("DeleteNatGateway", &[("DeleteNatGatewayRequest.NatGatewayId", Answered, "CreateNatGatewayResponse.natGateway.natGatewayId")])),
    (EC2, "CreateNetworkInterface", With("DeleteNetworkInterface", &[("networkInterfaceId", Answered, "networkInterface.networkInterfaceId")])),
    (EC2, "DisassociateRouteTable", Never("the association has no parameters of its own here; associate the table anew")),
    (EC2, "AllocateAddress", With("ReleaseAddress", &[("allocationId", Answered, "allocationId")])),
    (EC2, "ReleaseAddress", Never("the address may be another customer's by now")),
    (EC2, "AssociateAddress", With("DisassociateAddress", &[("associationId", Answered, "associationId")])),
    (EC2, "CreateFlowLogs", With("DeleteFlowLogs", &[("DeleteFlowLogsRequest.FlowLogId", Answered, "CreateFlowLogsResponse.flowLogIdSet.item")])),
    (EC2, "DeleteFlowLogs", Never("make the flow log anew; what it would have recorded meanwhile is lost")),
    (EC2, "CreateNetworkAclEntry", With("DeleteNetworkAclEntry", &[("networkAclId", Asked, "networkAclId"), ("ruleNumber", Asked, "ruleNumber"), ("egress", Asked, "egress")])),
    (EC2, "DeleteNetworkAclEntry", Again("CreateNetworkAclEntry", &["networkAclId", "ruleNumber", "egress"])),
    // Machines and their disks.
    (EC2, "RunInstances", With("TerminateInstances", &[("instancesSet.items[].instanceId", Answered, "instancesSet.items[].instanceId")])),
    (EC2, "TerminateInstances", Never("a terminated instance does not come back; start another from an image or snapshot")),
    (EC2, "StartInstances", Same("StopInstances")),
    (EC2, "StopInstances", With("StartInstances", &[("instancesSet", Asked, "instancesSet")])),
    (EC2, "CreateSnapshot", With("DeleteSnapshot", &[("snapshotId", Answered, "snapshotId")])),
    (EC2, "CopySnapshot", With("DeleteSnapshot", &[("snapshotId", Answered, "snapshotId")])),
    (EC2, "DeleteSnapshot", Never("only a recycle bin that was set up before has it")),
    (EC2, "CreateVolume", With("DeleteVolume", &[("volumeId", Answered, "volumeId")])),
    (EC2, "DeleteVolume", Never(DATA_GONE)),
    (EC2, "AttachVolume", With("DetachVolume", &[("volumeId", Asked, "volumeId")])),
    (EC2, "CreateImage", With("DeregisterImage", &[("imageId", Answered, "imageId")])),
    (EC2, "ModifySnapshotAttribute", Swap("createVolumePermission")),
    (EC2, "ModifyImageAttribute", Swap("launchPermission")),
    (EC2, "ModifyInstanceAttribute", Previous(&["instanceId", "attribute"])),
    (EC2, "AssociateIamInstanceProfile", With("DisassociateIamInstanceProfile", &[("AssociationId", Answered, "AssociateIamInstanceProfileResponse.iamInstanceProfileAssociation.associationId")])),
    (EC2, "CreateKeyPair", With("DeleteKeyPair", &[("keyName", Asked, "keyName")])),
    (EC2, "ImportKeyPair", With("DeleteKeyPair", &[("keyName", Asked, "keyName")])),
    (EC2, "DeleteKeyPair", Never(GONE)),
    (EC2, "EnableSerialConsoleAccess", Same("DisableSerialConsoleAccess")),
    (EC2, "DisableEbsEncryptionByDefault", Same("EnableEbsEncryptionByDefault")),
    // Identities.
    (IAM, "CreateUser", With("DeleteUser", USER)),
    (IAM, "DeleteUser", Never(GONE)),
    (IAM, "CreateRole", With("DeleteRole", ROLE)),
    (IAM, "DeleteRole", Never(GONE)),
    (IAM, "CreateGroup", With("DeleteGroup", GROUP)),
    (IAM, "AddUserToGroup", Same("RemoveUserFromGroup")),
    (IAM, "RemoveUserFromGroup", Same("AddUserToGroup")),
    (IAM, "AttachUserPolicy", Same("DetachUserPolicy")),
    (IAM, "DetachUserPolicy", Same("AttachUserPolicy")),
    (IAM, "AttachRolePolicy", Same("DetachRolePolicy")),
    (IAM, "DetachRolePolicy", Same("AttachRolePolicy")),
    (IAM, "AttachGroupPolicy", Same("DetachGroupPolicy")),
    (IAM, "DetachGroupPolicy", Same("AttachGroupPolicy")),
    (IAM, "PutUserPolicy", PreviousOr(&["userName", "policyName"], "DeleteUserPolicy", &[("userName", Asked, "userName"), ("policyName", Asked, "policyName")])),
    (IAM, "DeleteUserPolicy", Again("PutUserPolicy", &["userName", "policyName"])),
    (IAM, "PutRolePolicy", PreviousOr(&["roleName", "policyName"], "DeleteRolePolicy", &[("roleName", Asked, "roleName"), ("policyName", Asked, "policyName")])),
    (IAM, "DeleteRolePolicy", Again("PutRolePolicy", &["roleName", "policyName"])),
    (IAM, "PutGroupPolicy", PreviousOr(&["groupName", "policyName"], "DeleteGroupPolicy", &[("groupName", Asked, "groupName"), ("policyName", Asked, "policyName")])),
    (IAM, "DeleteGroupPolicy", Again("PutGroupPolicy", &["groupName", "policyName"])),
    (IAM, "CreatePolicy", With("DeletePolicy", &[("policyArn", Answered, "policy.arn")])),
    (IAM, "CreatePolicyVersion", With("DeletePolicyVersion", &[("policyArn", Asked, "policyArn"), ("versionId", Answered, "policyVersion.versionId")])),
    (IAM, "SetDefaultPolicyVersion", Previous(&["policyArn"])),
    (IAM, "UpdateAssumeRolePolicy", Previous(&["roleName"])),
    (IAM, "PutUserPermissionsBoundary", PreviousOr(&["userName"], "DeleteUserPermissionsBoundary", USER)),
    (IAM, "DeleteUserPermissionsBoundary", Again("PutUserPermissionsBoundary", &["userName"])),
    (IAM, "CreateAccessKey", With("DeleteAccessKey", &[("userName", Answered, "accessKey.userName"), ("accessKeyId", Answered, "accessKey.accessKeyId")])),
    (IAM, "DeleteAccessKey", Never("a deleted key does not come back; make another")),
    (IAM, "UpdateAccessKey", Toggle("status", "Active", "Inactive")),
    (IAM, "CreateLoginProfile", With("DeleteLoginProfile", USER)),
    (IAM, "DeleteLoginProfile", Never("the former password is in no event; set another")),
    (IAM, "UpdateLoginProfile", Never("the former password is in no event; set another")),
    (IAM, "ChangePassword", Never("the former password is in no event; set another")),
    (IAM, "DeactivateMFADevice", Same("EnableMFADevice")),
    (IAM, "EnableMFADevice", With("DeactivateMFADevice", &[("userName", Asked, "userName"), ("serialNumber", Asked, "serialNumber")])),
    (IAM, "CreateInstanceProfile", With("DeleteInstanceProfile", &[("instanceProfileName", Asked, "instanceProfileName")])),
    (IAM, "AddRoleToInstanceProfile", Same("RemoveRoleFromInstanceProfile")),
    (IAM, "RemoveRoleFromInstanceProfile", Same("AddRoleToInstanceProfile")),
    (IAM, "CreateSAMLProvider", With("DeleteSAMLProvider", &[("sAMLProviderArn", Answered, "sAMLProviderArn")])),
    (IAM, "CreateOpenIDConnectProvider", With("DeleteOpenIDConnectProvider", &[("openIDConnectProviderArn", Answered, "openIDConnectProviderArn")])),
    ("rolesanywhere.amazonaws.com", "CreateTrustAnchor", With("DeleteTrustAnchor", &[("trustAnchorId", Answered, "trustAnchor.trustAnchorId")])),
    ("rolesanywhere.amazonaws.com", "CreateProfile", With("DeleteProfile", &[("profileId", Answered, "profile.profileId")])),
    // Logging and watching.
    (TRAIL, "StopLogging", Same("StartLogging")),
    (TRAIL, "StartLogging", Same("StopLogging")),
    (TRAIL, "CreateTrail", With("DeleteTrail", &[("name", Asked, "name")])),
    (TRAIL, "DeleteTrail", Again("CreateTrail", &["name"])),
    (TRAIL, "UpdateTrail", Previous(&["name"])),
    (TRAIL, "PutEventSelectors", Previous(&["trailName"])),
    (GUARD, "CreateDetector", With("DeleteDetector", &[("detectorId", Answered, "detectorId")])),
    (GUARD, "DeleteDetector", Never("make a detector anew; its findings are gone")),
    (GUARD, "UpdateDetector", Previous(&["detectorId"])),
    (LOGS, "CreateLogGroup", With("DeleteLogGroup", &[("logGroupName", Asked, "logGroupName")])),
    (LOGS, "DeleteLogGroup", Never(DATA_GONE)),
    (LOGS, "DeleteLogStream", Never(DATA_GONE)),
    (LOGS, "PutRetentionPolicy", PreviousOr(&["logGroupName"], "DeleteRetentionPolicy", &[("logGroupName", Asked, "logGroupName")])),
    // Storage.
    (S3, "CreateBucket", With("DeleteBucket", BUCKET)),
    (S3, "DeleteBucket", Never("the name may be another customer's by now, and what was in it is gone")),
    (S3, "PutBucketPolicy", PreviousOr(BY_BUCKET, "DeleteBucketPolicy", BUCKET)),
    (S3, "DeleteBucketPolicy", Again("PutBucketPolicy", BY_BUCKET)),
    (S3, "PutBucketAcl", Previous(BY_BUCKET)),
    (S3, "PutBucketPublicAccessBlock", PreviousOr(BY_BUCKET, "DeleteBucketPublicAccessBlock", BUCKET)),
    (S3, "DeleteBucketPublicAccessBlock", Again("PutBucketPublicAccessBlock", BY_BUCKET)),
    (S3, "PutBucketLogging", Previous(BY_BUCKET)),
    (S3, "PutBucketVersioning", Previous(BY_BUCKET)),
    (S3, "PutBucketLifecycle", PreviousOr(BY_BUCKET, "DeleteBucketLifecycle", BUCKET)),
    (S3, "PutBucketReplication", PreviousOr(BY_BUCKET, "DeleteBucketReplication", BUCKET)),
    (S3, "PutBucketEncryption", PreviousOr(BY_BUCKET, "DeleteBucketEncryption", BUCKET)),
    (RDS, "CreateDBInstance", With("DeleteDBInstance", &[("dBInstanceIdentifier", Asked, "dBInstanceIdentifier")])),
    (RDS, "DeleteDBInstance", Never("restore it from a snapshot, if one was made")),
    (RDS, "CreateDBSnapshot", With("DeleteDBSnapshot", &[("dBSnapshotIdentifier", Asked, "dBSnapshotIdentifier")])),
    (RDS, "ModifyDBSnapshotAttribute", Previous(&["dBSnapshotIdentifier", "attributeName"])),
    // Keys, secrets, parameters.
    (KMS, "CreateKey", With("ScheduleKeyDeletion", &[("keyId", Answered, "keyMetadata.keyId")])),
    (KMS, "ScheduleKeyDeletion", With("CancelKeyDeletion", &[("keyId", Asked, "keyId")])),
    (KMS, "DisableKey", Same("EnableKey")),
    (KMS, "EnableKey", Same("DisableKey")),
    (KMS, "PutKeyPolicy", Previous(&["keyId"])),
    (KMS, "CreateGrant", With("RevokeGrant", &[("keyId", Asked, "keyId"), ("grantId", Answered, "grantId")])),
    (SECRETS, "CreateSecret", With("DeleteSecret", &[("secretId", Asked, "name")])),
    (SECRETS, "DeleteSecret", With("RestoreSecret", &[("secretId", Asked, "secretId")])),
    (SECRETS, "PutSecretValue", Never("former values are in no event; the service keeps the previous version for a while")),
    (SECRETS, "PutResourcePolicy", PreviousOr(&["secretId"], "DeleteResourcePolicy", &[("secretId", Asked, "secretId")])),
    (SSM, "PutParameter", Never("former values are in no event; the service keeps a history of each parameter")),
    (SSM, "DeleteParameter", Never("the value is in no event; set it from where it came from")),
    (SSM, "StartSession", With("TerminateSession", &[("sessionId", Answered, "sessionId")])),
    (SSM, "TerminateSession", Never("a session that ended does not come back")),
    (SSM, "SendCommand", Never("what it ran has run; look at the instances")),
    ("ec2-instance-connect.amazonaws.com", "SendSSHPublicKey", Never("the key is good for 60 seconds; look for the sessions that it opened")),
    // Functions.
    (LAMBDA, "CreateFunction20150331", With("DeleteFunction20150331", &[("functionName", Asked, "functionName")])),
    (LAMBDA, "DeleteFunction20150331", Never(GONE)),
    (LAMBDA, "UpdateFunctionCode20150331v2", Never("former code is in no event; go back to a published version or deploy it anew")),
    (LAMBDA, "UpdateFunctionConfiguration20150331v2", Previous(&["functionName"])),
    (LAMBDA, "AddPermission20150331v2", With("RemovePermission20150331v2", &[("functionName", Asked, "functionName"), ("statementId", Asked, "statementId")])),
    (LAMBDA, "PublishLayerVersion20181031", With("DeleteLayerVersion20181031", &[("layerName", Asked, "layerName"), ("versionNumber", Answered, "version")])),
    // Accounts.
    ("organizations.amazonaws.com", "LeaveOrganization", Never("the organization must invite the account anew")),
];

/// Operations that handle data and change no configuration.
pub(super) const DATA_OPERATIONS: &[&str] = &[
    "AbortMultipartUpload",
    "BatchWriteItem",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateLogStream",
    "CreateMultipartUpload",
    "Decrypt",
    "DeleteItem",
    "DeleteMessage",
    "DeleteObject",
    "DeleteObjects",
    "Encrypt",
    "EndSecretVersionDelete",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "Invoke",
    "PutEvents",
    "PutItem",
    "PutLogEvents",
    "PutMetricData",
    "PutObject",
    "PutRecord",
    "PutRecords",
    "Publish",
    "ReEncrypt",
    "ReceiveMessage",
    "SendMessage",
    "StartSecretVersionDelete",
    "UpdateInstanceAssociationStatus",
    "UpdateInstanceInformation",
    "UpdateItem",
    "UploadPart",
    "UploadPartCopy",
];

/// What is known of an operation.
pub(super) fn undo(service: &str, operation: &str) -> Option<Undo> {
    let mut rows = TABLE.iter();
    let row = rows.find(|(of, name, _)| *of == service && *name == operation)?;
    Some(row.2)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_stands_once_and_every_pick_is_a_path() {
        let mut seen = BTreeSet::new();
        for (service, operation, undo) in TABLE {
            assert!(
                seen.insert((service, operation)),
                "{service} {operation} stands twice"
            );
            assert!(service.ends_with(".amazonaws.com"));
            if let With(_, picks) | PreviousOr(_, _, picks) = undo {
                assert!(!picks.is_empty(), "{operation}");
            }
        }
    }

    #[test]
    fn what_undoes_by_the_same_parameters_is_undone_by_it() {
        for (service, operation, how) in TABLE {
            let Same(inverse) = how else { continue };
            match undo(service, inverse) {
                None | Some(With(..)) => {}
                Some(back) => assert_eq!(back, Same(operation), "{inverse}"),
            }
        }
    }
}
