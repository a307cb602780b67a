//! How much the outbox holds for a receiver, and for how long.

use cordon_fixtures::Answer;
use cordon_kernel::TenantId;
use cordon_kernel::audit::AuditEntry;

use super::super::sweep;
use super::*;

impl Desk {
    /// Writes to acme's rows past all that watches over them.
    async fn tamper(&self, sql: String) {
        let kernel = &self.world.kernel;
        let acme: TenantId = "acme".parse().unwrap();
        let (scope, permit) = kernel.maintenance_scope(&self.runner, &acme, "test");
        let mut tx = kernel.db().tenant_tx(&scope, &permit).await.unwrap();
        let done = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(tx.conn());
        assert!(done.await.unwrap().rows_affected() > 0);
        tx.commit(AuditEntry::new(&permit)).await.unwrap();
    }

    /// What became of the newest.
    async fn newest(&self, subscription: &str) -> wire::Delivery {
        self.deliveries(subscription).await.pop().unwrap()
    }
}

#[tokio::test]
async fn only_what_waits_takes_a_place() {
    let desk = Desk::new().await;
    let to = receiver();
    let (name, _) = desk.webhook(&to, Audience::Organization).await;
    desk.open("one", Tlp::Amber).await;
    let others = "WITH RECURSIVE n (seq) AS \
            (SELECT 2 UNION ALL SELECT seq + 1 FROM n WHERE seq < 10000) \
         INSERT INTO incident_deliveries (tenant_id, subscription_id, seq, entry_seq, incident_id, \
                state, created_time, queued_time, attempts, attempted_time, reason, code) \
         SELECT tenant_id, subscription_id, n.seq, entry_seq, incident_id, 'delivered', \
                created_time, queued_time, 1, created_time, '', 0 \
           FROM incident_deliveries d, n WHERE d.seq = 1";
    desk.tamper(others.into()).await;
    let last = "UPDATE incident_subscriptions SET last_seq = 10000";
    desk.tamper(last.into()).await;
    desk.open("two", Tlp::Amber).await;
    assert_eq!(desk.newest(&name).await.state(), Standing::Pending);

    let waits = "UPDATE incident_deliveries SET state = 'pending' WHERE seq BETWEEN 4 AND 10000";
    desk.tamper(waits.into()).await;
    desk.open("the ten thousandth", Tlp::Amber).await;
    assert_eq!(desk.newest(&name).await.state(), Standing::Pending);
    desk.open("one too many", Tlp::Amber).await;
    let full = desk.newest(&name).await;
    assert_eq!(
        (full.state(), full.reason.as_str()),
        (Standing::Dead, "full")
    );

    // Nor is there a place for what is to be sent again, until one is free.
    let again = wire::RetryDeliveryRequest { name: full.name };
    let refused = call!(desk, &desk.admin, notices.retry_delivery(again.clone()));
    assert_eq!(reason(refused), "FAILED_PRECONDITION");
    let one = "UPDATE incident_deliveries SET state = 'delivered' WHERE seq = 1";
    desk.tamper(one.into()).await;
    call!(desk, &desk.admin, notices.retry_delivery(again)).unwrap();
    assert_eq!(desk.newest(&name).await.state(), Standing::Pending);
}

#[tokio::test]
async fn what_is_over_is_forgotten_after_a_month_whatever_the_state() {
    use Standing::{Dead, Delivered, Pending};
    let mut desk = Desk::new().await;
    let (paused, idle) = (receiver(), receiver());
    let (kept_back, _) = desk.webhook(&paused, Audience::Organization).await;
    let (active, _) = desk.webhook(&idle, Audience::Organization).await;
    desk.open("one", Tlp::Amber).await;
    paused.always(Answer::Status(403));
    for _ in 0..5 {
        desk.work().await;
        desk.later(SignedDuration::from_mins(2)).await;
    }
    let pause = wire::PauseSubscriptionRequest {
        name: kept_back.clone(),
    };
    call!(desk, &desk.admin, notices.pause_subscription(pause)).unwrap();
    desk.open("two", Tlp::Amber).await;
    desk.work().await;
    let swept = async |desk: &Desk| {
        let kernel = &desk.world.kernel;
        let acme: TenantId = "acme".parse().unwrap();
        let (scope, permit) = kernel.maintenance_scope(&desk.runner, &acme, "test");
        sweep(kernel, &scope, &permit).await.unwrap();
        let (one, two) = (&kept_back, &active);
        (desk.standings(one).await, desk.standings(two).await)
    };
    desk.later(SignedDuration::from_hours(29 * 24)).await;
    assert_eq!(
        swept(&desk).await,
        (vec![Dead, Pending], vec![Delivered; 2])
    );
    // Nothing is to be sent, nothing is asked for, and the one is still paused.
    desk.later(SignedDuration::from_hours(2 * 24)).await;
    assert_eq!(swept(&desk).await, (vec![Pending], vec![]));

    // What waited for long can be looked at for as long as anything else.
    let resume = wire::ResumeSubscriptionRequest {
        name: kept_back.clone(),
    };
    call!(desk, &desk.admin, notices.resume_subscription(resume)).unwrap();
    paused.always(Answer::Status(204));
    desk.work().await;
    assert_eq!(swept(&desk).await, (vec![Delivered], vec![]));
}
