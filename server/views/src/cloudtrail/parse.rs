//! One borrowed pass over a CloudTrail record: the fields that decide columns and parties,
//! nothing else.
//!
//! Real records have nulls, numbers and objects where text is expected, so every field is
//! read softly: what has the wrong form counts as missing, and the record goes on. The one
//! thing that is refused is a key of these that stands twice in its object, because then
//! two readers could see two different events.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use smallvec::SmallVec;

/// Text, or what can pass for it: a number or a truth value in its JSON form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    text: Option<Cow<'a, str>>,
    number: bool,
}

impl<'a> Text<'a> {
    /// The text, empty if there is none.
    pub(crate) fn as_str(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// The text if it is there and not empty.
    pub(crate) fn get(&self) -> Option<&str> {
        self.text.as_deref().filter(|text| !text.is_empty())
    }

    /// Whether it was written as a number.
    pub(crate) const fn is_number(&self) -> bool {
        self.number
    }

    /// The account that it names as a party, if it names one.
    pub(crate) fn account(&self) -> Option<Cow<'_, str>> {
        let text = crate::identity::party_account(self.get()?)?;
        Some(if self.number {
            crate::identity::padded_account(text)
        } else {
            Cow::Borrowed(text)
        })
    }

    fn number(text: String) -> Self {
        Self {
            text: Some(Cow::Owned(text)),
            number: true,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
            type Value = Text<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'a>, E> {
                Ok(Text {
                    text: Some(Cow::Borrowed(text)),
                    number: false,
                })
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text {
                    text: Some(Cow::Owned(text.to_owned())),
                    number: false,
                })
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Text<'a>, E> {
                Ok(Text {
                    text: Some(Cow::Borrowed(if value { "true" } else { "false" })),
                    number: false,
                })
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Text<'a>, E> {
                Ok(Text::number(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Text<'a>, E> {
                Ok(Text::number(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Text<'a>, E> {
                // As serde_json writes it, so that views show the same.
                Ok(serde_json::Number::from_f64(value)
                    .map_or_else(Text::default, |number| Text::number(number.to_string())))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Text<'a>, E> {
                Ok(Text::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text<'a>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'a>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text::default())
            }
        }

        deserializer.deserialize_any(TextVisitor(PhantomData))
    }
}

/// An object if there is one; anything else in its place counts as an empty one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Soft<T>(pub(crate) T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Soft<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SoftVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for SoftVisitor<T> {
            type Value = Soft<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Soft<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Soft)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Soft<T>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Soft::default())
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Soft<T>, E> {
                Ok(Soft::default())
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Soft<T>, E> {
                Ok(Soft::default())
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Soft<T>, E> {
                Ok(Soft::default())
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Soft<T>, E> {
                Ok(Soft::default())
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Soft<T>, E> {
                Ok(Soft::default())
            }

            fn visit_unit<E: de::Error>(self) -> Result<Soft<T>, E> {
                Ok(Soft::default())
            }
        }

        deserializer.deserialize_any(SoftVisitor(PhantomData))
    }
}

/// A list of objects; one object in its place is a list of one, anything else is empty.
/// Elements that are no objects are left out.
#[derive(Debug, Clone)]
pub(crate) struct List<T>(pub(crate) SmallVec<[T; 2]>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(SmallVec::new())
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
                let mut items = SmallVec::new();
                while let Some(Soft(item)) = seq.next_element::<Soft<T>>()? {
                    items.push(item);
                }
                Ok(List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<List<T>, A::Error> {
                let item = T::deserialize(MapAccessDeserializer::new(map))?;
                Ok(List(SmallVec::from_iter([item])))
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<List<T>, E> {
                Ok(List::default())
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<List<T>, E> {
                Ok(List::default())
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<List<T>, E> {
                Ok(List::default())
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<List<T>, E> {
                Ok(List::default())
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<List<T>, E> {
                Ok(List::default())
            }

            fn visit_unit<E: de::Error>(self) -> Result<List<T>, E> {
                Ok(List::default())
            }
        }

        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// A CloudTrail record, as far as columns and parties need it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Record<'a> {
    #[serde(borrow)]
    pub(crate) event_time: Text<'a>,
    #[serde(borrow, rename = "@timestamp")]
    pub(crate) timestamp: Text<'a>,
    #[serde(borrow)]
    pub(crate) event_source: Text<'a>,
    #[serde(borrow)]
    pub(crate) event_name: Text<'a>,
    #[serde(borrow)]
    pub(crate) aws_region: Text<'a>,
    #[serde(borrow, rename = "sourceIPAddress")]
    pub(crate) source_ip: Text<'a>,
    #[serde(borrow)]
    pub(crate) error_code: Text<'a>,
    #[serde(borrow, rename = "eventID")]
    pub(crate) event_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) event_type: Text<'a>,
    #[serde(borrow)]
    pub(crate) read_only: Text<'a>,
    #[serde(borrow)]
    pub(crate) recipient_account_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) vpc_endpoint_account_id: Text<'a>,
    #[serde(borrow, rename = "sharedEventID")]
    pub(crate) shared_event_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) user_identity: Soft<Identity<'a>>,
    #[serde(borrow)]
    pub(crate) resources: List<Resource<'a>>,
    #[serde(borrow)]
    pub(crate) request_parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) response_elements: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) additional_event_data: Option<&'a RawValue>,
}

/// Who called.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Identity<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) principal_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) arn: Text<'a>,
    #[serde(borrow)]
    pub(crate) account_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) access_key_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) user_name: Text<'a>,
    #[serde(borrow)]
    pub(crate) invoked_by: Text<'a>,
    #[serde(borrow)]
    pub(crate) session_context: Soft<SessionContext<'a>>,
}

