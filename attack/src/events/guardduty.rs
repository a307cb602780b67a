//! AWS: types of GuardDuty's findings.

use super::Rows;

/// Types of findings.
///
/// <https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-active.html>
pub(super) const FINDINGS: Rows = &[
    // Of calls.
    (
        &["T1562.008"],
        &[
            "Stealth:IAMUser/CloudTrailLoggingDisabled",
            "Stealth:S3/ServerAccessLoggingDisabled",
        ],
    ),
    (&["T1556"], &["Stealth:IAMUser/PasswordPolicyChange"]),
    (&["T1562"], &["DefenseEvasion:IAMUser/AnomalousBehavior"]),
    (
        &["T1078.004"],
        &[
            "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B",
            "UnauthorizedAccess:IAMUser/MaliciousIPCaller",
            "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
            "UnauthorizedAccess:IAMUser/TorIPCaller",
            "InitialAccess:IAMUser/AnomalousBehavior",
            "Policy:IAMUser/RootCredentialUsage",
        ],
    ),
    (
        &["T1552.005", "T1078.004"],
        &[
            "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
            "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS",
        ],
    ),
    (
        &["T1098.003", "T1098.001"],
        &[
            "Persistence:IAMUser/AnomalousBehavior",
            "PrivilegeEscalation:IAMUser/AnomalousBehavior",
        ],
    ),
    (&["T1552"], &["CredentialAccess:IAMUser/AnomalousBehavior"]),
    (
        &["T1580", "T1526"],
        &[
            "Discovery:IAMUser/AnomalousBehavior",
            "Recon:IAMUser/MaliciousIPCaller",
            "Recon:IAMUser/TorIPCaller",
        ],
    ),
    (
        &["T1530", "T1537"],
        &["Exfiltration:IAMUser/AnomalousBehavior"],
    ),
    (&["T1485"], &["Impact:IAMUser/AnomalousBehavior"]),
    // Of S3.
    (
        &["T1619"],
        &[
            "Discovery:S3/AnomalousBehavior",
            "Discovery:S3/MaliciousIPCaller",
            "Discovery:S3/TorIPCaller",
        ],
    ),
    (
        &["T1530"],
        &[
            "Exfiltration:S3/AnomalousBehavior",
            "Exfiltration:S3/MaliciousIPCaller",
            "Policy:S3/BucketAnonymousAccessGranted",
            "Policy:S3/BucketBlockPublicAccessDisabled",
        ],
    ),
    (
        &["T1485", "T1486"],
        &[
            "Impact:S3/AnomalousBehavior.Delete",
            "Impact:S3/AnomalousBehavior.Write",
            "Impact:S3/MaliciousIPCaller",
        ],
    ),
    // Of flows and names.
    (
        &["T1496.001"],
        &[
            "CryptoCurrency:EC2/BitcoinTool.B",
            "CryptoCurrency:EC2/BitcoinTool.B!DNS",
            "CryptoCurrency:Runtime/BitcoinTool.B",
            "CryptoCurrency:Runtime/BitcoinTool.B!DNS",
            "CryptoCurrency:Lambda/BitcoinTool.B",
        ],
    ),
    (
        &["T1071.001"],
        &[
            "Backdoor:EC2/C&CActivity.B",
            "Backdoor:Runtime/C&CActivity.B",
        ],
    ),
    (
        &["T1071.004"],
        &[
            "Backdoor:EC2/C&CActivity.B!DNS",
            "Backdoor:Runtime/C&CActivity.B!DNS",
            "Trojan:EC2/DGADomainRequest.B",
            "Trojan:EC2/DNSDataExfiltration",
        ],
    ),
    (
        &["T1498.001"],
        &[
            "Backdoor:EC2/DenialOfService.Tcp",
            "Backdoor:EC2/DenialOfService.Udp",
        ],
    ),
    (
        &["T1498.002"],
        &[
            "Backdoor:EC2/DenialOfService.Dns",
            "Backdoor:EC2/DenialOfService.UdpOnTcpPorts",
        ],
    ),
    (
        &["T1110"],
        &[
            "UnauthorizedAccess:EC2/SSHBruteForce",
            "UnauthorizedAccess:EC2/RDPBruteForce",
        ],
    ),
    (
        &["T1046"],
        &["Recon:EC2/Portscan", "Recon:EC2/PortProbeUnprotectedPort"],
    ),
    (&["T1048"], &["Behavior:EC2/TrafficVolumeUnusual"]),
    (
        &["T1090.003"],
        &[
            "UnauthorizedAccess:EC2/TorClient",
            "UnauthorizedAccess:EC2/TorRelay",
        ],
    ),
    (
        &["T1552.005"],
        &["UnauthorizedAccess:EC2/MetadataDNSRebind"],
    ),
    // Of clusters and what runs.
    (&["T1609"], &["Execution:Kubernetes/ExecInKubeSystemPod"]),
    (
        &["T1610"],
        &[
            "PrivilegeEscalation:Kubernetes/PrivilegedContainer",
            "Execution:Kubernetes/AnomalousBehavior.WorkloadDeployed",
        ],
    ),
    (
        &["T1552.007"],
        &["CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed"],
    ),
    (
        &["T1611", "T1610"],
        &["Persistence:Kubernetes/AnomalousBehavior.WorkloadDeployed!ContainerWithSensitiveMount"],
    ),
    (
        &["T1098.006"],
        &[
            "PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleBindingCreated",
            "Policy:Kubernetes/AdminAccessToDefaultServiceAccount",
        ],
    ),
    (
        &["T1611"],
        &[
            "PrivilegeEscalation:Runtime/ContainerMountsHostDirectory",
            "PrivilegeEscalation:Runtime/DockerSocketAccessed",
            "PrivilegeEscalation:Runtime/RuncContainerEscape",
        ],
    ),
    (&["T1105"], &["Execution:Runtime/NewBinaryExecuted"]),
];
