//! The one table of who may do what, and by which way. Its print-out, `policy.golden.txt`, is
//! reviewed like code: a change here that is not also made there fails the tests.

use std::fmt::Write as _;

use super::action::Action;
use super::principal::Role;

/// By which way an action is reached, and so which scope comes with its permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Any authenticated principal, about its own credential: [`SelfScope`](super::SelfScope).
    Own,
    /// A tenant's people, in their tenant: [`TenantScope`](super::TenantScope).
    Tenant,
    /// Staff who entered a tenant with a justification: [`TenantScope`](super::TenantScope).
    Entered,
    /// Staff, in the provider's registers: [`ProviderScope`](super::ProviderScope).
    Provider,
    /// A source for itself, an operator for any: [`IngestScope`](super::IngestScope).
    Ingest,
    /// The server itself.
    System,
}

impl Reach {
    /// The word for it in the golden file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Tenant => "tenant",
            Self::Entered => "entered",
            Self::Provider => "provider",
            Self::Ingest => "ingest",
            Self::System => "system",
        }
    }
}

const EVERYONE: &[Role] = &[
    Role::Reader,
    Role::Responder,
    Role::Admin,
    Role::Operator,
    Role::Analyst,
    Role::Auditor,
    Role::SlaReporter,
    Role::Source,
];
const CUSTOMER: &[Role] = &[Role::Reader, Role::Responder, Role::Admin];
const HANDLERS: &[Role] = &[Role::Responder, Role::Admin];
const AGREED: &[Role] = &[
    Role::Operator,
    Role::Analyst,
    Role::Auditor,
    Role::SlaReporter,
];
const REPORTERS: &[Role] = &[Role::Operator, Role::Auditor, Role::SlaReporter];
const NOTED: &[Role] = &[Role::Analyst, Role::Auditor];
const QUEUES: &[Role] = &[Role::Operator, Role::Analyst, Role::Auditor];
const ADMIN: &[Role] = &[Role::Admin];
const OPERATOR: &[Role] = &[Role::Operator];
const REGISTRARS: &[Role] = &[Role::Operator, Role::Auditor];
const ANALYST: &[Role] = &[Role::Analyst];
const AUDITOR: &[Role] = &[Role::Auditor];
const SENDERS: &[Role] = &[Role::Operator, Role::Source];
const SYSTEM: &[Role] = &[Role::System];