/// The caller's session.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SessionContext<'a> {
    #[serde(borrow)]
    pub(crate) session_issuer: Soft<Issuer<'a>>,
}

/// Who issued the caller's session.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Issuer<'a> {
    #[serde(borrow)]
    pub(crate) principal_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) arn: Text<'a>,
    #[serde(borrow)]
    pub(crate) account_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) user_name: Text<'a>,
}

/// Something that the operation touched.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Resource<'a> {
    #[serde(borrow)]
    pub(crate) account_id: Text<'a>,
    #[serde(borrow, rename = "ARN", alias = "arn")]
    pub(crate) arn: Text<'a>,
    #[serde(borrow, rename = "ARNPrefix")]
    pub(crate) arn_prefix: Text<'a>,
}

impl Resource<'_> {
    /// The account that is named as its owner: a party.
    pub(crate) fn party(&self) -> Option<Cow<'_, str>> {
        self.account_id.account()
    }

    /// The account that owns it: the one named, or the one in its ARN where none is. An ARN
    /// alone is a mention, but enough to tell whose the names in it are.
    pub(crate) fn owner(&self) -> Option<Cow<'_, str>> {
        self.account_id.account().or_else(|| {
            let arn = self.arn.get().or_else(|| self.arn_prefix.get())?;
            crate::identity::account_in(arn).map(Cow::Borrowed)
        })
    }
}

