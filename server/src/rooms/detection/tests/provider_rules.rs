//! The provider's rules: found by in every tenant, tuned by each for itself, and told to nobody else.

use super::*;

impl Room {
    async fn publish(
        &self,
        request: wire::CreateProviderRuleRequest,
    ) -> Result<wire::ProviderRule, Status> {
        let made = call!(
            self,
            &self.world.operator,
            provider.create_provider_rule(request)
        )?;
        Ok(made.provider_rule.unwrap())
    }

    async fn republish(
        &self,
        rule: wire::ProviderRule,
        paths: &[&str],
    ) -> Result<wire::ProviderRule, Status> {
        let request = wire::UpdateProviderRuleRequest {
            provider_rule: Some(rule),
            update_mask: Some(prost_types::FieldMask {
                paths: paths.iter().map(|&path| path.to_owned()).collect(),
            }),
            ..Default::default()
        };
        let changed = call!(
            self,
            &self.world.operator,
            provider.update_provider_rule(request)
        )?;
        Ok(changed.provider_rule.unwrap())
    }

    async fn withdraw(&self, name: &str) {
        let request = wire::DeleteProviderRuleRequest {
            name: name.to_owned(),
            ..Default::default()
        };
        let done = call!(
            self,
            &self.world.operator,
            provider.delete_provider_rule(request)
        );
        done.unwrap();
    }

    /// The rule as a tenant's people have it.
    async fn rule_of(&self, actor: &Actor, tenant: &str, rule: &str) -> wire::Rule {
        let request = wire::GetRuleRequest {
            name: rule.replace("providerRules/", &format!("tenants/{tenant}/rules/")),
        };
        call!(self, actor, rules.get_rule(request))
            .unwrap()
            .rule
            .unwrap()
    }
}

