//! Which records a rule's log source means, and what its fields are called in them.

use rsigma_parser::LogSource;

use crate::error::Mistake;

/// A field of a rule, as an event has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A column of the event.
    Column(&'static str),
    /// A path into the record's JSON text, steps joined by dots.
    Path(String),
}

/// One kind of record that rules are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Records {
    /// Cordon's name for the source type.
    pub(crate) source_type: &'static str,
    /// The records are lines of text and not JSON: fields in them can't be named.
    pub(crate) lines: bool,
    /// Fields that are columns as well, with the same text.
    columns: &'static [(&'static str, &'static str)],
    /// Fields whose name in published rules is not their name in the record.
    renamed: &'static [(&'static str, &'static str)],
}

const CLOUDTRAIL: Records = Records {
    source_type: "aws.cloudtrail",
    lines: false,
    columns: &[
        ("eventName", "operation"),
        ("eventSource", "service"),
        ("awsRegion", "region"),
    ],
    renamed: &[],
};

const GUARDDUTY: Records = Records {
    source_type: "aws.guardduty",
    lines: false,
    columns: &[],
    renamed: &[],
};

/// SigmaHQ's rules name the audit log's fields as Elastic's integration does.
const GCP_AUDIT: Records = Records {
    source_type: "gcp.audit",
    lines: false,
    columns: &[],
    renamed: &[
        ("gcp.audit.method_name", "protoPayload.methodName"),
        ("gcp.audit.service_name", "protoPayload.serviceName"),
        ("gcp.audit.resource_name", "protoPayload.resourceName"),
        (
            "gcp.audit.authentication_info.principal_email",
            "protoPayload.authenticationInfo.principalEmail",
        ),
        (
            "gcp.audit.request_metadata.caller_ip",
            "protoPayload.requestMetadata.callerIp",
        ),
    ],
};

const AZURE_ACTIVITY: Records = Records {
    source_type: "azure.activity",
    lines: false,
    columns: &[],
    renamed: &[],
};

const AZURE_SIGNIN: Records = Records {
    source_type: "azure.signin",
    lines: false,
    columns: &[],
    renamed: &[],
};

const K8S_AUDIT: Records = Records {
    source_type: "k8s.audit",
    lines: false,
    columns: &[],
    renamed: &[],
};

const OPENSTACK: Records = Records {
    source_type: "openstack.notification",
    lines: false,
    columns: &[],
    renamed: &[],
};

const LINUX_AUTH: Records = Records {
    source_type: "linux.auth",
    lines: true,
    columns: &[],
    renamed: &[],
};

const OCSF: Records = Records {
    source_type: "ocsf",
    lines: false,
    columns: &[],
    renamed: &[],
};

impl Records {
    /// What a rule's field is in such a record.
    pub(crate) fn field(&self, name: &str) -> Field {
        let known = |table: &'static [(&'static str, &'static str)]| {
            table.iter().find(|(from, _)| *from == name)
        };
        if let Some((_, column)) = known(self.columns) {
            return Field::Column(column);
        }
        let name = known(self.renamed).map_or(name, |(_, to)| *to);
        Field::Path(name.to_owned())
    }
}

/// The records that a log source means.
pub(crate) fn records(source: &LogSource) -> Result<Records, Mistake> {
    let product = source.product.as_deref().unwrap_or_default();
    let service = source.service.as_deref().unwrap_or_default();
    let records = match (product, service) {
        ("aws", "cloudtrail") => CLOUDTRAIL,
        ("aws", "guardduty") => GUARDDUTY,
        ("gcp", "gcp.audit") => GCP_AUDIT,
        ("azure", "activitylogs") => AZURE_ACTIVITY,
        ("azure", "signinlogs" | "auditlogs") => AZURE_SIGNIN,
        ("kubernetes", "audit" | "") => K8S_AUDIT,
        ("openstack", "notification" | "") => OPENSTACK,
        ("linux", "auth" | "sshd" | "sudo" | "syslog" | "") if category_free(source) => LINUX_AUTH,
        ("ocsf", _) => OCSF,
        _ => {
            let said = [
                ("product", product),
                ("service", service),
                ("category", source.category.as_deref().unwrap_or_default()),
            ];
            let said: Vec<String> = said
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| format!("{key} {value}"))
                .collect();
            return Err(Mistake::new(format!(
                "no source records the log source {}; known are aws/cloudtrail, aws/guardduty, \
                 gcp/gcp.audit, azure/activitylogs, azure/signinlogs, azure/auditlogs, \
                 kubernetes/audit, openstack/notification, linux/auth, linux/sshd, linux/sudo \
                 and ocsf",
                said.join(", ")
            ))
            .near("logsource"));
        }
    };
    Ok(records)
}

fn category_free(source: &LogSource) -> bool {
    source.category.as_deref().unwrap_or_default().is_empty()
}
