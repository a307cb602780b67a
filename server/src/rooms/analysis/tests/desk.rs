//! Questions that people answer: one answers, another releases, and nothing of others goes out.

use super::*;

pub(super) fn human() -> Kind {
    Kind::Human(wire::HumanQuestion {
        text: "Was the host under our machine patched that night?".into(),
    })
}

fn answer_of(name: &str, findings: &str) -> wire::SubmitAnalysisResultRequest {
    wire::SubmitAnalysisResultRequest {
        name: name.into(),
        findings: findings.into(),
        tables: vec![wire::SubmittedTable {
            name: "hosts".into(),
            title: "Hosts and their patches".into(),
            csv: "host,patched\nhv-1,2025-12-31\n".into(),
        }],
        not_examined: vec!["The console's log of before December.".into()],
        method: "Maintenance log, read by hand.".into(),
        request_id: String::new(),
    }
}

pub(super) struct Desk {
    pub(super) room: Room,
    pub(super) first: Actor,
    pub(super) second: Actor,
}

impl Desk {
    pub(super) async fn new() -> Self {
        let room = Room::new().await;
        let first = room.world.person("", "analyst", "ines").await.entering();
        let second = room.world.person("", "analyst", "omar").await.entering();
        Self {
            room,
            first,
            second,
        }
    }

    async fn queue(&self) -> Vec<wire::QueuedAnalysis> {
        let request = wire::ListAnalysisQueueRequest::default();
        let queue = call!(self.room, &self.first, desk.list_analysis_queue(request));
        queue.unwrap().analyses
    }

    pub(super) async fn claim(&self, actor: &Actor, name: &str) -> Result<wire::Analysis, Status> {
        let request = wire::ClaimAnalysisRequest {
            name: name.into(),
            ..Default::default()
        };
        let claimed = call!(self.room, actor, desk.claim_analysis(request))?;
        Ok(claimed.analysis.unwrap())
    }

    pub(super) async fn submit(
        &self,
        actor: &Actor,
        name: &str,
        text: &str,
    ) -> Result<wire::Analysis, Status> {
        let request = answer_of(name, text);
        let submitted = call!(self.room, actor, desk.submit_analysis_result(request))?;
        Ok(submitted.analysis.unwrap())
    }

    pub(super) async fn ask_back(
        &self,
        actor: &Actor,
        name: &str,
    ) -> Result<wire::Analysis, Status> {
        let request = wire::AskBackAnalysisRequest {
            name: name.into(),
            text: "Which machine?".into(),
            request_id: "a".into(),
        };
        let back = call!(self.room, actor, desk.ask_back_analysis(request))?;
        Ok(back.analysis.unwrap())
    }

    pub(super) async fn release(
        &self,
        actor: &Actor,
        name: &str,
    ) -> Result<wire::Analysis, Status> {
        let request = wire::ReleaseAnalysisResultRequest {
            name: name.into(),
            ..Default::default()
        };
        let released = call!(self.room, actor, desk.release_analysis_result(request))?;
        Ok(released.analysis.unwrap())
    }
}

