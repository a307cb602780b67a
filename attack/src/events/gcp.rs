//! Google Cloud: methods as its audit logs name them.

use super::Rows;

/// `protoPayload.methodName`, without the version that it may begin with.
///
/// <https://cloud.google.com/logging/docs/audit/services>
pub(super) const METHODS: Rows = &[
    // Records and guards are switched off.
    (
        &["T1562.008"],
        &[
            "google.logging.v2.ConfigServiceV2.DeleteSink",
            "google.logging.v2.ConfigServiceV2.UpdateSink",
            "google.logging.v2.ConfigServiceV2.CreateExclusion",
            "google.logging.v2.ConfigServiceV2.UpdateExclusion",
            "google.logging.v2.ConfigServiceV2.DeleteBucket",
            "google.logging.v2.ConfigServiceV2.UpdateBucket",
            "google.logging.v2.LoggingServiceV2.DeleteLog",
            "compute.subnetworks.patch",
        ],
    ),
    (
        &["T1562.001"],
        &[
            "google.api.serviceusage.v1.ServiceUsage.DisableService",
            "google.monitoring.v3.AlertPolicyService.DeleteAlertPolicy",
            "google.cloud.securitycenter.v1.SecurityCenter.UpdateOrganizationSettings",
        ],
    ),
    (
        &["T1562.007"],
        &[
            "compute.firewalls.insert",
            "compute.firewalls.patch",
            "compute.firewalls.update",
            "compute.firewalls.delete",
            "compute.firewallPolicies.removeRule",
        ],
    ),
    (
        &["T1666"],
        &["google.cloud.resourcemanager.v3.Projects.MoveProject"],
    ),
    // Credentials, accounts and roles.
    (
        &["T1098.001"],
        &[
            "google.iam.admin.v1.CreateServiceAccountKey",
            "google.iam.admin.v1.UploadServiceAccountKey",
            "google.cloud.oslogin.v1.OsLoginService.ImportSshPublicKey",
            "storage.hmacKeys.create",
        ],
    ),
    (
        &["T1136.003"],
        &["google.iam.admin.v1.CreateServiceAccount"],
    ),
    (
        &["T1098.003"],
        &[
            "SetIamPolicy",
            "google.iam.admin.v1.SetIAMPolicy",
            "google.iam.admin.v1.CreateRole",
            "google.iam.admin.v1.UpdateRole",
            "google.cloud.resourcemanager.v3.Projects.SetIamPolicy",
            "google.admin.AdminService.assignRole",
        ],
    ),
    (
        &["T1531"],
        &[
            "google.iam.admin.v1.DeleteServiceAccount",
            "google.iam.admin.v1.DisableServiceAccount",
            "google.iam.admin.v1.DeleteServiceAccountKey",
        ],
    ),
    (
        &["T1098.004"],
        &[
            "compute.instances.setMetadata",
            "compute.projects.setCommonInstanceMetadata",
        ],
    ),
    (
        &["T1548.005", "T1550.001"],
        &[
            "GenerateAccessToken",
            "GenerateIdToken",
            "google.iam.credentials.v1.IAMCredentials.GenerateAccessToken",
            "google.iam.credentials.v1.IAMCredentials.GenerateIdToken",
        ],
    ),
    (&["T1550.001"], &["SignBlob", "SignJwt"]),
    (
        &["T1484.002"],
        &[
            "google.iam.v1.WorkloadIdentityPools.CreateWorkloadIdentityPoolProvider",
            "google.iam.v1.WorkloadIdentityPools.UpdateWorkloadIdentityPoolProvider",
        ],
    ),
    (&["T1078.004"], &["google.login.LoginService.loginSuccess"]),
    (&["T1110"], &["google.login.LoginService.loginFailure"]),
    (&["T1556.006"], &["google.login.LoginService.2svDisable"]),
    (
        &["T1098.001", "T1556"],
        &["google.admin.AdminService.changePassword"],
    ),
    // Looking around.
    (
        &["T1580"],
        &[
            "compute.instances.list",
            "compute.instances.aggregatedList",
            "compute.disks.list",
            "compute.snapshots.list",
            "compute.firewalls.list",
            "compute.networks.list",
            "storage.buckets.list",
        ],
    ),
    (&["T1619"], &["storage.objects.list"]),
    (
        &["T1069.003"],
        &[
            "GetIamPolicy",
            "google.cloud.resourcemanager.v3.Projects.GetIamPolicy",
        ],
    ),
    (
        &["T1087.004"],
        &[
            "google.iam.admin.v1.ListServiceAccounts",
            "google.iam.admin.v1.ListServiceAccountKeys",
        ],
    ),
    (
        &["T1526"],
        &[
            "google.api.serviceusage.v1.ServiceUsage.ListServices",
            "google.cloud.asset.v1.AssetService.SearchAllResources",
            "google.cloud.asset.v1.AssetService.SearchAllIamPolicies",
        ],
    ),
    (
        &["T1654"],
        &["google.logging.v2.LoggingServiceV2.ListLogEntries"],
    ),
    // Secrets and data.
    (
        &["T1555.006"],
        &[
            "google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion",
            "google.cloud.secretmanager.v1.SecretManagerService.ListSecrets",
        ],
    ),
    (
        &["T1530"],
        &["storage.objects.get", "storage.setIamPermissions"],
    ),
    (
        &["T1537"],
        &[
            "compute.snapshots.setIamPolicy",
            "compute.images.setIamPolicy",
            "compute.disks.setIamPolicy",
            "google.storagetransfer.v1.StorageTransferService.CreateTransferJob",
        ],
    ),
    (
        &["T1578.001"],
        &[
            "compute.disks.createSnapshot",
            "compute.snapshots.insert",
            "compute.images.insert",
        ],
    ),
    (
        &["T1213.006"],
        &[
            "cloudsql.instances.export",
            "google.cloud.bigquery.v2.JobService.InsertJob",
            "jobservice.insert",
        ],
    ),
    (
        &["T1020.001", "T1040"],
        &["compute.packetMirrorings.insert"],
    ),
    // Machines and programs.
    (&["T1578.002", "T1496.001"], &["compute.instances.insert"]),
    (
        &["T1496.001"],
        &[
            "compute.instances.start",
            "compute.instanceGroupManagers.insert",
            "compute.instanceGroupManagers.resize",
        ],
    ),
    (
        &["T1648"],
        &[
            "google.cloud.functions.v1.CloudFunctionsService.CreateFunction",
            "google.cloud.functions.v1.CloudFunctionsService.UpdateFunction",
            "google.cloud.functions.v2.FunctionService.CreateFunction",
            "google.cloud.functions.v2.FunctionService.UpdateFunction",
        ],
    ),
    (
        &["T1610"],
        &[
            "google.cloud.run.v2.Services.CreateService",
            "google.cloud.run.v1.Services.CreateService",
        ],
    ),
    (
        &["T1546"],
        &[
            "google.cloud.eventarc.v1.Eventarc.CreateTrigger",
            "google.cloud.scheduler.v1.CloudScheduler.CreateJob",
        ],
    ),
    (
        &["T1578.005"],
        &[
            "compute.instances.setServiceAccount",
            "compute.instances.setMachineType",
        ],
    ),
    // Harm.
    (
        &["T1485"],
        &[
            "storage.objects.delete",
            "storage.buckets.delete",
            "compute.disks.delete",
            "cloudsql.instances.delete",
            "DestroyCryptoKeyVersion",
            "DeleteProject",
            "google.cloud.resourcemanager.v3.Projects.DeleteProject",
        ],
    ),
    (&["T1485.001"], &["storage.buckets.update"]),
    (&["T1578.003", "T1485"], &["compute.instances.delete"]),
    (
        &["T1490"],
        &[
            "compute.snapshots.delete",
            "compute.images.delete",
            "cloudsql.backupRuns.delete",
        ],
    ),
    (&["T1489", "T1529"], &["compute.instances.stop"]),
    (&["T1529"], &["compute.instances.reset"]),
];
