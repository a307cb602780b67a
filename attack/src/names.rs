//! Which of ATT&CK's log sources is which source type of Cordon, reviewed by hand.
//!
//! ATT&CK's names are free text, and an analytic now and then names a log that does not hold
//! what it looks for. Such references are set apart here, with the reason. A name without a
//! row is one that nobody records through Cordon.

use crate::{LogSource, SourceType};

/// One row: what of a log source is which source type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// ATT&CK's name of the log source.
    pub log_source: &'static str,
    /// Only for these components; for all, if empty.
    pub components: &'static [&'static str],
    /// Only where the channel holds this; everywhere, if empty.
    pub channel: &'static str,
    /// The source type; none if Cordon's records of that name do not hold it.
    pub source: Option<SourceType>,
    /// Why, where it is not obvious.
    pub why: &'static str,
}

const fn is(log_source: &'static str, source: SourceType, why: &'static str) -> Name {
    Name {
        log_source,
        components: &[],
        channel: "",
        source: Some(source),
        why,
    }
}

const fn only(
    log_source: &'static str,
    components: &'static [&'static str],
    channel: &'static str,
    source: SourceType,
    why: &'static str,
) -> Name {
    Name {
        log_source,
        components,
        channel,
        source: Some(source),
        why,
    }
}

const fn not(
    log_source: &'static str,
    components: &'static [&'static str],
    channel: &'static str,
    why: &'static str,
) -> Name {
    Name {
        log_source,
        components,
        channel,
        source: None,
        why,
    }
}

use SourceType::{
    AwsCloudTrail, AwsVpcFlow, AzureActivity, AzureSignIn, GcpAudit, K8sAudit, LinuxAuth,
};