/// The table: per action, which roles reach it by which way. What is not here is refused. The
/// match is exhaustive, so a new action does not compile before someone decides.
const fn table(action: Action) -> &'static [(Reach, &'static [Role])] {
    use Action as A;
    use Reach as R;
    match action {
        A::IssueToken | A::RenewCredential | A::GetSigningKeys | A::WhoAmI => &[(R::Own, EVERYONE)],
        A::CreateTenant
        | A::UpdateTenant
        | A::SuspendTenant
        | A::ResumeTenant
        | A::DeleteTenant
        | A::UndeleteTenant
        | A::CreateLegalHold
        | A::ReleaseLegalHold
        | A::RotateTenantKey
        | A::CreateAccount
        | A::DeleteAccount
        | A::ImportResources
        | A::DeleteResource
        | A::CreateAddressRange
        | A::DeleteAddressRange
        | A::CreateSource
        | A::DeleteSource
        | A::RecordPlacements
        | A::AnnounceHostWork
        | A::CreateFact
        | A::UpdateFact
        | A::WithdrawFact
        | A::CreateService
        | A::DeleteService => &[(R::Provider, OPERATOR)],
        A::ListTenants | A::ListAddressRanges | A::GetDeletionCertificate | A::ListHostWork => {
            &[(R::Provider, REGISTRARS)]
        }
        A::GetTenant
        | A::ListLegalHolds
        | A::ListKeyRotations
        | A::ListAccounts
        | A::ListResources
        | A::ListSources
        | A::ListCredentials => &[(R::Tenant, ADMIN), (R::Provider, REGISTRARS)],
        A::IssueCredential | A::RevokeCredential => &[(R::Tenant, ADMIN), (R::Provider, OPERATOR)],
        // What the provider states and has registered itself: staff need no reason to read it.
        A::GetFact | A::ListFacts | A::ListFactVersions | A::ListServices => {
            &[(R::Tenant, CUSTOMER), (R::Provider, QUEUES)]
        }
        A::EnterTenant => &[(R::Entered, ANALYST), (R::Entered, AUDITOR)],
        A::IngestEvents | A::ReportWatermark => &[(R::Ingest, SENDERS)],
        A::ListDeadLetters => &[(R::Provider, OPERATOR)],
        // Read as the provider's, stored anew as the source's.
        A::ReplayDeadLetters => &[(R::Provider, OPERATOR), (R::Ingest, OPERATOR)],
        A::SearchEvents
        | A::WatchEvents
        | A::GetEvent
        | A::ExportEvents
        | A::ExplainEvent
        | A::CountEvents
        | A::ListDataSources
        | A::RecommendSources
        | A::GetCoverage => &[(R::Tenant, CUSTOMER), (R::Entered, ANALYST)],
        A::GetEventOriginal => &[(R::Entered, ANALYST)],
        A::CreateIncident
        | A::UpdateIncident
        | A::MoveIncident
        | A::ReclassifyIncident
        | A::HandOverIncident
        | A::SetCleanStateCriteria
        | A::SignOffCleanState
        | A::CloseIncident
        | A::ReopenIncident
        | A::CreateComment
        | A::UpdateComment
        | A::RecordReportingFact
        | A::CreateTask
        | A::HandOverTask
        | A::CompleteTask
        | A::CancelTask
        | A::ReopenTask
        | A::UpdateFinding
        | A::CreateAttachment
        | A::UploadAttachment
        | A::FinishAttachment
        | A::CreateLink
        | A::DeleteLink => &[(R::Tenant, HANDLERS), (R::Entered, ANALYST)],
        A::GetIncident
        | A::ListIncidents
        | A::ListComments
        | A::ListTimelineEntries
        | A::WatchIncidents
        | A::GetRule
        | A::ListRules
        | A::ListRuleVersions
        | A::TestRule
        | A::GetFinding
        | A::GetBaselines
        | A::GetContextEntry
        | A::ListContextEntries
        | A::ListFindings
        | A::WatchFindings
        | A::GetDetectionPolicy
        | A::GetTask
        | A::ListTasks
        | A::ListContacts
        | A::GetAttachment
        | A::ListAttachments
        | A::DownloadAttachment
        | A::ListLinks
        | A::ListClocks
        | A::WatchClocks
        | A::ListReportingDeadlines
        | A::GenerateReport
        | A::GenerateIncidentReport
        | A::CheckReadiness => &[(R::Tenant, CUSTOMER), (R::Entered, ANALYST)],
        A::ExportReports => &[(R::Provider, REPORTERS)],
        // A question is the tenant's own to ask and to call off.
        A::CreateAnalysis | A::CancelAnalysis | A::ReplyToAnalysis | A::RerunAnalysis => {
            &[(R::Tenant, HANDLERS)]
        }
        A::GetAnalysis | A::ListAnalyses | A::WatchAnalysis | A::DownloadAnalysisResult => {
            &[(R::Tenant, CUSTOMER), (R::Entered, ANALYST)]
        }
        // The owner's, and of staff who are there for a reason that the tenant can read.
        A::CreateSnapshot | A::CancelSnapshot | A::HoldSnapshot | A::ReleaseSnapshotHold => {
            &[(R::Tenant, HANDLERS), (R::Entered, ANALYST)]
        }
        A::GetSnapshot
        | A::ListSnapshots
        | A::WatchSnapshot
        | A::GetManifest
        | A::ListCustodyEntries
        | A::ListSnapshotHolds => &[(R::Tenant, CUSTOMER), (R::Entered, ANALYST)],
        // What is in a machine is its owner's alone.
        A::DownloadBlockList | A::DownloadItem => &[(R::Tenant, HANDLERS)],
        A::DeleteSnapshot => &[(R::Tenant, ADMIN)],
        A::ListAnalysisQueue => &[(R::Provider, QUEUES)],
        A::ClaimAnalysis
        | A::AskBackAnalysis
        | A::DeclineAnalysis
        | A::SubmitAnalysisResult
        | A::ReturnAnalysisResult
        | A::ReleaseAnalysisResult => &[(R::Entered, ANALYST)],
        // By whose rules a tenant's events are looked at is the tenant's own business, and what is made
        // of what they find.
        A::CreateRule
        | A::UpdateRule
        | A::DeleteRule
        | A::UpdateDetectionPolicy
        | A::UpdateBaselines
        | A::CreateContextEntry
        | A::UpdateContextEntry
        | A::DeleteContextEntry
        | A::ImportAssets => &[(R::Tenant, HANDLERS)],
        A::CreateProviderRule | A::UpdateProviderRule | A::DeleteProviderRule => {
            &[(R::Provider, OPERATOR)]
        }
        A::GetProviderRule | A::ListProviderRules => &[(R::Provider, QUEUES)],
        // What was brought in counts in no service level: that is not the provider's to choose.
        A::ImportIncidents => &[(R::Tenant, HANDLERS)],
        // The tenant's people among themselves: there is no way for staff, entered or not.
        A::RegisterNoteKey
        | A::RevokeNoteKey
        | A::CreateNote
        | A::UpdateNote
        | A::ListNoteKeys
        | A::ListNotes => &[(R::Tenant, HANDLERS)],
        // And the other way round.
        A::CreateProviderNote => &[(R::Provider, ANALYST)],
        A::ListProviderNotes => &[(R::Provider, NOTED)],
        A::CreateAgreement => &[(R::Provider, OPERATOR)],
        A::ListAgreements => &[(R::Tenant, CUSTOMER), (R::Provider, AGREED)],
        A::AcknowledgeIncident => &[(R::Entered, ANALYST)],
        // Each tenant is entered besides, for what is done there.
        A::CreateProviderIncident
        | A::AddProviderIncidentTenants
        | A::PostProviderNotice
        | A::CloseProviderIncident
        | A::ResumeProviderIncident => &[(R::Provider, ANALYST)],
        A::GetProviderIncident | A::ListProviderIncidents => &[(R::Provider, QUEUES)],
        A::ListIncidentQueue => &[(R::Provider, QUEUES)],
        A::CreateSubscription
        | A::PauseSubscription
        | A::ResumeSubscription
        | A::RotateSigningSecret
        | A::DeleteSubscription
        | A::RetryDelivery => &[(R::Tenant, ADMIN)],
        A::GetSubscription | A::ListSubscriptions | A::ListDeliveries => {
            &[(R::Tenant, CUSTOMER), (R::Entered, ANALYST)]
        }
        A::ListNoticeBacklogs => &[(R::Provider, QUEUES)],
        A::ListAuditEntries => &[
            (R::Tenant, CUSTOMER),
            (R::Entered, AUDITOR),
            (R::Provider, REGISTRARS),
        ],
        A::RunJob | A::Bootstrap => &[(R::System, SYSTEM)],
    }
}

