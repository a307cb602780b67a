//! What can be permitted: one action a method of the API, under its name, and a few that only the
//! server itself does. Who may do which stands in [`policy`](super::policy).

use std::fmt;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Something that can be permitted: one a method of the API, under its name, and a few
        /// that only the server itself does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// All actions, in the order of the golden file.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The method's name, as in the `.proto` file.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

actions! {
    /// Trades a certificate for a token.
    IssueToken,
    /// Renews the caller's own certificate.
    RenewCredential,
    /// Reads the keys that check tokens and signatures.
    GetSigningKeys,
    /// Asks who the caller is.
    WhoAmI,
    /// Creates a tenant.
    CreateTenant,
    /// Reads one tenant's register entry.
    GetTenant,
    /// Lists tenants.
    ListTenants,
    /// Changes who pays for a tenant.
    UpdateTenant,
    /// Shuts a tenant out; what is sent for it is still stored.
    SuspendTenant,
    /// Lets a suspended tenant in again.
    ResumeTenant,
    /// Begins the waiting period at whose end a tenant's keys are destroyed.
    DeleteTenant,
    /// Calls a deletion off while it waits.
    UndeleteTenant,
    /// Reads what was signed of a tenant's destruction.
    GetDeletionCertificate,
    /// Has a tenant kept.
    CreateLegalHold,
    /// Lists the reasons why a tenant is kept.
    ListLegalHolds,
    /// Ends a hold.
    ReleaseLegalHold,
    /// Gives a tenant a new data key.
    RotateTenantKey,
    /// Lists a tenant's data keys, and how far sealing anew has come.
    ListKeyRotations,
    /// Registers a cloud account for a tenant.
    CreateAccount,
    /// Lists a tenant's accounts.
    ListAccounts,
    /// Ends an account's registration.
    DeleteAccount,
    /// Registers resources and addresses, with the times for which they hold.
    ImportResources,
    /// Lists a tenant's resources.
    ListResources,
    /// Ends a resource's registration.
    DeleteResource,
    /// Declares a range of addresses to be the provider's.
    CreateAddressRange,
    /// Lists the provider's address ranges.
    ListAddressRanges,
    /// Takes a range out again.
    DeleteAddressRange,
    /// Registers a source of events.
    CreateSource,
    /// Lists sources.
    ListSources,
    /// Ends a source's registration.
    DeleteSource,
    /// Issues a credential.
    IssueCredential,
    /// Lists credentials.
    ListCredentials,
    /// Revokes a credential.
    RevokeCredential,
    /// Enters a tenant with a justification, along with a call. No method.
    EnterTenant,
    /// Says on which hosts instances are.
    RecordPlacements,
    /// Announces work on hosts.
    AnnounceHostWork,
    /// Lists announced work on hosts.
    ListHostWork,
    /// Publishes what the provider states about its infrastructure.
    CreateFact,
    /// States it anew.
    UpdateFact,
    /// Says that it does not hold any more.
    WithdrawFact,
    /// Reads one such statement.
    GetFact,
    /// Lists them.
    ListFacts,
    /// Reads all that was stated of one.
    ListFactVersions,
    /// Says that a tenant uses a service.
    CreateService,
    /// Lists the services that a tenant uses.
    ListServices,
    /// Ends that.
    DeleteService,
    /// Lists data sources, with what is measured of each.
    ListDataSources,
    /// Ranks data sources for a question.
    RecommendSources,
    /// Sets techniques against data sources.
    GetCoverage,
    /// Hands in events.
    IngestEvents,
    /// Declares up to when a source has handed in everything.
    ReportWatermark,
    /// Lists records that could not be read.
    ListDeadLetters,
    /// Tries such records again.
    ReplayDeadLetters,
    /// Searches events.
    SearchEvents,
    /// Follows events as they come.
    WatchEvents,
    /// Reads one event.
    GetEvent,
    /// Exports events.
    ExportEvents,
    /// Tells why an event is visible and what is withheld.
    ExplainEvent,
    /// Reads the original of an event that concerns several tenants, by entering each of them.
    GetEventOriginal,
    /// Counts events.
    CountEvents,
    /// Opens an incident.
    CreateIncident,
    /// Brings in incidents from elsewhere.
    ImportIncidents,
    /// Reads one incident.
    GetIncident,
    /// Lists a tenant's incidents.
    ListIncidents,
    /// Changes what an incident says or how it is marked.
    UpdateIncident,
    /// Says for the provider that it has taken note.
    AcknowledgeIncident,
    /// Moves an incident to another phase.
    MoveIncident,
    /// Changes an incident's severity.
    ReclassifyIncident,
    /// Hands the next move over to the other side.
    HandOverIncident,
    /// Agrees on what has to be true before recovery.
    SetCleanStateCriteria,
    /// Signs that off for a side.
    SignOffCleanState,
    /// Closes an incident.
    CloseIncident,
    /// Opens a closed one again.
    ReopenIncident,
    /// Says something to both sides.
    CreateComment,
    /// Changes what one has said.
    UpdateComment,
    /// Reads what was said.
    ListComments,
    /// Reads what happened.
    ListTimelineEntries,
    /// Follows what happens.
    WatchIncidents,
    /// Lists all tenants' incidents by number, severity and phase.
    ListIncidentQueue,
    /// Adds a rule by which events are looked at.
    CreateRule,
    /// Reads one rule.
    GetRule,
    /// Lists the rules.
    ListRules,
    /// Changes a rule, or how the provider's works for the tenant.
    UpdateRule,
    /// Removes a rule.
    DeleteRule,
    /// Reads the texts that a rule has had.
    ListRuleVersions,
    /// Tries a rule on what is past.
    TestRule,
    /// Reads one finding.
    GetFinding,
    /// Lists findings.
    ListFindings,
    /// Says how it stands with a finding.
    UpdateFinding,
    /// Follows findings.
    WatchFindings,
    /// Asks a question of the tenant's events, or of the provider's analysts.
    CreateAnalysis,
    /// Reads one analysis.
    GetAnalysis,
    /// Lists analyses.
    ListAnalyses,
    /// Follows one analysis.
    WatchAnalysis,
    /// Calls a question off.
    CancelAnalysis,
    /// Says something to the analysts.
    ReplyToAnalysis,
    /// Has an answer computed again, and compared.
    RerunAnalysis,
    /// Reads an answer.
    DownloadAnalysisResult,
    /// Lists all tenants' questions to analysts, by state and deadline.
    ListAnalysisQueue,
    /// Takes a question on for the provider.
    ClaimAnalysis,
    /// Asks the tenant something about its question.
    AskBackAnalysis,
    /// Does not answer a question.
    DeclineAnalysis,
    /// Hands an answer in for review.
    SubmitAnalysisResult,
    /// Gives an answer back to who wrote it.
    ReturnAnalysisResult,
    /// Releases an answer to the tenant.
    ReleaseAnalysisResult,
    /// Has a snapshot of an instance taken.
    CreateSnapshot,
    /// Reads what is known of a snapshot.
    GetSnapshot,
    /// Lists snapshots.
    ListSnapshots,
    /// Follows a snapshot while it is taken.
    WatchSnapshot,
    /// Calls a snapshot off while it is taken.
    CancelSnapshot,
    /// Reads what was signed of a snapshot.
    GetManifest,
    /// Reads the digests of an item's blocks.
    DownloadBlockList,
    /// Reads an item's bytes.
    DownloadItem,
    /// Reads what was done with a snapshot.
    ListCustodyEntries,
    /// Keeps a snapshot from being deleted.
    HoldSnapshot,
    /// Lists what keeps a snapshot from being deleted.
    ListSnapshotHolds,
    /// Ends such a hold.
    ReleaseSnapshotHold,
    /// Destroys a snapshot.
    DeleteSnapshot,
    /// Publishes a rule by which all tenants' events are looked at.
    CreateProviderRule,
    /// Reads one of the provider's rules.
    GetProviderRule,
    /// Lists the provider's rules.
    ListProviderRules,
    /// Changes one of the provider's rules.
    UpdateProviderRule,
    /// Withdraws one of the provider's rules.
    DeleteProviderRule,
    /// Reads how far a tenant's baselines have come.
    GetBaselines,
    /// Switches a tenant's baselines on or off.
    UpdateBaselines,
    /// Tells something of a tenant's own: an asset, planned work, a network.
    CreateContextEntry,
    /// Reads something that a tenant told.
    GetContextEntry,
    /// Lists what a tenant told.
    ListContextEntries,
    /// Changes something that a tenant told.
    UpdateContextEntry,
    /// Takes back something that a tenant told.
    DeleteContextEntry,
    /// Tells many assets at once.
    ImportAssets,
    /// Reads the policy by which findings open incidents.
    GetDetectionPolicy,
    /// Changes that policy.
    UpdateDetectionPolicy,
    /// Adds a task to an incident.
    CreateTask,
    /// Reads one task.
    GetTask,
    /// Lists an incident's tasks, and whose they are now.
    ListTasks,
    /// Hands a task over to the other side.
    HandOverTask,
    /// Says that a task is done.
    CompleteTask,
    /// Drops a task.
    CancelTask,
    /// Takes a task up again.
    ReopenTask,
    /// Reads whom to call about an incident now.
    ListContacts,
    /// Opens an incident of the whole provider, and one of each tenant that it concerns.
    CreateProviderIncident,
    /// Adds tenants to it.
    AddProviderIncidentTenants,
    /// Says something to all of them, to each in its own incident.
    PostProviderNotice,
    /// Closes it, and the tenants' incidents.
    CloseProviderIncident,
    /// Finishes what was broken off or could not be done in some tenant.
    ResumeProviderIncident,
    /// Reads one of the provider's incidents, and how it stands with the tenants.
    GetProviderIncident,
    /// Lists the provider's incidents.
    ListProviderIncidents,
    /// Announces a file.
    CreateAttachment,
    /// Sends a file's bytes.
    UploadAttachment,
    /// Makes what was sent an attachment.
    FinishAttachment,
    /// Reads what is known of an attachment.
    GetAttachment,
    /// Lists an incident's attachments.
    ListAttachments,
    /// Reads an attachment's bytes.
    DownloadAttachment,
    /// Registers a public key to which notes are encrypted.
    RegisterNoteKey,
    /// Lists such keys.
    ListNoteKeys,
    /// Revokes one.
    RevokeNoteKey,
    /// Writes a note that the server can't read.
    CreateNote,
    /// Puts another ciphertext in a note's place.
    UpdateNote,
    /// Lists such notes.
    ListNotes,
    /// Writes a note of staff among themselves.
    CreateProviderNote,
    /// Lists such notes.
    ListProviderNotes,
    /// Links an incident to something.
    CreateLink,
    /// Takes a link away.
    DeleteLink,
    /// Lists an incident's links.
    ListLinks,
    /// Makes a tenant's next agreement.
    CreateAgreement,
    /// Lists a tenant's agreements.
    ListAgreements,
    /// Computes the clocks of an incident.
    ListClocks,
    /// Follows the clocks of a tenant's incidents.
    WatchClocks,
    /// States what deadlines of the law run from.
    RecordReportingFact,
    /// Computes the deadlines of the law for an incident.
    ListReportingDeadlines,
    /// Reports on what was attained for a tenant in a month.
    GenerateReport,
    /// Reports on that for all tenants.
    ExportReports,
    /// Reports on an incident.
    GenerateIncidentReport,
    /// Looks whether a tenant is ready for an incident.
    CheckReadiness,
    /// Has a tenant's notices sent somewhere.
    CreateSubscription,
    /// Reads where a tenant's notices are sent.
    GetSubscription,
    /// Lists where a tenant's notices are sent.
    ListSubscriptions,
    /// Keeps notices back.
    PauseSubscription,
    /// Sends what was kept back.
    ResumeSubscription,
    /// Gives a webhook another secret.
    RotateSigningSecret,
    /// Ends a subscription.
    DeleteSubscription,
    /// Lists what was sent, what waits, and what was given up.
    ListDeliveries,
    /// Sends what was given up again.
    RetryDelivery,
    /// Counts all tenants' notices that wait or were given up.
    ListNoticeBacklogs,
    /// Lists what was done.
    ListAuditEntries,
    /// A background job of the server. No method.
    RunJob,
    /// Makes the first operator, from the machine's command line. No method.
    Bootstrap,
}

impl Action {
    /// Whether this is a method of the API. The others are the server's own doing, and the entering
    /// that comes with a call rather than being one.
    #[must_use]
    pub const fn is_rpc(self) -> bool {
        !self.is_internal() && !matches!(self, Self::EnterTenant)
    }

    /// Whether only the server itself does this.
    #[must_use]
    pub const fn is_internal(self) -> bool {
        matches!(self, Self::RunJob | Self::Bootstrap)
    }

    /// The action of that method name.
    #[must_use]
    pub fn from_method(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.is_rpc() && action.as_str() == name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