#[tokio::test]
async fn one_answers_and_another_releases() {
    let desk = Desk::new().await;
    let asked = desk.room.ask(human()).await.unwrap();
    assert_eq!(asked.state(), State::Submitted);
    assert!(desk.room.claim().await.is_none(), "no job answers it");
    let queue = desk.queue().await;
    assert_eq!(
        (queue.len(), queue[0].name.as_str()),
        (1, asked.name.as_str())
    );
    let claimed = desk.claim(&desk.first, &asked.name).await.unwrap();
    assert_eq!(claimed.state(), State::Running);
    let twice = desk.claim(&desk.second, &asked.name).await;
    assert_eq!(reason(twice), "FAILED_PRECONDITION");
    let by_another = desk.submit(&desk.second, &asked.name, "Yes.").await;
    assert_eq!(reason(by_another), "FAILED_PRECONDITION");
    let review = desk
        .submit(&desk.first, &asked.name, "Yes, at 23:10.")
        .await;
    assert_eq!(review.unwrap().state(), State::Review);
    // Nobody reads it before a second analyst has.
    let early = desk.room.get(&asked.name).await;
    assert_eq!((early.state(), early.result), (State::Review, None));
    let read = (asked.name.as_str(), Format::Json, "");
    let early = desk.room.download(&desk.room.responder, read).await;
    assert_eq!(reason(early), "FAILED_PRECONDITION");
    let own = desk.release(&desk.first, &asked.name).await;
    assert_eq!(reason(own), "FAILED_PRECONDITION");
    desk.room.download(&desk.second, read).await.unwrap();
    let back = wire::ReturnAnalysisResultRequest {
        name: asked.name.clone(),
        text: "Say which host.".into(),
    };
    let back = call!(desk.room, &desk.second, desk.return_analysis_result(back));
    let back = back.unwrap().analysis.unwrap();
    assert_eq!(
        (back.state(), back.review_note.as_str()),
        (State::Running, "Say which host.")
    );
    assert_eq!(desk.room.get(&asked.name).await.review_note, "");
    let answer = desk
        .submit(&desk.first, &asked.name, "Yes, hv-1, at 23:10.")
        .await;
    answer.unwrap();
    let released = desk.release(&desk.second, &asked.name).await.unwrap();
    assert_eq!(released.state(), State::Released);
    assert!(desk.queue().await.is_empty());
    let shown = desk.room.json(&asked.name).await;
    assert_eq!(
        shown["tables"][0]["rows"],
        json!([["Yes, hv-1, at 23:10."]])
    );
    assert_eq!(shown["tables"][1]["rows"], json!([["hv-1", "2025-12-31"]]));
    assert!(shown["remarks"].to_string().contains("console"));
    // Of the analysts the tenant learns that they are some.
    let told = desk.room.get(&asked.name).await;
    assert_eq!(told.result.unwrap().released_by, "an analyst");
    let again = wire::RerunAnalysisRequest {
        name: asked.name,
        ..Default::default()
    };
    let again = call!(
        desk.room,
        &desk.room.responder,
        analyses.rerun_analysis(again)
    );
    assert_eq!(reason(again), "FAILED_PRECONDITION");
}

#[tokio::test]
async fn an_answer_that_names_another_customer_is_not_released() {
    let desk = Desk::new().await;
    let asked = desk.room.ask(human()).await.unwrap();
    desk.claim(&desk.first, &asked.name).await.unwrap();
    let text = "Yes.\nSo was the one of account 222222222222, on the same host.";
    desk.submit(&desk.first, &asked.name, text).await.unwrap();
    let blocked = desk.release(&desk.second, &asked.name).await.unwrap_err();
    let told = blocked.message().to_owned();
    assert_eq!(reason::<()>(Err(blocked)), "FAILED_PRECONDITION");
    assert!(told.contains("\"222222222222\" at byte"), "{told}");
    assert_eq!(desk.room.get(&asked.name).await.state(), State::Review);
    let back = wire::ReturnAnalysisResultRequest {
        name: asked.name.clone(),
        text: "Leave others out.".into(),
    };
    call!(desk.room, &desk.second, desk.return_analysis_result(back)).unwrap();
    // Nor where a cell of a table has it on a line of its own, or what is said beside the answer.
    let mut request = answer_of(&asked.name, "Yes.");
    request.tables[0].csv = "host,patched\n\"hv-1\nglobex\t222222222222\",x\n".into();
    call!(desk.room, &desk.first, desk.submit_analysis_result(request)).unwrap();
    let blocked = desk.release(&desk.second, &asked.name).await.unwrap_err();
    let told = blocked.message().to_owned();
    assert!(
        told.contains("\"globex\"") && told.contains("\"222222222222\""),
        "{told}"
    );
    let back = wire::ReturnAnalysisResultRequest {
        name: asked.name.clone(),
        text: "Leave others out.".into(),
    };
    call!(desk.room, &desk.second, desk.return_analysis_result(back)).unwrap();
    let said = wire::AskBackAnalysisRequest {
        name: asked.name.clone(),
        text: "Is it the one that Globex has?".into(),
        request_id: String::new(),
    };
    let said = call!(desk.room, &desk.first, desk.ask_back_analysis(said));
    assert_eq!(reason(said), "FAILED_PRECONDITION");
    let own = "Yes: that of account 111111111111.";
    desk.submit(&desk.first, &asked.name, own).await.unwrap();
    let released = desk.release(&desk.second, &asked.name).await.unwrap();
    assert_eq!(released.state(), State::Released);
}

