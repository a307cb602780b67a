//! Subscriptions and deliveries as rows, and their words.

use clap::ValueEnum;
use cordon_client::{
    Audience, Delivery, DeliveryState, NoticeBacklog, Subscription, SubscriptionState,
    SubscriptionTarget,
};
use serde_json::{Value, json};

use crate::incidents::words::{plain, severity, words};
use crate::output::Row;
use crate::show::{or_null, short, time, time_json};

words! {
    /// Who reads what arrives.
    AudienceArg for Audience, audience {
        /// One person, whom you have named as a recipient; for a mail address alone
        Named = "NAMED",
        /// Your organization
        Organization = "ORGANIZATION",
        /// Your organization and its clients
        Clients = "CLIENTS",
        /// Your community
        Community = "COMMUNITY",
    }
}

words! {
    /// What became of a notice.
    DeliveryStateArg for DeliveryState, delivery_state {
        /// It waits, or is tried again
        Pending = "PENDING",
        /// It has arrived
        Delivered = "DELIVERED",
        /// It has arrived as a mere hint
        Redacted = "REDACTED",
        /// It was not sent: the marking allowed nothing
        Withheld = "WITHHELD",
        /// It was given up
        Dead = "DEAD",
    }
}

/// Whether notices are sent.
const fn state(word: SubscriptionState) -> &'static str {
    match word {
        SubscriptionState::Active => "ACTIVE",
        SubscriptionState::Paused => "PAUSED",
        SubscriptionState::Unspecified => "",
    }
}

/// Where to, without what may be a secret.
fn target(of: &Subscription) -> String {
    match &of.target {
        Some(SubscriptionTarget::Webhook(webhook)) => format!("{}/…", webhook.origin),
        Some(SubscriptionTarget::Mail(mail)) => mail.address.clone(),
        None => String::new(),
    }
}

fn severities(of: &Subscription) -> Vec<&'static str> {
    of.severities().map(severity).collect()
}

/// What goes there, in a few words.
fn interest(of: &Subscription) -> String {
    let mut parts = of.kinds.clone();
    parts.extend(severities(of).into_iter().map(plain));
    if !of.incident.is_empty() {
        parts.push(format!("incident {}", short(&of.incident)));
    }
    if !of.mention.is_empty() {
        parts.push(format!("@{}", of.mention));
    }
    match parts.is_empty() {
        true => "all".to_owned(),
        false => parts.join(", "),
    }
}

impl Row for Subscription {
    const HEAD: &'static [&'static str] = &[
        "id",
        "name",
        "to",
        "audience",
        "what",
        "state",
        "waiting",
        "given up",
        "next attempt",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            short(&self.name),
            self.display_name.clone(),
            target(self),
            plain(audience(self.audience())),
            interest(self),
            plain(state(self.state())),
            self.pending_count.to_string(),
            self.dead_count.to_string(),
            time(self.next_attempt_time.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        let (kind, to) = match &self.target {
            Some(SubscriptionTarget::Webhook(webhook)) => ("WEBHOOK", webhook.origin.clone()),
            Some(SubscriptionTarget::Mail(mail)) => ("MAIL", mail.address.clone()),
            None => ("", String::new()),
        };
        json!({
            "name": self.name,
            "display_name": or_null(self.display_name.clone()),
            "target": kind,
            "to": to,
            "audience": audience(self.audience()),
            "kinds": self.kinds,
            "severities": severities(self),
            "incident": or_null(self.incident.clone()),
            "mention": or_null(self.mention.clone()),
            "state": state(self.state()),
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "failures": self.failures,
            "next_attempt_time": time_json(self.next_attempt_time.as_ref()),
            "pending_count": self.pending_count,
            "dead_count": self.dead_count,
            "etag": self.etag,
        })
    }
}

/// Why the last attempt failed.
fn why(of: &Delivery) -> String {
    match (of.reason.as_str(), of.code) {
        ("", _) => String::new(),
        (reason, 0) => plain(reason),
        (reason, code) => format!("{} {code}", plain(reason)),
    }
}

impl Row for Delivery {
    const HEAD: &'static [&'static str] = &[
        "name",
        "state",
        "happened",
        "attempts",
        "last attempt",
        "why not",
        "entry",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            plain(delivery_state(self.state())),
            time(self.create_time.as_ref()),
            self.attempts.to_string(),
            time(self.attempt_time.as_ref()),
            why(self),
            self.timeline_entry.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "id": self.id,
            "timeline_entry": self.timeline_entry,
            "state": delivery_state(self.state()),
            "create_time": time_json(self.create_time.as_ref()),
            "attempts": self.attempts,
            "attempt_time": time_json(self.attempt_time.as_ref()),
            "reason": or_null(self.reason.clone()),
            "code": (self.code > 0).then_some(self.code),
        })
    }
}

impl Row for NoticeBacklog {
    const HEAD: &'static [&'static str] = &["tenant", "waiting", "given up", "oldest waits since"];

    fn cells(&self) -> Vec<String> {
        vec![
            short(&self.tenant),
            self.pending_count.to_string(),
            self.dead_count.to_string(),
            time(self.oldest_pending_time.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "tenant": self.tenant,
            "pending_count": self.pending_count,
            "dead_count": self.dead_count,
            "oldest_pending_time": time_json(self.oldest_pending_time.as_ref()),
        })
    }
}

#[cfg(test)]
mod tests {
    use cordon_client::Webhook;

    use super::*;

    #[test]
    fn a_subscription_is_shown_without_its_secrets() {
        let mut shown = Subscription {
            name: "tenants/acme/subscriptions/01934f5e".to_owned(),
            target: Some(SubscriptionTarget::Webhook(Webhook {
                url: "https://hook.example/T0/s3cret?x".to_owned(),
                origin: "https://hook.example".to_owned(),
            })),
            ..Subscription::default()
        };
        shown.set_audience(Audience::Organization);
        assert_eq!(shown.cells().get(2).unwrap(), "https://hook.example/…");
        assert_eq!(shown.cells().get(4).unwrap(), "all");
        assert!(!shown.json().to_string().contains("s3cret"));
        shown.kinds = vec!["opened".to_owned()];
        shown.severities = vec![1];
        shown.mention = "alice".to_owned();
        assert_eq!(shown.cells().get(4).unwrap(), "opened, sev1, @alice");
    }

    #[test]
    fn a_failure_is_said_with_its_code() {
        let mut delivery = Delivery {
            reason: "status".to_owned(),
            code: 503,
            ..Delivery::default()
        };
        assert_eq!(why(&delivery), "status 503");
        delivery.code = 0;
        delivery.reason = "timed_out".to_owned();
        assert_eq!(why(&delivery), "timed out");
        assert_eq!(why(&Delivery::default()), "");
    }
}
