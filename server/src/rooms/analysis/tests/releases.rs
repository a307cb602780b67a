//! Answers across tenants, from what events name to what is told: the counts are the kernel's, the
//! days pass on the test's clock.

use std::sync::Arc;

use cordon_kernel::db::jobs::{CONTRIBUTE, Lane};
use cordon_kernel::{Action, AuditEntry};
use cordon_proto::analysis as wire;
use cordon_proto::analysis::analyses_service_server::AnalysesService as _;
use cordon_proto::analysis::analysis::State;
use cordon_proto::analysis::download_analysis_result_request::Format;
use cordon_proto::analysis::question::Kind;
use cordon_proto::analysis::seen_by_others_question::Indicator;
use cordon_proto::catalogue as hosts_wire;
use cordon_proto::catalogue::hosts_service_server::HostsService as _;
use cordon_release::Day;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::contribute;
use super::{Room, record};
use crate::rooms::catalogue::HostsRpc;
use crate::rooms::fields::wire_time;
use crate::rooms::tenants::tests::{call, reason};
use crate::transport::Caller;

const SEEN: &str = "203.0.113.9";
const LONELY: &str = "203.0.113.77";
/// Of so few that what is told of them is drawn.
const FEW: &str = "203.0.113.55";

fn asking(address: &str) -> Kind {
    Kind::SeenByOthers(wire::SeenByOthersQuestion {
        indicator: Some(Indicator::Address(address.into())),
    })
}

/// A call from an address.
fn own(id: u32, address: &str) -> Value {
    let mut record = record(id, id % 3600, "DescribeInstances");
    record["sourceIPAddress"] = json!(address);
    record
}

/// The same in an account.
fn from(account: u32, id: u32, address: &str) -> Value {
    let mut record = own(id, address);
    let account = format!("{account:012}");
    record["recipientAccountId"] = json!(account);
    record["userIdentity"]["accountId"] = json!(account);
    record["userIdentity"]["arn"] = json!(format!("arn:aws:iam::{account}:user/ana"));
    record
}

/// Goes on to seven o'clock of the next day: the day before opens, is contributed to, and closes.
async fn next_day(room: &mut Room) {
    let kernel = &room.world.kernel;
    let now = kernel.env().now().as_second();
    let midnight = (now.div_euclid(86_400) + 1) * 86_400;
    for hour in [4, 7] {
        let at = Timestamp::from_second(midnight + hour * 3_600).unwrap();
        room.world.clock.set(at);
        kernel.db().keep_release_days(&room.runner).await.unwrap();
        let lease = SignedDuration::from_mins(10);
        loop {
            let claimed = kernel.db().claim_jobs(&room.runner, Lane::Bulk, lease, 100);
            let claimed = claimed.await.unwrap();
            if claimed.is_empty() {
                break;
            }
            for claim in claimed {
                if claim.job() == CONTRIBUTE {
                    contribute(kernel, &room.lake, &claim).await.unwrap();
                }
                kernel.db().job_done(claim).await.unwrap();
            }
        }
    }
    room.world.operator = room.world.with_token(&room.world.operator).await;
    room.responder = room.world.with_token(&room.responder).await;
}

/// Twenty-three tenants beside the two, one account each; one address is seen by all of them.
async fn week() -> Room {
    let mut room = Room::new().await;
    let mut records = vec![own(1, SEEN), own(2, LONELY), own(3, FEW)];
    for n in 0..23_u32 {
        let tenant = format!("t{n:02}");
        room.world.tenant(&tenant).await;
        let account = format!("aws:{:012}", 300 + n);
        room.world.account(&tenant, &account).await;
        records.push(from(300 + n, 100 + n, SEEN));
        if n < 4 {
            records.push(from(300 + n, 200 + n, FEW));
        }
    }
    next_day(&mut room).await;
    room.send(records).await;
    for _ in 0..7 {
        next_day(&mut room).await;
    }
    room
}

