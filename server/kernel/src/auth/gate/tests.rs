use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::*;
use crate::auth::mtls::ClientKey;
use crate::auth::principal::{Principal, tests::principal};
use crate::auth::standing::CredentialRecord;
use crate::auth::token::{MAX_LIFETIME, TokenConfig};
use crate::clock::ManualClock;
use crate::ids::CredentialId;

/// A register in memory that counts what it is asked.
#[derive(Default)]
struct Register(Mutex<State>);

#[derive(Default)]
struct State {
    tenants: HashMap<TenantId, TenantStatus>,
    sources: HashMap<SourceId, SourceStatus>,
    credentials: HashMap<CredentialId, CredentialRecord>,
    entries: Vec<(TenantId, Action, String)>,
    asked: Vec<String>,
    broken: bool,
}

impl Register {
    fn ask<T>(&self, what: String, answer: impl FnOnce(&State) -> Option<T>) -> Result<Option<T>> {
        let mut state = self.0.lock().unwrap();
        state.asked.push(what);
        if state.broken {
            return Err(Error::new(Reason::Unavailable, "the register is away"));
        }
        Ok(answer(&state))
    }
}

#[async_trait]
impl StandingSource for Register {
    async fn tenant(&self, tenant: &TenantId) -> Result<Option<TenantStatus>> {
        self.ask(tenant.to_string(), |s| s.tenants.get(tenant).copied())
    }
    async fn source(&self, source: &SourceId) -> Result<Option<SourceStatus>> {
        self.ask(source.to_string(), |s| s.sources.get(source).copied())
    }
    async fn credential(&self, id: &CredentialId) -> Result<Option<CredentialRecord>> {
        self.ask(id.to_string(), |s| s.credentials.get(id).cloned())
    }
    async fn record_entry(&self, scope: &TenantScope, permit: &Permit) -> Result<()> {
        let why = scope.entered().unwrap().justification().to_owned();
        self.ask("entry".to_owned(), |_| Some(()))?;
        let mut state = self.0.lock().unwrap();
        state
            .entries
            .push((scope.tenant().clone(), permit.action(), why));
        Ok(())
    }
}

struct World {
    gate: Gate,
    register: Arc<Register>,
    clock: ManualClock,
    env: Env,
}

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn source(name: &str) -> SourceId {
    name.parse().unwrap()
}

fn world() -> World {
    let (env, clock) = Env::fixed(Timestamp::from_second(1_700_000_000).unwrap(), 1);
    let register = Arc::new(Register::default());
    {
        let mut state = register.0.lock().unwrap();
        state.tenants.insert(tenant("acme"), TenantStatus::Active);
        state.tenants.insert(tenant("globex"), TenantStatus::Active);
        state.sources.insert(source("trail"), SourceStatus::Active);
        state.sources.insert(source("other"), SourceStatus::Active);
    }
    let authority = Arc::new(Authority::create(env.clone(), "test").unwrap());
    let issuer = TokenIssuer::generate(env.clone(), TokenConfig::default()).unwrap();
    let verifier = issuer.verifier(Vec::new());
    World {
        gate: Gate::new(env.clone(), register.clone(), authority, issuer, verifier),
        register,
        clock,
        env,
    }
}

impl World {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.register.0.lock().unwrap());
    }

    fn register(&self, principal: &Principal) {
        let record = CredentialRecord {
            principal: principal.clone(),
            revoked: false,
        };
        let id = principal.credential().clone();
        self.change(|s| drop(s.credentials.insert(id, record)));
        self.gate.standing_changed();
    }

    fn certificate(&self, principal: &Principal) -> Vec<u8> {
        let (_, permit) = self.gate.bootstrap();
        let issued = self
            .gate
            .authority()
            .issue_client(&permit, principal, ClientKey::Generate)
            .unwrap();
        x509_parser::pem::parse_x509_pem(issued.certificate_pem.as_bytes())
            .unwrap()
            .1
            .contents
    }

    /// The whole way: registered, certificate, token for it.
    async fn log_in(&self, principal: &Principal) -> VerifiedCredential {
        self.register(principal);
        let der = self.certificate(principal);
        let by_certificate = self.gate.authenticate(Some(&der), None).await.unwrap();
        let (scope, permit) = self
            .gate
            .permit_self(&by_certificate, Action::IssueToken)
            .await
            .unwrap();
        let token = self
            .gate
            .issue_token(&by_certificate, &scope, &permit, MAX_LIFETIME)
            .unwrap();
        self.gate
            .authenticate(Some(&der), Some(token.token.expose_secret()))
            .await
            .unwrap()
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.register.0.lock().unwrap().asked)
    }
}

