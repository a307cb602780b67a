//! The fake's rules and findings: it notes what it is asked and answers with it.

use std::collections::HashMap;

use cordon_proto::detection as wire;
use cordon_proto::detection::findings_service_server::FindingsService;
use cordon_proto::detection::provider_rules_service_server::ProviderRulesService;
use cordon_proto::detection::rules_service_server::RulesService;
use cordon_proto::incidents;
use cordon_proto::incidents::detection_policy_service_server::DetectionPolicyService;
use futures::{StreamExt as _, stream};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::incidents::TIME;
use super::{Answers, Service};

type Answer<T> = Result<Response<T>, Status>;

/// The id of the first rule and of each finding; the second rule's ends in 2.
pub(crate) const ID: &str = "0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f1";

fn rule(name: String, text: String, title: &str) -> wire::Rule {
    wire::Rule {
        name,
        text,
        enabled: true,
        exceptions: vec!["actor = 'old'".to_owned()],
        // Of a newer server.
        level: 77,
        origin: wire::Origin::Own.into(),
        version: 2,
        title: title.to_owned(),
        techniques: vec!["T1562.008".to_owned()],
        filters: vec!["operation = 'StopLogging'".to_owned()],
        create_time: TIME,
        update_time: TIME,
        updated_by: "jane".to_owned(),
        etag: "e1".to_owned(),
        ..wire::Rule::default()
    }
}

pub(crate) fn finding(sequence: i64) -> wire::Finding {
    wire::Finding {
        name: format!("tenants/acme/findings/{ID}"),
        sequence,
        title: "A trail\u{1b}[2J was stopped".to_owned(),
        rule: format!("tenants/acme/rules/{ID}"),
        rule_version: 2,
        level: wire::Level::High.into(),
        // Of a newer server.
        status: 99,
        techniques: vec!["T1562.008".to_owned()],
        count: sequence,
        events: vec!["tenants/acme/events/000102030405060708090a0b0c0d0e0f".to_owned()],
        actor: "example".to_owned(),
        start_time: TIME,
        end_time: TIME,
        create_time: TIME,
        update_time: TIME,
        etag: "e1".to_owned(),
        ocsf_json: "{\"class_uid\":2004,\"message\":\"\u{9b}\"}".to_owned(),
        ..wire::Finding::default()
    }
}

/// A rule is understood when it has a title; what is wrong stands on its second line.
fn title(text: &str) -> Result<String, Status> {
    let title = text.lines().find_map(|line| line.strip_prefix("title: "));
    title.map(str::to_owned).ok_or_else(|| {
        let place = [("line", "2"), ("column", "3")];
        let place = place.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut details = ErrorDetails::new();
        details.set_error_info("INVALID_RULE", "cordon", HashMap::from(place));
        let message = "line 2, column 3: expected a title\u{1b}[2J";
        Status::with_error_details(Code::InvalidArgument, message, details)
    })
}

#[tonic::async_trait]
impl RulesService for Service {
    type TestRuleStream = Answers<wire::TestRuleResponse>;

    async fn create_rule(
        &self,
        request: Request<wire::CreateRuleRequest>,
    ) -> Answer<wire::CreateRuleResponse> {
        let asked = self.incident(
            "create_rule",
            request,
            |asked| &asked.request_id,
            |asked| {
                let said = asked.rule.clone().unwrap();
                format!("{} {:?} {}", asked.parent, said.text, asked.disabled)
            },
        )?;
        let text = asked.rule.unwrap().text;
        let title = title(&text)?;
        let name = format!("{}/rules/{ID}", asked.parent);
        let rule = Some(rule(name, text, &title));
        Ok(Response::new(wire::CreateRuleResponse { rule }))
    }

    async fn get_rule(
        &self,
        request: Request<wire::GetRuleRequest>,
    ) -> Answer<wire::GetRuleResponse> {
        let asked = self.incident("get_rule", request, |_| "", |asked| asked.name.clone())?;
        let text = "title: Trail stopped\ndetection: {}\n".to_owned();
        let rule = Some(rule(asked.name, text, "Trail stopped"));
        Ok(Response::new(wire::GetRuleResponse { rule }))
    }

    async fn list_rules(
        &self,
        request: Request<wire::ListRulesRequest>,
    ) -> Answer<wire::ListRulesResponse> {
        let asked = self.incident(
            "list_rules",
            request,
            |_| "",
            |asked| format!("{} {} {}", asked.parent, asked.page_size, asked.page_token),
        )?;
        // Two pages, of a rule each.
        let (id, title, next) = match asked.page_token.as_str() {
            "" => (ID.to_owned(), "Trail stopped", "two"),
            _ => (ID.replace("f1", "f2"), "Trail deleted", ""),
        };
        let name = format!("{}/rules/{id}", asked.parent);
        Ok(Response::new(wire::ListRulesResponse {
            rules: vec![rule(name, String::new(), title)],
            next_page_token: next.to_owned(),
        }))
    }

