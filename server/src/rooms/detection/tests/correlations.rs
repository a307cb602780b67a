//! Correlations that count values, or that several things happened: over batches, servers and in a test.

use super::*;

/// Three users fail from one address.
fn values() -> String {
    FAILURES
        .replace("event_count", "value_count")
        .replace("gte: 3", "gte: 3\n        field: userIdentity.arn")
}

/// Somebody turns logging off and makes a user, within five minutes.
fn both(kind: &str) -> String {
    let part = |name: &str, operation: &str| {
        format!(
            "---\ntitle: {name}\nname: {name}\nlogsource:\n    product: aws\n    service: cloudtrail\n\
             detection:\n    s:\n        eventName: {operation}\n    condition: s\n"
        )
    };
    format!(
        "title: Logging off and a user\ncorrelation:\n    type: {kind}\n    rules: [stopped, made]\n    \
         group-by: [userIdentity.arn]\n    timespan: 5m\nlevel: high\n{}{}",
        part("stopped", "StopLogging"),
        part("made", "CreateUser")
    )
}

fn by(mut record: Value, user: &str) -> Value {
    record["userIdentity"]["userName"] = json!(user);
    record["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111111111111:user/{user}"));
    record
}

impl Room {
    /// Sends records one after another, and looks at each as a server does that has just begun.
    async fn one_by_one(&mut self, records: impl IntoIterator<Item = Value>) {
        for record in records {
            self.send(vec![record]).await;
            self.look().await;
            self.sets = RuleSets::default();
        }
    }

    /// That the past of this rule is the one finding.
    async fn past_is(&self, text: String, finding: &wire::Finding) {
        let rule = Some(wire::test_rule_request::Rule::Text(text));
        let request = wire::TestRuleRequest {
            rule,
            ..Default::default()
        };
        let (hits, summary) = self.test(request).await.unwrap();
        assert_eq!((hits.len(), summary.hit_count), (1, 1), "{hits:?}");
        let names: Vec<_> = hits[0].events.iter().map(|event| &event.name).collect();
        assert_eq!(names, finding.events.iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn different_values_are_counted_and_repetitions_are_not() {
    let mut room = Room::new().await;
    room.create(&values()).await.unwrap();
    let denied = |id, second, who: &str| {
        let record = with(record(id, second, "ListUsers"), "errorCode", "AccessDenied");
        by(record, who)
    };
    room.one_by_one([
        denied(1, 0, "ana"),
        denied(2, 10, "ben"),
        denied(3, 20, "ana"),
        denied(4, 30, "ben"),
        // From elsewhere it is another count.
        with(denied(5, 40, "cyd"), "sourceIPAddress", "198.51.100.8"),
    ])
    .await;
    assert_eq!(room.found().await, []);
    room.one_by_one([denied(6, 50, "cyd")]).await;
    let found = room.found().await;
    let [finding] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((finding.count, finding.level()), (5, wire::Level::Medium));
    assert_eq!(finding.group[0].value, "198.51.100.7");
    room.past_is(values(), finding).await;
}

#[tokio::test]
async fn what_happens_together_is_found_in_any_order_or_in_the_one_that_is_asked() {
    for (kind, orders) in [("temporal", 2), ("temporal_ordered", 1)] {
        let mut room = Room::new().await;
        room.create(&both(kind)).await.unwrap();
        room.one_by_one([
            // Different people, or too far apart.
            by(record(1, 0, "StopLogging"), "ana"),
            by(record(2, 10, "CreateUser"), "ben"),
            by(record(3, 400, "CreateUser"), "ana"),
        ])
        .await;
        assert_eq!(room.found().await, [], "{kind}");
        room.one_by_one([
            by(record(4, 500, "StopLogging"), "cyd"),
            by(record(5, 530, "CreateUser"), "cyd"),
        ])
        .await;
        let found = room.found().await;
        let [finding] = found.as_slice() else {
            panic!("{kind}: {found:?}");
        };
        assert_eq!((finding.count, finding.level()), (2, wire::Level::High));
        assert!(finding.group[0].value.ends_with("user/cyd"), "{finding:?}");
        room.past_is(both(kind), finding).await;
        // The other way round.
        room.one_by_one([
            by(record(6, 600, "CreateUser"), "dan"),
            by(record(7, 630, "StopLogging"), "dan"),
        ])
        .await;
        assert_eq!(room.found().await.len(), orders, "{kind}");
    }
}