fn reason<T>(result: Result<T>) -> Reason {
    match result {
        Ok(_) => panic!("expected a refusal"),
        Err(error) => error.reason(),
    }
}

fn entry() -> Entry {
    Entry::new("customer asked in INC-7", "INC-7", None, None).unwrap()
}

mod standing;

#[tokio::test]
async fn a_certificate_alone_reaches_its_own_affairs_only() {
    let w = world();
    let alice = principal(1, "tenants/acme", Role::Reader);
    w.register(&alice);
    let der = w.certificate(&alice);
    let credential = w.gate.authenticate(Some(&der), None).await.unwrap();
    assert_eq!(credential.proof(), Proof::Certificate);
    assert!(
        w.gate
            .permit_self(&credential, Action::WhoAmI)
            .await
            .is_ok()
    );
    let tried = w
        .gate
        .permit_tenant(&credential, &tenant("acme"), Action::SearchEvents)
        .await;
    assert_eq!(reason(tried), Reason::Unauthenticated);
}

#[tokio::test]
async fn a_tenants_people_reach_their_own_tenant_only() {
    let w = world();
    let alice = w.log_in(&principal(1, "tenants/acme", Role::Reader)).await;
    let (scope, permit) = w
        .gate
        .permit_tenant(&alice, &tenant("acme"), Action::SearchEvents)
        .await
        .unwrap();
    assert_eq!(*scope.tenant(), tenant("acme"));
    assert!(permit.covers_tenant(&scope));
    w.gate.standing_changed();
    w.asked();

    // Whether the other tenant exists or not: the same refusal, and no look-up of it.
    let mut statuses = Vec::new();
    for other in ["globex", "no-such-tenant"] {
        let error = w
            .gate
            .permit_tenant(&alice, &tenant(other), Action::SearchEvents)
            .await
            .unwrap_err();
        assert_eq!(error.reason(), Reason::PermissionDenied);
        let status = tonic::Status::from(error);
        statuses.push((status.message().to_owned(), status.details().to_vec()));
    }
    assert_eq!(statuses[0], statuses[1]);
    assert_eq!(w.asked(), ["00000001", "acme"]);

    let wrong = [
        Action::IssueCredential,
        Action::CreateTenant,
        Action::IngestEvents,
    ];
    for action in wrong {
        let tried = w.gate.permit_tenant(&alice, &tenant("acme"), action).await;
        assert_eq!(reason(tried), Reason::PermissionDenied, "{action}");
    }
    let denied = Reason::PermissionDenied;
    assert_eq!(
        reason(w.gate.permit_provider(&alice, Action::ListTenants).await),
        denied
    );
    let tried = w
        .gate
        .permit_ingest(&alice, &source("trail"), Action::IngestEvents)
        .await;
    assert_eq!(reason(tried), denied);
    let tried = w
        .gate
        .enter(&alice, &tenant("acme"), entry(), Action::SearchEvents)
        .await;
    assert_eq!(reason(tried), denied);
    assert_eq!(
        reason(w.gate.permit_self(&alice, Action::SearchEvents).await),
        denied
    );
}

#[tokio::test]
async fn operators_reach_registers_and_no_events() {
    let w = world();
    let operator = w.log_in(&principal(2, "provider", Role::Operator)).await;
    let (scope, permit) = w
        .gate
        .permit_provider(&operator, Action::CreateTenant)
        .await
        .unwrap();
    assert!(permit.covers_provider(&scope));
    let denied = Reason::PermissionDenied;
    let acme = tenant("acme");
    let tried = w
        .gate
        .permit_tenant(&operator, &acme, Action::SearchEvents)
        .await;
    assert_eq!(reason(tried), denied);
    let tried = w
        .gate
        .permit_provider(&operator, Action::SearchEvents)
        .await;
    assert_eq!(reason(tried), denied);
    let tried = w
        .gate
        .enter(&operator, &acme, entry(), Action::SearchEvents)
        .await;
    assert_eq!(reason(tried), denied);
}