    async fn update_rule(
        &self,
        request: Request<wire::UpdateRuleRequest>,
    ) -> Answer<wire::UpdateRuleResponse> {
        let asked = self.incident(
            "update_rule",
            request,
            |asked| &asked.request_id,
            |asked| {
                let said = asked.rule.clone().unwrap();
                let mask = asked.update_mask.clone().unwrap().paths;
                format!(
                    "{} {mask:?} {:?} {} {:?} {} {:?}",
                    said.name,
                    said.text,
                    said.enabled,
                    said.exceptions,
                    said.muted_until.is_some(),
                    said.etag
                )
            },
        )?;
        let said = asked.rule.unwrap();
        if !said.text.is_empty() {
            title(&said.text)?;
        }
        let rule = Some(rule(said.name, said.text, "Trail stopped"));
        Ok(Response::new(wire::UpdateRuleResponse { rule }))
    }

    async fn delete_rule(
        &self,
        request: Request<wire::DeleteRuleRequest>,
    ) -> Answer<wire::DeleteRuleResponse> {
        self.incident(
            "delete_rule",
            request,
            |asked| &asked.request_id,
            |asked| format!("{} {:?}", asked.name, asked.etag),
        )?;
        Ok(Response::new(wire::DeleteRuleResponse {}))
    }

    async fn list_rule_versions(
        &self,
        request: Request<wire::ListRuleVersionsRequest>,
    ) -> Answer<wire::ListRuleVersionsResponse> {
        self.incident("versions", request, |_| "", |asked| asked.parent.clone())?;
        let version = |version| wire::RuleVersion {
            version,
            text: format!("title: Version {version}\n"),
            create_time: TIME,
            created_by: "jane".to_owned(),
        };
        Ok(Response::new(wire::ListRuleVersionsResponse {
            versions: vec![version(2), version(1)],
        }))
    }

    async fn test_rule(
        &self,
        request: Request<wire::TestRuleRequest>,
    ) -> Answer<Self::TestRuleStream> {
        let asked = self.incident(
            "test_rule",
            request,
            |_| "",
            |asked| {
                let seconds = |time: Option<prost_types::Timestamp>| time.map(|time| time.seconds);
                format!(
                    "{} {:?} {:?} {:?} {} {}",
                    asked.parent,
                    asked.rule.clone().unwrap(),
                    seconds(asked.start_time),
                    seconds(asked.end_time),
                    asked.max_hits,
                    asked.view().as_str_name()
                )
            },
        )?;
        if let Some(wire::test_rule_request::Rule::Text(text)) = &asked.rule {
            title(text)?;
        }
        let answers = self.0.rule_tests.lock().unwrap().pop_front();
        let answers = answers.unwrap_or_else(|| vec![Ok(end(0, false))]);
        Ok(Response::new(stream::iter(answers).boxed()))
    }
}

/// The end of a test.
pub(crate) fn end(hit_count: i64, cut: bool) -> wire::TestRuleResponse {
    let summary = wire::RuleTestSummary {
        hit_count,
        cut,
        filters: vec!["operation = 'StopLogging'".to_owned()],
    };
    wire::TestRuleResponse {
        result: Some(wire::test_rule_response::Result::Summary(summary)),
    }
}

#[tonic::async_trait]
impl FindingsService for Service {
    type WatchFindingsStream = Answers<wire::WatchFindingsResponse>;

    async fn get_finding(
        &self,
        request: Request<wire::GetFindingRequest>,
    ) -> Answer<wire::GetFindingResponse> {
        self.incident("get_finding", request, |_| "", |asked| asked.name.clone())?;
        let finding = Some(finding(3));
        Ok(Response::new(wire::GetFindingResponse { finding }))
    }

    async fn list_findings(
        &self,
        request: Request<wire::ListFindingsRequest>,
    ) -> Answer<wire::ListFindingsResponse> {
        let asked = self.incident(
            "list_findings",
            request,
            |_| "",
            |asked| {
                format!(
                    "{} {:?} {} {} {}",
                    asked.parent,
                    asked.statuses,
                    asked.min_level,
                    asked.page_size,
                    asked.page_token
                )
            },
        )?;
        let (sequence, next) = match asked.page_token.as_str() {
            "" => (4, "two"),
            _ => (3, ""),
        };
        Ok(Response::new(wire::ListFindingsResponse {
            findings: vec![finding(sequence)],
            next_page_token: next.to_owned(),
        }))
    }

    async fn update_finding(
        &self,
        request: Request<wire::UpdateFindingRequest>,
    ) -> Answer<wire::UpdateFindingResponse> {
        let asked = self.incident(
            "update_finding",
            request,
            |asked| &asked.request_id,
            |asked| {
                let status = asked.status().as_str_name();
                format!(
                    "{} {status} {:?} {:?}",
                    asked.name, asked.comment, asked.etag
                )
            },
        )?;
        let changed = wire::Finding {
            status: asked.status,
            comment: asked.comment,
            updated_by: "jane".to_owned(),
            ..finding(5)
        };
        let finding = Some(changed);
        Ok(Response::new(wire::UpdateFindingResponse { finding }))
    }

