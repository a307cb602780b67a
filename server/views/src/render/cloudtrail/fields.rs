//! The fields of a CloudTrail record, sorted into those that have a place in OCSF and those
//! that have none.

use smallvec::SmallVec;

use crate::cloudtrail::{ACCOUNT_CHANGE, AUTHENTICATION};
use crate::ocsf_native::json::time_of_text;
use crate::render::raw::{Raw, Scalar, Text};
use crate::render::writer::Writer;
use crate::render::{VIEW_KEY, truth};

/// What of an object has no place in OCSF: members left whole, and members of which a part
/// is left.
pub(super) type Rest<'a> = SmallVec<[(Text<'a>, Left<'a>); 8]>;

#[derive(Debug)]
pub(super) enum Left<'a> {
    Whole(Raw<'a>),
    Part(Vec<(Text<'a>, Left<'a>)>),
}

/// The fields of a record that have a place in OCSF.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) event_version: Option<Text<'a>>,
    pub(super) event_time: Option<Text<'a>>,
    pub(super) timestamp: Option<Text<'a>>,
    pub(super) event_source: Option<Text<'a>>,
    pub(super) event_name: Option<Text<'a>>,
    pub(super) event_type: Option<Text<'a>>,
    pub(super) event_category: Option<Text<'a>>,
    pub(super) event_id: Option<Text<'a>>,
    pub(super) shared_event_id: Option<Text<'a>>,
    pub(super) request_id: Option<Text<'a>>,
    pub(super) api_version: Option<Text<'a>>,
    pub(super) region: Option<Text<'a>>,
    pub(super) recipient: Option<Text<'a>>,
    pub(super) source_address: Option<Text<'a>>,
    pub(super) user_agent: Option<Text<'a>>,
    pub(super) error_code: Option<Text<'a>>,
    pub(super) error_message: Option<Text<'a>>,
    pub(super) endpoint_id: Option<Text<'a>>,
    pub(super) request: Option<Raw<'a>>,
    pub(super) response: Option<Raw<'a>>,
    pub(super) resources: Option<(Text<'a>, Raw<'a>)>,
    pub(super) login_page: Option<Text<'a>>,
    pub(super) mfa_used: Option<bool>,
    pub(super) host: Option<Text<'a>>,
    pub(super) identity: Identity<'a>,
    pub(super) rest: Rest<'a>,
}

/// What `userIdentity` says.
#[derive(Debug, Default)]
pub(super) struct Identity<'a> {
    pub(super) kind: Option<Text<'a>>,
    pub(super) arn: Option<Text<'a>>,
    pub(super) principal: Option<Text<'a>>,
    pub(super) account: Option<Text<'a>>,
    pub(super) access_key: Option<Text<'a>>,
    pub(super) user_name: Option<Text<'a>>,
    pub(super) invoked_by: Option<Text<'a>>,
    pub(super) provider: Option<Text<'a>>,
    pub(super) created: Option<i64>,
    pub(super) mfa: Option<bool>,
    pub(super) issuer: Option<Text<'a>>,
}

impl<'a> Left<'a> {
    /// Writes what is left under its key.
    pub(super) fn write(&self, event: &mut Writer<'_>, key: Text<'a>) {
        match self {
            Self::Whole(value) => event.raw_member(key, *value),
            Self::Part(members) => {
                let open = event.open_record(key);
                for (key, left) in members {
                    left.write(event, *key);
                }
                event.close(open);
            }
        }
    }
}

/// Puts text where it belongs. Gives back whether the value is neither text nor nothing,
/// and so stays unmapped.
pub(super) fn put<'a>(slot: &mut Option<Text<'a>>, value: Raw<'a>) -> bool {
    match value.scalar() {
        Scalar::Text(text) => {
            *slot = Some(text);
            false
        }
        Scalar::Nothing => false,
        Scalar::Odd => true,
    }
}

impl<'a> Fields<'a> {
    /// Sorts a record's fields into those that have a place and those that have none.
    pub(super) fn read(record: Raw<'a>, class_uid: i32) -> Self {
        let mut fields = Self::default();
        for (key, value) in record.members() {
            let name = key.plain();
            let slot = match &*name {
                "eventVersion" => &mut fields.event_version,
                "eventTime" => &mut fields.event_time,
                "@timestamp" => &mut fields.timestamp,
                "eventSource" => &mut fields.event_source,
                "eventName" => &mut fields.event_name,
                "eventType" => &mut fields.event_type,
                "eventCategory" => &mut fields.event_category,
                "eventID" => &mut fields.event_id,
                "sharedEventID" => &mut fields.shared_event_id,
                "requestID" => &mut fields.request_id,
                "apiVersion" => &mut fields.api_version,
                "awsRegion" => &mut fields.region,
                "recipientAccountId" => &mut fields.recipient,
                "sourceIPAddress" => &mut fields.source_address,
                "userAgent" => &mut fields.user_agent,
                "errorCode" => &mut fields.error_code,
                "errorMessage" => &mut fields.error_message,
                "vpcEndpointId" => &mut fields.endpoint_id,
                _ => {
                    fields.read_large(&name, key, value, class_uid);
                    continue;
                }
            };
            if put(slot, value) {
                fields.rest.push((key, Left::Whole(value)));
            }
        }
        fields
    }

