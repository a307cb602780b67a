//! Answers across tenants, from what events name to what is told: the counts are the kernel's, the
//! days pass on the test's clock.

use cordon_kernel::db::jobs::{CONTRIBUTE, Lane};
use cordon_proto::analysis as wire;
use cordon_proto::analysis::analyses_service_server::AnalysesService as _;
use cordon_proto::analysis::analysis::State;
use cordon_proto::analysis::question::Kind;
use cordon_proto::analysis::seen_by_others_question::Indicator;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::contribute;
use super::{Room, record};
use crate::rooms::tenants::tests::{call, reason};

const SEEN: &str = "203.0.113.9";
const LONELY: &str = "203.0.113.77";

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
    let mut records = vec![own(1, SEEN), own(2, LONELY)];
    for n in 0..23_u32 {
        let tenant = format!("t{n:02}");
        room.world.tenant(&tenant).await;
        let account = format!("aws:{:012}", 300 + n);
        room.world.account(&tenant, &account).await;
        records.push(from(300 + n, 100 + n, SEEN));
    }
    next_day(&mut room).await;
    room.send(records).await;
    for _ in 0..7 {
        next_day(&mut room).await;
    }
    room
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
    assert_eq!(refused, 4, "two were asked before");

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