/// What another tenant's responder is told.
async fn size_told(room: &Room, tenant: &str, address: &str) -> Result<String, String> {
    let parent = format!("tenants/{tenant}");
    let responder = room.world.member(&parent, "responder").await;
    let request = wire::CreateAnalysisRequest {
        parent,
        ..Room::asking(asking(address))
    };
    let asked = call!(room, &responder, analyses.create_analysis(request));
    let name = asked.unwrap().analysis.unwrap().name;
    room.answer_all().await;
    let request = wire::GetAnalysisRequest { name: name.clone() };
    let answered = call!(room, &responder, analyses.get_analysis(request));
    if let Some(failure) = answered.unwrap().analysis.unwrap().failure {
        return Err(failure.reason);
    }
    let answer = room.download(&responder, (&name, Format::Json, "")).await;
    let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
    let size = &answer["tables"][0]["rows"][0][3];
    Ok(size.as_str().unwrap().to_owned())
}

async fn size(room: &Room, address: &str) -> String {
    let analysis = room.answered(asking(address)).await;
    assert_eq!(analysis.state(), State::Released, "{:?}", analysis.failure);
    let answer = room.json(&analysis.name).await;
    let row = &answer["tables"][0]["rows"][0];
    assert_eq!(row[0], json!(format!("address {address}/32")));
    row[3].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_size_of_a_crowd_is_told_and_nothing_else() {
    let mut room = week().await;
    assert_eq!(size(&room, SEEN).await, "more-than-20");
    // Drawn once: whoever asks, however often, in whichever spelling.
    let lonely = size(&room, LONELY).await;
    assert_ne!(lonely, "more-than-20");
    for _ in 0..11 {
        let spelled = format!("::ffff:{LONELY}");
        let analysis = room.answered(asking(&spelled)).await;
        let answer = room.json(&analysis.name).await;
        assert_eq!(answer["tables"][0]["rows"][0][3], json!(lonely));
    }
    // So is whoever else has seen it told the same.
    let few = size(&room, FEW).await;
    for tenant in ["t00", "t03"] {
        assert_eq!(size_told(&room, tenant, FEW).await, Ok(few.clone()));
    }
    let crowd = size_told(&room, "t00", SEEN).await;
    assert_eq!(crowd.as_deref(), Ok("more-than-20"));
    let unseen = size_told(&room, "t00", LONELY).await;
    assert_eq!(unseen.unwrap_err(), "INDICATOR_NOT_SEEN");
    // What it has not seen itself it is not told of, nor what is past its share.
    let unseen = room.answered(asking("203.0.113.200")).await;
    assert_eq!(unseen.state(), State::Failed);
    assert_eq!(unseen.failure.unwrap().reason, "INDICATOR_NOT_SEEN");
    let address = |n: u32| format!("198.51.100.{}", n + 20);
    room.send((0..12).map(|n| own(500 + n, &address(n))).collect())
        .await;
    let mut refused = 0;
    for n in 0..12 {
        let asked = room.answered(asking(&address(n))).await;
        if let Some(failure) = asked.failure {
            assert_eq!(failure.reason, "RELEASE_BUDGET_SPENT");
            assert!(failure.message.contains("10 questions"), "{failure:?}");
            refused += 1;
        }
    }
    assert_eq!(refused, 5, "three were asked before");

    // It can't be computed again, and what can't be asked for is refused at once.
    let done = room.answered(asking(SEEN)).await;
    let again = wire::RerunAnalysisRequest {
        name: done.name,
        request_id: String::new(),
    };
    let again = call!(room, &room.responder, analyses.rerun_analysis(again));
    assert_eq!(reason(again), "FAILED_PRECONDITION");
    for address in ["10.0.0.1", "203.0.113.0/24", "globex.example", ""] {
        let refused = room.ask(asking(address)).await;
        assert_eq!(reason(refused), "INVALID_ARGUMENT", "{address}");
    }
}

#[tokio::test]
async fn what_is_too_old_or_in_the_providers_ranges_gets_no_answer() {
    let mut room = week().await;
    // The sighting is in the window's first day now; a day later it is before it.
    next_day(&mut room).await;
    let asked = room.answered(asking(SEEN)).await;
    assert_eq!(asked.failure.unwrap().reason, "INDICATOR_NOT_SEEN");
}

async fn announce(room: &Room, first: &str, count: usize, with: &str) -> hosts_wire::HostWork {
    let mut hosts: Vec<String> = (1..count).map(|n| format!("other-{n}")).collect();
    hosts.push(with.to_owned());
    let request = hosts_wire::AnnounceHostWorkRequest {
        host_work: Some(hosts_wire::HostWork {
            first_day: first.into(),
            last_day: first.into(),
            hosts,
            ..Default::default()
        }),
    };
    let hosts = HostsRpc::new(Arc::clone(&room.world.kernel));
    let request = room.request(&room.world.operator, request).await.unwrap();
    let announced = hosts.announce_host_work(request).await.unwrap();
    announced.into_inner().host_work.unwrap()
}

async fn place(room: &Room, host: &str, start: Timestamp) -> i32 {
    let request = hosts_wire::RecordPlacementsRequest {
        placements: vec![hosts_wire::Placement {
            tenant: "tenants/acme".into(),
            instance: "i-0own".into(),
            host: host.into(),
            start_time: Some(wire_time(start)),
            end_time: None,
        }],
    };
    let hosts = HostsRpc::new(Arc::clone(&room.world.kernel));
    let request = room.request(&room.world.operator, request).await.unwrap();
    let recorded = hosts.record_placements(request).await.unwrap();
    recorded.into_inner().recorded_count
}

/// Registers the instance for acme.
async fn register(room: &Room, from: Timestamp) {
    let request = room.request(&room.world.operator, ()).await.unwrap();
    let kernel = &room.world.kernel;
    let (scope, permit) = Caller::of(&request)
        .unwrap()
        .provider_scope(kernel, Action::ImportResources)
        .await
        .unwrap();
    let mut tx = kernel.db().provider_tx(&scope, &permit).await.unwrap();
    let acme = "acme".parse().unwrap();
    tx.add_resource(&acme, "instance", "i-0own", from, None)
        .await
        .unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
}

async fn maintained(room: &Room, instance: &str, (first, last): (Day, Day)) -> wire::Analysis {
    room.answered(Kind::HostMaintenance(wire::HostMaintenanceQuestion {
        instance: instance.into(),
        first_day: first.to_string(),
        last_day: last.to_string(),
    }))
    .await
}

#[tokio::test]
async fn announced_work_under_ones_own_instance_is_told_and_nothing_else() {
    let mut room = Room::new().await;
    next_day(&mut room).await;
    let now = room.world.kernel.env().now();
    let today = Day::of(now);
    register(&room, now).await;
    assert_eq!(place(&room, "hv-1", now).await, 1);
    assert_eq!(place(&room, "hv-1", now).await, 0, "the same said again");
    let day = |n: u16| today.plus(n);
    let told = announce(&room, &day(8).to_string(), 20, "hv-1").await;
    assert!(told.told);
    // Too few hosts, or too late.
    assert!(!announce(&room, &day(9).to_string(), 19, "hv-1").await.told);
    assert!(!announce(&room, &day(5).to_string(), 20, "hv-1").await.told);
    for _ in 0..12 {
        next_day(&mut room).await;
    }
    let says = async |room: &Room, days: (Day, Day)| {
        let analysis = maintained(room, "i-0own", days).await;
        assert_eq!(analysis.state(), State::Released, "{:?}", analysis.failure);
        let answer = room.json(&analysis.name).await;
        answer["tables"][0]["rows"][0][3]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(says(&room, (day(1), day(10))).await, "announced-work");
    assert_eq!(says(&room, (day(9), day(10))).await, "no-announced-work");
    assert_eq!(says(&room, (day(5), day(5))).await, "no-announced-work");
    // Since it has moved, what is done there is not done to it.
    let moved = day(8).minus(1).end();
    assert_eq!(place(&room, "hv-2", moved).await, 1);
    assert_eq!(says(&room, (day(8), day(8))).await, "no-announced-work");

    for (instance, days, reason) in [
        // The day on which it was registered had begun.
        ("i-0own", (today, day(2)), "INSTANCE_NOT_OWNED"),
        ("i-0other", (day(1), day(2)), "INSTANCE_NOT_OWNED"),
        ("i-0own", (day(12), day(13)), "DAYS_OUT_OF_RANGE"),
    ] {
        let asked = maintained(&room, instance, days).await;
        assert_eq!(asked.failure.unwrap().reason, reason, "{instance} {days:?}");
    }
    let inverted = room.ask(Kind::HostMaintenance(wire::HostMaintenanceQuestion {
        instance: "i-0own".into(),
        first_day: day(2).to_string(),
        last_day: day(1).to_string(),
    }));
    assert_eq!(reason(inverted.await), "INVALID_ARGUMENT");
}