#[tokio::test]
async fn asking_back_hands_the_move_over_and_declining_ends_it() {
    let desk = Desk::new().await;
    let asked = desk.room.ask(human()).await.unwrap();
    desk.claim(&desk.first, &asked.name).await.unwrap();
    for _ in 0..2 {
        let back = desk.ask_back(&desk.first, &asked.name).await.unwrap();
        assert_eq!(back.pending_party(), wire::Party::Customer);
        assert_eq!(back.messages.len(), 1);
    }
    let seen = desk.room.get(&asked.name).await;
    assert_eq!(seen.messages[0].author, "an analyst");
    let reply = wire::ReplyToAnalysisRequest {
        name: asked.name.clone(),
        text: "i-0123".into(),
        request_id: String::new(),
    };
    let reply = call!(
        desk.room,
        &desk.room.responder,
        analyses.reply_to_analysis(reply)
    );
    let reply = reply.unwrap().analysis.unwrap();
    assert_eq!(reply.pending_party(), wire::Party::Provider);
    assert_eq!(reply.messages.len(), 2);
    let declined = wire::DeclineAnalysisRequest {
        name: asked.name.clone(),
        text: "We keep no such log.".into(),
        request_id: String::new(),
    };
    let declined = call!(desk.room, &desk.first, desk.decline_analysis(declined));
    let declined = declined.unwrap().analysis.unwrap();
    assert_eq!(declined.state(), State::Declined);
    assert_eq!(declined.failure.unwrap().message, "We keep no such log.");
    let late = desk.submit(&desk.first, &asked.name, "Yes.").await;
    assert_eq!(reason(late), "FAILED_PRECONDITION");
    // Staff who did not say why they enter, and a tenant's people, have no way to the desk.
    let unsaid = desk.room.world.member("", "analyst").await;
    assert_eq!(
        reason(desk.claim(&unsaid, &asked.name).await),
        "PERMISSION_DENIED"
    );
    let own = desk.claim(&desk.room.responder, &asked.name).await;
    assert_eq!(reason(own), "PERMISSION_DENIED");
}

#[tokio::test]
async fn what_is_handed_in_is_bounded() {
    let desk = Desk::new().await;
    let asked = desk.room.ask(human()).await.unwrap();
    desk.claim(&desk.first, &asked.name).await.unwrap();
    let good = answer_of(&asked.name, "Yes.");
    let submit = async |change: &dyn Fn(&mut wire::SubmitAnalysisResultRequest)| {
        let mut request = good.clone();
        change(&mut request);
        fields(call!(
            desk.room,
            &desk.first,
            desk.submit_analysis_result(request)
        ))
    };
    assert_eq!(
        submit(&|of| of.findings = String::new()).await,
        ["findings"]
    );
    assert_eq!(
        submit(&|of| of.findings = "x".repeat(65_537)).await,
        ["findings"]
    );
    assert_eq!(submit(&|of| of.method = String::new()).await, ["method"]);
    assert_eq!(
        submit(&|of| of.tables[0].name = "A b".into()).await,
        ["tables[0].name"]
    );
    assert_eq!(
        submit(&|of| of.tables[0].name = "findings".into()).await,
        ["tables[0].name"]
    );
    assert_eq!(
        submit(&|of| of.tables[0].csv = "a,b\n1\n".into()).await,
        ["tables[0].csv"]
    );
    let many = format!("a\n{}", "1\n".repeat(10_001));
    assert_eq!(
        submit(&|of| of.tables[0].csv = many.clone()).await,
        ["tables[0].csv"]
    );
    let long = "x".repeat((1 << 20) + 1);
    assert_eq!(
        submit(&|of| of.tables[0].csv = long.clone()).await,
        ["tables"]
    );
}
