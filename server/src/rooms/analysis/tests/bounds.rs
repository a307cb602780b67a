//! How much there may be of everything, and what ends work that can't end.

use std::time::Duration;

use cordon_kernel::audit::AuditEntry;

use super::desk::{Desk, human};
use super::*;

/// Longer than a claim is held for.
const LAPSED: SignedDuration = SignedDuration::from_secs(31);

#[tokio::test]
async fn a_question_that_five_servers_did_not_survive_is_given_up() {
    let room = Room::new().await;
    let asked = room.ask(pivot(ANA)).await.unwrap();
    for tried in 1..=5 {
        let lost = room.claim().await.unwrap();
        assert_eq!(lost.attempts(), tried);
        room.world.clock.advance(LAPSED);
    }
    room.answer_all().await;
    let given_up = room.get(&asked.name).await;
    assert_eq!(given_up.state(), State::Failed);
    assert_eq!(given_up.failure.unwrap().reason, "TOO_MUCH_WORK");
}

#[tokio::test]
async fn a_rule_is_not_read_for_whoever_has_too_many_questions() {
    let room = Room::new().await;
    let rule = || {
        Kind::Rule(wire::RuleQuestion {
            texts: vec!["title: [".into()],
        })
    };
    assert_eq!(reason(room.ask(rule()).await), "INVALID_RULE");
    for _ in 0..20 {
        room.ask(pivot(ANA)).await.unwrap();
    }
    assert_eq!(reason(room.ask(rule()).await), "QUOTA_EXCEEDED");
}

impl Room {
    /// Ten thousand questions that have failed, each with so many bytes of an answer.
    async fn have_asked_much(&self, bytes: i64) {
        let request = self.request(&self.responder, ()).await.unwrap();
        let caller = Caller::of(&request).unwrap();
        let kernel = &self.world.kernel;
        let tenant = "acme".parse().unwrap();
        let action = Action::CreateAnalysis;
        let (scope, permit) = caller.tenant_scope(kernel, &tenant, action).await.unwrap();
        let mut tx = kernel.db().tenant_tx(&scope, &permit).await.unwrap();
        sqlx::query(
            "WITH RECURSIVE many (n) AS \
                (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 10000) \
             INSERT INTO analyses (tenant_id, analysis_id, state, human, pending_party, \
                    created_time, updated_time, result_bytes, sealed) \
             SELECT 'acme', printf('%08x-0000-7000-8000-000000000000', n), 'failed', 0, 'nobody', \
                    0, 0, $1, x'00' FROM many",
        )
        .bind(bytes)
        .execute(tx.conn())
        .await
        .unwrap();
        tx.commit(AuditEntry::new(&permit)).await.unwrap();
    }