#[tokio::test]
async fn sources_hand_in_for_themselves_and_operators_for_any() {
    let w = world();
    let sender = w.log_in(&principal(3, "sources/trail", Role::Source)).await;
    let operator = w.log_in(&principal(2, "provider", Role::Operator)).await;
    let ingest = Action::IngestEvents;
    let (scope, permit) = w
        .gate
        .permit_ingest(&sender, &source("trail"), ingest)
        .await
        .unwrap();
    assert!(permit.covers_source(&scope));
    w.asked();
    for other in ["other", "no-such-source"] {
        let tried = w.gate.permit_ingest(&sender, &source(other), ingest).await;
        assert_eq!(reason(tried), Reason::PermissionDenied);
    }
    assert!(w.asked().is_empty());
    assert!(
        w.gate
            .permit_ingest(&operator, &source("other"), ingest)
            .await
            .is_ok()
    );
    let tried = w
        .gate
        .permit_ingest(&operator, &source("no-such-source"), ingest)
        .await;
    assert_eq!(reason(tried), Reason::NotFound);

    // What is sent for a suspended tenant is stored: nobody asks for tenants here.
    w.change(|s| {
        s.tenants.insert(tenant("acme"), TenantStatus::Suspended);
    });
    w.gate.standing_changed();
    assert!(
        w.gate
            .permit_ingest(&sender, &source("trail"), ingest)
            .await
            .is_ok()
    );

    w.change(|s| {
        s.sources.insert(source("trail"), SourceStatus::Disabled);
    });
    w.gate.standing_changed();
    let tried = w
        .gate
        .permit_ingest(&sender, &source("trail"), ingest)
        .await;
    assert_eq!(reason(tried), Reason::Unauthenticated);
    let tried = w
        .gate
        .permit_ingest(&operator, &source("trail"), ingest)
        .await;
    assert_eq!(reason(tried), Reason::FailedPrecondition);
}

#[tokio::test]
async fn entering_is_logged_before_anything_is_opened() {
    let w = world();
    let analyst = w.log_in(&principal(4, "provider", Role::Analyst)).await;
    let acme = tenant("acme");
    let search = Action::SearchEvents;
    let (scope, permit) = w
        .gate
        .enter(&analyst, &acme, entry(), search)
        .await
        .unwrap();
    assert_eq!(scope.entered(), Some(&entry()));
    assert!(permit.covers_tenant(&scope));
    let entries = std::mem::take(&mut w.register.0.lock().unwrap().entries);
    assert_eq!(
        entries,
        [(acme.clone(), search, "customer asked in INC-7".to_owned())]
    );

    // Without an entry no way in, and what is refused is not logged as an entry.
    let denied = Reason::PermissionDenied;
    assert_eq!(
        reason(w.gate.permit_tenant(&analyst, &acme, search).await),
        denied
    );
    let tried = w
        .gate
        .enter(&analyst, &acme, entry(), Action::IssueCredential)
        .await;
    assert_eq!(reason(tried), denied);
    let tried = w
        .gate
        .enter(&analyst, &tenant("no-such"), entry(), search)
        .await;
    assert_eq!(reason(tried), Reason::NotFound);
    assert!(w.register.0.lock().unwrap().entries.is_empty());

    // When the log can't be written, nothing is opened.
    w.change(|s| s.broken = true);
    let tried = w.gate.enter(&analyst, &acme, entry(), search).await;
    assert_eq!(reason(tried), Reason::Unavailable);
}

