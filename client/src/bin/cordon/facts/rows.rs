//! Facts as rows, as pages and as JSON.

use cordon_client::Fact;
use cordon_proto::catalogue::fact_audience::Audience;
use serde_json::{Value, json};

use super::words::{kind, state};
use crate::incidents::prose::laid_out;
use crate::incidents::show::moment;
use crate::incidents::words::plain;
use crate::output::Row;
use crate::show::{or_null, short, time_json};
use crate::text::cell;

impl Row for Fact {
    const HEAD: &'static [&'static str] = &[
        "kind",
        "state",
        "for",
        "service",
        "region",
        "title",
        "version",
        "published",
        "id",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            plain(kind(self.kind())),
            plain(state(self.state())),
            audience(self),
            self.service.clone(),
            self.region.clone(),
            self.title.clone(),
            self.version.to_string(),
            moment(self.publish_time.as_ref()),
            short(&self.name),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "kind": or_null(kind(self.kind()).to_owned()),
            "state": or_null(state(self.state()).to_owned()),
            "audience": or_null(audience(self)),
            "service": or_null(self.service.clone()),
            "region": or_null(self.region.clone()),
            "title": self.title,
            "text": or_null(self.text.clone()),
            "valid_from": time_json(self.valid_from.as_ref()),
            "valid_to": time_json(self.valid_to.as_ref()),
            "version": self.version,
            "publish_time": time_json(self.publish_time.as_ref()),
            "publisher": or_null(self.publisher.clone()),
            "withdraw_reason": or_null(self.withdraw_reason.clone()),
            "etag": self.etag,
        })
    }
}

/// As it is typed.
fn audience(fact: &Fact) -> String {
    let audience = fact.audience.as_ref().and_then(|one| one.audience.as_ref());
    match audience {
        Some(Audience::Everyone(_)) => "everyone".to_owned(),
        Some(Audience::Service(id)) => format!("service:{id}"),
        Some(Audience::Tenant(name)) => format!("tenant:{}", short(name)),
        None => String::new(),
    }
}

/// The whole of a fact, for people.
pub(super) fn page(fact: &Fact) -> String {
    let mut lines = laid_out(&cell(&fact.title), 0, 4);
    lines.push(cell(&fact.name));
    let published = match fact.publisher.as_str() {
        "" => moment(fact.publish_time.as_ref()),
        by => format!("{} by {by}", moment(fact.publish_time.as_ref())),
    };
    let pairs = [
        ("kind", plain(kind(fact.kind()))),
        ("state", plain(state(fact.state()))),
        ("because", fact.withdraw_reason.clone()),
        ("for", audience(fact)),
        ("service", fact.service.clone()),
        ("region", fact.region.clone()),
        ("from", moment(fact.valid_from.as_ref())),
        ("to", moment(fact.valid_to.as_ref())),
        ("version", fact.version.to_string()),
        ("published", published),
        ("etag", fact.etag.clone()),
    ];
    for (name, value) in pairs {
        if !value.is_empty() {
            lines.extend(laid_out(&format!("{name:<11}{}", cell(&value)), 0, 11));
        }
    }
    lines.push(String::new());
    lines.extend(laid_out(&fact.text, 2, 2));
    lines.join("\n")
}
