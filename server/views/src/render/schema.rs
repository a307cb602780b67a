//! The words of OCSF that rows are rendered with. A test compares them with the schema.

/// The id that every enumeration of OCSF has for what it has no word for.
pub(super) const OTHER: i32 = 99;

/// A class of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) uid: i32,
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    activities: &'static [(i32, &'static str)],
}

/// The classes that sources are rendered to.
pub(super) const CLASSES: &[Class] = &[
    Class {
        uid: 6003,
        name: "API Activity",
        category: "Application Activity",
        activities: &[(1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete")],
    },
    Class {
        uid: 3002,
        name: "Authentication",
        category: "Identity & Access Management",
        activities: &[
            (1, "Logon"),
            (2, "Logoff"),
            (3, "Authentication Ticket"),
            (4, "Service Ticket Request"),
            (5, "Service Ticket Renew"),
            (6, "Preauth"),
            (7, "Account Switch"),
        ],
    },
    Class {
        uid: 3001,
        name: "Account Change",
        category: "Identity & Access Management",
        activities: &[
            (1, "Create"),
            (2, "Enable"),
            (3, "Password Change"),
            (4, "Password Reset"),
            (5, "Disable"),
            (6, "Delete"),
            (7, "Attach Policy"),
            (8, "Detach Policy"),
            (9, "Lock"),
            (10, "MFA Factor Enable"),
            (11, "MFA Factor Disable"),
            (12, "Unlock"),
        ],
    },
    Class {
        uid: 3006,
        name: "Group Management",
        category: "Identity & Access Management",
        activities: &[
            (1, "Assign Privileges"),
            (2, "Revoke Privileges"),
            (3, "Add User"),
            (4, "Remove User"),
            (5, "Delete"),
            (6, "Create"),
            (7, "Add Subgroup"),
            (8, "Remove Subgroup"),
        ],
    },
    Class {
        uid: 1007,
        name: "Process Activity",
        category: "System Activity",
        activities: &[
            (1, "Launch"),
            (2, "Terminate"),
            (3, "Open"),
            (4, "Inject"),
            (5, "Set User ID"),
        ],
    },
    Class {
        uid: 4001,
        name: "Network Activity",
        category: "Network Activity",
        activities: &[
            (1, "Open"),
            (2, "Close"),
            (3, "Reset"),
            (4, "Fail"),
            (5, "Refuse"),
            (6, "Traffic"),
            (7, "Listen"),
        ],
    },
    Class {
        uid: 2004,
        name: "Detection Finding",
        category: "Findings",
        activities: &[(1, "Create"), (2, "Update"), (3, "Close")],
    },
];

/// What stands for a class that no normalizer makes.
const BASE: Class = Class {
    uid: 0,
    name: "Base Event",
    category: "Uncategorized",
    activities: &[],
};

/// The class with that id.
pub(super) fn class(uid: i32) -> Class {
    CLASSES
        .iter()
        .find(|class| class.uid == uid)
        .copied()
        .unwrap_or(BASE)
}

impl Class {
    /// The activity's caption.
    pub(super) fn activity(&self, id: i32) -> &'static str {
        let known = self.activities.iter().find(|activity| activity.0 == id);
        known.map_or_else(|| any(id), |activity| activity.1)
    }

    /// Whether its status says how something ended; that of a finding says how far its
    /// handling is.
    pub(super) const fn has_outcome(&self) -> bool {
        self.uid / 1000 != 2
    }
}

/// What the ids that all enumerations share are called.
const fn any(id: i32) -> &'static str {
    if id == OTHER { "Other" } else { "Unknown" }
}

/// The severity's caption.
pub(super) const fn severity(id: i32) -> &'static str {
    match id {
        1 => "Informational",
        2 => "Low",
        3 => "Medium",
        4 => "High",
        5 => "Critical",
        6 => "Fatal",
        other => any(other),
    }
}

/// Types of observables.
pub(super) const HOSTNAME: i32 = 1;
pub(super) const IP_ADDRESS: i32 = 2;
pub(super) const USER_NAME: i32 = 4;
pub(super) const RESOURCE_UID: i32 = 10;

/// The caption of an observable's type.
pub(super) const fn observable(type_id: i32) -> &'static str {
    match type_id {
        HOSTNAME => "Hostname",
        IP_ADDRESS => "IP Address",
        USER_NAME => "User Name",
        RESOURCE_UID => "Resource UID",
        other => any(other),
    }
}

/// The boundary that a flow log's `traffic-path` number tells, with OCSF's id for it.
pub(super) const fn boundary(traffic_path: u8) -> Option<(i32, &'static str)> {
    Some(match traffic_path {
        1 => (4, "Same VPC"),
        2 => (5, "Internet/VPC Gateway"),
        3 => (6, "Virtual Private Gateway"),
        4 => (7, "Intra-region VPC"),
        5 => (8, "Inter-region VPC"),
        6 => (9, "Local Gateway"),
        7 => (10, "Gateway VPC"),
        8 => (11, "Internet Gateway"),
        _ => return None,
    })
}

/// Names of the IP protocols that are met in flow logs.
pub(super) const fn protocol(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "icmp",
        2 => "igmp",
        4 => "ipv4",
        6 => "tcp",
        17 => "udp",
        41 => "ipv6",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "ipv6-icmp",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        132 => "sctp",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
