//! Azure: operations as the activity log and logs of resources name them, and those of Entra ID.

use super::Rows;

/// `operationName` in the activity log and in logs of resources.
///
/// <https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations>
pub(super) const OPERATIONS: Rows = &[
    // Records and guards are switched off.
    (
        &["T1562.008"],
        &[
            "Microsoft.Insights/diagnosticSettings/delete",
            "Microsoft.Insights/diagnosticSettings/write",
            "Microsoft.Insights/logProfiles/delete",
            "Microsoft.Insights/dataCollectionRules/delete",
            "Microsoft.OperationalInsights/workspaces/delete",
            "Microsoft.Network/networkWatchers/flowLogs/delete",
            "Microsoft.Network/networkWatchers/delete",
            "Microsoft.EventHub/namespaces/delete",
        ],
    ),
    (
        &["T1562.001"],
        &[
            "Microsoft.Security/pricings/write",
            "Microsoft.Security/securitySolutions/delete",
            "Microsoft.Security/alertsSuppressionRules/write",
            "Microsoft.Insights/activityLogAlerts/delete",
            "Microsoft.Insights/alertRules/delete",
            "Microsoft.SecurityInsights/alertRules/delete",
            "Microsoft.Compute/virtualMachines/extensions/delete",
        ],
    ),
    (
        &["T1562"],
        &[
            "Microsoft.Authorization/policyAssignments/delete",
            "Microsoft.Authorization/policyExemptions/write",
            "Microsoft.Authorization/locks/delete",
        ],
    ),
    (
        &["T1562.007"],
        &[
            "Microsoft.Network/networkSecurityGroups/write",
            "Microsoft.Network/networkSecurityGroups/delete",
            "Microsoft.Network/networkSecurityGroups/securityRules/write",
            "Microsoft.Network/networkSecurityGroups/securityRules/delete",
            "Microsoft.Network/azureFirewalls/delete",
            "Microsoft.Network/firewallPolicies/write",
            "Microsoft.Network/firewallPolicies/delete",
            "Microsoft.Sql/servers/firewallRules/write",
        ],
    ),
    (
        &["T1666"],
        &[
            "Microsoft.Subscription/cancel/action",
            "Microsoft.Management/managementGroups/subscriptions/write",
        ],
    ),
    // Credentials, accounts and roles.
    (
        &["T1098.003"],
        &[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleDefinitions/write",
            "Microsoft.Authorization/elevateAccess/action",
        ],
    ),
    (
        &["T1531"],
        &["Microsoft.Authorization/roleAssignments/delete"],
    ),
    (
        &["T1136.003"],
        &["Microsoft.ManagedIdentity/userAssignedIdentities/write"],
    ),
    (
        &["T1098.001"],
        &[
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write",
            "Microsoft.Storage/storageAccounts/regenerateKey/action",
        ],
    ),
    (&["T1098.004"], &["Microsoft.Compute/sshPublicKeys/write"]),
    (
        &["T1199"],
        &[
            "Microsoft.ManagedServices/registrationAssignments/write",
            "Microsoft.ManagedServices/registrationDefinitions/write",
        ],
    ),
    (
        &["T1555.006"],
        &[
            "SecretGet",
            "SecretList",
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "Microsoft.KeyVault/vaults/accessPolicies/write",
            "Microsoft.KeyVault/vaults/write",
        ],
    ),
    (
        &["T1552"],
        &[
            "Microsoft.Storage/storageAccounts/listKeys/action",
            "Microsoft.Storage/storageAccounts/listAccountSas/action",
            "Microsoft.Web/sites/publishxml/action",
            "Microsoft.Web/sites/config/list/action",
            "Microsoft.DocumentDB/databaseAccounts/listKeys/action",
            "Microsoft.ContainerRegistry/registries/listCredentials/action",
            "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
        ],
    ),
    // Data.
    (
        &["T1537"],
        &[
            "Microsoft.Compute/snapshots/beginGetAccess/action",
            "Microsoft.Compute/disks/beginGetAccess/action",
            "Microsoft.Compute/restorePointCollections/restorePoints/retrieveSasUris/action",
        ],
    ),
    (
        &["T1578.001"],
        &[
            "Microsoft.Compute/snapshots/write",
            "Microsoft.Compute/restorePointCollections/restorePoints/write",
            "Microsoft.Compute/images/write",
        ],
    ),
    (
        &["T1530"],
        &[
            "GetBlob",
            "Microsoft.Storage/storageAccounts/write",
            "Microsoft.Storage/storageAccounts/blobServices/containers/write",
        ],
    ),
    (
        &["T1213.006"],
        &["Microsoft.Sql/servers/databases/export/action"],
    ),
    (
        &["T1040", "T1020.001"],
        &[
            "Microsoft.Network/networkWatchers/packetCaptures/write",
            "Microsoft.Network/virtualNetworkTaps/write",
        ],
    ),
    (&["T1619"], &["ListBlobs", "ListContainers"]),
    // Machines and programs.
    (
        &["T1578.002", "T1496.001"],
        &["Microsoft.Compute/virtualMachines/write"],
    ),
    (
        &["T1496.001"],
        &[
            "Microsoft.Compute/virtualMachines/start/action",
            "Microsoft.Compute/virtualMachineScaleSets/write",
            "Microsoft.Batch/batchAccounts/pools/write",
        ],
    ),
    (
        &["T1651"],
        &[
            "Microsoft.Compute/virtualMachines/runCommand/action",
            "Microsoft.Compute/virtualMachines/runCommands/write",
            "Microsoft.Compute/virtualMachines/extensions/write",
            "Microsoft.Compute/virtualMachineScaleSets/extensions/write",
            "Microsoft.Automation/automationAccounts/jobs/write",
            "Microsoft.HybridCompute/machines/extensions/write",
        ],
    ),
    (
        &["T1648"],
        &[
            "Microsoft.Automation/automationAccounts/runbooks/write",
            "Microsoft.Logic/workflows/write",
            "Microsoft.Web/sites/functions/write",
        ],
    ),
    (
        &["T1546"],
        &[
            "Microsoft.Automation/automationAccounts/webhooks/write",
            "Microsoft.EventGrid/eventSubscriptions/write",
        ],
    ),
    (
        &["T1610"],
        &["Microsoft.ContainerInstance/containerGroups/write"],
    ),
    (
        &["T1609"],
        &[
            "Microsoft.ContainerInstance/containerGroups/containers/exec/action",
            "Microsoft.ContainerService/managedClusters/runCommand/action",
        ],
    ),
    (
        &["T1021.008"],
        &[
            "Microsoft.SerialConsole/serialPorts/connect/action",
            "Microsoft.Network/bastionHosts/write",
        ],
    ),
    (&["T1578.005"], &["Microsoft.Quota/quotas/write"]),
    // Harm.
    (
        &["T1578.003", "T1485"],
        &["Microsoft.Compute/virtualMachines/delete"],
    ),
    (
        &["T1485"],
        &[
            "DeleteBlob",
            "DeleteContainer",
            "Microsoft.Compute/disks/delete",
            "Microsoft.Storage/storageAccounts/delete",
            "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
            "Microsoft.KeyVault/vaults/delete",
            "Microsoft.KeyVault/vaults/purge/action",
            "Microsoft.Sql/servers/databases/delete",
            "Microsoft.Sql/servers/delete",
            "Microsoft.Resources/subscriptions/resourceGroups/delete",
        ],
    ),
    (
        &["T1485.001"],
        &["Microsoft.Storage/storageAccounts/managementPolicies/write"],
    ),
    (
        &["T1490"],
        &[
            "Microsoft.Compute/snapshots/delete",
            "Microsoft.Compute/restorePointCollections/delete",
            "Microsoft.RecoveryServices/vaults/delete",
            "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/delete",
            "Microsoft.RecoveryServices/vaults/backupconfig/write",
        ],
    ),
    (
        &["T1489", "T1529"],
        &[
            "Microsoft.Compute/virtualMachines/deallocate/action",
            "Microsoft.Compute/virtualMachines/powerOff/action",
        ],
    ),
    (
        &["T1529"],
        &["Microsoft.Compute/virtualMachines/restart/action"],
    ),
];