/// The rows. The first that fits a reference holds for it.
pub const NAMES: &[Name] = &[
    // AWS.
    not(
        "AWS:CloudTrail",
        &[],
        "GetInstanceIdentityDocument",
        "asked of the instance's own metadata service, which CloudTrail does not see",
    ),
    not(
        "AWS:CloudTrail",
        &[],
        "DescribeInstanceIdentity",
        "asked of the instance's own metadata service, which CloudTrail does not see",
    ),
    not(
        "AWS:CloudTrail",
        &[],
        "command-line execution",
        "commands on a host are not calls of AWS",
    ),
    not(
        "AWS:CloudTrail",
        &["DC0019", "DC0091"],
        "",
        "pods and containers are seen by the cluster's API server",
    ),
    is("AWS:CloudTrail", AwsCloudTrail, ""),
    is("CloudTrail:GetCallerIdentity", AwsCloudTrail, ""),
    is(
        "CloudTrail:GetObject",
        AwsCloudTrail,
        "where data events of S3 are logged",
    ),
    is(
        "CloudTrail:PutObject",
        AwsCloudTrail,
        "where data events of S3 are logged",
    ),
    is(
        "CloudTrail:Signin",
        AwsCloudTrail,
        "signin.amazonaws.com is a service that CloudTrail records",
    ),
    is(
        "AWS:VPCFlowLogs",
        AwsVpcFlow,
        "also where the analytic asks for content: what it looks for there are volumes and peers",
    ),
    is("VPCFlowLogs:All", AwsVpcFlow, ""),
    // Google Cloud.
    is("gcp:audit", GcpAudit, ""),
    is(
        "gcp:config",
        GcpAudit,
        "changes of log sinks are admin activity",
    ),
    is("gcp:iam", GcpAudit, "calls of IAM are in the audit logs"),
    is(
        "gcp:secrets",
        GcpAudit,
        "Secret Manager, where data access is logged",
    ),
    is(
        "gcp:storage",
        GcpAudit,
        "Cloud Storage, where data access is logged",
    ),
    is(
        "gcp:workspaceaudit",
        GcpAudit,
        "Google Workspace shares its audit logs with Cloud Logging, where that is switched on",
    ),
    is(
        "GCPAuditLogs:login.googleapis.com",
        GcpAudit,
        "Google Workspace shares its audit logs with Cloud Logging, where that is switched on",
    ),
    is(
        "Google Admin Audit",
        GcpAudit,
        "Google Workspace shares its audit logs with Cloud Logging, where that is switched on",
    ),
    // Azure and Entra ID. Cordon's `azure.signin` has Entra's sign-in and audit logs.
    only(
        "azure:activity",
        &["DC0066"],
        "",
        AzureSignIn,
        "policies of conditional access are Entra's, and in its audit log",
    ),
    not(
        "azure:activity",
        &["DC0013"],
        "",
        "reads through Microsoft Graph are in Graph's own activity log",
    ),
    not(
        "azure:activity",
        &["DC0085"],
        "",
        "what flows is in the flow logs of Network Watcher",
    ),
    is("azure:activity", AzureActivity, ""),
    is(
        "azure:resource",
        AzureActivity,
        "changes of resources are in the activity log",
    ),
    not(
        "azure:signinlogs",
        &["DC0083"],
        "",
        "reads through Microsoft Graph are in Graph's own activity log",
    ),
    is(
        "azure:signinlogs",
        AzureSignIn,
        "also where the analytic looks for changes of the directory: the audit log comes along",
    ),
    is("azure:signin", AzureSignIn, ""),
    is(
        "m365:signinlogs",
        AzureSignIn,
        "Microsoft 365 signs in through Entra ID",
    ),
    not(
        "azure:audit",
        &["DC0013", "DC0083", "DC0099"],
        "",
        "reads through Microsoft Graph are in Graph's own activity log",
    ),
    is("azure:audit", AzureSignIn, "Entra's audit log"),
    not(
        "azure:ad",
        &["DC0083"],
        "",
        "reads through Microsoft Graph are in Graph's own activity log",
    ),
    is("azure:ad", AzureSignIn, "Entra ID by its former name"),
    is(
        "azure:policy",
        AzureSignIn,
        "the analytics look for policies of the directory, which are in its audit log",
    ),
    only(
        "ApplicationLog:EntraIDPortal",
        &["DC0038"],
        "DeviceRegistration",
        AzureSignIn,
        "registered devices are in Entra's audit log",
    ),
    is(
        "m365:audit",
        AzureSignIn,
        "the roles and grants that the analytic looks for are in Entra's audit log",
    ),
    only(
        "m365:unified",
        &[],
        "federation settings",
        AzureSignIn,
        "changes of domains are in Entra's audit log, too",
    ),
    only(
        "m365:unified",
        &[],
        "Consent",
        AzureSignIn,
        "consent to applications is in Entra's audit log, too",
    ),
    // Kubernetes.
    not(
        "kubernetes:audit",
        &["DC0064"],
        "",
        "the API server records that somebody asks for exec, not which processes run",
    ),
    not(
        "kubernetes:audit",
        &["DC0055"],
        "",
        "reading a token's file inside a container is no request to the API server",
    ),
    is("kubernetes:audit", K8sAudit, ""),
    not(
        "kubernetes:apiserver",
        &["DC0015"],
        "",
        "images are built and pushed elsewhere",
    ),
    is(
        "kubernetes:apiserver",
        K8sAudit,
        "what is asked of the API server is in its audit log",
    ),
    // Linux.
    is("linux:auth", LinuxAuth, ""),
    only(
        "linux:syslog",
        &["DC0002", "DC0067"],
        "",
        LinuxAuth,
        "of the system log only the lines of the facilities auth and authpriv",
    ),
];

/// The source type that a reference's log source is; none if nothing records it through Cordon.
#[must_use]
pub fn source_of(log_source: LogSource, component: &str) -> Option<SourceType> {
    let fits = |row: &&Name| {
        row.log_source == log_source.name
            && (row.components.is_empty() || row.components.contains(&component))
            && log_source.channel.contains(row.channel)
    };
    NAMES.iter().find(fits).and_then(|row| row.source)
}

/// The source types that record a component by ATT&CK or by the sensor mappings.
pub(crate) fn listed(
    component: &str,
    log_sources: &[&'static str],
    sensors: &[&str],
) -> Vec<SourceType> {
    let named = log_sources.iter().filter_map(|name| {
        let log_source = LogSource { name, channel: "" };
        source_of(log_source, component)
    });
    let mut sources: Vec<_> = named.collect();
    if sensors.contains(&"CloudTrail") {
        sources.push(AwsCloudTrail);
    }
    sources.sort_unstable();
    sources.dedup();
    sources
}
