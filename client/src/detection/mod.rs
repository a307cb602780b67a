//! Rules, by which a tenant's events are looked at as they come in, and what they find.

mod baselines;
mod findings;
mod parts;
mod policy;
mod provider;
mod rules;
mod test;
mod watch;

pub use cordon_proto::detection::{
    Baselines, Explanation, ExplanationKind, Finding, FindingGroup, FindingStatus, Level,
    Origin as RuleOrigin, ProviderRule, Rule, RuleHit, RuleTestSummary, RuleVersion, Unusual,
};
pub use cordon_proto::incidents::DetectionPolicy;

pub use self::baselines::TenantBaselines;
pub use self::findings::{FindingFilter, Findings};
pub use self::parts::{NewRule, RuleChanges};
pub use self::policy::{DetectionPolicies, DetectionPolicyChanges};
pub use self::provider::ProviderRules;
pub use self::rules::Rules;
pub use self::test::{RuleTest, RuleTestStream};
pub use self::watch::FindingWatch;