#[tokio::test]
async fn entries_end() {
    let w = world();
    let analyst = w.log_in(&principal(4, "provider", Role::Analyst)).await;
    let acme = tenant("acme");
    let until = |seconds: i64| {
        let expires = w.env.now() + SignedDuration::from_secs(seconds);
        Entry::new("customer asked in INC-7", "INC-7", None, Some(expires)).unwrap()
    };
    for seconds in [-1, 0, 12 * 3_600 + 1] {
        let tried = w
            .gate
            .enter(&analyst, &acme, until(seconds), Action::WatchEvents)
            .await;
        assert_eq!(reason(tried), Reason::InvalidArgument, "{seconds}");
    }
    let (scope, _) = w
        .gate
        .enter(&analyst, &acme, until(30), Action::WatchEvents)
        .await
        .unwrap();
    assert!(w.gate.still_good(&analyst, Some(&scope)).await.is_ok());
    w.clock.advance(SignedDuration::from_secs(30));
    let tried = w.gate.still_good(&analyst, Some(&scope)).await;
    assert_eq!(reason(tried), Reason::PermissionDenied);
}

#[tokio::test]
async fn failures_to_authenticate_look_alike() {
    let w = world();
    let alice = principal(1, "tenants/acme", Role::Reader);
    let stranger = principal(7, "tenants/acme", Role::Reader);
    let revoked = principal(8, "tenants/acme", Role::Reader);
    w.register(&alice);
    w.register(&revoked);
    w.change(|s| s.credentials.get_mut(revoked.credential()).unwrap().revoked = true);
    let good = w.certificate(&alice);
    let tries = [
        (None, None),
        (None, Some("a.b.c")),
        (Some(good.clone()), Some("a.b.c")),
        (Some(good), Some("")),
        (Some(b"nonsense".to_vec()), None),
        (Some(w.certificate(&stranger)), None),
        (Some(w.certificate(&revoked)), None),
    ];
    let mut seen = std::collections::HashSet::new();
    let mut causes = std::collections::HashSet::new();
    for (certificate, token) in tries {
        let error = w
            .gate
            .authenticate(certificate.as_deref(), token)
            .await
            .unwrap_err();
        causes.insert(error.log_source().unwrap().to_owned());
        let status = tonic::Status::from(error);
        seen.insert((
            status.code() as i32,
            status.message().to_owned(),
            status.details().to_vec(),
        ));
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(causes.len() >= 5, "{causes:?}");
}

#[tokio::test]
async fn a_token_is_issued_to_its_own_holder_only() {
    let w = world();
    let alice = w.log_in(&principal(1, "tenants/acme", Role::Reader)).await;
    let bob = w.log_in(&principal(2, "tenants/acme", Role::Admin)).await;
    let (scope, permit) = w.gate.permit_self(&bob, Action::IssueToken).await.unwrap();
    let denied = Reason::PermissionDenied;
    let tried = w.gate.issue_token(&alice, &scope, &permit, MAX_LIFETIME);
    assert_eq!(reason(tried), denied);
    let (scope, permit) = w.gate.permit_self(&alice, Action::WhoAmI).await.unwrap();
    assert_eq!(
        reason(w.gate.issue_token(&alice, &scope, &permit, MAX_LIFETIME)),
        denied
    );
}

#[tokio::test]
async fn every_role_and_action_goes_through_the_table() {
    let w = world();
    let cases = [
        ("tenants/acme", Role::Reader),
        ("tenants/acme", Role::Responder),
        ("tenants/acme", Role::Admin),
        ("provider", Role::Operator),
        ("provider", Role::Analyst),
        ("provider", Role::Auditor),
        ("provider", Role::SlaReporter),
        ("sources/trail", Role::Source),
    ];
    for (n, (home, role)) in (10..).zip(cases) {
        let who = w.log_in(&principal(n, home, role)).await;
        let (acme, trail) = (tenant("acme"), source("trail"));
        for action in Action::ALL.iter().copied() {
            let got = [
                (Reach::Own, w.gate.permit_self(&who, action).await.is_ok()),
                (
                    Reach::Tenant,
                    w.gate.permit_tenant(&who, &acme, action).await.is_ok(),
                ),
                (
                    Reach::Entered,
                    w.gate.enter(&who, &acme, entry(), action).await.is_ok(),
                ),
                (
                    Reach::Provider,
                    w.gate.permit_provider(&who, action).await.is_ok(),
                ),
                (
                    Reach::Ingest,
                    w.gate.permit_ingest(&who, &trail, action).await.is_ok(),
                ),
            ];
            for (way, ok) in got {
                assert_eq!(ok, reaches(role, action, way), "{role} {action} {way:?}");
            }
        }
    }
}
