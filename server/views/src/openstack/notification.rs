//! Reading a notification, whichever service sent it.

use serde_json::Value;

use crate::ocsf_native::json::text;

/// A notification and its parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notification<'v> {
    pub(crate) record: &'v Value,
    pub(crate) payload: &'v Value,
    /// Fields of the versioned object that a Nova payload is; null in others.
    pub(crate) data: &'v Value,
}

pub(super) static NULL: Value = Value::Null;

/// The fields of a versioned object.
pub(super) fn fields(object: &Value) -> &Value {
    object.get("nova_object.data").unwrap_or(&NULL)
}

/// The text of a key, if it is text and not empty.
pub(super) fn word<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str().filter(|text| !text.is_empty())
}

impl<'v> Notification<'v> {
    pub(crate) fn of(record: &'v Value) -> Self {
        let payload = record.get("payload").unwrap_or(&NULL);
        Self {
            record,
            payload,
            data: fields(payload),
        }
    }

    /// What was noticed: `instance.create.end`, `identity.authenticate`.
    pub(crate) fn event_type(&self) -> &'v str {
        word(self.record, "event_type").unwrap_or_default()
    }

    /// A field of Nova's payload.
    pub(crate) fn datum(&self, key: &str) -> Option<&'v str> {
        word(self.data, key)
    }

    /// A field of what the scheduler was asked for.
    fn asked(&self, key: &str) -> Option<&'v str> {
        word(fields(self.data.get("request_spec")?), key)
    }

    /// A field of Keystone's payload, keys joined by dots.
    pub(crate) fn said(&self, path: &str) -> Option<&'v str> {
        text(self.payload, path)
    }

    /// Keystone's, rather than Nova's.
    pub(crate) fn is_identity(&self) -> bool {
        self.event_type().starts_with("identity.")
    }

    /// The project whose it is.
    pub(crate) fn owner(&self) -> Option<&'v str> {
        self.datum("tenant_id")
            .or_else(|| self.datum("project_id"))
            .or_else(|| self.asked("project_id"))
            .or_else(|| self.said("project"))
            .or_else(|| {
                let project = self.event_type().starts_with("identity.project.");
                self.said("resource_info").filter(|_| project)
            })
    }

    /// The project in which whoever asked for it was at work.
    pub(crate) fn caller(&self) -> Option<&'v str> {
        self.datum("action_initiator_project")
            .or_else(|| self.said("initiator.project_id"))
            .or_else(|| word(self.record, "_context_project_id"))
            .or_else(|| word(self.record, "_context_project"))
            .or_else(|| word(self.record, "_context_tenant"))
    }

    /// Id of the user who asked for it.
    pub(crate) fn user_id(&self) -> Option<&'v str> {
        self.datum("action_initiator_user")
            .or_else(|| self.said("initiator.user_id"))
            .or_else(|| self.said("initiator.id"))
            .or_else(|| word(self.record, "_context_user_id"))
            .or_else(|| word(self.record, "_context_user"))
    }

    /// Name of the user who asked for it.
    pub(crate) fn user_name(&self) -> Option<&'v str> {
        self.said("initiator.username")
            .or_else(|| word(self.record, "_context_user_name"))
    }

    /// Where the request came from.
    pub(crate) fn address(&self) -> Option<&'v str> {
        self.said("initiator.host.address")
            .or_else(|| word(self.record, "_context_remote_address"))
    }

    /// Id of the request, the same in all that it caused.
    pub(crate) fn request_id(&self) -> Option<&'v str> {
        self.datum("request_id")
            .or_else(|| self.said("initiator.request_id"))
            .or_else(|| word(self.record, "_context_request_id"))
    }

    /// Ids of what it was done to.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &'v str> {
        const IDS: [&str; 9] = [
            "uuid",
            "instance_uuid",
            "volume_id",
            "old_volume_id",
            "new_volume_id",
            "share_id",
            "snapshot_image_id",
            "rescue_image_ref",
            "name",
        ];
        // Only what has no id goes by its name: a key pair, a flavor.
        let named = self.datum("uuid").is_some();
        let data = self.data;
        let ids = IDS
            .into_iter()
            .filter(move |key| *key != "name" || !named)
            .filter_map(move |key| word(data, key));
        let members = data.get("members").and_then(Value::as_array);
        let members = members.into_iter().flatten().filter_map(Value::as_str);
        let payload = self.payload;
        let said = [
            "target.id",
            "resource_info",
            "user",
            "actor_id",
            "group",
            "role",
        ]
        .into_iter()
        .filter_map(move |path| text(payload, path));
        ids.chain(self.asked("instance_uuid"))
            .chain(members)
            .chain(said)
            .filter(|id| !id.is_empty())
    }
}