    async fn count(&self) -> i64 {
        let request = self.request(&self.responder, ()).await.unwrap();
        let caller = Caller::of(&request).unwrap();
        let kernel = &self.world.kernel;
        let tenant = "acme".parse().unwrap();
        let action = Action::ListAnalyses;
        let (scope, _) = caller.tenant_scope(kernel, &tenant, action).await.unwrap();
        let mut read = kernel.db().tenant_read(&scope).await.unwrap();
        sqlx::query_scalar("SELECT COUNT(*) FROM analyses WHERE tenant_id = 'acme'")
            .fetch_one(read.conn())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn of_ten_thousand_questions_the_oldest_make_room() {
    let room = Room::new().await;
    room.have_asked_much(0).await;
    room.ask(pivot(ANA)).await.unwrap();
    assert_eq!(room.count().await, 10_000 - 100 + 1);
}

#[tokio::test]
async fn questions_whose_answers_are_kept_make_none() {
    let room = Room::new().await;
    room.have_asked_much(1).await;
    assert_eq!(reason(room.ask(pivot(ANA)).await), "QUOTA_EXCEEDED");
    assert_eq!(room.count().await, 10_000);
}

#[tokio::test]
async fn a_page_ends_where_it_would_be_too_long() {
    let room = Room::new().await;
    let list: String = (0..450)
        .map(|n| format!("{n:03}{}.example\n", "a".repeat(990)))
        .collect();
    let long = Kind::Indicators(wire::IndicatorsQuestion {
        list,
        ..Default::default()
    });
    for _ in 0..12 {
        room.ask(long.clone()).await.unwrap();
    }
    let mut request = wire::ListAnalysesRequest {
        parent: "tenants/acme".into(),
        ..Default::default()
    };
    let (mut pages, mut names) = (Vec::new(), Vec::new());
    loop {
        let page = call!(
            room,
            &room.responder,
            analyses.list_analyses(request.clone())
        );
        let page = page.unwrap();
        pages.push(page.analyses.len());
        names.extend(page.analyses.into_iter().map(|one| one.name));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 12);
    assert!(pages[0] < 12, "{pages:?}");
}

#[tokio::test]
async fn who_can_not_go_on_is_taken_over_from() {
    let desk = Desk::new().await;
    let asked = desk.room.ask(human()).await.unwrap();
    desk.claim(&desk.first, &asked.name).await.unwrap();
    let request = wire::ClaimAnalysisRequest {
        name: asked.name.clone(),
        take_over: true,
        ..Default::default()
    };
    let taken = call!(desk.room, &desk.second, desk.claim_analysis(request));
    let taken = taken.unwrap().analysis.unwrap();
    assert_eq!(taken.progress.unwrap().claimed_by, "omar");
    let late = desk.submit(&desk.first, &asked.name, "Yes.").await;
    assert_eq!(reason(late), "FAILED_PRECONDITION");
    let late = desk.ask_back(&desk.first, &asked.name).await;
    assert_eq!(reason(late), "FAILED_PRECONDITION");
    desk.submit(&desk.second, &asked.name, "Yes.")
        .await
        .unwrap();
    desk.release(&desk.first, &asked.name).await.unwrap();
}

#[tokio::test]
async fn who_has_asked_back_twenty_times_answers_or_declines() {
    let desk = Desk::new().await;
    let asked = desk.room.ask(human()).await.unwrap();
    desk.claim(&desk.first, &asked.name).await.unwrap();
    let ask_back = async |text: String| {
        let request = wire::AskBackAnalysisRequest {
            name: asked.name.clone(),
            text,
            request_id: String::new(),
        };
        call!(desk.room, &desk.first, desk.ask_back_analysis(request))
    };
    for asked_back in 0..20 {
        ask_back(format!("And {asked_back}?")).await.unwrap();
        let reply = wire::ReplyToAnalysisRequest {
            name: asked.name.clone(),
            text: "No.".into(),
            request_id: String::new(),
        };
        let room = &desk.room;
        call!(room, &room.responder, analyses.reply_to_analysis(reply)).unwrap();
    }
    assert_eq!(reason(ask_back("And?".into()).await), "QUOTA_EXCEEDED");
    desk.submit(&desk.first, &asked.name, "Yes.").await.unwrap();
}

#[tokio::test]
async fn a_silent_watch_says_that_it_is_alive() {
    let room = Room::new().await;
    let asked = room.ask(pivot(ANA)).await.unwrap();
    // Nothing has happened for a while.
    room.world.clock.advance(LAPSED);
    let request = wire::WatchAnalysisRequest { name: asked.name };
    let mut feed = call!(room, &room.responder, analyses.watch_analysis(request)).unwrap();
    assert!(feed.next().await.unwrap().unwrap().analysis.is_some());
    let next = tokio::time::timeout(Duration::from_secs(60), feed.next()).await;
    let alive = next.expect("nothing comes").unwrap().unwrap();
    assert_eq!(alive.analysis, None);
}

/// Pairs every record with every other, and looks through both for what is in none.
fn endless() -> Kind {
    let text = "concat(a.raw, b.raw, a.raw, b.raw, a.raw, b.raw, a.raw, b.raw)";
    sql(&format!(
        "SELECT count(*) FROM events a, events b WHERE strpos({text}, 'nowhere') > 0"
    ))
}

#[tokio::test]
async fn long_work_says_how_far_it_is_and_stops_when_it_is_called_off_or_taken_over() {
    let mut room = Room::new().await;
    let records = (0..3_000).map(|id| record(id, 0, "RunInstances"));
    room.send(records.collect()).await;
    let asked = room.ask(endless()).await.unwrap();
    let claim = room.claim().await.unwrap();
    let watch = async {
        loop {
            let found = room.get(&asked.name).await;
            if found.progress.unwrap().scanned_events > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let request = wire::CancelAnalysisRequest {
            name: asked.name.clone(),
            etag: String::new(),
        };
        let off = call!(room, &room.responder, analyses.cancel_analysis(request));
        assert_eq!(off.unwrap().analysis.unwrap().state(), State::Cancelled);
    };
    let work = Box::pin(async { tokio::join!(room.work(&claim), watch).0 });
    let ended = tokio::time::timeout(Duration::from_secs(60), work).await;
    ended.expect("it goes on").unwrap();
    assert_eq!(room.get(&asked.name).await.state(), State::Cancelled);
    room.world.kernel.db().job_done(claim).await.unwrap();

    let asked = room.ask(endless()).await.unwrap();
    let lost = room.claim().await.unwrap();
    let over = async {
        while room.get(&asked.name).await.state() != State::Running {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        room.world.clock.advance(LAPSED);
        room.claim().await.unwrap()
    };
    let work = Box::pin(async { tokio::join!(room.work(&lost), over).0 });
    let ended = tokio::time::timeout(Duration::from_secs(60), work).await;
    let refused = ended.expect("it goes on").unwrap_err();
    assert_eq!(refused.reason(), cordon_kernel::Reason::EtagMismatch);
    assert_eq!(room.get(&asked.name).await.state(), State::Running);
}