/// Whether `role` reaches `action` by `way`.
#[must_use]
pub fn reaches(role: Role, action: Action, way: Reach) -> bool {
    table(action)
        .iter()
        .any(|(reach, roles)| *reach == way && roles.contains(&role))
}

/// Whether `role` reaches `action` by any way.
#[must_use]
pub fn allowed(role: Role, action: Action) -> bool {
    table(action).iter().any(|(_, roles)| roles.contains(&role))
}

/// The ways by which `role` reaches `action`, in the table's order; empty: not at all.
pub fn ways(role: Role, action: Action) -> impl Iterator<Item = Reach> {
    table(action)
        .iter()
        .filter(move |(_, roles)| roles.contains(&role))
        .map(|(reach, _)| *reach)
}

/// The whole table as text: a row an action, a column a role, in each cell the ways, `-` for
/// none.
#[must_use]
pub fn matrix_text() -> String {
    let mut text = String::from(
        "# Who may do what, and by which way. Printed from auth/policy.rs, reviewed like code.\n",
    );
    let width = Action::ALL
        .iter()
        .map(|a| a.as_str().len())
        .max()
        .unwrap_or(0);
    let cell = |role: Role| role.as_str().len().max("entered+provider".len());
    let mut line = format!("{:width$}", "action");
    for role in Role::ALL {
        let _ = write!(line, "  {:1$}", role.as_str(), cell(*role));
    }
    text.push_str(line.trim_end());
    text.push('\n');
    for action in Action::ALL {
        let mut line = format!("{:width$}", action.as_str());
        for role in Role::ALL {
            let ways: Vec<&str> = ways(*role, *action).map(Reach::as_str).collect();
            let ways = if ways.is_empty() {
                "-".to_owned()
            } else {
                ways.join("+")
            };
            let _ = write!(line, "  {ways:0$}", cell(*role));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = include_str!("policy.golden.txt");

    #[test]
    fn the_golden_file_is_the_table() {
        let actual = matrix_text();
        assert!(
            actual == GOLDEN,
            "the table and auth/policy.golden.txt differ; if the change is meant, review it and \
             write this into the file:\n{actual}"
        );
    }

    #[test]
    fn actions_are_found_by_their_method_names() {
        for action in Action::ALL {
            assert_eq!(
                Action::from_method(action.as_str()).is_some(),
                action.is_rpc()
            );
        }
        assert_eq!(Action::from_method("searchEvents"), None);
    }

    #[test]
    fn allowed_means_by_some_way() {
        for action in Action::ALL {
            for role in Role::ALL {
                assert_eq!(allowed(*role, *action), ways(*role, *action).count() > 0);
                for way in ways(*role, *action) {
                    assert!(reaches(*role, *action, way));
                }
            }
        }
    }

    /// Rules that hold whatever the table grows into.
    #[test]
    fn the_walls_hold_in_every_row() {
        for action in Action::ALL {
            for role in Role::ALL {
                for way in ways(*role, *action) {
                    let fits = match way {
                        Reach::Own => *role != Role::System,
                        Reach::Tenant => {
                            matches!(role, Role::Reader | Role::Responder | Role::Admin)
                        }
                        Reach::Entered => matches!(role, Role::Analyst | Role::Auditor),
                        Reach::Provider => matches!(
                            role,
                            Role::Operator | Role::Analyst | Role::Auditor | Role::SlaReporter
                        ),
                        Reach::Ingest => matches!(role, Role::Operator | Role::Source),
                        Reach::System => *role == Role::System && action.is_internal(),
                    };
                    assert!(fits, "{role} reaches {action} by {way:?}");
                }
                // A wall between people and the server's own actions.
                if action.is_internal() {
                    assert_eq!(allowed(*role, *action), *role == Role::System);
                }
            }
        }
    }

    #[test]
    fn staff_reach_events_through_an_entry_only() {
        use Action as A;
        let reads = [
            A::SearchEvents,
            A::WatchEvents,
            A::GetEvent,
            A::ExportEvents,
            A::ExplainEvent,
            A::CountEvents,
            A::GetEventOriginal,
            A::ListDataSources,
            A::RecommendSources,
            A::GetCoverage,
        ];
        for action in reads {
            for role in [
                Role::Operator,
                Role::Analyst,
                Role::Auditor,
                Role::SlaReporter,
            ] {
                assert!(
                    ways(role, action).all(|way| way == Reach::Entered),
                    "{role} {action}"
                );
            }
        }
        assert!(!allowed(Role::Source, A::SearchEvents));
    }

    #[test]
    fn whoever_enters_may_say_so() {
        for action in Action::ALL {
            for role in Role::ALL {
                if reaches(*role, *action, Reach::Entered) {
                    assert!(
                        reaches(*role, Action::EnterTenant, Reach::Entered),
                        "{role}"
                    );
                }
            }
        }
    }
}
