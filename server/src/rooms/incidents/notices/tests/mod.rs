//! Notices against a kernel on a temporary database, and real receivers on loopback.

mod outbox;
mod refusals;
mod sending;
mod walls;

use std::sync::Arc;
use std::time::Duration;

use cordon_courier::{Guard, GuardConfig, MailConfig, Mailer, Security};
use cordon_fixtures::{Receiver, Smtp, SmtpTls};
use cordon_kernel::Result;
use cordon_kernel::db::jobs::{JobClaim, JobRunner, Lane};
use cordon_proto::incidents as wire;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use cordon_proto::incidents::notices_service_server::NoticesService as _;
use jiff::{SignedDuration, Timestamp};
use tonic::{Request, Status};
use wire::delivery::State as Standing;
use wire::{Audience, Severity, Tlp};

use super::super::IncidentsRpc;
use super::{NoticesRpc, deliver};
use crate::providers::courier::{Courier, Pace};
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};

/// acme with its people, a stranger, and the way out.
struct Desk {
    world: World,
    incidents: IncidentsRpc,
    notices: NoticesRpc,
    courier: Arc<Courier>,
    runner: JobRunner,
    smtp: Smtp,
    admin: Actor,
    reader: Actor,
    stranger: Actor,
}

impl Desk {
    async fn new() -> Self {
        let world = World::new().await;
        world.tenant("acme").await;
        world.tenant("globex").await;
        let smtp = Smtp::start("127.0.0.2", SmtpTls::Never, None);
        let guard = Guard::new(GuardConfig {
            allow: vec!["127.0.0.2/32".parse().unwrap()],
            plain_http: true,
            total: Duration::from_millis(700),
            ..GuardConfig::default()
        });
        let mailer = Mailer::new(&MailConfig {
            host: "127.0.0.2".into(),
            port: smtp.address().port(),
            security: Security::Plain,
            from: "cordon@provider.example".into(),
            login: None,
            authorities: Vec::new(),
            total: Duration::from_secs(5),
        });
        let courier = Arc::new(Courier {
            guard: guard.unwrap(),
            mailer: Some(mailer.unwrap()),
            pace: Pace {
                first: SignedDuration::from_secs(10),
                longest: SignedDuration::from_hours(1),
                give_up: SignedDuration::from_hours(72),
            },
        });
        Self {
            incidents: IncidentsRpc::new(Arc::clone(&world.kernel)),
            notices: NoticesRpc::new(Arc::clone(&world.kernel), Arc::clone(&courier)),
            runner: world.kernel.job_runner().unwrap(),
            courier,
            smtp,
            admin: world.member("tenants/acme", "admin").await,
            reader: world.member("tenants/acme", "reader").await,
            stranger: world.member("tenants/globex", "admin").await,
            world,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    /// Opens an incident of acme's.
    async fn open(&self, title: &str, tlp: Tlp) -> wire::Incident {
        let request = wire::CreateIncidentRequest {
            parent: "tenants/acme".into(),
            incident: Some(wire::Incident {
                title: title.into(),
                severity: Severity::Sev2.into(),
                tlp: tlp.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let made = call!(self, &self.admin, incidents.create_incident(request));
        made.unwrap().incident.unwrap()
    }

    async fn say(&self, incident: &str, text: &str) {
        let request = wire::CreateCommentRequest {
            parent: incident.into(),
            comment: Some(wire::Comment {
                text: text.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        call!(self, &self.admin, incidents.create_comment(request)).unwrap();
    }

    /// Has notices sent to a receiver: the subscription's name, and its secret.
    async fn webhook(&self, to: &Receiver, audience: Audience) -> (String, String) {
        self.subscribe(webhook(to, audience)).await.unwrap()
    }

    async fn subscribe(
        &self,
        subscription: wire::Subscription,
    ) -> Result<(String, String), Status> {
        let request = create(subscription, "");
        let made = call!(self, &self.admin, notices.create_subscription(request))?;
        Ok((made.subscription.unwrap().name, made.secret))
    }

    async fn claims(&self) -> Vec<JobClaim> {
        let lease = SignedDuration::from_mins(10);
        let db = self.world.kernel.db();
        let claimed = db.claim_jobs(&self.runner, Lane::Outside, lease, 64);
        claimed.await.unwrap()
    }

    async fn deliver(&self, claim: &JobClaim) -> Result<Option<Timestamp>> {
        deliver(&self.world.kernel, &self.courier, claim).await
    }

    /// Does all that is due; the next time at which something is, if anything is.
    async fn work(&self) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        for claim in self.claims().await {
            let db = self.world.kernel.db();
            match self.deliver(&claim).await.unwrap() {
                None => db.job_done(claim).await.unwrap(),
                Some(due) => {
                    next = Some(next.map_or(due, |next| next.min(due)));
                    db.job_again(claim, due).await.unwrap();
                }
            }
        }
        next
    }

    /// Lets time go by; tokens end meanwhile.
    async fn later(&mut self, by: SignedDuration) {
        self.world.clock.advance(by);
        self.world.operator = self.world.with_token(&self.world.operator).await;
        self.admin = self.world.with_token(&self.admin).await;
        self.reader = self.world.with_token(&self.reader).await;
    }

    /// What a subscription has sent, the oldest first: state and reason.
    async fn deliveries(&self, subscription: &str) -> Vec<wire::Delivery> {
        let request = wire::ListDeliveriesRequest {
            parent: subscription.into(),
            ..Default::default()
        };
        let listed = call!(self, &self.reader, notices.list_deliveries(request));
        let mut listed = listed.unwrap().deliveries;
        listed.reverse();
        listed
    }

    async fn standings(&self, subscription: &str) -> Vec<Standing> {
        let listed = self.deliveries(subscription).await;
        listed.iter().map(wire::Delivery::state).collect()
    }
}

fn create(subscription: wire::Subscription, request_id: &str) -> wire::CreateSubscriptionRequest {
    wire::CreateSubscriptionRequest {
        parent: "tenants/acme".into(),
        subscription: Some(subscription),
        request_id: request_id.into(),
    }
}

fn webhook(to: &Receiver, audience: Audience) -> wire::Subscription {
    at(
        &format!("http://{}/hook?token=s3cret", to.address()),
        audience,
    )
}

fn at(url: &str, audience: Audience) -> wire::Subscription {
    wire::Subscription {
        target: Some(wire::subscription::Target::Webhook(wire::Webhook {
            url: url.into(),
            ..Default::default()
        })),
        audience: audience.into(),
        ..Default::default()
    }
}

fn mail(address: &str, audience: Audience) -> wire::Subscription {
    wire::Subscription {
        target: Some(wire::subscription::Target::Mail(wire::Mail {
            address: address.into(),
        })),
        audience: audience.into(),
        ..Default::default()
    }
}

fn receiver() -> Receiver {
    Receiver::start("127.0.0.2", None)
}

/// The types of what came, and the whole of it.
fn events(of: &Receiver) -> Vec<serde_json::Value> {
    let came = of.received();
    came.iter()
        .map(|one| serde_json::from_slice(&one.body).unwrap())
        .collect()
}