    async fn watch_findings(
        &self,
        request: Request<wire::WatchFindingsRequest>,
    ) -> Answer<Self::WatchFindingsStream> {
        self.incident(
            "watch_findings",
            request,
            |_| "",
            |asked| format!("{} {:?}", asked.parent, asked.cursor),
        )?;
        let answers = self.0.finding_watches.lock().unwrap().pop_front();
        Ok(Response::new(match answers {
            Some(answers) => stream::iter(answers).boxed(),
            None => stream::pending().boxed(),
        }))
    }
}

fn provider_rule(text: String, enabled: bool) -> wire::ProviderRule {
    wire::ProviderRule {
        name: format!("providerRules/{ID}"),
        text,
        enabled,
        etag: "e1".to_owned(),
        ..wire::ProviderRule::default()
    }
}

#[tonic::async_trait]
impl ProviderRulesService for Service {
    async fn create_provider_rule(
        &self,
        request: Request<wire::CreateProviderRuleRequest>,
    ) -> Answer<wire::CreateProviderRuleResponse> {
        let asked = self.incident(
            "create_provider_rule",
            request,
            |asked| &asked.request_id,
            |asked| asked.disabled.to_string(),
        )?;
        let text = asked.provider_rule.unwrap_or_default().text;
        Ok(Response::new(wire::CreateProviderRuleResponse {
            provider_rule: Some(provider_rule(text, !asked.disabled)),
        }))
    }

    async fn get_provider_rule(
        &self,
        request: Request<wire::GetProviderRuleRequest>,
    ) -> Answer<wire::GetProviderRuleResponse> {
        self.incident(
            "get_provider_rule",
            request,
            |_| "",
            |asked| asked.name.clone(),
        )?;
        Ok(Response::new(wire::GetProviderRuleResponse {
            provider_rule: Some(provider_rule("title: a".to_owned(), true)),
        }))
    }

    async fn list_provider_rules(
        &self,
        request: Request<wire::ListProviderRulesRequest>,
    ) -> Answer<wire::ListProviderRulesResponse> {
        self.incident(
            "list_provider_rules",
            request,
            |_| "",
            |asked| format!("{} {}", asked.page_size, asked.page_token),
        )?;
        Ok(Response::new(wire::ListProviderRulesResponse {
            provider_rules: vec![provider_rule(String::new(), true)],
            next_page_token: String::new(),
        }))
    }

    async fn update_provider_rule(
        &self,
        request: Request<wire::UpdateProviderRuleRequest>,
    ) -> Answer<wire::UpdateProviderRuleResponse> {
        let asked = self.incident(
            "update_provider_rule",
            request,
            |asked| &asked.request_id,
            |asked| {
                let rule = asked.provider_rule.clone().unwrap_or_default();
                let paths = asked.update_mask.clone().unwrap_or_default().paths;
                format!("{} {paths:?} {:?}", rule.name, rule.etag)
            },
        )?;
        let rule = asked.provider_rule.unwrap_or_default();
        Ok(Response::new(wire::UpdateProviderRuleResponse {
            provider_rule: Some(provider_rule(rule.text, rule.enabled)),
        }))
    }

    async fn delete_provider_rule(
        &self,
        request: Request<wire::DeleteProviderRuleRequest>,
    ) -> Answer<wire::DeleteProviderRuleResponse> {
        self.incident(
            "delete_provider_rule",
            request,
            |asked| &asked.request_id,
            |asked| format!("{} {:?}", asked.name, asked.etag),
        )?;
        Ok(Response::new(wire::DeleteProviderRuleResponse {}))
    }
}

#[tonic::async_trait]
impl DetectionPolicyService for Service {
    async fn get_detection_policy(
        &self,
        request: Request<incidents::GetDetectionPolicyRequest>,
    ) -> Answer<incidents::GetDetectionPolicyResponse> {
        let asked = self.incident("get_policy", request, |_| "", |asked| asked.name.clone())?;
        Ok(Response::new(incidents::GetDetectionPolicyResponse {
            detection_policy: Some(incidents::DetectionPolicy {
                name: asked.name,
                max_incidents_per_hour: 10,
                ..incidents::DetectionPolicy::default()
            }),
        }))
    }

    async fn update_detection_policy(
        &self,
        request: Request<incidents::UpdateDetectionPolicyRequest>,
    ) -> Answer<incidents::UpdateDetectionPolicyResponse> {
        let asked = self.incident(
            "update_policy",
            request,
            |asked| &asked.request_id,
            |asked| {
                let policy = asked.detection_policy.clone().unwrap_or_default();
                let paths = asked.update_mask.clone().unwrap_or_default().paths;
                format!("{} {paths:?} {:?}", policy.name, policy.etag)
            },
        )?;
        Ok(Response::new(incidents::UpdateDetectionPolicyResponse {
            detection_policy: asked.detection_policy,
        }))
    }
}