    fn read_large(&mut self, name: &str, key: Text<'a>, value: Raw<'a>, class_uid: i32) {
        match name {
            "requestParameters" | "responseElements" | "resources" if value.is_null() => {}
            // Whoever wrote that did not write it for this view.
            VIEW_KEY => {}
            "requestParameters" => self.request = Some(value),
            "responseElements" => self.response = Some(value),
            "resources" => self.resources = Some((key, value)),
            "userIdentity" if value.is_object() => {
                let rest = self.identity.read(value);
                if !rest.is_empty() {
                    self.rest.push((key, Left::Part(rest)));
                }
            }
            "additionalEventData" if class_uid == AUTHENTICATION && value.is_full() => {
                let rest = part(value, |name, value| match name {
                    "LoginTo" => taken(&mut self.login_page, value.text()),
                    "MFAUsed" => {
                        let used = value.text().and_then(|text| truth(&text.plain()));
                        taken(&mut self.mfa_used, used)
                    }
                    _ => false,
                });
                self.rest.push((key, Left::Part(rest)));
            }
            "tlsDetails" if class_uid != ACCOUNT_CHANGE && value.is_full() => {
                let rest = part(value, |name, value| {
                    name == "clientProvidedHostHeader" && taken(&mut self.host, value.text())
                });
                self.rest.push((key, Left::Part(rest)));
            }
            _ => self.rest.push((key, Left::Whole(value))),
        }
    }
}

/// Sets the slot if there is something to set it to.
fn taken<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let some = value.is_some();
    if some {
        *slot = value;
    }
    some
}

/// The members of an object that `take` does not take.
pub(super) fn part<'a>(
    value: Raw<'a>,
    mut take: impl FnMut(&str, Raw<'a>) -> bool,
) -> Vec<(Text<'a>, Left<'a>)> {
    let mut rest = Vec::new();
    for (key, value) in value.members() {
        if !take(&key.plain(), value) {
            rest.push((key, Left::Whole(value)));
        }
    }
    rest
}

impl<'a> Identity<'a> {
    /// Takes what has a place; gives back the rest.
    fn read(&mut self, identity: Raw<'a>) -> Vec<(Text<'a>, Left<'a>)> {
        let mut rest = Vec::new();
        for (key, value) in identity.members() {
            let slot = match &*key.plain() {
                "type" => &mut self.kind,
                "arn" => &mut self.arn,
                "principalId" => &mut self.principal,
                "accountId" => &mut self.account,
                "accessKeyId" => &mut self.access_key,
                "userName" => &mut self.user_name,
                "invokedBy" => &mut self.invoked_by,
                "identityProvider" => &mut self.provider,
                "sessionContext" if value.is_full() => {
                    let session = self.read_session(value);
                    if !session.is_empty() {
                        rest.push((key, Left::Part(session)));
                    }
                    continue;
                }
                _ => {
                    rest.push((key, Left::Whole(value)));
                    continue;
                }
            };
            if put(slot, value) {
                rest.push((key, Left::Whole(value)));
            }
        }
        rest
    }

    fn read_session(&mut self, session: Raw<'a>) -> Vec<(Text<'a>, Left<'a>)> {
        let mut rest = Vec::new();
        for (key, value) in session.members() {
            let left = match &*key.plain() {
                "attributes" if value.is_full() => part(value, |name, value| {
                    let said = match value.scalar() {
                        Scalar::Text(text) => text.plain(),
                        Scalar::Nothing | Scalar::Odd => return false,
                    };
                    match name {
                        "creationDate" => taken(&mut self.created, time_of_text(&said)),
                        "mfaAuthenticated" => taken(&mut self.mfa, truth(&said)),
                        _ => false,
                    }
                }),
                "sessionIssuer" if value.is_full() => part(value, |name, value| {
                    name == "arn" && !put(&mut self.issuer, value)
                }),
                _ => {
                    rest.push((key, Left::Whole(value)));
                    continue;
                }
            };
            if !left.is_empty() {
                rest.push((key, Left::Part(left)));
            }
        }
        rest
    }
}
