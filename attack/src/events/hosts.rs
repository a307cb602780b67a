//! Clusters, OpenStack and Linux hosts.

use super::Rows;

/// Verb and resource, with the sub-resource, of a request to the API server.
///
/// <https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/>
pub(super) const REQUESTS: Rows = &[
    // Running something.
    (
        &["T1609"],
        &[
            "create pods/exec",
            "get pods/exec",
            "create pods/attach",
            "get pods/attach",
            "update pods/ephemeralcontainers",
            "patch pods/ephemeralcontainers",
            "create nodes/proxy",
            "get nodes/proxy",
        ],
    ),
    (
        &["T1610"],
        &[
            "create pods",
            "create deployments",
            "create replicasets",
            "create statefulsets",
        ],
    ),
    (
        &["T1610", "T1543.005"],
        &["create daemonsets", "patch daemonsets"],
    ),
    (
        &["T1053.007"],
        &[
            "create cronjobs",
            "patch cronjobs",
            "update cronjobs",
            "create jobs",
        ],
    ),
    (
        &["T1546"],
        &[
            "create mutatingwebhookconfigurations",
            "patch mutatingwebhookconfigurations",
            "update mutatingwebhookconfigurations",
        ],
    ),
    (
        &["T1572"],
        &["create pods/portforward", "get pods/portforward"],
    ),
    // Credentials and roles.
    (
        &["T1552.007"],
        &["get secrets", "list secrets", "watch secrets"],
    ),
    (&["T1528", "T1550.001"], &["create serviceaccounts/token"]),
    (&["T1136"], &["create serviceaccounts"]),
    (
        &["T1098.006"],
        &[
            "create clusterrolebindings",
            "patch clusterrolebindings",
            "update clusterrolebindings",
            "create rolebindings",
            "patch rolebindings",
            "update rolebindings",
            "create clusterroles",
            "patch clusterroles",
            "update clusterroles",
            "create roles",
            "patch roles",
            "update roles",
        ],
    ),
    (
        &["T1649"],
        &[
            "create certificatesigningrequests",
            "update certificatesigningrequests/approval",
            "patch certificatesigningrequests/approval",
        ],
    ),
    // Looking around.
    (
        &["T1069", "T1613"],
        &[
            "create selfsubjectrulesreviews",
            "create selfsubjectaccessreviews",
        ],
    ),
    (
        &["T1613"],
        &[
            "list pods",
            "list nodes",
            "list namespaces",
            "list deployments",
            "list services",
        ],
    ),
    (&["T1654"], &["get pods/log"]),
    // Hiding and harm.
    (&["T1070"], &["delete events", "deletecollection events"]),
    (
        &["T1562.001"],
        &[
            "delete validatingwebhookconfigurations",
            "patch validatingwebhookconfigurations",
        ],
    ),
    (
        &["T1562.007"],
        &["delete networkpolicies", "patch networkpolicies"],
    ),
    (
        &["T1489"],
        &["delete deployments", "delete pods", "delete daemonsets"],
    ),
    (
        &["T1485"],
        &[
            "delete namespaces",
            "delete persistentvolumeclaims",
            "delete persistentvolumes",
            "deletecollection secrets",
        ],
    ),
];

/// Event types of notifications: Nova's versioned ones, and Keystone's.
///
/// <https://docs.openstack.org/nova/latest/reference/notifications.html>,
/// <https://docs.openstack.org/keystone/latest/admin/event_notifications.html>
pub(super) const NOTIFICATIONS: Rows = &[
    // Machines.
    (
        &["T1578.002", "T1496.001"],
        &["instance.create.start", "instance.create.end"],
    ),
    (&["T1496.001"], &["instance.power_on.end"]),
    (
        &["T1578.003", "T1485"],
        &["instance.delete.end", "instance.soft_delete.end"],
    ),
    (
        &["T1578.001"],
        &["instance.snapshot.start", "instance.snapshot.end"],
    ),
    (&["T1578.004"], &["instance.rebuild.end"]),
    (
        &["T1578.005"],
        &["instance.resize.end", "instance.resize_confirm.end"],
    ),
    (
        &["T1578"],
        &["instance.volume_attach.end", "instance.rescue.end"],
    ),
    (
        &["T1489", "T1529"],
        &["instance.power_off.end", "instance.shutdown.end"],
    ),
    (&["T1529"], &["instance.reboot.end"]),
    (
        &["T1098.004"],
        &["keypair.create.end", "keypair.import.end"],
    ),
    // Identities.
    (&["T1078.004", "T1110"], &["identity.authenticate"]),
    (&["T1136.003"], &["identity.user.created"]),
    (&["T1098"], &["identity.user.updated"]),
    (
        &["T1531"],
        &[
            "identity.user.deleted",
            "identity.user.disabled",
            "identity.role_assignment.deleted",
        ],
    ),
    (
        &["T1098.003"],
        &[
            "identity.role_assignment.created",
            "identity.OS-TRUST:trust.created",
        ],
    ),
    (
        &["T1484.002"],
        &["identity.idp.created", "identity.mapping.created"],
    ),
    (&["T1098.001"], &["identity.application_credential.created"]),
];

/// The words for lines of authentication logs that Cordon has in its `operation` column.
///
/// <https://man.openbsd.org/sshd>, <https://www.sudo.ws/docs/man/sudoers.man/>,
/// <https://github.com/shadow-maint/shadow>
pub(super) const LINES: Rows = &[
    // Logins.
    (
        &["T1110", "T1110.001", "T1110.003", "T1110.004"],
        &[
            "ssh.login_failed",
            "ssh.invalid_user",
            "auth.failed",
            "console.login_failed",
        ],
    ),
    (&["T1110", "T1548"], &["su.failed"]),
    (
        &["T1078", "T1078.003", "T1021.004", "T1133"],
        &["ssh.login"],
    ),
    (&["T1078", "T1078.003"], &["console.login"]),
    // More rights.
    (&["T1548"], &["sudo.command", "sudo.refused", "su.switch"]),
    // Accounts.
    (&["T1136", "T1136.001"], &["account.create"]),
    (
        &["T1098"],
        &[
            "account.change",
            "account.password",
            "account.unlock",
            "group.add_member",
        ],
    ),
    (
        &["T1531"],
        &["account.delete", "account.lock", "group.remove_member"],
    ),
];