/// `operationName` of a sign-in, `activityDisplayName` of a change of the directory.
///
/// <https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities>
pub(super) const DIRECTORY: Rows = &[
    // Whose, from where and how it ended say which.
    (
        &["T1078.004", "T1110", "T1110.003", "T1621"],
        &["Sign-in activity"],
    ),
    // Credentials, accounts and roles.
    (
        &["T1136.003"],
        &[
            "Add user",
            "Invite external user",
            "Add service principal",
            "Restore user",
        ],
    ),
    (
        &["T1098.003"],
        &[
            "Add member to role",
            "Add eligible member to role",
            "Add member to group",
            "Add app role assignment to service principal",
            "Add owner to application",
            "Add owner to service principal",
        ],
    ),
    (
        &["T1098.003", "T1548.005"],
        &["User has elevated their access to User Access Administrator for their Azure Resources"],
    ),
    (
        &["T1098.001"],
        &[
            "Add service principal credentials",
            "Update application – Certificates and secrets management",
        ],
    ),
    (
        &["T1098"],
        &[
            "Reset user password",
            "Reset password (by admin)",
            "Change user password",
        ],
    ),
    (
        &["T1098.005"],
        &[
            "Add device",
            "Register device",
            "Add registered owner to device",
            "Add registered users to device",
        ],
    ),
    (
        &["T1556.006", "T1098.005"],
        &[
            "User registered security info",
            "Enable Strong Authentication",
        ],
    ),
    (
        &["T1528", "T1098.003"],
        &[
            "Consent to application",
            "Add delegated permission grant",
            "Add OAuth2PermissionGrant",
        ],
    ),
    (&["T1199"], &["Add partner to company"]),
    // Guards are changed.
    (
        &["T1556.006"],
        &[
            "Disable Strong Authentication",
            "User deleted security info",
            "Admin deleted security info",
            "Authentication Methods Policy Update",
        ],
    ),
    (
        &["T1556.009"],
        &[
            "Add conditional access policy",
            "Update conditional access policy",
            "Delete conditional access policy",
        ],
    ),
    (
        &["T1484.002"],
        &[
            "Set domain authentication",
            "Set federation settings on domain",
            "Add unverified domain",
            "Verify domain",
        ],
    ),
    (
        &["T1484"],
        &["Update authorization policy", "Update company settings"],
    ),
    // Harm.
    (
        &["T1531"],
        &[
            "Delete user",
            "Hard delete user",
            "Disable account",
            "Remove member from role",
        ],
    ),
];
