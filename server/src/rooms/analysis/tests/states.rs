//! Answers over states of the events: what is signed of the pieces that were looked at, and what
//! becomes of an answer when these are kept otherwise, or not any more.

use cordon_kernel::TenantScope;
use cordon_kernel::db::segments::SegmentRow;
use cordon_lake::SealMode;

use super::*;

impl Room {
    fn upkeep(&self) -> TenantScope {
        let acme = "acme".parse().unwrap();
        let kernel = &self.world.kernel;
        kernel.maintenance_scope(&self.runner, &acme, "test").0
    }

    async fn seal(&self) {
        let sealed = self.lake.seal(&self.upkeep(), None, SealMode::All).await;
        assert!(sealed.unwrap().rows > 0);
    }

    /// What the catalogue has of acme's segments.
    async fn segments(&self) -> Vec<SegmentRow> {
        let db = self.world.kernel.db();
        let snapshot = db.snapshot(&self.upkeep()).await.unwrap();
        snapshot.segments.to_vec()
    }

    /// The result of the same question again.
    async fn again(&self, name: &str) -> wire::AnalysisResult {
        let request = wire::RerunAnalysisRequest {
            name: name.to_owned(),
            ..Default::default()
        };
        let again = call!(self, &self.responder, analyses.rerun_analysis(request));
        self.answer_all().await;
        let again = self.get(&again.unwrap().analysis.unwrap().name).await;
        assert_eq!(again.state(), State::Released, "{again:?}");
        again.result.unwrap()
    }
}

#[tokio::test]
async fn what_is_signed_names_the_segments_of_the_catalogue_by_their_hashes() {
    let mut room = Room::new().await;
    room.send(vec![
        record(1, 0, "StopLogging"),
        record(2, 5, "DeleteTrail"),
    ])
    .await;
    room.seal().await;
    room.send(vec![record(3, 9, "StartLogging")]).await;
    let answered = room.answered(pivot(ANA)).await;
    let signed = room.signed(&answered.name).await;
    let inputs = &signed["predicate"]["inputs"];
    let kept = room.segments().await;
    assert_eq!(kept.len(), 1);
    let wanted: Vec<Value> = kept
        .iter()
        .map(|row| {
            json!({
                "id": row.id.hyphenated().to_string(),
                "blake3": hex::encode(row.object_hash),
                "rows": row.rows,
            })
        })
        .collect();
    assert_eq!(inputs["segments"], json!(wanted));
    assert_eq!(
        (&inputs["head"], &inputs["unsealed"]),
        (&json!(3), &json!([3, 3]))
    );
    // Once all is sealed, nothing is beside the segments.
    room.seal().await;
    let answered = room.answered(pivot(ANA)).await;
    let signed = room.signed(&answered.name).await;
    let inputs = &signed["predicate"]["inputs"];
    let told = inputs["segments"].as_array().unwrap().iter();
    let told: Vec<&str> = told.map(|one| one["blake3"].as_str().unwrap()).collect();
    let kept = room.segments().await;
    let hashes: Vec<String> = kept
        .iter()
        .map(|row| hex::encode(row.object_hash))
        .collect();
    assert_eq!(told, hashes);
    assert!(inputs.get("unsealed").is_none(), "{inputs}");
}

#[tokio::test]
async fn an_answer_stays_the_same_however_the_events_are_kept_and_not_without_them() {
    let mut room = Room::new().await;
    room.send(vec![
        record(1, 0, "StopLogging"),
        record(2, 5, "DeleteTrail"),
    ])
    .await;
    let first = room.answered(pivot(ANA)).await;
    let query = "SELECT operation, event_id FROM events ORDER BY event_id";
    let queried = room.answered(sql(query)).await;
    let same = async |room: &Room| {
        for one in [&first, &queried] {
            let result = room.again(&one.name).await;
            assert_eq!(result.identical, Some(true), "{result:?}");
            assert_eq!(result.head_sequence, 2);
        }
    };
    room.seal().await;
    same(&room).await;
    // More comes, in a segment each, until these are made one.
    let mut before = room.segments().await.len();
    for id in 3..20 {
        room.send(vec![record(id, id, "StartLogging")]).await;
        room.seal().await;
        let after = room.segments().await.len();
        if after < before {
            break;
        }
        before = after;
    }
    assert_eq!(room.segments().await.len(), 1);
    same(&room).await;
    // What retention has removed is the difference that it is.
    let later = room.world.kernel.env().now() + SignedDuration::from_secs(1);
    let gone = room.lake.expire(&room.upkeep(), None, later).await;
    assert!(gone.unwrap() > 2);
    for one in [&first, &queried] {
        let result = room.again(&one.name).await;
        assert_eq!(result.identical, Some(false), "{result:?}");
    }
}