/// What requests and answers call the things that they are about. Read only for the
/// `resources` column.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Subjects<'a> {
    #[serde(borrow)]
    pub(crate) bucket_name: Text<'a>,
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow)]
    instance_id: Text<'a>,
    #[serde(borrow)]
    instances_set: Soft<Items<'a>>,
    #[serde(borrow)]
    resources_set: Soft<Items<'a>>,
    #[serde(borrow)]
    snapshot_id: Text<'a>,
    #[serde(borrow)]
    volume_id: Text<'a>,
    #[serde(borrow)]
    image_id: Text<'a>,
    #[serde(borrow)]
    group_id: Text<'a>,
    #[serde(borrow)]
    vpc_id: Text<'a>,
    #[serde(borrow)]
    subnet_id: Text<'a>,
    #[serde(borrow)]
    network_interface_id: Text<'a>,
    #[serde(borrow)]
    role_arn: Text<'a>,
    #[serde(borrow)]
    role_name: Text<'a>,
    #[serde(borrow)]
    user_name: Text<'a>,
    #[serde(borrow)]
    group_name: Text<'a>,
    #[serde(borrow)]
    policy_arn: Text<'a>,
    #[serde(borrow)]
    instance_profile_name: Text<'a>,
    #[serde(borrow)]
    access_key_id: Text<'a>,
    #[serde(borrow)]
    function_name: Text<'a>,
    #[serde(borrow)]
    key_id: Text<'a>,
    #[serde(borrow)]
    secret_id: Text<'a>,
    #[serde(borrow)]
    topic_arn: Text<'a>,
    #[serde(borrow)]
    queue_url: Text<'a>,
    #[serde(borrow)]
    table_name: Text<'a>,
    #[serde(borrow)]
    stack_name: Text<'a>,
    #[serde(borrow)]
    log_group_name: Text<'a>,
    #[serde(borrow)]
    trail_name: Text<'a>,
    #[serde(borrow, rename = "dBInstanceIdentifier")]
    db_instance_identifier: Text<'a>,
    #[serde(borrow, rename = "dBSnapshotIdentifier")]
    db_snapshot_identifier: Text<'a>,
    #[serde(borrow)]
    cluster_name: Text<'a>,
    #[serde(borrow)]
    detector_id: Text<'a>,
    #[serde(borrow)]
    resource_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
}

/// EC2's lists.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Items<'a> {
    #[serde(borrow)]
    items: List<Item<'a>>,
}

/// An element of EC2's lists.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Item<'a> {
    #[serde(borrow)]
    instance_id: Text<'a>,
    #[serde(borrow)]
    resource_id: Text<'a>,
    #[serde(borrow)]
    image_id: Text<'a>,
}

impl<'a> Subjects<'a> {
    /// Calls `push` with every name, in a fixed order.
    pub(crate) fn each(&self, mut push: impl FnMut(&str)) {
        if let (Some(bucket), Some(key)) = (self.bucket_name.get(), self.key.get()) {
            push(bucket);
            push(&format!("{bucket}/{key}"));
        } else {
            push(self.bucket_name.as_str());
        }
        for items in [&self.instances_set, &self.resources_set] {
            for item in &items.0.items.0 {
                push(item.instance_id.as_str());
                push(item.resource_id.as_str());
                push(item.image_id.as_str());
            }
        }
        let rest: [&Text<'a>; 30] = [
            &self.instance_id,
            &self.snapshot_id,
            &self.volume_id,
            &self.image_id,
            &self.group_id,
            &self.vpc_id,
            &self.subnet_id,
            &self.network_interface_id,
            &self.role_arn,
            &self.role_name,
            &self.user_name,
            &self.group_name,
            &self.policy_arn,
            &self.instance_profile_name,
            &self.access_key_id,
            &self.function_name,
            &self.key_id,
            &self.secret_id,
            &self.topic_arn,
            &self.queue_url,
            &self.table_name,
            &self.stack_name,
            &self.log_group_name,
            &self.trail_name,
            &self.db_instance_identifier,
            &self.db_snapshot_identifier,
            &self.cluster_name,
            &self.detector_id,
            &self.resource_id,
            &self.name,
        ];
        for text in rest {
            push(text.as_str());
        }
    }
}

/// What a sign-in answers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct SignInAnswer<'a> {
    #[serde(borrow)]
    pub(crate) console_login: Text<'a>,
    #[serde(borrow)]
    pub(crate) check_mfa: Text<'a>,
    #[serde(borrow)]
    pub(crate) switch_role: Text<'a>,
    #[serde(borrow)]
    pub(crate) exit_role: Text<'a>,
}
