//! What a receiver refuses holds up nothing for long; what it is only too sick for is kept for it.

use cordon_fixtures::Answer;
use wire::subscription::State;

use super::*;

impl Desk {
    /// Sends until nothing is left to be sent, at most for so long: how long it took.
    async fn send_all(&mut self, at_most: SignedDuration) -> SignedDuration {
        let begun = self.world.kernel.env().now();
        loop {
            let now = self.world.kernel.env().now();
            let took = now.duration_since(begun);
            let Some(next) = self.work().await else {
                return took;
            };
            assert!(took < at_most, "{next} is too late");
            self.later(next.duration_since(now)).await;
        }
    }

    async fn get(&self, subscription: &str) -> wire::Subscription {
        let get = wire::GetSubscriptionRequest {
            name: subscription.into(),
        };
        let got = call!(self, &self.reader, notices.get_subscription(get));
        got.unwrap().subscription.unwrap()
    }

    async fn resume(&self, subscription: &str) {
        let named = wire::ResumeSubscriptionRequest {
            name: subscription.into(),
        };
        call!(self, &self.admin, notices.resume_subscription(named)).unwrap();
    }
}

#[tokio::test]
async fn what_is_refused_again_and_again_lets_the_next_ones_pass() {
    let mut desk = Desk::new().await;
    let to = receiver();
    let (name, _) = desk.webhook(&to, Audience::Organization).await;
    for title in ["one", "two", "three"] {
        desk.open(title, Tlp::Amber).await;
    }
    to.next([422; 5].map(Answer::Status));
    desk.send_all(SignedDuration::from_mins(5)).await;
    let deliveries = desk.deliveries(&name).await;
    let states: Vec<_> = deliveries.iter().map(wire::Delivery::state).collect();
    assert_eq!(
        states,
        [Standing::Dead, Standing::Delivered, Standing::Delivered]
    );
    let dead = &deliveries[0];
    assert_eq!((dead.attempts, dead.code), (5, 422));
    assert_eq!(dead.reason, "status");
    let ids: Vec<_> = to.received();
    let ids: Vec<_> = ids.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!(
        ids,
        [0, 0, 0, 0, 0, 1, 2].map(|at| deliveries[at].id.as_str())
    );

    // Sent again it has as many tries as a new one.
    to.next([422; 4].map(Answer::Status));
    let again = wire::RetryDeliveryRequest {
        name: dead.name.clone(),
    };
    call!(desk, &desk.admin, notices.retry_delivery(again)).unwrap();
    desk.send_all(SignedDuration::from_mins(5)).await;
    assert_eq!(desk.standings(&name).await[0], Standing::Delivered);

    // Where everything is refused each goes by itself, and can be seen.
    to.always(Answer::Status(401));
    desk.open("four", Tlp::Amber).await;
    desk.open("five", Tlp::Amber).await;
    desk.send_all(SignedDuration::from_mins(10)).await;
    assert_eq!(desk.standings(&name).await[3..], [Standing::Dead; 2]);
    let subscription = desk.get(&name).await;
    assert_eq!((subscription.dead_count, subscription.failures), (2, 0));
    assert_eq!(subscription.state(), State::Active);
}

#[tokio::test]
async fn a_receiver_that_is_busy_or_down_refuses_nothing() {
    let mut desk = Desk::new().await;
    let to = receiver();
    let (name, _) = desk.webhook(&to, Audience::Organization).await;
    desk.open("one", Tlp::Amber).await;
    let sick = [429, 503, 408, 425, 429, 500].map(Answer::Status);
    to.next(sick.into_iter().chain([422; 4].map(Answer::Status)));
    let took = desk.send_all(SignedDuration::from_mins(20)).await;
    let delivery = desk.deliveries(&name).await.remove(0);
    assert_eq!(
        (delivery.state(), delivery.attempts),
        (Standing::Delivered, 11)
    );
    // Refusals are tried again soon, however long the receiver was down before.
    assert!(took < SignedDuration::from_secs(630 + 150), "{took}");
}

#[tokio::test]
async fn a_refusal_gives_up_nothing_else_however_long_it_has_waited() {
    let mut desk = Desk::new().await;
    let to = receiver();
    let (name, _) = desk.webhook(&to, Audience::Organization).await;
    desk.open("one", Tlp::Amber).await;
    desk.open("two", Tlp::Amber).await;
    // All servers were away for longer than a notice is tried.
    desk.later(SignedDuration::from_hours(100)).await;
    to.next([Answer::Status(422)]);
    desk.send_all(SignedDuration::from_mins(1)).await;
    assert_eq!(desk.standings(&name).await, [Standing::Delivered; 2]);
}

#[tokio::test]
async fn one_that_is_gone_is_sent_nothing_more_until_somebody_resumes() {
    let mut desk = Desk::new().await;
    let to = receiver();
    let (name, _) = desk.webhook(&to, Audience::Organization).await;
    let before = desk.get(&name).await;
    desk.open("one", Tlp::Amber).await;
    desk.open("two", Tlp::Amber).await;
    to.next([Answer::Status(410)]);
    assert_eq!(desk.work().await, None);
    let paused = desk.get(&name).await;
    assert_eq!(paused.state(), State::Paused);
    assert_ne!(paused.etag, before.etag);
    assert_eq!((paused.pending_count, paused.dead_count), (2, 0));
    assert_eq!(desk.deliveries(&name).await[0].code, 410);

    // What was kept back for long has not been tried for long.
    desk.later(SignedDuration::from_hours(100)).await;
    assert_eq!(desk.work().await, None);
    assert_eq!(to.received().len(), 1);
    desk.resume(&name).await;
    to.next([Answer::Status(503)]);
    desk.send_all(SignedDuration::from_mins(1)).await;
    assert_eq!(desk.standings(&name).await, [Standing::Delivered; 2]);
}

#[tokio::test]
async fn a_letter_that_is_refused_lets_the_next_ones_pass() {
    let mut desk = Desk::new().await;
    let subscription = mail("alice@acme.example", Audience::Named);
    let (name, _) = desk.subscribe(subscription).await.unwrap();
    desk.open("one", Tlp::Amber).await;
    for (code, standing) in [
        (451, Standing::Pending),
        (535, Standing::Pending),
        (550, Standing::Dead),
    ] {
        desk.smtp.refuse(Some(code));
        for _ in 0..5 {
            desk.later(SignedDuration::from_mins(61)).await;
            desk.work().await;
        }
        let delivery = desk.deliveries(&name).await.remove(0);
        assert_eq!(delivery.state(), standing, "{code}");
        assert_eq!(delivery.code, i32::from(code));
        assert_eq!(delivery.reason, "mail_refused");
    }
    desk.smtp.refuse(None);
    desk.open("two", Tlp::Amber).await;
    desk.work().await;
    assert_eq!(
        desk.standings(&name).await,
        [Standing::Dead, Standing::Delivered]
    );
}