fn publishing(text: &str) -> wire::CreateProviderRuleRequest {
    wire::CreateProviderRuleRequest {
        provider_rule: Some(wire::ProviderRule {
            text: text.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The same call in globex' account.
fn theirs(id: u32, second: u32, operation: &str) -> Value {
    let mut record = record(id, second, operation);
    record["userIdentity"]["accountId"] = json!("222222222222");
    record["userIdentity"]["arn"] = json!("arn:aws:iam::222222222222:user/bob");
    record["recipientAccountId"] = json!("222222222222");
    record
}

#[tokio::test]
async fn each_tenant_is_told_of_its_own_and_says_for_itself_how_a_rule_works() {
    let mut room = Room::new().await;
    let globex = room.world.member("tenants/globex", "responder").await;
    // What was there before is nothing for it.
    room.send(vec![record(1, 0, "StopLogging")]).await;
    let published = room.publish(publishing(STOPPED)).await.unwrap();
    assert_eq!((published.version, published.enabled), (1, true));
    assert_eq!(published.title, "Logging stopped");
    room.send(vec![
        record(2, 1, "StopLogging"),
        theirs(3, 2, "StopLogging"),
        theirs(4, 3, "StopLogging"),
    ])
    .await;
    room.look().await;
    let (mine, other) = (room.found().await, room.found_of(&globex, "globex").await);
    assert_eq!((mine.len(), mine[0].count), (1, 1));
    assert_eq!((other.len(), other[0].count), (1, 2));
    assert_ne!(mine[0].dedup_key, other[0].dedup_key);
    let rule = room.rule_of(&room.responder, "acme", &published.name).await;
    assert_eq!(mine[0].rule, rule.name);
    assert_eq!(rule.origin(), wire::Origin::Provider);
    assert_eq!(
        (rule.text.as_str(), rule.updated_by.as_str()),
        (STOPPED, "")
    );
    // Its test is of the tenant's own past.
    let named = wire::TestRuleRequest {
        rule: Some(wire::test_rule_request::Rule::Name(rule.name.clone())),
        ..Default::default()
    };
    assert_eq!(room.test(named).await.unwrap().0.len(), 2);

    // One tenant takes somebody out; nothing changes for the other.
    let before = room.rule_of(&globex, "globex", &published.name).await;
    let excepting = wire::Rule {
        exceptions: vec!["actor LIKE '%/ana'".into()],
        ..rule.clone()
    };
    let tuned = room.change(excepting, &["exceptions"]).await.unwrap();
    assert_eq!((tuned.version, tuned.exceptions.len()), (1, 1));
    assert!(!tuned.updated_by.is_empty());
    assert_ne!(tuned.etag, rule.etag);
    assert_eq!(
        room.rule_of(&room.responder, "acme", &published.name).await,
        tuned
    );
    assert_eq!(
        room.rule_of(&globex, "globex", &published.name).await,
        before
    );
    room.send(vec![
        record(5, 4, "StopLogging"),
        theirs(6, 5, "StopLogging"),
    ])
    .await;
    room.look().await;
    assert_eq!(room.found().await[0].count, 1);
    assert_eq!(room.found_of(&globex, "globex").await[0].count, 3);

    // It is the provider's text, and the provider's to withdraw.
    let rewritten = wire::Rule {
        text: FAILURES.into(),
        ..tuned.clone()
    };
    assert_eq!(
        fields(room.change(rewritten, &["text"]).await),
        ["update_mask"]
    );
    let request = wire::DeleteRuleRequest {
        name: tuned.name.clone(),
        ..Default::default()
    };
    let deleted = call!(room, &room.responder, rules.delete_rule(request));
    assert_eq!(reason(deleted), "FAILED_PRECONDITION");
    // What the provider changes is noticed by who has read the rule before.
    let newer = wire::ProviderRule {
        text: STOPPED.replace("DeleteTrail", "PutEventSelectors"),
        ..published.clone()
    };
    let newer = room.republish(newer, &["text"]).await.unwrap();
    assert_eq!(newer.version, 2);
    let stale = wire::Rule {
        enabled: false,
        ..tuned.clone()
    };
    assert_eq!(
        reason(room.change(stale, &["enabled"]).await),
        "ETAG_MISMATCH"
    );
    let seen = room.rule_of(&room.responder, "acme", &published.name).await;
    assert_eq!((seen.version, seen.exceptions.len()), (2, 1));
    room.send(vec![theirs(7, 6, "PutEventSelectors")]).await;
    room.look().await;
    let other = room.found_of(&globex, "globex").await;
    assert_eq!(other.iter().map(|one| one.count).sum::<i64>(), 4);
    let request = wire::ListRuleVersionsRequest {
        parent: seen.name.clone(),
    };
    let versions = call!(room, &room.responder, rules.list_rule_versions(request))
        .unwrap()
        .versions;
    assert_eq!(versions.len(), 2);
    assert!(versions.iter().all(|version| version.created_by.is_empty()));

    room.withdraw(&published.name).await;
    let request = wire::GetRuleRequest { name: seen.name };
    let gone = call!(room, &room.responder, rules.get_rule(request));
    assert_eq!(reason(gone), "NOT_FOUND");
    room.send(vec![theirs(8, 7, "PutEventSelectors")]).await;
    room.look().await;
    assert_eq!(room.found_of(&globex, "globex").await, other);
    // What the tenant said of it is forgotten, once.
    let tenant = "acme".parse().unwrap();
    let kernel = &room.world.kernel;
    let (scope, permit) = kernel.maintenance_scope(&room.runner, &tenant, "sweep");
    super::super::sweep(kernel, &scope, &permit).await.unwrap();
    let mut read = kernel.db().tenant_read(&scope).await.unwrap();
    let left = super::super::rules::has_withdrawn(read.conn(), "acme").await;
    assert!(!left.unwrap());
}

#[tokio::test]
async fn a_tenant_switches_a_rule_off_and_another_on_for_itself() {
    let mut room = Room::new().await;
    let globex = room.world.member("tenants/globex", "responder").await;
    let on = room.publish(publishing(STOPPED)).await.unwrap();
    let quiet = wire::CreateProviderRuleRequest {
        disabled: true,
        ..publishing(FAILURES)
    };
    let quiet = room.publish(quiet).await.unwrap();
    assert!(!quiet.enabled);
    let own = room.create(STOPPED).await.unwrap();
    let request = wire::ListRulesRequest {
        parent: "tenants/acme".into(),
        page_size: 2,
        ..Default::default()
    };
    let first = call!(room, &room.responder, rules.list_rules(request.clone())).unwrap();
    let request = wire::ListRulesRequest {
        page_token: first.next_page_token,
        ..request
    };
    let second = call!(room, &room.responder, rules.list_rules(request)).unwrap();
    assert_eq!(second.next_page_token, "");
    let origins: Vec<wire::Origin> = first
        .rules
        .iter()
        .chain(&second.rules)
        .map(wire::Rule::origin)
        .collect();
    assert_eq!(origins.len(), 3);
    let owned = origins.iter().filter(|one| **one == wire::Origin::Own);
    assert_eq!(owned.count(), 1);
    let request = wire::DeleteRuleRequest {
        name: own.name,
        ..Default::default()
    };
    call!(room, &room.responder, rules.delete_rule(request)).unwrap();

    let mine = room.rule_of(&room.responder, "acme", &on.name).await;
    let off = wire::Rule {
        enabled: false,
        ..mine
    };
    room.change(off, &["enabled"]).await.unwrap();
    room.send(vec![
        record(1, 0, "StopLogging"),
        theirs(2, 1, "StopLogging"),
    ])
    .await;
    room.look().await;
    assert_eq!(room.found().await, []);
    assert_eq!(room.found_of(&globex, "globex").await.len(), 1);
    // Who has switched off what there is costs nothing until there is something else.
    room.send(vec![record(3, 2, "StopLogging")]).await;
    assert!(room.claim().await.is_none());

    // The provider's word for all others does not move it, and one that is off for all is on for who
    // says so.
    let denied = |id, second| with(record(id, second, "ListUsers"), "errorCode", "AccessDenied");
    let wanted = room.rule_of(&room.responder, "acme", &quiet.name).await;
    assert!(!wanted.enabled);
    let wanted = wire::Rule {
        enabled: true,
        ..wanted
    };
    room.change(wanted, &["enabled"]).await.unwrap();
    room.send(vec![denied(4, 10), denied(5, 11)]).await;
    room.look().await;
    room.sets = RuleSets::default();
    room.send(vec![denied(6, 12), record(7, 13, "StopLogging")])
        .await;
    room.look().await;
    let found = room.found().await;
    assert_eq!((found.len(), found[0].count), (1, 3));
    assert_eq!(found[0].title, "Many failures");
    let off_for_all = wire::ProviderRule {
        enabled: false,
        ..on.clone()
    };
    room.republish(off_for_all, &["enabled"]).await.unwrap();
    room.send(vec![theirs(8, 14, "StopLogging")]).await;
    room.look().await;
    assert_eq!(room.found_of(&globex, "globex").await[0].count, 1);
}

#[tokio::test]
async fn publishing_is_for_operators_and_names_no_customer() {
    let room = Room::new().await;
    let naming = STOPPED.replace("title: Logging stopped", "title: Logging stopped at globex");
    assert_eq!(
        fields(room.publish(publishing(&naming)).await),
        ["provider_rule.text"]
    );
    let broken = STOPPED.replace("eventName:", "eventName|contian:");
    assert_eq!(
        reason(room.publish(publishing(&broken)).await),
        "INVALID_RULE"
    );
    let request = wire::CreateProviderRuleRequest {
        request_id: "once".into(),
        ..publishing(STOPPED)
    };
    let first = room.publish(request.clone()).await.unwrap();
    let again = room.publish(request.clone()).await.unwrap();
    assert_eq!(first, again);
    let other = wire::CreateProviderRuleRequest {
        disabled: true,
        ..request
    };
    assert_eq!(reason(room.publish(other).await), "ALREADY_EXISTS");
    let stale = wire::ProviderRule {
        etag: "other".into(),
        ..first.clone()
    };
    assert_eq!(
        reason(room.republish(stale, &["enabled"]).await),
        "ETAG_MISMATCH"
    );
    let request = wire::ListProviderRulesRequest::default();
    let listed = call!(
        room,
        &room.world.operator,
        provider.list_provider_rules(request)
    );
    let listed = listed.unwrap().provider_rules;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].name.as_str(), listed[0].text.as_str()),
        (first.name.as_str(), "")
    );
    let admin = room.world.member("tenants/acme", "admin").await;
    for actor in [&admin, &room.responder] {
        let made = call!(
            room,
            actor,
            provider.create_provider_rule(publishing(STOPPED))
        );
        assert_eq!(reason(made), "PERMISSION_DENIED");
        let request = wire::GetProviderRuleRequest {
            name: first.name.clone(),
        };
        let got = call!(room, actor, provider.get_provider_rule(request));
        assert_eq!(reason(got), "PERMISSION_DENIED");
    }
}
